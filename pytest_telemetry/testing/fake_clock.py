"""The FakeClock: time that moves only when a test says so, wall and monotonic apart (layer 5)."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.errors import ClockError
from pytest_telemetry.testing.clock_patch import ClockPatch
from pytest_telemetry.testing.clock_timers import Sleeper, Timer, TimerQueue
from pytest_telemetry.testing.clock_values import (
    NS,
    ClockReading,
    ClockReads,
    duration_ns,
    parts_per_billion,
    signed_ns,
    utc,
    wall_ns_of,
)
from pytest_telemetry.testing.clock_zones import next_change, zone_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from pytest_telemetry.testing.clock_values import Duration
    from pytest_telemetry.testing.clock_zones import Season

__all__ = ("ClockReading", "ClockReads", "FakeClock", "Timer")

_WALL_ORIGIN_NS: Final = 1_000_000_000 * NS
_MONO_ORIGIN_S: Final = 77_000
_PERF_ORIGIN_S: Final = 55_000
_SPIN_LIMIT: Final = 100_000


class FakeClock:
    """A clock that stands still until it is told to move.

    It satisfies `Clock`, so it can be handed to a context, and it has the functions of ``time`` under their
    own names, so it can be handed to code that takes one of those. Wall, monotonic, performance and processor
    time start far apart, so that a reading of one in the place of another is seen at once; none starts at 0.
    All are whole nanoseconds. The monotonic clock never goes back; the wall clock goes where a test puts it.

    Any thread may use it: every reading is that of one moment. Calls that are due run in the thread that moves
    the clock, without a lock, so they may read and move the clock, also from threads that they wait for. To
    see exactly its own moment a call needs to be alone: move the clock from one thread at a time.

    Args:
        wall: Where the wall clock starts: an aware datetime or nanoseconds since 1970. By default
            2001-09-09T01:46:40Z, which is 1,000,000,000 seconds.
        mono: Where the monotonic clock starts, 77,000 seconds by default.
        perf: Where the performance counter starts, 55,000 seconds by default.
        auto_tick: How much time passes after each reading of wall, monotonic or performance clock.
        autojump: Whether `sleep` moves the clock itself (the default), or blocks until another thread does.
        zone: Local time for `local` and for patched code; by default the zone of the machine.
        real_timeout: How many real seconds a blocked `sleep` waits to be woken before it fails.

    Attributes:
        autojump: See above; may be changed at any time.
        real_timeout: See above.
        reads: How often each clock was read; see `ClockReads`.
        sleeps: How long each `sleep` was asked to last, in seconds, in order.
        zone: See above, as a tzinfo.
    """

    def __init__(
        self,
        wall: datetime | int | None = None,
        *,
        mono: Duration = _MONO_ORIGIN_S,
        perf: Duration = _PERF_ORIGIN_S,
        auto_tick: Duration = 0,
        autojump: bool = True,
        zone: str | tzinfo | None = None,
        real_timeout: float = 10.0,
    ) -> None:
        self._wall = _WALL_ORIGIN_NS if wall is None else wall_ns_of(wall, "FakeClock(wall=)")
        self._mono = self._mono_origin = duration_ns(mono, "FakeClock(mono=)")
        self._perf_ahead = duration_ns(perf, "FakeClock(perf=)") - self._mono
        self._cpu = 0
        self._slew_ppb = self._slew_rest = 0
        self.auto_tick = auto_tick
        self.autojump = autojump
        self.zone = None if zone is None else zone_of(zone)
        self.real_timeout = real_timeout
        self.reads = ClockReads()
        self.sleeps: list[float] = []
        # re-entrant: a finaliser that reads the clock may run at any point of this thread
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._timers = TimerQueue()
        self._sleepers: list[Sleeper] = []

    def __repr__(self) -> str:
        with self._lock:
            elapsed = (self._mono - self._mono_origin) / NS
            return (
                f"<FakeClock {_iso(self._wall)}, {elapsed:g} s after its start, {len(self._timers)} waiting>"
            )

    # ---- reading

    def wall_ns(self) -> int:
        """Return nanoseconds since the Unix epoch."""
        with self._lock:
            self.reads.wall += 1
            value = self._wall
            timer, rest = self._pass_time(self._tick) if self._tick else (None, 0)
        self._fire(timer, rest)
        return value

    def mono_ns(self) -> int:
        """Return nanoseconds of the monotonic clock."""
        with self._lock:
            self.reads.mono += 1
            value = self._mono
            timer, rest = self._pass_time(self._tick) if self._tick else (None, 0)
        self._fire(timer, rest)
        return value

    def perf_counter_ns(self) -> int:
        """Return nanoseconds of the performance counter: the monotonic clock from another origin."""
        with self._lock:
            self.reads.perf += 1
            value = self._mono + self._perf_ahead
            timer, rest = self._pass_time(self._tick) if self._tick else (None, 0)
        self._fire(timer, rest)
        return value

    def process_time_ns(self) -> int:
        """Return nanoseconds of processor time, which only ``advance(..., cpu=...)`` moves."""
        with self._lock:
            self.reads.cpu += 1
            return self._cpu

    def snapshot(self) -> ClockReading:
        """Return all clocks at one moment; this is not counted as a reading and never ticks."""
        with self._lock:
            return ClockReading(self._wall, self._mono, self._mono + self._perf_ahead, self._cpu)

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC datetime, cut to microseconds."""
        return utc(self.wall_ns())

    def local(self, zone: str | tzinfo | None = None) -> datetime:
        """Return the wall clock as an aware datetime of *zone*, or else of the clock's own zone."""
        return self.now().astimezone(self.zone if zone is None else zone_of(zone))

    def time(self) -> float:
        """Return seconds since the Unix epoch."""
        return self.wall_ns() / NS

    def time_ns(self) -> int:
        """Return nanoseconds since the Unix epoch."""
        return self.wall_ns()

    def monotonic(self) -> float:
        """Return seconds of the monotonic clock."""
        return self.mono_ns() / NS

    def monotonic_ns(self) -> int:
        """Return nanoseconds of the monotonic clock."""
        return self.mono_ns()

    def perf_counter(self) -> float:
        """Return seconds of the performance counter."""
        return self.perf_counter_ns() / NS

    def process_time(self) -> float:
        """Return seconds of processor time."""
        return self.process_time_ns() / NS

    def thread_time(self) -> float:
        """Return seconds of processor time; all threads share one."""
        return self.process_time_ns() / NS

    def thread_time_ns(self) -> int:
        """Return nanoseconds of processor time; all threads share one."""
        return self.process_time_ns()

    # ---- moving

    def advance(self, duration: Duration, *, cpu: Duration = 0) -> None:
        """Let *duration* (seconds or a timedelta) pass on every clock but that of the processor.

        What is due on the way runs one by one, in the order of its moments and then of age, and sees its own
        moment. Time that such a call lets pass comes on top: the sum of all advances is what the monotonic
        clock moves by. A call that raises ends the advance there and then.

        Args:
            duration: How long; at least 0.
            cpu: How much processor time it took; added at the end.

        Raises:
            ValueError: *duration* is negative or not finite.
        """
        ns = duration_ns(
            duration, "advance()", ": monotonic time never goes back; step_wall() sets the wall clock back"
        )
        cpu_ns = duration_ns(cpu, "advance(cpu=)")
        self._advance_ns(ns)
        with self._lock:
            self._cpu += cpu_ns

    def step_wall(self, duration: Duration) -> None:
        """Set the wall clock forward or back at once, as NTP or an administrator does; nothing else moves."""
        ns = signed_ns(duration, "step_wall()")
        with self._lock:
            self._wall += ns

    def set_wall(self, moment: datetime | int) -> None:
        """Set the wall clock to an aware datetime or to nanoseconds since 1970; nothing else moves."""
        ns = wall_ns_of(moment, "set_wall()")
        with self._lock:
            self._wall = ns

    def slew_wall(self, ppm: float) -> None:
        """Let the wall clock run fast (or slow, where negative) by so many millionths from now on.

        It is exact over any number of advances: what is less than a nanosecond is carried on. The smallest
        step is a thousandth of a millionth.

        Raises:
            ValueError: The clock would stand still or run backwards.
        """
        ppb = parts_per_billion(ppm)
        with self._lock:
            self._slew_ppb = ppb

    def suspend(self, duration: Duration, *, mono: bool = False) -> None:
        """Let the machine sleep for *duration*: afterwards the wall clock is ahead and nothing has fired.

        Args:
            duration: How long; at least 0.
            mono: Whether the monotonic clock counts sleep, as it does on macOS and for Linux's boot time. If
                so, what fell due meanwhile runs on waking, late.
        """
        ns = duration_ns(duration, "suspend()")
        with self._lock:
            self._wall += ns
            self._mono += ns if mono else 0
        self._advance_ns(0)

    def travel_to_dst(self, zone: str | tzinfo, season: Season, *, before: Duration = 0.5) -> datetime:
        """Set the wall clock to just before the next change between summer and winter time.

        Args:
            zone: Where, for example ``"Europe/Berlin"``.
            season: ``"fall"``: clocks go back; ``"spring"``: they go forward.
            before: How long before the change.

        Returns:
            The moment of the change, as an aware UTC datetime.

        Raises:
            ClockError: The zone is unknown, or its clocks are not changed.
        """
        lead = duration_ns(before, "travel_to_dst(before=)")
        change = next_change(zone_of(zone), season, utc(self.snapshot().wall))
        self.set_wall(wall_ns_of(change, "travel_to_dst()") - lead)
        return change

    @property
    def auto_tick(self) -> float:
        """How many seconds pass after each reading of the wall, monotonic or performance clock."""
        return self._tick / NS

    @auto_tick.setter
    def auto_tick(self, duration: Duration) -> None:
        self._tick = duration_ns(duration, "auto_tick")

    # ---- timers and sleepers

    def call_later(self, delay: Duration, callback: Callable[[], object]) -> Timer:
        """Call *callback* once *delay* has passed; the timer that is returned can be cancelled."""
        ns = duration_ns(delay, "call_later()")
        with self._lock:
            return self._timers.add(self._mono + ns, callback)

    def at(self, elapsed: Duration, callback: Callable[[], object]) -> Timer:
        """Call *callback* when the monotonic clock has moved by *elapsed* since this clock was made.

        Raises:
            ValueError: That moment is over.
        """
        ns = duration_ns(elapsed, "at()")
        with self._lock:
            due = self._mono_origin + ns
            if due < self._mono:
                gone = (self._mono - self._mono_origin) / NS
                raise ValueError(
                    f"at(): {elapsed!r} is over, {gone:g} s have passed; call_later() counts from now"
                )
            return self._timers.add(due, callback)

    def next_event(self) -> int | None:
        """Return when the next timer or sleeper is due, in nanoseconds of the monotonic clock, or None."""
        with self._lock:
            return self._timers.next_due()

    def advance_to_next(self) -> float:
        """Advance to the next timer or sleeper, let all run that are due then, and return by how many seconds.

        Raises:
            ClockError: Nothing is waiting.
        """
        with self._lock:
            due = self._timers.next_due()
            if due is None:
                raise ClockError("advance_to_next(): no timer and no sleeper is waiting for this clock")
            ns = max(0, due - self._mono)
        self._advance_ns(ns)
        return ns / NS

    def sleep(self, duration: Duration) -> None:
        """Sleep in fake time.

        With `autojump` the clock is advanced and the call returns at once; sleeps of several threads add up.
        Without, the calling thread blocks until others have advanced the clock far enough.

        Raises:
            ValueError: *duration* is negative, as for ``time.sleep``.
            ClockError: Nobody advanced the clock within `real_timeout` real seconds.
        """
        ns = duration_ns(duration, "sleep()")
        self.sleeps.append(ns / NS)
        if self.autojump:
            self._advance_ns(ns)
        elif ns:
            self._block(ns)

    def wait_for_sleepers(self, count: int = 1, real_timeout: float = 10.0) -> None:
        """Return once *count* threads (or more) are blocked in `sleep`, so that an advance will wake them.

        Raises:
            ClockError: They are not after *real_timeout* real seconds.
        """
        with self._changed:
            if self._changed.wait_for(lambda: len(self._sleepers) >= count, real_timeout):
                return
            asleep = ", ".join(map(str, self._sleepers)) or "none"
        hint = "; sleep() never blocks on a clock with autojump=True" if self.autojump else ""
        raise ClockError(
            f"wait_for_sleepers({count}): asleep after {real_timeout:g} s of real time: {asleep}{hint}"
        )

    # ---- patching

    def patch(self, *packages: str, sleep: bool = True, datetime: bool = True) -> ClockPatch:
        """Return a context manager that puts this clock under the code of the named packages only.

        Args:
            packages: Modules, or packages with all that is imported of them, by their dotted names.
            sleep: Whether ``time.sleep`` is replaced too.
            datetime: Whether ``datetime.now``, ``utcnow``, ``today`` and ``date.today`` are.
        """
        return ClockPatch(self, packages, sleep=sleep, datetimes=datetime)

    # ---- within

    def _advance_ns(self, ns: int) -> None:
        with self._lock:
            timer, rest = self._pass_time(ns)
        self._fire(timer, rest)

    def _fire(self, timer: Timer | None, rest: int) -> None:
        """Run *timer*, let *rest* pass, and so on. Not under the lock: a call may wait for other threads."""
        spins = 0
        while timer is not None:
            timer.fire()
            before = rest
            with self._lock:
                timer, rest = self._pass_time(rest)
            spins = spins + 1 if rest == before else 0
            if spins > _SPIN_LIMIT:
                raise ClockError(
                    f"{spins} timers fired and the advance came no further: one re-arms itself without a "
                    f"delay, or its call takes longer than the delay"
                )

    def _pass_time(self, ns: int) -> tuple[Timer | None, int]:
        """Move on by *ns*, or to the first timer that is due within it; return that, and what is left."""
        due = self._timers.next_due()
        if due is None or due > self._mono + ns:
            self._move(ns)
            return None, 0
        step = max(0, due - self._mono)
        self._move(step)
        return self._timers.pop(), ns - step

    def _move(self, ns: int) -> None:
        drift, self._slew_rest = divmod(self._slew_rest + ns * self._slew_ppb, NS)
        self._mono += ns
        self._wall += ns + drift

    def _block(self, ns: int) -> None:
        sleeper = Sleeper(ns / NS)
        with self._changed:
            self._sleepers.append(sleeper)
            timer = self._timers.add(self._mono + ns, partial(self._wake, sleeper))
            self._changed.notify_all()
            if self._changed.wait_for(lambda: sleeper.awake, self.real_timeout):
                return
            self._sleepers.remove(sleeper)
            timer.cancel()
        raise ClockError(
            f"{sleeper} was not woken within {self.real_timeout:g} s of real time: "
            f"advance() the clock from another thread, or make it with autojump=True"
        )

    def _wake(self, sleeper: Sleeper) -> None:
        with self._changed:
            if sleeper in self._sleepers:  # it may have given up between the timer and here
                self._sleepers.remove(sleeper)
            sleeper.awake = True
            self._changed.notify_all()


def _iso(wall_ns: int) -> str:
    try:
        return utc(wall_ns).isoformat().replace("+00:00", "Z")
    except ClockError:
        return f"{wall_ns} ns"
