"""What a metric measured over a recording."""

from __future__ import annotations

import re
import statistics
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.pattern import metric, span
from pytest_telemetry.model.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Records]


@pytest.fixture
def rows(recorded: Make) -> Records:
    """Two series of one counter."""
    return recorded(
        metric("rows.read", 4, format="csv"),
        span("etl", metric("rows.read", 6, {"http.method": "GET"}, format="csv")),
        metric("rows.read", 3, format="json"),
        metric("rows.written", 1),
    )


def test_counters_are_summed_over_all_series(rows: Records) -> None:
    """Attributes select series; without any all of them count."""
    assert rows.metric("rows.read") == 13
    assert rows.metric("rows.read", format="csv") == 10
    assert rows.metric("rows.read", {"http.method": "GET"}) == 6
    assert rows.metric("rows.read", {"format": "csv"}, {"http.method": "GET"}).values == (6,)
    assert rows.metric("rows.*") == 14
    assert rows["etl"].metric("rows.read") == 6


def test_a_metric_gives_its_measurements(rows: Records) -> None:
    """Single values, in the order in which they were measured."""
    read = rows.metric("rows.read")

    assert (read.values, read.count, read.last, read.min, read.max, read.total) == ((4, 6, 3), 3, 3, 3, 6, 13)


def test_a_gauge_is_its_last_value(recorded: Make) -> None:
    """A gauge says how much there is; two readings do not add up."""
    depth = recorded(metric("depth", 5), metric("depth", 2), instrument="gauge").metric("depth")

    assert depth == 2
    assert (depth.min, depth.max, depth.last) == (2, 5, 2)
    with pytest.raises(TypeError, match=r"depth is a gauge and is never summed; use \.last"):
        depth.total  # noqa: B018 - reading it is the act


def test_a_measurement_without_an_instrument_counts_as_a_gauge(recorded: Make) -> None:
    """Values that are no numbers are kept as they are."""
    assert recorded(metric("mode", "fast"), metric("mode", "slow"), instrument=None).metric("mode") == "slow"


def test_up_and_down_counters_are_summed(recorded: Make) -> None:
    """What goes up and down again is back at nothing."""
    assert recorded(metric("open", 1), metric("open", -1), instrument="updowncounter").metric("open") == 0


def test_a_histogram_has_no_single_value(recorded: Make) -> None:
    """The text says what can be compared instead."""
    latency = recorded(metric("latency", 1.0), metric("latency", 3.0), instrument="histogram").metric(
        "latency"
    )

    assert (latency.count, latency.total, latency.quantile(0.5)) == (2, 4.0, 2.0)
    with pytest.raises(TypeError, match=r"latency is a histogram and has no single value; compare \.count"):
        assert latency == 4


def test_a_gauge_wins_over_a_counter_of_the_same_name(recorded: Make) -> None:
    """A sum over both would mean nothing."""
    both = recorded(metric("mixed", 5), metric("mixed", 2))
    both[1].instrument = "gauge"

    assert both.metric("mixed") == 2


@pytest.mark.parametrize(
    ("compare", "outcome"),
    [
        (lambda m: m == 10, True),
        (lambda m: m == 11, False),
        (lambda m: m != 11, True),
        (lambda m: m != 10, False),
        (lambda m: m < 11, True),
        (lambda m: m < 10, False),
        (lambda m: m <= 10, True),
        (lambda m: m <= 9, False),
        (lambda m: m > 9, True),
        (lambda m: m > 10, False),
        (lambda m: m >= 10, True),
        (lambda m: m >= 11, False),
        (lambda m: m == pytest.approx(10.0), True),
        (lambda m: m == pytest.approx(10.1), False),
        (lambda m: m == m, True),  # noqa: PLR0124 - metrics are compared by value
        (lambda m: m < m, False),  # noqa: PLR0124 - metrics are compared by value
        (lambda m: 10 == m, True),  # noqa: SIM300 - the other side
        (lambda m: 9 < m, True),  # noqa: SIM300 - the other side
        (bool, True),
    ],
)
def test_a_metric_compares_as_its_value(rows: Records, compare: Callable[[Any], bool], outcome: bool) -> None:
    """Every comparison of numbers works, from both sides."""
    read = rows.metric("rows.read", format="csv")

    assert bool(compare(read)) is outcome


@pytest.mark.parametrize("name", ["row.read", "rows.read"])
def test_what_was_never_recorded_is_none_and_passes_no_comparison(rows: Records, name: str) -> None:
    """A misspelt name or attribute must not turn an assertion green."""
    never = rows.metric(name, format="xml")

    assert (never.value, never.total, never.last, never.min, never.max, never.count) == (
        None,
        None,
        None,
        None,
        None,
        0,
    )
    assert never.quantile(0.5) is None
    assert never == None  # noqa: E711 - the comparison is the subject
    assert not (never == 0 or never < 1 or never <= 0 or never > -1 or never >= 0 or bool(never))
    with pytest.raises(
        AssertionError, match=rf"{name}\{{format=xml\}} was never recorded, so it cannot be told from 3"
    ):
        assert never != 3


def test_a_value_is_never_above_or_below_nothing(rows: Records) -> None:
    """Comparing with a metric that was never recorded is false, not an error."""
    assert not rows.metric("rows.read") > rows.metric("typo")


@pytest.mark.parametrize(
    ("attrs", "text"),
    [
        ({}, "rows.read"),
        ({"format": "csv"}, "rows.read{format=csv}"),
        ({"format": "csv", "n": 1}, "rows.read{format=csv,n=1}"),
    ],
)
def test_a_metric_is_shown_as_a_series(rows: Records, attrs: dict[str, Any], text: str) -> None:
    """The repr is short, since it heads the failure text."""
    assert repr(rows.metric("rows.read", attrs)) == text


@given(st.lists(st.integers(-1000, 1000), min_size=2), st.integers(1, 99))
def test_quantiles_are_interpolated_linearly(values: list[int], percent: int) -> None:
    """They are those that the standard library computes inclusively."""
    from pytest_telemetry.model.record import Record

    records = Records(
        [Record("metric", "m", "m", i, value=v, instrument="gauge") for i, v in enumerate(values)]
    )

    expected = statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
    assert records.metric("m").quantile(percent / 100) == pytest.approx(expected)


def test_a_quantile_is_no_percentage(rows: Records) -> None:
    """The usual slip, 95 for 0.95, is named."""
    with pytest.raises(ValueError, match="a quantile lies between 0 and 1"):
        rows.metric("rows.read").quantile(95)


def test_a_metric_may_be_chosen_by_an_expression(rows: Records) -> None:
    """What no text is, is shown as it was written."""
    metric = rows.metric(re.compile("^rows[.]"), format="csv")

    assert metric.count > 0
    assert repr(metric) == "re.compile('^rows[.]'){format=csv}"
