"""Percentiles that say how they were computed (layer 0)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = (
    "METHODS",
    "Method",
    "Summary",
    "percentile",
    "percentile_of_sorted",
    "summarise",
    "summary_ms",
)

Method: TypeAlias = Literal["linear", "nearest-rank", "floor-index"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a set of measurements comes to; the percentiles are None where the set is empty.

    Attributes:
        count: How many measurements there are.
        p50: The median, by `method`.
        p95: The 95th percentile, by `method`.
        max: The largest.
        method: How the percentiles were computed.
    """

    count: int
    p50: float | None
    p95: float | None
    max: float | None
    method: Method


def percentile(values: Iterable[float], q: float, method: Method = "linear") -> float | None:
    """Return the *q*-th quantile (0 to 1) of *values* in any order, or None if there are none.

    ``linear`` interpolates between the two neighbours (Hyndman and Fan's type 7, what
    ``statistics.quantiles(method="inclusive")`` computes). ``nearest-rank`` and ``floor-index`` return a value
    that was measured: the smallest one that at least the share *q* does not exceed, and ``sorted[int(n * q)]``,
    which is what many home-made summaries hold.

    Raises:
        ValueError: *q* is outside 0 to 1, or *method* is unknown.
    """
    return percentile_of_sorted(sorted(values), q, method)


def percentile_of_sorted(values: Sequence[float], q: float, method: Method = "linear") -> float | None:
    """Return what `percentile` returns, for values that are in ascending order already.

    Raises:
        ValueError: *q* is outside 0 to 1, or *method* is unknown.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"a quantile lies between 0 and 1, not at {q!r} (0.95 is the 95th percentile)")
    if method not in METHODS:
        raise ValueError(f"unknown percentile method {method!r}: use one of {', '.join(METHODS)}")
    if not values:
        return None
    last = len(values) - 1
    # 0.95 is not a binary fraction: in floats, 0.07 * 100 is more than 7 and would move the rank by one.
    share = Fraction(q).limit_denominator(1_000_000)
    if method == "nearest-rank":
        return values[max(math.ceil(share * len(values)) - 1, 0)]
    if method == "floor-index":
        return values[min(math.floor(share * len(values)), last)]
    below, fraction = divmod(share * last, 1)
    low, high = values[int(below)], values[min(int(below) + 1, last)]
    return low if low == high else low + (high - low) * float(fraction)


def summarise(values: Iterable[float], method: Method = "linear") -> Summary:
    """Return count, median, 95th percentile and maximum of *values*.

    Raises:
        ValueError: *method* is unknown.
    """
    ordered = sorted(values)
    return Summary(
        count=len(ordered),
        p50=percentile_of_sorted(ordered, 0.5, method),
        p95=percentile_of_sorted(ordered, 0.95, method),
        max=ordered[-1] if ordered else None,
        method=method,
    )


def summary_ms(
    ordered_ns: Sequence[int], method: Method = "linear", percents: Sequence[int] = (50, 95)
) -> dict[str, Any]:
    """Return ``count``, ``pNN_ms`` for each of *percents*, ``max_ms`` and ``method`` of durations in ascending order.

    Milliseconds are rounded to whole nanoseconds; None where there are no durations.

    Raises:
        ValueError: *method* is unknown.
    """
    figures: dict[str, float | None] = {
        f"p{percent}_ms": percentile_of_sorted(ordered_ns, percent / 100, method) for percent in percents
    }
    figures["max_ms"] = ordered_ns[-1] if ordered_ns else None
    return {
        "count": len(ordered_ns),
        **{name: None if value is None else round(value / 1e6, 6) for name, value in figures.items()},
        "method": method,
    }
