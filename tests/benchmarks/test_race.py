"""Races: who is timed, in what surroundings, and what counts."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import pytest

from benchmarks.race import Operation, Race, machine_slowness


class StepClock:
    """Stands still unless an operation moves it."""

    def __init__(self) -> None:
        self.now = 0
        self.per_reading = 0

    def mono_ns(self) -> int:
        self.now += self.per_reading
        return self.now

    def wall_ns(self) -> int:
        return self.now

    def cost(self, ns: int) -> None:
        self.now += ns


class Manager:
    """Moves the clock on the way in and out, and writes down when."""

    def __init__(self, clock: StepClock, log: list[str], name: str) -> None:
        self.clock, self.log, self.name = clock, log, name

    def __enter__(self) -> None:
        self.clock.cost(1_000_000)
        self.log.append(f"enter {self.name}")

    def __exit__(self, *exc_info: object) -> None:
        self.clock.cost(1_000_000)
        self.log.append(f"leave {self.name}")


@pytest.fixture
def clock() -> StepClock:
    return StepClock()


def test_an_operation_costs_what_one_of_it_takes(clock: StepClock) -> None:
    """Figures are ns per operation, in the order of the operations, ours first."""
    race = Race(
        [
            Operation("ours", "clock.cost(50)", {"clock": clock}, iterations=10),
            Operation("peer", "clock.cost(70)", {"clock": clock}),
        ],
        clock,
    )
    race.warm_up()

    reading = race.run(3)

    assert dict(reading.figures) == {"ours": 50.0, "peer": 70.0}
    assert reading.ours == 50.0


def test_the_loop_is_not_counted(clock: StepClock) -> None:
    """What a round without any work takes is subtracted."""
    clock.per_reading = 1000

    reading = Race([Operation("ours", "clock.cost(50)", {"clock": clock}, iterations=1)], clock).run(1)

    assert reading.ours == 50.0


def test_the_fastest_round_counts(clock: StepClock) -> None:
    """A round that was disturbed has no influence while another one was not."""
    costs = iter([90, 90, 90, 400, 60, 100])
    race = Race(
        [Operation("ours", "clock.cost(next(costs))", {"clock": clock, "costs": costs}, iterations=1)], clock
    )
    race.warm_up()

    assert race.run(3).ours == 60.0


def test_each_reading_starts_afresh(clock: StepClock) -> None:
    """An attempt is judged on its own rounds: a fast one of an earlier attempt does not count."""
    costs = iter([9, 9, 9, 10, 20])
    race = Race(
        [Operation("ours", "clock.cost(next(costs))", {"clock": clock, "costs": costs}, iterations=1)], clock
    )
    race.warm_up()

    assert [race.run(1).ours, race.run(1).ours] == [10.0, 20.0]


def test_every_round_has_a_context_of_its_own(clock: StepClock) -> None:
    """A round sees no context variable of the process, nor what another round left."""
    variable: ContextVar[int | None] = ContextVar("variable", default=None)
    variable.set(7)
    seen: list[int | None] = []
    body = "seen.append(variable.get()); variable.set(1)"
    race = Race([Operation("ours", body, {"seen": seen, "variable": variable}, iterations=2)], clock)

    race.run(3)

    assert seen == [None, 1] * 3
    assert variable.get() == 7


def test_what_is_around_an_operation_is_not_timed(clock: StepClock) -> None:
    """Surroundings are opened before the clock starts and closed in reverse, as is what comes before."""
    log: list[str] = []
    operation = Operation(
        "ours",
        "clock.cost(5); log.append('body')",
        {"clock": clock, "log": log},
        inside=lambda: [Manager(clock, log, "outer"), Manager(clock, log, "inner")],
        before=lambda: clock.cost(1_000_000),
        iterations=1,
    )

    reading = Race([operation], clock).run(1)

    assert log == ["enter outer", "enter inner", "body", "leave inner", "leave outer"]
    assert reading.ours == 5.0


def test_a_round_is_filled(clock: StepClock) -> None:
    """Without a number of iterations, a round takes about 0.4 ms; the empty loop's number is bounded."""
    calls: list[int] = []
    operation = Operation("ours", "clock.cost(30_000); calls.append(1)", {"clock": clock, "calls": calls})
    race = Race([operation], clock)
    race.warm_up()
    calls.clear()

    race.run(1)

    assert len(calls) == 8


def test_names_must_differ(clock: StepClock) -> None:
    """Two operations of one name would be told apart by nobody."""
    operation = Operation("ours", "pass")

    with pytest.raises(ValueError, match="a name of its own"):
        Race([operation, operation], clock)
    with pytest.raises(ValueError, match="a name of its own"):
        Race([Operation("empty loop", "pass")], clock)


class Pedantic:
    """Runs the rounds as pytest-benchmark does."""

    def __init__(self) -> None:
        self.rounds = 0

    def pedantic(self, target: Any, *, setup: Any, teardown: Any, rounds: int) -> None:
        for _ in range(rounds):
            arguments, keywords = setup()
            target(*arguments, **keywords)
            teardown(*arguments, **keywords)
            self.rounds += 1


def test_peers_run_in_the_rounds_of_pytest_benchmark(clock: StepClock) -> None:
    """In each round ours runs once, and every peer once, before it or after it."""
    log: list[str] = []
    operations = [
        Operation(
            name, f"clock.cost({cost}); log.append('{name}')", {"clock": clock, "log": log}, iterations=1
        )
        for name, cost in (("ours", 5), ("peer", 7))
    ]
    benchmark = Pedantic()

    reading = Race(operations, clock).run_through(benchmark, 50)

    assert dict(reading.figures) == {"ours": 5.0, "peer": 7.0}
    assert benchmark.rounds == 50
    pairs = {tuple(log[at : at + 2]) for at in range(0, 100, 2)}
    assert pairs == {("ours", "peer"), ("peer", "ours")}


def test_a_machine_is_never_faster_than_the_reference(clock: StepClock) -> None:
    """Where the yardstick costs nothing, no credit is given and none is taken."""
    assert machine_slowness(clock, rounds=1) == 1.0
