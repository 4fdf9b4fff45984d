"""Reads texts as what they encode: percent signs, escapes, base64; with the way back to where it stands (layer 0)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ("Reading", "decoded", "of_base64", "readings", "whole")

_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ESCAPE: Final = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[\\\"'/bfnrt])")
_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_BASE64: Final = re.compile(r"\s*[A-Za-z0-9+/_\-\r\n]+={0,2}\s*")


class Reading(NamedTuple):
    """What a text says, decoded.

    Attributes:
        text: The decoded text.
        starts: Where each of its characters begins in the original, and where that ends.
    """

    text: str
    starts: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the original the characters from *start* to *end* stand."""
        return self.starts[start], self.starts[end]


def readings(text: str) -> Iterator[Reading]:
    """Yield *text* itself, and up to three readings with percent signs and backslash escapes decoded.

    Escapes may lie in one another, as those of JSON inside JSON do.
    """
    reading = whole(text)
    yield reading
    for sign, pattern, decode in _DECODERS:
        if sign in reading.text and pattern.search(reading.text):
            reading = decoded(reading, pattern, decode)
            yield reading


def whole(text: str) -> Reading:
    """Return *text* as it is."""
    return Reading(text, range(len(text) + 1))


def of_base64(text: str, least: int = 12) -> str | None:
    """Return what *text* as a whole encodes in base64 of either alphabet, or None.

    None also where it encodes no text in UTF-8, or is shorter than *least* characters.
    """
    if len(text) < least or not _BASE64.fullmatch(text):
        return None
    compact = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def decoded(
    reading: Reading, pattern: re.Pattern[str], decode: Callable[[str], Iterator[tuple[str, int]]]
) -> Reading:
    """Return *reading* with what *decode* makes of all that fits *pattern*: characters, and the length they stand for."""
    text, starts = reading
    pieces: list[str] = []
    offsets: list[int] = []
    position = 0
    for match in pattern.finditer(text):
        pieces.append(text[position : match.start()])
        offsets.extend(starts[position : match.start()])
        position = match.start()
        for characters, length in decode(match[0]):
            pieces.append(characters)
            offsets.extend([starts[position]] * len(characters))
            position += length
    pieces.append(text[position:])
    offsets.extend(starts[position:])
    return Reading("".join(pieces), offsets)


def _percent(encoded: str) -> Iterator[tuple[str, int]]:
    octets = bytes.fromhex(encoded.replace("%", ""))
    try:
        characters = octets.decode()
    except UnicodeDecodeError:
        characters = octets.decode("latin-1")
        yield from ((character, 3) for character in characters)
    else:
        yield from ((character, 3 * len(character.encode())) for character in characters)


def _escape(encoded: str) -> Iterator[tuple[str, int]]:
    kind, digits = encoded[1], encoded[2:]
    if digits:
        yield chr(int(digits, 16)), len(encoded)
    else:
        yield _ESCAPED.get(kind, kind), len(encoded)


_DECODERS: Final = (("%", _PERCENT, _percent), ("\\", _ESCAPE, _escape), ("\\", _ESCAPE, _escape))
