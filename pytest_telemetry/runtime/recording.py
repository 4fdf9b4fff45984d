"""What an enabled context and its spans have in common: every call but those that open spans (layer 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from pytest_telemetry.model.names import require_name
from pytest_telemetry.runtime.timed import require_span_name, timed_by

if TYPE_CHECKING:
    from typing import Self

    from pytest_telemetry.runtime.interface import Context
    from pytest_telemetry.runtime.pipeline import Pipeline

__all__ = ("Recording",)

F = TypeVar("F", bound=Callable[..., Any])


class Recording:
    """The calls of `Context` that go straight to the pipeline."""

    __slots__ = ()

    is_enabled: ClassVar[bool] = True
    _pipeline: Pipeline

    def count(self, name: str, /, increment: float = 1, **attrs: Any) -> None:
        """Add *increment* to a counter."""
        self._pipeline.point("metric", name, increment, "counter", attrs)

    def gauge(self, name: str, value: float, /, **attrs: Any) -> None:
        """Set a gauge to *value*."""
        self._pipeline.point("metric", name, value, "gauge", attrs)

    def metric(self, name: str, value: Any, /, **attrs: Any) -> None:
        """Record one measurement of any type."""
        self._pipeline.point("metric", name, value, None, attrs)

    def event(self, name: str, /, **attrs: Any) -> None:
        """Record that something happened."""
        self._pipeline.point("event", name, None, None, attrs)

    def timed(self, name: str, /, **attrs: Any) -> Callable[[F], F]:
        """Return a decorator that runs each call in a span.

        Raises:
            InvalidName: In strict mode only.
            TypeError: The name was left out.
        """
        require_span_name(name)
        if self._pipeline.strict:
            require_name(name)
        context = cast("Context", self)

        def decorate(function: F) -> F:
            return timed_by(lambda: context, name, attrs, function)

        return decorate

    def flush(self) -> None:
        """Flush every sink."""
        self._pipeline.flush()

    def shutdown(self) -> None:
        """Flush and close every sink, once."""
        self._pipeline.close()

    def statistics(self) -> Mapping[str, Any]:
        """Return the numbers of this context."""
        return self._pipeline.statistics()

    # The no-op can be copied and pickled, so these must not fail either: a copy is the thing itself, and what
    # arrives in another process, where none of the sinks are, is the no-op.

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        self._pipeline.misused("context sent to another process", type(self).__name__, may_raise=False)
        return _elsewhere, ()


def _elsewhere() -> object:
    from pytest_telemetry.runtime.context import NO_OP  # noqa: PLC0415 - context imports this module

    return NO_OP
