"""Where time comes from, and the only module that touches ``time`` (layer 0).

The builtins are kept in slots, never as module globals: libraries that fake time look for module globals
equal to ``time.perf_counter`` and swap them, and a span measured half on each clock lasts a billion seconds.
"""

from __future__ import annotations

import time
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("CLOCK_READINGS", "SYSTEM_CLOCK", "Clock", "SystemClock")


class Clock(Protocol):
    """Two independent readings in integer nanoseconds.

    The wall clock counts from the Unix epoch and may jump both ways. The monotonic clock counts from
    anywhere and never goes back. No reading of one is ever subtracted from a reading of the other.
    """

    def wall_ns(self) -> int:
        """Return nanoseconds since the Unix epoch, UTC."""

    def mono_ns(self) -> int:
        """Return nanoseconds since an arbitrary origin; never less than an earlier reading."""


class SystemClock:
    """The clocks of the operating system, bound to the real builtins.

    Attributes:
        wall_ns: ``time.time_ns``.
        mono_ns: ``time.perf_counter_ns``.
        sleep: ``time.sleep``; it sleeps in real time.
    """

    __slots__ = ("mono_ns", "sleep", "wall_ns")

    wall_ns: Callable[[], int]
    mono_ns: Callable[[], int]
    sleep: Callable[[float], None]

    def __init__(self) -> None:
        self.wall_ns = _real("time_ns")
        self.mono_ns = _real("perf_counter_ns")
        self.sleep = _real("sleep")


def _real(name: str) -> Callable[..., Any]:
    """Return the builtin *name* of ``time``, also where freezegun is active during this import."""
    function = getattr(time, name)
    if not isinstance(function, BuiltinFunctionType):
        import sys  # noqa: PLC0415 - only where somebody replaced the builtin

        freezegun = sys.modules.get("freezegun.api")
        function = getattr(freezegun, f"real_{name}", function)
    return cast("Callable[..., Any]", function)


SYSTEM_CLOCK: Final = SystemClock()

_READINGS: Final = (
    *("time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time"),
    *("process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns"),
)

CLOCK_READINGS: Final[frozenset[Callable[..., Any]]] = frozenset(
    _real(name) for name in _READINGS if hasattr(time, name)
)
"""The builtins of ``time`` that read a clock, as far as this system has them: to tell, never to call."""
