"""Time zones by name, and when their clocks are changed (layer 5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pytest_telemetry.model.errors import ClockError

__all__ = ("Season", "next_change", "zone_of")

Season: TypeAlias = Literal["fall", "spring"]

_SEARCHED_DAYS: Final = 2 * 366


def zone_of(zone: str | tzinfo) -> tzinfo:
    """Return the time zone of that name, or *zone* itself.

    Raises:
        ClockError: There is no such zone on this machine.
    """
    if isinstance(zone, tzinfo):
        return zone
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ClockError(
            f"no time zone {zone!r} here: use a name such as 'Europe/Berlin', and where the machine "
            f"has no zone data: pip install tzdata"
        ) from error


def next_change(zone: tzinfo, season: Season, after: datetime) -> datetime:
    """Return the first moment after *after* (aware) at which clocks go back (fall) or forward (spring).

    Raises:
        ClockError: They do not within two years.
        ValueError: *season* is neither.
    """
    if season not in ("fall", "spring"):
        raise ValueError(f"expected 'fall' (clocks go back) or 'spring' (clocks go forward), got {season!r}")
    early = after.astimezone(UTC).replace(microsecond=0)
    for _ in range(_SEARCHED_DAYS):
        late = early + timedelta(days=1)
        change = _offset(zone, late) - _offset(zone, early)
        if change and (change < timedelta(0)) == (season == "fall"):
            return _between(zone, early, late)
        early = late
    raise ClockError(
        f"the clocks of {zone} do not go {'back' if season == 'fall' else 'forward'} within two years of {after}"
    )


def _between(zone: tzinfo, early: datetime, late: datetime) -> datetime:
    """Return the first whole second that has the offset of *late*."""
    new = _offset(zone, late)
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if _offset(zone, middle) == new:
            late = middle
        else:
            early = middle
    return late


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
