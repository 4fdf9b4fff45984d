"""The checks that the files beside a log say no more than the log supports (layer 4)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.analysis.run_figures import FORKED, RunFigures, rate
from pytest_telemetry.checks.percentiles import Percentiles, names_timing, reproduces
from pytest_telemetry.checks.streaming import OTHERS, Examples, Judgement, StreamingCheck, amount, most_first
from pytest_telemetry.model.finding import LEVELS, Finding, Level
from pytest_telemetry.model.stamps import stamp_ns
from pytest_telemetry.model.stats import METHODS, Method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import BadLine, LogLine

__all__ = ("CountersKept", "Reconcile", "losses")

_MOST_EXAMPLES: Final = 20
_NO_FIGURES: Final = frozenset({"run_id", "ts", "first_ts", "earliest_ts"})
_BY_NAME: Final = frozenset({"metrics_delta", "tokens", "top_warnings"})
"""Sections with figures of whatever names occurred: what the events do not have did not occur."""
_OF_EVENTS: Final = ("latencies", "tokens")
"""Sections whose ``count`` counts events, each of them once."""
_ALL: Final = "(all counters)"
_LOST: Final = ("dropped", "lock_skipped", "telemetry_lock_skipped")
_DROPS: Final = frozenset({"attempted", "written", "queued", "dropped_by_processors", "drop_rate", *_LOST})


class Reconcile(StreamingCheck):
    """Every figure of ``last_run.json`` can be computed again from the events of its run.

    Latencies, by the method that the file names, and else as `Percentiles` does with linear ones; the other sections
    figure by figure; ``telemetry_drops`` by what it says itself, and against the number of events. What the file
    states besides, and no event could tell, is an ``info``. Files of older tools are read, too: their
    ``lock_skipped`` is what they lost.

    The figures are held to the first events of the run, as many as the file says were written. What comes after
    these, and what forked children wrote, is an ``info``. Where the first or the earliest of them is not of the time
    that the file states, or the rest of a file was not read, no figure is compared, which is an ``info`` as well.

    Args:
        summary: What the file holds.

    Raises:
        ValueError: It is no summary of a run.
    """

    id = "reconcile"
    subject = "event of the summarised run"

    def __init__(self, summary: Mapping[str, Any]) -> None:
        run_id = summary.get("run_id")
        if not isinstance(run_id, str) or not run_id:
            raise ValueError('a summary names its run, under "run_id"')
        self.run_id = run_id
        self.summary = summary
        self.method = _method(summary.get("latencies"))
        self.percentiles: Percentiles | None = None
        with suppress(ValueError):  # it holds none that is a number
            self.percentiles = Percentiles({"latencies": {}, **summary}, method=self.method)

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _Reconcile(self)


def _method(latencies: Any) -> Method:
    """Return the method that the first latency names, linear if none does."""
    for stated in latencies.values() if isinstance(latencies, Mapping) else ():
        named = stated.get("method") if isinstance(stated, Mapping) else None
        for method in METHODS:
            if named == method:
                return method
    return "linear"


class _Reconcile(Judgement):
    def __init__(self, check: Reconcile) -> None:
        self._check = check
        self._figures = RunFigures(check.method)
        self._latencies = None if check.percentiles is None else check.percentiles.start()
        drops = check.summary.get("telemetry_drops")
        self._drops = drops if isinstance(drops, Mapping) else None
        written = None if self._drops is None else self._drops.get("written")
        self._written = written if type(written) is int else None
        self._forked = 0
        self._unread = Examples(_MOST_EXAMPLES)

    def add(self, record: Record, line: LogLine | None = None) -> None:
        if record.run_id != self._check.run_id:
            return
        if FORKED in record.attrs:
            self._forked += 1
            return
        self.judged += 1
        if self._written is not None and self.judged > self._written:
            return
        name = self._figures.add(record)
        if self._latencies is not None:
            self._latencies.add(record if name == record.name else replace(record, name=name), line)

    def add_bad(self, line: BadLine) -> None:
        if line.is_rest:
            self._unread.add(line.reason, line)

    def findings(self) -> list[Finding]:
        run = self._check.run_id
        if not self.judged and self._written != 0 and not self._unread.found:
            message = f"the log holds no event of run {run}, which the summary sums up: none was kept, or all were removed"
            return [Finding(Reconcile.id, message, 1)]
        gap = self._gap()
        found = self._of_figures(gap)
        if self._drops is not None:
            found += _of_drops(self._drops, self._check.summary, None if gap else self.judged)
        for count, which in (
            (0 if gap else self.judged - self._figures.taken, "that came later"),
            (self._forked, "that forked children wrote"),
        ):
            if count:
                message = f"no figure of the summary is about {amount(count, 'event')} of run {run} {which}"
                found.append(Finding(Reconcile.id, message, count, "info"))
        return sorted(found, key=lambda finding: -LEVELS.index(finding.level))

    def _gap(self) -> str:
        """Return why events that the summary is about are not among the first ones here, or nothing if they are."""
        if self._unread.found:
            return "not all of the log could be read"
        times = {"first_ts": self._figures.first_ns, "earliest_ts": self._figures.earliest_ns}
        if all(_is_of(self._check.summary.get(key), time_ns) for key, time_ns in times.items()):
            return ""
        gap = (
            f"the log does not begin as run {self._check.run_id} did: "
            "segments or rows were removed, or several processes used this id"
        )
        if self._written is not None and self._written > self.judged:
            gap += (
                f"; at least {self._written - self.judged:,} of {amount(self._written, 'event')} are missing"
            )
        return gap

    def _of_figures(self, gap: str) -> list[Finding]:
        """Return what is wrong with the figures; where there is a *gap*, as far as they are wrong by themselves."""
        run = self._check.run_id
        found: list[Finding] = []
        judged: set[str] = set()
        if self._latencies is not None and self._check.percentiles is not None:
            judged = {name for name, _ in _leaves({"latencies": self._check.percentiles.figures})}
            if not gap:
                found += [replace(one, check=Reconcile.id) for one in self._latencies.findings()]
        computed = self._figures.as_dict()
        computed["metrics_delta"] = computed.pop("counters")
        warnings = self._figures.warnings()
        computed["top_warnings"] = [{"warning": text, "count": count} for text, count in warnings.items()]
        actuals = dict(_leaves(computed))
        wrong, unknown = Examples(_MOST_EXAMPLES), Examples(_MOST_EXAMPLES)
        sections: Counter[str] = Counter()
        figures = unknowns = 0
        for name, stated in _leaves(self._check.summary):
            section = name.partition(".")[0]
            if name in judged or (section == "latencies" and name.endswith(".method")):
                continue
            is_timing = section == "latencies" and names_timing(name.rpartition(".")[2])
            if name not in actuals and section not in _BY_NAME and not is_timing:
                unknowns += 1
                unknown.add(f"{name} = {_shown(stated)}", None)
                continue
            figures += 1
            actual = actuals.get(name)
            if not _is_figure(stated):
                truth = "which is no figure"
            elif gap or _agrees(stated, actual):
                continue
            else:
                truth = f"the events give {_shown(actual)}"
            sections[section] += 1
            text = f"{name}: the summary says {_shown(stated)}, {truth}"
            wrong.add(text, None, figure=name, stated=_plain(stated), computed=None if gap else actual)
        if sections:
            count = sections.total()
            message = f"{count} of {amount(figures, 'figure')} of the summary do not follow from the events of run {run}"
            by_field = most_first(sections)
            found.append(Finding(Reconcile.id, message, count, by_field=by_field, examples=tuple(wrong)))
        if gap:
            count = figures + len(judged) - sections.total()
            message = f"{amount(count, 'figure')} of the summary cannot be compared: {gap}"
            found.append(Finding(Reconcile.id, message, count, "info", examples=tuple(self._unread)))
        if unknowns:
            message = f"{amount(unknowns, 'figure')} of the summary can be computed from no event"
            found.append(Finding(Reconcile.id, message, unknowns, "info", examples=tuple(unknown)))
        return found


def _is_of(stamp: Any, time_ns: int | None) -> bool:
    """Tell whether a stamp is of that time, as far as it says one."""
    stated_ns = stamp_ns(stamp) if isinstance(stamp, str) else None
    return stated_ns is None or stated_ns == time_ns


def _leaves(summary: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield ``SECTION.NAME.FIGURE``, as far as there are such, and value of all that a summary states of events."""
    waiting: list[tuple[str, Any]] = []
    for section, value in [*summary.items()][::-1]:
        if section == "telemetry_drops" and isinstance(value, Mapping):
            waiting.append((section, {name: value[name] for name in value if name not in _DROPS}))
        elif section not in _NO_FIGURES:
            waiting.append((section, _by_text(value) if section == "top_warnings" else value))
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(f"{name}.{part}", member) for part, member in [*value.items()][::-1]]
        else:
            yield name, value


