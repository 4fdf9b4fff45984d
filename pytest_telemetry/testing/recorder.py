"""The recorder: the in-memory store of a test, inside pytest and outside (layer 5)."""

from __future__ import annotations

import sys
import warnings
from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import ref

from pytest_telemetry.analysis.nearest import nearest
from pytest_telemetry.analysis.summary import metric_summaries, report_text, timing_summaries
from pytest_telemetry.analysis.tree import tree_text
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.plain import plain
from pytest_telemetry.model.wording import brief, plural
from pytest_telemetry.runtime.ambient import use_context
from pytest_telemetry.runtime.context import TelemetryContext
from pytest_telemetry.runtime.current import resume
from pytest_telemetry.runtime.span import ORDER, Span, abandon
from pytest_telemetry.sinks.memory import MemoryStore, creation_line
from pytest_telemetry.testing.silence import reason_for_silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Self, TextIO

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.metric import Metric
    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.model.protocols import Check, Processor
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.records import Records
    from pytest_telemetry.runtime.observed import ObservedSpan

__all__ = ("TelemetryRecorder", "UnfinishedSpanWarning")


_late: Final[deque[tuple[int, Record, str, ref[TelemetryRecorder]]]] = deque(maxlen=20)
"""What reached recorders after their end, last: when, whose it was; kept for failure texts only."""


class UnfinishedSpanWarning(UserWarning):
    """A span was still open when its recorder stopped; the text names the line that opened it."""


