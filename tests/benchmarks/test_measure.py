"""What a benchmark asks for: attempts, and what is kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.measure import ATTEMPTS, Judge, Measure
from benchmarks.race import Operation
from benchmarks.verdict import Reading, Target

if TYPE_CHECKING:
    from collections.abc import Callable

BELOW_10 = Target("below", 10, "bytes")


class Benchmark:
    """Stands in for the fixture of pytest-benchmark."""

    group = "memory"

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}

    def pedantic(
        self, target: Any, *, setup: Any = None, teardown: Callable[..., None] = lambda: None, rounds: int = 1
    ) -> Any:
        result = None
        for _ in range(rounds):
            arguments = setup()[0] if setup else ()
            result = target(*arguments)
            teardown(*arguments)
        return result


@pytest.fixture
def benchmark_stub() -> Benchmark:
    return Benchmark()


@pytest.fixture
def kept() -> list[Any]:
    return []


def readings(*values: float) -> Callable[[], Reading]:
    iterator = iter(values)
    return lambda: Reading({"ours": next(iterator)}, unit="bytes")


def test_a_target_that_is_met_is_measured_once(benchmark_stub: Benchmark, kept: list[Any]) -> None:
    """The reading is returned and kept with its verdict, for the summary and for ``--benchmark-json``."""
    reading = Judge(benchmark_stub, 7, kept.append)(readings(9), targets=[BELOW_10])

    assert reading.ours == 9
    assert kept == [{"group": "memory", **benchmark_stub.extra_info}]
    assert benchmark_stub.extra_info == {
        "label": "ours",
        "place": 7,
        "unit": "bytes",
        "figures": {"ours": 9},
        "slowness": None,
        "attempts": 1,
        "verdicts": [
            {
                "target": "below 10.0 bytes",
                "value": 9,
                "unit": "bytes",
                "outcome": "met",
                "text": "met: 9.0 bytes, below 10.0 bytes",
            }
        ],
    }


def test_a_missed_target_is_measured_again(benchmark_stub: Benchmark, kept: list[Any]) -> None:
    """The first attempt that misses nothing counts."""
    reading = Judge(benchmark_stub, 0, kept.append)(readings(11, 12, 8, 7), targets=[BELOW_10])

    assert reading.ours == 8
    assert kept[0]["attempts"] == 3


def test_what_every_attempt_misses_fails(benchmark_stub: Benchmark, kept: list[Any]) -> None:
    """The failure says what was measured and asked, and the result is kept all the same."""
    with pytest.raises(
        pytest.fail.Exception, match=r"(?s)ours, best of 4 attempts.*missed: 11\.0 bytes, below 10\.0"
    ):
        Judge(benchmark_stub, 0, kept.append)(readings(11, 12, 13, 14), targets=[BELOW_10])

    assert kept[0]["attempts"] == ATTEMPTS
    assert kept[0]["verdicts"][0]["outcome"] == "missed"


def test_credit_is_looked_for_where_a_target_gives_it(benchmark_stub: Benchmark, kept: list[Any]) -> None:
    """A figure taken in the test's own way is scaled by what a race of the plain no-op class finds."""
    target = Target("below", 1, "ms", scaled=True)

    Judge(benchmark_stub, 0, kept.append)(lambda: Reading({"ours": 10.0}), targets=[target])

    assert kept[0]["slowness"] >= 1.0


def test_nothing_asked_is_nothing_missed(benchmark_stub: Benchmark, kept: list[Any]) -> None:
    """A benchmark without targets is shown."""
    Judge(benchmark_stub, 0, kept.append)(readings(11))

    assert kept[0]["verdicts"] == []


def test_operations_are_timed_and_named(benchmark_stub: Benchmark, kept: list[Any]) -> None:
    """A measurement carries the figures of ours and of its peers, net of the loop, in ns."""
    reading = Measure(benchmark_stub, 0, kept.append)(
        Operation("ours", "sum(range(10))", iterations=10),
        Operation("peer", "sum(range(1000))", iterations=10),
        targets=[Target("at least", 1.5, "x", "peer")],
        rounds=3,
    )

    assert list(reading.figures) == ["ours", "peer"]
    assert reading.figures["peer"] > reading.figures["ours"] > 0
    assert (kept[0]["label"], kept[0]["unit"]) == ("ours", "ns")


def test_operations_that_miss_are_timed_again(benchmark_stub: Benchmark, kept: list[Any]) -> None:
    """A ratio that cannot be met fails after the last attempt."""
    with pytest.raises(pytest.fail.Exception, match="best of 4 attempts"):
        Measure(benchmark_stub, 0, kept.append)(
            Operation("ours", "sum(range(1000))", iterations=1),
            Operation("peer", "pass", iterations=1),
            targets=[Target("at least", 1000, "x", "peer")],
            rounds=1,
        )
