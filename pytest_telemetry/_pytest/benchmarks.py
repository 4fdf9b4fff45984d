"""The fixture ``telemetry_benchmark``: measures, holds to targets, measures again where one was missed (layer 7)."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_telemetry._pytest.comparand import reference_of
from pytest_telemetry._pytest.counting import both, counted
from pytest_telemetry._pytest.marker import is_gated, refuse, settings_of
from pytest_telemetry.benchmark.counters import watching
from pytest_telemetry.benchmark.instructions import is_counting
from pytest_telemetry.benchmark.memory import LEVELS, Holding
from pytest_telemetry.benchmark.operation import Operation
from pytest_telemetry.benchmark.overhead import Overhead
from pytest_telemetry.benchmark.pairs import Pairs
from pytest_telemetry.benchmark.race import Race, yardstick_ns
from pytest_telemetry.checks.targets import best, judge, slowness, targets_of
from pytest_telemetry.model.benchmark import Reading
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.reports.targets import target_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_telemetry._pytest.pairing import Pairing
    from pytest_telemetry.checks.targets import Target, TargetVerdict

__all__ = ("TelemetryBenchmark", "benchmark_of", "pairing_key", "report_blocks", "tracer")

ATTEMPTS: Final = 4
"""How often a target is measured, each time with more rounds, before it counts as missed."""


pairing_key: Final[pytest.StashKey[Pairing]] = pytest.StashKey()
reference_key: Final[pytest.StashKey[Mapping[str, float]]] = pytest.StashKey()


class TelemetryBenchmark:
    """Measures code of a benchmark and holds it to the targets of its ``telemetry`` marker.

    Called with a function and its arguments it is used as the fixture ``benchmark`` of pytest-benchmark is, and
    returns what the function returns. A test uses it once.

    Attributes:
        reading: What was measured; None before.
    """

    def __init__(self, benchmark: Any, node: pytest.Item) -> None:
        self.reading: Reading | None = None
        self._benchmark = benchmark
        self._node = node
        try:
            self._targets = targets_of(settings_of(node))
        except ValueError as error:
            refuse(node, str(error))
        self._pairing = node.config.stash.get(pairing_key, None) if is_gated(node) else None
        self._attempts = 1 if self._pairing and self._pairing.is_fresh else ATTEMPTS

    def __call__(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Any:
        """Time calls of *function*; return what one more call returns."""
        __tracebackhide__ = True
        self.time(Operation.calling(self._node.name, function, arguments, keywords))
        return function(*arguments, **keywords)

    def statement(
        self,
        body: str,
        names: Mapping[str, object] | None = None,
        *,
        label: str = "",
        against: Mapping[str, Mapping[str, Any] | Callable[[], object]] | None = None,
        rounds: int = 0,
        **options: Any,
    ) -> Reading:
        """Time a line of source, and what it is held against; return the costs in ns, net of the loop, ours first.

        Args:
            body: One line of source.
            names: The globals of that source.
            label: What it is called in reports; the name of the test by default.
            against: References by name, timed in the same rounds: functions without arguments, or what *body*,
                *names* and *options* are here, by name.
            rounds: How many blocks of each are timed; by default 100, or as many as take two seconds.
            options: ``inside``: makes context managers that are open around a block. ``before``: called before
                each block. ``number``: how often a block runs the body, where it must not be chosen freely.

        Raises:
            pytest.fail.Exception: A target is missed in every attempt.
        """
        __tracebackhide__ = True
        work = {"body": body, "names": names or {}, **options}
        return self.time(operation_of(label or self._node.name, work), against, rounds)

    def holding(
        self, enter: Callable[[], Any], leave: Callable[[Any], object] = lambda _: None, *, label: str = ""
    ) -> Reading:
        """Return the bytes that each level adds which *enter* makes and *leave* lets go; exact, see `Holding`."""
        __tracebackhide__ = True
        level = Holding(enter, leave)
        name = label or self._node.name
        between = [f"between levels {low} and {high}" for low, high in ((LEVELS[0], LEVELS[1]), LEVELS[1:])]

        def take() -> Mapping[str, float]:
            return dict(zip((name, *between), level.slopes(), strict=True))

        self._begin()
        if self._pairing:
            self._pairing.hold(self._node, level, self._benchmark)
        return self._judge(take, "bytes")

    def figures(self, take: Callable[[], Mapping[str, float]], *, unit: str = "ns") -> Reading:
        """Hold figures to the targets that *take* measures in a way of its own, ours first.

        The gate does not compare them with the baseline.
        """
        __tracebackhide__ = True
        self._begin()
        return self._judge(take, unit)

    def overhead(
        self,
        work: Callable[[], object] | Mapping[str, Any],
        *,
        without: Callable[[], object] | Mapping[str, Any],
    ) -> Overhead:
        """Return how much more *work* costs than the same work without telemetry; see `Overhead`.

        Both are functions without arguments, or what `statement` takes, by name.
        """
        __tracebackhide__ = True
        self._begin()
        if self._targets:
            refuse(
                self._node,
                f"the target {self._targets[0].text!r} says nothing about an overhead: assert on that",
            )
        _claim(self._benchmark)
        now, plain = operation_of("work", work), operation_of("without", without)
        pairs = Pairs(now, plain, SYSTEM_CLOCK)
        overhead = Overhead(pairs)
        overhead.count(both(counted(plain), counted(now)))
        report_blocks(self._benchmark, overhead.blocks, pairs.now.number)

        def read() -> Reading:
            return Reading({self._node.name: overhead.with_ns, "without": overhead.without_ns})

        def keep() -> None:
            times = overhead.pairs // len(overhead.blocks)
            self._keep(read(), (), times, overhead=overhead.as_dict())

        self.reading = read()
        self._node.addfinalizer(keep)  # when the test ends, for its assertion may measure more
        return overhead

    def _begin(self) -> None:
        if self.reading is not None:
            pytest.fail(
                "telemetry_benchmark measures one thing in a test: write a second test", pytrace=False
            )

    def time(
        self,
        operation: Operation,
        against: Mapping[str, Mapping[str, Any] | Callable[[], object]] | None = None,
        rounds: int = 0,
    ) -> Reading:
        """Time *operation* and hold it to the targets; what `statement` does once it knows what it is."""
        __tracebackhide__ = True
        self._begin()
        _claim(self._benchmark)
        if self._pairing:
            reading = self._pairing.time(self._node, operation, self._benchmark)
            if is_counting():
                pytest.skip("instructions are counted, and nothing is timed")
            if reading is not None and not self._targets and not against:
                self._keep(reading, (), 1)
                return reading
        references = [operation_of(name, work) for name, work in (against or {}).items()]
        race = Race((operation, *references), SYSTEM_CLOCK)
        fitting = race.settle()
        rounds = rounds or fitting
        attempts: list[Reading] = []

        def attempt(rounds: int) -> None:
            reading, yardstick = race.run(rounds)
            attempts.append(replace(reading, slowness=self._slowness(yardstick)))

        attempt(rounds)
        if self._benchmark.stats is None:
            report_blocks(self._benchmark, race.blocks, race.ours.number)
        while self._misses(attempts[-1]) and len(attempts) < self._attempts:
            attempt(rounds * (len(attempts) + 1))
        return self._conclude(attempts)

    def _judge(self, take: Callable[[], Mapping[str, float]], unit: str) -> Reading:
        __tracebackhide__ = True
        attempts: list[Reading] = []
        before = self._credit()
        while not attempts or (self._misses(attempts[-1]) and len(attempts) < self._attempts):
            figures = take() if attempts else self._benchmark.pedantic(take)
            after = self._credit()
            least = None if before is None or after is None else min(before, after)
            attempts.append(Reading(figures, least, unit))
            before = after
        return self._conclude(attempts)

    def _credit(self) -> float | None:
        """Return how slow the machine is at this moment, if a target asks for it."""
        if not any(target.credit for target in self._targets):
            return None
        return self._slowness(yardstick_ns(SYSTEM_CLOCK))

    def _slowness(self, yardstick: float) -> float | None:
        return slowness(yardstick, _reference(self._node.config), "{}.{}".format(*sys.version_info))

    def _misses(self, reading: Reading) -> bool:
        __tracebackhide__ = True
        return any(verdict.outcome == "missed" for verdict in self._verdicts(reading, self._targets))

    def _verdicts(self, reading: Reading, targets: Sequence[Target]) -> list[TargetVerdict]:
        __tracebackhide__ = True
        try:
            return [judge(target, reading) for target in targets]
        except KeyError as error:
            measured = ", ".join(map(repr, reading.figures))
            refuse(self._node, f"max_ratio: nothing called {error} was measured, only {measured}")
        except ValueError as error:
            refuse(self._node, str(error))

    def _conclude(self, attempts: Sequence[Reading]) -> Reading:
        __tracebackhide__ = True
        reading = best(attempts, self._targets)
        missed = self._keep(reading, self._targets, len(attempts))
        if missed and not self._pairing:
            lines = [f"{next(iter(reading.figures))}, best of {len(attempts)} attempts", *missed]
            pytest.fail("\n  ".join(lines), pytrace=False)
        return reading

    def _keep(self, reading: Reading, targets: Sequence[Target], attempts: int, **more: Any) -> list[str]:
        """Keep the result, and *more*, for the summary and for ``--benchmark-json``; return what was missed."""
        self.reading = reading
        verdicts = self._verdicts(reading, targets)
        path, line, _ = self._node.location
        result = {
            "label": next(iter(reading.figures)),
            "place": [path, line or 0],
            "unit": reading.unit,
            "figures": dict(reading.figures),
            "slowness": reading.slowness,
            "attempts": attempts,
            "verdicts": [
                {
                    "target": verdict.target.text,
                    "value": verdict.value,
                    "unit": verdict.target.unit,
                    "outcome": verdict.outcome,
                    "text": verdict.text,
                }
                for verdict in verdicts
            ],
            **more,
        }
        self._benchmark.extra_info.setdefault("telemetry", {}).update(result)
        if self._pairing:
            self._pairing.keep_targets(self._node, verdicts)
        else:
            summary_of(self._node.config).results.append({"group": self._benchmark.group or "", **result})
        return [verdict.text for verdict in verdicts if verdict.outcome == "missed"]


def operation_of(name: str, work: Mapping[str, Any] | Callable[[], object]) -> Operation:
    """Return the operation that *work* describes: a function without arguments, or what `statement` takes, by name.

    Raises:
        TypeError: It is neither.
    """
    if callable(work):
        return Operation.calling(name, work)
    try:
        return Operation(name, **work)
    except TypeError as error:
        raise TypeError(
            f"{name}: a function without arguments is wanted, or a mapping with body, names, inside, before, "
            f"number, not {work!r}: {error}"
        ) from error


def report_blocks(benchmark: Any, blocks: Sequence[int], number: int) -> None:
    """Give pytest-benchmark the durations of *blocks*, in ns, of *number* operations each, as its rounds.

    It has no public way to be told of rounds that somebody else timed; the names here and below are all that we use.
    """
    stats = benchmark._make_stats(number)  # noqa: SLF001 - see above
    for duration in blocks:
        stats.update(duration / 1e9)


def _claim(benchmark: Any) -> None:
    """Let pytest-benchmark know that its fixture is used, whatever comes of it."""
    benchmark._mode = benchmark._mode or "telemetry_benchmark"  # noqa: SLF001 - see above


def _reference(config: pytest.Config) -> Mapping[str, float]:
    if reference_key not in config.stash:
        try:
            config.stash[reference_key] = reference_of(config)
        except UnusableInput as error:
            pytest.fail(str(error), pytrace=False)
    return config.stash[reference_key]


def why_not(benchmark: Any, config: pytest.Config) -> str | None:
    """Return why nothing can be judged here, or None."""
    if not hasattr(benchmark, "_make_stats"):
        return (
            "the fixture benchmark is not that of pytest-benchmark (pytest-codspeed takes its place where it is active: "
            "drop --codspeed, or add -p no:codspeed)"
        )
    if benchmark.disabled or hasattr(
        config, "workerinput"
    ):  # older ones do not know that they run under xdist
        return "pytest-benchmark is disabled (by --benchmark-disable or xdist): there is nothing to judge"
    return tracer()


def tracer() -> str | None:
    """Return what to say where something traces this process, or None."""
    if watching():
        return "a tracer is active (coverage, debugger, profiler): timings would not be ours; for pytest-cov add --no-cov"
    return None


class TargetSummary:
    """Shows at the end of a run what was measured and what came of the targets.

    Attributes:
        results: One for each benchmark, as it stands in ``extra_info``.
    """

    name: Final = "pytest_telemetry_targets"

    def __init__(self) -> None:
        self.results: list[Mapping[str, Any]] = []

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        python = f"{platform.python_implementation()} {platform.python_version()}"
        terminalreporter.section("benchmarks against their targets")
        for line in target_lines(self.results, python):
            terminalreporter.write_line(line)


def summary_of(config: pytest.Config) -> TargetSummary:
    """Return the summary of this run; the first benchmark makes it."""
    summary: TargetSummary | None = config.pluginmanager.get_plugin(TargetSummary.name)
    if summary is None:
        summary = TargetSummary()
        config.pluginmanager.register(summary, TargetSummary.name)
    return summary


def benchmark_of(benchmark: Any, request: pytest.FixtureRequest) -> TelemetryBenchmark:
    """Return the fixture of one test, or skip the test where something runs beside it."""
    reason = why_not(benchmark, request.config)
    if reason:
        benchmark.skipped = True
        pytest.skip(reason)
    if benchmark.group is None:
        benchmark.group = request.path.stem.removeprefix("test_")
    try:
        return TelemetryBenchmark(benchmark, request.node)
    except pytest.fail.Exception:
        benchmark.skipped = True  # or it would complain that nobody used it
        raise
