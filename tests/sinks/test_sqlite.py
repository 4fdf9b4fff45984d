"""The SQLite store: whole batches, many writers, honest counts."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.errors import Unavailable, UnusableInput
from pytest_telemetry.model.pattern import event, span
from pytest_telemetry.model.protocols import BatchSink, Store
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks import sqlite_row
from pytest_telemetry.sinks.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def numbered(number: int = 0, **changes: Any) -> Record:
    return Record("event", "e", "e", number, seq=number, **changes)


def many(*numbers: int) -> list[Record]:
    return [numbered(number) for number in numbers]


def balanced(store: SqliteStore) -> tuple[int, int, int, int]:
    figures = store.statistics()
    assert figures["accepted"] == figures["stored"] + figures["dropped"] + figures["queued"]
    return figures["accepted"], figures["stored"], figures["dropped"], figures["queued"]


def in_file(path: Path) -> list[int]:
    """Return the numbers in the file itself, whatever else waits somewhere."""
    with closing(sqlite3.connect(path)) as database:
        return [number for (number,) in database.execute("SELECT seq FROM records ORDER BY id")]


def read(store: SqliteStore, **asked: Any) -> list[int | None]:
    return [record.seq for record in store.records(**asked)]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Write to the database at *path* as somebody else, without an end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def full(store: SqliteStore) -> Iterator[None]:
    """Leave the database no further page, as a full disk would."""
    assert store._database._connection is not None
    store._database._connection.execute("PRAGMA max_page_count = 1")
    yield
    store._database._connection.execute("PRAGMA max_page_count = 1000000")


# what is kept


def test_records_are_read_back_in_the_order_in_which_they_were_accepted(tmp_path: Path) -> None:
    """One by one and many at once, also by somebody who opens the file later."""
    path = tmp_path / "a" / "telemetry.db"

    with SqliteStore(path) as store:
        store.emit(numbered(3, attrs={"rows": 1}))
        store.emit_many(many(1, 2))
        store.emit(numbered(0))
        first = list(store.records())
    with SqliteStore(path) as again:
        assert list(again.records()) == first

    assert [record.seq for record in first] == [3, 1, 2, 0]
    assert first[0] == numbered(3, attrs={"rows": 1})
    assert isinstance(store, Store)
    assert isinstance(store, BatchSink)


def test_a_batch_is_written_when_it_is_full(tmp_path: Path) -> None:
    """In one transaction; until then its records wait in memory."""
    with SqliteStore(tmp_path / "t.db", batch_size=3) as store:
        store.emit(numbered(1))
        store.emit(numbered(2))
        before = in_file(store.path), balanced(store)
        store.emit(numbered(3))
        store.emit(numbered(4))

        assert before == ([], (2, 0, 0, 2))
        assert (in_file(store.path), balanced(store)) == ([1, 2, 3], (4, 3, 0, 1))


def test_many_at_once_are_written_at_once_behind_what_waits(tmp_path: Path) -> None:
    """When `emit_many` returns, everything before it is in the file."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit(numbered(1))
        store.emit_many(many(2, 3))
        store.emit_many([])

        assert in_file(store.path) == [1, 2, 3]
        assert balanced(store) == (3, 3, 0, 0)


