"""Brings what a Context reports to its sinks, and keeps sinks from getting in the way (layer 1)."""

from __future__ import annotations

import itertools
import logging
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from pytest_telemetry.model.errors import InvalidName
from pytest_telemetry.model.names import require_name, safe_name
from pytest_telemetry.model.protocols import Sink
from pytest_telemetry.runtime.conversion import point_record, span_record
from pytest_telemetry.runtime.reporter import ReporterSink
from pytest_telemetry.runtime.span import current_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.ids import IdSource
    from pytest_telemetry.model.protocols import Processor
    from pytest_telemetry.model.record import Instrument, Kind, Record
    from pytest_telemetry.runtime.conversion import Point
    from pytest_telemetry.runtime.span import ObservedSpan, Span, SpanEnd

__all__ = ("FAILURES_BEFORE_DETACHING", "NativeSink", "Observer", "Pipeline")

FAILURES_BEFORE_DETACHING: Final = 3

_log = logging.getLogger("pytest_telemetry")


@runtime_checkable
class NativeSink(Sink, Protocol):
    """A sink that takes spans and measurements before they are records; the fastest way to listen.

    Where the context has processors, it is handed records like any other sink.
    """

    def span_ended(self, span: Span, end: int, error: BaseException | None, /) -> None:
        """Take a finished span; *end* is the monotonic reading in ns."""

    def point(self, point: Point, /) -> None:
        """Take a measurement or an event."""


@runtime_checkable
class Observer(NativeSink, Protocol):
    """A native sink that watches spans from their start and sees both stages: call and output."""

    def span_started(self, span: ObservedSpan, /) -> None:
        """Take a span that was just opened."""

    def processed(self, source: Span | Point, output: Record | None, processor: str, /) -> None:
        """Learn what the processors made of something taken earlier; None if *processor* dropped it."""


