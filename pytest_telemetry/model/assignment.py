"""Gives each node of one level to a slot that accepts it, exactly, in polynomial time without an order (layer 0).

Nodes and slots are plain numbers here; what they stand for is the business of `pytest_telemetry.model.matching`.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias

__all__ = ("Places", "Room", "assign", "fill")

Places: TypeAlias = dict[int, int]
"""The slot of each node that has one."""

_WIDEST: Final = 1024
"""States kept per node while an order is solved; beyond it the fullest are kept, and a solution may be missed."""


@dataclass(slots=True)
class Room:
    """A slot: how many nodes it needs and takes, and which.

    Attributes:
        low: Fewest nodes.
        high: Most nodes; None for any number.
        nodes: The nodes it accepts, ascending.
        after: The slots whose nodes must all come before its own.
    """

    low: int
    high: int | None
    nodes: list[int]
    after: frozenset[int] = field(default_factory=frozenset)

    def has_place(self, held: int) -> bool:
        """Return whether it takes another node."""
        return self.high is None or held < self.high


def assign(rooms: list[Room], must: set[int]) -> Places | None:
    """Return a slot for every node in *must*, such that each slot gets at least its fewest and at most its most.

    Nodes that are not in *must* may stay without a slot. None means that there is no such assignment.
    """
    if any(len(room.nodes) < room.low for room in rooms):
        return None
    if len(rooms) == 1 and rooms[0].high in (None, len(rooms[0].nodes)) and must.issubset(rooms[0].nodes):
        return dict.fromkeys(rooms[0].nodes, 0)
    if any(room.after for room in rooms):
        return _one_by_one(rooms) if not must and _is_row(rooms) else _in_order(rooms, must)
    flow = _Flow(rooms, must)
    return flow.place if flow.solve() else None


def fill(rooms: list[Room]) -> Places:
    """Return an assignment of as many nodes as there can be, the fewest that slots need first; orders are ignored."""
    flow = _Flow(rooms, {node for room in rooms for node in room.nodes})
    flow.take_fewest()
    for index, room in enumerate(rooms):
        while len(flow.held[index]) < room.low and flow.draw(index, {index}):
            pass
    for node in sorted(flow.must - flow.place.keys()):
        flow.settle(node, set())
    return flow.place


class _Flow:
    """Augmenting paths with lower bounds.

    Slots first take their fewest, then every node that must have a slot gets one. No path empties a slot below
    what it had, so the second step keeps what the first achieved.
    """

    def __init__(self, rooms: list[Room], must: set[int]) -> None:
        self.rooms = rooms
        self.must = must
        self.place: Places = {}
        self.held: list[set[int]] = [set() for _ in rooms]
        self.rooms_of: dict[int, list[int]] = {}
        for index, room in enumerate(rooms):
            for node in room.nodes:
                self.rooms_of.setdefault(node, []).append(index)

    def take_fewest(self) -> None:
        """Give free nodes to slots until they have their fewest, or no free node that they accept is left."""
        choosiest_first = sorted(range(len(self.rooms)), key=lambda index: len(self.rooms[index].nodes))
        for index in choosiest_first:
            free = (node for node in self.rooms[index].nodes if node not in self.place)
            for node in islice(free, self.rooms[index].low):
                self._put(node, index)

    def solve(self) -> bool:
        """Return whether there is an assignment; if so it is `place`."""
        self.take_fewest()
        for index, room in enumerate(self.rooms):
            while len(self.held[index]) < room.low:
                if not self.draw(index, {index}):
                    return False
        return all(node in self.place or self.settle(node, set()) for node in self.must)

    def _put(self, node: int, index: int) -> None:
        before = self.place.get(node)
        if before is not None:
            self.held[before].discard(node)
        self.place[node] = index
        self.held[index].add(node)

    def draw(self, index: int, visited: set[int]) -> bool:
        """Get one more node for slot *index*, if need be from a slot that finds another one for itself."""
        for node in self.rooms[index].nodes:
            if node not in self.place:
                self._put(node, index)
                return True
        for node in self.rooms[index].nodes:
            owner = self.place[node]
            if owner in visited:
                continue
            visited.add(owner)
            if self.draw(owner, visited):
                self._put(node, index)
                return True
        return False

    def settle(self, node: int, visited: set[int]) -> bool:
        """Find a slot for *node*, if need be by moving another node out of it."""
        for index in self.rooms_of.get(node, ()):
            if index in visited:
                continue
            visited.add(index)
            held = self.held[index]
            if self.rooms[index].has_place(len(held)):
                self._put(node, index)
                return True
            for other in tuple(held):
                if other not in self.must:
                    held.discard(other)
                    del self.place[other]
                    self._put(node, index)
                    return True
                if self.settle(other, visited):
                    self._put(node, index)
                    return True
        return False


def _is_row(rooms: list[Room]) -> bool:
    """Return whether each slot takes one node, after those of all slots before it: ``a >> b >> c``."""
    return all(
        room.low == room.high == 1 and len(room.after) == index and all(other < index for other in room.after)
        for index, room in enumerate(rooms)
    )


def _one_by_one(rooms: list[Room]) -> Places | None:
    """Give each slot of a row the first node that it accepts behind the one before it; nothing else does better."""
    places: Places = {}
    last = -1
    for index, room in enumerate(rooms):
        position = bisect_right(room.nodes, last)
        if position == len(room.nodes):
            return None
        last = room.nodes[position]
        places[last] = index
    return places


_State: TypeAlias = tuple[int, ...]


def _in_order(rooms: list[Room], must: set[int]) -> Places | None:
    """Go through the nodes in order, keeping every distinct count of nodes per slot that can be reached."""
    rooms_of: dict[int, list[int]] = {}
    for index, room in enumerate(rooms):
        for node in room.nodes:
            rooms_of.setdefault(node, []).append(index)
    nodes = sorted(rooms_of)
    if must - rooms_of.keys():
        return None
    before = [sorted(room.after) for room in rooms]
    later = [[j for j, room in enumerate(rooms) if index in room.after] for index in range(len(rooms))]
    last_must = max(must, default=-1)
    layer: dict[_State, tuple[_State, int | None]] = {(0,) * len(rooms): ((), None)}
    layers = [layer]
    for node in nodes:
        if node > last_must and any(_is_full(state, rooms) for state in layer):
            break
        following: dict[_State, tuple[_State, int | None]] = {}
        for state in layer:
            for index in rooms_of[node]:
                if _may_take(state, index, rooms, before, later):
                    following.setdefault(_taken(state, index, rooms), (state, index))
            if node not in must:
                following.setdefault(state, (state, None))
        layer = _narrowed(following, rooms)
        layers.append(layer)
    final = next((state for state in layer if _is_full(state, rooms)), None)
    return None if final is None else _traced(layers, nodes, final)


def _is_full(state: _State, rooms: list[Room]) -> bool:
    return all(count >= room.low for count, room in zip(state, rooms, strict=True))


def _may_take(
    state: _State, index: int, rooms: list[Room], before: list[list[int]], later: list[list[int]]
) -> bool:
    return (
        rooms[index].has_place(state[index])
        and all(state[j] >= rooms[j].low for j in before[index])
        and not any(state[j] for j in later[index])
    )


def _taken(state: _State, index: int, rooms: list[Room]) -> _State:
    room, count = rooms[index], state[index]
    if room.high is None and count >= max(room.low, 1):
        return state  # more of them makes no difference, so that the number of states stays small
    return (*state[:index], count + 1, *state[index + 1 :])


def _narrowed(
    layer: dict[_State, tuple[_State, int | None]], rooms: list[Room]
) -> dict[_State, tuple[_State, int | None]]:
    if len(layer) <= _WIDEST:
        return layer
    fullest = sorted(layer, key=lambda state: -sum(map(min, state, (room.low for room in rooms))))
    return {state: layer[state] for state in fullest[:_WIDEST]}


def _traced(layers: list[dict[_State, tuple[_State, int | None]]], nodes: list[int], state: _State) -> Places:
    places: Places = {}
    for position in range(len(layers) - 1, 0, -1):
        state, index = layers[position][state]
        if index is not None:
            places[nodes[position - 1]] = index
    return places
