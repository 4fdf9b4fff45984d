"""Every sink and store of ours keeps the public contract: one class each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_telemetry.sinks.batching import BatchingSink
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sinks.memory import MemoryStore
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.testing.contracts import SinkContract, StoreContract

if TYPE_CHECKING:
    from pathlib import Path


class TestMemoryStore(StoreContract):
    in_memory = True

    def make(self, directory: Path) -> MemoryStore:
        return MemoryStore()


class TestJsonlStore(StoreContract):
    def make(self, directory: Path) -> JsonlStore:
        return JsonlStore(directory / "logs" / "events.jsonl")


class TestJsonlStoreThatRotates(StoreContract):
    def make(self, directory: Path) -> JsonlStore:
        return JsonlStore(directory / "events.jsonl", max_bytes=5_000, compress=True)


class TestSqliteStore(StoreContract):
    def make(self, directory: Path) -> SqliteStore:
        return SqliteStore(directory / "data" / "telemetry.db")


class TestBatchingSinkOverMemory(SinkContract):
    in_memory = True

    def make(self, directory: Path) -> BatchingSink:
        return BatchingSink(MemoryStore(), batch_size=7)


class TestBatchingSinkOverALog(SinkContract):
    def make(self, directory: Path) -> BatchingSink:
        return BatchingSink(JsonlStore(directory / "events.jsonl"), batch_size=7)


class TestBatchingSinkOverADatabase(SinkContract):
    def make(self, directory: Path) -> BatchingSink:
        return BatchingSink(SqliteStore(directory / "telemetry.db"), batch_size=7)


class TestBatchingSinkWithManyWorkers(SinkContract):
    def make(self, directory: Path) -> BatchingSink:
        return BatchingSink(SqliteStore(directory / "telemetry.db"), batch_size=7, workers=4)


class TestBatchingSinkWithoutThreads(SinkContract):
    def make(self, directory: Path) -> BatchingSink:
        return BatchingSink(JsonlStore(directory / "events.jsonl"), batch_size=7, in_background=False)


@pytest.mark.parametrize("contract", [SinkContract, StoreContract])
def test_a_contract_without_a_sink_says_what_to_define(contract: type[SinkContract], tmp_path: Path) -> None:
    """A store is made by the same method."""
    mine = type("TestMine", (contract,), {})

    with pytest.raises(
        NotImplementedError, match=r"^TestMine does not say .*: define make\(self, directory\)$"
    ):
        mine().make(tmp_path)
