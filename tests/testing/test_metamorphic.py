"""Code under changed clocks: the nine timing mistakes are found by name, and correct code passes."""

from __future__ import annotations

import datetime as dt
import itertools
import sys
import time
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.errors import ClockError
from pytest_telemetry.model.record import Record
from pytest_telemetry.testing.metamorphic import (
    assert_dst_safe,
    assert_wall_clock_independent,
    dst_safety,
    wall_clock_independence,
)
from pytest_telemetry.testing.recorder import TelemetryRecorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.testing.fake_clock import FakeClock

    Work = Callable[[], None]
    Timed = Callable[[FakeClock, Work], object]


# ---- code that reads the clocks of the process, correct and not


def with_perf_counter(_: FakeClock, work: Work) -> dict[str, float]:
    start = time.perf_counter()
    work()
    return {"duration_ms": (time.perf_counter() - start) * 1000}


def with_monotonic_ns(_: FakeClock, work: Work) -> dict[str, int]:
    start = time.monotonic_ns()
    work()
    return {"elapsed_ns": time.monotonic_ns() - start}


def with_rounding(_: FakeClock, work: Work) -> dict[str, Any]:
    start = time.perf_counter()
    work()
    took = time.perf_counter() - start
    return {
        "took_s": round(took, 1),
        "timing_ms": int(took * 1000),
        "latency": round(took),
        "wait_us": took * 1e6,
    }


def with_wall(_: FakeClock, work: Work) -> dict[str, float]:
    start = time.time()
    work()
    return {"duration_ms": (time.time() - start) * 1000}


def with_datetime(_: FakeClock, work: Work) -> dict[str, float]:
    start = dt.datetime.now(dt.UTC)
    work()
    return {"duration_ms": (dt.datetime.now(dt.UTC) - start).total_seconds() * 1000}


def with_naive_datetime(_: FakeClock, work: Work) -> dict[str, object]:
    start = dt.datetime.now()
    work()
    return {"elapsed": dt.datetime.now() - start}


def with_seconds_for_milliseconds(_: FakeClock, work: Work) -> dict[str, float]:
    start = time.perf_counter()
    work()
    return {"duration_ms": time.perf_counter() - start}


