"""Puts records in the order in which they began, and finds what each one happened in (layer 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_telemetry.model.record import Record

__all__ = ("in_start_order", "nearest_parents", "parents_of")


def in_start_order(records: Sequence[Record]) -> list[Record]:
    """Return *records* by the time at which they began; at equal times parents come first, then arrival decides.

    A record without a time stays behind the one that arrived before it.
    """
    times = _times(records)
    order = sorted(range(len(records)), key=times.__getitem__)
    parents = _parent_indexes(records)
    ordered: list[Record] = []
    done: set[int] = set()
    for index in order:
        for member in _outermost_first(index, parents, times, done):
            ordered.append(records[member])
            done.add(member)
    return ordered


def parents_of(records: Sequence[Record]) -> dict[int, Record]:
    """Return, by ``id`` of the record, the span it happened in, for those whose span is among *records*.

    Where the links of a damaged log run in a circle, the first record of the circle has no parent.
    """
    spans = _spans(records)
    parents: dict[int, Record] = {}
    passed: set[int] = set()
    for record in records:
        passed.add(id(record))
        parent = None if record.parent_id is None else spans.get(record.parent_id)
        if parent is None or parent is record:
            continue
        if id(parent) not in passed and _is_around(record, parent, spans):
            continue
        parents[id(record)] = parent
    return parents


def nearest_parents(records: Sequence[Record], parents: Mapping[int, Record]) -> dict[int, Record]:
    """Return the nearest span around each record that is itself among *records*.

    Args:
        records: Part of a recording.
        parents: What `parents_of` says of the whole.
    """
    here = {id(record) for record in records}
    nearest: dict[int, Record] = {}
    for record in records:
        parent = parents.get(id(record))
        while parent is not None and id(parent) not in here:
            parent = parents.get(id(parent))
        if parent is not None:
            nearest[id(record)] = parent
    return nearest


def _times(records: Sequence[Record]) -> list[int]:
    times: list[int] = []
    last = next((record.time_ns for record in records if record.time_ns is not None), 0)
    for record in records:
        if record.time_ns is not None:
            last = record.time_ns
        times.append(last)
    return times


def _spans(records: Sequence[Record]) -> dict[str, Record]:
    """Return the spans by their id; of two with one id the first."""
    spans: dict[str, Record] = {}
    for record in records:
        if record.span_id is not None and record.kind == "span":
            spans.setdefault(record.span_id, record)
    return spans


def _parent_indexes(records: Sequence[Record]) -> list[int | None]:
    spans: dict[str, int] = {}
    for index, record in enumerate(records):
        if record.span_id is not None and record.kind == "span":
            spans.setdefault(record.span_id, index)
    return [None if record.parent_id is None else spans.get(record.parent_id) for record in records]


def _outermost_first(
    index: int, parents: Sequence[int | None], times: Sequence[int], done: set[int]
) -> Iterator[int]:
    """Yield *index* unless it is done, after those spans around it that began at the same time and are not done."""
    chain: list[int] = []
    current: int | None = index
    while (
        current is not None
        and current not in done
        and times[current] == times[index]
        and current not in chain
    ):
        chain.append(current)
        current = parents[current]
    return reversed(chain)


def _is_around(record: Record, other: Record, spans: Mapping[str, Record]) -> bool:
    """Return whether *other* is inside *record*, as far as the links say."""
    seen: set[int] = set()
    current: Record | None = other
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        current = None if current.parent_id is None else spans.get(current.parent_id)
        if current is record:
            return True
    return False
