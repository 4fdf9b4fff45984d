"""The text of a Python file as Python reads it: its encoding, its line ends, and where it cannot be read (layer 2)."""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

from pytest_telemetry.codeintel.skeleton_map import Damage

__all__ = ("STRING", "PythonSource", "python_source", "repaired")

_COOKIE: Final = re.compile(
    rb"(?P<before>(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))??)[ \t\f]*#[^\r\n]*?coding[:=][ \t]*(?P<name>[-\w.]+)"
)
_ESCAPED: Final = re.compile("[\ud800-\udfff]")
STRING: Final = rb"""'{3}(?:[^\\]|\\.)*?(?:'{3}|\Z)|"{3}(?:[^\\]|\\.)*?(?:"{3}|\Z)|'(?:[^\\'\n]|\\.)*'?|"(?:[^\\"\n]|\\.)*"?"""
"""Pattern of a string, also of one that does not end."""

_TOKEN: Final = re.compile(
    rb"(?P<comment>#[^\n]*)|" + STRING + rb"|(?P<opening>[(\[{])|(?P<closing>[)\]}])"
    rb"|(?P<newline>\n)(?P<header>[ \t\f]*(?:async[ \t]+def|def|class)[ \t]+(?=[A-Za-z_\x80-\xff]))?",
    re.DOTALL,
)
_HEADER: Final = re.compile(rb"[ \t\f]*(?:async[ \t]+def|def|class)\b")
_DEEPER: Final = b" " * 100
"""More than people indent."""
_CLOSED_BY: Final = {b"(": b")", b"[": b"]", b"{": b"}"}


class PythonSource(NamedTuple):
    """What is to be parsed.

    Attributes:
        text: UTF-8 without a mark at its beginning; every line ends with a line feed.
        damage: Lines with bytes that are no text.
        size: Bytes of what it was made of.
    """

    text: bytes
    damage: tuple[Damage, ...]
    size: int


def python_source(code: str | bytes) -> PythonSource:
    """Return the text of a file; never raises.

    Bytes are decoded as a declaration in the first two lines says, or as UTF-8. What cannot be decoded is damage, and
    so is a declaration that names no encoding.
    """
    if isinstance(code, str):
        text, size = code, len(code.encode("utf-8", "surrogatepass"))
        declared: tuple[Damage, ...] = ()
    else:
        text, declared = _decoded(code)
        size = len(code)
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        return PythonSource(text.encode(), declared, size)
    except UnicodeEncodeError:
        lines = {1 + text.count("\n", 0, match.start()) for match in _ESCAPED.finditer(text)}
        text = _ESCAPED.sub("\ufffd", text)
        return PythonSource(
            text.encode(), declared + tuple(Damage(line, line) for line in sorted(lines)), size
        )


def _decoded(code: bytes) -> tuple[str, tuple[Damage, ...]]:
    text = code.removeprefix(codecs.BOM_UTF8)
    cookie = _COOKIE.match(text)
    if cookie is None:
        return text.decode("utf-8", "surrogateescape"), ()
    name = cookie["name"].decode()
    try:
        if len(text) == len(code):
            return text.decode(name, "surrogateescape"), ()
        damaged = not f"{name.lower().replace('_', '-')}-".startswith(
            "utf-8-"
        )  # Python wants it so behind a mark
    except Exception:  # noqa: BLE001 - whoever registered a codec decides what it raises
        damaged = True
    line = 2 if cookie["before"] else 1
    return text.decode("utf-8", "surrogateescape"), (Damage(line, line),) if damaged else ()


def repaired(text: bytes) -> tuple[bytes, tuple[Damage, ...]]:
    """Return *text* so that more of it can be parsed, with the same lines, and what was found to be damaged.

    - No bracket holds a line that begins with ``def`` or ``class``: one that seems to was never closed. It is closed
      on the line before, and what follows can be read.
    - Lines inside of brackets may begin anywhere, which the grammar does not always take: they are indented.
    """
    pieces: list[bytes] = []
    damage: list[Damage] = []
    opened: list[re.Match[bytes]] = []
    done = line = counted = 0
    before = None
    for match in _TOKEN.finditer(text):
        if match["opening"]:
            opened.append(match)
        elif match["closing"] and opened:
            opened.pop()
        elif match["header"] and opened:
            first = opened[0].start()
            line += text.count(b"\n", counted, first)
            counted = first
            damage.append(Damage(line + 1, line + 1))
            is_comment = before is not None and before["comment"] and before.end() == match.start()
            end = before.start() if before is not None and is_comment else match.start()
            pieces += [text[done:end], *(_CLOSED_BY[sign[0]] for sign in reversed(opened))]
            if _HEADER.match(text, text.rfind(b"\n", 0, first) + 1):
                pieces.append(b":")
            done = end
            opened.clear()
        elif match["newline"] and opened:
            pieces += [text[done : match.end()], _DEEPER]
            done = match.end()
        before = match
    pieces.append(text[done:])
    return b"".join(pieces), tuple(damage)
