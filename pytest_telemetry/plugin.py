"""The pytest11 entry point: options, markers and thin fixtures; everything else loads when first used (layer 7).

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry._pytest.fixtures import RecorderFactory
    from pytest_telemetry.testing.fake_clock import FakeClock
    from pytest_telemetry.testing.recorder import TelemetryRecorder

__all__ = ("telemetry_clock", "telemetry_recorder", "telemetry_recorder_factory")


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


def pytest_configure(config: pytest.Config) -> None:
    option = config.getoption("--telemetry-fail-on-sink-error")
    if config.getini("telemetry_fail_on_sink_error") if option is None else option:
        from pytest_telemetry._pytest.session import FailOnSinkError  # noqa: PLC0415 - only on request

        config.pluginmanager.register(FailOnSinkError(), FailOnSinkError.name)
    config.addinivalue_line(
        "markers",
        "telemetry(limit=None, strict=None): settings of telemetry_recorder for this test: how many records it "
        "keeps, and whether misuse of telemetry raises.",
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
