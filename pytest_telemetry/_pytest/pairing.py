"""Two sessions, zipped: the working tree's, and nested into it the baseline's (layer 7)."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_telemetry._pytest.arguments import again, without_plugin
from pytest_telemetry._pytest.baseline_side import BaselineSide
from pytest_telemetry._pytest.benchmarks import report_blocks
from pytest_telemetry._pytest.counting import both, counted, files_of
from pytest_telemetry._pytest.marker import is_gated
from pytest_telemetry.benchmark.instructions import is_counting, run_blocks
from pytest_telemetry.benchmark.pairs import Pairs, compare, exact
from pytest_telemetry.model.benchmark import Reading
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_telemetry.benchmark.memory import Holding
    from pytest_telemetry.benchmark.operation import Operation
    from pytest_telemetry.benchmark.world import World
    from pytest_telemetry.checks.targets import TargetVerdict
    from pytest_telemetry.model.benchmark import Comparison

__all__ = ("Pairing",)

_LONG_NS: Final = 1_000_000  # under callgrind, where everything takes fifty times as long
_GENERATED: Final = ("<string>", "<attrs generated")  # what a dataclass has of its own, for one
_OF_THE_PROCESS: Final = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION")


@dataclass(slots=True)
class Pairing:
    """What one process measures of the benchmarks of a session against the baseline.

    Attributes:
        session: The session of the working tree, collected.
        world: The baseline's.
        packages: The packages under test.
        accepted: How much slower than the first baseline this one is, as a fraction, by node id.
        is_fresh: Whether this process confirms what another one read: then it measures once.
        comparisons: What was measured, by node id, in the order in which it ran.
        verdicts: On absolute targets, by node id.
        failures: Why a benchmark could not be measured against the baseline, by node id.
        unseen: Benchmarks in which no Python code of the packages ran.
    """

    session: pytest.Session
    world: World
    packages: Sequence[str]
    accepted: Callable[[str], float]
    is_fresh: bool
    comparisons: dict[str, Comparison] = field(default_factory=dict)
    verdicts: dict[str, list[TargetVerdict]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    _order: list[str] = field(init=False)
    _side: BaselineSide = field(init=False)
    _stopped: BaseException | None = None

    def __post_init__(self) -> None:
        benchmarks = (item for item in self.session.items if "benchmark" in getattr(item, "fixturenames", ()))
        self._order = [item.nodeid for item in benchmarks if is_gated(item)]
        self._side = BaselineSide(self.world, self._order, self._run_through)

    def run(self) -> None:
        """Run the session of the working tree, and beside each of its benchmarks the same one of the baseline.

        Raises:
            UnusableInput: The baseline cannot be imported, or its session does not begin.
        """
        plugin = sys.modules["pytest_telemetry.plugin"]  # ours, also where it is under test itself
        with self.world.inside():
            self._import_packages()
            with tempfile.TemporaryDirectory() as cache, self._side.silenced:
                arguments = self._arguments(cache)
                self._side.be_silent()
                with _restored_environment():
                    status = pytest.main(arguments, plugins=[plugin, self._side])
        if self._stopped is not None:
            raise self._stopped
        if not self._side.is_ready:
            why = next(iter(self._side.failures.values()), _last_error(self._side.silence.getvalue()))
            raise UnusableInput(
                f"the benchmarks cannot be collected beside the baseline: {why or f'pytest ended with {status!r}'}; "
                "what the baseline does not have must be imported where it is used, in a fixture or a test"
            )

    @property
    def unmeasured(self) -> list[str]:
        """The benchmarks that ran, or were skipped, and measured nothing that could be judged."""
        return [
            node_id
            for node_id in self._order
            if not any(node_id in read for read in (self.comparisons, self.verdicts, self.failures))
        ]

    def elsewhere(self) -> list[str]:
        """Return where the packages are now that do not come from the project: installed ones, for one."""
        places = (place for package in self.packages for place in _folders_of(package))
        return [place for place in places if not self.world.is_of_project(place)]

    def time(self, node: pytest.Item, now: Operation, benchmark: Any) -> Reading | None:
        """Compare *now* with what the same benchmark times in the baseline; return what it costs now, if that worked.

        The blocks of now are the rounds that pytest-benchmark is told of.
        """

        def measure(baseline: Operation) -> None:
            pairs = Pairs(replace(now, around=self.world.there_and_back), baseline, SYSTEM_CLOCK)
            with pairs.now.opened() as context:
                context.run(pairs.now.once)  # what the code does wrong now is the test's to tell
            try:
                with pairs.baseline.opened() as context:
                    context.run(pairs.baseline.once)
            except Exception as error:  # noqa: BLE001 - whatever the baseline cannot do, yet
                self.failures[node.nodeid] = f"{type(error).__name__}: {error}"
                return
            if is_counting():
                _count_instructions(node.nodeid, pairs)
                return
            comparison, blocks = compare(pairs, pairs.settle())
            report_blocks(benchmark, blocks, comparison.operations)
            before, after = counted(baseline), counted(now)
            if self._is_apart(node.nodeid, before.files, after.files):
                self._keep(node, benchmark, replace(comparison, counters=both(before, after)))

        self._beside(node, measure)
        comparison = self.comparisons.get(node.nodeid)
        return Reading({now.name: comparison.now}) if comparison is not None else None

    def hold(self, node: pytest.Item, now: Holding, benchmark: Any) -> None:
        """Compare the memory that *now* holds with what the same benchmark holds in the baseline."""

        def measure(baseline: Holding) -> None:
            bytes_now, files_now = now.slopes()[0], files_of(now)
            try:
                comparison, files = exact(bytes_now, baseline.slopes()[0]), files_of(baseline)
            except Exception as error:  # noqa: BLE001 - likewise
                self.failures[node.nodeid] = f"{type(error).__name__}: {error}"
                return
            if self._is_apart(node.nodeid, files, files_now):
                self._keep(node, benchmark, comparison)

        self._beside(node, measure)

    def keep_targets(self, node: pytest.Item, verdicts: Sequence[TargetVerdict]) -> None:
        """Keep what came of the absolute targets of *node*."""
        self.verdicts[node.nodeid] = list(verdicts)

    def _keep(self, node: pytest.Item, benchmark: Any, comparison: Comparison) -> None:
        """Keep *comparison* for the gate, and beside what pytest-benchmark stores."""
        self.comparisons[node.nodeid] = comparison
        benchmark.extra_info.setdefault("telemetry", {})["gate"] = comparison.as_dict() | {
            "accepted": self.accepted(node.nodeid),
            "against": self.session.config.getoption("--telemetry-gate-against"),
        }

    def _beside(self, node: pytest.Item, measure: Callable[[Any], None]) -> None:
        why = self._side.run(node.nodeid, measure)
        if why:
            self.failures[node.nodeid] = why

    def _is_apart(self, node_id: str, baseline: frozenset[str], now: frozenset[str]) -> bool:
        """Return whether no side runs code of the other, where nothing would be seen, whatever changed.

        A benchmark in which neither runs code of its own is noted.
        """
        archive = str(self.world.code)
        tree = tuple(folder for package in self.packages for folder in _folders_of(package))
        wrong = [file for file in baseline if file.startswith(tree)]
        wrong += [file for file in now if file.startswith(archive)]
        if wrong:
            self.failures[node_id] = (
                f"one side runs code of the other ({min(wrong)}), so that no change could be seen: something outside "
                "the project hands objects from one to the other"
            )
        elif not any(file.startswith((archive, *tree, *_GENERATED)) for file in baseline | now):
            self.unseen.add(node_id)
        return not wrong

    def _run_through(self) -> None:
        """Run the session of the working tree; what ends it is raised once the nested session has ended as well."""
        try:
            self._loop()
        except BaseException as error:  # noqa: BLE001 - the nested session would take it for its own
            self._stopped = error

    def _loop(self) -> None:
        """Do what the loop of pytest does."""
        session = self.session
        for item, following in zip(session.items, [*session.items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            self._side.pass_over(item.nodeid)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)

    def _import_packages(self) -> None:
        for package in self.packages:
            try:
                import_module(package)
            except (Exception, SystemExit) as error:
                raise UnusableInput(
                    f"the baseline does not import: {package}: {type(error).__name__}: {error}; compare with a "
                    f"revision that does (its code is in {self.world.code})"
                ) from error
        misplaced = self.world.misplaced()
        if misplaced:
            raise UnusableInput(
                f"the baseline is not taken from {self.world.code}, but: {', '.join(misplaced[:3])}"
            )

    def _arguments(self, cache: str) -> list[str]:
        # Whole files: a benchmark that is not in the baseline's must not keep the others from being found.
        files = dict.fromkeys(node_id.partition("::")[0] for node_id in self._order)
        off = ("telemetry", "faulthandler")
        config = self.session.config
        caches = config.pluginmanager.hasplugin("cacheprovider")
        return [
            *without_plugin(again(config, [*files]), "telemetry"),
            *(word for name in off for word in ("-p", f"no:{name}")),
            "--capture=no",
            "-Wignore::pytest.PytestAssertRewriteWarning",  # a package that is a plugin itself is imported already
            *([f"--override-ini=cache_dir={cache}"] if caches else []),
        ]


def _last_error(said: str) -> str:
    """Return the last line that pytest marked as an error, or nothing."""
    marked = [line.removeprefix("E").strip() for line in said.splitlines() if line.startswith("E ")]
    return marked[-1] if marked else ""


def _count_instructions(node_id: str, pairs: Pairs) -> None:
    """Let callgrind count what one operation of each side takes; long ones would take forever, and are left out."""
    pairs.settle()
    if pairs.now.operation_ns < _LONG_NS and not pairs.now.has_own_number:
        run_blocks(f"{node_id} now", pairs.now.block)
        run_blocks(f"{node_id} baseline", pairs.baseline.block)


def _folders_of(package: str) -> Iterator[str]:
    """Yield what the names of the package's files begin with, as the program has them now."""
    module = sys.modules.get(package)
    yield from (f"{path}{os.sep}" for path in getattr(module, "__path__", ()))
    if module is not None and not hasattr(module, "__path__"):
        yield str(module.__file__)


@contextlib.contextmanager
def _restored_environment() -> Iterator[None]:
    """Run a nested session without options from the environment, and give back what it takes away there."""
    kept = {name: os.environ.get(name) for name in _OF_THE_PROCESS}
    options = os.environ.pop("PYTEST_ADDOPTS", None)
    try:
        yield
    finally:
        if options is not None:
            os.environ["PYTEST_ADDOPTS"] = options
        for name, value in kept.items():
            if value is not None:
                os.environ[name] = value
