"""The fake clock: every row of the table in docs/reference/clocks.md, and what always holds."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_telemetry.model.errors import ClockError
from pytest_telemetry.testing.fake_clock import ClockReading, ClockReads, FakeClock, Timer

if TYPE_CHECKING:
    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.testing.clock_values import Duration

S = 1_000_000_000
WALL = 1_000_000_000 * S
MONO = 77_000 * S
PERF = 55_000 * S


def moved(clock: FakeClock) -> tuple[int, int, int, int]:
    """Return by how many nanoseconds each clock has moved from its usual origin."""
    now = clock.snapshot()
    return now.wall - WALL, now.mono - MONO, now.perf - PERF, now.cpu


# ---- origins and readings


def test_the_clocks_start_far_apart_and_not_at_zero() -> None:
    """A reading of one clock is never mistaken for one of another, or for nothing."""
    clock = FakeClock()

    assert clock.snapshot() == ClockReading(wall=WALL, mono=MONO, perf=PERF, cpu=0)
    assert clock.now() == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


def test_every_origin_can_be_chosen() -> None:
    """The wall starts at an aware datetime or at nanoseconds, the others at seconds or a timedelta."""
    moment = datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=2)))

    by_datetime = FakeClock(moment, mono=10, perf=timedelta(minutes=1)).snapshot()
    by_number = FakeClock(1_709_200_800 * S, mono=0.5, perf=0).snapshot()

    assert by_datetime == ClockReading(1_709_200_800 * S, 10 * S, 60 * S, 0)
    assert by_number == ClockReading(1_709_200_800 * S, S // 2, 0, 0)


def test_it_is_a_clock() -> None:
    """Whatever takes a Clock takes a FakeClock."""
    fake = FakeClock()
    clock: Clock = fake

    fake.advance(2)

    assert (clock.wall_ns(), clock.mono_ns()) == (WALL + 2 * S, MONO + 2 * S)


def test_it_has_the_functions_of_time_under_their_own_names() -> None:
    """Seconds are floats, nanoseconds integers, and each function reads its own clock."""
    clock = FakeClock()
    clock.advance(0.25, cpu=0.125)

    assert (clock.time(), clock.time_ns()) == (1_000_000_000.25, WALL + S // 4)
    assert (clock.monotonic(), clock.monotonic_ns()) == (77_000.25, MONO + S // 4)
    assert (clock.perf_counter(), clock.perf_counter_ns()) == (55_000.25, PERF + S // 4)
    assert (clock.process_time(), clock.process_time_ns()) == (0.125, S // 8)
    assert (clock.thread_time(), clock.thread_time_ns()) == (0.125, S // 8)


def test_its_text_says_when_it_is_and_who_waits() -> None:
    """The representation is short, and making it is not a reading."""
    clock = FakeClock()
    clock.call_later(5, list)
    clock.call_later(6, list).cancel()
    clock.advance(1.5)

    assert repr(clock) == "<FakeClock 2001-09-09T01:46:41.500000Z, 1.5 s after its start, 1 waiting>"
    assert clock.reads.total == 0


def test_it_needs_no_asyncio() -> None:
    """The clock of a plain test does not load an event loop."""
    script = "import sys, pytest_telemetry.testing.fake_clock as m; m.FakeClock(); assert 'asyncio' not in sys.modules"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


# ---- advance


def test_advance_moves_all_clocks_but_that_of_the_processor() -> None:
    """Time passes equally on the wall, monotonic and performance clock."""
    clock = FakeClock()

    clock.advance(1.5)

    assert moved(clock) == (1_500_000_000, 1_500_000_000, 1_500_000_000, 0)


@pytest.mark.parametrize(
    ("duration", "ns"),
    [
        (0, 0),
        (3, 3 * S),
        (1e-9, 1),
        (0.1, 100_000_000),
        (86_400_000.000000001, 86_400_000 * S),
        (123_456_789.5, 123_456_789 * S + S // 2),
        (123_456_789 + 2**-26, 123_456_789 * S + 15),
        (timedelta(days=1, microseconds=1), 86_400 * S + 1_000),
    ],
)
def test_a_duration_is_seconds_or_a_timedelta_and_exact(duration: Duration, ns: int) -> None:
    """No nanosecond is lost on the way in, however long the duration is."""
    clock = FakeClock()

    clock.advance(duration)

    assert moved(clock) == (ns, ns, ns, 0)


def test_processor_time_moves_only_when_told() -> None:
    """Work and waiting can be told apart: a second in which the processor worked for a fifth."""
    clock = FakeClock()

    clock.advance(1, cpu=0.2)
    clock.advance(1, cpu=timedelta(seconds=0.1))

    assert moved(clock) == (2 * S, 2 * S, 2 * S, 300_000_000)


def test_advance_refuses_to_go_back_and_names_the_way() -> None:
    """Monotonic time never goes back; the wall clock does, by another call."""
    clock = FakeClock()

    with pytest.raises(
        ValueError, match=r"advance\(\): -1 is negative: monotonic time never goes back; step_wall\(\)"
    ):
        clock.advance(-1)
    with pytest.raises(ValueError, match="is negative"):
        clock.advance(timedelta(microseconds=-1))
    with pytest.raises(ValueError, match=r"advance\(cpu=\): -0\.5 is negative"):
        clock.advance(1, cpu=-0.5)
    assert moved(clock) == (0, 0, 0, 0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_duration_must_be_finite(value: float) -> None:
    """What is no number of seconds is an error that shows it."""
    with pytest.raises(ValueError, match=f"expected a finite number of seconds, got {value}"):
        FakeClock().advance(value)


@pytest.mark.parametrize("value", ["1", None, True, Fraction(1, 2), datetime(2024, 1, 1)])
def test_a_duration_of_another_type_is_refused(value: object) -> None:
    """The error says what a duration is."""
    with pytest.raises(
        TypeError, match=r"advance\(\): expected seconds \(int or float\) or a timedelta, got"
    ):
        FakeClock().advance(value)  # type: ignore[arg-type]  # the mistake under test


# ---- the wall clock alone


@pytest.mark.parametrize("step", [3600, -3600, timedelta(seconds=-0.5), 0])
def test_step_wall_moves_the_wall_only(step: Duration) -> None:
    """A step of the wall clock, both ways, is invisible to the others and fires nothing."""
    clock = FakeClock()
    fired: list[str] = []
    clock.call_later(1, lambda: fired.append("timer"))

    clock.step_wall(step)

    seconds = step.total_seconds() if isinstance(step, timedelta) else step
    assert moved(clock) == (int(seconds * S), 0, 0, 0)
    assert (fired, clock.next_event()) == ([], MONO + S)


def test_set_wall_takes_an_aware_datetime_or_nanoseconds() -> None:
    """Both forms set the wall exactly, and nothing else."""
    clock = FakeClock()

    clock.set_wall(datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=ZoneInfo("Europe/Berlin")))
    assert clock.snapshot() == ClockReading(1_709_204_400 * S + 1_000, MONO, PERF, 0)

    clock.set_wall(-1)
    assert clock.snapshot() == ClockReading(-1, MONO, PERF, 0)


def test_a_naive_datetime_is_refused_with_the_reason() -> None:
    """It would be another moment on a machine in another zone."""
    with pytest.raises(
        ValueError, match=r"set_wall\(\): .* is naive, so it is another moment on every machine"
    ):
        FakeClock().set_wall(datetime(2024, 1, 1))


@pytest.mark.parametrize("value", [1.0, "2024-01-01", None, True])
def test_a_moment_of_another_type_is_refused(value: object) -> None:
    """The error says what a moment is."""
    with pytest.raises(
        TypeError, match=r"expected an aware datetime or whole nanoseconds since 1970 \(int\)"
    ):
        FakeClock().set_wall(value)  # type: ignore[arg-type]  # the mistake under test


def test_slew_makes_the_wall_drift_and_nothing_else() -> None:
    """At 500 millionths the wall gains half a millisecond a second, from now on until it is changed."""
    clock = FakeClock()

    clock.slew_wall(500)
    clock.advance(2)
    clock.slew_wall(-500)
    clock.advance(1)
    clock.slew_wall(0)
    clock.advance(1)

    assert moved(clock) == (4 * S + 500_000, 4 * S, 4 * S, 0)


def test_slew_is_exact_over_many_small_advances() -> None:
    """What is less than a nanosecond is carried on: ten thousand steps end where one long step ends."""
    small, large = FakeClock(), FakeClock()
    small.slew_wall(0.333)
    large.slew_wall(0.333)

    for _ in range(10_000):
        small.advance(7e-9)
    large.advance(70_000e-9)

    assert moved(small) == moved(large) == (70_000 + 70_000 * 333 // S, 70_000, 70_000, 0)
    clock = FakeClock()
    clock.slew_wall(100)
    for _ in range(10_000):
        clock.advance(1e-9)
    assert moved(clock) == (10_001, 10_000, 10_000, 0)


@pytest.mark.parametrize("ppm", [-1_000_000, float("nan"), float("inf"), "100", True])
def test_a_slew_that_no_clock_can_have_is_refused(ppm: object) -> None:
    """A wall clock that is slewed still goes forward."""
    with pytest.raises(ValueError, match=r"slew_wall\(\)"):
        FakeClock().slew_wall(ppm)  # type: ignore[arg-type]  # the mistake under test


def test_suspend_moves_the_wall_while_monotonic_time_stops() -> None:
    """As on Linux: after sleep the wall is ahead, and no timer is late."""
    clock = FakeClock()
    fired: list[str] = []
    clock.call_later(10, lambda: fired.append("timer"))

    clock.suspend(3600)

    assert moved(clock) == (3600 * S, 0, 0, 0)
    assert (fired, clock.next_event()) == ([], MONO + 10 * S)


def test_suspend_may_count_as_monotonic_time() -> None:
    """As on macOS: what fell due during sleep runs on waking, late and in order."""
    clock = FakeClock()
    fired: list[tuple[str, int]] = []
    clock.call_later(20, lambda: fired.append(("second", clock.snapshot().mono)))
    clock.call_later(10, lambda: fired.append(("first", clock.snapshot().mono)))
    clock.call_later(5000, lambda: fired.append(("later", 0)))

    clock.suspend(timedelta(hours=1), mono=True)

    assert moved(clock) == (3600 * S, 3600 * S, 3600 * S, 0)
    assert fired == [("first", MONO + 3600 * S), ("second", MONO + 3600 * S)]


def test_suspend_refuses_a_negative_length() -> None:
    """A machine does not sleep backwards."""
    with pytest.raises(ValueError, match=r"suspend\(\): -1 is negative"):
        FakeClock().suspend(-1)


# ---- auto_tick and counting


def test_auto_tick_lets_time_pass_after_each_reading() -> None:
    """Each reading of wall, monotonic or performance clock is followed by one tick of all three."""
    clock = FakeClock(auto_tick=0.001)

    first, second, third = clock.mono_ns(), clock.wall_ns(), clock.perf_counter_ns()

    assert (first, second, third) == (MONO, WALL + 1_000_000, PERF + 2_000_000)
    assert moved(clock) == (3_000_000, 3_000_000, 3_000_000, 0)


def test_auto_tick_can_be_changed_and_fires_timers() -> None:
    """It is an attribute; a tick is an advance."""
    clock = FakeClock()
    fired: list[int] = []
    clock.call_later(0.5, lambda: fired.append(clock.snapshot().mono - MONO))

    clock.auto_tick = timedelta(seconds=1)
    read = clock.mono_ns()
    clock.auto_tick = 0
    clock.mono_ns()

    assert (read, fired, clock.auto_tick) == (MONO, [S // 2], 0)
    assert moved(clock)[1] == S


def test_processor_time_does_not_tick() -> None:
    """Reading processor time or a snapshot moves nothing."""
    clock = FakeClock(auto_tick=1)

    clock.process_time()
    clock.snapshot()

    assert clock.auto_tick == 1.0
    assert moved(clock) == (0, 0, 0, 0)


def test_readings_are_counted_by_clock() -> None:
    """A test can say exactly how often code may look at the clock."""
    clock = FakeClock()

    clock.wall_ns(), clock.time(), clock.now(), clock.local(UTC)
    clock.mono_ns(), clock.monotonic()
    clock.perf_counter()
    clock.process_time(), clock.thread_time_ns()

    assert clock.reads == ClockReads(wall=4, mono=2, perf=1, cpu=2)
    assert clock.reads.total == 9
    clock.reads.reset()
    assert clock.reads == ClockReads()


# ---- timers


def test_timers_run_one_by_one_at_their_own_moments() -> None:
    """A call sees the moment for which it was made, whatever the length of the advance."""
    clock = FakeClock()
    seen: list[tuple[str, int]] = []
    for name, delay in [("c", 3), ("a", 1), ("b", 2), ("never", 10)]:
        clock.call_later(delay, lambda name=name: seen.append((name, moved(clock)[0])))  # type: ignore[misc]  # a bound name

    clock.advance(5)

    assert seen == [("a", S), ("b", 2 * S), ("c", 3 * S)]
    assert moved(clock) == (5 * S, 5 * S, 5 * S, 0)


def test_timers_of_one_moment_run_in_the_order_in_which_they_were_made() -> None:
    """First made, first called, and at the very end of an advance too."""
    clock = FakeClock()
    seen: list[int] = []
    for number in range(20):
        clock.call_later(1, lambda number=number: seen.append(number))  # type: ignore[misc]  # a bound name

    clock.advance(1)

    assert seen == list(range(20))


def test_at_counts_from_the_start_of_the_clock() -> None:
    """A script of events stands on the time line of the test."""
    clock = FakeClock()
    seen: list[int] = []
    clock.advance(1)

    clock.at(3, lambda: seen.append(moved(clock)[1]))
    clock.at(1, lambda: seen.append(moved(clock)[1]))
    clock.advance(5)

    assert seen == [S, 3 * S]
    with pytest.raises(ValueError, match=r"at\(\): 2 is over, 6 s have passed"):
        clock.at(2, list)


def test_a_cancelled_timer_never_runs() -> None:
    """Cancelling is final, may be repeated, and does not hold up the clock."""
    clock = FakeClock()
    seen: list[str] = []
    timer = clock.call_later(1, lambda: seen.append("no"))
    other = clock.call_later(2, lambda: seen.append("yes"))

    timer.cancel()
    timer.cancel()
    assert (timer.pending, other.pending, clock.next_event()) == (False, True, MONO + 2 * S)
    clock.advance(3)
    other.cancel()

    assert (seen, other.pending) == (["yes"], False)
    assert repr(other) == "<Timer due at 77002 s: done>"


def test_one_timer_may_cancel_another_of_the_same_moment() -> None:
    """The order of a moment is kept also where a call takes the next one away."""
    clock = FakeClock()
    seen: list[str] = []
    timers: list[Timer] = []
    clock.call_later(1, lambda: timers.pop().cancel())
    timers.append(clock.call_later(1, lambda: seen.append("no")))

    clock.advance(1)

    assert seen == []


def test_a_call_may_add_timers_and_they_run_in_the_same_advance() -> None:
    """A periodic timer arms itself again."""
    clock = FakeClock()
    seen: list[int] = []

    def again() -> None:
        seen.append(moved(clock)[1])
        clock.call_later(1, again)

    clock.call_later(1, again)
    clock.advance(3.5)

    assert seen == [S, 2 * S, 3 * S]
    assert clock.next_event() == MONO + 4 * S


def test_a_call_may_let_time_pass_which_comes_on_top() -> None:
    """The sum of all advances is what monotonic time moves by; who became late meanwhile runs late."""
    clock = FakeClock()
    seen: list[tuple[str, int]] = []

    def slow() -> None:
        clock.advance(2)
        seen.append(("slow", moved(clock)[1]))

    clock.call_later(1, slow)
    clock.call_later(2, lambda: seen.append(("within", moved(clock)[1])))
    clock.call_later(5, lambda: seen.append(("after", moved(clock)[1])))
    clock.advance(4)

    assert seen == [("within", 2 * S), ("slow", 3 * S), ("after", 5 * S)]
    assert moved(clock) == (6 * S, 6 * S, 6 * S, 0)


def test_a_call_that_raises_ends_the_advance_at_its_moment() -> None:
    """The error reaches the test, and the other timers are still there."""
    clock = FakeClock()
    seen: list[str] = []
    clock.call_later(1, lambda: 1 // 0)
    clock.call_later(2, lambda: seen.append("second"))

    with pytest.raises(ZeroDivisionError):
        clock.advance(5)
    assert (moved(clock)[1], seen) == (S, [])
    clock.advance(1)

    assert seen == ["second"]


def test_a_timer_that_arms_itself_without_delay_is_an_error_and_no_hang() -> None:
    """Time could never go on, so the clock says so."""
    clock = FakeClock()

    def again() -> None:
        clock.call_later(0, again)

    clock.call_later(1, again)

    with pytest.raises(ClockError, match="one re-arms itself without a delay"):
        clock.advance(2)


def test_a_call_may_wait_for_threads_that_use_the_clock() -> None:
    """No lock is held while it runs: threads that it starts read, tick, sleep and move the clock."""
    clock = FakeClock(auto_tick=0.001)
    read: list[int] = []

    def use() -> None:
        read.append(clock.mono_ns())
        clock.advance(0.5)
        clock.sleep(0.5)
        clock.call_later(1, list).cancel()

    def call() -> None:
        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)

    clock.call_later(1, call)
    clock.advance(1)

    assert len(read) == 3
    assert moved(clock)[1] == 4 * S + 3_000_000


def test_a_timer_needs_something_to_call() -> None:
    """A mistake is reported where it is made, not when time comes."""
    with pytest.raises(TypeError, match="a timer needs something to call, got None"):
        FakeClock().call_later(1, None)  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(ValueError, match=r"call_later\(\): -1 is negative"):
        FakeClock().call_later(-1, list)


def test_advance_to_next_goes_exactly_to_the_next_event() -> None:
    """It runs everything of that moment and nothing later, and says how far it went."""
    clock = FakeClock()
    seen: list[str] = []
    for name, delay in [("a", 0.25), ("b", 0.25), ("c", 1)]:
        clock.call_later(delay, lambda name=name: seen.append(name))  # type: ignore[misc]  # a bound name

    assert clock.advance_to_next() == 0.25
    assert (seen, clock.next_event()) == (["a", "b"], MONO + S)
    assert clock.advance_to_next() == 0.75
    assert (seen, clock.next_event()) == (["a", "b", "c"], None)
    with pytest.raises(ClockError, match="no timer and no sleeper is waiting"):
        clock.advance_to_next()


# ---- sleep


def test_sleep_moves_the_clock_by_itself() -> None:
    """By default code that sleeps gets its time at once, and the test can see what it asked for."""
    clock = FakeClock()
    seen: list[str] = []
    clock.call_later(2, lambda: seen.append("timer"))

    for delay in (1, 2, 4):
        clock.sleep(delay)

    assert moved(clock) == (7 * S, 7 * S, 7 * S, 0)
    assert (clock.sleeps, seen) == ([1, 2, 4], ["timer"])


def test_sleep_refuses_a_negative_length() -> None:
    """As the real one does."""
    with pytest.raises(ValueError, match=r"sleep\(\): -1 is negative"):
        FakeClock().sleep(-1)


def test_a_manual_clock_blocks_the_sleeper_until_it_is_advanced() -> None:
    """The thread goes on when enough time has passed, and not before."""
    clock = FakeClock(autojump=False)
    woken: list[int] = []

    def work() -> None:
        clock.sleep(5)
        woken.append(clock.snapshot().mono)

    thread = threading.Thread(target=work)
    thread.start()
    clock.wait_for_sleepers()
    clock.advance(4.5)
    clock.wait_for_sleepers(1)
    assert (woken, clock.next_event()) == ([], MONO + 5 * S)
    clock.advance(1)
    thread.join(10)

    assert woken == [MONO + 5_500_000_000]


def test_sleepers_are_woken_in_the_order_of_their_moments() -> None:
    """One by one with advance_to_next, each at its own moment."""
    clock = FakeClock(autojump=False)
    woken: list[tuple[str, int]] = []

    def work(name: str, delay: float) -> None:
        clock.sleep(delay)
        woken.append((name, clock.snapshot().mono - MONO))

    threads = {
        name: threading.Thread(target=work, args=(name, delay)) for name, delay in [("late", 2), ("early", 1)]
    }
    for thread in threads.values():
        thread.start()
    clock.wait_for_sleepers(2)
    clock.advance_to_next()
    threads["early"].join(10)
    clock.wait_for_sleepers(1)
    clock.advance_to_next()
    threads["late"].join(10)

    assert woken == [("early", S), ("late", 2 * S)]


def test_sleeping_for_no_time_never_blocks() -> None:
    """As the real one, which only gives way to other threads."""
    clock = FakeClock(autojump=False)

    clock.sleep(0)

    assert clock.sleeps == [0]


def test_a_sleeper_that_nobody_wakes_is_an_error_that_names_it() -> None:
    """The error gives the length, the thread and the line of the sleep, and what to do."""
    clock = FakeClock(autojump=False, real_timeout=0.01)

    with pytest.raises(ClockError) as caught:
        clock.sleep(5)

    text = str(caught.value)
    assert text.startswith(f"sleep(5) in thread 'MainThread' at {__file__}:")
    assert "was not woken within 0.01 s of real time: advance() the clock from another thread" in text
    assert clock.next_event() is None
    clock.advance(10)


def test_waiting_for_sleepers_that_do_not_come_is_an_error_that_says_who_sleeps() -> None:
    """The error lists who is asleep, and says where nobody ever will be."""
    clock = FakeClock(autojump=False)
    thread = threading.Thread(target=clock.sleep, args=(5,), name="worker")
    thread.start()
    clock.wait_for_sleepers(1)

    with pytest.raises(
        ClockError,
        match=r"wait_for_sleepers\(2\): asleep after 0.01 s of real time: sleep\(5\) in thread 'worker'",
    ):
        clock.wait_for_sleepers(2, real_timeout=0.01)
    clock.advance(5)
    thread.join(10)
    with pytest.raises(
        ClockError, match=r"asleep .*: none; sleep\(\) never blocks on a clock with autojump=True"
    ):
        FakeClock().wait_for_sleepers(real_timeout=0)


# ---- zones


def test_local_is_the_wall_clock_of_a_zone() -> None:
    """By name, by object, or that of the clock itself; else that of the machine."""
    clock = FakeClock(zone="Asia/Tokyo")

    assert clock.local("Europe/Berlin").isoformat() == "2001-09-09T03:46:40+02:00"
    assert clock.local(UTC).isoformat() == "2001-09-09T01:46:40+00:00"
    assert clock.local().isoformat() == "2001-09-09T10:46:40+09:00"
    assert FakeClock().local() == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


def test_an_unknown_zone_is_an_error_with_a_way_out() -> None:
    """It may be misspelt, or the machine may have no zone data."""
    with pytest.raises(ClockError, match=r"no time zone 'Mars/Olympus' here: .* pip install tzdata"):
        FakeClock().local("Mars/Olympus")
    with pytest.raises(ClockError, match=r"no time zone '\.\./up' here"):
        FakeClock(zone="../up")


@pytest.mark.parametrize(
    ("zone", "season", "change"),
    [
        ("Europe/Berlin", "fall", datetime(2001, 10, 28, 1, tzinfo=UTC)),
        ("Europe/Berlin", "spring", datetime(2002, 3, 31, 1, tzinfo=UTC)),
        ("America/New_York", "fall", datetime(2001, 10, 28, 6, tzinfo=UTC)),
        ("Australia/Sydney", "spring", datetime(2001, 10, 27, 16, tzinfo=UTC)),
        ("Europe/Dublin", "fall", datetime(2001, 10, 28, 1, tzinfo=UTC)),
    ],
)
def test_travel_to_dst_stands_just_before_the_change(zone: str, season: str, change: datetime) -> None:
    """Only the wall is set, half a second ahead of the second in which clocks are changed."""
    clock = FakeClock()

    returned = clock.travel_to_dst(zone, season)  # type: ignore[arg-type]  # one of the two

    assert returned == change
    assert clock.now() == change - timedelta(seconds=0.5)
    assert clock.snapshot()[1:] == (MONO, PERF, 0)


def test_the_change_itself_never_moves_the_clock() -> None:
    """Over the change in autumn a second is a second; only arithmetic on local time says otherwise."""
    clock = FakeClock()
    zone = ZoneInfo("Europe/Berlin")
    clock.travel_to_dst(zone, "fall", before=timedelta(seconds=0.5))
    local, moment = clock.local(zone), clock.now()

    clock.advance(1)

    assert clock.now() - moment == timedelta(seconds=1)
    assert clock.local(zone) - local == timedelta(seconds=-3599)
    assert (local.hour, clock.local(zone).hour) == (2, 2)


def test_two_changes_in_a_row_are_half_a_year_apart() -> None:
    """From the moment of one change the search goes on to the next."""
    clock = FakeClock()

    first = clock.travel_to_dst("Europe/Berlin", "fall", before=0)
    second = clock.travel_to_dst("Europe/Berlin", "fall", before=0)

    assert (first.year, second.year) == (2001, 2002)


def test_a_zone_without_changes_cannot_be_travelled_in() -> None:
    """The error says so; and so does a season that does not exist."""
    with pytest.raises(ClockError, match="the clocks of Asia/Tokyo do not go back within two years"):
        FakeClock().travel_to_dst("Asia/Tokyo", "fall")
    with pytest.raises(ValueError, match=r"expected 'fall' .* or 'spring' .*, got 'autumn'"):
        FakeClock().travel_to_dst("Europe/Berlin", "autumn")  # type: ignore[arg-type]  # the mistake under test


def test_a_wall_that_no_datetime_can_hold_is_explained() -> None:
    """Nanoseconds passed for seconds end in the far future; reading the number still works."""
    clock = FakeClock()
    clock.step_wall(WALL)

    with pytest.raises(ClockError, match=r"durations are seconds, and set_wall\(\) takes nanoseconds"):
        clock.now()
    assert clock.wall_ns() == WALL + WALL * S
    assert f"<FakeClock {WALL + WALL * S} ns," in repr(clock)


# ---- what always holds

_lengths = st.integers(0, 10**12).map(lambda ns: timedelta(microseconds=ns // 1_000))
_signed = st.integers(-(10**12), 10**12).map(lambda us: timedelta(microseconds=us))
_acts = st.one_of(
    st.tuples(st.just("advance"), _lengths),
    st.tuples(st.just("step_wall"), _signed),
    st.tuples(st.just("slew_wall"), st.integers(-999_999, 999_999)),
    st.tuples(st.just("suspend"), _lengths),
    st.tuples(st.just("sleep"), _lengths),
)


def ns_of(delta: timedelta) -> int:
    return (delta // timedelta(microseconds=1)) * 1_000


@settings(max_examples=60)
@given(st.lists(_acts, max_size=30))
def test_clocks_move_by_exactly_what_was_asked_for(acts: list[tuple[str, timedelta | int]]) -> None:
    """Monotonic: the sum of the advances, never back. Wall: advances with their drift, and steps."""
    clock = FakeClock()
    rate, mono, wall = Fraction(0), 0, Fraction(0)

    for name, value in acts:
        before = clock.snapshot().mono
        getattr(clock, name)(value)
        if name == "slew_wall":
            rate = Fraction(int(value), 1_000_000)  # type: ignore[arg-type]  # a number in this act
        elif name in {"advance", "sleep"}:
            mono += ns_of(value)  # type: ignore[arg-type]  # a length in these acts
            wall += ns_of(value) * (1 + rate)  # type: ignore[arg-type]  # likewise
        else:
            wall += ns_of(value)  # type: ignore[arg-type]  # likewise
        assert clock.snapshot().mono >= before

    assert moved(clock) == (wall.__floor__(), mono, mono, 0)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 50), max_size=40), st.lists(st.integers(0, 20), max_size=20))
def test_timers_always_run_in_the_order_of_moment_and_age(delays: list[int], advances: list[int]) -> None:
    """Whatever the advances are, every call sees its own moment, and ties go by age."""
    clock = FakeClock()
    seen: list[tuple[int, int]] = []
    for number, delay in enumerate(delays):
        clock.call_later(delay, lambda number=number: seen.append((clock.snapshot().mono, number)))  # type: ignore[misc]  # a bound name

    for advance in [*advances, 0]:
        clock.advance(advance)

    expected = sorted(
        (MONO + delay * S, number) for number, delay in enumerate(delays) if delay <= sum(advances)
    )
    assert seen == expected


def test_readings_of_many_threads_are_those_of_one_line_of_time() -> None:
    """With a tick no two readings are equal, none is lost, and each thread sees time go forward."""
    clock = FakeClock(auto_tick=1e-9)

    def read() -> list[int]:
        return [clock.mono_ns() for _ in range(500)]

    with ThreadPoolExecutor(8) as pool:
        results = [future.result() for future in [pool.submit(read) for _ in range(8)]]

    assert all(values == sorted(values) for values in results)
    assert sorted(value for values in results for value in values) == list(range(MONO, MONO + 4000))
    assert clock.reads == ClockReads(mono=4000)


def test_advances_of_many_threads_add_up() -> None:
    """No advance is lost, and every timer runs exactly once."""
    clock = FakeClock()
    fired: list[int] = []
    for number in range(200):
        clock.call_later(number / 100, lambda number=number: fired.append(number))  # type: ignore[misc]  # a bound name

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(clock.advance, 0.01) for _ in range(400)]:
            future.result()

    assert moved(clock) == (4 * S, 4 * S, 4 * S, 0)
    assert sorted(fired) == list(range(200))
