"""Makes the span class of one context: the hot path (layer 1).

The class is made per context so that its clock and its destination are closure cells instead of slots, and
nothing is allocated that a sink did not ask for. ``docs/explanation/cost.md`` tells how it came to look like
this; measure before and after every change here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_telemetry.runtime.current import CURRENT
from pytest_telemetry.runtime.path import ROOT
from pytest_telemetry.runtime.span import Span, enter_anyway, leave_elsewhere, leave_out_of_order

if TYPE_CHECKING:
    from pytest_telemetry.runtime.pipeline import Pipeline

__all__ = ("span_class",)


def span_class(pipeline: Pipeline) -> type[Span]:
    """Make the span class of a context that no recorder watches."""
    get, set_, reset, roots = CURRENT.get, CURRENT.set, CURRENT.reset, ROOT.children
    source = pipeline.clock
    mono_ns, wall_ns = source.mono_ns, source.wall_ns
    ended, failed = pipeline.span_ended, pipeline.failed

    class ContextSpan(Span):
        __slots__ = ()

        _pipeline = pipeline
        clock = source

        def __enter__(self) -> Span:
            parent = get()
            if parent is None:
                try:
                    self.path = roots[self.path]
                except (LookupError, TypeError) as problem:
                    return enter_anyway(self, problem)
                self.parent = None
                token = set_(self)
                self.start = (mono_ns(), wall_ns(), token)
                return self
            try:
                self.path = parent.path.children[self.path]
            except (LookupError, TypeError) as problem:
                return enter_anyway(self, problem)
            self.parent = parent
            set_(self)
            self.start = mono_ns()
            return self

        def __exit__(self, exc_type: object, exc: BaseException | None, traceback: object, /) -> None:
            end = mono_ns()
            if get() is self:
                parent = self.parent
                if parent is None:
                    try:
                        reset(self.start[2])  # type: ignore[index,arg-type]  # a root's; None if it was left before
                    except (ValueError, TypeError, RuntimeError):
                        if not leave_elsewhere(self):
                            return
                else:
                    set_(parent)
            elif not leave_out_of_order(self, exc):
                return
            self.path = self.path.ended
            try:
                ended(self, end, exc)
            except BaseException as error:  # noqa: BLE001 - a sink never breaks observed code
                failed(error, exc)

    def redirect() -> None:
        nonlocal ended
        ended = pipeline.span_ended

    pipeline.on_redirect(redirect)
    return ContextSpan
