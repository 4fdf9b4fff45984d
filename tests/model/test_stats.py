"""Percentiles against the standard library and against definitions."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.stats import METHODS, Method, percentile, percentile_of_sorted, summarise

numbers = st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=60)
shares = st.integers(1, 99)


@given(numbers, shares)
def test_linear_agrees_with_the_inclusive_quantiles_of_the_standard_library(
    values: list[int], share: int
) -> None:
    """Type 7 is what ``statistics.quantiles(method="inclusive")`` computes."""
    expected = statistics.quantiles(values, n=100, method="inclusive")[share - 1]

    assert percentile(values, share / 100) == pytest.approx(expected, rel=1e-12, abs=1e-6)


@given(numbers, shares)
def test_nearest_rank_is_the_smallest_value_that_covers_the_share(values: list[int], share: int) -> None:
    """No smaller measured value has at least the share of measurements at or below it."""
    result = percentile(values, share / 100, "nearest-rank")

    covered = [
        value for value in sorted(values) if sum(v <= value for v in values) * 100 >= share * len(values)
    ]
    assert result == covered[0]


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_floor_index_reproduces_the_float_formula_of_older_summaries(share: float) -> None:
    """``sorted[int(n * p)]``, computed in floats there and exactly here, picks the same value."""
    for count in range(1, 5_000):
        values = range(count)
        assert percentile_of_sorted(values, share, "floor-index") == values[int(count * share)]


def test_the_methods_differ_as_documented() -> None:
    """For 1 to 100, the older formula is one rank too high, and linear lies between ranks."""
    values = list(range(1, 101))

    assert [percentile(values, 0.95, method) for method in METHODS] == [95.05, 95, 96]
    assert percentile([10, 20], 0.5, "floor-index") == 20
    assert percentile([10, 20], 0.5) == 15


def test_a_share_that_is_no_binary_fraction_keeps_its_rank() -> None:
    """0.07 * 100 is 7.000000000000001 in floats; the rank is 7 all the same."""
    assert percentile(range(1, 101), 0.07, "nearest-rank") == 7


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_set_has_no_percentile(method: Method) -> None:
    """Never 0, never a placeholder."""
    summary = summarise([], method)

    assert (summary.count, summary.p50, summary.p95, summary.max) == (0, None, None, None)


@pytest.mark.parametrize("method", METHODS)
def test_one_measurement_is_every_percentile(method: Method) -> None:
    """With one value there is nothing else to be."""
    assert {percentile([7], q, method) for q in (0, 0.5, 0.95, 1)} == {7}


def test_a_summary_takes_values_in_any_order_and_states_its_method() -> None:
    """The values need not be sorted."""
    summary = summarise([3, 1, 2], "nearest-rank")

    assert (summary.count, summary.p50, summary.p95, summary.max) == (3, 2, 3, 3)
    assert summary.method == "nearest-rank"


@pytest.mark.parametrize(
    ("q", "method", "said"),
    [(95, "linear", "between 0 and 1, not at 95"), (0.5, "median", "unknown percentile method 'median'")],
)
def test_misuse_is_named(q: float, method: Method, said: str) -> None:
    """A percentage is no quantile, and a method has a name."""
    with pytest.raises(ValueError, match=said):
        percentile([1], q, method)
