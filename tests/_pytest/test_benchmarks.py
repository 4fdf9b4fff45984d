"""The fixture telemetry_benchmark, in pytests of their own."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests._pytest.conftest import Project

FORMS = """
import pytest

SEEN = []

def work(n=3, *, twice=False):
    return n * 2 if twice else n

def test_call(telemetry_benchmark):
    assert telemetry_benchmark(work, 4, twice=True) == 8
    assert telemetry_benchmark.reading.ours > 0

def test_statement(telemetry_benchmark):
    reading = telemetry_benchmark.statement("work(n)", {"work": work, "n": 5}, rounds=20)
    assert list(reading.figures) == ["test_statement"]
    assert reading is telemetry_benchmark.reading
    assert reading.unit == "ns"

@pytest.mark.telemetry(max_ratio=[("slow", 0.9), ("slower", 0.05)])
def test_against(telemetry_benchmark):
    reading = telemetry_benchmark.statement(
        "work()",
        {"work": work},
        label="work alone",
        against={
            "slow": lambda: [work() for _ in range(30)],
            "slower": {"body": "for _ in range(1000): work()", "names": {"work": work}},
        },
        rounds=20,
    )
    assert list(reading.figures) == ["work alone", "slow", "slower"]

@pytest.mark.telemetry(max_bytes=600)
def test_holding(telemetry_benchmark):
    reading = telemetry_benchmark.holding(lambda: [0] * 50, label="a list")
    assert list(reading.figures) == ["a list", "between levels 64 and 400", "between levels 400 and 900"]
    assert (reading.unit, reading.ours) == ("bytes", 56 + 8 * 50)

def test_letting_go(telemetry_benchmark):
    telemetry_benchmark.holding(lambda: 1, SEEN.append)
    assert set(SEEN) == {1}

@pytest.mark.telemetry(target_ns=100)
def test_figures(telemetry_benchmark):
    assert telemetry_benchmark.figures(lambda: {"ours": 99.0, "theirs": 300.0}).ours == 99

def test_overhead(telemetry_benchmark):
    overhead = telemetry_benchmark.overhead(
        lambda: [work() for _ in range(30)], without={"body": "work()", "names": {"work": work}}
    )
    assert overhead > 0.5
    before, after = overhead.counters["python calls"]
    assert after > before + 25

class TestGroup:
    def test_method(self, telemetry_benchmark):
        telemetry_benchmark(work)

def test_group(benchmark, telemetry_benchmark):
    benchmark.group = "mine"
    telemetry_benchmark(work)

def test_not_used(telemetry_benchmark):
    pass
"""


def run_forms(project: Project) -> dict[str, Any]:
    project.put("test_forms.py", FORMS)
    options = ("--benchmark-only", "--benchmark-json=bench.json", "--benchmark-save=run")
    ran = project.pytest(*options, "-p", "no:cacheprovider")
    (saved,) = (project.root / ".benchmarks").rglob("*.json")
    return {
        "code": ran.code,
        "text": ran.text,
        "json": json.loads((project.root / "bench.json").read_text(encoding="utf-8"))["benchmarks"],
        "saved": json.loads(saved.read_text(encoding="utf-8"))["benchmarks"],
    }


@pytest.fixture
def forms(shared: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What came of all that the fixture can do."""
    return shared("fixture_forms", run_forms)


TIMED = ("test_call", "test_statement", "test_against", "test_overhead", "test_method", "test_group")
ONCE = ("test_holding", "test_letting_go", "test_figures")


def test_it_times_calls_statements_and_overheads_and_weighs_what_is_held(forms: dict[str, Any]) -> None:
    """Each returns what was measured, with references; a call returns what the function returns."""
    assert forms["code"] == 0, forms["text"]
    assert "10 passed" in forms["text"]


def extra(forms: dict[str, Any], kind: str = "json") -> dict[str, dict[str, Any]]:
    return {one["name"]: one["extra_info"].get("telemetry") for one in forms[kind]}


@pytest.mark.parametrize("kind", ["json", "saved"])
def test_trap_2_what_is_stored_holds_the_result_itself(forms: dict[str, Any], kind: str) -> None:
    """In extra_info, which is always kept; --benchmark-save leaves the rounds out."""
    stored = extra(forms, kind)["test_against"]

    assert set(extra(forms, kind)) == {*TIMED, *ONCE}
    assert (stored["label"], stored["unit"], stored["attempts"]) == ("work alone", "ns", 1)
    assert list(stored["figures"]) == ["work alone", "slow", "slower"]
    assert stored["place"][0] == "test_forms.py"
    assert FORMS.splitlines()[stored["place"][1]].startswith("@pytest.mark.telemetry(max_ratio=[")
    assert [verdict["outcome"] for verdict in stored["verdicts"]] == ["met", "met"]
    assert stored["verdicts"][0]["unit"] == "x"
    assert 0 < stored["verdicts"][0]["value"] < 0.9


