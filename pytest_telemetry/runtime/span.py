"""Spans: four slots and one integer, linked by parent pointers (layer 1).

How they came to look like this, with figures, is in ``docs/explanation/cost.md``.

Leaving a span restores its parent by value and never raises. A span that is left while another one is current
(an interleaved generator, another task, thread or context) is only marked as ended; whoever opens the next
span below it finds the mark and goes on from the nearest ancestor that is still open.
"""

from __future__ import annotations

import itertools
import os
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from pytest_telemetry.model.names import require_name, safe_name
from pytest_telemetry.runtime.current import CURRENT, current_span, resume, still_open
from pytest_telemetry.runtime.path import ENDED, Identity, OwnPath, Path, SpanEnded
from pytest_telemetry.runtime.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.ids import IdSource

__all__ = (
    "ORDER",
    "Span",
    "SpanEnd",
    "abandon",
    "current_span",
    "enter_anyway",
    "identify",
    "leave_elsewhere",
    "leave_out_of_order",
    "resume",
)

SpanEnd: TypeAlias = "Callable[[Span, int, BaseException | None], None]"
"""What takes a finished span: the span, the monotonic reading at its end, what left it."""

ORDER: Final = itertools.count(1)
"""Numbers the ends and measurements that recorders see, across all contexts of the process."""

