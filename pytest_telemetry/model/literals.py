"""Tells where a literal ends inside a text: at the quote or at the bracket that closes it (layer 0)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ("bracket_end", "closing_quote")

_QUOTES: Final = {sign: re.compile(rf"(?<!\\)\\*{sign}") for sign in "\"'"}
_SIGN: Final = re.compile(r"[()\[\]{}]|(?<!\\)\\{0,3}[\"']")
_LINE_END: Final = re.compile(r"[^\r\n]*")
_FARTHEST: Final = 4_096


def closing_quote(text: str, start: int, quote: str, limit: int | None = None) -> int:
    r"""Return where the quote begins that closes what begins at *start*, or -1.

    *quote* is the one that opens it, with as many backslashes as it is escaped by (``\"`` for JSON inside a text), or
    two or three of a kind. Quotes that are escaped once more are passed over, and so are doubled ones (``it''s``).
    Nothing behind *limit* is looked at.
    """
    sign, layer = quote[-1], len(quote)
    if quote[0] == sign and layer > 1:
        return text.find(quote, start)
    limit = len(text) if limit is None else limit
    while match := _QUOTES[sign].search(text, start, limit):
        backslashes = match.end() - match.start() - 1
        start = match.end()
        if (backslashes + 1 - layer) % (2 * layer):
            continue
        if layer == 1 and text.startswith(sign, start, limit):
            start += 1
            continue
        return start - layer
    return -1


def bracket_end(text: str, start: int) -> int:
    """Return the end of what stands in brackets from *start* on, whose first one stands there.

    What is in quotes closes none. Where it is not closed within 4,096 characters, it goes to the end of the line.
    """
    depth, position, limit = 0, start, start + _FARTHEST
    while match := _SIGN.search(text, position, limit):
        found, position = match[0], match.end()
        if found in "([{":
            depth += 1
        elif found in ")]}":
            depth -= 1
            if not depth:
                return position
        else:
            closing = closing_quote(text, position, found, limit)
            position = position if closing < 0 else closing + len(found)
    line = _LINE_END.match(text, start)
    return start if line is None else line.end()
