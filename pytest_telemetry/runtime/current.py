"""Which span is open here: the one ContextVar of the runtime (layer 1)."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from pytest_telemetry.runtime.path import ENDED

if TYPE_CHECKING:
    from pytest_telemetry.runtime.span import Span

__all__ = ("CURRENT", "current_span", "resume", "still_open")

CURRENT: Final[ContextVar[Span | None]] = ContextVar("pytest_telemetry_span", default=None)
"""The span that was entered last and not left, here or where this context was copied from; it may have ended."""


def current_span() -> Span | None:
    """Return the innermost span that is open here.

    A task that outlives the span it was started in still belongs to that span: there it is returned although
    it has ended.
    """
    return still_open(CURRENT.get())


def resume(span: Span | None) -> Span | None:
    """Make *span* the current one and return what was current; for code that is entered piecemeal."""
    before = CURRENT.get()
    CURRENT.set(span)
    return before


def still_open(span: Span | None) -> Span | None:
    """Return *span*, or its nearest ancestor that is open here, or has ended and is outlived."""
    while span is not None and (
        span.path.children is ENDED or (span.path.is_over and not _is_outlived(span))
    ):
        span = span.parent
    return span


def _is_outlived(span: Span) -> bool:
    """Return whether *span*, which has ended, was only inherited here.

    If it was entered here, it was left in a copy of this context, and nobody told this one. Only the context
    of a root span can be recognised: by the token that was got when it was entered, and that works nowhere else.
    """
    if span.path.children is ENDED:
        return False
    root = span
    while root.parent is not None:
        root = root.parent
    if root.path.children is ENDED:
        return False
    if isinstance(root.start, int) or root.start[2] is None:
        return True
    here = CURRENT.get()
    try:
        CURRENT.reset(root.start[2])
    except (ValueError, RuntimeError):
        return True
    root.start = (*root.start[:2], CURRENT.set(here))  # a token works once
    return False