@pytest.mark.parametrize("name", TIMED)
def test_rounds_of_pytest_benchmark_are_the_blocks_that_were_timed(forms: dict[str, Any], name: str) -> None:
    """Its table, JSON and histograms show them, in seconds of one operation."""
    (one,) = (one for one in forms["json"] if one["name"] == name)

    assert one["stats"]["rounds"] >= 20
    assert one["stats"]["iterations"] > 1
    ours, *_ = one["extra_info"]["telemetry"]["figures"].values()
    assert one["stats"]["min"] * 1e9 >= ours  # which is net of the loop


@pytest.mark.parametrize(("name", "group"), [("test_call", "forms"), ("test_group", "mine")])
def test_benchmarks_are_grouped_by_their_file_unless_they_say_otherwise(
    forms: dict[str, Any], name: str, group: str
) -> None:
    """The group of pytest-benchmark."""
    (one,) = (one for one in forms["json"] if one["name"] == name)

    assert one["group"] == group


def test_the_summary_has_a_line_for_each_benchmark_and_each_target(forms: dict[str, Any]) -> None:
    """In the order of the file, with what was measured."""
    section = forms["text"].partition("= benchmarks against their targets =")[2].splitlines()
    lines = [line for line in section if line.startswith("  ")]

    assert [line.split()[0] for line in lines if not line.startswith("   ")] == [
        *(
            "test_call",
            "test_statement",
            "work",
            "a",
            "test_letting_go",
            "ours",
            "test_overhead",
            "test_method",
        ),
        "test_group",
    ]
    assert any(
        "a list" in line and "456 bytes" in line and "met: 456 bytes, below 600 bytes" in line
        for line in lines
    )
    assert any("not judged" in line for line in lines if "test_call" in line)
    assert any("  overhead +" in line for line in lines if "test_overhead" in line)
    assert "at least 20 x faster than slower" in forms["text"]
    assert f"CPython {sys.version.split()[0]}: 4 met" in forms["text"]


# Targets.

TARGETS = """
import pytest

pytestmark = pytest.mark.telemetry(target_ns=50)

def figures(telemetry_benchmark, ns=99.0):
    telemetry_benchmark.figures(lambda: {"ours": ns, "theirs": 2 * ns})

def test_module(telemetry_benchmark):
    figures(telemetry_benchmark)

@pytest.mark.telemetry(target_ns=100)
class TestClass:
    def test_class(self, telemetry_benchmark):
        figures(telemetry_benchmark)

    @pytest.mark.telemetry(min_ops=20_000_000)
    def test_function(self, telemetry_benchmark):
        figures(telemetry_benchmark)

    @pytest.mark.parametrize(
        "ns",
        [
            pytest.param(99, marks=pytest.mark.telemetry(target_ns=99.5), id="met"),
            pytest.param(99, marks=pytest.mark.telemetry(target_ns=99, max_ratio=("theirs", 0.4)), id="missed"),
        ],
    )
    def test_parameter(self, telemetry_benchmark, ns):
        figures(telemetry_benchmark, ns)

@pytest.mark.telemetry(limit=5)
def test_bytes(telemetry_benchmark):
    telemetry_benchmark.figures(lambda: {"ours": 3}, unit="bytes")
"""


def run_targets(project: Project) -> dict[str, Any]:
    project.put("test_targets.py", TARGETS)
    ran = project.pytest("-p", "no:cacheprovider", "--benchmark-json=bench.json", "-rfEp")
    return {
        "code": ran.code,
        "text": ran.text,
        "json": json.loads((project.root / "bench.json").read_text(encoding="utf-8"))["benchmarks"],
    }


