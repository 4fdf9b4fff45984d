"""The batching sink: callers do not wait, records are neither lost uncounted nor stored twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry.model.errors import Unavailable
from pytest_telemetry.model.logs import read_log
from pytest_telemetry.model.protocols import Sink
from pytest_telemetry.model.record import Record
from pytest_telemetry.runtime.queue import BatchQueue
from pytest_telemetry.sinks.batching import BatchingSink
from pytest_telemetry.sinks.memory import MemoryStore
from pytest_telemetry.testing.fake_clock import FakeClock

GUARD_S = 60
"""How long a test waits for another thread before it fails."""


def event(number: int = 0) -> Record:
    return Record("event", "e", "e", 1, seq=number)


class Inner:
    """Keeps batches, raises what it is told to, and can be held up at a gate."""

    def __init__(self, *troubles: BaseException) -> None:
        self.troubles = list(troubles)
        self.batches: list[list[int | None]] = []
        self.attempts = self.closed = self.flushed = self.counted_as_dropped = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.left = threading.Semaphore(0)
        self.lock = threading.Lock()

    def emit_many(self, records: Sequence[Record], /) -> None:
        self.entered.release()
        assert self.gate.wait(GUARD_S)
        with self.lock:
            self.attempts += 1
            if self.troubles:
                trouble = self.troubles.pop(0)
                if type(trouble) is OSError:
                    self.counted_as_dropped += len(records)
                raise trouble
            self.batches.append([record.seq for record in records])
        self.left.release()

    def emit(self, record: Record, /) -> None:
        raise AssertionError("a sink that takes batches is given batches")

    def flush(self) -> None:
        self.flushed += 1

    def close(self) -> None:
        self.closed += 1

    def statistics(self) -> Mapping[str, int]:
        stored = len(self.kept)
        dropped = self.counted_as_dropped
        return {"accepted": stored + dropped, "stored": stored, "dropped": dropped, "as_text": 7}

    @property
    def kept(self) -> list[int | None]:
        return [number for batch in self.batches.copy() for number in batch]


def numbers(sink: Sink) -> dict[str, int]:
    """Return the numbers that are not 0, after looking that they add up."""
    figures = sink.statistics()
    assert figures["accepted"] == figures["stored"] + figures["dropped"] + figures["queued"]
    assert figures["dropped"] == sum(figures[f"dropped_{reason}"] for reason in ("full", "late", "failed"))
    assert figures["queued"] >= 0
    return {name: figure for name, figure in figures.items() if figure and name != "as_text"}


def wait(semaphore: threading.Semaphore) -> None:
    assert semaphore.acquire(timeout=GUARD_S)


def emit(sink: Sink, *seqs: int) -> None:
    for number in seqs:
        sink.emit(event(number))


class Watched(FakeClock):
    """Tells when somebody reads the monotonic clock."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.read = threading.Semaphore(0)

    def mono_ns(self) -> int:
        self.read.release()
        return super().mono_ns()


@pytest.fixture
def batching() -> Iterator[Callable[..., BatchingSink]]:
    """Make batching sinks that are closed at the end, whatever their inner sinks were told to do."""
    made: list[BatchingSink] = []

    def make(inner: Any, **keywords: Any) -> BatchingSink:
        sink = BatchingSink(inner, **keywords)
        made.append(sink)
        return sink

    yield make
    for sink in made:
        if isinstance(sink.inner, Inner):
            sink.inner.gate.set()
            sink.inner.troubles.clear()
        sink.close()


Make = Callable[..., BatchingSink]


# ---- when records are handed over


def test_a_caller_does_not_wait_for_the_inner_sink(batching: Make) -> None:
    """What was emitted is queued while storing is held up, and stored afterwards."""
    inner = Inner()
    inner.gate.clear()
    sink = batching(inner, batch_size=2)

    emit(sink, *range(10))

    assert numbers(sink) == {"accepted": 10, "queued": 10}
    inner.gate.set()
    sink.flush()
    assert numbers(sink) == {"accepted": 10, "stored": 10}
    assert inner.kept == list(range(10))


