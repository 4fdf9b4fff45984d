"""``pytest-telemetry init``: prepares a project (layer 7)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from pytest_telemetry.cli.group import CLEAN, say
from pytest_telemetry.project_setup import Outcome, set_up
from pytest_telemetry.reports.text import visible

__all__ = ("command",)

_WHAT: Final = {"pyproject.toml": "table [tool.pytest_telemetry]", ".gitignore": "line _ctx/"}
_WORDS: Final[dict[Outcome, str]] = {
    "added": "added",
    "made": "added, in a new file",
    "there": "there already, nothing changed",
    "wanted": "not added, because a line says that it is not to be ignored",
}
_NEXT: Final = """
Next:
  in a test         def test_load(telemetry_recorder): ...   and run pytest
  in a program      from pytest_telemetry.runs import open_run
  what a run left   pytest-telemetry records"""


@click.command(
    name="init",
    epilog="""\b
Examples:
  pytest-telemetry init
  pytest-telemetry init .
Exit code: 0 also where everything was there, 2 what cannot be used or written, 130 interrupted.""",
)
@click.argument("directory", default=".")
def command(*, directory: str) -> int:
    """Prepare a project: add [tool.pytest_telemetry] to pyproject.toml, and _ctx/ to .gitignore.

    Only what is missing is added, and nothing that is there is changed. DIRECTORY is that of the project, by default
    where you are.
    """
    place = Path(directory)
    for name, outcome in set_up(place).items():
        say(f"{visible(str(place / name))}: {_WHAT[name]} {_WORDS[outcome]}")
    say(_NEXT)
    return CLEAN
