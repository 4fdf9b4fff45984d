"""Records stay small, and say what was left out."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pytest_telemetry.model.record import Record
from pytest_telemetry.processors import SizeLimits


def record(**changes: Any) -> Record:
    return Record(**{"kind": "event", "name": "a", "scope": "a", "time_ns": 1, **changes})


def limited(value: Any, **limits: int) -> Any:
    return SizeLimits(**limits)(record(attrs={"x": value})).attrs["x"]


def test_a_long_text_ends_in_a_mark_that_counts() -> None:
    """The mark is part of the limit."""
    after = limited("a" * 1_280, max_text=50)

    assert after == "a" * 28 + "...[+1,252 characters]"
    assert len(after) == 50


@pytest.mark.parametrize("length", [50, 51, 52, 100, 1_049, 10_000])
def test_no_text_is_longer_than_the_limit(length: int) -> None:
    """Bytes neither, and what was kept and what was left out add up."""
    text = limited("é" * length, max_text=50)
    octets = limited(b"e" * length, max_text=50)

    assert len(text) <= 50
    assert len(octets) <= 50
    if length == 50:
        assert (text, octets) == ("é" * 50, b"e" * 50)
    else:
        left_out = int(text.partition("[+")[2].partition(" ")[0].replace(",", ""))
        assert text.count("é") + left_out == length
        assert octets.endswith((b" bytes]", b" byte]"))


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ([1, 2, 3, 4, 5], [1, 2, "...[+3 items]"]),
        ((1, 2, 3, 4), (1, 2, "...[+2 items]")),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, {"a": 1, "b": 2, "...": "[+2 items]"}),
        ({"a": 1, "...": 2, "c": 3, "d": 4}, {"a": 1, "...": 2, "...~": "[+2 items]"}),
        ([[[1]]], [["...[+1 item]"]]),
        ([{"a": {"b": 1, "c": 2}}], [{"a": "...[+2 items]"}]),
    ],
)
def test_containers_are_cut_in_number_and_depth(value: Any, after: Any) -> None:
    """With a mark in the last place."""
    assert limited(value, max_items=3, max_depth=2) == after


def test_a_set_becomes_a_list_when_it_is_cut() -> None:
    """A mark among its members would have no place."""
    after = limited(set(range(10)), max_items=4)

    assert len(after) == 4
    assert after[-1] == "...[+7 items]"


def test_attributes_are_cut_in_number() -> None:
    """The first ones are kept."""
    after = SizeLimits(max_attrs=3)(record(attrs={f"k{n}": n for n in range(1_236)}))

    assert after.attrs == {"k0": 0, "k1": 1, "...": "[+1,234 attributes]"}


def test_names_errors_values_and_keys_have_the_same_limit() -> None:
    """Whatever observed code wrote."""
    long = "a" * 60

    after = SizeLimits(max_text=40)(
        record(name=long, scope=long, error=long, value=[long], attrs={long: long})
    )

    texts = [after.name, after.scope, after.error, *after.value, *after.attrs, *after.attrs.values()]
    assert {len(text or "") for text in texts} == {40}


def test_a_record_within_the_limits_is_the_very_same() -> None:
    """And what is cut is a copy; what is unknown is left to the log, which has a limit of its own."""
    limits = SizeLimits(max_text=40, max_items=3, max_depth=2, max_attrs=3)
    small = record(attrs={"a": [1, {"b": "c"}], "b": object(), "c": 10**50})
    large = record(attrs={"a": ["x" * 50, [1, 2, 3, 4]]})
    before = copy.deepcopy(large)

    assert limits(small) is small
    after = limits(large)
    assert large == before
    assert limits(after) is after


def test_cycles_and_sharing_cost_no_more_than_what_there_is() -> None:
    """However many ways lead to a container, it is cut once for each depth."""
    cyclic: list[Any] = []
    cyclic.extend([cyclic] * 900)
    wide: Any = ["x"]
    for _ in range(60):
        wide = [wide] * 100

    after = SizeLimits(max_depth=16)(record(attrs={"a": cyclic, "b": wide}))

    inner = after.attrs["a"]
    for _ in range(15):
        inner = inner[0]
    assert inner == ["...[+900 items]"] * 900


class Unreadable(Mapping[str, str]):
    def __getitem__(self, key: str) -> str:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise OSError("gone")

    def __len__(self) -> int:
        return 1


def test_a_container_that_cannot_be_read_is_left_to_the_log() -> None:
    """It would be kept as its text."""
    value = Unreadable()

    assert limited(value) is value


def test_what_was_cut_is_counted() -> None:
    """Texts, containers, and records that lost attributes."""
    limits = SizeLimits(max_text=40, max_items=2, max_depth=1, max_attrs=2)

    limits(record(attrs={"a": "x" * 50, "b": [1, 2, 3], "c": 1}))
    limits(record(attrs={"a": [1, 2, 3], "b": [[1]]}))

    assert limits.statistics() == {"texts": 1, "containers": 2, "attrs": 1}


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_text": 39}, "max_text is at least 40, not 39"),
        ({"max_items": 1}, "max_items is at least 2, not 1"),
        ({"max_depth": 0}, "max_depth is from 1 to 64, not 0"),
        ({"max_depth": 65}, "max_depth is from 1 to 64, not 65"),
        ({"max_attrs": 1}, "max_attrs is at least 2, not 1"),
    ],
)
def test_a_limit_without_room_for_its_mark_is_refused(limits: dict[str, int], said: str) -> None:
    """With what would do."""
    with pytest.raises(ValueError, match=said):
        SizeLimits(**limits)
