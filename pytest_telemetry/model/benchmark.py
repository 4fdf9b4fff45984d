"""What benchmarks come to: readings, targets, comparisons with a baseline, and the verdicts on them (layer 0)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ("Comparison", "Controls", "Gate", "Judgement", "Outcome", "Reading", "Rules")

Outcome: TypeAlias = Literal[
    "slower", "larger", "more work", "missed", "undecided", "unchanged", "faster", "smaller"
]
"""What the gate says of a benchmark; the first four fail it.

``undecided`` means that the interval holds both no change and more than the threshold: nothing was found.
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one attempt measured in absolute terms.

    Attributes:
        figures: Everything measured, by name; the first is ours, the others are references. Times are ns.
        slowness: How many times slower than the reference machine this one is. None where nobody found out: then
            there is no credit.
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
class Comparison:
    """What one process measured of one benchmark: the code as it is now against the baseline.

    Attributes:
        log_ratio: Median of ln(now / baseline) over the pairs of blocks.
        low: Lower end of an interval for that median, of at least 95 %, within this process.
        high: Upper end.
        pairs: How many pairs of blocks were timed; 0 for a figure that is exact.
        operations: How many operations a block ran.
        now: Cost of one operation now: the fastest block in ns, net of an empty loop, or bytes.
        baseline: The same of the baseline.
        unit: Of the two: ``ns``, or ``bytes``, which are exact.
        counters: What was counted of one operation, by name: baseline first, then now. Only what repeated exactly.
    """

    log_ratio: float
    low: float
    high: float
    pairs: int
    operations: int
    now: float
    baseline: float
    unit: str = "ns"
    counters: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-able, as it is kept in ``extra_info``."""
        return asdict(self) | {"counters": {name: list(pair) for name, pair in self.counters.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return what `as_dict` described.

        Raises:
            ValueError: *data* describes no comparison.
        """
        try:
            numbers = {name: float(data[name]) for name in ("log_ratio", "low", "high", "now", "baseline")}
            return cls(
                **numbers,
                pairs=int(data["pairs"]),
                operations=int(data["operations"]),
                unit=str(data["unit"]),
                counters={
                    str(name): (float(before), float(after))
                    for name, (before, after) in data["counters"].items()
                },
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"not a comparison with a baseline: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Rules:
    """What the gate holds a benchmark to.

    Attributes:
        threshold: The slow-down from which on a benchmark fails, as a fraction.
        screen: The share of the threshold (of its logarithm) above which a first reading is confirmed.
        processes: How many fresh processes confirm.
        counters: Names of counters that may not grow, whatever the time says.
    """

    threshold: float = 0.05
    screen: float = 0.5
    processes: int = 9
    counters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Controls:
    """What the instrument read where the answer is known.

    Attributes:
        same: Log ratio of a thing to itself; should be about 0.
        more: Log ratio of a thing with a tenth more work to itself; should be about ln 1.1.
    """

    same: float
    more: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gate says of one benchmark.

    Attributes:
        benchmark: Its node id.
        outcome: The verdict.
        ratio: Slow-down as a fraction: 0.1 for a tenth slower than the baseline. None where nothing was compared:
            the benchmark has targets only.
        low: Lower end of its interval.
        high: Upper end.
        now: Cost of one operation now, the best that any process saw, in *unit*.
        baseline: The same of the baseline.
        unit: ``ns`` or ``bytes``.
        counters: By name, baseline and now, where the two differ.
        confirmed: How many fresh processes measured it; 0 where the first reading settled it.
        votes: How many of them saw more than the threshold.
        first: The first reading, as a fraction.
        targets: One text for each target that the benchmark has, with what came of it.
        note: What else a reader should know, or nothing.
    """

    benchmark: str
    outcome: Outcome
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    now: float | None = None
    baseline: float | None = None
    unit: str = "ns"
    counters: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    confirmed: int = 0
    votes: int = 0
    first: float | None = None
    targets: Sequence[str] = ()
    note: str = ""

    @property
    def failed(self) -> bool:
        """Whether this fails the gate."""
        return self.outcome in {"slower", "larger", "more work", "missed"}


@dataclass(frozen=True, slots=True)
class Gate:
    """What came of a whole run of the gate.

    Attributes:
        against: What the code was compared with, in words: ``e8ffbc9 of 2026-11-21``.
        rules: What it was held to.
        judgements: One for each benchmark, in the order in which they ran.
        problems: What keeps the run from passing beside the judgements: a benchmark that is missing or new, an
            instrument that is broken, a process that crashed. Each is one line that says what to do.
        controls: What the instrument read where the answer is known; None where it was not asked.
        machine: Python and processor, for the reader.
        screen_s: How long measuring everything once took.
        confirm_s: How long confirming took.
        reason: Why whatever came of it is accepted, as the new baseline; nothing where it is not.
    """

    against: str
    rules: Rules
    judgements: Sequence[Judgement] = ()
    problems: Sequence[str] = ()
    controls: Controls | None = None
    machine: str = ""
    screen_s: float = 0.0
    confirm_s: float = 0.0
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing failed and nothing is wrong."""
        return not self.problems and not any(judgement.failed for judgement in self.judgements)
