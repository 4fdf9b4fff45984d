"""Lays an expected tree over a recorded one, so that as little as possible differs, and lists what does (layer 3)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_telemetry.analysis.pairing import cheapest_pairs
from pytest_telemetry.analysis.reasons import differences, how_many, location, lost
from pytest_telemetry.analysis.rows import Row, written
from pytest_telemetry.model.assignment import Room, fill
from pytest_telemetry.model.matching import opens, plans
from pytest_telemetry.model.values import agrees
from pytest_telemetry.model.wording import label, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_telemetry.model.matching import Matcher, Plan, Slot
    from pytest_telemetry.model.pattern import Item, One
    from pytest_telemetry.model.record import Record

__all__ = ("Alignment", "counted")

_READINGS = 8
"""How many readings of a level with alternatives are compared to find the closest."""
_DEEP = 64
"""Pairs of a level for which what is inside is compared to find the closest; beyond it only own fields are."""


@dataclass(slots=True)
class Alignment:
    """The comparison of an expected tree, or of one expected span, with what was recorded.

    Attributes:
        matcher: Says what fits.
        rows: One per record, and per pattern without a record, in tree order.
        diagnoses: What is wrong, one sentence each, outermost first.
    """

    matcher: Matcher
    rows: list[Row] = field(default_factory=list)
    diagnoses: list[str] = field(default_factory=list)
    _costs: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def problems(self) -> int:
        """How many rows are not as expected."""
        return sum(row.mark != " " for row in self.rows)

    def level(self, items: Sequence[Item], nodes: Sequence[Record], place: str, depth: int = 0) -> None:
        """Add the rows of one level.

        Args:
            items: What was expected.
            nodes: All records of the level, in start order.
            place: Whose level it is, as the subject of a sentence.
            depth: Levels above it.
        """
        if self.matcher.level(items, nodes):
            self._as_expected(self._compared(nodes), depth)
            return
        attempts = []
        for plan in plans(items)[:_READINGS]:
            attempt = Alignment(self.matcher, _costs=self._costs)
            _Level(attempt, plan, nodes, place, depth, is_open=opens(items)).add()
            attempts.append(attempt)
        closest = min(attempts, key=lambda attempt: attempt.problems)
        self.rows += closest.rows
        self.diagnoses += closest.diagnoses or [f"{place} is not as expected"]

    def span(self, one: One, record: Record, depth: int = 0) -> None:
        """Add the rows of *record*, which stands where *one* was expected, and of what is inside it."""
        wrong = differences(one, record, self.matcher.records)
        note = "; ".join(difference.long() for difference in wrong)
        self.rows.append(Row(depth, "!" if wrong else " ", record, one, note))
        self.diagnoses += [
            f"{self.matcher.records.path(record)}: {difference.sentence()}{difference.hint}"
            for difference in wrong
        ]
        if one.items or self.matcher.exact:
            self.level(one.items, self.matcher.records.children(record), one.head(), depth + 1)
        else:
            self._as_expected(self.matcher.children(record), depth + 1)

    def explain_missing(self) -> None:
        """Say of what is missing where it was recorded instead, or why it was not."""
        everywhere = self.matcher.records.whole
        placed = {id(row.record) for row in self.rows if row.record is not None and row.mark != "+"}
        extra = {id(row.record): row for row in self.rows if row.mark == "+"}
        outer: list[Row] = []
        moves: list[tuple[Row, str]] = []
        for row in self.rows:
            del outer[row.depth :]
            outer.append(row)
            if row.mark != "-" or row.one is None:
                continue
            moved = self._elsewhere(row.one, placed, extra)
            if moved is None:
                reason = lost(row.one, everywhere)
                row.note = f"missing, {reason}" if reason else "missing"
                continue
            placed.add(id(moved))
            row.note = f"missing here; found {location(moved, everywhere)}"
            around = outer[-2].record if len(outer) > 1 else None
            expected = "at the top level" if around is None else f"in {everywhere.path(around)}"
            sentence = f"{label(moved, attrs=False)} is {location(moved, everywhere)}, expected {expected}"
            moves.append((row, sentence))
            if id(moved) in extra:
                extra[id(moved)].note = "moved"
                moves.append((extra[id(moved)], sentence))
        self._diagnose_moves(moves)

    def _elsewhere(self, one: One, placed: set[int], extra: Mapping[int, Row]) -> Record | None:
        """Return a record that *one* describes and that nothing else was expected to be, if possible a surplus one."""
        named = self.matcher.records.whole.named(one.kind, one.name)
        pool = sorted(
            (record for record in named if id(record) not in placed), key=lambda r: id(r) not in extra
        )
        return next((record for record in pool if self.matcher.own(one, record)), None)

    def _diagnose_moves(self, moves: Sequence[tuple[Row, str]]) -> None:
        """Put what moved in the place of the diagnoses of one record missing here and one too many there."""
        moved = {id(row) for row, _ in moves}
        unexplained = {row.because for row in self.rows if row.because and id(row) not in moved}
        explained = {
            row.because: sentence for row, sentence in moves if row.because and row.because not in unexplained
        }
        sentences = dict.fromkeys(sentence for _, sentence in moves if sentence in explained.values())
        if explained:
            first = min(self.diagnoses.index(diagnosis) for diagnosis in explained)
            kept = [diagnosis for diagnosis in self.diagnoses if diagnosis not in explained]
            self.diagnoses[:] = [*kept[:first], *sentences, *kept[first:]]

    def cost(self, one: One, record: Record, *, deep: bool) -> int | None:
        """Return how much *record* differs from *one*, or None if they have not even kind and name in common."""
        if record.kind != one.kind or not agrees(one.name, record.name):
            return None
        if not deep:
            return len(differences(one, record, self.matcher.records)) + (not self.matcher.fits(one, record))
        key = (id(one), id(record))
        if key not in self._costs:
            attempt = Alignment(self.matcher, _costs=self._costs)
            attempt.span(one, record)
            self._costs[key] = attempt.problems + attempt.rows[0].note.count("; ")
        return self._costs[key]

    def _compared(self, nodes: Sequence[Record]) -> list[Record]:
        return [node for node in nodes if node.kind in self.matcher.kinds]

    def _as_expected(self, nodes: Sequence[Record], depth: int) -> None:
        pending = [(depth, node) for node in reversed(nodes)]
        while pending:
            level, node = pending.pop()
            self.rows.append(Row(level, " ", node))
            pending.extend((level + 1, child) for child in reversed(self.matcher.children(node)))


class _Level:
    """One level that is not as expected, under one reading of its items."""

    def __init__(
        self,
        alignment: Alignment,
        plan: Plan,
        nodes: Sequence[Record],
        place: str,
        depth: int,
        *,
        is_open: bool,
    ) -> None:
        self.to = alignment
        self.matcher = alignment.matcher
        self.plan = plan
        self.everything = nodes
        self.nodes = alignment._compared(nodes)  # noqa: SLF001 - the same module
        self.place = place
        self.depth = depth
        self.is_open = is_open
        self.accepted = [
            [index for index, node in enumerate(self.nodes) if self.matcher.accepts(slot, node)]
            for slot in plan.slots
        ]
        self.slot_of = self._paired()
        self.held = Counter(self.slot_of.values())
        self.because: dict[tuple[str, str], str] = {}
        self.counted_short: set[int] = set()
        """Slots whose diagnosis is that too few, or too many, of what stands here are as they should be."""

    def add(self) -> None:
        """Add the rows and diagnoses of this level."""
        forbidden = self._forbidden()
        self._diagnose_matching()
        self._diagnose_counts()
        misplaced = {} if self._missing() else self._out_of_order()
        counted_here = {
            i
            for slot, nodes in zip(self.plan.slots, self.accepted, strict=True)
            if slot.counted
            for i in nodes
        }
        for index, node in enumerate(self.nodes):
            number = self.slot_of.get(index)
            if id(node) in forbidden:
                self._row("+", node, "must not be there")
            elif index in misplaced:
                self._row("!", node, misplaced[index])
            elif number is not None:
                told = len(self.to.diagnoses)
                self._filled(self.plan.slots[number], node)
                if number in self.counted_short:
                    del self.to.diagnoses[
                        told:
                    ]  # the row shows what would have to change; the count says the rest
            elif self.is_open and index not in counted_here:
                self.to._as_expected([node], self.depth)  # noqa: SLF001 - the same module
            else:
                self._row("+", node, "not expected", self.because.get((node.kind, node.name), ""))
        for node in self.everything:
            if id(node) in forbidden and node.kind not in self.matcher.kinds:
                self._row("+", node, "must not be there")
        for number, missing in self._missing().items():
            one = self.plan.slots[number].options[0]
            because = self.because.get((one.kind, repr(one.name)), "")
            self.to.rows.append(Row(self.depth, "-", None, one, "missing", missing, because))

    def _row(self, mark: str, node: Record, note: str, because: str = "") -> None:
        self.to.rows.append(Row(self.depth, mark, node, None, note, because=because))

    def _filled(self, slot: Slot, node: Record) -> None:
        if self.matcher.accepts(slot, node):
            self.to._as_expected([node], self.depth)  # noqa: SLF001 - the same module
            return
        close = [
            (cost, one) for one in slot.options if (cost := self.to.cost(one, node, deep=True)) is not None
        ]
        self.to.span(min(close, key=lambda pair: pair[0])[1], node, self.depth)

    def _paired(self) -> dict[int, int]:
        """Return the slot of each node: as many as possible that fit, then the closest of the others."""
        slots = self.plan.slots
        places = fill([Room(s.low, s.high, nodes) for s, nodes in zip(slots, self.accepted, strict=True)])
        held = Counter(places.values())
        free = [index for index in range(len(self.nodes)) if index not in places]
        units = [n for n, slot in enumerate(slots) for _ in range(min(slot.low - held[n], len(free)))]
        deep = len(units) * len(free) <= _DEEP
        costs: dict[tuple[int, int], int] = {}
        for unit, number in enumerate(units):
            for index in free:
                known = (self.to.cost(one, self.nodes[index], deep=deep) for one in slots[number].options)
                if found := [cost for cost in known if cost is not None]:
                    costs[unit, index] = min(found)
        places.update({index: units[unit] for unit, index in cheapest_pairs(costs).items()})
        return places

    def _missing(self) -> dict[int, int]:
        """Return how many records each slot lacks."""
        lacking = {number: slot.low - self.held[number] for number, slot in enumerate(self.plan.slots)}
        return {number: count for number, count in lacking.items() if count > 0}

    def _forbidden(self) -> set[int]:
        present: set[int] = set()
        for part in self.plan.forbidden:
            if not self.matcher.stands(part, self.everything):
                continue
            there = self.matcher.forbidden(part, self.everything)
            present.update(map(id, there))
            what = counted(there) if there else shorten(repr(part), 60)
            self.to.diagnoses.append(f"{self.place} has {what}, which must not be there")
        return present

    def _diagnose_matching(self) -> None:
        """Say of an open level how many records are as a counted pattern asks, where others have its name too."""
        if not self.is_open:
            return
        for number, slot in enumerate(self.plan.slots):
            here, matching = sum(_has_name(slot, node) for node in self.nodes), len(self.accepted[number])
            high = slot.high if slot.counted else None
            if not 0 < matching < here or (matching >= slot.low and (high is None or matching <= high)):
                continue
            if slot.low > 1 or slot.counted:
                self.counted_short.add(number)
                what = " or ".join(_described(one) for one in slot.options)
                diagnosis = f"{self.place} has {matching} x {what}, expected {how_many(slot.low, high)}"
                self.to.diagnoses.append(diagnosis)
                self.because.update({(one.kind, repr(one.name)): diagnosis for one in slot.options})

    def _diagnose_counts(self) -> None:
        """Say which names stand here too often or too rarely, those that were expected first."""
        alike: dict[object, list[int]] = {}
        for number, slot in enumerate(self.plan.slots):
            alike.setdefault(tuple((one.kind, repr(one.name)) for one in slot.options), []).append(number)
        known: set[int] = set()
        for numbers in alike.values():
            if not self.counted_short.isdisjoint(numbers):
                continue
            slots = [self.plan.slots[number] for number in numbers]
            here = [i for i, node in enumerate(self.nodes) if any(_has_name(slot, node) for slot in slots)]
            known.update(here)
            lacking = not self._missing().keys().isdisjoint(numbers)
            if not lacking and all(index in self.slot_of for index in here):
                continue
            all_match = set(here).issubset(i for number in numbers for i in self.accepted[number])
            if what := self._miscounted(
                slots, [self.nodes[i] for i in here], lacking=lacking, all_match=all_match
            ):
                self._diagnose(f"{self.place} {what}", (self.nodes[i] for i in here))
                self.because.update(
                    {(one.kind, repr(one.name)): f"{self.place} {what}" for one in slots[0].options}
                )
        surplus = [node for i, node in enumerate(self.nodes) if i not in known and i not in self.slot_of]
        if surplus and not self.is_open:
            self._diagnose(f"{self.place} has {counted(surplus)}, not expected", surplus)

    def _diagnose(self, diagnosis: str, nodes: Iterable[Record]) -> None:
        self.to.diagnoses.append(diagnosis)
        self.because.update({(node.kind, node.name): diagnosis for node in nodes})

    def _miscounted(
        self, slots: Sequence[Slot], here: Sequence[Record], *, lacking: bool, all_match: bool
    ) -> str:
        """Return what is wrong with the number of records of a name, as the end of a sentence; empty if nothing is."""
        low = sum(slot.low for slot in slots)
        high = None if any(slot.high is None for slot in slots) else sum(slot.high or 0 for slot in slots)
        if self.is_open and not (all_match and all(slot.counted for slot in slots)):
            high = None  # others of the name may stand here
        if not here and low:
            names = ", ".join(dict.fromkeys(written(slot.options[0]) for slot in slots))
            return f"lacks {names if low == 1 else f'{low} x {names}'}"
        if len(here) < low or (high is not None and len(here) > high):
            found = counted(here)
            return f"has {found if len(here) > 1 else f'1 x {found}'}, expected {how_many(low, high)}"
        return f"lacks {written(slots[0].options[0])}" if lacking else ""

    def _out_of_order(self) -> dict[int, str]:
        last = {number: index for index, number in sorted(self.slot_of.items())}
        notes: dict[int, str] = {}
        for index, number in sorted(self.slot_of.items()):
            later = [other for other in self.plan.slots[number].after if last.get(other, -1) > index]
            if later:
                other = label(self.nodes[last[min(later)]], attrs=False)
                notes[index] = f"before {other}, expected after it"
        if notes:
            first = next(iter(notes))
            self.to.diagnoses.append(
                f"{self.place}: {label(self.nodes[first], attrs=False)} comes {notes[first]}"
            )
        return notes


def counted(nodes: Iterable[Record]) -> str:
    """Return what *nodes* are and how many: ``3 x db.query, retry``."""
    names = Counter(label(node, attrs=False) for node in nodes)
    return shorten(", ".join(name if n == 1 else f"{n:,} x {name}" for name, n in names.items()), 60)


def _described(one: One) -> str:
    return f"{written(one)} with what was expected inside" if one.items else written(one)


def _has_name(slot: Slot, node: Record) -> bool:
    return any(one.kind == node.kind and agrees(one.name, node.name) for one in slot.options)
