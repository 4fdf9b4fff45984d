"""Looks for bytes that the reader or the redactor cannot take, guided by coverage, by hand.

``python -m benchmarks.fuzz reader CORPUS --seconds 300`` feeds what atheris makes up to every check and every report;
``redactor`` does so with the redaction of a record. CORPUS is a directory that keeps what was found interesting; seeds
are put there first. It ends with the input that broke a promise, in a file of its own beside the corpus, or after so
many seconds. Needs ``pip install atheris``; the same promises are held, with less patience, by the tests.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import io
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def seeds_of_reader() -> Iterator[bytes]:
    """Yield logs of every shape that is read, whole and compressed."""
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import encode, encode_event

    records = (
        Record("span", "load", "etl.load", 5, 7, status="ok", run_id="r", trace_id="t", span_id="s", seq=1),
        Record("event", "lsp.ready", "lsp.ready", 9, attrs={"x": (1, 2**70), "end_ns": 5}, parent_id="s"),
        Record("metric", "rows", "rows", 9, value=float("inf"), instrument="counter", thread="main"),
    )
    spans = [{"name": "a", "traceId": "ab" * 16, "spanId": "cd" * 8, "startTimeUnixNano": "7", "kind": 2}]
    point = {"asInt": "3", "attributes": [{"key": "k", "value": {"arrayValue": {"values": [{}]}}}]}
    exports = (
        {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": spans}]}]},
        {
            "resourceMetrics": [
                {"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [point]}}]}]}
            ]
        },
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "b"}}]}]}]},
    )
    lines = [
        *(encode(record) for record in records),
        *(encode_event(record)[0] for record in records),
        *(json.dumps(export).encode() + b"\n" for export in exports),
        b'{"event":"load","elapsed":3.5,"at":"2026-01-01T00:00:00Z"}\n',
    ]
    yield from lines
    yield b"".join(lines)
    yield gzip.compress(b"".join(lines))
    yield from (json.dumps(export, indent=1).encode() for export in exports)


def read(content: bytes) -> None:
    """Let all checks judge a log and print what they say in every form.

    Raises:
        AssertionError: What is printed could not be read, or harms a terminal.
    """
    from pytest_telemetry.model.errors import UnusableInput
    from pytest_telemetry.model.mapping import LineMapping
    from pytest_telemetry.reports.sarif import Judged, sarif_log
    from pytest_telemetry.reports.text import file_text
    from pytest_telemetry.scan import scan_stream, standard_checks

    for mapping in (None, LineMapping.parse(["name=event,duration_ms=elapsed,time=at"])):
        checks = standard_checks(summary={"load": {"count": 1, "p95_ms": 1}}, mapping=mapping)
        stream = io.BufferedReader(io.BytesIO(content))
        try:
            result = scan_stream(stream, "log", checks, mapping=mapping, allow_empty=True)
        except UnusableInput:
            continue
        text = file_text("log", result.findings, events=result.events, malformed=result.malformed)
        assert all(line.isprintable() for line in text.splitlines())
        json.dumps(result.as_dict(), allow_nan=False)
        sarif = sarif_log([Judged("log", result.findings)], checks=result.checks, version="1", uri_of=str)
        json.dumps(sarif, allow_nan=False)


def seeds_of_redactor() -> Iterator[bytes]:
    """Yield texts with something to redact in them, some of them JSON with keys that name a secret."""
    yield from (
        b"mail ada@example.com or call +4917112345678, from 8.8.8.8",
        b"password=hunter2 token: 'abc def' Authorization: Bearer abcdefghijklmnop",
        b"4111 1111 1111 1111 and DE89370400440532013000 and 123-45-6789",
        b"postgres://user:secret@host/db and https://u:p@example.com/?api_key=12345678",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        b'{"password": "x", "args": {"token": [1, "two"]}, "user": {"email": "a@example.org"}}',
        b'{"cookie": "a=b", "note": "YWRhQGV4YW1wbGUuY29t", "n": 5}',
    )


def redact(content: bytes) -> None:
    """Redact a record of whatever *content* is: JSON, or else a text.

    Raises:
        AssertionError: The record was changed, its redaction can be redacted, or the check finds something in it.
    """
    from pytest_telemetry.checks.privacy import Privacy
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.processors.redaction import Redaction

    text = content.decode("utf-8", "surrogateescape")
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError):
        given = text
    redaction = Redaction()
    record = Record(
        "event", text[:40], "e", 1, value=given, error=text[-40:], attrs={"given": given, "raw": content}
    )
    before = repr(record)
    after = redaction(copy.deepcopy(record))
    redaction(record)
    assert repr(record) == before, "the record was changed"
    assert redaction(after) is after, "something was left to do"
    assert Privacy()([after]) == [], "the check finds what the processor left"


TARGETS: Final[dict[str, tuple[Callable[[bytes], None], Callable[[], Iterator[bytes]]]]] = {
    "reader": (read, seeds_of_reader),
    "redactor": (redact, seeds_of_redactor),
}
"""What can be fed, and with what to begin."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 2 where atheris is not installed, and otherwise not at all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seconds", type=int, default=300)
    options = parser.parse_args(arguments)
    try:
        atheris: Any = import_module("atheris")
    except ImportError:
        sys.stderr.write("fuzz: atheris is not installed: pip install atheris\n")
        return 2
    target, seeds = TARGETS[options.target]
    options.corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (options.corpus / f"seed-{number}").write_bytes(seed)
    for name in [name for name in sys.modules if name.partition(".")[0] == "pytest_telemetry"]:
        del sys.modules[name]  # they are imported once more, with their branches counted
    with atheris.instrument_imports(include=["pytest_telemetry"]):
        for seed in seeds():
            target(seed)
    found = f"-artifact_prefix={options.corpus}-found-"
    limits = [f"-max_total_time={options.seconds}", "-max_len=4096", "-timeout=25", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], str(options.corpus), found, *limits], target)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
