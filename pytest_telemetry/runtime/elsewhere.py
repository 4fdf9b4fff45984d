"""What was made or timed elsewhere, on its way through a context (layer 1)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pytest_telemetry.model.names import require_name, safe_name
from pytest_telemetry.model.record import Record
from pytest_telemetry.runtime.current import current_span
from pytest_telemetry.runtime.path import ROOT
from pytest_telemetry.runtime.span import Span, identify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.model.record import Kind, Status
    from pytest_telemetry.runtime.interface import Context
    from pytest_telemetry.runtime.pipeline import Pipeline

__all__ = ("emit_record", "finished_span", "judged_event")


def emit_record(context: Context, record: Record) -> None:
    """Send *record* through the processors of *context* to its sinks, as it is; a disabled context takes nothing.

    Two-method reporters are left out: the record has none of the readings that they are promised.
    """
    pipeline: Pipeline | None = getattr(context, "_pipeline", None)
    if pipeline is not None:
        pipeline.take(record)


def finished_span(
    context: Context, name: str, duration_ns: int, *, status: Status = "unset", attrs: Mapping[str, Any]
) -> None:
    """Record a span that was timed elsewhere and ends now, below the span that is open here.

    Its duration is exactly *duration_ns*, whatever it is; the wall clock is read once, and its start derived.

    Raises:
        InvalidName: In strict mode only.
    """
    pipeline: Pipeline | None = getattr(context, "_pipeline", None)
    if pipeline is not None:
        record, parent = _record(pipeline, "span", name, duration_ns, status, attrs)
        pipeline.take(record, _as_timed(record, parent, pipeline.mono_ns()))


def judged_event(context: Context, name: str, status: Status, attrs: Mapping[str, Any]) -> None:
    """Record an event of which is known whether it went well.

    Raises:
        InvalidName: In strict mode only.
    """
    pipeline: Pipeline | None = getattr(context, "_pipeline", None)
    if pipeline is not None:
        pipeline.take(_record(pipeline, "event", name, None, status, attrs)[0])


def _record(
    pipeline: Pipeline,
    kind: Kind,
    name: str,
    duration_ns: int | None,
    status: Status,
    attrs: Mapping[str, Any],
) -> tuple[Record, Span | None]:
    """Return the record of what happens now, and the span that is open here."""
    if pipeline.strict:
        require_name(name, "scope" if kind == "span" else kind)
    elif type(name) is not str or not name:
        pipeline.misused("unusable name", name)
        name = safe_name(name)
    parent = current_span()
    if parent is None:
        now_ns, own = pipeline.wall_ns(), None
    else:
        now_ns = parent.start_wall_ns + parent.clock.mono_ns() - parent.start_mono_ns
        own = identify(parent, pipeline.ids)
    is_span = kind == "span"
    record = Record(
        kind,
        name,
        name if own is None else f"{own.scope}.{name}",
        now_ns - (duration_ns or 0),
        duration_ns,
        status=status,
        attrs=dict(attrs),
        run_id=pipeline.run_id,
        trace_id=own.trace_id if own is not None else pipeline.ids.trace_id() if is_span else None,
        span_id=pipeline.ids.span_id() if is_span else None,
        parent_id=None if own is None else own.span_id,
        seq=pipeline.next_seq(),
        thread=threading.current_thread().name,
    )
    return record, parent


def _as_timed(record: Record, parent: Span | None, end: int) -> tuple[Span, int]:
    """Return the span of a record, which two-method reporters hear of, and the monotonic reading at its end."""
    span = Span()
    below = ROOT if parent is None else parent.path.again
    span.path = below.children[record.name].ended
    span.attrs, span.parent = record.attrs, parent
    span.start = end - (record.duration_ns or 0)
    return span, end
