"""The database of the SQLite store: opened, refused, brought forward, and asked in SQL."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks import sqlite_schema
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.sinks.sqlite_schema import APPLICATION_ID, MIGRATIONS, open_database, open_to_read

if TYPE_CHECKING:
    from collections.abc import Iterable

MILLISECOND = 1_000_000
DOCUMENT_001 = [
    "id", "timestamp", "event_type", "agent_name", "function_name", "input_tokens", "output_tokens", "latency_ms",
    "cost_usd", "success", "error_type", "trace_id", "metadata", "created_at",
]  # fmt: skip


def made(path: Path, statements: Iterable[str]) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)
    return path


def asked(path: Path, query: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as database:
        cursor = database.execute(query)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def value(path: Path, query: str) -> Any:
    [row] = asked(path, query)
    [found] = row.values()
    return found


# opening


def test_a_new_database_is_ours_and_writes_ahead(tmp_path: Path) -> None:
    """Parent directories come into being; so does everything that other programs may look at."""
    path = tmp_path / "a" / "b" / "telemetry.db"

    open_database(path, 0).close()

    assert value(path, "PRAGMA application_id") == APPLICATION_ID
    assert value(path, "PRAGMA user_version") == len(MIGRATIONS)
    assert value(path, "PRAGMA journal_mode") == "wal"


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    """As temporary files are."""
    path = tmp_path / "telemetry.db"
    path.touch()

    open_database(path, 0).close()

    assert value(path, "SELECT count(*) FROM records") == 0


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE records (id INTEGER PRIMARY KEY)", "PRAGMA user_version = 1"],
        ["PRAGMA application_id = 5"],
    ],
)
def test_a_database_of_another_program_is_refused_as_it_stands(tmp_path: Path, statements: list[str]) -> None:
    """Not a byte of it changes, whatever its tables are called."""
    path = made(tmp_path / "theirs.db", statements)
    before = path.read_bytes()

    with pytest.raises(
        UnusableInput, match=r"keep .*theirs.db: it is an SQLite database, but none of pytest-telemetry; name"
    ):
        open_database(path, 0)
    with pytest.raises(
        UnusableInput, match=r"read .*theirs.db: it is an SQLite database, but none of pytest-telemetry; name"
    ):
        open_to_read(path, 0)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    """The text says both versions, and what to do."""
    path = tmp_path / "telemetry.db"
    open_database(path, 0).close()
    made(path, [f"PRAGMA user_version = {len(MIGRATIONS) + 1}"])

    for opened in (open_database, open_to_read):
        with pytest.raises(
            UnusableInput, match=rf"its version {len(MIGRATIONS) + 1} is newer .* update pytest-tele"
        ):
            opened(path, 0)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """A log for one, or a directory."""
    log = tmp_path / "events.jsonl"
    log.write_bytes(b'{"cmd":"load"}\n' * 1000)

    with pytest.raises(UnusableInput, match=r"events.jsonl: it is no SQLite database; name another file"):
        open_database(log, 0)
    with pytest.raises(UnusableInput, match=r"cannot keep telemetry in .*: unable to open"):
        open_database(tmp_path, 0)
    with pytest.raises(UnusableInput, match=r"cannot keep telemetry in .*: (File exists|Not a directory)"):
        open_database(log / "telemetry.db", 0)
    assert log.read_bytes() == b'{"cmd":"load"}\n' * 1000


def test_what_is_not_there_is_not_made_to_be_read(tmp_path: Path) -> None:
    """An empty database would be a lie."""
    with pytest.raises(UnusableInput, match=r"cannot read telemetry from .*telemetry.db: No such file"):
        open_to_read(tmp_path / "telemetry.db", 0)

    assert list(tmp_path.iterdir()) == []


def test_a_home_that_is_not_there_is_named() -> None:
    """Instead of a directory called like it."""
    with pytest.raises(UnusableInput, match=r"cannot keep telemetry in ~nobody-of-that-name/t\.db: "):
        SqliteStore("~nobody-of-that-name/t.db")


def test_the_home_directory_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As configuration files have it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    SqliteStore("~/telemetry.db").close()

    assert (tmp_path / "telemetry.db").exists()


def test_a_database_that_cannot_be_made_for_a_lock_is_refused(tmp_path: Path) -> None:
    """The lock of somebody who has the file for himself."""
    path = made(tmp_path / "telemetry.db", [])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(UnusableInput, match=r"telemetry.db: database is locked"):
            open_database(path, 0)


OPENER = """
import os, sys
from pathlib import Path
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.sinks.sqlite import SqliteStore
if os.getuid() == 0:  # who may write everywhere
    os.setuid(65534)
