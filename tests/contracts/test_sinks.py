"""Every sink and store of ours keeps the public contract: one class each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_telemetry.model.wire import LogLine, read_log
from pytest_telemetry.sinks.batching import BatchingSink
from pytest_telemetry.sinks.jsonl import JsonlSink
from pytest_telemetry.sinks.memory import MemoryStore
from pytest_telemetry.testing.contracts import SinkContract, StoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.model.record import Record


class TestMemoryStore(StoreContract):
    in_memory = True

    def make(self, directory: Path) -> MemoryStore:
        return MemoryStore()


class ReadableLog(JsonlSink):
    """A log that is read by the reader of logs."""

    def records(self, pattern: Pattern | None = None, /) -> Iterator[Record]:
        with read_log(self.path) as lines:
            for line in lines:
                assert isinstance(line, LogLine)
                if pattern is None or pattern.matches(line.record):
                    yield line.record


class TestJsonlSink(StoreContract):
    def make(self, directory: Path) -> ReadableLog:
        return ReadableLog(directory / "logs" / "events.jsonl")


class TestBatchingSinkOverMemory(SinkContract):
    in_memory = True

    def make(self, directory: Path) -> BatchingSink:
        return BatchingSink(MemoryStore(), batch_size=7)


class TestBatchingSinkOverALog(SinkContract):
    def make(self, directory: Path) -> BatchingSink:
        return BatchingSink(JsonlSink(directory / "events.jsonl"), batch_size=7)


class TestBatchingSinkWithManyWorkers(SinkContract):
    def make(self, directory: Path) -> BatchingSink:
        return BatchingSink(JsonlSink(directory / "events.jsonl"), batch_size=7, workers=4)


class TestBatchingSinkWithoutThreads(SinkContract):
    def make(self, directory: Path) -> BatchingSink:
        return BatchingSink(JsonlSink(directory / "events.jsonl"), batch_size=7, in_background=False)
