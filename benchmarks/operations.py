"""The operations that several benchmarks time, each written once: what ``telemetry_benchmark.statement`` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.subjects import PlainNoOp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.runtime.context import TelemetryContext

__all__ = ("PLAIN", "RECORDED", "peer_span", "plain", "point", "span")

PLAIN: Final = "plain no-op class"

RECORDED: Final = 1000
"""How many records a block keeps where a recorder is emptied before it."""

_ATTRIBUTES: Final[Mapping[int, str]] = {0: "", 1: ", a=1", 3: ", a=1, b=2, c=3"}


def span(
    tele: TelemetryContext, *, form: str = "tele.time", depth: int = 1, attributes: int = 0
) -> dict[str, Any]:
    """Return the operation that opens and closes the span at *depth*; those above it stay open."""
    return {
        "body": f"with {form}('a.b'{_ATTRIBUTES[attributes]}): pass",
        "names": {"tele": tele},
        "inside": lambda: [tele.time(f"level{level}") for level in range(1, depth)],
    }


def point(tele: TelemetryContext, call: str) -> dict[str, Any]:
    """Return the operation that measures something inside one open span."""
    return {"body": f"tele.{call}", "names": {"tele": tele}, "inside": lambda: [tele.time("level1")]}


def plain(attributes: int = 0) -> dict[str, Any]:
    """Return the scope of the plain no-op class."""
    return {"body": f"with tele('a.b'{_ATTRIBUTES[attributes]}): pass", "names": {"tele": PlainNoOp()}}


def peer_span(start: Any, *, depth: int = 1) -> dict[str, Any]:
    """Return the operation that opens and closes the span of a peer at *depth*."""
    return {
        "body": "with start('a.b'): pass",
        "names": {"start": start},
        "inside": lambda: [start(f"level{level}") for level in range(1, depth)],
    }
