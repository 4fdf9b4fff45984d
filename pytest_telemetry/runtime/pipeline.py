"""Brings what a Context reports to its sinks, and keeps sinks from getting in the way (layer 1)."""

from __future__ import annotations

import itertools
import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.errors import TelemetryError, Unavailable
from pytest_telemetry.model.names import require_name, safe_name
from pytest_telemetry.model.record import Record
from pytest_telemetry.runtime.conversion import error_name, point_record, span_record
from pytest_telemetry.runtime.current import CURRENT, current_span, resume
from pytest_telemetry.runtime.path import ENDED
from pytest_telemetry.runtime.route import NativeSink, Observer, Route, name_of, routes_to
from pytest_telemetry.runtime.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.ids import IdSource
    from pytest_telemetry.model.protocols import Processor, Sink
    from pytest_telemetry.model.record import Instrument, Kind
    from pytest_telemetry.runtime.conversion import Point
    from pytest_telemetry.runtime.observed import ObservedSpan
    from pytest_telemetry.runtime.span import Span, SpanEnd

__all__ = ("FAILURES_BEFORE_DETACHING", "NativeSink", "Observer", "Pipeline")

FAILURES_BEFORE_DETACHING: Final = 3

_current: Final = CURRENT.get
_log = logging.getLogger("pytest_telemetry")


class _MustPass(BaseException):
    """Carries what a sink raised and must not be swallowed (``KeyboardInterrupt``); already accounted for."""

    def __init__(self, interruption: BaseException) -> None:
        super().__init__(interruption)
        self.interruption = interruption


