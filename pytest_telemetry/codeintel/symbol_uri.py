"""Addresses of symbols: ``sym://python/module/Name`` (layer 2)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote_to_bytes

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wording import brief

__all__ = ("InvalidSymbol", "SymbolURI")

_FORMS: Final = "sym://python/package.module/Name, or sym://python/package/module/Class.method"
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class InvalidSymbol(UnusableInput, ValueError):
    """A text that is no address of a symbol; its message says what is wrong with it, and shows the right form."""


@dataclass(frozen=True, slots=True)
class SymbolURI:
    """The address of a module, or of what a module holds.

    Attributes:
        module: Names of the module, outermost first.
        member: Names of what is meant in it, outermost first; empty for the module itself.
        older: What else the same text meant in an older form, which had ``mod`` before the path of a module, or None.
    """

    module: tuple[str, ...]
    member: tuple[str, ...] = ()
    older: SymbolURI | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what *text* addresses.

        The last part of the path is the member, those before it the module; both may have dots. A single part is a
        module. ``sym://python/type/path#Name`` and ``sym://python/mod/path#`` are an older form, and mean the same as
        ``sym://python/path/Name`` and the module ``path``; ``sym://python/mod/path`` has both meanings.

        Raises:
            InvalidSymbol: It is no address.
        """
        rest, fragment = _after_language(text)
        parts = [_names(part, text) for part in rest.split("/")]
        is_mod = parts[0] == ("mod",) and len(parts) > 1
        if fragment is not None:
            if fragment and parts[0] == ("type",) and len(parts) > 1:
                return cls(_joined(parts[1:]), _names(fragment, text))
            if not fragment and is_mod:
                return cls(_joined(parts[1:]))
            raise _invalid(text, "what is meant in a module is the last part of the path, not behind #")
        older = cls(_joined(parts[1:])) if is_mod else None
        if len(parts) == 1:
            return cls(parts[0])
        return cls(_joined(parts[:-1]), parts[-1], older)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, of the module and in it."""
        return self.module + self.member

    def __str__(self) -> str:
        parts = (".".join(self.module), ".".join(self.member))
        return "sym://python/" + "/".join(quote(part, safe="") for part in parts if part)


def _after_language(text: str) -> tuple[str, str | None]:
    """Return the path behind the language, and the fragment if there is a ``#``."""
    if not isinstance(text, str):
        raise _invalid(text, f"it is of type {type(text).__name__}, not text")
    scheme, found, rest = text.partition("://")
    if not found or scheme.lower() != "sym":
        raise _invalid(text, "it does not begin with sym://")
    path, has_fragment, fragment = rest.partition("#")
    if "?" in path:
        raise _invalid(text, "it has a query behind ?")
    language, _, names = path.partition("/")
    if language != "python":
        raise _invalid(text, f"the only language is python, not {brief(language)}")
    if not names:
        raise _invalid(text, "it names no module")
    return names, fragment if has_fragment else None


def _names(part: str, text: str) -> tuple[str, ...]:
    """Return the names in a part of the path, in the form in which Python compares them."""
    if _BAD_ESCAPE.search(part):
        raise _invalid(text, "a % is not followed by two hexadecimal digits")
    try:
        decoded = unquote_to_bytes(part).decode()
    except UnicodeError:
        raise _invalid(text, "it is not UTF-8") from None
    names = tuple(unicodedata.normalize("NFKC", name) for name in decoded.split("."))
    for name in names:
        if not name:
            raise _invalid(text, "a name is empty")
        if not name.isidentifier():
            raise _invalid(text, f"{brief(name)} is no name in Python")
    return names


def _joined(parts: list[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(name for part in parts for name in part)


def _invalid(text: object, problem: str) -> InvalidSymbol:
    return InvalidSymbol(f"{brief(text)}: {problem}; write {_FORMS}")
