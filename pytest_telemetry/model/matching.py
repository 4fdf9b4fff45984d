"""Decides whether a recording is what a Pattern describes (layer 0).

Everything is one question: can the records of a *level* be given to the items that were expected there? The
roots of a tree are a level, so are the children of a span, and all records of a recording, flat, are the level
that ``pattern in records`` asks about. At every level

- each pattern gets a record of its own, ``a * n`` gets all records that it describes, and they must be n;
- where the level is closed, no record of a compared kind may be left over; ``...`` opens it, and so does a level that
  names nothing but what must be absent;
- only kinds that are named somewhere in the expectation are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, TypeAlias

from pytest_telemetry.model.assignment import Places, Room, assign
from pytest_telemetry.model.pattern import (
    Absent,
    Both,
    Either,
    InOrder,
    Item,
    One,
    Pattern,
    Times,
    is_absence,
    is_single,
)
from pytest_telemetry.model.values import agrees

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Kind, Record
    from pytest_telemetry.model.records import Records

__all__ = (
    "Matcher",
    "Plan",
    "Slot",
    "all_kinds",
    "candidates",
    "expected_kinds",
    "flat_reading",
    "found",
    "found_all",
    "matching_records",
    "opens",
    "plans",
    "same_tree",
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place at a level.

    Attributes:
        options: The patterns any of which a record here must match.
        low: Fewest records.
        high: Most records; None for any number.
        counted: Whether every record that matches must stand here or in another slot, even in an open level.
        after: Indexes of the slots whose records come before these.
    """

    options: tuple[One, ...]
    low: int = 1
    high: int | None = 1
    counted: bool = False
    after: frozenset[int] = frozenset()


@dataclass(slots=True)
class Plan:
    """One way to read the items of a level, with every choice taken.

    Attributes:
        slots: The places to fill.
        forbidden: What no record of the level may match.
    """

    slots: list[Slot] = field(default_factory=list)
    forbidden: list[Pattern] = field(default_factory=list)

    def add(self, other: Plan, *, in_order: bool) -> None:
        """Add the slots of *other*, to be filled after those that are here if *in_order*."""
        offset = len(self.slots)
        before = frozenset(range(offset)) if in_order else frozenset()
        for slot in other.slots:
            after = before | {offset + index for index in slot.after}
            self.slots.append(Slot(slot.options, slot.low, slot.high, slot.counted, after))
        self.forbidden += other.forbidden

    def condensed(self) -> Plan:
        """Return the plan with equal slots made one, so that a hundred like patterns cost no more than one."""
        if len(self.slots) == 1 or any(slot.after for slot in self.slots):
            return self
        equal: dict[tuple[One, ...], int] = {}
        counted: list[Slot] = []
        for slot in self.slots:
            if slot.counted:
                counted.append(slot)
            else:
                equal[slot.options] = equal.get(slot.options, 0) + 1
        return Plan([*(Slot(options, n, n) for options, n in equal.items()), *counted], self.forbidden)


def plans(items: Sequence[Item]) -> list[Plan]:
    """Return every way to read the items of a level; several where ``|`` joins more than single records."""
    parts = [item for item in items if isinstance(item, Pattern)]
    return [plan.condensed() for plan in _combined(parts, in_order=False)]


def _combined(parts: Sequence[Pattern], *, in_order: bool) -> Iterator[Plan]:
    for choice in product(*(list(_readings(part)) for part in parts)):
        plan = Plan()
        for reading in choice:
            plan.add(reading, in_order=in_order)
        yield plan


def _readings(pattern: Pattern) -> Iterator[Plan]:
    if is_single(pattern):
        yield Plan([Slot(tuple(pattern.ones()))])
    elif isinstance(pattern, Times | Absent) and is_absence(pattern):
        yield Plan([], [pattern.part])
    elif isinstance(pattern, Times):
        yield Plan([Slot(tuple(pattern.ones()), pattern.counts.low, pattern.counts.high, counted=True)])
    elif isinstance(pattern, Either):
        for part in pattern.parts:
            yield from _readings(part)
    elif isinstance(pattern, InOrder | Both):
        yield from _combined(pattern.parts, in_order=isinstance(pattern, InOrder))


