"""Why the value of a metric is not what was expected (layer 3)."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from pytest_telemetry.analysis.reasons import truncated
from pytest_telemetry.model.metric import Metric
from pytest_telemetry.model.recording import silence
from pytest_telemetry.model.wording import brief, plural, shorten

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("explain_metric",)

_SERIES = 5


def explain_metric(op: str, metric: Metric, other: object) -> list[str]:
    """Return the lines for ``assert metric op other``, which failed."""
    against = brief(other.value if isinstance(other, Metric) else other, 40)
    expected = against if op == "==" else f"{'not' if op == '!=' else op} {against}"
    records = metric.records
    if metric.measured:
        diagnosis = f"{metric!r} is {brief(metric.value, 40)}, expected {expected} ({_meaning(metric)})"
        return [diagnosis, *_series(metric), *truncated(records)]
    never = f"{metric!r} was never recorded, expected {expected}"
    if not records.whole:
        return [never, *silence(records.info)]
    if records.named("metric", metric.name):
        wanted = ", ".join(f"{key}={brief(value, 30)}" for key, value in metric.attrs.items())
        return [
            f"{metric.name} has no series with {wanted}, expected {expected}",
            *_series(metric),
            *truncated(records),
        ]
    names = list(records.whole.names("metric"))
    similar = get_close_matches(metric.name, names, 3) or [name for name in names if metric.name in name][:3]
    if metric.name in names:
        reason = f"it was recorded, but not {records.place}"
    elif similar:
        reason = f"no metric of that name; similar: {', '.join(similar)}"
    else:
        reason = f"no metric of that name; recorded: {shorten(', '.join(names), 160) or 'no metric at all'}"
    return [never, reason, *truncated(records)]


def _meaning(metric: Metric) -> str:
    if metric.instrument == "gauge":
        return "the last value"
    return "the change since the recording began"


def _series(metric: Metric) -> list[str]:
    """Return one line per series of the name, those that were asked for first."""
    chosen = {id(record) for record in metric.measured}
    series: dict[str, list[Record]] = {}
    for record in metric.records.named("metric", metric.name):
        attrs = ",".join(f"{key}={value}" for key, value in record.attrs.items())
        series.setdefault(f"{record.name}{{{attrs}}}" if attrs else record.name, []).append(record)
    ordered = sorted(series.items(), key=lambda item: id(item[1][0]) not in chosen)
    lines = [f"  {name} {_amount(group)}" for name, group in ordered[:_SERIES]]
    return (
        [*lines, f"  ... {plural(len(ordered) - _SERIES, 'more series')}"[:-1]]
        if len(ordered) > _SERIES
        else lines
    )


def _amount(group: list[Record]) -> str:
    values = [record.value for record in group]
    if group[0].instrument in ("counter", "updowncounter"):
        return f"{sum(values):+}"
    if group[0].instrument == "histogram":
        return f"{plural(len(values), 'measurement')}, {brief(min(values))} to {brief(max(values))}"
    return f"= {brief(values[-1], 40)}"