def test_who_asks_is_told_what_was_stored_when_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what waits, and not what is too long."""
    monkeypatch.setattr(sqlite_row, "MAX_LINE_BYTES", 100)
    told: list[int | None] = []
    long = {"text": "x" * 200}

    with SqliteStore(tmp_path / "t.db", batch_size=3) as store:
        store.on_stored.append(lambda records: told.extend(record.seq for record in records))
        store.emit(numbered(1))
        store.emit(numbered(2, attrs=long))
        before = list(told)
        store.emit_many([numbered(3), numbered(4, attrs=long), numbered(5)])
        store.emit(numbered(6))

        assert (before, told) == ([], [1, 3, 5])
    assert told == [1, 3, 5, 6] == in_file(store.path)
    assert balanced(store) == (6, 4, 2, 0)


def test_what_could_not_be_stored_is_told_once_it_is(tmp_path: Path) -> None:
    """A full disk accepts nothing, and all of it is offered again."""
    told: list[int | None] = []
    batch = [numbered(1, attrs={"text": "x" * 100_000})]
    with SqliteStore(tmp_path / "t.db") as store:
        store.on_stored.append(lambda records: told.extend(record.seq for record in records))
        with full(store), pytest.raises(Unavailable):
            store.emit_many(batch)
        before = list(told)
        store.emit_many(batch)

    assert (before, told) == ([], [1])


def committed(store: SqliteStore, *calls: Callable[[], object]) -> list[list[bool]]:
    """Return of each call, and of each transaction that it commits, whether SQLite waits for the disk."""
    assert store._database._connection is not None
    waits = False
    commits: list[list[bool]] = []

    def follow(statement: str) -> None:
        nonlocal waits
        if statement.startswith("PRAGMA synchronous"):
            waits = statement.endswith("FULL")
        elif statement == "COMMIT":
            commits[-1].append(waits)

    store._database._connection.set_trace_callback(follow)
    for call in calls:
        commits.append([])
        call()
    return commits


def test_a_flush_writes_what_waits_and_waits_for_the_disk(tmp_path: Path) -> None:
    """Once: what was queued is in the transaction that is waited for, and none is made where nothing was written."""
    with SqliteStore(tmp_path / "t.db") as store:
        told = committed(
            store,
            lambda: store.emit(numbered(1)),
            store.flush,
            lambda: store.emit_many(many(2)),
            store.flush,
            store.flush,
            lambda: store.trim(keep=1),
            store.flush,
        )

        assert told == [[], [True], [False], [True], [], [False], [True]]
        assert balanced(store) == (2, 2, 0, 0)
        assert in_file(store.path) == [2]


def test_a_flush_that_cannot_wait_for_the_disk_says_so_and_can_be_tried_again(tmp_path: Path) -> None:
    """What was written is stored all the same."""
    with SqliteStore(tmp_path / "t.db", timeout=0) as store:
        store.emit_many(many(1))
        with locked(store.path), pytest.raises(Unavailable, match="cannot flush telemetry to"):
            store.flush()

        assert committed(store, store.flush, store.flush) == [[True], []]
        assert balanced(store) == (1, 1, 0, 0)


class Interrupting:
    """A connection behind whose statement a signal arrives: SQLite does not hear of it."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection = connection
        self._statement = statement

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> Any:
        result = self._connection.execute(statement, *values)
        if statement == self._statement:
            self._statement = ""
            raise KeyboardInterrupt
        return result


def interrupted(store: SqliteStore, statement: str) -> None:
    """Have a signal arrive behind the next *statement*."""
    connection: Any = store._database._connection
    store._database._connection = Interrupting(connection, statement)  # type: ignore[assignment]  # a double


SIGNALLED = ["BEGIN IMMEDIATE", "COMMIT", "PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"]


@pytest.mark.parametrize("statement", SIGNALLED)
def test_an_interruption_neither_doubles_nor_loses_what_was_queued(tmp_path: Path, statement: str) -> None:
    """It is raised, nobody is locked out, and what the counts say is what is in the file."""
    path, told = tmp_path / "telemetry.db", list[int | None]()
    with SqliteStore(path, batch_size=100) as store:
        store.on_stored.append(lambda records: told.extend(record.seq for record in records))
        for record in many(*range(5)):
            store.emit(record)
        interrupted(store, statement)

        with pytest.raises(KeyboardInterrupt):
            store.flush()

        with locked(path):
            assert balanced(store)[1] == len(in_file(path)) in {0, 5}
        store.flush()
        store.emit_many(many(5))
        assert balanced(store) == (6, 6, 0, 0)
    assert in_file(path) == told == [*range(6)]


