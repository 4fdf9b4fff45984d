"""What all commands share."""

from __future__ import annotations

import errno
import gzip
import os
import pathlib
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest

from pytest_telemetry.cli import check

COMMAND = [sys.executable, "-m", "pytest_telemetry.cli"]


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


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes it")
@pytest.mark.parametrize("option", ["--json", "--help"])
def test_a_closed_output_is_one_clear_error(careless: Any, option: str) -> None:
    """Nothing is done of which nobody could be told."""
    command = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "check", careless, option]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (
        2,
        f"pytest-telemetry: standard output is closed; where nobody wants it, send it to {os.devnull}\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [["check", "-"], ["records", "-"], ["convert", "-", "NEW"], ["redact", "-", "NEW"], ["trace", "r", "--log", "-"]],
)  # fmt: skip
def test_a_closed_input_is_one_clear_error(
    run: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Of every command that reads it."""
    monkeypatch.setattr(sys, "stdin", None)  # what Python makes of it
    monkeypatch.chdir(tmp_path)

    assert run(*arguments) == (2, "", "pytest-telemetry: standard input is closed; name a file\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full stands for a full disk")  # noqa: PTH110 - a device
@pytest.mark.parametrize("arguments", [["check", "LOG"], ["check", "--help"], ["--version"]])
def test_an_output_that_cannot_be_written_is_one_clear_error(careless: Any, arguments: list[str]) -> None:
    """A report that was lost is no verdict: exit code 2, and no traceback."""
    command = [*COMMAND, *(str(careless) if part == "LOG" else part for part in arguments)]

    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr == "pytest-telemetry: cannot write to standard output: No space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full stands for a full disk")  # noqa: PTH110 - a device
@pytest.mark.parametrize("arguments", [["nosuch"], ["check", "gone"]])
def test_errors_that_cannot_be_written_leave_the_exit_code_as_it_is(arguments: list[str]) -> None:
    """Those of usage as well; 1 would mean findings, and Python ends with 120 where something is left to write."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}

    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*COMMAND, *arguments], env=buffered, stdout=subprocess.PIPE, stderr=full, check=False
        )

    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full stands for a full disk")  # noqa: PTH110 - a device
