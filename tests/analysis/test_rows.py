"""Which lines of a comparison are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_telemetry.analysis.rows import Row, shown, written
from pytest_telemetry.model.pattern import event, log, metric, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.model.pattern import One
    from pytest_telemetry.model.records import Records

    Make = Callable[..., Records]


@pytest.fixture
def rows(recorded: Make) -> list[Row]:
    """Six rows, two of which differ."""
    a, b, c, d, e = recorded(span("a", span("b", span("c")), span("d")), span("e", x=1))
    return [
        Row(0, " ", a),
        Row(1, " ", b),
        Row(2, "!", c, None, "n: expected 1, got 2"),
        Row(1, " ", d),
        Row(0, "+", e, None, "not expected"),
        Row(0, "-", None, span("f", x=1), "missing", 2),
    ]


def test_what_is_as_expected_is_folded(rows: list[Row]) -> None:
    """Spans around a difference stay, notes begin in one column."""
    assert shown(rows, 10) == [
        "  a",
        "    b",
        "!     c     n: expected 1, got 2",
        "    ... 1 as expected",
        "+ e x=1     not expected",
        "- f x=1 x2  missing",
    ]


def test_where_there_is_no_room_only_differences_are_listed(rows: list[Row]) -> None:
    """Each stands with its path, and the last line counts the others."""
    assert shown(rows, 3) == ["! a/b/c  n: expected 1, got 2", "+ e x=1  not expected", "- f x=1 x2  missing"]
    assert shown(rows, 2) == ["! a/b/c  n: expected 1, got 2", "  ... 2 more differences"]


def test_without_a_limit_every_row_is_shown(rows: list[Row]) -> None:
    """Nothing is folded."""
    assert shown(rows, None)[3] == "    d"
    assert len(shown(rows, None)) == 6


def test_an_open_span_says_so(recorded: Make) -> None:
    """In every row, whether it is expected or not."""
    record = recorded(span("a", duration=None))[0]

    assert Row(0, " ", record).text == "a (still open)"
    assert Row(0, "+", record).text == "a (still open)"


def test_a_row_without_anything_is_empty() -> None:
    """A row may stand for something that is not known."""
    assert Row(0, "-").text == ""


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (span("load", rows=10), "load rows=10"),
        (event("hit", key="k"), "event: hit key='k'"),
        (log.warning("slow *", ms=5), "warning: slow * ms=5"),
        (log("slow *"), "log: slow *"),
        (metric("rows", 10), "metric: rows value=10"),
    ],
)
def test_a_missing_pattern_is_shown_like_a_record(one: One, text: str) -> None:
    """So that ``-`` and ``+`` can be compared by eye."""
    assert written(one) == text
