"""``pytest-telemetry code skeleton``: prints what a file defines (layer 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pytest_telemetry.cli.code_call import call_options, run_of
from pytest_telemetry.cli.group import CLEAN, complain, say
from pytest_telemetry.cli.printing import say_json
from pytest_telemetry.codeintel.reads import PYTHON_SUFFIXES
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.workspace import Workspace
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wording import plural
from pytest_telemetry.reports.text import visible

if TYPE_CHECKING:
    from pytest_telemetry.runs import Level

__all__ = ("command",)


@click.command(
    name="skeleton",
    epilog="""\b
Examples:
  pytest-telemetry code skeleton app/models.py
  pytest-telemetry code skeleton app/models.py --json --telemetry full
Exit code: 0 printed, also what is left of a damaged file, 2 a file that cannot be read.""",
)
@click.argument("path")
@call_options
def command(*, path: str, workspace: str, level: Level, as_json: bool) -> int:
    """Print the classes, functions, constants and imports of a Python file, with their lines.

    PATH is relative to the workspace.
    """
    place = Workspace(workspace)
    if not place.holds(path):
        raise UnusableInput(f"{path}: is outside of the workspace: name a file in it, or another --workspace")
    if place.file(path).suffix not in {"", *PYTHON_SUFFIXES}:
        raise UnusableInput(f"{path}: is no Python file: name one that ends with .py, .pyi or .pyw")
    with run_of(workspace, level) as run:
        skeleton = SkeletonMapBuilder(run, workspace).parse_file(path)
    if as_json:
        say_json(skeleton.as_dict())
        return CLEAN
    if skeleton.symbols or skeleton.damage:
        say("\n".join(visible(line) for line in skeleton.text().removesuffix("\n").split("\n")))
    if skeleton.damage:
        complain(
            f"{skeleton.file}: {plural(len(skeleton.damage), 'damaged part')}; what is intact is printed"
        )
    return CLEAN
