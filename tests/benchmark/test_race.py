"""Races: who is timed, in what order, and what counts."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from pytest_telemetry.benchmark import operation
from pytest_telemetry.benchmark.operation import BLOCK_NS, YARDSTICK, Operation
from pytest_telemetry.benchmark.race import Race, yardstick_ns


class Scope:
    """A no-op scope that moves the clock: the yardstick, on a machine of known speed."""

    def __init__(self, clock: Any, ns: int) -> None:
        self.clock, self.ns = clock, ns
        self.calls = 0
        self.frozen: list[int] = []

    def __call__(self, name: str) -> Scope:
        self.clock.cost(self.ns)
        if self.calls % 50 == 0:  # it takes as long as there are objects
            self.frozen.append(gc.get_freeze_count())
        self.calls += 1
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        pass


def costing(clock: Any, *costs: int, name: str = "ours") -> Operation:
    """Return an operation that costs the one, then the other."""
    return Operation(name, "clock.cost(next(costs))", {"clock": clock, "costs": iter(costs)}, number=1)


def test_an_operation_costs_what_one_of_it_takes(clock: Any) -> None:
    """Figures are ns per operation, in the order of the operations, ours first; nobody knows of a slow machine yet."""
    race = Race(
        [
            Operation("ours", "clock.cost(50)", {"clock": clock}, number=10),
            Operation("peer", "clock.cost(70)", {"clock": clock}, number=3),
        ],
        clock,
    )

    reading, _ = race.run(3)

    assert dict(reading.figures) == {"ours": 50.0, "peer": 70.0}
    assert (reading.ours, reading.unit, reading.slowness) == (50.0, "ns", None)


def test_the_loop_is_not_counted(clock: Any) -> None:
    """What a block without any work takes is subtracted."""
    clock.per_reading = 1000

    reading, _ = Race([costing(clock, 50)], clock).run(1)

    assert reading.ours == 50.0


def test_the_fastest_block_counts(clock: Any) -> None:
    """A block that was disturbed has no influence while another one was not."""
    reading, _ = Race([costing(clock, 400, 60, 100)], clock).run(3)

    assert reading.ours == 60.0


def test_each_reading_starts_afresh(clock: Any) -> None:
    """An attempt is judged on its own rounds: a fast one of an earlier attempt does not count."""
    race = Race([costing(clock, 10, 20)], clock)

    assert [race.run(1)[0].ours, race.run(1)[0].ours] == [10.0, 20.0]


def test_the_blocks_of_ours_are_told(clock: Any) -> None:
    """For pytest-benchmark, which makes its own statistics: those of the last run, in order, in ns, loop and all."""
    race = Race([costing(clock, 10, 30, 20), costing(clock, *[7] * 3, name="peer")], clock)
    race.run(1)

    race.run(2)

    assert race.blocks == [30, 20]


def test_everybody_runs_once_in_a_round_in_any_order(clock: Any) -> None:
    """In each round ours runs once, and every peer once, before it or after it."""
    log: list[str] = []
    names = ("ours", "peer")
    operations = [Operation(name, f"log.append({name!r})", {"log": log}, number=1) for name in names]

    Race(operations, clock).run(50)

    assert {tuple(log[at : at + 2]) for at in range(0, 100, 2)} == {("ours", "peer"), ("peer", "ours")}


def test_garbage_of_before_is_not_collected_meanwhile(clock: Any) -> None:
    """Everybody runs while what the process held before is out of reach, and it is within reach again."""
    frozen: list[int] = []
    names = {"frozen": frozen, "gc": gc}
    gc.unfreeze()

    Race([Operation("ours", "frozen.append(gc.get_freeze_count())", names, number=1)], clock).run(1)

    assert min(frozen) > 10_000
    assert gc.get_freeze_count() == 0


def test_everything_is_settled_before_it_is_timed(clock: Any) -> None:
    """Blocks are as long as they should be, whatever an operation costs."""
    clock.per_reading = BLOCK_NS // 2
    race = Race([Operation("ours", "clock.cost(2_000)", {"clock": clock})], clock)

    race.settle()

    assert race.ours.name == "ours"
    assert race.ours.number == 2  # one takes half a block to time, and nearly nothing itself


@pytest.mark.parametrize(
    "names",
    [["ours", "ours"], ["ours", "empty loop"], ["yardstick"]],
)
def test_names_must_differ(clock: Any, names: list[str]) -> None:
    """Two operations of one name would be told apart by nobody; the text says which are taken."""
    with pytest.raises(ValueError, match=r"a name of its own, and neither 'empty loop' nor 'yardstick': \["):
        Race([Operation(name, "pass") for name in names], clock)


@pytest.mark.parametrize("rounds", [0, -1])
def test_no_rounds_are_no_reading(clock: Any, rounds: int) -> None:
    """Nothing was measured, and no figure says how much that is."""
    with pytest.raises(ValueError, match="rounds must be 1 or more, not"):
        Race([Operation("ours", "pass")], clock).run(rounds)


def test_the_yardstick_takes_part(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cost, net of the loop, says how fast the machine is."""
    monkeypatch.setitem(YARDSTICK.names, "tele", Scope(clock, 169))
    clock.per_reading = 1000

    _, yardstick = Race([costing(clock, 50)], clock).run(1)

    assert yardstick == 169.0


@pytest.mark.usefixtures("young_garbage_only")
def test_the_yardstick_alone_reads_the_same(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a benchmark is measured in a way of its own, the speed of the machine is found out beside it."""
    monkeypatch.setitem(YARDSTICK.names, "tele", Scope(clock, 169))
    clock.per_reading = BLOCK_NS

    assert yardstick_ns(clock) == 169.0


@pytest.mark.usefixtures("young_garbage_only")
def test_the_yardstick_alone_is_settled(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks as long as they should be, two of it here, and out of reach of what the process held before."""
    scope = Scope(clock, 169)
    monkeypatch.setitem(YARDSTICK.names, "tele", scope)
    clock.per_reading = BLOCK_NS // 2
    gc.unfreeze()

    yardstick_ns(clock)

    assert scope.calls > 100 * 2
    assert min(scope.frozen) > 10_000
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("young_garbage_only")
@pytest.mark.parametrize(("cost", "rounds"), [(50, 100), (40_000_000, 24), (3_000_000_000, 5)])
def test_long_operations_take_fewer_rounds(
    clock: Any, monkeypatch: pytest.MonkeyPatch, cost: int, rounds: int
) -> None:
    """There are 100 rounds, or as many as take two seconds, and at least 5."""
    monkeypatch.setattr(operation, "_MOST", 1_000)  # of an empty loop, which costs this clock nothing
    race = Race([Operation("ours", "clock.cost(cost)", {"clock": clock, "cost": cost})], clock)

    assert race.settle() == rounds
