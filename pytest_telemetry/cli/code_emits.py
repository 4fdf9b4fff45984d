"""``pytest-telemetry code emits``: tells where code emits telemetry (layer 7)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pytest_telemetry.cli.code_call import call_options, run_of
from pytest_telemetry.cli.group import CLEAN, FOUND, complain, say
from pytest_telemetry.cli.printing import say_json
from pytest_telemetry.cli.progress import steps
from pytest_telemetry.codeintel.instrumentation import emissions_in
from pytest_telemetry.codeintel.workspace import Workspace
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wording import plural
from pytest_telemetry.reports.text import visible

if TYPE_CHECKING:
    from pytest_telemetry.runs import Level

__all__ = ("command",)


@click.command(
    name="emits",
    epilog="""\b
Examples:
  pytest-telemetry code emits app
  pytest-telemetry code emits app/models.py --json
Exit code: 0 found, 1 nothing found, 2 input that cannot be used.""",
)
@click.argument("path")
@call_options
def command(*, path: str, workspace: str, level: Level, as_json: bool) -> int:
    """Tell where code emits telemetry: FILE:LINE:COL, by which API, what kind, and the name, or the call.

    PATH is a file or a directory in the workspace.
    """
    place = Workspace(workspace)
    if not place.holds(path):
        raise UnusableInput(f"{path}: is outside of the workspace: name a file in it, or another --workspace")
    unread: list[str] = []
    with (
        run_of(workspace, level) as run,
        run.context("code.emits", **{"args.file": place.name(path)}) as span,
        steps("reading") as progress,
    ):
        found = emissions_in(path, workspace, unread=unread.append, progress=progress)
        span.set(**{"result.status": "ok", "result.count": len(found)})
    for name in unread:
        complain(f"{name}: cannot be read")
    if as_json:
        say_json({"path": path, "emissions": [asdict(each) for each in found], "unread": unread})
    else:
        for each in found:
            name = each.text if each.name is None else each.name
            say(visible(f"{each.file}:{each.line}:{each.col + 1}  {each.api} {each.kind} {name}"))
        complain(plural(len(found), "place"))
    return CLEAN if found else FOUND
