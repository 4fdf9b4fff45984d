"""Exports of OpenTelemetry as Records."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.otlp_json import records_of_export
from pytest_telemetry.model.otlp_signs import begins_export, is_spread_over_lines
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import BadLine, LogLine, LogReader, encode, encode_event

TRACE, SPAN, PARENT = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "eee19b7ec3c1b173"
START = 1_767_306_948_000_000_000


def attribute(key: str, kind: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": {kind: value}}


def span(**changes: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE.upper(),
        "spanId": SPAN,
        "name": "GET /items",
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 2_500_000),
        **changes,
    }


def traces(*spans: Any, **resource: Any) -> dict[str, Any]:
    return {"resourceSpans": [{**resource, "scopeSpans": [{"spans": list(spans)}]}]}


def metrics(**metric: Any) -> dict[str, Any]:
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", **metric}]}]}]}


def logs(*records: Any) -> dict[str, Any]:
    return {"resourceLogs": [{"scopeLogs": [{"scope": {"name": "app.db"}, "logRecords": list(records)}]}]}


def read(export: dict[str, Any]) -> list[Record]:
    found = [*records_of_export(export)]
    assert [problems for _, problems in found if problems] == []
    return [record for record, _ in found if record is not None]


def problems_of(export: dict[str, Any]) -> list[str]:
    return [problem for _, problems in records_of_export(export) for problem in problems]


def test_a_span_is_a_span() -> None:
    """Ids in lower case, the duration from its two times, resource and scope under their prefixes."""
    export = {
        "resourceSpans": [
            {
                "resource": {"attributes": [attribute("service.name", "stringValue", "shop")]},
                "scopeSpans": [
                    {
                        "scope": {"name": "lib", "version": "1.2"},
                        "spans": [
                            span(
                                parentSpanId=PARENT,
                                kind=3,
                                attributes=[attribute("rows", "intValue", "7")],
                                status={"code": 1},
                            )
                        ],
                    }
                ],
            }
        ]
    }

    assert read(export) == [
        Record(
            "span",
            "GET /items",
            "GET /items",
            START,
            2_500_000,
            status="ok",
            attrs={
                "resource.service.name": "shop",
                "otel.scope.name": "lib",
                "otel.scope.version": "1.2",
                "otel.span_kind": "client",
                "rows": 7,
            },
            trace_id=TRACE,
            span_id=SPAN,
            parent_id=PARENT,
            source="otel",
        )
    ]


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("stringValue", "x", "x"),
        ("boolValue", False, False),
        ("intValue", "9007199254740993", 9007199254740993),
        ("intValue", -5, -5),
        ("doubleValue", 1.5, 1.5),
        ("doubleValue", "Infinity", float("inf")),
        ("bytesValue", "aGk=", b"hi"),
        ("arrayValue", {"values": [{"intValue": "1"}, {"stringValue": "a"}, {}]}, [1, "a", None]),
        ("arrayValue", {}, []),
        ("kvlistValue", {"values": [attribute("k", "boolValue", True)]}, {"k": True}),
    ],
)
def test_every_kind_of_value_is_read(kind: str, written: Any, value: Any) -> None:
    """As attributes of a span."""
    (record,) = read(traces(span(attributes=[attribute("v", kind, written)])))

    assert record.attrs == {"v": value}
    assert type(record.attrs["v"]) is type(value)


def test_events_of_a_span_come_before_it_and_name_its_error() -> None:
    """Where the span failed; an exception that was dealt with is no error of the span."""
    exception = {
        "name": "exception",
        "timeUnixNano": str(START + 5),
        "attributes": [attribute("exception.type", "stringValue", "ValueError")],
    }
    failed, fine = {"code": "STATUS_CODE_ERROR", "message": "boom"}, {"code": 0}

    event, of_failed, _, of_fine = read(
        traces(span(events=[exception], status=failed), span(events=[exception], status=fine))
    )

    assert (event.kind, event.name, event.scope) == ("event", "exception", "GET /items.exception")
    assert (event.time_ns, event.trace_id, event.parent_id) == (START + 5, TRACE, SPAN)
    assert (of_failed.status, of_failed.error) == ("error", "ValueError")
    assert of_failed.attrs["otel.status_description"] == "boom"
    assert (of_fine.status, of_fine.error) == ("unset", None)


@pytest.mark.parametrize(
    ("changes", "is_remote"),
    [
        ({"kind": 2}, True),
        ({"kind": "SPAN_KIND_CONSUMER"}, True),
        ({"kind": 1}, False),
        ({}, False),
        ({"kind": 2, "flags": 0x101}, False),
        ({"kind": 1, "flags": 0x300}, True),
    ],
)
def test_a_parent_of_another_process_is_marked(changes: dict[str, Any], is_remote: bool) -> None:
    """By what the span says of it, or else by its kind."""
    (record,) = read(traces(span(parentSpanId=PARENT, **changes)))

    assert record.attrs.get("otel.parent_is_remote", False) == is_remote
    assert "otel.parent_is_remote" not in read(traces(span(**changes)))[0].attrs


def test_a_span_that_has_not_ended_has_no_duration() -> None:
    """0 says that there is no time."""
    (record,) = read(traces(span(endTimeUnixNano="0", parentSpanId="")))

    assert (record.time_ns, record.duration_ns, record.parent_id) == (START, None, None)


@pytest.mark.parametrize(
    ("metric", "instrument", "value"),
    [
        ({"gauge": {"dataPoints": [{"asDouble": 1.5}]}}, "gauge", 1.5),
        (
            {"sum": {"dataPoints": [{"asInt": "3"}], "aggregationTemporality": 1, "isMonotonic": True}},
            "counter",
            3,
        ),
        ({"sum": {"dataPoints": [{"asInt": "3"}], "aggregationTemporality": 1}}, "updowncounter", 3),
        (
            {
                "sum": {
                    "dataPoints": [{"asInt": "3"}],
                    "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE",
                    "isMonotonic": True,
                }
            },
            "gauge",
            3,
        ),
        (
            {
                "histogram": {
                    "dataPoints": [
                        {"count": "2", "sum": 3.5, "bucketCounts": ["1", "1"], "explicitBounds": [1]}
                    ]
                }
            },
            "histogram",
            {"count": 2, "sum": 3.5, "bucket_counts": [1, 1], "explicit_bounds": [1]},
        ),
        (
            {"summary": {"dataPoints": [{"count": "1", "quantileValues": [{"quantile": 0.5, "value": 2}]}]}},
            "histogram",
            {"count": 1, "quantiles": [{"quantile": 0.5, "value": 2}]},
        ),
        ({"gauge": {"dataPoints": [{"flags": 1}]}}, "gauge", None),
    ],
)
def test_each_data_point_is_a_metric(metric: dict[str, Any], instrument: str, value: Any) -> None:
    """A running total does not add up, so it is a reading, whatever made it."""
    (record,) = read(metrics(unit="s", **metric))

    assert (record.kind, record.name, record.instrument, record.value) == ("metric", "m", instrument, value)
    assert record.attrs["unit"] == "s"
    assert record.attrs["otel.metric_kind"] in metric


def test_a_log_has_its_text_as_name_and_its_severity_as_level() -> None:
    """The time of observation stands for one that is missing."""
    first, second, third = read(
        logs(
            {"timeUnixNano": "5", "severityNumber": 13, "body": {"stringValue": "slow"}, "spanId": SPAN},
            {"observedTimeUnixNano": "6", "severityText": "Fatal", "body": {"intValue": "3"}},
            {"timeUnixNano": "7", "eventName": "user.login", "body": {"stringValue": "in"}},
        )
    )

    assert (first.kind, first.name, first.level, first.parent_id) == ("log", "slow", "warning", SPAN)
    assert (second.name, second.time_ns, second.level, second.attrs["body"]) == ("app.db", 6, "critical", 3)
    assert (third.kind, third.name, third.attrs["body"]) == ("event", "user.login", "in")


@pytest.mark.parametrize(
    ("given", "level"),
    [
        (1, "trace"),
        (5, "debug"),
        (9, "info"),
        ("SEVERITY_NUMBER_ERROR3", "error"),
        (24, "critical"),
        (0, None),
    ],
)
def test_severities_are_levels_in_groups_of_four(given: Any, level: str | None) -> None:
    """By number, or by its name in the protocol."""
    assert read(logs({"severityNumber": given, "timeUnixNano": "5"}))[0].level == level


def test_a_run_is_an_attribute_where_there_is_one() -> None:
    """The format has no other place for it."""
    resource = {"resource": {"attributes": [attribute("run_id", "stringValue", "r1")]}}

    assert read(traces(span(), **resource))[0].run_id == "r1"
    assert read(traces(span()))[0].run_id is None


@pytest.mark.parametrize(
    ("export", "problem"),
    [
        (traces(span(name="")), "a span without a name"),
        (traces(5), "spans: an item that is no object"),
        ({"resourceSpans": [{"scopeSpans": 5}]}, "scopeSpans: not a list"),
        (traces(span(traceId="W47/95gDgQPSabYzgT/GDA==")), "traceId: not 32 hex digits"),
        (traces(span(startTimeUnixNano="soon")), "startTimeUnixNano: not an integer"),
        (traces(span(attributes=[{"value": {}}])), "attributes: a key that is no text"),
        (traces(span(attributes=[attribute("a", "wordValue", 1)])), "attributes: a value of no known kind"),
        (traces(span(attributes=[attribute("a", "intValue", "x")])), "attributes: not an integer"),
        (
            traces(span(attributes=[attribute("a", "bytesValue", "?")])),
            "attributes: bytes that are not base64",
        ),
        (
            traces(span(attributes=[attribute("a", "boolValue", True)] * 2)),
            "attributes: a key stands twice, the last one counts",
        ),
        (metrics(), "a metric of no known kind"),
        (metrics(gauge={"dataPoints": [{"asInt": "x"}]}), "asInt: not a number"),
    ],
)
def test_what_cannot_be_read_is_said_and_the_rest_is_read(export: dict[str, Any], problem: str) -> None:
    """Nothing of it is quoted."""
    assert problems_of(export) == [problem]


def test_a_line_of_many_records_is_many_lines_of_one_number() -> None:
    """In one log with lines of other shapes; a part that is none is malformed."""
    lines = [
        b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","run_id":"r"}',
        json.dumps(traces(span(), {}, span())).encode(),
        b'{"resourceSpans":[]}',
        json.dumps(logs({"timeUnixNano": "5"})).encode(),
    ]

    reader = LogReader(io.BytesIO(b"\n".join(lines)), "log")
    found = [*reader]

    assert [(type(line), line.number, line.file) for line in found] == [
        (LogLine, 1, "log"),
        (LogLine, 2, "log"),
        (BadLine, 2, "log"),
        (LogLine, 2, "log"),
        (LogLine, 4, "log"),
    ]
    assert (reader.events, reader.malformed, reader.blank) == (4, 1, 1)


def test_an_export_may_be_longer_than_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds as many records as were exported together; but there is an end to that, too."""
    monkeypatch.setattr("pytest_telemetry.model.wire.MAX_LINE_BYTES", 100)
    monkeypatch.setattr("pytest_telemetry.model.wire.MAX_EXPORT_BYTES", 2_000)
    fits, does_not = (json.dumps(traces(*[span()] * count)).encode() for count in (3, 30))

    first, second, third, bad = LogReader(io.BytesIO(fits + b"\n" + does_not + b"\n"))

    assert all(isinstance(line, LogLine) for line in (first, second, third))
    assert bad == BadLine(2, "longer than 2,000 bytes")


