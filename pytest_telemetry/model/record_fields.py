"""The fields of a Record as the keys of a line in our own format, read with all that may be wrong with them (layer 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.plain import restore
from pytest_telemetry.model.record import INSTRUMENTS, KINDS, STATUSES, Record

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("DEFAULTS", "FORMAT", "NoRecord", "record_of_fields")

FORMAT: Final = 1
"""The version of the format."""

DEFAULTS: Final[dict[str, Any]] = {
    "kind": None,
    "name": None,
    "scope": None,
    "time_ns": None,
    "duration_ns": None,
    "value": None,
    "instrument": None,
    "status": "unset",
    "error": None,
    "attrs": None,
    "run_id": None,
    "trace_id": None,
    "span_id": None,
    "parent_id": None,
    "seq": None,
    "source": "api",
    "level": None,
    "thread": None,
}
"""Fields in the order of the line, each with what it is where the line does not say."""

_BITS: Final = 200
"""Of integers that are times; figures can be computed of these, and they can be printed."""

_KNOWN: Final = frozenset({*DEFAULTS, "record", "types"})

_VALID: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    **dict.fromkeys(
        ("time_ns", "duration_ns", "seq"),
        (lambda value: type(value) is int and value.bit_length() <= _BITS, "an integer of at most 200 bits"),
    ),
    **dict.fromkeys(
        ("scope", "error", "run_id", "trace_id", "span_id", "parent_id", "source", "level", "thread"),
        (lambda value: isinstance(value, str), "a text"),
    ),
    "instrument": (lambda value: value in INSTRUMENTS, f"one of {', '.join(INSTRUMENTS)}"),
    "status": (lambda value: value in STATUSES, f"one of {', '.join(STATUSES)}"),
    "attrs": (lambda value: isinstance(value, dict), "an object"),
}


class NoRecord(ValueError):
    """A line in our own format that says what no record is."""


def record_of_fields(raw: dict[str, Any], problems: list[str]) -> Record:
    """Return the record of a line in our own format.

    Raises:
        NoRecord: It is none.
    """
    if raw["record"] > FORMAT:
        raise NoRecord(f"record format {raw['record']} is newer than this reader, which knows {FORMAT}")
    if raw["kind"] not in KINDS:
        raise NoRecord(f"kind is none of {', '.join(KINDS)}")
    if not isinstance(raw.get("name"), str) or not raw["name"]:
        raise NoRecord("no name")
    fields = {name: raw.get(name, default) for name, default in DEFAULTS.items()}
    types = raw.get("types")
    if isinstance(types, dict):
        fields = _copied(fields)
        problems.extend(restore(fields, types))
        if not isinstance(fields["name"], str):
            raise NoRecord("no name: its type is noted as a number")
    problems.extend(f"{name[:40]}: unknown field" for name in sorted(raw.keys() - _KNOWN)[:10])
    for name, (fits, expected) in _VALID.items():
        if fields[name] is not None and not fits(fields[name]):
            problems.append(f"{name}: not {expected}")
            fields[name] = DEFAULTS[name]
    if fields["attrs"] is None:
        fields["attrs"] = {}
    if fields["scope"] is None:
        fields["scope"] = fields["name"]
    return Record(**fields)


def _copied(value: Any) -> Any:
    """Copy the containers of *value*, so that restoring types leaves the raw line as it is."""
    if isinstance(value, dict):
        return {key: _copied(member) for key, member in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
