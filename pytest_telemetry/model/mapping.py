"""Says where the fields of a Record stand in the lines of a log of any shape (layer 0)."""

from __future__ import annotations

import difflib
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.record import INSTRUMENTS, KINDS, Kind, Record, Status
from pytest_telemetry.model.stamps import stamp_has_zone, stamp_ns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ("MAPPED", "LineMapping")

_UNITS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_TEXTS: Final = ("scope", "error", "run_id", "trace_id", "span_id", "parent_id", "thread")

MAPPED: Final = (
    "name",
    "kind",
    "time",
    *(f"time_{unit}" for unit in _UNITS),
    *(f"duration_{unit}" for unit in _UNITS),
    "status",
    "level",
    "value",
    "instrument",
    "seq",
    *_TEXTS,
)
"""What a mapping may say the place of: fields of a Record, times and durations with their unit."""

_OK: Final = frozenset({"ok", "success", "successful", "succeeded", "passed", "completed"})
_FAILED: Final = frozenset({"error", "fail", "failed", "failure", "timeout", "exception"})
_LEVELS: Final = {"warn": "warning", "fatal": "critical", "err": "error"}


class LineMapping:
    """Reads an object as a Record, by where each field of the Record stands in it.

    What is mapped is taken from its key, and every other key of the object is an attribute. Keys lead into nested
    objects by dots: ``log.event`` is the key ``event`` of the object ``log``, or a key that holds a dot itself. What
    a line does not have, or has as null, its Record does not have; what is there but cannot be read is left out and is
    a problem of the line.

    Args:
        sources: Fields, of `MAPPED`, with the key of each.

    Raises:
        ValueError: A field is unknown, a key is empty, a time or duration has two units, or there is no name.

    Attributes:
        sources: As they were given.
        without: Fields of a Record that are not mapped, and so cannot be missing.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        for field, key in sources.items():
            if field not in MAPPED:
                raise ValueError(_unknown(field))
            if not key:
                raise ValueError(f"{field} has no key: write {field}=KEY")
        times = [field for field in sources if field.partition("_")[0] == "time"]
        durations = [field for field in sources if field.partition("_")[0] == "duration"]
        for fields in (times, durations):
            if len(fields) > 1:
                raise ValueError(f"{' and '.join(fields)} are both mapped: keep one of them")
        if "name" not in sources:
            raise ValueError("name is not mapped: write name=KEY, with the key that says what happened")
        self.sources = dict(sources)
        said = {field.partition("_")[0] if field in {*times, *durations} else field for field in sources}
        self.without = frozenset(field for field, mapped in _FIELDS.items() if mapped not in said)
        self._time = times[0] if times else None
        self._duration = durations[0] if durations else None
        self._consumed = frozenset(key for field, key in sources.items() if field != "status")

    @classmethod
    def parse(cls, texts: Iterable[str]) -> LineMapping:
        """Return what texts like ``name=event,duration_ms=elapsed`` say together.

        Raises:
            ValueError: As when made from a mapping; or a part is no ``FIELD=KEY``, or a field stands twice.
        """
        sources: dict[str, str] = {}
        for part in (part.strip() for text in texts for part in text.split(",")):
            field, equals, key = (side.strip() for side in part.partition("="))
            if not equals:
                raise ValueError(f"{part!r} is no FIELD=KEY, as in name=event,duration_ms=elapsed")
            if field in sources:
                raise ValueError(f"{field} is mapped twice")
            sources[field] = key
        return cls(sources)

    def has(self, raw: Mapping[str, Any], field: str) -> bool:
        """Tell whether *raw* has the key of *field*, and something else than null under it."""
        return _found(raw, self.sources[field]) is not None

    def stamp(self, raw: Mapping[str, Any]) -> Any:
        """Return the time as it stands in *raw*; None where there is none, or it is not mapped."""
        return None if self._time is None else _found(raw, self.sources[self._time])

    def step_ns(self, raw: Mapping[str, Any]) -> int:
        """Return what the last digit of the duration in *raw* counts, in nanoseconds."""
        if self._duration is None:
            return 1
        unit = _UNITS[self._duration.rpartition("_")[2]]
        return unit if type(_found(raw, self.sources[self._duration])) is int else min(unit, 1_000)

    def record_of(self, raw: Mapping[str, Any], problems: list[str]) -> Record | None:
        """Return what *raw* says, or None if it has no name; add to *problems* what cannot be read."""
        said = {field: _found(raw, key) for field, key in self.sources.items()}
        name = said["name"]
        if not isinstance(name, str) or not name:
            return None
        texts = {field: _text(field, said.get(field), problems) for field in _TEXTS}
        duration_ns = self._nanoseconds(self._duration, said, problems)
        status = _status(said.get("status"))
        level = _text("level", said.get("level"), problems)
        kind = _one_of("kind", said.get("kind"), KINDS, problems)
        instrument = _one_of("instrument", said.get("instrument"), INSTRUMENTS, problems)
        if kind is None:
            kind = _kind(duration_ns, said.get("value"), level)
        if kind == "metric" and instrument is None:
            instrument = "gauge"
        seq = said.get("seq")
        if seq is not None and type(seq) is not int:
            problems.append("seq: not an integer")
            seq = None
        attrs = {key: value for key, value in raw.items() if key not in self._consumed and value is not None}
        if status != "unset":
            attrs.pop(self.sources["status"], None)
        return Record(
            kind,
            name,
            texts.pop("scope") or name,
            self._time_ns(said, problems),
            duration_ns,
            said.get("value"),
            instrument,
            status,
            attrs=attrs,
            seq=seq,
            source="log file",
            level=None if level is None else _LEVELS.get(level.lower(), level.lower()),
            **texts,
        )

    def no_name(self) -> str:
        """Return why a line has no record, where `record_of` returns None."""
        return f'no name: there is no text under "{self.sources["name"]}"'

    def _time_ns(self, said: Mapping[str, Any], problems: list[str]) -> int | None:
        if self._time != "time":
            return self._nanoseconds(self._time, said, problems)
        stamp = said["time"]
        if stamp is None:
            return None
        time_ns = stamp_ns(stamp) if isinstance(stamp, str) else None
        if time_ns is None:
            number = isinstance(stamp, (int, float))
            problems.append(
                "ts: a number; map time_s, time_ms, time_us or time_ns"
                if number
                else "ts: not a date with a time"
            )
        elif not stamp_has_zone(stamp):
            problems.append("ts: no offset from UTC, read as UTC")
        return time_ns

    def _nanoseconds(self, field: str | None, said: Mapping[str, Any], problems: list[str]) -> int | None:
        if field is None or said[field] is None:
            return None
        given = said[field]
        if isinstance(given, bool) or not isinstance(given, (int, float)) or given - given != 0:
            problems.append(f"{field}: not a number")
            return None
        unit = _UNITS[field.rpartition("_")[2]]
        value = given * unit if isinstance(given, int) else round(Decimal(repr(given)) * unit)
        if not -(2**63) <= value < 2**63:
            problems.append(f"{field}: beyond what a clock can count")
            return None
        return value


_FIELDS: Final = {
    **{field: field for field in (*_TEXTS, "kind", "status", "level", "value", "instrument", "seq")},
    "time_ns": "time",
    "duration_ns": "duration",
}


def _unknown(field: str) -> str:
    if field == "duration":
        return "duration has no unit: write duration_s, duration_ms, duration_us or duration_ns"
    close = difflib.get_close_matches(field, MAPPED, 1)
    meant = f", did you mean {close[0]}?" if close else ""
    return f"unknown field {field!r}{meant or ':'} use one of {', '.join(MAPPED)}"


def _found(raw: Any, key: str) -> Any:
    """Return what stands under *key*, which may lead into nested objects by dots; None where nothing does."""
    if key in raw:
        return raw[key]
    dot = key.find(".")
    while dot != -1:
        inner = raw.get(key[:dot])
        if isinstance(inner, dict):
            found = _found(inner, key[dot + 1 :])
            if found is not None:
                return found
        dot = key.find(".", dot + 1)
    return None


def _text(field: str, given: Any, problems: list[str]) -> str | None:
    if given is None or given == "":
        return None
    if type(given) is int:  # ids are numbers often enough
        return str(given) if given.bit_length() <= 128 else hex(given)
    if not isinstance(given, str):
        problems.append(f"{field}: not a text")
        return None
    return given


def _one_of(field: str, given: Any, known: tuple[Any, ...], problems: list[str]) -> Any:
    if given is None or (isinstance(given, str) and given in known):
        return given
    problems.append(f"{field}: not one of {', '.join(known)}")
    return None


def _kind(duration_ns: int | None, value: Any, level: str | None) -> Kind:
    if duration_ns is not None:
        return "span"
    if value is not None:
        return "metric"
    return "event" if level is None else "log"


def _status(given: Any) -> Status:
    """Return what a text, or a bool that says whether it was a success, says of success."""
    if isinstance(given, bool):
        return "ok" if given else "error"
    word = given.lower() if isinstance(given, str) else ""
    return "ok" if word in _OK else "error" if word in _FAILED else "unset"
