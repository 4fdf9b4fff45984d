"""The command that prepares a project."""

from __future__ import annotations

import errno
import os
import pathlib
import shutil
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.config import TelemetryConfig

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """\
[tool.pytest_telemetry]
storage_type = "file"  # events.jsonl in _ctx/telemetry; "sqlite" keeps a database there
retention_days = 30
"""


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_an_empty_project_gets_both_files(run: Any, tmp_path: Path) -> None:
    """With a configuration that is valid, and the next steps."""
    code, out, err = run("init", tmp_path)

    assert (code, err) == (0, "")
    assert out == (
        f"{tmp_path}/pyproject.toml: table [tool.pytest_telemetry] added, in a new file\n"
        f"{tmp_path}/.gitignore: line _ctx/ added, in a new file\n"
        "\n"
        "Next:\n"
        "  in a test         def test_load(telemetry_recorder): ...   and run pytest\n"
        "  in a program      from pytest_telemetry.runs import open_run\n"
        "  what a run left   pytest-telemetry records\n"
    )
    assert contents(tmp_path) == {"pyproject.toml": TABLE.encode(), ".gitignore": b"_ctx/\n"}
    config = TelemetryConfig.from_mapping(tomllib.loads(TABLE)["tool"]["pytest_telemetry"])
    assert (config.storage_type, config.retention_days) == ("file", 30)


def test_running_it_twice_changes_nothing(run: Any, tmp_path: Path) -> None:
    """And says so."""
    run("init", tmp_path)
    before = contents(tmp_path)

    code, out, _ = run("init", tmp_path)

    assert (code, contents(tmp_path)) == (0, before)
    assert out.count("there already, nothing changed") == 2


def test_the_directory_is_where_you_are(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless another one is named."""
    monkeypatch.chdir(tmp_path)

    assert run("init")[1].startswith("pyproject.toml: table")
    assert set(contents(tmp_path)) == {"pyproject.toml", ".gitignore"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", TABLE),
        ("[project]\nname = 'x'\n", "[project]\nname = 'x'\n\n" + TABLE),
        ("[tool.ruff]\nx = 1", "[tool.ruff]\nx = 1\n\n" + TABLE),
        ("# é\r\n[tool.ruff]\r\nx = 1\r\n", ("# é\n[tool.ruff]\nx = 1\n\n" + TABLE).replace("\n", "\r\n")),
    ],
)
def test_the_table_is_added_at_the_end(run: Any, tmp_path: Path, before: str, after: str) -> None:
    """With the line ends of the file, and everything else as it was; its permissions, too."""
    project = tmp_path / "pyproject.toml"
    project.write_bytes(before.encode())
    project.chmod(0o600)

    assert "table [tool.pytest_telemetry] added\n" in run("init", tmp_path)[1]

    assert project.read_bytes() == after.encode()
    assert project.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "[tool.pytest_telemetry]\n",
        "[tool]\npytest_telemetry = {batch_size = 7}\n",
        "tool.pytest_telemetry.x = 1\n",
    ],
)
def test_a_table_that_is_there_is_not_changed(run: Any, tmp_path: Path, text: str) -> None:
    """However it is written, and whatever it says."""
    (tmp_path / "pyproject.toml").write_text(text)

    assert run("init", tmp_path)[0] == 0
    assert (tmp_path / "pyproject.toml").read_text() == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[tool", "is not TOML: "),
        (b"\xff\xfe", "is not UTF-8 text: "),
        (b"\xef\xbb\xbf[project]\n", "begins with a byte order mark, which is not TOML; save it without"),
        (b"tool = {ruff = 1}\n", "cannot be added at its end: "),
        (b"tool = 1\n", "cannot be added at its end: "),
        (None, "Is a directory"),
    ],
)
def test_a_file_that_cannot_be_added_to_is_one_line(
    run: Any, tmp_path: Path, text: bytes | None, reason: str
) -> None:
    """And nothing is written, not even to the other file."""
    project = tmp_path / "pyproject.toml"
    if text is None:
        project.mkdir()
    else:
        project.write_bytes(text)
    before = contents(tmp_path)

    code, out, err = run("init", tmp_path)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"pytest-telemetry: {project}: ")
    assert reason in err
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["pyproject.toml", ".gitignore"])
def test_a_link_that_leads_nowhere_is_one_line(run: Any, tmp_path: Path, name: str) -> None:
    """It stays, and nothing is written, not even to the other file."""
    (tmp_path / name).symlink_to("gone")

    code, out, err = run("init", tmp_path)

    assert (code, out) == (2, "")
    assert err == (
        f"pytest-telemetry: {tmp_path / name}: is a link that leads nowhere; make what it leads to\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_that_cannot_be_written_is_one_line(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the other one is not written either."""
    opened = pathlib.Path.open

    def refuse(path: pathlib.Path, *arguments: Any, **named: Any) -> Any:
        if path.name.startswith("..gitignore."):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, *arguments, **named)

    monkeypatch.setattr(pathlib.Path, "open", refuse)

    code, out, err = run("init", tmp_path)

    assert (code, out) == (2, "")
    assert err == f"pytest-telemetry: {tmp_path}/.gitignore: cannot be written: Read-only file system\n"
    assert contents(tmp_path) == {}


