"""What came of a run of the gate, for a terminal and for machines; and what came of many (layer 5)."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.analysis.change_points import FEWEST, change_points
from pytest_telemetry.checks.regression_text import best_text, counters_text, interval_text, votes_text
from pytest_telemetry.model.paired import as_fraction
from pytest_telemetry.model.wording import percent, plural
from pytest_telemetry.reports.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pytest_telemetry.model.benchmark import Gate, Judgement

__all__ = (
    "HEAD",
    "against_text",
    "as_dict",
    "cells",
    "controls_text",
    "history",
    "remarks",
    "text",
    "totals_text",
    "verdict_text",
    "worst_first",
)

_WORST_FIRST: Final = ("slower", "larger", "more work", "missed", "undecided")
_COUNTED: Final = (*_WORST_FIRST, "unchanged", "met", "unjudged", "faster", "smaller")
HEAD: Final = ("verdict", "benchmark", "slow-down", "interval", "best", "counters")
_NAME, _COUNTERS = 1, 5
_MARGIN: Final = 11
"""Columns that the longest verdict and the gap after it take, so that what is said of a row stands below its name."""
_SHORTEST_NAME: Final = 20
_MANY: Final = 30
"""More benchmarks than this, of which there is nothing to say, are shown by file."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table: its cells, how its verdict is painted, and what stands below it."""

    cells: tuple[str, ...]
    level: str
    below: Sequence[str]


def text(
    gate: Gate,
    width: int | None = None,
    paint: Callable[[str, str], str] | None = None,
    *,
    verbose: bool = False,
) -> Iterator[str]:
    """Yield the lines for a terminal: the table with the worst first, controls, problems, what it comes to.

    Args:
        gate: What came of the run.
        width: Columns of the terminal. Names are then shortened in the middle, and other text is wrapped.
        paint: Colours a word by its level: ``error``, ``warning`` or ``info``.
        verbose: Whether every benchmark has a row of its own, and every target is told. Otherwise many benchmarks
            of which there is nothing to say share a row by file.
    """
    paint = paint or (lambda word, _: word)
    yield f"compared with {against_text(gate)} (baseline -> now)"
    yield from _table(_rows(gate, verbose=verbose), width, paint)
    yield from _wrapped(f"{'controls':{_MARGIN}}", controls_text(gate), width)
    for problem in gate.problems:
        yield from _wrapped(f"{paint('problem', 'error')}{' ' * (_MARGIN - 7)}", visible(problem), width)
    word = verdict_text(gate)
    word = paint(f"gate {word}", "error" if word == "failed" else "info")
    yield f"{word}: {totals_text(gate)}; first readings {gate.screen_s:.1f} s, confirmation {gate.confirm_s:.1f} s"


def verdict_text(gate: Gate) -> str:
    """Return ``passed``, ``failed``, or ``accepted``: an update accepts whatever became slower, but no problem."""
    if gate.reason and not gate.problems:
        return "accepted"
    return "passed" if gate.passed else "failed"


