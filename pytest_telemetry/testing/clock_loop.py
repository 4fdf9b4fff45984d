"""An asyncio event loop on a fake clock, which never jumps while something real is under way (layer 5)."""

from __future__ import annotations

import asyncio
import itertools
import selectors
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple, Unpack

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.errors import ClockError, ClockStalled
from pytest_telemetry.testing.clock_values import NS
from pytest_telemetry.testing.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor

__all__ = ("FakeClockLoop", "loop_factory")

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_SLICE_S: Final = 0.005
"""How long one look at the real world takes while fake time may not move."""

_DAY_NS: Final = 86_400 * NS
"""The longest jump, as of every loop; in seconds it is exact to the nanosecond."""


class FakeClockLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is the monotonic time of a fake clock.

    Spans, sleeps and time-outs agree, because they read one clock. Whenever the loop has nothing to do:

    1. Input that is ready, or a call that is: it is handled, and time stands still.
    2. A function in an executor or a worker thread, or a subprocess, is under way: the loop waits in real
       time and never jumps. After *stall_after* real seconds without progress it raises `ClockStalled`.
    3. Sockets or pipes are open: they get *autojump_threshold* real seconds to deliver, then 4.
    4. Timers are left: the clock jumps exactly to the next one, of the loop or of the clock.
    5. Nothing is left: after *stall_after* real seconds it raises `ClockError`, which says what waits.

    On a clock with ``autojump=False`` the loop never jumps; it waits until the clock is advanced.

    Args:
        clock: The clock, shared with the code under test; by default one of its own.
        autojump_threshold: See 3.
        stall_after: See 2 and 5; None waits for ever.

    Attributes:
        clock: The clock.
        jumps: By how many seconds the loop moved the clock each time.
    """

    def __init__(
        self,
        clock: FakeClock | None = None,
        *,
        autojump_threshold: float = 0.02,
        stall_after: float | None = 5.0,
    ) -> None:
        self.clock = FakeClock() if clock is None else clock
        self.jumps: list[float] = []
        self._outside = _Outside(self)
        super().__init__(_IdleSelector(self, self._outside, autojump_threshold, stall_after))
        self._clock_resolution = 1 / NS

    def time(self) -> float:
        """Return the monotonic time of the clock in seconds; this is not counted as a reading of it."""
        return self.clock.snapshot().mono / NS

    @contextmanager
    def outside_work(self, what: str) -> Iterator[None]:
        """Keep the loop from jumping while something real is under way that it cannot know of.

        Args:
            what: For the text of `ClockStalled`.
        """
        done = self._outside.begin(what)
        try:
            yield
        finally:
            done()

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        """Do as every loop does, and hold the clock until the function has ended and been heard of."""
        what = f"{_name(func)}() in an executor"
        if executor is None or isinstance(executor, ThreadPoolExecutor):
            future = super().run_in_executor(executor, self._outside.watched(what, func), *args)
        else:
            future = super().run_in_executor(executor, func, *args)
        done = self._outside.begin(what)
        future.add_done_callback(lambda _: done())
        return future

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        """Do as every loop does, and hold the clock until the process has ended."""
        with self.outside_work("the start of a subprocess"):
            transport, protocol = await super().subprocess_exec(*args, **kwargs)
        self._outside.processes.add(transport)
        return transport, protocol

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> Any:
        """Do as every loop does, and hold the clock until the process has ended."""
        with self.outside_work("the start of a subprocess"):
            transport, protocol = await super().subprocess_shell(*args, **kwargs)
        self._outside.processes.add(transport)
        return transport, protocol

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """Do as every loop does; newer Pythons set a time-out of minutes, which must not be jumped over."""
        with self.outside_work("the end of the threads of the default executor"):
            await super().shutdown_default_executor(*args, **kwargs)


def loop_factory(
    clock: FakeClock | None = None, *, autojump_threshold: float = 0.02, stall_after: float | None = 5.0
) -> Callable[[], FakeClockLoop]:
    """Return what asyncio.Runner, pytest-asyncio and anyio take as a factory of event loops.

    Args:
        clock: For every loop that is made; by default each gets a clock of its own, ``loop.clock``.
        autojump_threshold: As for `FakeClockLoop`.
        stall_after: Likewise.
    """

    def make() -> FakeClockLoop:
        return FakeClockLoop(clock, autojump_threshold=autojump_threshold, stall_after=stall_after)

    return make


class _Outside:
    """What is under way in real time for one loop."""

    def __init__(self, loop: FakeClockLoop) -> None:
        self.processes: weakref.WeakSet[asyncio.SubprocessTransport] = weakref.WeakSet()
        self._loop = loop
        self._work: dict[int, str] = {}
        self._numbers = itertools.count()

    def begin(self, what: str) -> Callable[[], object]:
        """Note something that has begun; what is returned is to be called, from any thread, at its end."""
        number = next(self._numbers)
        self._work[number] = what
        return lambda: self._work.pop(number, None)

    def watched(self, what: str, function: Callable[[Unpack[_Ts]], _T]) -> Callable[[Unpack[_Ts]], _T]:
        """Return *function* so that its thread is seen until it ends, also where nobody waits any more."""

        def run(*args: *_Ts) -> _T:
            done = self.begin(what)
            try:
                return function(*args)
            finally:
                done()

        return run

    def list(self) -> list[str]:
        """Return what is under way, for people."""
        return [
            *dict.fromkeys(list(self._work.values())),
            *(f"subprocess {each.get_pid()}" for each in self.processes if each.get_returncode() is None),
            *(f"thread {thread.name!r}" for thread in threading.enumerate() if self._is_busy_worker(thread)),
        ]

    def _is_busy_worker(self, thread: Any) -> bool:
        """Return whether this is a worker of anyio, which does not use executors, with work for our loop."""
        if not type(thread).__module__.startswith("anyio."):
            return False
        return getattr(thread, "loop", None) is self._loop and thread not in getattr(
            thread, "idle_workers", ()
        )


class _IdleSelector(selectors.BaseSelector):
    """Waits for input as the real selector does, and moves the clock instead of waiting for a timer."""

    def __init__(
        self, loop: FakeClockLoop, outside: _Outside, autojump_threshold: float, stall_after: float | None
    ) -> None:
        self._real = selectors.DefaultSelector()
        self._loop = loop
        self._clock = loop.clock
        self._outside = outside
        self._threshold = autojump_threshold
        self._stall_after = stall_after
        self._quiet_since: tuple[int, int] | None = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.get_key(fileobj)

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; where nothing is, decide as the class of the loop says."""
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            self._quiet_since = None
            return ready
        outside = self._outside.list()
        ns = self._until_next(timeout)
        if outside or ns is None or not self._clock.autojump:
            return self._wait(outside, ns)
        if len(self._real.get_map()) > 1:  # one is the loop's own, by which threads wake it
            ready = self._real.select(self._threshold)
        if not ready:
            self._quiet_since = None
            self._loop.jumps.append(ns / NS)
            self._clock.advance(ns / NS)
        return ready

    def _until_next(self, timeout: float | None) -> int | None:
        """Return how far the next timer is off, be it of the loop or of the clock; None where there is none."""
        due = self._clock.next_event()
        lengths = [] if due is None else [min(_DAY_NS, max(0, due - self._clock.snapshot().mono))]
        lengths += [] if timeout is None else [round(timeout * NS)]
        return min(lengths, default=None)

    def _wait(self, outside: list[str], ns: int | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for a moment of real time; raise where nothing has happened for too long."""
        ready = self._real.select(_SLICE_S)
        now, fake = SYSTEM_CLOCK.mono_ns(), self._clock.snapshot().mono
        if ready or self._quiet_since is None or self._quiet_since[1] != fake:
            self._quiet_since = None if ready else (now, fake)
        elif self._stall_after is not None and now - self._quiet_since[0] > self._stall_after * NS:
            self._quiet_since = None
            raise self._stalled(outside, ns)
        return ready

    def _stalled(self, outside: list[str], ns: int | None) -> ClockError:
        after = f"after {self._stall_after:g} s of real time"
        timer = "no fake timer is set" if ns is None else f"the next fake timer is due in {ns / NS:g} s"
        if outside:
            return ClockStalled(
                f"still running {after}: {', '.join(outside)}; {timer}. Fake time does not pass while real work "
                f"is under way: end it, or advance() the clock yourself"
            )
        if ns is not None:
            return ClockStalled(f"{after} nobody has advanced the clock, which has autojump=False; {timer}")
        sockets = len(self._real.get_map()) - 1
        waiting = ", ".join(sorted(_where(task) for task in asyncio.all_tasks(self._loop))) or "no task"
        what = f"no input on {sockets} open sockets or pipes" if sockets else "no input to come"
        return ClockError(
            f"deadlock {after}: no timer, no thread, no subprocess, and {what}; waiting: {waiting}"
        )


def _where(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack(limit=1)
    line = f" at {frames[0].f_code.co_filename}:{frames[0].f_lineno}" if frames else ""
    return f"{task.get_name()} in {_name(task.get_coro())}(){line}"


def _name(function: object) -> str:
    while isinstance(function, partial):  # asyncio.to_thread runs a function in a copy of the context
        function = function.args[0] if isinstance(_owner(function.func), Context) else function.func
    return str(getattr(function, "__qualname__", None) or repr(function))


def _owner(method: object) -> object:
    return getattr(method, "__self__", None)
