"""Opens whatever holds records: logs with their segments, compressed files, streams, databases (layer 6)."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from pytest_telemetry.collection import DIRECTORY, read_config, store_path
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.logs import LogFiles
from pytest_telemetry.model.wire import BadLine, LogLine, LogReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from pytest_telemetry.model.record import Record

__all__ = ("DATABASE_MAGIC", "RecordLines", "Source", "find_log", "open_source", "stream_source")

DATABASE_MAGIC: Final = b"SQLite format 3\0"
"""How a database begins."""

_GZIP: Final = b"\x1f\x8b"
_NO_TEXT: Final = {
    b"\xff\xfe": "is UTF-16 text, not UTF-8",
    b"\xfe\xff": "is UTF-16 text, not UTF-8",
    b"\x28\xb5\x2f\xfd": "is compressed (zstd)",
    b"PK\x03\x04": "is compressed (zip)",
}
_LOG: Final = "events.jsonl"
_DATABASE: Final = "telemetry.db"


class Source(Protocol):
    """The lines of whatever holds records, one at a time, and how far it was read.

    Attributes:
        events: Lines so far that hold a record.
        malformed: Lines so far that hold none, blank ones apart.
        blank: Blank lines so far.
        offset: Bytes so far; 0 where there are none to count.
    """

    events: int
    malformed: int
    blank: int
    offset: int

    def __iter__(self) -> Iterator[LogLine | BadLine]:
        """Return itself."""

    def __next__(self) -> LogLine | BadLine:
        """Return the next line."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""


class RecordLines:
    """The records of a store as lines, numbered from 1; what they were read from is not kept."""

    def __init__(self, records: Iterator[Record], close: Callable[[], object] = lambda: None) -> None:
        self.events = self.malformed = self.blank = self.offset = 0
        self._records = records
        self._close = close

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> LogLine | BadLine:
        record = next(self._records)
        self.events += 1
        return LogLine(self.events, record, {}, own=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


def find_log(path: str | os.PathLike[str] | None = None) -> Path:
    """Return the log or database that *path* means: itself, or what a directory of a run holds.

    Without a path, the one that ``[tool.pytest_telemetry]`` of the working directory names, or the one in
    ``_ctx/telemetry``.

    Raises:
        UnusableInput: There is nothing.
    """
    config = read_config() if path is None else None
    if config is not None and config.storage_type != "memory":
        configured = store_path(config, DIRECTORY)
        if configured.exists():
            return configured
    found = DIRECTORY if path is None else Path(path).expanduser()
    if not found.is_dir():
        if path is None:
            raise UnusableInput(
                f"{DIRECTORY}: no run was kept here; name a log, a database, or the directory of a run"
            )
        return found
    for name in (_LOG, _DATABASE):
        if (found / name).exists():
            return found / name
    raise UnusableInput(f"{found}: holds neither {_LOG} nor {_DATABASE}; name a log or a database")


def open_source(path: str | os.PathLike[str]) -> Source:
    """Open the log at *path* with its closed segments, a file of one, compressed or not, or a database.

    Raises:
        UnusableInput: It cannot be opened, is a directory, or is visibly neither.
    """
    name = os.fspath(path)
    try:
        return _opened(path, name)
    except OSError as error:
        raise UnusableInput(f"{name}: {error.strerror or error}") from error
    except ValueError as error:  # a null character
        raise UnusableInput(f"{name!r}: {error}") from error


def _opened(path: str | os.PathLike[str], name: str) -> Source:
    with open(path, "rb") as file:  # noqa: PTH123 - a name may hold anything
        if not file.seekable():  # a pipe: what is looked at is gone
            return stream_source(open(path, "rb"), name)  # noqa: PTH123 - as above; the caller closes it
        head = file.read(4_096)
    if head.startswith(DATABASE_MAGIC):
        return _database(path)
    if head.startswith(_GZIP):
        return LogReader(gzip.open(path), Path(path).name)
    _require_text(head, name)
    return LogFiles(path)


def stream_source(stream: BinaryIO, name: str) -> LogReader:
    """Return the lines of *stream*, which is text or compressed; *name* is what errors call it.

    Raises:
        UnusableInput: It is visibly neither, or cannot be read.
    """
    peek = getattr(stream, "peek", None)
    if peek is not None:
        try:
            head = peek(4_096)
        except OSError as error:
            raise UnusableInput(f"{name}: {error.strerror or error}") from error
        if head.startswith(_GZIP):
            return LogReader(gzip.GzipFile(fileobj=stream))
        _require_text(head, name)
    return LogReader(stream)


def _require_text(head: bytes, name: str) -> None:
    for magic, what in _NO_TEXT.items():
        if head.startswith(magic):
            raise UnusableInput(f"{name}: {what}; an event log is UTF-8 text, one JSON object a line")
    if b"\0" in head[:4_096]:
        raise UnusableInput(f"{name}: is binary; an event log is UTF-8 text, one JSON object a line")


def _database(path: str | os.PathLike[str]) -> Source:
    from pytest_telemetry.sinks.sqlite import SqliteStore  # noqa: PLC0415 - logs need no database

    store = SqliteStore(path)
    return RecordLines(iter(store.records()), store.close)
