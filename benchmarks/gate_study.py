"""Judges the gate itself, by hand: how often it cries wolf, and what it finds.

``python -m benchmarks.gate_study record DIR`` runs the gate on a small project of ten benchmarks, again and again:
unchanged, and with one of the ten slowed down by 2, 6, 10 or 20 %, each on the machine as it is and with a busy loop
on every core. What came of each run is kept in DIR, so that it can be interrupted and goes on where it was; rounds of
all cells take turns, so that a machine that drifts hits all of them.
``python -m benchmarks.gate_study table DIR`` prints what it comes to; ``--into FILE`` puts it between two markers.

A slow-down is exact: of the benchmark that is slowed, a block of the code as it is now holds that share more
operations. The project, the benchmarks, the two sessions and the fresh processes are real ones.

*Live* runs are complete runs of the gate. *Resampled* decisions are made of the pairs that all runs of that machine
recorded, with the slow-down put in place of what was slowed there: the first process of a run, and its nine fresh ones
for what it makes suspicious, each from pairs drawn again. Their bounds are those of the drawing; what other runs would
have read is for the bounds of the live ones to say.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import trial
from benchmarks.report import replace_between
from pytest_telemetry.checks.regression import is_suspicious, judge
from pytest_telemetry.model.benchmark import Comparison, Rules
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.paired import median, median_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SLOW: Final = (0.0, 0.02, 0.06, 0.10, 0.20)
CONDITIONS: Final = ("ambient", "busy")
RUNS: Final = 30
DECISIONS: Final = 2_000
NAMES: Final = tuple(f"test_operation[{number}]" for number in range(10))
WHERE: Final = "circumstances.txt"
STORED: Final = ("mean", "median", "min")
BEGIN: Final = "<!-- gate study: begin (written by benchmarks/gate_study.py) -->"
END: Final = "<!-- gate study: end -->"

_PACKAGE: Final = '''
class Scope:
    """What a disabled scope is: called, entered, left."""

    def __call__(self, name, **attrs):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass


scope = Scope()
table = {str(number): number for number in range(100)}


def add(a, b=1):
    return a + b


def listed(n):
    return [number * 2 for number in range(n)]


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y
'''
_BENCHMARKS: Final = """
import pytest

import subject

OPERATIONS = [
    "with scope('a.b'): pass",
    "with scope('a.b', a=1, b=2): pass",
    "add(1)",
    "add(add(1), b=add(2))",
    "Point(1, 2)",
    "table['50']; table.get('60')",
    "listed(10)",
    "sorted((3, 1, 2))",
    "'a.b'.split('.'); '-'.join(('a', 'b'))",
    "isinstance(table, dict); len(table); add(1)",
]


@pytest.mark.parametrize("number", range(10))
def test_operation(telemetry_benchmark, number):
    telemetry_benchmark.statement(OPERATIONS[number], vars(subject))
