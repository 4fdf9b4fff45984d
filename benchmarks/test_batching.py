"""Batching: what the code that is observed pays, while a thread stores what it reported.

The inner sink throws everything away, so that the caller's share is seen alone; the queue is emptied before each
block and is never full. What storing costs is measured where the stores are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.operations import RECORDED
from pytest_telemetry.model.record import Record
from pytest_telemetry.runtime.context import TelemetryContext
from pytest_telemetry.sinks.batching import BatchingSink

if TYPE_CHECKING:
    from collections.abc import Sequence


class Discarding:
    """Takes batches, keeps nothing, and counts."""

    def __init__(self) -> None:
        self.taken = 0

    def emit(self, record: Record, /) -> None:  # noqa: ARG002 - a sink
        self.taken += 1

    def emit_many(self, records: Sequence[Record], /) -> None:
        self.taken += len(records)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def statistics(self) -> dict[str, int]:
        return {"accepted": self.taken, "stored": self.taken, "dropped": 0}


def lost(sink: BatchingSink) -> int:
    """Return how many records were not stored, after everything was."""
    sink.close()
    figures = sink.statistics()
    return figures["accepted"] - figures["stored"]


@pytest.mark.telemetry(target_ns=3_000, gate=False)
@pytest.mark.parametrize("in_background", [True, False], ids=["in background", "without threads"])
def test_emit(telemetry_benchmark: Any, in_background: bool) -> None:  # noqa: FBT001 - a parameter
    """Handing a record to the batching sink costs its caller less than 3 microseconds."""
    sink = BatchingSink(Discarding(), in_background=in_background)

    telemetry_benchmark.statement(
        "emit(record)",
        {"emit": sink.emit, "record": Record("event", "step", "step", 1)},
        before=sink.flush,
        number=RECORDED,
        label=f"emit, {'in background' if in_background else 'without threads'}",
    )

    assert lost(sink) == 0


@pytest.mark.telemetry(target_ns=2_000, gate=False)
def test_event_creation(telemetry_benchmark: Any) -> None:
    """Making the record of an event with three attributes takes less than 2 microseconds."""
    telemetry_benchmark.statement(
        "Record('event', 'step', 'run.step', 1, attrs={'a': 1, 'b': 'two', 'c': 3.0})",
        {"Record": Record},
        label="record of an event, attributes: 3",
    )


@pytest.mark.telemetry(gate=False)
def test_event(telemetry_benchmark: Any) -> None:
    """Reporting an event through a context into the batching sink; shown, not judged."""
    sink = BatchingSink(Discarding())

    telemetry_benchmark.statement(
        "event('step', a=1, b='two', c=3.0)",
        {"event": TelemetryContext(sink, enabled=True).event},
        before=sink.flush,
        number=RECORDED,
        label="event through a context, attributes: 3",
    )

    assert lost(sink) == 0
