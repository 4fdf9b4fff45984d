"""Summaries against their events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_telemetry.checks import Percentiles
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.stats import METHODS, Method, summary_ms

MS = 1_000_000
RECORDS = [Record("span", "a", "a", 1, ms * MS, run_id="r1") for ms in (10, 20, 40, 80)] + [
    Record("span", "b", "b", 1, 7 * MS, run_id="r2"),
    Record("event", "a", "a", 1, run_id="r1"),
]


def texts(summary: dict[str, Any], records: list[Record] = RECORDS, **options: Any) -> list[str]:
    found = Percentiles(summary, **options)(records)
    return [example.text for finding in found for example in finding.examples]


@pytest.mark.parametrize(
    "figures",
    [
        {"count": 4},
        {"p50_ms": 30},
        {"p50_ms": 30.0},
        {"p95_ms": 74.0},
        {"p95_ms": 74},
        {"p25_ms": 17.5, "p99_ms": 78.8, "p99.9_ms": 79.88, "p100_ms": 80.0},
        {"min_ms": 10, "max_ms": 80.0},
        {"count": 4, "average": 12, "note": "x"},
    ],
)
def test_a_figure_reproduces_to_the_digits_it_states(figures: dict[str, Any]) -> None:
    """Rounding is not a lie; what is no figure is not judged."""
    assert texts({"latencies": {"a": figures}}) == []
    assert texts({"a": figures}) == []


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=6).map(sorted), st.sampled_from([*METHODS]))
@example([15526734, 15526735], "linear")
def test_whatever_we_sum_up_reproduces(durations: list[int], method: Method) -> None:
    """Also a median that lies halfway between two nanoseconds, and was rounded to one of them."""
    records = [Record("span", "a", "a", 1, duration) for duration in durations]

    assert texts({"a": summary_ms(durations, method)}, records, method=method) == []


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"count": 5}, "a: the summary says count = 5, the events give 4"),
        ({"p50_ms": 29}, "a: the summary says p50_ms = 29, the events give 30"),
        ({"p95_ms": 74.1}, "a: the summary says p95_ms = 74.1, the events give 74"),
        (
            {"p50_ms": 40.0},
            "a: the summary says p50_ms = 40.0, the events give 30; floor-index would give it",
        ),
        ({"p50_ms": 20}, "a: the summary says p50_ms = 20, the events give 30; nearest-rank would give it"),
        ({"max_ms": None}, "a: the summary says max_ms = None, the events give 80"),
        ({"max_ms": float("nan")}, "a: the summary says max_ms = nan, the events give 80"),
    ],
)
def test_a_figure_that_does_not_reproduce_is_named(figures: dict[str, Any], said: str) -> None:
    """With what the events give, and the method that would give what is stated."""
    assert texts({"latencies": {"a": figures}}) == [said]


def test_figures_without_events_do_not_follow_from_them() -> None:
    """An empty set has a count of 0 and no percentile."""
    assert texts({"latencies": {"gone": {"count": 0, "p50_ms": None}}}) == []
    assert texts({"latencies": {"gone": {"p50_ms": 0}}}) == [
        "gone: the summary says p50_ms = 0, the events give none"
    ]


def test_findings_count_figures_by_command() -> None:
    """The method is stated."""
    (finding, _) = Percentiles({"latencies": {"a": {"count": 1, "max_ms": 1, "p50_ms": 30}}})(RECORDS)

    assert (finding.count, finding.level, finding.by_command) == (2, "error", {"a": 2})
    assert (
        finding.message == "2 of 3 figures of the summary do not follow from the events (linear percentiles)"
    )


def test_only_the_run_of_the_summary_counts() -> None:
    """A log holds many runs, a summary one."""
    summary = {"run_id": "r2", "latencies": {"a": {"count": 0}, "b": {"count": 1}}}

    assert Percentiles(summary)(RECORDS) == []
    (finding, _) = Percentiles({"run_id": "r1", "latencies": {"b": {"count": 1}}})(RECORDS)
    assert "from the events of run r1" in finding.message


def test_commands_that_the_summary_leaves_out_are_mentioned() -> None:
    """Which is no reason to fail."""
    (finding,) = Percentiles({"latencies": {"b": {"count": 1}}})(RECORDS)

    assert (finding.level, finding.count) == ("info", 1)
    assert finding.message == "the summary leaves out 1 command with timings: a"


@pytest.mark.parametrize(
    "summary",
    [{}, {"latencies": {}}, {"latencies": []}, {"latencies": {"a": {"p50": 1}}}, {"a": {"count": True}}, []],
)
def test_a_summary_without_figures_is_refused(summary: Any) -> None:
    """It would pass vacuously."""
    with pytest.raises(ValueError, match=r"summary (maps|holds no)"):
        Percentiles(summary)


def test_an_unknown_method_is_refused() -> None:
    """Not silently taken for another."""
    with pytest.raises(ValueError, match="unknown percentile method 'mean'"):
        Percentiles({"a": {"count": 1}}, method="mean")  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize("stated", [10**400, -(10**400), 4.2])
@pytest.mark.parametrize("figure", ["count", "p50_ms"])
def test_a_figure_beyond_every_float_is_only_wrong(figure: str, stated: float) -> None:
    """A count is exact; no figure ends the check."""
    records = [Record("span", "load", "load", 0, 4_000_000)]

    (finding,) = Percentiles({"load": {figure: stated}})(records)

    assert finding.count == 1