Level: TypeAlias = Sequence["Record"]


class Matcher:
    """Matches levels of one recording.

    Args:
        records: The recording or a view of it; says which record is inside which.
        kinds: The kinds that are compared.
        exact: Whether a pattern without items says that nothing is inside, and not merely says nothing.
    """

    def __init__(self, records: Records, kinds: frozenset[Kind], *, exact: bool) -> None:
        self.records = records
        self.kinds = kinds
        self.exact = exact
        self._known: dict[tuple[int, int], bool] = {}
        self._plans: dict[int, list[Plan]] = {}
        self._absences: dict[int, Matcher] = {}

    def children(self, record: Record) -> list[Record]:
        """Return what is inside *record*, of the kinds that are compared."""
        return [child for child in self.records.children(record) if child.kind in self.kinds]

    def own(self, one: One, record: Record) -> bool:
        """Return whether *record* itself, at the stage that is asked for, matches *one*."""
        if one.stage == "call":
            return one.matches(self.records.called(record))
        return one.matches(record) and not self.records.was_filtered(record)

    def fits(self, one: One, record: Record) -> bool:
        """Return whether *record* and what is inside it match *one*."""
        return self.own(one, record) and self._holds(one, record)

    def _holds(self, one: One, record: Record) -> bool:
        """Return whether what is inside *record* matches *one*."""
        if not one.items:
            return not self.exact or not self.records.children(record) or not self.children(record)
        key = (id(one), id(record))
        if key not in self._known:
            self._known[key] = self.level(one.items, self.records.children(record))
        return self._known[key]

    def level(self, items: Sequence[Item], nodes: Level) -> bool:
        """Return whether the records of one level are what *items* describe."""
        return self.reading(items, nodes) is not None

    def reading(
        self, items: Sequence[Item], nodes: Level, *, flat: bool = False
    ) -> tuple[Plan, Places] | None:
        """Return the plan that the level fulfils and the slot of each node by position, or None.

        Args:
            items: What was expected.
            nodes: The records of the level in start order.
            flat: Whether other records may stand there, whatever *items* say, as in ``pattern in records``.
        """
        compared = [node for node in nodes if node.kind in self.kinds]
        is_open = flat or opens(items)
        if id(items) not in self._plans:
            self._plans[id(items)] = plans(items)
        for plan in self._plans[id(items)]:
            if any(self.stands(part, nodes) for part in plan.forbidden):
                continue
            places = self._places(plan, compared, is_open=is_open)
            if places is not None:
                return plan, places
        return None

    def accepts(self, slot: Slot, record: Record) -> bool:
        """Return whether *record* may stand in *slot*."""
        for one in slot.options:  # noqa: SIM110 - asked most often, and a loop is faster than any()
            if self.fits(one, record):
                return True
        return False

    def forbidden(self, part: Pattern, nodes: Level) -> list[Record]:
        """Return the records of a level that *part*, which must be absent there, describes one by one.

        Nothing is said about the inside of a record that must be absent, unless it is listed.
        """
        matcher = self._for_absence(part)
        ones = tuple(part.ones()) if is_single(part) else ()
        return [node for node in nodes if any(matcher.fits(one, node) for one in ones)]

    def stands(self, part: Pattern, nodes: Level) -> bool:
        """Return whether *part*, which must be absent, is at the level."""
        if is_single(part):
            return bool(self.forbidden(part, nodes))
        return self._for_absence(part).reading((part,), nodes, flat=True) is not None

    def _for_absence(self, part: Pattern) -> Matcher:
        if id(part) not in self._absences:
            self._absences[id(part)] = Matcher(self.records, all_kinds((part,)), exact=False)
        return self._absences[id(part)]

    def _places(self, plan: Plan, nodes: Level, *, is_open: bool) -> Places | None:
        if is_open and len(plan.slots) == 1 and plan.slots[0].low == 1 and not plan.slots[0].counted:
            return next(
                ({index: 0} for index, node in enumerate(nodes) if self.accepts(plan.slots[0], node)), None
            )
        rooms, must = [], set() if is_open else set(range(len(nodes)))
        alike: dict[tuple[str, str], list[int]] = {}
        for index, node in enumerate(nodes):
            alike.setdefault((node.kind, node.name), []).append(index)
        for slot in plan.slots:
            accepted = self._accepted(slot, nodes, alike)
            rooms.append(Room(slot.low, slot.high, accepted, slot.after))
            if slot.counted:
                must.update(accepted)
        return assign(rooms, must)

    def _accepted(self, slot: Slot, nodes: Level, alike: dict[tuple[str, str], list[int]]) -> list[int]:
        """Return which nodes may stand in *slot*; *alike* are those of one kind and name, asked for once."""
        accepted: set[int] = set()
        for one in slot.options:
            for (kind, name), indexes in alike.items():
                if one.stage == "call":
                    accepted.update(index for index in indexes if self.fits(one, nodes[index]))
                elif kind == one.kind and agrees(one.name, name):
                    accepted.update(index for index in indexes if self._fits_alike(one, nodes[index]))
        return sorted(accepted)

    def _fits_alike(self, one: One, record: Record) -> bool:
        """Return whether *record*, whose kind and name are known to agree, matches *one* for the rest."""
        if not one.conditions_hold(record) or self.records.was_filtered(record):
            return False
        return self._holds(one, record)


