"""The pipeline under test: what the code said, and what a sink would get."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from indexer.index import build

from pytest_telemetry import Record, event, span

if TYPE_CHECKING:
    from indexer.sources import Memory

    from pytest_telemetry._pytest.fixtures import RecorderFactory


def without_files(record: Record) -> Record:
    """Leave out which file a record is about."""
    return replace(record, attrs={key: value for key, value in record.attrs.items() if key != "file"})


def without_events(record: Record) -> Record | None:
    """Drop events."""
    return None if record.kind == "event" else record


def test_a_processor_hides_file_names(telemetry_recorder_factory: RecorderFactory, source: Memory) -> None:
    """Patterns see what the processors let through; `stage="call"` shows what the code passed to them."""
    recorder = telemetry_recorder_factory("private", processors=[without_files])

    build(source, recorder.context)

    assert span("file.read", file="shop/cart.py") not in recorder
    assert span("file.read", file="shop/cart.py", stage="call") in recorder


def test_two_recorders_hear_what_they_are_meant_to_hear(
    telemetry_recorder_factory: RecorderFactory, source: Memory
) -> None:
    """Recorders of one test are independent of each other."""
    complete = telemetry_recorder_factory("complete")
    quiet = telemetry_recorder_factory("quiet", processors=[without_events])

    build(source, complete.context)
    build(source, quiet.context)

    assert event("file.skipped") in complete
    assert event("file.skipped") not in quiet
