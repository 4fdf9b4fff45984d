"""Pairs of blocks: in what order, what they come to, and what the instrument says of itself."""

from __future__ import annotations

import gc
import math
import random
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.benchmark import pairs as module
from pytest_telemetry.benchmark.operation import BLOCK_NS, EMPTY, YARDSTICK, Operation
from pytest_telemetry.benchmark.pairs import FEWEST, PAIRS, Pairs, compare, controls, exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Costs:
    """What blocks cost, one after the other: the operation takes the price of its block."""

    def __init__(self, clock: Any, price: Callable[[], float]) -> None:
        self.clock, self.price = clock, price
        self.ns = 0

    def next_block(self) -> None:
        self.ns = round(self.price())

    def operation(self, name: str) -> Operation:
        return Operation(
            name, "clock.cost(costs.ns)", {"clock": self.clock, "costs": self}, before=self.next_block
        )


class Scope:
    """A no-op scope that moves the clock: the yardstick, on a machine of known speed."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.cost_ns = 3_500

    def __call__(self, name: str) -> Scope:
        self.clock.cost(self.cost_ns)
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        pass


@pytest.fixture(autouse=True)
def no_empty_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that stands still no number of empty turns fills a block, and many take their time."""
    monkeypatch.setattr(module, "EMPTY", replace(EMPTY, number=1))


def costing(clock: Any, ns: int, name: str = "operation", **options: Any) -> Operation:
    """Return an operation that moves the clock."""
    return Operation(name, f"clock.cost({ns})", {"clock": clock}, **options)


def settled(clock: Any, now: int, baseline: int) -> Pairs:
    """Return settled pairs of two operations of those costs."""
    pairs = Pairs(costing(clock, now), costing(clock, baseline), clock)
    pairs.settle()
    return pairs


# How many


@pytest.mark.parametrize(("now", "baseline", "number"), [(7_000, 3_500, 100), (3_500, 7_000, 50)])
def test_both_sides_run_as_often(clock: Any, now: int, baseline: int, number: int) -> None:
    """The baseline says how often, so that a block of it lasts as long whatever became of the code."""
    pairs = settled(clock, now, baseline)

    assert (pairs.now.number, pairs.baseline.number) == (number, number)


@pytest.mark.parametrize(
    ("now", "baseline", "number"),
    [(175_000, 3_500, 100), (1_000_000, 3_500, 20), (10_000_000, 50, 2), (10_000_000_000, 50, 1)],
)
def test_what_became_slower_out_of_all_proportion_runs_less_often(
    clock: Any, now: int, baseline: int, number: int
) -> None:
    """On both sides: up to fifty times it makes no difference, then a block of now takes 20 ms, or one operation."""
    pairs = settled(clock, now, baseline)

    assert (pairs.now.number, pairs.baseline.number) == (number, number)


def test_a_number_that_was_given_is_kept_however_slow_it_became(clock: Any) -> None:
    """What is set up for each block may not last for less, either."""
    pairs = Pairs(costing(clock, 10_000_000, number=7), costing(clock, 50, number=7), clock)
    pairs.settle()

    assert (pairs.now.number, pairs.baseline.number) == (7, 7)


@pytest.mark.parametrize(
    ("now_ns", "baseline_ns", "pairs"),
    [
        (BLOCK_NS, BLOCK_NS, PAIRS),
        (5_000_000, 1_000_000, 50),
        (1_000_000, 5_000_000, 50),
        (25_000_000, 5_000_000, 10),
        (10_000_000_000, 1_000_000, FEWEST),
        (1_000_000, 10_000_000_000, FEWEST),
    ],
)
def test_slow_operations_have_fewer_pairs(clock: Any, now_ns: int, baseline_ns: int, pairs: int) -> None:
    """As many as fit in 0.6 s, whichever side takes the time, but seven at least; each block runs one more, untimed."""
    assert Pairs(costing(clock, now_ns), costing(clock, baseline_ns), clock).settle() == pairs


def test_what_stands_around_a_block_takes_time_as_well(clock: Any) -> None:
    """With a set-up of 50 ms, pairs of two blocks of a microsecond are six and not two hundred, which is too few."""
    operation = replace(costing(clock, 1_000), before=lambda: clock.cost(50_000_000), number=1)

    assert Pairs(operation, operation, clock).settle() == FEWEST


