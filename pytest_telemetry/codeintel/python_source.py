"""The text of a Python file as Python reads it: its encoding, its line ends, and where it cannot be read (layer 2)."""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

from pytest_telemetry.codeintel.skeleton_map import Damage

__all__ = ("STRING", "PythonSource", "python_source")

_COOKIE: Final = re.compile(
    rb"(?P<before>(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))??)[ \t\f]*#[^\r\n]*?coding[:=][ \t]*(?P<name>[-\w.]+)"
)
_ESCAPED: Final = re.compile("[\ud800-\udfff]")
STRING: Final = rb"""'{3}(?:[^\\]|\\.)*?(?:'{3}|\Z)|"{3}(?:[^\\]|\\.)*?(?:"{3}|\Z)|'(?:[^\\'\n]|\\.)*'?|"(?:[^\\"\n]|\\.)*"?"""
"""Pattern of a string, also of one that does not end."""


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
        lines = [line for line, part in enumerate(text.split("\n"), 1) if _ESCAPED.search(part)]
        text = _ESCAPED.sub("\ufffd", text)
        return PythonSource(text.encode(), declared + tuple(Damage(line, line) for line in lines), size)


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
