"""When the benchmarks run, how a test asks for a measurement, and the summary of what came out."""

from __future__ import annotations

import contextlib
import itertools
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.measure import Judge, Measure

_HERE: Final = Path(__file__).parent
_place: Final = pytest.StashKey[int]()
_places: Final = itertools.count()
_results: Final = pytest.StashKey[list["Mapping[str, Any]"]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash.setdefault(_results, [])
    if str(_HERE.parent) not in sys.path:
        sys.path.append(str(_HERE.parent))  # importlib mode leaves it to us to make `benchmarks` importable


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the benchmarks alone unless they were asked for: by option, or by naming a path in here."""
    if collection_path.suffix != ".py" or config.getoption("benchmark_only", default=False):
        return None
    invocation = config.invocation_params
    named = (Path(invocation.dir, argument.split("::")[0]) for argument in map(str, invocation.args))
    return None if any(path.exists() and path.resolve().is_relative_to(_HERE) for path in named) else True


def pytest_itemcollected(item: pytest.Item) -> None:
    """Number the benchmarks as they are written; they may run in another order."""
    item.stash[_place] = next(_places)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under ``--benchmark-only`` leave the tests out; pytest-benchmark would list each as skipped."""
    if config.getoption("benchmark_only", default=False):
        tests = [item for item in items if "benchmark" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=tests)
        items[:] = [item for item in items if "benchmark" in getattr(item, "fixturenames", ())]


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Say in ``--benchmark-json`` which peers were measured, and not on which host."""
    machine_info.pop("node", None)
    machine_info["packages"] = dict(_versions("pytest", "opentelemetry-sdk", "logfire"))


def _versions(*packages: str) -> Iterator[tuple[str, str]]:
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield package, metadata.version(package)


@pytest.fixture
def measure(benchmark: Any, request: pytest.FixtureRequest) -> Measure:
    """Time operations against each other and hold the first to its targets; see `Measure`."""
    surroundings = _surroundings(benchmark, request)
    from benchmarks.measure import Measure  # not in runs without benchmarks

    return Measure(*surroundings)


@pytest.fixture
def judge(benchmark: Any, request: pytest.FixtureRequest) -> Judge:
    """Hold figures to their targets that the test takes in a way of its own; see `Judge`."""
    surroundings = _surroundings(benchmark, request)
    from benchmarks.measure import Judge  # not in runs without benchmarks

    return Judge(*surroundings)


def _surroundings(benchmark: Any, request: pytest.FixtureRequest) -> tuple[Any, int, Any]:
    """Return what a measurement needs, or skip the test where something runs beside it."""
    reason = _why_not(benchmark)
    if reason:
        benchmark.skipped = True
        pytest.skip(reason)
    benchmark.group = request.path.stem.removeprefix("test_")
    return benchmark, request.node.stash[_place], request.config.stash[_results].append


def _why_not(benchmark: Any) -> str | None:
    if benchmark.disabled:
        return "pytest-benchmark is disabled (by --benchmark-disable or xdist): there is nothing to judge"
    monitoring = getattr(sys, "monitoring", None)
    tools = [tool for tool in range(6) if monitoring is not None and monitoring.get_tool(tool)]
    if sys.gettrace() or sys.getprofile() or tools:
        return "a tracer is active (coverage, debugger, profiler): timings would not be ours"
    return None


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    results = config.stash[_results]
    if results:
        from benchmarks.report import summary  # not in runs without benchmarks

        terminalreporter.section("benchmarks against their targets")
        for line in summary(results):
            terminalreporter.write_line(line)
