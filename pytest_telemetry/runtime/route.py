"""The way to one sink, and how well it works; and what a sink may look like (layer 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from pytest_telemetry.model.errors import InvalidReporter
from pytest_telemetry.model.protocols import Sink
from pytest_telemetry.runtime.reporter import ReporterSink
from pytest_telemetry.runtime.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.runtime.conversion import Point
    from pytest_telemetry.runtime.observed import ObservedSpan
    from pytest_telemetry.runtime.span import Span

__all__ = ("NativeSink", "Observer", "Route", "as_sink", "name_of", "routes_to")


class NativeSink(Sink, Protocol):
    """A sink that takes spans and measurements before they are records; the fastest way to listen.

    Where the context has processors, it is handed records like any other sink.
    """

    def span_ended(self, span: Span, end: int, error: BaseException | None, /) -> None:
        """Take a finished span; *end* is the monotonic reading in ns."""

    def point(self, point: Point, /) -> None:
        """Take a measurement or an event."""


class Observer(NativeSink, Protocol):
    """A native sink that watches spans from their start and sees both stages: call and output."""

    def span_started(self, span: ObservedSpan, /) -> None:
        """Take a span that was just opened."""

    def processed(self, source: Span | Point, output: Record | None, processor: str, /) -> None:
        """Learn what the processors made of something taken earlier; None if *processor* dropped it."""


class Route:
    """The way to one sink, and how well it works.

    Attributes:
        name: The class of the sink or reporter, with a number where there are several of it.
        sink: Where records go.
        native: The same sink, if it takes spans as they are.
        observer: The same sink, if it watches spans from their start.
        reporter: The same sink, if it adapts a two-method reporter.
        failures: How often it raised; each time, something was lost to it.
        in_a_row: How often in a row, lately.
        detached: Whether it is not called any more.
        missed: What was not handed to it because it was detached.
    """

    __slots__ = (
        "detached",
        "failures",
        "in_a_row",
        "missed",
        "name",
        "native",
        "observer",
        "reporter",
        "sink",
    )

    def __init__(self, sink: Sink, name: str) -> None:
        self.name = name
        self.sink = sink
        is_native = callable(getattr(sink, "span_ended", None)) and callable(getattr(sink, "point", None))
        self.native = cast("NativeSink", sink) if is_native else None
        watches = is_native and callable(getattr(sink, "span_started", None))
        self.observer = cast("Observer", sink) if watches and not _missing(sink, ("processed",)) else None
        self.reporter = sink if isinstance(sink, ReporterSink) else None
        self.failures = 0
        self.in_a_row = 0
        self.detached = False
        self.missed = Tally()

    @property
    def works(self) -> bool:
        """Whether it is attached, and did not fail lately."""
        return not self.in_a_row and not self.detached

    def take(self, source: Span | Point, end: int, error: BaseException | None) -> None:
        """Hand a native sink a finished span, or a point."""
        sink = cast("NativeSink", self.sink)
        if isinstance(source, tuple):
            sink.point(source)
        else:
            sink.span_ended(source, end, error)

    def emit(self, record: Record, source: Span | Point, end: int) -> None:
        """Hand a sink a record; a reporter also needs what it was made of."""
        if self.reporter is None:
            self.sink.emit(record)
        elif isinstance(source, tuple):
            self.reporter.point_processed(record, source)
        else:
            self.reporter.span_processed(record, source, end)


def as_sink(reporter: Any, position: int) -> Sink:
    """Return what was passed as reporter number *position* as a sink.

    It is judged by its methods, since isinstance with a protocol is slow. What answers to every name, as a mock
    does, is a reporter unless its class is a sink.

    Raises:
        InvalidReporter: It has neither set of methods, or they cannot be called as they will be.
    """
    is_sink = not _missing(reporter, ("emit", "flush", "close", "statistics"))
    if is_sink and isinstance(reporter, type):
        raise InvalidReporter(
            f"reporter {position} is the class {reporter.__qualname__}: pass an instance of it"
        )
    if is_sink and hasattr(type(reporter), "emit"):
        return cast("Sink", reporter)
    missing = _missing(reporter, ("record_timing", "record_metric"))
    if is_sink and missing:
        return cast("Sink", reporter)
    name = f"reporter {position} ({name_of(reporter)})"
    if missing:
        raise InvalidReporter(
            f"{name} lacks {' and '.join(missing)}: pass an object with record_timing and record_metric, or a "
            f"sink with emit, flush, close and statistics"
        )
    try:
        return ReporterSink(reporter)
    except InvalidReporter as problem:
        raise InvalidReporter(f"{name}: {problem}") from problem


def routes_to(sinks: Iterable[Sink]) -> tuple[Route, ...]:
    """Return a route to each sink, in order, under names that tell them apart."""
    routes: list[Route] = []
    seen: dict[str, int] = {}
    for sink in sinks:
        name = name_of(sink.reporter if isinstance(sink, ReporterSink) else sink)
        number = seen[name] = seen.get(name, 0) + 1
        routes.append(Route(sink, name if number == 1 else f"{name}#{number}"))
    return tuple(routes)


def name_of(thing: object) -> str:
    """Return what to call a sink, a reporter or a processor: its own qualified name or that of its class."""
    name = getattr(thing, "__qualname__", None)
    return name if isinstance(name, str) else type(thing).__qualname__


def _missing(thing: object, methods: tuple[str, ...]) -> list[str]:
    return [name for name in methods if not callable(getattr(thing, name, None))]
