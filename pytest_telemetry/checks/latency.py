"""The check that what a pattern describes is fast enough (layer 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pytest_telemetry.checks.streaming import Examples, Judgement, StreamingCheck, amount, place_of
from pytest_telemetry.model.durations import Durations
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.pattern import Pattern, is_single
from pytest_telemetry.model.stats import METHODS, Method, percentile_of_sorted
from pytest_telemetry.model.values import agrees

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.model.finding import Example, Place
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import LogLine

__all__ = ("Describes", "Latency")


class Describes(Protocol):
    """What can pick records: every pattern of one record can."""

    def matches(self, record: Record, /) -> bool:
        """Return whether this describes *record*."""


class Latency(StreamingCheck):
    """The finished spans that a pattern describes are as many, and as fast, as they should be.

    A limit is kept as long as it is not exceeded. Where nothing matches, that is the finding, unless *count* allows
    for none. Spans that have not ended do not count.

    Args:
        pattern: A pattern, or the name of a command; in a name, ``*`` stands for anything.
        count: How many there should be: a number, or anything that equals the right ones (``between(1, 5)``).
        p50_ms: What the median may be.
        p95_ms: What the 95th percentile may be.
        max_ms: What the slowest may be.
        method: How percentiles are computed; see `pytest_telemetry.model.stats`.

    Raises:
        ValueError: No limit is given, or the method is unknown.
        TypeError: *pattern* is neither a pattern nor a text; or it asks for several records, or for what happened
            inside them, which cannot be seen one record at a time.
    """

    id = "latency"
    subject = "matching span"

    def __init__(
        self,
        pattern: Describes | str,
        *,
        count: Any = None,
        p50_ms: float | None = None,
        p95_ms: float | None = None,
        max_ms: float | None = None,
        method: Method = "linear",
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"unknown percentile method {method!r}: use one of {', '.join(METHODS)}")
        self.limits = {"p50": p50_ms, "p95": p95_ms, "max": max_ms}
        if count is None and not any(limit is not None for limit in self.limits.values()):
            raise ValueError("nothing to hold: give count, p50_ms, p95_ms or max_ms")
        self.pattern = pattern
        self.count = count
        self.method: Method = method
        self._matches = _matcher(pattern)

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _Latency(self, self._matches)


def _matcher(pattern: Describes | str) -> Callable[[Record], bool]:
    if isinstance(pattern, str):
        return lambda record: agrees(pattern, record.name)
    if isinstance(pattern, Pattern) and (not is_single(pattern) or any(one.items for one in pattern.ones())):
        raise TypeError(
            f"{pattern!r} cannot be timed: one record is looked at at a time, so leave out its neighbours "
            "and what is inside it"
        )
    matches: Callable[[Record], bool] | None = getattr(pattern, "matches", None)
    if matches is None:
        raise TypeError(f"{pattern!r} describes no records: use span(...) or the name of a command")
    return matches


class _Latency(Judgement):
    def __init__(self, check: Latency, matches: Callable[[Record], bool]) -> None:
        self._check = check
        self._matches = matches
        self._durations = Durations()
        self._open = 0
        self._slowest: tuple[int, str, Place | None] | None = None

    def add(self, record: Record, line: LogLine | None = None) -> None:
        duration_ns = record.duration_ns
        if not self._matches(record):
            return
        if duration_ns is None:
            self._open += record.is_open
            return
        self.judged += 1
        self._durations.add(duration_ns)
        if self._slowest is None or duration_ns > self._slowest[0]:
            self._slowest = (duration_ns, record.name, place_of(line))

    def findings(self) -> list[Finding]:
        check, ordered = self._check, self._durations.ordered()
        broken = []
        if check.count is not None and check.count != len(ordered):
            broken.append(f"count is {len(ordered):,}, not {check.count!r}")
        elif not ordered and check.count is None:
            broken.append("nothing that matches has ended" if self._open else "nothing matches")
        actual = {
            "p50": percentile_of_sorted(ordered, 0.5, check.method),
            "p95": percentile_of_sorted(ordered, 0.95, check.method),
            "max": ordered[-1] if ordered else None,
        }
        for name, limit in check.limits.items():
            value = actual[name]
            if limit is not None and value is not None and value / 1e6 > limit:
                broken.append(f"{name} is {value / 1e6:,.6g} ms, more than {limit:g} ms")
        if not broken:
            return []
        pattern = check.pattern if isinstance(check.pattern, str) else repr(check.pattern)
        still_open = f", {self._open:,} still open" if self._open else ""
        message = (
            f"{pattern}: {'; '.join(broken)} "
            f"({amount(len(ordered), 'span')}{still_open}, {check.method} percentiles)"
        )
        return [Finding(Latency.id, message, len(ordered), examples=self._example())]

    def _example(self) -> tuple[Example, ...]:
        if self._slowest is None:
            return ()
        duration_ns, name, place = self._slowest
        text = f"slowest: {name} took {duration_ns / 1e6:,.6g} ms"
        examples = Examples(1)
        examples.add(text, place, command=name, duration_ms=duration_ns / 1e6)
        return tuple(examples)
