"""The operations that several benchmarks time, each written once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.measure import PER_ROUND
from benchmarks.race import Operation
from benchmarks.subjects import PlainNoOp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.runtime.context import TelemetryContext

__all__ = ("PLAIN", "peer_span", "plain", "point", "span")

PLAIN: Final = "plain no-op class"

_ATTRIBUTES: Final[Mapping[int, str]] = {0: "", 1: ", a=1", 3: ", a=1, b=2, c=3"}


def _nothing() -> None:
    return None


def span(
    name: str,
    tele: TelemetryContext,
    *,
    form: str = "tele.time",
    depth: int = 1,
    attributes: int = 0,
    before: Callable[[], object] = _nothing,
) -> Operation:
    """Return the operation that opens and closes the span at *depth*; those above it stay open."""
    return Operation(
        name,
        f"with {form}('a.b'{_ATTRIBUTES[attributes]}): pass",
        {"tele": tele},
        inside=lambda: [tele.time(f"level{level}") for level in range(1, depth)],
        before=before,
        iterations=PER_ROUND,
    )


def point(
    name: str, tele: TelemetryContext, call: str, *, before: Callable[[], object] = _nothing
) -> Operation:
    """Return the operation that measures something inside one open span."""
    return Operation(
        name,
        f"tele.{call}",
        {"tele": tele},
        inside=lambda: [tele.time("level1")],
        before=before,
        iterations=PER_ROUND,
    )


def plain(attributes: int = 0) -> Operation:
    """Return the scope of the plain no-op class."""
    return Operation(PLAIN, f"with tele('a.b'{_ATTRIBUTES[attributes]}): pass", {"tele": PlainNoOp()})


def peer_span(name: str, start: Any, *, depth: int = 1) -> Operation:
    """Return the operation that opens and closes the span of a peer at *depth*."""
    return Operation(
        name,
        "with start('a.b'): pass",
        {"start": start},
        inside=lambda: [start(f"level{level}") for level in range(1, depth)],
    )
