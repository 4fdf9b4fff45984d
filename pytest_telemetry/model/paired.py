"""The arithmetic of paired measurements: log ratios, their median, and how far it can be trusted (layer 0)."""

from __future__ import annotations

import math
import statistics
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("as_fraction", "log_ratios", "median", "median_interval")


def log_ratios(now: Sequence[float], baseline: Sequence[float]) -> list[float]:
    """Return ln(now / baseline) of each pair.

    Logarithms, because twice as slow and twice as fast are then equally far from 0, and steps add up.

    Raises:
        ValueError: There are not as many of the one as of the other, or a measurement is not above 0.
    """
    if len(now) != len(baseline):
        raise ValueError(
            f"pairs are needed, not {len(now):,} measurements and {len(baseline):,} of the baseline"
        )
    for place, pair in enumerate(zip(now, baseline, strict=True), 1):
        if not all(0 < value < math.inf for value in pair):
            raise ValueError(f"pair {place:,} has no ratio: {pair[0]!r} to {pair[1]!r}")
    return [math.log(one / other) for one, other in zip(now, baseline, strict=True)]


def median(values: Sequence[float]) -> float:
    """Return the value that as many lie below as above.

    Raises:
        ValueError: There are no values, or one of them is no number.
    """
    return statistics.median(_ordered(values))


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return an interval that covers the true median with at least *confidence*, whatever the distribution.

    Its ends are order statistics, the innermost pair of them that is enough: of 9 values the second and the eighth
    (96.1 %). Where even the smallest and the largest are not enough (for 95 %, fewer than 6 values), they are the
    interval, and it covers less than was asked.

    Raises:
        ValueError: There are no values, one of them is no number, or *confidence* is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence!r}")
    ordered = _ordered(values)
    count = len(ordered)
    # Exact, in whole numbers: of 2**count equally likely ways to lie around the median, so many may be left out.
    allowed = math.floor((1 - Fraction(confidence)) / 2 * 2**count)
    rank, ways, outside = 0, 1, 1
    while 2 * rank < count - 1:
        ways = ways * (count - rank) // (rank + 1)
        outside += ways
        if outside > allowed:
            break
        rank += 1
    return ordered[rank], ordered[-1 - rank]


def as_fraction(log_ratio: float) -> float:
    """Return by what share something grew: 0.1 for ln 1.1."""
    return math.expm1(log_ratio)


def _ordered(values: Sequence[float]) -> list[float]:
    if not values:
        raise ValueError("no values have no median")
    if any(math.isnan(value) for value in values):
        raise ValueError("a value is no number, so there is no median")
    return sorted(values)
