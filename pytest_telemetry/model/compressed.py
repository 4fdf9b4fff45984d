"""Reads compressed files without believing them: in pieces, counted, and not beyond what a log can be (layer 0)."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any, Final

__all__ = ("DAMAGE", "UnreadableFile", "compressed_bytes", "open_compressed")

DAMAGE: Final = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading compressed data that is damaged raises."""

_HARMLESS: Final = 64 * 1024 * 1024
_RATIO: Final = 200
_PIECE: Final = 64 * 1024


class UnreadableFile(OSError):
    """A file of a log that is not read, or not to its end; the text is the reason, and quotes nothing of it."""


def open_compressed(file: Any) -> io.BufferedReader:
    """Return what *file*, a binary stream of gzip data, holds; it is closed with what is returned.

    Reading raises `UnreadableFile` where 64 MB were read and the data is more than 200 times as long as the file:
    no log can be compressed so much, and what can would keep a reader busy for hours.
    """
    return io.BufferedReader(_Inflating(file), _PIECE)


def compressed_bytes(stream: object) -> int | None:
    """Return how many bytes of the file were read for what *stream* has returned; None where it is not compressed."""
    raw = getattr(stream, "raw", None)
    return raw.file.count if isinstance(raw, _Inflating) else None


class _Counted:
    """Counts what is read of a file, also of one that cannot tell where it is."""

    def __init__(self, file: Any) -> None:
        self.count = 0
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(size)
        self.count += len(data)
        return data

    def fileno(self) -> int:
        number: int = self._file.fileno()
        return number

    def close(self) -> None:
        self._file.close()


class _Inflating(io.RawIOBase):
    def __init__(self, file: Any) -> None:
        self.file = _Counted(file)
        self._data = gzip.GzipFile(fileobj=self.file)  # type: ignore[call-overload]  # reads, and no more
        self._length = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        data = self._data.read1(len(view))
        if not data and not self.file.count:
            raise EOFError("the file is empty")
        view[: len(data)] = data
        self._length += len(data)
        if self._length > max(_HARMLESS, _RATIO * self.file.count):
            raise UnreadableFile(f"it holds more than {_RATIO} times its size, which no log does")
        return len(data)

    def fileno(self) -> int:
        return self.file.fileno()

    def close(self) -> None:
        if not self.closed:
            self.file.close()
        super().close()
