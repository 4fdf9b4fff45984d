"""Summaries of logs by our own reader and by DuckDB, which must not differ."""

from __future__ import annotations

import gzip
import json
import random
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import duckdb_summary
from pytest_telemetry.model.errors import MissingExtra, UnusableInput
from pytest_telemetry.model.pattern import event, span
from pytest_telemetry.model.pattern_text import parse_pattern
from pytest_telemetry.model.periods import Period
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.stats import METHODS, percentile
from pytest_telemetry.model.wire import encode, encode_event
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.sources import size_of
from pytest_telemetry.summaries import LogSummary, summarise_log

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NAMES = ("ctx.sync", "lsp.request", "größe", 'a "quoted" name', "tab\tand \\", "3x", "(others)", "nan?")
TS = "2026-01-01T00:00:00Z"


def figures(summary: LogSummary) -> dict[str, dict[str, Any]]:
    return {one.name: one.as_dict() for one in summary.figures}


def write(path: Path, lines: Iterable[str | bytes]) -> Path:
    path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))
    return path


def own(chance: random.Random, name: str) -> bytes:
    duration = chance.choice((None, 0, -5, chance.randrange(10**4), chance.randrange(10**12), 2**53 - 1))
    attrs: dict[str, Any] = {"name": "inner", "status": "error", "n": chance.random(), "cmd": [1]}
    if chance.random() < 0.1:
        attrs["shape"] = (1, 2)  # noted in "types"
    kind: Any = "span" if duration is not None else chance.choice(("event", "log", "metric"))
    status: Any = chance.choice(("unset", "ok", "error"))
    return encode(Record(kind, name, f"a.{name}", 5, duration, status=status, attrs=attrs)).rstrip(b"\n")


def older(chance: random.Random, name: str) -> str | bytes:
    timing = chance.choice(
        (
            None,
            0,
            -0.0,
            chance.randrange(-3, 2_000),
            chance.random() * 10 ** chance.randrange(-7, 9),
            1e-9,
            2.5e-6,
            0.0000005,
        )
    )
    status = chance.choice(("ok", "error", "fail", "failed", "timeout", "Error", 5, None, ["error"]))
    if chance.random() < 0.3:
        record = Record(
            "span", name, name, 5, chance.randrange(10**11), status="error", attrs={"result.rows": 3}
        )
        return encode_event(record)[0].rstrip(b"\n")
    line: dict[str, Any] = {
        "ts": TS,
        "cmd": name,
        "args": {"cmd": "x"},
        "status": "error",
        "x": {"timing_ms": 7},
    }
    line |= chance.choice(({}, {"result": {"status": status}}, {"result": {}}, {"result": None}))
    if chance.random() < 0.9:
        line["timing_ms"] = timing
    return json.dumps(
        line, ensure_ascii=chance.random() < 0.5, separators=chance.choice(((",", ":"), (", ", ": ")))
    )


COUNTED = (
    "null",
    "{}",
    '{"cmd": ""}',
    '{"cmd": "", "name": "a"}',
    '{"ts": "x"}',
    "",
    "  ",
    "\t",
    '{"record":1,"kind":"span"}',
    '{"record":1,"kind":"span","name":"","duration_ns":5}',
    '{"record":1,"kind":"log","name":null}',
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(12))
def test_duckdb_gives_the_same_figures_to_the_last_digit(tmp_path: Path, seed: int, method: Any) -> None:
    """Over both dialects in one log, with missing fields, odd values, blank lines and lines that are no events."""
    chance = random.Random(seed)
    lines: list[str | bytes] = []
    for _ in range(chance.choice((1, 2, 19, 20, 21, 100, 3_000))):
        name = chance.choice(NAMES[: chance.randrange(1, len(NAMES))])
        lines.append(chance.choice((own, older))(chance, name))
        if chance.random() < 0.05:
            lines.append(chance.choice(COUNTED))
    log = write(tmp_path / "events.jsonl", lines)

    python = summarise_log(log, method=method, engine="python")
    duckdb = summarise_log(log, method=method, engine="duckdb")

    assert (duckdb.engine, duckdb.note, python.engine) == ("duckdb", "", "python")
    assert figures(duckdb) == figures(python)
    assert duckdb.read == python.read


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [2_000, 2_001, 2_020, 2_101])
def test_ranks_of_many_durations_are_those_of_all_of_them(tmp_path: Path, count: int, method: Any) -> None:
    """DuckDB is asked for single ranks of a name that has many."""
    chance = random.Random(count)
    timings = [chance.random() * 1e4 for _ in range(count)]
    lines = [json.dumps({"cmd": "a", "timing_ms": timing}) for timing in timings]
    log = write(tmp_path / "events.jsonl", [*lines, '{"cmd": "a"}'])

    summary = summarise_log(log, method=method, engine="duckdb")

    assert summary.engine == "duckdb"
    (found,) = summary.figures
    expected = [
        percentile([round(timing * 1e6) for timing in timings], q, method) for q in (0.5, 0.95, 0.99, 1)
    ]
    assert list(found.milliseconds.values()) == [round((value or 0) / 1e6, 6) for value in expected]


