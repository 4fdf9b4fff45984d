"""Promises that all telemetry should keep: checks on a recording, and the named helpers."""

from __future__ import annotations

import pytest
from indexer.index import Index, build
from indexer.selector import Selector
from indexer.server import DefinitionServer
from indexer.sources import Memory, standard_library

from pytest_telemetry import FakeClock, TelemetryRecorder, span
from pytest_telemetry.assertions import (
    assert_latency,
    assert_lsp_ready_order,
    assert_monotonic_timing,
    assert_relative_paths,
)
from pytest_telemetry.checks import Latency


class Slow(Memory):
    """Takes 30 ms of fake time to read a file."""

    def __init__(self, clock: FakeClock, files: int) -> None:
        super().__init__({f"{number}.py": b"" for number in range(files)})
        self._clock = clock

    def read(self, file: str) -> bytes:
        self._clock.advance(0.03)
        return super().read(file)


def test_reading_stays_within_its_time(
    telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """The latency check judges the figures of all spans that a pattern describes."""
    build(Slow(telemetry_clock, 20), telemetry_recorder.context)

    telemetry_recorder.check(Latency(span("file.read"), p95_ms=50, max_ms=50))


def test_a_broken_time_limit_is_named(
    telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """What a check finds becomes the text of the failure."""
    build(Slow(telemetry_clock, 20), telemetry_recorder.context)

    with pytest.raises(AssertionError, match="p95"):
        assert_latency(telemetry_recorder, span("file.read"), p95_ms=10)


def test_the_standard_library_is_indexed_without_naming_this_machine(
    telemetry_recorder: TelemetryRecorder,
) -> None:
    """No string in any record is an absolute path, and all times fit together, on real files and a real clock."""
    build(standard_library(), telemetry_recorder.context, limit=10)

    assert_relative_paths(telemetry_recorder)
    assert_monotonic_timing(telemetry_recorder)


def test_an_absolute_path_is_found(telemetry_recorder: TelemetryRecorder) -> None:
    """A helper names the attribute that gives a path away."""
    with telemetry_recorder.context("file.read", file="/home/someone/shop/cart.py"):
        pass

    with pytest.raises(AssertionError, match="file"):
        assert_relative_paths(telemetry_recorder)


def test_nothing_is_asked_before_the_server_is_ready(
    telemetry_recorder: TelemetryRecorder, index: Index
) -> None:
    """The order of a language server's life is one check."""
    context = telemetry_recorder.context

    with DefinitionServer(index, context) as server:
        Selector(index, server, context, timeout=10).resolve_all(index.imported())

    assert_lsp_ready_order(telemetry_recorder)
