"""Records as a trace that viewers of timelines open."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.record import Record
from pytest_telemetry.reports.perfetto import perfetto_trace

BEGAN = 1_767_225_600_000_000_123


def span(name: str, start_ns: int, duration_ns: int | None, **fields: Any) -> Record:
    return Record("span", name, name, BEGAN + start_ns, duration_ns, **fields)


def traced(*records: Record) -> list[dict[str, Any]]:
    """Return the events of a trace without its metadata."""
    return [event for event in perfetto_trace(records, name="r")["traceEvents"] if event["ph"] != "M"]


def require_well_formed(trace: dict[str, Any]) -> None:
    """Hold a trace to what the format asks for, and to our own rules."""
    assert json.loads(json.dumps(trace, allow_nan=False)) == trace
    assert trace["displayTimeUnit"] in {"ms", "ns"}
    named = {e["tid"] for e in trace["traceEvents"] if e["ph"] == "M" and e["name"] == "thread_name"}
    tracks: dict[int, list[tuple[int, int]]] = {}
    for event in trace["traceEvents"]:
        assert isinstance(event["name"], str)
        assert event["ph"] in {"X", "i", "C", "M"}
        assert type(event["pid"]) is int
        assert type(event["tid"]) is int
        assert type(event["ts"]) is int
        assert event["ts"] >= 0
        assert isinstance(event["args"], dict)
        if event["ph"] == "M":
            assert event["name"] in {"process_name", "thread_name", "thread_sort_index"}
            continue
        assert event["tid"] in named
        assert isinstance(event["cat"], str)
        assert ("dur" in event) is (event["ph"] == "X")
        if event["ph"] == "i":
            assert event["s"] == "t"
        elif event["ph"] == "C":
            assert all(type(value) in (int, float) for value in event["args"].values())
        else:
            assert type(event["dur"]) is int
            assert event["dur"] >= 0
            tracks.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
    for spans in tracks.values():
        for start, end in spans:
            for other, until in spans:
                assert (
                    end <= other
                    or until <= start
                    or start <= other <= until <= end
                    or other <= start <= end <= until
                )


def test_a_span_is_a_complete_event_with_what_is_known_of_it() -> None:
    """Attributes and facts apart, so that neither hides the other."""
    record = span(
        "load", 0, 1_500_000, attrs={"rows": 1, "status": 200}, status="error", error="E", span_id="ab"
    )

    assert traced(record) == [
        {
            "name": "load",
            "cat": "span",
            "ph": "X",
            "ts": 0,
            "dur": 1_500,
            "pid": 1,
            "tid": 1,
            "args": {
                "attrs": {"rows": 1, "status": 200},
                "status": "error",
                "error": "E",
                "span_id": "ab",
                "source": "api",
            },
        }
    ]


def test_beginnings_and_ends_are_cut_to_microseconds_and_durations_are_not() -> None:
    """So that a child that ends with its parent does so in the trace, too."""
    parent, child = traced(span("a", 0, 1_999), span("b", 900, 1_099))

    assert (parent["ts"], parent["dur"]) == (0, 2)
    assert (child["ts"], child["dur"]) == (1, 1)


def test_each_thread_has_a_track_with_its_name() -> None:
    """In the order in which they come up."""
    records = [span("a", 0, 10, thread="MainThread"), span("b", 0, 10, thread="worker"), span("c", 20, 1)]

    trace = perfetto_trace(records, name="run 1")

    metadata = [(e["name"], e["tid"], e["args"]) for e in trace["traceEvents"] if e["ph"] == "M"]
    assert metadata == [
        ("process_name", 0, {"name": "run 1"}),
        ("thread_name", 1, {"name": "MainThread"}),
        ("thread_sort_index", 1, {"sort_index": 1}),
        ("thread_name", 2, {"name": "worker"}),
        ("thread_sort_index", 2, {"sort_index": 2}),
        ("thread_name", 3, {"name": "unknown thread"}),
        ("thread_sort_index", 3, {"sort_index": 3}),
    ]


def test_spans_inside_each_other_and_after_each_other_share_a_track() -> None:
    """In whichever order they are stored: a child ends, and is stored, before its parent."""
    events = traced(
        span("child", 1_000, 2_000),
        span("parent", 0, 5_000),
        span("next", 5_000, 1_000),
        span("last", 9_000, 9_000),
    )

    assert [(event["name"], event["tid"]) for event in events] == [
        ("parent", 1),
        ("child", 1),
        ("next", 1),
        ("last", 1),
    ]


def test_spans_that_overlap_in_one_thread_have_tracks_of_their_own() -> None:
    """Those of tasks do; the tracks of a thread stand beside each other."""
    records = [
        span("a", 0, 10_000, thread="main"),
        span("b", 5_000, 10_000, thread="main"),
        span("c", 6_000, 1_000, thread="main"),
        span("d", 0, 1_000, thread="other"),
    ]

    trace = perfetto_trace(records, name="r")

    names = {e["tid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "thread_name"}
    assert names == {1: "main", 2: "main (2)", 3: "other"}
    assert {e["name"]: e["tid"] for e in trace["traceEvents"] if e["ph"] == "X"} == {
        "a": 1,
        "b": 2,
        "c": 1,
        "d": 3,
    }


def test_events_and_logs_are_instants() -> None:
    """With the level of a log."""
    first, second = traced(
        Record("event", "hit", "hit", BEGAN, attrs={"key": (1, float("inf"))}),
        Record("log", "slow", "slow", BEGAN + 5_000, level="warning"),
    )

    assert (first["ph"], first["s"], first["cat"], first["ts"]) == ("i", "t", "event", 0)
    assert first["args"]["attrs"] == {"key": [1, "inf"]}
    assert (second["ph"], second["cat"], second["ts"]) == ("i", "log.warning", 5)


def test_counters_are_added_up_and_gauges_are_not() -> None:
    """Each series for itself; what is no number is an instant."""

    def metric(value: Any, instrument: Any, **attrs: Any) -> Record:
        return Record("metric", "m", "m", BEGAN, None, value, instrument, attrs=attrs)

    events = traced(
        metric(1, "counter", f="csv"),
        metric(2, "counter", f="json"),
        metric(3, "counter", f="csv"),
        metric(5, "gauge"),
        metric(4, "gauge"),
        metric("high", "gauge"),
        metric(float("nan"), "counter"),
        metric(10**400, "gauge"),
    )

    assert [e["args"] for e in events if e["ph"] == "C"] == [
        {"f=csv": 1},
        {"f=json": 2},
        {"f=csv": 4},
        {"value": 5},
        {"value": 4},
    ]
    assert [e["args"]["value"] for e in events if e["ph"] == "i"][:2] == ["high", "nan"]


def test_spans_without_an_end_or_with_one_before_their_beginning_are_instants() -> None:
    """No duration is invented for them."""
    is_open, backwards = traced(span("a", 0, None), span("b", 10, -5_000))

    assert (is_open["ph"], is_open["args"]["duration_ns"]) == ("i", None)
    assert (backwards["ph"], backwards["args"]["duration_ns"]) == ("i", -5_000)


def test_records_without_a_time_are_counted_and_left_out() -> None:
    """They have no place on a timeline."""
    trace = perfetto_trace([span("a", 0, 1), Record("event", "e", "e", None)], name="r")

    assert trace["otherData"] == {
        "name": "r",
        "began": "2026-01-01T00:00:00.000000000+00:00",
        "records": 2,
        "without_time": 1,
    }
    assert len([e for e in trace["traceEvents"] if e["ph"] != "M"]) == 1


def test_nothing_is_a_trace_too() -> None:
    """Of a process in which nothing happened."""
    require_well_formed(perfetto_trace([], name=""))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=2) | st.tuples(inner),
    max_leaves=4,
)
records = st.builds(
    Record,
    st.sampled_from(["span", "event", "metric", "log"]),
    st.text(st.characters(), min_size=1),
    st.just("x"),
    st.none() | st.integers(0, 20_000),
    st.none() | st.integers(-10, 20_000),
    value=values,
    instrument=st.sampled_from([None, "counter", "gauge"]),
    attrs=st.dictionaries(st.text(), values, max_size=2),
    thread=st.sampled_from([None, "a", "b"]),
    level=st.sampled_from([None, "info"]),
)


@given(st.lists(records, max_size=12))
def test_every_trace_is_well_formed(found: list[Record]) -> None:
    """Whole microseconds, tracks that exist, spans that lie inside each other or apart, and nothing is lost."""
    trace = perfetto_trace(found, name="r")

    require_well_formed(trace)
    told = sum(event["ph"] != "M" for event in trace["traceEvents"])
    assert told + trace["otherData"]["without_time"] == len(found)
