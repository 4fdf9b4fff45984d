"""Values are kept as they are now."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pytest_telemetry.model.frozen import frozen, frozen_record
from pytest_telemetry.model.record import Record


class Part:
    """Cannot be copied, and says what it holds."""

    def __init__(self, holds: str) -> None:
        self.holds = holds
        self.lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Part {self.holds}>"


@pytest.mark.parametrize(
    "value",
    [[1, [2]], {"a": {"b": [1]}}, (1, [2]), {1, 2}, bytearray(b"ab"), [bytearray(b"ab")], 1.5, "text", None],
)
def test_a_copy_is_equal_and_shares_nothing_that_can_change(value: Any) -> None:
    """Of what cannot change there is no copy."""
    copied = frozen(value)

    assert copied == value
    assert type(copied) is type(value)
    assert (copied is value) == (type(value) in {float, str, type(None)})


def test_what_is_inside_itself_is_so_in_the_copy() -> None:
    """It ends, and leads back to the copy, not to the original."""
    value: list[Any] = [1]
    value.append({"again": value})

    copied = frozen(value)
    assert copied[1]["again"] is copied
    assert copied is not value


def test_a_member_that_cannot_be_copied_keeps_no_other_from_being_copied() -> None:
    """It alone is what the caller asked for, each time that it is met."""
    part, rows = Part("a"), [1]
    value = {"part": part, "rows": rows, "both": [part, (part, rows)]}

    copied = frozen(value, repr)
    rows.append(2)
    assert copied == {"part": "<Part a>", "rows": [1], "both": ["<Part a>", copied["both"][1]]}
    assert frozen(part) is part


def test_no_depth_breaks_it() -> None:
    """What nobody can copy by descending is left to the caller of it."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]

    assert frozen(value, lambda _: "deep") is not None


def test_a_record_that_nobody_can_change_is_no_other() -> None:
    """Flat attributes cost no copy."""
    record = Record("metric", "m", "m", 0, value=1, attrs={"a": 1, "b": "x", "c": None, "d": 0.5, "e": b"x"})

    assert frozen_record(record) is record


@pytest.mark.parametrize("value", [[], {}, bytearray()])
def test_a_record_keeps_what_its_values_were(value: Any) -> None:
    """Its own value as well; the record that was given is not changed."""
    part = Part("a")
    record = Record("metric", "m", "m", 0, value=value, attrs={"rows": value, "part": part})

    kept = frozen_record(record)
    value.__init__(b"12" if isinstance(value, bytearray) else [(1, 2)])
    part.holds = "secret"
    assert not kept.value
    assert kept.attrs == {"rows": kept.value, "part": "<Part a>"}
    assert record.attrs["part"] is part
