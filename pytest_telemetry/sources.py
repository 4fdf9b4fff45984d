"""Opens whatever holds records: logs with their segments, compressed files, streams, databases (layer 6)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from pytest_telemetry.collection import DATABASE, DIRECTORY, EVENTS, read_config, store_path
from pytest_telemetry.model.compressed import DAMAGE, open_compressed
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.home import expanded
from pytest_telemetry.model.logs import LogFiles, stored_bytes
from pytest_telemetry.model.otlp_signs import is_spread_over_lines
from pytest_telemetry.model.wire import BadLine, LogLine, LogReader

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from pytest_telemetry.model.config import TelemetryConfig
    from pytest_telemetry.model.finding import Finding
    from pytest_telemetry.model.mapping import LineMapping
    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.model.record import Record

__all__ = (
    "DATABASE_MAGIC",
    "RecordLines",
    "Source",
    "find_log",
    "open_records",
    "open_source",
    "placed",
    "require_events",
    "size_of",
    "stream_source",
    "unusable",
)

DATABASE_MAGIC: Final = b"SQLite format 3\0"
"""How a database begins."""

_TABLE: Final = "[tool.pytest_telemetry] of pyproject.toml"
_NAME_ONE: Final = "name a log, a database, or the directory of a run"
_GZIP: Final = b"\x1f\x8b"
_HEAD: Final = 4_096
_NO_TEXT: Final = {
    b"\xff\xfe": "is UTF-16 text, not UTF-8",
    b"\xfe\xff": "is UTF-16 text, not UTF-8",
    b"\x28\xb5\x2f\xfd": "is compressed (zstd)",
    b"PK\x03\x04": "is compressed (zip)",
}


class Source(Protocol):
    """The lines of whatever holds records, one at a time, and how far it was read.

    Attributes:
        events: Records so far.
        malformed: Lines so far that hold none, blank ones apart.
        blank: Blank lines so far.
        offset: Bytes so far; 0 where there are none to count.
        first_bad: The first line that holds none, blank ones apart.
        unread: Stand for the rest of a file that is damaged, or not to be trusted, so that it was not read.
    """

    events: int
    malformed: int
    blank: int
    offset: int
    first_bad: BadLine | None
    unread: list[BadLine]

    def __iter__(self) -> Iterator[LogLine | BadLine]:
        """Return itself."""

    def __next__(self) -> LogLine | BadLine:
        """Return the next line."""

    def consumed(self) -> int:
        """Return how many bytes of what `size_of` tells were read so far."""

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
        self.first_bad: BadLine | None = None
        self.unread: list[BadLine] = []
        self._records = records
        self._close = close

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> LogLine | BadLine:
        record = next(self._records)
        self.events += 1
        return LogLine(self.events, record, {}, own=True)

    def consumed(self) -> int:
        """Return 0: how much of a store a record is, nobody knows."""
        return 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


def find_log(path: str | os.PathLike[str] | None = None, *, awaited: bool = False) -> Path:
    """Return the log or database that *path* means: itself, or what a directory of a run holds.

    Without a path, the one that ``[tool.pytest_telemetry]`` of the working directory names; where there is no such
    table, the one in ``_ctx/telemetry``.

    Args:
        path: What somebody named.
        awaited: Whether a log that is not there yet will do.

    Raises:
        UnusableInput: There is nothing; or in the directory are both, or a link that leads out of it.
    """
    if path is None:
        config = read_config()
        return _held(DIRECTORY, awaited=awaited) if config is None else _configured(config, awaited=awaited)
    found = expanded(path)
    return _held(found, awaited=awaited) if found.is_dir() else found


def _configured(config: TelemetryConfig, *, awaited: bool) -> Path:
    if config.storage_type == "memory":
        raise UnusableInput(f'{_TABLE} says storage_type = "memory", which keeps no run; {_NAME_ONE}')
    place = store_path(config, DIRECTORY)
    if place.exists():
        return place
    if not config.enabled:
        raise UnusableInput(f"{_TABLE} says enabled = false, so no run was kept in {place}; {_NAME_ONE}")
    if awaited and config.storage_type == "file":
        return place
    raise UnusableInput(f"{place}: no run was kept here, where {_TABLE} says; {_NAME_ONE}")


def _held(directory: Path, *, awaited: bool) -> Path:
    places = [directory / name for name in (EVENTS, DATABASE)]
    for place in places:
        if place.is_symlink() and not place.resolve().is_relative_to(directory.resolve()):
            raise UnusableInput(f"{place}: is a link that leads out of the directory; name what it leads to")
    held = [place for place in places if place.exists()]
    if len(held) > 1:
        raise UnusableInput(f"{directory}: holds both {EVENTS} and {DATABASE}; name one of them")
    if not held and not awaited:
        raise UnusableInput(
            f"{directory}: no run was kept here, it holds neither {EVENTS} nor {DATABASE}; {_NAME_ONE}"
        )
    return held[0] if held else directory / EVENTS


def open_source(path: str | os.PathLike[str], mapping: LineMapping | None = None) -> Source:
    """Open the log at *path* with its closed segments, a file of one, compressed or not, or a database.

    Args:
        path: What holds records.
        mapping: How lines are read that are neither in our own format nor exports; by default as older shapes.

    Raises:
        UnusableInput: It cannot be opened, is a directory, or is visibly neither.
    """
    name = os.fspath(path)
    try:
        return _opened(path, name, mapping)
    except OSError as error:
        raise unusable(name, error) from error
    except ValueError as error:  # a null character
        raise UnusableInput(f"{name!r}: {error}") from error


def _opened(path: str | os.PathLike[str], name: str, mapping: LineMapping | None) -> Source:
    file = open(path, "rb")  # noqa: PTH123, SIM115 - a name may hold anything; closed below, or by who reads it
    try:
        if (
            not file.seekable()
        ):  # a pipe: what is looked at is gone, and who writes to it knows when it is closed
            return stream_source(file, name, mapping)
        head = file.peek(_HEAD)[:_HEAD]
        if head.startswith(_GZIP) or is_spread_over_lines(head):
            return _reader(file, Path(path).name, mapping)
        _require_no_other(head, name)
    except BaseException:
        file.close()
        raise
    file.close()
    return open_records(path) if head.startswith(DATABASE_MAGIC) else LogFiles(path, mapping)


def open_records(
    path: str | os.PathLike[str], pattern: Pattern | None = None, *, run_id: str | None = None
) -> RecordLines:
    """Open the database at *path*, which stays as it is, to read what *pattern* matches of run *run_id*.

    Raises:
        UnusableInput: It cannot be read.
    """
    from pytest_telemetry.sinks.sqlite import SqliteStore  # noqa: PLC0415 - logs need no database

    store = SqliteStore(path, read_only=True)
    try:
        return RecordLines(store.records(pattern, run_id=run_id), store.close)
    except BaseException:
        store.close()
        raise


def stream_source(stream: BinaryIO, name: str, mapping: LineMapping | None = None) -> LogReader:
    """Return the lines of *stream*, which is text or compressed; *name* is what errors call it.

    Raises:
        UnusableInput: It is visibly neither, or cannot be read.
    """
    try:
        head = _head(stream)
    except OSError as error:
        raise unusable(name, error) from error
    if head.startswith(DATABASE_MAGIC):
        raise UnusableInput(f"{name}: is a database, which cannot be read from a stream; name the file")
    _require_no_other(head, name)
    return _reader(stream, "", mapping)


def unusable(name: str, error: OSError) -> UnusableInput:
    """Return what is to be said of an error of the system: which file it was, a segment for one, and why."""
    file = error.filename
    is_other = isinstance(file, str) and Path(file).name != Path(name).name
    return UnusableInput(f"{file if is_other else name}: {error.strerror or error}")


def require_events(source: Source, name: str) -> None:
    """Refuse what was read to its end and has lines, none of which is an event; what is empty is a log without any.

    Raises:
        UnusableInput: It is no log; *name* is what the text calls it.
    """
    if source.first_bad is None or source.events:
        return
    lines = (
        "its one line is no event"
        if source.malformed == 1
        else f"none of its {source.malformed:,} lines is an event"
    )
    first = source.first_bad
    raise UnusableInput(
        f"{name}: {lines}: is it an event log, one JSON object a line? Line {first.number}: {first.reason}"
    )


def size_of(path: str | os.PathLike[str]) -> int:
    """Return how many bytes there are to read, closed segments included; 0 where that cannot be known."""
    try:
        return stored_bytes(path) if os.path.isfile(path) else 0  # noqa: PTH113 - a name may hold anything
    except (OSError, ValueError):
        return 0


def placed(findings: Sequence[Finding], path: str | os.PathLike[str]) -> tuple[Finding, ...]:
    """Return *findings* with the file of an example only where it is not *path* itself, and then with its directory."""
    return tuple(
        finding
        if not any(example.file for example in finding.examples)
        else replace(
            finding,
            examples=tuple(
                replace(example, file=_beside(path, example.file)) for example in finding.examples
            ),
        )
        for finding in findings
    )


def _beside(path: str | os.PathLike[str], file: str) -> str:
    name = os.fspath(path)
    real = os.path.realpath(name)
    if file in {"", os.path.basename(name), os.path.basename(real)}:  # noqa: PTH119 - as it was given
        return ""
    is_link = os.path.islink(name)  # noqa: PTH114 - likewise; the segments lie beside the file itself
    return os.path.join(os.path.dirname(real if is_link else name), file)  # noqa: PTH118, PTH120 - likewise


def _reader(stream: BinaryIO, file: str, mapping: LineMapping | None) -> LogReader:
    """Return a reader of one file that is text or compressed, and may be laid out to be read by people."""
    if not _head(stream).startswith(_GZIP):
        return LogReader(_WholeText(stream) if is_spread_over_lines(_head(stream)) else stream, file, mapping)
    data = open_compressed(stream)
    try:
        is_spread = is_spread_over_lines(_head(data))
    except DAMAGE as error:
        stream.close()
        return LogReader(_Damaged(error), file)
    return LogReader(_WholeText(data) if is_spread else data, file, mapping)


def _head(stream: BinaryIO | io.BufferedReader) -> bytes:
    """Return how a stream begins, without taking it away; nothing where a stream cannot do that."""
    peek = getattr(stream, "peek", None)
    head: bytes = b"" if peek is None else peek(_HEAD)[:_HEAD]
    return head


class _Damaged:
    """Stands for a compressed file in which nothing can be read; whoever reads it is told why."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def readline(self, _limit: int, /) -> bytes:
        raise self._error

    def close(self) -> None:
        """Do nothing: the file is closed."""


class _WholeText:
    """A text as one line, whatever it has in the way of line feeds."""

    def __init__(self, stream: BinaryIO | io.BufferedReader) -> None:
        self.raw = getattr(stream, "raw", None)
        self._stream = stream

    def readline(self, limit: int, /) -> bytes:
        """Return the next piece; a line feed at its end means that it is the last one."""
        piece = self._stream.read(limit)
        if piece.endswith(b"\n") and _head(self._stream):
            return piece[:-1] + b" "
        return piece

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


def _require_no_other(head: bytes, name: str) -> None:
    """Refuse what is visibly neither text nor compressed nor a database."""
    if head.startswith((_GZIP, DATABASE_MAGIC)):
        return
    for magic, what in _NO_TEXT.items():
        if head.startswith(magic):
            raise UnusableInput(f"{name}: {what}; an event log is UTF-8 text, one JSON object a line")
    if b"\0" in head.partition(b"\n")[0]:  # further down it may be what a loss of power left
        raise UnusableInput(f"{name}: is binary; an event log is UTF-8 text, one JSON object a line")
