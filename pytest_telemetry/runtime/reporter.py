"""Adapts the two-method reporter to a sink (layer 1)."""

from __future__ import annotations

import inspect
import threading
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.errors import InvalidReporter
from pytest_telemetry.runtime.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.model.protocols import TelemetryReporter
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.runtime.conversion import Point
    from pytest_telemetry.runtime.span import Span

__all__ = ("ReporterSink",)

LIMIT: Final = 10_000
_TIMING_KEYS: Final = (
    "depth",
    "parent_scope",
    "call_count",
    "start_monotonic_s",
    "end_monotonic_s",
    "start_wall_time_s",
    "end_wall_time_s",
)
_METRIC_KEYS: Final = ("depth", "parent_scope", "metric_type")
_NOWHERE: Final = (None, 0)


class ReporterSink:
    """Hands timings and metrics to an object with ``record_timing`` and ``record_metric``.

    The metadata keys are those of ``docs/reference/runtime.md``. A key of the user that equals a built-in one
    replaces it. A key that equals a positional parameter of the reporter's method is passed as
    ``extra.<key>``, so that no choice of key can lose a record. Telemetry that the reporter itself emits while it
    is being told something is dropped and counted.

    Events are not handed on: the protocol has no method for them.

    Raises:
        InvalidReporter: A method cannot be called the way the protocol calls it.
    """

    __slots__ = (
        "_also_telling",
        "_anchor",
        "_calls",
        "_dropped",
        "_failed",
        "_lock",
        "_metric",
        "_metric_taken",
        "_metrics",
        "_telling",
        "_timing",
        "_timing_taken",
        "_uncounted",
        "reporter",
    )

    def __init__(self, reporter: TelemetryReporter) -> None:
        self.reporter = reporter
        self._timing = reporter.record_timing
        self._metric = reporter.record_metric
        self._timing_taken = _taken(self._timing, "record_timing", _TIMING_KEYS)
        self._metric_taken = _taken(self._metric, "record_metric", _METRIC_KEYS)
        self._lock = threading.RLock()
        self._calls: dict[str, int] = {}
        self._uncounted = Tally()
        self._metrics = 0
        self._failed = Tally()
        self._dropped = Tally()
        self._telling = 0
        self._also_telling: set[int] = set()
        self._anchor: tuple[Span | None, int] = _NOWHERE

    def span_ended(self, span: Span, end: int, error: BaseException | None, /) -> None:  # noqa: ARG002 - the protocol has no word for it
        """Report one timing."""
        thread = get_ident()
        if (self._telling or self._also_telling) and not self._may_tell(thread):
            return
        path = span.path
        start = span.start
        if type(start) is tuple:
            mono, wall, _ = start
            self._anchor = _NOWHERE  # or the reporter would keep a span that is over, and its context
        else:
            mono = start  # type: ignore[assignment]  # an integer
            parent = span.parent
            known, anchor = self._anchor
            if known is not parent:
                if known is not span:
                    anchor = span.start_wall_ns - mono
                self._anchor = parent, anchor
            wall = mono + anchor
        scope = path.scope
        counts = self._calls
        try:
            # read, add and store without a call in between: under the GIL no other thread comes between them
            calls = counts[scope] = counts[scope] + 1
        except KeyError:
            calls = self._first_call(scope)
        duration_s, start_s, wall_s = (end - mono) / 1e9, mono / 1e9, wall / 1e9
        attrs = span.attrs
        self._telling = self._telling or thread
        try:
            if attrs is None:  # explicit keywords: no dictionary is built only to be taken apart
                self._timing(
                    scope,
                    duration_s,
                    depth=path.depth,
                    parent_scope=path.parent_scope,
                    call_count=calls,
                    start_monotonic_s=start_s,
                    end_monotonic_s=start_s + duration_s,
                    start_wall_time_s=wall_s,
                    end_wall_time_s=wall_s + duration_s,
                )
            else:
                self._timing(
                    scope,
                    duration_s,
                    **{
                        "depth": path.depth,
                        "parent_scope": path.parent_scope,
                        "call_count": calls,
                        "start_monotonic_s": start_s,
                        "end_monotonic_s": start_s + duration_s,
                        "start_wall_time_s": wall_s,
                        "end_wall_time_s": wall_s + duration_s,
                        **_renamed(attrs, self._timing_taken),
                    },
                )
        except BaseException:
            self._failed.add()
            raise
        finally:
            if self._telling == thread:
                self._telling = 0
            if self._also_telling:
                self._also_telling.discard(thread)

    def span_processed(self, record: Record, span: Span, end: int, /) -> None:
        """Report one timing as the processors left it."""
        if (self._telling or self._also_telling) and not self._may_tell(get_ident()):
            return
        counts = self._calls
        try:
            calls = counts[record.scope] = counts[record.scope] + 1  # as above
        except KeyError:
            calls = self._first_call(record.scope)
        wall_ns = span.start_wall_ns if record.time_ns is None else record.time_ns
        duration_ns = end - span.start_mono_ns if record.duration_ns is None else record.duration_ns
        duration_s, start_s, wall_s = duration_ns / 1e9, span.start_mono_ns / 1e9, wall_ns / 1e9
        metadata = {
            "depth": span.path.depth,
            "parent_scope": span.path.parent_scope,
            "call_count": calls,
            "start_monotonic_s": start_s,
            "end_monotonic_s": start_s + duration_s,
            "start_wall_time_s": wall_s,
            "end_wall_time_s": wall_s + duration_s,
            **_renamed(record.attrs, self._timing_taken),
        }
        self._tell(self._timing, record.scope, duration_s, metadata)

    def point(self, point: Point, /) -> None:
        """Report one measurement."""
        kind, name, value, instrument, attrs, span, _ = point
        if kind == "metric":
            scope = name if span is None else f"{span.path.scope}.{name}"
            self._report_metric(scope, value, instrument, attrs, span)

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
        told = sum(self._calls.copy().values()) + self._uncounted.value + self._metrics
        stored, dropped = told - self._failed.value, self._dropped.value
        return {"accepted": stored + dropped, "stored": stored, "dropped": dropped}

    def _report_metric(
        self, scope: str, value: Any, instrument: str | None, attrs: dict[str, Any] | None, span: Span | None
    ) -> None:
        if (self._telling or self._also_telling) and not self._may_tell(get_ident()):
            return
        self._metrics += 1  # as above
        if span is None:
            metadata: dict[str, Any] = {"depth": 0, "parent_scope": None}
        else:
            metadata = {"depth": span.path.depth + 1, "parent_scope": span.path.scope}
        if instrument is not None:
            metadata["metric_type"] = instrument
        if attrs:
            metadata.update(_renamed(attrs, self._metric_taken))
        self._tell(self._metric, scope, value, metadata)

    def _tell(self, method: Callable[..., None], scope: str, value: Any, metadata: dict[str, Any]) -> None:
        thread = get_ident()
        self._telling = self._telling or thread
        try:
            method(scope, value, **metadata)
        except BaseException:
            self._failed.add()
            raise
        finally:
            if self._telling == thread:
                self._telling = 0
            if self._also_telling:
                self._also_telling.discard(thread)

    def _may_tell(self, thread: int) -> bool:
        """Return whether *thread*, which is not alone, may tell something; count what is dropped if not."""
        if self._telling == thread or thread in self._also_telling:
            self._dropped.add()
            return False
        self._also_telling.add(thread)
        return True

    def _first_call(self, scope: str) -> int:
        """Number the first call of a scope; one beyond the limit is not remembered, and always the first."""
        with self._lock:
            counts = self._calls
            if scope not in counts:
                if len(counts) >= LIMIT:
                    self._uncounted.add()
                    return 1
                counts[scope] = 0
            calls = counts[scope] = counts[scope] + 1
            return calls