@pytest.mark.parametrize("statement", SIGNALLED[:2])
def test_an_interruption_of_a_batch_is_counted_as_it_ended(tmp_path: Path, statement: str) -> None:
    """Either all of it is stored, and said to be, or nothing was accepted."""
    path = tmp_path / "telemetry.db"
    with SqliteStore(path) as store:
        interrupted(store, statement)

        with pytest.raises(KeyboardInterrupt):
            store.emit_many(many(1, 2, 3))

        accepted, stored, dropped, queued = balanced(store)
        assert (stored, dropped, queued) == (accepted, 0, 0)
        assert in_file(path) == [1, 2, 3][:stored]
        assert stored == (3 if statement == "COMMIT" else 0)


def test_a_flush_that_interrupts_a_write_can_be_tried_again(tmp_path: Path) -> None:
    """As a signal handler does: nothing is dropped."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit(numbered(1))
        with store._database.writing("write to"), pytest.raises(Unavailable, match="was interrupted"):
            store.flush()
        store.flush()

        assert balanced(store) == (1, 1, 0, 0)


def test_what_is_copied_into_the_file_is_what_a_close_leaves(tmp_path: Path) -> None:
    """No log lies beside it then."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit(numbered(1))

    assert [path.name for path in tmp_path.iterdir()] == ["t.db"]
    assert in_file(store.path) == [1]


def test_what_waits_is_written_before_it_is_read(tmp_path: Path) -> None:
    """A reader sees everything that was accepted before the call, and nothing that comes later."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit(numbered(1))
        reading = store.records()
        store.emit_many(many(2))

        assert [record.seq for record in reading] == [1]
        assert read(store) == [1, 2]


def test_values_kept_as_text_are_counted_when_they_are_stored(tmp_path: Path) -> None:
    """The record is kept, and the rest of the batch is safe."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit(numbered(1, attrs={"o": object()}))
        waiting = store.statistics()["as_text"]
        store.emit_many([numbered(2, attrs={"o": {1}}), numbered(3)])

        assert [record.attrs for record in store.records()] == [{"o": "<object object>"}, {"o": [1]}, {}]
        assert (waiting, store.statistics()["as_text"]) == (0, 2)


def test_a_record_that_no_log_would_take_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And counted, both ways of emitting."""
    monkeypatch.setattr(sqlite_row, "MAX_LINE_BYTES", 200)
    long = {"text": "x" * 300}

    with SqliteStore(tmp_path / "t.db") as store:
        store.emit(numbered(1, attrs=long))
        store.emit_many([numbered(2, attrs=long), numbered(3)])

        assert read(store) == [3]
        assert balanced(store) == (3, 1, 2, 0)


def test_a_batch_is_a_whole_number_above_0(tmp_path: Path) -> None:
    """Anything else is refused at once."""
    for size in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="batch_size must be a whole number above 0"):
            SqliteStore(tmp_path / "t.db", batch_size=size)  # type: ignore[arg-type]


# closing


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    """Twice is fine, and so is a flush behind it."""
    store = SqliteStore(tmp_path / "t.db")
    store.emit(numbered(1))

    store.close()
    store.close()
    store.flush()

    assert in_file(store.path) == [1]
    assert sorted(tmp_path.iterdir()) == [store.path]


def test_a_record_after_close_is_counted_as_dropped(tmp_path: Path) -> None:
    """Both ways of emitting."""
    store = SqliteStore(tmp_path / "t.db")
    store.close()

    store.emit(numbered(1))
    store.emit_many(many(2, 3))

    assert balanced(store) == (3, 0, 3, 0)
    assert in_file(store.path) == []


def test_a_closed_store_can_be_read_and_trimmed(tmp_path: Path) -> None:
    """Nothing stays open behind it."""
    store = SqliteStore(tmp_path / "t.db")
    store.emit_many(many(1, 2))
    store.close()

    assert read(store) == [1, 2]
    assert store.trim(keep=1) == 1
    assert read(store) == [2]
    assert sorted(tmp_path.iterdir()) == [store.path]


def test_what_cannot_be_written_at_the_end_is_counted_as_dropped(tmp_path: Path) -> None:
    """The store is closed all the same."""
    store = SqliteStore(tmp_path / "t.db", timeout=0)
    store.emit(numbered(1))

    with locked(store.path), pytest.raises(Unavailable, match="database is locked"):
        store.close()

    store.close()
    assert balanced(store) == (1, 0, 1, 0)
    assert in_file(store.path) == []


# nothing can be written


def test_a_locked_database_accepts_nothing_and_may_be_asked_again(tmp_path: Path) -> None:
    """What was offered is the caller's still."""
    with SqliteStore(tmp_path / "t.db", timeout=0) as store:
        with locked(store.path), pytest.raises(Unavailable, match=r"cannot write telemetry to .*locked"):
            store.emit_many(many(1, 2))
        refused = balanced(store)
        store.emit_many(many(1, 2))

        assert refused == (0, 0, 0, 0)
        assert balanced(store) == (2, 2, 0, 0)
        assert read(store) == [1, 2]