def test_a_full_batch_is_handed_over_unasked(batching: Make) -> None:
    """Nobody flushes, and no interval is over."""
    inner = Inner()
    sink = batching(inner, batch_size=3, clock=FakeClock())

    emit(sink, 1, 2, 3)

    wait(inner.left)
    assert inner.batches == [[1, 2, 3]]


def test_records_wait_for_their_batch(batching: Make) -> None:
    """A worker that was woken for the first leaves it until the batch is full."""
    inner, clock = Inner(), Watched()
    sink = batching(inner, batch_size=3, clock=clock)

    emit(sink, 1)
    wait(clock.read)  # it has looked
    emit(sink, 2, 3)

    wait(inner.left)
    assert inner.batches == [[1, 2, 3]]


def test_records_do_not_wait_longer_than_the_interval(batching: Make) -> None:
    """A batch that does not become full is handed over by the clock."""
    inner = Inner()
    sink = batching(inner, batch_size=3, flush_interval_s=5, clock=FakeClock(auto_tick=5))

    emit(sink, 1)

    wait(inner.left)
    assert inner.batches == [[1]]


def test_a_backlog_is_handed_over_in_batches_in_order(batching: Make) -> None:
    """None of them is larger than the size of a batch."""
    inner = Inner()
    inner.gate.clear()
    sink = batching(inner, batch_size=4)
    emit(sink, 0, 1, 2, 3)
    wait(inner.entered)
    emit(sink, *range(4, 18))

    inner.gate.set()
    sink.flush()

    assert inner.batches[0] == [0, 1, 2, 3]
    assert max(map(len, inner.batches)) == 4
    assert inner.kept == list(range(18))


def test_an_interval_may_be_longer_than_a_thread_can_wait(batching: Make) -> None:
    """Then only full batches and flushes count."""
    inner = Inner()
    sink = batching(inner, flush_interval_s=1e300, block_s=1e300)

    emit(sink, 1)
    sink.flush()

    assert inner.kept == [1]


