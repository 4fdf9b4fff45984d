"""Very many durations in little memory."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from pytest_telemetry.model.durations import Durations

BLOCK = 4_096


def kept(values: list[int]) -> Durations:
    durations = Durations()
    for value in values:
        durations.add(value)
    return durations


def mixtures() -> dict[str, list[int]]:
    chance = random.Random(5)
    return {
        "none": [],
        "few": [3, 1, 2],
        "a block": list(range(BLOCK)),
        "one more than a block": list(range(BLOCK, -1, -1)),
        "many equal": [chance.randrange(20) * 1_000_000 for _ in range(5 * BLOCK + 17)],
        "all different": [chance.randrange(10**12) for _ in range(5 * BLOCK + 17)],
        "short, long and below zero": [
            chance.choice((-5, 0, 2**31, 2**40, chance.randrange(2**33))) for _ in range(3 * BLOCK)
        ],
        "equal ones, then different ones": [7] * 2 * BLOCK
        + [chance.randrange(10**10) for _ in range(2 * BLOCK)],
    }


@pytest.mark.parametrize("name", mixtures())
def test_they_come_back_in_order_and_all_of_them(name: str) -> None:
    """However they are kept."""
    values = mixtures()[name]

    ordered = kept(values).ordered()

    assert list(ordered) == sorted(values)
    assert len(ordered) == len(values)
    assert list(ordered[::997]) == sorted(values)[::997]
    assert list(ordered[-3:]) == sorted(values)[-3:]


def test_there_is_nothing_beyond_the_ends() -> None:
    """As in any sequence."""
    ordered = kept([1] * (BLOCK + 1)).ordered()

    for index in (len(ordered), -len(ordered) - 1):
        with pytest.raises(IndexError):
            ordered[index]


def test_what_was_asked_for_does_not_change_when_more_is_added() -> None:
    """It is as it was."""
    durations = kept([5] * BLOCK + [1])
    before = durations.ordered()
    for _ in range(2 * BLOCK):
        durations.add(0)

    assert (len(before), before[0], before[-1]) == (BLOCK + 1, 1, 5)


def test_what_no_clock_can_count_is_the_longest_there_is() -> None:
    """An integer of any size may stand in a log."""
    assert list(kept([2**80, -(2**80), 1]).ordered()) == [-(2**63) + 1, 1, 2**63 - 1]


@pytest.mark.parametrize(("values", "most"), [(10**11, 8.6), (10**9, 4.6), (300, 1)])
def test_a_duration_takes_eight_bytes_at_most(values: int, most: float) -> None:
    """Four where they are short, next to nothing where they repeat."""
    chance = random.Random(1)
    count = 12 * BLOCK
    tracemalloc.start()
    try:
        durations = Durations()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(count):
            durations.add(chance.randrange(values))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (after - before) / count < most
