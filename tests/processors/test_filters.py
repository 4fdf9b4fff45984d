"""What passes the filters: types, severities, and so many an hour; the rest is counted."""

from __future__ import annotations

import threading

import pytest

from pytest_telemetry.model.record import Kind, Record
from pytest_telemetry.processors.filters import MinSeverity, OnlyEventTypes, RateLimit
from pytest_telemetry.testing.fake_clock import FakeClock

HOUR_S = 3600


def record(kind: Kind = "event", name: str = "e", level: str | None = None, **attrs: object) -> Record:
    return Record(kind, name, name, 1, attrs=dict(attrs), level=level)


def test_events_of_other_types_are_dropped_and_counted() -> None:
    """The type is the attribute; the name stands for it where there is none."""
    only = OnlyEventTypes(["agent_run", "page.read"])
    kept = [record(event_type="agent_run"), record(name="page.read")]
    dropped = [record(event_type="tool_execution"), record(name="agent_run", event_type="x"), record()]

    assert [only(each) for each in kept] == kept
    assert [only(each) for each in dropped] == [None, None, None]
    assert only.dropped == 3


def test_what_is_no_event_has_a_type_only_by_its_attribute() -> None:
    """Spans, metrics and logs pass, unless they say that they are of another type."""
    only = OnlyEventTypes(["agent_run"])
    plain = [record("span", "load"), record("metric", "rows"), record("log", "slow", "info")]

    assert [only(each) for each in plain] == plain
    assert only(record("span", "load", event_type="tool_execution")) is None
    assert only(record("span", "load", event_type=["no", "text"])) is None


@pytest.mark.parametrize("least", ["debug", "info", "warning", "error", "critical"])
def test_severities_are_ordered_and_not_compared_as_text(least: str) -> None:
    """What is as severe as asked for passes, and what is more severe."""
    order = ["debug", "info", "warning", "error", "critical"]
    severe = MinSeverity(least)

    by_attribute = [name for name in order if severe(record(severity=name)) is not None]
    by_level = [name for name in order if severe(record("log", "m", name)) is not None]

    assert by_attribute == by_level == order[order.index(least) :]
    assert severe.dropped == 2 * order.index(least)


def test_an_event_without_severity_is_an_information() -> None:
    """As the documents have it; its level counts if it has one."""
    assert MinSeverity("info")(record()) is not None
    assert MinSeverity("warning")(record()) is None
    assert MinSeverity("warning")(record(level="error")) is not None


def test_what_cannot_be_judged_passes() -> None:
    """Spans and metrics have no severity, and a foreign word has no place in the order."""
    severe = MinSeverity("critical")

    for each in (record("span"), record("metric"), record("log", "m", "notice"), record(severity=["odd"])):
        assert severe(each) is each


def test_an_unknown_severity_is_refused() -> None:
    """When the filter is made, with what there is."""
    with pytest.raises(ValueError, match=r"min_severity must be one of debug, info, .*, not 'warn'"):
        MinSeverity("warn")


def test_an_hour_has_room_for_so_many() -> None:
    """The rest of the hour is dropped and counted; the next hour begins afresh."""
    clock = FakeClock()
    limit = RateLimit(3, clock)

    first = [limit(record()) is not None for _ in range(5)]
    clock.advance(HOUR_S - 1)
    still_first = limit(record())
    clock.advance(1)
    second = [limit(record()) is not None for _ in range(4)]

    assert first == [True, True, True, False, False]
    assert still_first is None
    assert second == [True, True, True, False]
    assert limit.dropped == 4


def test_the_wall_clock_does_not_make_a_new_hour() -> None:
    """Hours are those of the monotonic clock."""
    clock = FakeClock()
    limit = RateLimit(1, clock)
    limit(record())

    clock.step_wall(2 * HOUR_S)

    assert limit(record()) is None


def test_threads_do_not_share_out_more_than_the_limit() -> None:
    """Each place of an hour is given away once."""
    limit = RateLimit(500, FakeClock())
    kept: list[Record] = []

    def offer() -> None:
        kept.extend(filter(None, (limit(record()) for _ in range(300))))

    threads = [threading.Thread(target=offer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(kept) == 500
    assert limit.dropped == 700


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True])
def test_a_limit_is_a_whole_number_above_0(wrong: int) -> None:
    """Nothing else can be meant."""
    with pytest.raises(ValueError, match="per_hour must be a whole number above 0, not"):
        RateLimit(wrong)
