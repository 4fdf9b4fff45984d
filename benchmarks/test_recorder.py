"""The recorder: what code pays while a test watches it, and everything is kept.

A round records 1,000 spans into a recorder that was emptied before it, with the garbage collector on: what is kept
keeps the collector busy, and that is part of the cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from benchmarks.operations import point, span
from benchmarks.subjects import NoOpSink, enabled
from benchmarks.verdict import Target
from pytest_telemetry.testing.recorder import TelemetryRecorder

if TYPE_CHECKING:
    from benchmarks.measure import Measure

OF_THE_DOCUMENT: Final = Target("above", 100_000, "operations/s")
NATIVE: Final = "native sink that keeps nothing"


@pytest.mark.parametrize("attributes", [0, 3])
@pytest.mark.parametrize("depth", [1, 5, 20])
def test_span(measure: Measure, depth: int, attributes: int) -> None:
    """Keeping everything about a span costs at most 1.6 times what a sink costs that keeps nothing."""
    recorder = TelemetryRecorder(strict=False)
    name = f"recorded span, depth {depth}, attributes: {attributes}"

    measure(
        span(name, recorder.context, depth=depth, attributes=attributes, before=recorder.reset),
        span(NATIVE, enabled(NoOpSink()), depth=depth, attributes=attributes),
        targets=[OF_THE_DOCUMENT, Target("at most", 1.6, "x", NATIVE)],
    )


@pytest.mark.parametrize("call", ["count('a.b')", "gauge('a.b', 0.5)", "event('a.b', a=1)"])
def test_point(measure: Measure, call: str) -> None:
    """Recording a measurement or an event is as fast as the document asks of scopes."""
    recorder = TelemetryRecorder(strict=False)

    measure(
        point(f"recorded {call}", recorder.context, call, before=recorder.reset), targets=[OF_THE_DOCUMENT]
    )