class Pipeline:
    """Processors in list order, then sinks in registration order, all synchronous.

    What a processor or a sink raises is counted and logged once by its name. A sink is detached after three
    failures in a row, and the other sinks get an event ``telemetry.sink.failed``. What a failing processor was
    given is dropped, never passed on unprocessed.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        *,
        clock: Clock,
        ids: IdSource,
        processors: Sequence[Processor] = (),
        run_id: str | None = None,
        strict: bool = False,
    ) -> None:
        self.clock = clock
        self.ids = ids
        self.run_id = run_id or ids.run_id()
        self.strict = strict
        self.processors = tuple(processors)
        self.routes = [_Route(sink) for sink in sinks]
        self.misuse: dict[str, int] = {}
        self.processor_drops: dict[str, int] = {}
        self.closed_drops = 0
        self._seq = itertools.count(1)
        self._lock = threading.RLock()
        self._logged: set[str] = set()
        self._closed = False
        self._replace_span_end: Callable[[SpanEnd], None] | None = None
        self.observers: tuple[Any, ...] = tuple(route.sink for route in self.routes if route.is_observer)
        self.span_ended: SpanEnd = self._deliver
        self._point_taken: Callable[[Point], None] = self._deliver
        self._reroute()

    def on_replace(self, replace: Callable[[SpanEnd], None]) -> None:
        """Register who must hear when finished spans go another way."""
        self._replace_span_end = replace

    def span_start(self) -> Callable[[ObservedSpan], None]:
        """Return what to tell of each span that was just opened."""
        if len(self.observers) == 1:
            return self.observers[0].span_started
        return self._tell_observers

    def _tell_observers(self, span: ObservedSpan) -> None:
        for observer in self.observers:
            observer.span_started(span)

    def point(
        self, kind: Kind, name: str, value: Any, instrument: Instrument | None, attrs: dict[str, Any]
    ) -> None:
        """Deliver a measurement or an event.

        Raises:
            InvalidName: In strict mode only.
        """
        if self.strict:
            require_name(name, kind)
        elif type(name) is not str or not name:
            self.misused("unusable name", name)
            name = safe_name(name)
        span = current_span()
        reading = self.clock.wall_ns() if span is None else self.clock.mono_ns()
        try:
            self._point_taken((kind, name, value, instrument, attrs or None, span, reading))
        except BaseException as error:  # noqa: BLE001 - a sink never breaks observed code
            if self.failed(error, None):
                raise

    def misused(self, what: str, name: object) -> None:
        """Count a use that would raise in strict mode.

        Raises:
            InvalidName: In strict mode.
        """
        with self._lock:
            self.misuse[what] = self.misuse.get(what, 0) + 1
        if self.strict:
            raise InvalidName(f"{what}: {name!r}")
        self._log_once(f"misuse {what}", "telemetry misuse, %s: %r", what, name)

    def failed(self, error: BaseException, body_error: BaseException | None) -> bool:
        """Account for what the only sink raised; return whether the caller must raise it on."""
        route = next((route for route in self.routes if not route.detached), None)
        return route is None or self._sink_failed(route, error, body_error)

    def flush(self) -> None:
        """Flush every sink."""
        self._each("flush")

    def close(self) -> None:
        """Close every sink, once."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._reroute()
        self._each("close")

    def statistics(self) -> Mapping[str, Any]:
        """Return misuse, drops and per-sink numbers."""
        return {
            "misuse": dict(self.misuse),
            "dropped_by_processors": dict(self.processor_drops),
            "dropped_after_shutdown": self.closed_drops,
            "sinks": {
                route.name: {
                    **route.sink.statistics(),
                    "failures": route.failures,
                    "detached": route.detached,
                }
                for route in self.routes
            },
        }

    def _reroute(self) -> None:
        """Choose the shortest way that is right at present: one native sink is called directly."""
        live = [route for route in self.routes if not route.detached]
        direct = not self._closed and not self.processors and len(live) == 1 and not live[0].in_a_row
        if direct and live[0].is_native:
            sink: Any = live[0].sink
            self.span_ended, self._point_taken = sink.span_ended, sink.point
        else:
            self.span_ended = self._point_taken = self._deliver
        if self._replace_span_end is not None:
            self._replace_span_end(self.span_ended)

    def _deliver(
        self, source: Span | Point, end: int | None = None, error: BaseException | None = None
    ) -> None:
        """Deliver a finished span (*end* is a reading) or a point (*end* is None)."""
        if self._closed:
            self.closed_drops += 1
            return
        record: Record | None = None
        dropped_by = ""
        if self.processors:
            self._observe(source, end, error)
            record, dropped_by = self._process(self._record(source, end, error))
            for observer in self.observers:
                observer.processed(source, record, dropped_by)
            if record is None:
                return
        for route in self.routes:
            if route.detached or (self.processors and route.is_observer):
                continue
            try:
                if not self.processors and route.is_native:
                    if end is None:
                        route.sink.point(source)  # type: ignore[arg-type]  # no end: a point
                    else:
                        route.sink.span_ended(source, end, error)  # type: ignore[arg-type]  # an end: a span
                else:
                    if record is None:
                        record = self._record(source, end, error)
                    self._hand_over(route.sink, record, source, end)
            except BaseException as failure:  # noqa: BLE001 - a sink never breaks observed code
                if self._sink_failed(route, failure, error):
                    raise
            else:
                if route.in_a_row:
                    route.in_a_row = 0
                    self._reroute()

    def _observe(self, source: Span | Point, end: int | None, error: BaseException | None) -> None:
        for observer in self.observers:
            if end is None:
                observer.point(source)  # type: ignore[arg-type]  # no end: a point
            else:
                observer.span_ended(source, end, error)  # type: ignore[arg-type]  # an end: a span

    def _hand_over(self, sink: Sink, record: Record, source: Span | Point, end: int | None) -> None:
        if not isinstance(sink, ReporterSink):
            sink.emit(record)
        elif end is None:
            sink.point_processed(record, source)  # type: ignore[arg-type]  # no end: a point
        else:
            sink.span_processed(record, source, end)  # type: ignore[arg-type]  # an end: a span

    def _record(self, source: Span | Point, end: int | None, error: BaseException | None) -> Record:
        seq = next(self._seq)
        if end is not None:
            return span_record(source, end, error, ids=self.ids, run_id=self.run_id, seq=seq)  # type: ignore[arg-type]  # an end: a span
        thread = threading.current_thread().name
        return point_record(source, ids=self.ids, run_id=self.run_id, seq=seq, thread=thread)  # type: ignore[arg-type]  # no end: a point

    def _process(self, record: Record | None) -> tuple[Record | None, str]:
        for processor in self.processors:
            name = _name(processor)
            try:
                record = processor(record)  # type: ignore[arg-type]  # the loop ends where it is None
            except Exception:
                self._log_once(f"processor {name}", "telemetry processor %s failed; the record is dropped", name, exc_info=True)
                record = None
            if record is None:
                with self._lock:
                    self.processor_drops[name] = self.processor_drops.get(name, 0) + 1
                return None, name
        return record, ""

    def _sink_failed(self, route: _Route, error: BaseException, body_error: BaseException | None) -> bool:
        """Count a failure and detach the third in a row; return whether *error* must be raised on."""
        with self._lock:
            route.failures += 1
            route.in_a_row += 1
            detach = route.in_a_row >= FAILURES_BEFORE_DETACHING and not route.detached
            route.detached = route.detached or detach
            self._reroute()
        self._log_once(f"sink {route.name}", "telemetry sink %s failed", route.name, exc_info=error)
        if detach:
            _log.warning("telemetry sink %s detached after %d failures in a row", route.name, route.in_a_row)
        if route.in_a_row == 1 or detach:
            self._tell_others(route, error)
        return not isinstance(error, Exception) and body_error is None

    def _tell_others(self, failed: _Route, error: BaseException) -> None:
        attrs = {"sink": failed.name, "error.type": type(error).__qualname__, "detached": failed.detached}
        point: Point = ("event", "telemetry.sink.failed", None, None, attrs, None, self.clock.wall_ns())
        record = self._record(point, None, None)
        for route in self.routes:
            if route is failed or route.detached or isinstance(route.sink, ReporterSink):
                continue
            try:
                if route.is_observer:
                    route.sink.point(point)  # type: ignore[attr-defined]  # an observer
                else:
                    route.sink.emit(record)
            except Exception as second:  # noqa: BLE001 - counted like any other failure of that sink
                self._sink_failed(route, second, None)

    def _each(self, act: str) -> None:
        for route in self.routes:
            try:
                getattr(route.sink, act)()
            except Exception as error:  # noqa: BLE001 - a sink never breaks observed code
                route.failures += 1
                self._log_once(f"{act} {route.name}", "telemetry sink %s failed to %s", route.name, act, exc_info=error)

    def _log_once(self, key: str, message: str, *args: object, exc_info: Any = None) -> None:
        with self._lock:
            if key in self._logged:
                return
            self._logged.add(key)
        _log.error(message, *args, exc_info=exc_info)


class _Route:
    """The way to one sink, and how well it works."""

    __slots__ = ("detached", "failures", "in_a_row", "is_native", "is_observer", "name", "sink")

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        # isinstance with these protocols would cost a fixture 60 us
        self.is_native = hasattr(sink, "span_ended") and hasattr(sink, "point")
        self.is_observer = self.is_native and hasattr(sink, "span_started") and hasattr(sink, "processed")
        self.name = _name(sink.reporter if isinstance(sink, ReporterSink) else sink)
        self.failures = 0
        self.in_a_row = 0
        self.detached = False


def _name(thing: object) -> str:
    return getattr(thing, "__qualname__", None) or type(thing).__qualname__
