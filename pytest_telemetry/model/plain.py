"""Turns any value into one that JSON can hold, and back where that is possible (layer 0)."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ("are_flat", "plain", "restorable", "restore", "text_of", "whole")

_ATOMS: Final = frozenset({str, int, bool, type(None)})
_DEPTH: Final = 64
_TEXT: Final = 1_000
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")


def plain(value: Any, place: str, types: dict[str, str]) -> Any:
    """Return *value* as None, bool, int of 64 bits, finite float, text, list and dict; never raises.

    Where that is not equal to *value*, what it was is noted in *types* under its place: keys and positions
    joined by slashes, below *place*. Values of unknown types become text, as do what lies deeper than 64 levels
    and a container inside itself.
    """
    return _plain(value, place, types, ())


def are_flat(values: Collection[Any]) -> bool:
    """Tell whether JSON holds all *values* as they are, or an encoder says that it cannot."""
    if _ATOMS.issuperset(map(type, values)):
        return True
    for value in values:
        if type(value) not in _ATOMS and not (type(value) is float and value - value == 0):  # NaN, infinity
            return False
    return True


def restorable(noted: str) -> bool:
    """Tell whether `restore` brings back values of the type that was noted."""
    return noted in _BACK


def restore(fields: dict[str, Any], types: Mapping[str, Any]) -> list[str]:
    """Put back in place what `plain` noted and text can carry: integers, floats and tuples.

    Returns:
        One line for each note that does not fit the fields.
    """
    problems = []
    for place in sorted(types, key=lambda place: place.count("/"), reverse=True):  # inner tuples first
        back = _BACK.get(types[place]) if isinstance(types[place], str) else None
        if back is None:
            continue
        *parents, last = (step.replace("~1", "/").replace("~0", "~") for step in place.split("/"))
        try:
            holder: Any = fields
            for step in parents:
                holder = holder[int(step) if isinstance(holder, list) else step]
            key: Any = int(last) if isinstance(holder, list) else last
            holder[key] = back(holder[key])
        except (LookupError, TypeError, ValueError, OverflowError):
            problems.append(f"types: {place[:80]!r} holds no text of type {types[place]}")
    return problems


def _integer(text: Any) -> int:
    return int(text, 0)


def _tuple(items: Any) -> tuple[Any, ...]:
    if not isinstance(items, list):
        raise TypeError("not a list")
    return tuple(items)


_BACK: Final[dict[str, Callable[[Any], Any]]] = {"int": _integer, "float": float, "tuple": _tuple}


def _plain(value: Any, place: str, types: dict[str, str], above: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _clean(str.__str__(value), place, types)
    if isinstance(value, int):
        return _int(int.__int__(value), place, types)
    if isinstance(value, float):
        number = float.__float__(value)
        if math.isfinite(number):
            return number
        types[place] = "float"
        return repr(number)
    name = type(value).__name__
    if isinstance(value, (Mapping, list, tuple, AbstractSet)):
        if id(value) in above or len(above) >= _DEPTH:
            types[place] = name
            return "..."
        notes: dict[str, str] = {}
        try:
            members = _container(value, place, notes, (*above, id(value)))
        except Exception:  # noqa: BLE001 - a container that cannot be read is noted and kept as text
            members, notes = text_of(value), {place: name}
        types.update(notes)
        return members
    types[place] = name
    return text_of(value)


def _container(value: Any, place: str, types: dict[str, str], above: tuple[int, ...]) -> Any:
    if isinstance(value, Mapping):
        members: dict[str, Any] = {}
        for key, member in value.items():
            if isinstance(key, str):
                name = _clean(str.__str__(key), place, types)
            else:
                name = text_of(key)
                types[place] = type(value).__name__
            while name in members:
                name += "~"
            members[name] = _plain(member, f"{place}/{_step(name)}", types, above)
        return members
    if isinstance(value, AbstractSet):
        types[place] = type(value).__name__
        value = sorted(value, key=text_of)
    elif isinstance(value, tuple):
        types[place] = "tuple"
    return [_plain(item, f"{place}/{index}", types, above) for index, item in enumerate(value)]


def _step(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _int(value: int, place: str, types: dict[str, str]) -> int | str:
    if -(2**63) <= value < 2**64:
        return value
    types[place] = "int"
    # Python refuses to spell very long decimals; hexadecimal has no limit.
    return str(value) if value.bit_length() < 1_000 else hex(value)


def _clean(text: str, place: str, types: dict[str, str]) -> str:
    clean = whole(text)
    if clean is not text:
        types[place] = "str"
    return clean


def whole(text: str) -> str:
    """Return *text* as UTF-8 and strict JSON can hold it: half a surrogate pair is the text of its escape.

    The very same where there is none.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace").decode()
    return text


def _is_decimal(value: Any) -> bool:
    decimal = sys.modules.get("decimal")  # whoever has one has loaded it
    return decimal is not None and isinstance(value, decimal.Decimal)


def text_of(value: Any) -> str:
    """Return the text under which a value of an unknown type is kept; never raises.

    A path is its text, dates, decimals and UUIDs are theirs, everything else is its ``repr`` without addresses.
    At most 1,000 characters, and no lone surrogates.
    """
    try:
        if isinstance(value, os.PathLike):
            text = os.fsdecode(value)
        elif isinstance(value, (date, time, UUID)) or _is_decimal(value):
            text = str(value)
        else:
            text = _ADDRESS.sub("", repr(value))
        return whole(text[:_TEXT])
    except Exception as error:  # noqa: BLE001 - any text will do for a value that refuses to have one
        return f"<{type(value).__name__} without text: {type(error).__name__}>"
