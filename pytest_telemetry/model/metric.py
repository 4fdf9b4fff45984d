"""The Metric: what a metric measured over a recording, compared as a plain number (layer 0)."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_telemetry.model.stats import percentile
from pytest_telemetry.model.values import agrees
from pytest_telemetry.model.wording import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.records import Records

__all__ = ("Metric",)


class Metric:
    """The change of a metric since the recording began, over all series that have the given attributes.

    Compares as its `value`. Nothing compares as true with a metric that was never recorded, apart from
    ``== None``; ``!=`` refuses to judge it.

    Args:
        records: Where to look.
        name: Text, a glob, or a compiled expression.
        attrs: What the series must have; a subset.

    Attributes:
        records: Where it looked.
        name: As given.
        attrs: As given.
        measured: The measurements it found, in start order.
    """

    __slots__ = ("attrs", "measured", "name", "records")
    __hash__: ClassVar[None]  # type: ignore[assignment]  # equality is by value

    def __init__(self, records: Records, name: Any, attrs: Mapping[str, Any]) -> None:
        self.records = records
        self.name = name
        self.attrs = dict(attrs)
        self.measured: tuple[Record, ...] = tuple(
            record
            for record in records.named("metric", name)
            if all(
                key in record.attrs and agrees(value, record.attrs[key]) for key, value in self.attrs.items()
            )
        )

    @property
    def values(self) -> tuple[Any, ...]:
        """Every value that was measured, in order."""
        return tuple(record.value for record in self.measured)

    @property
    def count(self) -> int:
        """How many measurements there are."""
        return len(self.measured)

    @property
    def last(self) -> Any:
        """The value measured last; None without measurements."""
        return self.measured[-1].value if self.measured else None

    @property
    def min(self) -> Any:
        """The smallest value; None without measurements."""
        return min(self.values, default=None)

    @property
    def max(self) -> Any:
        """The largest value; None without measurements."""
        return max(self.values, default=None)

    @property
    def total(self) -> Any:
        """The sum of all measurements; None without measurements.

        Raises:
            TypeError: It is a gauge, which says how much there is and is never summed.
        """
        if not self.measured:
            return None
        if self.instrument == "gauge":
            raise TypeError(f"{self!r} is a gauge and is never summed; use .last, .min, .max or .values")
        return sum(self.values)

    @property
    def instrument(self) -> str | None:
        """How the measurements add up; None without measurements.

        Where instruments of one name disagree, a histogram comes before a gauge, and a gauge before a counter.
        """
        found = {record.instrument or "gauge" for record in self.measured}
        return next(
            (known for known in ("histogram", "gauge", "updowncounter", "counter") if known in found), None
        )

    @property
    def value(self) -> Any:
        """What comparisons use: the sum for counters, the last value for gauges, None without measurements.

        Raises:
            TypeError: It is a histogram, which has no single value.
        """
        if self.instrument == "histogram":
            raise TypeError(
                f"{self!r} is a histogram and has no single value; compare .count, .total, .min, .max, .values "
                "or .quantile(0.95)"
            )
        return self.last if self.instrument == "gauge" else self.total

    def quantile(self, q: float) -> float | None:
        """Return the *q* quantile, interpolated linearly (Hyndman-Fan type 7); None without measurements.

        Raises:
            ValueError: *q* is not between 0 and 1.
        """
        return percentile(self.values, q)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == (other.value if isinstance(other, Metric) else other))

    def __ne__(self, other: object) -> bool:
        if not self.measured and other is not None:
            __tracebackhide__ = True
            raise AssertionError(f"{self!r} was never recorded, so it cannot be told from {brief(other)}")
        return not self == other

    def __lt__(self, other: object) -> bool:
        return self._compare(operator.lt, other)

    def __le__(self, other: object) -> bool:
        return self._compare(operator.le, other)

    def __gt__(self, other: object) -> bool:
        return self._compare(operator.gt, other)

    def __ge__(self, other: object) -> bool:
        return self._compare(operator.ge, other)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __repr__(self) -> str:
        series = ",".join(
            f"{key}={value if isinstance(value, str) else brief(value)}" for key, value in self.attrs.items()
        )
        name = self.name if isinstance(self.name, str) else brief(self.name)
        return f"{name}{{{series}}}" if series else name

    def _compare(self, compare: Callable[[Any, Any], Any], other: object) -> bool:
        against = other.value if isinstance(other, Metric) else other
        return bool(self.measured) and against is not None and bool(compare(self.value, against))
