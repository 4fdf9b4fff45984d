"""Machine instructions of one operation, by valgrind: real where it is installed, a double where it only starts things."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_telemetry.benchmark.instructions import DIRECTORY, instructions, is_counting, run_blocks
from pytest_telemetry.model.errors import UnusableInput

ROOT = Path(__file__).parents[2]

ONCE = "\n        ".join(['len("a")'] * 20)
PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pytest_telemetry.benchmark.instructions import run_blocks

def nothing(number):
    for _ in range(number):
        pass

def once(number):
    for _ in range(number):
        {ONCE}

def twice(number):
    for _ in range(number):
        {ONCE}
        {ONCE}

for block in (nothing, once, twice):
    run_blocks(block.__name__, block)
"""


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, float]:
    """Run the program above under the real valgrind, once."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    directory = tmp_path_factory.mktemp("counted")
    (directory / "program.py").write_text(PROGRAM, encoding="utf-8")
    # -I, -S and an empty environment: start-up costs seconds, and coverage must not start in it
    return instructions(
        [sys.executable, "-I", "-S", "program.py"],
        directory=directory,
        environment={"PATH": os.environ["PATH"]},
    )


def test_every_operation_of_a_program_is_counted_under_its_name(counted: Mapping[str, float]) -> None:
    """One run of valgrind is enough for several."""
    assert list(counted) == ["nothing", "once", "twice"]


def test_an_operation_costs_some_instructions_and_not_those_of_the_program(
    counted: Mapping[str, float],
) -> None:
    """Starting Python takes tens of millions; an empty turn of a loop some hundred."""
    assert 20 < counted["nothing"] < 1_000


def test_twice_the_work_is_twice_the_instructions(counted: Mapping[str, float]) -> None:
    """Within 1 %, net of the loop around it."""
    once, twice = (counted[name] - counted["nothing"] for name in ("once", "twice"))

    assert once > 20 * 50
    assert twice == pytest.approx(2 * once, rel=0.01)


# Inside


def test_a_process_that_nobody_counts_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs no blocks for nothing, and says so."""
    monkeypatch.delenv(DIRECTORY, raising=False)
    calls: list[int] = []

    with pytest.raises(UnusableInput, match="instructions of load: nobody counts here"):
        run_blocks("load", calls.append)

    assert not is_counting()
    assert calls == []


def test_blocks_run_between_marks_after_a_warm_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both lengths run once before anything counts; the first marked block does not count either."""
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    monkeypatch.setattr("os.ctermid", lambda: done.append("mark"))
    done: list[object] = []

    run_blocks("load", done.append, short=300, long=900)

    assert is_counting()
    assert done == [300, 900, "mark", 300, "mark", 300, "mark", 900, "mark"]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_off_within_blocks_and_as_before_afterwards(
    enabled: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also where a block raises."""
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    states: list[bool] = []

    def block(number: int) -> None:
        states.append(gc.isenabled())
        if len(states) == 4:
            raise RuntimeError("stop")

    if not enabled:
        gc.disable()
    try:
        with pytest.raises(RuntimeError, match="stop"):
            run_blocks("load", block)
        after = gc.isenabled()
    finally:
        gc.enable()

    assert states == [False] * 4
    assert after is enabled


@pytest.mark.parametrize(("short", "long"), [(0, 10), (10, 10), (20, 10)])
def test_blocks_of_which_none_is_longer_are_refused(short: int, long: int) -> None:
    """There would be no further operations to tell the cost of."""
    with pytest.raises(ValueError, match="must run more than the shorter one"):
        run_blocks("load", lambda number: None, short=short, long=long)


# Outside, with a valgrind that only starts the program


@pytest.fixture
def valgrind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a valgrind in front that leaves its own options out and makes no dumps."""
    directory = tmp_path / "bin"
    directory.mkdir()
    script = directory / "valgrind"
    script.write_text('#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nexec "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")


def refusal(*arguments: str, **options: object) -> str:
    """Return why a run of Python under valgrind cannot be used."""
    with pytest.raises(UnusableInput) as caught:
        instructions([sys.executable, *arguments], **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_valgrind_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One line, and nothing runs."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "install the package valgrind" in refusal("-c", "raise SystemExit")


@pytest.mark.usefixtures("valgrind")
def test_a_program_that_fails_is_refused_with_what_it_said_last() -> None:
    """On standard error, or else on standard output."""
    assert refusal("-c", "1/0").endswith("ended with 1 under valgrind: ZeroDivisionError: division by zero")
    assert refusal("-c", "print('sorry'); raise SystemExit(3)").endswith("ended with 3 under valgrind: sorry")
    assert refusal("-c", "raise SystemExit(4)").endswith("ended with 4 under valgrind: it said nothing")


@pytest.mark.usefixtures("valgrind")
def test_a_program_without_blocks_is_refused() -> None:
    """Nothing measured is never a result."""
    assert refusal("-c", "pass").endswith("nothing in it called run_blocks")


@pytest.mark.usefixtures("valgrind")
def test_a_program_of_which_valgrind_saw_nothing_is_refused(tmp_path: Path) -> None:
    """As when a script starts the interpreter: blocks ran, and there are no dumps of them."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")

    text = refusal(str(program))

    assert "valgrind made 0 dumps and not 12: the command must be the interpreter itself" in text


@pytest.mark.usefixtures("valgrind")
def test_a_program_that_does_not_end_is_given_up() -> None:
    """After as long as the caller wants to wait."""
    assert "given up after 0.01 s under valgrind" in refusal("-c", "while True: pass", timeout_s=0.01)


@pytest.mark.usefixtures("valgrind")
def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """It is named, with what the system says of it."""
    missing = tmp_path / "missing"

    assert f"cannot run in {missing}: No such file or directory" in refusal("-c", "pass", directory=missing)


@pytest.mark.usefixtures("valgrind")
@pytest.mark.parametrize(("given", "expected"), [({}, "0"), ({"PYTHONHASHSEED": "7"}, "7")])
def test_strings_are_hashed_alike_in_each_run_unless_somebody_wants_otherwise(
    given: Mapping[str, str], expected: str
) -> None:
    """The order in which a set or a dictionary is probed would otherwise differ from run to run."""
    program = "import os; print(os.environ['PYTHONHASHSEED']); raise SystemExit(1)"

    assert refusal("-c", program, environment=given).endswith(f": {expected}")