def test_a_directory_that_is_none_is_one_line(run: Any, tmp_path: Path) -> None:
    """It is not made."""
    code, _, err = run("init", tmp_path / "no")

    assert (code, err) == (
        2,
        f"pytest-telemetry: {tmp_path / 'no'}: is no directory; name that of your project\n",
    )


IGNORED = [
    "_ctx",
    "_ctx/",
    "/_ctx",
    "/_ctx/",
    "**/_ctx/",
    "_ctx/*",
    "_ctx/**",
    "_ctx/telemetry/",
    "_*",
    "*",
    "x\n_ctx/  \n#",
    "\ufeff_ctx/",
]
NOT_IGNORED = ["", "# _ctx/", "_ctx2", "a/_ctx", "_ctx/other"]
UNIGNORED = ["!_ctx/", "_*\n!_ctx", "_ctx/\n!_ctx/"]


def ignored_by_git(directory: Path) -> bool:
    done = subprocess.run(
        ["git", "check-ignore", "-q", "_ctx/telemetry/events.jsonl"],
        cwd=directory,
        check=False,
        capture_output=True,
    )
    return done.returncode == 0


@pytest.mark.parametrize("text", [*IGNORED, *NOT_IGNORED, *UNIGNORED])
def test_the_directory_is_ignored_unless_it_was_or_is_not_to_be(run: Any, tmp_path: Path, text: str) -> None:
    """As git itself sees it, where there is one."""
    ignore = tmp_path / ".gitignore"
    ignore.write_text(text, "utf-8")

    code, out, _ = run("init", tmp_path)

    assert code == 0
    if text in IGNORED:
        assert ignore.read_text("utf-8") == text
        assert "there already" in out
    elif text in UNIGNORED:
        assert ignore.read_text() == text
        assert "not added, because a line says that it is not to be ignored" in out
    else:
        assert ignore.read_text() == (f"{text}\n" if text else "") + "_ctx/\n"
    if shutil.which("git"):
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
        assert ignored_by_git(tmp_path) is (text not in UNIGNORED)


@pytest.mark.parametrize(("text", "is_enough"), [("_ctx/", True), ("/_ctx/", False), ("x", False)])
def test_a_repository_above_may_ignore_it_already(
    run: Any, tmp_path: Path, text: str, is_enough: bool
) -> None:
    """Unless its line means another place."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text(text)
    inner = tmp_path / "packages" / "one"
    inner.mkdir(parents=True)

    run("init", inner)

    assert (inner / ".gitignore").exists() is not is_enough
