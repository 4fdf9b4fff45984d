"""Records as a Chrome trace, which Perfetto and other viewers of timelines open (layer 5).

The file format is the JSON object with ``traceEvents``. Its rules here:

- Times are whole microseconds since the first record. The beginning and the end of a span are cut down, never its
  duration, so that what lies inside a span still does.
- There is one track for each thread. Spans that overlap in one thread without lying inside each other, as those of
  tasks do, go to further tracks of that thread: viewers draw no others.
- A span is a complete event (``X``), an event or a log an instant (``i``), a measurement a counter (``C``), which
  for counters is the sum so far. A span that has no end, or one before its beginning, and a value that is no number
  are instants, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.plain import plain
from pytest_telemetry.model.stamps import stamp_of
from pytest_telemetry.model.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_telemetry.model.record import Record

__all__ = ("perfetto_trace",)

_PROCESS: Final = 1
_FACTS: Final = ("status", "error", "trace_id", "span_id", "parent_id", "source", "level")
_LARGEST: Final = 2**53
_ADDED_UP: Final = frozenset({"counter", "updowncounter"})


def perfetto_trace(records: Iterable[Record], *, name: str) -> dict[str, Any]:
    """Return the trace of *records* as an object that JSON can hold.

    Args:
        records: Any records; those without a time are counted in ``otherData`` and left out.
        name: What the process is called: the run.
    """
    label = plain(name, "", {})
    all_records = list(records)
    timed = [(record.time_ns, record) for record in all_records if record.time_ns is not None]
    origin_ns = min((time_ns for time_ns, _ in timed), default=0) // 1_000 * 1_000
    tracks = _Tracks()
    events = [*_spans(timed, origin_ns, tracks), *_others(timed, origin_ns, tracks)]
    events.sort(key=lambda event: event["ts"])
    numbers = tracks.numbers()
    for event in events:
        event["tid"] = numbers[event["tid"]]
    return {
        "traceEvents": [*_metadata(label, numbers), *events],
        "displayTimeUnit": "ms",
        "otherData": {
            "name": label,
            "began": stamp_of(origin_ns) if timed else None,
            "records": len(all_records),
            "without_time": len(all_records) - len(timed),
        },
    }


@dataclass(slots=True)
class _Tracks:
    """The tracks of each thread, each with the ends of the spans that are open where it was filled last."""

    open_ends: dict[str, list[list[int]]] = field(default_factory=dict)

    def of(self, record: Record) -> tuple[str, int]:
        """Return the first track of the thread of *record*."""
        thread = record.thread or "unknown thread"
        self.open_ends.setdefault(thread, [[]])
        return thread, 0

    def for_span(self, record: Record, start: int, end: int) -> tuple[str, int]:
        """Return the first track on which a span fits; they come in the order of their beginnings."""
        thread, _ = self.of(record)
        lanes = self.open_ends[thread]
        for number, ends in enumerate(lanes):
            while ends and ends[-1] <= start:
                ends.pop()
            if not ends or end <= ends[-1]:
                ends.append(end)
                return thread, number
        lanes.append([end])
        return thread, len(lanes) - 1

    def numbers(self) -> dict[tuple[str, int], int]:
        """Return the number of each track, those of one thread beside each other."""
        tracks = [(thread, lane) for thread, lanes in self.open_ends.items() for lane in range(len(lanes))]
        return {track: number for number, track in enumerate(tracks, 1)}


def _spans(timed: list[tuple[int, Record]], origin_ns: int, tracks: _Tracks) -> Iterator[dict[str, Any]]:
    spans = []
    for time_ns, record in timed:
        tracks.of(record)  # threads in the order of their first records
        if record.kind == "span" and record.duration_ns is not None and record.duration_ns >= 0:
            start = (time_ns - origin_ns) // 1_000
            spans.append((start, (time_ns + record.duration_ns - origin_ns) // 1_000, record))
    spans.sort(key=lambda span: (span[0], -span[1]))
    for start, end, record in spans:
        track = tracks.for_span(record, start, end)
        yield {**_event("X", record, start, track, _arguments(record)), "dur": end - start}


def _others(timed: list[tuple[int, Record]], origin_ns: int, tracks: _Tracks) -> Iterator[dict[str, Any]]:
    sums: dict[tuple[str, str], float] = {}
    for time_ns, record in sorted(timed, key=lambda pair: pair[0]):
        start = (time_ns - origin_ns) // 1_000
        track = tracks.of(record)
        arguments = _arguments(record)
        if record.kind == "span":
            if record.duration_ns is None or record.duration_ns < 0:
                yield _instant(record, start, track, {**arguments, "duration_ns": record.duration_ns})
            continue
        if record.kind != "metric":
            yield _instant(record, start, track, arguments)
            continue
        series = ", ".join(f"{key}={value}" for key, value in arguments.get("attrs", {}).items()) or "value"
        value = record.value
        if record.instrument in _ADDED_UP and _is_number(value):
            value = sums[record.name, series] = sums.get((record.name, series), 0) + value
        if _is_number(value):
            yield _event("C", record, start, track, {one_line(series): value})
        else:
            yield _instant(record, start, track, {**arguments, "value": plain(value, "", {})})


def _event(
    phase: str, record: Record, start: int, track: tuple[str, int], arguments: dict[str, Any]
) -> dict[str, Any]:
    category = f"log.{record.level}" if record.kind == "log" and record.level else record.kind
    return {
        "name": plain(record.name, "", {}),
        "cat": plain(category, "", {}),
        "ph": phase,
        "ts": start,
        "pid": _PROCESS,
        "tid": track,
        "args": arguments,
    }


def _instant(record: Record, start: int, track: tuple[str, int], arguments: dict[str, Any]) -> dict[str, Any]:
    return {**_event("i", record, start, track, arguments), "s": "t"}


def _arguments(record: Record) -> dict[str, Any]:
    facts = {name: getattr(record, name) for name in _FACTS}
    arguments = {name: value for name, value in facts.items() if value is not None and value != "unset"}
    attrs = {"attrs": record.attrs} if record.attrs else {}
    return plain({**attrs, **arguments}, "", {})  # type: ignore[no-any-return]  # a dict of a dict


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= _LARGEST


def _metadata(name: str, numbers: dict[tuple[str, int], int]) -> Iterator[dict[str, Any]]:
    yield _named("process_name", 0, {"name": name})
    for (thread, lane), number in numbers.items():
        label = plain(thread, "", {})
        yield _named("thread_name", number, {"name": label if lane == 0 else f"{label} ({lane + 1})"})
        yield _named("thread_sort_index", number, {"sort_index": number})


def _named(what: str, number: int, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"name": what, "ph": "M", "ts": 0, "pid": _PROCESS, "tid": number, "args": arguments}