def _by_text(warnings: Any) -> Any:
    """Return figures by the texts of warnings, where it is a list of such."""
    if isinstance(warnings, list) and all(isinstance(one, Mapping) and "warning" in one for one in warnings):
        return {
            str(one["warning"]): {part: value for part, value in one.items() if part != "warning"}
            for one in warnings
        }
    return warnings


def _is_figure(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _agrees(stated: Any, actual: Any) -> bool:
    """Tell whether a figure is what the events give; one that is not there is a 0, but for a rate."""
    if actual is None and stated == 0 and stated is not None:
        return True
    return reproduces(stated, actual)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if _is_figure(value) else repr(_plain(value))


def _plain(value: Any) -> Any:
    """Return a value that a file states as what fits into a finding."""
    return value if _is_figure(value) or isinstance(value, (str, bool)) else f"<{type(value).__name__}>"


def _of_drops(stated: Mapping[str, Any], summary: Mapping[str, Any], events: int | None) -> list[Finding]:
    """Return what is wrong with what *summary* says of losses, where there are so many events, or nobody knows."""
    attempted, written = stated.get("attempted"), stated.get("written")
    shown = Examples(_MOST_EXAMPLES)
    if not isinstance(attempted, int) or not isinstance(written, int):
        shown.add(f"telemetry_drops states a drop_rate of {stated.get('drop_rate')!r}, and not of what", None)
        message = "the losses of the summary are stated without the figures they come from"
        return [Finding(Reconcile.id, message, 1, "warning", examples=tuple(shown))]
    lost = losses(stated)
    queued = stated["queued"] if isinstance(stated.get("queued"), int) else 0
    by_processors = stated.get("dropped_by_processors", 0)
    if events is not None and written > events:
        shown.add(
            f"telemetry_drops.written is {written:,}, and the log holds {amount(events, 'event')} of the run",
            None,
        )
    for section in _OF_EVENTS:
        counts = (
            count for name, count in _leaves({section: summary.get(section)}) if name.endswith(".count")
        )
        counted = sum(count for count in counts if type(count) is int)
        if counted > written:
            shown.add(
                f"{section} count {amount(counted, 'event')}, and telemetry_drops.written is {written:,}",
                None,
            )
    if attempted != written + lost + queued:
        shown.add(
            f"telemetry_drops.attempted is {attempted:,}, and written, lost and queued come to {written + lost + queued:,}",
            None,
        )
    if not (isinstance(by_processors, int) and 0 <= by_processors <= lost):
        shown.add(
            f"telemetry_drops.dropped_by_processors is {_shown(by_processors)}, and {lost:,} were lost", None
        )
    stated_rate = stated.get("drop_rate", rate(lost, attempted))
    if not (_is_figure(stated_rate) and _agrees(stated_rate, rate(lost, attempted))):
        shown.add(
            f"telemetry_drops.drop_rate is {stated['drop_rate']!r}, and {lost:,} of {attempted:,} were lost",
            None,
        )
    wrong = tuple(shown)
    if not wrong:
        return []
    return [
        Finding(Reconcile.id, "the losses that the summary states do not add up", len(wrong), examples=wrong)
    ]


def losses(stated: Mapping[str, Any]) -> int:
    """Return how many events a file says were lost, in our words or in those of older tools."""
    return sum(value for name in _LOST if isinstance(value := stated.get(name), int))


class CountersKept(StreamingCheck):
    """No counter of ``metrics.json`` is smaller than what the log has of it.

    One that is larger is fine: earlier runs, whose part of the log is gone. One that is smaller lost counts for sure
    where it is also smaller than what the last run added. Otherwise it is an ``info``: what a run did not flush,
    because it goes on, was killed, or is a forked child, never was in the file. Where there are more names than
    can be told apart, it is all counters together: which of them were taken together as ``(others)`` depends on
    their order.

    Args:
        counters: What the file holds.
        summary: What ``last_run.json`` holds; without it, nothing is known of the last run.
    """

    id = "reconcile"
    subject = "counter"

    def __init__(self, counters: Mapping[str, float], summary: Mapping[str, Any] | None = None) -> None:
        self.counters = counters
        added = {} if summary is None else summary.get("metrics_delta")
        self.added: dict[str, float] = {}
        """What the last run added to each counter, as far as the summary says it in numbers."""
        if isinstance(added, Mapping):
            self.added = {
                name: value for name, value in added.items() if value is not None and _is_figure(value)
            }

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _CountersKept(self)


class _CountersKept(Judgement):
    def __init__(self, check: CountersKept) -> None:
        self._check = check
        self._figures = RunFigures()

    def add(self, record: Record, line: LogLine | None = None) -> None:
        del line  # a sum comes from all lines together
        if record.kind == "metric":
            self.judged += 1
            self._figures.add(record)

    def findings(self) -> list[Finding]:
        logged, kept, added = self._figures.counters(), self._check.counters, self._check.added
        if OTHERS in logged or OTHERS in kept:
            logged, kept, added = ({_ALL: sum(each.values())} for each in (logged, kept, added))
        less = [name for name in sorted(logged) if _is_less(kept.get(name, 0), logged[name])]
        found: list[Finding] = []
        for is_lost in (True, False):
            names = [name for name in less if _is_less(kept.get(name, 0), added.get(name, 0)) == is_lost]
            if not names:
                continue
            shown = Examples(_MOST_EXAMPLES)
            for name in names:
                text = f"{name}: metrics.json says {_shown(kept.get(name, 0))}, the log has {_shown(logged[name])}"
                shown.add(text, None)
            counters = amount(len(names), "counter")
            message = (
                f"metrics.json lost what the last run added to {counters}"
                if is_lost
                else f"metrics.json has less than the log of {counters}: a run goes on or was killed before a flush, "
                "a forked child ended without one, or the counts of an earlier run were lost"
            )
            level: Level = "error" if is_lost else "info"
            found.append(Finding(CountersKept.id, message, len(names), level, examples=tuple(shown)))
        return found


def _is_less(kept: float, than: float) -> bool:
    """Tell whether a number is smaller by more than rounding."""
    try:
        return kept < than and not math.isclose(kept, than)
    except OverflowError:  # a whole number beyond every float
        return True
