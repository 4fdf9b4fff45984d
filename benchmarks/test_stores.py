"""The stores: what it costs to keep a record on disk, where it survives the process.

Times are those of the caller, encoding included. The files lie in the temporary directory and grow while they are
measured: what a record costs does not depend on how long they are.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.jsonl import JsonlStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_telemetry.sinks.jsonl import Dialect

WRITTEN: Final = "one write of the same line"
BATCH: Final = 1_000


def finished_span() -> Record:
    """Return what a context makes of a span with three attributes."""
    return Record(
        "span",
        "load",
        "etl.load",
        1_767_306_948_123_456_789,
        1_500_123,
        attrs={"args.path": "data/a.csv", "rows": 1_000, "hit": True},
        run_id="run_0123456789abcdef",
        trace_id="0123456789abcdef" * 2,
        span_id="0123456789abcdef",
        parent_id="fedcba9876543210",
        seq=3,
        thread="MainThread",
    )


def kept(store: JsonlStore, number: int) -> None:
    """Check that what was measured was kept: it is read back, and the counts add up."""
    store.close()
    figures = store.statistics()
    assert figures["accepted"] == figures["stored"] == sum(1 for _ in store.records())
    assert figures["dropped"] == 0
    assert figures["stored"] > number


@pytest.mark.telemetry(target_ns=10_000, gate=False)
@pytest.mark.parametrize("dialect", ["record", "event"])
def test_jsonl(telemetry_benchmark: Any, tmp_path: Path, dialect: Dialect) -> None:
    """A record is encoded, written and with the operating system within 10 us."""
    store = JsonlStore(tmp_path / "log", dialect=dialect)
    store.emit(finished_span())
    line = (tmp_path / "log").read_bytes()
    file = os.open(tmp_path / "plain", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    telemetry_benchmark.statement(
        "store.emit(record)",
        {"store": store, "record": finished_span()},
        label=f"JSONL, one {dialect} line",
        against={
            WRITTEN: {"body": "write(file, line)", "names": {"write": os.write, "file": file, "line": line}}
        },
    )

    os.close(file)
    kept(store, 100)


@pytest.mark.telemetry(target_ns=10_000, gate=False)
def test_jsonl_segments(telemetry_benchmark: Any, tmp_path: Path) -> None:
    """Closing and removing segments of 10 MB while it goes on changes nothing of that."""
    store = JsonlStore(tmp_path / "log", max_bytes=10_000_000, keep=2)

    telemetry_benchmark.statement(
        "store.emit(record)",
        {"store": store, "record": finished_span()},
        label="JSONL, one record line, with segments",
    )

    store.close()
    assert store.statistics()["accepted"] == store.statistics()["stored"]
    assert store.statistics()["untidied"] == 0


@pytest.mark.telemetry(target_ns=10_000, gate=False)
def test_jsonl_long(telemetry_benchmark: Any, tmp_path: Path) -> None:
    """A file of a gigabyte costs what an empty one costs; also to open, which is shown beside it."""
    long = tmp_path / "long"
    with long.open("wb") as file:
        file.truncate(1 << 30)
    store = JsonlStore(long)

    telemetry_benchmark.statement(
        "store.emit(record)",
        {"store": store, "record": finished_span()},
        label="JSONL, one record line behind a gigabyte",
        against={
            "opening a gigabyte": {
                "body": "opened(path).close()",
                "names": {"opened": JsonlStore, "path": long},
            },
            "opening an empty file": opening(tmp_path / "empty"),
        },
    )

    store.close()
    assert store.statistics()["accepted"] == store.statistics()["stored"]


def opening(path: Path) -> Callable[[], None]:
    """Return what opens and closes a log that stays empty."""
    return lambda: JsonlStore(path).close()


@pytest.mark.telemetry(gate=False)
@pytest.mark.parametrize("dialect", ["record", "event"])
def test_jsonl_batch(telemetry_benchmark: Any, tmp_path: Path, dialect: Dialect) -> None:
    """What 1,000 records cost that are given at once; shown, not judged."""
    store = JsonlStore(tmp_path / "log", dialect=dialect)

    telemetry_benchmark.statement(
        "store.emit_many(records)",
        {"store": store, "records": [finished_span()] * BATCH},
        label=f"JSONL, 1,000 {dialect} lines at once",
        rounds=30,
    )

    kept(store, BATCH)


@pytest.mark.telemetry(gate=False)
def test_jsonl_read(telemetry_benchmark: Any, tmp_path: Path) -> None:
    """What it costs to read 1,000 records back; shown, not judged."""
    store = JsonlStore(tmp_path / "log")
    store.emit_many([finished_span()] * BATCH)
    store.close()

    telemetry_benchmark.statement(
        "for record in store.records(): pass", {"store": store}, label="JSONL, 1,000 records read", rounds=30
    )
