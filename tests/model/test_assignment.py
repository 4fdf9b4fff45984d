"""Giving nodes to slots: against a search through all possibilities."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_telemetry.model.assignment import Places, Room, assign, fill

NODES = 4


def rooms(*, ordered: bool) -> st.SearchStrategy[list[Room]]:
    """Return up to three slots over four nodes, each of which may come after those before it."""

    @st.composite
    def draw_rooms(draw: st.DrawFn) -> list[Room]:
        drawn = []
        for index in range(draw(st.integers(1, 3))):
            low = draw(st.integers(0, 2))
            high = draw(st.none() | st.integers(max(low, 1), 3))
            nodes = sorted(draw(st.sets(st.integers(0, NODES - 1))))
            after = draw(st.sets(st.integers(0, index - 1))) if ordered and index else set()
            drawn.append(Room(low, high, nodes, frozenset(after)))
        return drawn

    return draw_rooms()


def is_valid(places: Places, slots: list[Room], must: set[int]) -> bool:
    """Return whether *places* keeps every promise of `assign`."""
    held = {index: [node for node, at in places.items() if at == index] for index in range(len(slots))}
    return must <= places.keys() and all(
        room.low <= len(held[index]) <= (NODES if room.high is None else room.high)
        and set(held[index]) <= set(room.nodes)
        and all(max(held[other], default=-1) < min(held[index], default=NODES) for other in room.after)
        for index, room in enumerate(slots)
    )


def all_assignments(slots: list[Room]) -> list[Places]:
    """Return everything that could be tried."""
    choices = product([None, *range(len(slots))], repeat=NODES)
    return [{node: at for node, at in enumerate(choice) if at is not None} for choice in choices]


@settings(max_examples=300)
@given(rooms(ordered=False) | rooms(ordered=True), st.sets(st.integers(0, NODES - 1)))
def test_an_assignment_is_found_exactly_if_there_is_one(slots: list[Room], must: set[int]) -> None:
    """What is returned is valid, and None is returned only where nothing is."""
    possible = any(is_valid(places, slots, must) for places in all_assignments(slots))

    places = assign(slots, must)

    assert (places is not None) is possible
    assert places is None or is_valid(places, slots, must)


@given(st.lists(st.sets(st.integers(0, NODES - 1)).map(sorted), min_size=2, max_size=3))
def test_a_row_of_single_slots_is_filled_exactly_if_it_can_be(accepted: list[list[int]]) -> None:
    """Each takes the first node behind the one before it, and that is enough."""
    slots = [Room(1, 1, nodes, frozenset(range(index))) for index, nodes in enumerate(accepted)]

    places = assign(slots, set())

    assert (places is not None) is any(is_valid(places, slots, set()) for places in all_assignments(slots))
    assert places is None or is_valid(places, slots, set())


@given(rooms(ordered=False))
def test_filling_gives_a_slot_to_as_many_nodes_as_possible(slots: list[Room]) -> None:
    """No other way to respect what slots accept gives a place to more nodes."""
    free = [Room(0, room.high, room.nodes) for room in slots]
    most = max(len(places) for places in all_assignments(free) if is_valid(places, free, set()))

    places = fill(slots)

    assert is_valid(places, free, set())
    assert len(places) == most


@pytest.mark.parametrize(
    ("slots", "must", "places"),
    [
        # a slot gets its only nodes from slots that find others
        ([Room(1, 1, [0, 1]), Room(1, 1, [2, 3]), Room(1, 1, [0, 2])], set(), {1: 0, 2: 1, 0: 2}),
        # a node that needs a place moves another one
        ([Room(0, 1, [0, 1]), Room(0, 1, [0])], {0, 1}, {0: 1, 1: 0}),
        # a chain of moves
        ([Room(0, 1, [0, 1]), Room(0, 1, [0, 2]), Room(0, 1, [2])], {0, 1, 2}, {1: 0, 0: 1, 2: 2}),
        # a node that needs no place makes room
        ([Room(1, 1, [0, 1])], {1}, {1: 0}),
        # nothing may follow what comes after it
        ([Room(1, None, [0, 2]), Room(1, 1, [1], frozenset({0}))], {0, 1}, {0: 0, 1: 1}),
        ([Room(1, None, [0, 2]), Room(1, 1, [1], frozenset({0}))], {0, 1, 2}, None),
    ],
)
def test_nodes_make_room_for_each_other(slots: list[Room], must: set[int], places: Places | None) -> None:
    """Small cases that need each kind of move."""
    assert assign(slots, must) == places


def test_thousands_of_like_nodes_are_no_problem() -> None:
    """Neither recursion nor the number of states grows with the number of nodes."""
    nodes = list(range(5_000))
    choosy = [Room(2_500, 2_500, nodes), Room(2_500, 2_500, nodes[:2_500])]
    sequence = [Room(1, None, nodes), Room(1, 1, nodes, frozenset({0}))]

    assert assign(choosy, set(nodes)) is not None
    assert assign(sequence, set(nodes)) is not None


def test_an_order_with_too_many_states_is_still_solved_if_it_is_easy() -> None:
    """Beyond the limit only the fullest states are kept, and the plain solution is among them."""
    nodes = list(range(30))
    many = [Room(1, 1, nodes) for _ in range(20)]

    places = assign([*many, Room(1, 1, nodes, frozenset(range(20)))], set())

    assert places is not None
    assert set(places.values()) == set(range(21))
