"""The Record: one fact that happened (layer 0).

Which fields are set for which kind is a table in ``docs/reference/record.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

__all__ = ("INSTRUMENTS", "KINDS", "SOURCES", "STATUSES", "Instrument", "Kind", "Record", "Status")

Kind: TypeAlias = Literal["span", "metric", "event", "log"]
Instrument: TypeAlias = Literal["counter", "gauge", "histogram", "updowncounter"]
Status: TypeAlias = Literal["unset", "ok", "error"]

KINDS: Final = ("span", "metric", "event", "log")
INSTRUMENTS: Final = ("counter", "gauge", "histogram", "updowncounter")
STATUSES: Final = ("unset", "ok", "error")
SOURCES: Final = ("api", "otel", "prometheus", "structlog", "logging", "log file")


@dataclass(slots=True)
class Record:
    """One fact that happened: a span, a metric measurement, an event or a log.

    Treat records as immutable; ``dataclasses.replace`` makes a changed copy. The class is not frozen because
    a frozen one costs five times as much to build.

    Attributes:
        kind: What it is.
        name: What the call site wrote; low cardinality.
        scope: Dotted path of the spans that were open, plus the name.
        time_ns: When it happened or began: wall clock, nanoseconds since the Unix epoch, UTC. None only where
            a log line carried no readable time.
        duration_ns: How long a span took, from the monotonic clock; None for a span that is still open, for
            other kinds, and where a log line carried no timing.
        value: What a metric measured.
        instrument: How measurements of a metric add up.
        status: ``unset`` unless something said otherwise; ``error`` when an exception left the span.
        error: Qualified name of that exception.
        attrs: What the call site added.
        run_id: The run it belongs to.
        trace_id: 32 hex digits, shared by all spans below one root.
        span_id: 16 hex digits, of a span.
        parent_id: ``span_id`` of the span it happened in.
        seq: Order in which the context emitted it; gaps mean loss. None while a span is open.
        source: Where it came from, one of `SOURCES`.
        level: Severity of a log, lower case (``warning``).
        thread: Name of the thread it happened in.
    """

    kind: Kind
    name: str
    scope: str
    time_ns: int | None
    duration_ns: int | None = None
    value: Any = None
    instrument: Instrument | None = None
    status: Status = "unset"
    error: str | None = None
    attrs: dict[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_id: str | None = None
    seq: int | None = None
    source: str = "api"
    level: str | None = None
    thread: str | None = None

    @property
    def end_ns(self) -> int | None:
        """Wall time at the end: ``time_ns + duration_ns``, derived, never read from a clock."""
        if self.time_ns is None or self.duration_ns is None:
            return None
        return self.time_ns + self.duration_ns

    @property
    def is_open(self) -> bool:
        """Whether this is a span that has not ended, as far as its observer knows."""
        return self.kind == "span" and self.duration_ns is None
