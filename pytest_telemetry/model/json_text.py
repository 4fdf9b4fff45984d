"""JSON text that is changed in places and stays as it was everywhere else (layer 0).

`JsonText` keeps how numbers are written, and finds out how the text as a whole is, so that a value in which a few
texts were replaced is written as its author would have written it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.plain import whole
from pytest_telemetry.model.rewriting import rewritten

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("JsonText",)


class _Int(int):
    """An integer that knows its text."""

    text: str


class _Float(float):
    """A number with a fraction, an exponent, or none that JSON knows (``NaN``), and its text."""

    text: str


@dataclass(frozen=True, slots=True)
class _Style:
    """How a text is written: what stands between its parts, and whether it is ASCII alone."""

    between: str
    behind_key: str
    ascii: bool


_STYLES: Final = tuple(
    _Style(between, behind_key, ascii_only)
    for between, behind_key in ((", ", ": "), (",", ":"))
    for ascii_only in (True, False)
)
_SPELLED: Final[dict[bool, Callable[[str], str]]] = {
    ascii_only: json.JSONEncoder(ensure_ascii=ascii_only).encode for ascii_only in (True, False)
}


class JsonText:
    """What a JSON text holds.

    Args:
        text: The text, read as leniently as event logs are: ``NaN`` and half a surrogate pair are taken.

    Raises:
        ValueError: It is not JSON, or holds a number of too many digits.
        RecursionError: It is nested too deeply.

    Attributes:
        value: What it holds; of a key that stands twice in one object, the last value, and half a surrogate pair as
            the text of its escape.
        is_changed: Whether there is such a key or half a pair, so that *value* is not just what the text holds.
    """

    __slots__ = ("_as_read", "_text", "is_changed", "value")

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self.is_changed = False
        self._as_read: Any = json.loads(
            text,
            object_pairs_hook=self._object,
            parse_int=lambda digits: _numbered(_Int(digits), digits),
            parse_float=lambda digits: _numbered(_Float(digits), digits),
            parse_constant=lambda name: _numbered(_Float(name), name),
        )
        self.value = self._as_read
        if "\\u" in text:
            self.value = rewritten(self._as_read, lambda part, _: whole(part))
            self.is_changed |= self.value is not self._as_read

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            self.is_changed = True
        return members

    def rewritten(self, value: Any) -> str:
        """Return the text of *value*, which was made of `value`, in the style of the text.

        Numbers that were kept are written as they were. Where the text is in no style of its own, such as one that
        escapes some letters and not others, what it holds stays and how it is written may change.

        Raises:
            RecursionError: It is nested too deeply.
        """
        return _dumped(value, self._style())

    def _style(self) -> _Style:
        for style in _STYLES:
            if _dumped(self._as_read, style) == self._text:
                return style
        return _Style(", ", ": ", ascii=self._text.isascii())


def _numbered(number: Any, text: str) -> Any:
    number.text = text
    return number


def _dumped(value: Any, style: _Style) -> str:
    if isinstance(value, str):
        return _SPELLED[style.ascii](value)
    if isinstance(value, _Int | _Float):
        return value.text
    if isinstance(value, dict):
        spelled = _SPELLED[style.ascii]
        members = (
            f"{spelled(key)}{style.behind_key}{_dumped(member, style)}" for key, member in value.items()
        )
        return f"{{{style.between.join(members)}}}"
    if isinstance(value, list | tuple):
        return f"[{style.between.join(_dumped(item, style) for item in value)}]"
    return json.dumps(value)
