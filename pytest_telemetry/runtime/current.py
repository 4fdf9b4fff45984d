"""Which span is open here: the one ContextVar of the runtime (layer 1)."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from pytest_telemetry.runtime.path import ENDED

if TYPE_CHECKING:
    from pytest_telemetry.runtime.span import Span

__all__ = ("CURRENT", "current_span", "resume", "still_open")

CURRENT: Final[ContextVar[Span | None]] = ContextVar("pytest_telemetry_span", default=None)
"""The span that was entered last and not left, in this thread or task; it may have ended out of order."""


def current_span() -> Span | None:
    """Return the innermost span that is open here, passing over those that ended out of order."""
    return still_open(CURRENT.get())


def resume(span: Span | None) -> Span | None:
    """Make *span* the current one and return what was current; for code that is entered piecemeal."""
    before = CURRENT.get()
    CURRENT.set(span)
    return before


def still_open(span: Span | None) -> Span | None:
    """Return *span*, or its nearest ancestor that has not ended out of order."""
    while span is not None and span.path.children is ENDED:
        span = span.parent
    return span
