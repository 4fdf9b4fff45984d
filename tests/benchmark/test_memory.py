"""What something that is held costs: to the byte, and nothing of it stays behind."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.benchmark.memory import LEVELS, Holding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOLDS = 3
"""Two to warm up, and one that is traced."""


class Slotted:
    __slots__ = ("name", "parent")


@pytest.mark.parametrize(
    "enter",
    [lambda: None, Slotted, list, dict, lambda: bytes(67), lambda: bytes(4000), lambda: [None] * 9, object],
    ids=["nothing", "slots", "list", "dict", "100 bytes", "4033 bytes", "filled list", "object"],
)
def test_a_level_costs_what_it_allocates(enter: Callable[[], Any]) -> None:
    """To the byte, at any depth; what the measurement itself needs is not part of it."""
    held = enter()
    size = 0 if held is None else sys.getsizeof(held)

    assert Holding(enter).slopes() == [size, size, size]


def test_parts_of_a_byte_are_told_to_a_tenth() -> None:
    """Every fourth level takes 100 bytes: 25 on average."""
    level = iter(range(sys.maxsize))

    assert Holding(lambda: None if next(level) % 4 else bytes(67)).slopes() == [25.0, 25.0, 25.0]


def test_a_cost_that_grows_with_depth_is_seen() -> None:
    """A level costs 100 bytes up to the middle one, then 200; the first slope is that over all."""
    level = iter(range(sys.maxsize))

    slopes = Holding(lambda: bytes(67 if next(level) % LEVELS[-1] < LEVELS[1] else 167)).slopes()

    assert slopes == [round((336 * 100 + 500 * 200) / 836, 1), 100.0, 200.0]


def test_what_is_made_once_is_not_part_of_a_level() -> None:
    """Caches are filled by the first levels, which are not traced."""
    cache: dict[int, bytes] = {}
    level = iter(range(sys.maxsize))

    def enter() -> bytes:
        number = next(level) % LEVELS[-1]
        return cache.setdefault(number, b"x" * 1000 + bytes([number % 256]))

    assert Holding(enter).slopes() == [0.0, 0.0, 0.0]


def test_levels_are_let_go_in_reverse() -> None:
    """Each with what it was held by, before anything else is made."""
    log: list[tuple[str, int]] = []
    numbers = iter(range(sys.maxsize))

    def enter() -> int:
        number = next(numbers)
        log.append(("enter", number))
        return number

    Holding(enter, lambda held: log.append(("leave", held))).slopes()

    assert len(log) == HOLDS * 2 * LEVELS[-1]
    for hold in range(HOLDS):
        begin = hold * LEVELS[-1]
        numbers_of_it = range(begin, begin + LEVELS[-1])
        part = log[2 * begin : 2 * (begin + LEVELS[-1])]
        assert part == [
            *(("enter", number) for number in numbers_of_it),
            *(("leave", number) for number in reversed(numbers_of_it)),
        ]


def test_levels_are_held_in_a_context_of_their_own() -> None:
    """It is a copy of the caller's, to which nothing comes back."""
    variable: ContextVar[int] = ContextVar("variable")
    variable.set(7)
    first: list[int] = []

    def enter() -> None:
        if not first or variable.get() == 7:
            first.append(variable.get())
        variable.set(1)

    Holding(enter).slopes()

    assert first == [7] * HOLDS
    assert variable.get() == 7


def test_all_of_it_happens_in_its_world() -> None:
    """What is around is entered once, before the first level, and left after the last."""
    log: list[str] = []

    @contextmanager
    def world() -> Iterator[None]:
        log.append("in")
        yield
        log.append("out")

    Holding(lambda: log.append("level") if log[-1] == "in" else None, around=world).slopes()

    assert log == ["in", "level", "out"]


def test_who_traces_memory_already_is_not_disturbed() -> None:
    """Their figures would be ours and ours theirs."""
    tracemalloc.start()
    try:
        with pytest.raises(RuntimeError, match="while tracemalloc is tracing: stop it first"):
            Holding(object).slopes()

        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_nothing_is_traced_afterwards() -> None:
    """Tracing costs everybody who allocates."""
    Holding(object).slopes()

    assert not tracemalloc.is_tracing()


@pytest.mark.parametrize("hold", range(HOLDS))
def test_what_was_made_is_let_go_where_making_fails(hold: int) -> None:
    """In reverse, nothing but what was made, in each of the holds; and tracing ends."""
    begin = hold * LEVELS[-1]
    numbers = iter(range(begin + 70))
    left: list[int] = []

    def enter() -> int:
        number = next(numbers, None)
        if number is None:
            raise OSError("no more")
        return number

    with pytest.raises(OSError, match="no more"):
        Holding(enter, left.append).slopes()

    assert left[-70:] == [*reversed(range(begin, begin + 70))]
    assert len(left) == begin + 70
    assert not tracemalloc.is_tracing()


def test_garbage_of_before_does_not_count() -> None:
    """It is collected before the memory is read, so that no collection lets it go meanwhile."""

    def leave_garbage() -> None:
        cycle: list[Any] = [bytes(10_000)]
        cycle.append(cycle)

    for _ in range(50):
        leave_garbage()

    assert Holding(list).slopes() == [sys.getsizeof([])] * 3
    assert gc.isenabled()
