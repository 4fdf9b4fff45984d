"""The recorder: what code pays while a test watches it, and everything is kept.

A block records 1,000 spans into a recorder that was emptied before it, with the garbage collector on: what is kept
keeps the collector busy, and that is part of the cost.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from benchmarks.operations import RECORDED, point, span
from benchmarks.subjects import NoOpSink, enabled
from pytest_telemetry.testing.recorder import TelemetryRecorder

NATIVE: Final = "native sink that keeps nothing"


@pytest.mark.telemetry(min_ops=100_000, credit=False, max_ratio=(NATIVE, 1.6))
@pytest.mark.parametrize("attributes", [0, 3])
@pytest.mark.parametrize("depth", [1, 5, 20])
def test_span(telemetry_benchmark: Any, depth: int, attributes: int) -> None:
    """Keeping everything about a span costs at most 1.6 times what a sink costs that keeps nothing."""
    recorder = TelemetryRecorder(strict=False)

    telemetry_benchmark.statement(
        **span(recorder.context, depth=depth, attributes=attributes),
        before=recorder.reset,
        number=RECORDED,
        label=f"recorded span, depth {depth}, attributes: {attributes}",
        rounds=400,  # a block of a thousand spans is long, and few of a hundred are undisturbed
        against={
            NATIVE: span(enabled(NoOpSink()), depth=depth, attributes=attributes) | {"number": RECORDED}
        },
    )


@pytest.mark.telemetry(min_ops=100_000, credit=False)
@pytest.mark.parametrize(
    "call", ["count('a.b')", "gauge('a.b', 0.5)", "event('a.b', a=1)"], ids=["count", "gauge", "event"]
)
def test_point(telemetry_benchmark: Any, call: str) -> None:
    """Recording a measurement or an event is as fast as the document asks of scopes."""
    recorder = TelemetryRecorder(strict=False)

    telemetry_benchmark.statement(
        **point(recorder.context, call), before=recorder.reset, number=RECORDED, label=f"recorded {call}"
    )
