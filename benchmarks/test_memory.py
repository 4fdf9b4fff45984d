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
from typing import Any, Final

import pytest

from benchmarks.subjects import NoOpReporter, NoOpSink, PlainNoOp, enabled
from pytest_telemetry.runtime.context import TelemetryContext

LEVELS: Final = (64, 400, 900)
SHALLOW: Final = "between levels 64 and 400"
DEEP: Final = "between levels 400 and 900"
LIMIT: Final = 100
ATTRIBUTES: Final = {"a": 1, "b": 2, "c": 3}


def opening(tele: Any, **attributes: object) -> dict[str, Any]:
    """Return how a level is entered and left."""

    def enter() -> Any:
        span = tele("level", **attributes)
        span.__enter__()
        return span

    return {"enter": enter, "leave": lambda span: span.__exit__(None, None, None)}


@pytest.mark.telemetry(max_bytes=LIMIT, max_ratio=[(SHALLOW, 1.01), (DEEP, 1.01)])
@pytest.mark.parametrize("reporter", [NoOpSink, NoOpReporter], ids=["native", "reporter"])
def test_level(telemetry_benchmark: Any, reporter: type[NoOpSink | NoOpReporter]) -> None:
    """An open span without attributes holds less than 100 bytes, and as much at depth 900 as at depth 64."""
    kind = "native sink" if reporter is NoOpSink else "two-method reporter"

    telemetry_benchmark.holding(**opening(enabled(reporter())), label=f"open span, {kind}")


@pytest.mark.telemetry(max_bytes=1)
def test_disabled_level(telemetry_benchmark: Any) -> None:
    """A disabled scope holds nothing."""
    telemetry_benchmark.holding(**opening(TelemetryContext(enabled=False)), label="disabled scope")


@pytest.mark.telemetry(max_bytes=LIMIT + sys.getsizeof(ATTRIBUTES))
def test_attributes(telemetry_benchmark: Any) -> None:
    """Attributes are kept in the dictionary that CPython makes for the call, and in nothing else."""
    telemetry_benchmark.holding(
        **opening(enabled(NoOpSink()), **ATTRIBUTES), label="open span, native sink, attributes: 3"
    )


def test_with_statement(telemetry_benchmark: Any) -> None:
    """What nested ``with`` statements hold, beside those of the plain no-op class; shown, not judged."""
    tele = enabled(NoOpSink())

    telemetry_benchmark.figures(
        lambda: {
            "open span, native sink, in a with statement": per_level(tele),
            "plain no-op class, in a with statement": per_level(PlainNoOp()),
        },
        unit="bytes",
    )


def per_level(tele: Any) -> float:
    """Return the bytes that a level adds, where each is entered in a call of its own."""
    at = [0, 0]

    def down(level: int) -> None:
        if level in {LEVELS[0], LEVELS[-1]}:
            at[level == LEVELS[-1]] = tracemalloc.get_traced_memory()[0]
        if level < LEVELS[-1]:
            with tele("level"):
                down(level + 1)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 2 * LEVELS[-1])
    try:
        for _ in range(2):  # makes the paths, and lets the interpreter specialise
            Context().run(down, 0)
        gc.collect()  # empties the free lists, whose objects nobody would see allocated
        tracemalloc.start()
        try:
            Context().run(down, 0)
        finally:
            tracemalloc.stop()
    finally:
        sys.setrecursionlimit(limit)
    return round((at[1] - at[0]) / (LEVELS[-1] - LEVELS[0]), 1)
