"""What a benchmark asks for: measure, hold to the targets, measure again where one was missed, keep the result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from benchmarks.race import Operation, Race, machine_slowness
from benchmarks.verdict import Reading, best, judge
from pytest_telemetry.model.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.verdict import Target

__all__ = ("ATTEMPTS", "PER_ROUND", "Judge", "Measure")

ATTEMPTS: Final = 4
"""How often a missed target is measured again, each time with more rounds, before it counts as missed."""

PER_ROUND: Final = 1000
"""How often a round runs our own operation: pytest-benchmark's us per round are ns per operation, with the loop."""

ROUNDS: Final = 100


@dataclass(frozen=True, slots=True)
class Measure:
    """Times operations against each other and holds the first of them to its targets.

    Attributes:
        benchmark: The fixture of pytest-benchmark; its row is the first operation.
        place: Where the result stands among the others.
        keep: Takes the result, for the summary.
    """

    benchmark: Any
    place: int
    keep: Callable[[Mapping[str, Any]], None]

    def __call__(
        self, *operations: Operation, targets: Sequence[Target] = (), rounds: int = ROUNDS
    ) -> Reading:
        """Return the attempt that counts: the first that misses nothing, else the one that misses least.

        Raises:
            pytest.fail.Exception: A target is missed in every attempt.
        """
        __tracebackhide__ = True
        race = Race(operations, SYSTEM_CLOCK)
        race.warm_up()
        attempts = [race.run_through(self.benchmark, rounds)]
        while _missed(attempts[-1], targets) and len(attempts) < ATTEMPTS:
            attempts.append(race.run(rounds * (len(attempts) + 1)))
        return _conclude(self, operations[0].name, attempts, targets)


@dataclass(frozen=True, slots=True)
class Judge:
    """Holds figures to their targets that a test takes in a way of its own.

    Attributes:
        benchmark: The fixture of pytest-benchmark; its row says how long taking the figures took.
        place: Where the result stands among the others.
        keep: Takes the result, for the summary.
    """

    benchmark: Any
    place: int
    keep: Callable[[Mapping[str, Any]], None]

    def __call__(self, take: Callable[[], Reading], *, targets: Sequence[Target] = ()) -> Reading:
        """Call *take* once, and again where a target is missed; return the attempt that counts.

        How slow the machine is, this finds out itself, and only where a target gives credit for it.

        Raises:
            pytest.fail.Exception: A target is missed in every attempt.
        """
        __tracebackhide__ = True
        credit = machine_slowness(SYSTEM_CLOCK) if any(target.scaled for target in targets) else None
        attempts = [replace(self.benchmark.pedantic(take), slowness=credit)]
        while _missed(attempts[-1], targets) and len(attempts) < ATTEMPTS:
            attempts.append(replace(take(), slowness=credit))
        return _conclude(self, next(iter(attempts[0].figures)), attempts, targets)


def _missed(reading: Reading, targets: Sequence[Target]) -> bool:
    return any(judge(target, reading).outcome == "missed" for target in targets)


def _conclude(
    asked: Measure | Judge, label: str, attempts: Sequence[Reading], targets: Sequence[Target]
) -> Reading:
    __tracebackhide__ = True
    reading = best(attempts, targets)
    verdicts = [judge(target, reading) for target in targets]
    asked.benchmark.extra_info.update(
        label=label,
        place=asked.place,
        unit=reading.unit,
        figures=dict(reading.figures),
        slowness=reading.slowness,
        attempts=len(attempts),
        verdicts=[
            {
                "target": verdict.target.text,
                "value": verdict.value,
                "unit": verdict.target.unit,
                "outcome": verdict.outcome,
                "text": verdict.text,
            }
            for verdict in verdicts
        ],
    )
    asked.keep({"group": asked.benchmark.group, **asked.benchmark.extra_info})
    missed = [verdict.text for verdict in verdicts if verdict.outcome == "missed"]
    if missed:
        lines = [f"{label}, best of {len(attempts)} attempts", *missed]
        pytest.fail("\n  ".join(lines), pytrace=False)
    return reading