# reentrant: the garbage collector may finish a generator, and so end a span, while the lock is held
_identity_lock: Final = threading.RLock()
if hasattr(os, "register_at_fork"):  # another thread may hold the lock while this one forks
    os.register_at_fork(after_in_child=_identity_lock._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001 - as the standard library does


class Span(Recording):
    """One activation of a path, and the whole interface of a context.

    Attributes:
        path: The name until the span is entered, then its place in the call tree.
        attrs: What the call site added; None instead of an empty dict.
        parent: The span that was current on entry.
        start: Monotonic reading in ns; a root span adds the wall clock's, read at the same moment, and a token that
            works once, in the context in which it was entered; None instead once it was left anywhere else. Whoever
            keeps spans that have ended should put None there too, or keeps all variables of that context.
    """

    __slots__ = ("attrs", "parent", "path", "start")

    clock: ClassVar[Clock]
    attrs: dict[str, Any] | None
    parent: Span | None
    path: Path
    start: int | tuple[int, int, Token[Span | None] | None]

    def time(self, name: str, /, **attrs: Any) -> Span:
        """Return a span to enter with ``with``."""
        span = type(self)()
        span.path = require_name(name) if self._pipeline.strict else name  # type: ignore[assignment]  # a name until it is entered
        span.attrs = attrs or None
        return span

    __call__ = time

    def set(self, /, **attrs: Any) -> None:
        """Add attributes to this span; once it has ended, that is counted as misuse."""
        if not add_attributes(self, attrs):
            self._pipeline.misused("attributes after the end", self.path.scope)

    if TYPE_CHECKING:  # what the class of each context has

        def __enter__(self) -> Span: ...  # noqa: PYI034 - a span entered twice is another one
        def __exit__(self, exc_type: object, exc: BaseException | None, traceback: object, /) -> None: ...

    def __repr__(self) -> str:
        path: object = getattr(self, "path", "")
        return f"<span {path.scope if isinstance(path, Path) else path!r}>"

    @property
    def start_mono_ns(self) -> int:
        """Monotonic reading on entry."""
        start = self.start
        return start if isinstance(start, int) else start[0]

    @property
    def start_wall_ns(self) -> int:
        """Wall time on entry: the wall reading of the root, plus monotonic differences of its clock since then.

        Below a span that another clock times there is no such reading: it is taken when somebody first asks.
        """
        top = self
        while isinstance(top.start, int):
            parent = top.parent
            if parent is None or parent.clock is not top.clock:
                elapsed = top.clock.mono_ns() - top.start
                top.start = (top.start, top.clock.wall_ns() - elapsed, None)
            else:
                top = parent
        mono_ns, wall_ns, _ = top.start
        return wall_ns + self.start_mono_ns - mono_ns


def identify(span: Span, ids: IdSource) -> OwnPath:
    """Return the path that carries the ids of *span*; they are made when somebody first asks.

    A span shares the trace of its parent, so the ancestors that have no ids yet get theirs too.
    """
    path = span.path
    if isinstance(path, OwnPath) and path.span_id:
        return path
    unknown = [span]
    known = span.parent
    while known is not None and not (isinstance(known.path, OwnPath) and known.path.span_id):
        unknown.append(known)
        known = known.parent
    trace_id = ids.trace_id() if known is None else _own_path(known).trace_id
    span_ids = [ids.span_id() for _ in unknown]
    with _identity_lock:
        for each, span_id in zip(reversed(unknown), span_ids, strict=True):
            own = _own_path(each)
            if not own.span_id:  # another thread may have been faster
                own.identity.trace_id = trace_id
                own.identity.span_id = span_id  # last: whoever sees it finds both
            trace_id = own.trace_id
        return _own_path(span)


def add_attributes(span: Span, attrs: dict[str, Any]) -> bool:
    """Add *attrs* to *span*, or to what stands for it; return False if it is over."""
    path: object = span.path
    if isinstance(path, Path) and path.is_over:
        again = path.identity.again if isinstance(path, OwnPath) else []
        return bool(again) and add_attributes(again[-1], attrs)
    if span.attrs is None:
        span.attrs = attrs
    else:
        span.attrs.update(attrs)
    return True


def enter_anyway(span: Span, problem: Exception) -> Span:
    """Enter *span* after *problem* came up; return it, or the span that stands for it.

    Raises:
        TelemetryError: In strict mode only.
    """
    path: object = span.path
    if isinstance(problem, SpanEnded):
        parent = still_open(CURRENT.get())
        if parent is not None and parent.path.is_over:
            return _enter_below(span, parent)
        CURRENT.set(parent)
    elif isinstance(path, Path):
        span._pipeline.misused("span entered twice", path.scope)  # noqa: SLF001 - of this layer
        return _enter_again(span)
    else:
        span._pipeline.misused("unusable name", path)  # noqa: SLF001 - of this layer
        span.path = safe_name(path)  # type: ignore[assignment]  # a name until it is entered
    return span.__enter__()


def leave_out_of_order(span: Span, error: BaseException | None) -> bool:
    """Leave *span* while another one is current; return whether it ends now.

    It does not where it was never entered or has ended, and where another span stands for it, which ends instead.
    """
    path: object = span.path
    if not isinstance(path, Path):
        _misused_exit(span, "span left without being entered")
        return False
    again = _standing_for(span)
    if again is not None:
        again.__exit__(type(error), error, None)
        return False
    if path.is_over:
        _misused_exit(span, "span left twice")
        return False
    _forget_token(span)
    if still_open(CURRENT.get()) is span:
        CURRENT.set(span.parent)  # all that was in between has ended
    else:
        _end_for_all(span)
    return True


def leave_elsewhere(span: Span) -> bool:
    """Leave a root span that is current, in a context in which it was not entered; return whether it ends now."""
    CURRENT.set(None)
    if span.path.is_over:
        _misused_exit(span, "span left twice")
        return False
    _forget_token(span)
    _end_for_all(span)
    return True


def abandon(span: Span) -> None:
    """Let *span*, which is still open, be nobody's parent from now on, wherever it is current."""
    with _identity_lock:
        own = _own_path(span)
        if not own.is_over:
            own.children = ENDED


def _forget_token(span: Span) -> None:
    """Let the context in which *span* was entered not take it off once more."""
    if not isinstance(span.start, int):
        span.start = (*span.start[:2], None)


def _end_for_all(span: Span) -> None:
    with _identity_lock:
        own = _own_path(span)
        span.path = OwnPath(own.ended, own.identity)
        span.path.children = ENDED


def _enter_below(span: Span, parent: Span) -> Span:
    """Enter *span* below one that has ended and is outlived; a span that is open takes its place meanwhile."""
    open_again = parent.time(parent.path.name)
    open_again.path = parent.path.again
    open_again.attrs, open_again.parent, open_again.start = parent.attrs, parent.parent, parent.start
    CURRENT.set(open_again)
    try:
        entered = span.__enter__()
    except BaseException:
        CURRENT.set(parent)
        raise
    entered.parent = parent
    return entered


def _misused_exit(span: Span, what: str) -> None:
    path: object = span.path
    name = path.scope if isinstance(path, Path) else path
    span._pipeline.misused(what, name, may_raise=False)  # noqa: SLF001 - of this layer


def _enter_again(span: Span) -> Span:
    """Enter a span that was entered before: what was recorded for it stays as it is, and a fresh one is used."""
    fresh = span.time(span.path.name, **(span.attrs or {}))
    with _identity_lock:
        _own_path(span).identity.again.append(fresh)
    return fresh.__enter__()


def _standing_for(span: Span) -> Span | None:
    """Take the span that ends when *span* is left, where that is not *span* itself."""
    path = span.path
    if not isinstance(path, OwnPath):
        return None
    current = still_open(CURRENT.get())
    with _identity_lock:
        again = path.identity.again
        if current in again:
            again.remove(current)
            return current
        return again.pop() if again and path.is_over else None


def _own_path(span: Span) -> OwnPath:
    path = span.path
    if not isinstance(path, OwnPath):
        path = span.path = OwnPath(path, Identity())
    return path
