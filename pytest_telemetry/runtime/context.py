"""TelemetryContext: the factory, the shared no-op, and the enabled context (layer 1)."""
# ruff: noqa: ARG002, D102, SLF001 - the no-op takes what the enabled context uses; `Context` has the promises; one layer

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.ids import SYSTEM_IDS, IdSource
from pytest_telemetry.model.names import require_name
from pytest_telemetry.runtime.current import current_span
from pytest_telemetry.runtime.observed import ObservedSpan
from pytest_telemetry.runtime.pipeline import Pipeline
from pytest_telemetry.runtime.recording import Recording
from pytest_telemetry.runtime.route import as_sink
from pytest_telemetry.runtime.settings import enabled_by_environment, strict_by_environment
from pytest_telemetry.runtime.span import add_attributes
from pytest_telemetry.runtime.span_class import span_class
from pytest_telemetry.runtime.timed import require_span_name

if TYPE_CHECKING:
    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.protocols import Processor, Sink, TelemetryReporter
    from pytest_telemetry.runtime.interface import Context
    from pytest_telemetry.runtime.span import Span

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
        TypeError: *clock* is no clock, or a processor cannot be called.
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
        sinks = [as_sink(reporter, position) for position, reporter in enumerate(reporters, 1)]
        _require_callables(clock, processors)
        if not sinks or not (enabled_by_environment() if enabled is None else enabled):
            return NO_OP
        strict = strict_by_environment() if strict is None else strict
        pipeline = Pipeline(sinks, clock=clock, ids=ids, processors=processors, run_id=run_id, strict=strict)
        if pipeline.observers:
            observed = object.__new__(_StrictObservedContext if strict else _ObservedContext)
            observed._pipeline = pipeline
            return observed
        context = object.__new__(_StrictContext if strict else _EnabledContext)
        context._pipeline = pipeline
        context._span_class = span_class(pipeline)
        return context

    if TYPE_CHECKING:  # what every context has; `Context` has the promises

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


class _NoOpType(type):
    """Lends itself to callers that look up what ``with`` looks up, and pass the object along: ``ExitStack``."""

    @property
    def __enter__(cls) -> Callable[[object], _NoOpContext]:
        return _enter_no_op

    @property
    def __exit__(cls) -> Callable[[object, object, object, object], None]:  # noqa: PLE0302, PYI036 - looked up, not called
        return _exit_no_op


class _NoOpContext(TelemetryContext, metaclass=_NoOpType):
    """The disabled context and its only span: stateless, immutable, shared.

    ``with`` looks ``__enter__`` and ``__exit__`` up on the type and binds them; as static methods they need no
    bound-method object, which halves the cost of a disabled scope.
    """

    __slots__ = ()

    is_enabled: Final = False  # type: ignore[misc]  # a constant here

    def time(self, name: str, /, **attrs: Any) -> _NoOpContext:
        return self

    __call__ = time

    @staticmethod
    def __enter__() -> _NoOpContext:
        return NO_OP

    @staticmethod
    def __exit__(exc_type: object, exc: object, traceback: object, /) -> None:  # noqa: PYI036 - static, see above
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

    def timed(self, name: str, /, **attrs: Any) -> Callable[[F], F]:
        require_span_name(name)
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


NO_OP: Final = object.__new__(_NoOpContext)
"""The disabled context that the factory always returns; also what a disabled ``with`` yields."""


class _EnabledContext(Recording, TelemetryContext):
    __slots__ = ("_pipeline", "_span_class")

    _pipeline: Pipeline
    _span_class: type[Span]

    def time(self, name: str, /, **attrs: Any) -> Span:
        span = self._span_class()
        span.path = name  # type: ignore[assignment]  # a name until it is entered
        span.attrs = attrs or None
        return span

    __call__ = time

    def __enter__(self) -> _EnabledContext:  # noqa: PYI034 - not generic over subclasses
        return self

    def __exit__(self, exc_type: object, exc: BaseException | None, traceback: object, /) -> None:
        return None

    def set(self, /, **attrs: Any) -> None:
        span = current_span()
        while span is not None and not (span._pipeline is self._pipeline and add_attributes(span, attrs)):
            span = span.parent
        if span is None:
            self._pipeline.misused("attributes outside any span", sorted(attrs))

    def __repr__(self) -> str:
        names = ", ".join(route.name for route in self._pipeline.routes)
        return f"<TelemetryContext: {names}>"


class _ObservedContext(_EnabledContext):
    __slots__ = ()

    def time(self, name: str, /, **attrs: Any) -> Span:
        span = ObservedSpan()
        span._pipeline = self._pipeline
        span.path = name  # type: ignore[assignment]  # a name until it is entered
        span.attrs = attrs or None
        return span

    __call__ = time


class _StrictContext(_EnabledContext):
    __slots__ = ()

    def time(self, name: str, /, **attrs: Any) -> Span:
        return super().time(require_name(name), **attrs)

    __call__ = time


class _StrictObservedContext(_StrictContext, _ObservedContext):
    __slots__ = ()


def _require_callables(clock: Any, processors: Any) -> None:
    if isinstance(clock, type) or not (
        callable(getattr(clock, "wall_ns", None)) and callable(getattr(clock, "mono_ns", None))
    ):
        raise TypeError(
            f"clock={clock!r} is no clock: pass an object with wall_ns() and mono_ns(), such as FakeClock()"
        )
    if callable(processors) or isinstance(processors, str):
        raise TypeError(f"processors={processors!r} is no sequence: pass a list of functions, [redact]")
    for position, processor in enumerate(processors, 1):
        if not callable(processor):
            raise TypeError(
                f"processor {position} ({processor!r}) cannot be called: pass functions that take a Record and "
                f"return one, or None to drop it"
            )


def _enter_no_op(_: object) -> _NoOpContext:
    return NO_OP


def _exit_no_op(*_: object) -> None:
    return None


def _same(function: F) -> F:
    return function


def tele_scope(ctx: Context, name: str, /, **metadata: Any) -> Context:
    """Deprecated: call the context itself, ``with ctx(name): ...``."""
    warnings.warn("tele_scope(ctx, name) is deprecated: use ctx(name)", DeprecationWarning, stacklevel=2)
    return ctx(name, **metadata)
