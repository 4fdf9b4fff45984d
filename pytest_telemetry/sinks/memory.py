"""A bounded store in memory that watches spans from their start (layer 2)."""

from __future__ import annotations

import os
import threading
from collections import deque
from gc import is_tracked
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.model.frozen import frozen
from pytest_telemetry.model.ids import IdSource
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.recording import Recording
from pytest_telemetry.model.records import Records
from pytest_telemetry.runtime.conversion import error_name, point_record
from pytest_telemetry.runtime.observed import ObservedSpan
from pytest_telemetry.runtime.span import ORDER, Span, identify
from pytest_telemetry.runtime.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import CodeType

    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.runtime.conversion import Point

__all__ = ("MemoryStore", "creation_line")


class _Measured:
    """A measurement or an event, with what must be noted when it happens."""

    __slots__ = ("point", "seq", "source", "thread")

    def __init__(self, source: Point, point: Point) -> None:
        self.source = source
        self.point = point
        self.seq = next(ORDER)
        self.thread = threading.current_thread().name


_IDS: Final = IdSource(seed=int.from_bytes(os.urandom(8)))
"""Names spans that are only ever read here; a seeded source is ten times faster than the system's."""

_Entry: TypeAlias = "ObservedSpan | _Measured | Record"

_telling: Final = threading.RLock()
if hasattr(os, "register_at_fork"):  # another thread may be telling while this one forks
    os.register_at_fork(after_in_child=_telling._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001 - as the standard library does


class MemoryStore:
    """Keeps everything, up to *limit* entries, then forgets the oldest and counts them.

    Spans are kept from the moment they open, in the order in which they opened; a Record is made when somebody
    reads. Safe with any number of writing and reading threads, and free of locks on the writing side.

    Args:
        limit: How many spans, measurements and events to keep.
        run_id: Marks the records; the run of the contexts that feed the store is not known here.

    Raises:
        ValueError: *limit* is no whole number above 0.

    Attributes:
        notes: Returns further fields of `Recording`, for the failure texts.
        on_stored: Hear of records that were emitted, also if they are forgotten later, see `TellingStore`. While
            somebody does, emitting threads wait for each other.
    """

    def __init__(self, limit: int = 100_000, run_id: str | None = None) -> None:
        if type(limit) is not int or limit < 1:
            raise ValueError(f"limit must be a whole number above 0, not {limit!r}")
        self.limit = limit
        self._run_id = run_id
        self._listeners: tuple[Callable[[object], object], ...] = ()
        self.notes: Callable[[], Mapping[str, Any]] = dict
        self.on_stored: list[Callable[[Sequence[Record]], object]] = []
        self._lock = threading.RLock()
        self._begin()

    def _begin(self, still_open: Iterable[ObservedSpan] = ()) -> None:
        self._entries: deque[_Entry] = deque(still_open, maxlen=self.limit)
        self._kept = len(self._entries)
        self._taken = Tally()
        # taken together: a reset between the two would count what it does not keep
        self._ways = self._taken.numbers, self._entries.append
        self._made: dict[int, tuple[_Entry, Record]] = {}
        self._processed: dict[int, tuple[object, Record | None, str]] = {}
        self._snapshot: tuple[object, list[tuple[ObservedSpan, list[object]]], Records] | None = None
        self._outputs = 0

    @property
    def run_id(self) -> str:
        """Marks the records."""
        if self._run_id is None:
            self._run_id = _IDS.run_id()
        return self._run_id

    # what a context calls

    def span_started(self, span: ObservedSpan, /) -> None:
        """Keep a span that was just opened."""
        taken, append = self._ways
        next(taken)
        append(span)
        if self._listeners:  # asked afterwards: who listens from here on finds the span when it looks
            self._tell(span)

    def span_ended(self, span: Span, end: int, error: BaseException | None, /) -> None:  # noqa: ARG002 - on the span
        """Note that a span ended; values that could still change are copied."""
        attrs = span.attrs
        if attrs is not None and is_tracked(attrs):  # a container inside, or something that may hold one
            span.attrs = {key: frozen(value) for key, value in attrs.items()}
        if self._listeners:
            self._tell(span)

    def point(self, point: Point, /) -> None:
        """Keep a measurement or an event."""
        kept, attrs = point, point[4]
        if attrs is not None and is_tracked(attrs):
            kept = (*point[:4], {key: frozen(value) for key, value in attrs.items()}, *point[5:])
        if is_tracked(point[2]):
            kept = (*kept[:2], frozen(point[2]), *kept[3:])
        self._add(_Measured(point, kept))

    def emit(self, record: Record, /) -> None:
        """Keep a record that came from elsewhere."""
        if not self.on_stored:
            self._add(record)
            return
        with _telling:  # so that they are told in the order in which they are kept
            for tell in self.on_stored.copy():
                tell((record,))
            taken, append = self._ways
            next(taken)
            append(record)
        if self._listeners:
            self._tell(record)

    def processed(self, source: Span | Point, output: Record | None, processor: str, /) -> None:
        """Note what the processors of the context made of something kept earlier."""
        self._processed[id(source)] = (source, output, processor)
        self._outputs += 1
        if len(self._processed) > 2 * self.limit:
            self._forget_processed()
        if self._listeners:
            self._tell(None)

    def flush(self) -> None:
        """Do nothing: what is accepted is kept."""

    def close(self) -> None:
        """Do nothing: the store stays readable, and a late record is still kept."""

    def statistics(self) -> Mapping[str, int]:
        """Return how many entries were accepted, are stored, and were forgotten."""
        accepted = self._accepted()
        stored = min(accepted, self.limit)  # nothing is forgotten before
        return {"accepted": accepted, "stored": stored, "dropped": accepted - stored}

    # what a reader calls

    def listen(self, listener: Callable[[object], object]) -> None:
        """Call *listener* with each entry when it is added, and with each span again when it ends.

        It is called with None when processors are done with something it has heard of.
        """
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def unlisten(self, listener: Callable[[object], object]) -> None:
        """Stop calling *listener*; nothing happens where it was not called."""
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other != listener)

    def reset(self) -> None:
        """Forget everything but the spans that are still open."""
        with self._lock:
            self._begin(entry for entry in self._copy() if isinstance(entry, ObservedSpan) and entry.is_open)

    def records(self, pattern: Pattern | None = None, /) -> Records:
        """Return what is kept, spans in the order in which they opened; with a *pattern*, those that it matches.

        Where the context has processors this is what they made of it; ``.view(stage="call")`` of it is what
        the code passed.
        """
        kept = self._records()
        return kept if pattern is None else Records(record for record in kept if pattern.matches(record))

    def _records(self) -> Records:
        with self._lock:
            # an entry is accepted before it is added: the last one tells whether that has happened
            last = id(self._entries[-1]) if self._entries else 0
            version = (self._accepted(), self._outputs, id(self._entries), last)
            if self._snapshot is not None:
                seen, were_open, records = self._snapshot
                if seen == version and all(_is_as_seen(*each) for each in were_open):
                    return records
            # before reading: what ends or changes meanwhile is read again next time
            were_open = [(span, _values_of(span)) for span in self.open_spans()]
            records = self._read()
            self._snapshot = (version, were_open, records)
            return records

    def events(self, name: str) -> list[Record]:
        """Return the events called *name*, without reading the rest."""
        return [
            self.record_of(entry)
            for entry in self._copy()
            if isinstance(entry, _Measured) and entry.point[1] == name and entry.point[0] == "event"
        ]

    def record_of(self, entry: Any) -> Record:
        """Return the record of something that a listener heard of, without the span around it."""
        if isinstance(entry, Record):
            return entry
        return (
            self._span_record(entry, None)
            if isinstance(entry, ObservedSpan)
            else self._point_record(entry, None)
        )

    def open_spans(self) -> list[ObservedSpan]:
        """Return the spans that have not ended, oldest first."""
        return [entry for entry in self._copy() if isinstance(entry, ObservedSpan) and entry.is_open]

    def _read(self) -> Records:
        entries = self._copy()
        span_ids: dict[int, str | None] = {id(entry): None for entry in entries}
        found: list[Record] = []
        filtered: list[tuple[Record, str]] = []
        calls: dict[int, Record] = {}
        origins: dict[str, str] = {}
        for entry in entries:
            record = self._made_of(entry, span_ids)
            source = _source_of(entry)
            of, output, processor = self._processed.get(id(source), (None, None, ""))
            if of is source:
                if output is None:
                    filtered.append((record, processor))
                    continue
                calls[id(output)] = record
                record = output
            elif isinstance(entry, ObservedSpan) and record.span_id is not None and record.is_open:
                origins[record.span_id] = creation_line(entry)
            found.append(record)
        if len(self._processed) > 2 * self.limit:
            self._forget_processed()
        if len(self._made) > 2 * len(entries):
            self._made = {key: made for key, made in self._made.copy().items() if key in span_ids}
        dropped = self.statistics()["dropped"]
        info = Recording(tuple(filtered), calls, origins, dropped, **self.notes())
        return Records(found, info=info, ordered=True)

    def _made_of(self, entry: _Entry, span_ids: dict[int, str | None]) -> Record:
        """Return the record of *entry*; *span_ids* has the ids of those before it, and the keys of all."""
        if isinstance(entry, Record):
            return entry
        made = self._made.get(id(entry))
        if made is not None and made[0] is entry:
            record = made[1]
        elif isinstance(entry, ObservedSpan):
            record = self._span_record(entry, _nearest_id(entry.parent, span_ids))
        else:
            record = self._point_record(entry, _nearest_id(entry.point[5], span_ids))
        span_ids[id(entry)] = record.span_id
        if not record.is_open:
            self._made[id(entry)] = (entry, record)
        return record

    def _span_record(self, span: ObservedSpan, parent_id: str | None) -> Record:
        own = identify(span, _IDS)
        is_open = span.is_open
        error = None if is_open else error_name(span.error)
        return Record(
            "span",
            own.name,
            own.scope,
            span.start_wall_ns,
            None if is_open else span.end - span.start_mono_ns,
            None,
            None,
            "unset" if error is None else "error",
            error,
            dict(span.attrs) if span.attrs else {},
            self.run_id,
            own.trace_id,
            own.span_id,
            parent_id,
            None if is_open else span.seq,
            "api",
            None,
            span.thread.name,
        )

    def _point_record(self, entry: _Measured, parent_id: str | None) -> Record:
        record = point_record(entry.point, ids=_IDS, run_id=self.run_id, seq=entry.seq, thread=entry.thread)
        record.parent_id = parent_id
        return record

    def _add(self, entry: _Entry) -> None:
        taken, append = self._ways
        next(taken)
        append(entry)
        if self._listeners:
            self._tell(entry)

    def _tell(self, entry: object) -> None:
        for listener in self._listeners:
            listener(entry)

    def _forget_processed(self) -> None:
        """Forget what processors made of entries that are forgotten."""
        if not self._lock.acquire(blocking=False):  # somebody reads; the next writer tries again
            return
        try:
            noted = list(self._processed)  # before the entries: what is noted from here on is not looked at
            kept = {id(_source_of(entry)) for entry in self._copy()}
            for key in noted:
                if key not in kept:
                    del self._processed[key]
        finally:
            self._lock.release()

    def _accepted(self) -> int:
        return self._kept + self._taken.value

    def _copy(self) -> list[_Entry]:
        while True:
            try:
                return list(self._entries)
            except RuntimeError:  # another thread appended in the middle
                continue


def _source_of(entry: _Entry) -> object:
    """Return what a context knows *entry* by."""
    return entry.source if isinstance(entry, _Measured) else entry


def creation_line(span: ObservedSpan) -> str:
    """Return ``file:line`` of the code that opened *span*, relative to the working directory where it is below it."""
    code = span.code
    path = code.co_filename
    here = f"{Path.cwd()}{os.sep}"
    return f"{path.removeprefix(here)}:{_line(code, span.instruction)}"


def _line(code: CodeType, instruction: int) -> int:
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return line
    return code.co_firstlineno


def _nearest_id(span: Span | None, span_ids: Mapping[int, str | None]) -> str | None:
    """Return the id of the nearest span, *span* itself or around it, that is in this store."""
    while span is not None:
        if id(span) in span_ids:
            return span_ids[id(span)]
        span = span.parent
    return None


def _values_of(span: ObservedSpan) -> list[object]:
    return [] if span.attrs is None else list(span.attrs.values())


def _is_as_seen(span: ObservedSpan, values: list[object]) -> bool:
    """Return whether *span* is still open, with attributes of these *values*."""
    now = _values_of(span)
    return span.is_open and len(now) == len(values) and all(map(is_, now, values))
