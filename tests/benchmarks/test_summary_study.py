"""The study of summaries, on a log that is small enough to be made in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.summary_study import measure, own_query, table, write_log
from pytest_telemetry.summaries import summarise_log

if TYPE_CHECKING:
    from pathlib import Path


def test_all_three_readers_find_the_same(tmp_path: Path) -> None:
    """Our reader, DuckDB as we ask it, and DuckDB's own query; the study fails where they do not."""
    log = tmp_path / "events.jsonl"
    write_log(log, 3_000)

    theirs, ours, streamed = measure(log, 2)

    assert len(theirs) == len(ours) == 2
    assert sum(one["count"] for one in streamed["figures"].values()) == 3_000
    assert len(list(table(3_000, log.stat().st_size, theirs, ours, streamed))) == 7


def test_the_log_of_the_study_has_what_is_to_be_found(tmp_path: Path) -> None:
    """Both dialects, errors in both, and lines that differ."""
    log = tmp_path / "events.jsonl"
    write_log(log, 3_000)

    lines = log.read_text().splitlines()
    errors = sum(one.errors for one in summarise_log(log).figures)
    assert len(set(lines)) == len(lines) == 3_000
    assert sum('"record":1' in line for line in lines) == 1_500
    assert 20 < errors < 120
    assert errors == sum(row[1] for row in own_query(log).values())