def test_a_full_disk_accepts_nothing_and_may_be_asked_again(tmp_path: Path) -> None:
    """No part of the batch is kept."""
    batch = [numbered(number, attrs={"text": "x" * 1000}) for number in range(100)]
    with SqliteStore(tmp_path / "t.db") as store:
        with full(store), pytest.raises(Unavailable, match="full"):
            store.emit_many(batch)
        refused = balanced(store), in_file(store.path)
        store.emit_many(batch)

        assert refused == ((0, 0, 0, 0), [])
        assert read(store) == list(range(100))


def test_records_wait_while_nothing_can_be_written(tmp_path: Path) -> None:
    """For ten batches; then the newest are dropped, and those that waited are written when it works again."""
    with SqliteStore(tmp_path / "t.db", batch_size=2, timeout=0) as store:
        with locked(store.path):
            for number in range(23):
                store.emit(numbered(number))
            with pytest.raises(Unavailable):
                store.flush()
            waiting = balanced(store)
        store.flush()

        assert waiting == (23, 0, 3, 20)
        assert balanced(store) == (23, 20, 3, 0)
        assert read(store) == list(range(20))


def test_a_full_queue_is_tried_again_by_what_comes_later(tmp_path: Path) -> None:
    """Without a flush, and not by every record: each attempt may have to wait."""
    with SqliteStore(tmp_path / "t.db", batch_size=3, timeout=0) as store:
        with locked(store.path):
            for number in range(30):
                store.emit(numbered(number))
        for number in range(30, 33):
            store.emit(numbered(number))
        store.emit(numbered(33))

        assert balanced(store) == (34, 30, 3, 1)
        assert in_file(store.path) == list(range(30))


def test_a_database_that_fails_is_an_error_and_counted(tmp_path: Path) -> None:
    """The pipeline decides what to do with a sink that fails; what comes later is stored again."""
    with SqliteStore(tmp_path / "t.db", batch_size=2) as store:
        store.emit(numbered(1))
        assert store._database._connection is not None
        store._database._connection.execute("ALTER TABLE records RENAME TO elsewhere")
        with pytest.raises(OSError, match="no such table") as at_many:
            store.emit_many(many(2, 3))
        store.emit(numbered(4))
        with pytest.raises(OSError, match="no such table") as at_one:
            store.emit(numbered(5))
        failed = balanced(store)
        store._database._connection.execute("ALTER TABLE elsewhere RENAME TO records")
        store.emit_many(many(6))

        assert not isinstance(at_many.value, Unavailable)
        assert not isinstance(at_one.value, Unavailable)
        assert failed == (5, 0, 5, 0)
        assert balanced(store) == (6, 1, 5, 0)
        assert read(store) == [6]


