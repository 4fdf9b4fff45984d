"""Finds where a record says itself when it ended, and how far that is from its start plus its duration (layer 4)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.stamps import stamp_ns, stamp_resolution_ns

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("StatedEnd", "stated_end")

# Start and end by the names that writers use, with the unit of numbers in ns. Stamps may stand there as well.
_PAIRS: Final = (
    ("start_monotonic_s", "end_monotonic_s", 1_000_000_000),
    ("start_wall_time_s", "end_wall_time_s", 1_000_000_000),
    ("start_ns", "end_ns", 1),
    ("start_time_ns", "end_time_ns", 1),
    ("start_ms", "end_ms", 1_000_000),
    ("start_time", "end_time", 1_000_000_000),
    ("start_ts", "end_ts", 1_000_000_000),
    ("started_at", "ended_at", 1_000_000_000),
)
_LATEST: Final = 10**30
"""In any unit; what is later is no moment."""
_ENDS: Final = frozenset(end for _, end, _ in _PAIRS)
# Names that state a wall time by themselves; the start is the time of the record then.
_ALONE: Final = {"end_ns", "end_time_ns", "end_time", "end_ts", "ended_at", "end_wall_time_s"}


@dataclass(frozen=True, slots=True)
class StatedEnd:
    """What a record says about its end.

    Attributes:
        field: Where it says so.
        off_ns: How much later it is than start plus duration.
        resolution_ns: How exact that can be, given how the three figures are written.
    """

    field: str
    off_ns: int
    resolution_ns: int


def stated_end(record: Record, step_ns: int = 1) -> StatedEnd | None:
    """Return the end that *record* states, or None if it states none, or nothing to compare it with.

    *step_ns* is what the last digit of its duration counts: a whole ``timing_ms`` is exact to a millisecond only.
    """
    if record.duration_ns is None or _ENDS.isdisjoint(record.attrs):
        return None
    resolution = max(step_ns, 1_000)
    for start_name, end_name, unit in _PAIRS:
        end = _moment(record.attrs.get(end_name), unit)
        if end is None:
            continue
        start = _moment(record.attrs.get(start_name), unit)
        if (
            start is None
            and end_name in _ALONE
            and record.time_ns is not None
            and record.source != "log file"
        ):
            start = (record.time_ns, 1)
        if start is None:
            continue
        off = end[0] - start[0] - record.duration_ns
        return StatedEnd(end_name, off, resolution + max(start[1], end[1]))
    return None


def _moment(value: Any, unit: int) -> tuple[int, int] | None:
    """Return a moment in ns and what its last digit counts, or None."""
    if isinstance(value, str):
        ns = stamp_ns(value)
        return None if ns is None else (ns, stamp_resolution_ns(value))
    if (
        isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _LATEST
    ):  # NaN neither
        return None
    exact = Decimal(repr(float(value)) if isinstance(value, float) else int(value))
    digits = -int(exact.as_tuple().exponent)
    resolution = Decimal(unit).scaleb(-digits) if digits > 0 else Decimal(unit)
    return int(exact * unit), max(int(resolution), 1)