@pytest.mark.parametrize("encoded", [encode, lambda record: encode_event(record)[0]])
def test_an_attribute_that_is_called_like_a_signal_makes_no_export(
    encoded: Callable[[Record], bytes],
) -> None:
    """A line of ours is read as it was written."""
    record = Record("event", "sent", "sent", 0, attrs={"resourceSpans": [{"a": 1}], "resourceLogs": []})

    (line,) = LogReader(io.BytesIO(encoded(record)))

    assert isinstance(line, LogLine)
    assert line.record.attrs == record.attrs


def test_exports_are_recognised_by_their_beginning() -> None:
    """Also where they are laid out over lines."""
    export = traces(span())

    assert begins_export(json.dumps(export).encode())
    assert not begins_export(b'{"cmd":"resourceSpans"}')
    assert is_spread_over_lines(json.dumps(export, indent=1).encode())
    assert not is_spread_over_lines(json.dumps(export).encode() + b"\n")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("scopeSpans", "spans", "scope", "resource", "attributes", "name", "events", "links"),
                    *(
                        "key",
                        "value",
                        "intValue",
                        "kvlistValue",
                        "values",
                        "status",
                        "code",
                        "traceId",
                        "flags",
                    ),
                    *("metrics", "scopeMetrics", "gauge", "dataPoints", "asInt", "exemplars", "histogram"),
                    *("scopeLogs", "logRecords", "body", "severityNumber", "startTimeUnixNano"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(["resourceSpans", "resourceMetrics", "resourceLogs"]), json_values))