def test_what_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    """A row that somebody wrote by hand, or a table that is not there."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit_many(many(1))
        assert store._database._connection is not None
        store._database._connection.execute("UPDATE records SET attrs = '{'")
        with pytest.raises(UnusableInput, match=r"cannot read telemetry from .*t.db: record 1 is not as"):
            list(store.records())
        store._database._connection.execute("DROP TABLE records")
        with pytest.raises(UnusableInput, match=r"cannot read telemetry from .*t.db: no such table"):
            store.records()


def test_reading_needs_nobody_to_stop_writing(tmp_path: Path) -> None:
    """A store that has nothing to write is read although the database is locked."""
    with SqliteStore(tmp_path / "t.db", timeout=0) as store:
        store.emit_many(many(1))

        with locked(store.path):
            assert read(store) == [1]


# only reading


def files(path: Path) -> dict[str, bytes]:
    """Return what lies in the directory of *path*, but for the index of a log."""
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}


def test_a_database_that_is_only_read_stays_as_it_is(tmp_path: Path) -> None:
    """Before, while and after it is read, and nothing lies beside it."""
    path = tmp_path / "t.db"
    with SqliteStore(path) as store:
        store.emit_many(many(1, 2))
    before = files(path)

    with SqliteStore(path, read_only=True) as store:
        assert read(store) == [1, 2]
        assert [file.name for file in tmp_path.iterdir()] == ["t.db"]
        assert files(path) == before
    assert read(store) == [1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["t.db"]
    assert files(path) == before


def test_what_others_write_meanwhile_is_read(tmp_path: Path) -> None:
    """By a store that was opened when nobody wrote, and again when nobody does any more."""
    path = tmp_path / "t.db"
    SqliteStore(path).close()

    with SqliteStore(path, read_only=True) as store:
        assert read(store) == []
        with SqliteStore(path) as other:
            other.emit_many(many(1))
            assert read(store) == [1]
        with SqliteStore(path) as other:
            other.emit_many(many(2))
        assert read(store) == [1, 2]


def test_each_page_is_read_of_one_state(tmp_path: Path) -> None:
    """Although others write, delete and move everything between two pages."""
    path = tmp_path / "t.db"
    with SqliteStore(path) as other:
        other.emit_many(many(*range(3000)))

    with SqliteStore(path, read_only=True) as store:
        records = store.records()
        first = [next(records).seq for _ in range(1000)]
        with SqliteStore(path) as other:
            other.trim(keep=1500)
            other.emit_many(many(*range(3000, 4000)))
            other.flush()
            with other._database.connected("vacuum") as connection:
                connection.execute("VACUUM")
        rest = [record.seq for record in records]

    assert first == list(range(1000))
    assert rest == list(range(1500, 3000))


@pytest.mark.parametrize("by_link", [False, True])
def test_the_log_that_another_process_left_is_read_and_stays(tmp_path: Path, by_link: bool) -> None:
    """It was killed: what it had written is in the log, which lies beside the file itself, and is not copied into it."""
    path = tmp_path / "copy" / "t.db"
    path.parent.mkdir()
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit_many(many(1, 2))
        for name in ("t.db", "t.db-wal"):
            (path.parent / name).write_bytes((tmp_path / name).read_bytes())
    before = files(path)
    link = tmp_path / "link.db"
    link.symlink_to(path)

    with SqliteStore(link if by_link else path, read_only=True) as store:
        assert read(store) == [1, 2]

    assert files(path) == before


def test_a_database_that_is_only_read_keeps_nothing(tmp_path: Path) -> None:
    """What it is given is an error at once, and counted as dropped; nothing is deleted, and it can be read as before."""
    path = tmp_path / "t.db"
    with SqliteStore(path) as store:
        store.emit_many(many(1, 2))

    with SqliteStore(path, read_only=True) as store:
        with pytest.raises(OSError, match="opened to be read only") as at_one:
            store.emit(numbered(3))
        with pytest.raises(OSError, match="opened to be read only") as at_many:
            store.emit_many(many(4))
        with pytest.raises(OSError, match="opened to be read only") as at_trim:
            store.trim(keep=1)

        assert not any(isinstance(caught.value, Unavailable) for caught in (at_one, at_many, at_trim))
        assert balanced(store) == (2, 0, 2, 0)
        assert store.trim(keep=1, dry_run=True) == 1
        assert read(store) == [1, 2]


def test_a_database_that_goes_while_it_is_read_is_one_error(tmp_path: Path) -> None:
    """Nothing is read of a file that has no name any more, and nothing was to be written."""
    path = tmp_path / "t.db"
    with SqliteStore(path) as store:
        store.emit_many(many(*range(1001)))

    with SqliteStore(path, read_only=True) as store:
        records = store.records()
        next(records)
        path.unlink()
        with pytest.raises(UnusableInput, match=r"cannot read telemetry from .*t.db: No such file"):
            list(records)
        with pytest.raises(UnusableInput, match=r"cannot read telemetry from .*t.db: No such file"):
            store.records()


READER = """
import os, sys, urllib.parse  # which pathlib loads late, from where nobody may read
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.sinks.sqlite import SqliteStore
if os.getuid() == 0:  # who may write everywhere
    os.setuid(65534)