def test_an_interruption_of_which_nobody_can_be_told_is_one(
    run: Any, clean: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 130 all the same."""

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "scan", interrupt)

    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stderr", full)
        code, out, _ = run("check", clean)

    assert (code, out) == (130, "")


@pytest.mark.parametrize("arguments", [["nosuch"], ["check", "gone"]])
def test_errors_that_nobody_wants_do_not_go_to_the_output(
    run: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Where standard error is closed."""
    monkeypatch.setattr(sys, "stderr", None)  # what Python makes of it

    assert run(*arguments) == (2, "", "")


def test_a_reader_of_help_that_goes_away_is_no_error() -> None:
    """As for everything else that is printed."""
    ours, theirs = os.pipe()
    os.close(ours)

    done = subprocess.run([*COMMAND, "--help"], stdout=theirs, stderr=subprocess.PIPE, check=False)
    os.close(theirs)

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "arguments",
    [
        ["convert", "LOG", "NEW"],
        ["init", "LOG"],
        ["prune", "LOG", "--older-than", "1d"],
        ["reconcile", "LOG"],
        ["records", "LOG"],
        ["records", "LOG", "--follow"],
        ["redact", "LOG", "NEW"],
        ["summary", "LOG"],
        ["telemetry", "LOG"],
        ["trace", "r", "--log", "LOG"],
    ],
)
def test_what_the_system_refuses_is_one_clear_error(
    run: Any, clean: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Wherever it does, as in a directory that may not be looked into."""

    def refuse(path: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(pathlib.Path, "is_dir", refuse)
    monkeypatch.chdir(clean.parent)

    code, out, err = run(*("clean.jsonl" if part == "LOG" else part for part in arguments))

    assert (code, out, err) == (2, "", "pytest-telemetry: clean.jsonl: Permission denied\n")


def test_a_defect_of_ours_is_one_line_that_says_how_to_see_more(
    run: Any, clean: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And never the exit code of findings."""

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(check, "scan", fail)

    code, out, err = run("check", clean)
    monkeypatch.setenv("PYTEST_TELEMETRY_TRACEBACK", "1")
    traced = run("check", clean)

    assert (code, out) == (2, "")
    assert err == (
        "pytest-telemetry: ZeroDivisionError: by zero; this is a defect of pytest-telemetry, "
        "PYTEST_TELEMETRY_TRACEBACK=1 shows where\n"
    )
    assert traced[0] == 2
    assert traced[2].startswith("Traceback (most recent call last):\n")
    assert traced[2].endswith(err)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EIO, "Input/output error"), "[Errno 5] Input/output error"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "[Errno 32] Broken pipe"),
        (SystemExit(0), "SystemExit: 0; this is a defect of pytest-telemetry, PYTEST_TELEMETRY_TRACEBACK=1 shows where"),
    ],
)  # fmt: skip
def test_what_fails_in_a_command_is_not_said_to_be_the_output(
    run: Any, clean: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException, reason: str
) -> None:
    """Also where it names no file, and where click would take it for a reader of the output that has gone."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(check, "scan", fail)

    assert run("check", clean) == (2, "", f"pytest-telemetry: {reason}\n")


LINES = [
    "records LOG",
    "summary LOG",
    "telemetry LOG",
    "redact LOG NEW",
    "convert LOG NEW",
    "reconcile RUN --log LOG",
    "trace r --log LOG",
]


@pytest.fixture
def words(tmp_path: Any) -> Any:
    """Return the words of a command line, about the log at a path and a run that says that it wrote nothing."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "last_run.json").write_text('{"run_id": "r", "telemetry_drops": {"attempted": 0, "written": 0}}')
    places = {"NEW": str(tmp_path / "new"), "RUN": str(kept)}

    def of(arguments: str, log: Any) -> list[str]:
        return [(places | {"LOG": str(log)}).get(word, word) for word in arguments.split()]

    return of


@pytest.mark.parametrize("arguments", LINES)
def test_lines_of_which_none_is_an_event_are_no_log(
    run: Any, words: Any, tmp_path: Any, arguments: str
) -> None:
    """For every command, as for `check`, and nothing is made of them."""
    log = tmp_path / "notes.txt"
    log.write_text("hello\nworld\n")

    code, out, err = run(*words(arguments, log))

    assert (code, out) == (2, "")
    assert err == (
        f"pytest-telemetry: {log}: none of its 2 lines is an event: is it an event log, one JSON object a line? "
        "Line 1: not JSON: Expecting value at column 1\n"
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("arguments", LINES[:-1])
def test_an_empty_file_is_a_log_without_events(run: Any, words: Any, tmp_path: Any, arguments: str) -> None:
    """As it is when a run has just begun."""
    log = tmp_path / "events.jsonl"
    log.write_text("")

    code, _, err = run(*words(arguments, log))

    assert (code, err) == (0, "")


@pytest.mark.parametrize("arguments", [LINES[0], *LINES[3:]])
def test_a_damaged_segment_is_named(run: Any, words: Any, tmp_path: Any, arguments: str) -> None:
    """With the last line that was read of it; what else there is, is read."""
    log = tmp_path / "events.jsonl"
    line = b'{"cmd":"a","run_id":"r"}\n'
    (tmp_path / "events.000001.jsonl.gz").write_bytes(gzip.compress(line * 3)[:-4])
    (tmp_path / "events.000002.jsonl.gz").write_bytes(b"")
    log.write_bytes(line)

    code, _, err = run(*words(arguments, log))

    assert code == 0
    first, second = err.splitlines()[:2]
    assert first.startswith("pytest-telemetry: events.000001.jsonl.gz: compressed data is damaged: ")
    assert first.endswith("; nothing is read after line 3")
    assert second == "pytest-telemetry: events.000002.jsonl.gz: compressed data is damaged: the file is empty"


def test_importing_the_package_of_commands_is_cheap() -> None:
    """The entry point must not cost what a command needs."""
    code = (
        "import sys, pytest_telemetry.cli; print(sorted({'click', 'orjson', 'asyncio'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
