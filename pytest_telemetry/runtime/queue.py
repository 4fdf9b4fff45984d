"""Records that wait for their batch, and the threads that wait for them (layer 1)."""

from __future__ import annotations

import sys
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_telemetry.runtime.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.model.errors import Unavailable
    from pytest_telemetry.model.record import Record

__all__ = ("END", "NS", "Batch", "BatchQueue")

NS: Final = 1_000_000_000
END: Final = sys.maxsize
"""A position that no record reaches."""

_FIRST_PAUSE_NS: Final = NS // 20
_LONGEST_PAUSE_NS: Final = 5 * NS
_LONGEST_WAIT_S: Final = 3_600


@dataclass(slots=True, eq=False)
class Batch:
    """Records that somebody has taken to store them.

    Attributes:
        records: Those that are not stored yet.
        start: Position of the first in the queue.
        known: How many calls for haste there had been when it was last offered.
        refusal: Why it was not taken then; None before, and while it is on offer.
        refusals: How often it was not taken.
        retry_ns: Monotonic time from which it may be offered again.
    """

    records: list[Record]
    start: int
    known: int = 0
    refusal: Unavailable | None = None
    refusals: int = 0
    retry_ns: int = 0


class BatchQueue:
    """A queue of one process: those who emit append, those who store take batches.

    Appending takes no lock; the rest does. A *position* counts the records that ever were in the queue: what was
    appended before is settled when nothing before that position waits or is in hand.

    Args:
        batch_size: How many records make a batch.
        interval_ns: How long records wait for a batch to become full.
        mono_ns: Reads the monotonic clock.

    Attributes:
        records: What waits; ``append`` it from any thread, then look whether `alarm` was reached.
        alarm: As soon as this many wait, somebody wants to hear of it; 1 where nobody ever waits for a batch.
        accepted: How many records were offered to the queue.
        full: How many were dropped for want of room.
        late: How many were dropped because they came after `closing`.
        taken: Position of the first that waits.
        closing: Whether no further ones are accepted, and what is refused is not offered again.
        ended: Whether nobody takes anything any more.
    """

    def __init__(self, batch_size: int, interval_ns: int, mono_ns: Callable[[], int]) -> None:
        self.records: deque[Record] = deque()
        self.alarm = 1
        self.accepted, self.full, self.late = Tally(), Tally(), Tally()
        self.taken = 0
        self.closing = self.ended = False
        # re-entrant: a finaliser that emits may run at any point of a thread
        self.lock = threading.RLock()
        self._arrived = threading.Condition(self.lock)
        self._progress = threading.Condition(self.lock)
        self._batch_size = batch_size
        self._interval_ns = interval_ns
        self._mono_ns = mono_ns
        self._due_ns: int | None = None
        self._in_hand: list[Batch] = []
        self._idle = 0
        self._haste = self._wanted = 0

    # those who emit

    def wake(self) -> None:
        """Wake one of those who wait for a batch."""
        with self.lock:
            self.alarm = END  # until it has looked
            self._arrived.notify()

    def drop_oldest(self, room: int) -> None:
        """Drop from the front until fewer than *room* records wait."""
        with self.lock:
            while len(self.records) >= room:
                self._drop(self.full)

    def wait_for_room(self, room: int, wait_ns: int) -> None:
        """Wait until fewer than *room* records wait, but no longer than *wait_ns*."""
        with self.lock:
            until = self._mono_ns() + wait_ns
            while len(self.records) >= room and self._wait(self._progress, until):
                pass

    def drop_late(self) -> None:
        """Drop what came after the end."""
        with self.lock:
            while self.records:
                self._drop(self.late)
            self._progress.notify_all()

    def _drop(self, reason: Tally) -> None:
        self.records.popleft()
        self.taken += 1
        reason.add()

    # those who store

    def wait_for_batch(self) -> Batch | None:
        """Return the next batch when it is full, has waited long enough or is wanted; None at the end."""
        with self.lock:
            while not self._is_due(watched=True):
                if self.closing:
                    return None
                self._idle += 1
                if self._due_ns is None:
                    self._arrived.wait()
                else:
                    self._wait(self._arrived, self._due_ns)
                self._idle -= 1
            batch = self._take()
            self.alarm = 1 if self._idle else END
            if self._idle and self.records:
                self._arrived.notify()
            return batch

    def batch_that_is_due(self) -> Batch | None:
        """Return the batch that was refused, when its pause is over, or else the next one that is due."""
        with self.lock:
            if self._in_hand:
                batch = self._in_hand[0]
                return batch if self._mono_ns() >= batch.retry_ns else None
            return self._take() if self._is_due() else None

    def batch_before(self, end: int) -> Batch | None:
        """Return the batch that was refused, or else the next one, as long as it begins before *end*."""
        with self.lock:
            if self._in_hand:
                return self._in_hand[0]
            return self._take() if self.records and self.taken < end else None

    def offered(self, batch: Batch) -> None:
        """Note that *batch* is being offered."""
        batch.known = self._haste
        batch.refusal = None

    def refused(self, batch: Batch, refusal: Unavailable) -> None:
        """Note that nothing of *batch* was taken, and when to offer it again."""
        with self.lock:
            batch.refusal = refusal
            batch.retry_ns = self._mono_ns() + min(
                _FIRST_PAUSE_NS << min(batch.refusals, 9), _LONGEST_PAUSE_NS
            )
            batch.refusals += 1
            self._progress.notify_all()

    def wait_to_retry(self, batch: Batch) -> bool:
        """Wait until a refused batch may be offered again; return False if that was its last chance."""
        with self.lock:
            while batch.known == self._haste:
                if self.closing:
                    return False
                if not self._wait(self._progress, batch.retry_ns):
                    break
            return True

    def settled(self, batch: Batch) -> None:
        """Note that each record of *batch* is stored or counted as dropped."""
        with self.lock:
            self._in_hand.remove(batch)
            self._progress.notify_all()

    # those who flush and close

    def begin_closing(self) -> None:
        """Accept nothing further, and have what waits offered once more."""
        with self.lock:
            self.closing = True
            self._hurry(END)

    @property
    def end(self) -> int:
        """Position behind the last record that waits."""
        with self.lock:
            return self.taken + len(self.records)

    def wait_until_settled(self, end: int) -> Unavailable | None:
        """Return when everything before *end* is settled, or what refused part of it after this call."""
        with self.lock:
            call = self._hurry(end)
            while True:
                before = [batch for batch in self._in_hand if batch.start < end]
                for batch in before:
                    if batch.refusal is not None and batch.known >= call:
                        return batch.refusal
                if not before and self.taken >= end:
                    return None
                self._progress.wait()

    # with the lock held

    def _wait(self, condition: threading.Condition, until_ns: int) -> bool:
        """Wait until somebody notifies, or for a while; return False, and wait not at all, once it is *until_ns*."""
        left = (until_ns - self._mono_ns()) / NS
        if left > 0:
            condition.wait(min(left, _LONGEST_WAIT_S))
        return left > 0

    def _hurry(self, end: int) -> int:
        """Have everything before *end* offered without waiting; return the number of this call."""
        self._haste += 1
        self._wanted = max(self._wanted, end)
        self._arrived.notify_all()
        self._progress.notify_all()
        return self._haste

    def _is_due(self, *, watched: bool = False) -> bool:
        if watched:  # before looking: who appends from here on is heard
            self.alarm = 1
        if self._due_ns is None and self.records:
            self._due_ns = self._mono_ns() + self._interval_ns
        if watched and self._due_ns is not None:
            self.alarm = self._batch_size
        waiting = len(self.records)
        return waiting >= self._batch_size or (
            waiting > 0
            and (self.taken < self._wanted or (self._due_ns is not None and self._mono_ns() >= self._due_ns))
        )

    def _take(self) -> Batch:
        start, size = self.taken, min(self._batch_size, len(self.records))
        # asked each time: a finaliser that emits now may drop the oldest
        batch = Batch([self.records.popleft() for _ in range(size) if self.records], start)
        self.taken += len(batch.records)
        self._in_hand.append(batch)
        self._due_ns = None
        self._progress.notify_all()
        return batch
