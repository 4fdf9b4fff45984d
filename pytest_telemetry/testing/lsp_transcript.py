"""What a scripted language server, its client and the client's telemetry did, in one order (layer 5)."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.pattern import Pattern, is_single
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.transcript import Entry, listing, precedes
from pytest_telemetry.model.values import agrees
from pytest_telemetry.model.wording import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_telemetry.model.transcript import EntryKind
    from pytest_telemetry.testing.recorder import TelemetryRecorder

__all__ = ("Transcript", "Wanted", "received", "sent")

Wanted: TypeAlias = "Pattern | Callable[[Entry], bool]"
"""What can be waited for: a pattern of one record, or anything that tells whether an entry is the one."""


@dataclass(frozen=True, slots=True)
class _OnWire:
    """Describes messages by direction and method."""

    kind: EntryKind
    method: str

    def __call__(self, entry: Entry) -> bool:
        return entry.kind == self.kind and agrees(self.method, entry.name)

    def __repr__(self) -> str:
        return f"{self.kind}({self.method!r})"


def sent(method: str) -> Callable[[Entry], bool]:
    """Describe a message of the server: a notification, a request, or the reply to *method*; ``*`` is anything."""
    return _OnWire("sent", method)


def received(method: str) -> Callable[[Entry], bool]:
    """Describe a message of the client: a request, a notification, or the reply to *method*; ``*`` is anything."""
    return _OnWire("received", method)


class Transcript:
    """Entries in the order in which they were stamped; only ever appended to, from any thread.

    It is a sink as well: ``TelemetryContext(transcript)`` writes its records here.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._changed = threading.Condition()
        self._followed: list[TelemetryRecorder] = []
        self._session = 0

    def add(
        self,
        kind: EntryKind,
        name: str,
        session: int = 0,
        /,
        *,
        message: Mapping[str, Any] | None = None,
        record: Record | None = None,
        **attrs: Any,
    ) -> Entry:
        """Stamp what happens now and return the entry; whoever waits for it goes on."""
        with self._changed:
            entry = Entry(len(self._entries), kind, name, session, message, record, attrs)
            self._entries.append(entry)
            self._changed.notify_all()
        return entry

    def state(self, name: str, /, **attrs: Any) -> None:
        """Stamp a state that a client went to, for clients that tell their states in other ways than by telemetry.

        It counts like a record ``lsp.state_change`` of that status. Call it where the state changes, before
        anything that follows from it goes out.
        """
        record = Record(
            "event", "lsp.state_change", "lsp.state_change", None, attrs={"status": name, **attrs}
        )
        self.add("state", name, record=record)

    # records: followed, or given as to a sink

    def follow(self, recorder: TelemetryRecorder) -> None:
        """Stamp what *recorder* has and gets, spans when they end; a second time does nothing."""
        if recorder in self._followed:
            return
        self._followed.append(recorder)
        for record in recorder.records():
            self.emit(record)
        recorder.store.listen(self._heard(recorder))

    def _heard(self, recorder: TelemetryRecorder) -> Callable[[object], None]:
        def heard(told: object) -> None:
            if told is not None:
                self.emit(recorder.store.record_of(told))

        return heard

    def emit(self, record: Record, /) -> None:
        """Stamp a record; spans that are open come when they end."""
        if not record.is_open:
            self.add("record", record.name, record=record)

    def flush(self) -> None:
        """Do nothing: what is stamped is there."""

    def close(self) -> None:
        """Do nothing: a transcript stays readable."""

    def statistics(self) -> Mapping[str, int]:
        """Return how many records are there."""
        count = len(self.records())
        return {"accepted": count, "stored": count, "dropped": 0}

    # reading

    def entries(self) -> tuple[Entry, ...]:
        """Return everything so far."""
        return tuple(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries())

    def __len__(self) -> int:
        return len(self._entries)

    def records(self) -> list[Record]:
        """Return the records among the entries, so that every check of records can be asked."""
        return [
            entry.record for entry in self.entries() if entry.kind == "record" and entry.record is not None
        ]

    def find(self, wanted: Wanted, *, after: Entry | None = None) -> list[Entry]:
        """Return the entries that *wanted* describes, those behind *after* only."""
        matches = _matcher(wanted)
        return [entry for entry in self._entries[0 if after is None else after.seq + 1 :] if matches(entry)]

    def concurrent(self, first: Entry, second: Entry) -> bool:
        """Tell whether nothing says which of the two happened first, whatever their numbers are."""
        return not precedes(first, second) and not precedes(second, first)

    def __str__(self) -> str:
        return listing(self.entries()) or "nothing happened"

    def __repr__(self) -> str:
        return f"<Transcript: {len(self)} entries>"

    # waiting

    def wait(self, wanted: Wanted, timeout: float = 3.0, *, after: Entry | None = None) -> Entry:
        """Return the first entry that *wanted* describes, at once if it is there already, or as soon as it is.

        Args:
            wanted: ``received("initialize")``, ``sent("textDocument/*")``, a pattern such as ``span("lsp.ready")``,
                or a function that takes an `Entry`.
            timeout: Seconds of real time, for the whole call; no limit where a debugger is attached.
            after: Look behind this entry only.

        Raises:
            AssertionError: It did not happen in time; the text holds the transcript.
            TypeError: *wanted* can describe no entry.
        """
        __tracebackhide__ = True
        matches = _matcher(wanted)
        looked = 0 if after is None else after.seq + 1
        found: Entry | None = None

        def happened() -> bool:
            nonlocal looked, found
            while found is None and looked < len(self._entries):
                entry = self._entries[looked]
                looked += 1
                found = entry if matches(entry) else None
            return found is not None

        if not self.until(happened, timeout) or found is None:
            behind = "" if after is None else f" after entry {after.seq}"
            raise AssertionError(f"{wanted!r} did not happen within {timeout:g} s{behind}; what did:\n{self}")
        return found

    def until(self, holds: Callable[[], bool], timeout: float = 3.0) -> bool:
        """Return whether *holds* returned true within *timeout* seconds; it is asked again after each new entry."""
        deadline = SYSTEM_CLOCK.mono_ns() + round(timeout * 1e9)
        seen = -1
        while True:
            with self._changed:
                while seen == len(self._entries):
                    left = (deadline - SYSTEM_CLOCK.mono_ns()) / 1e9
                    if not debugged() and left <= 0:
                        return False
                    self._changed.wait(min(max(left, 0.05), 1.0))
                seen = len(self._entries)
            if holds():
                return True


def _matcher(wanted: Wanted) -> Callable[[Entry], bool]:
    if isinstance(wanted, Pattern):
        if not is_single(wanted) or any(one.items for one in wanted.ones()):
            raise TypeError(f"cannot wait for {wanted!r}: an entry holds one record, without its neighbours")
        return lambda entry: entry.record is not None and wanted.matches(entry.record)
    if not callable(wanted):
        raise TypeError(
            f"cannot wait for {brief(wanted)}: wait for received('initialize'), a pattern, or a function of an entry"
        )
    return wanted


def debugged() -> bool:
    """Tell whether a debugger is attached to this thread or process; what measures coverage is none."""
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None:
        return True
    trace = sys.gettrace()
    owner = getattr(trace, "__self__", None)
    modules = [getattr(trace, "__module__", None) or "", *(each.__module__ for each in type(owner).__mro__)]
    return any(module.partition(".")[0] in {"bdb", "pdb", "pydevd", "_pydevd_bundle"} for module in modules)