def _taken(method: Callable[..., Any], name: str, keys: tuple[str, ...]) -> frozenset[str]:
    """Return the names that the positional parameters of *method* occupy, its ``self`` among them.

    Raises:
        InvalidReporter: It does not accept two positional arguments and any keywords.
    """
    if inspect.iscoroutinefunction(method):
        raise InvalidReporter(f"{name} must not be a coroutine function: it is called synchronously")
    function = getattr(method, "__func__", method)
    positions: tuple[object, ...] = ("scope", 0.0) if function is method else (None, "scope", 0.0)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a C function: nothing is known, and nothing can collide by name
        return frozenset()
    parameters = list(signature.parameters.values())
    if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
        raise InvalidReporter(f"{name} must accept **metadata: it is called with metadata keys as keywords")
    try:
        signature.bind(*positions, **dict.fromkeys(keys))
    except TypeError as error:
        raise InvalidReporter(f"{name} is called as {name}(scope, value, **metadata): {error}") from error
    named = (p for p in parameters[: len(positions)] if p.kind is p.POSITIONAL_OR_KEYWORD)
    return frozenset(parameter.name for parameter in named)


def _renamed(attrs: dict[str, Any], taken: frozenset[str]) -> dict[str, Any]:
    if taken.isdisjoint(attrs):
        return attrs
    return {f"extra.{key}" if key in taken else key: value for key, value in attrs.items()}


def _nothing() -> None:
    return None
