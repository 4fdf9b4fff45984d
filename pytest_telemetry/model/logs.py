"""Reads a log from all the files that it consists of, at rest or while it grows (layer 0)."""

from __future__ import annotations

import io
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_telemetry.model.compressed import UnreadableFile, open_compressed
from pytest_telemetry.model.file_lock import HAS_LOCKS, lock, unlock
from pytest_telemetry.model.segments import SegmentNames
from pytest_telemetry.model.wire import BadLine, LogLine, LogReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedIOBase
    from os import PathLike

    from pytest_telemetry.model.mapping import LineMapping

__all__ = ("LogFiles", "follow_log", "read_log", "stored_bytes")


def read_log(path: str | PathLike[str], mapping: LineMapping | None = None) -> LogFiles:
    """Open the log at *path* and return its lines, one at a time: closed segments in order, then the active file.

    What is compressed, closed or removed while it is read is neither missed nor read twice; what others write
    meanwhile is read as far as it is reached. A closed segment that is no file, or a link that leads out of the
    directory of the log, is a bad line.

    Args:
        path: The log.
        mapping: How its lines are read, see `LogReader`.

    Raises:
        OSError: The log is not there, or cannot be opened.
    """
    return LogFiles(path, mapping)


def stored_bytes(path: str | PathLike[str]) -> int:
    """Return how many bytes all files of the log at *path* have together: what `LogFiles.consumed` comes to.

    Raises:
        OSError: Their directory cannot be read.
    """
    files = _Files(path)
    total = 0
    for names in [(files.names.plain(number), files.names.compressed(number)) for number in files.numbers(0)]:
        for name in names:
            with suppress(OSError):
                total += files.path.with_name(name).stat().st_size
                break
    with suppress(OSError):
        total += files.path.stat().st_size
    return total


class LogFiles(LogReader):
    """Reads the files of a log one after the other, as a `LogReader` reads one.

    Line numbers are those of the file; the counts are of all files so far. Each file is closed when it was read.

    Raises:
        OSError: The log is not there, or cannot be opened.
    """

    def __init__(self, path: str | PathLike[str], mapping: LineMapping | None = None) -> None:
        super().__init__(io.BytesIO(), mapping=mapping)
        self._files = _Files(path)
        self._last: int | None = 0
        if not self._next_file():
            raise FileNotFoundError(2, os.strerror(2), str(path))

    def __next__(self) -> LogLine | BadLine:
        """Return the next line of any file."""
        while True:
            try:
                return super().__next__()
            except StopIteration:
                if not self._next_file():
                    raise

    def _next_file(self) -> bool:
        self.number = 0
        found = None if self._last is None else self._files.after(self._last)
        if found is None:
            self._last = None
            self._begin_file(io.BytesIO(), self.file)
            return False
        self._last = found.number if found.is_closed else None
        self._begin_file(found.stream, found.name)
        return True


def follow_log(
    path: str | PathLike[str], wait: Callable[[], bool], mapping: LineMapping | None = None
) -> Iterator[LogLine | BadLine]:
    """Yield the lines of a log as they are written, from its first one on, across the closing of segments.

    Half a line at the end is waited for. What is still written to a segment after it was closed is yielded too,
    at the latest when nobody can write to it any more; such lines come after some that are newer. A log that is
    not there yet is waited for.

    Args:
        path: The log.
        wait: Called whenever everything that stands there was yielded; where it returns False, the iteration ends.
        mapping: How its lines are read, see `LogReader`.

    Raises:
        OSError: A file cannot be read.
    """
    files = _Files(path)
    held: list[_Growing] = []
    last = 0  # number of the closed segment that was begun last
    try:
        while True:
            idle = True
            if held and not held[-1].is_closed and not files.is_active(held[-1].stream):
                held[-1].is_closed = True
                if files.numbers(last):  # otherwise it was removed
                    last = held[-1].number
                    held[-1].lines.file = files.names.plain(last)
            if not held or held[-1].is_closed:
                found = files.after(last)
                if found is not None:
                    held.append(_Growing(found, mapping))
                    last = found.number if found.is_closed else last
                    idle = False
            for file in held.copy():
                file.is_final = file.is_closed and file.nobody_writes()
                for line in file.lines:
                    idle = False
                    yield line
                if file.is_final:
                    held.remove(file)
                    file.close()
            if idle and not wait():
                return
    finally:
        for file in held:
            file.close()


