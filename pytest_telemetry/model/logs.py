"""Reads a log from all the files that it consists of, at rest or while it grows (layer 0)."""

from __future__ import annotations

import gzip
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_telemetry.model.file_lock import HAS_LOCKS, lock, unlock
from pytest_telemetry.model.segments import SegmentNames
from pytest_telemetry.model.wire import BadLine, LogLine, LogReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedIOBase
    from os import PathLike

    from pytest_telemetry.model.wire import BadLine, LogLine

__all__ = ("LogFiles", "follow_log", "read_log")


def read_log(path: str | PathLike[str]) -> LogFiles:
    """Open the log at *path* and return its lines, one at a time: closed segments in order, then the active file.

    What is compressed, closed or removed while it is read is neither missed nor read twice; what others write
    meanwhile is read as far as it is reached.

    Raises:
        OSError: The log is not there, or cannot be opened.
    """
    return LogFiles(path)


class LogFiles(LogReader):
    """Reads the files of a log one after the other, as a `LogReader` reads one.

    Line numbers are those of the file; the counts are of all files so far. Each file is closed when it was read.

    Raises:
        OSError: The log is not there, or cannot be opened.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        super().__init__(io.BytesIO())
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
        self._stream.close()
        self.number = 0
        found = None if self._last is None else self._files.after(self._last)
        if found is None:
            self._last, self._stream = None, io.BytesIO()
            return False
        self._last = found.number if found.is_closed else None
        self.file, self._stream = found.name, found.stream
        return True


def follow_log(path: str | PathLike[str], wait: Callable[[], bool]) -> Iterator[LogLine | BadLine]:
    """Yield the lines of a log as they are written, from its first one on, across the closing of segments.

    Half a line at the end is waited for. What is still written to a segment after it was closed is yielded too,
    at the latest when nobody can write to it any more; such lines come after some that are newer. A log that is
    not there yet is waited for.

    Args:
        path: The log.
        wait: Called whenever everything that stands there was yielded; where it returns False, the iteration ends.

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
                    held.append(_Growing(found))
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

    def __init__(self, found: _Found) -> None:
        self.stream = found.stream
        self.number = found.number
        self.lines = LogReader(self, found.name)
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
        if not HAS_LOCKS or isinstance(self.stream, gzip.GzipFile):
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
                        return _Found(number, True, name, _opened(self.path.with_name(name)))  # noqa: FBT003
                last = number  # removed meanwhile
            stream = None
            with suppress(FileNotFoundError):
                stream = _opened(self.path)
            if not self.numbers(last):
                return None if stream is None else _Found(last + 1, False, self.path.name, stream)  # noqa: FBT003
            if stream is not None:  # it may have become a closed segment before it was opened
                stream.close()

    def is_active(self, stream: BufferedIOBase) -> bool:
        """Tell whether *stream* reads the file that is written to."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(stream.fileno()))
        except FileNotFoundError:
            return False


def _opened(path: Path) -> BufferedIOBase:
    """Open a file, compressed or not."""
    if path.suffix == ".gz":
        return gzip.open(path)
    return path.open("rb")
