"""Beside pytest-codspeed, which takes the place of pytest-benchmark where it is active, benchmarks of ours say so."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from typing import Final

import pytest

KINDS: Final = ("stand-in", "real") if find_spec("pytest_codspeed") else ("stand-in",)
"""What plays pytest-codspeed: what it does to its neighbours written down here and, where it is installed, itself."""

ACTIVE: Final = ("--codspeed", "CODSPEED_ENV")
"""The two ways in which it becomes active: an option, and a variable that CodSpeed's runner sets."""

STAND_IN: Final = """
import os
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

def pytest_addoption(parser):
    parser.addoption("--codspeed", action="store_true", default=False)

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if is_active(config):
        object.__setattr__(config.option, "benchmark_disable", True)
        config.pluginmanager.set_blocked("pytest_benchmark")
        config.pluginmanager.set_blocked("pytest-benchmark")

@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    if is_active(session.config):
        session.config.pluginmanager.register(Later(), "later")

def is_active(config):
    return config.getoption("--codspeed") or os.environ.get("CODSPEED_ENV") is not None

class Later:
    @pytest.fixture
    def benchmark(self):
        return Fixture()

class Fixture:
    @property
    def __class__(self):
        return BenchmarkFixture

    def __init__(self):
        self.extra_info = {}

    def __call__(self, target, *args, **kwargs):
        return target(*args, **kwargs)
"""

BENCHMARK: Final = """
def test_sum(telemetry_benchmark):
    assert telemetry_benchmark(sum, (1, 2)) == 3
"""

_NOT_TAKEN_ALONG: Final = (
    *("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_XDIST", "CODSPEED_", "GITHUB_", "GIT_"),
    *("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"),  # under a tracer nothing is timed
)

SAYS_WHAT_TO_DO: Final = "pytest-codspeed * drop --codspeed, or add -p no:codspeed"


@pytest.fixture(params=KINDS)
def beside(
    request: pytest.FixtureRequest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A project with one benchmark, in an environment where pytest-codspeed is found as pytest finds plugins."""
    for name in list(os.environ):
        if name.startswith(_NOT_TAKEN_ALONG):
            monkeypatch.delenv(name)
    if request.param == "stand-in":
        pytester.makepyfile(codspeed_stand_in=STAND_IN)
        folder = pytester.mkdir("codspeed_stand_in-1.dist-info")
        (folder / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: codspeed-stand-in\nVersion: 1\n", encoding="utf-8"
        )
        (folder / "entry_points.txt").write_text(
            "[pytest11]\ncodspeed = codspeed_stand_in\n", encoding="utf-8"
        )
    pytester.makepyfile(mylib="", test_it=BENCHMARK)
    return pytester


def run(
    beside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *options: str, active: str = ""
) -> pytest.RunResult:
    if active == "CODSPEED_ENV":
        monkeypatch.setenv(active, "1")
    elif active:
        options += (active,)
    return beside.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:randomly", "-rs", *options)


def gate(
    beside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *options: str, active: str = ""
) -> pytest.RunResult:
    asked = (
        "--benchmark-only",
        "--telemetry-gate",
        "--telemetry-gate-against=HEAD",
        "--telemetry-gate-threshold=40%",
    )
    return run(beside, monkeypatch, *asked, *options, active=active)


@pytest.mark.parametrize("active", ACTIVE)
def test_a_benchmark_is_skipped_and_says_what_to_do(
    beside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, active: str
) -> None:
    """What pytest-codspeed hands out cannot be told of what was measured, so nothing is, and nothing passes."""
    result = run(beside, monkeypatch, active=active)

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED * is not that of pytest-benchmark ({SAYS_WHAT_TO_DO})"])


@pytest.mark.parametrize("active", ACTIVE)
def test_the_gate_ends_with_one_line(
    beside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, active: str
) -> None:
    """It cannot judge; pytest-benchmark, which was switched off, does not say something else before, in any order."""
    result = gate(beside, monkeypatch, "-p", "telemetry", active=active)

    assert result.ret == 2
    assert result.outlines == []
    assert len(result.errlines) == 1
    result.stderr.fnmatch_lines([f"Exit: telemetry gate: {SAYS_WHAT_TO_DO}"])


@pytest.mark.parametrize("options", [(), ("-p", "no:codspeed")], ids=["not-active", "switched-off"])
def test_a_benchmark_is_measured_where_codspeed_is_not_active(
    beside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """That it is installed changes nothing; and what it says to do helps, also below CodSpeed's runner."""
    result = run(beside, monkeypatch, *options, active="CODSPEED_ENV" if options else "")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*benchmarks against their targets*"])


@pytest.mark.parametrize("options", [(), ("-p", "no:codspeed")], ids=["not-active", "switched-off"])
def test_the_gate_judges_where_codspeed_is_not_active(
    beside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """Both sessions run beside it, and so would fresh processes."""
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "as it is")):
        subprocess.run(["git", *command], cwd=beside.path, check=True)

    result = gate(beside, monkeypatch, *options, active="CODSPEED_ENV" if options else "")

    assert result.ret in {0, 1}  # a busy machine may break the instrument
    result.stdout.fnmatch_lines(["compared with *", "unchanged *test_it.py::test_sum *"])
