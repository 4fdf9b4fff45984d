"""What one operation does, counted on both sides of a pair (layer 7)."""

from __future__ import annotations

from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_telemetry.benchmark.counters import Counts, count, count_once
from pytest_telemetry.benchmark.operation import Lane
from pytest_telemetry.model.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.benchmark.memory import Holding
    from pytest_telemetry.benchmark.operation import Operation

__all__ = ("both", "counted", "files_of")

LONGEST_NS: Final = 5_000_000
"""How long an operation may be that is counted: to count it takes some 200 times as long."""


def counted(operation: Operation) -> Counts:
    """Return what one *operation* does, after it was timed; of a long one what a profile of one run can tell.

    What is around it is not counted, as it is not timed. Where the operation says how often a round runs it, it has
    a round of its own each time.
    """
    with operation.around():
        lane = Lane(replace(operation, around=nullcontext), SYSTEM_CLOCK)
        if operation.number:
            is_long = _is_long(lambda: lane.block(1))
            return (count_once if is_long else count)(lane.once, around=lane.opened)
        with lane.opened() as context:
            is_long = _is_long(lambda: context.run(_duration, lane.once))
            return context.run(count_once if is_long else count, lane.once)


def both(before: Counts, after: Counts) -> dict[str, tuple[float, float]]:
    """Return what was counted on both sides, by name, baseline first."""
    return {
        name: (value, after.values[name]) for name, value in before.values.items() if name in after.values
    }


def _duration(run: Callable[[], object]) -> int:
    began = SYSTEM_CLOCK.mono_ns()
    run()
    return SYSTEM_CLOCK.mono_ns() - began


def _is_long(duration: Callable[[], int]) -> bool:
    for _ in range(3):  # the first of them may do more than later ones
        took = duration()
        if took <= LONGEST_NS:
            return False
        if took > 10 * LONGEST_NS:
            return True
    return True


def files_of(holding: Holding) -> frozenset[str]:
    """Return the files whose code makes one level of *holding*, and lets it go."""
    with holding.around():
        return copy_context().run(count_once, lambda: holding.leave(holding.enter())).files - {__file__}
