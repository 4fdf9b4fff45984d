"""The canonical text of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_telemetry.analysis.tree import tree_text
from pytest_telemetry.model.pattern import event, log, metric, span
from pytest_telemetry.model.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Records]


@pytest.fixture
def rec(recorded: Make) -> Records:
    """A recording with all kinds, an error and an open span."""
    return recorded(
        span(
            "etl",
            span("load", metric("rows", 3, format="csv"), status="error", error="ValueError", path="a.csv"),
            log.warning("slow\ndisk", ms=5),
            span("write", event("flushed"), duration=None),
        ),
        event("done"),
    )


def test_the_tree_shows_every_record_once(rec: Records) -> None:
    """Children stand below their span in start order, kinds are marked, errors and open spans show."""
    assert tree_text(rec).splitlines() == [
        "etl",
        "  load path='a.csv' error=ValueError",
        "    metric: rows +3 format='csv'",
        "  warning: slow\\ndisk ms=5",
        "  write (still open)",
        "    event: flushed",
        "event: done",
    ]


def test_the_tree_can_show_times(rec: Records) -> None:
    """Times count from the first record and are exact; spans say how long they took."""
    assert tree_text(rec, times=True).splitlines()[:5] == [
        "etl  [at 0 s, took 1.5 s]",
        "  load path='a.csv' error=ValueError  [at 0.000001 s, took 1.5 s]",
        "    metric: rows +3 format='csv'  [at 0.000002 s]",
        "  warning: slow\\ndisk ms=5  [at 0.000003 s]",
        "  write (still open)  [at 0.000004 s]",
    ]


def test_a_record_without_a_time_shows_what_is_known(recorded: Make) -> None:
    """Logs may hold lines without a readable time."""
    rec = recorded(span("a"), span("b"), event("c"))
    rec[1].time_ns = None
    rec[2].time_ns = None

    assert tree_text(rec, times=True).splitlines() == [
        "a  [at 0 s, took 1.5 s]",
        "b  [took 1.5 s]",
        "event: c",
    ]


@pytest.mark.parametrize(
    ("limit", "lines"),
    [
        (3, ["etl", "  load path='a.csv' error=ValueError", "... 5 more records"]),
        (7, 7),
        (100, 7),
        (1, ["... 7 more records"]),
    ],
)
def test_the_tree_can_be_cut(rec: Records, limit: int, lines: list[str] | int) -> None:
    """The last line counts what does not fit; a tree that fits is not cut."""
    cut = tree_text(rec, max_lines=limit).splitlines()

    assert (len(cut) if isinstance(lines, int) else cut) == lines


def test_an_empty_recording_is_empty_text() -> None:
    """There is nothing to show."""
    assert tree_text(Records(())) == ""
    assert tree_text(Records(()), times=True) == ""


def test_the_tree_of_a_view_starts_at_the_view(rec: Records) -> None:
    """What is inside a span stands at the top."""
    assert tree_text(rec["etl/load"]) == "metric: rows +3 format='csv'"


def test_ids_and_clocks_do_not_change_the_tree(recorded: Make) -> None:
    """The same behaviour gives the same text."""
    first = recorded(span("a", span("b")))
    second = recorded(span("a", span("b")))
    for record in second:
        record.time_ns = (record.time_ns or 0) + 10**18
        record.span_id = f"f{record.span_id}"
        record.parent_id = record.parent_id and f"f{record.parent_id}"

    assert tree_text(first, times=True) == tree_text(Records(second), times=True)
