"""What one operation does, counted on both sides of a pair (layer 7)."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.benchmark.counters import Counts, count
from pytest_telemetry.benchmark.operation import Lane
from pytest_telemetry.model.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from pytest_telemetry.benchmark.operation import Operation

__all__ = ("both", "counted")

LONGEST_NS: Final = 5_000_000
"""How long an operation may be that is counted: to count it takes some 200 times as long."""

_OFTEN: Final = 50
"""How often one that is counted runs, at most."""

_OURS: Final = frozenset({__file__, Lane.block.__code__.co_filename})
"""What stands around an operation that has a round of its own is not of the operation."""


def counted(operation: Operation) -> Counts:
    """Return what one *operation* does, after it was timed; of a long one only the files whose code ran.

    Where a round may not run it as often as counting does, it has a round of its own each time, and what that sets
    up and takes down is counted as well.
    """
    with operation.around():
        lane = Lane(replace(operation, around=nullcontext), SYSTEM_CLOCK)
        if not 0 < operation.number < _OFTEN:
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
    if _is_long(run):
        return Counts({}, _files(run) - _OURS)
    counts = count(run)
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


def _files(run: Callable[[], object]) -> frozenset[str]:
    """Return the files whose code ran."""
    files = set()

    def happened(frame: FrameType, event: str, arg: Any) -> None:  # noqa: ARG001 - what the interpreter passes
        files.add(frame.f_code.co_filename)

    sys.setprofile(happened)
    try:
        run()
    finally:
        sys.setprofile(None)
    return frozenset(files)
