"""The check that times fit together, whatever the wall clock did (layer 4)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from pytest_telemetry.checks.stated_ends import stated_end
from pytest_telemetry.checks.streaming import (
    Examples,
    Judgement,
    StreamingCheck,
    amount,
    place_of,
    shortened,
)
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.otlp_json import PARENT_IS_REMOTE

if TYPE_CHECKING:
    from pytest_telemetry.model.finding import Place
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import LogLine

__all__ = ("MonotonicTiming",)

_REMEMBERED: Final = 20_000
_LONG_IDS: Final = 1_000
"""Characters of all ids of a record together."""

Value = TypeVar("Value")


class MonotonicTiming(StreamingCheck):
    """Times look as if a monotonic clock had measured them.

    No duration is negative; where a record states its end, it is the start plus the duration; a span begins and
    ends inside its parent; in one thread of one trace, time does not go back from one record to the next in
    sequence. A parent that is of another process, as exports of OpenTelemetry say, was timed by another clock, and
    is not compared with. What a record does not say is not judged, so older logs, with stamps of one second and no
    ids, are only looked through for negative durations and stated ends.

    To bound memory, spans are compared with the last 20,000 others.

    Args:
        tolerance_ns: Differences up to this are rounding.
    """

    id = "monotonic-timing"
    subject = "timing"

    def __init__(self, *, tolerance_ns: int = 1_000) -> None:
        self.tolerance_ns = tolerance_ns

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _MonotonicTiming(self.tolerance_ns)


class _Recent(Generic[Value]):
    """A dictionary of the last so many keys."""

    def __init__(self) -> None:
        self._items: OrderedDict[tuple[object, ...], Value] = OrderedDict()

    def __setitem__(self, key: tuple[object, ...], value: Value) -> None:
        self._items[key] = value
        if len(self._items) > _REMEMBERED:
            self._items.popitem(last=False)

    def get(self, *key: object) -> Value | None:
        return self._items.get(key)


@dataclass(slots=True)
class _Interval:
    """Where a span lies in time; for children that came before their parent, what they span together."""

    name: str
    start_ns: int
    end_ns: int | None
    place: Place | None


class _MonotonicTiming(Judgement):
    def __init__(self, tolerance_ns: int) -> None:
        self._tolerance = tolerance_ns
        self._reasons: Counter[str] = Counter()
        self._concerned = 0
        self._examples = Examples(10)
        self._spans: _Recent[_Interval] = _Recent()
        self._early: _Recent[list[_Interval]] = _Recent()
        self._ends: _Recent[tuple[int, str]] = _Recent()

    def add(self, record: Record, line: LogLine | None = None) -> None:
        if record.kind == "span":
            self.judged += record.duration_ns is not None
        place = place_of(line)
        wrong = self._alone(record, line)
        if not _has_long_ids(record):
            wrong += self._nested(record, place)
            wrong += self._in_sequence(record)
        self._concerned += bool(wrong)
        for reason, text in wrong:
            self._reasons[reason] += 1
            self._examples.add(f"{record.name}: {text}", place, reason=reason)

    def _alone(self, record: Record, line: LogLine | None) -> list[tuple[str, str]]:
        if record.duration_ns is None:
            return []
        wrong = []
        if record.duration_ns < 0:
            wrong.append(("negative duration", f"lasted {_ms(record.duration_ns)}"))
        end = stated_end(record, 1 if line is None else line.step_ns)
        if end is not None and abs(end.off_ns) > max(end.resolution_ns, self._tolerance):
            wrong.append(
                (
                    "end is not start plus duration",
                    f"{end.field} is {_ms(end.off_ns)} off start plus duration",
                )
            )
        return wrong

    def _nested(self, record: Record, place: Place | None) -> list[tuple[str, str]]:
        """Compare a record with its parent, whichever of the two comes first."""
        if record.time_ns is None:
            return []
        own = _Interval(
            shortened(record.name),
            record.time_ns,
            record.end_ns if record.kind == "span" else record.time_ns,
            place,
        )
        wrong = []
        if record.parent_id is not None and not record.attrs.get(PARENT_IS_REMOTE):
            parent = self._spans.get(record.run_id, record.trace_id, record.parent_id)
            if parent is not None:
                wrong += self._outside(own, parent)
            else:
                key = (record.run_id, record.trace_id, record.parent_id)
                early = self._early.get(*key)
                self._early[key] = _extremes([*(early or ()), own])
        if record.kind == "span" and record.span_id is not None:
            self._spans[record.run_id, record.trace_id, record.span_id] = own
            for child in self._early.get(record.run_id, record.trace_id, record.span_id) or ():
                for reason, text in self._outside(child, own):
                    at = "" if child.place is None else f" (line {child.place.number})"
                    wrong.append((reason, f"its child {child.name}{at} {text}"))
        return wrong

    def _outside(self, child: _Interval, parent: _Interval) -> list[tuple[str, str]]:
        wrong = []
        if parent.start_ns - child.start_ns > self._tolerance:
            early = _ms(parent.start_ns - child.start_ns)
            wrong.append(("outside its parent", f"begins {early} before its parent {parent.name}"))
        if parent.end_ns is not None and child.end_ns is not None:
            late = child.end_ns - parent.end_ns
            if late > self._tolerance:
                wrong.append(("outside its parent", f"ends {_ms(late)} after its parent {parent.name}"))
        return wrong

    def _in_sequence(self, record: Record) -> list[tuple[str, str]]:
        """Compare a record with its neighbours in sequence, where a thread and a trace make them comparable.

        Only direct neighbours: several processes that share a run each count from one.
        """
        end = record.end_ns if record.kind == "span" else record.time_ns
        if record.seq is None or end is None or record.trace_id is None or record.thread is None:
            return []
        place = (record.run_id, record.trace_id, record.thread)
        self._ends[(*place, record.seq)] = (end, shortened(record.name))
        before = self._ends.get(*place, record.seq - 1)
        if before is not None and before[0] - end > self._tolerance:
            return [
                (
                    "time goes back",
                    f"ends {_ms(before[0] - end)} before {before[1]}, which precedes it in sequence",
                )
            ]
        after = self._ends.get(*place, record.seq + 1)
        if after is not None and end - after[0] > self._tolerance:
            return [
                (
                    "time goes back",
                    f"ends {_ms(end - after[0])} after {after[1]}, which follows it in sequence",
                )
            ]
        return []

    def findings(self) -> list[Finding]:
        if not self._concerned:
            return []
        reasons = ", ".join(f"{count:,} x {reason}" for reason, count in self._reasons.most_common())
        concerned = f"the times of {amount(self._concerned, 'record')}"
        if self._reasons.keys() == {"outside its parent"}:  # work that was not waited for looks the same
            message = (
                f"{concerned} do not lie inside their parents ({reasons}): "
                "measure with one monotonic clock, and end a span after what it started"
            )
        else:
            message = (
                f"{concerned} cannot come from one monotonic clock ({reasons}): "
                "measure durations with time.perf_counter_ns()"
            )
        return [Finding(MonotonicTiming.id, message, self._concerned, examples=tuple(self._examples))]


def _has_long_ids(record: Record) -> bool:
    """Tell whether what identifies a record is too long to be kept, and too long to be an id."""
    ids = (record.run_id, record.trace_id, record.span_id, record.parent_id, record.thread)
    return sum(map(len, filter(None, ids))) > _LONG_IDS


def _extremes(intervals: list[_Interval]) -> list[_Interval]:
    """Return the one that begins first and the one that ends last: if these are inside, all are."""
    first = min(intervals, key=lambda interval: interval.start_ns)
    last = max(
        intervals, key=lambda interval: interval.start_ns if interval.end_ns is None else interval.end_ns
    )
    return [first] if first is last else [first, last]


def _ms(ns: int) -> str:
    return f"{ns / 1e6:,.6f}".rstrip("0").rstrip(".") + " ms"
