"""A run as a whole."""

from __future__ import annotations

import json

from pytest_telemetry.model.record import Record
from pytest_telemetry.model.records import Records
from pytest_telemetry.reports.trace import trace_object, trace_text

BEGAN = 1_767_225_600_000_000_000
RECORDS = [
    Record(
        "span",
        "load",
        "etl.load",
        BEGAN + 1_000_000,
        2_000_000,
        attrs={"rows": 1},
        trace_id="t",
        span_id="b",
        parent_id="a",
        seq=1,
    ),
    Record(
        "event",
        "hit",
        "etl.hit",
        BEGAN + 4_000_000,
        attrs={"key": "x" * 100},
        trace_id="t",
        parent_id="a",
        seq=2,
    ),
    Record("metric", "rows", "rows", BEGAN + 5_000_000, None, 3, "counter", seq=3),
    Record(
        "span", "etl", "etl", BEGAN, 6_000_000, status="error", error="E", trace_id="t", span_id="a", seq=4
    ),
    Record("log", "slow\n", "x", BEGAN + 6_000_000, level="warning", seq=5),
]


def test_a_run_is_shown_with_totals_and_tree() -> None:
    """On lines that a terminal can show."""
    assert (
        trace_text(Records(RECORDS), "run 1")
        == """\
run run 1: 5 records (2 spans, 1 metric, 1 event, 1 log), 1 error
began 2026-01-01T00:00:00.000Z, took 0.006 s

timings
  etl       calls 1  mean 6 ms  min 6 ms  max 6 ms  total 6 ms  errors 1
  etl.load  calls 1  mean 2 ms  min 2 ms  max 2 ms  total 2 ms
metrics
  rows      count 1  total 3

tree
  etl error=E  [at 0 s, took 0.006 s]
    load rows=1  [at 0.001 s, took 0.002 s]
    event: hit key='xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...  [at 0.004 s]
  metric: rows +3  [at 0.005 s]
  warning: slow\\n  [at 0.006 s]"""
    )


def test_spans_and_events_follow_in_detail_on_request() -> None:
    """With their place in the tree, and their attributes whole."""
    text = trace_text(Records(RECORDS), "r", spans=True, events=True)

    assert (
        text.partition("\nspans\n")[2]
        == f"""\
  at 0 s  etl  took 0.006 s  status=error  error=E  span=a
  at 0.001 s  etl/load  took 0.002 s  rows=1  span=b  parent=a

events
  at 0.004 s  etl/hit  key='{"x" * 100}'  parent=a
  at 0.006 s  slow\\n  [warning]"""
    )


def test_what_was_asked_for_and_is_not_there_is_said() -> None:
    """Instead of nothing."""
    text = trace_text(Records(RECORDS[2:3]), "r", spans=True, events=True)

    assert text.endswith("\nspans\n  none\n\nevents\n  none")
    assert "timings" not in text


def test_the_object_says_the_same_for_machines() -> None:
    """Milliseconds with their fraction, lines of our own format, and a tree as a list with depths."""
    found = trace_object(Records(RECORDS), "r", spans=True, events=True)

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {
        key: found[key] for key in ("run_id", "records", "by_kind", "errors", "began", "duration_ms")
    } == {
        "run_id": "r",
        "records": 5,
        "by_kind": {"span": 2, "metric": 1, "event": 1, "log": 1},
        "errors": 1,
        "began": "2026-01-01T00:00:00.000000000+00:00",
        "duration_ms": 6.0,
    }
    assert found["timings"]["etl.load"]["total_s"] == 0.002
    assert found["metrics"] == {"rows": {"instrument": "counter", "count": 1, "total": 3}}
    assert [(row["depth"], row["name"], row["start_ms"], row["duration_ms"]) for row in found["tree"]] == [
        (0, "etl", 0.0, 6.0),
        (1, "load", 1.0, 2.0),
        (1, "hit", 4.0, None),
        (0, "rows", 5.0, None),
        (0, "slow\n", 6.0, None),
    ]
    assert [line["span_id"] for line in found["spans"]] == ["a", "b"]
    assert [line["name"] for line in found["events"]] == ["hit", "slow\n"]
    assert "spans" not in trace_object(Records(RECORDS), "r")


def test_a_run_without_times_has_no_duration() -> None:
    """None is invented."""
    records = Records([Record("event", "e", "e", None)])

    assert trace_text(records, "r").splitlines()[:2] == ["run r: 1 record (1 event), 0 errors", ""]
    assert trace_text(records, "r", events=True).endswith("\nevents\n  at ?  e")
    assert trace_object(records, "r")["duration_ms"] is None


def test_a_deep_tree_is_no_trouble() -> None:
    """For text nor for JSON."""
    deep = [
        Record(
            "span",
            f"s{n}",
            f"s{n}",
            BEGAN + n,
            10_000 - 2 * n,
            trace_id="t",
            span_id=f"{n}",
            parent_id=f"{n - 1}" if n else None,
        )
        for n in range(2_000)
    ]

    assert trace_object(Records(deep), "r")["tree"][-1]["depth"] == 1_999
    assert "s1999" in trace_text(Records(deep), "r")
    json.dumps(trace_object(Records(deep), "r"))
