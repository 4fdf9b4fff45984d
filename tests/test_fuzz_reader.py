"""Whatever bytes stand in a log, it is judged or refused, and what is said of it can be printed in every form."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.mapping import LineMapping
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import encode, encode_event
from pytest_telemetry.reports.sarif import Judged, sarif_log
from pytest_telemetry.reports.text import file_text
from pytest_telemetry.scan import scan_stream, standard_checks

RECORDS = [
    Record(
        "span",
        "lsp.initialize",
        "lsp.initialize",
        5,
        7,
        status="ok",
        run_id="r",
        trace_id="t",
        span_id="s",
        seq=1,
    ),
    Record(
        "event",
        "lsp.ready",
        "lsp.ready",
        9,
        attrs={"server": "a", "end_ns": 5, "x": (1, 2**70)},
        parent_id="s",
    ),
    Record("metric", "rows", "rows", 9, value=float("inf"), instrument="counter", thread="main", error="E"),
    Record(
        "span", "load", "load", None, 0, attrs={"file": "/home/ada/a.csv", "end_ts": "2026-01-01T00:00:00Z"}
    ),
]
EXPORTS: list[Any] = [
    {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "scopeSpans": [
                    {
                        "scope": {"name": "lib"},
                        "spans": [
                            {
                                "traceId": "5b8efff798038103d269b633813fc60c",
                                "spanId": "eee19b7ec3c1b174",
                                "name": "GET",
                                "kind": 2,
                                "startTimeUnixNano": "17",
                                "endTimeUnixNano": "19",
                                "attributes": [{"key": "k", "value": {"intValue": "5"}}],
                                "events": [{"name": "exception", "timeUnixNano": "18"}],
                            }
                        ],
                    }
                ],
            }
        ]
    },
    {
        "resourceMetrics": [
            {"scopeMetrics": [{"metrics": [{"name": "m", "sum": {"dataPoints": [{"asInt": "3"}]}}]}]}
        ],
        "resourceLogs": [
            {"scopeLogs": [{"logRecords": [{"severityNumber": 9, "body": {"stringValue": "b"}}]}]}
        ],
    },
]
LINES = [
    *(encode(record) for record in RECORDS),
    *(encode_event(record)[0] for record in RECORDS),
    *(json.dumps(export).encode() + b"\n" for export in EXPORTS),
    b'{"event":"load","elapsed":3.5,"at":"2026-01-01T00:00:00Z","run":5,"log":{"level":"WARN"}}\n',
]
PIECES = (
    *(
        b"\0",
        b"\xff",
        b"\n",
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b"\\",
        b":",
        b",",
        b"null",
        b"true",
        b"-",
        b"1e999",
        b"NaN",
    ),
    *(
        b"9" * 30,
        b'"a":1,"a":2,',
        b"[" * 600,
        b"\xef\xbb\xbf",
        b"\\ud800",
        b"\r",
        b" ",
        b"/etc/passwd",
        b"a@example.com",
    ),
    *(
        b'"types":{"time_ns":"int"},',
        b'"record":1,"kind":"span",',
        b'"resourceSpans":[',
        b'{"key":"k","value":',
    ),
)
MAPPING = LineMapping.parse(["name=event,duration_ms=elapsed,time=at,run_id=run,level=log.level"])


@st.composite
def mutated(draw: st.DrawFn, source: bytes) -> bytes:
    """What is left of *source* after a few cuts, changes and insertions."""
    data = bytearray(source)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["change", "insert", "cut", "copy"]))
        if kind == "change" and place < len(data):
            data[place] = draw(st.integers(0, 255))
        elif kind == "insert":
            data[place:place] = draw(st.sampled_from(PIECES) | st.binary(max_size=4))
        elif kind == "cut":
            del data[place : place + draw(st.integers(1, 20))]
        else:
            data[place:place] = data[place : place + draw(st.integers(1, 40))]
    return bytes(data)


def judged_or_refused(content: bytes, mapping: LineMapping | None = None) -> None:
    """Let all checks judge *content*, and print what they say in every form."""
    checks = standard_checks(summary={"load": {"count": 1, "p95_ms": 1}}, mapping=mapping)
    stream = io.BufferedReader(io.BytesIO(content))
    try:
        result = scan_stream(stream, "log", checks, mapping=mapping, allow_empty=True)
    except UnusableInput as error:
        assert "\n" not in str(error)
        return
    text = file_text("log", result.findings, events=result.events, malformed=result.malformed)
    assert all(line.isprintable() for line in text.splitlines())
    json.dumps(result.as_dict(), allow_nan=False)
    sarif = sarif_log([Judged("log", result.findings)], checks=result.checks, version="1", uri_of=str)
    json.dumps(sarif, allow_nan=False)


@given(st.binary(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_any_bytes(content: bytes) -> None:
    """From noise to what looks like JSON."""
    judged_or_refused(content)


@settings(max_examples=400)
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=6).map(b"".join).flatmap(mutated))
def test_lines_with_a_few_changes(content: bytes) -> None:
    """Of every shape that is read."""
    judged_or_refused(content)


@given(st.sampled_from([json.dumps(export, indent=1).encode() for export in EXPORTS]).flatmap(mutated))
def test_exports_over_many_lines_with_a_few_changes(content: bytes) -> None:
    """Whose beginning may look like that of something else then."""
    judged_or_refused(content)


@given(st.sampled_from([gzip.compress(b"".join(LINES)), gzip.compress(LINES[0]) * 3]).flatmap(mutated))
def test_compressed_logs_with_a_few_changes(content: bytes) -> None:
    """Whole, in several members, and damaged."""
    judged_or_refused(content)


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=4).map(b"".join).flatmap(mutated))
def test_lines_read_by_a_mapping_with_a_few_changes(content: bytes) -> None:
    """Most of which were not written for it."""
    judged_or_refused(content, MAPPING)
