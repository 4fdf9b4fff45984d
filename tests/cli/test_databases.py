"""The commands that read a database, and leave it as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

READING = [
    ["check", "telemetry.db"],
    ["records", "telemetry.db"],
    ["summary", "telemetry.db"],
    ["telemetry", "telemetry.db"],
    ["trace", "r", "--log", "telemetry.db"],
    ["convert", "telemetry.db", "../copy.jsonl"],
    ["prune", "telemetry.db", "--older-than", "7d", "--dry-run"],
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def keep(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    store.emit(Record("span", "load", "load", 1_767_306_948_000_000_000, 1_000_000, run_id="r"))
    return store


def files(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir()}


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_a_command_that_reads_changes_nothing(run: Any, place: Path, command: list[str]) -> None:
    """The database stays the same to the byte, and nothing comes to lie beside it."""
    keep(place / "telemetry.db").close()
    before = files(place)

    code, _, err = run(*command)

    assert (code, err) == (0, "")
    assert files(place) == before


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_what_a_killed_process_left_stays_where_it_lies(
    run: Any, place: Path, tmp_path: Path, command: list[str]
) -> None:
    """The log beside the database is read, and not copied into it."""
    with keep(tmp_path / "there" / "telemetry.db") as store:
        store._write()
        for name in ("telemetry.db", "telemetry.db-wal"):
            (place / name).write_bytes((tmp_path / "there" / name).read_bytes())
    before = files(place)

    code, _, err = run(*command)

    assert (code, err) == (0, "")
    assert {name: content for name, content in files(place).items() if name in before} == before


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
@pytest.mark.parametrize("statement", ["PRAGMA user_version = 0", "CREATE TABLE notes (x)"])
def test_a_database_of_others_is_refused_in_one_line(
    run: Any, place: Path, command: list[str], statement: str
) -> None:
    """By the name that it was given; also one that is empty, which a store would take for its own to fill."""
    with closing(sqlite3.connect(place / "telemetry.db")) as database:
        database.execute("VACUUM")
        database.execute(statement)
    before = files(place)

    code, out, err = run(*command)

    assert (code, out) == (2, "")
    assert err == (
        "pytest-telemetry: cannot read telemetry from telemetry.db: it is an SQLite database, but none of "
        "pytest-telemetry; name another file\n"
    )
    assert files(place) == before