try:
    SqliteStore(sys.argv[1])
except UnusableInput as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="this system keeps permissions in another way")
@pytest.mark.parametrize("closed", [".", "telemetry.db"])
def test_what_may_not_be_written_is_said_on_opening(closed: str) -> None:
    """SQLite itself would open it, and fail at the first record."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o777)
        path = directory / "telemetry.db"
        open_database(path, 0).close()
        path.chmod(0o666)
        (directory / closed).chmod(0o555 if closed == "." else 0o444)

        done = subprocess.run(
            [sys.executable, "-c", OPENER, path], capture_output=True, text=True, check=True
        )

        directory.chmod(0o777)
        assert done.stdout == f"cannot keep telemetry in {path}: {directory / closed} is read-only\n"


# versions


def test_an_older_version_is_brought_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step, with what is in it."""
    path = made(
        tmp_path / "telemetry.db",
        [
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, name TEXT)",
            "INSERT INTO notes VALUES (1, 'kept')",
            f"PRAGMA application_id = {APPLICATION_ID}",
            "PRAGMA user_version = 1",
        ],
    )
    later = (
        ("a first step that was made long ago",),
        ("ALTER TABLE notes ADD COLUMN rows INTEGER", "UPDATE notes SET rows = 5"),
        ("ALTER TABLE notes RENAME COLUMN rows TO lines",),
    )
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", later)

    open_database(path, 0).close()

    assert asked(path, "SELECT * FROM notes") == [{"id": 1, "name": "kept", "lines": 5}]
    assert value(path, "PRAGMA user_version") == 3


