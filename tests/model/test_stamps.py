"""Time stamps as logs spell them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.stamps import stamp_form, stamp_has_zone, stamp_ns, stamp_of, stamp_resolution_ns

offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.datetimes(timezones=offsets, min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)))
def test_every_offset_and_spelling_is_read_exactly(moment: datetime) -> None:
    """With and without colon, with and without microseconds, before and after the epoch."""
    expected = (moment - EPOCH) // timedelta(microseconds=1) * 1_000
    text = moment.isoformat()

    assert stamp_ns(text) == expected
    assert stamp_ns(text[:-3] + text[-2:]) == expected
    assert stamp_ns(text.replace("T", " ")) == expected


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01z", 1_000_000_000),
        ("1970-01-01 00:00:01", 1_000_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T00:00:00,000000001Z", 1),
        ("1970-01-01T00:00:00.0000000019Z", 1),
        ("1970-01-01T01:00:00+01", 0),
        ("1969-12-31T21:00:00-0300", 0),
    ],
)
def test_other_spellings_are_read(text: str, ns: int) -> None:
    """Zulu, a blank instead of T, a comma, nanoseconds, an offset of hours only."""
    assert stamp_ns(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-01-01",
        "2026-13-01T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+00:60",
        "٢٠٢٦-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z tail",
    ],
)
def test_what_is_no_stamp_is_not_guessed(text: str) -> None:
    """Neither a date alone nor an hour 25."""
    assert stamp_ns(text) is None


def test_the_form_keeps_everything_but_the_digits() -> None:
    """The sign of the offset is part of how it is written."""
    assert stamp_form("2026-01-01T19:16:58-0300") == "9999-99-99T99:99:99-9999"


@pytest.mark.parametrize(
    ("text", "zone", "resolution"),
    [
        ("2026-01-01T19:16:58-0300", True, 1_000_000_000),
        ("2026-01-01T19:16:58.123", False, 1_000_000),
        ("2026-01-01T19:16:58.123456789Z", True, 1),
        ("nonsense", False, 1_000_000_000),
    ],
)
def test_zone_and_resolution_are_told(text: str, zone: bool, resolution: int) -> None:
    """What a reader needs to judge how exact a stamp is."""
    assert stamp_has_zone(text) is zone
    assert stamp_resolution_ns(text) == resolution


@given(st.integers(-62_135_596_800 * 10**9, 253_402_300_800 * 10**9 - 1))
def test_what_is_written_is_read_as_it_was(time_ns: int) -> None:
    """To the nanosecond, from the year 1 to 9999, and always in one form."""
    stamp = stamp_of(time_ns)

    assert stamp is not None
    assert stamp_ns(stamp) == time_ns
    assert stamp_form(stamp) == "9999-99-99T99:99:99.999999999+99:99"
    assert stamp_has_zone(stamp)


@pytest.mark.parametrize("time_ns", [-62_135_596_800 * 10**9 - 1, 253_402_300_800 * 10**9, 10**30, -(10**30)])
def test_a_time_beyond_the_calendar_has_no_stamp(time_ns: int) -> None:
    """Dates have years from 1 to 9999."""
    assert stamp_of(time_ns) is None
