"""What every line needs: that it can be read, a run, a time stamp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.checks import Judgement, RunId, StreamingCheck, Timestamps, WellFormed
from pytest_telemetry.model.mapping import LineMapping
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import BadLine, LogLine, decode_line, decode_object, encode

if TYPE_CHECKING:
    from pytest_telemetry.model.finding import Finding


def judge(check: StreamingCheck, *lines: dict[str, Any] | BadLine) -> list[Finding]:
    judgement: Judgement = check.start()
    for number, raw in enumerate(lines, 1):
        line = raw if isinstance(raw, BadLine) else decode_object(raw, number)
        if isinstance(line, LogLine):
            judgement.add(line.record, line)
        else:
            judgement.add_bad(line)
    return judgement.findings()


def event(ts: Any = "2026-01-01T00:00:00Z", **more: Any) -> dict[str, Any]:
    return {"cmd": "a", "ts": ts, "run_id": "r", **more}


def own(time_ns: int | None = 5) -> dict[str, Any]:
    return {"record": 1, "kind": "event", "name": "a", "time_ns": time_ns, "run_id": "r"}


@pytest.mark.parametrize("check", [WellFormed(), RunId(), Timestamps()])
def test_a_good_log_has_no_finding(check: StreamingCheck) -> None:
    """Neither in an older shape nor in our own."""
    assert judge(check, event(), event()) == []
    assert judge(check, own(), own()) == []
    assert check([Record("event", "a", "a", 1, run_id="r")]) == []


def test_bad_lines_are_an_error_with_their_reasons() -> None:
    """Each with its number."""
    (finding,) = judge(WellFormed(), event(), BadLine(2, "not JSON: x"), {}, event())

    assert (finding.count, finding.level) == (2, "error")
    assert finding.message == "no event in 2 of 4 lines; what they say is left out"
    assert [(example.line, example.text) for example in finding.examples] == [
        (2, "not JSON: x"),
        (3, 'no name: neither "cmd" nor "name" is a text'),
    ]


def test_what_was_read_leniently_is_a_warning_by_field() -> None:
    """A field counts once per event; time stamps are the business of another check."""
    (finding,) = judge(
        WellFormed(),
        event(timing_ms="1", run_id=5),
        event(timing_ms="1"),
        event(ts="x"),
        own() | {"seq": "1", "spam": 1},
    )

    assert (finding.count, finding.level) == (3, "warning")
    assert finding.by_field == {"timing_ms": 2, "run_id": 1, "seq": 1, "spam": 1}
    assert finding.examples[0].text == "a: timing_ms: not a number"


def test_events_without_a_run_are_counted_by_command() -> None:
    """An empty id is none."""
    (finding,) = judge(
        RunId(), event(), event(run_id=""), event(cmd="b", run_id=None), event(cmd="b", run_id=None)
    )

    assert (finding.count, finding.level, finding.by_command) == (3, "warning", {"b": 2, "a": 1})
    assert [example.line for example in finding.examples] == [2, 3, 4]
    assert RunId()([Record("event", "a", "a", 1, run_id="")]) != []


def test_forms_of_time_stamps_are_counted() -> None:
    """Our own integers are one form among others."""
    (finding,) = judge(
        Timestamps(), event("2026-01-01T00:00:00-0300"), event("2026-01-01T00:00:00-0400"), event(), own()
    )

    assert (finding.count, finding.level) == (2, "warning")
    assert finding.by_field == {
        "9999-99-99T99:99:99-9999": 2,
        "9999-99-99T99:99:99Z": 1,
        "integer nanoseconds": 1,
    }
    assert [example.line for example in finding.examples] == [1, 3, 4]


def test_two_forms_are_one_too_many() -> None:
    """A log that was written with and without microseconds was written by two programs."""
    (finding,) = judge(Timestamps(), event(), event(), event("2026-01-01T00:00:00.5Z"))

    assert (finding.count, len(finding.by_field)) == (1, 2)


def test_unreadable_and_naive_stamps_are_told_apart() -> None:
    """No time is an error, no offset a warning."""
    unreadable, naive = judge(Timestamps(), event("x"), event(None), own(None), event("2026-01-01T00:00:00"))

    assert (unreadable.count, unreadable.level) == (3, "error")
    assert [example.text for example in unreadable.examples] == [
        "a: time stamp 'x'",
        "a: no time stamp",
        "a: no time stamp",
    ]
    assert (naive.count, naive.level) == (1, "warning")
    assert naive.message == "1 time stamp without an offset from UTC, read as UTC: write Z or an offset"


def test_what_our_own_sink_writes_is_well_formed() -> None:
    """Also with values that JSON cannot hold."""
    record = Record("event", "a", "a", 1, attrs={"t": (1,), "o": object()}, run_id="r")
    line = decode_line(encode(record), 1)
    judgement = WellFormed().start()
    assert isinstance(line, LogLine)

    judgement.add(line.record, line)

    assert judgement.findings() == []


def mapped(mapping: LineMapping, *lines: dict[str, Any]) -> list[LogLine]:
    found = [decode_object(raw, number, mapping=mapping) for number, raw in enumerate(lines, 1)]
    return [line for line in found if isinstance(line, LogLine)]


def judge_lines(check: StreamingCheck, lines: list[LogLine]) -> tuple[int, list[Finding]]:
    judgement = check.start()
    for line in lines:
        judgement.add(line.record, line)
    return judgement.judged, judgement.findings()


@pytest.mark.parametrize("check", [RunId(), Timestamps()])
def test_what_a_line_has_no_place_for_is_not_judged(check: StreamingCheck) -> None:
    """Not even as fine: where nothing was judged, nothing is known."""
    without = LineMapping.parse(["name=event"])
    within = LineMapping.parse(["name=event,time=at,run_id=run"])

    assert judge_lines(check, mapped(without, {"event": "e"})) == (0, [])
    judged, findings = judge_lines(check, mapped(within, {"event": "e"}))
    assert (judged, len(findings)) == (1, 1)


def test_times_that_are_numbers_are_one_form() -> None:
    """Of as many digits as they like."""
    mapping = LineMapping.parse(["name=event,time_s=at"])

    assert (
        judge_lines(Timestamps(), mapped(mapping, {"event": "e", "at": 5}, {"event": "e", "at": 17.25}))[1]
        == []
    )


def test_what_a_mapping_names_must_be_in_some_line() -> None:
    """Nothing is said of a log in which no line was read by it."""
    mapping = LineMapping.parse(["name=event,duration_ms=took,error=exc"])
    check = WellFormed(mapping)

    warned, told = judge_lines(check, mapped(mapping, {"event": "e"}, {"event": "f", "x": None}))[1]
    assert (warned.level, warned.message) == (
        "warning",
        "no line has what the mapping names: took (duration_ms); the first line has event",
    )
    assert (told.level, "exc (error)" in told.message) == ("info", True)
    assert judge_lines(check, mapped(mapping, {"event": "e"}, {"event": "f", "took": 1, "exc": "E"}))[1] == []
    assert check.start().findings() == []
