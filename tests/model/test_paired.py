"""The arithmetic of paired measurements, against scipy and against definitions."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.paired import as_fraction, log_ratios, median, median_interval

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


def test_ratios_are_logarithms() -> None:
    """Twice as slow and twice as fast are equally far from nothing."""
    assert log_ratios([200.0, 50.0, 7.0], [100.0, 100.0, 7.0]) == pytest.approx(
        [math.log(2), -math.log(2), 0]
    )


def test_as_a_fraction_a_ratio_is_what_is_added() -> None:
    """Of ln 1.1 that is a tenth."""
    assert as_fraction(math.log(1.1)) == pytest.approx(0.1)
    assert as_fraction(0.0) == 0


def test_what_is_no_pair_is_refused() -> None:
    """A measurement without its partner would shift all that follow."""
    with pytest.raises(ValueError, match="not 2 measurements and 1 of the baseline"):
        log_ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize("pair", [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (math.nan, 1.0), (1.0, math.inf)])
def test_a_measurement_that_has_no_ratio_is_refused(pair: tuple[float, float]) -> None:
    """Neither nothing nor less, and the text says where."""
    with pytest.raises(ValueError, match="pair 2 has no ratio"):
        log_ratios([1.0, pair[0]], [1.0, pair[1]])


def test_nothing_has_no_ratios() -> None:
    """No pairs are no error yet: the median of their ratios is."""
    assert log_ratios([], []) == []


@pytest.mark.parametrize("compute", [median, median_interval])
def test_nothing_has_no_median(compute: Callable[[Sequence[float]], object]) -> None:
    """Never 0, never a placeholder."""
    with pytest.raises(ValueError, match="no values"):
        compute([])


@pytest.mark.parametrize("compute", [median, median_interval])
def test_what_is_no_number_has_no_median(compute: Callable[[Sequence[float]], object]) -> None:
    """A NaN sorts anywhere, so that any median could come out."""
    with pytest.raises(ValueError, match="no number"):
        compute([1.0, math.nan, 2.0])


def test_the_median_is_not_moved_by_outliers() -> None:
    """Up to half of the values may be anything."""
    assert median([1.0, 1e9, 2.0, -1e9, 3.0]) == 2.0
    assert median([4.0, 1.0]) == 2.5


def test_the_interval_of_nine_goes_from_the_second_to_the_eighth() -> None:
    """The order in which they come does not matter."""
    values = [9.0, 2.0, 8.0, 4.0, 1.0, 6.0, 3.0, 7.0, 5.0]

    assert median_interval(values) == (2.0, 8.0)


@pytest.mark.parametrize("count", range(1, 6))
def test_of_few_values_the_extremes_are_the_interval(count: int) -> None:
    """Fewer than six cannot give 95 %, whichever are taken."""
    assert median_interval(range(count)) == (0, count - 1)


def test_six_values_are_the_first_to_be_enough() -> None:
    """Their extremes cover 96.9 %; of eight the extremes are still needed, for the next pair covers 93 %."""
    stats = pytest.importorskip("scipy.stats")

    covered = {count: 1 - 2 * stats.binom.cdf(0, count, 0.5) for count in (5, 6)}

    assert covered[5] < 0.95 < covered[6]
    assert median_interval(range(6)) == (0, 5)
    assert median_interval(range(8)) == (0, 7)


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.9875, 0.99])
def test_the_interval_agrees_with_scipy(confidence: float) -> None:
    """For all lengths for which there is one of that confidence."""
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(1)

    for count in itertools.chain(range(2, 60), (199, 200, 1_001)):
        values = [rng.gauss(0, 1) for _ in range(count)]
        expected = stats.quantile_test(values, q=0, p=0.5).confidence_interval(confidence)
        ends = (min(values), max(values)) if math.isnan(expected.low) else (expected.low, expected.high)
        assert median_interval(values, confidence) == ends


@given(numbers)
def test_the_median_lies_in_its_interval(values: list[float]) -> None:
    """And both lie between the extremes."""
    low, high = median_interval(values)

    assert min(values) <= low <= median(values) <= high <= max(values)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Of nine values with a skewed distribution, whose true median is ln 2, in 96.1 % of 4,000 samples."""
    rng = random.Random(7)

    intervals = [median_interval([rng.expovariate(1) for _ in range(9)]) for _ in range(4_000)]

    share = sum(low <= math.log(2) <= high for low, high in intervals) / len(intervals)
    assert share == pytest.approx(0.961, abs=0.009)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_is_a_share(confidence: float) -> None:
    """A percentage is none."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        median_interval([1.0], confidence)