class TelemetryRecorder:
    """Records what code reports about itself, and lets a test assert on it with plain ``assert``.

    Hand `context` to the code under test. Inside ``with TelemetryRecorder() as rec:`` the recorder is also the
    ambient context, for decorators and for code that calls `current_context`, in all threads. Spans that are
    open outside the block are not parents of spans inside, and the other way round.

    A recorder may also be passed to `TelemetryContext` beside other reporters.

    Args:
        clock: Where the context takes its time from.
        processors: The pipeline under test; none is added. Patterns see its output, ``stage="call"`` what
            the code passed.
        limit: How many spans, measurements and events to keep; the oldest go first, and are counted.
        strict: As for `TelemetryContext`.
        name: What failure texts call the owner of this recording, for example a test.

    Attributes:
        store: Where the recording is kept.
        name: As above.
    """

    def __init__(
        self,
        *,
        clock: Clock = SYSTEM_CLOCK,
        processors: Sequence[Processor] = (),
        limit: int = 100_000,
        strict: bool | None = None,
        name: str = "",
    ) -> None:
        store = self.store = MemoryStore(limit)
        store.notes = self._notes
        self.name = name
        self._began = next(ORDER)
        self._asked = False
        self._clock = clock
        self._processors = tuple(processors)
        self._strict = strict
        self._warned: list[ObservedSpan] = []
        self._context: TelemetryContext | None = None
        self._entered: list[tuple[use_context[Callable[[], TelemetryContext]], Span | None]] = []

    @property
    def context(self) -> TelemetryContext:
        """The enabled context that feeds this recorder; hand it to the code under test."""
        self._asked = True
        return self._own_context()

    def _own_context(self) -> TelemetryContext:
        if self._context is None:
            self._context = TelemetryContext(
                self.store,
                enabled=True,
                clock=self._clock,
                processors=self._processors,
                strict=self._strict,
                run_id=self.store.run_id,
            )
        return self._context

    @property
    def clock(self) -> Clock:
        """Where `context` takes its time from."""
        return self._clock

    def __enter__(self) -> Self:
        """Become the ambient context, with no span open."""
        ambient = use_context(self._own_context, all_threads=True)
        self._entered.append((ambient, resume(None)))
        ambient.__enter__()
        self.store.unlisten(self._note_late)
        return self

    def __exit__(self, exc_type: object, exc: BaseException | None, traceback: object) -> None:
        """Stop being the ambient context; spans that are still open are nobody's parents, and warned about."""
        ambient, outer = self._entered.pop()
        ambient.__exit__(None, None, None)
        resume(outer)
        if self._entered:
            return
        self.store.listen(self._note_late)
        for span in self.store.open_spans():
            abandon(span)
        if exc is None:
            self.warn_of_open_spans()

    def warn_of_open_spans(self) -> None:
        """Warn with an `UnfinishedSpanWarning` for each span that is still open, once for each."""
        warned, self._warned = self._warned, self.store.open_spans()
        for span in self._warned:
            if span in warned:
                continue
            warnings.warn(
                f"span {span.path.scope!r} was opened at {creation_line(span)} and never closed",
                UnfinishedSpanWarning,
                stacklevel=3,
            )

    # what contexts call when the recorder was passed to one; the store's own methods, so that there is no detour

    span_started = property(attrgetter("store.span_started"))
    span_ended = property(attrgetter("store.span_ended"))
    point = property(attrgetter("store.point"))
    processed = property(attrgetter("store.processed"))
    emit = property(attrgetter("store.emit"))
    flush = property(attrgetter("store.flush"))
    close = property(attrgetter("store.close"))
    statistics = property(attrgetter("store.statistics"))

    # reading

    def records(self) -> Records:
        """Return what was recorded so far: spans in the order in which they opened, a tree by their parents."""
        return self.store.records()

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records())

    def __len__(self) -> int:
        return len(self.records())

    def __contains__(self, pattern: object) -> bool:
        __tracebackhide__ = True
        return pattern in self.records()

    def __eq__(self, expected: object) -> bool:
        __tracebackhide__ = True
        if isinstance(expected, TelemetryRecorder):
            return self is expected
        return self.records() == expected

    __hash__ = object.__hash__

    def __ne__(self, expected: object) -> bool:
        __tracebackhide__ = True
        if isinstance(expected, TelemetryRecorder):
            return self is not expected
        return self.records() != expected

    def __ge__(self, expected: Any) -> bool:
        __tracebackhide__ = True
        return bool(self.records() >= expected)

    def __getitem__(self, path: str) -> Records:
        """Return what was recorded inside the one span at *path* (``"etl/load"``).

        Raises:
            LookupError: No span is there, or more than one; the text lists what is.
        """
        return self.records()[path]

    def view(
        self, scope: Any = None, /, *, source: Any = None, thread: Any = None, stage: str = "output"
    ) -> Records:
        """Return only what lies in *scope* (a glob), comes from *source* or *thread*; every operator works on it.

        With ``stage="call"`` it is what the code passed, before any processor.
        """
        return self.records().view(scope, source=source, thread=thread, stage=stage)

    def metric(self, name: str, /, *attributes: Mapping[str, Any], **attrs: Any) -> Metric:
        """Return what was measured under *name* since recording began."""
        return self.records().metric(name, *attributes, **attrs)

    @property
    def timings(self) -> Mapping[str, list[float]]:
        """Durations in seconds of the finished spans, by scope, in the order in which they opened."""
        timings: dict[str, list[float]] = {}
        for record in self.records():
            if record.kind == "span" and record.duration_ns is not None:
                timings.setdefault(record.scope, []).append(record.duration_ns * 1e-9)
        return timings

    @property
    def metrics(self) -> Mapping[str, list[Any]]:
        """Measured values by scope, in the order in which they were measured."""
        metrics: dict[str, list[Any]] = {}
        for record in self.records():
            if record.kind == "metric":
                metrics.setdefault(record.scope, []).append(record.value)
        return metrics

    def as_dict(self) -> dict[str, Any]:
        """Return summaries of timings and metrics by scope, ready for JSON: values of other types become text."""
        records = self.records()
        summary = {"timings": timing_summaries(records), "metrics": metric_summaries(records)}
        return cast("dict[str, Any]", plain(summary, "", {}))

    def text(self, *, times: bool = False) -> str:
        """Return the canonical tree, for snapshots: no ids, the same for the same behaviour.

        Args:
            times: Whether to add when each record began, counted from the first one, and how long spans took;
                the same in every run only under a fake clock.
        """
        return tree_text(self.records(), times=times)

    def print_report(self, file: TextIO | None = None) -> None:
        """Print timings and metrics by scope, parents and children alike; to standard output by default."""
        print(report_text(self.records()), file=file or sys.stdout)

    def reset(self) -> None:
        """Forget everything but the spans that are still open."""
        self.store.reset()

    # judging and waiting

    def check(self, check: Check, /) -> None:
        """Judge what was recorded.

        Raises:
            AssertionError: The check found something; the first line is its first finding.
            TypeError: *check* is none; a class of checks has to be called first.
        """
        __tracebackhide__ = True
        if isinstance(check, type) or not callable(check):
            raise TypeError(
                f"{brief(check)} is no check: pass an object, such as Latency(span('load'), p95_ms=50)"
            )
        findings = [finding for finding in check(self.records()) if finding.level != "info"]
        if findings:
            lines = [finding.message for finding in findings]
            lines.extend(f"  {example.text}" for finding in findings for example in finding.examples)
            raise AssertionError("\n".join(lines))

    def wait_for(self, pattern: Pattern, /, timeout: float = 1.0) -> None:
        """Return as soon as *pattern* is in the recording.

        With a fake clock, time is advanced from one timer or sleeper to the next, at most
        by *timeout* fake seconds; without one, *timeout* is real seconds.

        Raises:
            AssertionError: It was not recorded in time; the text says what was closest.
        """
        __tracebackhide__ = True
        from pytest_telemetry.testing.waiting import wait  # noqa: PLC0415 - few tests wait

        if not wait(self, pattern, timeout):
            raise AssertionError(self._not_in_time(pattern, timeout))

    async def await_for(self, pattern: Pattern, /, timeout: float = 1.0) -> None:  # noqa: ASYNC109 - as wait_for
        """Wait like `wait_for` without blocking the event loop.

        Raises:
            AssertionError: It was not recorded in time; the text says what was closest.
        """
        __tracebackhide__ = True
        from pytest_telemetry.testing.waiting import wait_async  # noqa: PLC0415 - imports asyncio

        if not await wait_async(self, pattern, timeout):
            raise AssertionError(self._not_in_time(pattern, timeout))

    def _not_in_time(self, pattern: Pattern, timeout: float) -> str:
        lines = [f"waited {timeout:g} s for {pattern!r}: not recorded", *nearest(pattern, self.records())]
        return "\n  ".join(lines)

    def _note_late(self, entry: object) -> None:
        """Remember what arrives after the end, so that the test in which it happens can tell whose it is."""
        record = None if entry is None else self.store.record_of(entry)
        if record is not None and not record.is_open:
            _late.append((next(ORDER), record, self.name or "a recorder that has ended", ref(self)))

    def _notes(self) -> dict[str, Any]:
        late = [
            (record, name)
            for order, record, name, owner in tuple(_late)
            if owner() is not self and order > self._began
        ]
        return {"elsewhere": late, "silence": lambda: reason_for_silence(asked=self._asked)}

    def __repr__(self) -> str:
        numbers = self.statistics()
        dropped = f", {numbers['dropped']} dropped" if numbers["dropped"] else ""
        return f"<TelemetryRecorder: {plural(numbers['stored'], 'record')}{dropped}>"
