"""What waits for a fake clock: timers, their queue, and threads that sleep (layer 5)."""

from __future__ import annotations

import heapq
import itertools
import sys
import threading
from typing import TYPE_CHECKING, Final

from pytest_telemetry.testing.clock_values import NS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("Sleeper", "Timer", "TimerQueue")

_OURS: Final = "pytest_telemetry.testing."


class Timer:
    """A call that is due at a moment of the monotonic clock; timers sort by that moment, then by age.

    Attributes:
        due_ns: When it is due, in nanoseconds of the monotonic clock.
    """

    __slots__ = ("_callback", "_seq", "due_ns")

    def __init__(self, due_ns: int, seq: int, callback: Callable[[], object]) -> None:
        self.due_ns = due_ns
        self._seq = seq
        self._callback: Callable[[], object] | None = callback

    def __lt__(self, other: Timer) -> bool:
        return (self.due_ns, self._seq) < (other.due_ns, other._seq)

    def __repr__(self) -> str:
        what = (
            "done"
            if self._callback is None
            else getattr(self._callback, "__qualname__", repr(self._callback))
        )
        return f"<Timer due at {self.due_ns / NS:g} s: {what}>"

    @property
    def pending(self) -> bool:
        """Whether it is still going to fire."""
        return self._callback is not None

    def cancel(self) -> None:
        """Never fire; nothing happens where it has fired or was cancelled before."""
        self._callback = None

    def fire(self) -> None:
        """Make the call, at most once; for the clock."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class TimerQueue:
    """Timers in the order in which they fire; whoever owns the queue locks it."""

    __slots__ = ("_heap", "_numbers")

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return sum(timer.pending for timer in self._heap)

    def add(self, due_ns: int, callback: Callable[[], object]) -> Timer:
        """Return a new timer.

        Raises:
            TypeError: *callback* cannot be called.
        """
        if not callable(callback):
            raise TypeError(f"a timer needs something to call, got {callback!r}")
        timer = Timer(due_ns, next(self._numbers), callback)
        heapq.heappush(self._heap, timer)
        return timer

    def next_due(self) -> int | None:
        """Return when the first timer is due; None where there is none."""
        while self._heap and not self._heap[0].pending:
            heapq.heappop(self._heap)
        return self._heap[0].due_ns if self._heap else None

    def pop(self) -> Timer:
        """Remove and return the timer that `next_due` spoke of."""
        return heapq.heappop(self._heap)


class Sleeper:
    """One thread that is blocked in a fake sleep; its text says for how long, and where in the code."""

    __slots__ = ("_text", "awake")

    def __init__(self, seconds: float) -> None:
        self.awake = False
        frame = sys._getframe(1)  # noqa: SLF001 - there is no public way to the caller's line
        while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_OURS):
            frame = frame.f_back
        thread = threading.current_thread().name
        self._text = f"sleep({seconds:g}) in thread {thread!r} at {frame.f_code.co_filename}:{frame.f_lineno}"

    def __str__(self) -> str:
        return self._text
