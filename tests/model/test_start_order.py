"""The order in which records began, and what they happened in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.pattern import event, span
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.start_order import in_start_order, nearest_parents, parents_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from pytest_telemetry.model.records import Records


def record(name: str, time_ns: int | None = 0, parent: str | None = None) -> Record:
    """Return a span whose id is its name."""
    return Record("span", name, name, time_ns, 0, span_id=name, parent_id=parent)


def names(records: list[Record]) -> str:
    """Return the names in order."""
    return "".join(each.name for each in records)


@given(st.randoms(use_true_random=False))
def test_records_are_sorted_by_start(random: Random) -> None:
    """Arrival does not matter where times differ."""
    arrived = [record(name, time) for time, name in enumerate("abcdef")]
    random.shuffle(arrived)

    assert names(in_start_order(arrived)) == "abcdef"


def test_at_equal_times_spans_come_before_what_is_inside_them() -> None:
    """Spans arrive when they end, innermost first; on a standing clock the tree decides, then arrival."""
    arrived = [record("c", 0, "b"), record("b", 0, "a"), record("d", 0, "a"), record("a"), record("e")]

    assert names(in_start_order(arrived)) == "abcde"


def test_a_parent_that_began_later_stays_later() -> None:
    """Where clocks differ, each record stands at its own time."""
    arrived = [record("b", 1, "c"), record("a", 0), record("c", 2)]

    assert names(in_start_order(arrived)) == "abc"


def test_records_without_a_time_stay_behind_what_arrived_before_them() -> None:
    """A line of a log without a readable time has its place in the file."""
    arrived = [record("a", None), record("c", 5), record("d", None), record("b", 3), record("e", 9)]

    assert names(in_start_order(arrived)) == "bacde"


def test_a_damaged_log_does_not_hang() -> None:
    """Records that are inside each other, or inside themselves, are still put in order."""
    arrived = [record("a", 0, "b"), record("b", 0, "a"), record("c", 0, "c")]

    assert sorted(names(in_start_order(arrived))) == ["a", "b", "c"]


def test_parents_are_found_by_id() -> None:
    """Only spans are parents; a parent that is not there makes a root."""
    a, b, c = record("a"), record("b", 1, "a"), record("c", 2, "gone")
    note = replace(record("a", 3), kind="event")

    parents = parents_of([a, b, c, note])

    assert parents == {id(b): a}


def test_a_circle_of_parents_begins_with_a_root() -> None:
    """Every record stays reachable from a root."""
    a, b, c, d = record("a", 0, "c"), record("b", 1, "a"), record("c", 2, "b"), record("d", 3, "d")

    parents = parents_of([a, b, c, d])

    assert parents == {id(b): a, id(c): b}


def test_a_child_that_began_before_its_parent_keeps_it() -> None:
    """Clocks of two machines differ; links count more than times."""
    child, parent = record("b", 0, "a"), record("a", 1)

    assert parents_of([child, parent]) == {id(child): parent}


def test_the_nearest_parent_in_a_part_is_found_through_those_left_out(
    recorded: Callable[..., Records],
) -> None:
    """Leaving out a level does not cut what is below it loose."""
    outer, middle, inner = recorded(span("a", span("b", event("c"))))

    nearest = nearest_parents([outer, inner], parents_of([outer, middle, inner]))

    assert nearest == {id(inner): outer}
