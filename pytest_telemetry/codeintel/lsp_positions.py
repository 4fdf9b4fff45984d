"""Columns in characters and in the units of a position encoding (layer 2).

A server counts bytes of UTF-8, units of UTF-16 or characters, as was agreed; we count characters.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias, get_args

__all__ = ("ENCODINGS", "PositionEncoding", "column_of", "lines_of", "units_before")

PositionEncoding: TypeAlias = Literal["utf-32", "utf-8", "utf-16"]
ENCODINGS: Final[tuple[PositionEncoding, ...]] = get_args(PositionEncoding)
"""In the order in which they are offered: characters first, which jedi-language-server counts whatever was agreed."""

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


def lines_of(text: str) -> list[str]:
    r"""Return the lines of *text* without their ends, as the protocol has them: ``\n``, ``\r\n`` and ``\r``."""
    return _LINE_END.split(text)


def units_before(line: str, column: int, encoding: PositionEncoding) -> int:
    """Return how many units stand before the character *column* of *line*; what is past its end counts as its end."""
    before = line[:column]
    if encoding == "utf-32" or before.isascii():
        return len(before)
    return _size(before, encoding)


def column_of(line: str, units: int, encoding: PositionEncoding) -> int:
    """Return the character of *line* that *units* lead to: the one they stand within, or the end of the line."""
    if encoding == "utf-32" or line.isascii():
        return min(units, len(line))
    for column, character in enumerate(line):
        units -= _size(character, encoding)
        if units < 0:
            return column
    return len(line)


def _size(text: str, encoding: PositionEncoding) -> int:
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
