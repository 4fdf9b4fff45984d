"""What all commands share."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest

from pytest_telemetry.cli import check


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_tells_a_newcomer_where_to_start(run: Any, option: str) -> None:
    """The commands, and one to try."""
    code, out, _ = run(option)

    assert code == 0
    assert "pytest-telemetry check events.jsonl" in out
    assert "check Hold event logs to the promises of good telemetry." in " ".join(out.split())
    assert "\\b" not in out


def test_help_of_check_names_checks_and_exit_codes(run: Any) -> None:
    """Nobody should need the documentation for that."""
    code, out, _ = run("check", "--help")

    assert code == 0
    for part in (
        "relative-paths",
        "lsp-ready-order",
        "--fail-on",
        "Exit code: 0 nothing found, 1 findings, 2 input",
    ):
        assert part in " ".join(out.split())


def test_the_version_is_that_of_the_package(run: Any) -> None:
    """One line."""
    assert run("--version") == (0, f"pytest-telemetry {version('pytest-telemetry')}\n", "")


@pytest.mark.parametrize("arguments", [["chekc"], ["check"], ["check", "--method", "mean", "x"], []])
def test_misuse_exits_2(run: Any, arguments: list[str]) -> None:
    """Never 1, which means findings; what is wrong is on standard error."""
    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert "Usage: pytest-telemetry" in err


def test_an_interruption_is_not_a_finding(run: Any, clean: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130, and no traceback."""

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "scan", interrupt)

    code, out, err = run("check", clean)

    assert (code, out) == (130, "")
    assert err.endswith("pytest-telemetry: interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="the shell of POSIX closes the output")
@pytest.mark.parametrize("option", ["--json", "--fail-on=warning"])
def test_a_closed_output_leaves_the_exit_code_as_it_is(careless: Any, option: str) -> None:
    """Who wants no output closes it, and still asks for the verdict."""
    shell = ['"$0" -m pytest_telemetry.cli check "$1" "$2" >&-', sys.executable, option, str(careless)]

    done = subprocess.run(["/bin/sh", "-c", *shell], stderr=subprocess.PIPE, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full stands for a full disk")  # noqa: PTH110 - a device
def test_an_output_that_cannot_be_written_is_one_clear_error(careless: Any) -> None:
    """A report that was lost is no verdict: exit code 2, and no traceback."""
    command = [sys.executable, "-m", "pytest_telemetry.cli", "check", str(careless)]

    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr == "pytest-telemetry: cannot write to standard output: No space left on device\n"


def test_importing_the_package_of_commands_is_cheap() -> None:
    """The entry point must not cost what a command needs."""
    code = (
        "import sys, pytest_telemetry.cli; print(sorted({'click', 'orjson', 'asyncio'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