GOOD = '{"cmd": "a", "timing_ms": 1}'
OTHERWISE: dict[str, tuple[bytes | str, str]] = {
    "torn": ('{"cmd": "a", "ti', "a line that is no strict JSON"),
    "no UTF-8": (b'{"cmd": "a", "q": "\xff"}', "a line that is no strict JSON"),
    "NUL": (b'{"cmd": "a"}\0', "a line that is no strict JSON"),
    "byte order mark": ("\ufeff" + GOOD, "a line that is no strict JSON"),
    "half a pair": ('{"cmd": "\\ud800"}', "a line that is no strict JSON"),
    "two on one line": (GOOD + GOOD, "a line that is no strict JSON"),
    "array": ("[1]", "a line or a result that is no object"),
    "text result": ('{"cmd": "a", "result": "failed"}', "a line or a result that is no object"),
    "key twice": ('{"cmd": "b", "cmd": "a"}', "a key that stands twice in one line"),
    "status twice": (
        '{"cmd": "a", "result": {"status": "ok", "status": "error"}}',
        "a key that stands twice in one line",
    ),
    "name": ('{"name": "a", "timing_ms": 1}', 'a line with "name" in place of "cmd"'),
    "number as a name": ('{"cmd": 5}', "a name that may be a number"),
    "name that is a number": ('{"cmd": "5"}', "a name that may be a number"),
    "name that is null": ('{"cmd": "null"}', "a name that may be a number"),
    "array as a name": ('{"cmd": [1]}', "a name that may be a number"),
    "NaN as a name": ('{"cmd": NaN}', "a name that may be a number"),
    "true as a name": ('{"record":1,"kind":"span","name":true}', "a name that may be a number"),
    "null cmd": ('{"cmd": null, "name": "a"}', 'a line with "name" in place of "cmd"'),
    "text timing": ('{"cmd": "a", "timing_ms": "12"}', "a timing that is no ordinary number"),
    "true timing": ('{"cmd": "a", "timing_ms": true}', "a timing that is no ordinary number"),
    "NaN timing": ('{"cmd": "a", "timing_ms": NaN}', "a timing that is no ordinary number"),
    "huge timing": ('{"cmd": "a", "timing_ms": 1e300}', "a timing that is no ordinary number"),
    "endless timing": ('{"cmd": "a", "timing_ms": 1e999}', "a timing that is no ordinary number"),
    "long timing": ('{"cmd": "a", "timing_ms": 9223372036854775807}', "a timing that is no ordinary number"),
    "float duration": (
        '{"record":1,"kind":"span","name":"a","duration_ns":4.0}',
        "a timing that is no ordinary number",
    ),
    "tiny duration": (
        '{"record":1,"kind":"span","name":"a","duration_ns":1e-7}',
        "a timing that is no ordinary number",
    ),
    "long duration": (
        '{"record":1,"kind":"span","name":"a","duration_ns":9007199254740993}',
        "a timing that is no ordinary number",
    ),
    "newer format": ('{"record":2,"kind":"span","name":"a"}', "a record of an unusual format"),
    "older format": ('{"record":0,"kind":"span","name":"a"}', "a record of an unusual format"),
    "no format": ('{"record":true,"kind":"span","name":"a","timing_ms":3}', "a record of an unusual format"),
    "half a format": ('{"record":1.0,"kind":"span","cmd":"a"}', "a record of an unusual format"),
    "no kind": ('{"record":1,"name":"a","cmd":"b"}', "a record of an unusual format"),
    "other kind": ('{"record":1,"kind":"trace","name":"a"}', "a record of an unusual format"),
    "restored": (
        '{"record":1,"kind":"span","name":"a","duration_ns":"5","types":{"duration_ns":"int"}}',
        "a record of an unusual format",
    ),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_duckdb_reads_otherwise_is_read_by_us_and_said(tmp_path: Path, name: str) -> None:
    """A figure is never that of another reading, or of a part of the log."""
    odd, reason = OTHERWISE[name]
    log = write(
        tmp_path / "events.jsonl", [*[GOOD] * 200, odd, GOOD]
    )  # a NUL at the beginning is no log at all

    python = summarise_log(log, engine="python")
    duckdb = summarise_log(log, engine="duckdb")

    assert (duckdb.engine, duckdb.note) == ("python", f"read by Python, not by DuckDB: {reason}")
    assert (figures(duckdb), duckdb.read) == (figures(python), python.read)


def test_a_line_that_is_too_long_for_us_is_not_taken_by_duckdb(tmp_path: Path) -> None:
    """It is malformed, however much memory there is."""
    log = write(tmp_path / "events.jsonl", [GOOD, '{"cmd": "a", "q": "' + "x" * 8_400_000 + '"}', GOOD])

    found = summarise_log(log, engine="duckdb")

    assert (found.engine, found.read.malformed, found.read.records) == ("python", 1, 2)
    assert found.note.endswith("a very long line")


def test_closed_segments_belong_to_the_log_for_both(tmp_path: Path) -> None:
    """Compressed ones, too."""
    log = tmp_path / "events.jsonl"
    with JsonlStore(log, max_bytes=20_000, compress=True) as store:
        for number in range(2_000):
            store.emit(Record("span", f"name {number % 3}", "x", number, number * 1_000))
    assert list(tmp_path.glob("*.gz"))

    python, duckdb = (summarise_log(log, engine=engine) for engine in ("python", "duckdb"))

    assert (duckdb.engine, python.read.records) == ("duckdb", 2_000)
    assert (figures(duckdb), duckdb.read) == (figures(python), python.read)


def test_compressed_data_in_two_parts_is_read_to_its_end(tmp_path: Path) -> None:
    """As gzip files that were appended to are."""
    write(tmp_path / "events.jsonl", [GOOD])
    parts = [gzip.compress(f"{GOOD}\n".encode() * 1_000) for _ in range(3)]
    (tmp_path / "events.000001.jsonl.gz").write_bytes(b"".join(parts))

    assert summarise_log(tmp_path / "events.jsonl", engine="duckdb").read.records == 3_001


def test_a_damaged_segment_is_left_to_our_reader(tmp_path: Path) -> None:
    """Which counts it as a bad line."""
    write(tmp_path / "events.jsonl", [GOOD])
    lines = [json.dumps({"cmd": "a", "timing_ms": number}) for number in range(500)]
    (tmp_path / "events.000001.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode())[:-200])

    found = summarise_log(tmp_path / "events.jsonl", engine="duckdb")

    assert (found.engine, found.read.malformed) == ("python", 1)


def test_a_segment_that_is_closed_meanwhile_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What DuckDB found is of files that are no longer all of the log."""
    log = write(tmp_path / "events.jsonl", [GOOD] * 3)
    figures_of_files = duckdb_summary._figures

    def close_first(*arguments: Any) -> Any:
        log.rename(tmp_path / "events.000001.jsonl")
        write(log, [GOOD])
        return figures_of_files(*arguments)

    monkeypatch.setattr(duckdb_summary, "_figures", close_first)

    found = summarise_log(log, engine="duckdb")

    assert found.note == "read by Python, not by DuckDB: its segments changed meanwhile"
    assert found.read.records == 4


def test_a_name_that_is_a_pattern_for_duckdb_is_not_handed_to_it(tmp_path: Path) -> None:
    """It would read other files."""
    write(tmp_path / "a.jsonl", [GOOD, GOOD])
    log = write(tmp_path / "[a].jsonl", [GOOD])

    found = summarise_log(log, engine="duckdb")

    assert (found.engine, found.read.records) == ("python", 1)
    assert "is a pattern for DuckDB" in found.note


def test_databases_patterns_and_periods_are_left_to_our_reader(tmp_path: Path) -> None:
    """And the note says why."""
    log = write(tmp_path / "events.jsonl", [GOOD])
    with SqliteStore(tmp_path / "telemetry.db") as store:
        store.emit(Record("span", "load", "load", 5, 3_000_000, status="error"))

    notes = [
        summarise_log(tmp_path / "telemetry.db", engine="duckdb").note,
        summarise_log(log, patterns={"a": span("a")}, engine="duckdb").note,
        summarise_log(log, period=Period("1m", 0), engine="duckdb").note,
    ]

    assert [note.rpartition(": ")[2] for note in notes] == [
        "it reads files of text only",
        "it is asked for commands only",
        "it is not asked for periods",
    ]


def test_a_database_is_summed_up_like_a_log(tmp_path: Path) -> None:
    """Errors and durations included."""
    with SqliteStore(tmp_path / "telemetry.db") as store:
        store.emit_many(
            [
                Record("span", "load", "load", 5, ms * 1_000_000, status="error" if ms == 3 else "ok")
                for ms in (1, 2, 3)
            ]
        )

    assert figures(summarise_log(tmp_path / "telemetry.db")) == {
        "load": {
            "name": "load", "count": 3, "errors": 1, "timed": 3,
            "p50_ms": 2.0, "p95_ms": 2.9, "p99_ms": 2.98, "max_ms": 3.0,
        }
    }  # fmt: skip


def test_of_nothing_there_are_no_percentiles(tmp_path: Path) -> None:
    """None, for a pattern that describes nothing and for a name without timings; never 0."""
    log = write(tmp_path / "events.jsonl", ['{"cmd": "a"}'])

    found = figures(summarise_log(log, patterns={"b": span("b"), "a": event("a")}))

    none = dict.fromkeys(("p50_ms", "p95_ms", "p99_ms", "max_ms"))
    assert found == {
        "b": {"name": "b", "count": 0, "errors": 0, "timed": 0, **none},
        "a": {"name": "a", "count": 1, "errors": 0, "timed": 0, **none},
    }


def test_a_record_counts_for_each_pattern_that_describes_it(tmp_path: Path) -> None:
    """Patterns may overlap; a text is a name or glob of any kind."""
    log = write(
        tmp_path / "events.jsonl",
        ['{"cmd": "ctx.get"}', '{"cmd": "ctx.get", "timing_ms": 1}', '{"cmd": "lsp"}'],
    )

    found = summarise_log(log, patterns={text: parse_pattern(text) for text in ("ctx.*", "*", "lsp")})

    assert {one.name: one.count for one in found.figures} == {"ctx.*": 2, "*": 3, "lsp": 1}


def test_a_period_leaves_out_what_is_older_and_what_has_no_time(tmp_path: Path) -> None:
    """The two are counted apart."""
    stamps = (
        "2026-01-01T00:00:00Z",
        "2026-01-02T00:00:00Z",
        "2026-01-01T23:59:59.999999999Z",
        "yesterday",
        None,
    )
    log = write(tmp_path / "events.jsonl", [json.dumps({"cmd": "a", "ts": stamp}) for stamp in stamps])

    read = summarise_log(log, period=Period("x", 1_767_312_000 * 10**9)).read

    assert (read.records, read.outside, read.without_time) == (1, 2, 2)


def test_names_beyond_ten_thousand_are_taken_together_by_both(tmp_path: Path) -> None:
    """DuckDB, which does not know which were first, leaves such a log to our reader."""
    log = write(tmp_path / "events.jsonl", [f'{{"cmd": "name {number}"}}' for number in range(10_003)])

    found = summarise_log(log, engine="duckdb")

    assert found.note == "read by Python, not by DuckDB: it has more than 10,000 names"
    assert (len(found.figures), figures(found)["(others)"]["count"]) == (10_001, 3)


@pytest.mark.parametrize("engine", ["python", "duckdb"])
def test_lines_of_which_none_is_an_event_are_no_log(tmp_path: Path, engine: Any) -> None:
    """An empty file is one, without events."""
    log = write(tmp_path / "events.jsonl", ["{}", "null"])

    with pytest.raises(
        UnusableInput, match=r"events.jsonl: none of its 2 lines is an event: is it an event log"
    ):
        summarise_log(log, engine=engine)
    assert summarise_log(write(log, []), engine=engine).figures == ()


def test_duckdb_is_asked_for_large_logs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below that size, loading it would take longer than reading."""
    log = write(tmp_path / "events.jsonl", [GOOD])
    engines = [summarise_log(log).engine]

    monkeypatch.setattr("pytest_telemetry.summaries.LARGE_BYTES", 10)

    assert [*engines, summarise_log(log).engine] == ["python", "duckdb"]
    assert summarise_log(log, patterns={"a": span("a")}).note == ""  # nobody asked


def test_where_duckdb_is_missing_it_is_named_only_if_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line that installs it."""
    log = write(tmp_path / "events.jsonl", [GOOD])
    monkeypatch.setattr("pytest_telemetry.summaries.LARGE_BYTES", 10)
    monkeypatch.setitem(sys.modules, "duckdb", None)

    assert summarise_log(log).engine == "python"
    with pytest.raises(MissingExtra, match=r"pip install 'pytest-telemetry\[duckdb\]'"):
        summarise_log(log, engine="duckdb")


@pytest.mark.parametrize("engine", ["python", "duckdb"])
def test_whoever_waits_is_told_of_every_byte(tmp_path: Path, engine: Any) -> None:
    """In the end it adds up to the size of the log, as it is stored."""
    log = write(tmp_path / "events.jsonl", [GOOD] * 50_000)
    (tmp_path / "events.000001.jsonl.gz").write_bytes(gzip.compress(log.read_bytes()))
    told: list[int] = []

    summarise_log(log, engine=engine, progress=told.append)

    assert sum(told) == size_of(log)
    assert all(part >= 0 for part in told)
