"""The time zone of the machine, as the shells need it to say what today is (layer 0)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

__all__ = ("SYSTEM_ZONE",)


class _SystemZone(tzinfo):
    """What the operating system says, with its changes of the year; a fixed offset would be wrong beyond one."""

    def utcoffset(self, moment: datetime | None, /) -> timedelta | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def tzname(self, moment: datetime | None, /) -> str | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def dst(self, moment: datetime | None, /) -> timedelta | None:  # noqa: ARG002 - the system does not say
        return None

    def fromutc(self, moment: datetime, /) -> datetime:
        return moment.replace(tzinfo=UTC).astimezone().replace(tzinfo=self)


SYSTEM_ZONE: Final[tzinfo] = _SystemZone()
"""Reads the zone of the process, ``TZ`` or the system's, whenever it is asked."""
