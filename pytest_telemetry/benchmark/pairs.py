"""Times code as it is now and the baseline in pairs of blocks, in one process (layer 2).

A pair holds what both cost within a millisecond of each other: what the machine does meanwhile hits both alike, and
the median of many pairs does not notice the pair that it hit alone. Which of the two comes first alternates.
"""

from __future__ import annotations

import gc
import math
import random
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.benchmark.operation import EMPTY, YARDSTICK, Lane, settled
from pytest_telemetry.model.benchmark import Comparison, Controls
from pytest_telemetry.model.paired import log_ratios, median, median_interval

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pytest_telemetry.benchmark.operation import Operation
    from pytest_telemetry.model.clock import Clock

__all__ = ("PAIRS", "Pairs", "compare", "controls", "exact")

PAIRS: Final = 200
FEWEST: Final = 7
SECONDS: Final = 0.6
"""How long the pairs of one benchmark may take before there are fewer of them, down to `FEWEST`."""

_LONGEST_NS: Final = 20_000_000
"""How long a block of now may be because the baseline was so much faster: more than fifty times."""

_coin: Final = random.SystemRandom()


class Pairs:
    """One operation bound twice: now, and to the baseline.

    Attributes:
        now: The lane of the one.
        baseline: The lane of the other.
    """

    def __init__(self, now: Operation, baseline: Operation, clock: Clock) -> None:
        self.now, self.baseline = Lane(now, clock), Lane(baseline, clock)
        self._empty = Lane(EMPTY, clock)

    def settle(self) -> int:
        """Find out how often fills a block of the baseline, and let now run as often; return how many pairs to take.

        Both run less often, but once, where a block of now would take more than 20 ms.
        """
        with settled():
            self.now.settle()
            number = self.baseline.settle()
            if not self.baseline.has_own_number:
                number = max(1, min(number, int(_LONGEST_NS / self.now.operation_ns)))
            self.now.number = self.baseline.number = number
            self._empty.settle()
        # both or neither, or one side would find the processor's caches as the other does not
        self.now.warms_up = self.baseline.warms_up = self.now.warms_up or self.baseline.warms_up
        pair_ns = self.now.block_ns + self.baseline.block_ns
        return max(FEWEST, min(PAIRS, int(SECONDS * 1e9 / pair_ns)))

    def time(self, pairs: int, *, extra: float = 0.0) -> tuple[list[int], list[int]]:
        """Return the durations in ns of *pairs* blocks of now and of the baseline.

        With *extra*, now runs that share more operations in a block, as if each of them cost as much more.
        """
        more = round(self.now.number * (1 + extra)) if extra else 0
        ours: list[int] = []
        theirs: list[int] = []
        sides = ((ours, self.now, more), (theirs, self.baseline, 0))
        is_first = _coin.random() < 0.5
        with settled():
            for _ in range(pairs):
                for blocks, lane, number in sides if is_first else reversed(sides):
                    gc.collect()
                    blocks.append(lane.block(number))
                is_first = not is_first
            for _ in range(FEWEST):
                self._empty.block()
        return ours, theirs

    def cost(self) -> tuple[float, float]:
        """Return the fastest block of now and of the baseline in ns per operation, net of the loop, and forget them."""
        loop = self._empty.take_best()
        return self.now.take_best() - loop, self.baseline.take_best() - loop


def compare(pairs: Pairs, number: int) -> tuple[Comparison, list[int]]:
    """Return what *number* pairs come to, and the durations of the blocks of now, in ns."""
    ours, theirs = pairs.time(number)
    ratios = log_ratios(ours, theirs)
    low, high = median_interval(ratios)
    now, baseline = pairs.cost()
    return Comparison(median(ratios), low, high, number, pairs.now.number, now, baseline), ours


def controls(
    clock: Clock,
    number: int = PAIRS,
    *,
    around_now: Callable[[], AbstractContextManager[Any]] = nullcontext,
    around_baseline: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Controls:
    """Return what the instrument reads where the answer is known: the same code, and a tenth more work.

    What is entered around the blocks of each side is what is around everything else that is compared.
    """
    now, baseline = (replace(YARDSTICK, around=around) for around in (around_now, around_baseline))
    pairs = Pairs(now, baseline, clock)
    pairs.settle()
    same = median(log_ratios(*pairs.time(number)))
    more = median(log_ratios(*pairs.time(number, extra=0.1)))
    return Controls(same, more)


def exact(now: float, baseline: float) -> Comparison:
    """Return the comparison of two figures in bytes, which are exact."""
    ratio = math.log(now / baseline) if now > 0 and baseline > 0 else 0.0
    return Comparison(ratio, ratio, ratio, pairs=0, operations=1, now=now, baseline=baseline, unit="bytes")