class Pipeline:
    """Processors in list order, then sinks in registration order, all synchronous.

    What a processor or a sink raises is counted and logged once by its name. A sink is detached after three
    failures in a row, of which being `Unavailable` is none, and the other sinks get an event
    ``telemetry.sink.failed``. What a failing processor was given is dropped, never passed on unprocessed; it is
    never detached, because it may be there to redact.

    Attributes:
        span_started: What to tell of each span that was just opened, if somebody watches.
        span_ended: What to give each finished span.
    """

    __slots__ = (
        "_closed",
        "_dropped",
        "_dropped_late",
        "_is_closing",
        "_lock",
        "_logged",
        "_misuse",
        "_point_taken",
        "_redirect",
        "_seq",
        "_to_close",
        "clock",
        "ids",
        "mono_ns",
        "observers",
        "processors",
        "routes",
        "run_id",
        "span_ended",
        "span_started",
        "strict",
        "wall_ns",
    )

    span_started: Callable[[ObservedSpan], None]
    span_ended: SpanEnd
    _point_taken: Callable[[Point], None]

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
        self.mono_ns = clock.mono_ns
        self.wall_ns = clock.wall_ns
        self.ids = ids
        self.run_id = run_id or ids.run_id()
        self.strict = strict
        self.processors = tuple(processors)
        self.routes = routes_to(sinks)
        self.observers = tuple(route for route in self.routes if route.observer is not None)
        self._misuse: dict[str, Tally] = {}
        self._dropped: dict[str, Tally] = {}
        self._dropped_late = Tally()
        self._seq = itertools.count(1).__next__
        self._lock = threading.RLock()
        self._logged: dict[str, object] = {}
        self._closed = self._is_closing = False
        self._to_close = list(self.routes)
        self._redirect: Callable[[], None] | None = None
        self._choose_ways()

    # what the hot path calls

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
            name = self._usable(name)
        span = _current()
        if span is not None:
            path = span.path
            if path.ended is path or path.children is ENDED:
                span = current_span()
        reading = self.clock.wall_ns() if span is None else span.clock.mono_ns()
        try:
            self._point_taken((kind, name, value, instrument, attrs or None, span, reading))
        except BaseException as error:  # noqa: BLE001 - a sink never breaks observed code
            self.failed(error, None)

    def failed(self, error: BaseException, body_error: BaseException | None) -> None:
        """Account for what came out of `span_ended`, and raise it on only if it must pass."""
        if isinstance(error, _MustPass):
            raise error.interruption from None
        interruption = self._sink_failed(self.routes[0], error)  # only the way to a single sink has no guard
        if interruption is not None and body_error is None:
            raise interruption

    def start_failed(self, span: Span, error: BaseException) -> None:
        """Account for what came out of `span_started`; a span whose start is interrupted is not open."""
        if isinstance(error, _MustPass):
            interruption: BaseException | None = error.interruption
        else:
            interruption = self._sink_failed(self.observers[0], error)
        if interruption is not None:
            resume(span.parent)
            raise interruption

    def on_redirect(self, redirect: Callable[[], None]) -> None:
        """Register who must hear when `span_started` or `span_ended` change."""
        self._redirect = redirect

    # what everybody else calls

    def misused(self, what: str, name: object, *, may_raise: bool = True) -> None:
        """Count a use that raises in strict mode, unless it must not.

        Raises:
            TelemetryError: In strict mode only.
        """
        self._misuse.setdefault(what, Tally()).add()
        shown = name if isinstance(name, str | list) else f"<{type(name).__qualname__}>"
        if self.strict and may_raise:
            raise TelemetryError(f"{what}: {shown!r}")
        self._log_once(f"misuse {what}", "telemetry misuse, %s: %r", what, shown)

    def take(self, record: Record, timed: tuple[Span, int] | None = None) -> None:
        """Deliver a record that was made elsewhere; it goes the way of all others, and nothing of it changes.

        Args:
            record: What is delivered.
            timed: A span and its end, for two-method reporters; without, they hear nothing of the record.

        Raises:
            BaseException: What a sink raised that must not be swallowed, such as ``KeyboardInterrupt``.
        """
        if self._closed:
            self._dropped_late.add()
            return
        interruption: BaseException | None = None
        for route in self.observers if self.processors else ():
            if route.detached:
                route.missed.add()
            else:
                interruption = self._give(route, None, route.sink.emit, record) or interruption
        output, processor, stop = self._process(record)
        interruption = stop or interruption
        for route in self.routes:
            if self.processors and route.observer is not None:
                if not route.detached:
                    tell = route.observer.processed
                    told = (record, output, processor)
                    interruption = self._give(route, None, tell, *told, recovers=False) or interruption
            elif output is not None:
                if route.detached:
                    route.missed.add()
                elif timed is not None:
                    interruption = self._give(route, None, route.emit, output, *timed) or interruption
                else:
                    interruption = self._give(route, None, route.sink.emit, output) or interruption
        if interruption is not None:
            raise interruption

    def next_seq(self) -> int:
        """Return the number of the next record, in the order in which this context emits."""
        return self._seq()

    def flush(self) -> None:
        """Flush every sink."""
        for route in () if self._closed else self.routes:
            self._have(route, "flush")

    def close(self) -> None:
        """Close every sink, once; what an interruption left open is closed by the next call."""
        with self._lock:
            if self._is_closing:
                return
            self._is_closing = self._closed = True
            self._choose_ways()
        try:
            while self._to_close:
                self._have(self._to_close[0], "close")
                del self._to_close[0]
        finally:
            self._is_closing = False

    def statistics(self) -> Mapping[str, Any]:
        """Return misuse, drops and per-sink numbers."""
        return {
            "misuse": {what: tally.value for what, tally in self._misuse.copy().items()},
            "dropped_by_processors": {name: tally.value for name, tally in self._dropped.copy().items()},
            "dropped_after_shutdown": self._dropped_late.value,
            "sinks": {route.name: self._statistics_of(route) for route in self.routes},
        }

    # the ways

    def _choose_ways(self) -> None:
        """Choose the shortest way that is right at present: one native sink is called directly."""
        self.span_ended = self._point_taken = self._deliver
        only = self.routes[0] if len(self.routes) == 1 and not self.processors and not self._closed else None
        if only is not None and only.native is not None and only.works:
            self.span_ended, self._point_taken = only.native.span_ended, only.native.point
        self.span_started = self._announce
        if len(self.observers) == 1 and not self._closed and self.observers[0].works:
            observer = self.observers[0].observer
            if observer is not None:
                self.span_started = observer.span_started
        if self._redirect is not None:
            self._redirect()

    def _announce(self, span: ObservedSpan) -> None:
        interruption: BaseException | None = None
        for route in self.observers:
            if route.observer is not None and not route.detached and not self._closed:
                started = route.observer.span_started
                interruption = self._give(route, None, started, span, recovers=False) or interruption
        if interruption is not None:
            raise _MustPass(interruption)

    def _deliver(self, source: Span | Point, end: int = 0, error: BaseException | None = None) -> None:
        """Deliver a point, or a span that ended at *end*, to every sink."""
        if self._closed:
            self._dropped_late.add()
            return
        deliver = self._deliver_processed if self.processors else self._deliver_as_is
        interruption = deliver(source, end, error)
        if interruption is not None:
            raise _MustPass(interruption)

    def _deliver_as_is(
        self, source: Span | Point, end: int, error: BaseException | None
    ) -> BaseException | None:
        interruption: BaseException | None = None
        record: Record | None = None
        for route in self.routes:
            if route.detached:
                route.missed.add()
            elif route.native is not None:
                interruption = self._give(route, error, route.take, source, end, error) or interruption
            else:
                record = record or self._record(source, end, error)
                interruption = self._give(route, error, route.emit, record, source, end) or interruption
        return interruption

    def _deliver_processed(
        self, source: Span | Point, end: int, error: BaseException | None
    ) -> BaseException | None:
        interruption: BaseException | None = None
        for route in self.observers:
            if route.detached:
                route.missed.add()
            else:
                interruption = self._give(route, error, route.take, source, end, error) or interruption
        output, processor, stop = self._process(self._record(source, end, error))
        if error is None:
            interruption = stop or interruption
        for route in self.routes:
            if route.observer is not None:
                if not route.detached:
                    told = (source, output, processor)
                    tell = route.observer.processed
                    interruption = self._give(route, error, tell, *told, recovers=False) or interruption
            elif output is not None:
                if route.detached:
                    route.missed.add()
                else:
                    interruption = self._give(route, error, route.emit, output, source, end) or interruption
        return interruption

    def _record(self, source: Span | Point, end: int, error: BaseException | None) -> Record:
        seq = self._seq()
        if isinstance(source, tuple):
            thread = threading.current_thread().name
            return point_record(source, ids=self.ids, run_id=self.run_id, seq=seq, thread=thread)
        return span_record(source, end, error, ids=self.ids, run_id=self.run_id, seq=seq)

    def _process(self, record: Record) -> tuple[Record | None, str, BaseException | None]:
        """Return what the processors leave of *record*, the one that dropped it, and what must be raised on."""
        current = record
        for processor in self.processors:
            interruption: BaseException | None = None
            try:
                output = processor(current)
                if output is not None and not isinstance(output, Record):
                    raise TypeError(f"returned {type(output).__qualname__}, not a Record or None")  # noqa: TRY301 - a failure like any other
            except BaseException as error:  # noqa: BLE001 - a processor never breaks observed code
                name = name_of(processor)
                message = "telemetry processor %s failed; the record is dropped"
                self._log_once(f"processor {name}", message, name, error=error)
                interruption = None if isinstance(error, Exception) else error
                output = None
            if output is None:
                name = name_of(processor)
                self._dropped.setdefault(name, Tally()).add()
                return None, name, interruption
            current = output
        return current, "", None

    # failures

    def _give(
        self,
        route: Route,
        body_error: BaseException | None,
        method: Callable[..., None],
        *args: object,
        recovers: bool = True,
    ) -> BaseException | None:
        """Call a method of a sink and account for the outcome; return what must be raised on.

        A sink recovers by taking something, not by being told of a start or of what processors did.
        """
        try:
            method(*args)
        except BaseException as error:  # noqa: BLE001 - a sink never breaks observed code
            interruption = self._sink_failed(route, error)
            return interruption if body_error is None else None
        if route.in_a_row and recovers:
            with self._lock:
                route.in_a_row = 0
                self._choose_ways()
        return None

    def _sink_failed(self, route: Route, error: BaseException) -> BaseException | None:
        """Count a failure, and detach at the third in a row; return what must pass: no ordinary exception.

        A store that is unavailable is no broken one: what it cannot take is lost, what comes after it may take again.
        """
        with self._lock:
            route.failures += 1
            route.in_a_row += not isinstance(error, Unavailable)
            first = route.failures == 1
            detach = route.in_a_row >= FAILURES_BEFORE_DETACHING and not route.detached
            route.detached = route.detached or detach
            self._choose_ways()
        self._log_once(f"sink {route.name}", "telemetry sink %s failed", route.name, error=error)
        if detach:
            _log.warning(
                "telemetry sink %s detached after %d failures in a row", route.name, FAILURES_BEFORE_DETACHING
            )
        interruption = None if isinstance(error, Exception) else error
        if first or detach:
            interruption = self._tell_others(route, error) or interruption
        return interruption

    def _tell_others(self, failed: Route, error: BaseException) -> BaseException | None:
        attrs = {"sink": failed.name, "error.type": error_name(type(error)), "detached": failed.detached}
        point: Point = ("event", "telemetry.sink.failed", None, None, attrs, None, self.clock.wall_ns())
        record = self._record(point, 0, None)
        interruption: BaseException | None = None
        for route in self.routes:
            if route is failed or route.detached:
                continue
            if route.native is None or (self.processors and route.observer is None):
                interruption = self._give(route, None, route.emit, record, point, 0) or interruption
            else:
                interruption = self._give(route, None, route.take, point, 0, None) or interruption
        return interruption

    def _have(self, route: Route, act: str) -> None:
        """Have a sink flush or close, and account for the outcome."""
        try:
            getattr(route.sink, act)()
        except Exception as error:  # noqa: BLE001 - a sink never breaks observed code
            with self._lock:
                route.failures += 1
            message = "telemetry sink %s failed to %s"
            self._log_once(f"{act} {route.name}", message, route.name, act, error=error)

    def _statistics_of(self, route: Route) -> dict[str, Any]:
        try:
            own = dict(route.sink.statistics())
        except Exception as error:  # noqa: BLE001 - a sink never breaks observed code
            message = "telemetry sink %s has no statistics"
            self._log_once(f"statistics {route.name}", message, route.name, error=error)
            own = {}
        return {
            **own,
            "failures": route.failures,
            "missed": route.missed.value,
            "detached": route.detached,
        }

    def _usable(self, name: object) -> str:
        if isinstance(name, str) and name:
            return str.__str__(name)
        self.misused("unusable name", name)
        return safe_name(name)

    def _log_once(self, key: str, message: str, *args: object, error: BaseException | None = None) -> None:
        mine = object()
        if self._logged.setdefault(key, mine) is mine:
            if isinstance(
                error, (TelemetryError, OSError)
            ):  # which say what is wrong: nobody needs to see where
                _log.error(f"{message}: %s", *args, error)
            else:
                _log.error(message, *args, exc_info=error)
