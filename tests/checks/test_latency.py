"""Limits on what a pattern describes."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_telemetry.checks import Latency
from pytest_telemetry.model.pattern import Pattern, span
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.values import between

MS = 1_000_000


def spans(name: str, *durations_ms: float | None) -> list[Record]:
    return [Record("span", name, name, 1, None if ms is None else round(ms * MS)) for ms in durations_ms]


TWENTY = spans("db.query", *range(1, 21))


@pytest.mark.parametrize(
    "limits",
    [
        {"p95_ms": 19.05},
        {"p50_ms": 10.5},
        {"max_ms": 20},
        {"count": 20},
        {"count": between(1, 30), "p95_ms": 100},
        {"p95_ms": 19, "method": "nearest-rank"},
    ],
)
def test_a_limit_that_is_reached_is_kept(limits: dict[str, Any]) -> None:
    """Only more than it is too much."""
    assert Latency("db.query", **limits)(TWENTY) == []


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"p95_ms": 19}, "p95 is 19.05 ms, more than 19 ms"),
        ({"p50_ms": 10}, "p50 is 10.5 ms, more than 10 ms"),
        ({"max_ms": 19.9}, "max is 20 ms, more than 19.9 ms"),
        ({"count": 19}, "count is 20, not 19"),
        ({"count": between(1, 5)}, "count is 20, not between(1, 5)"),
        ({"p95_ms": 19, "method": "floor-index"}, "p95 is 20 ms, more than 19 ms"),
    ],
)
def test_a_broken_limit_is_named_with_the_figure(limits: dict[str, Any], said: str) -> None:
    """And the slowest record is shown."""
    (finding,) = Latency("db.query", **limits)(TWENTY)

    assert said in finding.message
    assert finding.count == 20
    assert finding.examples[0].text == "slowest: db.query took 20 ms"


def test_all_broken_limits_stand_in_one_line() -> None:
    """Behind the pattern, as the user wrote it."""
    (finding,) = Latency(span("db.query"), count=3, max_ms=1)(TWENTY)

    assert finding.message == (
        "span('db.query'): count is 20, not 3; max is 20 ms, more than 1 ms (20 spans, linear percentiles)"
    )


@pytest.mark.parametrize(
    "name",
    ["db.query", "db.*", span("db.query"), span("db.*"), span("db.query", duration=0.02) | span("db.query")],
)
def test_records_are_picked_by_name_glob_or_pattern(name: Any) -> None:
    """Whatever the pattern does not describe is left out, and so are spans without end."""
    records = [*TWENTY, *spans("other", 500), *spans("db.query", None)]

    assert Latency(name, max_ms=20, count=20)(records) == []


def test_where_nothing_matches_the_limit_is_not_kept() -> None:
    """Unless none is what was asked for."""
    (finding,) = Latency("db.qeury", p95_ms=50)(TWENTY)

    assert finding.message.startswith("db.qeury: nothing matches")
    assert Latency("db.qeury", count=0)(TWENTY) == []


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"pattern": "a"}, ValueError, "nothing to hold: give count"),
        ({"pattern": 5, "max_ms": 1}, TypeError, "5 describes no records"),
        ({"pattern": "a", "max_ms": 1, "method": "median"}, ValueError, "unknown percentile method 'median'"),
    ],
)
def test_misuse_is_named(arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    """When the check is made, not when it runs."""
    with pytest.raises(error, match=said):
        Latency(**arguments)


def test_a_duration_that_no_clock_can_count_does_not_break_the_check() -> None:
    """Whoever wrote it, it is too long."""
    (finding,) = Latency("a", max_ms=1)([Record("span", "a", "a", 1, 2**80)])

    assert finding.count == 1


def test_a_name_means_what_it_means_in_patterns() -> None:
    """Only the asterisk is special."""
    records = spans("load[0]", 3) + spans("load0", 30)

    assert Latency("load[0]", count=1, max_ms=3)(records) == []
    assert Latency("load?", count=0)(records) == []


@pytest.mark.parametrize(
    "pattern",
    [span("a", span("b")), span("a") | span("b", ...), span("a") >> span("b"), span("a") * 2, ~span("a")],
)
def test_a_pattern_that_needs_more_than_one_record_is_refused(pattern: Pattern) -> None:
    """Its inside would be passed over, and several records never match at all."""
    with pytest.raises(TypeError, match="cannot be timed: one record is looked at at a time"):
        Latency(pattern, max_ms=1)


def test_spans_that_are_still_open_are_mentioned() -> None:
    """They do not count, and nothing else would say why none, or fewer, were found."""
    (none,) = Latency("load", max_ms=1)(spans("load", None))
    (few,) = Latency("load", count=2)(spans("load", 3, None, None))

    assert none.message == "load: nothing that matches has ended (0 spans, 1 still open, linear percentiles)"
    assert few.message == "load: count is 1, not 2 (1 span, 2 still open, linear percentiles)"
