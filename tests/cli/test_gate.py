"""The gate as a command: what it asks of pytest, how it ends, and what stored runs tell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from math import log1p
from typing import TYPE_CHECKING, Any, Self

import pytest

from pytest_telemetry.cli.gate import _ended
from pytest_telemetry.cli.group import Terminated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OTHERS = (
    ["a.py"],
    ["--against", "v1"],
    ["--baseline=a.toml"],
    ["--threshold", "5%"],
    ["--allow-new"],
    ["--partial"],
    ["--json", "a.json"],
    ["--update", "--reason", "it is right"],
    ["--instructions"],
    ["--", "-k", "name"],
)
"""Options that say how to measure."""

GATE = ("-q", "--benchmark-only", "--benchmark-quiet", "--telemetry-gate")


class Pytest:
    """Stands for the pytest that the command starts.

    Attributes:
        code: How it ends.
        asked: What it was started with.
    """

    def __init__(self) -> None:
        self.code = 0
        self.asked: list[str] = []

    def run(self, command: Sequence[str]) -> int:
        assert command[:3] == [sys.executable, "-m", "pytest"]
        self.asked = [*command[3:]]
        return self.code


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pytest:
    """The pytest that the command starts, in an empty folder."""
    started = Pytest()
    monkeypatch.setattr("pytest_telemetry.cli.gate._ended", started.run)
    monkeypatch.chdir(tmp_path)
    return started


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ([], []),
        (["tests/a.py", "b.py::test[a b]"], ["tests/a.py", "b.py::test[a b]"]),
        (["--against", "v1"], ["--telemetry-gate-against=v1"]),
        (["--baseline=a.toml"], ["--telemetry-gate-baseline=a.toml"]),
        (["--threshold", "5%"], ["--telemetry-gate-threshold=5%"]),
        (["--json", "a.json"], ["--telemetry-gate-json=a.json"]),
        (["--allow-new", "--partial"], ["--telemetry-gate-allow-new", "--telemetry-gate-partial"]),
        (["--instructions"], ["--telemetry-gate-instructions"]),
        (
            ["--update", "--reason", "it is right", "--archive", "a.zip"],
            ["--telemetry-gate-update=it is right", "--telemetry-gate-archive=a.zip"],
        ),
        (["a.py", "--", "-k", "name", "-p", "no:randomly"], ["a.py", "-k", "name", "-p", "no:randomly"]),
    ],
)
def test_options_become_those_of_pytest(
    run: Any, started: Pytest, given: list[str], asked: list[str]
) -> None:
    """Each by its name; what follows -- is handed on as it stands, and last: its last option may take a value."""
    code, _, _ = run("gate", *given)

    assert code == 0
    assert started.asked == [*GATE, *asked]


@pytest.mark.parametrize("given", [[], ["--", "-k", "name"]])
def test_the_folder_benchmarks_is_what_runs_by_default(
    run: Any, started: Pytest, tmp_path: Path, given: list[str]
) -> None:
    """Where there is one, and also where only options are given."""
    (tmp_path / "benchmarks").mkdir()

    run("gate", *given)

    assert started.asked == [*GATE, "benchmarks", *given[1:]]


def test_pytest_is_not_told_to_be_quiet_and_to_talk(run: Any, started: Pytest) -> None:
    """Who asks for more gets a row for each benchmark."""
    run("gate", "--", "-vv")

    assert started.asked == [*GATE[1:], "-vv"]


def test_without_pytest_benchmark_it_says_what_to_install(
    run: Any, started: Pytest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, with the command; pytest would only say that it does not know the options."""
    monkeypatch.setattr("pytest_telemetry.cli.gate.find_spec", lambda _: None)

    code, out, err = run("gate")

    assert (code, out) == (2, "")
    assert err.endswith("needs an optional dependency: pip install 'pytest-telemetry[benchmark]'\n")
    assert started.asked == []


@pytest.mark.parametrize(("pytests", "ours"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 2), (-9, 2)])
def test_exit_codes_are_those_of_all_commands(run: Any, started: Pytest, pytests: int, ours: int) -> None:
    """0 and 1 are verdicts; whatever else becomes of pytest is 2."""
    started.code = pytests

    code, out, _ = run("gate")

    assert (code, out) == (ours, "")


@pytest.mark.skipif(os.name == "nt", reason="signals end no process there")
def test_a_pytest_that_a_signal_ended_is_told(run: Any, started: Pytest) -> None:
    """It could say nothing itself: one line names the signal."""
    started.code = -signal.SIGKILL

    code, _, err = run("gate")

    assert code == 2
    assert (
        err == f"pytest-telemetry: pytest was ended by signal 9 ({signal.strsignal(9)}): nothing is judged\n"
    )


