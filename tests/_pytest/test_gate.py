"""The gate, from the options of pytest to its exit code, in small projects and pytests of their own."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import sys
import xml.etree.ElementTree as ET
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests._pytest.conftest import Project, Ran

FILE = "benchmarks/test_it.py"

WORK = """
SIDE = {side!r}

def work(n=20):
    total = 0
    for i in range(n):
        total += i
    return total
"""
"""A package that is the same on both sides, but that it can tell them apart."""

HELD = """
SIDE = {side!r}

def make():
    return [0] * {size}
"""
"""A package of which memory tells which side it is of, exactly and without any timing."""

USES_HELD = """
import mylib

def test_held(telemetry_benchmark):
    telemetry_benchmark.holding(mylib.make)
"""

WIDER, NARROWER = 40, 20


def hold(project: Project, *, was: int = WIDER, now: int = NARROWER, place: str = "mylib") -> str:
    """Let *project* have one benchmark and be a git repository; return the hash of what it was."""
    project.put(f"{place}/__init__.py", HELD.format(side="baseline", size=was))
    project.benchmarks(USES_HELD)
    revision = project.commit()
    project.put(f"{place}/__init__.py", HELD.format(side="now", size=now))
    return revision


def baseline(project: Project, revision: str, *benchmarks: str, **changes: Any) -> None:
    """Write the baseline's file, as an update writes it; *changes* are its other keys."""
    sha256 = changes.pop("sha256", None) or sha256_of(project, revision)
    keys: dict[str, object] = {
        "schema": 1,
        "packages": ["mylib"],
        "revision": revision,
        "sha256": sha256,
        **changes,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items() if value is not None]
    names = [f"{FILE}::{name}" for name in benchmarks]
    project.put(
        "benchmarks/baseline.toml", "\n".join([*lines, "date = 2026-01-02", f"benchmarks = {names!r}", ""])
    )


def sha256_of(project: Project, revision: str) -> str:
    from pytest_telemetry.benchmark.source import from_revision

    return from_revision(project.root, revision, ["mylib"], project.root.parent / "sources").sha256


AGAINST = "--telemetry-gate-against=HEAD"
KNOWS_TEARDOWN = "teardown" in inspect.signature(BenchmarkFixture.pedantic).parameters  # from 5.2 on


# Benchmarks of all forms, in one run.

FORMS_LIBRARY = """
SIDE = {side!r}

class Thing:
    def __init__(self):
        self.side = SIDE

    def work(self):
        return self.side

    def __call__(self, n):
        return n

class Slots:
    __slots__ = ("a",)

def work(n=5):
    return n * 2

def look(*things):
    for thing in things:
        assert type(thing) is Thing, "of the other side"
    return things

def drain(items):
    assert items, "set up once only"
    items.clear()
"""

FORMS_CONFTEST = """
import json
import pathlib

import mylib
import pytest

LOG = pathlib.Path(__file__).parents[1] / "log.jsonl"

def note(*words):
    with LOG.open("a") as file:
        file.write(json.dumps([mylib.SIDE, *words]) + "\\n")

def scoped(scope):
    @pytest.fixture(scope=scope, name=f"of_{scope}")
    def thing():
        note(scope, "made")
        yield mylib.Thing()
        note(scope, "gone")
    return thing

for scope in ("session", "module", "class", "function"):
    globals()[f"of_{scope}"] = scoped(scope)

@pytest.fixture
def noted(request):
    return lambda *words: note(request.node.name, *words)
"""

FORMS = """
import functools
import inspect

import mylib
import pytest
from mylib import work

def test_call(benchmark):
    assert benchmark(mylib.work, 5) == 10

def test_keywords(benchmark):
    assert benchmark(work, n=5) == 10

def test_lambda(benchmark):
    assert benchmark(lambda: work(3)) == 6

def test_partial(benchmark):
    assert benchmark(functools.partial(work, 4)) == 8

def test_object(benchmark):
    assert benchmark(mylib.Thing(), 7) == 7

def test_method(benchmark):
    assert benchmark(mylib.Thing().work) == mylib.SIDE

def test_pedantic(benchmark):
    assert benchmark.pedantic(work, args=(1,), kwargs={}, rounds=3, iterations=10, warmup_rounds=1) == 2
    assert benchmark.stats is not None

def test_pedantic_partial(benchmark):
    assert benchmark.pedantic(functools.partial(work, 4)) == 8

def test_setup(benchmark):
    benchmark.pedantic(mylib.drain, setup=lambda: (([1, 2, 3],), {}), rounds=5)

def test_teardown(benchmark):
    if "teardown" not in inspect.signature(benchmark.pedantic).parameters:
        benchmark(work)  # an older pytest-benchmark
        return
    open_ = []

    def setup():
        assert not open_, "two at once"
        open_.append(1)

    benchmark.pedantic(lambda: open_[0], setup=setup, teardown=open_.clear, rounds=5)
    assert not open_

def test_weave(benchmark_weave):
    benchmark_weave("mylib.work")
    assert mylib.work(6) == 12

class TestThing:
    factor = 2

    def test_in_class(self, benchmark, of_class):
        assert benchmark(mylib.look, of_class)[0].side == mylib.SIDE
        assert self.factor == 2

@pytest.mark.parametrize("n", [pytest.param(n, id=i) for n, i in enumerate(["a b/c", "a::b", "[x]=1"])])
def test_ids(benchmark, n):
    assert benchmark(work, n) == 2 * n

def test_fixtures(benchmark, noted, of_session, of_module, of_function):
    noted(of_session.side, of_module.side, of_function.side)
    noted("ids", id(mylib), id(mylib.look), id(mylib.Thing), mylib.__file__)
    benchmark(mylib.look, of_session, of_module, of_function)

def test_statement(telemetry_benchmark):
    telemetry_benchmark.statement("work(1)", {"work": work}, label="work")

@pytest.mark.telemetry(max_ratio=("slow", 0.9))
def test_target(telemetry_benchmark):
    telemetry_benchmark.statement("work(1)", {"work": work}, against={"slow": lambda: [work(1) for _ in range(50)]})

def test_telemetry_call(telemetry_benchmark, of_module):
    assert telemetry_benchmark(work, n=2) == 4

def test_holding(telemetry_benchmark):
    telemetry_benchmark.holding(mylib.Slots)

@pytest.mark.telemetry(max_bytes=100)
def test_figures(telemetry_benchmark):
    telemetry_benchmark.figures(lambda: {"a": 3.0}, unit="bytes")

def test_overhead(telemetry_benchmark):
    assert telemetry_benchmark.overhead(lambda: [work() for _ in range(20)], without=work) > 0.5

@pytest.mark.telemetry(gate=False)
def test_ungated(telemetry_benchmark):
    telemetry_benchmark(work)

@pytest.mark.telemetry(target_ns=1_000_000_000)
def test_plain_target(benchmark):
    benchmark(work)

@pytest.mark.skip(reason="no")
def test_skipped(benchmark):
    raise AssertionError

def test_no_benchmark():
    raise AssertionError
"""

DEEP_CONFTEST = """
import mylib
import pytest

@pytest.fixture(scope="module")
def deep():
    return mylib.Thing()
"""

DEEP = """
import mylib

def test_deep(benchmark, noted, deep, of_session, of_module):
    noted(deep.side, of_session.side, of_module.side)
    benchmark(mylib.look, deep, of_session, of_module)

def test_not_compared(telemetry_benchmark, of_module):
    telemetry_benchmark.figures(lambda: {"a": 1.0})
"""

WEAVE = """
import importlib

class weave:
    def __init__(self, target, aspect):
        module, _, self.name = target.rpartition(".")
        self.module = importlib.import_module(module)
        self.before = getattr(self.module, self.name)
        setattr(self.module, self.name, aspect(self.before))

    def rollback(self):
        setattr(self.module, self.name, self.before)
"""