try:
    with SqliteStore(sys.argv[1], read_only=True) as store:
        print([record.seq for record in store.records()])
except UnusableInput as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="this system keeps permissions in another way")
@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ([], "[]"),
        (["-wal", "-shm"], "[1, 2]"),
        (
            ["-wal"],
            "cannot read telemetry from {path}: it has a log beside it (-wal), which can be read only",
        ),
    ],
)
def test_a_directory_that_is_read_only_can_be_read(beside: list[str], said: str) -> None:
    """With the log, where its index is there; otherwise one line says what to do."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a" / "t.db"
        path.parent.mkdir()
        with SqliteStore(Path(name) / "t.db") as store:
            store.emit_many(many(1))
            store.flush()
            store.emit_many(many(2))
            for ending in ("", *beside):
                (path.parent / f"t.db{ending}").write_bytes((Path(name) / f"t.db{ending}").read_bytes())
        for file in path.parent.iterdir():
            file.chmod(0o444)
        path.parent.chmod(0o555)
        Path(name).chmod(0o755)

        done = subprocess.run(
            [sys.executable, "-c", READER, path], capture_output=True, text=True, check=True
        )

        path.parent.chmod(0o755)
        assert done.stdout.startswith(said.format(path=path))
        assert done.stdout.count("\n") == 1


# looking up


def test_a_pattern_picks(tmp_path: Path) -> None:
    """What it matches, in order, however many pages lie between."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit_many([Record("span", "load", "load", 1, 1, seq=n) for n in range(0, 2500, 2)])
        store.emit_many(many(*range(1, 2500, 2)))

        assert [record.seq for record in store.records(span("load"))] == list(range(0, 2500, 2))
        assert [record.seq for record in store.records(event("*"))] == list(range(1, 2500, 2))
        assert list(store.records(span("lock"))) == []


def test_a_run_and_a_trace_are_read_alone(tmp_path: Path) -> None:
    """With a pattern or without."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit_many(
            [
                numbered(1, run_id="r", trace_id="t"),
                numbered(2, run_id="r"),
                numbered(3, run_id="s", trace_id="t"),
            ]
        )

        assert read(store, run_id="r") == [1, 2]
        assert read(store, trace_id="t") == [1, 3]
        assert read(store, run_id="s", trace_id="t") == [3]
        assert [record.seq for record in store.records(event("e"), run_id="r", trace_id="t")] == [1]
        assert list(store.records(span("e"), run_id="r")) == []


# deleting


def test_what_is_older_is_deleted_and_counted(tmp_path: Path) -> None:
    """By when it happened; what waits is written first."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit_many(many(5, 1, 4, 2))
        store.emit(numbered(3))

        deleted = store.trim(4)

        assert (deleted, store.statistics()["trimmed"]) == (3, 3)
        assert read(store) == [5, 4]
        assert balanced(store) == (5, 5, 0, 0)


@pytest.mark.parametrize(("keep", "left"), [(0, []), (2, [3, 4]), (4, [1, 2, 3, 4]), (9, [1, 2, 3, 4])])
def test_so_many_are_left_those_that_came_last(tmp_path: Path, keep: int, left: list[int]) -> None:
    """By the order in which they were accepted."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit_many(many(1, 2, 3, 4))

        assert store.trim(keep=keep) == 4 - len(left)
        assert read(store) == left
        store.emit_many(many(5))
        assert read(store) == [*left, 5]


def test_two_bounds_delete_what_both_say(tmp_path: Path) -> None:
    """What is old, but for so many."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit_many(many(1, 5, 2, 3, 4))

        assert store.trim(4, keep=2) == 2
        assert read(store) == [5, 3, 4]


