"""Older event lines as Records."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_telemetry.model.event_shape import record_of_event
from pytest_telemetry.model.record import Record

SECOND = 1_000_000_000
LINE: dict[str, Any] = {
    "ts": "1970-01-01T00:00:01-0000",
    "run_id": "run_1",
    "segment_id": "6f25e381",
    "cmd": "ast.parse",
    "args": {"file": "src/a.py"},
    "result": {"status": "ok", "functions": 12},
    "timing_ms": 42,
    "warnings": [],
    "x": {"skeleton_bytes": 8192},
}


def read(problems: list[str] | None = None, /, **changes: Any) -> Record:
    raw = {key: value for key, value in {**LINE, **changes}.items() if value is not None}
    found: list[str] = []
    record = record_of_event(raw, found)
    assert record is not None
    assert found == (problems or [])
    return record


def test_a_line_with_timing_is_a_finished_span() -> None:
    """Name, times, status, run and every field arrive."""
    assert read() == Record(
        "span",
        "ast.parse",
        "ast.parse",
        SECOND,
        42_000_000,
        status="ok",
        attrs={
            "args.file": "src/a.py",
            "result.status": "ok",
            "result.functions": 12,
            "segment_id": "6f25e381",
            "skeleton_bytes": 8192,
        },
        run_id="run_1",
        source="log file",
    )


def test_a_line_without_timing_is_an_event() -> None:
    """Nothing says how long it took."""
    record = read(timing_ms=None)

    assert (record.kind, record.duration_ns) == ("event", None)


def test_extra_fields_read_the_same_in_every_shape() -> None:
    """In the ``x`` namespace, merged at the top level, and in any order of keys."""
    merged = read(x=None, skeleton_bytes=8192)
    turned = record_of_event(dict(reversed(LINE.items())), [])

    assert merged == read() == turned


def test_extra_fields_of_one_name_are_both_kept() -> None:
    """The one in ``x`` keeps its namespace."""
    attrs = read(mode="top", x={"mode": "below", "ts": "inner"}).attrs

    assert (attrs["mode"], attrs["x.mode"], attrs["ts"]) == ("top", "below", "inner")


@pytest.mark.parametrize(
    ("timing", "ns"), [(0, 0), (1.7, 1_700_000), (0.0000004, 0), (-3, -3_000_000), (1e3, SECOND)]
)
def test_a_timing_keeps_its_fraction_its_zero_and_its_sign(timing: Any, ns: int) -> None:
    """Nothing is clamped."""
    assert read(timing_ms=timing).duration_ns == ns


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        ("12", "timing_ms: not a number"),
        (True, "timing_ms: not a number"),
        (float("nan"), "timing_ms: not a number"),
        (1e300, "timing_ms: beyond what a clock can count"),
    ],
)
def test_an_unusable_timing_is_a_problem_and_no_duration(timing: Any, said: str) -> None:
    """The rest of the line is read all the same."""
    assert read([said], timing_ms=timing).duration_ns is None


@pytest.mark.parametrize(
    ("stamp", "time_ns", "problems"),
    [
        ("1970-01-01T00:00:01", SECOND, ["ts: no offset from UTC, read as UTC"]),
        ("tomorrow", None, ["ts: not a date with a time"]),
        (12, None, ["ts: not a text"]),
        (None, None, ["ts: missing"]),
    ],
)
def test_what_is_wrong_with_a_stamp_is_said(stamp: Any, time_ns: int | None, problems: list[str]) -> None:
    """A record without a time is better than none."""
    assert read(problems, ts=stamp).time_ns == time_ns


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"status": "ok"}, "ok"),
        ({"status": "failed"}, "error"),
        ({"status": "timeout"}, "error"),
        ({"status": "ready"}, "unset"),
        ({"status": 1}, "unset"),
        (None, "unset"),
        ("ok", "unset"),
    ],
)
def test_the_status_comes_from_the_result(result: Any, status: str) -> None:
    """Words that are neither success nor failure leave it open."""
    assert read(result=result).status == status


@pytest.mark.parametrize(
    ("run_id", "kept", "problems"), [(None, None, []), ("", None, []), (7, "7", ["run_id: not a text"])]
)
def test_a_run_id_is_a_text_or_missing(run_id: Any, kept: Any, problems: list[str]) -> None:
    """An empty one is none."""
    assert read(problems, run_id=run_id).run_id == kept


def test_groups_of_another_type_and_warnings_are_kept_as_they_are() -> None:
    """Nothing that stands in a line disappears."""
    attrs = read(args=["a"], result="done", x=3, warnings=["slow"], tokens={"input_tokens": 5}).attrs

    assert attrs == {
        "args": ["a"],
        "result": "done",
        "x": 3,
        "warnings": ["slow"],
        "tokens.input_tokens": 5,
        "segment_id": "6f25e381",
    }


def test_the_name_may_stand_under_name() -> None:
    """A line without ``cmd`` is read by its ``name``, and ``cmd`` wins where both stand."""
    assert read(cmd=None, name="a.b").name == "a.b"
    assert read(name="a.b").attrs["name"] == "a.b"


@pytest.mark.parametrize("name", [None, "", 5])
def test_a_line_without_a_name_is_no_record(name: Any) -> None:
    """Nothing can be said about it."""
    assert record_of_event({"cmd": name}, []) is None
