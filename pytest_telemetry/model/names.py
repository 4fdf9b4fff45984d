"""The rule for names of scopes, metrics and events (layer 0)."""

from __future__ import annotations

import re
from typing import Final

from pytest_telemetry.model.errors import InvalidName

__all__ = ("require_name", "safe_name")

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")


def require_name(name: object, what: str = "scope") -> str:
    """Return *name* if it is dotted lower-case segments of letters, digits and underscores.

    Raises:
        InvalidName: It is not, with a spelling that would do where there is one.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    hint = f", for example {_spelling(name)!r}" if isinstance(name, str) and _spelling(name) else ""
    raise InvalidName(
        f"invalid {what} name {name!r}: use lower-case segments of letters, digits and underscores, "
        f"joined by dots{hint}"
    )


def safe_name(name: object) -> str:
    """Return a name to keep something under whose own name is unusable: not a string, or empty."""
    if isinstance(name, str):
        return str(name) or "invalid.empty"
    return f"invalid.{type(name).__name__.lower()}"


def _spelling(name: str) -> str:
    segments = (re.sub(r"[^a-z0-9_]+", "_", part.strip().lower()).strip("_") for part in name.split("."))
    spelling = ".".join(part for part in segments if part)
    return spelling if _NAME.fullmatch(spelling) else ""
