"""``pytest-telemetry code``: searches, reads and navigates Python code, and reports what that costs (layer 7)."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

__all__ = ("command",)

_COMMANDS: Final = {
    "definition": "Tell where that is defined which stands at a place.",
    "emits": "Tell where code emits telemetry.",
    "get": "Print a symbol, some lines, or a file.",
    "search": "Search symbols by name.",
    "skeleton": "Print what a file defines.",
    "symbol": "Tell where a sym:// address leads.",
}


class _CodeGroup(click.Group):
    """Loads a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = import_module(f"pytest_telemetry.cli.code_{cmd_name}").command
        found.context_class = type(ctx)  # what it makes of errors of the system
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name]) for name in self.list_commands(ctx)])


@click.group(
    name="code",
    cls=_CodeGroup,
    epilog="""\b
Examples:
  pytest-telemetry code search Model
  pytest-telemetry code get sym://python/app.models/Model.save --telemetry lite
Exit code: 0 found, 1 not found or ambiguous, 2 input that cannot be used, 130 interrupted.""",
)
def command() -> None:
    """Search, read and navigate the Python code of a workspace.

    Each command tells what it discloses, and with --telemetry records it as a run of the workspace.
    """