def test_both_sides_warm_up_or_neither(clock: Any) -> None:
    """A side alone would find the processor's caches as the other does not, near where one of them is long enough."""
    short, long = replace(costing(clock, 60_000), number=1), replace(costing(clock, 90_000), number=1)

    pairs = Pairs(short, long, clock)
    pairs.settle()

    assert pairs.now.warms_up
    assert pairs.baseline.warms_up


def test_a_clock_that_does_not_move_gives_no_more_pairs(clock: Any) -> None:
    """What costs nothing at all settles as well, and no number is divided by nothing."""
    nothing = Operation("nothing", "pass")

    assert Pairs(nothing, nothing, clock).settle() == PAIRS


# In what order


def logged(clock: Any, log: list[str]) -> Pairs:
    """Return pairs that write down which side runs."""
    now, baseline = (
        costing(clock, 1, side, number=1, before=partial(log.append, side)) for side in ("now", "baseline")
    )
    return Pairs(now, baseline, clock)


def test_the_two_sides_take_turns_in_going_first(clock: Any) -> None:
    """Whatever the first block of a pair suffers from hits both alike."""
    log: list[str] = []

    logged(clock, log).time(4)

    first, second = log[:2]
    assert {first, second} == {"now", "baseline"}
    assert log == [first, second, second, first] * 2


@pytest.mark.usefixtures("young_garbage_only")
def test_who_begins_is_a_matter_of_chance(clock: Any) -> None:
    """Also where a plugin seeds the generator for each test, and the same side would begin in every run."""
    log: list[str] = []
    pairs = logged(clock, log)

    begun = set()
    for _ in range(60):
        log.clear()
        random.seed(1)
        pairs.time(1)
        begun.add(log[0])

    assert begun == {"now", "baseline"}


def test_each_side_is_at_home_in_its_world(clock: Any) -> None:
    """The baseline's block runs in the world that its operation names, now outside of it."""
    place = ["here"]
    seen: list[tuple[str, str]] = []

    @contextmanager
    def world() -> Iterator[None]:
        place[0] = "there"
        yield
        place[0] = "here"

    names = {"seen": seen, "place": place}
    now = Operation("now", "seen.append(('now', place[0]))", names, number=1)
    baseline = Operation("baseline", "seen.append(('baseline', place[0]))", names, number=1, around=world)

    Pairs(now, baseline, clock).time(2)

    assert set(seen) == {("now", "here"), ("baseline", "there")}


def test_garbage_of_before_is_not_collected_meanwhile(clock: Any) -> None:
    """Both sides run while what the process held before is out of reach, and it is within reach again."""
    frozen: list[int] = []
    names = {"frozen": frozen, "gc": gc}
    side = Operation("side", "frozen.append(gc.get_freeze_count())", names, number=1)
    gc.unfreeze()

    Pairs(side, side, clock).time(1)

    assert min(frozen) > 10_000
    assert gc.get_freeze_count() == 0


# What they come to


def test_the_durations_of_both_sides_are_told(clock: Any) -> None:
    """In ns, a pair at the same place."""
    assert settled(clock, 4_200, 3_500).time(3) == ([420_000] * 3, [350_000] * 3)


def test_more_operations_look_like_dearer_ones(clock: Any) -> None:
    """A share of extra work is done in earnest, not computed."""
    assert settled(clock, 3_500, 3_500).time(2, extra=0.1) == ([385_000] * 2, [350_000] * 2)


def test_the_cost_of_both_sides_is_told_once(clock: Any) -> None:
    """In ns per operation, the fastest block of each, net of the loop; then it begins afresh."""
    clock.per_reading = 1000
    pairs = Pairs(costing(clock, 420, number=1), costing(clock, 350, number=1), clock)
    pairs.time(1)

    cost = pairs.cost()

    assert cost == (420.0, 350.0)
    assert all(map(math.isnan, pairs.cost()))


def test_a_comparison_is_the_median_of_the_log_ratios(clock: Any) -> None:
    """With how many pairs it rests on, the number of operations, and what one of them costs."""
    comparison, blocks = compare(settled(clock, 4_200, 3_500), 9)

    assert comparison.log_ratio == comparison.low == comparison.high == math.log(1.2)
    assert (comparison.pairs, comparison.operations, comparison.unit) == (9, 100, "ns")
    assert (comparison.now, comparison.baseline) == (4_200.0, 3_500.0)
    assert blocks == [420_000] * 9