def test_what_would_be_deleted_can_be_counted(tmp_path: Path) -> None:
    """What waits for its batch is counted, too, and nothing is deleted."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit_many(many(1, 2, 3))
        store.emit(numbered(4))

        assert store.trim(3, dry_run=True) == 2
        assert store.trim(keep=0, dry_run=True) == 4
        assert store.trim(3, keep=3, dry_run=True) == 1
        assert store.trim(2**80, keep=2**80) == store.trim(-(2**80)) == 0
        assert (read(store), store.statistics()["trimmed"]) == ([1, 2, 3, 4], 0)


def test_to_delete_needs_a_bound(tmp_path: Path) -> None:
    """None, or less than nothing, deletes nothing."""
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit_many(many(1))
        for before_ns, keep in ((None, None), (None, -1), (5, -1)):
            with pytest.raises(ValueError, match="takes before_ns, or keep from 0, or both"):
                store.trim(before_ns, keep=keep)

        assert read(store) == [1]


def test_a_locked_database_deletes_nothing(tmp_path: Path) -> None:
    """It may be asked again."""
    with SqliteStore(tmp_path / "t.db", timeout=0) as store:
        store.emit_many(many(1))

        with locked(store.path), pytest.raises(Unavailable, match="cannot delete"):
            store.trim(keep=0)

        assert (read(store), store.statistics()["trimmed"]) == ([1], 0)


# many writers


def test_threads_share_a_store_without_loss(tmp_path: Path) -> None:
    """All records of all threads are there, in the order of each, while others read."""
    with SqliteStore(tmp_path / "t.db", batch_size=7) as store:

        def write(start: int) -> None:
            for number in range(start, start + 100):
                store.emit(numbered(number))
            store.emit_many(many(*range(start + 100, start + 200)))
            assert len(read(store)) >= 200

        threads = [threading.Thread(target=write, args=(start,)) for start in range(0, 800, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        numbers = [number or 0 for number in read(store)]
        assert balanced(store) == (800, 800, 0, 0)
    assert sorted(numbers) == list(range(800))
    for start in range(0, 800, 200):
        own = [number for number in numbers if start <= number < start + 200]
        assert own == sorted(own)


WRITER = """
import sys
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.sqlite import SqliteStore
print("ready", flush=True)
sys.stdin.readline()
with SqliteStore(sys.argv[1], batch_size=20, timeout=60) as store:
    for number in range(int(sys.argv[2]), int(sys.argv[2]) + 300):
        store.emit(Record("event", "e", "e", 1, seq=number))
    store.flush()
    print(dict(store.statistics()))
"""


def test_processes_share_a_file_without_loss(tmp_path: Path) -> None:
    """They make it at the same moment, and none is told that it is locked."""
    path = tmp_path / "t.db"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, path, str(start)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for start in range(0, 1200, 300)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"

    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    told = [writer.communicate()[0] for writer in writers]

    assert [writer.returncode for writer in writers] == [0] * 4
    assert all("'accepted': 300, 'stored': 300" in text for text in told)
    numbers = in_file(path)
    assert sorted(numbers) == list(range(1200))
    for start in range(0, 1200, 300):
        assert [n for n in numbers if start <= n < start + 300] == list(range(start, start + 300))


KILLED = """
import sys
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
for batch in range(10**6):
    store.emit_many([Record("event", "e", "e", 1, seq=number) for number in range(batch * 50, batch * 50 + 50)])
    print(batch, flush=True)
