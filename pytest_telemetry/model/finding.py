"""The Finding: what a Check says about records that break a promise (layer 0)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("LEVELS", "Example", "Finding", "Level", "Place")

Level: TypeAlias = Literal["info", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = ("info", "warning", "error")


class Place(NamedTuple):
    """Where something stands in a log.

    Attributes:
        number: Line of the file, counted from 1.
        file: Name of the file, where the reader knows it.
    """

    number: int
    file: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """One place where the promise is broken.

    Attributes:
        text: What stands there, short enough for one line.
        line: Line of the log, counted from 1; None where the records came from memory.
        detail: Machine-readable facts about this place, JSON-able.
        file: Name of the file in which that line stands, as the reader knows it; of a scan only where it is not
            the log itself but a closed segment of it, and then as a path.
    """

    text: str
    line: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise that does not hold.

    Attributes:
        check: Id of the check.
        message: One line: what is wrong and what to do about it.
        count: How many records (or commands, where the check says so) are concerned.
        level: ``error``, ``warning`` or ``info``.
        by_field: Records concerned per field, most first; empty where the check does not divide by field.
        by_command: Records concerned per command, most first; empty likewise.
        examples: The first few places.
    """

    check: str
    message: str
    count: int
    level: Level = "error"
    by_field: Mapping[str, int] = field(default_factory=dict)
    by_command: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
