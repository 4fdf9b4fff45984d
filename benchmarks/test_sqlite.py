"""The SQLite store: what a record costs until it is in the file, and until it is a record again.

A round writes 10,000 records in batches of 1,000 to a new file, flushes it, reads all of them back, and closes it: two
spans in three, one metric, with ids as random as those of a run and three attributes. What counts is the fastest of
thirty rounds, with all that a caller waits for but one thing: of the flush it is the CPU, and what the disk takes
stands beside it. A disk is no faster on a faster machine, and several times slower where others use it. Beside it
stands, too, what it takes to close the store, which copies the log into the file.
"""

from __future__ import annotations

from itertools import count
from time import process_time_ns
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.ids import IdSource
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RECORDS: Final = 10_000
BATCH: Final = 1_000
ROUNDS: Final = 30
START: Final = 1_767_306_948_000_000_000


def made() -> list[Record]:
    """Return the records of traces of ten spans each, with a metric for every second span."""
    ids = IdSource(seed=1)
    run_id, records = ids.run_id(), []
    trace_id = parent_id = ""
    for number in range(RECORDS):
        if number % 15 == 0:
            trace_id, parent_id = ids.trace_id(), ids.span_id()
        attrs = {"rows": number, "path": "data/a.csv", "hit": number % 2 == 0}
        is_metric = number % 3 == 2
        records.append(
            Record(
                "metric" if is_metric else "span",
                "rows.read" if is_metric else "load",
                "etl.load.rows.read" if is_metric else "etl.load",
                START + 1_000 * number,
                None if is_metric else 1_500_000 + number,
                number if is_metric else None,
                "counter" if is_metric else None,
                "unset",
                None,
                attrs,
                run_id,
                trace_id,
                None if is_metric else ids.span_id(),
                parent_id,
                number + 1,
                "api",
                None,
                "MainThread",
            )
        )
    return records


def round_of(
    path: Path, records: list[Record], write: Callable[[SqliteStore], None]
) -> tuple[float, float, float, float]:
    """Return what a record cost to store and to read back, what the disk took for it, and the close, in ns."""
    with SqliteStore(path) as store:
        start = SYSTEM_CLOCK.mono_ns()
        write(store)
        written, written_cpu = SYSTEM_CLOCK.mono_ns(), process_time_ns()
        store.flush()
        flushed, flushed_cpu = SYSTEM_CLOCK.mono_ns(), process_time_ns()
        read = sum(1 for _ in store.records())
        end = SYSTEM_CLOCK.mono_ns()
        assert read == store.statistics()["stored"] == len(records)
        store.close()
        closed = SYSTEM_CLOCK.mono_ns()
    flush_cpu = flushed_cpu - written_cpu
    return (
        (written - start + flush_cpu) / read,
        (end - flushed) / read,
        max(0, flushed - written - flush_cpu) / read,
        (closed - end) / read,
    )


def fastest(directory: Path, records: list[Record], write: Callable[[SqliteStore], None]) -> dict[str, float]:
    """Return the figures of the fastest round; what the process holds besides is no matter of its collections."""
    from pytest_telemetry.benchmark.operation import settled

    numbers = count()
    with settled():
        rounds = [round_of(directory / f"{next(numbers)}.db", records, write) for _ in range(ROUNDS)]
    stored, read, flushing, closing = min(rounds, key=lambda costs: costs[0] + costs[1])
    return {
        "stored and read back": stored + read,
        "stored": stored,
        "read back": read,
        "waited for the disk": flushing,
        "closed": closing,
    }


@pytest.mark.telemetry(min_ops=100_000, gate=False)
def test_batches(telemetry_benchmark: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """More than 100,000 records a second are stored and read back, in batches; document 004 asks for 10,000."""
    records = made()

    def write(store: SqliteStore) -> None:
        for start in range(0, RECORDS, BATCH):
            store.emit_many(records[start : start + BATCH])

    telemetry_benchmark.figures(lambda: fastest(tmp_path_factory.mktemp("sqlite"), records, write))


@pytest.mark.telemetry(gate=False)
def test_one_by_one(telemetry_benchmark: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same through ``emit``, which collects the batches; shown, not judged."""
    records = made()

    def write(store: SqliteStore) -> None:
        for record in records:
            store.emit(record)

    telemetry_benchmark.figures(lambda: fastest(tmp_path_factory.mktemp("sqlite"), records, write))
