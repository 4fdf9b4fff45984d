"""The check that a benchmark meets its absolute targets, on a fast machine or on a slow one (layer 4).

A reading holds what one attempt measured, a target what has to be true of it, a verdict whether it is.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pytest_telemetry.model.wording import brief, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_telemetry.model.benchmark import Reading

__all__ = (
    "LARGEST_CREDIT",
    "Relation",
    "Target",
    "TargetOutcome",
    "TargetVerdict",
    "best",
    "judge",
    "slowness",
    "targets_of",
)

TargetOutcome: TypeAlias = Literal["met", "met on a slow machine", "missed"]
Relation: TypeAlias = Literal["at most", "below", "at least", "above"]

LARGEST_CREDIT: Final = 4.0
"""A machine that is slower than this is not slow but busy, or no place to measure; its credit ends here."""

_COMPARE: Final[Mapping[Relation, Callable[[float, float], bool]]] = {
    "at most": operator.le,
    "below": operator.lt,
    "at least": operator.ge,
    "above": operator.gt,
}


@dataclass(frozen=True, slots=True)
class Target:
    """What has to be true of a reading.

    Attributes:
        relation: How the value has to stand to the bound.
        bound: In *unit*.
        unit: ``x`` for a ratio, else ``ns``, ``operations/s`` or ``bytes``.
        reference: What a ratio is taken to. With an upper bound the value is ours / reference (the share of its
            cost), with a lower bound reference / ours (how many times faster ours is).
        credit: Whether a slow machine is given credit for being slow. The credit only ever relaxes.

    Raises:
        ValueError: A ratio has no reference, something else has one, or credit is given where no machine is slow.
    """

    relation: Relation
    bound: float
    unit: str
    reference: str = ""
    credit: bool = False

    def __post_init__(self) -> None:
        if (self.unit == "x") != bool(self.reference):
            raise ValueError(
                "a ratio has a reference and nothing else has one: "
                f"unit {self.unit!r}, reference {self.reference!r}"
            )
        if self.unit in {"x", "bytes"} and self.credit:
            raise ValueError(f"only times and rates depend on the speed of a machine, not {self.unit!r}")

    @property
    def is_upper(self) -> bool:
        """Whether less is better."""
        return self.relation in {"at most", "below"}

    @property
    def text(self) -> str:
        """The target in words."""
        what = quantity(self.bound, self.unit)
        if not self.reference:
            return f"{self.relation} {what}"
        return (
            f"{self.relation} {what} {self.reference}"
            if self.is_upper
            else f"{self.relation} {what} faster than {self.reference}"
        )

    def value(self, reading: Reading) -> float:
        """Return what is compared with the bound, in the target's unit.

        What costs nothing that could be measured net of the loop is infinitely fast.

        Raises:
            KeyError: The reference was not measured.
            ValueError: The reference costs nothing, so that there is no ratio; or the target is about bytes and the
                reading is not, or the other way round.
        """
        ours = reading.ours
        if self.reference:
            reference = reading.figures[self.reference]
            if reference <= 0:
                raise ValueError(
                    f"no ratio to {self.reference}, which costs {quantity(reference, reading.unit)}: "
                    "choose a reference that does something"
                )
            return ours / reference if self.is_upper else _over(reference, ours)
        if (self.unit == "bytes") != (reading.unit == "bytes"):
            raise ValueError(f"the target {self.text!r} says nothing about a reading in {reading.unit}")
        if self.unit == "operations/s":
            return _over(1e9, ours)
        return ours


@dataclass(frozen=True, slots=True)
class TargetVerdict:
    """Whether a reading meets a target, and by how much.

    Attributes:
        target: What was asked.
        value: What was measured, in the target's unit, never adjusted.
        outcome: ``met``: as measured. ``met on a slow machine``: not as measured, but with the credit.
        slowness: How many times slower the machine is, where that was considered; 1 where the target gives no
            credit.
    """

    target: Target
    value: float
    outcome: TargetOutcome
    slowness: float = 1.0

    @property
    def adjusted(self) -> float:
        """The value as the reference machine would have measured it, as far as credit goes."""
        credit = min(self.slowness, LARGEST_CREDIT)
        return self.value / credit if self.target.is_upper else self.value * credit

    @property
    def text(self) -> str:
        """The verdict in words."""
        how = "not " if self.outcome == "missed" else ""
        text = f"{self.outcome}: {quantity(self.value, self.target.unit)}, {how}{self.target.text}"
        if self.outcome != "met" and self.slowness > 1:
            adjusted = quantity(self.adjusted, self.target.unit)
            text += (
                f" ({adjusted} at the speed of the reference machine)"
                if self.slowness <= LARGEST_CREDIT
                else f" ({adjusted} with the largest credit, {LARGEST_CREDIT:g} x)"
            )
        return text


def slowness(reading_ns: float, reference_ns: Mapping[str, float], python: str) -> float | None:
    """Return how many times slower this machine is than the reference machine; never less than 1.

    Args:
        reading_ns: What the plain no-op scope costs here, in the same run.
        reference_ns: What it costs on the machine for which the targets were set, by Python minor.
        python: The minor that runs here: ``3.11``. For one without a reference the answer is None, so there is no
            credit: how slow Pythons are to each other is nothing that a target could know.
    """
    reference = reference_ns.get(python)
    return None if reference is None or reference <= 0 else max(1.0, reading_ns / reference)


def judge(target: Target, reading: Reading) -> TargetVerdict:
    """Return whether *reading* meets *target*.

    Raises:
        KeyError: The reference was not measured.
        ValueError: As of `Target.value`.
    """
    compare = _COMPARE[target.relation]
    value = target.value(reading)
    if compare(value, target.bound):
        return TargetVerdict(target, value, "met")
    slow = max(1.0, reading.slowness) if target.credit and reading.slowness else 1.0
    verdict = TargetVerdict(target, value, "met on a slow machine", slow)
    if compare(verdict.adjusted, target.bound):
        return verdict
    return TargetVerdict(target, value, "missed", slow)


def best(attempts: Sequence[Reading], targets: Sequence[Target]) -> Reading:
    """Return the attempt that misses the fewest targets; the earliest of equals.

    Raises:
        ValueError: There is no attempt.
    """
    return min(
        attempts, key=lambda reading: sum(judge(target, reading).outcome == "missed" for target in targets)
    )


def targets_of(settings: Mapping[str, Any]) -> list[Target]:
    """Return the targets that the keywords of a marker ask for.

    ``target_ns=200`` and ``max_bytes=100`` are upper bounds that may not be reached, ``min_ops=100_000`` is a lower
    bound that has to be exceeded, and ``max_ratio=("reference", 0.55)``, or a list of such pairs, is the largest
    share of a reference's cost that may be reached. A slow machine is given credit for the first two of time, but
    not with ``credit=False``. Other keywords are somebody else's.

    Raises:
        ValueError: A keyword has a value that cannot be a target; the text says which, and what to write.
    """
    credit = settings.get("credit", True)
    if not isinstance(credit, bool):
        raise ValueError(f"credit must be True or False, not {brief(credit)}")  # noqa: TRY004 - all of them alike
    targets = []
    if "target_ns" in settings:
        targets.append(Target("below", _positive("target_ns", settings), "ns", credit=credit))
    if "min_ops" in settings:
        targets.append(Target("above", _positive("min_ops", settings), "operations/s", credit=credit))
    if "max_bytes" in settings:
        targets.append(Target("below", _positive("max_bytes", settings), "bytes"))
    if "max_ratio" in settings:
        targets += _ratios(settings["max_ratio"])
    return targets


def _over(dividend: float, cost: float) -> float:
    return math.inf if cost <= 0 else dividend / cost


def _positive(name: str, settings: Mapping[str, Any]) -> float:
    value = settings[name]
    if not _is_positive(value):
        raise ValueError(f"{name} must be a number above 0, not {brief(value)}")
    return float(value)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _ratios(value: object) -> Iterator[Target]:
    pairs = value if isinstance(value, list | tuple) else ()
    if pairs and isinstance(pairs[0], str):
        pairs = (pairs,)
    if not pairs:
        raise ValueError(_RATIO.format(brief(value)))
    for pair in pairs:
        if not (isinstance(pair, list | tuple) and len(pair) == 2):
            raise ValueError(_RATIO.format(brief(value)))
        reference, bound = pair
        if not (isinstance(reference, str) and reference and _is_positive(bound)):
            raise ValueError(_RATIO.format(brief(value)))
        # "at most 0.007 x" is hard to read; how many times faster is the same thing, turned over.
        yield (
            Target("at least", 1 / bound, "x", reference)
            if bound < _TURNED
            else Target("at most", float(bound), "x", reference)
        )


_RATIO: Final = 'max_ratio must be ("reference", share) with a share above 0, or a list of such pairs, not {}'
_TURNED: Final = 0.1
