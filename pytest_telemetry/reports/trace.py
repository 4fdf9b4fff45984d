"""A run as a whole: its totals, its tree, and its spans and events in detail (layer 5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_telemetry.analysis.run_totals import run_totals
from pytest_telemetry.analysis.summary import metric_summaries, report_text, timing_summaries
from pytest_telemetry.analysis.tree import tree_text
from pytest_telemetry.model.plain import plain
from pytest_telemetry.model.stamps import stamp_of
from pytest_telemetry.model.wire import encode
from pytest_telemetry.model.wording import brief, one_line, plural, seconds
from pytest_telemetry.reports.record_rows import time_text
from pytest_telemetry.reports.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.records import Records

__all__ = ("trace_object", "trace_text")

_LONGEST = 400


def trace_text(records: Records, name: str, *, spans: bool = False, events: bool = False) -> str:
    """Return a run as text: totals, timings and metrics by scope, the tree.

    Args:
        records: The records of the run.
        name: The run.
        spans: Whether all spans follow, with their place in the tree, their ids and whole attributes.
        events: Whether all events and logs follow likewise.
    """
    totals = run_totals(records)
    kinds = ", ".join(plural(count, kind) for kind, count in totals.by_kind.items() if count)
    lines = [
        f"run {one_line(name)}: {plural(totals.records, 'record')} ({kinds}), {plural(totals.errors, 'error')}"
    ]
    if totals.start_ns is not None and totals.duration_ns is not None:
        lines.append(f"began {time_text(totals.start_ns)}, took {seconds(totals.duration_ns)}")
    if records.spans() or records.measurements():
        lines += ["", *report_text(records).splitlines()]
    lines += ["", "tree", *(f"  {line}" for line in tree_text(records, times=True).splitlines())]
    if spans:
        lines += ["", "spans", *_details(records, records.spans(), totals.start_ns)]
    if events:
        told = [record for record in records if record.kind in {"event", "log"}]
        lines += ["", "events", *_details(records, told, totals.start_ns)]
    return "\n".join(map(visible, lines))


def _details(records: Records, chosen: Sequence[Record], start_ns: int | None) -> list[str]:
    if not chosen:
        return ["  none"]
    lines = []
    for record in chosen:
        parts = [f"  {_at(record, start_ns)}", records.path(record)]
        if record.kind == "log":
            parts.append(f"[{record.level or 'log'}]")
        if record.duration_ns is not None:
            parts.append(f"took {seconds(record.duration_ns)}")
        if record.status != "unset":
            parts.append(f"status={record.status}")
        if record.error is not None:
            parts.append(f"error={record.error}")
        parts += [f"{key}={brief(value, _LONGEST)}" for key, value in record.attrs.items()]
        ids = {"span": record.span_id, "parent": record.parent_id, "thread": record.thread}
        parts += [f"{name}={value}" for name, value in ids.items() if value is not None]
        lines.append("  ".join(parts))
    return lines


def _at(record: Record, start_ns: int | None) -> str:
    if record.time_ns is None or start_ns is None:
        return "at ?"
    return f"at {seconds(record.time_ns - start_ns)}"


def trace_object(records: Records, name: str, *, spans: bool = False, events: bool = False) -> dict[str, Any]:
    """Return what `trace_text` says as an object that JSON can hold; its keys are in ``docs/reference/cli.md``."""
    totals = run_totals(records)
    found: dict[str, Any] = {
        "run_id": name,
        "records": totals.records,
        "by_kind": totals.by_kind,
        "errors": totals.errors,
        "began": None if totals.start_ns is None else stamp_of(totals.start_ns),
        "duration_ms": None if totals.duration_ns is None else totals.duration_ns / 1e6,
        "timings": timing_summaries(records),
        "metrics": metric_summaries(records),
        "tree": _tree(records, totals.start_ns),
    }
    if spans:
        found["spans"] = [_as_line(record) for record in records.spans()]
    if events:
        found["events"] = [_as_line(record) for record in records if record.kind in {"event", "log"}]
    return plain(found, "", {})  # type: ignore[no-any-return]  # a dict of a dict


def _tree(records: Records, start_ns: int | None) -> list[dict[str, Any]]:
    """Return the tree as a list in its order, each record with its depth: deep ones cannot be nested in JSON."""
    rows: list[dict[str, Any]] = []
    pending = [(0, record) for record in reversed(records.roots)]
    while pending:
        depth, record = pending.pop()
        at_ns = None if record.time_ns is None or start_ns is None else record.time_ns - start_ns
        rows.append(
            {
                "depth": depth,
                "kind": record.kind,
                "name": record.name,
                "start_ms": None if at_ns is None else at_ns / 1e6,
                "duration_ms": None if record.duration_ns is None else record.duration_ns / 1e6,
                "status": record.status,
            }
        )
        pending.extend((depth + 1, child) for child in reversed(records.children(record)))
    return rows


def _as_line(record: Record) -> Any:
    """Return the object of the line that *record* is in our own format."""
    return json.loads(encode(record))
