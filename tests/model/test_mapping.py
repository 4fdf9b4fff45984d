"""Lines of any shape, read by where their fields stand."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.mapping import MAPPED, LineMapping
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import BadLine, LogLine, decode_object

LINE = {"event": "load", "elapsed": 3.25, "at": "2026-01-01T00:00:00Z", "run": 17, "rows": 5, "none": None}


def read(raw: dict[str, Any], *texts: str) -> LogLine:
    line = decode_object(raw, 1, mapping=LineMapping.parse(texts))
    assert isinstance(line, LogLine)
    return line


def test_fields_are_taken_from_their_keys_and_the_rest_are_attributes() -> None:
    """What is null is not there; an id that is a number is its digits."""
    line = read(LINE, "name=event,duration_ms=elapsed", "time=at,run_id=run")

    assert line.record == Record(
        "span",
        "load",
        "load",
        1_767_225_600_000_000_000,
        3_250_000,
        attrs={"rows": 5},
        run_id="17",
        source="log file",
    )
    assert (line.raw, line.own, line.problems, line.stamp) == (LINE, False, (), "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("field", "given", "duration_ns"),
    [
        ("duration_s", 1.5, 1_500_000_000),
        ("duration_ms", 3, 3_000_000),
        ("duration_us", 0.0625, 62),
        ("duration_ns", 7, 7),
        ("duration_ms", -1, -1_000_000),
        ("duration_ms", 0, 0),
    ],
)
def test_the_suffix_is_the_unit(field: str, given: float, duration_ns: int) -> None:
    """Exact to the nanosecond."""
    record = read({"event": "e", "d": given}, f"name=event,{field}=d").record

    assert (record.kind, record.duration_ns) == ("span", duration_ns)


def test_times_may_be_numbers_of_any_unit() -> None:
    """With all the digits that they have."""
    assert read({"event": "e", "t": 1767306948.123456}, "name=event,time_s=t").record.time_ns == (
        1_767_306_948_123_456_000
    )
    assert read({"event": "e", "t": 1767306948123}, "name=event,time_ms=t").record.time_ns == (
        1_767_306_948_123_000_000
    )


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ({"log": {"event": {"name": "load"}}}, "log.event.name"),
        ({"log.event": {"name": "load"}}, "log.event.name"),
        ({"log.event.name": "load", "log": {"event": {"name": "other"}}}, "log.event.name"),
        ({"log": {"event.name": "load"}}, "log.event.name"),
    ],
)
def test_dots_lead_into_objects_or_stand_in_the_key(raw: dict[str, Any], key: str) -> None:
    """The key itself counts first."""
    assert read(raw, f"name={key}").record.name == "load"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ({"d": 1, "v": 2, "l": "info"}, "span"),
        ({"v": 2, "l": "info"}, "metric"),
        ({"l": "info"}, "log"),
        ({}, "event"),
        ({"d": 1, "k": "log"}, "log"),
    ],
)
def test_the_kind_follows_from_what_is_there(raw: dict[str, Any], kind: str) -> None:
    """Unless the line says it."""
    line = read({"event": "e", **raw}, "name=event,duration_s=d,value=v,level=l,kind=k")

    assert line.record.kind == kind
    assert line.problems == ()


def test_levels_and_outcomes_are_understood_under_their_usual_names() -> None:
    """An outcome that is not understood stays an attribute."""
    mapping = "name=event,level=lvl,status=outcome"

    assert read({"event": "e", "lvl": "WARN"}, mapping).record.level == "warning"
    for outcome, status in (("Success", "ok"), (True, "ok"), (False, "error"), ("timeout", "error")):
        record = read({"event": "e", "outcome": outcome}, mapping).record
        assert (record.status, record.attrs) == (status, {})
    assert read({"event": "e", "outcome": "odd"}, mapping).record.attrs == {"outcome": "odd"}


@pytest.mark.parametrize(
    ("field", "given", "problem"),
    [
        ("duration_ms", "3", "duration_ms: not a number"),
        ("duration_ms", True, "duration_ms: not a number"),
        ("duration_s", 1e300, "duration_s: beyond what a clock can count"),
        ("time", 5, "ts: a number; map time_s, time_ms, time_us or time_ns"),
        ("time", "noon", "ts: not a date with a time"),
        ("time", "2026-01-01T00:00:00", "ts: no offset from UTC, read as UTC"),
        ("run_id", ["r"], "run_id: not a text"),
        ("seq", "1", "seq: not an integer"),
        ("kind", "spam", "kind: not one of span, metric, event, log"),
        ("instrument", {}, "instrument: not one of counter, gauge, histogram, updowncounter"),
    ],
)
def test_what_cannot_be_read_is_a_problem_of_the_line(field: str, given: Any, problem: str) -> None:
    """The rest of it is read."""
    assert read({"event": "e", "x": given}, f"name=event,{field}=x").problems == (problem,)


def test_a_line_without_a_name_is_bad() -> None:
    """And says which key was looked for."""
    for raw in ({}, {"event": ""}, {"event": 5}, {"event": None}):
        assert decode_object(raw, 3, mapping=LineMapping({"name": "event"})) == BadLine(
            3, 'no name: there is no text under "event"'
        )


def test_lines_of_our_own_format_stay_what_they_are() -> None:
    """A log may hold both."""
    own = {"record": 1, "kind": "event", "name": "e", "event": "other"}

    assert read(own, "name=event").record.name == "e"


@pytest.mark.parametrize(
    ("texts", "error"),
    [
        (["nme=event"], "unknown field 'nme', did you mean name?"),
        (["name=event,spam=x"], "unknown field 'spam': use one of name, kind, time"),
        (["name=event,duration=x"], "duration has no unit: write duration_s"),
        (["duration_ms=elapsed"], "name is not mapped: write name=KEY"),
        (["name="], "name has no key: write name=KEY"),
        (["event"], "'event' is no FIELD=KEY, as in name=event,duration_ms=elapsed"),
        (["name=a", "name=b"], "name is mapped twice"),
        (["name=a,time=b,time_ms=c"], "time and time_ms are both mapped: keep one of them"),
        ([""], "'' is no FIELD=KEY"),
    ],
)
def test_a_mapping_that_cannot_be_is_explained(texts: list[str], error: str) -> None:
    """With what to write in its place."""
    with pytest.raises(ValueError, match=re.escape(error)) as raised:
        LineMapping.parse(texts)

    assert str(raised.value).startswith(error)


def test_what_is_not_mapped_cannot_be_missing() -> None:
    """So no check asks for it."""
    without = LineMapping.parse(["name=event,time_ms=t"]).without

    assert {"run_id", "duration_ns"} <= without
    assert "time_ns" not in without


@given(
    st.dictionaries(
        st.sampled_from(["event", "a", "a.b", "c"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
            ),
        ),
    ),
    st.dictionaries(
        st.sampled_from([f for f in MAPPED if not f.startswith(("time", "duration"))]), st.sampled_from("abc")
    ),
    st.sampled_from(["time", "time_ms", "time_s"]),
    st.sampled_from(["duration_ns", "duration_s"]),
)
def test_nothing_that_stands_in_a_line_raises(
    raw: dict[str, Any], more: dict[str, str], time: str, duration: str
) -> None:
    """Whatever is mapped to what."""
    mapping = LineMapping({**more, "name": "event", time: "a.b", duration: "c"})

    assert isinstance(decode_object(raw, 1, mapping=mapping), (LogLine, BadLine))