class Interrupted:
    """Stands for a process that is waited for until something else happens.

    Attributes:
        log: What was done with it.
    """

    def __init__(self, happens: BaseException) -> None:
        self.log: list[str] = []
        self._happens = [happens]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def wait(self) -> int:
        self.log.append("wait")
        if self._happens:
            raise self._happens.pop()
        return 0

    def send_signal(self, number: signal.Signals) -> None:
        self.log.append(number.name)


@pytest.mark.skipif(os.name == "nt", reason="signals end no process there")
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("happens", "on_interrupt", "log"),
    [
        (Terminated(), signal.default_int_handler, ["wait", "SIGINT", "wait"]),
        (Terminated(), signal.SIG_IGN, ["wait", "SIGTERM", "wait"]),
        (KeyboardInterrupt(), signal.default_int_handler, ["wait", "wait"]),
    ],
    ids=["terminated", "terminated in the background", "interrupted"],
)
def test_a_request_to_end_is_handed_on_to_pytest(
    monkeypatch: pytest.MonkeyPatch, happens: BaseException, on_interrupt: Any, log: list[str]
) -> None:
    """As an interruption, unless it was started deaf to those; of a Ctrl-C it knows. The command ends once it has."""
    process = Interrupted(happens)
    monkeypatch.setattr(subprocess, "Popen", lambda command: process)
    monkeypatch.setattr(signal, "getsignal", lambda number: on_interrupt)

    with pytest.raises(type(happens)):
        _ended(["pytest"])

    assert process.log == log


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--update"], "--update and --reason go together: say why the baseline changes"),
        (["--update", "--reason", " "], "--update and --reason go together"),
        (["--reason", "it is right"], "--update and --reason go together"),
        (["--archive", "a.zip"], "--archive goes with --update"),
        (["--storage", "runs"], "--storage goes with --history"),
        *((["--history", *other], "--history measures nothing") for other in OTHERS),
    ],
)
def test_what_would_be_ignored_is_refused(run: Any, started: Pytest, given: list[str], expected: str) -> None:
    """A baseline moves with a reason only, and stored runs are looked at alone: one line, and nothing is started."""
    code, out, err = run("gate", *given)

    assert (code, out) == (2, "")
    assert err.startswith(f"pytest-telemetry: {expected}")
    assert err.count("\n") == 1
    assert started.asked == []


@pytest.mark.parametrize("given", [["--agianst", "v1"], ["-k", "name"], ["--allow-new=yes"]])
def test_misuse_exits_2_and_starts_nothing(run: Any, started: Pytest, given: list[str]) -> None:
    """An option that is misspelled must not become one of pytest."""
    code, out, err = run("gate", *given)

    assert (code, out) == (2, "")
    assert "Error: " in err
    assert started.asked == []


def test_help_names_what_it_compares_and_how_it_ends(run: Any) -> None:
    """Nobody should need the documentation for that."""
    code, out, _ = run("gate", "--help")

    text = " ".join(out.split())
    assert code == 0
    for part in (
        "Compare the benchmarks of a project with their baseline",
        "[TESTS]... [-- PYTEST OPTIONS]",
        "--update",
        "needs --reason",
        "Exit code: 0 nothing became slower, 1 something did or could not be compared, 2 input",
    ):
        assert part in text


def test_the_overview_lists_it(run: Any) -> None:
    """With its line of help."""
    _, out, _ = run("--help")

    assert "gate Fail when a benchmark became slower than its baseline." in " ".join(out.split())


# History


def stored(
    folder: Path, number: int, ratio: float | None, *, accepted: float = 0.0, name: str = "a.py::test"
) -> None:
    """Write a run as pytest-benchmark stores it."""
    gate = {
        "log_ratio": log1p(ratio or 0.0),
        "low": 0.0,
        "high": 0.0,
        "pairs": 200,
        "operations": 9,
        "now": 1.0,
        "baseline": 1.0,
        "unit": "ns",
        "counters": {},
        "accepted": accepted,
    }
    run = {
        "datetime": f"2026-01-{number:02}T00:00:00",
        "commit_info": {"id": f"{number:040x}"},
        "benchmarks": [
            {"fullname": name, "extra_info": {} if ratio is None else {"telemetry": {"gate": gate}}}
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number:04}_run.json").write_text(json.dumps(run), encoding="utf-8")


def test_history_shows_where_a_benchmark_changed(run: Any, started: Pytest, tmp_path: Path) -> None:
    """The first run of the new level, the step, and both levels; no test runs."""
    for number in range(1, 21):
        stored(tmp_path / ".benchmarks/machine", number, 0.001 * (number % 3) + (0.2 if number > 10 else 0.0))

    code, out, err = run("gate", "--history")

    assert (code, err) == (0, "")
    assert "a.py::test: 1 change in 20 runs" in out
    assert "2026-01-11 0000000000: +19" in out or "2026-01-11 0000000000: +20" in out
    assert started.asked == []


def test_history_does_not_take_a_moved_baseline_for_a_change(
    run: Any, started: Pytest, tmp_path: Path
) -> None:
    """What was accepted is part of what is shown."""
    for number in range(1, 21):
        moved = number > 10
        stored(tmp_path / "runs", number, 0.0 if moved else 0.2, accepted=0.2 if moved else 0.0)

    code, out, _ = run("gate", "--history", "--storage", "runs")

    assert (code, out) == (0, "no change: 1 benchmark\n")


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"datetime": "2026", "commit_info": 3, "benchmarks": 3}']
)
def test_history_without_runs_to_read_is_told_in_one_line(
    run: Any, started: Pytest, tmp_path: Path, content: str | None
) -> None:
    """A folder that is not there, and files that are something else: exit code 2."""
    if content is not None:
        (tmp_path / "runs").mkdir()
        (tmp_path / "runs/a.json").write_text(content, encoding="utf-8")

    code, out, err = run("gate", "--history", "--storage", "runs")

    assert (code, out) == (2, "")
    assert err.startswith("pytest-telemetry: runs")
    assert err.count("\n") == 1


