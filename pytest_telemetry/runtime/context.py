"""TelemetryContext: the factory, the shared no-op, and the enabled context with its spans (layer 1)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.errors import InvalidReporter
from pytest_telemetry.model.ids import SYSTEM_IDS, IdSource
from pytest_telemetry.model.names import require_name
from pytest_telemetry.model.protocols import Sink, TelemetryReporter
from pytest_telemetry.runtime.pipeline import Pipeline
from pytest_telemetry.runtime.reporter import ReporterSink
from pytest_telemetry.runtime.settings import enabled_by_environment, strict_by_environment
from pytest_telemetry.runtime.span import ObservedSpan, Span, current_span, observed_span_class, span_class
from pytest_telemetry.runtime.timed import timed_by

if TYPE_CHECKING:
    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.protocols import Processor
    from pytest_telemetry.runtime.interface import Context

__all__ = ("NO_OP", "TelemetryContext", "tele_scope")

F = TypeVar("F", bound=Callable[..., Any])


class TelemetryContext:
    """What observed code holds: an enabled context, or the one shared no-op.

    Args:
        reporters: Objects with ``record_timing`` and ``record_metric``, and sinks; each receives everything.
        enabled: Whether to record. By default what the environment says, read now: ``PYTEST_TELEMETRY=1``
            or ``DEBUG=1``. Without a reporter nothing is ever recorded.
        clock: Where time comes from.
        processors: Applied to every record, in this order, before any sink.
        strict: Whether misuse raises instead of being counted; by default ``PYTEST_TELEMETRY_STRICT_SCOPES=1``.
        run_id: Marks the records of this context; random by default.
        ids: Source of trace and span ids.

    Returns:
        An enabled context, or always the same no-op object.

    Raises:
        InvalidReporter: Something in *reporters* has neither set of methods.
    """

    __slots__ = ()

    is_enabled: bool

    def __new__(  # noqa: PYI034 - it chooses the class
        cls,
        *reporters: TelemetryReporter | Sink,
        enabled: bool | None = None,
        clock: Clock = SYSTEM_CLOCK,
        processors: Sequence[Processor] = (),
        strict: bool | None = None,
        run_id: str | None = None,
        ids: IdSource = SYSTEM_IDS,
    ) -> TelemetryContext:
        sinks = [_sink(reporter, position) for position, reporter in enumerate(reporters, 1)]
        if not sinks or not (enabled_by_environment() if enabled is None else enabled):
            return NO_OP
        strict = strict_by_environment() if strict is None else strict
        pipeline = Pipeline(sinks, clock=clock, ids=ids, processors=processors, run_id=run_id, strict=strict)
        context = object.__new__(_StrictContext if strict else _EnabledContext)
        context._pipeline = pipeline  # noqa: SLF001 - under construction
        context._span_class = _span_class(pipeline)  # noqa: SLF001 - under construction
        return context

    if TYPE_CHECKING:  # what every context has; see `Context` for the promises

        def __call__(self, name: str, /, **attrs: Any) -> Context: ...
        def time(self, name: str, /, **attrs: Any) -> Context: ...
        def __enter__(self) -> Context: ...
        def __exit__(self, exc_type: object, exc: BaseException | None, traceback: object, /) -> None: ...
        def count(self, name: str, /, increment: float = 1, **attrs: Any) -> None: ...
        def gauge(self, name: str, value: float, /, **attrs: Any) -> None: ...
        def metric(self, name: str, value: Any, /, **attrs: Any) -> None: ...
        def event(self, name: str, /, **attrs: Any) -> None: ...
        def set(self, /, **attrs: Any) -> None: ...
        def timed(self, name: str, /, **attrs: Any) -> Callable[[F], F]: ...
        def flush(self) -> None: ...
        def shutdown(self) -> None: ...
        def statistics(self) -> Mapping[str, Any]: ...


class _NoOpContext(TelemetryContext):
    """The disabled context and its only span: stateless, immutable, shared.

    ``with`` looks ``__enter__`` and ``__exit__`` up on the type and binds them; as static methods they need no
    bound-method object, which halves the cost of a disabled scope.
    """

    __slots__ = ()

    is_enabled: Final = False  # type: ignore[misc]  # a constant here

    def time(self, name: str, /, **attrs: Any) -> _NoOpContext:  # noqa: ARG002 - same arguments as enabled
        return self

    __call__ = time

    @staticmethod
    def __enter__() -> _NoOpContext:
        return NO_OP

    @staticmethod
    def __exit__(exc_type: object, exc: object, traceback: object, /) -> None:
        return None

    def count(self, name: str, /, increment: float = 1, **attrs: Any) -> None:
        return None

    def gauge(self, name: str, value: float, /, **attrs: Any) -> None:
        return None

    def metric(self, name: str, value: Any, /, **attrs: Any) -> None:
        return None

    def event(self, name: str, /, **attrs: Any) -> None:
        return None

    def set(self, /, **attrs: Any) -> None:
        return None

    def timed(self, name: str, /, **attrs: Any) -> Callable[[F], F]:  # noqa: ARG002 - same arguments as enabled
        return _same

    def flush(self) -> None:
        return None

    def shutdown(self) -> None:
        return None

    def statistics(self) -> Mapping[str, Any]:
        return {"misuse": {}, "dropped_by_processors": {}, "dropped_after_shutdown": 0, "sinks": {}}

    def __repr__(self) -> str:
        return "<TelemetryContext: disabled>"

    def __reduce__(self) -> str:
        return "NO_OP"


NO_OP: Final = cast("_NoOpContext", object.__new__(_NoOpContext))
"""The disabled context that the factory always returns; also what a disabled ``with`` yields."""


class _Recording:
    """What an enabled context and its open spans have in common."""

    __slots__ = ()

    is_enabled: ClassVar[bool] = True
    _pipeline: Pipeline
    _span_class: type[_SpanMethods]

    def count(self, name: str, /, increment: float = 1, **attrs: Any) -> None:
        self._pipeline.point("metric", name, increment, "counter", attrs)

    def gauge(self, name: str, value: float, /, **attrs: Any) -> None:
        self._pipeline.point("metric", name, value, "gauge", attrs)

    def metric(self, name: str, value: Any, /, **attrs: Any) -> None:
        self._pipeline.point("metric", name, value, None, attrs)

    def event(self, name: str, /, **attrs: Any) -> None:
        self._pipeline.point("event", name, None, None, attrs)

    def timed(self, name: str, /, **attrs: Any) -> Callable[[F], F]:
        def decorate(function: F) -> F:
            return timed_by(lambda: self, name, attrs, function)  # type: ignore[arg-type, return-value]  # a Context

        return decorate

    def flush(self) -> None:
        self._pipeline.flush()

    def shutdown(self) -> None:
        self._pipeline.close()

    def statistics(self) -> Mapping[str, Any]:
        return self._pipeline.statistics()


class _EnabledContext(_Recording, TelemetryContext):
    __slots__ = ("_pipeline", "_span_class")

    def time(self, name: str, /, **attrs: Any) -> Context:
        span = self._span_class()
        span.path = name  # type: ignore[assignment]  # a name until the span is entered
        span.attrs = attrs or None
        return span

    __call__ = time

    def __enter__(self) -> _EnabledContext:
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object, /) -> None:
        return None

    def set(self, /, **attrs: Any) -> None:
        span = current_span()
        if span is None:
            self._pipeline.misused("attributes outside any span", sorted(attrs))
        else:
            _add(span, attrs)

    def __repr__(self) -> str:
        names = ", ".join(route.name for route in self._pipeline.routes)
        return f"<TelemetryContext: {names}>"


class _StrictContext(_EnabledContext):
    __slots__ = ()

    def time(self, name: str, /, **attrs: Any) -> Context:
        return super().time(require_name(name), **attrs)

    __call__ = time


class _SpanMethods(_Recording):
    """The interface of a context, on an open span."""

    __slots__ = ()

    def time(self, name: str, /, **attrs: Any) -> Context:
        span = self._span_class()
        span.path = require_name(name) if self._pipeline.strict else name  # type: ignore[assignment]  # see above
        span.attrs = attrs or None
        return span

    __call__ = time

    def set(self, /, **attrs: Any) -> None:
        _add(self, attrs)  # type: ignore[arg-type]  # mixed into Span

    def __repr__(self) -> str:
        path = self.path  # type: ignore[attr-defined]  # mixed into Span
        return f"<span {getattr(path, 'scope', path)!r}>"


class _PlainSpan(_SpanMethods, Span):
    __slots__ = ()


class _WatchedSpan(_SpanMethods, ObservedSpan):
    __slots__ = ()


def _span_class(pipeline: Pipeline) -> type[Span]:
    shared = (pipeline.failed, pipeline.misused)
    if pipeline.observers:
        cls, replace = observed_span_class(
            _WatchedSpan, pipeline.clock, pipeline.span_start(), pipeline.span_ended, *shared
        )
    else:
        cls, replace = span_class(_PlainSpan, pipeline.clock, pipeline.span_ended, *shared)
    cls._pipeline = pipeline  # type: ignore[attr-defined]  # noqa: SLF001 - completes the class just made
    cls._span_class = cls  # type: ignore[attr-defined]  # noqa: SLF001 - likewise
    pipeline.on_replace(replace)
    return cls


def _add(span: Span, attrs: dict[str, Any]) -> None:
    if span.attrs is None:
        span.attrs = attrs
    else:
        span.attrs.update(attrs)


def _sink(reporter: Any, position: int) -> Sink:
    """Return *reporter* as a sink; by its methods, since isinstance with a protocol is slow."""
    if not _missing(reporter, ("emit", "flush", "close", "statistics")):
        return cast("Sink", reporter)
    missing = _missing(reporter, ("record_timing", "record_metric"))
    if not missing:
        return ReporterSink(reporter)
    raise InvalidReporter(
        f"reporter {position} ({type(reporter).__qualname__}) lacks {' and '.join(missing)}: pass an object with "
        f"record_timing and record_metric, or a sink with emit, flush, close and statistics"
    )


def _missing(thing: object, methods: tuple[str, ...]) -> list[str]:
    return [name for name in methods if not callable(getattr(thing, name, None))]


def _same(function: F) -> F:
    return function


def tele_scope(ctx: Context, name: str, /, **metadata: Any) -> Context:
    """Deprecated: call the context itself, ``with ctx(name): ...``."""
    warnings.warn("tele_scope(ctx, name) is deprecated: use ctx(name)", DeprecationWarning, stacklevel=2)
    return ctx(name, **metadata)
