"""Waits until a pattern is in a recording, woken by what is recorded (layer 5)."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.matching import found
from pytest_telemetry.model.pattern import Pattern
from pytest_telemetry.model.wording import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_telemetry.sinks.memory import MemoryStore
    from pytest_telemetry.testing.fake_clock import FakeClock
    from pytest_telemetry.testing.recorder import TelemetryRecorder

__all__ = ("wait", "wait_async")

_GRACE_S: Final = 0.05
"""With a fake clock: how long real threads may take to record something before time is advanced."""


def wait(recorder: TelemetryRecorder, pattern: Pattern, timeout: float) -> bool:
    """Return whether *pattern* was recorded within *timeout* seconds, fake ones where the clock is fake."""
    _require_possible(pattern, timeout)
    recorder.flush()
    changed = threading.Event()
    with _told_of_changes(recorder.store, changed.set):
        if hasattr(recorder.clock, "advance_to_next"):
            return _wait_in_fake_time(recorder, pattern, timeout, changed)
        deadline = SYSTEM_CLOCK.mono_ns() + round(timeout * 1e9)
        while not found(pattern, recorder.records()):
            left = (deadline - SYSTEM_CLOCK.mono_ns()) / 1e9
            if left <= 0 or not changed.wait(left):
                return found(pattern, recorder.records())
            changed.clear()
        return True


async def wait_async(recorder: TelemetryRecorder, pattern: Pattern, timeout: float) -> bool:  # noqa: ASYNC109 - as `wait`
    """Do the same on a running asyncio loop, in the time of that loop."""
    import asyncio  # noqa: PLC0415 - only where a loop is running already

    _require_possible(pattern, timeout)
    recorder.flush()
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    with _told_of_changes(recorder.store, lambda: loop.call_soon_threadsafe(changed.set)):
        try:
            async with asyncio.timeout(timeout):
                while not found(pattern, recorder.records()):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            return found(pattern, recorder.records())
        return True


def _require_possible(pattern: object, timeout: object) -> None:
    if not isinstance(pattern, Pattern):
        raise TypeError(f"cannot wait for {brief(pattern)}: wait for a pattern, such as span('load')")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"timeout is a number of seconds, not {brief(timeout)}")


def _wait_in_fake_time(
    recorder: TelemetryRecorder, pattern: Pattern, timeout: float, changed: threading.Event
) -> bool:
    clock: FakeClock = recorder.clock  # type: ignore[assignment]  # it has what only a fake clock has
    deadline = clock.snapshot().mono + round(timeout * 1e9)  # reading the clock would count and tick
    while not found(pattern, recorder.records()):
        changed.clear()
        due = clock.next_event()
        if due is not None and due <= deadline:
            clock.advance_to_next()
        elif not changed.wait(_GRACE_S):
            return found(pattern, recorder.records())
    return True


@contextmanager
def _told_of_changes(store: MemoryStore, tell: Callable[[], Any]) -> Iterator[None]:
    """Call *tell* whenever something is recorded; waits may overlap."""

    def listener(_: object) -> None:
        tell()

    store.listen(listener)
    try:
        yield
    finally:
        store.unlisten(listener)
