"""``pytest --benchmark-only --telemetry-gate``: the gate, from its options to the exit code (layer 7).

Whatever goes wrong is said in one line, in the summary, and makes the exit code 2; nothing here raises into pytest.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_telemetry._pytest.baseline_side import is_new, take_over
from pytest_telemetry._pytest.benchmarks import TelemetryBenchmark, pairing_key, tracer
from pytest_telemetry._pytest.comparand import baseline_file, comparand_of
from pytest_telemetry._pytest.fresh import Fresh, Verdict, best_of, write
from pytest_telemetry._pytest.pairing import Pairing
from pytest_telemetry.benchmark.instructions import is_counting, require_valgrind
from pytest_telemetry.benchmark.pairs import controls
from pytest_telemetry.benchmark.world import World
from pytest_telemetry.checks.regression import (
    control_problems,
    counting_problems,
    is_cleared,
    is_suspicious,
    judge,
)
from pytest_telemetry.model.benchmark import Gate
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wording import a_few, plural
from pytest_telemetry.reports.gate import as_dict, text
from pytest_telemetry.reports.gate_github import error_annotations, markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_telemetry._pytest.comparand import Comparand
    from pytest_telemetry.model.benchmark import Controls, Judgement

__all__ = ("GatePlugin",)

FAILED: Final = 1
UNUSABLE: Final = 2

_UPDATE: Final = "pytest-telemetry gate --update and a reason"
_XDIST: Final = "processes of xdist share the machine: drop -n, or add -n 0 (pytest-telemetry gate -- -n 0)"
_NOTHING: Final = "no benchmark was measured: ask for tests that use benchmark or telemetry_benchmark"


class GatePlugin:
    """Compares the benchmarks of a session with the baseline, and says what came of it."""

    name: Final = "pytest_telemetry_gate"

    def __init__(self, config: pytest.Config) -> None:
        _refuse_codspeed(config)
        _refuse_xdist(config)
        self._config = config
        self._readings: str | None = config.getoption("--telemetry-gate-readings")
        self._gate: Gate | None = None
        self._unusable = ""
        self._updated = ""
        self._remarks: list[str] = []
        self._failed: list[str] = []
        self._places: dict[str, tuple[str, int]] = {}

    @pytest.fixture
    def benchmark(self, benchmark: Any, request: pytest.FixtureRequest) -> Any:
        """Let the gate time what a plain benchmark would."""
        if "telemetry_benchmark" not in request.fixturenames:
            take_over(benchmark, TelemetryBenchmark(benchmark, request.node).time)
        return benchmark

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        option = self._config.option
        if option.collectonly or (session.testsfailed and not option.continue_on_collection_errors):
            return None
        try:
            self._run(session)
        except UnusableInput as error:
            self._unusable = str(error)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed and report.nodeid not in self._failed:
            self._failed.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._unusable:
            session.exitstatus = UNUSABLE
        elif self._gate is not None and session.exitstatus == 0:
            accepted = self._gate.passed or self._updated  # whatever became slower is what an update accepts
            session.exitstatus = session.exitstatus if accepted else FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._gate is None and not self._unusable:
            return
        terminalreporter.section("telemetry gate")
        if self._gate is not None:
            width = terminalreporter._tw.fullwidth if terminalreporter.isatty else None  # noqa: SLF001 - no public name
            paint = _paint(terminalreporter) if terminalreporter.hasmarkup else None
            verbose = self._config.get_verbosity() > 0
            for line in text(self._gate, width=width, paint=paint, verbose=verbose):
                terminalreporter.write_line(line)
            if os.environ.get("GITHUB_ACTIONS") == "true":
                for line in error_annotations(self._gate, self._places):
                    terminalreporter.write_line(line)
        for line in filter(None, (*self._remarks, self._updated)):
            terminalreporter.write_line(line)
        if self._unusable:
            terminalreporter.write_line(f"telemetry gate: {self._unusable}", red=True)

    def _run(self, session: pytest.Session) -> None:
        why = _why_not(self._config)
        if why:
            raise UnusableInput(f"the gate cannot judge here: {why}")
        if not any("benchmark" in getattr(item, "fixturenames", ()) for item in session.items):
            raise UnusableInput(_NOTHING)
        if self._config.getoption("--telemetry-gate-instructions"):
            require_valgrind()
        _require_writable(self._config)
        with tempfile.TemporaryDirectory() as scratch:
            began = SYSTEM_CLOCK.mono_ns()
            comparand, pairing = self._measured(session, Path(scratch))
            if is_counting():
                return  # valgrind has what was asked for
            if not pairing.comparisons and not pairing.verdicts and not pairing.failures:
                raise UnusableInput(_NOTHING)
            if self._readings:
                write(Path(self._readings), pairing)
                return
            self._places = {
                item.nodeid: (_in_repository(item), (item.location[1] or 0) + 1) for item in session.items
            }
            self._conclude(pairing, comparand, Path(scratch), began)

    def _measured(self, session: pytest.Session, scratch: Path) -> tuple[Comparand, Pairing]:
        """Measure the benchmarks; against the code itself where a new baseline is made and the old one does not run."""
        comparand = comparand_of(self._config, scratch)
        try:
            return comparand, self._paired(session, comparand)
        except UnusableInput as error:
            if comparand.reason is None or comparand.benchmarks is None:
                raise
            comparand = comparand.alone(str(error), scratch)
        return comparand, self._paired(session, comparand)

    def _paired(self, session: pytest.Session, comparand: Comparand) -> Pairing:
        packages = comparand.source.packages
        world = World(self._config.rootpath, packages, comparand.source.path)
        pairing = Pairing(session, world, packages, comparand.accepted, self._readings is not None)
        session.config.stash[pairing_key] = pairing
        pairing.run()
        return pairing

    def _conclude(self, pairing: Pairing, comparand: Comparand, scratch: Path, began: int) -> None:
        known = _controls(pairing.world)
        problems = control_problems(known) + counting_problems(pairing.comparisons, comparand.rules)
        if self._failed:
            also = f" and {plural(len(self._failed) - 1, 'other')}" if len(self._failed) > 1 else ""
            problems.append(
                f"{self._failed[0]}{also} failed: what would have been measured there is not judged"
            )
        if comparand.reason is None:
            problems += _incomplete(self._config, pairing, comparand)
        elif comparand.benchmarks is None:  # a benchmark that cannot be compared with itself never can
            problems += [f"{node_id} cannot be measured: {why}" for node_id, why in pairing.failures.items()]
        screened = SYSTEM_CLOCK.mono_ns()
        fresh = Fresh(self._config, scratch, self._say, self._tick)
        if comparand.reason is not None and comparand.benchmarks is not None and pairing.failures:
            refused = fresh.refused([*pairing.failures], comparand.tried(scratch))
            problems += [
                f"{node_id} cannot be measured beside the new baseline: {why}; if it never can, mark it with "
                "telemetry(gate=False)"
                for node_id, why in refused.items()
            ]
        suspicious, rules = _suspicious(pairing, comparand), comparand.rules
        if comparand.reason is None:
            fresh.confirm(suspicious, _missed(pairing), rules.processes, partial(is_cleared, rules=rules))
        else:  # whatever all of them read is noted
            fresh.confirm(suspicious, [], rules.processes)
        judgements = [*_judgements(pairing, fresh, comparand)]
        if self._config.getoption("--telemetry-gate-instructions"):
            judgements = self._with_instructions(judgements, fresh)
        if comparand.benchmarks is None and pairing.unmeasured:  # no list says whether they should have been
            count, first = len(pairing.unmeasured), pairing.unmeasured[0]
            also = f" and {plural(count - 1, 'other')}" if count > 1 else ""
            self._remarks.append(f"telemetry gate: {first}{also} measured nothing: skipped, or failed")
        if comparand.lacking:
            names = ", ".join(comparand.lacking)
            self._remarks.append(
                f"telemetry gate: not compared, for the revision does not have them: {names}"
            )
        elsewhere = pairing.elsewhere()
        self._gate = Gate(
            against=f"{comparand.text}{f', and now is what is installed, {elsewhere[0]}' if elsewhere else ''}",
            rules=comparand.rules,
            judgements=judgements,
            reason=comparand.reason or "",
            problems=[*problems, *fresh.problems],
            controls=known,
            machine=f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}",
            screen_s=(screened - began) / 1e9,
            confirm_s=(SYSTEM_CLOCK.mono_ns() - screened) / 1e9,
        )
        path = self._config.getoption("--telemetry-gate-json")
        if path:
            _save(Path(path), json.dumps(as_dict(self._gate), indent=1), "w")
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            _save(Path(summary), f"{markdown(self._gate)}\n", "a")
        if comparand.reason is not None:
            if self._gate.problems:
                raise UnusableInput("the baseline stays as it is: mend the problems first")
            if elsewhere:
                raise UnusableInput(
                    f"the baseline stays as it is: {elsewhere[0]} was measured, and not the working tree: install it "
                    "as --editable"
                )
            self._updated = comparand.update(
                {*pairing.comparisons},
                {*pairing.failures},
                comparand.reason,
                judgements,
                is_partial=self._config.getoption("--telemetry-gate-partial"),
            )

    def _with_instructions(self, judgements: Sequence[Judgement], fresh: Fresh) -> list[Judgement]:
        """Return *judgements* with machine instructions among the counters; they never fail anything."""
        timed = [one.benchmark for one in judgements if one.unit == "ns" and one.ratio is not None]
        try:
            counted = fresh.instructions(timed)
        except UnusableInput as error:
            self._remarks.append(f"telemetry gate: no instructions were counted: {error}")
            return [*judgements]
        return [
            replace(one, counters={**one.counters, "instructions": _rounded(counted[one.benchmark])})
            if one.benchmark in counted
            else one
            for one in judgements
        ]

    def _say(self, text: str) -> None:
        """Show that something goes on, on a line of its own that stays open."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write(f"\n{text}", flush=True)

    def _tick(self, text: str) -> None:
        """Go on with that line."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write(text, flush=True)


def _refuse_codspeed(config: pytest.Config) -> None:
    """End at once where pytest-codspeed is active: it switches pytest-benchmark off, and times benchmarks itself."""
    asked = getattr(config.option, "codspeed", None)  # None: it is not there, or off
    if asked or (asked is not None and "CODSPEED_ENV" in os.environ):
        pytest.exit(
            "telemetry gate: pytest-codspeed is active and switches pytest-benchmark off: drop --codspeed, or add "
            "-p no:codspeed",
            returncode=UNUSABLE,
        )


def _refuse_xdist(config: pytest.Config) -> None:
    """End at once where xdist is active: pytest-benchmark would, with options that nobody gave."""
    if getattr(config.option, "numprocesses", None) and getattr(config.option, "benchmark_only", False):
        pytest.exit(f"telemetry gate: the gate cannot judge here: {_XDIST}", returncode=UNUSABLE)


def _why_not(config: pytest.Config) -> str | None:
    if not hasattr(config, "_benchmarksession"):
        return "pytest-benchmark is not there: pip install 'pytest-telemetry[benchmark]'"
    if getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        return _XDIST
    option = config.option
    if (option.benchmark_disable and not option.benchmark_enable) or (
        option.benchmark_skip and not option.benchmark_only
    ):
        return "benchmarks are switched off: drop --benchmark-disable and --benchmark-skip"
    return tracer()


def _in_repository(item: pytest.Item) -> str:
    """Return the file of *item* as GitHub knows it: relative to the repository that is checked out, or to the project."""
    root = os.environ.get("GITHUB_WORKSPACE")
    if root and item.path.is_relative_to(root):
        return item.path.relative_to(root).as_posix()
    return item.location[0]


def _require_writable(config: pytest.Config) -> None:
    """Make sure, before anything is measured, that what is asked for can be written, and nothing else is lost by it.

    Raises:
        UnusableInput: The folder is not there, or the file is something else, or none.
    """
    json_file, file = config.getoption("--telemetry-gate-json"), baseline_file(config)
    if json_file == "-":
        raise UnusableInput("--json -: standard output has the table: name a file")
    if json_file is not None:
        path = Path(json_file)
        if path.is_dir() or not path.parent.is_dir():
            raise UnusableInput(f"{json_file}: cannot be written: it is a folder, or there is none for it")
        if path.exists() and path.resolve() == file.resolve():
            raise UnusableInput(f"{json_file}: is the baseline: name another file for --json")
    if config.getoption("--telemetry-gate-update") and not file.parent.is_dir():
        raise UnusableInput(f"{file}: cannot be written: the folder is not there")


def _controls(world: World) -> Controls:
    """Return what the controls read, through the *world* of the baseline; once more where they read wrongly."""
    read = partial(controls, SYSTEM_CLOCK, around_now=world.there_and_back, around_baseline=world.inside)
    known = read()
    return read() if control_problems(known) else known


def _incomplete(config: pytest.Config, pairing: Pairing, comparand: Comparand) -> Iterator[str]:
    """Yield a line for each benchmark that is missing, new or could not be compared."""
    compared = pairing.comparisons
    listed = comparand.benchmarks
    if not config.getoption("--telemetry-gate-partial"):
        missing = [
            node_id for node_id in listed or () if node_id not in compared and node_id not in pairing.failures
        ]
        if missing:
            is_one = len(missing) == 1
            yield (
                f"{a_few(missing)} {'is' if is_one else 'are'} in the baseline and {'was' if is_one else 'were'} not "
                f"measured: run {'it' if is_one else 'them'}, allow a part of the benchmarks with "
                f"{_option('partial')}, or accept that {'it is' if is_one else 'they are'} gone with {_UPDATE}"
            )
    allowed = config.getoption("--telemetry-gate-allow-new")
    for node_id, why in pairing.failures.items():
        text = f"{node_id} cannot be measured against the baseline: {why}"
        if node_id in (listed or ()):
            yield text
        elif listed is None and not is_new(why):  # nobody says whether it should be there
            yield f"{text}; if it never can, mark it with telemetry(gate=False)"
        elif not allowed:
            yield (
                f"{text}; if it is new, allow it with {_option('allow-new')}, or accept it with {_UPDATE}; if it "
                "never can, mark it with telemetry(gate=False)"
            )
    if listed is not None and not allowed:
        new = [node_id for node_id in compared if node_id not in listed]
        if new:
            is_one = len(new) == 1
            yield (
                f"{a_few(new)} {'is' if is_one else 'are'} new, the baseline does not list "
                f"{'it: allow it' if is_one else 'them: allow them'} with {_option('allow-new')}, or accept "
                f"{'it' if is_one else 'them'} with {_UPDATE}"
            )


def _option(name: str) -> str:
    return f"--{name} (of pytest: --telemetry-gate-{name})"


def _suspicious(pairing: Pairing, comparand: Comparand) -> list[str]:
    """Return the benchmarks of which a first reading has to be confirmed.

    Where it is to be accepted, that is any which may be a change, whichever way; but not beside the code itself.
    """
    if comparand.reason is None:
        return [
            node_id for node_id, one in pairing.comparisons.items() if is_suspicious(one, comparand.rules)
        ]
    if comparand.benchmarks is None:
        return []
    return [node_id for node_id, one in pairing.comparisons.items() if not one.low <= 0 <= one.high]


def _missed(pairing: Pairing) -> list[str]:
    """Return the benchmarks that missed a target; where the baseline is made anew nobody asks."""
    return [
        node_id
        for node_id, verdicts in pairing.verdicts.items()
        if any(verdict.outcome == "missed" for verdict in verdicts)
    ]


def _judgements(pairing: Pairing, fresh: Fresh, comparand: Comparand) -> Iterator[Judgement]:
    for node_id in dict.fromkeys((*pairing.comparisons, *pairing.verdicts)):
        verdicts = [Verdict(one.outcome, one.text) for one in pairing.verdicts.get(node_id, ())]
        judgement = judge(
            node_id,
            pairing.comparisons.get(node_id),
            fresh.comparisons(node_id),
            comparand.rules,
            best_of([verdicts, *fresh.verdicts(node_id)]),
        )
        if node_id in pairing.failures:
            judgement = replace(judgement, note=f"not compared: {pairing.failures[node_id]}")
        if node_id in pairing.unseen:
            note = (
                f"no Python code of {', '.join(pairing.packages)} ran: is what it times named in `packages`?"
            )
            judgement = replace(judgement, note="; ".join(filter(None, (judgement.note, note))))
        yield comparand.with_drift(judgement)


def _rounded(pair: tuple[float, float]) -> tuple[float, float]:
    return round(pair[0]), round(pair[1])


def _save(path: Path, content: str, mode: str) -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(content)
    except OSError as error:
        raise UnusableInput(f"{path}: cannot be written: {error.strerror or error}") from error


def _paint(reporter: pytest.TerminalReporter) -> Any:
    colours = {"error": {"red": True}, "warning": {"yellow": True}}
    return lambda word, level: reporter._tw.markup(word, **colours.get(level, {"green": True}))  # noqa: SLF001