def test_nothing_that_stands_in_an_export_raises(export: dict[str, Any]) -> None:
    """Whatever stands where."""
    for record, problems in records_of_export(export):
        assert record is None or record.name
        assert all(isinstance(problem, str) for problem in problems)


def test_what_is_rarely_there_is_kept_as_well() -> None:
    """State, links, what was dropped, exemplars, since when: no text of an export is out of the sight of checks."""
    link = {"traceId": TRACE, "spanId": PARENT, "attributes": [attribute("why", "stringValue", "batch")]}
    point = {
        "asInt": "3",
        "startTimeUnixNano": "4",
        "exemplars": [
            {
                "asDouble": 2.5,
                "timeUnixNano": "5",
                "filteredAttributes": [attribute("user", "stringValue", "a")],
            }
        ],
    }

    (of_span,) = read(traces(span(traceState="a=b", droppedEventsCount=2, links=[link])))
    (of_point,) = read(metrics(description="rows that were read", gauge={"dataPoints": [point]}))

    assert of_span.attrs == {
        "otel.trace_state": "a=b",
        "otel.dropped_events_count": 2,
        "otel.links": [{"trace_id": TRACE, "span_id": PARENT, "attributes": {"why": "batch"}}],
    }
    assert of_point.attrs == {
        "otel.metric_kind": "gauge",
        "otel.description": "rows that were read",
        "otel.since_ns": 4,
        "otel.exemplars": [
            {"value": 2.5, "time_ns": 5, "attributes": {"user": "a"}, "trace_id": None, "span_id": None}
        ],
    }
