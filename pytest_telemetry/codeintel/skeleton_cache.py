"""Keeps skeletons, so that a file that did not change is not parsed again: in memory, or in a database (layer 2)."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import OrderedDict
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol
from zlib import crc32

from pytest_telemetry.codeintel.skeleton_bytes import decoded, encoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from pytest_telemetry.codeintel.skeleton_map import SkeletonMap

__all__ = ("Lookup", "MemorySkeletonCache", "SkeletonCache", "SqliteSkeletonCache")

_log: Final = logging.getLogger("pytest_telemetry")


class Lookup(NamedTuple):
    """What became of a look-up: a ``hit`` has a skeleton, and an ``error`` is neither hit nor miss."""

    status: Literal["hit", "miss", "error"]
    skeleton: SkeletonMap | None = None


_MISS: Final = Lookup("miss")
_ERROR: Final = Lookup("error")


class SkeletonCache(Protocol):
    """Keeps skeletons under keys, which say everything that a skeleton depends on. Nothing raises."""

    @property
    def backend(self) -> str:
        """What events call it: ``memory``, ``sqlite``."""

    def get(self, key: str, /) -> Lookup:
        """Return what was put under a key, equal to it."""

    def put(self, key: str, skeleton: SkeletonMap, /) -> None:
        """Keep a skeleton, or not, as one whose file has a name that is no text; what was under the key before is gone."""

    def statistics(self) -> Mapping[str, int]:
        """Return ``hits``, ``misses`` and ``errors`` of this object, and ``entries`` and ``bytes`` that are kept."""


class MemorySkeletonCache:
    """Keeps the latest skeletons, in a compact form, for as long as it exists; threads may share it.

    Args:
        max_entries: How many are kept.
        max_bytes: How long all of them may be, keys included; one that is longer by itself is not kept.
    """

    backend: Final = "memory"

    def __init__(self, max_entries: int = 10_000, max_bytes: int = 100_000_000) -> None:
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = self._hits = self._misses = 0

    def get(self, key: str) -> Lookup:
        """Return what was put under a key; it is the latest then."""
        with self._lock:
            value = self._kept.get(key)
            if value is None:
                self._misses += 1
                return _MISS
            self._hits += 1
            self._kept.move_to_end(key)
        return Lookup("hit", decoded(value))

    def put(self, key: str, skeleton: SkeletonMap) -> None:
        """Keep a skeleton; those that were used least recently make room."""
        value: bytes | None = None
        with suppress(ValueError):
            value = encoded(skeleton)
        with self._lock:
            self._drop(key)
            if value is None or len(key) + len(value) > self._max_bytes or self._max_entries < 1:
                return
            self._kept[key] = value
            self._bytes += len(key) + len(value)
            while self._bytes > self._max_bytes or len(self._kept) > self._max_entries:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        value = self._kept.pop(key, None)
        if value is not None:
            self._bytes -= len(key) + len(value)

    def statistics(self) -> Mapping[str, int]:
        """Return what `SkeletonCache` says; nothing here can fail, so there are no errors."""
        with self._lock:
            return {
                "hits": self._hits,
                "misses": self._misses,
                "errors": 0,
                "entries": len(self._kept),
                "bytes": self._bytes,
            }


_APPLICATION_ID: Final = int.from_bytes(b"ptsk")
_VERSION: Final = 1
_SCHEMA: Final = (
    "CREATE TABLE skeletons (key TEXT PRIMARY KEY, value BLOB, checksum INTEGER, bytes INTEGER, turn INTEGER)",
    "CREATE INDEX skeletons_by_turn ON skeletons (turn)",
    "CREATE TABLE totals (bytes INTEGER, turn INTEGER)",
    "INSERT INTO totals VALUES (0, 0)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)
_TOO_MANY: Final = 2**62
"""More than is ever counted, and as far from what a database cannot hold."""
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_TOUCHES: Final = 1_000
"""How many hits are remembered before they are written down: a read that writes would be ten times as slow."""


class SqliteSkeletonCache:
    """Keeps the latest skeletons in a file that threads and processes may share, also over a fork.

    What fails is an error of that look-up, and one warning in the log: the file is damaged, of something else, or
    cannot be written. It is left as it is then, and no longer used. What others lock for a second is an error,
    too, and tried again the next time. A killed process, or a loss of power, costs entries and nothing else.

    Args:
        path: The file, made where it is missing, and its directory.
        max_bytes: How long all skeletons may be, keys included; one that is longer by itself is not kept. The file
            takes a little more, and does not shrink.
    """

    backend: Final = "sqlite"

    def __init__(self, path: str | os.PathLike[str], max_bytes: int = 100_000_000) -> None:
        self._path, self._max_bytes = Path(path), max_bytes
        self._hits = self._misses = self._errors = 0
        self._is_broken = self._has_warned = False
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._touched: dict[str, None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, key: str) -> Lookup:
        """Return what was put under a key, by whichever process."""
        found = _ERROR
        with self._guarded():
            connection = self._opened()
            row = connection.execute("SELECT value, checksum FROM skeletons WHERE key = ?", (key,)).fetchone()
            if row is None:
                self._misses += 1
                found = _MISS
            elif type(row[0]) is not bytes or crc32(row[0]) != row[1]:
                raise ValueError("an entry is damaged")
            else:
                found = Lookup("hit", decoded(row[0]))
                self._hits += 1
                self._touched.pop(key, None)
                self._touched[key] = None
                if len(self._touched) > _TOUCHES:
                    self._write(connection)
        return found

    def put(self, key: str, skeleton: SkeletonMap) -> None:
        """Keep a skeleton; those that were used least recently make room."""
        with self._guarded():
            connection = self._opened()
            self._write(connection, key, encoded(skeleton))

    def statistics(self) -> Mapping[str, int]:
        """Return what `SkeletonCache` says; where the file cannot be read, it holds nothing."""
        entries = size = 0
        with self._guarded():
            connection = self._opened()
            size, _ = _totals(connection)
            (entries,) = connection.execute("SELECT count(*) FROM skeletons").fetchone()
        counts = {"hits": self._hits, "misses": self._misses, "errors": self._errors}
        return counts | {"entries": entries, "bytes": size}

    def close(self) -> None:
        """Close the file, which the next use opens again; idempotent."""
        if self._connection is None or self._process != os.getpid():
            return
        with self._guarded():
            connection = self._opened()
            self._write(connection)
        with self._lock:
            self._disconnect()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Let one thread at a time do something, and take what goes wrong with it."""
        if self._process != os.getpid():  # what a forked process inherits, it must neither use nor close
            _inherited.append(self._connection)
            self._begin()
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError, ValueError) as error:
                self._failed(error)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._is_broken:
                raise OSError("it is not used any more")
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _open(self._path)
        return self._connection

    def _failed(self, error: Exception) -> None:
        self._errors += 1
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BUSY and not isinstance(error, ValueError):
            self._is_broken = True
            self._disconnect()
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "the cache of skeletons %s fails, and files are parsed instead (%s): "
                "remove it, or name another file",
                self._path.name,
                error,
            )

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _write(self, connection: sqlite3.Connection, key: str = "", value: bytes | None = None) -> None:
        """Write down what was used since the last time, keep *value*, and make room."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            size, turn = _totals(connection)
            touched = [(turn + place, used) for place, used in enumerate(self._touched, 1)]
            connection.executemany("UPDATE skeletons SET turn = ? WHERE key = ?", touched)
            turn += len(touched) + 1
            if value is not None:
                size -= _removed(connection, [key])
                length = len(key.encode()) + len(value)
                if length <= self._max_bytes:
                    row = (key, value, crc32(value), length, turn)
                    connection.execute("INSERT INTO skeletons VALUES (?, ?, ?, ?, ?)", row)
                    size += length
            if size > self._max_bytes:
                size -= _removed(connection, _oldest(connection, size - self._max_bytes))
            connection.execute("UPDATE totals SET bytes = ?, turn = ?", (size, turn))
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        self._touched.clear()


_inherited: Final[list[sqlite3.Connection | None]] = []


def _open(path: Path) -> sqlite3.Connection:
    """Return a connection to the database at *path*, with its tables.

    Raises:
        OSError: It is one of something else.
        sqlite3.Error: It is none, or cannot be opened.
    """
    connection = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN IMMEDIATE")
        _prepare(connection)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    asked = ("SELECT count(*) FROM sqlite_master", "PRAGMA application_id", "PRAGMA user_version")
    tables, *marks = (connection.execute(question).fetchone()[0] for question in asked)
    if not tables and marks == [0, 0]:
        for statement in _SCHEMA:
            connection.execute(statement)
    elif marks != [_APPLICATION_ID, _VERSION]:
        raise OSError("it is a database of something else")


def _totals(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many bytes all entries have, and when one was used last.

    Raises:
        OSError: The file says neither.
    """
    size, turn = connection.execute("SELECT bytes, turn FROM totals").fetchone() or (None, None)
    return _counted(size), _counted(turn)


def _counted(value: object) -> int:
    """Return a number that the file holds; a database takes anything in the place of one."""
    if type(value) is not int or not 0 <= value < _TOO_MANY:
        raise OSError("it is damaged")
    return value


def _removed(connection: sqlite3.Connection, keys: list[str]) -> int:
    """Remove entries and return how many bytes they had."""
    size = 0
    for key in keys:
        row = connection.execute("DELETE FROM skeletons WHERE key = ? RETURNING bytes", (key,)).fetchone()
        size += 0 if row is None else _counted(row[0])
    return size


def _oldest(connection: sqlite3.Connection, size: int) -> list[str]:
    """Return what was used least recently, *size* bytes of it or a little more."""
    keys = []
    for key, length in connection.execute("SELECT key, bytes FROM skeletons ORDER BY turn"):
        if size <= 0:
            break
        keys.append(key)
        size -= _counted(length)
    return keys
