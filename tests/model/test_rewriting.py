"""Changing texts wherever they stand, and nothing else."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import pytest

from pytest_telemetry.model.record import Record
from pytest_telemetry.model.rewriting import rewritten, rewritten_record


def louder(text: str, field: str) -> str:
    del field
    return text.replace("bad", "GOOD")


class Opaque:
    def __repr__(self) -> str:
        return "<Opaque bad>"


class Unreadable(Mapping[str, str]):
    def __getitem__(self, key: str) -> str:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise OSError("gone bad")

    def __len__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return "<bad mapping>"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a bad day", "a GOOD day"),
        (["bad", 1], ["GOOD", 1]),
        (("x", ("bad",)), ("x", ("GOOD",))),
        ({"k": {"bad": "bad"}}, {"k": {"GOOD": "GOOD"}}),
        ({"s": {"bad"}}, {"s": frozenset({"GOOD"})}),
        (frozenset({("bad", 1)}), frozenset({("GOOD", 1)})),
        (b"so bad \xff", b"so GOOD \xff"),
        (bytearray(b"bad"), bytearray(b"GOOD")),
        (PurePosixPath("/x/bad"), "/x/GOOD"),
        ({PurePosixPath("bad"): 1, 2: "bad", ("bad",): 3}, {"GOOD": 1, 2: "GOOD", "('GOOD',)": 3}),
        (ValueError("bad"), "ValueError('GOOD')"),
        (Opaque(), "<Opaque GOOD>"),
        (OrderedDict(a="bad", b=1), {"a": "GOOD", "b": 1}),
        (MappingProxyType({"a": "bad"}), {"a": "GOOD"}),
        (Unreadable(), "<GOOD mapping>"),
    ],
)
def test_texts_are_changed_wherever_they_stand(before: Any, after: Any) -> None:
    """Values, keys, items, bytes, and the text under which a log keeps what it does not know."""
    result = rewritten(before, louder)

    assert result == after
    assert type(result) is type(after)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        7,
        1.5,
        float("nan"),
        2j,
        "fine",
        [],
        {"a": [("b", {"c": b"d"})]},
        {1, 2},
        object(),
        ValueError("x"),
    ],
)
def test_what_needs_no_change_is_the_very_same(value: Any) -> None:
    """Nothing is copied."""
    assert rewritten(value, louder) is value


def test_the_argument_is_never_changed() -> None:
    """Also where the outcome differs from it."""
    value = {"a": ["bad", {"bad": b"bad"}], "b": [1]}
    before = copy.deepcopy(value)

    result = rewritten(value, louder)

    assert value == before
    assert result["b"] is value["b"]


def test_keys_that_become_equal_are_all_kept() -> None:
    """The later one gets a tilde."""
    assert rewritten({"bad": 1, "GOOD": 2, "GOOD~": 3}, louder) == {"GOOD": 1, "GOOD~": 2, "GOOD~~": 3}


def test_fields_are_named_as_checks_name_them() -> None:
    """Members by their keys, items by their container, keys by an asterisk, also below a key that was changed."""
    seen = []

    def note(text: str, field: str) -> str:
        seen.append((field, text))
        return louder(text, field)

    rewritten({"a": [{"b": "1"}], "bad": {"c": "2"}}, note, field="args")

    assert seen == [
        ("args.*", "a"),
        ("args.a.*", "b"),
        ("args.a.b", "1"),
        ("args.*", "bad"),
        ("args.*.*", "c"),
        ("args.*.c", "2"),
    ]


def test_a_value_can_be_covered_by_its_key() -> None:
    """It is replaced as a whole, or left alone as a whole."""

    def cover(key: str, value: Any, field: str) -> tuple[Any, bool]:
        del field
        return ("hidden", False) if key == "hide" else (value, key != "leave")

    value = {"hide": {"x": "bad"}, "leave": ["bad"], "other": "bad"}

    assert rewritten(value, louder, cover) == {"hide": "hidden", "leave": ["bad"], "other": "GOOD"}


def test_a_container_inside_itself_ends_in_a_changed_copy() -> None:
    """Otherwise the copy would lead back to what was to be changed."""
    harmless: dict[str, Any] = {"a": "fine"}
    harmless["self"] = harmless
    value: dict[str, Any] = {"a": "bad"}
    value["self"] = [value]

    assert rewritten(harmless, louder) is harmless
    assert rewritten(value, louder) == {"a": "GOOD", "self": ["..."]}


def test_depth_and_sharing_are_bounded() -> None:
    """What lies deeper than 64 levels is cut, and what is shared is read once."""
    deep: list[Any] = ["bad"]
    wide: list[Any] = ["bad"]
    for _ in range(1_000):
        deep = [deep]
    for _ in range(60):
        wide = [wide, wide]
    read = 0

    def count(text: str, field: str) -> str:
        nonlocal read
        read += 1
        return louder(text, field)

    assert "bad" not in repr(rewritten(deep, louder))
    rewritten(wide, count)
    assert read == 1


def test_a_change_that_fails_is_not_hidden() -> None:
    """A processor that cannot do its work must not let a record pass."""

    def fails(text: str, field: str) -> str:
        raise ZeroDivisionError(text + field)

    with pytest.raises(ZeroDivisionError):
        rewritten({"a": ["b"]}, fails)


def test_every_text_of_a_record_is_changed() -> None:
    """Name, scope, error, run, thread, value and attributes; the rest stays."""
    record = Record(
        "span",
        "bad name",
        "bad scope",
        1,
        2,
        value=["bad"],
        error="bad error",
        attrs={"a": "bad"},
        run_id="bad run",
        thread="bad thread",
        trace_id="bad",
        seq=3,
    )
    before = copy.deepcopy(record)

    result = rewritten_record(record, louder)

    assert record == before
    assert (result.name, result.scope, result.error) == ("GOOD name", "GOOD scope", "GOOD error")
    assert (result.run_id, result.thread, result.value) == ("GOOD run", "GOOD thread", ["GOOD"])
    assert (result.attrs, result.trace_id, result.seq) == ({"a": "GOOD"}, "bad", 3)


def test_a_record_without_anything_to_change_is_the_very_same() -> None:
    """And its fields are keys for what covers values."""
    record = Record("span", "a", "a", 1, 2, attrs={"b": ["c"]}, error="bad")

    assert rewritten_record(record, louder) is not record
    assert (
        rewritten_record(record, louder, lambda key, value, field: (value, key != field or key != "error"))
        is record
    )
