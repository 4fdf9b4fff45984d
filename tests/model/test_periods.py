"""Periods as people write them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.periods import parse_period
from pytest_telemetry.model.zone import SYSTEM_ZONE

NOW = 1_800_000_000_123_456_789
SECOND = 1_000_000_000


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1_800), ("24h", 86_400), ("7d", 604_800), ("4w", 2_419_200), ("1m", 60)]
)
def test_a_length_reaches_back_from_now_to_the_nanosecond(text: str, seconds: int) -> None:
    """No zone has to do with it."""
    period = parse_period(text, NOW, UTC)

    assert (period.since_ns, period.zone) == (NOW - seconds * SECOND, None)


@pytest.mark.parametrize(
    ("now", "zone", "since", "offset"),
    [
        ("2026-06-10T00:30:00+02:00", "Europe/Berlin", "2026-06-10T00:00:00+02:00", "+02:00"),
        ("2026-06-10T00:30:00+00:00", "America/New_York", "2026-06-09T00:00:00-04:00", "-04:00"),
        # midnight had another offset than now: the clocks went forward in between
        ("2026-03-29T12:00:00+02:00", "Europe/Berlin", "2026-03-29T00:00:00+01:00", "+01:00"),
    ],
)
def test_today_begins_at_midnight_of_the_zone(now: str, zone: str, since: str, offset: str) -> None:
    """By the clocks that hang there, and the period says which."""
    period = parse_period("today", ns(now) + 5, ZoneInfo(zone))

    assert (period.since_ns, period.zone) == (ns(since), offset)


@pytest.mark.parametrize("text", ["", "7", "d", "7D", "-1h", "1.5h", "7 d", "1h30m", "yesterday", "٣h"])
def test_anything_else_is_one_clear_error(text: str) -> None:
    """It says what can be written."""
    with pytest.raises(UnusableInput, match=r"is no period: write 30m, 24h, 7d, 4w or today$"):
        parse_period(text, NOW, UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0d", "too short a period: the shortest is 1d"),
        ("00m", "too short a period: the shortest is 1m"),
        ("1000000000w", "too long a period: the longest is 999999999w"),
        ("9" * 5_000 + "d", "too long a period: the longest is 999999999d"),
    ],
)
def test_a_period_that_is_too_short_or_too_long_says_so(text: str, reason: str) -> None:
    """And where it would be one."""
    with pytest.raises(UnusableInput, match=f"^'{text}' is {reason}$"):
        parse_period(text, NOW, UTC)


def test_a_period_holds_what_is_not_before_it_and_nothing_without_a_time() -> None:
    """Its first nanosecond belongs to it."""
    period = parse_period("1m", NOW, UTC)

    assert period.holds(period.since_ns)
    assert not period.holds(period.since_ns - 1)
    assert not period.holds(None)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of the process cannot be set here")
def test_the_zone_of_the_system_changes_with_the_year(monkeypatch: pytest.MonkeyPatch) -> None:
    """Winter and summer have offsets of their own, whatever it is now."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        periods = [
            parse_period("today", ns(now), SYSTEM_ZONE)
            for now in ("2026-01-10T12:00:00Z", "2026-07-10T22:30:00Z")
        ]
    finally:
        monkeypatch.undo()
        time.tzset()

    assert [period.zone for period in periods] == ["+01:00", "+02:00"]
    assert [period.since_ns for period in periods] == [
        ns("2026-01-10T00:00:00+01:00"),
        ns("2026-07-11T00:00:00+02:00"),
    ]
