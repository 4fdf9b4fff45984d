"""What is opened, and how."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.mapping import LineMapping
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.sources import open_source, size_of, stream_source

if TYPE_CHECKING:
    from pathlib import Path

LINE = b'{"event":"load","ts":"2026-01-01T00:00:00Z"}\n'
MAPPING = LineMapping.parse(["name=event"])


def export(spans: int) -> dict[str, Any]:
    names = [{"name": f"s{number}", "startTimeUnixNano": "5"} for number in range(spans)]
    return {"resourceSpans": [{"scopeSpans": [{"spans": names}]}]}


def test_an_export_over_many_lines_is_one_line_however_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a piece that is read ends with the end of a line."""
    text = json.dumps(export(40), indent=0).encode()
    path = tmp_path / "export.json"
    path.write_bytes(text)
    ends = [place + 1 for place in range(200, 600) if text[place : place + 1] == b"\n"]

    for end in ends:
        monkeypatch.setattr("pytest_telemetry.model.wire.MAX_LINE_BYTES", end - 1)
        with open_source(path) as source:
            assert [line.number for line in source] == [1] * 40
    monkeypatch.setattr("pytest_telemetry.model.wire.MAX_EXPORT_BYTES", ends[-1] - 1)
    with open_source(path) as source:
        (bad,) = source
    assert not isinstance(bad, LogLine)
    assert bad.reason == f"longer than {ends[-1] - 1:,} bytes"


def test_a_mapping_reads_every_kind_of_file(tmp_path: Path) -> None:
    """Text, segments, compressed files and streams; a database needs none."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(LINE)
    (tmp_path / "log.000001.jsonl.gz").write_bytes(gzip.compress(LINE * 2))
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(LINE))
    database = tmp_path / "telemetry.db"
    with SqliteStore(database) as store:
        store.emit(Record("event", "load", "load", 5))

    for source, count in (
        (open_source(log, MAPPING), 3),
        (open_source(packed, MAPPING), 1),
        (stream_source(io.BytesIO(LINE), "-", MAPPING), 1),
        (open_source(database, MAPPING), 1),
    ):
        with source:
            lines = [*source]
            assert [line.record.name for line in lines if isinstance(line, LogLine)] == ["load"] * count
            assert source.consumed() in {size_of(log), size_of(packed), len(LINE), 0}


def test_how_much_there_is_to_read_is_told_as_it_is_stored(tmp_path: Path) -> None:
    """And what was read is the same in the end."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(LINE * 100)
    (tmp_path / "log.000001.jsonl.gz").write_bytes(gzip.compress(LINE * 1_000))

    with open_source(log, MAPPING) as source:
        steps = [source.consumed() for _ in source]

    assert size_of(log) == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert steps == sorted(steps)
    assert steps[-1] == size_of(log)


def test_a_database_cannot_come_by_a_stream(tmp_path: Path) -> None:
    """It is one line of error, not a log without an event."""
    with SqliteStore(tmp_path / "telemetry.db") as store:
        store.emit(Record("event", "load", "load", 5))

    with (tmp_path / "telemetry.db").open("rb") as stream:
        with pytest.raises(UnusableInput, match="-: is a database, which cannot be read from a stream"):
            stream_source(stream, "-")
