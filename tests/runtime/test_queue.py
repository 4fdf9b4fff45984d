"""The queue of records: what tests of the batching sink cannot time."""

from __future__ import annotations

from collections import deque

import pytest

from pytest_telemetry.model.errors import Unavailable
from pytest_telemetry.model.record import Record
from pytest_telemetry.runtime.queue import END, NS, BatchQueue
from pytest_telemetry.testing.fake_clock import FakeClock


def record(number: int = 0) -> Record:
    return Record("event", "e", "e", 1, seq=number)


def queue_of(count: int, batch_size: int = 10, clock: FakeClock | None = None) -> BatchQueue:
    queue = BatchQueue(batch_size, 5 * NS, (clock or FakeClock()).mono_ns)
    queue.records.extend(map(record, range(count)))
    return queue


def test_who_appends_while_a_worker_looks_is_heard() -> None:
    """The worker has just seen an empty queue, and is about to wait without end."""
    queue = queue_of(0)
    queue.alarm = END
    seen: list[int] = []

    class Overtaken(deque[Record]):
        def __bool__(self) -> bool:
            was_there = len(self) > 0
            if not was_there:
                self.append(record())
                seen.append(queue.alarm)
            return was_there

    queue.records = Overtaken()
    queue._is_due(watched=True)

    assert seen[0] == 1


def test_who_appends_to_a_batch_that_is_not_full_is_not_heard() -> None:
    """Only the last one of the batch has to wake somebody."""
    queue = queue_of(1, batch_size=10)

    queue._is_due(watched=True)

    assert queue.alarm == 10


def test_who_appends_while_all_workers_are_busy_is_not_heard() -> None:
    """They look when they are done."""
    queue = queue_of(10, batch_size=10)

    queue.wait_for_batch()

    assert queue.alarm == END


def test_an_idle_worker_hears_while_another_is_busy() -> None:
    """Otherwise it would wait although there is something to do."""
    queue = queue_of(10, batch_size=10)
    queue._idle = 1

    queue.wait_for_batch()

    assert queue.alarm == 1


def test_an_idle_worker_is_told_of_what_a_batch_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """It minds the interval of the rest, however long the batch takes."""
    queue = queue_of(15, batch_size=10)
    queue._idle = 1
    told: list[int] = []
    monkeypatch.setattr(queue._arrived, "notify", lambda: told.append(len(queue.records)))

    queue.wait_for_batch()

    assert told == [5]


def test_a_batch_is_what_is_there_when_a_finaliser_interferes() -> None:
    """It emits, finds the queue full, and drops the oldest while a batch is being taken."""
    queue = queue_of(0)

    class Falling(deque[Record]):
        def popleft(self) -> Record:
            first = super().popleft()
            self.clear()
            return first

    queue.records = Falling(map(record, range(5)))
    batch = queue.batch_before(END)

    assert batch is not None
    assert [each.seq for each in batch.records] == [0]


def test_a_batch_is_taken_in_proportion_to_what_is_there() -> None:
    """Whoever wants no batches may say so by a size that is never reached."""
    asked = 0

    class Asked(deque[Record]):
        def __bool__(self) -> bool:
            nonlocal asked
            asked += 1
            return len(self) > 0

    queue = queue_of(0, batch_size=1_000)
    queue.records = Asked(map(record, range(2)))
    batch = queue.batch_before(END)

    assert batch is not None
    assert [each.seq for each in batch.records] == [0, 1]
    assert asked < 10


def test_pauses_double_up_to_five_seconds() -> None:
    """Counted from each refusal."""
    clock = FakeClock()
    queue = queue_of(1, clock=clock)
    batch = queue.batch_before(END)
    assert batch is not None

    pauses = []
    for _ in range(12):
        queue.offered(batch)
        queue.refused(batch, Unavailable("locked"))
        pauses.append((batch.retry_ns - clock.mono_ns()) / NS)

    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 5, 5]


def test_a_refusal_from_before_a_flush_does_not_end_it() -> None:
    """It is asked for one more attempt."""
    queue = queue_of(1)
    batch = queue.batch_before(END)
    assert batch is not None
    queue.offered(batch)
    queue.refused(batch, Unavailable("locked"))

    with queue.lock:
        call = queue._hurry(END)

    assert batch.known < call
    assert queue.wait_to_retry(batch)