"""
_CONFTEST: Final = '''
"""Slows the benchmark that STUDY_SLOW names, and records all pairs."""

import json
import os

import pytest
from pytest_telemetry.benchmark import pairs

_current = []
_settle, _time = pairs.Pairs.settle, pairs.Pairs.time


def settle(self):
    count = _settle(self)
    name, _, share = os.environ.get("STUDY_SLOW", "").rpartition("=")
    if _current and _current[0] == name:
        self.now.number = round(self.now.number * (1 + float(share)))
    return count


def time(self, count, **options):
    ours, theirs = _time(self, count, **options)
    if _current:
        with open(os.environ["STUDY_PAIRS"], "a") as file:
            file.write(json.dumps([_current[0], os.getpid(), ours, theirs]) + "\\n")
    return ours, theirs


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    _current[:] = [item.name]
    try:
        return (yield)
    finally:
        _current.clear()


def pytest_configure(config):
    if not hasattr(pairs, "studied"):  # the conftest is imported once for each side
        pairs.studied = True
        pairs.Pairs.settle, pairs.Pairs.time = settle, time
'''


@dataclass(frozen=True, slots=True)
class Run:
    """One live run.

    Attributes:
        slow: The injected slow-down.
        condition: Of the machine.
        name: The benchmark that was slowed, or nothing.
        outcomes: What the gate said, by name.
        problems: What else kept it from passing.
        seconds: How long it took, from start to end.
        pairs: Log ratios of all pairs, by name, one list for each process.
        stored: mean, median and min as pytest-benchmark stores them, by name.
    """

    slow: float
    condition: str
    name: str
    outcomes: Mapping[str, str]
    problems: Sequence[str]
    seconds: float
    pairs: Mapping[str, Sequence[Sequence[float]]]
    stored: Mapping[str, Mapping[str, float]]


def make_project(root: Path) -> None:
    """Write the project, as a repository with one commit."""
    trial.write(
        root,
        {
            "subject/__init__.py": _PACKAGE,
            "benchmarks/test_subject.py": _BENCHMARKS,
            "benchmarks/conftest.py": _CONFTEST,
        },
    )
    trial.commit(root)


def live(root: Path, slow: float, condition: str) -> dict[str, Any]:
    """Run the gate once; return what is kept of it."""
    name = random.choice(NAMES) if slow else ""
    with tempfile.TemporaryDirectory() as directory:
        pairs, gate, stored = (Path(directory, file) for file in ("pairs", "gate.json", "stored.json"))
        with busy() if condition == "busy" else contextlib.nullcontext():
            start = SYSTEM_CLOCK.mono_ns()
            env = {"STUDY_SLOW": f"{name}={slow}", "STUDY_PAIRS": str(pairs)}
            said = trial.run_gate(root, gate, f"--benchmark-json={stored}", env=env)
            seconds = (SYSTEM_CLOCK.mono_ns() - start) / 1e9
        return {
            "slow": slow,
            "condition": condition,
            "name": name,
            "outcomes": {one["benchmark"].rpartition("::")[2]: one["outcome"] for one in said["judgements"]},
            "problems": said["problems"],
            "seconds": seconds,
            "pairs": _ratios(pairs),
            "stored": {
                one["name"]: {  # which divides by the number of operations that a slowed block was given
                    field: one["stats"][field] * (1 + slow * (one["name"] == name)) for field in STORED
                }
                for one in json.loads(stored.read_text(encoding="utf-8"))["benchmarks"]
            },
        }


def _ratios(file: Path) -> dict[str, list[list[float]]]:
    found: dict[str, list[list[float]]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        name, _, ours, theirs = json.loads(line)
        found.setdefault(name, []).append(
            [round(math.log(now / then), 5) for now, then in zip(ours, theirs, strict=True)]
        )
    return found


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """Keep every core busy."""
    loops = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(os.cpu_count() or 1)]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.terminate()
            loop.join()


def _spin() -> None:
    while True:
        sum(range(1000))


def record(directory: Path, runs: int) -> None:
    """Do what is missing of *runs* live runs for each cell."""
    directory.mkdir(parents=True, exist_ok=True)
    _require_alike(directory / WHERE, trial.circumstances())
    have = Counter((run.slow, run.condition) for run in load(directory))
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "project")
        make_project(root)
        for number in range(runs):
            for slow, condition in product(SLOW, CONDITIONS):
                if have[slow, condition] > number:
                    continue
                kept = live(root, slow, condition)
                path = directory / f"{condition}-{slow:g}.jsonl"
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(kept) + "\n")
                _say(
                    f"{number + 1} of {runs}: {condition}, {slow:.0%}: {kept['outcomes'].get(kept['name'], '')} "
                    f"{kept['seconds']:.1f} s, {Counter(kept['outcomes'].values())} {kept['problems'] or ''}"
                )


def _require_alike(file: Path, now: str) -> None:
    """Note in *file* under which circumstances runs are recorded, and refuse to mix them with others, but of other days."""
    if not file.exists():
        file.write_text(f"{now}\n", encoding="utf-8")
    noted = file.read_text(encoding="utf-8").strip()
    if noted.rpartition(", ")[0] != now.rpartition(", ")[0]:
        raise SystemExit(
            f"{file}: runs were recorded with {noted!r}, and now it is {now!r}: take another folder"
        )


def load(directory: Path) -> list[Run]:
    """Return what was recorded."""
    return [
        Run(**json.loads(line))
        for path in sorted(directory.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def table(runs: Sequence[Run], decisions: int) -> Iterator[str]:
    """Yield the lines of the Markdown tables."""
    yield "| machine | slow-down | live runs: found | 95 % bounds | resampled: found | 95 % bounds | seconds: median | longest |"
    yield "| --- | --- | --: | --: | --: | --: | --: | --: |"
    chance = random.Random(1)
    for condition, slow in product(CONDITIONS, SLOW):
        cell = [run for run in runs if (run.condition, run.slow) == (condition, slow)]
        if not cell:
            continue
        hits = sum(is_found(run) for run in cell)
        alike = [run for run in runs if run.condition == condition]
        drawn = sum(resampled(alike, slow, chance) for _ in range(decisions))
        seconds = [run.seconds for run in cell]
        what = f"{slow:.0%}" if slow else "unchanged (false alarms)"
        cells = [condition, what, *_share(hits, len(cell)), *_share(drawn, decisions)]
        yield f"| {' | '.join([*cells, f'{statistics.median(seconds):.1f}', f'{max(seconds):.1f}'])} |"
    yield ""
    yield from _stored(runs)


def is_found(run: Run) -> bool:
    """Return whether the gate found the slow-down; of unchanged code, whether it raised an alarm all the same."""
    if run.slow:
        return run.outcomes[run.name] == "slower"
    return bool(run.problems) or "slower" in run.outcomes.values()


def resampled(runs: Sequence[Run], slow: float, chance: random.Random) -> bool:
    """Return what the gate would have said of readings drawn from *runs*, which are all of one condition.

    Of a slow-down a decision is one benchmark, chosen at random; of unchanged code, whether one of all ten fails. Every
    run counts alike, whatever was slowed in it: a slowed block holds that share more operations, so that all its ratios
    are larger by ln(1 + share), which is taken out and put in. With the runs of one cell alone, one process in which
    code happens to be compiled worse, as one of three hundred is, would count for a thirtieth.
    """
    if slow:
        return _decide(runs, chance.choice(NAMES), slow, chance)
    return any(_decide(runs, name, slow, chance) for name in NAMES)


def _decide(runs: Sequence[Run], name: str, slow: float, chance: random.Random) -> bool:
    """Return the decision on one benchmark: its first process in one of the runs, then those that confirmed it.

    Where it was not confirmed in that run, they are drawn from those of all runs.
    """
    rules = Rules()
    run = chance.choice(runs)
    shift = math.log1p(slow)
    first, *confirmed = _unshifted(run, name)
    reading = _reading(first, shift, chance)
    if not is_suspicious(reading, rules):
        return False
    if not confirmed:
        others = [process for other in runs for process in _unshifted(other, name)[1:]]
        others = others or [_unshifted(other, name)[0] for other in runs]
        confirmed = chance.sample(others, min(len(others), rules.processes))
    fresh = [_reading(one, shift, chance) for one in confirmed]
    return judge("benchmark", reading, fresh, rules).outcome == "slower"


def _unshifted(run: Run, name: str) -> list[tuple[Sequence[float], float]]:
    """Return the log ratios of each process, with what was put into them."""
    injected = math.log1p(run.slow) if run.name == name else 0.0
    return [(pairs, injected) for pairs in run.pairs[name]]


def _reading(process: tuple[Sequence[float], float], shift: float, chance: random.Random) -> Comparison:
    pairs, injected = process
    drawn = [ratio - injected + shift for ratio in chance.choices(pairs, k=len(pairs))]
    low, high = median_interval(drawn)
    return Comparison(median(drawn), low, high, len(drawn), 1, 1.0, 1.0)


def _stored(runs: Sequence[Run]) -> Iterator[str]:
    """Yield what ``--benchmark-compare-fail`` says of the same runs, each compared with an unchanged one."""
    stored = [run.stored for run in runs if (run.condition, run.slow) == ("ambient", 0.0)]
    if not stored:
        return
    rules = list(product(STORED, (0.05, 0.10)))
    yield f"| machine | slow-down | {' | '.join(f'{field}:{limit:.0%}' for field, limit in rules)} |"
    yield f"| --- | --- |{' --: |' * len(rules)}"
    for condition, slow in product(CONDITIONS, SLOW):
        cell = [run for run in runs if (run.condition, run.slow) == (condition, slow)]
        shares = [_alarms(cell, stored, field, limit) for field, limit in rules]
        if cell:
            what = f"{slow:.0%}" if slow else "unchanged (false alarms)"
            yield f"| {condition} | {what} | {' | '.join(f'{share:.0%}' for share in shares)} |"


def _alarms(
    cell: Sequence[Run], stored: Sequence[Mapping[str, Mapping[str, float]]], field: str, limit: float
) -> float:
    """Return the share of pairs of runs in which the rule fails the slowed benchmark, or any where none was slowed."""
    said = [
        any(
            run.stored[name][field] / before[name][field] > 1 + limit
            for name in ([run.name] if run.slow else NAMES)
        )
        for run, before in product(cell, stored)
        if before is not run.stored
    ]
    return statistics.fmean(said) if said else math.nan


def _share(hits: int, of: int) -> tuple[str, str]:
    low, high = bounds(hits, of)
    return f"{hits:,} of {of:,}", f"{low:.2%} to {high:.2%}"


def bounds(hits: int, of: int) -> tuple[float, float]:
    """Return the exact 95 % bounds (Clopper and Pearson) of a share."""

    def at_least(least: int, share: float) -> float:
        return math.fsum(_binomial(of, count, share) for count in range(least, of + 1))

    def solve(least: int, wanted: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if at_least(least, middle) > wanted else (middle, high)
        return low

    return (solve(hits, 0.025) if hits else 0.0), (solve(hits + 1, 0.975) if hits < of else 1.0)


def _binomial(of: int, count: int, share: float) -> float:
    ways = math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)
    return math.exp(ways + count * math.log(share) + (of - count) * math.log1p(-share))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gate_study", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="do what is missing of the live runs")
    recording.add_argument("directory", type=Path)
    recording.add_argument("--runs", type=int, default=RUNS, help="for each cell")
    telling = commands.add_parser("table", help="print what it comes to")
    telling.add_argument("directory", type=Path)
    telling.add_argument("--decisions", type=int, default=DECISIONS, help="for each cell")
    telling.add_argument("--into", type=Path, help="a file with the two markers")
    options = parser.parse_args(arguments)
    if options.command == "record":
        record(options.directory, options.runs)
        return 0
    where = (options.directory / WHERE).read_text(encoding="utf-8").strip()
    text = "\n".join([where, "", *table(load(options.directory), options.decisions)])
    if options.into is None:
        _say(text)
    else:
        replace_between(options.into, BEGIN, END, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
