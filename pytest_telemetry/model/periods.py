"""Periods as people write them, ``24h`` or ``today``, and when they begin (layer 0)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ("Period", "parse_period")

_UNITS_S: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LENGTH: Final = re.compile(r"0*([0-9]*)([mhdw])", re.ASCII)
_MOST_DIGITS: Final = 9
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """The time from some moment until now.

    Attributes:
        text: As it was written.
        since_ns: When it begins, in nanoseconds since the Unix epoch.
        zone: Offset from UTC of the midnight that it begins with, ``+01:00``; None where no zone matters.
    """

    text: str
    since_ns: int
    zone: str | None = None

    def holds(self, time_ns: int | None) -> bool:
        """Return whether *time_ns* is known and not before the period."""
        return time_ns is not None and time_ns >= self.since_ns


def parse_period(text: str, now_ns: int, zone: tzinfo) -> Period:
    """Return the period that *text* names: ``30m``, ``24h``, ``7d``, ``4w``, or ``today``.

    Args:
        text: A whole number above 0 with its unit; or ``today``, which begins at midnight in *zone*.
        now_ns: When it ends: nanoseconds since the Unix epoch.
        zone: Says where midnight is.

    Raises:
        UnusableInput: It is neither, or its number has more than nine digits.
    """
    if text == "today":
        now = (_EPOCH + timedelta(seconds=now_ns // 1_000_000_000)).astimezone(zone)
        midnight = datetime(now.year, now.month, now.day, tzinfo=zone)
        seconds = (midnight.astimezone(UTC) - _EPOCH) // timedelta(seconds=1)
        return Period(text, seconds * 1_000_000_000, midnight.isoformat()[19:])
    match = _LENGTH.fullmatch(text)
    if match is None or text == match[2]:
        raise UnusableInput(f"{text!r} is no period: write 30m, 24h, 7d, 4w or today")
    if not match[1]:
        raise UnusableInput(f"{text!r} is too short a period: the shortest is 1{match[2]}")
    if len(match[1]) > _MOST_DIGITS:
        raise UnusableInput(f"{text!r} is too long a period: the longest is {'9' * _MOST_DIGITS}{match[2]}")
    length_ns = int(match[1]) * _UNITS_S[match[2]] * 1_000_000_000
    return Period(text, now_ns - length_ns)
