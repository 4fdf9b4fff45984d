"""Reads time stamps as logs spell them, and writes them, exactly (layer 0)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

__all__ = ("stamp_form", "stamp_has_zone", "stamp_ns", "stamp_of", "stamp_resolution_ns")

_STAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?(?: ?([Zz]|[+-]\d\d(?::?\d\d)?))?", re.ASCII
)
_DIGITS: Final = re.compile(r"\d", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - both sides of the subtraction are UTC by arithmetic below


def stamp_ns(text: str) -> int | None:
    """Return the nanoseconds since the Unix epoch, UTC, or None where *text* is no date with a time.

    Offsets are read with and without colon; a stamp without one is read as UTC. Digits beyond nanoseconds are
    cut off, not rounded.
    """
    match = _STAMP.fullmatch(text)
    if match is None:
        return None
    date, clock, fraction, zone = match.groups()
    try:
        since = datetime.fromisoformat(f"{date}T{clock}") - _EPOCH
    except ValueError:
        return None
    seconds = since.days * 86_400 + since.seconds
    if zone and zone not in "Zz":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        hours, minutes = int(digits[:2]), int(digits[2:])
        if hours > 23 or minutes > 59:
            return None
        offset = hours * 3_600 + minutes * 60
        seconds += offset if zone[0] == "-" else -offset
    return seconds * 1_000_000_000 + (int(fraction.ljust(9, "0")) if fraction else 0)


def stamp_of(time_ns: int) -> str | None:
    """Return the stamp of nanoseconds since the Unix epoch: UTC, nine digits of a second, always in this form.

    None where no stamp can say it: before the year 1 and after 9999.
    """
    seconds, fraction = divmod(time_ns, 1_000_000_000)
    second = _second(seconds)
    return None if second is None else f"{second}.{fraction:09}+00:00"


@lru_cache(maxsize=16)  # most records of a log are of the same few seconds
def _second(seconds: int) -> str | None:
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return None


def stamp_resolution_ns(text: str) -> int:
    """Return what the last digit of a readable stamp counts, in nanoseconds; a second where it has no fraction."""
    match = _STAMP.fullmatch(text)
    fraction = match[3] if match else None
    return int(10 ** (9 - len(fraction))) if fraction else 1_000_000_000


def stamp_has_zone(text: str) -> bool:
    """Tell whether a readable stamp says how far from UTC it is."""
    match = _STAMP.fullmatch(text)
    return match is not None and match[4] is not None


def stamp_form(text: str) -> str:
    """Return *text* with every digit replaced by 9: how it is written, not what it says."""
    return _DIGITS.sub("9", text)
