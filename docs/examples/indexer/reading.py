"""Reads a source file, patiently, and decodes it as Python would.

Telemetry: span ``file.read`` (``file``, ``bytes``), event ``file.retry``, counter ``bytes.read``.
"""

from __future__ import annotations

import io
import tokenize
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from indexer.sources import Source
    from pytest_telemetry import TelemetryContext

__all__ = ("PAUSES", "DecodingError", "Sleep", "read_text")

PAUSES: Final = (0.05, 0.1)
"""Seconds between attempts to read a file."""


class Sleep(Protocol):
    """Waits, in real time or not."""

    def __call__(self, seconds: float, /) -> None:
        """Return after *seconds*."""


class DecodingError(ValueError):
    """A file is not written in the encoding that it declares."""


def read_text(source: Source, file: str, context: TelemetryContext, sleep: Sleep) -> str:
    """Return the text of *file*; a file that cannot be read is tried again twice.

    Raises:
        OSError: It could not be read in any attempt.
        DecodingError: It was read, and is not text.
    """
    with context("file.read", file=file):
        data = _read(source, file, context, sleep)
        context.set(bytes=len(data))
        context.count("bytes.read", len(data))
        return _decoded(data, file)


def _read(source: Source, file: str, context: TelemetryContext, sleep: Sleep) -> bytes:
    for pause in PAUSES:
        try:
            return source.read(file)
        except OSError as error:
            context.event("file.retry", file=file, reason=type(error).__name__, pause_s=pause)
            sleep(pause)
    return source.read(file)


def _decoded(data: bytes, file: str) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise DecodingError(
            f"{file} is not in the encoding it declares, or declares an unknown one"
        ) from error
