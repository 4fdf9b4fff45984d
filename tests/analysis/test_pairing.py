"""Pairing what is left over."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.analysis.pairing import EXACT, cheapest_pairs

SIDE = st.integers(0, 3)


@given(st.dictionaries(st.tuples(SIDE, SIDE), st.integers(0, 9), max_size=12))
def test_small_sides_are_paired_as_cheaply_as_possible(costs: dict[tuple[int, int], int]) -> None:
    """As many pairs as possible, and of all such pairings the cheapest."""
    best = min(
        (-len(pairs), sum(costs[pair] for pair in pairs))
        for order in permutations(range(4))
        for pairs in [[pair for pair in enumerate(order) if pair in costs]]
    )

    pairs = cheapest_pairs(costs)

    assert len(set(pairs.values())) == len(pairs)
    assert (-len(pairs), sum(costs[pair] for pair in pairs.items())) == best


def test_larger_sides_take_the_cheapest_that_is_left() -> None:
    """Above the limit nothing is searched; ties go to the earlier members."""
    size = EXACT + 1
    costs = {(left, right): abs(left - right) for left in range(size) for right in range(size)}

    assert cheapest_pairs(costs) == {index: index for index in range(size)}


def test_nothing_is_paired_with_nothing() -> None:
    """An empty side is no error."""
    assert cheapest_pairs({}) == {}
