"""What came of targets, as lines: in what order, and what the last one sums up."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_telemetry.reports.targets import slowness_of, target_lines


def result(
    label: str,
    place: list[Any],
    *verdicts: tuple[str, str],
    group: str = "disabled",
    slowness: float | None = 1.0,
    unit: str = "ns",
    **figures: float,
) -> dict[str, Any]:
    """Return what ``telemetry_benchmark`` keeps of a benchmark; of each verdict its outcome and the target."""
    return {
        "group": group,
        "label": label,
        "place": place,
        "unit": unit,
        "figures": {label: 191.2, **figures},
        "slowness": slowness,
        "attempts": 1,
        "verdicts": [
            {"target": target, "outcome": outcome, "text": f"{outcome}: {target}"}
            for outcome, target in verdicts
        ],
    }


SCOPE = result(
    "scope",
    ["benchmarks/test_disabled.py", 9],
    ("met", "at most 0.5 x plain"),
    ("met on a slow machine", "below 180 ns"),
    plain=478.0,
)
COUNT = result("count", ["benchmarks/test_disabled.py", 3], ("missed", "below 100 ns"))
SHOWN = result("shown", ["benchmarks/test_memory.py", 1], group="memory", unit="bytes", slowness=None)


def test_each_target_has_a_line() -> None:
    """In the order in which the benchmarks are written, by group, with the numbers at the end."""
    lines = list(target_lines([SHOWN, SCOPE, COUNT], "CPython 3.11.7"))

    assert lines == [
        "disabled",
        "  count      191 ns  missed: below 100 ns",
        "  scope      191 ns  met: at most 0.5 x plain",
        "                     met on a slow machine: below 180 ns",
        "memory",
        "  shown   191 bytes  not judged",
        "CPython 3.11.7: 1 met, 1 met on a slow machine, 1 missed",
    ]


def test_lines_of_a_file_are_counted_as_numbers() -> None:
    """The ninth comes before the tenth, and what stands on one line is sorted by what it is called."""
    results = [
        result("c", ["a.py", 10]),
        result("d", ["a.py", 9]),
        result("b", ["a.py", 9]),
        result("a", ["b.py", 1]),
    ]

    labels = [line.split()[0] for line in target_lines(results, "CPython 3.11.7")][1:-1]

    assert labels == ["b", "d", "c", "a"]


def test_verdicts_stand_below_each_other() -> None:
    """However long labels and costs are."""
    long = result("a rather long label", ["a.py", 1], ("met", "x"), ("met", "y"), slowness=None)
    short = result("b", ["a.py", 2], ("met", "z"), slowness=None)
    long["figures"]["a rather long label"] = 12_345_678.0

    lines = list(target_lines([long, short], "CPython 3.11.7"))[1:4]

    assert [line.index("met: ") for line in lines] == [35] * 3
    assert lines[0].split()[4:6] == ["12.3", "ms"]


def test_what_has_no_target_is_not_counted() -> None:
    """It is shown all the same, and the last line says that nothing was asked."""
    assert list(target_lines([SHOWN], "CPython 3.11.7"))[-1] == "CPython 3.11.7: no target"
    assert list(target_lines([], "CPython 3.11.7")) == ["CPython 3.11.7: no target"]


def test_outcomes_are_counted() -> None:
    """Those that did not occur are not mentioned."""
    assert list(target_lines([COUNT, COUNT], "CPython 3.11.7"))[-1] == "CPython 3.11.7: 2 missed"


def test_the_last_line_says_how_slow_the_machine_is() -> None:
    """Two digits are enough; one as fast as the reference is not worth a word."""
    slow = [{**SCOPE, "slowness": factor} for factor in (1.5, 1.6, 2.9, None)]

    assert list(target_lines(slow, "CPython 3.11.7"))[-1] == (
        "CPython 3.11.7: 4 met, 4 met on a slow machine; the machine is 1.60 x slower than the reference"
    )


@pytest.mark.parametrize(
    ("found", "factor"),
    [([], 1.0), ([None, None], 1.0), ([2.0], 2.0), ([1.0, None, 3.0], 2.0), ([1.2, 9.0, 1.3], 1.3)],
)
def test_the_machine_is_as_slow_as_most_found(found: list[float | None], factor: float) -> None:
    """The median, so that one benchmark that was disturbed says nothing; of those that found out."""
    assert slowness_of([{"slowness": one} for one in found]) == pytest.approx(factor)


def test_results_are_read_once() -> None:
    """Any iterable will do."""
    lines = list(target_lines(iter([COUNT, {**SCOPE, "slowness": 3.0}]), "CPython 3.11.7"))

    assert lines[-1].endswith("the machine is 2.00 x slower than the reference")
