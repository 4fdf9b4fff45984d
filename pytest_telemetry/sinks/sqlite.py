"""Keeps records in an SQLite database, to be looked up again (layer 2)."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.errors import Unavailable, UnusableInput
from pytest_telemetry.sinks.sqlite_connection import Database
from pytest_telemetry.sinks.sqlite_query import condition_of
from pytest_telemetry.sinks.sqlite_row import COLUMNS, records_of, row_of
from pytest_telemetry.sinks.sqlite_schema import touch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from os import PathLike
    from sqlite3 import Connection
    from types import TracebackType
    from typing import Any, Self

    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.sinks.sqlite_row import Row

__all__ = ("SqliteStore",)

_BATCHES_QUEUED: Final = 10
_PAGE: Final = 1000

_NAMES: Final = ", ".join(COLUMNS)
_VALUES: Final = f"({', '.join('?' * len(COLUMNS))})"
_INSERT: Final = f"INSERT INTO records ({_NAMES}) VALUES {_VALUES}"  # noqa: S608 - names of ours
_AT_ONCE: Final = 50
"""Rows of one statement, which opens the table and its indexes once; every SQLite takes a thousand parameters."""
_INSERT_AT_ONCE: Final = f"{_INSERT}{f', {_VALUES}' * (_AT_ONCE - 1)}"
_SELECT: Final = f"SELECT {_NAMES}, id FROM records WHERE id > ? AND id <= ?"  # noqa: S608 - likewise
_NEWEST: Final = "SELECT coalesce(max(id), 0) FROM records"
_OLD: Final = "time_ns < ?"
_SURPLUS: Final = "id <= (SELECT id FROM records ORDER BY id DESC LIMIT 1 OFFSET ?)"


class SqliteStore:
    """A store that many threads and processes may write to and read from at once.

    What was written survives the death of this process; a loss of power only what was flushed. What `emit` was given
    waits in memory until there is a batch of it, and is written before anything is read.

    Works on across ``fork``: parent and child each open a connection of their own, and the child counts from zero.

    Args:
        path: The file; it and its parent directories are created where they do not exist, ``~`` is the home.
        batch_size: How many records `emit` collects for one transaction.
        timeout: Seconds to wait while another process writes, before the store is `Unavailable`.
        read_only: Whether a database that is there is only read: nothing of it changes, and nothing can be written.

    Raises:
        UnusableInput: The file cannot be opened for that, or is no database of ours.
        ValueError: *batch_size* is no whole number above 0.

    Attributes:
        path: The file.
        batch_size: As it was given.
        on_stored: Hear of what was stored, see `TellingStore`.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        batch_size: int = 1000,
        timeout: float = 5.0,
        read_only: bool = False,
    ) -> None:
        if type(batch_size) is not int or batch_size < 1:
            raise ValueError(f"batch_size must be a whole number above 0, not {batch_size!r}")
        try:
            given = Path(path).expanduser()
        except RuntimeError as error:
            raise UnusableInput(
                f"cannot {'read telemetry from' if read_only else 'keep telemetry in'} {path}: {error}"
            ) from error
        self.path = given.absolute()
        self.batch_size = batch_size
        self.on_stored: list[Callable[[Sequence[Record]], object]] = []
        self._closed = False
        self._read_only = read_only
        self._database = Database(self.path, given, timeout, self._begin, read_only=read_only)
        self._begin()

    def _begin(self) -> None:
        self._is_synced = True
        self._queue: list[tuple[Row, Record]] = []
        self._queued_as_text = 0
        self._until_write = self.batch_size
        self._accepted = self._stored = self._dropped = self._as_text = self._trimmed = 0

    # writing

    def emit(self, record: Record, /) -> None:
        """Queue *record*, and write what is queued in one transaction once it is a batch.

        While that is not possible for others that write, or for lack of space, it is tried again with every further
        batch; beyond ten batches the newest records are counted as dropped, as are those after `close`, and those
        longer than a line of a log may be.

        Raises:
            OSError: The database failed, and what was queued is counted as dropped; or it is only read, and
                *record* is.
        """
        row, as_text = row_of(record)
        with self._database.lock:
            self._require_writable(1)
            self._accepted += 1
            if row is None or self._closed or len(self._queue) >= _BATCHES_QUEUED * self.batch_size:
                self._dropped += 1
            else:
                self._queue.append((row, record))
                self._queued_as_text += as_text
            self._until_write -= 1
            if self._until_write <= 0:
                with suppress(Unavailable):
                    self._write()

    def emit_many(self, records: Sequence[Record], /) -> None:
        """Write *records*, after what is queued, in one transaction.

        Dropped are records after `close`, and those longer than a line of a log may be.

        Raises:
            Unavailable: Others write, or there is no space; nothing was accepted.
            OSError: The database failed, or is only read; all of it is counted as dropped.
        """
        batch = _Batch(records)
        with self._database.lock:
            self._require_writable(len(records))
            if self._closed:
                self._accepted += len(records)
                self._dropped += len(records)
                return
            self._write(batch)

    def _require_writable(self, count: int) -> None:
        """Refuse *count* records where the database is only read, before they could come in the way of reading."""
        if self._read_only:
            self._accepted += count
            self._dropped += count
            raise OSError(f"cannot write telemetry to {self._database.name}: it was opened to be read only")

    def _write(self, batch: _Batch | None = None, *, durable: bool = False) -> None:
        """Write what is queued, and then *batch*, in one transaction, and count what came of both.

        A *durable* one is made also of nothing, and has all that was written survive a loss of power.
        """
        batch = batch or _Batch(())
        self._until_write = self.batch_size
        queued = len(self._queue)
        rows = [*(row for row, _ in self._queue[:queued]), *batch.rows]
        if rows:
            self._is_synced = False
        elif not durable:
            self._count(0, batch)
            return
        is_written = False

        def committed() -> None:
            nonlocal is_written
            is_written = True

        what = "write telemetry to" if rows else "flush telemetry to"
        try:
            with self._database.writing(what, durable=durable, committed=committed) as connection:
                if rows:
                    _insert(connection, rows)
                else:
                    touch(connection)
        except Unavailable:
            raise
        except OSError:
            if not is_written:
                self._drop_queue()
                self._accepted += batch.given
                self._dropped += batch.given
            raise
        finally:
            if is_written:  # also where an interruption came behind it
                self._count(queued, batch)

    def _count(self, queued: int, batch: _Batch) -> None:
        """Count the first *queued* of the queue and *batch* as stored, and tell of both."""
        stored = [record for _, record in self._queue[:queued]]
        del self._queue[:queued]
        self._accepted += batch.given
        self._stored += queued + len(batch.rows)
        self._dropped += batch.given - len(batch.rows)
        self._as_text += batch.as_text
        if queued:
            self._as_text += self._queued_as_text
            self._queued_as_text = 0
        self._tell(stored)
        self._tell(batch.records)

    def _tell(self, stored: Sequence[Record]) -> None:
        for tell in self.on_stored.copy() if stored else ():
            tell(stored)

    def _drop_queue(self) -> None:
        self._dropped += len(self._queue)
        self._queue.clear()
        self._queued_as_text = 0

    def flush(self) -> None:
        """Write what is queued, and return when all that was written would survive a loss of power.

        Raises:
            Unavailable: Others write, or there is no space; what is queued stays there.
            OSError: The database failed; what was queued is counted as dropped.
        """
        with self._database.lock:
            if not self._closed:
                self._flush()

    def _flush(self) -> None:
        if self._queue or not self._is_synced:
            self._write(durable=True)
            self._is_synced = True

    def close(self) -> None:
        """Flush and close the database; idempotent. What cannot be written is counted as dropped.

        The store can still be read: the database is then opened anew each time.

        Raises:
            OSError: It could not be written; the database is closed all the same.
        """
        with self._database.lock:
            if self._closed:
                return
            try:
                self._flush()
            finally:
                self._closed = True
                self._drop_queue()
                self._database.close()

    def trim(self, before_ns: int | None = None, *, keep: int | None = None, dry_run: bool = False) -> int:
        """Delete the oldest records, in one transaction, and return how many.

        The file does not become smaller, but has room for as many others; ``VACUUM`` makes it smaller.

        Args:
            before_ns: Delete what happened or began before, in nanoseconds since the epoch.
            keep: Delete all but so many, those that were accepted last; with *before_ns*, what both say.
            dry_run: Whether to count them only.

        Raises:
            ValueError: None of the two was given, or a negative *keep*.
            Unavailable: Others write, or there is no space; nothing was deleted.
            UnusableInput: The database cannot be read, to count.
            OSError: The database failed, or is only read.
        """
        if before_ns is not None:
            before_ns = min(max(before_ns, -(2**63)), 2**63 - 1)
        if keep is not None:
            keep = min(keep, 2**63 - 1)
        bounds = [(_OLD, before_ns), (_SURPLUS, keep)]
        given = [(condition, value) for condition, value in bounds if value is not None]
        if not given or (keep is not None and keep < 0):
            raise ValueError("trim() takes before_ns, or keep from 0, or both")
        where = f"FROM records WHERE {' AND '.join(condition for condition, _ in given)}"
        values = tuple(value for _, value in given)
        with self._database.lock:
            self._write()
            if dry_run:
                [(old,)] = self._fetch(f"SELECT count(*) {where}", values)
                return int(old)
            self._require_writable(0)
            with self._database.writing("delete telemetry in") as connection:
                deleted = connection.execute(f"DELETE {where}", values).rowcount
            self._trimmed += deleted
            self._is_synced = False
        return deleted

    # reading

    def records(
        self, pattern: Pattern | None = None, /, *, run_id: str | None = None, trace_id: str | None = None
    ) -> Iterator[Record]:
        """Return what was kept up to this call, in the order in which it was accepted, also by other processes.

        A thousand records are read at a time, so that nobody has to wait for a slow reader.

        Args:
            pattern: Return only what it `matches`.
            run_id: Return only what belongs to this run.
            trace_id: Return only what belongs to this trace.

        Raises:
            Unavailable: What is queued cannot be written at present.
            UnusableInput: The database cannot be read.
        """
        conditions = [] if pattern is None else [condition_of(pattern)]
        if run_id is not None:
            conditions.append(("run_id = ?", (run_id,)))
        if trace_id is not None:
            conditions.append(("trace_id = ?", (trace_id,)))
        wanted = "".join(f" AND {condition}" for condition, _ in conditions)
        parameters = tuple(value for _, values in conditions for value in values)
        with self._database.lock:
            self._write()
            [(newest,)] = self._fetch(_NEWEST)
        return self._records(pattern, f"{_SELECT}{wanted} ORDER BY id LIMIT {_PAGE}", newest, parameters)

    def _records(
        self, pattern: Pattern | None, statement: str, newest: int, parameters: tuple[Any, ...]
    ) -> Iterator[Record]:
        last = 0
        while rows := self._fetch(statement, (last, newest, *parameters)):
            last = rows[-1][-1]
            try:
                records = records_of(rows)
            except ValueError as error:
                raise UnusableInput(f"cannot read telemetry from {self._database.name}: {error}") from error
            yield from records if pattern is None else filter(pattern.matches, records)

    def _fetch(self, statement: str, parameters: tuple[Any, ...] = ()) -> list[Row]:
        with self._database.lock:
            while True:
                try:
                    with self._database.connected("read telemetry from") as connection:
                        rows = connection.execute(statement, parameters).fetchall()
                except OSError as error:
                    if not self._database.was_disturbed():
                        raise UnusableInput(str(error)) from error
                else:
                    if not self._database.was_disturbed():
                        return rows

    def statistics(self) -> Mapping[str, int]:
        """Return ``accepted``, which is the sum of ``stored``, ``dropped`` and ``queued``; ``as_text``, ``trimmed``.

        ``as_text`` counts the values of stored records that became text for good, ``trimmed`` the deleted records.
        """
        with self._database.lock:
            return {
                "accepted": self._accepted,
                "stored": self._stored,
                "dropped": self._dropped,
                "queued": len(self._queue),
                "as_text": self._as_text,
                "trimmed": self._trimmed,
            }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Batch:
    """Records that are to be written together.

    Attributes:
        given: How many there are.
        rows: Their rows, but for those that are too long for one.
        records: Those that have a row.
        as_text: How many values are in the rows as text for good.
    """

    __slots__ = ("as_text", "given", "records", "rows")

    def __init__(self, records: Sequence[Record]) -> None:
        self.given = len(records)
        self.rows: list[Row] = []
        self.records: list[Record] = []
        self.as_text = 0
        for record in records:
            row, texts = row_of(record)
            if row is not None:
                self.rows.append(row)
                self.records.append(record)
                self.as_text += texts


def _insert(connection: Connection, rows: list[Row]) -> None:
    whole = len(rows) - len(rows) % _AT_ONCE
    connection.executemany(
        _INSERT_AT_ONCE,
        (tuple(chain.from_iterable(rows[first : first + _AT_ONCE])) for first in range(0, whole, _AT_ONCE)),
    )
    connection.executemany(_INSERT, rows[whole:])
