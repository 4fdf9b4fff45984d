"""The check that nothing became slower, larger or busier than the baseline (layer 4).

A first reading is cheap and may be wrong: processes that run the same code differ by about a percent, a few by much
more. So a first reading never fails a benchmark. What looks suspicious is measured again in fresh processes, and the
median of these decides.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from pytest_telemetry.model.benchmark import Judgement
from pytest_telemetry.model.paired import as_fraction, median, median_interval
from pytest_telemetry.model.wording import cost, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_telemetry.model.benchmark import Comparison, Controls, Outcome, Rules

__all__ = (
    "Told",
    "control_problems",
    "counting_problems",
    "is_cleared",
    "is_suspicious",
    "judge",
)

_Counters: TypeAlias = "Mapping[str, tuple[float, float]]"

_BETWEEN_PROCESSES: Final = 0.02
"""Half an interval, at least, for what one process read: what it cannot know is how others would have read it.

Twice that of an overhead, of which both sides run one copy of the code: here there are two, in different places in memory.
"""

_GAIN: Final = "the gain can be lost again unseen until the baseline is moved"
_SCATTERED: Final = "readings scatter too much to tell: time a longer operation, without set-up for each round, or raise the threshold"
_ALONE: Final = "no fresh process has measured it again"

_SAME: Final = 0.03
_MORE: Final = (0.07, 0.13)


class Told(Protocol):
    """What came of a target, of this process or of another: a `TargetVerdict` is one."""

    @property
    def outcome(self) -> str:
        """``missed``, or how it was met."""

    @property
    def text(self) -> str:
        """The verdict in words."""


def is_suspicious(comparison: Comparison, rules: Rules) -> bool:
    """Return whether a first reading has to be confirmed in fresh processes.

    It has to where time is above the screen, or scatters so much that it may be above the threshold, where it gained
    more than the threshold, where bytes grew at all, and where a gated counter grew.
    """
    if _grown(comparison.counters, rules.counters):
        return True
    if comparison.unit == "bytes":
        return comparison.now > comparison.baseline
    limit = math.log1p(rules.threshold)  # compared so that what is no number is suspicious
    return not (-limit <= comparison.log_ratio <= rules.screen * limit and comparison.high <= limit)


def is_cleared(confirmations: Sequence[Comparison], rules: Rules) -> bool:
    """Return whether the processes that are still to come could not make a failure of a suspicion.

    That is so where more than half of all have measured, and each of them read no more than the threshold, the
    same bytes and no growth of them, and of each gated counter that it did not grow.
    """
    limit = math.log1p(rules.threshold)
    sizes = {(one.now, one.baseline) for one in confirmations if one.unit == "bytes"}
    return (
        2 * len(confirmations) > rules.processes
        and len(sizes) <= 1
        and all(
            (one.now <= one.baseline if one.unit == "bytes" else one.log_ratio <= limit)
            and one.counters.keys() >= {*rules.counters}
            and not _grown(one.counters, rules.counters)
            for one in confirmations
        )
    )


def judge(
    benchmark: str,
    first: Comparison | None,
    confirmations: Sequence[Comparison],
    rules: Rules,
    targets: Sequence[Told] = (),
) -> Judgement:
    """Return the judgement on one benchmark.

    The confirmations settle it, or the first reading where there are none: nothing was suspicious, or nothing could
    be confirmed, and then a first reading above the threshold counts. Of several failures the outcome is the first
    of slower or larger, more work, missed; the note and the targets tell the others.

    Args:
        benchmark: Its node id.
        first: What the first process read; None for a benchmark that has targets only.
        confirmations: What each of the fresh processes read.
        rules: What it is held to.
        targets: What came of its absolute targets.

    Raises:
        ValueError: A log ratio is no number.
    """
    texts = [verdict.text for verdict in targets]
    missed = any(verdict.outcome == "missed" for verdict in targets)
    if first is None:
        return Judgement(benchmark, "missed" if missed else "unchanged", targets=texts)
    measured = (
        _bytes(benchmark, first, confirmations)
        if first.unit == "bytes"
        else _time(benchmark, first, confirmations, rules)
    )
    counted = [one.counters for one in confirmations if one.counters] or [first.counters]
    grown = _grown_text(counted, rules.counters)
    outcome = measured.outcome
    if outcome not in {"slower", "larger"}:
        outcome = "more work" if grown else "missed" if missed else outcome
    return replace(
        measured,
        outcome=outcome,
        unit=first.unit,
        counters=_agreed(counted),
        confirmed=len(confirmations),
        targets=texts,
        note="; ".join(filter(None, (grown, measured.note))),
    )


def _time(benchmark: str, first: Comparison, confirmations: Sequence[Comparison], rules: Rules) -> Judgement:
    limit = math.log1p(rules.threshold)
    ratios = [one.log_ratio for one in confirmations] or [first.log_ratio]
    middle = median(ratios)
    low, high = median_interval(ratios) if confirmations else _widened(first)
    outcome: Outcome = "slower" if middle > limit else "faster" if middle < -limit else "unchanged"
    note = ""
    if outcome != "slower" and low < 0 and high > limit:
        outcome, note = "undecided", _SCATTERED
    elif outcome == "faster":
        note = _GAIN
    elif outcome == "slower" and not confirmations:
        note = _ALONE
    elif outcome == "unchanged" and first.log_ratio > limit:
        note = f"first reading {percent(as_fraction(first.log_ratio))} was not confirmed"
    everything = (first, *confirmations)
    return Judgement(
        benchmark,
        outcome,
        as_fraction(middle),
        as_fraction(low),
        as_fraction(high),
        min(one.now for one in everything),
        min(one.baseline for one in everything),
        votes=sum(one.log_ratio > limit for one in confirmations),
        first=as_fraction(first.log_ratio),
        note=note,
    )


def _widened(first: Comparison) -> tuple[float, float]:
    return (
        min(first.low, first.log_ratio - _BETWEEN_PROCESSES),
        max(first.high, first.log_ratio + _BETWEEN_PROCESSES),
    )


def _bytes(benchmark: str, first: Comparison, confirmations: Sequence[Comparison]) -> Judgement:
    """Judge without any tolerance, for bytes are exact; a median is the figure that nearly all processes read."""
    settled = confirmations or [first]
    now, baseline = median([one.now for one in settled]), median([one.baseline for one in settled])
    outcome: Outcome = "larger" if now > baseline else "smaller" if now < baseline else "unchanged"
    ratio = _growth(now, baseline)
    notes = []
    if len({(one.now, one.baseline) for one in settled}) > 1:
        notes.append("the processes disagree, so their medians are shown")
    if outcome == "smaller":
        notes.append(_GAIN)
    elif outcome == "larger" and not confirmations:
        notes.append(_ALONE)
    elif outcome == "unchanged" and first.now > first.baseline:
        notes.append(
            f"first reading {cost(first.baseline, 'bytes')} -> {cost(first.now, 'bytes')} was not confirmed"
        )
    return Judgement(
        benchmark,
        outcome,
        ratio,
        ratio,
        ratio,
        now,
        baseline,
        votes=sum(one.now > one.baseline for one in confirmations),
        first=_growth(first.now, first.baseline),
        note="; ".join(notes),
    )


def _growth(now: float, baseline: float) -> float | None:
    """Return by what share bytes grew; what was nothing before has no share to grow by."""
    if now == baseline:
        return 0.0
    return now / baseline - 1 if baseline > 0 else None


def _grown(counters: _Counters, gated: Iterable[str]) -> list[str]:
    return [name for name in gated if name in counters and counters[name][1] > counters[name][0]]


def _grown_text(counted: Sequence[_Counters], gated: Iterable[str]) -> str:
    """Return which gated counters grew in more than half of the processes that counted, or nothing."""
    agreed = _agreed(counted)
    texts = []
    for name in gated:
        votes = sum(bool(_grown(counters, [name])) for counters in counted)
        if 2 * votes > len(counted):
            share = "" if name in agreed else f", and did in {votes} of {len(counted)} processes"
            texts.append(f"{name} may not grow{share}")
    return "; ".join(texts)


def _agreed(counted: Sequence[_Counters]) -> dict[str, tuple[float, float]]:
    """Return the counters that differ from the baseline's, where all processes counted the same."""
    return {
        name: pair
        for name, pair in counted[0].items()
        if pair[0] != pair[1] and all(counters.get(name) == pair for counters in counted)
    }


