"""``pytest-telemetry code symbol``: tells where a symbol is (layer 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pytest_telemetry.cli.code_call import call_options, root_option, run_of, tell
from pytest_telemetry.codeintel.selector import Selector

if TYPE_CHECKING:
    from pytest_telemetry.runs import Level

__all__ = ("command",)


@click.command(
    name="symbol",
    epilog="""\b
Examples:
  pytest-telemetry code symbol sym://python/app.models/Model
  pytest-telemetry code symbol sym://python/app/models/Model.save --json
Exit code: 0 found, 1 not found or ambiguous, 2 no address, or other input that cannot be used.""",
)
@click.argument("uri", metavar="URI")
@root_option
@call_options
def command(*, uri: str, roots: tuple[str, ...], workspace: str, level: Level, as_json: bool) -> int:
    """Tell where a sym:// address leads: FILE:LINE, and what stands there.

    Imports and bases are followed. What depends on a condition is ambiguous: all candidates are printed.
    """
    with run_of(workspace, level) as run:
        resolution = Selector(run, workspace, roots=roots).resolve_symbol(uri)
    return tell(resolution, as_json=as_json)