def worst_first(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Return failures before the rest, by what failed, and the larger slow-down first."""
    return sorted(
        judgements,
        key=lambda one: (
            _WORST_FIRST.index(one.outcome) if one.outcome in _WORST_FIRST else len(_WORST_FIRST),
            -one.ratio if one.ratio is not None else -math.inf if one.failed else math.inf,
        ),
    )


def against_text(gate: Gate) -> str:
    """Return what was compared with, what was allowed, and where."""
    machine = f"; {gate.machine}" if gate.machine else ""
    return visible(f"{gate.against}, threshold {100 * gate.rules.threshold:g} %{machine}")


def controls_text(gate: Gate) -> str:
    """Return what the instrument read where the answer is known."""
    if gate.controls is None:
        return "not read"
    same, more = (percent(as_fraction(read)) for read in (gate.controls.same, gate.controls.more))
    return f"the same code against itself read {same}, a tenth more work read {more}"


def totals_text(gate: Gate) -> str:
    """Return how many benchmarks came to what, and how many problems there are."""
    counts = Counter(map(_verdict, gate.judgements))
    parts = ", ".join(f"{counts[word]:,} {word}" for word in _COUNTED if counts[word])
    judged = f"{parts} of {plural(len(gate.judgements), 'benchmark')}" if parts else "no benchmark was judged"
    return f"{judged}; {plural(len(gate.problems), 'problem')}" if gate.problems else judged


def cells(judgement: Judgement) -> tuple[str, ...]:
    """Return what stands in the table below `HEAD`."""
    return (
        _verdict(judgement),
        visible(judgement.benchmark),
        "" if judgement.ratio is None else percent(judgement.ratio),
        interval_text(judgement),
        best_text(judgement),
        visible(counters_text(judgement)),
    )


def remarks(judgement: Judgement, *, verbose: bool = False) -> list[str]:
    """Return what else is to be said of a benchmark: with *verbose* also what is as it should be."""
    said = [target for target in judgement.targets if verbose or not target.startswith("met:")]
    process = [judgement.note]
    if judgement.failed or judgement.note or verbose:
        process.append(votes_text(judgement))
    if verbose and judgement.confirmed and judgement.first is not None and not judgement.note:
        process.append(f"first reading {percent(judgement.first)}")
    said.append("; ".join(filter(None, process)))
    return [visible(remark) for remark in said if remark]


def _verdict(judgement: Judgement) -> str:
    if judgement.baseline is None and judgement.outcome == "unchanged":
        return "met" if judgement.targets else "unjudged"
    return judgement.outcome


def _rows(gate: Gate, *, verbose: bool) -> list[_Row]:
    loud, quiet = [], []
    for judgement in worst_first(gate.judgements):
        below = remarks(judgement, verbose=verbose)
        row = _Row(cells(judgement), _level(judgement), below)
        if below or judgement.counters or judgement.outcome != "unchanged":
            loud.append(row)
        else:
            quiet.append((judgement, row))
    if verbose or len(quiet) <= _MANY:
        return loud + [row for _, row in quiet]
    return loud + _folded([judgement for judgement, _ in quiet])


def _level(judgement: Judgement) -> str:
    if judgement.failed:
        return "error"
    slow = any(target.startswith("met on a slow machine") for target in judgement.targets)
    if slow or judgement.outcome == "undecided":
        return "warning"
    return "" if judgement.outcome == "unchanged" else "info"


def _folded(judgements: Sequence[Judgement]) -> list[_Row]:
    """Return a row for each file, and for each verdict in it."""
    files: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in judgements:
        files.setdefault((judgement.benchmark.partition("::")[0], _verdict(judgement)), []).append(judgement)
    rows = []
    for (file, verdict), found in files.items():
        ratios = [one.ratio for one in found if one.ratio is not None]
        ends = list(dict.fromkeys(map(percent, (min(ratios), max(ratios))))) if ratios else []
        reach = " to ".join([*(end.removesuffix(" %") for end in ends[:-1]), *ends[-1:]])
        rows.append(
            _Row((verdict, f"{visible(file)}: {plural(len(found), 'benchmark')}", reach, "", "", ""), "", ())
        )
    return rows


def _table(rows: Sequence[_Row], width: int | None, paint: Callable[[str, str], str]) -> Iterator[str]:
    if not rows:
        return
    widths = [
        max(len(row[place]) for row in (HEAD, *(row.cells for row in rows))) for place in range(len(HEAD))
    ]
    widths[0] = _MARGIN - 2
    aside = not any(row.cells[_COUNTERS] for row in rows)
    if width is not None:
        others = sum(widths) - widths[_NAME] - widths[_COUNTERS] + 2 * (len(HEAD) - 2)
        name = width - others - widths[_COUNTERS] - 2
        if name < min(widths[_NAME], 2 * _SHORTEST_NAME):
            aside, name = True, width - others
        widths[_NAME] = min(widths[_NAME], max(name, _SHORTEST_NAME))
    yield _line(HEAD, widths, aside=aside)
    for row in rows:
        line = _line(row.cells, widths, aside=aside)
        word = row.cells[0]
        yield f"{paint(word, row.level)}{line[len(word) :]}" if row.level else line
        counters = row.cells[_COUNTERS]
        for remark in ([counters] if aside and counters else []) + [*row.below]:
            yield from _wrapped(" " * _MARGIN, remark, width)


def _line(row: Sequence[str], widths: Sequence[int], *, aside: bool) -> str:
    verdict, name, *figures, counters = row
    shown = [f"{verdict:<{widths[0]}}", f"{_middle(name, widths[_NAME]):<{widths[_NAME]}}"]
    shown += [f"{cell:>{widths[place]}}" for place, cell in enumerate(figures, _NAME + 1)]
    return "  ".join(shown if aside else [*shown, counters]).rstrip()


def _middle(name: str, limit: int) -> str:
    """Return *name* with at most *limit* characters; the end tells more than the beginning."""
    if len(name) <= limit:
        return name
    begin = (limit - 3) // 3
    return f"{name[:begin]}...{name[len(name) - (limit - 3 - begin) :]}"


def _wrapped(begin: str, said: str, width: int | None) -> list[str]:
    """Return *said* after a margin, of which *begin* may hold a painted word."""
    room = None if width is None else max(width - _MARGIN, 20)
    first, *rest = [said] if room is None else textwrap.wrap(said, room, break_on_hyphens=False) or [""]
    return [f"{begin}{first}", *(f"{' ' * _MARGIN}{line}" for line in rest)]


def as_dict(gate: Gate) -> dict[str, Any]:
    """Return everything, JSON-able, in the order in which the benchmarks ran; what is no number is None."""
    data: dict[str, Any] = _jsonable(asdict(gate))
    judgements = [
        {**entry, "failed": judgement.failed}
        for entry, judgement in zip(data.pop("judgements"), gate.judgements, strict=True)
    ]
    return {"schema": 1, "passed": gate.passed, **data, "judgements": judgements}


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _jsonable(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def history(series: Mapping[str, Sequence[tuple[str, float]]]) -> Iterator[str]:
    """Yield where benchmarks changed over stored runs.

    Args:
        series: By benchmark, the name of each run, oldest first, and the log ratio to the baseline that it read.

    Raises:
        ValueError: A log ratio is no finite number.
    """
    steady = short = 0
    for name, runs in series.items():
        points = change_points([read for _, read in runs])
        if points:
            yield f"{visible(name)}: {plural(len(points), 'change')} in {plural(len(runs), 'run')}"
            for point in points:
                step = percent(as_fraction(point.after - point.before))
                before, after = (percent(as_fraction(level)) for level in (point.before, point.after))
                yield f"  {visible(runs[point.index][0])}: {step}, from {before} to {after} against the baseline"
        elif len(runs) < 2 * FEWEST:
            short += 1
        else:
            steady += 1
    if steady:
        yield f"no change: {plural(steady, 'benchmark')}"
    if short:
        yield f"too few runs, fewer than {2 * FEWEST}: {plural(short, 'benchmark')}"
