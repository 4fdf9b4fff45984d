"""Adapts the two-method reporter to a sink (layer 1)."""

from __future__ import annotations

import inspect
from threading import get_ident
from typing import TYPE_CHECKING, Any

from pytest_telemetry.model.errors import InvalidReporter
from pytest_telemetry.model.record import Record
from pytest_telemetry.runtime.conversion import Point, point_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.model.protocols import TelemetryReporter
    from pytest_telemetry.runtime.span import Span

__all__ = ("ReporterSink",)


class ReporterSink:
    """Hands timings and metrics to an object with ``record_timing`` and ``record_metric``.

    The metadata keys are those of ``docs/reference/runtime.md``. A key of the user that equals a built-in one
    replaces it. A key that equals a positional parameter of the reporter's method is passed as
    ``extra.<key>``, so that no choice of key can lose a record. Telemetry that the reporter itself emits while it
    is being told something is dropped and counted.

    Events are not handed on: the protocol has no method for them.
    """

    __slots__ = (
        "_anchor",
        "_calls",
        "_metric",
        "_metric_taken",
        "_metrics",
        "_telling",
        "_timing",
        "_timing_taken",
        "dropped",
        "reporter",
    )

    def __init__(self, reporter: TelemetryReporter) -> None:
        self.reporter = reporter
        self.dropped = 0
        self._timing = reporter.record_timing
        self._metric = reporter.record_metric
        self._timing_taken = _taken(self._timing, reporter)
        self._metric_taken = _taken(self._metric, reporter)
        self._calls: dict[str, int] = {}
        self._metrics = 0
        self._telling = 0
        self._anchor: tuple[Span | None, int] = (None, 0)

    def span_ended(self, span: Span, end: int, error: BaseException | None, /) -> None:
        """Report one timing."""
        thread = get_ident()
        if self._telling == thread:
            self.dropped += 1
            return
        path = span.path
        parent = span.parent
        start = span.start
        if parent is None:
            start, wall = start  # type: ignore[misc]  # a root's start is a pair
            anchor = wall - start
        else:
            known, anchor = self._anchor
            if known is not parent and known is not span:
                anchor = span.start_wall_ns - start  # type: ignore[operator]  # only a root's start is a pair
            self._anchor = (parent, anchor)
        scope = path.scope
        calls = self._calls[scope] = self._calls.get(scope, 0) + 1
        self._telling = thread
        try:
            if span.attrs is None:  # explicit keywords: no dictionary is built only to be taken apart
                self._timing(
                    scope,
                    (end - start) * 1e-9,  # type: ignore[operator]  # a pair no more
                    depth=path.depth,
                    parent_scope=path.parent_scope,
                    call_count=calls,
                    start_monotonic_s=start * 1e-9,  # type: ignore[operator]
                    end_monotonic_s=end * 1e-9,
                    start_wall_time_s=(start + anchor) * 1e-9,  # type: ignore[operator]
                    end_wall_time_s=(end + anchor) * 1e-9,
                )
            else:
                self._timing(
                    scope,
                    (end - start) * 1e-9,  # type: ignore[operator]
                    **{
                        "depth": path.depth,
                        "parent_scope": path.parent_scope,
                        "call_count": calls,
                        "start_monotonic_s": start * 1e-9,  # type: ignore[operator]
                        "end_monotonic_s": end * 1e-9,
                        "start_wall_time_s": (start + anchor) * 1e-9,  # type: ignore[operator]
                        "end_wall_time_s": (end + anchor) * 1e-9,
                        **_renamed(span.attrs, self._timing_taken),
                    },
                )
        finally:
            self._telling = 0

    def span_processed(self, record: Record, span: Span, end: int, /) -> None:
        """Report one timing as the processors left it."""
        start = span.start_mono_ns
        wall_ns = span.start_wall_ns if record.time_ns is None else record.time_ns
        duration_ns = end - start if record.duration_ns is None else record.duration_ns
        calls = self._calls[record.scope] = self._calls.get(record.scope, 0) + 1
        self._timing(
            record.scope,
            duration_ns * 1e-9,
            **{
                "depth": span.path.depth,
                "parent_scope": span.path.parent_scope,
                "call_count": calls,
                "start_monotonic_s": start * 1e-9,
                "end_monotonic_s": end * 1e-9,
                "start_wall_time_s": wall_ns * 1e-9,
                "end_wall_time_s": (wall_ns + duration_ns) * 1e-9,
                **_renamed(record.attrs, self._timing_taken),
            },
        )

    def point(self, point: Point, /) -> None:
        """Report one measurement."""
        kind, _, value, instrument, attrs, span, _ = point
        if kind == "metric":
            self._report_metric(point_scope(point), value, instrument, attrs, span)

    def point_processed(self, record: Record, point: Point, /) -> None:
        """Report one measurement as the processors left it."""
        if record.kind == "metric":
            self._report_metric(record.scope, record.value, point[3], record.attrs, point[5])

    def emit(self, record: Record, /) -> None:
        """Ignore a record that came from elsewhere: it has none of the readings that the protocol promises."""

    def flush(self) -> None:
        """Call the reporter's own ``flush`` if it has one."""
        getattr(self.reporter, "flush", _nothing)()

    def close(self) -> None:
        """Call the reporter's own ``shutdown`` or ``close`` if it has one."""
        getattr(self.reporter, "shutdown", getattr(self.reporter, "close", _nothing))()

    def statistics(self) -> Mapping[str, int]:
        """Return what was handed on, and what the reporter's own telemetry lost by reentrance."""
        stored = sum(self._calls.values()) + self._metrics
        return {"accepted": stored + self.dropped, "stored": stored, "dropped": self.dropped}

    def _report_metric(
        self, scope: str, value: Any, instrument: str | None, attrs: dict[str, Any] | None, span: Span | None
    ) -> None:
        thread = get_ident()
        if self._telling == thread:
            self.dropped += 1
            return
        self._metrics += 1
        metadata: dict[str, Any] = {"depth": 0, "parent_scope": None}
        if span is not None:
            metadata = {"depth": span.path.depth + 1, "parent_scope": span.path.scope}
        if instrument is not None:
            metadata["metric_type"] = instrument
        if attrs:
            metadata.update(_renamed(attrs, self._metric_taken))
        self._telling = thread
        try:
            self._metric(scope, value, **metadata)
        finally:
            self._telling = 0


def _taken(method: Callable[..., Any], reporter: object) -> frozenset[str]:
    """Return the names that the positional arguments of *method* occupy, its ``self`` among them."""
    what = f"{type(reporter).__name__}.{getattr(method, '__name__', 'method')}"
    function = getattr(method, "__func__", method)
    positions = 2 if function is method else 3
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a C function: nothing is known, and nothing can collide by name
        return frozenset()
    if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
        raise InvalidReporter(f"{what} must accept **metadata: it is called with metadata keys as keywords")
    named = (p for p in parameters[:positions] if p.kind is p.POSITIONAL_OR_KEYWORD)
    return frozenset(parameter.name for parameter in named)


def _renamed(attrs: dict[str, Any], taken: frozenset[str]) -> dict[str, Any]:
    if taken.isdisjoint(attrs):
        return attrs
    return {f"extra.{key}" if key in taken else key: value for key, value in attrs.items()}


def _nothing() -> None:
    return None