def test_an_interval_shows_how_far_pairs_scatter(clock: Any) -> None:
    """Of nine the second and the eighth; the median is the fifth."""
    prices = iter([100_000 + 1_000 * n for n in (4, 9, 1, 7, 3, 2, 8, 6, 5)])
    costs = Costs(clock, lambda: next(prices))
    pairs = Pairs(costs.operation("now"), costing(clock, 100_000), clock)

    comparison, _ = compare(pairs, 9)

    assert [round(math.exp(one), 3) for one in (comparison.low, comparison.log_ratio, comparison.high)] == [
        1.02,
        1.05,
        1.08,
    ]


def test_pairs_that_one_side_was_disturbed_in_do_not_count(clock: Any) -> None:
    """Up to half of them, however much."""
    prices = iter([100_000, 900_000, 100_000, 900_000, 900_000, 100_000, 100_000])
    costs = Costs(clock, lambda: next(prices))
    pairs = Pairs(costs.operation("now"), costing(clock, 100_000), clock)

    comparison, _ = compare(pairs, 7)

    assert comparison.log_ratio == 0.0
    assert comparison.high == pytest.approx(math.log(9))


def test_a_machine_that_becomes_slower_makes_no_difference(clock: Any) -> None:
    """What hits both sides of a pair alike leaves the ratio alone, while costs rise threefold."""
    blocks = iter(range(1_000_000))
    costs = Costs(clock, lambda: 100_000 * 1.005 ** next(blocks))

    comparison, durations = compare(Pairs(costs.operation("now"), costs.operation("baseline"), clock), 100)

    assert max(durations) > 2.5 * min(durations)
    assert comparison.log_ratio == pytest.approx(0.0, abs=0.006)


@pytest.mark.parametrize("truth", [0.0, 0.02, 0.1])
def test_noise_of_a_tenth_leaves_less_than_a_point(clock: Any, truth: float) -> None:
    """Both sides scatter by 10 %, and 200 pairs are enough to see their ratio."""
    seeded = random.Random(11)
    now = Costs(clock, lambda: 100_000 * (1 + truth) * seeded.lognormvariate(0, 0.05))
    baseline = Costs(clock, lambda: 100_000 * seeded.lognormvariate(0, 0.05))

    comparison, _ = compare(Pairs(now.operation("now"), baseline.operation("baseline"), clock), PAIRS)

    assert comparison.log_ratio == pytest.approx(math.log1p(truth), abs=0.01)
    assert comparison.low < math.log1p(truth) < comparison.high


# Controls, and what is exact


def test_the_controls_read_what_is_known(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same code is as fast as itself, and a tenth more work takes a tenth longer."""
    monkeypatch.setitem(YARDSTICK.names, "tele", Scope(clock))

    known = controls(clock, number=7)

    assert known.same == 0.0
    assert known.more == pytest.approx(math.log(1.1))


def test_what_slows_one_side_down_fails_the_control(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The controls go the way of everything else: a hook that reacts to the baseline's world shows in them."""
    scope = Scope(clock)
    monkeypatch.setitem(YARDSTICK.names, "tele", scope)

    @contextmanager
    def slower() -> Iterator[None]:
        before, scope.cost_ns = scope.cost_ns, scope.cost_ns * 2
        yield
        scope.cost_ns = before

    assert controls(clock, number=7, around_baseline=slower).same == pytest.approx(-math.log(2), abs=0.01)
    assert controls(clock, number=7, around_now=slower).same == pytest.approx(math.log(2), abs=0.01)


def test_a_clock_that_does_not_see_the_work_fails_the_control(
    clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every block seems to take as long, so does one with a tenth more work: the control shows it."""
    clock.per_reading = BLOCK_NS
    monkeypatch.setattr(module, "YARDSTICK", Operation("yardstick", "pass", number=100))

    known = controls(clock, number=7)

    assert (known.same, known.more) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("now", "baseline", "ratio"),
    [(88.0, 80.0, math.log(1.1)), (88.0, 88.0, 0.0), (88.0, 0.0, 0.0), (0.0, 88.0, 0.0), (-0.1, 88.0, 0.0)],
)
def test_bytes_are_exact(now: float, baseline: float, ratio: float) -> None:
    """Their interval has no width; where one of them is nothing there is no ratio, and the figures tell."""
    comparison = exact(now, baseline)

    assert comparison.log_ratio == comparison.low == comparison.high == pytest.approx(ratio)
    assert (comparison.now, comparison.baseline, comparison.unit, comparison.pairs) == (
        now,
        baseline,
        "bytes",
        0,
    )
