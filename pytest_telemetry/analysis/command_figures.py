"""Counts, errors and percentiles of each command, or of what each pattern describes (layer 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.durations import Durations
from pytest_telemetry.model.stats import Method, summary_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.model.record import Record

__all__ = ("MOST_NAMES", "OTHERS", "PERCENTS", "SORTS", "CommandFigures", "Figures", "in_order", "room_for")

PERCENTS: Final = (50, 95, 99)
MOST_NAMES: Final = 10_000
"""Names that are told apart; those that are seen first after so many are taken together."""

OTHERS: Final = "(others)"

SORTS: Final = ("count", "name", "errors", *(f"p{percent}" for percent in PERCENTS), "max")
"""What the figures can be sorted by."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the records of one name, or of one pattern, come to.

    Attributes:
        name: The name, or the pattern as it was written.
        count: How many records there are, of whatever kind.
        errors: How many of them failed: status ``error``.
        timed: How many of them have a duration.
        milliseconds: ``p50_ms``, ``p95_ms``, ``p99_ms`` and ``max_ms`` of these; None where there are none.
    """

    name: str
    count: int
    errors: int
    timed: int
    milliseconds: Mapping[str, float | None]

    @classmethod
    def of(cls, name: str, count: int, errors: int, ordered_ns: Sequence[int], method: Method) -> Figures:
        """Return the figures of records whose durations, in ascending order, are *ordered_ns*.

        Raises:
            ValueError: *method* is unknown.
        """
        computed = summary_ms(ordered_ns, method, PERCENTS)
        figures = {key: computed[key] for key in (*(f"p{percent}_ms" for percent in PERCENTS), "max_ms")}
        return cls(name, count, errors, computed["count"], figures)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as one flat mapping."""
        counts = {"name": self.name, "count": self.count, "errors": self.errors, "timed": self.timed}
        return counts | dict(self.milliseconds)


class _Group:
    """The records of one name."""

    __slots__ = ("count", "durations", "errors")

    def __init__(self) -> None:
        self.count = self.errors = 0
        self.durations = Durations()

    def add(self, record: Record) -> None:
        self.count += 1
        if record.status == "error":
            self.errors += 1
        if record.duration_ns is not None:
            self.durations.add(record.duration_ns)


class CommandFigures:
    """Takes records one by one, and keeps eight bytes of each duration at most.

    Args:
        patterns: What to look for, by the name that it has in the figures; a record counts for each pattern that
            describes it. Without any, each name is a command of its own.
    """

    def __init__(self, patterns: Mapping[str, Pattern] | None = None) -> None:
        self._patterns = tuple((patterns or {}).items())
        self._groups: dict[str, _Group] = {name: _Group() for name, _ in self._patterns}

    def add(self, record: Record) -> None:
        """Take the next record."""
        if self._patterns:
            for name, pattern in self._patterns:
                if pattern.matches(record):
                    self._groups[name].add(record)
            return
        group = self._groups.get(record.name)
        if group is None:
            name = room_for(record.name, self._groups)
            group = self._groups.setdefault(name, _Group())
        group.add(record)

    def figures(self, method: Method = "linear") -> list[Figures]:
        """Return the figures, one for each name in the order of appearance, or for each pattern.

        Raises:
            ValueError: *method* is unknown.
        """
        return [
            Figures.of(name, group.count, group.errors, group.durations.ordered(), method)
            for name, group in self._groups.items()
        ]


def in_order(figures: Iterable[Figures], by: str = "count") -> list[Figures]:
    """Return *figures* by one of `SORTS`: the largest first, what has none last, equal ones by name.

    Raises:
        ValueError: There is no such order.
    """
    if by not in SORTS:
        raise ValueError(f"cannot sort by {by!r}: use one of {', '.join(SORTS)}")
    named = sorted(figures, key=lambda one: one.name)
    if by == "name":
        return named
    return sorted(named, key=lambda one: _rank(one, by))


def _rank(figures: Figures, by: str) -> float:
    value = figures.milliseconds[f"{by}_ms"] if f"{by}_ms" in figures.milliseconds else getattr(figures, by)
    return float("inf") if value is None else -value


def room_for(name: str, kept: Mapping[str, Any], most: int = MOST_NAMES) -> str:
    """Return *name*, or `OTHERS` where it is new and there are *most* already."""
    return name if name in kept or len(kept) < most else OTHERS