def opens(items: Sequence[Item]) -> bool:
    """Return whether records that no item describes may stand at the level of *items*."""
    return ... in items or (bool(items) and all(map(is_absence, items)))


def same_tree(records: Records, items: Sequence[Item]) -> bool:
    """Return whether *items* describe the whole tree of *records*, apart from kinds that they do not name."""
    kinds = expected_kinds(items)
    roots = records.roots if "span" in kinds else records
    return Matcher(records, kinds, exact=True).level(items, roots)


def found(pattern: Pattern, records: Records) -> bool:
    """Return whether *records* somewhere, at any depth, hold what *pattern* describes."""
    return found_all((pattern,), records)


def found_all(patterns: Sequence[Pattern], records: Records) -> bool:
    """Return whether *records* hold what each of *patterns* describes, in records of its own."""
    return flat_reading(patterns, records) is not None


def matching_records(pattern: Pattern, records: Records) -> list[Record]:
    """Return every record that *pattern* describes, with what is inside it, in start order.

    Raises:
        TypeError: The pattern describes several records.
    """
    if not is_single(pattern):
        raise TypeError(f"{pattern!r} describes several records; ask for one of its parts")
    matcher = Matcher(records, all_kinds((pattern,)), exact=False)
    ones = tuple(pattern.ones())
    return [record for record in candidates(ones, records) if any(matcher.fits(one, record) for one in ones)]


def flat_reading(patterns: Sequence[Pattern], records: Records) -> tuple[list[Record], Plan, Places] | None:
    """Return the records that came into question, the plan they fulfil and who stands where; None if none does."""
    nodes = candidates([one for pattern in patterns for one in pattern.ones()], records)
    matcher = Matcher(records, all_kinds(patterns), exact=False)
    reading = matcher.reading(patterns, nodes, flat=True)
    return None if reading is None else (nodes, *reading)


def candidates(ones: Sequence[One], records: Records) -> list[Record]:
    """Return in start order the records whose kind and name one of *ones* asks for."""
    if any(one.stage == "call" for one in ones):
        return list(records.with_filtered())  # a processor may have changed the name that is asked for
    groups = {(one.kind, one.name) if isinstance(one.name, str) else id(one): one for one in ones}
    chosen = [records.named(one.kind, one.name) for one in groups.values()]
    if len(chosen) == 1:
        return chosen[0]
    unique = {id(record): record for group in chosen for record in group}
    return sorted(unique.values(), key=records.position)


def expected_kinds(items: Sequence[Item]) -> frozenset[Kind]:
    """Return the kinds that *items* ask for, anywhere."""
    return frozenset().union(*(item.kinds() for item in items if isinstance(item, Pattern)))


def all_kinds(patterns: Sequence[Pattern]) -> frozenset[Kind]:
    """Return the kinds named in *patterns*, also in those that say what must be absent."""
    return frozenset().union(*(one.kinds() for pattern in patterns for one in pattern.ones()))
