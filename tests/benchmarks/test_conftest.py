"""When benchmarks run, and when they do not judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[2] / "benchmarks" / "conftest.py"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with our conftest, one benchmark and one test; run as if this were no worker of xdist."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    options = "--import-mode=importlib -p no:randomly -p no:asyncio -p no:cacheprovider"
    pytester.makeini(f"[pytest]\ntestpaths = tests benchmarks\naddopts = {options}\n")
    for directory in ("tests", "benchmarks"):
        pytester.mkdir(directory)
    (pytester.path / "benchmarks" / "conftest.py").write_text(
        CONFTEST.read_text(encoding="utf-8"), encoding="utf-8"
    )
    (pytester.path / "benchmarks" / "test_speed.py").write_text(
        "def test_speed(benchmark):\n    benchmark.pedantic(int)\n", encoding="utf-8"
    )
    (pytester.path / "tests" / "test_behaviour.py").write_text(
        "def test_behaviour():\n    pass\n", encoding="utf-8"
    )
    return pytester


@pytest.mark.parametrize(
    ("arguments", "outcome"),
    [
        ([], {"passed": 1}),
        (["."], {"passed": 1}),
        (["tests"], {"passed": 1}),
        (["--benchmark-only"], {"passed": 1, "deselected": 1}),
        (["benchmarks"], {"passed": 1}),
        (["benchmarks/test_speed.py::test_speed"], {"passed": 1}),
    ],
)
def test_benchmarks_run_when_asked_for(
    project: pytest.Pytester, arguments: list[str], outcome: dict[str, int]
) -> None:
    """Plain pytest runs the tests; the option, or a path in the directory, runs the benchmarks and no test."""
    result = project.runpytest_subprocess(*arguments, "-v")

    result.assert_outcomes(**outcome)
    asked = any("benchmark" in argument for argument in arguments)
    result.stdout.fnmatch_lines(["*test_speed PASSED*" if asked else "*test_behaviour PASSED*"])


def test_results_name_the_peers_and_not_the_host(project: pytest.Pytester) -> None:
    """What ``--benchmark-json`` wrote can be published."""
    project.makeconftest(
        "def pytest_benchmark_generate_machine_info():\n    return {'node': 'host', 'system': 'Linux'}\n"
    )

    # in a process of its own: pytest-benchmark leaves the file open
    project.runpytest_subprocess("--benchmark-only", "--benchmark-json=results.json", "-W", "ignore")

    machine = json.loads((project.path / "results.json").read_text(encoding="utf-8"))["machine_info"]
    assert machine["packages"]["pytest"] == pytest.__version__
    assert set(machine) == {"system", "packages"}
