"""Values as OTLP writes them in JSON: attributes, 64-bit integers as text, ids in hex (layer 0)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = (
    "attributes_of",
    "id_of",
    "integer_of",
    "nanoseconds_of",
    "number_of",
    "objects_in",
    "text_in",
    "value_of",
)

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-f]+")
_NOT_FINITE: Final = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}


def attributes_of(given: Any, field: str, problems: list[str], prefix: str = "") -> dict[str, Any]:
    """Return a list of ``{"key": ..., "value": ...}`` as a dict; what is none of these is a line in *problems*."""
    attrs: dict[str, Any] = {}
    for pair in objects_in(given, field, problems):
        key = pair.get("key")
        if not isinstance(key, str):
            problems.append(f"{field}: a key that is no text")
            continue
        if prefix + key in attrs:
            problems.append(f"{field}: a key stands twice, the last one counts")
        attrs[prefix + key] = value_of(pair.get("value"), field, problems)
    return attrs


def value_of(given: Any, field: str, problems: list[str]) -> Any:
    """Return what an AnyValue says: text, bool, int, float, bytes, list, dict, or None where it says nothing."""
    if given is None or given == {}:
        return None
    if not isinstance(given, Mapping) or len(given) != 1:
        problems.append(f"{field}: a value of no known kind")
        return given
    ((kind, inner),) = given.items()
    read = _KINDS.get(kind)
    if read is None:
        problems.append(f"{field}: a value of no known kind")
        return inner
    return read(inner, field, problems)


def _as_it_is(given: Any, field: str, problems: list[str]) -> Any:
    if not isinstance(given, (str, bool)):
        problems.append(f"{field}: a value that is not of its kind")
    return given


def _integer(given: Any, field: str, problems: list[str]) -> Any:
    value = integer_of(given)
    if value is None:
        problems.append(f"{field}: not an integer")
    return given if value is None else value


def _double(given: Any, field: str, problems: list[str]) -> Any:
    value = number_of(given)
    if value is None:
        problems.append(f"{field}: not a number")
    return given if value is None else value


def _bytes(given: Any, field: str, problems: list[str]) -> Any:
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, TypeError, ValueError):
        problems.append(f"{field}: bytes that are not base64")
        return given


def _array(given: Any, field: str, problems: list[str]) -> Any:
    items = given.get("values", []) if isinstance(given, Mapping) else None
    if not isinstance(items, list):
        problems.append(f"{field}: an array without values")
        return given
    return [value_of(item, field, problems) for item in items]


def _object(given: Any, field: str, problems: list[str]) -> Any:
    if not isinstance(given, Mapping):
        problems.append(f"{field}: an object without values")
        return given
    return attributes_of(given.get("values"), field, problems)


_KINDS: Final[dict[str, Callable[[Any, str, list[str]], Any]]] = {
    "stringValue": _as_it_is,
    "boolValue": _as_it_is,
    "intValue": _integer,
    "doubleValue": _double,
    "bytesValue": _bytes,
    "arrayValue": _array,
    "kvlistValue": _object,
}


def objects_in(given: Any, field: str, problems: list[str]) -> list[Mapping[str, Any]]:
    """Return the objects of a list that may be missing; what is no list or no object is a line in *problems*."""
    if given is None:
        return []
    if not isinstance(given, list):
        problems.append(f"{field}: not a list")
        return []
    objects = [item for item in given if isinstance(item, Mapping)]
    if len(objects) != len(given):
        problems.append(f"{field}: an item that is no object")
    return objects


def text_in(given: Mapping[str, Any], key: str, problems: list[str]) -> str | None:
    """Return the text under *key*; None where there is none, or an empty one."""
    text = given.get(key)
    if text is None or isinstance(text, str):
        return text or None
    problems.append(f"{key}: not a text")
    return None


def integer_of(given: Any) -> int | None:
    """Return an integer, which may be written as text; None for anything else."""
    if type(given) is int:
        return given
    if isinstance(given, str) and _INTEGER.fullmatch(given):
        return int(given)
    return int(given) if type(given) is float and given.is_integer() else None


def number_of(given: Any) -> int | float | None:
    """Return a number, which may be written as text where JSON has none; None for anything else."""
    if type(given) is int or type(given) is float:
        return given
    return float(_NOT_FINITE[given]) if isinstance(given, str) and given in _NOT_FINITE else integer_of(given)


def nanoseconds_of(given: Mapping[str, Any], key: str, problems: list[str]) -> int | None:
    """Return the time under *key*, nanoseconds since the epoch; None where there is none, which 0 says too."""
    value = integer_of(given.get(key))
    if value is None and given.get(key) is not None:
        problems.append(f"{key}: not an integer")
    return value or None


def id_of(given: Mapping[str, Any], key: str, digits: int, problems: list[str]) -> str | None:
    """Return the id under *key* in lower case; None where there is none, also where it is all zeros."""
    text = text_in(given, key, problems)
    if text is None:
        return None
    lower = text.lower()
    if len(lower) != digits or not _HEX.fullmatch(lower):
        problems.append(f"{key}: not {digits} hex digits")
        return text
    return lower if lower.strip("0") else None
