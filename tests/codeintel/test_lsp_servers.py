"""Which language server is started: presets, programs, paths and commands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_telemetry.codeintel.lsp_errors import NoServer
from pytest_telemetry.codeintel.lsp_servers import PRESETS, ServerCommand, installed, server_command
from pytest_telemetry.model.errors import UnusableInput


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the PATH, and nothing else there or beside this Python."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python/bin/python"))
    return directory


def add(directory: Path, *names: str) -> None:
    for name in names:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o755)


def test_the_first_preset_that_is_installed_is_taken(programs: Path) -> None:
    """In the order of the table; without any, the text says what to install."""
    with pytest.raises(
        NoServer, match="no language server is installed: pip install ty, or another of ty, pyrefly"
    ):
        server_command()
    add(programs, "pylsp", "pyright-langserver")

    assert [preset.name for preset in installed()] == ["pyright", "pylsp"]
    assert server_command() == ServerCommand("pyright", (str(programs / "pyright-langserver"), "--stdio"))


def test_what_is_beside_this_python_comes_before_the_path(programs: Path) -> None:
    """As it does in a virtual environment that is not activated."""
    add(programs, "ty")
    beside = Path(sys.executable).parent
    add(beside, "ty")

    assert server_command("ty").argv == (str(beside / "ty"), "server")


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_is_known_by_name_program_and_path(programs: Path, preset: object) -> None:
    """And by the path to a program of its name, beside which its server stands."""
    name, program, args = preset.name, preset.program, preset.args  # type: ignore[attr-defined]  # ids= takes any
    with pytest.raises(NoServer, match=f"{name}: there is no {program}: pip install {name}"):
        server_command(name)
    add(programs, program)

    expected = ServerCommand(name, (str(programs / program), *args))
    for server in (name, program, programs / program, programs / name, str(programs / program)):
        assert server_command(server) == expected


def test_any_other_program_is_run_as_it_is(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name or by path, also a relative one; its name is that of the server."""
    add(programs, "my-server")
    monkeypatch.chdir(programs.parent)

    for server in ("my-server", programs / "my-server", "bin/my-server"):
        assert server_command(server) == ServerCommand("my-server", (str(programs / "my-server"),))


def test_a_command_is_run_as_it_stands(programs: Path) -> None:
    """Under the name that is given, or that of its program."""
    add(programs, "my-server", "other.exe")

    assert server_command(None, ["my-server", "--x"]) == ServerCommand(
        "my-server", (str(programs / "my-server"), "--x")
    )
    assert server_command("mine", [programs / "other.exe"]).name == "mine"
    assert server_command(None, ["other.exe"]).name == "other"


@pytest.mark.parametrize(
    ("server", "command", "text"),
    [
        (
            "pyrght",
            None,
            "pyrght: is no program that can be run, and no preset: .* one of ty, pyrefly, basedpyright",
        ),
        ("bin/none", None, "bin/none: is no program that can be run"),
        (None, [], "is empty: pass a program and its arguments"),
        (None, ["none", "-x"], "none: there is no such program"),
    ],
)
def test_what_cannot_be_started_is_refused(
    programs: Path, server: str | None, command: list[str] | None, text: str
) -> None:
    """With what could be; for the command line this is unusable input."""
    with pytest.raises(NoServer, match=text) as caught:
        server_command(server, command)
    assert isinstance(caught.value, UnusableInput)
