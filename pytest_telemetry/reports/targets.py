"""What benchmarks measured, and what came of their targets, as lines of text (layer 5)."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.wording import cost, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ("slowness_of", "target_lines")

_OUTCOMES: Final = ("met", "met on a slow machine", "missed")


def target_lines(results: Iterable[Mapping[str, Any]], python: str) -> Iterator[str]:
    """Yield a line for each target, and one for each benchmark without any, in the order of the files.

    Args:
        results: What ``telemetry_benchmark`` keeps in ``extra_info``, with the ``group`` of the benchmark.
        python: What ran, for the last line.
    """
    ordered = sorted(results, key=lambda result: (result["group"], result["place"], result["label"]))
    width = max((len(result["label"]) for result in ordered), default=0)
    counts = dict.fromkeys(_OUTCOMES, 0)
    group = None
    for result in ordered:
        if result["group"] != group:
            group = result["group"]
            yield f"{group}"
        figure = cost(result["figures"][result["label"]], result["unit"])
        label = f"  {result['label']:{width}}  {figure:>10}  "
        for verdict in result["verdicts"] or [{"text": _without_target(result), "outcome": None}]:
            yield f"{label}{verdict['text']}"
            label = " " * len(label)
            if verdict["outcome"]:
                counts[verdict["outcome"]] += 1
    factor = slowness_of(ordered)
    machine = f"; the machine is {factor:.2f} x slower than the reference" if factor > 1 else ""
    numbers = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    yield f"{python}: {numbers or 'no target'}{machine}"


def _without_target(result: Mapping[str, Any]) -> str:
    """Return what is to be said of a benchmark without targets: the overhead that its test looks at itself, if so."""
    overhead = result.get("overhead")
    if overhead is None:
        return "not judged"
    value, low, high = (percent(overhead[name]) for name in ("value", "low", "high"))
    return f"overhead {value} ({low} to {high})"


def slowness_of(results: Iterable[Mapping[str, Any]]) -> float:
    """Return how slow the machine was in most of the benchmarks that found out; 1 where none did."""
    found = [result["slowness"] for result in results if result["slowness"] is not None]
    return statistics.median(found) if found else 1.0
