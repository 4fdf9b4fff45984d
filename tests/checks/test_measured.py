"""Durations that nobody measured."""

from __future__ import annotations

import pytest

from pytest_telemetry.checks import MeasuredTiming
from pytest_telemetry.model.record import Record

MS = 1_000_000


def spans(name: str, *durations_ns: int | None) -> list[Record]:
    return [Record("span", name, name, 1, duration) for duration in durations_ns]


def test_one_value_five_times_is_not_a_measurement() -> None:
    """Four times may be chance, and one other value is enough."""
    check = MeasuredTiming()

    assert check(spans("a", *[10 * MS] * 4)) == []
    assert check(spans("a", *[10 * MS] * 4, 11 * MS, 10 * MS)) == []
    (finding,) = check(spans("a", *[10 * MS] * 5) + spans("b", 1, 2, 3, 4, 5))
    assert (finding.count, finding.level, finding.by_command) == (1, "error", {"a": 5})
    assert finding.message == "1 command has 5 or more timings that are all one value: not measured"
    assert finding.examples[0].text == "a: all 5 timings are 10 ms: not measured"


@pytest.mark.parametrize("duration_ns", [0, 1, 1_000, MS, 1_000 * MS])
def test_the_smallest_value_of_a_unit_may_be_its_resolution(duration_ns: int) -> None:
    """0 or 1 is a warning."""
    (finding,) = MeasuredTiming()(spans("a", *[duration_ns] * 5))

    assert finding.level == "warning"
    assert finding.message.endswith("all one value: not measured, or below the resolution of the field")
    assert finding.examples[0].detail["level"] == "warning"


def test_both_kinds_are_one_finding_with_one_count() -> None:
    """Its level is that of the worse kind; the most frequent command comes first."""
    (finding,) = MeasuredTiming()(spans("a", *[10 * MS] * 5) + spans("b", *[MS] * 6))

    assert (finding.count, finding.level) == (2, "error")
    assert list(finding.by_command.items()) == [("b", 6), ("a", 5)]
    assert finding.message == (
        "2 commands have 5 or more timings that are all one value: "
        "1 not measured, 1 not measured, or below the resolution of the field"
    )
    assert [example.detail["level"] for example in finding.examples] == ["warning", "error"]


def test_records_without_duration_do_not_count() -> None:
    """Open spans and events were not timed."""
    judgement = MeasuredTiming().start()
    for record in spans("a", *[None] * 9, *[MS] * 4):
        judgement.add(record)

    assert judgement.findings() == []
    assert judgement.judged == 0


def test_how_many_it_takes_can_be_chosen() -> None:
    """Two at least."""
    assert MeasuredTiming(at_least=2)(spans("a", 7, 7)) != []
    with pytest.raises(ValueError, match="at_least=1: it takes two"):
        MeasuredTiming(at_least=1)


def test_as_many_commands_are_judged_as_memory_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones; a log may name any number."""
    monkeypatch.setattr("pytest_telemetry.checks.measured._MOST", 2)

    (finding,) = MeasuredTiming()([record for name in "abc" for record in spans(name, *[10 * MS] * 5)])

    assert finding.by_command == {"a": 5, "b": 5}
