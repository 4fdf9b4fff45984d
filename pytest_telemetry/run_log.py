"""What a run hands to its store, what it hears that was stored, and the files that say so (layer 6)."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_telemetry.analysis.run_figures import RunFigures, rate
from pytest_telemetry.model.protocols import TellingStore
from pytest_telemetry.run_files import LAST_RUN, METRICS, add_counters, write_object
from pytest_telemetry.runtime.per_process import PerProcess
from pytest_telemetry.runtime.reentry import is_within
from pytest_telemetry.runtime.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pytest_telemetry.model.protocols import Sink, Store
    from pytest_telemetry.model.record import Record

__all__ = ("NoLog", "RunLog", "drops")

_Answer = TypeVar("_Answer")

_log: Final = logging.getLogger("pytest_telemetry")


class RunLog:
    """Hands records on to the sink of a run, and keeps the figures of what the store behind it stored.

    Only records of this run are in the figures: a store may be that of others as well. Each process has figures of
    its own, about its own records.

    Who emits waits for nothing here, and neither does a store that says what it stored, and may hold its lock: that
    is appended, and added up by whoever asks for figures, or emits and finds nobody at it. So a finaliser or a signal
    handler may emit at any time.

    Args:
        run_id: Of which records the figures are.
        sink: Takes the records.
        store: What keeps them in the end; None where nothing does. Of one that is no `TellingStore` is taken as stored
            what was emitted and raised nothing.
        said: Returns the statistics of the context that emits here.
        close: Closes the run; to be called where a process ends without ``atexit``.

    Attributes:
        opened_by: The process that opened the run.
    """

    def __init__(
        self,
        run_id: str,
        sink: Sink,
        store: Store | None,
        said: Callable[[], Mapping[str, Any]],
        close: Callable[[], None],
    ) -> None:
        self._run_id = run_id
        self._sink = sink
        self._store = store
        self._said = said
        self._close = close
        self._telling = store if isinstance(store, TellingStore) else None
        self._is_told = store is None or self._telling is not None
        self._has_complained = store is None
        self.opened_by = os.getpid()
        self._shares = PerProcess(self._begun)
        if self._telling is not None:
            self._telling.on_stored.append(self._hear)

    def _begun(self) -> _Share:
        """Return the share of a process that begins; that of a forked child is empty."""
        pools = sys.modules.get("multiprocessing.util")
        if pools is not None and os.getpid() != self.opened_by:
            # its children end without what was registered to be done at the end
            pools.Finalize(None, self._close, exitpriority=0)
        return _Share(self._numbers())

    def forked_pid(self) -> int | None:
        """Return the id of this process where it is a forked child; to be asked before a record can be dropped."""
        process = os.getpid()
        self._shares[process]
        return None if process == self.opened_by else process

    # what a context calls

    def emit(self, record: Record, /) -> None:
        """Hand *record* on, and count it if it is of this run."""
        if record.run_id != self._run_id:
            self._sink.emit(record)
            return
        share = self._shares[os.getpid()]
        share.offered.add()
        try:
            self._sink.emit(record)
        finally:
            share.done.add()
        if not self._is_told:
            share.heard.append(record)
        share.add_up()

    def flush(self) -> None:
        """Flush the sink."""
        self._sink.flush()

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()

    def statistics(self) -> Mapping[str, int]:
        """Return the numbers of the sink."""
        return self._sink.statistics()

    # what a store calls

    def _hear(self, records: Sequence[Record]) -> None:
        own = [record for record in records if record.run_id == self._run_id]
        if own:
            self._shares[os.getpid()].heard.extend(own)

    def stop_listening(self) -> None:
        """Hear no more of the store; idempotent."""
        if self._telling is not None:
            with suppress(ValueError):
                self._telling.on_stored.remove(self._hear)

    # what a run asks

    @property
    def is_interrupted(self) -> bool:
        """Whether this thread is in the middle of a call of the sink or the store: neither can be closed in there."""
        return is_within(self._sink, self._store)

    def read(self, of: Callable[[RunFigures], _Answer]) -> tuple[_Answer, dict[str, Any]]:
        """Return what *of* makes of the figures, and the ``telemetry_drops`` that go with them.

        At any time ``attempted == written + queued + dropped``, and nothing is dropped that was not lost; what is on
        its way counts as queued. Of a store that several runs share, a run counts as dropped what the store dropped,
        but no more than it is missing itself.
        """
        share = self._shares[os.getpid()]
        # in this order: what happens in between still counts as queued
        done = share.done.value
        lost = {name: number - share.before[name] for name, number in self._numbers().items()}
        answer, written = share.read(lambda figures: (of(figures), figures.taken))
        offered = max(share.offered.value, written)
        by_processors, elsewhere = lost["by_processors"], lost["late"] + lost["missed"]
        in_sink = min(max(done - lost["accepted"], 0) + lost["dropped"], offered - written)
        attempted = offered + by_processors + elsewhere
        return answer, drops(attempted, written, in_sink + by_processors + elsewhere, by_processors)

    def _numbers(self) -> dict[str, int]:
        """Return what context and sink have counted, in all processes that this one comes from."""
        said = self._said()
        own = said["sinks"].get(type(self).__name__, {})
        return {
            "by_processors": sum(said["dropped_by_processors"].values()),
            "late": said["dropped_after_shutdown"],
            "missed": own.get("missed", 0),
            "accepted": own.get("accepted", 0),
            "dropped": own.get("dropped", 0),
        }

    @property
    def files(self) -> dict[str, int]:
        """How often the files of the run were ``written`` by this process, and how often that ``failed``."""
        return self._shares[os.getpid()].files.copy()

    def write_files(self, directory: Path, figures: Callable[[], Mapping[str, Any]]) -> None:
        """Write the files of the run; those of a forked child are its counters only. What fails is logged once.

        A call that interrupts another in the same thread cannot wait for it: that one writes once more, as its
        last act.
        """
        share = self._shares[os.getpid()]
        with share.writing:
            share.calls += 1
            if share.calls > 1:
                return
            try:
                self._write_files(share, directory, figures)
            finally:  # also where a signal handler ends the program
                was_interrupted, share.calls = share.calls > 1, 0
                if was_interrupted:
                    self.write_files(directory, figures)

    def _write_files(self, share: _Share, directory: Path, figures: Callable[[], Mapping[str, Any]]) -> None:
        failure = _tried(lambda: directory.mkdir(parents=True, exist_ok=True))
        failure = _tried(lambda: share.add_counters(directory / METRICS)) or failure
        if os.getpid() == self.opened_by:
            failure = _tried(lambda: write_object(directory / LAST_RUN, figures())) or failure
        share.files["written" if failure is None else "failed"] += 1
        if failure is not None and not self._has_complained:
            self._has_complained = True
            _log.error("the files of run %s cannot be written: %s", self._run_id, failure)


class _Share:
    """What one process has of a run.

    Attributes:
        before: What had been counted when it began.
        offered: How many records were handed over.
        done: How many of these calls are over, with any outcome.
        heard: What was stored and is in no figure yet.
        writing: Held by whoever writes files.
        calls: How often that thread was asked to since it began.
        files: How often that went well, and how often not.
    """

    __slots__ = (
        "_figures",
        "_is_lent",
        "_lock",
        "_saved",
        "before",
        "calls",
        "done",
        "files",
        "heard",
        "offered",
        "writing",
    )

    def __init__(self, before: Mapping[str, int]) -> None:
        self.before = before
        self.offered, self.done = Tally(), Tally()
        self.heard: deque[Record] = deque()
        # re-entrant, both: a signal handler may flush at any point of a thread
        self.writing = threading.RLock()
        self.calls = 0
        self._lock = threading.RLock()
        self._is_lent = False
        self._figures = RunFigures()
        self._saved: dict[str, float] = {}
        self.files = {"written": 0, "failed": 0}

    def add_up(self) -> None:
        """Add what was heard to the figures, unless somebody is at them."""
        if self._lock.acquire(blocking=False):
            try:
                self._add_up()
            finally:
                self._lock.release()

    def read(self, of: Callable[[RunFigures], _Answer]) -> _Answer:
        """Return what *of* makes of the figures of all that was heard before; nobody changes them meanwhile."""
        with self._lock:
            self._add_up()
            was_lent, self._is_lent = self._is_lent, True
            try:
                return of(self._figures)
            finally:
                self._is_lent = was_lent

    def _add_up(self) -> None:
        if self._is_lent:  # this thread was interrupted while it was at them: it goes on afterwards
            return
        self._is_lent = True
        try:
            for _ in range(len(self.heard)):
                try:
                    self._figures.add(self.heard[0])
                finally:
                    self.heard.popleft()
        finally:
            self._is_lent = False

    def add_counters(self, path: Path) -> None:
        """Add to the file at *path* what was counted since the last time."""
        add_counters(path, self.read(RunFigures.counters), self._saved)


class NoLog:
    """Stands for a log that cannot be opened: counts as dropped what it is given."""

    def __init__(self) -> None:
        self._given = Tally()

    def emit(self, _: Record, /) -> None:
        """Count it."""
        self._given.add()

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def statistics(self) -> Mapping[str, int]:
        """Return how many records it was given, all of them dropped."""
        given = self._given.value
        return {"accepted": given, "stored": 0, "dropped": given}


def drops(attempted: int, written: int, dropped: int, by_processors: int) -> dict[str, Any]:
    """Return the section ``telemetry_drops``; what is neither written nor dropped is queued."""
    return {
        "attempted": attempted,
        "written": written,
        "queued": attempted - written - dropped,
        "dropped": dropped,
        "dropped_by_processors": by_processors,
        "drop_rate": rate(dropped, attempted),
    }


def _tried(act: Callable[[], object]) -> Exception | None:
    """Return what came out of *act*: nothing that telemetry does breaks observed code."""
    try:
        act()
    except Exception as failure:  # noqa: BLE001 - as above
        return failure
    return None
