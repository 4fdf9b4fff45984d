"""JSON-RPC in frames, as language servers speak it over their pipes: bytes in, messages out (layer 2).

Nothing here reads or writes a pipe.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pytest_telemetry.model.errors import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("MAX_FRAME_BYTES", "MAX_HEADER_BYTES", "Flaw", "FrameError", "FrameReader", "Message", "encoded")

Message: TypeAlias = dict[str, Any]
Flaw: TypeAlias = Literal["invalid_header", "invalid_message", "frame_too_large"]

MAX_HEADER_BYTES: Final = 8 * 1024
MAX_FRAME_BYTES: Final = 64 * 1024 * 1024

_NAME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9-]*[ \t]*")
# What a line may be before its end has come.
_BEGUN: Final = re.compile(rb"([A-Za-z][A-Za-z0-9-]*[ \t]*(:.*)?)?\r?", re.DOTALL)
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_SHOWN_BYTES: Final = 60


class FrameError(TelemetryError):
    """What was read is no frame, or holds no message; the text shows what it was.

    Attributes:
        flaw: What is wrong with it, in a word.
    """

    def __init__(self, flaw: Flaw, text: str) -> None:
        super().__init__(text)
        self.flaw: Flaw = flaw


class FrameReader:
    """Takes bytes as they come and gives whole messages.

    However the bytes are cut, the messages are the same. Names of headers are read in any case, headers other than
    ``Content-Length`` do not matter, and a line may end with a bare line feed. What is held never exceeds one
    frame and what was fed last. After a `FrameError` the stream cannot be read on: each further call raises it.

    Args:
        max_frame_bytes: How long the content of a frame may be; a longer one is refused by its header.
        max_header_bytes: How long all headers of a frame may be.
    """

    def __init__(
        self, *, max_frame_bytes: int = MAX_FRAME_BYTES, max_header_bytes: int = MAX_HEADER_BYTES
    ) -> None:
        self._max_frame = max_frame_bytes
        self._max_header = max_header_bytes
        self._buffer = bytearray()
        self._length: int | None = None
        self._error: FrameError | None = None

    @property
    def within_frame(self) -> bool:
        """Whether a frame has begun and its end has not come."""
        return bool(self._buffer) or self._length is not None

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take *data*, and yield each message that is whole now; what is not asked for comes with the next call.

        Raises:
            FrameError: While iterating, behind the messages that came before it.
        """
        self._buffer += data
        return self._messages()

    def _messages(self) -> Iterator[Message]:
        while self._error is None:
            try:
                found = self._next()
            except FrameError as error:
                self._error = error
                self._buffer.clear()
                break
            if found is None:
                return
            yield from found
        raise self._error

    def _next(self) -> list[Message] | None:
        """Return what the next frame holds, or None where it is not whole."""
        if self._length is None:
            self._length = self._header()
        if self._length is None or len(self._buffer) < self._length:
            return None
        content = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._length = None
        return _messages_of(content)

    def _header(self) -> int | None:
        """Return the length that a whole header states, and take it from the buffer; None where it is not whole."""
        begin, lengths = 0, set[bytes]()
        while (end := self._buffer.find(b"\n", begin)) >= 0:
            self._check_size(end)
            line = bytes(self._buffer[begin:end]).removesuffix(b"\r")
            begin = end + 1
            if not line:
                length = self._stated(lengths)
                del self._buffer[:begin]
                return length
            name, colon, value = line.partition(b":")
            if not colon or _NAME.fullmatch(name) is None:
                raise FrameError("invalid_header", f"{_shown(line)} stands where a header was expected")
            if name.strip().lower() == b"content-length":
                lengths.add(value.strip())
        self._check_size(len(self._buffer))
        if _BEGUN.fullmatch(self._buffer, begin) is None:
            raise FrameError(
                "invalid_header", f"{_shown(self._buffer[begin:])} stands where a header was expected"
            )
        return None

    def _check_size(self, size: int) -> None:
        if size > self._max_header:
            raise FrameError(
                "invalid_header",
                f"{_shown(self._buffer)} begins a header of more than {self._max_header} bytes",
            )

    def _stated(self, lengths: set[bytes]) -> int:
        if len(lengths) != 1 or _LENGTH.fullmatch(stated := next(iter(lengths))) is None:
            told = " and ".join(_shown(each) for each in sorted(lengths)) or "none"
            raise FrameError("invalid_header", f"a frame needs one Content-Length in bytes; there is {told}")
        if int(stated) > self._max_frame:
            raise FrameError(
                "frame_too_large",
                f"a frame of {int(stated)} bytes was announced, more than the {self._max_frame} that are read",
            )
        return int(stated)


def encoded(message: Message) -> bytes:
    """Return *message* in a frame; what is no ASCII is escaped, so that any text can be sent."""
    content = json.dumps(message, separators=(",", ":")).encode("ascii")
    return b"Content-Length: %d\r\n\r\n%b" % (len(content), content)


def _messages_of(content: bytes) -> list[Message]:
    try:
        read = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FrameError("invalid_message", f"{_shown(content)} is no JSON: {error}") from None
    found = read if isinstance(read, list) else [read]
    if not found or not all(isinstance(message, dict) for message in found):
        raise FrameError(
            "invalid_message", f"{_shown(content)} is no message: an object is, or an array of them"
        )
    return found


def _shown(read: bytes | bytearray) -> str:
    return f"{bytes(read[:_SHOWN_BYTES])!r}{'...' if len(read) > _SHOWN_BYTES else ''}"
