"""Summaries of timings and metrics by scope (layer 3)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_telemetry.model.plain import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_telemetry.model.record import Record

__all__ = ("metric_summaries", "report_text", "timing_summaries")

Summaries: TypeAlias = "dict[str, dict[str, Any]]"


def timing_summaries(records: Iterable[Record]) -> Summaries:
    """Return per scope ``calls, total_s, mean_s, min_s, max_s, errors, still_open`` of its spans.

    The seconds are those of the finished calls, and missing where none has finished.
    """
    durations: dict[str, list[int]] = {}
    summaries: Summaries = {}
    for record in records:
        if record.kind != "span":
            continue
        summary = summaries.setdefault(record.scope, {"calls": 0, "errors": 0, "still_open": 0})
        summary["calls"] += 1
        summary["errors"] += record.status == "error"
        if record.duration_ns is None:
            summary["still_open"] += 1
        else:
            durations.setdefault(record.scope, []).append(record.duration_ns)
    for scope, all_ns in durations.items():
        summaries[scope] |= {
            "total_s": sum(all_ns) / 1e9,
            "mean_s": sum(all_ns) / len(all_ns) / 1e9,
            "min_s": min(all_ns) / 1e9,
            "max_s": max(all_ns) / 1e9,
        }
    return summaries


def metric_summaries(records: Iterable[Record]) -> Summaries:
    """Return per scope what was measured.

    Counters give ``count`` and ``total``; everything else gives ``count``, ``last``, and ``min`` and ``max``
    where all values are numbers. A gauge is a level, so its values are never added up.
    """
    values: dict[str, list[Any]] = {}
    instruments: dict[str, str | None] = {}
    for record in records:
        if record.kind == "metric":
            values.setdefault(record.scope, []).append(record.value)
            instruments[record.scope] = record.instrument
    return {scope: _metric_summary(instruments[scope], measured) for scope, measured in values.items()}


def report_text(records: Iterable[Record]) -> str:
    """Return both summaries as a table: parents above their children, each with its own figures."""
    records = list(records)
    timings, metrics = timing_summaries(records), metric_summaries(records)
    if not timings and not metrics:
        return "nothing was recorded"
    width = max(len(scope) for scope in (*timings, *metrics))
    lines = []
    for title, summaries, cells in (("timings", timings, _timing_cells), ("metrics", metrics, _metric_cells)):
        if summaries:
            scopes = sorted(summaries, key=_by_segment)
            texts = _columns([cells(summaries[scope]) for scope in scopes])
            lines += [
                title,
                *(f"  {scope:<{width}}  {text}" for scope, text in zip(scopes, texts, strict=True)),
            ]
    return "\n".join(lines)


def _columns(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return each row as text, every name in a column of its own, which is blank where a row has an empty text."""
    widths = {name: max(len(row[name]) for row in rows) for name in rows[0]}
    cells = (
        [
            f"{name} {row[name]:>{width}}" if row[name] else " " * (len(name) + 1 + width)
            for name, width in widths.items()
            if width
        ]
        for row in rows
    )
    return ["  ".join(row).rstrip() for row in cells]


def _metric_summary(instrument: str | None, values: list[Any]) -> dict[str, Any]:
    summary: dict[str, Any] = {"instrument": instrument, "count": len(values)}
    numeric = all(isinstance(value, int | float) for value in values)
    if instrument in ("counter", "updowncounter") and numeric:
        with contextlib.suppress(OverflowError):  # an integer that no float can hold, beside floats
            summary["total"] = sum(values)
        return summary
    summary["last"] = values[-1]
    if numeric:
        summary |= {"min": min(values), "max": max(values)}
    return summary


def _by_segment(scope: str) -> list[str]:
    return scope.split(".")


def _timing_cells(summary: Mapping[str, Any]) -> dict[str, str]:
    seconds = {name: summary.get(f"{name}_s") for name in ("mean", "min", "max", "total")}
    return {
        "calls": str(summary["calls"]),
        **{name: "" if value is None else _seconds(value) for name, value in seconds.items()},
        "errors": str(summary["errors"] or ""),
        "still open": str(summary["still_open"] or ""),
    }


def _metric_cells(summary: Mapping[str, Any]) -> dict[str, str]:
    names = ("count", "total", "last", "min", "max")
    known = {name: summary.get(name, "") for name in names}
    return {name: value if isinstance(value, str) else text_of(value) for name, value in known.items()}


def _seconds(value: float) -> str:
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.0f} ns"
