"""The checks that the files beside a log say no more than the log supports (layer 4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.analysis.run_figures import RunFigures, rate
from pytest_telemetry.checks.percentiles import Percentiles, reproduces
from pytest_telemetry.checks.streaming import Examples, Judgement, StreamingCheck, amount, most_first
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.stats import METHODS, Method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import LogLine

__all__ = ("CountersKept", "Reconcile", "losses")

_MOST_EXAMPLES: Final = 20
_COMPUTED: Final = ("ast", "lsp", "file_read", "tokens")
_LOST: Final = ("dropped", "lock_skipped", "telemetry_lock_skipped")


class Reconcile(StreamingCheck):
    """Every figure of ``last_run.json`` can be computed again from the events of its run.

    Latencies, by the method that the file names, and else as `Percentiles` does with linear ones; the sections
    ``ast``, ``lsp``, ``file_read``, ``tokens`` and ``metrics_delta`` figure by figure; ``telemetry_drops`` by
    what it says itself, and against the number of events. What the file states and no event could tell is an
    ``info``. Files of older tools are read, too: their ``lock_skipped`` is what they lost.

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
        latencies = summary.get("latencies")
        self.method = _method(latencies)
        has_figures = isinstance(latencies, Mapping) and any(latencies.values())
        self.percentiles = Percentiles(summary, method=self.method) if has_figures else None

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

    def add(self, record: Record, line: LogLine | None = None) -> None:
        if record.run_id != self._check.run_id:
            return
        self.judged += 1
        self._figures.add(record)
        if self._latencies is not None:
            self._latencies.add(record, line)

    def findings(self) -> list[Finding]:
        run = self._check.run_id
        drops = self._check.summary.get("telemetry_drops")
        if not self.judged and not (isinstance(drops, Mapping) and drops.get("written") == 0):
            return [
                Finding(Reconcile.id, f"the log holds no event of run {run}, which the summary sums up", 1)
            ]
        found = [] if self._latencies is None else [_renamed(one) for one in self._latencies.findings()]
        computed = self._figures.as_dict()
        computed["metrics_delta"] = computed.pop("counters")
        wrong, unknown, figures = Examples(_MOST_EXAMPLES), Examples(_MOST_EXAMPLES), 0
        sections: dict[str, int] = {}
        unknowns = 0
        for section, name, stated in _stated(self._check.summary):
            if name not in computed[section] and section not in {"metrics_delta", "tokens"}:
                unknowns += 1
                unknown.add(f"{section}.{name} = {stated!r}", None)
                continue
            figures += 1
            actual = _lookup(computed[section], name)
            if not _agrees(stated, actual):
                sections[section] = sections.get(section, 0) + 1
                text = (
                    f"{section}.{name}: the summary says {_shown(stated)}, the events give {_shown(actual)}"
                )
                wrong.add(text, None, figure=f"{section}.{name}", stated=stated, computed=actual)
        if sections:
            count = sum(sections.values())
            message = f"{count} of {amount(figures, 'figure')} of the summary do not follow from the events of run {run}"
            found.append(
                Finding(Reconcile.id, message, count, by_field=most_first(sections), examples=tuple(wrong))
            )
        found += _drops(drops, self.judged)
        if unknowns:
            message = f"{amount(unknowns, 'figure')} of the summary can be computed from no event"
            found.append(Finding(Reconcile.id, message, unknowns, "info", examples=tuple(unknown)))
        return found


def _renamed(finding: Finding) -> Finding:
    return replace(finding, check=Reconcile.id)


def _stated(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield section, name and value of every figure but those of latencies and drops."""
    for section in ("metrics_delta", *_COMPUTED):
        stated = summary.get(section)
        if not isinstance(stated, Mapping):
            continue
        for name, value in stated.items():
            if section == "tokens" and isinstance(value, Mapping):
                yield from (
                    (section, f"{name}.{part}", figure)
                    for part, figure in value.items()
                    if _is_figure(figure)
                )
            elif _is_figure(value):
                yield section, str(name), value


def _is_figure(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _lookup(section: Mapping[str, Any], name: str) -> Any:
    """Return a figure; one of a name is written as ``NAME.FIGURE``, and names hold dots themselves."""
    if name in section:
        return section[name]
    outer, _, inner = name.rpartition(".")
    return section[outer].get(inner) if outer in section and isinstance(section[outer], Mapping) else None


def _agrees(stated: Any, actual: Any) -> bool:
    """Tell whether a figure is what the events give; one that is not there is a 0, but for a rate."""
    if actual is None and stated == 0 and stated is not None:
        return True
    return reproduces(stated, actual)


def _shown(value: Any) -> str:
    return "none" if value is None else f"{value:,}"


def _drops(stated: Any, events: int) -> list[Finding]:
    """Return what is wrong with what a file says of losses."""
    if not isinstance(stated, Mapping):
        return []
    attempted, written = stated.get("attempted"), stated.get("written")
    shown = Examples(_MOST_EXAMPLES)
    if not isinstance(attempted, int) or not isinstance(written, int):
        shown.add(f"telemetry_drops states a drop_rate of {stated.get('drop_rate')!r}, and not of what", None)
        message = "the losses of the summary are stated without the figures they come from"
        return [Finding(Reconcile.id, message, 1, "warning", examples=tuple(shown))]
    lost = losses(stated)
    queued = stated["queued"] if isinstance(stated.get("queued"), int) else 0
    if written != events:
        shown.add(
            f"telemetry_drops.written is {written:,}, and the log holds {amount(events, 'event')} of the run",
            None,
        )
    if attempted != written + lost + queued:
        shown.add(
            f"telemetry_drops.attempted is {attempted:,}, and written, lost and queued come to {written + lost + queued:,}",
            None,
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

    One that is larger is fine: earlier runs, whose part of the log is gone.

    Args:
        counters: What the file holds.
    """

    id = "reconcile"
    subject = "counter"

    def __init__(self, counters: Mapping[str, float]) -> None:
        self.counters = counters

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
        short = Examples(_MOST_EXAMPLES)
        count = 0
        for name, logged in sorted(self._figures.counters().items()):
            kept = self._check.counters.get(name, 0)
            if kept < logged and not math.isclose(kept, logged):
                count += 1
                short.add(f"{name}: metrics.json says {_shown(kept)}, the log has {_shown(logged)}", None)
        if not count:
            return []
        message = f"{amount(count, 'counter')} of metrics.json lost what the log has of them"
        return [Finding(CountersKept.id, message, count, examples=tuple(short))]