def test_a_step_that_fails_leaves_the_version_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole: no half of a step is kept, and what was done before it is."""
    path = tmp_path / "telemetry.db"
    later = (("CREATE TABLE a (x)",), ("CREATE TABLE b (x)", "CREATE TABLE a (x)"))
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", later)

    with pytest.raises(UnusableInput, match="table a already exists"):
        open_database(path, 0)

    assert value(path, "PRAGMA user_version") == 1
    assert value(path, "SELECT group_concat(name) FROM sqlite_master") == "a"


# views


def told(path: Path) -> Path:
    """Store a run with two traces: a call of an agent with a tool below it, and a failure."""
    call = {"gen_ai.agent.name": "planner", "event_type": "model_call", "code.function.name": "plan"}
    used = {"gen_ai.usage.input_tokens": 200, "gen_ai.usage.output_tokens": 150, "cost_usd": 0.25}
    start = 1_767_306_948_500 * MILLISECOND
    with SqliteStore(path) as store:
        store.emit_many(
            [
                Record("span", "tool", "run.tool", start + MILLISECOND, 2 * MILLISECOND, run_id="r", trace_id="a",
                       span_id="2", parent_id="1"),
                Record("metric", "rows", "run.rows", start + MILLISECOND, value=3, instrument="counter",
                       run_id="r", trace_id="a", parent_id="1"),
                Record("span", "run", "run", start, 1_500 * MILLISECOND, attrs=call | used, run_id="r",
                       trace_id="a", span_id="1"),
                Record("span", "ask", "ask", start + 2_000 * MILLISECOND, 0, status="error", error="ValueError",
                       attrs={"agent_name": "critic"}, run_id="r", trace_id="b", span_id="3"),
                Record("event", "done", "done", start, run_id="s"),
            ]
        )  # fmt: skip
    return path


def test_calls_of_agents_have_the_columns_of_document_001(tmp_path: Path) -> None:
    """One row for each finished span that names an agent, with its old names or with those of OpenTelemetry."""
    path = told(tmp_path / "telemetry.db")

    first, second = asked(path, "SELECT * FROM telemetry_events")

    assert list(first) == DOCUMENT_001
    assert first.pop("metadata").startswith('{"gen_ai.agent.name":"planner"')
    assert first == {
        "id": 3,
        "timestamp": 1_767_306_948.5,
        "event_type": "model_call",
        "agent_name": "planner",
        "function_name": "plan",
        "input_tokens": 200,
        "output_tokens": 150,
        "latency_ms": 1500.0,
        "cost_usd": 0.25,
        "success": 1,
        "error_type": None,
        "trace_id": "a",
        "created_at": "2026-01-01 22:35:50",
    }
    assert (second["success"], second["error_type"], second["latency_ms"]) == (0, "ValueError", 0.0)
    assert (second["event_type"], second["function_name"]) == ("span", "ask")


def test_what_was_not_said_of_a_call_is_unknown_and_not_zero(tmp_path: Path) -> None:
    """A call without a price did not cost nothing."""
    path = told(tmp_path / "telemetry.db")

    [figures] = asked(
        path, "SELECT input_tokens, output_tokens, cost_usd FROM telemetry_events WHERE agent_name = 'critic'"
    )

    assert set(figures.values()) == {None}


def test_spans_traces_and_runs_can_be_read_back(tmp_path: Path) -> None:
    """Starts and ends in ns since the epoch, durations in ms."""
    path = told(tmp_path / "telemetry.db")
    start = 1_767_306_948_500 * MILLISECOND

    [span] = asked(path, "SELECT * FROM spans WHERE trace_id = 'a' AND parent_id = '1'")
    traces = asked(path, "SELECT * FROM traces ORDER BY start_ns")
    [run] = asked(path, "SELECT * FROM runs WHERE run_id = 'r'")

    assert (span["name"], span["scope"], span["span_id"]) == ("tool", "run.tool", "2")
    assert (span["start_ns"], span["end_ns"]) == (start + MILLISECOND, start + 3 * MILLISECOND)
    assert span["duration_ms"] == 2.0
    assert [(t["trace_id"], t["root"], t["records"], t["spans"], t["errors"]) for t in traces] == [
        ("a", "run", 3, 2, 0),
        ("b", "ask", 1, 1, 1),
    ]
    assert (traces[0]["start_ns"], traces[0]["duration_ms"], traces[0]["run_id"]) == (start, 1500.0, "r")
    assert run == {
        "run_id": "r",
        "start_ns": start,
        "end_ns": start + 2_000 * MILLISECOND,
        "duration_ms": 2000.0,
        "records": 4,
        "spans": 3,
        "metrics": 1,
        "events": 0,
        "logs": 0,
        "errors": 1,
    }


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT * FROM traces WHERE trace_id = 'a'", "records_trace (trace_id=?)"),
        ("SELECT * FROM runs WHERE run_id = 'a'", "records_run (run_id=?)"),
        ("SELECT * FROM spans WHERE name = 'a'", "records_name (name=?)"),
        ("SELECT * FROM records WHERE time_ns >= 5", "records_time (time_ns>?)"),
    ],
)
def test_what_is_looked_up_is_found_without_reading_everything(
    tmp_path: Path, query: str, index: str
) -> None:
    """By an index of its own, through the views as well."""
    path = tmp_path / "telemetry.db"
    open_database(path, 0).close()

    plan = " ".join(row["detail"] for row in asked(path, f"EXPLAIN QUERY PLAN {query}"))

    assert re.search(re.escape(f"USING INDEX {index}"), plan)


@pytest.mark.parametrize(
    ("heading", "tables"),
    [
        ("Table records", ["records"]),
        ("View spans", ["spans"]),
        ("Views traces and runs", ["traces", "runs"]),
        ("View telemetry_events", ["telemetry_events"]),
    ],
)
def test_the_page_names_every_column(tmp_path: Path, heading: str, tables: list[str]) -> None:
    """And none that is not there."""
    path = tmp_path / "telemetry.db"
    open_database(path, 0).close()
    page = (Path(__file__).parents[2] / "docs" / "reference" / "sqlite.md").read_text(encoding="utf-8")
    section = page.split(f"### {heading}\n")[1].split("\n##")[0]
    cells = re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)

    columns = {row["name"] for table in tables for row in asked(path, f"PRAGMA table_info({table})")}

    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == columns
