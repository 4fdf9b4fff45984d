"""Three tests that fail on purpose: read what each says was closest, and why it is not a match."""

from __future__ import annotations

from indexer.index import build
from indexer.sources import Memory

from pytest_telemetry import FakeClock, TelemetryRecorder, span

SOURCE = Memory({"shop/cart.py": b"class Cart:\n    pass\n", "shop/broken.py": b"def broken(:\n"})


def test_a_wrong_value(telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock) -> None:
    """The file defines one name, not two."""
    build(SOURCE, telemetry_recorder.context, sleep=telemetry_clock.sleep)

    assert span("ast.parse", file="shop/cart.py", definitions=2) in telemetry_recorder


def test_a_wrong_place(telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock) -> None:
    """Files are not parsed while they are read, but after."""
    build(SOURCE, telemetry_recorder.context, sleep=telemetry_clock.sleep)

    assert telemetry_recorder == [span("index", span("file.read", span("ast.parse")) * 2)]


def test_a_misspelt_metric(telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock) -> None:
    """The counter is called files.skipped."""
    build(SOURCE, telemetry_recorder.context, sleep=telemetry_clock.sleep)

    assert telemetry_recorder.metric("file.skipped", reason="syntax") == 1