"""


@pytest.mark.parametrize("batches", [1, 4, 9])
def test_a_killed_process_leaves_whole_batches(tmp_path: Path, batches: int) -> None:
    """All of those that it was told are stored, perhaps one more, and no part of any; nothing needs repair."""
    path = tmp_path / "t.db"
    with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(batches):
            writer.stdout.readline()
        writer.kill()
        told = batches + len(writer.stdout.read().splitlines())

    with SqliteStore(path) as store:
        store.emit_many(many(-1))
        numbers = read(store)

    assert numbers[-1] == -1
    assert numbers[:-1] == list(range(len(numbers) - 1))
    assert len(numbers) - 1 in (told * 50, told * 50 + 50)


# forks


def run(script: str, path: Path) -> None:
    subprocess.run([sys.executable, "-c", script, path], check=True, timeout=60)


FORKER = """
import os, sys
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.sqlite import SqliteStore
def event(number):
    return Record("event", "e", "e", 1, seq=number)
store = SqliteStore(sys.argv[1])
store.emit_many([event(1)])
store.emit(event(2))  # waits, in the parent only
store._database.lock.acquire()  # as a signal handler finds it
child = os.fork()
if child == 0:
    store.emit(event(3))
    store.close()
    assert store.statistics()["accepted"] == store.statistics()["stored"] == 1, store.statistics()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
store._database.lock.release()
store.close()
assert store.statistics()["accepted"] == store.statistics()["stored"] == 2, store.statistics()
"""


@needs_fork
def test_a_forked_child_goes_on_and_counts_from_zero(tmp_path: Path) -> None:
    """What waited in the parent is written by the parent, once."""
    run(FORKER, tmp_path / "t.db")

    assert in_file(tmp_path / "t.db") == [1, 3, 2]


OUTLIVED = """
import os, sys
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.sqlite import SqliteStore
def event(number):
    return Record("event", "e", "e", 1, seq=number)
store = SqliteStore(sys.argv[1])
store.emit_many([event(1)])
to_parent, to_child = os.pipe(), os.pipe()
if os.fork() == 0:
    store.emit_many([event(2)])
    os.write(to_parent[1], b".")
    os.read(to_child[0], 1)  # the parent has closed its store, and somebody else opens the file
    store.emit_many([event(4)])
    store.close()
    sys.exit(0)
os.read(to_parent[0], 1)
store.close()
with SqliteStore(sys.argv[1]) as other:
    other.emit_many([event(3)])
    os.write(to_child[1], b".")
    assert os.wait()[1] == 0
    other.emit_many([event(5)])
    assert [record.seq for record in other.records()] == [1, 2, 3, 4, 5]
"""


@needs_fork
def test_parent_and_child_may_close_in_any_order(tmp_path: Path) -> None:
    """SQLite would take a connection that lived through the fork for its own, and lose what the child writes."""
    run(OUTLIVED, tmp_path / "t.db")

    assert in_file(tmp_path / "t.db") == [1, 2, 3, 4, 5]


BUSY = """
import os, sys, threading
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.sqlite import SqliteStore
store = SqliteStore(sys.argv[1], timeout=60)
stop = threading.Event()
def write():
    while not stop.is_set():
        store.emit_many([Record("event", "parent", "parent", 1)] * 200)
thread = threading.Thread(target=write)
thread.start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        store.emit_many([Record("event", "child", "child", 1)] * 5)
        store.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
thread.join()
assert len(list(store.records())) == store.statistics()["stored"] + 50
store.close()
"""


@needs_fork
def test_a_fork_in_the_midst_of_a_write_waits_for_its_end(tmp_path: Path) -> None:
    """The child finds no lock of SQLite's that is held by a thread it does not have."""
    run(BUSY, tmp_path / "t.db")


def test_a_signal_handler_may_emit_in_the_midst_of_a_write(tmp_path: Path) -> None:
    """What it emits waits for the next write; what is being written is written once."""
    with SqliteStore(tmp_path / "t.db", batch_size=1) as store:
        numbers = iter([10, 11, 12])

        def interrupt(statement: str) -> None:
            if statement.startswith("INSERT"):
                store.emit(numbered(next(numbers)))

        assert store._database._connection is not None
        store._database._connection.set_trace_callback(interrupt)
        store.emit_many(many(1, 2))
        store._database._connection.set_trace_callback(None)

        assert balanced(store) == (4, 2, 0, 2)
        assert read(store) == [1, 2, 10, 11]