def test_history_of_runs_without_the_gate_is_told_in_one_line(
    run: Any, started: Pytest, tmp_path: Path
) -> None:
    """They were not compared with anything."""
    stored(tmp_path / ".benchmarks", 1, None)

    code, _, err = run("gate", "--history")

    assert code == 2
    assert err == (
        "pytest-telemetry: none of the stored runs was compared with the baseline: "
        "store runs with --telemetry-gate, and not against a revision\n"
    )


# The real thing


LIBRARY = "def make(): return [0] * {size}\n"
BENCHMARKS = "import mylib\ndef test_held(telemetry_benchmark): telemetry_benchmark.holding(mylib.make)\n"


def start(project: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start the command as it is installed, with the plugins that it needs, in a group of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "GITHUB_", "COVERAGE_", "COV_"))
    }
    more = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "-p telemetry -p benchmark",
        "PYTHONPATH": ".",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "pytest_telemetry.cli", "gate", *arguments],
        cwd=project,
        env=kept | more | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def installed(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    process = start(project, *arguments)
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_from_the_first_baseline_to_a_run_that_passes(tmp_path: Path) -> None:
    """The installed command, a real pytest, an archive: missing, made, compared with."""
    (tmp_path / "mylib").mkdir()
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "mylib/__init__.py").write_text(LIBRARY.format(size=40), encoding="utf-8")
    (tmp_path / "benchmarks/test_it.py").write_text(BENCHMARKS, encoding="utf-8")

    missing = installed(tmp_path)
    made = installed(tmp_path, "--update", "--reason=first", "--archive=old.zip", "--threshold=40%")
    (tmp_path / "mylib/__init__.py").write_text(LIBRARY.format(size=20), encoding="utf-8")
    compared = installed(tmp_path, "--json=gate.json", "benchmarks/test_it.py", "--", "-k", "held")

    assert missing.returncode == 2
    assert "there is no baseline: make one with pytest-telemetry gate --update --reason" in missing.stdout
    assert made.returncode == 0, made.stdout + made.stderr
    assert compared.returncode == 0, compared.stdout + compared.stderr
    (judgement,) = json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))["judgements"]
    assert judgement["outcome"] == "smaller"


BENCHMARKS_THAT_WAIT = """
import time
from pathlib import Path
import pytest

@pytest.fixture
def server():
    yield
    time.sleep(1)  # takes longer to stop than subprocess.run would wait
    Path("stopped").touch()

def test_wait(telemetry_benchmark, server):
    print("waiting", flush=True)
    while True:
        pass
"""


@pytest.mark.skipif(os.name == "nt", reason="signals a group of processes")
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("kill", "number", "code", "said"),
    [
        (os.killpg if os.name != "nt" else os.kill, signal.SIGINT, 130, "interrupted"),
        (os.kill, signal.SIGTERM, 143, "terminated"),
    ],
    ids=["interrupted", "terminated"],
)
def test_an_interruption_waits_for_fixtures(
    tmp_path: Path, kill: Any, number: int, code: int, said: str
) -> None:
    """As Ctrl-C in a terminal, which reaches pytest as well, or a request to end, which reaches the command alone.

    They are taken down, and no scratch folder stays.
    """
    for name in ("mylib", "benchmarks", "scratch"):
        (tmp_path / name).mkdir()
    (tmp_path / "mylib/__init__.py").touch()
    (tmp_path / "benchmarks/test_it.py").write_text(BENCHMARKS_THAT_WAIT, encoding="utf-8")
    update = ("--update", "--reason=first", "--archive=old.zip", "--", "-s")

    process = start(tmp_path, *update, TMPDIR=str(tmp_path / "scratch"))
    assert process.stdout is not None
    assert any("waiting" in line for line in process.stdout)
    kill(process.pid, number)
    _, err = process.communicate()

    assert (process.returncode, err.strip()) == (code, f"pytest-telemetry: {said}")
    assert (tmp_path / "stopped").exists()
    assert list((tmp_path / "scratch").iterdir()) == []