@pytest.fixture
def targets(shared: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What came of targets on modules, classes, functions and parameters."""
    return shared("fixture_targets", run_targets)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("test_module", "FAILED"),
        ("TestClass::test_class", "PASSED"),
        ("TestClass::test_function", "FAILED"),
        ("TestClass::test_parameter[met]", "PASSED"),
        ("TestClass::test_parameter[missed]", "FAILED"),
    ],
)
def test_the_closest_marker_sets_a_target(targets: dict[str, Any], name: str, outcome: str) -> None:
    """Setting by setting: what a class or a module says holds where the function does not say otherwise."""
    assert f"{outcome} test_targets.py::{name}" in targets["text"]


def test_a_missed_target_fails_with_what_was_measured_and_what_was_asked(targets: dict[str, Any]) -> None:
    """One line for each target that was missed; no traceback, for the code is not what is wrong."""
    section = targets["text"].partition("TestClass.test_parameter[missed] _")[2].splitlines()[1:4]

    assert section == [
        "ours, best of 4 attempts",
        "  missed: 99.0 ns, not below 99.0 ns",
        "  missed: 0.500 x, not at most 0.400 x theirs",
    ]


def test_a_missed_target_is_measured_four_times(targets: dict[str, Any]) -> None:
    """One that is met, once."""
    stored = extra(targets)

    assert stored["test_parameter[missed]"]["attempts"] == 4
    assert stored["test_parameter[met]"]["attempts"] == 1
    outcomes = [verdict["outcome"] for verdict in stored["test_function"]["verdicts"]]
    assert outcomes == ["met", "missed"]


def test_the_summary_counts_what_was_met_and_missed(targets: dict[str, Any]) -> None:
    """In its last line."""
    assert f"CPython {sys.version.split()[0]}: 3 met, 4 missed" in targets["text"]


ONE = """
import pytest

@pytest.mark.telemetry({settings})
def test_it(telemetry_benchmark):
    telemetry_benchmark{call}
"""
LONG = "(lambda: [None for _ in range(3_000)])"
FIGURES = ".figures(lambda: {'ours': 99.0})"


def one(project: Project, settings: str, call: str) -> None:
    """Write a test that measures *call* and has *settings* in its marker."""
    project.put("test_it.py", ONE.format(settings=settings, call=call))


def test_time_that_misses_its_target_is_measured_again(project: Project) -> None:
    """Four times, with more rounds each time, before the test fails; the text has the best of them."""
    one(project, "target_ns=100, min_ops=10_000_000", LONG)

    ran = project.pytest()

    assert ran.code == 1
    (index,) = (n for n, line in enumerate(ran.text.splitlines()) if line == "test_it, best of 4 attempts")
    missed = ran.text.splitlines()[index + 1 : index + 3]
    assert missed[0].startswith("  missed: ")
    assert missed[0].endswith(", not below 100 ns")
    assert missed[1].endswith(", not above 10,000,000 operations/s")


BASELINE = """
schema = 1
packages = ["mylib"]
revision = "0000000000000000000000000000000000000000"
date = 2026-01-02
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
benchmarks = []
[reference]
"{python}" = {reference}
"""


def slow_machine(project: Project) -> None:
    """Say that the machine for which targets were set is faster than any."""
    python = "{}.{}".format(*sys.version_info)
    project.put("benchmarks/baseline.toml", BASELINE.format(python=python, reference=0.01))


@pytest.mark.parametrize("call", [FIGURES, "(lambda: sum(range(100)))"])
def test_a_slow_machine_is_given_credit(project: Project, call: str) -> None:
    """Where the baseline's file says how fast the machine is for which targets were set; the text says so."""
    slow_machine(project)
    ours = 99.0 if call == FIGURES else 800
    one(project, f"target_ns={ours / 2}", call)

    ran = project.pytest()

    assert ran.code == 0, ran.text
    assert "met on a slow machine: " in ran.text
    assert "with the largest credit, 4 x)" in ran.text
    assert "x slower than the reference" in ran.text


def test_each_attempt_at_figures_has_a_credit_of_its_own(project: Project) -> None:
    """The yardstick is read before and after each; what it was in the faster of the two moments counts."""
    project.put(
        "benchmarks/baseline.toml", BASELINE.format(python="{}.{}".format(*sys.version_info), reference=100)
    )
    project.put(
        "conftest.py",
        """
        from pytest_telemetry._pytest import benchmarks
        costs = iter([400.0, 100.0, 400.0, 300.0])
        benchmarks.yardstick_ns = lambda clock: next(costs)
        """,
    )
    one(project, "target_ns=50", FIGURES)

    ran = project.pytest("--benchmark-json=out.json")

    assert ran.code == 0, ran.text
    assert "met on a slow machine: 99.0 ns, below 50.0 ns (33.0 ns at the speed of" in ran.text
    (benchmark,) = json.loads((project.root / "out.json").read_text())["benchmarks"]
    assert benchmark["extra_info"]["telemetry"]["attempts"] == 3


def test_no_credit_is_given_where_the_marker_says_so(project: Project) -> None:
    """Nor where nobody said how fast the machine should be."""
    slow_machine(project)
    one(project, "target_ns=50, credit=False", FIGURES)

    ran = project.pytest()

    assert ran.code == 1
    assert "  missed: 99.0 ns, not below 50.0 ns\n" in ran.text


def test_a_baseline_that_cannot_be_read_fails_the_test_in_one_line(project: Project) -> None:
    """It may hold the speed of the reference machine."""
    project.put("benchmarks/baseline.toml", "schema = ")
    one(project, "target_ns=100", FIGURES)

    ran = project.pytest()

    assert ran.code == 1
    assert "baseline.toml: is not TOML" in ran.text
    assert "Error" not in ran.text


WRONG = {
    "target_ns=0": "target_ns must be a number above 0, not 0",
    "min_ops='many'": "min_ops must be a number above 0, not 'many'",
    "max_bytes=True": "max_bytes must be a number above 0, not True",
    "max_ratio=0.5": 'max_ratio must be ("reference", share) with a share above 0, or a list of such pairs, not 0.5',
    "credit=1": "credit must be True or False, not 1",
    "target=5": "the telemetry marker does not know target; it takes credit, gate, limit, max_bytes, max_ratio, min_ops",
    "200": "the telemetry marker does not know 200; it takes",
    "limit=0": "limit of the telemetry marker must be a whole number above 0, not 0",
    "strict='yes'": "strict of the telemetry marker must be True, False or None, not 'yes'",
    "gate='no'": "gate of the telemetry marker must be True or False, not 'no'",
}


def test_wrong_settings_are_told_with_file_and_line(project: Project) -> None:
    """Each in one line, before anything is measured."""
    head = "import pytest\nRAN = []\n"
    project.put(
        "test_it.py",
        head
        + "".join(
            f"@pytest.mark.telemetry({settings})\ndef test_{n}(telemetry_benchmark): RAN.append(1)\n"
            for n, settings in enumerate(WRONG)
        )
        + "def test_nothing_ran(): assert not RAN\n",
    )

    ran = project.pytest("-rE")

    assert ran.code == 1
    assert f"1 passed, {len(WRONG)} errors" in ran.text
    for n, expected in enumerate(WRONG.values()):
        assert f"\ntest_it.py:{3 + 2 * n}: {expected}" in ran.text


def test_targets_of_a_plain_benchmark_are_refused(project: Project) -> None:
    """Nobody would hold it to them."""
    project.put(
        "test_it.py",
        """
        import pytest
        @pytest.mark.telemetry(target_ns=5, max_bytes=7)
        def test_it(benchmark):
            benchmark(int)
        """,
    )

    ran = project.pytest()

    assert ran.code == 1
    assert (
        "test_it.py:3: the fixture benchmark does not see max_bytes, target_ns: ask for telemetry_"
        in ran.text
    )


def test_a_reference_that_was_not_measured_is_told(project: Project) -> None:
    """The marker names what nothing was held against."""
    one(project, "max_ratio=('theirs', 0.5)", "(lambda: 1)")

    ran = project.pytest()

    assert ran.code == 1
    assert "\ntest_it.py:4: max_ratio: nothing called 'theirs' was measured, only 'test_it'\n" in ran.text


@pytest.mark.parametrize(
    ("settings", "call", "expected"),
    [
        (
            "max_bytes=5",
            LONG,
            "test_it.py:4: the target 'below 5.0 bytes' says nothing about a reading in ns",
        ),
        (
            "target_ns=5",
            ".holding(list)",
            "test_it.py:4: the target 'below 5.0 ns' says nothing about a reading in bytes",
        ),
        (
            "target_ns=5",
            ".overhead(int, without=int)",
            "test_it.py:4: the target 'below 5.0 ns' says nothing about an over",
        ),
        (
            "",
            ".statement('pass', against={'it': 3})",
            "it: a function without arguments is wanted, or a mapping",
        ),
        (
            "",
            ".statement('pass', against={'it': {'b': 3}})",
            "it: a function without arguments is wanted, or a mapping",
        ),
    ],
)
def test_a_call_that_makes_no_sense_is_told(
    project: Project, settings: str, call: str, expected: str
) -> None:
    """The test fails, and the text says what does not fit."""
    one(project, settings, call)

    ran = project.pytest()

    assert ran.code == 1
    assert expected in ran.text


# Undecided, twice, and where nothing can be judged.


def test_an_overhead_that_cannot_be_told_from_its_bound_fails_and_says_what_it_would_take(
    project: Project,
) -> None:
    """Neither True nor False: the bound is what was measured. All that it rests on is stored."""
    project.put(
        "test_it.py",
        """
        def test_it(telemetry_benchmark):
            overhead = telemetry_benchmark.overhead(lambda: sum(range(50)), without=lambda: sum(range(50)))
            assert telemetry_benchmark.reading.ours == overhead.with_ns
            assert overhead < overhead.value
        """,
    )

    ran = project.pytest("--benchmark-json=bench.json")

    (stored,) = json.loads((project.root / "bench.json").read_text(encoding="utf-8"))["benchmarks"]
    telemetry = stored["extra_info"]["telemetry"]
    assert ran.code == 1
    assert telemetry["attempts"] == 4
    assert telemetry["overhead"]["pairs"] == 4 * stored["stats"]["rounds"]
    assert f"; {telemetry['overhead']['pairs']} pairs)" in ran.text
    assert "Undecided: undecided: " in ran.text
    assert "choose a bound outside the interval" in ran.text


SECOND = (
    "(int)",
    ".statement('pass')",
    ".holding(list)",
    ".figures(lambda: {'a': 1.0})",
    ".overhead(int, without=int)",
)


def test_a_test_measures_one_thing(project: Project) -> None:
    """A second measurement fails the test, whatever it is."""
    project.put(
        "test_it.py",
        "import pytest\n"
        f"@pytest.mark.parametrize('second', {SECOND})\n"
        "def test_it(telemetry_benchmark, second):\n"
        "    telemetry_benchmark.figures(lambda: {'a': 1.0})\n"
        "    eval('telemetry_benchmark' + second)\n",
    )

    ran = project.pytest()

    assert ran.text.count("telemetry_benchmark measures one thing in a test: write a second test") >= len(
        SECOND
    )
    assert f"{len(SECOND)} failed" in ran.text


ANY = "def test_it(telemetry_benchmark): raise AssertionError('it judges')\n"
TRACED = "a tracer is active (coverage, debugger, profiler): timings would not be ours; for pytest-cov add --no-cov"
DISABLED = "pytest-benchmark is disabled (by --benchmark-disable or xdist): there is nothing to judge"
OTHER = """
class Benchmark: pass
@pytest.fixture
def benchmark(): return Benchmark()
def pytest_configure(config):
    config.pluginmanager.unregister(name="benchmark")
"""
REFUSED = {
    "xdist": (("-p", "xdist", "-n", "1"), "", DISABLED),
    "disabled": (("--benchmark-disable",), "", DISABLED),
    "debugger": ((), "sys.settrace(lambda *_: None)", TRACED),
    "profiler": ((), "sys.setprofile(lambda *_: None)", TRACED),
    "coverage": (("-p", "pytest_cov", "--cov=json", "--cov-report="), "", TRACED),
    "other": (
        (),
        OTHER,
        "the fixture benchmark is not that of pytest-benchmark (pytest-codspeed takes its place",
    ),
}
if sys.version_info >= (3, 12):
    REFUSED["monitoring"] = ((), "sys.monitoring.use_tool_id(2, 'profiler')", TRACED)


@pytest.mark.parametrize("case", REFUSED)
def test_traps_1_and_3_where_timings_would_not_be_ours_a_test_is_skipped(project: Project, case: str) -> None:
    """Not passed, not failed, and it says why; nothing of it gets into the results."""
    given, conftest, expected = REFUSED[case]
    project.put("conftest.py", f"import sys, pytest\n{conftest}\n")
    project.put("test_it.py", ANY)

    ran = project.pytest("-rs", *given, unseen=case == "coverage")

    assert expected in ran.text
    assert "1 skipped" in ran.text
    assert "was not used at all" not in ran.text
    assert "it judges" not in ran.text
    assert "benchmarks against their targets" not in ran.text


def test_without_pytest_benchmark_the_fixture_says_what_to_install(project: Project) -> None:
    """One line, with the command."""
    project.put("test_it.py", ANY)

    ran = project.pytest(plugins=("telemetry",))

    assert ran.code == 1
    assert (
        "telemetry_benchmark needs an optional dependency: pip install 'pytest-telemetry[benchmark]'"
        in ran.text
    )
    assert "1 error" in ran.text


@pytest.mark.parametrize(("used", "loaded"), [("", False), ("telemetry_benchmark", True)])
def test_nothing_of_it_is_imported_before_the_fixture_is_used(
    project: Project, used: str, *, loaded: bool
) -> None:
    """Who has no benchmarks does not pay for them."""
    project.put(
        "test_it.py",
        f"""
        import sys

        def test_it({used}):
            ours = [name for name in sys.modules if name.startswith("pytest_telemetry.")]
            print(*ours, sep="\\n")
            assert ("pytest_telemetry.benchmark.race" in ours) == {loaded}
            assert any("._pytest." in name or ".checks" in name or ".reports" in name for name in ours) == {loaded}
        """,
    )

    ran = project.pytest(unseen=True)

    assert ran.code == 0, ran.text
