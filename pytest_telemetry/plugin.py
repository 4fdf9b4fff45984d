"""The pytest11 entry point: options, markers and thin fixtures; everything else loads when first used (layer 7).

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry._pytest.benchmarks import TelemetryBenchmark
    from pytest_telemetry._pytest.fixtures import RecorderFactory
    from pytest_telemetry.testing.fake_clock import FakeClock
    from pytest_telemetry.testing.lsp_server import LspServer
    from pytest_telemetry.testing.recorder import TelemetryRecorder

__all__ = ("telemetry_clock", "telemetry_lsp_server", "telemetry_recorder", "telemetry_recorder_factory")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("telemetry", "telemetry: test what your code reports about itself")
    group.addoption(
        "--telemetry-fail-on-sink-error",
        action="store_true",
        default=None,
        help="Fail a test whose recorder saw a sink or reporter raise (ini: telemetry_fail_on_sink_error).",
    )
    group.addoption(
        "--telemetry-limit",
        type=int,
        default=None,
        metavar="N",
        help="How many records a recorder keeps before it forgets the oldest (ini: telemetry_limit, 100000).",
    )
    _add_gate_options(parser.getgroup("telemetry gate", "telemetry gate: benchmarks against their baseline"))
    parser.addini(
        "telemetry_baseline",
        "The file that says what benchmarks are compared with.",
        default="benchmarks/baseline.toml",
    )
    parser.addini(
        "telemetry_fail_on_sink_error",
        "Fail a test whose recorder saw a sink or reporter raise.",
        type="bool",
        default=False,
    )
    parser.addini(
        "telemetry_limit",
        "How many records a recorder keeps before it forgets the oldest.",
        default="100000",
    )


def _add_gate_options(group: Any) -> None:
    group.addoption(
        "--telemetry-gate",
        action="store_true",
        help="Compare the benchmarks of this run with their baseline, and fail if one became slower.",
    )
    group.addoption(
        "--telemetry-gate-against", metavar="REV", help="Compare with a git revision instead of the baseline."
    )
    group.addoption(
        "--telemetry-gate-baseline",
        metavar="FILE",
        help="The baseline's file (ini: telemetry_baseline, benchmarks/baseline.toml).",
    )
    group.addoption(
        "--telemetry-gate-threshold",
        metavar="SHARE",
        help="The slow-down from which on a benchmark fails, like 5%% or 0.05 (default: the baseline's, or 5%%).",
    )
    group.addoption(
        "--telemetry-gate-allow-new",
        action="store_true",
        help="Let benchmarks pass that the baseline does not know.",
    )
    group.addoption(
        "--telemetry-gate-partial",
        action="store_true",
        help="Let benchmarks of the baseline be left out.",
    )
    group.addoption("--telemetry-gate-json", metavar="FILE", help="Write what came of it, as JSON.")
    group.addoption(
        "--telemetry-gate-update",
        metavar="REASON",
        help="Make what is there now the baseline, and note what is accepted with it.",
    )
    group.addoption(
        "--telemetry-gate-archive",
        metavar="NAME",
        help="With --telemetry-gate-update: keep the code in this zip beside the baseline's file.",
    )
    group.addoption(
        "--telemetry-gate-instructions",
        action="store_true",
        help="Count machine instructions as well, under valgrind; takes minutes.",
    )
    group.addoption("--telemetry-gate-readings", help=argparse.SUPPRESS)


# Before pytest-benchmark, which ends a run here where somebody has switched it off: the gate has more to say.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    option = config.getoption("--telemetry-fail-on-sink-error")
    if config.getini("telemetry_fail_on_sink_error") if option is None else option:
        from pytest_telemetry._pytest.session import FailOnSinkError  # noqa: PLC0415 - only on request

        config.pluginmanager.register(FailOnSinkError(), FailOnSinkError.name)
    # under the one name where it was found, under the other where it was named by -p
    names = ("benchmark", "pytest_benchmark.plugin")
    there = any(config.pluginmanager.hasplugin(name) for name in names)
    config.pluginmanager.register(_Benchmark() if there else _NoBenchmark(), "pytest_telemetry_benchmark")
    if config.getoption("--telemetry-gate"):
        from pytest_telemetry._pytest.gate import GatePlugin  # noqa: PLC0415 - only on request

        config.pluginmanager.register(GatePlugin(config), GatePlugin.name)
    elif any(value for name, value in vars(config.option).items() if name.startswith("telemetry_gate_")):
        raise pytest.UsageError("options --telemetry-gate-* do nothing by themselves: add --telemetry-gate")
    config.addinivalue_line(
        "markers",
        "telemetry(limit=None, strict=None): settings of telemetry_recorder for this test: how many records it "
        "keeps, and whether misuse of telemetry raises.",
    )
    config.addinivalue_line(
        "markers",
        "telemetry(target_ns=None, min_ops=None, max_bytes=None, max_ratio=None, credit=True, gate=True): targets of "
        "telemetry_benchmark in this test, and whether the gate compares it with the baseline.",
    )


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    # Called for every failing comparison of every suite: look before loading anything.
    if not (_is_ours(left) or _is_ours(right)):
        return None
    from pytest_telemetry._pytest.explain import explain_comparison  # noqa: PLC0415 - on first failure

    return explain_comparison(config, op, left, right)


def _is_ours(value: Any) -> bool:
    return type(value).__module__.startswith("pytest_telemetry.")


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    # The fixture `request` costs a test as much as our own fixture, and this costs a foreign one a microsecond.
    if fixturedef.argname == "telemetry_recorder":
        _latest[:] = [request]
    elif fixturedef.argname == "benchmark" and request.node.get_closest_marker("telemetry"):
        from pytest_telemetry._pytest.marker import refuse_unseen_targets  # noqa: PLC0415 - on first use

        refuse_unseen_targets(request)


_latest: list[pytest.FixtureRequest] = []


@pytest.fixture
def telemetry_recorder() -> Iterator[TelemetryRecorder]:
    """Record what the code under test reports: hand over ``telemetry_recorder.context``, assert with patterns.

    The recorder is also the ambient context of the test, for decorators and ``current_context()``.
    """
    from pytest_telemetry._pytest.fixtures import recorder_of  # noqa: PLC0415 - on first use
    from pytest_telemetry._pytest.session import warn_of_sink_failures  # noqa: PLC0415 - on first use

    request = _latest.pop()  # what stayed there would keep the test alive
    try:
        with recorder_of(request) as recorder:
            yield recorder
    finally:  # leaving raises where a warning of an open span is an error
        warn_of_sink_failures(request.node)


@pytest.fixture
def telemetry_recorder_factory(request: pytest.FixtureRequest) -> Iterator[RecorderFactory]:
    """Make further recorders for one test: ``telemetry_recorder_factory("worker", processors=[...])``."""
    from pytest_telemetry._pytest.fixtures import recorder_factory  # noqa: PLC0415 - on first use

    with recorder_factory(request) as factory:
        yield factory


@pytest.fixture
def telemetry_clock() -> FakeClock:
    """Put time under control: a fake clock that also drives ``telemetry_recorder``."""
    from pytest_telemetry.testing.fake_clock import FakeClock  # noqa: PLC0415 - on first use

    return FakeClock()


@pytest.fixture
def telemetry_lsp_server(request: pytest.FixtureRequest) -> Iterator[LspServer]:
    """Start a language server that does what the test says, in a process of its own, for the client under test.

    Its ``transcript`` holds the messages, and what ``telemetry_recorder`` gets where the test has one.
    """
    from pytest_telemetry._pytest.fixtures import lsp_server_of  # noqa: PLC0415 - on first use

    with lsp_server_of(request) as server:
        yield server


class _Benchmark:
    @pytest.fixture
    def telemetry_benchmark(self, benchmark: Any, request: pytest.FixtureRequest) -> TelemetryBenchmark:
        """Measure code, hold it to the targets of the ``telemetry`` marker, and compare it with the baseline."""
        from pytest_telemetry._pytest.benchmarks import benchmark_of  # noqa: PLC0415 - on first use

        return benchmark_of(benchmark, request)


class _NoBenchmark:
    @pytest.fixture
    def telemetry_benchmark(self) -> None:
        """Say what is missing."""
        from pytest_telemetry.model.errors import MissingExtra  # noqa: PLC0415 - on first use

        pytest.fail(str(MissingExtra("telemetry_benchmark", "benchmark")), pytrace=False)
