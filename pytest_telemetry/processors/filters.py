"""Drops records by type, by severity, and beyond so many an hour, and counts them (layer 2)."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.config import SEVERITIES
from pytest_telemetry.model.event_types import event_type_of, severity_of
from pytest_telemetry.runtime.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.record import Record

__all__ = ("MinSeverity", "OnlyEventTypes", "RateLimit")

_HOUR_NS: Final = 3_600_000_000_000


class _Filter(ABC):
    """A processor that keeps or drops, and counts what it drops."""

    def __init__(self) -> None:
        self._drop = Tally()

    @property
    def dropped(self) -> int:
        """How many records were dropped."""
        return self._drop.value

    @abstractmethod
    def keeps(self, record: Record) -> bool:
        """Return whether *record* passes."""

    def __call__(self, record: Record, /) -> Record | None:
        if self.keeps(record):
            return record
        self._drop.add()
        return None


class OnlyEventTypes(_Filter):
    """Keeps events of some types.

    The type is the attribute ``event_type``, and the name of an event that has none. What has no type passes:
    a span, a metric or a log without that attribute.

    Args:
        types: Those that are kept.
    """

    def __init__(self, types: Iterable[str]) -> None:
        super().__init__()
        self.types = tuple(types)

    def keeps(self, record: Record) -> bool:
        """Return whether the type of *record* is among those that are kept, or there is none."""
        kind = event_type_of(record)
        return kind is None or kind in self.types


class MinSeverity(_Filter):
    """Keeps what is at least so severe: debug < info < warning < error < critical.

    The severity is the attribute ``severity``, or else the level, or else info where it is an event. What has
    none of these passes, such as a span or a metric, and so does what has one of another name.

    Args:
        least: The least that is kept.

    Raises:
        ValueError: There is no such severity.
    """

    def __init__(self, least: str) -> None:
        super().__init__()
        if least not in SEVERITIES:
            raise ValueError(f"min_severity must be one of {', '.join(SEVERITIES)}, not {least!r}")
        self._too_low = SEVERITIES[: SEVERITIES.index(least)]

    def keeps(self, record: Record) -> bool:
        """Return whether the severity of *record* is high enough, or there is none."""
        return severity_of(record) not in self._too_low


class RateLimit(_Filter):
    """Keeps so many records an hour and drops the rest of that hour.

    Hours follow each other without a gap by the monotonic clock, from the moment on when this was made.

    Args:
        per_hour: How many are kept.
        clock: Tells the hour.

    Raises:
        ValueError: *per_hour* is no whole number above 0.
    """

    def __init__(self, per_hour: int, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__()
        if type(per_hour) is not int or per_hour < 1:
            raise ValueError(f"per_hour must be a whole number above 0, not {per_hour!r}")
        self.per_hour = per_hour
        self._mono_ns = clock.mono_ns
        self._start_ns = clock.mono_ns()
        self._hours: dict[int, Callable[[], int]] = {}

    def keeps(self, record: Record) -> bool:  # noqa: ARG002 - any record counts
        """Return whether the hour has room for one more."""
        hour = (self._mono_ns() - self._start_ns) // _HOUR_NS
        passed = self._hours.get(hour)
        if passed is None:
            # of several threads that see a new hour at once, all count with the same
            passed = self._hours.setdefault(hour, itertools.count().__next__)
            for earlier in [other for other in self._hours.copy() if other < hour]:
                self._hours.pop(earlier, None)
        return passed() < self.per_hour
