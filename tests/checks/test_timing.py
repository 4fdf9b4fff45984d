"""Times that one monotonic clock could have measured, and times that none could."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import FakeClock, TelemetryRecorder
from pytest_telemetry.checks import MonotonicTiming
from pytest_telemetry.checks import timing as timing_module
from pytest_telemetry.checks.stated_ends import stated_end
from pytest_telemetry.model.otlp_json import PARENT_IS_REMOTE
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine, decode_object

if TYPE_CHECKING:
    from pytest_telemetry.model.finding import Finding

MS = 1_000_000
T0 = 1_700_000_000_000_000_000


def span(name: str, start_ms: float, duration_ms: float | None, **more: Any) -> Record:
    fields = {"span_id": name, "trace_id": "t", "run_id": "r", "thread": "main", **more}
    duration_ns = None if duration_ms is None else round(duration_ms * MS)
    return Record("span", name, name, T0 + round(start_ms * MS), duration_ns, **fields)


def judge(*records: Record) -> list[Finding]:
    return MonotonicTiming()(records)


def reasons(*records: Record) -> list[str]:
    return [example.text for finding in judge(*records) for example in finding.examples]


def judge_line(**raw: Any) -> list[str]:
    line = decode_object({"cmd": "a", **raw}, 4)
    assert isinstance(line, LogLine)
    judgement = MonotonicTiming().start()
    judgement.add(line.record, line)
    return [example.text for finding in judgement.findings() for example in finding.examples]


def test_what_the_runtime_records_is_consistent_whatever_the_wall_clock_does() -> None:
    """Stepped back an hour inside a span, and forward between spans."""
    clock = FakeClock()
    with TelemetryRecorder(clock=clock) as recorder:
        tele = recorder.context
        for _ in range(3):
            with tele("outer"):
                clock.advance(0.5)
                clock.step_wall(-3_600)
                with tele("inner"):
                    clock.advance(0.25)
                    tele.count("rows")
                tele.event("done")
            clock.step_wall(7_200)

    assert judge(*recorder.records()) == []
    assert judge(*reversed(recorder.records())) == []


def test_a_negative_duration_is_found() -> None:
    """The wall clock was set back while it was the stopwatch."""
    (finding,) = judge(span("load", 0, -3.5), span("load", 0, 1, span_id="x"))

    assert (finding.count, finding.level) == (1, "error")
    assert "(1 x negative duration)" in finding.message
    assert finding.examples[0].text == "load: lasted -3.5 ms"


@pytest.mark.parametrize(
    "records",
    [
        [span("child", -1, 2, parent_id="outer"), span("outer", 0, 10)],
        [span("outer", 0, 10), span("child", -1, 2, parent_id="outer")],
    ],
)
def test_a_child_that_begins_before_its_parent_is_found(records: list[Record]) -> None:
    """In the order of ends and in the order of starts."""
    assert "begins 1 ms before its parent outer" in reasons(*records)[0]


@pytest.mark.parametrize(
    "records",
    [
        [
            span("child", 5, 7, parent_id="outer"),
            span("inside", 1, 2, parent_id="outer"),
            span("outer", 0, 10),
        ],
        [
            span("outer", 0, 10),
            span("inside", 1, 2, parent_id="outer"),
            span("child", 5, 7, parent_id="outer"),
        ],
    ],
)
def test_a_child_that_ends_after_its_parent_is_found(records: list[Record]) -> None:
    """Others that are inside do not hide it."""
    (text,) = reasons(*records)

    assert "child" in text
    assert "ends 2 ms after its parent outer" in text


def test_a_point_outside_its_parent_is_found() -> None:
    """Events and measurements have a parent too."""
    event = Record("event", "e", "e", T0 + 20 * MS, run_id="r", trace_id="t", parent_id="outer")

    assert reasons(span("outer", 0, 10), event) == ["e: ends 10 ms after its parent outer"]


def test_children_of_other_runs_and_open_parents_are_not_compared() -> None:
    """Two processes have two clocks; an open span has no end."""
    assert judge(span("outer", 0, 10), span("child", 50, 1, parent_id="outer", run_id="other")) == []
    assert judge(span("outer", 0, None), span("child", 50, 1, parent_id="outer")) == []
    assert judge(span("orphan", 0, 1, parent_id="gone")) == []


def test_rounding_is_not_a_mistake() -> None:
    """Up to the tolerance, a microsecond by default."""
    records = span("outer", 0, 10), span("child", 5, 5.001, parent_id="outer")

    assert judge(*records) == []
    assert MonotonicTiming(tolerance_ns=999)(records) != []


@pytest.mark.parametrize("turned", [False, True])
def test_time_that_goes_back_in_sequence_is_found(turned: bool) -> None:
    """In one thread of one trace, in whatever order the two arrive."""
    records = [span("a", 10, 1, seq=5), span("b", 2, 1, seq=6)]

    (text,) = reasons(*(reversed(records) if turned else records))

    assert "8 ms" in text


@pytest.mark.parametrize(
    "difference", [{"thread": "other"}, {"trace_id": "u"}, {"run_id": "s"}, {"seq": 8}, {"seq": None}]
)
def test_only_neighbours_in_one_thread_and_trace_are_compared(difference: dict[str, Any]) -> None:
    """Others may overlap, or count from one of their own."""
    assert judge(span("a", 10, 1, seq=5), span("b", 2, 1, **{"seq": 6, **difference})) == []


@pytest.mark.parametrize(
    "ends",
    [
        {"start_monotonic_s": 5.0, "end_monotonic_s": 5.010},
        {"start_monotonic_s": 1.123456789, "end_monotonic_s": 1.133456789},
        {"start_ns": 5, "end_ns": 10_000_005},
        {"start_ms": 1.0, "end_ms": 11.0},
        {"end_time_ns": T0 + 10 * MS},
        {"end_wall_time_s": 1_700_000_000.01},
        {"start_time": "2026-01-01T00:00:00.000Z", "end_time": "2026-01-01T00:00:00.010Z"},
        {"end_ns": None},
        {"end_ns": True},
        {"end_ns": "soon"},
        {"end_ms": 11.0},
        {"end_monotonic_s": float("inf"), "start_monotonic_s": 5.0},
    ],
)
def test_a_stated_end_that_fits_or_says_nothing_passes(ends: dict[str, Any]) -> None:
    """In any unit, to the digits that it has."""
    assert judge(span("a", 0, 10, attrs=ends)) == []


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (
            {"start_monotonic_s": 5.0, "end_monotonic_s": 5.120},
            "a: end_monotonic_s is 110 ms off start plus duration",
        ),
        ({"start_ns": 5, "end_ns": 5}, "a: end_ns is -10 ms off start plus duration"),
        ({"end_time_ns": T0 + 3_600_000 * MS}, "a: end_time_ns is 3,599,990 ms off start plus duration"),
        (
            {"started_at": "2026-01-01T00:00:00.000Z", "ended_at": "2026-01-01T00:00:00.110Z"},
            "a: ended_at is 100 ms",
        ),
    ],
)
def test_a_stated_end_that_does_not_fit_is_found(ends: dict[str, Any], said: str) -> None:
    """One of the three figures comes from another clock."""
    assert reasons(span("a", 0, 10, attrs=ends))[0].startswith(said)


def test_older_logs_are_judged_by_what_their_stamps_can_say() -> None:
    """Whole seconds and whole milliseconds are no mistakes; an hour is."""
    stamps = {"start_ts": "2026-01-01T00:00:00Z", "end_ts": "2026-01-01T00:00:01Z"}

    assert judge_line(ts="2026-01-01T00:00:01Z", timing_ms=3, x=stamps) == []
    assert judge_line(ts="2026-01-01T00:00:01Z", timing_ms=3, end_ts="2026-01-01T07:00:00Z") == []
    assert judge_line(timing_ms=3, x={"start_ms": 0, "end_ms": 5}) == []
    assert judge_line(timing_ms=3, x={"start_ms": 0, "end_ms": 6}) == [
        "a: end_ms is 3 ms off start plus duration"
    ]
    assert judge_line(timing_ms=-3) == ["a: lasted -3 ms"]


def test_an_end_without_a_duration_is_not_compared() -> None:
    """There is nothing to compare it with."""
    assert stated_end(span("a", 0, None, attrs={"start_ns": 0, "end_ns": 5})) is None


def test_records_without_times_pass() -> None:
    """What is not said is not judged."""
    record = Record("span", "a", "a", None, 5, span_id="s", parent_id="p", seq=3, trace_id="t", thread="m")
    judgement = MonotonicTiming().start()

    judgement.add(record)

    assert judgement.findings() == []
    assert judgement.judged == 1


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans are compared with the latest others only."""
    monkeypatch.setattr(timing_module, "_REMEMBERED", 10)
    records = [
        span("outer", 0, 1),
        *(span(f"s{n}", n, 1) for n in range(20)),
        span("late", 50, 1, parent_id="outer"),
    ]

    assert judge(*records) == []


