"""Spans that a recorder watches from their start (layer 1).

Unlike `span_class`, one class serves every context, and a span knows its own: a recorder is made for each test,
and making a class with it would cost more than the spans of most tests do.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.names import require_name
from pytest_telemetry.runtime.current import CURRENT
from pytest_telemetry.runtime.path import ROOT
from pytest_telemetry.runtime.span import ORDER, Span, enter_anyway, leave_elsewhere, leave_out_of_order

if TYPE_CHECKING:
    from types import CodeType

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.runtime.pipeline import Pipeline

__all__ = ("ObservedSpan",)

_get, _set, _reset, _roots = CURRENT.get, CURRENT.set, CURRENT.reset, ROOT.children
_frame: Final = sys._getframe  # noqa: SLF001 - the creation line, one of the reasons why this class exists
_thread, _thread_id = threading.current_thread, threading.get_ident
_main: Final = threading.main_thread()
_main_id: Final = _main.ident


class ObservedSpan(Span):
    """A span that remembers what tests ask for.

    Attributes:
        seq: Number of the end among all ends and measurements of this process; missing while the span is open.
        end: Monotonic reading at the end; missing likewise.
        error: The class of what left it, which keeps no frames alive as the exception would; missing likewise.
        code: The code that opened it.
        instruction: Where in that code.
        thread: The thread that opened it.
    """

    __slots__ = ("_pipeline", "code", "end", "error", "instruction", "seq", "thread")

    _pipeline: Pipeline
    seq: int
    end: int
    error: type[BaseException] | None
    code: CodeType
    instruction: int
    thread: threading.Thread

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return not hasattr(self, "seq")

    @property
    def clock(self) -> Clock:  # type: ignore[override]  # other spans have it on their class
        """What timed it."""
        return self._pipeline.clock

    def time(self, name: str, /, **attrs: Any) -> Span:
        """Return a span to enter with ``with``."""
        span = ObservedSpan()
        span._pipeline = self._pipeline
        span.path = require_name(name) if self._pipeline.strict else name  # type: ignore[assignment]  # a name until it is entered
        span.attrs = attrs or None
        return span

    __call__ = time

    def __enter__(self) -> Span:
        parent = _get()
        try:
            path = self.path = (_roots if parent is None else parent.path.children)[self.path]
        except (LookupError, TypeError) as problem:
            return enter_anyway(self, problem)
        self.parent = parent
        frame = _frame(1)
        code = frame.f_code
        # most places are opened by one function, and to look at its file takes longer
        if code is not path.opener:
            while code.co_filename in _PASSED_OVER and frame.f_back is not None:
                frame = frame.f_back
                code = frame.f_code
            path.opener = code
        self.code = code
        self.instruction = frame.f_lasti
        self.thread = _main if _thread_id() == _main_id else _thread()
        pipeline = self._pipeline
        token = _set(self)
        self.start = (
            pipeline.mono_ns() if parent is not None else (pipeline.mono_ns(), pipeline.wall_ns(), token)
        )
        try:
            pipeline.span_started(self)
        except BaseException as error:  # noqa: BLE001 - a sink never breaks observed code
            pipeline.start_failed(self, error)
        return self

    def __exit__(self, exc_type: object, exc: BaseException | None, traceback: object, /) -> None:
        pipeline = self._pipeline
        end = pipeline.mono_ns()
        if _get() is self:
            parent = self.parent
            if parent is None:
                mono, wall, token = self.start  # type: ignore[misc]  # a root's start
                try:
                    _reset(token)  # type: ignore[arg-type]  # None if it was left before
                except (ValueError, TypeError, RuntimeError):
                    if not leave_elsewhere(self):
                        return
                self.start = (mono, wall, None)  # a token would keep the whole context alive
            else:
                _set(parent)
        elif not leave_out_of_order(self, exc):
            return
        self.path = self.path.ended
        self.end = end
        self.error = None if exc is None else type(exc)
        self.seq = next(ORDER)
        try:
            pipeline.span_ended(self, end, exc)
        except BaseException as error:  # noqa: BLE001 - a sink never breaks observed code
            pipeline.failed(error, exc)


_PASSED_OVER: Final = frozenset(
    {
        contextlib.__file__,
        *(__file__.replace("observed.py", f"{name}.py") for name in ("span", "observed", "timed")),
    }
)
"""Files that open spans on behalf of others; the creation line is the first frame outside them."""
