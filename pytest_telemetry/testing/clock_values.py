"""What a fake clock takes and gives: durations, moments, counts of readings (layer 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

from pytest_telemetry.model.errors import ClockError

__all__ = (
    "NS",
    "ClockReading",
    "ClockReads",
    "Duration",
    "duration_ns",
    "parts_per_billion",
    "signed_ns",
    "utc",
    "wall_ns_of",
)

Duration: TypeAlias = int | float | timedelta
"""Seconds, or a timedelta."""

NS: Final = 1_000_000_000
"""Nanoseconds in a second."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ClockReading(NamedTuple):
    """All four clocks at one moment, in nanoseconds."""

    wall: int
    mono: int
    perf: int
    cpu: int


@dataclass(slots=True)
class ClockReads:
    """How often each clock was read; two counts compare with ``==``.

    Attributes:
        wall: Readings of the wall clock.
        mono: Readings of the monotonic clock.
        perf: Readings of the performance counter.
        cpu: Readings of the process or thread time.
    """

    wall: int = 0
    mono: int = 0
    perf: int = 0
    cpu: int = 0

    @property
    def total(self) -> int:
        """Readings of any clock."""
        return self.wall + self.mono + self.perf + self.cpu

    def reset(self) -> None:
        """Count from zero again."""
        self.wall = self.mono = self.perf = self.cpu = 0


def signed_ns(value: Duration, what: str) -> int:
    """Return seconds or a timedelta as whole nanoseconds, rounded to the nearest.

    Raises:
        TypeError: It is neither; *what* names the argument.
        ValueError: It is not finite.
    """
    if isinstance(value, timedelta):
        return (value.days * 86_400 + value.seconds) * NS + value.microseconds * 1_000
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what}: expected seconds (int or float) or a timedelta, got {value!r}")
    if isinstance(value, int):
        return value * NS
    if not math.isfinite(value):
        raise ValueError(f"{what}: expected a finite number of seconds, got {value!r}")
    # the whole seconds apart, so that a large number keeps its last digits
    fraction, whole = math.modf(value)
    return int(whole) * NS + round(fraction * NS)


def duration_ns(value: Duration, what: str, hint: str = "") -> int:
    """Do the same for a length of time, which is never negative.

    Raises:
        TypeError: As `signed_ns`.
        ValueError: Likewise, and where it is negative; *hint* says what to do instead.
    """
    ns = signed_ns(value, what)
    if ns < 0:
        raise ValueError(f"{what}: {value!r} is negative{hint}")
    return ns


def parts_per_billion(ppm: object) -> int:
    """Return a rate in millionths as whole billionths.

    Raises:
        ValueError: It is no finite number, or a clock at that rate would stand still or run backwards.
    """
    if isinstance(ppm, bool) or not isinstance(ppm, (int, float)) or not math.isfinite(ppm):
        raise ValueError(f"slew_wall(): expected a finite number of millionths, got {ppm!r}")
    rate = round(ppm * 1_000)
    if rate <= -NS:
        raise ValueError(f"slew_wall(): {ppm!r} would stop the wall clock or turn it round; use step_wall()")
    return rate


def wall_ns_of(moment: datetime | int, what: str) -> int:
    """Return an aware datetime, or whole nanoseconds since the epoch, as nanoseconds since the epoch.

    Raises:
        TypeError: It is neither.
        ValueError: The datetime is naive.
    """
    if isinstance(moment, datetime):
        if moment.utcoffset() is None:
            raise ValueError(
                f"{what}: {moment!r} is naive, so it is another moment on every machine; give it a zone, "
                f"for example .replace(tzinfo=datetime.UTC)"
            )
        return signed_ns(moment - _EPOCH, what)
    if isinstance(moment, bool) or not isinstance(moment, int):
        raise TypeError(
            f"{what}: expected an aware datetime or whole nanoseconds since 1970 (int), got {moment!r}"
        )
    return moment


def utc(wall_ns: int) -> datetime:
    """Return the moment as an aware UTC datetime, cut to microseconds.

    Raises:
        ClockError: It lies outside the years 1 to 9999.
    """
    try:
        return _EPOCH + timedelta(microseconds=wall_ns // 1_000)
    except OverflowError:
        raise ClockError(
            f"the fake wall clock stands at {wall_ns} ns since 1970, which no datetime can hold; "
            f"durations are seconds, and set_wall() takes nanoseconds"
        ) from None
