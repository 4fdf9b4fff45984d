"""Makes Records of what the hot path hands out (layer 1)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_telemetry.model.record import Instrument, Kind, Record
from pytest_telemetry.runtime.span import Span, identify

if TYPE_CHECKING:
    from pytest_telemetry.model.ids import IdSource

__all__ = ("Point", "error_name", "point_record", "point_scope", "span_record")

Point: TypeAlias = tuple[Kind, str, Any, Instrument | None, dict[str, Any] | None, Span | None, int]
"""A measurement or an event: kind, name, value, instrument, attributes, the span it happened in, and a
reading in ns: inside a span of that span's monotonic clock, outside of the wall clock."""


def error_name(kind: type[BaseException] | None) -> str | None:
    """Return the qualified name of a class of exceptions; leaving a generator early is no error."""
    if kind is None or issubclass(kind, GeneratorExit):
        return None
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def span_record(
    span: Span, end: int, error: BaseException | None, *, ids: IdSource, run_id: str, seq: int
) -> Record:
    """Make the record of a finished span; call it in the thread in which the span ended."""
    own = identify(span, ids)
    name = None if error is None else error_name(type(error))
    return Record(
        "span",
        own.name,
        own.scope,
        span.start_wall_ns,
        end - span.start_mono_ns,
        None,
        None,
        "unset" if name is None else "error",
        name,
        dict(span.attrs) if span.attrs else {},
        run_id,
        own.trace_id,
        own.span_id,
        None if span.parent is None else identify(span.parent, ids).span_id,
        seq,
        "api",
        None,
        threading.current_thread().name,
    )


def point_record(point: Point, *, ids: IdSource, run_id: str, seq: int, thread: str) -> Record:
    """Make the record of a measurement or an event."""
    kind, name, value, instrument, attrs, span, reading = point
    if kind == "metric" and instrument is None and isinstance(value, int | float):
        instrument = "gauge"
    own = None if span is None else identify(span, ids)
    return Record(
        kind,
        name,
        point_scope(point),
        reading if span is None else span.start_wall_ns + reading - span.start_mono_ns,
        None,
        value,
        instrument,
        "unset",
        None,
        dict(attrs) if attrs else {},
        run_id,
        None if own is None else own.trace_id,
        None,
        None if own is None else own.span_id,
        seq,
        "api",
        None,
        thread,
    )


def point_scope(point: Point) -> str:
    """Return the dotted path of the spans that were open, plus the name."""
    span = point[5]
    return point[1] if span is None else f"{span.path.scope}.{point[1]}"
