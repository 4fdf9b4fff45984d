"""Which language server is started, and how (layer 2)."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_telemetry.codeintel.lsp_errors import NoServer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("PRESETS", "Preset", "ServerCommand", "installed", "server_command")


@dataclass(frozen=True, slots=True)
class Preset:
    """A language server that is known by its name.

    Attributes:
        name: What it is called here and in records; also what pip installs.
        program: What is run.
        args: What it is given.
    """

    name: str
    program: str
    args: tuple[str, ...] = ()


PRESETS: Final = (
    Preset("ty", "ty", ("server",)),
    Preset("pyrefly", "pyrefly", ("lsp",)),
    Preset("basedpyright", "basedpyright-langserver", ("--stdio",)),
    Preset("pyright", "pyright-langserver", ("--stdio",)),
    Preset("jedi-language-server", "jedi-language-server"),
    Preset("pylsp", "pylsp"),
)
"""In the order in which they are chosen."""

_NAMES: Final = ", ".join(preset.name for preset in PRESETS)


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """How a server is started.

    Attributes:
        name: Of the preset, or of the program: ``server`` in records.
        argv: The program, as a path, and what it is given.
    """

    name: str
    argv: tuple[str, ...]


def installed() -> list[Preset]:
    """Return the presets whose program is beside this Python or on the PATH, first choice first."""
    return [preset for preset in PRESETS if _found(preset.program) is not None]


def server_command(
    server: str | os.PathLike[str] | None = None, command: Sequence[str | os.PathLike[str]] | None = None
) -> ServerCommand:
    """Return how to start a server.

    A path to the program of a preset, or to a program that has the name of a preset, is that preset: for
    ``bin/pyright`` it is ``bin/pyright-langserver --stdio``.

    Args:
        server: The name of a preset, a program, or a path to one; None takes the first preset that is installed.
        command: What is run as it stands instead; then *server* is only its name.

    Raises:
        NoServer: There is nothing to start.
    """
    if command is not None:
        if not command:
            raise NoServer("command=[]: is empty: pass a program and its arguments")
        program, *args = [os.fspath(part) for part in command]
        path = _found(program)
        if path is None:
            raise NoServer(f"{program}: there is no such program: install it, or pass a path to it")
        return ServerCommand(_stem(program if server is None else os.fspath(server)), (path, *args))
    if server is None:
        return _first_installed()
    text = os.fspath(server)
    for preset in PRESETS:
        if text == preset.name or _stem(text) in {preset.name, preset.program}:
            sought = (
                str(Path(text).expanduser().absolute().with_name(preset.program))
                if _is_path(text)
                else preset.program
            )
            return _of_preset(preset, sought)
    path = _found(text)
    if path is None:
        raise NoServer(
            f"{text}: is no program that can be run, and no preset: pass a path to a language server, or one of {_NAMES}"
        )
    return ServerCommand(_stem(text), (path,))


def _first_installed() -> ServerCommand:
    for preset in installed():
        return _of_preset(preset, preset.program)
    raise NoServer(
        f"no language server is installed: pip install {PRESETS[0].name}, or another of {_NAMES}, or pass a command"
    )


def _of_preset(preset: Preset, program: str) -> ServerCommand:
    path = _found(program)
    if path is None:
        raise NoServer(
            f"{preset.name}: there is no {program}: pip install {preset.name}, or pass one that is installed"
        )
    return ServerCommand(preset.name, (path, *preset.args))


def _found(program: str) -> str | None:
    """Return the absolute path of *program*, which is looked for beside this Python before the PATH."""
    if _is_path(program):
        path = shutil.which(Path(program).expanduser().absolute())
        return None if path is None else str(path)
    beside = Path(sys.executable).parent
    return shutil.which(program, path=str(beside)) or shutil.which(program)


def _is_path(program: str) -> bool:
    return os.sep in program or (os.altsep is not None and os.altsep in program)


def _stem(program: str) -> str:
    name = Path(program).name
    return name[:-4] if name.lower().endswith((".exe", ".cmd")) else name
