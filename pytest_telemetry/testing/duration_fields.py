"""Finds the durations in what code reported, and reads their units off their names (layer 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("UNITS", "durations_in", "unit_of")

UNITS: Final[Mapping[str, int]] = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
"""Nanoseconds in each unit."""

_SPELLINGS: Final = {
    **dict.fromkeys(("ns", "nanos", "nanoseconds"), "ns"),
    **dict.fromkeys(("us", "µs", "micros", "microseconds"), "us"),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "seconds"), "s"),
}
_NOUNS: Final = frozenset({"duration", "elapsed", "latency", "took", "wait", "waited", "timing", "runtime"})
_TIMES: Final = frozenset(
    {
        "elapsed",
        "execution",
        "load",
        "processing",
        "query",
        "queue",
        "render",
        "request",
        "response",
        "run",
        "wait",
    }
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def unit_of(name: str) -> str | None:
    """Return the unit of a field that is a duration by its name; ``s`` where the name has none.

    ``duration_ms``, ``dbWaitMs``, ``elapsed_us``, ``took``, ``response_time_s`` are durations;
    ``time_ns``, ``started_ms``, ``wait_count`` are not, and get None.
    """
    words = [word for word in re.split(r"[._\-\s]+", _HUMP.sub("_", name).lower()) if word]
    unit = _SPELLINGS.get(words[-1]) if len(words) > 1 else None
    if unit:
        words.pop()
    if words and (words[-1] in _NOUNS or (words[-1] == "time" and len(words) > 1 and words[-2] in _TIMES)):
        return unit or "s"
    return None


def durations_in(
    result: object, fields: Iterable[str] | Mapping[str, str] | None
) -> dict[str, tuple[Any, str]]:
    """Return value and unit of each duration in *result*, by its place.

    Args:
        result: A mapping, a Record, something with a method ``records``, or an iterable of these.
        fields: Which names are durations: all that `unit_of` knows (None), these, or these with their units.

    Raises:
        TypeError: *result* is something else.
        ValueError: A unit is unknown.
    """
    units = _units(fields)
    found: dict[str, tuple[Any, str]] = {}
    for place, name, value in _values(result, ""):
        unit = unit_of(name) if units is None else units.get(name)
        if unit is None:
            continue
        label, number = place, 2
        while label in found:
            label, number = f"{place} #{number}", number + 1
        is_delta = isinstance(value, timedelta)
        found[label] = (value.total_seconds(), "s") if is_delta else (value, unit)
    return found


def _units(fields: Iterable[str] | Mapping[str, str] | None) -> dict[str, str] | None:
    if fields is None:
        return None
    if isinstance(fields, str):
        raise TypeError(f"fields= takes the names of fields, for example [{fields!r}], got {fields!r}")
    named = (
        fields if isinstance(fields, Mapping) else {name: unit_of(name) or _suffix(name) for name in fields}
    )
    unknown = [f"{name}: {unit!r}" for name, unit in named.items() if unit not in UNITS]
    if unknown:
        raise ValueError(f"fields=: unknown unit ({', '.join(unknown)}); the units are {', '.join(UNITS)}")
    return dict(named)


def _suffix(name: str) -> str:
    return _SPELLINGS.get(_HUMP.sub("_", name).lower().rpartition("_")[2], "s")


def _values(result: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """Yield place, name and value of every leaf."""
    if isinstance(result, Record):
        yield from _of_record(result, place)
    elif isinstance(result, Mapping):
        for key, value in result.items():
            yield from _of_field(f"{place}{key}", str(key), value)
    elif callable(getattr(result, "records", None)):
        yield from _values(list(result.records()), place)
    elif isinstance(result, Iterable) and not isinstance(result, (str, bytes)):
        for index, each in enumerate(result):
            yield from _values(each, place if isinstance(each, Record) else f"{place}[{index}].")
    else:
        raise TypeError(
            f"the function must return what was reported: a mapping of fields, a Record, a recorder, or an "
            f"iterable of these; it returned {result!r}"
        )


def _of_field(place: str, name: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, Mapping):
        yield from _values(value, f"{place}.")
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from _of_field(f"{place}[{index}]", name, each)
    else:
        yield place, name, value


def _of_record(record: Record, place: str) -> Iterator[tuple[str, str, Any]]:
    if record.duration_ns is not None:
        yield f"{place}{record.scope}.duration_ns", "duration_ns", record.duration_ns
    if record.kind == "metric":
        yield f"{place}{record.scope}", record.name, record.value
    for key, value in record.attrs.items():
        yield from _of_field(f"{place}{record.scope}.{key}", key, value)