def test_a_busy_worker_is_not_woken(batching: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Emitting is an append and nothing else while somebody is at work."""
    inner = Inner()
    inner.gate.clear()
    sink = batching(inner, batch_size=2)
    emit(sink, 0, 1)
    wait(inner.entered)
    wakes: list[BatchQueue] = []
    monkeypatch.setattr(BatchQueue, "wake", wakes.append)

    emit(sink, *range(2, 500))

    assert wakes == []


def test_several_workers_are_at_work_at_the_same_time(batching: Make) -> None:
    """Each takes a batch while the others are busy."""
    together = threading.Barrier(3)

    class Meeting(MemoryStore):
        def emit_many(self, records: Sequence[Record], /) -> None:
            together.wait(GUARD_S)  # breaks unless three come
            for record in records:
                super().emit(record)

    sink = batching(Meeting(), batch_size=2, workers=3)

    emit(sink, *range(6))
    sink.flush()

    assert not together.broken
    assert numbers(sink) == {"accepted": 6, "stored": 6}


def test_an_idle_worker_minds_what_a_busy_one_left(batching: Make) -> None:
    """Records behind a batch that takes long are handed over when their own batch is full."""
    inner = Inner()
    inner.gate.clear()
    sink = batching(inner, batch_size=2, workers=2, clock=FakeClock())

    for number in range(0, 4, 2):
        emit(sink, number, number + 1)
        wait(inner.entered)

    inner.gate.set()
    sink.flush()
    assert sorted(inner.kept, key=str) == [0, 1, 2, 3]


# ---- flush and close


@pytest.fixture
def haste(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Say when somebody began to flush or close."""
    begun = threading.Event()
    hurry = BatchQueue._hurry

    def tell(queue: BatchQueue, end: int) -> int:
        begun.set()
        return hurry(queue, end)

    monkeypatch.setattr(BatchQueue, "_hurry", tell)
    return begun


def then(begun: threading.Event, act: Callable[[], object]) -> threading.Thread:
    def work() -> None:
        assert begun.wait(GUARD_S)
        act()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("act", ["flush", "close"])
def test_flush_and_close_wait_for_what_is_in_hand(batching: Make, haste: threading.Event, act: str) -> None:
    """They do not return while a batch is on its way."""
    inner = Inner()
    inner.gate.clear()
    sink = batching(inner, batch_size=2)
    emit(sink, 0, 1)
    wait(inner.entered)
    opener = then(haste, inner.gate.set)

    getattr(sink, act)()

    kept = inner.kept
    haste.set()
    opener.join()
    assert kept == [0, 1]


def test_flush_waits_for_a_batch_that_is_overtaken(batching: Make, haste: threading.Event) -> None:
    """With several workers a later batch may be stored first; what was accepted before still counts."""
    inner, slow = Inner(), threading.Event()

    class Slow(Inner):
        def emit_many(self, records: Sequence[Record], /) -> None:
            if records[0].seq == 0:
                self.entered.release()
                assert slow.wait(GUARD_S)
            super().emit_many(records)

    inner = Slow()
    sink = batching(inner, batch_size=2, workers=2)
    emit(sink, 0, 1)
    wait(inner.entered)
    emit(sink, 2, 3)
    wait(inner.left)
    opener = then(haste, slow.set)

    sink.flush()

    kept = inner.kept
    haste.set()
    opener.join()
    assert kept == [2, 3, 0, 1]


def test_flush_hands_over_a_part_of_a_batch_and_flushes_the_inner_sink(batching: Make) -> None:
    """Nobody has to wait for the batch or the interval."""
    inner = Inner()
    sink = batching(inner, batch_size=100, clock=FakeClock())
    emit(sink, 1, 2)

    sink.flush()

    assert (inner.kept, inner.flushed) == ([1, 2], 1)
    sink.flush()
    assert inner.flushed == 2


def test_close_stores_everything_ends_the_threads_and_closes_once(batching: Make) -> None:
    """A second close does nothing, and neither does a flush."""
    inner = Inner()
    before = set(threading.enumerate())
    sink = batching(inner, batch_size=100, workers=2, clock=FakeClock())
    assert set(threading.enumerate()) == before  # none before the first record
    emit(sink, 1, 2, 3)
    assert len(set(threading.enumerate()) - before) == 2

    sink.close()
    sink.close()
    sink.flush()

    assert set(threading.enumerate()) == before
    assert (inner.kept, inner.closed) == ([1, 2, 3], 1)


def test_a_sink_that_was_never_used_starts_nothing(batching: Make) -> None:
    """Flush and close have nothing to wait for."""
    inner = Inner()
    before = threading.active_count()
    sink = batching(inner)

    sink.flush()
    sink.close()

    assert (threading.active_count(), inner.flushed, inner.closed) == (before, 1, 1)
    assert numbers(sink) == {}


def test_what_comes_after_close_is_counted_as_late(batching: Make) -> None:
    """It never raises."""
    sink = batching(Inner(), batch_size=2)
    emit(sink, 1)
    sink.close()

    emit(sink, 2, 3)

    assert numbers(sink) == {"accepted": 3, "stored": 1, "dropped": 2, "dropped_late": 2}


@pytest.mark.parametrize("in_background", [True, False])
def test_a_record_that_is_appended_while_somebody_closes_is_not_forgotten(
    batching: Make, in_background: bool
) -> None:
    """Its thread had looked before, and was overtaken."""
    sink = batching(Inner(), in_background=in_background)

    class Overtaken(deque[Record]):
        def append(self, record: Record, /) -> None:
            closing = threading.Thread(target=sink.close)
            closing.start()
            closing.join(GUARD_S)
            super().append(record)

    sink._shares[os.getpid()].queue.records = Overtaken()
    emit(sink, 1)

    assert numbers(sink)["accepted"] == numbers(sink)["dropped"] == 1


def test_a_process_that_ends_stores_what_waits(tmp_path: Path) -> None:
    """Nobody closed the sink."""
    script = (
        "import sys\n"
        "from pytest_telemetry.model.record import Record\n"
        "from pytest_telemetry.sinks.batching import BatchingSink\n"
        "from pytest_telemetry.sinks.jsonl import JsonlStore\n"
        "sink = BatchingSink(JsonlStore(sys.argv[1]), in_background=sys.argv[2] == 'True')\n"
        "for n in range(5): sink.emit(Record('event', 'e', 'e', 1, seq=n))\n"
    )
    for in_background in (True, False):
        path = tmp_path / str(in_background)

        subprocess.run([sys.executable, "-c", script, path, str(in_background)], check=True, timeout=60)

        with read_log(path) as lines:
            assert len(list(lines)) == 5


# ---- overflow


def held_up(batching: Make, inner: Inner, **keywords: Any) -> BatchingSink:
    """Return a sink whose worker holds the records 0 and 1, and whose queue is full of 2 to 5."""
    inner.gate.clear()
    sink = batching(inner, batch_size=2, queue_size=4, **keywords)
    emit(sink, 0, 1)
    wait(inner.entered)
    emit(sink, 2, 3, 4, 5)
    return sink


def test_the_newest_is_dropped_where_there_is_no_room(batching: Make) -> None:
    """What waits already stays."""
    inner = Inner()
    sink = held_up(batching, inner)

    emit(sink, 6, 7, 8)

    assert numbers(sink) == {"accepted": 9, "queued": 6, "dropped": 3, "dropped_full": 3}
    inner.gate.set()
    sink.flush()
    assert inner.kept == [0, 1, 2, 3, 4, 5]


def test_the_oldest_makes_room_for_the_newest(batching: Make) -> None:
    """What a worker has in hand is not among those that wait."""
    inner = Inner()
    sink = held_up(batching, inner, overflow="drop-oldest")

    emit(sink, 6, 7, 8)

    assert numbers(sink) == {"accepted": 9, "queued": 6, "dropped": 3, "dropped_full": 3}
    inner.gate.set()
    sink.flush()
    assert inner.kept == [0, 1, 5, 6, 7, 8]


def test_block_waits_for_room(batching: Make) -> None:
    """Nothing is dropped where the inner sink is in time."""
    inner, clock = Inner(), Watched()
    sink = held_up(batching, inner, overflow="block", clock=clock)
    while clock.read.acquire(blocking=False):
        pass
    caller = threading.Thread(target=emit, args=(sink, 6))
    caller.start()
    wait(clock.read)  # it waits

    inner.gate.set()
    caller.join(GUARD_S)
    sink.flush()

    assert inner.kept == [0, 1, 2, 3, 4, 5, 6]
    assert numbers(sink) == {"accepted": 7, "stored": 7}


def test_block_does_not_wait_longer_than_it_was_told(batching: Make) -> None:
    """Then the record is dropped, and counted."""
    inner = Inner()
    sink = held_up(
        batching, inner, overflow="block", block_s=3, flush_interval_s=1000, clock=FakeClock(auto_tick=3)
    )

    emit(sink, 6)

    assert numbers(sink) == {"accepted": 7, "queued": 6, "dropped": 1, "dropped_full": 1}


def test_close_does_not_let_a_blocked_caller_wait(batching: Make) -> None:
    """Its record is stored or counted; nobody is left behind."""
    inner, clock = Inner(), Watched()
    sink = held_up(batching, inner, overflow="block", block_s=10_000, clock=clock)
    while clock.read.acquire(blocking=False):
        pass
    caller = threading.Thread(target=emit, args=(sink, 6))
    caller.start()
    wait(clock.read)

    inner.gate.set()
    sink.close()
    caller.join(GUARD_S)

    assert not caller.is_alive()
    assert numbers(sink)["accepted"] == 7
    assert "queued" not in numbers(sink)


# ---- what goes wrong inside


def test_what_is_refused_is_not_lost(batching: Make) -> None:
    """Flush tries once more and says that it cannot; the records keep their place."""
    inner = Inner(*(Unavailable("the database is locked") for _ in range(3)))
    sink = batching(inner, batch_size=2, clock=FakeClock())
    emit(sink, 0, 1, 2)

    with pytest.raises(Unavailable, match="records are waiting for Inner: the database is locked"):
        sink.flush()
    assert numbers(sink)["queued"] == 3
    emit(sink, 3)
    while inner.troubles:
        with pytest.raises(Unavailable):
            sink.flush()
    sink.flush()

    assert inner.kept == [0, 1, 2, 3]
    assert numbers(sink) == {"accepted": 4, "stored": 4, "inner_failures": 3}


def test_what_is_refused_is_offered_again_unasked(batching: Make) -> None:
    """As soon as the clock says that the pause is over."""
    inner = Inner(*(Unavailable("locked") for _ in range(4)))
    sink = batching(inner, batch_size=1, clock=FakeClock(auto_tick=10))

    emit(sink, 0)

    wait(inner.left)
    assert (inner.attempts, inner.kept) == (5, [0])


def test_the_queue_bounds_what_waits_for_a_refusing_sink(batching: Make) -> None:
    """Beside the batch in hand no more than the queue holds."""
    inner = Inner(*(Unavailable("full") for _ in range(1000)))
    sink = batching(inner, batch_size=2, queue_size=4, clock=FakeClock())
    emit(sink, 0, 1)
    wait(inner.entered)

    emit(sink, *range(2, 100))

    assert numbers(sink)["queued"] == 6
    assert numbers(sink)["dropped"] == numbers(sink)["dropped_full"] == 94


@pytest.mark.parametrize("in_background", [True, False])
def test_close_makes_a_last_attempt_and_then_counts(batching: Make, in_background: bool) -> None:
    """Of a sink that refuses to the end, everything is counted as dropped; it is closed all the same."""
    inner = Inner(*(Unavailable("full") for _ in range(1000)))
    sink = batching(inner, batch_size=2, in_background=in_background, clock=FakeClock())
    emit(sink, 0, 1, 2)
    with pytest.raises(Unavailable):
        sink.flush()
    before = inner.attempts

    sink.close()

    assert inner.attempts == before + 1  # and none for the batch behind
    assert numbers(sink) == {
        "accepted": 3,
        "dropped": 3,
        "dropped_failed": 3,
        "inner_failures": inner.attempts,
    }
    assert inner.closed == 1


@pytest.mark.parametrize("in_background", [True, False])
def test_a_last_attempt_may_succeed(batching: Make, in_background: bool) -> None:
    """What could not be stored before close is stored by it."""
    inner = Inner(Unavailable("locked"))
    sink = batching(inner, batch_size=2, in_background=in_background, clock=FakeClock())
    emit(sink, 0, 1, 2)
    if in_background:
        wait(inner.entered)

    sink.close()

    assert inner.kept == [0, 1, 2]
    assert numbers(sink)["stored"] == 3


def test_without_threads_an_attempt_from_before_close_is_not_the_last(
    batching: Make, haste: threading.Event
) -> None:
    """What another thread was refused meanwhile is offered once more by close."""
    inner = Inner(Unavailable("locked"))
    inner.gate.clear()
    sink = batching(inner, batch_size=2, in_background=False)
    other = threading.Thread(target=emit, args=(sink, 0, 1))
    other.start()
    wait(inner.entered)
    opener = then(haste, inner.gate.set)

    sink.close()

    other.join(GUARD_S)
    opener.join(GUARD_S)
    assert inner.kept == [0, 1]


@pytest.mark.parametrize("trouble", [RuntimeError("broken"), SystemExit(1), OSError(28, "disk full")])
def test_a_failure_costs_its_batch_and_no_worker(
    batching: Make, caplog: pytest.LogCaptureFixture, trouble: BaseException
) -> None:
    """It is counted once, whether the inner sink counted it or not, and logged once, in one line if it says why."""
    inner = Inner(trouble, trouble)
    sink = batching(inner, batch_size=2, workers=1)

    for number in range(0, 6, 2):
        emit(sink, number, number + 1)
        sink.flush()

    assert inner.kept == [4, 5]
    assert numbers(sink) == {
        "accepted": 6,
        "stored": 2,
        "dropped": 4,
        "dropped_failed": 4,
        "inner_failures": 2,
    }
    (logged,) = caplog.records
    says_why = isinstance(trouble, OSError)
    assert logged.getMessage() == f"telemetry sink Inner failed{f': {trouble}' if says_why else ''}"
    assert (logged.exc_info is None) is says_why


class OneByOne(MemoryStore):
    """Takes single records, and raises at some."""

    def __init__(self, troubles: Mapping[int, BaseException]) -> None:
        super().__init__()
        self.troubles = dict(troubles)

    def emit(self, record: Record, /) -> None:
        trouble = self.troubles.pop(record.seq or 0, None)
        if trouble is not None:
            raise trouble
        super().emit(record)


def test_a_sink_without_batches_loses_only_the_record_it_failed_at(batching: Make) -> None:
    """The others of the batch are stored."""
    inner = OneByOne({2: RuntimeError("broken")})
    sink = batching(inner, batch_size=4)

    emit(sink, 0, 1, 2, 3)
    sink.flush()

    assert [record.seq for record in inner.records()] == [0, 1, 3]
    assert numbers(sink) == {
        "accepted": 4,
        "stored": 3,
        "dropped": 1,
        "dropped_failed": 1,
        "inner_failures": 1,
    }


def test_a_refusal_in_the_middle_repeats_nothing(batching: Make) -> None:
    """Those before it are stored, and are not offered again."""
    inner = OneByOne({2: Unavailable("locked")})
    sink = batching(inner, batch_size=4, in_background=False, clock=FakeClock())

    emit(sink, 0, 1, 2, 3)
    assert numbers(sink) == {"accepted": 4, "stored": 2, "queued": 2, "inner_failures": 1}
    sink.flush()

    assert [record.seq for record in inner.records()] == [0, 1, 2, 3]
    assert numbers(sink)["stored"] == 4


# ---- without threads


def test_without_threads_the_last_of_a_batch_hands_it_over(batching: Make) -> None:
    """Storing happens in the thread that emits."""
    inner = Inner()
    before = threading.active_count()
    sink = batching(inner, batch_size=3, in_background=False, clock=FakeClock())

    emit(sink, 1, 2)
    assert inner.batches == []
    emit(sink, 3, 4)

    assert inner.batches == [[1, 2, 3]]
    assert numbers(sink) == {"accepted": 4, "stored": 3, "queued": 1}
    assert threading.active_count() == before
    sink.flush()
    assert inner.batches == [[1, 2, 3], [4]]


def test_without_threads_the_next_record_after_the_interval_hands_over(batching: Make) -> None:
    """Nobody else is there to do it."""
    inner, clock = Inner(), FakeClock()
    sink = batching(inner, batch_size=100, flush_interval_s=5, in_background=False, clock=clock)

    emit(sink, 1)
    clock.advance(4.9)
    emit(sink, 2)
    assert inner.batches == []
    clock.advance(0.1)
    emit(sink, 3)
    emit(sink, 4)  # waits for an interval of its own

    assert inner.batches == [[1, 2, 3]]


def test_without_threads_a_refusing_sink_is_not_asked_at_every_record(batching: Make) -> None:
    """The pauses grow: 0.05 s, 0.1 s, 0.2 s."""
    inner, clock = Inner(*(Unavailable("locked") for _ in range(20))), FakeClock()
    sink = batching(inner, batch_size=1, in_background=False, clock=clock)
    asked_at = []

    for step in range(80):
        before = inner.attempts
        emit(sink, step)
        if inner.attempts > before:
            asked_at.append(step)
        clock.advance(0.01)

    assert asked_at == [0, 5, 15, 35, 75]
    with pytest.raises(Unavailable):
        sink.flush()


def test_pauses_do_not_grow_for_ever(batching: Make) -> None:
    """Five seconds are the longest."""
    inner, clock = Inner(*(Unavailable("locked") for _ in range(60))), FakeClock()
    sink = batching(inner, batch_size=1, in_background=False, clock=clock)

    for number in range(60):
        emit(sink, number)
        clock.advance(5)

    assert inner.attempts == 60


def test_without_threads_block_hands_over_instead_of_waiting(batching: Make) -> None:
    """A caller who finds the queue full does the work himself, whatever the pause."""
    inner, clock = Inner(Unavailable("locked")), FakeClock()
    sink = batching(inner, batch_size=2, queue_size=2, in_background=False, overflow="block", clock=clock)
    emit(sink, 0, 1, 2, 3)

    emit(sink, 4)

    assert inner.kept == [0, 1, 2, 3]
    assert numbers(sink) == {"accepted": 5, "stored": 4, "queued": 1, "inner_failures": 1}


def test_without_threads_an_interruption_passes_and_what_was_not_taken_waits(batching: Make) -> None:
    """It is meant for the caller; what it kept from being stored comes before all that follows."""
    inner = Inner(KeyboardInterrupt())
    sink = batching(inner, batch_size=2, in_background=False)

    with pytest.raises(KeyboardInterrupt):
        emit(sink, 0, 1)
    assert numbers(sink) == {"accepted": 2, "queued": 2, "inner_failures": 1}
    emit(sink, 2, 3)

    assert inner.batches == [[0, 1], [2, 3]]
    assert numbers(sink) == {"accepted": 4, "stored": 4, "inner_failures": 1}


def test_without_threads_what_was_taken_before_an_interruption_is_not_offered_again(batching: Make) -> None:
    """The sink says that it accepted it: nothing is stored twice."""

    class Late(Inner):
        def emit_many(self, records: Sequence[Record], /) -> None:
            super().emit_many(records)
            if len(self.batches) == 1:
                raise KeyboardInterrupt

    inner = Late()
    sink = batching(inner, batch_size=2, in_background=False)

    with pytest.raises(KeyboardInterrupt):
        emit(sink, 0, 1)
    emit(sink, 2, 3)

    assert inner.batches == [[0, 1], [2, 3]]
    assert numbers(sink) == {"accepted": 4, "stored": 4, "inner_failures": 1}


def test_without_a_thread_to_be_had_records_are_stored_at_flush(
    batching: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that is out of threads, or an interpreter that is ending."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    inner = Inner()
    sink = batching(inner, batch_size=2)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        emit(sink, 0, 1, 2)
        sink.flush()

    assert inner.kept == [0, 1, 2]
    assert numbers(sink) == {"accepted": 3, "stored": 3}


# ---- numbers


def test_the_numbers_of_the_inner_sink_are_passed_on_and_counted_from_here(batching: Make) -> None:
    """What it had stored before is not ours."""
    inner = Inner()
    inner.batches.append([1, 2, 3])
    sink = batching(inner, batch_size=2)
    emit(sink, 4)
    sink.flush()

    assert sink.statistics()["as_text"] == 7
    assert numbers(sink) == {"accepted": 1, "stored": 1}
    assert isinstance(sink, Sink)


def test_threads_lose_nothing_and_one_worker_keeps_their_order(batching: Make) -> None:
    """Each thread finds its records stored as it emitted them."""
    inner = Inner()
    sink = batching(inner, batch_size=50, queue_size=10_000)
    starts = range(0, 4000, 1000)
    threads = [threading.Thread(target=emit, args=(sink, *range(start, start + 1000))) for start in starts]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()

    assert numbers(sink) == {"accepted": 4000, "stored": 4000}
    for start in starts:
        own = [number for number in inner.kept if number is not None and start <= number < start + 1000]
        assert own == list(range(start, start + 1000))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"batch_size": 0}, "queue_size=10000 must hold a batch of batch_size=0, at least 1"),
        ({"queue_size": 99}, "queue_size=99 must hold a batch of batch_size=100"),
        ({"overflow": "drop"}, "overflow must be one of drop-newest, drop-oldest, block, not 'drop'"),
        ({"workers": 0}, "workers and flush_interval_s must be above 0"),
        ({"flush_interval_s": 0}, "workers and flush_interval_s must be above 0"),
        ({"block_s": -1}, "block_s at least 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any], text: str) -> None:
    """When the sink is made."""
    with pytest.raises(ValueError, match=text):
        BatchingSink(MemoryStore(), **wrong)


# ---- processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("in_background", [True, False])
def test_a_forked_child_begins_empty_and_goes_on(batching: Make, in_background: bool) -> None:
    """What waited is the parent's; the child has threads and numbers of its own, and waits for no lock."""
    inner = Inner()
    sink = batching(inner, batch_size=3, in_background=in_background, clock=FakeClock())
    emit(sink, 0, 1)
    reader, writer = os.pipe()

    with sink._shares[os.getpid()].queue.lock:  # as if a worker were busy at this moment
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(GUARD_S)
                emit(sink, 7)
                sink.close()
                os.write(writer, f"{inner.batches} {numbers(sink)}".encode())
            finally:
                os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    sink.flush()

    assert said == "[[7]] {'accepted': 1, 'stored': 1}"
    assert inner.kept == [0, 1]
    assert numbers(sink) == {"accepted": 2, "stored": 2}