class _Growing:
    """A file that somebody may still write to, as whole lines.

    Attributes:
        stream: The file.
        number: Its number as a closed segment.
        lines: Its lines as far as they are whole, again and again.
        is_closed: Whether it is a closed segment.
        is_final: Whether nothing will follow, so that half a line at the end is all there will be.
    """

    def __init__(self, found: _Found, mapping: LineMapping | None) -> None:
        self.stream = found.stream
        self.number = found.number
        self.lines = LogReader(self, found.name, mapping)
        self.is_closed = found.is_closed
        self.is_final = False
        self._half = b""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line if it is whole."""
        line = self._half + self.stream.readline(limit - len(self._half))
        if self.is_final or line.endswith(b"\n") or len(line) >= limit:
            self._half = b""
            return line
        self._half = line
        return b""

    def nobody_writes(self) -> bool:
        """Tell whether no writer has the file open: each holds a shared lock for as long."""
        if not HAS_LOCKS or self.lines.file.endswith(".gz") or isinstance(self.stream, _Refused):
            return True
        try:
            if not lock(self.stream.fileno(), exclusive=True):
                return False
        except OSError:  # a file system without locks, where nobody closes segments
            return True
        unlock(self.stream.fileno())
        return True

    def close(self) -> None:
        """Close the file."""
        self.stream.close()


class _Found(NamedTuple):
    """A file of a log; the active one has the number that it will have when it is closed."""

    number: int
    is_closed: bool
    name: str
    stream: BufferedIOBase


class _Files:
    """The files of a log, in the order of reading."""

    def __init__(self, path: str | PathLike[str]) -> None:
        real = Path(os.path.realpath(path))
        self.path = real if real.is_file() else Path(path).absolute()  # a pipe has no real path
        self.names = SegmentNames(self.path.name)

    def numbers(self, last: int) -> list[int]:
        """Return the closed segments that came after number *last*."""
        names = (path.name for path in self.path.parent.iterdir())
        return [number for number in self.names.closed(names) if number > last]

    def after(self, last: int) -> _Found | None:
        """Open what comes after closed segment *last*, if there is anything."""
        while True:
            for number in self.numbers(last):
                # in this order: the plain one is there until the other one is complete
                for name in (self.names.plain(number), self.names.compressed(number)):
                    with suppress(FileNotFoundError):
                        return _Found(number, True, name, self._segment(self.path.with_name(name)))  # noqa: FBT003
                last = number  # removed meanwhile
            stream = None
            with suppress(FileNotFoundError):
                stream = _opened(self.path)
            if not self.numbers(last):
                return None if stream is None else _Found(last + 1, False, self.path.name, stream)  # noqa: FBT003
            if stream is not None:  # it may have become a closed segment before it was opened
                stream.close()

    def _segment(self, path: Path) -> BufferedIOBase:
        """Open a closed segment, unless it is something that nobody closed as one."""
        try:
            is_file = stat.S_ISREG(path.stat().st_mode)
        except FileNotFoundError:  # it was removed meanwhile
            raise
        except OSError as error:  # a link that leads to itself, for one
            return _Refused(f"it cannot be read: {error.strerror or error}")
        if not is_file:
            return _Refused("it is no file")
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(self.path.parent):
            return _Refused("it is a link that leads out of the directory of the log, and is not followed")
        return _opened(path)

    def is_active(self, stream: BufferedIOBase) -> bool:
        """Tell whether *stream* reads the file that is written to."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(stream.fileno()))
        except FileNotFoundError:
            return False


class _Refused(io.BufferedIOBase):
    """Stands for a file that is not read; whoever reads it is told why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def readline(self, _limit: int | None = -1, /) -> bytes:
        raise UnreadableFile(self._reason)


def _opened(path: Path) -> BufferedIOBase:
    """Open a file, compressed or not."""
    if path.suffix == ".gz":
        return open_compressed(path.open("rb", buffering=0))
    return path.open("rb")
