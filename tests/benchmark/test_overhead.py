"""What telemetry adds: the three outcomes of a comparison, and what each rests on."""

from __future__ import annotations

import gc
import itertools
import math
import random
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_telemetry.benchmark import pairs
from pytest_telemetry.benchmark.operation import BLOCK_NS, EMPTY, Operation
from pytest_telemetry.benchmark.overhead import PROCESS, Overhead
from pytest_telemetry.model.errors import Undecided

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 14
"""Pairs of one measurement where an operation takes so long that there are as few as possible."""

MANY = 400
"""The same where an operation takes as long as a block should."""

LONG_NS = 100_000_000


class Price:
    """Costs what the next of a series says, block by block."""

    def __init__(self, clock: Any, unit: int, price: Callable[[], float]) -> None:
        self.clock, self.unit, self.price = clock, unit, price
        self.ns = 0

    def next_block(self) -> None:
        self.ns = round(self.unit * self.price())

    def operation(self) -> Operation:
        names = {"clock": self.clock, "price": self}
        return Operation("work", "clock.cost(price.ns)", names, before=self.next_block, number=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes its time: an empty loop that fills no block, and collections of garbage."""
    monkeypatch.setattr(pairs, "EMPTY", replace(EMPTY, number=1))
    monkeypatch.setattr(pairs, "settled", nullcontext)
    monkeypatch.setattr(gc, "collect", lambda: 0)


@pytest.fixture
def overhead(clock: Any) -> Callable[..., Overhead]:
    """Make the overhead of work at a price, a factor or a series of them, over work that costs a unit."""

    def made(
        price: float | Callable[[], float], without: float | Callable[[], float] = 1.0, unit: int = LONG_NS
    ) -> Overhead:
        of_work = price if callable(price) else lambda: price
        of_the_other = without if callable(without) else lambda: without
        work = Price(clock, unit, of_work).operation()
        other = Price(clock, unit, of_the_other).operation()
        return Overhead(pairs.Pairs(work, other, clock))

    return made


def scattered(truth: float, sigma: float, seed: int = 3) -> Callable[[], float]:
    """Return a series that scatters around what is true, the same in every run."""
    seeded = random.Random(seed)
    return lambda: (1 + truth) * seeded.lognormvariate(0, sigma)


def in_two_modes(low: float, high: float) -> Callable[[], float]:
    """Return a series that takes turns between two factors, so that no number of pairs makes its interval narrow."""
    modes = itertools.cycle([low, high])
    return lambda: next(modes)


# What it is


def test_it_is_a_fraction_of_the_work_without(overhead: Callable[..., Overhead]) -> None:
    """0.03 where the work costs 3 % more, as a number too; the costs of an operation stand beside it."""
    three = overhead(1.03)

    assert three.value == pytest.approx(0.03)
    assert float(three) == three.value
    assert (three.without_ns, three.with_ns) == (100e6, 103e6)
    assert three.pairs == BATCH


@pytest.mark.parametrize("factor", [0.5, 0.97, 1.0, 1.1, 3.0])
def test_any_overhead_is_read_as_it_is(overhead: Callable[..., Overhead], factor: float) -> None:
    """Also where telemetry makes work cheaper, or many times dearer."""
    assert overhead(factor).value == pytest.approx(factor - 1)


@pytest.mark.parametrize("truth", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("seed", range(5))
def test_noise_leaves_less_than_a_point(overhead: Callable[..., Overhead], truth: float, seed: int) -> None:
    """Blocks scatter by 5 %, and the value is within a point of the truth, which lies in the interval."""
    noisy = overhead(scattered(truth, 0.05, seed), unit=BLOCK_NS)

    assert noisy.value == pytest.approx(truth, abs=0.01)
    assert noisy.low < truth < noisy.high


def test_the_interval_is_never_narrower_than_a_point(overhead: Callable[..., Overhead]) -> None:
    """Pairs that agree to the nanosecond say nothing of other processes."""
    three = overhead(1.03)

    assert PROCESS == 0.01
    assert three.low == pytest.approx(1.03 * math.exp(-0.01) - 1)
    assert three.high == pytest.approx(1.03 * math.exp(0.01) - 1)


def test_the_interval_is_wider_where_pairs_scatter(overhead: Callable[..., Overhead]) -> None:
    """As far as those of its pairs that lie around the median: here from nothing to a fifth."""
    wide = overhead(in_two_modes(1.0, 1.2))

    assert wide.value == pytest.approx(math.sqrt(1.2) - 1)
    assert [wide.low, wide.high] == pytest.approx([0.0, 0.2])


@pytest.mark.parametrize(
    ("unit", "number"), [(BLOCK_NS, MANY), (10_000_000, 2 * 30), (LONG_NS, BATCH), (100 * LONG_NS, BATCH)]
)
def test_it_measures_twice_the_pairs_of_a_benchmark(
    overhead: Callable[..., Overhead], unit: int, number: int
) -> None:
    """Fewer where an operation takes long, and never fewer than fourteen."""
    assert overhead(1.0, unit=unit).pairs == number


# The three outcomes


def test_an_overhead_below_the_bound_passes(overhead: Callable[..., Overhead]) -> None:
    """The whole interval lies below, so nothing more is measured."""
    three = overhead(1.03)

    assert three < 0.05
    assert three <= 0.05
    assert not three > 0.05
    assert not three >= 0.05
    assert three.pairs == BATCH


def test_an_overhead_above_the_bound_fails(overhead: Callable[..., Overhead]) -> None:
    """The whole interval lies above: the comparison is False, and an assertion shows what was measured."""
    ten = overhead(1.1)

    assert not ten < 0.05
    assert not ten <= 0.05
    assert ten > 0.05
    assert ten >= 0.05
    assert ten.pairs == BATCH


def test_a_bound_may_stand_on_either_side(overhead: Callable[..., Overhead]) -> None:
    """And two of them around it."""
    three = overhead(1.03)

    assert 0.05 > three > 0.01
    assert 0.01 <= three <= 0.05


def test_a_bound_within_a_point_is_undecided(overhead: Callable[..., Overhead]) -> None:
    """No number of pairs would help, and the text says so: it is an error of the test, and a failed assertion."""
    three = overhead(1.03)

    with pytest.raises(Undecided) as undecided:
        assert three < 0.035

    assert isinstance(undecided.value, AssertionError)
    assert str(undecided.value) == (
        "undecided: +3.5 % lies within the interval of <overhead of +3.0 % (+2.0 % to +4.0 %; 100,000,000 ns without, "
        "103,000,000 ns with; 56 pairs)>; one process cannot tell differences of less than one point from chance: "
        "choose a bound outside the interval"
    )


def test_pairs_that_scatter_too_far_are_undecided(overhead: Callable[..., Overhead]) -> None:
    """The text says how many pairs it would take, if more of them were as good: here 7.7 times as many."""
    wide = overhead(in_two_modes(1.0, 1.2))

    with pytest.raises(Undecided) as undecided:
        assert wide < 0.06

    distance = math.log(1.2) / 2 - math.log(1.06)
    wanted = math.ceil((math.log(1.2) / 2 / distance) ** 2 * 4 * BATCH)
    assert 420 < wanted < 440
    assert str(undecided.value) == (
        "undecided: +6.0 % lies within the interval of <overhead of +9.5 % (+0.0 % to +20.0 %; 100,000,000 ns without, "
        f"100,000,000 ns with; 56 pairs)>; on this machine, as busy as it is, it would take some {wanted:,} pairs, "
        "or a quieter machine"
    )


@pytest.mark.parametrize("compare", ["__lt__", "__le__", "__gt__", "__ge__"])
def test_no_comparison_guesses(overhead: Callable[..., Overhead], compare: str) -> None:
    """Neither side of the bound is taken for granted."""
    with pytest.raises(Undecided):
        getattr(overhead(1.03), compare)(0.03)


@pytest.mark.parametrize("bound", [1.03 * math.exp(-0.0099) - 1, 1.03 * math.exp(0.0099) - 1])
def test_the_whole_interval_has_to_lie_on_one_side(overhead: Callable[..., Overhead], bound: float) -> None:
    """A bound just within its ends decides nothing."""
    with pytest.raises(Undecided):
        assert overhead(1.03) < bound


@pytest.mark.parametrize(
    ("bound", "outcome"), [(1.03 * math.exp(-0.0101) - 1, False), (1.03 * math.exp(0.0101) - 1, True)]
)
def test_a_bound_just_outside_decides(overhead: Callable[..., Overhead], bound: float, outcome: bool) -> None:
    """On either end."""
    assert (overhead(1.03) < bound) is outcome


# More pairs


@pytest.mark.parametrize(("settles_after", "pairs"), [(1, MANY), (2, 2 * MANY), (4, 4 * MANY)])
def test_more_is_measured_until_the_bound_lies_outside(
    overhead: Callable[..., Overhead], settles_after: int, pairs: int
) -> None:
    """Up to four times as much; here all pairs but the last batch scatter by a fifth."""
    settling = 3  # blocks
    modes = itertools.cycle([1.0, 1.2])
    prices = itertools.chain(
        itertools.islice(modes, settling + MANY * (settles_after - 1)), itertools.repeat(1.03)
    )

    three = overhead(lambda: next(prices), unit=BLOCK_NS)

    assert three < 0.05
    assert three.pairs == pairs


def test_noise_that_more_pairs_average_out_is_decided(overhead: Callable[..., Overhead]) -> None:
    """The interval narrows with their number, and the bound comes to lie outside."""
    noisy = overhead(scattered(0.02, 0.25), unit=BLOCK_NS)
    first = noisy.high - noisy.low
    assert noisy.low < 0.05 < noisy.high

    assert noisy < 0.05

    assert MANY < noisy.pairs <= 4 * MANY
    assert noisy.high - noisy.low < first


def test_what_was_measured_serves_the_next_comparison(overhead: Callable[..., Overhead]) -> None:
    """Nothing is measured again: undecided stays undecided at once, and another bound is judged on all pairs."""
    wide = overhead(in_two_modes(1.0, 1.2))
    for _ in range(2):
        with pytest.raises(Undecided):
            assert wide < 0.06
        assert wide.pairs == 4 * BATCH

    assert wide < 0.25


def test_the_first_blocks_and_the_best_of_all_are_kept(overhead: Callable[..., Overhead]) -> None:
    """The first are the rounds of pytest-benchmark, one for each pair, in ns: it is told of them once."""
    prices = itertools.chain([1.03] * 30, itertools.repeat(1.02))
    falling = overhead(lambda: next(prices))
    first = falling.with_ns

    with pytest.raises(Undecided):
        assert falling < 0.025

    assert (first, falling.with_ns) == (103e6, 102e6)
    assert (len(falling.blocks), falling.pairs) == (BATCH, 4 * BATCH)
    assert set(falling.blocks) == {103_000_000}


def test_the_best_cost_is_that_of_all_measurements(overhead: Callable[..., Overhead]) -> None:
    """A later one may be slower on both sides."""
    first = 3 + BATCH  # settling, and a first measurement
    costs = (itertools.chain([price] * first, itertools.repeat(2 * price)) for price in (1.03, 1.0))
    rising = overhead(*(partial(next, series) for series in costs))

    with pytest.raises(Undecided):
        assert rising < 0.03

    assert (rising.without_ns, rising.with_ns) == (100e6, 103e6)


def test_what_was_counted_is_settled_again_before_more_is_measured(overhead: Callable[..., Overhead]) -> None:
    """Counting makes the interpreter forget how to run code fast; the next blocks are not those that pay for it."""
    calls: list[float] = []

    def price() -> float:
        calls.append(1.03)
        return 1.03

    counted, plain = overhead(price), len(calls)
    counted.count({})

    with pytest.raises(Undecided):
        assert counted < 0.03

    settling = 1
    assert len(calls) - plain == settling + 3 * BATCH


def test_a_skewed_interval_keeps_its_longer_end(overhead: Callable[..., Overhead]) -> None:
    """The interval is that of the median, not the median and half its width on both sides."""
    prices = itertools.cycle([1.0, 1.0, 1.0, 1.2, 1.0, 1.0, 1.3])

    skewed = overhead(lambda: next(prices))

    assert skewed.high - skewed.value > 2 * (skewed.value - skewed.low)


class Drawn:
    """Stands for pairs of two things that cost the same, whose ratios scatter so far that a point is nothing."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def settle(self) -> int:
        return 50

    def time(self, pairs: int) -> tuple[list[float], list[float]]:
        return [self.random.lognormvariate(0, 1) for _ in range(pairs)], [1.0] * pairs

    def cost(self) -> tuple[float, float]:
        return 1.0, 1.0


def test_looking_again_does_not_make_a_verdict_of_chance() -> None:
    """A bound that is the truth is decided in less than 5 % of 400 runs, though each may look four times."""
    decided = 0
    for seed in range(400):
        with suppress(Undecided):
            decided += isinstance(Overhead(cast("pairs.Pairs", Drawn(seed))) < 0.0, bool)

    assert 0 < decided < 0.05 * 400


# In words


def test_it_reads_as_a_sentence(overhead: Callable[..., Overhead]) -> None:
    """An assertion that fails shows it: value, interval, costs, and how much they rest on."""
    assert repr(overhead(1.25, without=4)) == (
        "<overhead of -68.8 % (-69.1 % to -68.4 %; 400,000,000 ns without, 125,000,000 ns with; 14 pairs)>"
    )


def test_no_overhead_is_not_below_nothing(overhead: Callable[..., Overhead]) -> None:
    """What rounds to zero has no sign."""
    assert repr(overhead(0.9999)).startswith("<overhead of +0.0 % (-1.0 % to +1.0 %; ")


def test_counters_that_moved_are_told(overhead: Callable[..., Overhead]) -> None:
    """Without telemetry first; what stayed as it was explains nothing."""
    three = overhead(1.03)
    assert three.counters == {}

    three.count(
        {"bytecodes": (26, 30), "c calls": (2, 2), "clock reads": (0, 1), "allocated bytes": (0.5, 56)}
    )

    assert list(three.counters) == ["bytecodes", "clock reads", "allocated bytes"]
    assert repr(three) == (
        "<overhead of +3.0 % (+2.0 % to +4.0 %; 100,000,000 ns without, 103,000,000 ns with; 14 pairs): "
        "bytecodes 26 -> 30, clock reads 0 -> 1, allocated bytes 0.5 -> 56>"
    )
