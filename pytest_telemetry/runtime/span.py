"""Spans: a class-based context manager over one ContextVar, linked by parent pointers (layer 1).

This is the hot path; how it came to look like this, with figures, is in ``docs/explanation/cost.md``. In short:
an open span is four slots and one integer (96 bytes); the class is made per context, so that clock and
dispatch are closure cells instead of slots; nothing is allocated that a sink did not ask for.

Leaving a span restores its parent by value and never raises. A span that is left while another one is current
(an interleaved generator, another task, thread or context) is only marked as ended; whoever opens the next
span below it finds the mark and goes on from the nearest ancestor that is still open.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from pytest_telemetry.model.names import safe_name
from pytest_telemetry.runtime.path import ENDED, ROOT, OwnPath, Path, SpanEnded, UnusableName

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.ids import IdSource

__all__ = (
    "ORDER",
    "ObservedSpan",
    "Span",
    "SpanEnd",
    "current_span",
    "identify",
    "observed_span_class",
    "resume",
    "span_class",
)

SpanEnd: TypeAlias = "Callable[[Span, int, BaseException | None], None]"
"""What takes a finished span: the span, the monotonic reading at its end, what left it."""


class Span:
    """One activation of a path: entered once, left once.

    Attributes:
        path: The name until the span is entered, then its place in the call tree.
        attrs: What the call site added; None instead of an empty dict.
        parent: The span that was current on entry.
        start: Monotonic reading in ns; a root span adds the wall clock's, read at the same moment.
    """

    __slots__ = ("attrs", "parent", "path", "start")

    attrs: dict[str, Any] | None
    parent: Span | None
    path: Path
    start: int | tuple[int, int]

    @property
    def start_mono_ns(self) -> int:
        """Monotonic reading on entry."""
        start = self.start
        return start if isinstance(start, int) else start[0]

    @property
    def start_wall_ns(self) -> int:
        """Wall time on entry: the root's reading plus the monotonic difference since then."""
        root = self
        while root.parent is not None:
            root = root.parent
        mono_ns, wall_ns = cast("tuple[int, int]", root.start)
        return wall_ns + self.start_mono_ns - mono_ns


class ObservedSpan(Span):
    """A span that a recorder watches from its start, and that remembers what tests ask for.

    Attributes:
        seq: Number of the end among all ends and measurements of this process; missing while the span is open.
        end: Monotonic reading at the end; missing likewise.
        error: What left it; missing likewise.
        code: The code that opened it.
        instruction: Where in that code.
        thread: The thread that opened it.
    """

    __slots__ = ("code", "end", "error", "instruction", "seq", "thread")

    seq: int
    end: int
    error: BaseException | None
    code: CodeType
    instruction: int
    thread: threading.Thread

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return not hasattr(self, "seq")


_current: Final[ContextVar[Span | None]] = ContextVar("pytest_telemetry_span", default=None)
_identify_lock: Final = threading.Lock()
ORDER: Final = itertools.count(1)
"""Numbers the ends and measurements that recorders see, across all contexts of the process."""


def span_class(
    base: type[Span],
    clock: Clock,
    ended: SpanEnd,
    failed: Callable[[BaseException, BaseException | None], bool],
    misused: Callable[[str, object], None],
) -> tuple[type[Span], Callable[[SpanEnd], None]]:
    """Make the span class of one context.

    Args:
        base: `Span` with the methods of the interface.
        clock: Read twice per span, and the wall once per root span.
        ended: Takes each finished span.
        failed: Told what *ended* raised and what left the body; returns whether that must be raised on.
        misused: Told of a span with an unusable name or entered twice.

    Returns:
        The class, and a function that replaces *ended*.
    """
    get, set_, roots = _current.get, _current.set, ROOT.children
    mono_ns, wall_ns = clock.mono_ns, clock.wall_ns

    class ContextSpan(base):  # type: ignore[misc, valid-type]  # a class per context, by design
        __slots__ = ()

        def __enter__(self) -> Span:
            parent = self.parent = get()
            try:
                if parent is None:
                    self.path = roots[self.path]
                    set_(self)
                    self.start = (mono_ns(), wall_ns())
                    return self
                self.path = parent.path.children[self.path]
            except (SpanEnded, UnusableName, TypeError) as problem:
                _repair(self, problem, misused)
                return self.__enter__()
            set_(self)
            self.start = mono_ns()
            return self

        def __exit__(self, exc_type: object, exc: BaseException | None, traceback: object, /) -> None:
            end = mono_ns()
            if get() is self:
                set_(self.parent)
            elif not _leave(self):
                return
            try:
                ended(self, end, exc)
            except BaseException as error:  # noqa: BLE001 - a sink never breaks observed code
                if failed(error, exc):
                    raise

    def replace(function: SpanEnd) -> None:
        nonlocal ended
        ended = function

    return ContextSpan, replace


