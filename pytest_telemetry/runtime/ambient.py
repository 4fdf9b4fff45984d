"""The ambient Context: what decorators and module-level code use, looked up per call (layer 1)."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from pytest_telemetry.runtime.context import NO_OP, TelemetryContext
from pytest_telemetry.runtime.span import Span
from pytest_telemetry.runtime.timed import require_span_name, timed_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.runtime.interface import Context

__all__ = ("current_context", "timed", "use_context")

F = TypeVar("F", bound="Callable[..., Any]")
Source: TypeAlias = "TelemetryContext | Callable[[], TelemetryContext]"
S = TypeVar("S", bound="TelemetryContext | Context | Callable[[], TelemetryContext]")

_ambient: Final[ContextVar[Source | None]] = ContextVar("pytest_telemetry_context", default=None)
_changing: Final = threading.RLock()


class _Everywhere:
    """What threads without an ambient context of their own use: the innermost of these."""

    __slots__ = ("blocks",)

    def __init__(self) -> None:
        self.blocks: tuple[tuple[object, Source], ...] = ()


_everywhere: Final = _Everywhere()


def current_context() -> TelemetryContext:
    """Return the context of the innermost `use_context`, or the shared no-op.

    Ask per call; a context that was fetched once at import is the no-op for ever.
    """
    source = _ambient.get()
    if source is None:
        blocks = _everywhere.blocks  # read once: another thread may leave its block in between
        source = blocks[-1][1] if blocks else NO_OP
    return source if isinstance(source, TelemetryContext) else source()


def timed(name: str, /, **attrs: Any) -> Callable[[F], F]:
    """Return a decorator that runs each call in a span of the context that is ambient at that moment.

    For coroutines and generators that is the moment of their first step.

    Raises:
        TypeError: The name was left out.
    """
    require_span_name(name)

    def decorate(function: F) -> F:
        return timed_by(current_context, name, attrs, function)

    return decorate


class use_context(Generic[S]):  # noqa: N801 - used like a function
    """Make *context* the ambient one inside a ``with`` block.

    Args:
        context: What `current_context` returns inside the block, in this thread or task and in what it starts: a
            context or an open span; or a function that returns it, called by every look-up.
        all_threads: Also serve threads that were started without a copy of this one's context variables, which
            is what ``threading.Thread`` and executors do. A recorder asks for it; two blocks that
            overlap in time in different threads would serve each other's threads.

    Raises:
        TypeError: *context* is none of these.
    """

    def __init__(self, context: S, *, all_threads: bool = False) -> None:
        if not callable(context):
            raise TypeError(
                f"use_context() takes a context, an open span, or a function that returns one, not {context!r}; "
                "a recorder has a .context, and is made ambient by `with recorder:`"
            )
        self._context = context
        self._source: Source = (lambda: context) if isinstance(context, Span) else context  # type: ignore[assignment]  # a span has the whole interface
        self._all_threads = all_threads
        self._entered: list[tuple[object, Source | None]] = []

    def __enter__(self) -> S:
        block = object()
        self._entered.append((block, _ambient.get()))
        _ambient.set(self._source)
        if self._all_threads:
            with _changing:
                _everywhere.blocks = (*_everywhere.blocks, (block, self._source))
        return self._context

    def __exit__(self, exc_type: object, exc: BaseException | None, traceback: object, /) -> None:
        block, before = self._entered.pop()
        _ambient.set(before)
        if self._all_threads:
            with _changing:
                _everywhere.blocks = tuple(each for each in _everywhere.blocks if each[0] is not block)
