"""Where a series of measurements changed its level (layer 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heappush, heappushpop
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.paired import median

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ("FEWEST", "ChangePoint", "change_points")

FEWEST: Final = 4
"""How many runs a level has to last: among four, two outliers do not decide where the median is."""

_PENALTY: Final = 3.0
_NORMAL: Final = 0.6745 * math.sqrt(2)
"""The median of the distance of two values of normal noise, in standard deviations."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A place where the level changed.

    Attributes:
        index: The first run at the new level, counted from 0.
        before: Median of the level before.
        after: Median of the level that begins here.
    """

    index: int
    before: float
    after: float


def change_points(values: Sequence[float], *, least: float = 0.015) -> list[ChangePoint]:
    """Return where the level of *values* changed, in order.

    Meant for log ratios to a baseline, one of each stored run, oldest first. The series is cut into levels so that
    the distances to their medians, in units of the noise, and a price for each cut are smallest together. Distances
    are not squared, so that an outlier counts for what it is; the noise is taken from neighbours, so that a step
    does not count as noise. The answer is the same every time; the time it takes grows with the square of the length.

    A level lasts at least `FEWEST` runs, so that fewer than twice as many runs have no change point, and a change is
    seen that many runs after it came; one before if it is so large that most of a level is enough.

    Args:
        values: The series.
        least: The smallest step that is told.

    Raises:
        ValueError: A value is no finite number.
    """
    if not all(math.isfinite(value) for value in values):
        raise ValueError("a series with a gap has no levels: leave out the runs that measured nothing")
    if len(values) < 2 * FEWEST:
        return []
    cuts = _cuts(values, _PENALTY * math.log(len(values)) * _noise(values))
    while True:
        ends = [0, *cuts, len(values)]
        levels = [median(values[begin:end]) for begin, end in pairwise(ends)]
        steps = [abs(after - before) for before, after in pairwise(levels)]
        if not steps or min(steps) >= least:
            return [ChangePoint(*found) for found in zip(cuts, levels, levels[1:], strict=False)]
        del cuts[steps.index(min(steps))]


def _noise(values: Sequence[float]) -> float:
    """Return the standard deviation of the noise, which neither steps nor outliers change much."""
    distances = [abs(after - before) for before, after in pairwise(values)]
    return median(distances) / _NORMAL


def _cuts(values: Sequence[float], price: float) -> list[int]:
    """Return where to cut *values* so that the distances to the medians, and the price of the cuts, are smallest."""
    count = len(values)
    cheapest = [-price, *[math.inf] * count]
    came_from = [0] * (count + 1)
    for begin in range(count - FEWEST + 1):
        for length, distance in enumerate(_distances(values[begin:]), 1):
            total = cheapest[begin] + price + distance
            if length >= FEWEST and total < cheapest[begin + length]:
                cheapest[begin + length], came_from[begin + length] = total, begin
    cuts = []
    place = came_from[count]
    while place:
        cuts.append(place)
        place = came_from[place]
    return cuts[::-1]


def _distances(values: Sequence[float]) -> Iterator[float]:
    """Yield, for each beginning of *values*, the sum of the distances to its median."""
    low: list[float] = []  # the lower half, negated, and
    high: list[float] = []  # the upper half: both have the median on top
    below = above = 0.0
    for value in values:
        if len(low) == len(high):
            moved = heappushpop(high, value)
            above += value - moved
            heappush(low, -moved)
            below += moved
        else:
            moved = -heappushpop(low, -value)
            below += value - moved
            heappush(high, moved)
            above += moved
        yield above - below - low[0] * (len(low) - len(high))
