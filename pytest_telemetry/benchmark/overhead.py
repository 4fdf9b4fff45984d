"""What telemetry adds to work: the two timed in pairs, with three outcomes (layer 2)."""

from __future__ import annotations

from math import ceil, expm1, log1p
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.errors import Undecided
from pytest_telemetry.model.paired import log_ratios, median, median_interval
from pytest_telemetry.model.wording import moved, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.benchmark.pairs import Pairs

__all__ = ("Overhead",)

_TIMES: Final = 2  # pairs of a first measurement, in those that a benchmark takes
_ATTEMPTS: Final = 4
_CONFIDENCE: Final = 1 - 0.05 / _ATTEMPTS
"""Of each interval: all that are looked at, until one decides, hold what is true in this process with at least 95 %."""

PROCESS: Final = 0.01
"""How far nearly all processes that time the same code lie apart: no interval of one is narrower on each side.

The gate takes twice as much: it compares two copies of a package, and these lie in different places in memory as well.
"""


class Overhead:
    """How much more work costs than the same work without telemetry, as a fraction of the latter.

    Comparing it with a bound is the test: ``assert overhead < 0.05``. True and False mean that its whole interval
    lies on one side of the bound. Where the bound lies within it more is measured, up to four times as much; if
    that does not help, the comparison raises `Undecided`, which fails the test and says what it would take.

    Attributes:
        counters: What was counted of one operation, without and with telemetry, where the two differ.
        without_ns: Cost of one operation without telemetry, in ns: its fastest block, net of the loop.
        with_ns: The same with telemetry.
        blocks: Durations of the first blocks with telemetry, in ns.
    """

    def __init__(self, pairs: Pairs) -> None:
        self.counters: dict[str, tuple[float, float]] = {}
        self.with_ns = self.without_ns = float("inf")
        self._pairs = pairs
        self._batch = _TIMES * pairs.settle()
        self._ratios: list[float] = []
        self.blocks: list[int] = []
        self._is_cold = False
        self._measure()

    def count(self, counters: Mapping[str, tuple[float, float]]) -> None:
        """Take along what was counted of one operation, without telemetry first; afterwards, see `counters`."""
        self.counters = {name: pair for name, pair in counters.items() if pair[0] != pair[1]}
        self._is_cold = True

    @property
    def value(self) -> float:
        """The fraction: 0.05 where the work costs a twentieth more. The median of all pairs."""
        return expm1(median(self._ratios))

    @property
    def low(self) -> float:
        """The lower end of its interval."""
        return expm1(self._interval()[0])

    @property
    def high(self) -> float:
        """The upper end of its interval."""
        return expm1(self._interval()[1])

    @property
    def pairs(self) -> int:
        """How many pairs of blocks it rests on."""
        return len(self._ratios)

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-able, as it is kept in ``extra_info``."""
        counters = {name: list(pair) for name, pair in self.counters.items()}
        figures = {"value": self.value, "low": self.low, "high": self.high, "pairs": self.pairs}
        return {**figures, "counters": counters}

    def __lt__(self, bound: float) -> bool:
        return self._is_below(bound)

    def __le__(self, bound: float) -> bool:
        return self._is_below(bound)

    def __gt__(self, bound: float) -> bool:
        return not self._is_below(bound)

    def __ge__(self, bound: float) -> bool:
        return not self._is_below(bound)

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        text = (
            f"overhead of {percent(self.value)} ({percent(self.low)} to {percent(self.high)}; "
            f"{self.without_ns:,.0f} ns without, {self.with_ns:,.0f} ns with; {self.pairs} pairs)"
        )
        return f"<{text}: {moved(self.counters)}>" if self.counters else f"<{text}>"

    def _measure(self) -> None:
        if self._is_cold:  # counting made the interpreter forget how to run the code fast
            self._pairs.settle()
            self._is_cold = False
        blocks, without_blocks = self._pairs.time(self._batch)
        self.blocks = self.blocks or blocks
        self._ratios += log_ratios(blocks, without_blocks)
        now, without = self._pairs.cost()
        self.with_ns, self.without_ns = min(self.with_ns, now), min(self.without_ns, without)

    def _interval(self) -> tuple[float, float]:
        middle, (low, high) = median(self._ratios), self._spread()
        return min(low, middle - PROCESS), max(high, middle + PROCESS)

    def _spread(self) -> tuple[float, float]:
        return median_interval(self._ratios, _CONFIDENCE)

    def _is_below(self, bound: float) -> bool:
        while self.low <= bound <= self.high:
            if self.pairs >= _ATTEMPTS * self._batch:
                raise Undecided(self._undecided(bound))
            self._measure()
        return self.high < bound

    def _undecided(self, bound: float) -> str:
        text = f"undecided: {percent(bound)} lies within the interval of {self!r}"
        low, high = self._spread()
        distance, spread = abs(log1p(bound) - median(self._ratios)), (high - low) / 2
        if distance <= PROCESS:
            return (
                f"{text}; one process cannot tell differences of less than one point from chance: "
                "choose a bound outside the interval"
            )
        wanted = ceil((spread / distance) ** 2 * self.pairs)
        return f"{text}; on this machine, as busy as it is, it would take some {wanted:,} pairs, or a quieter machine"
