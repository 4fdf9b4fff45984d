"""What the gate says of one benchmark, in words (layer 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_telemetry.model.wording import cost, moved, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.model.benchmark import Judgement

__all__ = ("best_text", "counters_text", "description", "interval_text", "votes_text")


def description(judgement: Judgement) -> str:
    """Return what came of a benchmark on one line, without its name and its outcome."""
    return "; ".join(_described(judgement)) or "nothing was compared"


def _described(judgement: Judgement) -> Iterator[str]:
    if judgement.ratio is not None:
        yield f"{percent(judgement.ratio)} ({interval_text(judgement) or 'no interval'})"
    texts = (best_text(judgement), counters_text(judgement), votes_text(judgement))
    yield from filter(None, texts)
    yield from (target for target in judgement.targets if not target.startswith("met:"))
    if judgement.note:
        yield judgement.note


def interval_text(judgement: Judgement) -> str:
    """Return the interval of the slow-down; ``exact`` where it is no wider than a point, nothing without one."""
    low, high = judgement.low, judgement.high
    if low is None or high is None:
        return ""
    return "exact" if low == high else f"{percent(low).removesuffix(' %')} to {percent(high)}"


def best_text(judgement: Judgement) -> str:
    """Return the best cost of one operation, before and now, or nothing where nothing was compared."""
    if judgement.now is None or judgement.baseline is None:
        return ""
    before, now = cost(judgement.baseline, judgement.unit), cost(judgement.now, judgement.unit)
    number, unit = before.rsplit(" ", 1)
    return f"{number if now.endswith(f' {unit}') else before} -> {now}"


def counters_text(judgement: Judgement) -> str:
    """Return what was counted of one operation, before and now, where the two differ."""
    return moved(judgement.counters)


def votes_text(judgement: Judgement) -> str:
    """Return how many fresh processes saw more than is allowed, or nothing where that was not the question."""
    if not judgement.confirmed or judgement.outcome not in {"slower", "larger", "unchanged"}:
        return ""
    what = "more bytes" if judgement.unit == "bytes" else "more than the threshold"
    return f"{what} in {judgement.votes} of {judgement.confirmed} fresh processes"
