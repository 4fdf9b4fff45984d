"""The database of the SQLite store: its tables, its versions, and how one is opened (layer 2).

The columns are described in ``docs/reference/sqlite.md``. A version is never changed once it was released; what
comes later is one more item in `MIGRATIONS`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = (
    "APPLICATION_ID",
    "MIGRATIONS",
    "State",
    "open_database",
    "open_to_read",
    "state_at_rest",
    "synced",
    "touch",
    "transaction",
)

State: TypeAlias = tuple[int, ...]
"""Which file a database is, how long it is, and when it was changed, in ns since the epoch."""

APPLICATION_ID: Final = int.from_bytes(b"ptel")
"""Marks a database as ours: ``PRAGMA application_id``."""

_RETRY_SECONDS: Final = 0.01
_NEEDS_INDEX: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})
_LOGS: Final = ("-wal", "-journal")
_PAGE_BYTES: Final = 8_192
"""Of a new file: the trees of table and indexes are lower than with the usual 4 KiB, and a record costs 4 % less."""
_LOG_PAGES: Final = 4_000
"""How long the write-ahead log becomes before it is copied into the database, 32 MB: a page of an index that many
records change is copied once, and the disk is waited for a fifth as often as by default."""

_RECORDS: Final = """
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    kind TEXT,
    name TEXT,
    scope TEXT,
    time_ns INTEGER,
    duration_ns INTEGER,
    value,
    instrument TEXT,
    status TEXT,
    error TEXT,
    attrs TEXT,
    run_id TEXT,
    trace_id TEXT,
    span_id TEXT,
    parent_id TEXT,
    seq INTEGER,
    source TEXT,
    level TEXT,
    thread TEXT,
    exact TEXT
)"""

_SPANS: Final = """
CREATE VIEW spans AS
SELECT id, run_id, trace_id, span_id, parent_id, name, scope,
    time_ns AS start_ns, time_ns + duration_ns AS end_ns, duration_ns / 1e6 AS duration_ms,
    status, error, attrs, source, thread
FROM records WHERE kind = 'span'"""

_TRACES: Final = """
CREATE VIEW traces AS
SELECT trace_id, min(run_id) AS run_id,
    min(name) FILTER (WHERE kind = 'span' AND parent_id IS NULL) AS root,
    min(time_ns) AS start_ns, max(time_ns + coalesce(duration_ns, 0)) AS end_ns,
    (max(time_ns + coalesce(duration_ns, 0)) - min(time_ns)) / 1e6 AS duration_ms,
    count(*) AS records, count(*) FILTER (WHERE kind = 'span') AS spans,
    count(*) FILTER (WHERE status = 'error') AS errors
FROM records WHERE trace_id IS NOT NULL GROUP BY trace_id"""

_RUNS: Final = """
CREATE VIEW runs AS
SELECT run_id,
    min(time_ns) AS start_ns, max(time_ns + coalesce(duration_ns, 0)) AS end_ns,
    (max(time_ns + coalesce(duration_ns, 0)) - min(time_ns)) / 1e6 AS duration_ms,
    count(*) AS records, count(*) FILTER (WHERE kind = 'span') AS spans,
    count(*) FILTER (WHERE kind = 'metric') AS metrics, count(*) FILTER (WHERE kind = 'event') AS events,
    count(*) FILTER (WHERE kind = 'log') AS logs, count(*) FILTER (WHERE status = 'error') AS errors
FROM records WHERE run_id IS NOT NULL GROUP BY run_id"""


def _attribute(*names: str) -> str:
    """Return the expression for the first of these attributes that is there."""
    members = [f"""json_extract(attrs, '$."{name}"')""" for name in names]
    return members[0] if len(members) == 1 else f"coalesce({', '.join(members)})"


_AGENT: Final = _attribute("gen_ai.agent.name", "agent_name")

_TELEMETRY_EVENTS: Final = f"""
CREATE VIEW telemetry_events AS
SELECT id,
    time_ns / 1e9 AS timestamp,
    coalesce({_attribute("event_type")}, kind) AS event_type,
    {_AGENT} AS agent_name,
    coalesce({_attribute("code.function.name", "function_name")}, name) AS function_name,
    {_attribute("gen_ai.usage.input_tokens", "input_tokens", "prompt_tokens")} AS input_tokens,
    {_attribute("gen_ai.usage.output_tokens", "output_tokens", "completion_tokens")} AS output_tokens,
    duration_ns / 1e6 AS latency_ms,
    {_attribute("cost_usd")} AS cost_usd,
    status <> 'error' AS success,
    coalesce(error, {_attribute("error.type")}) AS error_type,
    trace_id,
    attrs AS metadata,
    datetime((time_ns + duration_ns) / 1000000000, 'unixepoch') AS created_at
