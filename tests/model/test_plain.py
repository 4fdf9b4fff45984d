"""What becomes of values that JSON cannot hold."""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from pytest_telemetry.model.plain import plain, restore


class Colour(enum.Enum):
    RED = 1


class Name(enum.StrEnum):
    A = "a"


class Number(enum.IntEnum):
    ONE = 1


class Point(NamedTuple):
    x: int
    y: int


class Grumpy:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Broken(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return "Broken()"


@pytest.mark.parametrize(
    ("value", "kept", "noted"),
    [
        (PurePosixPath("/a/b"), "/a/b", "PurePosixPath"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00", "datetime"),
        (Decimal("1.10"), "1.10", "Decimal"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001", "UUID"),
        (b"\xff", "b'\\xff'", "bytes"),
        (1j, "1j", "complex"),
        (Colour.RED, "<Colour.RED: 1>", "Colour"),
        (ValueError("x"), "ValueError('x')", "ValueError"),
        (SimpleNamespace(a=1), "namespace(a=1)", "SimpleNamespace"),
        ({3, 1, 2}, [1, 2, 3], "set"),
        ("\ud800x", "\\ud800x", "str"),
        (Grumpy(), "<Grumpy without text: RuntimeError>", "Grumpy"),
        (Broken(), "Broken()", "Broken"),
        (2**64, str(2**64), "int"),
        (float("-inf"), "-inf", "float"),
    ],
)
def test_what_json_cannot_hold_becomes_text_and_is_noted(value: Any, kept: Any, noted: str) -> None:
    """Whatever it is, encoding does not raise."""
    types: dict[str, str] = {}

    assert plain(value, "v", types) == kept
    assert types == {"v": noted}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Name.A, "a"),
        (Number.ONE, 1),
        (OrderedDict(a=1), {"a": 1}),
        (True, True),
        (None, None),
        (2**64 - 1, 2**64 - 1),
    ],
)
def test_what_comes_back_equal_is_not_noted(value: Any, kept: Any) -> None:
    """Subclasses of what JSON holds lose their class only."""
    types: dict[str, str] = {}

    result = plain(value, "v", types)

    assert result == kept
    assert type(result) is type(kept)
    assert types == {}


def test_an_address_is_left_out_of_a_text() -> None:
    """The same object in two runs reads the same."""
    assert plain(object(), "v", {}) == "<object object>"


def test_a_long_text_of_an_unknown_value_is_cut() -> None:
    """An array does not fill the log."""
    assert len(plain(SimpleNamespace(a="x" * 5_000), "v", {})) == 1_000


def test_keys_become_text_and_none_is_lost() -> None:
    """1 and "1" are two keys, also afterwards."""
    types: dict[str, str] = {}

    result = plain({1: "a", "1": "b", None: "c"}, "v", types)

    assert result == {"1": "a", "1~": "b", "None": "c"}
    assert types == {"v": "dict"}


def test_cycles_and_bottomless_nesting_end() -> None:
    """A container inside itself and the 65th level are cut off and noted."""
    cycle: list[object] = []
    cycle.append(cycle)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    types: dict[str, str] = {}

    assert plain(cycle, "c", types) == ["..."]
    plain(deep, "d", types)

    assert types == {"c/0": "list", "d" + "/0" * 64: "list"}


@pytest.mark.parametrize(
    "value",
    [
        (1, (2, [3, (4,)])),
        {"a/b~c": {"": (1,)}, "n": 2**70, "m": -(2**5_000), "i": float("inf")},
        [Point(1, 2)],
    ],
)
def test_integers_floats_and_tuples_are_restored(value: Any) -> None:
    """At any depth, under any key."""
    types: dict[str, str] = {}
    fields = {"v": plain(value, "v", types)}

    problems = restore(fields, types)

    assert fields == {"v": value}
    assert problems == []


@pytest.mark.parametrize(
    "types", [{"v/9": "int"}, {"w": "int"}, {"v/0": "int"}, {"t/x": "tuple"}, {"t": "tuple"}]
)
def test_a_note_that_fits_nothing_is_a_problem_and_nothing_breaks(types: dict[str, str]) -> None:
    """Logs may be edited or made by somebody else."""
    fields = {"v": ["text"], "t": "text"}

    problems = restore(fields, types)

    assert len(problems) == 1
    assert fields == {"v": ["text"], "t": "text"}