def with_microseconds_for_milliseconds(_: FakeClock, work: Work) -> dict[str, int]:
    start = time.perf_counter_ns()
    work()
    return {"duration_ms": (time.perf_counter_ns() - start) // 1000}


def with_absolute_reading(_: FakeClock, work: Work) -> dict[str, float]:
    work()
    return {"duration_ms": time.perf_counter() * 1000}


def with_wall_minus_monotonic(_: FakeClock, work: Work) -> dict[str, float]:
    start = time.monotonic()
    work()
    return {"duration_ms": (time.time() - start) * 1000}


def with_monotonic_minus_perf(_: FakeClock, work: Work) -> dict[str, float]:
    start = time.perf_counter()
    work()
    return {"duration_ms": (time.monotonic() - start) * 1000}


def with_whole_seconds_of_the_wall(_: FakeClock, work: Work) -> dict[str, int]:
    start = int(time.time())
    work()
    return {"took_s": int(time.time()) - start}


def with_processor_time(_: FakeClock, work: Work) -> dict[str, float]:
    start = time.process_time()
    work()
    return {"duration_ms": (time.process_time() - start) * 1000}


def here() -> str:
    return __name__


def only(function: Timed, **options: Any) -> dict[str, Any]:
    """Return the detail of the one finding, with its message."""
    (finding,) = wall_clock_independence(function, **options)
    assert (finding.check, finding.count, finding.level) == ("wall-clock-independence", 1, "error")
    return {**finding.examples[0].detail, "message": finding.message, "by_field": finding.by_field}


# ---- the nine mistakes and what is right


@pytest.mark.parametrize("function", [with_perf_counter, with_monotonic_ns, with_rounding])
def test_durations_of_a_monotonic_clock_pass(function: Timed) -> None:
    """Readings of one monotonic clock are right, in any unit, and rounded as the field says."""
    assert wall_clock_independence(function, packages=[here()]) == []
    assert_wall_clock_independent(function, packages=[here()])


@pytest.mark.parametrize(
    ("function", "mistake", "text"),
    [
        (
            with_wall,
            "wall clock",
            "duration_ms: follows the wall clock: 1250 became -3598750 when it was set back by an hour",
        ),
        (
            with_datetime,
            "wall clock",
            "duration_ms: follows the wall clock: 1250 became -3598750 when it was set back",
        ),
        (
            with_naive_datetime,
            "wall clock",
            "elapsed: follows the wall clock: 1.25 became -3598.75 when it was set back",
        ),
        (
            with_seconds_for_milliseconds,
            "wrong unit",
            "duration_ms: 1.25 was reported for 1250 ms of work; it looks like s in a _ms field",
        ),
        (
            with_microseconds_for_milliseconds,
            "wrong unit",
            "duration_ms: 1250000 was reported for 1250 ms of work; it looks like us in a _ms field",
        ),
        (
            with_absolute_reading,
            "absolute",
            "duration_ms: is a reading of the performance counter and not a difference of two: 55001250 became 400679250",
        ),
        (
            with_wall_minus_monotonic,
            "mixed clocks",
            "duration_ms: mixes clocks: it depends on where the wall clock and the monotonic clock start",
        ),
        (
            with_monotonic_minus_perf,
            "mixed clocks",
            "duration_ms: mixes clocks: it depends on where the monotonic clock and the performance counter start",
        ),
        (
            with_whole_seconds_of_the_wall,
            "wall clock",
            "took_s: follows the wall clock: 1 became -3599 when it was set back",
        ),
        (
            with_processor_time,
            "processor time",
            "duration_ms: counts processor time: 312.5 became 937.5 when the same work",
        ),
    ],
)
def test_each_mistake_is_named_with_both_values(function: Timed, mistake: str, text: str) -> None:
    """The finding says which field, which mistake, and what the value became."""
    found = only(function, packages=[here()])

    assert found["mistake"] == mistake
    assert found["message"].startswith(text)
    assert found["field"] in found["by_field"]
    assert found["base"] != found["changed"]


def test_the_assertion_starts_with_the_diagnosis() -> None:
    """One mistake stands on the first line; several are listed."""
    with pytest.raises(
        AssertionError, match=r"^with_wall\(\): duration_ms: follows the wall clock: 1250 became"
    ):
        assert_wall_clock_independent(with_wall, packages=[here()])

    def two(clock: FakeClock, work: Work) -> dict[str, float]:
        return with_wall(clock, work) | {"wait_s": 7, "elapsed_ms": 1250.0}

    with pytest.raises(AssertionError) as caught:
        assert_wall_clock_independent(two, packages=[here()])
    lines = str(caught.value).splitlines()
    assert lines[0] == "two(): 3 durations are wrong"
    assert [line.split(":")[0] for line in lines[1:]] == ["  duration_ms", "  wait_s", "  elapsed_ms"]


def test_constants_clamps_and_values_of_zero_do_not_pass() -> None:
    """A duration doubles with the work."""

    def report(clock: FakeClock, work: Work) -> dict[str, float]:
        start = clock.perf_counter()
        work()
        took = clock.perf_counter() - start
        return {"duration_s": 1.25, "elapsed_ms": min(took, 2) * 1000, "latency_ms": 0, "wait_s": 2 * took}

    messages = [finding.message for finding in wall_clock_independence(report)]

    assert messages[0].startswith(
        "duration_s: stayed 1.25 when the work took 2.5 s and not 1.25 s: it is not measured"
    )
    assert messages[1].startswith(
        "elapsed_ms: is not proportional to the work: 1250 became 2000 when it took twice"
    )
    assert messages[2].startswith("latency_ms: stayed 0 when the work took")
    assert messages[3:] == ["wait_s: 2.5 was reported for 1.25 s of work"]


def test_a_field_that_the_fake_clock_does_not_drive_is_recognised() -> None:
    """Values that differ between equal runs come from elsewhere; the text says what to do."""
    numbers = itertools.count(1)

    def report(_: FakeClock, work: Work) -> dict[str, float]:
        work()
        return {"duration_ms": next(numbers) * 0.017}

    found = only(report)

    assert found["mistake"] == "real clock"
    assert "in an equal run, so it is not measured by the fake clock" in found["message"]
    assert "name the package in packages=[...]" in found["message"]


def test_what_the_patch_cannot_reach_is_part_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock of the kernel looks real because it is."""
    module = ModuleType("sample_kernel")
    monkeypatch.setitem(sys.modules, "sample_kernel", module)
    exec(
        "import time\ndef report(clock, work):\n    start = time.clock_gettime_ns(1)\n    work()\n"
        "    return {'wait_ns': time.clock_gettime_ns(1) - start + next(numbers)}\n",
        vars(module),
    )
    vars(module)["numbers"] = itertools.count(0, 10**9)

    found = only(module.report, packages=["sample_kernel"])

    assert found["mistake"] == "real clock"
    assert "; the patch cannot reach sample_kernel:report (calls clock_gettime_ns, which" in found["message"]


# ---- what a function may return


def timed(clock: FakeClock, work: Work) -> float:
    start = clock.perf_counter()
    work()
    return clock.perf_counter() - start


def test_durations_are_found_by_name_wherever_they_are() -> None:
    """Nested mappings, lists, several events; what is no duration by its name is not judged."""

    def report(clock: FakeClock, work: Work) -> list[dict[str, Any]]:
        began = clock.wall_ns()
        took = timed(clock, work)
        return [
            {
                "time_ns": began,
                "started_ms": began // 10**6,
                "wait_count": 3,
                "timing": {"dbWaitMs": took * 1000, "name": "x"},
            },
            {"response_time_s": took, "latency": [took, took], "wait": took / 1000},
        ]

    found = only(report)

    assert found["field"] == "[1].wait"
    assert found["message"].endswith("was reported for 1.25 s of work")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("duration_ns", 1_250_000_000),
        ("elapsed_us", 1_250_000),
        ("total_elapsed_µs", 1_250_000),
        ("took_millis", 1250),
        ("requestLatencyMsec", 1250),
        ("wait-seconds", 1.25),
        ("execution_time", 1.25),
        ("queue.wait", 1.25),
        ("Runtime", 1.25),
        ("waited_sec", 1.25),
    ],
)
def test_units_are_read_off_names(name: str, value: float) -> None:
    """Suffixes of any usual spelling count, camel case too, and seconds are meant where there is none."""

    def report(clock: FakeClock, work: Work) -> dict[str, float]:
        took = timed(clock, work)
        return {name: type(value)(value * took / 1.25), "unit": 1}

    def wrong(clock: FakeClock, work: Work) -> dict[str, float]:
        return {name: timed(clock, work) / 7}

    assert wall_clock_independence(report) == []
    assert only(wrong)["mistake"] == "wrong unit"


def test_records_and_recorders_are_judged_too() -> None:
    """A span by its duration, a metric by its name, and attributes by theirs."""

    def report(clock: FakeClock, work: Work) -> TelemetryRecorder:
        with TelemetryRecorder(clock=clock) as recorder:
            with recorder.context("load") as scope:
                took = timed(clock, work)
                scope.set(wait_ms=took * 1000, bytes=3)
            recorder.context.gauge("load.latency_ms", took * 1000)
        return recorder

    def wrong(clock: FakeClock, work: Work) -> list[Record]:
        start = clock.wall_ns()
        work()
        span = Record("span", "load", "load", start, clock.wall_ns() - start, attrs={"wait_ms": 5})
        still_open = Record("span", "open", "open", start)
        metric = Record("metric", "latency_ms", "load.latency_ms", start, value=clock.wall_ns() - start)
        return [span, span, still_open, metric]

    fields = [finding.examples[0].detail["field"] for finding in wall_clock_independence(wrong)]

    assert wall_clock_independence(report) == []
    assert fields == [
        "load.duration_ns",
        "load.wait_ms",
        "load.duration_ns #2",
        "load.wait_ms #2",
        "load.latency_ms",
    ]


def test_work_may_be_done_several_times_within_one_duration() -> None:
    """A duration is the work of one call, or of several of them."""

    def report(clock: FakeClock, work: Work) -> dict[str, float]:
        start = clock.monotonic()
        first = timed(clock, work)
        work()
        return {"first_wait_ms": first * 1000, "duration_ms": (clock.monotonic() - start) * 1000}

    assert wall_clock_independence(report) == []


def test_fields_can_be_chosen_and_given_units() -> None:
    """By name, or by name and unit, and nothing else is judged then."""

    def report(clock: FakeClock, work: Work) -> dict[str, float]:
        took = timed(clock, work)
        return {"t": took * 1000, "span_us": took * 1e6, "duration_ms": 5}

    assert wall_clock_independence(report, fields={"t": "ms"}) == []
    assert wall_clock_independence(report, fields=["span_us"]) == []
    found = only(report, fields=["t"])
    assert (found["mistake"], found["changed"]) == ("wrong unit", 1.25)
    assert found["message"].endswith("it looks like ms in a field that is read as s")


def test_the_length_of_the_work_can_be_chosen() -> None:
    """A coarse field needs longer work; a timedelta will do."""

    def report(clock: FakeClock, work: Work) -> dict[str, int]:
        return {"duration_s": int(timed(clock, work))}

    assert wall_clock_independence(report, work=dt.timedelta(seconds=90)) == []
    assert only(report, work=0.25)["mistake"] == "not proportional"
    with pytest.raises(ValueError, match="work= must take time, got 0"):
        wall_clock_independence(report, work=0)


# ---- what cannot be judged


def test_nothing_to_judge_is_no_success() -> None:
    """No duration means a finding that says how to name one."""

    def report(_: FakeClock, work: Work) -> dict[str, float]:
        work()
        return {"size": 3}

    assert only_message(report) == (
        "report() reported no field with a name such as duration_ms; fields= says which fields are durations"
    )
    assert only_message(report, fields=["took"]).startswith("report() reported no field named took;")
    with pytest.raises(AssertionError, match="reported no field"):
        assert_dst_safe(report)


def only_message(function: Timed, **options: Any) -> str:
    (finding,) = wall_clock_independence(function, **options)
    return finding.message


@pytest.mark.parametrize("value", ["1.25 s", None, True, float("nan")])
def test_a_duration_that_is_no_number_is_a_finding(value: object) -> None:
    """It cannot be compared, and nobody could add it up."""

    def report(_: FakeClock, work: Work) -> dict[str, object]:
        work()
        return {"duration_ms": value}

    found = only(report)

    assert (found["mistake"], found["message"]) == ("no number", f"duration_ms: {value!r} is no number of ms")


def test_a_duration_that_turns_into_something_else_is_a_finding() -> None:
    """Infinite or text in one of the runs is a change like any other."""

    def report(clock: FakeClock, work: Work) -> dict[str, object]:
        start = clock.time()
        took = timed(clock, work)
        stepped = clock.time() - start < 0
        return {"duration_s": float("inf") if stepped else took, "elapsed_s": "negative" if stepped else took}

    messages = [finding.message for finding in wall_clock_independence(report)]

    assert messages[0].startswith("duration_s: follows the wall clock: 1.25 became inf when it was set back")
    assert messages[1].startswith(
        "elapsed_s: follows the wall clock: 1.25 became 'negative' when it was set back"
    )


def test_a_duration_that_is_missing_in_some_runs_is_a_finding() -> None:
    """For example where a negative duration is thrown away."""

    def report(clock: FakeClock, work: Work) -> dict[str, float]:
        start = clock.time()
        work()
        took = clock.time() - start
        return {"duration_s": took} if took >= 0 else {}

    found = only(report)

    assert (found["mistake"], found["message"]) == (
        "not in every run",
        "duration_s: reported in some runs only",
    )


def test_a_function_that_does_no_work_is_an_error() -> None:
    """Without work no time passes, and everything would look right."""
    with pytest.raises(ClockError, match=r"report\(\) never called work\(\), so no time passed"):
        wall_clock_independence(named(lambda _clock, _work: {"duration_ms": 0}, "report"))


def test_what_a_function_returns_is_checked() -> None:
    """The error says what it should be; a coroutine is not run by accident."""

    def report(_: FakeClock, work: Work) -> None:
        work()

    async def asynchronous(_: FakeClock, work: Work) -> dict[str, float]:
        work()
        return {}

    with pytest.raises(TypeError, match=r"the function must return what was reported: .*; it returned None"):
        wall_clock_independence(report)
    with pytest.raises(
        TypeError, match=r"asynchronous\(\) is a coroutine function: call asyncio.run\(\) inside"
    ):
        wall_clock_independence(asynchronous)
    with pytest.raises(
        TypeError, match=r"fields= takes the names of fields, for example \['took'\], got 'took'"
    ):
        wall_clock_independence(with_wall, fields="took")
    with pytest.raises(
        ValueError, match=r"fields=: unknown unit .t: 'minutes'.; the units are ns, us, ms, s"
    ):
        wall_clock_independence(with_wall, fields={"t": "minutes"})


def named(function: Timed, name: str) -> Timed:
    function.__name__ = name
    return function


# ---- summer time


def local_difference(clock: FakeClock, work: Work) -> dict[str, object]:
    start = clock.local("Europe/Berlin")
    work()
    return {"elapsed": clock.local("Europe/Berlin") - start}


def naive_difference(_: FakeClock, work: Work) -> dict[str, object]:
    start = dt.datetime.now()
    work()
    return {"elapsed": dt.datetime.now() - start}


@pytest.mark.parametrize("function", [local_difference, naive_difference])
def test_arithmetic_on_local_time_is_found(function: Timed) -> None:
    """Aware values of one zone are as wrong as naive ones; the text says when, and what to do."""
    (finding,) = dst_safety(function, packages=[here()])

    assert (finding.check, finding.examples[0].detail["mistake"]) == ("dst-safety", "local time")
    assert finding.message.startswith(
        "elapsed: 1.25 became -3598.75 when the clocks of Europe/Berlin went back during"
    )
    with pytest.raises(AssertionError, match=r"local_difference\(\): elapsed: 1\.25 became"):
        assert_dst_safe(local_difference)


def test_arithmetic_on_utc_is_safe() -> None:
    """Neither change of the clocks is seen, in any zone."""

    def report(clock: FakeClock, work: Work) -> dict[str, object]:
        start = clock.now()
        work()
        return {"elapsed": clock.now() - start}

    assert dst_safety(report) == []
    assert_dst_safe(report, "America/New_York")


def test_a_clamp_hides_one_change_and_not_the_other() -> None:
    """Both ways are tried: no negative duration is no proof."""

    def report(clock: FakeClock, work: Work) -> dict[str, float]:
        start = clock.local("Europe/Berlin")
        work()
        took = (clock.local("Europe/Berlin") - start).total_seconds()
        return {"duration_s": took if took >= 0 else 1.25}

    (finding,) = dst_safety(report)

    assert finding.message.startswith(
        "duration_s: 1.25 became 3601.25 when the clocks of Europe/Berlin went forward"
    )
