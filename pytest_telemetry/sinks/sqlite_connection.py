"""The connection of the SQLite store: one for each process, lent to one thread at a time (layer 2).

SQLite keeps its locks per process, and loses what is written over a connection that lived through a fork. So none
of ours is open during one: it is closed before, and parent and child each open another when they need it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager, nullcontext, suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from pytest_telemetry.model.errors import Unavailable, UnusableInput
from pytest_telemetry.sinks.sqlite_schema import (
    open_database,
    open_to_read,
    state_at_rest,
    synced,
    transaction,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_telemetry.sinks.sqlite_schema import State

__all__ = ("Database",)

_MAY_PASS: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})


class Database:
    """A database file that is opened when it is needed.

    Args:
        path: The file, from wherever it is opened.
        name: What errors call it.
        timeout: Seconds to wait for another writer.
        forked: Called in a forked child, before anything else.
        read_only: Whether it is only read, and nothing of it changes.

    Raises:
        UnusableInput: It cannot be opened, see `open_database` and `open_to_read`.

    Attributes:
        path: The file.
        name: As it was given.
        lock: Is held while the connection is lent, and to be held for what belongs together. A signal handler of
            the thread that holds it may take it again.
    """

    def __init__(
        self, path: Path, name: Path, timeout: float, forked: Callable[[], None], *, read_only: bool = False
    ) -> None:
        self.path = path
        self.name = name
        self.lock = threading.RLock()
        self._timeout = timeout
        self._forked = forked
        self._read_only = read_only
        self._closed = self._writing = False
        self._at_rest: State | None = None
        self._connection: sqlite3.Connection | None = self._open()
        _databases[id(self)] = self
        _follow_forks()

    @contextmanager
    def connected(self, what: str) -> Iterator[sqlite3.Connection]:
        """Lend the connection; behind `close`, one of its own.

        Args:
            what: What cannot be done where SQLite fails, for the text of the error.

        Raises:
            Unavailable: Others write, there is no space, or the file cannot be opened again.
            OSError: The database failed.
        """
        with self.lock:
            try:
                yield self._opened()
            except sqlite3.Error as error:
                kind = Unavailable if getattr(error, "sqlite_errorcode", 0) & 0xFF in _MAY_PASS else OSError
                raise kind(f"cannot {what} {self.name}: {error}") from error
            finally:
                if self._closed:
                    self._disconnect()

    @contextmanager
    def writing(
        self, what: str, *, durable: bool = False, committed: Callable[[], object] = lambda: None
    ) -> Iterator[sqlite3.Connection]:
        """Lend the connection; write all of what the body writes, or nothing. Errors are those of `connected`.

        Args:
            what: As for `connected`.
            committed: Told when all of it is written, also where something is raised after that; see `transaction`.
            durable: Whether this, and all that was written before, is to survive a loss of power.

        Raises:
            Unavailable: Also in a signal handler that interrupted another write.
        """
        with self.lock:
            if self._writing:
                raise Unavailable(f"cannot {what} {self.name}: another write was interrupted for this")
            self._writing = True
            try:
                with (
                    self.connected(what) as connection,
                    _over(connection),
                    synced(connection) if durable else nullcontext(),
                    transaction(connection, committed),
                ):
                    yield connection
            finally:
                self._writing = False

    def close(self) -> None:
        """Close the connection; from here on one is opened for each use."""
        with self.lock:
            self._closed = True
            self._disconnect()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._open()
            except UnusableInput as error:
                raise Unavailable(str(error)) from error
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if not self._read_only:
            return open_database(self.path, self._timeout, self.name)
        connection, self._at_rest = open_to_read(self.path, self._timeout, self.name)
        return connection

    def was_disturbed(self) -> bool:
        """Tell whether somebody wrote to what was read as a file at rest, so that it is to be read again.

        To be asked by whoever holds the lock since before reading.
        """
        if self._at_rest is None:
            return False
        with suppress(OSError):  # where there is no file, opening it says so
            if state_at_rest(self.path) == self._at_rest:
                return False
        self._at_rest = None  # until it is opened again: where that fails, nobody is to ask once more
        self._disconnect()
        return True

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def before_fork(self) -> None:
        """Wait for writes to end, and close the connection."""
        self.lock.acquire()
        self._disconnect()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self.lock.release()

    def after_fork_in_child(self) -> None:
        """Go on with a lock for which no thread waits."""
        self.lock = threading.RLock()
        self._writing = False
        self._forked()


@contextmanager
def _over(connection: sqlite3.Connection) -> Iterator[None]:
    """Leave no transaction open, wherever an interruption came: nobody else could write."""
    try:
        yield
    finally:
        connection.rollback()


_databases: Final[WeakValueDictionary[int, Database]] = WeakValueDictionary()
_forking: Final[list[Database]] = []


@cache
def _follow_forks() -> None:
    """Have the databases of this process hear of forks, from the first one on."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_before_fork,
            after_in_parent=partial(_after_fork, Database.after_fork_in_parent),
            after_in_child=partial(_after_fork, Database.after_fork_in_child),
        )


def _before_fork() -> None:
    databases = [database for ref in _databases.valuerefs() if (database := ref()) is not None]
    for database in databases:
        database.before_fork()
    _forking[:] = databases


def _after_fork(go_on: Callable[[Database], None]) -> None:
    databases = _forking.copy()
    _forking.clear()  # before the first lock is free: another thread may be about to fork
    for database in databases:
        go_on(database)