def control_problems(controls: Controls) -> list[str]:
    """Return what is wrong with the instrument: one line for each control that it could not see.

    The same thing has to read within 3 % of itself, and a tenth more work as 7 to 13 % more.
    """
    same, more = as_fraction(controls.same), as_fraction(controls.more)
    problems = []
    if not abs(same) <= _SAME:
        problems.append(_broken("the same code against itself", same, "within 3 %"))
    if not _MORE[0] <= more <= _MORE[1]:
        problems.append(_broken("a tenth more work", more, "from 7 to 13 %"))
    return problems


def _broken(what: str, read: float, expected: str) -> str:
    return (
        f"INSTRUMENT BROKEN: {what} read {percent(read)}, expected {expected}, so that no reading of this run can "
        "be trusted: stop tracers, debuggers and what else keeps the machine busy, and run again"
    )


def counting_problems(comparisons: Mapping[str, Comparison], rules: Rules) -> list[str]:
    """Return a line for each gated counter that was not counted of all benchmarks that are timed.

    Args:
        comparisons: What the first process read, by benchmark.
        rules: What they are held to.
    """
    problems = []
    for name in rules.counters:
        without = [
            benchmark
            for benchmark, one in comparisons.items()
            if one.unit != "bytes" and name not in one.counters
        ]
        if without:
            others = f" and {plural(len(without) - 1, 'other')}" if len(without) > 1 else ""
            problems.append(
                f"counter {name!r} may not grow, but could not be counted of {without[0]}{others}: it differs from "
                "run to run, or the operation takes too long for it; mend that, leave it out with "
                "telemetry(gate=False), or take the counter out of `counters`"
            )
    return problems
