"""The SQLite store: what a record costs until it is in the file, and until it is a record again.

A round writes 10,000 records in batches of 1,000 to a new file, flushes it, reads all of them back, and closes it: two
spans in three, one metric, with ids as random as those of a run and three attributes. Thirty rounds do exactly the
same work, so of each of their steps (a batch written, the flush, a batch read back) the fastest counts, as of each
block of other benchmarks: a round as a whole is ten times as long as what a busy machine leaves undisturbed.

All that a caller waits for is in it but one thing: of the flush it is the CPU, and what the disk takes stands beside
it. A disk is no faster on a faster machine, and several times slower where others use it. Beside it stands, too, what
it takes to close the store, which copies the log into the file.
"""

from __future__ import annotations

import math
from itertools import islice
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
    from typing import TypeAlias

    Write: TypeAlias = Callable[[SqliteStore, list[Record]], None]

RECORDS: Final = 10_000
BATCH: Final = 1_000
BATCHES: Final = range(0, RECORDS, BATCH)
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


class Steps:
    """What the steps of a round took, in ns, each as fast as in the fastest round so far."""

    def __init__(self) -> None:
        self.written = [math.inf] * len(BATCHES)
        self.read = [math.inf] * len(BATCHES)
        self.flushing = self.waiting = self.closing = math.inf

    def take(self, path: Path, records: list[Record], write: Write) -> None:
        """Do a round."""
        now = SYSTEM_CLOCK.mono_ns
        with SqliteStore(path) as store:
            for step, first in enumerate(BATCHES):
                batch = records[first : first + BATCH]
                start = now()
                write(store, batch)
                self.written[step] = min(self.written[step], now() - start)
            start, start_cpu = now(), process_time_ns()
            store.flush()
            flushing = process_time_ns() - start_cpu
            self.waiting = min(self.waiting, max(0, now() - start - flushing))
            self.flushing = min(self.flushing, flushing)
            start = now()
            reading = store.records()
            for step in range(len(BATCHES)):
                assert sum(1 for _ in islice(reading, BATCH)) == BATCH
                end = now()
                self.read[step] = min(self.read[step], end - start)
                start = end
            assert store.statistics()["stored"] == len(records)
            start = now()
            store.close()
            self.closing = min(self.closing, now() - start)

    def figures(self) -> dict[str, float]:
        """Return what a record cost, in ns."""
        stored, read = sum(self.written) + self.flushing, sum(self.read)
        costs = {
            "stored and read back": stored + read,
            "stored": stored,
            "read back": read,
            "waited for the disk": self.waiting,
            "closed": self.closing,
        }
        return {name: cost / RECORDS for name, cost in costs.items()}


def fastest(directory: Path, records: list[Record], write: Write) -> dict[str, float]:
    """Return the figures of the fastest steps; what the process holds besides is no matter of its collections."""
    from pytest_telemetry.benchmark.operation import settled

    steps = Steps()
    with settled():
        for number in range(ROUNDS):
            steps.take(directory / f"{number}.db", records, write)
    return steps.figures()


@pytest.mark.telemetry(min_ops=100_000, gate=False)
def test_batches(telemetry_benchmark: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """More than 100,000 records a second are stored and read back, in batches; document 004 asks for 10,000."""
    records = made()

    telemetry_benchmark.figures(
        lambda: fastest(tmp_path_factory.mktemp("sqlite"), records, SqliteStore.emit_many)
    )


@pytest.mark.telemetry(gate=False)
def test_one_by_one(telemetry_benchmark: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same through ``emit``, which collects the batches; shown, not judged."""
    records = made()

    def write(store: SqliteStore, batch: list[Record]) -> None:
        for record in batch:
            store.emit(record)

    telemetry_benchmark.figures(lambda: fastest(tmp_path_factory.mktemp("sqlite"), records, write))