def observed_span_class(
    base: type[Span],
    clock: Clock,
    started: Callable[[ObservedSpan], None],
    ended: SpanEnd,
    failed: Callable[[BaseException, BaseException | None], bool],
    misused: Callable[[str, object], None],
) -> tuple[type[Span], Callable[[SpanEnd], None]]:
    """Make the span class of a context that a recorder watches; see `span_class`.

    Args:
        base: `ObservedSpan` with the methods of the interface.
        clock: As in `span_class`.
        started: Told of each span that was opened, before its body runs.
        ended: As in `span_class`.
        failed: As in `span_class`.
        misused: As in `span_class`.
    """
    get, set_, roots = _current.get, _current.set, ROOT.children
    mono_ns, wall_ns = clock.mono_ns, clock.wall_ns
    order = ORDER.__next__
    frame_of = sys._getframe  # noqa: SLF001 - the creation line, the reason this class exists
    thread_of, thread_id = threading.current_thread, threading.get_ident
    main, main_id = threading.main_thread(), threading.main_thread().ident

    class ContextSpan(base):  # type: ignore[misc, valid-type]  # a class per context, by design
        __slots__ = ()

        def __enter__(self) -> ObservedSpan:
            parent = self.parent = get()
            try:
                path = self.path = (roots if parent is None else parent.path.children)[self.path]
            except (SpanEnded, UnusableName, TypeError) as problem:
                _repair(self, problem, misused)
                return self.__enter__()  # type: ignore[no-any-return]  # base is dynamic
            frame = frame_of(1)
            code = frame.f_code
            while code.co_filename in _PASSED_OVER and frame.f_back is not None:
                frame = frame.f_back
                code = frame.f_code
            self.code = code
            self.instruction = frame.f_lasti
            self.thread = main if thread_id() == main_id else thread_of()
            set_(self)
            self.start = (mono_ns(), wall_ns()) if parent is None else mono_ns()
            started(self)
            return self

        def __exit__(self, exc_type: object, exc: BaseException | None, traceback: object, /) -> None:
            end = mono_ns()
            if get() is self:
                set_(self.parent)
            elif not _leave(self) or not self.is_open:
                misused("ended twice", self.path)
                return
            self.end = end
            self.error = exc
            self.seq = order()
            try:
                ended(self, end, exc)
            except BaseException as error:  # noqa: BLE001 - a sink never breaks observed code
                if failed(error, exc):
                    raise

    def replace(function: SpanEnd) -> None:
        nonlocal ended
        ended = function

    return ContextSpan, replace


def current_span() -> Span | None:
    """Return the innermost span that is open here, passing over those that ended out of order."""
    return _still_open(_current.get())


def resume(span: Span | None) -> Span | None:
    """Make *span* the current one and return what was current; for code that is entered piecemeal."""
    before = _current.get()
    _current.set(span)
    return before


def identify(span: Span, ids: IdSource) -> OwnPath:
    """Return the path that carries the ids of *span*; they are made when somebody first asks."""
    path = span.path
    if isinstance(path, OwnPath) and path.span_id:
        return path
    trace_id = ids.trace_id() if span.parent is None else identify(span.parent, ids).trace_id
    with _identify_lock:
        own = _own_path(span)
        if not own.span_id:
            own.trace_id = trace_id
            own.span_id = ids.span_id()
        return own


def _own_path(span: Span) -> OwnPath:
    if not isinstance(span.path, OwnPath):
        span.path = OwnPath(span.path)
    return span.path


def _still_open(span: Span | None) -> Span | None:
    while span is not None and span.path.children is ENDED:
        span = span.parent
    return span


def _leave(span: Span) -> bool:
    """Leave *span* while another one is current; return False if it cannot have been entered, or left already."""
    if not hasattr(span, "start") or span.path.children is ENDED:
        return False
    if _still_open(_current.get()) is span:
        _current.set(span.parent)  # all that was in between has ended
    else:
        with _identify_lock:
            _own_path(span).children = ENDED
    return True


def _repair(span: Span, problem: Exception, misused: Callable[[str, object], None]) -> None:
    """Make it possible to enter *span* after all."""
    if isinstance(problem, SpanEnded):
        _current.set(_still_open(_current.get()))
    elif isinstance(span.path, Path):
        misused("entered twice", span.path.name)
        span.path = span.path.name  # type: ignore[assignment]  # a name until the span is entered
    else:
        misused("unusable name", span.path)
        span.path = safe_name(span.path)  # type: ignore[assignment]  # likewise


_PASSED_OVER: Final = frozenset(
    {contextlib.__file__, __file__, *(f"{__file__.removesuffix('span.py')}{name}.py" for name in ("timed", "context"))}
)
"""Files that open spans on behalf of others; the creation line is the first frame outside them."""
