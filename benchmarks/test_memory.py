"""What an open span holds in memory: the slope of ``tracemalloc`` over depth, which is exact to the byte.

Spans are entered by hand and held in a list that exists before, so that only what telemetry allocates is counted.
The paths of the spans are made by runs that are not traced: they are shared by all spans of one place in the
program, for as long as it runs. A ``with`` statement adds what CPython itself keeps while its body runs (the bound
``__exit__``, and here the frame of the function that recurses); the plain no-op class shows how much that is.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final

import pytest

from benchmarks.subjects import NoOpReporter, NoOpSink, PlainNoOp, enabled
from benchmarks.verdict import Reading, Target
from pytest_telemetry.runtime.context import TelemetryContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measure import Judge

DEPTHS: Final = (64, 400, 900)
SHALLOW: Final = "between depths 64 and 400"
DEEP: Final = "between depths 400 and 900"
LIMIT: Final = 100


def by_hand(tele: Any, attributes: dict[str, Any]) -> list[int]:
    """Enter spans down to the last of `DEPTHS`; return the bytes held at each."""
    at = [0, 0, 0]
    held: list[Any] = [None] * DEPTHS[-1]
    for level in range(DEPTHS[-1]):
        if level in DEPTHS:
            at[DEPTHS.index(level)] = tracemalloc.get_traced_memory()[0]
        held[level] = tele("level", **attributes)
        held[level].__enter__()
    at[-1] = tracemalloc.get_traced_memory()[0]
    while held:
        held.pop().__exit__(None, None, None)
    return at


def by_with(tele: Any, attributes: dict[str, Any]) -> list[int]:
    """Do the same with nested ``with`` statements, each in a call of its own."""
    at = [0, 0, 0]

    def down(level: int) -> None:
        if level in DEPTHS:
            at[DEPTHS.index(level)] = tracemalloc.get_traced_memory()[0]
        if level < DEPTHS[-1]:
            with tele("level", **attributes):
                down(level + 1)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 2 * DEPTHS[-1])
    try:
        down(0)
    finally:
        sys.setrecursionlimit(limit)
    return at


def per_level(
    hold: Callable[[Any, dict[str, Any]], list[int]], tele: Any, **attributes: object
) -> list[float]:
    """Return the bytes that a level adds: over all `DEPTHS`, below the middle one, above it."""
    for _ in range(2):  # makes the paths, and lets the interpreter specialise
        Context().run(hold, tele, attributes)
    gc.collect()  # empties the free lists, whose objects nobody would see allocated
    tracemalloc.start()
    try:
        at = Context().run(hold, tele, attributes)
    finally:
        tracemalloc.stop()
    return [
        round((at[high] - at[low]) / (DEPTHS[high] - DEPTHS[low]), 1)
        for low, high in ((0, 2), (0, 1), (1, 2))
    ]


def by_depth(name: str, tele: TelemetryContext) -> Reading:
    return Reading(dict(zip((name, SHALLOW, DEEP), per_level(by_hand, tele), strict=True)), unit="bytes")


@pytest.mark.parametrize("reporter", [NoOpSink, NoOpReporter])
def test_level(judge: Judge, reporter: type[NoOpSink | NoOpReporter]) -> None:
    """An open span without attributes holds less than 100 bytes, and as much at depth 900 as at depth 64."""
    kind = "native sink" if reporter is NoOpSink else "two-method reporter"
    tele = enabled(reporter())

    judge(
        lambda: by_depth(f"open span, {kind}", tele),
        targets=[
            Target("below", LIMIT, "bytes"),
            Target("at most", 1.01, "x", SHALLOW),
            Target("at most", 1.01, "x", DEEP),
        ],
    )


def test_disabled_level(judge: Judge) -> None:
    """A disabled scope holds nothing."""
    tele = TelemetryContext(enabled=False)

    judge(
        lambda: Reading({"disabled scope": per_level(by_hand, tele)[0]}, unit="bytes"),
        targets=[Target("below", 1, "bytes")],
    )


def test_attributes(judge: Judge) -> None:
    """Attributes are kept in the dictionary that CPython makes for the call, and in nothing else."""
    tele = enabled(NoOpSink())
    attributes = {"a": 1, "b": 2, "c": 3}

    judge(
        lambda: Reading(
            {"open span, native sink, attributes: 3": per_level(by_hand, tele, **attributes)[0]}, unit="bytes"
        ),
        targets=[Target("below", LIMIT + sys.getsizeof(attributes), "bytes")],
    )


def test_with_statement(judge: Judge) -> None:
    """What nested ``with`` statements hold, beside those of the plain no-op class; shown, not judged."""
    tele = enabled(NoOpSink())

    judge(
        lambda: Reading(
            {
                "open span, native sink, in a with statement": per_level(by_with, tele)[0],
                "plain no-op class, in a with statement": per_level(by_with, PlainNoOp())[0],
            },
            unit="bytes",
        )
    )
