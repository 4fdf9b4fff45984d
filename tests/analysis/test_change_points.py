"""Where a series changed its level: rates over seeded series, and exact answers."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.analysis.change_points import FEWEST, ChangePoint, change_points

RUNS = 60


def noise(seed: int, outliers: float = 0.03) -> list[float]:
    """Return runs of the same code, which differ by 0.5 to 1 %; a rare one is several percent off."""
    rng = random.Random(seed)
    deviation = rng.uniform(0.005, 0.01)
    values = []
    for _ in range(RUNS):
        value = rng.gauss(0, deviation)
        if rng.random() < outliers:
            value += rng.choice((-1, 1)) * rng.uniform(0.03, 0.12)
        values.append(value)
    return values


def stepped(values: list[float], at: int, by: float) -> list[float]:
    return [value + (by if place >= at else 0) for place, value in enumerate(values)]


def test_noise_has_no_change_points() -> None:
    """In at least 99 % of 500 series with rare outliers."""
    found = [change_points(noise(seed)) for seed in range(500)]

    assert sum(not points for points in found) >= 495


def test_a_step_of_five_percent_is_found_where_it_is() -> None:
    """Within two runs of its place in at least 99 % of 500 series, wherever it is."""
    hits = 0
    for seed in range(500):
        place = random.Random(10_000 + seed).randrange(2 * FEWEST, RUNS - 2 * FEWEST)
        points = change_points(stepped(noise(seed), place, 0.05))
        hits += any(abs(point.index - place) <= 2 for point in points)

    assert hits >= 495


def test_a_step_is_told_with_both_levels() -> None:
    """Medians, as log ratios."""
    assert change_points([0.0] * 10 + [0.05] * 6) == [ChangePoint(10, 0.0, 0.05)]


def test_what_becomes_faster_again_has_two_change_points() -> None:
    """The second level ends where the third begins."""
    values = [0.0] * 10 + [0.08] * 7 + [0.001] * 9

    assert change_points(values) == [ChangePoint(10, 0.0, 0.08), ChangePoint(17, 0.08, 0.001)]


def test_a_change_is_seen_once_it_has_lasted() -> None:
    """Four runs are a level, half as many may be a bad morning."""
    assert change_points([0.0] * 12 + [0.05] * (FEWEST // 2)) == []
    assert change_points([0.0] * 12 + [0.05] * FEWEST) == [ChangePoint(12, 0.0, 0.05)]


@pytest.mark.parametrize("count", range(2 * FEWEST))
def test_a_short_series_has_no_change_points(count: int) -> None:
    """There is not room for two levels."""
    assert change_points([place * 0.5 for place in range(count)]) == []


@given(
    seed=st.integers(0, 499),
    first=st.integers(0, RUNS - 2),
    size=st.floats(-1, 1),
    neighbours=st.booleans(),
)
def test_outliers_are_no_change(seed: int, first: int, size: float, neighbours: bool) -> None:
    """One, or two in a row, however far off."""
    values = noise(seed, outliers=0)
    for place in (first, first + neighbours):
        values[place] = size

    assert change_points(values) == []


def test_a_step_that_is_too_small_to_matter_is_not_told() -> None:
    """However clear it is; the larger one beside it keeps its levels."""
    values = [0.0] * 20 + [0.01] * 20 + [0.06] * 20

    assert change_points(values) == [ChangePoint(40, 0.005, 0.06)]
    assert [point.index for point in change_points(values, least=0.005)] == [20, 40]


def test_a_slow_creep_is_told_step_by_step() -> None:
    """Each step is below the threshold of the gate, and together they are not."""
    values = [value + 0.03 * (place // 15) for place, value in enumerate(noise(3, outliers=0))]

    points = change_points(values)

    assert [point.index for point in points] == pytest.approx([15, 30, 45], abs=2)
    assert points[-1].after - points[0].before == pytest.approx(0.09, abs=0.01)


@pytest.mark.parametrize("gap", [math.nan, math.inf])
def test_a_gap_is_refused(gap: float) -> None:
    """A run that measured nothing has no level."""
    with pytest.raises(ValueError, match="leave out the runs that measured nothing"):
        change_points([0.0] * 10 + [gap])
