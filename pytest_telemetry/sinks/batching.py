"""Stands in front of a sink: emitting is an append, and threads hand batches over (layer 2)."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.config import OVERFLOWS
from pytest_telemetry.model.errors import Unavailable
from pytest_telemetry.runtime.per_process import PerProcess
from pytest_telemetry.runtime.queue import END, NS, BatchQueue
from pytest_telemetry.runtime.reentry import is_within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.config import Overflow
    from pytest_telemetry.model.protocols import BatchSink, Sink
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.runtime.queue import Batch

__all__ = ("BatchingSink",)

_SUM: Final = ("accepted", "stored", "dropped")

_log: Final = logging.getLogger("pytest_telemetry")


class BatchingSink:
    """Lets records wait in a bounded queue until a batch is full, or has waited long enough.

    Emitting never raises, and never blocks but under ``overflow="block"``, and then for *block_s* at most. At any
    time ``accepted == stored + dropped + queued``; a process that is killed loses what is queued. The contract is
    in ``docs/reference/batching.md``.

    Args:
        inner: Where records go; nobody else emits to it, and it is closed with this sink.
        batch_size: How many waiting records are a batch, and how many are handed over at once at most.
        flush_interval_s: How many seconds a record waits for its batch to become full.
        queue_size: How many records may wait.
        overflow: What becomes of a record that finds the queue full.
        block_s: How many seconds ``block`` waits for room.
        workers: How many threads hand records over; with one, their order stays.
        in_background: False for no threads: whoever emits the last record of a batch hands it over.
        clock: Tells when the interval, a pause or *block_s* is over.

    Raises:
        ValueError: An argument is nothing that can be meant.
    """

    def __init__(
        self,
        inner: BatchSink | Sink,
        *,
        batch_size: int = 100,
        flush_interval_s: float = 5.0,
        queue_size: int = 10_000,
        overflow: Overflow = "drop-newest",
        block_s: float = 1.0,
        workers: int = 1,
        in_background: bool = True,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not 0 < batch_size <= queue_size:
            raise ValueError(
                f"queue_size={queue_size} must hold a batch of batch_size={batch_size}, at least 1"
            )
        if overflow not in OVERFLOWS:
            raise ValueError(f"overflow must be one of {', '.join(OVERFLOWS)}, not {overflow!r}")
        if not (workers >= 1 and flush_interval_s > 0 and block_s >= 0):
            raise ValueError("workers and flush_interval_s must be above 0, and block_s at least 0")
        self.inner = inner
        self._many = getattr(inner, "emit_many", None)
        self._batch_size = batch_size
        self._interval_ns = _ns(flush_interval_s)
        self._queue_size = queue_size
        self._overflow = overflow
        self._block_ns = _ns(block_s)
        self._worker_count = workers
        self._in_background = in_background
        self._mono_ns = clock.mono_ns
        self._logged: set[str] = set()
        self._shares = PerProcess(self._begun)
        self._shares[os.getpid()]

    def emit(self, record: Record, /) -> None:
        """Let *record* wait, or count it as dropped."""
        share = self._shares[os.getpid()]
        queue = share.queue
        queue.accepted.add()
        if queue.closing:
            queue.late.add()
            return
        records = queue.records
        if len(records) >= self._queue_size:
            self._make_room(share)
            if len(records) >= self._queue_size:
                queue.full.add()
                return
        records.append(record)
        if queue.ended:  # it was closed since we looked
            queue.drop_late()
        elif len(records) >= queue.alarm:
            self._alarmed(share)

    def flush(self) -> None:
        """Return when everything accepted before the call is stored or counted as dropped.

        Raises:
            Unavailable: The inner sink takes nothing at present; the records stay queued. Also in a signal handler that
                interrupted a call of this sink, or of the inner one: nobody can go on before that does.
        """
        if is_within(self, self.inner):
            raise Unavailable(f"records are waiting for {self._name}: it was interrupted for this flush")
        share = self._shares[os.getpid()]
        queue = share.queue
        end = queue.end
        if self._in_background and end:
            self._start(share)
        if share.workers:
            refusal = queue.wait_until_settled(end)
        else:
            with share.turn:
                refusal = self._hand_over(share, end)
        if refusal is not None:
            raise Unavailable(f"records are waiting for {self._name}: {refusal}") from refusal
        self.inner.flush()

    def close(self) -> None:
        """Hand over what waits, end the threads and close the inner sink; idempotent.

        In a signal handler that interrupted a call of this sink, or of the inner one, that is done when the
        interpreter ends.
        """
        if is_within(self, self.inner):
            return
        share = self._shares[os.getpid()]
        queue = share.queue
        with share.once:
            if queue.ended:
                return
            queue.begin_closing()
            for worker in share.workers:
                worker.join()
            with share.turn:
                self._hand_over(share, END)
            queue.ended = True
            queue.drop_late()
            atexit.unregister(self.close)
            self.inner.close()

    def statistics(self) -> Mapping[str, int]:
        """Return ``accepted``, ``stored``, ``dropped`` and ``queued``, why something was dropped, and inner numbers."""
        share = self._shares[os.getpid()]
        queue = share.queue
        # in this order: what happens in between still counts as queued
        full, late, given_up, handed = queue.full.value, queue.late.value, share.given_up, share.handed
        inner = self.inner.statistics()
        noticed, stored, unkept = (inner[name] - share.before[name] for name in _SUM)
        failed = given_up + max(handed - noticed, 0) + unkept
        dropped = full + late + failed
        accepted = queue.accepted.value
        return {
            **inner,
            "accepted": accepted,
            "stored": stored,
            "dropped": dropped,
            "queued": accepted - stored - dropped,
            "dropped_full": full,
            "dropped_late": late,
            "dropped_failed": failed,
            "inner_failures": share.failures,
        }

    # where records are emitted

    def _begun(self) -> _Share:
        """Return the share of a process that begins; that of a forked child is empty."""
        atexit.register(self.close)
        queue = BatchQueue(self._batch_size, self._interval_ns, self._mono_ns)
        return _Share(queue, self.inner.statistics())

    def _make_room(self, share: _Share) -> None:
        if self._overflow == "drop-oldest":
            share.queue.drop_oldest(self._queue_size)
        elif self._overflow == "block" and self._in_background:
            share.queue.wait_for_room(self._queue_size, self._block_ns)
        elif self._overflow == "block":
            self._hand_over_in_turn(share, share.queue.taken + 1)

    def _alarmed(self, share: _Share) -> None:
        if self._in_background:
            self._start(share)
            if share.workers:
                share.queue.wake()
        else:
            self._hand_over_in_turn(share, None)

    def _start(self, share: _Share) -> None:
        with share.queue.lock:
            while len(share.workers) < self._worker_count and not share.queue.closing:
                worker = threading.Thread(target=self._work, args=(share,), name="telemetry", daemon=True)
                try:
                    worker.start()
                except RuntimeError as error:  # there is none to be had: flush and close hand over
                    self._log_once("has no thread of its own", error)
                    return
                share.workers.append(worker)

    # where they are handed over

    def _work(self, share: _Share) -> None:
        while (batch := share.queue.wait_for_batch()) is not None:
            while self._offer(share, batch) is not None and share.queue.wait_to_retry(batch):
                pass
            self._settle(share, batch)

    def _hand_over_in_turn(self, share: _Share, end: int | None) -> None:
        """Hand over, unless another thread is at it."""
        if share.turn.acquire(blocking=False):
            try:
                self._hand_over(share, end)
            finally:
                share.turn.release()

    def _hand_over(self, share: _Share, end: int | None) -> Unavailable | None:
        """Hand over what waits before *end*, or without one what is due; return what refused it, if anything.

        What is refused before `END` is given up.
        """
        queue = share.queue
        while True:
            batch = queue.batch_that_is_due() if end is None else queue.batch_before(end)
            if batch is None:
                return None
            refusal = self._offer(share, batch)
            if refusal is not None and end != END:
                return refusal
            self._settle(share, batch)

    def _offer(self, share: _Share, batch: Batch) -> Unavailable | None:
        """Hand *batch* to the inner sink; return why it takes nothing at present, if so.

        Nothing is offered behind what was given up: each refusal may take as long as the sink waits for others.
        """
        share.queue.offered(batch)
        while batch.records and not share.given_up:
            piece = batch.records[: 1 if self._many is None else None]
            error = self._given(piece)
            must_pass = error is not None and not (self._in_background or isinstance(error, Exception))
            taken = not isinstance(error, Unavailable) and not (must_pass and self._has_missed(share))
            with share.queue.lock:
                share.failures += error is not None
                share.handed += len(piece) if taken else 0
            if isinstance(error, Unavailable):
                self._log_once("takes nothing at present; records wait", error)
                share.queue.refused(batch, error)
                return error
            if taken:
                del batch.records[: len(piece)]
            if error is not None and must_pass:
                raise error
            if error is not None:
                self._log_once("failed", error)
        return None

    def _has_missed(self, share: _Share) -> bool:
        """Tell whether the inner sink accepted nothing of what it was last given, as the interruption came before."""
        return self.inner.statistics()["accepted"] - share.before["accepted"] <= share.handed

    def _given(self, piece: list[Record]) -> BaseException | None:
        """Give *piece* to the inner sink; return what it raised, if it did."""
        try:
            if self._many is not None:
                self._many(piece)
            else:
                self.inner.emit(piece[0])
        except BaseException as error:  # noqa: BLE001 - a sink breaks neither observed code nor a worker
            return error
        return None

    def _settle(self, share: _Share, batch: Batch) -> None:
        with share.queue.lock:
            share.given_up += len(batch.records)
        share.queue.settled(batch)

    def _log_once(self, what: str, error: BaseException) -> None:
        if what not in self._logged:
            self._logged.add(what)
            if isinstance(error, OSError):  # which says what is wrong: nobody needs to see where
                _log.error("telemetry sink %s %s: %s", self._name, what, error)
            else:
                _log.error("telemetry sink %s %s", self._name, what, exc_info=error)

    @property
    def _name(self) -> str:
        return type(self.inner).__name__


def _ns(seconds: float) -> int:
    return int(min(seconds, 1e9) * NS)  # 30 years are long enough to be never


class _Share:
    """What one process has of a sink: its queue, its threads, and its numbers.

    Attributes:
        before: The numbers of the inner sink when this one came.
        workers: The threads that hand over.
        turn: Held by whoever hands over where no threads do.
        once: Held by whoever closes.
        handed: How many records the inner sink was given, with any outcome but a refusal.
        given_up: How many it refused until the end.
        failures: How often it raised.
    """

    __slots__ = ("before", "failures", "given_up", "handed", "once", "queue", "turn", "workers")

    def __init__(self, queue: BatchQueue, before: Mapping[str, int]) -> None:
        self.queue = queue
        self.before = before
        self.workers: list[threading.Thread] = []
        self.turn = threading.Lock()
        self.once = threading.RLock()
        self.handed = self.given_up = self.failures = 0