FROM records
WHERE kind = 'span' AND time_ns IS NOT NULL AND duration_ns IS NOT NULL AND {_AGENT} IS NOT NULL"""  # noqa: S608 - names of ours

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        _RECORDS,
        "CREATE INDEX records_time ON records (time_ns)",
        "CREATE INDEX records_name ON records (name)",
        "CREATE INDEX records_run ON records (run_id)",
        "CREATE INDEX records_trace ON records (trace_id)",
        _SPANS,
        _TRACES,
        _RUNS,
        _TELEMETRY_EVENTS,
    ),
)
"""What to execute for each version of the schema, from the one before it."""


def open_database(path: Path, timeout: float, name: Path | None = None) -> sqlite3.Connection:
    """Open the database at *path* for reading and writing, make it or bring it to our version.

    The connection may be used by any thread, one at a time, and begins no transaction by itself.

    Args:
        path: The file; it and its parent directories are created where they do not exist.
        timeout: Seconds to wait for another writer.
        name: What errors call it, if not by its path.

    Raises:
        UnusableInput: It cannot be opened for writing, is no database of ours, or of a newer version.
    """
    said = f"cannot keep telemetry in {name or path}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _require_writable(path, said)
        connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
        try:
            _require_ours(connection, said, or_new=True)
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            _write_ahead(connection, timeout)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            _migrate(connection, said)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise UnusableInput(f"{said}: {_reason(error)}") from error
    return connection


def open_to_read(
    path: Path, timeout: float, name: Path | None = None
) -> tuple[sqlite3.Connection, State | None]:
    """Open the database at *path* for reading, and change neither it nor its log.

    The connection may be used by any thread, one at a time.

    Args:
        path: The file.
        timeout: Seconds to wait for a lock.
        name: What errors call it, if not by its path.

    Returns:
        The connection, and the `state_at_rest`. With a state it reads without locks, and makes no file beside the
        database; what was read while the state changed is to be read again, over another connection.

    Raises:
        UnusableInput: It cannot be opened, is no database of ours, or of a newer version.
    """
    said = f"cannot read telemetry from {name or path}"
    state = None
    try:
        state = state_at_rest(path)
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=ro{'' if state is None else '&immutable=1'}",
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _require_ours(connection, said, or_new=False)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        reason = _reason(error)
        if state is None and getattr(error, "sqlite_errorcode", 0) & 0xFF in _NEEDS_INDEX:
            reason = (
                "it has a log beside it (-wal), which can be read only where the index of that (-shm) is there or "
                "can be made; copy the files to a directory that can be written"
            )
        raise UnusableInput(f"{said}: {reason}") from error
    return connection, state


def state_at_rest(path: Path) -> State | None:
    """Return what changes when the database at *path* is written; None while there is a log with anything in it.

    Raises:
        OSError: There is no such file, or it cannot be looked at.
    """
    real = path.resolve()  # beside which SQLite has its log
    for log in _LOGS:
        with suppress(FileNotFoundError):
            if real.with_name(f"{real.name}{log}").stat().st_size:
                return None
    status = real.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def transaction(
    connection: sqlite3.Connection, committed: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """Write all of what the body writes, or nothing; *committed* is told, at least once, when all of it is written.

    That may be the case although an interruption is raised, as that of Ctrl-C: SQLite does not hear of it.
    """
    is_whole = False
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        is_whole = True
        connection.execute("COMMIT")
        committed()
    except BaseException as error:
        if connection.in_transaction:  # SQLite itself rolls back after some errors
            connection.execute("ROLLBACK")
        elif is_whole and not isinstance(error, sqlite3.Error):
            committed()
        raise


@contextmanager
def synced(connection: sqlite3.Connection) -> Iterator[None]:
    """Have what the body commits, and all before it, survive a loss of power: the log is waited for, no copying."""
    try:
        connection.execute("PRAGMA synchronous = FULL")
        yield
    finally:
        connection.execute("PRAGMA synchronous = NORMAL")


def touch(connection: sqlite3.Connection) -> None:
    """Write what changes nothing, to be committed."""
    connection.execute(f"PRAGMA user_version = {_number(connection, 'user_version')}")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return "it is no SQLite database; name another file"
    return str(error)


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _require_writable(path: Path, said: str) -> None:
    """Refuse what may not be written; SQLite would open it, and fail at the first record."""
    for place in (path.parent, path):  # the log lies beside the file
        if place.exists() and not os.access(place, os.W_OK):
            raise UnusableInput(f"{said}: {place} is read-only")


def _require_ours(connection: sqlite3.Connection, said: str, *, or_new: bool) -> None:
    """Refuse what others made, before anything is written."""
    is_empty = connection.execute("SELECT NOT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()[0]
    marked = _number(connection, "application_id")
    if marked != APPLICATION_ID and not (or_new and is_empty and marked == 0):
        raise UnusableInput(
            f"{said}: it is an SQLite database, but none of pytest-telemetry; name another file"
        )
    version = _number(connection, "user_version")
    if version > len(MIGRATIONS):
        raise UnusableInput(
            f"{said}: its version {version} is newer than this package, which knows {len(MIGRATIONS)}; "
            "update pytest-telemetry"
        )


def _write_ahead(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch to a write-ahead log; SQLite itself does not wait for others that do the same at this moment."""
    for attempts_left in range(int(timeout / _RETRY_SECONDS), -1, -1):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not attempts_left:
                raise
            threading.Event().wait(_RETRY_SECONDS)
        else:
            return


def _migrate(connection: sqlite3.Connection, said: str) -> None:
    while _number(connection, "user_version") < len(MIGRATIONS):
        with transaction(connection):
            _require_ours(connection, said, or_new=True)
            version = _number(connection, "user_version")  # another process may have been faster
            if version < len(MIGRATIONS):
                for statement in MIGRATIONS[version]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version + 1}")
        # What the file is, it then says without its log.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