def test_work_that_was_not_waited_for_is_not_called_a_bad_clock() -> None:
    """A task that outlives the span it was started in has right times; the advice names both possibilities."""
    parent = Record("span", "parent", "parent", 0, 1_000_000, span_id="1")
    child = Record("span", "child", "parent.child", 10, 9_000_000, span_id="2", parent_id="1")

    (finding,) = MonotonicTiming()([parent, child])

    assert finding.message == (
        "the times of 1 record do not lie inside their parents (1 x outside its parent): "
        "measure with one monotonic clock, and end a span after what it started"
    )


def test_a_parent_of_another_process_was_timed_by_another_clock() -> None:
    """So it is not compared with, whichever of the two comes first; one of the same process is."""
    parent = Record("span", "call", "call", 1_000_000, 5_000_000, trace_id="t", span_id="p")
    child = Record("span", "serve", "serve", 0, 90_000_000, trace_id="t", span_id="c", parent_id="p")
    elsewhere = replace(child, attrs={PARENT_IS_REMOTE: True})

    assert MonotonicTiming()([parent, elsewhere]) == MonotonicTiming()([elsewhere, parent]) == []
    assert len(MonotonicTiming()([parent, child])) == len(MonotonicTiming()([child, parent])) == 1


def test_what_is_too_long_to_be_an_id_is_not_compared() -> None:
    """It would have to be kept."""
    ids: dict[str, Any] = {"trace_id": "t" * 600, "span_id": "s" * 600}
    parent = Record("span", "outer", "outer", 1_000_000, 5_000_000, **ids)
    child = Record(
        "span", "inner", "inner", 0, 90_000_000, trace_id=ids["trace_id"], parent_id=ids["span_id"]
    )

    assert MonotonicTiming()([parent, child]) == []
