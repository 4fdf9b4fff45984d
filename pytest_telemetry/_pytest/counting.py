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

_OURS: Final = frozenset({__file__, Lane.block.__code__.co_filename})
"""What stands around an operation that has a round of its own is not of the operation."""


def counted(operation: Operation) -> Counts:
    """Return what one *operation* does, after it was timed; of a long one what a profile of one run can tell.

    Where the operation says how often a round runs it, it has a round of its own each time, and what that sets up
    and takes down is counted as well.
    """
    with operation.around():
        lane = Lane(replace(operation, around=nullcontext), SYSTEM_CLOCK)
        if not operation.number:
            with lane.opened() as context:
                return context.run(_counted, lane.once)

        def round_() -> None:
            with lane.opened() as context:
                context.run(lane.once)

        return _counted(round_)


def both(before: Counts, after: Counts) -> dict[str, tuple[float, float]]:
    """Return what was counted on both sides, by name, baseline first."""
    return {
        name: (value, after.values[name]) for name, value in before.values.items() if name in after.values
    }


def _counted(run: Callable[[], object]) -> Counts:
    counts = count_once(run) if _is_long(run) else count(run)
    return replace(counts, files=counts.files - _OURS)


def _is_long(run: Callable[[], object]) -> bool:
    for _ in range(3):  # the first of them may do more than later ones
        began = SYSTEM_CLOCK.mono_ns()
        run()
        duration = SYSTEM_CLOCK.mono_ns() - began
        if duration <= LONGEST_NS:
            return False
        if duration > 10 * LONGEST_NS:
            return True
    return True


def files_of(holding: Holding) -> frozenset[str]:
    """Return the files whose code makes one level of *holding*, and lets it go."""
    with holding.around():
        return copy_context().run(count_once, lambda: holding.leave(holding.enter())).files - _OURS
