"""Appends records to a file, one line each (layer 2)."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wire import MAX_LINE_BYTES, encode_noting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from types import TracebackType
    from typing import Self

    from pytest_telemetry.model.record import Record

__all__ = ("JsonlSink",)

# Windows would translate line feeds otherwise.
_FLAGS: Final = (
    os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)


class JsonlSink:
    """A log that many threads and processes may append to at once.

    Each record is one line and one write to a file that is open for appending, so lines of several writers do not
    mix (on local POSIX file systems). Nothing that stands in the file is ever read back, rewritten or repaired,
    and opening costs the same however long it is; where it ends in a torn line, the first write begins with a
    line feed. A record that was emitted survives the death of this process; a loss of power only what was flushed.

    Works on across ``fork``: the child appends to the same file and counts from zero.

    Args:
        path: The file; it and its parent directories are created where they do not exist.

    Raises:
        UnusableInput: The file cannot be opened for appending.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file: int | None = os.open(self.path, _FLAGS, 0o644)
        except OSError as error:
            raise UnusableInput(f"cannot append telemetry to {self.path}: {error.strerror}") from error
        self._regular = stat.S_ISREG(os.fstat(self._file).st_mode)
        self._torn = self._regular and _ends_torn(self._file)
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._accepted = self._stored = self._dropped = self._as_text = 0

    def _own_lock(self) -> threading.Lock:
        """Return the lock of this process: another thread may have held the parent's during ``fork``."""
        if self._process != os.getpid():
            self._begin()
        return self._lock

    def emit(self, record: Record, /) -> None:
        """Append *record*; after `close`, or where its line is longer than readers take, count it as dropped.

        Raises:
            OSError: The line could not be written whole; the record is counted as dropped, and the next line
                begins on a line of its own.
        """
        line, as_text = encode_noting(record)
        with self._own_lock():
            self._accepted += 1
            if self._file is None or len(line) > MAX_LINE_BYTES:
                self._dropped += 1
                return
            try:
                self._write(self._file, line)
            except OSError:
                self._dropped += 1
                raise
            self._stored += 1
            self._as_text += as_text

    def _write(self, file: int, line: bytes) -> None:
        if self._torn:
            line = b"\n" + line
        written = os.write(file, line)
        self._torn = written < len(line)
        if self._torn:  # writing the rest now could land behind the line of another process
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes were written", str(self.path))

    def flush(self) -> None:
        """Return when the operating system says that everything stored so far would survive a loss of power.

        Raises:
            OSError: It cannot say so.
        """
        with self._own_lock():
            if self._file is not None and self._regular:
                os.fsync(self._file)

    def close(self) -> None:
        """Flush and close the file; idempotent."""
        with self._own_lock():
            file, self._file = self._file, None
        if file is None:
            return
        try:
            if self._regular:
                os.fsync(file)
        finally:
            os.close(file)

    def statistics(self) -> Mapping[str, int]:
        """Return ``accepted``, ``stored`` and ``dropped``, which add up, and ``as_text``.

        The last counts the values of stored records that JSON cannot hold, and that were noted and kept as text.
        """
        with self._own_lock():
            return {
                "accepted": self._accepted,
                "stored": self._stored,
                "dropped": self._dropped,
                "as_text": self._as_text,
            }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _ends_torn(file: int) -> bool:
    if os.lseek(file, 0, os.SEEK_END) == 0:
        return False
    os.lseek(file, -1, os.SEEK_END)
    return os.read(file, 1) != b"\n"
