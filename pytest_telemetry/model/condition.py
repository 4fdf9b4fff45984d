"""The Condition: one thing that a Pattern asks of a record (layer 0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from unicodedata import is_normalized

from pytest_telemetry.model.record import STATUSES
from pytest_telemetry.model.values import agrees, is_glob
from pytest_telemetry.model.wording import brief

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("FIELDS", "MISSING", "STAGES", "Condition", "Expected", "written")

FIELDS: Final = ("duration", "status", "error", "level", "scope", "source", "stage", "thread")
"""The keywords that mean fields of the record; every other keyword is an attribute."""
STAGES: Final = ("call", "output")
MISSING: Final = type("Missing", (), {"__repr__": lambda _: "absent", "__slots__": ()})()
"""Stands for the value of an attribute that a record does not have."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that a pattern asks of a record.

    Attributes:
        key: Name of the field or of the attribute.
        expected: What `agrees` compares the actual value with.
        is_field: Whether *key* is a field of the record.
    """

    key: str
    expected: Any
    is_field: bool

    def actual(self, record: Record) -> Any:
        """Return what *record* has there: `MISSING` for an absent attribute, seconds for a duration."""
        if not self.is_field:
            return record.attrs.get(self.key, MISSING)
        if self.key == "duration":
            return None if record.duration_ns is None else record.duration_ns / 1_000_000_000
        return getattr(record, self.key)

    @property
    def is_keyword(self) -> bool:
        """Whether it can be written as a keyword; Python reads names in their normal form."""
        return self.is_field or (
            self.key.isidentifier() and is_normalized("NFKC", self.key) and self.key not in FIELDS
        )

    def holds(self, record: Record) -> bool:
        """Return whether *record* is as expected; ``stage`` holds for every record."""
        if not self.is_field:
            actual = record.attrs.get(self.key, MISSING)
            return actual is not MISSING and agrees(self.expected, actual)
        return self.key == "stage" or agrees(self.expected, self.actual(record))

    def require_possible(self) -> None:
        """Refuse a value that no record can have.

        Raises:
            ValueError: It is a status, a stage or a level that does not exist; the text says what does.
        """
        known = {"status": STATUSES, "stage": STAGES}.get(self.key)
        expected = self.expected
        if self.key == "level" and isinstance(expected, str) and expected != expected.lower():
            raise ValueError(
                f"level={expected!r} fits no record: levels are written in lower case, 'warning'"
            )
        if known is None or expected in known:
            return
        if self.key == "stage" or (isinstance(expected, str) and not is_glob(expected)):
            raise ValueError(
                f"{self.key}={expected!r} fits no record: it is one of {', '.join(known)}; "
                f"for an attribute of that name write {{{self.key!r}: {expected!r}}}"
            )


def written(value: Any, limit: int = 200) -> str:
    """Return *value* as it is written in code, at most *limit* characters long."""
    if isinstance(value, type) and issubclass(value, BaseException):
        return value.__qualname__
    return brief(value, limit)


class Expected:
    """Makes any expected value hashable, and equal to the same value of the same type only."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expected):
            return NotImplemented
        mine, theirs = self.value, other.value
        return mine is theirs or (type(mine) is type(theirs) and bool(mine == theirs))

    def __hash__(self) -> int:
        return hash(self.value) if isinstance(self.value, str) else hash(type(self.value))
