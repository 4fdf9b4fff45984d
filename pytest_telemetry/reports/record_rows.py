"""A record as one line of a listing (layer 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_telemetry.analysis.tree import record_line
from pytest_telemetry.model.stamps import stamp_of
from pytest_telemetry.model.wording import seconds
from pytest_telemetry.reports.text import visible

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("record_row", "time_text")

_UNKNOWN: Final = "-".ljust(len("2026-01-01T00:00:00.000Z"))


def record_row(record: Record) -> str:
    """Return when *record* happened, what it is, and how long it took, on one line that a terminal can show.

    Values are cut to 60 characters, times to milliseconds of UTC.
    """
    took = "" if record.duration_ns is None else f"  [took {seconds(record.duration_ns)}]"
    return visible(f"{time_text(record.time_ns)}  {record_line(record)}{took}")


def time_text(time_ns: int | None) -> str:
    """Return a wall time as ``2026-01-01T00:00:00.000Z``, or as many columns where it is not known."""
    stamp = None if time_ns is None else stamp_of(time_ns)
    return _UNKNOWN if stamp is None else f"{stamp[:23]}Z"
