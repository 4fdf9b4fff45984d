"""Targets and verdicts: the arithmetic of the benchmarks, which knows no clock and no file.

A reading holds what one attempt measured, a target what has to be true of it, a verdict whether it is.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = (
    "REFERENCE_NS",
    "Outcome",
    "Reading",
    "Relation",
    "Target",
    "Verdict",
    "best",
    "judge",
    "quantity",
    "slowness",
)

Outcome: TypeAlias = Literal["met", "met on a slow machine", "missed"]
Relation: TypeAlias = Literal["at most", "below", "at least", "above"]

REFERENCE_NS: Final[Mapping[tuple[int, int], float]] = {(3, 11): 169.0, (3, 12): 226.0, (3, 13): 206.0}
"""What the plain no-op class costs on the machine on which the targets were set, by Python minor."""

_COMPARE: Final[Mapping[Relation, Callable[[float, float], bool]]] = {
    "at most": operator.le,
    "below": operator.lt,
    "at least": operator.ge,
    "above": operator.gt,
}
_NS: Final[Mapping[str, float]] = {"ns": 1.0, "us": 1e3, "ms": 1e6}


@dataclass(frozen=True, slots=True)
class Reading:
    """What one attempt measured.

    Attributes:
        figures: Everything measured, by name; the first is ours, the others are peers. Times are ns.
        slowness: How many times slower than the reference machine this one is; see `slowness`. None where nobody
            found out: then there is no credit.
        unit: Of the figures: ``ns`` or ``bytes``.
    """

    figures: Mapping[str, float]
    slowness: float | None = None
    unit: str = "ns"

    @property
    def ours(self) -> float:
        """The first figure."""
        return next(iter(self.figures.values()))


@dataclass(frozen=True, slots=True)
class Target:
    """What has to be true of a reading.

    Attributes:
        relation: How the value has to stand to the bound.
        bound: In *unit*.
        unit: ``x`` for a ratio, else ``ns``, ``us``, ``ms``, ``operations/s`` or ``bytes``.
        peer: What a ratio is taken to. With an upper bound the value is ours / peer (the share of its cost), with a
            lower bound peer / ours (how many times faster ours is).
        scaled: Whether a slow machine is given credit for being slow. The credit only ever relaxes.
    """

    relation: Relation
    bound: float
    unit: str
    peer: str = ""
    scaled: bool = False

    def __post_init__(self) -> None:
        if (self.unit == "x") != bool(self.peer):
            raise ValueError(
                f"a ratio has a peer and nothing else has one: unit {self.unit!r}, peer {self.peer!r}"
            )
        if self.unit in {"x", "bytes"} and self.scaled:
            raise ValueError(f"only times and rates depend on the speed of a machine, not {self.unit!r}")

    @property
    def is_upper(self) -> bool:
        """Whether less is better."""
        return self.relation in {"at most", "below"}

    @property
    def text(self) -> str:
        """The target in words."""
        what = quantity(self.bound, self.unit)
        if not self.peer:
            return f"{self.relation} {what}"
        return (
            f"{self.relation} {what} {self.peer}"
            if self.is_upper
            else f"{self.relation} {what} faster than {self.peer}"
        )

    def value(self, reading: Reading) -> float:
        """Return what is compared with the bound, in the target's unit.

        Raises:
            KeyError: The peer was not measured.
        """
        ours = reading.ours
        if self.peer:
            peer = reading.figures[self.peer]
            return ours / peer if self.is_upper else peer / ours
        if self.unit == "operations/s":
            return 1e9 / ours
        return ours / _NS.get(self.unit, 1.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a reading meets a target, and by how much.

    Attributes:
        target: What was asked.
        value: What was measured, in the target's unit, never adjusted.
        outcome: ``met``: as measured. ``met on a slow machine``: not as measured, but with the credit.
        slowness: The credit that was considered; 1 where the target gives none.
    """

    target: Target
    value: float
    outcome: Outcome
    slowness: float = 1.0

    @property
    def adjusted(self) -> float:
        """The value as the reference machine would have measured it."""
        return self.value / self.slowness if self.target.is_upper else self.value * self.slowness

    @property
    def text(self) -> str:
        """The verdict in words."""
        text = f"{self.outcome}: {quantity(self.value, self.target.unit)}, {self.target.text}"
        if self.outcome != "met" and self.slowness > 1:
            text += f" ({quantity(self.adjusted, self.target.unit)} at the speed of the reference machine)"
        return text


def slowness(yardstick_ns: float, python: tuple[int, int]) -> float:
    """Return how many times slower this machine is than the reference machine; never less than 1.

    Args:
        yardstick_ns: What the plain no-op class costs here, in the same run.
        python: Major and minor; for one without a reference figure the answer is 1.
    """
    return max(1.0, yardstick_ns / REFERENCE_NS.get(python, yardstick_ns))


def judge(target: Target, reading: Reading) -> Verdict:
    """Return whether *reading* meets *target*."""
    compare = _COMPARE[target.relation]
    value = target.value(reading)
    if compare(value, target.bound):
        return Verdict(target, value, "met")
    credit = reading.slowness if target.scaled and reading.slowness else 1.0
    verdict = Verdict(target, value, "met on a slow machine", credit)
    if compare(verdict.adjusted, target.bound):
        return verdict
    return Verdict(target, value, "missed", credit)


def best(attempts: Sequence[Reading], targets: Sequence[Target]) -> Reading:
    """Return the attempt that misses the fewest targets; the earliest of equals.

    Raises:
        ValueError: There is no attempt.
    """
    return min(
        attempts, key=lambda reading: sum(judge(target, reading).outcome == "missed" for target in targets)
    )


def quantity(value: float, unit: str) -> str:
    """Return *value* with its unit, in as many digits as can be trusted."""
    if unit == "x":
        return f"{value:.{3 if value < 1 else 2 if value < 10 else 0}f} x"
    if unit == "operations/s":
        return f"{value:,.0f} operations/s"
    return f"{value:,.{0 if abs(value) >= 100 else 1}f} {unit}"