def run_forms(project: Project) -> dict[str, Any]:
    project.library(FORMS_LIBRARY.format(side="baseline"))
    project.put("benchmarks/conftest.py", FORMS_CONFTEST)
    project.put("benchmarks/test_forms.py", FORMS)
    project.put("benchmarks/deep/conftest.py", DEEP_CONFTEST)
    project.put("benchmarks/deep/test_deep.py", DEEP)
    project.put("benchmarks/test_not_here.py", "import pytest\npytest.skip('no', allow_module_level=True)\n")
    project.put("aspectlib.py", WEAVE)
    project.commit()
    project.library(FORMS_LIBRARY.format(side="now"))
    ran = project.gate(AGAINST, "benchmarks", "--benchmark-json=bench.json", "-rA")
    log = (project.root / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return {
        "code": ran.code,
        "text": ran.text,
        "gate": ran.gate,
        "log": [json.loads(line) for line in log],
        "benchmarks": json.loads((project.root / "bench.json").read_text(encoding="utf-8"))["benchmarks"],
    }


@pytest.fixture
def forms(shared: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What came of benchmarks of all forms."""
    return shared("forms", run_forms)


FORMS_TIMED = [
    "test_call",
    "test_keywords",
    "test_lambda",
    "test_partial",
    "test_object",
    "test_method",
    "test_pedantic",
    "test_pedantic_partial",
    "test_setup",
    "test_teardown",
    "test_weave",
    "TestThing::test_in_class",
    "test_ids[a b/c]",
    "test_ids[a::b]",
    "test_ids[[x]=1]",
    "test_fixtures",
    "test_deep",
    "test_statement",
    "test_target",
    "test_telemetry_call",
    "test_plain_target",
]
"""What a plain benchmark and telemetry_benchmark time."""

FORMS_OTHER = ["test_holding", "test_figures", "test_overhead", "test_ungated", "test_not_compared"]


def judged(forms: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["benchmark"].partition("::")[2]: one for one in forms["gate"]["judgements"]}


def test_unchanged_code_passes(forms: dict[str, Any]) -> None:
    """Exit code 0, and nothing failed, whatever the form of the benchmark."""
    assert forms["code"] == 0, forms["text"]
    assert forms["gate"]["passed"]
    assert forms["gate"]["problems"] == []
    assert "gate passed" in forms["text"]


@pytest.mark.parametrize("name", FORMS_TIMED)
def test_each_form_of_a_benchmark_is_compared(forms: dict[str, Any], name: str) -> None:
    """Calls, pedantic, weave, classes, names with brackets, spaces, slashes and colons: all are timed on both sides."""
    one = judged(forms)[name]

    assert one["unit"] == "ns"
    assert one["ratio"] is not None
    assert abs(one["ratio"]) < 0.4


def test_a_benchmark_gets_what_its_call_returns(forms: dict[str, Any]) -> None:
    """Also under the gate; each benchmark here asserts on it."""
    passed = [line for line in forms["text"].splitlines() if line.startswith("PASSED ")]

    assert len(passed) == len(FORMS_TIMED) + len(FORMS_OTHER)


def test_bytes_are_compared_exactly(forms: dict[str, Any]) -> None:
    """No interval, no tolerance."""
    one = judged(forms)["test_holding"]

    assert (one["unit"], one["outcome"], one["low"], one["high"]) == ("bytes", "unchanged", 0.0, 0.0)


def test_what_the_marker_leaves_out_is_not_compared(forms: dict[str, Any]) -> None:
    """With gate=False a benchmark is no business of the gate."""
    assert "test_ungated" not in judged(forms)


def test_the_gate_sees_targets_of_plain_benchmarks(forms: dict[str, Any]) -> None:
    """There it is we who time them."""
    (target,) = judged(forms)["test_plain_target"]["targets"]

    assert target.startswith("met: ")


def test_figures_and_overheads_are_not_compared(forms: dict[str, Any]) -> None:
    """They are held to their targets, and that is all."""
    figures, overhead = judged(forms)["test_figures"], judged(forms)["test_overhead"]

    assert (figures["ratio"], figures["targets"]) == (None, ["met: 3.0 bytes, below 100 bytes"])
    assert (overhead["ratio"], overhead["targets"]) == (None, [])


def test_targets_are_judged_beside_the_comparison(forms: dict[str, Any]) -> None:
    """A benchmark with a target is compared, and held to it."""
    (target,) = judged(forms)["test_target"]["targets"]

    assert target.startswith("met: ")
    assert target.endswith("at most 0.900 x slow")


def test_tests_that_measure_nothing_are_no_problem(forms: dict[str, Any]) -> None:
    """Skipped benchmarks, a file that skips itself, and tests that are no benchmarks."""
    assert "3 skipped" in forms["text"]
    assert not {"test_skipped", "test_no_benchmark"} & set(judged(forms))


@pytest.mark.parametrize("scope", ["session", "module", "class", "function"])
def test_fixtures_are_made_and_taken_down_on_both_sides(forms: dict[str, Any], scope: str) -> None:
    """As often as in a session without the gate, whatever their scope."""
    times = {"module": 2}.get(scope, 1)

    for side in ("now", "baseline"):
        events = [event for whose, what, *event in forms["log"] if (whose, what) == (side, scope)]
        assert events == [["made"], ["gone"]] * times


@pytest.mark.parametrize("name", ["test_fixtures", "test_deep"])
def test_each_side_has_fixtures_of_its_own_package(forms: dict[str, Any], name: str) -> None:
    """Also those of a conftest file in a folder below."""
    rows = [row for row in forms["log"] if row[1] == name and "ids" not in row]

    assert sorted(rows) == [["baseline", name, *["baseline"] * 3], ["now", name, *["now"] * 3]]


def test_trap_2_what_is_stored_holds_the_result_itself(forms: dict[str, Any]) -> None:
    """The comparison stands in extra_info, which is always stored; the rounds are the blocks of now."""
    stored = {one["fullname"].partition("::")[2]: one for one in forms["benchmarks"]}

    for name in FORMS_TIMED:
        gate = stored[name]["extra_info"]["telemetry"]["gate"]
        assert gate["log_ratio"] is not None
        assert gate["accepted"] == 0
        assert stored[name]["stats"]["rounds"] == gate["pairs"]


@pytest.mark.parametrize(
    ("name", "is_once"), [("test_setup", True), ("test_teardown", KNOWS_TEARDOWN), ("test_pedantic", False)]
)
def test_trap_4_set_up_belongs_to_one_call(forms: dict[str, Any], name: str, *, is_once: bool) -> None:
    """With set-up or teardown a block runs the call once, else as often as fills it; costs are of one operation."""
    (one,) = (one for one in forms["benchmarks"] if one["name"] == name)
    operations = one["extra_info"]["telemetry"]["gate"]["operations"]

    assert one["stats"]["iterations"] == operations
    assert (operations == 1) == is_once
    assert 0 < judged(forms)[name]["now"] < 100_000


def test_trap_9_the_sides_share_no_module_function_or_class(forms: dict[str, Any]) -> None:
    """Each has its own, from files of its own, under the same names."""
    (now,), (baseline,) = (
        [row[3:] for row in forms["log"] if row[:3] == [side, "test_fixtures", "ids"]]
        for side in ("now", "baseline")
    )

    assert not set(now) & set(baseline)


# Code that became slower, larger and busier, under options that store, report, select and distribute.

SLOW_LIBRARY = """
import logging

def work():
    total = 0
    for _ in range({times}):
        note()
        for i in range(50):
            total += i
    return total

def same():
    return sum(range(500))

def make():
    return [0] * {size}

def note():
    pass
"""

SLOW = """
import sys

import mylib
import pytest

def test_work(benchmark):
    benchmark(mylib.work)

def test_same(benchmark, tmp_path):
    (tmp_path / "kept").write_text("yes")
    benchmark(mylib.same)
    assert (tmp_path / "kept").read_text() == "yes"

def test_held(telemetry_benchmark):
    telemetry_benchmark.holding(mylib.make)
"""

SLOW_INI = """
[pytest]
addopts = -x -q -vv -n 2 --benchmark-json=bench.json --benchmark-histogram histograms/one --junitxml=junit.xml
    --log-file=log.txt --basetemp=temporary --cov=mylib --cov-report=xml
log_level = INFO
"""


def run_slow(project: Project) -> dict[str, Any]:
    project.library(SLOW_LIBRARY.format(times=1, size=20))
    project.benchmarks(SLOW)
    project.put("benchmarks/conftest.py", "import logging\nlogging.getLogger().warning('collected once')\n")
    project.put("pytest.ini", SLOW_INI)
    revision = project.commit()
    names = ("test_work", "test_same", "test_held")
    baseline(project, revision, *names, threshold=0.4, counters=["python calls"])
    before = (project.root / "benchmarks/baseline.toml").read_text(encoding="utf-8")
    project.library(SLOW_LIBRARY.format(times=2, size=40))
    ran = project.gate(
        *("-n", "0", "--no-cov", "-k", "test_"),
        plugins=("telemetry", "benchmark", "xdist", "pytest_cov"),
        PYTEST_ADDOPTS="--benchmark-autosave -m 'not missing'",
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY="summary.md",
        GITHUB_WORKSPACE=str(project.root.parent),
    )
    root = project.root
    return {
        "folder": root.name,
        "code": ran.code,
        "text": ran.text,
        "gate": ran.gate,
        "before": before,
        "after": (root / "benchmarks/baseline.toml").read_text(encoding="utf-8"),
        "summary": (root / "summary.md").read_text(encoding="utf-8"),
        "stored": sorted(path.name for path in (root / ".benchmarks").rglob("*.json")),
        "junit": sorted(case.get("name") for case in ET.parse(root / "junit.xml").iter("testcase")),
        "json": json.loads((root / "bench.json").read_text(encoding="utf-8")),
        "files": sorted(path.name for path in root.iterdir()),
    }


@pytest.fixture
def slow(shared: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What came of code that does its work twice."""
    return shared("slow", run_slow)


def test_code_that_does_its_work_twice_is_slower(slow: dict[str, Any]) -> None:
    """Exit code 1, and all of nine fresh processes saw it."""
    one = judged(slow)["test_work"]

    assert slow["code"] == 1, slow["text"]
    assert one["outcome"] == "slower"
    assert one["ratio"] > 0.4
    assert (one["confirmed"], one["votes"]) == (9, 9)
    assert "confirming 2 benchmarks in up to 9 fresh processes" in slow["text"]
    assert "gate failed: 1 slower, 1 larger, 1 unchanged of 3 benchmarks" in slow["text"]


def test_what_did_not_change_is_not_measured_again(slow: dict[str, Any]) -> None:
    """The first reading settles it."""
    one = judged(slow)["test_same"]

    assert (one["outcome"], one["confirmed"]) == ("unchanged", 0)


def test_an_object_that_grew_is_larger(slow: dict[str, Any]) -> None:
    """By exactly what it grew."""
    one = judged(slow)["test_held"]

    assert one["outcome"] == "larger"
    assert one["now"] - one["baseline"] == 20 * 8
    assert one["votes"] == 9


def test_a_gated_counter_that_grew_is_told(slow: dict[str, Any]) -> None:
    """It would fail the benchmark without the time, too."""
    one = judged(slow)["test_work"]

    assert one["counters"]["python calls"] == [2, 3]
    assert one["note"] == "python calls may not grow"


def test_counters_say_what_became_more(slow: dict[str, Any]) -> None:
    """The bytecodes of the slower one, baseline first."""
    before, after = judged(slow)["test_work"]["counters"]["bytecodes"]

    assert after > 1.5 * before


def test_confirmation_leaves_the_files_of_the_run_alone(slow: dict[str, Any]) -> None:
    """What options, the ini file and PYTEST_ADDOPTS store and report is that of the first process, whole and once."""
    tests = ["test_held", "test_same", "test_work"]

    assert sorted(one["name"] for one in slow["json"]["benchmarks"]) == tests
    assert slow["junit"] == tests
    assert len(slow["stored"]) == 1
    assert "coverage.xml" not in slow["files"]


def test_trap_7_fresh_processes_inherit_neither_the_gate_nor_what_distributes(slow: dict[str, Any]) -> None:
    """They end, all nine, with one result each: no recursion, no workers, nothing left out by -k or -m."""
    assert slow["gate"]["problems"] == []
    assert slow["text"].count("confirming") == 1


def test_the_table_has_the_worst_first(slow: dict[str, Any]) -> None:
    """One row for each benchmark, below what it was compared with, above the controls."""
    section = slow["text"].partition("= telemetry gate =")[2].splitlines()
    verdicts = [
        line.split("  ")[0]
        for line in section
        if line.startswith(("slower", "larger", "more", "unch", "cont"))
    ]

    assert verdicts == ["slower", "larger", "unchanged", "controls"]


def test_github_gets_annotations_with_file_and_line(slow: dict[str, Any]) -> None:
    """One for each benchmark that failed, on a line of its own; the project may be a folder of the repository."""
    annotations = [line for line in slow["text"].splitlines() if line.startswith("::error ")]

    assert len(annotations) == 2
    line = SLOW.splitlines().index("def test_work(benchmark):") + 1
    assert annotations[0].startswith(
        f"::error file={slow['folder']}/{FILE},line={line},title=slower%3A test_work::{FILE}::test_work"
    )


def test_github_gets_one_job_summary(slow: dict[str, Any]) -> None:
    """Fresh processes add nothing to it."""
    assert slow["summary"].count("### Performance gate failed") == 1
    assert f"| **slower** | `{FILE}::test_work` |" in slow["summary"]


def test_without_update_the_baseline_stays_as_it_is(slow: dict[str, Any]) -> None:
    """Whatever the gate finds."""
    assert slow["after"] == slow["before"]


# Where and how a project has its package.


def assert_smaller(ran: Ran) -> None:
    """Assert that both sides were measured, each with its own package: memory tells, exactly."""
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"test_held": "smaller"}, ran.text
    one = ran.judgements["test_held"]
    assert one["baseline"] - one["now"] == 8 * (WIDER - NARROWER)


@pytest.mark.parametrize("mode", ["append", "importlib"])
def test_each_import_mode_binds_each_side_to_its_package(project: Project, mode: str) -> None:
    """A second set of modules is imported, however pytest imports; all other tests here have it prepend."""
    hold(project)

    assert_smaller(project.gate(AGAINST, f"--import-mode={mode}"))


def test_verdicts_are_coloured_where_that_is_wanted(project: Project) -> None:
    """By what they mean: green is good news."""
    hold(project)

    ran = project.gate(AGAINST, "--color=yes")

    assert "\x1b[32msmaller\x1b[0m" in ran.text
    assert "\x1b[32mgate passed\x1b[0m" in ran.text


FINDER = """
import sys
from importlib.machinery import PathFinder

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [{source!r}]) if name == "mylib" else None

sys.meta_path.insert(0, Finder)
"""


@pytest.mark.parametrize("installed", ["pth", "finder"])
def test_a_package_below_src_is_found_however_it_is_installed(project: Project, installed: str) -> None:
    """By a line in a .pth file, by a finder of an editable installation; for all other tests here, by PYTHONPATH."""
    hold(project, place="src/mylib")
    source, site = project.root / "src", project.root.parent / "site"
    site.mkdir()
    if installed == "pth":
        (site / "mylib.pth").write_text(f"{source}\n", encoding="utf-8")
        code = f"import site; site.addsitedir({str(site)!r})"
    else:
        code = FINDER.format(source=str(source))
    (site / "sitecustomize.py").write_text(code, encoding="utf-8")
    project.environment["PYTHONPATH"] = str(site)

    assert_smaller(project.gate(AGAINST))


def test_a_project_below_the_root_of_its_repository_is_found_from_anywhere(project: Project) -> None:
    """Neither the folder of the repository nor the one that pytest is started in has to be that of the project."""
    project.put("pytest.ini", "[pytest]\n")
    repository = project.root.parent
    project.git("init", "-q", str(repository))
    hold(project)
    elsewhere = repository / "elsewhere"
    elsewhere.mkdir()

    ran = project.gate(AGAINST, str(project.root / "benchmarks"), cwd=elsewhere)

    assert_smaller(ran)


INIS = [
    pytest.param(
        "pytest.ini", "[pytest]\nfaulthandler_timeout = 60\nfilterwarnings = error\n", id="pytest.ini"
    ),
    pytest.param("pyproject.toml", "[tool.pytest]\naddopts = ['-x', '--strict-config']\n", id="toml"),
]


@pytest.mark.parametrize(("name", "content"), INIS)
def test_the_other_session_has_the_same_settings(project: Project, name: str, content: str) -> None:
    """Also strict ones, and those of plugins that the other session does without."""
    hold(project)
    project.put(name, content)

    assert_smaller(project.gate(AGAINST))


def test_the_other_session_has_the_options_of_the_environment(project: Project) -> None:
    """The plugins that they name, for one."""
    hold(project)

    assert_smaller(project.gate(AGAINST, plugins=(), PYTEST_ADDOPTS="-p telemetry -p benchmark"))


@pytest.mark.parametrize(
    "how",
    ["-p no:cacheprovider -p no:logging -W error", "--override-ini=cache_dir=pytest.ini", "--cache-clear"],
)
def test_no_cache_is_needed(project: Project, how: str) -> None:
    """Where pytest has none, or one that cannot be written, the code is unpacked for this run."""
    hold(project)
    project.put("pytest.ini", "[pytest]\n")

    assert_smaller(project.gate(AGAINST, *how.split()))


def test_benchmarks_in_any_order_meet_their_own_baseline(project: Project) -> None:
    """The other session runs them in the order of this one."""
    sizes = range(1, 5)
    library = "\n".join(f"def make_{size}(): return [0] * ({size} + {{more}})" for size in sizes)
    project.library(library.format(more=10))
    project.benchmarks(
        f"import mylib, pytest\n@pytest.mark.parametrize('size', {[*sizes]})\n"
        "def test_held(telemetry_benchmark, size):\n"
        "    telemetry_benchmark.holding(getattr(mylib, f'make_{size}'))\n"
    )
    project.commit()
    project.library(library.format(more=0))

    ran = project.gate(AGAINST, plugins=("telemetry", "benchmark", "randomly"))

    assert ran.code == 0, ran.text
    assert {one["baseline"] - one["now"] for one in ran.judgements.values()} == {80}


# What cannot be compared.

MANY_LIBRARY = """
NAMES = {names}

def make():
    return [0]
"""

MANY = """
import mylib
import pytest

def test_old(telemetry_benchmark):
    telemetry_benchmark.holding(mylib.make)

def test_unlisted(telemetry_benchmark):
    telemetry_benchmark.holding(mylib.make)

def test_attribute(telemetry_benchmark):
    telemetry_benchmark.holding(mylib.new)

def test_call(benchmark):
    benchmark(lambda: mylib.new())

def test_made(telemetry_benchmark):
    telemetry_benchmark.holding(lambda: mylib.new())

@pytest.fixture
def thing():
    return mylib.new()

def test_fixture(telemetry_benchmark, thing):
    telemetry_benchmark.holding(list)

@pytest.mark.parametrize("name", mylib.NAMES)
def test_names(telemetry_benchmark, name):
    telemetry_benchmark.holding(mylib.make)

def test_skips(telemetry_benchmark):
    if not hasattr(mylib, "new"):
        pytest.skip("not yet")
    telemetry_benchmark.holding(mylib.make)
"""

NEW = [
    ("test_unlisted", "is new, the baseline does not list it"),
    ("test_attribute", "AttributeError: module 'mylib' has no attribute 'new'"),
    ("test_call", "AttributeError: module 'mylib' has no attribute 'new'"),
    ("test_made", "AttributeError: module 'mylib' has no attribute 'new'"),
    ("test_fixture", "AttributeError: module 'mylib' has no attribute 'new'"),
    ("test_names[b]", "it is not there"),
    ("test_skips", "it was skipped, or timed nothing"),
]


def run_incomplete(project: Project) -> dict[str, Any]:
    project.library(MANY_LIBRARY.format(names=["a"]))
    project.benchmarks(MANY)
    project.put("benchmarks/test_new.py", "from mylib import new\ndef test_new(benchmark): benchmark(new)\n")
    revision = project.commit()
    baseline(project, revision, "test_old", "test_names[a]", "test_gone", "test_call")
    project.library(MANY_LIBRARY.format(names=["a", "b"]) + "def new(): return [1]\n")
    strict = project.gate()
    lenient = project.gate("--telemetry-gate-allow-new", "--telemetry-gate-partial", "-k", "not test_call")
    return {
        name: {"code": ran.code, "text": ran.text, "gate": ran.gate}
        for name, ran in (("strict", strict), ("lenient", lenient))
    }


@pytest.fixture
def incomplete(shared: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What came of benchmarks that the baseline cannot run, does not list, or lists in vain."""
    return shared("incomplete", run_incomplete)


@pytest.mark.parametrize(("name", "why"), NEW)
def test_a_benchmark_that_the_baseline_does_not_have_is_new(
    incomplete: dict[str, Any], name: str, why: str
) -> None:
    """One line says why it could not be compared, and how to accept it; exit code 1."""
    (problem,) = (line for line in incomplete["strict"]["gate"]["problems"] if f"::{name} " in line)

    assert incomplete["strict"]["code"] == 1
    assert (
        "allow it with --allow-new (of pytest: --telemetry-gate-allow-new)" in problem or name == "test_call"
    )
    assert why in problem


def test_a_file_that_the_baseline_cannot_import_keeps_its_benchmarks_from_being_compared(
    incomplete: dict[str, Any],
) -> None:
    """Its own, not those of other files; the reason is that of the import."""
    (problem,) = (line for line in incomplete["strict"]["gate"]["problems"] if "test_new.py" in line)

    assert "ImportError: cannot import name 'new' from 'mylib'" in problem
    assert judged(incomplete["strict"])["test_old"]["outcome"] == "unchanged"


def test_a_benchmark_of_the_baseline_that_it_can_no_longer_run_is_a_problem(
    incomplete: dict[str, Any],
) -> None:
    """A name on the list is not new, whatever the baseline's code says to it now."""
    (problem,) = (line for line in incomplete["strict"]["gate"]["problems"] if "::test_call " in line)

    assert "cannot be measured against the baseline: AttributeError" in problem


def test_a_benchmark_that_is_missing_is_a_problem(incomplete: dict[str, Any]) -> None:
    """It was in the baseline, and nobody said that it may be left out."""
    (problem,) = (line for line in incomplete["strict"]["gate"]["problems"] if "test_gone" in line)

    assert problem.startswith(f"{FILE}::test_gone is in the baseline and was not measured")


def test_what_is_new_or_left_out_can_be_allowed(incomplete: dict[str, Any]) -> None:
    """Both, by an option each; what can be compared still is."""
    lenient = incomplete["lenient"]

    assert lenient["code"] == 0, lenient["text"]
    assert lenient["gate"]["problems"] == []
    assert {"test_old", "test_unlisted", "test_names[a]"} <= set(judged(lenient))


def test_only_what_the_baseline_lacks_is_allowed_as_new(project: Project) -> None:
    """A fixture that cannot exist twice keeps a benchmark from being compared, which is no reason to pass."""
    hold(project, was=1, now=1)
    project.benchmarks(
        f"{USES_HELD}\n"
        "import sys, pytest\n"
        "@pytest.fixture\ndef port():\n"
        "    assert not hasattr(sys, 'port_is_taken'), 'the port is taken'\n"
        "    sys.port_is_taken = True\n"
        "def test_served(telemetry_benchmark, port):\n    telemetry_benchmark.holding(mylib.make)\n"
    )
    project.commit()

    ran = project.gate(AGAINST, "--telemetry-gate-allow-new")

    assert ran.code == 1
    (problem,) = ran.problems
    assert problem.startswith(
        f"{FILE}::test_served cannot be measured against the baseline: AssertionError: the port"
    )
    assert problem.endswith("if it never can, mark it with telemetry(gate=False)")
    assert "allow" not in problem


def test_what_is_not_on_the_list_can_be_allowed_whatever_the_baseline_says_to_it(project: Project) -> None:
    """A new keyword is a TypeError there; without the option the line tells of both ways to accept it."""
    revision = hold(project, was=1, now=1)
    baseline(project, revision, "test_held")
    project.library("def make(n=1):\n    return [0] * n\n")
    project.benchmarks(
        f"{USES_HELD}\ndef test_new(telemetry_benchmark):\n    telemetry_benchmark.holding(lambda: mylib.make(n=1))\n"
    )

    strict, lenient = project.gate(), project.gate("--telemetry-gate-allow-new")

    assert lenient.code == 0, lenient.text
    (problem,) = strict.problems
    assert problem.startswith(
        f"{FILE}::test_new cannot be measured against the baseline: TypeError: make() got an"
    )
    assert "allow it with --allow-new" in problem
    assert "pytest-telemetry gate --update" in problem


def test_what_measured_nothing_is_told_where_no_list_says_what_should(project: Project) -> None:
    """It may be skipped on purpose, so it does not fail; but nobody should take it for compared."""
    hold(project, was=1, now=1)
    project.benchmarks(
        f"{USES_HELD}\nimport pytest\n@pytest.mark.skip(reason='no')\ndef test_skipped(benchmark): pass\n"
    )

    ran = project.gate(AGAINST)

    assert ran.code == 0, ran.text
    assert f"telemetry gate: {FILE}::test_skipped measured nothing: skipped, or failed" in ran.text


def test_a_package_that_the_revision_does_not_have_is_left_out_and_named(project: Project) -> None:
    """Whoever adds one can still compare the others; what moved into it is the same on both sides."""
    hold(project)
    project.put("mycore/__init__.py", "")

    ran = project.gate(AGAINST)

    assert_smaller(ran)
    assert "telemetry gate: not compared, for the revision does not have them: mycore" in ran.sections


def test_code_outside_the_packages_is_named(project: Project) -> None:
    """It is the same on both sides, so that no change can be seen: moved code would pass for ever."""
    hold(project, was=1, now=1)
    project.put("moved.py", "def make():\n    return [0]\n")
    project.benchmarks(
        f"{USES_HELD}\nimport moved\n"
        "def test_moved(telemetry_benchmark):\n    telemetry_benchmark.holding(moved.make)\n"
        "def test_timed(benchmark):\n    benchmark(moved.make)\n"
    )

    ran = project.gate(AGAINST)

    note = "no Python code of mylib ran: is what it times named in `packages`?"
    assert note not in ran.judgements["test_held"]["note"]
    assert note in ran.judgements["test_moved"]["note"]
    assert note in ran.judgements["test_timed"]["note"]


MIXED = """
{before}
import third_party

def test_shared(benchmark):
    {inside}
    benchmark(third_party.CACHE.setdefault("work", mylib.work))
"""


@pytest.mark.parametrize(("where", "loops"), [("before", 5), ("inside", 200_000)], ids=["short", "long"])
def test_an_object_that_the_sides_share_is_refused(project: Project, where: str, loops: int) -> None:
    """Something outside the project kept it, so both sides would run the same code and no change could be seen."""
    outside = project.root.parent / "outside"
    outside.mkdir()
    (outside / "third_party.py").write_text("CACHE = {}\n", encoding="utf-8")
    project.environment["PYTHONPATH"] = os.pathsep.join(map(str, (outside, project.root)))
    module = project.put("mylib.py", f"def work():\n    for _ in range({loops}): pass\n")
    project.benchmarks(MIXED.format(**{"before": "", "inside": "", where: "import mylib"}))
    project.commit()

    ran = project.gate(AGAINST)

    assert ran.code == 1
    (problem,) = ran.problems
    assert "one side runs code of the other" in problem
    assert str(module) in problem


# What is no input to work with: exit code 2, one line.


def no_baseline(project: Project) -> tuple[str, ...]:
    project.commit()
    return ()


def text(content: str) -> Callable[[Project], tuple[str, ...]]:
    def write(project: Project) -> tuple[str, ...]:
        project.put("benchmarks/baseline.toml", content)
        return ()

    return write


def keys(**changes: Any) -> Callable[[Project], tuple[str, ...]]:
    def write(project: Project) -> tuple[str, ...]:
        baseline(project, project.git("rev-parse", "HEAD"), "test_held", **changes)
        return ()

    return write


def unknown_revision(project: Project) -> tuple[str, ...]:
    baseline(project, "0" * 40, "test_held", sha256="0" * 64)
    return ()


def damaged_archive(project: Project) -> tuple[str, ...]:
    project.put("benchmarks/old.zip", "no zip")
    return keys(archive="old.zip")(project)


def no_repository(project: Project) -> tuple[str, ...]:
    keys()(project)
    (project.root / ".git").rename(project.root.parent / "away")
    return ()


def broken_code(project: Project) -> tuple[str, ...]:
    project.library("import nothing_like_it\n")
    project.commit()
    project.library(HELD.format(side="now", size=1))
    return (AGAINST,)


def code_elsewhere(project: Project) -> tuple[str, ...]:
    outside = project.root.parent / "outside"
    outside.mkdir()
    (outside / "part.py").touch()
    project.library(f"__path__.insert(0, {str(outside)!r})\nimport mylib.part\n")
    project.commit()
    project.library(HELD.format(side="now", size=1))
    return (AGAINST,)


def no_benchmark(project: Project) -> tuple[str, ...]:
    project.benchmarks("def test_it(): pass\n")
    return (AGAINST,)


def nothing_to_measure(project: Project) -> tuple[str, ...]:
    project.benchmarks("import pytest\ndef test_it(benchmark): pytest.skip('no')\n")
    return (AGAINST,)


def no_valgrind(project: Project) -> tuple[str, ...]:
    programs = project.root.parent / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(str(shutil.which("git")))
    project.environment["PATH"] = str(programs)
    project.benchmarks("def test_it(benchmark): benchmark(int)\n")
    return (AGAINST, "--telemetry-gate-instructions")


def options(*given: str) -> Callable[[Project], tuple[str, ...]]:
    return lambda _: (AGAINST, *given)


UNUSABLE = {
    "no baseline": (no_baseline, "there is no baseline: make one with pytest-telemetry gate --update"),
    "no TOML": (text("schema = "), "baseline.toml: is not TOML"),
    "no baseline's TOML": (text("[tool.other]\na = 1\n"), "schema: is missing, so this is no baseline"),
    "no such revision": (unknown_revision, f"no commit '{'0' * 40}' in this repository"),
    "against no revision": (options("--telemetry-gate-against=v9"), "no commit 'v9' in this repository"),
    "other code": (keys(sha256="0" * 64), "is not the code of the baseline: sha256"),
    "no archive": (keys(archive="old.zip"), "old.zip: no such archive"),
    "damaged archive": (damaged_archive, "old.zip: is no zip, or a damaged one"),
    "no repository": (no_repository, "no git repository"),
    "broken code": (broken_code, "the baseline does not import: mylib: ModuleNotFoundError: No module named"),
    "no threshold": (
        options("--telemetry-gate-threshold=much"),
        "between 0 and 1, like 5% or 0.05, not 'much'",
    ),
    "negative threshold": (options("--telemetry-gate-threshold=0"), "like 5% or 0.05, not '0'"),
    "code elsewhere": (code_elsewhere, "the baseline is not taken from "),
    "no benchmark": (no_benchmark, "no benchmark was measured: ask for tests that use benchmark"),
    "nothing to measure": (nothing_to_measure, "no benchmark was measured: ask for tests that use benchmark"),
    "no valgrind": (no_valgrind, "valgrind"),
    "no report": (
        options("--telemetry-gate-json=missing/gate.json"),
        "gate.json: cannot be written: it is a folder, or there is none for it",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_input_that_cannot_be_used_is_told_in_one_line(project: Project, case: str) -> None:
    """Exit code 2, no traceback, and the baseline's file stays as it is."""
    hold(project)
    arrange, expected = UNUSABLE[case]
    given = arrange(project)
    file = project.root / "benchmarks/baseline.toml"
    before = file.read_bytes() if file.exists() else None

    ran = project.gate(*given)

    assert ran.code == 2, ran.text
    *_, line = (line for line in ran.text.splitlines() if line.startswith("telemetry gate: "))
    assert expected in line
    assert "Traceback" not in ran.text
    assert "INTERNALERROR" not in ran.text
    assert (file.read_bytes() if file.exists() else None) == before


# Where the gate cannot judge.

TRACED = "a tracer is active (coverage, debugger, profiler): timings would not be ours; for pytest-cov add --no-cov"
CODSPEED = """
def pytest_addoption(parser):
    parser.addoption("--codspeed", action="store_true", default=False)
"""
REFUSED = {
    "xdist": (("-p", "xdist", "-n", "1"), "", "drop -n, or add -n 0 (pytest-telemetry gate -- -n 0)"),
    "disabled": (("--benchmark-disable",), "", "drop --benchmark-disable and --benchmark-skip"),
    "skipped": (("--benchmark-skip",), "", "drop --benchmark-disable and --benchmark-skip"),
    "no pytest-benchmark": (("-p", "no:benchmark"), "", "pip install 'pytest-telemetry[benchmark]'"),
    "codspeed": (
        ("--codspeed",),
        CODSPEED,
        "pytest-codspeed is active and switches pytest-benchmark off: drop",
    ),
    "debugger": ((), "sys.settrace(lambda *_: None)", TRACED),
    "profiler": ((), "sys.setprofile(lambda *_: None)", TRACED),
    "coverage": (("-p", "pytest_cov", "--cov=mylib", "--cov-report="), "", TRACED),
}
if sys.version_info >= (3, 12):
    REFUSED["monitoring"] = ((), "sys.monitoring.use_tool_id(2, 'profiler')", TRACED)


@pytest.mark.parametrize("case", REFUSED)
def test_trap_1_where_timings_would_not_be_ours_the_gate_does_not_judge(project: Project, case: str) -> None:
    """Not slower, not faster, not passed: exit code 2, and what to do."""
    given, conftest, expected = REFUSED[case]
    hold(project)
    project.put("conftest.py", f"import sys\n{conftest}\n")

    ran = project.pytest("--telemetry-gate", AGAINST, *given, unseen=case == "coverage")

    assert ran.code == 2, ran.text
    (line,) = (line for line in ran.text.splitlines() if "telemetry gate: " in line)
    assert expected in line
    assert "Traceback" not in ran.text


def test_without_pytest_benchmark_xdist_makes_no_difference(project: Project) -> None:
    """What is missing is told in one line, whatever else is there."""
    hold(project)

    ran = project.pytest("--telemetry-gate", AGAINST, "-n", "1", plugins=("telemetry", "xdist"))

    assert ran.code == 2, ran.text
    assert "INTERNALERROR" not in ran.text
    assert "pip install 'pytest-telemetry[benchmark]'" in ran.text


def test_options_that_other_options_take_back_do_not_keep_the_gate_from_judging(project: Project) -> None:
    """A project may switch benchmarks off in its ini file; --benchmark-only and --benchmark-enable switch them on."""
    hold(project)
    project.put("pytest.ini", "[pytest]\naddopts = --benchmark-skip --benchmark-disable\n")

    assert_smaller(project.gate(AGAINST, "--benchmark-enable"))


def test_an_option_of_the_gate_without_the_gate_is_an_error(project: Project) -> None:
    """Who asks for a comparison must not get a run without one that passes."""
    hold(project)

    ran = project.pytest("--benchmark-only", AGAINST)

    assert ran.code == 4
    assert "add --telemetry-gate" in ran.text


def test_collecting_only_compares_nothing(project: Project) -> None:
    """Names are listed, nothing runs."""
    hold(project)

    ran = project.gate(AGAINST, "--collect-only")

    assert (ran.code, ran.gate) == (0, {})
    assert "<Function test_held>" in ran.text


# Tests that fail.


def test_a_benchmark_that_fails_fails_the_run(project: Project) -> None:
    """The others are compared all the same."""
    hold(project)
    project.benchmarks(
        f"{USES_HELD}\ndef test_wrong(benchmark):\n    assert benchmark(mylib.make) == 1\n"
        "def test_before(benchmark):\n    assert mylib.SIDE == 'baseline'\n    benchmark(int)\n"
    )

    ran = project.gate(AGAINST)

    assert ran.code == 1
    assert "2 failed, 1 passed" in ran.text
    assert ran.outcomes["test_held"] == "smaller"


def test_a_benchmark_that_raises_fails_as_it_does_without_the_gate(project: Project) -> None:
    """What the code does wrong now is told by the test, and nothing of it by the gate."""
    hold(project)
    project.benchmarks(f"{USES_HELD}\ndef test_wrong(benchmark):\n    benchmark(lambda: 1 / 0)\n")

    ran = project.gate(AGAINST)

    assert ran.code == 1
    assert "ZeroDivisionError: division by zero" in ran.text
    assert set(ran.outcomes) == {"test_held"}


STOP = """
def pytest_runtest_teardown(item):
    if item.name == "test_held":
        item.session.shouldstop = "enough"
"""


@pytest.mark.parametrize(
    ("given", "conftest", "said"),
    [(("-x",), "", "stopping after 1 failures"), ((), STOP, "enough")],
    ids=["-x", "stop"],
)
def test_a_run_that_is_stopped_does_not_pass(
    project: Project, given: tuple[str, ...], conftest: str, said: str
) -> None:
    """It ends as it would without the gate."""
    hold(project)
    project.put("benchmarks/conftest.py", conftest)
    project.benchmarks(
        f"{USES_HELD}\ndef test_a(benchmark):\n    assert 0\ndef test_b(benchmark):\n    assert 0\n"
    )

    ran = project.gate(AGAINST, "-rA", *given)

    assert ran.code in {1, 2}
    assert said in ran.text
    assert "::test_b" not in ran.text
    assert "INTERNALERROR" not in ran.text


def test_files_that_cannot_be_collected_end_the_run(project: Project) -> None:
    """As they do without the gate."""
    hold(project)
    project.put("benchmarks/test_broken.py", "import nothing_like_it\n")

    ran = project.gate(AGAINST)

    assert ran.code == 2
    assert "1 error during collection" in ran.text
    assert "telemetry gate" not in ran.text


@pytest.mark.parametrize("side", ["now", "baseline"])
def test_a_user_can_interrupt_the_gate(project: Project, side: str) -> None:
    """On both sides: fixtures are taken down, exit code 2, no verdict."""
    project.library(HELD.format(side="baseline", size=1))
    project.put(
        "benchmarks/conftest.py",
        """
        import mylib, pytest
        @pytest.fixture(scope="session")
        def thing():
            yield
            print(f"taken down {mylib.SIDE}")
        """,
    )
    project.benchmarks(
        f"""
        import mylib
        def stop():
            if mylib.SIDE == {side!r}:
                raise KeyboardInterrupt
        def test_it(benchmark, thing):
            benchmark(stop)
        def test_next(benchmark):
            assert 0
        """
    )
    project.commit()
    project.library(HELD.format(side="now", size=1))

    ran = project.gate(AGAINST, "-s")

    assert ran.code == 2, ran.text
    assert "KeyboardInterrupt" in ran.text
    assert "taken down now" in ran.text
    assert "taken down baseline" in ran.text
    assert "telemetry gate =" not in ran.text


# Processes that confirm.

FRESH = "any('--telemetry-gate-readings' in word for word in sys.argv)"


def test_fresh_processes_look_for_packages_where_this_one_does(project: Project) -> None:
    """The command pytest, other than ``python -m pytest``, leaves the current folder alone: here is another copy."""
    hold(project, was=1, now=1)
    installed = project.root.parent / "installed"
    shutil.copytree(project.root / "mylib", installed / "mylib")
    (installed / "mylib/__init__.py").write_text(HELD.format(side="now", size=WIDER), encoding="utf-8")
    (installed / "sitecustomize.py").write_text(CRASH_BUT_ONCE, encoding="utf-8")
    project.environment["PYTHONPATH"] = str(installed)

    ran = project.gate(AGAINST, flags=("-P",))

    assert ran.judgements["test_held"]["now"] == 56 + 8 * WIDER
    assert (ran.judgements["test_held"]["confirmed"], ran.judgements["test_held"]["votes"]) == (1, 1)


CRASH_BUT_ONCE = """
import os, pathlib, sys
if any("--telemetry-gate-readings" in word for word in sys.orig_argv):
    first = pathlib.Path(f"first-{os.getppid()}")  # the gate may be asked once more
    if first.exists():
        os._exit(3)
    first.touch()
"""
"""A sitecustomize module with which the first fresh process lives, and the others do not get as far as pytest."""


def test_a_suspicion_that_five_fresh_processes_do_not_share_is_cleared(project: Project) -> None:
    """The other four could not outvote them; an update hears all nine."""
    hold(project, was=1, now=1)
    project.library(f"import sys\ndef make(): return [0] * (1 if {FRESH} else 2)\n")

    ran = project.gate(AGAINST)

    assert ran.code == 0, ran.text
    assert "confirming 1 benchmark in up to 9 fresh processes: 1 2 3 4 5 " in ran.text
    assert "1 2 3 4 5 6" not in ran.text
    assert (ran.judgements["test_held"]["confirmed"], ran.judgements["test_held"]["votes"]) == (5, 0)


def test_a_fresh_process_that_crashes_is_a_problem(project: Project) -> None:
    """A vote is lost, so the gate fails although nothing else does."""
    hold(project, was=1, now=1)
    project.library(f"import sys\ndef make(): return [0] * (1 if {FRESH} else 2)\n")
    project.put("sitecustomize.py", CRASH_BUT_ONCE)

    ran = project.gate(AGAINST)

    assert ran.code == 1
    assert ran.outcomes == {"test_held": "unchanged"}
    assert ran.judgements["test_held"]["confirmed"] == 1
    assert ran.problems == [
        f"confirmation process {number} of 9 ended with 3: it said nothing" for number in range(2, 10)
    ]


def test_a_fresh_process_that_hangs_is_stopped(project: Project) -> None:
    """It is a problem, and the others, which would hang as well, are not started."""
    hold(project, was=1, now=1)
    project.library(f"import sys\ndef make(): return [0] * (1 if {FRESH} else 2)\n")
    project.put(
        "conftest.py",
        "from pytest_telemetry._pytest import fresh\nfresh.PATIENCE_S, fresh.EACH_S = 0.1, 0.1\n",
    )
    project.put(
        "sitecustomize.py",
        "import sys, threading\n"
        "if any('--telemetry-gate-readings' in word for word in sys.orig_argv):\n    threading.Event().wait()\n",
    )

    ran = project.gate(AGAINST)

    assert ran.code == 1
    (problem,) = ran.problems
    assert problem == (
        "confirmation process 1 of 9 was stopped after 0.2 s, and no other was started: "
        f"does {FILE}::test_held end when it is measured alone?"
    )


def test_instructions_are_counted_where_something_is_timed(project: Project) -> None:
    """By the real valgrind, beside the other counters; what is held has none, and they fail nothing."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    project.library(WORK.format(side="baseline"))
    project.benchmarks(
        "import mylib\n"
        "def test_work(benchmark):\n    benchmark(mylib.work)\n"
        "def test_held(telemetry_benchmark):\n    telemetry_benchmark.holding(list)\n"
    )
    project.commit()
    project.library(WORK.format(side="now").replace("n=20", "n=21"))

    ran = project.gate(AGAINST, "--telemetry-gate-threshold=90%", "--telemetry-gate-instructions")

    assert ran.code == 0, ran.text
    before, after = ran.judgements["test_work"]["counters"]["instructions"]
    assert before < after < 1.2 * before
    assert "instructions" not in ran.judgements["test_held"]["counters"]


def test_a_target_that_one_fresh_process_meets_is_met(project: Project) -> None:
    """Those after it are not needed; it was the machine, for code that cannot meet it never does."""
    hold(project)
    project.benchmarks(
        f"""
        import sys
        import pytest
        @pytest.mark.telemetry(target_ns=100)
        def test_it(telemetry_benchmark):
            telemetry_benchmark.figures(lambda: {{"ours": 90.0 if {FRESH} else 110.0}})
        """
    )

    ran = project.gate(AGAINST)

    assert ran.code == 0, ran.text
    assert "confirming 1 benchmark" in ran.text
    assert ran.judgements["test_it"]["targets"] == ["met: 90.0 ns, below 100 ns"]


def test_fresh_processes_that_measure_nothing_are_problems(project: Project) -> None:
    """Then the first reading counts, each of them is told, and an update has to wait, for one may have seen more."""
    revision = hold(project, was=1, now=2)
    project.benchmarks(
        f"import sys, pytest\n{USES_HELD}\n"
        f"@pytest.mark.skipif({FRESH}, reason='')\n"
        "def test_also(telemetry_benchmark):\n    telemetry_benchmark.holding(mylib.make)\n"
    )
    project.put("sitecustomize.py", CRASH_BUT_ONCE)
    baseline(project, revision, "test_held", "test_also")
    project.commit()
    before = (project.root / "benchmarks/baseline.toml").read_bytes()

    ran = project.gate("--telemetry-gate-update=because")

    assert ran.code == 2
    assert ran.outcomes == {"test_held": "larger", "test_also": "larger"}
    assert ran.judgements["test_held"]["note"] == "no fresh process has measured it again"
    assert len(ran.problems) == 9
    assert ran.problems[0] == f"confirmation process 1 of 9 did not measure {FILE}::test_also"
    assert ran.problems[8] == "confirmation process 9 of 9 ended with 3: it said nothing"
    assert "confirmation process 9 of 9" in ran.sections
    assert "the baseline stays as it is" in ran.sections
    assert (project.root / "benchmarks/baseline.toml").read_bytes() == before


# Updates.


def read(project: Project) -> dict[str, Any]:
    import tomllib

    return tomllib.loads((project.root / "benchmarks/baseline.toml").read_text(encoding="utf-8"))


def update(project: Project, *given: str) -> Ran:
    return project.gate("--telemetry-gate-update=because", *given)


def test_the_first_update_makes_a_baseline_of_the_last_commit(project: Project) -> None:
    """It says so, needs nothing to compare with, and the gate passes against it from then on."""
    project.library(HELD.format(side="now", size=1))
    project.benchmarks(USES_HELD)
    revision = project.commit()

    ran = update(project)

    assert ran.code == 0, ran.text
    assert f"the baseline is now {revision}, with 1 benchmark" in ran.text
    written = read(project)
    assert (written["packages"], written["revision"]) == (["mylib"], revision)
    assert written["benchmarks"] == [f"{FILE}::test_held"]
    assert [entry["reason"] for entry in written["history"]] == ["because"]
    assert project.gate().outcomes == {"test_held": "unchanged"}


def test_a_second_update_notes_what_was_accepted(project: Project) -> None:
    """The drift of each benchmark against the baseline before, and later runs tell the sum of all."""
    hold(project)
    project.library(HELD.format(side="then", size=NARROWER))
    update(project, "--telemetry-gate-archive=old.zip")
    project.library(HELD.format(side="now", size=WIDER // 20))

    ran = update(project)
    later = project.gate("--telemetry-gate-baseline=benchmarks/baseline.toml")

    assert ran.code == 0, ran.text
    written = read(project)
    before, after = 56 + 8 * NARROWER, 56 + 8 * WIDER // 20
    assert written["history"][1]["drift"] == {f"{FILE}::test_held": round(after / before - 1, 4)}
    assert [entry["reason"] for entry in written["history"]] == ["because", "because"]
    assert "accepted since the first baseline" in later.judgements["test_held"]["note"]


def test_an_update_leaves_targets_to_the_runs_after_it(project: Project) -> None:
    """They are not relative to a baseline, so nothing is confirmed, and nothing keeps the baseline from being made."""
    project.library(HELD.format(side="now", size=WIDER))
    project.benchmarks(
        "import mylib, pytest\n@pytest.mark.telemetry(max_bytes=9)\n"
        "def test_held(telemetry_benchmark):\n    telemetry_benchmark.holding(mylib.make)\n"
    )

    ran = update(project, "--telemetry-gate-archive=old.zip")

    assert ran.code == 0, ran.text
    assert (ran.outcomes["test_held"], ran.judgements["test_held"]["confirmed"]) == ("missed", 0)
    assert (project.root / "benchmarks/baseline.toml").exists()


def test_an_archive_needs_no_git(project: Project) -> None:
    """The code is kept beside the file, and is what the gate compares with."""
    project.library(HELD.format(side="baseline", size=WIDER))
    project.benchmarks(USES_HELD)

    ran = update(project, "--telemetry-gate-archive=old.zip")

    assert ran.code == 0, ran.text
    assert zipfile.ZipFile(project.root / "benchmarks/old.zip").namelist() == ["mylib/", "mylib/__init__.py"]
    assert "revision" not in read(project)
    project.library(HELD.format(side="now", size=NARROWER))
    assert_smaller(project.gate())


def test_a_working_tree_that_is_not_committed_cannot_become_a_revision(project: Project) -> None:
    """Nobody could find that code again; nothing is written."""
    hold(project)

    ran = update(project)

    assert ran.code == 2
    assert "the working tree differs from the last commit" in ran.text
    assert not (project.root / "benchmarks/baseline.toml").exists()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["--telemetry-gate-update= "], "needs a reason: --update --reason TEXT"),
        (["--telemetry-gate-update=because", AGAINST], "without --against"),
        (["--telemetry-gate-update=because", "--telemetry-gate-archive=../x.zip"], "'../x.zip'"),
        (["--telemetry-gate-update=because", "--telemetry-gate-archive=/x.zip"], "'/x.zip'"),
        (["--telemetry-gate-update=because", "--telemetry-gate-archive=baseline.toml"], "'baseline.toml'"),
        (["--telemetry-gate-update=because", "--telemetry-gate-archive=test_it.py"], "'test_it.py'"),
        (["--telemetry-gate-update=because", "--telemetry-gate-archive=test_it.zip"], "is there and no zip"),
        (
            ["--telemetry-gate-update=because", "--telemetry-gate-archive=test_it.py/x.zip"],
            "cannot be written",
        ),
        (["--telemetry-gate-json=benchmarks/baseline.toml"], "is the baseline: name another file for --json"),
        (["--telemetry-gate-json=nowhere/gate.json"], "nowhere/gate.json: cannot be written"),
        (["--telemetry-gate-json="], "cannot be written"),
        (["--telemetry-gate-json=-"], "--json -: standard output has the table: name a file"),
        (["--telemetry-gate-against="], "--against names no revision: it is empty"),
        (["--telemetry-gate-threshold="], "like 5% or 0.05, not ''"),
    ],
)
def test_an_update_that_cannot_be_is_refused_and_nothing_is_lost(
    project: Project, given: list[str], why: str
) -> None:
    """One line, and every file beside the baseline is as it was."""
    hold(project, was=1, now=1)
    update(project, "--telemetry-gate-archive=old.zip")
    project.put("benchmarks/test_it.zip", "somebody's own")
    before = {path: path.read_bytes() for path in project.root.glob("benchmarks/*.*")}

    ran = project.pytest("--benchmark-only", "--telemetry-gate", *given)

    assert ran.code == 2, ran.text
    assert why in ran.sections
    assert {path: path.read_bytes() for path in project.root.glob("benchmarks/*.*")} == before


PORT = """
import sys, pytest
@pytest.fixture
def port():
    assert not hasattr(sys, "port_is_taken"), "the port is taken"
    sys.port_is_taken = True
    yield
    del sys.port_is_taken
def test_served(telemetry_benchmark, port):
    telemetry_benchmark.holding(mylib.make)
"""
"""A benchmark with a fixture of which there cannot be two."""


def test_an_update_lists_no_benchmark_that_later_runs_could_not_compare(project: Project) -> None:
    """What cannot be measured beside the new baseline either is a problem, so that nothing is written."""
    hold(project, was=1, now=1)
    update(project, "--telemetry-gate-archive=old.zip")
    before = (project.root / "benchmarks/baseline.toml").read_bytes()
    project.benchmarks(f"{USES_HELD}{PORT}")

    ran = update(project)

    assert ran.code == 2, ran.text
    (problem,) = ran.problems
    assert problem == (
        f"{FILE}::test_served cannot be measured beside the new baseline: AssertionError: the port is taken; if it "
        "never can, mark it with telemetry(gate=False)"
    )
    assert (project.root / "benchmarks/baseline.toml").read_bytes() == before


def test_an_update_says_what_it_could_not_compare(project: Project) -> None:
    """The old code does not know a new keyword: what a listed benchmark costs with it is accepted unseen, and told."""
    project.library("def make():\n    return [0]\n")
    project.benchmarks(USES_HELD)
    update(project, "--telemetry-gate-archive=old.zip")
    project.library("def make(n=1):\n    return [0] * n\n")
    project.benchmarks(
        "import mylib\n"
        "def test_held(telemetry_benchmark):\n    telemetry_benchmark.holding(lambda: mylib.make(n=9))\n"
        "def test_new(telemetry_benchmark):\n    telemetry_benchmark.holding(lambda: mylib.make(n=9))\n"
    )

    ran = update(project)

    assert ran.code == 0, ran.text
    assert f"not compared, so what they cost now is accepted unseen: {FILE}::test_held" in ran.sections
    assert f"unseen: {FILE}::test_held, " not in ran.sections
    assert read(project)["benchmarks"] == [f"{FILE}::test_held", f"{FILE}::test_new"]


def test_what_falls_to_nothing_can_be_accepted(project: Project) -> None:
    """There is no drift that could be compounded, and the archive and its file stay a pair."""
    project.library("KEPT = []\ndef make():\n    return [0]\n")
    project.benchmarks(USES_HELD)
    update(project, "--telemetry-gate-archive=old.zip")
    project.library("KEPT = []\ndef make():\n    return KEPT\n")

    ran = update(project)

    assert ran.code == 0, ran.text
    assert ran.judgements["test_held"]["ratio"] == -1
    assert "drift" not in read(project)["history"][1]
    assert project.gate().outcomes == {"test_held": "unchanged"}


@pytest.mark.parametrize("broken", ["does not import", "is not there"])
def test_an_old_baseline_that_cannot_be_used_is_replaced_and_said(project: Project, broken: str) -> None:
    """No drift can be known; the list of benchmarks that were not measured now stays, with --partial."""
    project.library("import sys\nassert not hasattr(sys, 'newer')\ndef make():\n    return [0]\n")
    project.benchmarks(USES_HELD)
    update(project, "--telemetry-gate-archive=old.zip")
    if broken == "is not there":
        (project.root / "benchmarks/old.zip").unlink()
    listed = read(project)["benchmarks"]
    project.put("conftest.py", "import sys\nsys.newer = True\n")
    project.library("def make():\n    return [0]\n")
    project.put("benchmarks/test_it.py", USES_HELD.replace("test_held", "test_other"))

    ran = update(project, "--telemetry-gate-partial")

    assert ran.code == 0, ran.text
    assert "no drift is known, for there was nothing to compare with: " in ran.text
    assert read(project)["benchmarks"] == sorted([*listed, f"{FILE}::test_other"])
    assert project.gate("--telemetry-gate-partial").code == 0


TURNS = """
import sys

N = {turns}

def work():
    total = 0
    for i in range(N):
        total += i
    return total
"""


def test_drift_is_what_fresh_processes_agree_on(project: Project) -> None:
    """A first reading that they do not share is not noted, doubled work is; the list loses names aloud."""
    project.library(TURNS.format(turns=20))
    project.benchmarks(
        "import mylib\n"
        "def test_work(benchmark):\n    benchmark(mylib.work)\n"
        "def test_gone(telemetry_benchmark):\n    telemetry_benchmark.holding(mylib.work)\n"
    )
    update(project, "--telemetry-gate-archive=old.zip")

    project.library(TURNS.format(turns=f"20 if {FRESH} else 60"))
    noise = update(project, "--telemetry-gate-partial", "-k", "test_work")
    project.library(TURNS.format(turns=f"60 if {FRESH} else 180"))
    work = update(project, "-k", "test_work")

    assert (noise.code, work.code) == (0, 0), work.text
    assert noise.judgements["test_work"]["first"] > 0.5
    _, after_noise, after_work = (entry.get("drift", {}) for entry in read(project)["history"])
    assert after_noise.get(f"{FILE}::test_work", 0) < 0.3
    assert after_work[f"{FILE}::test_work"] > 0.5
    assert f"not measured, so what they cost now is accepted unseen: {FILE}::test_gone" in noise.text
    assert f"no longer listed: {FILE}::test_gone" in work.text
    assert read(project)["benchmarks"] == [f"{FILE}::test_work"]


def test_an_update_says_which_packages_are_not_compared(project: Project) -> None:
    """Code that moved to a new package would be the same on both sides."""
    hold(project, was=1, now=1)
    update(project, "--telemetry-gate-archive=old.zip")
    project.put("mycore/__init__.py", "")

    ran = update(project)

    assert "not compared, for `packages` does not name them: mycore" in ran.text


def test_installed_code_is_told_and_makes_no_baseline(project: Project) -> None:
    """With the tree elsewhere and a package installed, the tree is not what is measured."""
    hold(project, was=1, now=1)
    update(project, "--telemetry-gate-archive=old.zip")
    installed = project.root.parent / "installed"
    shutil.copytree(project.root / "mylib", installed / "mylib")
    (project.root / "src").mkdir()
    (project.root / "mylib").rename(project.root / "src/mylib")
    project.put("pytest.ini", "[pytest]\n")
    project.environment["PYTHONPATH"] = str(installed)

    ran, updated = project.gate(), update(project)

    assert ran.code == 0, ran.text
    assert f"and now is what is installed, {installed}" in ran.text
    assert updated.code == 2
    assert "was measured, and not the working tree" in updated.sections


def test_a_run_with_a_failure_makes_no_baseline(project: Project) -> None:
    """Nothing is written, and the table says what was measured."""
    project.library(HELD.format(side="now", size=1))
    project.benchmarks(f"{USES_HELD}\ndef test_wrong(benchmark):\n    assert 0\n")
    project.commit()

    ran = update(project)

    assert ran.code == 2
    assert "the baseline stays as it is" in ran.text
    assert f"{FILE}::test_held" in ran.sections
    assert not (project.root / "benchmarks/baseline.toml").exists()
