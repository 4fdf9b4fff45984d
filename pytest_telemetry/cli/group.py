"""The group of commands, and what they share: one-line errors and exit codes (layer 7)."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from pytest_telemetry.model.errors import TelemetryError

__all__ = ("CLEAN", "FOUND", "INTERRUPTED", "UNUSABLE", "commands", "complain", "run", "say")

CLEAN: Final = 0
FOUND: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 130

_COMMANDS: Final = {
    "check": "Hold event logs to the promises of good telemetry.",
    "convert": "Copy records between logs and databases.",
    "gate": "Fail when a benchmark became slower than its baseline.",
    "init": "Prepare a project: configuration and .gitignore.",
    "prune": "Remove what is old.",
    "reconcile": "Ask an event log whether it supports the files beside it.",
    "records": "Print what a log or database holds.",
    "redact": "Copy a log without absolute paths, secrets and personal data.",
    "summary": "Sum up a log: counts, errors, percentiles.",
    "telemetry": "Tell what a log or database holds, and what was lost.",
    "trace": "Show one run as a tree, or as a timeline for Perfetto.",
}


class _LazyGroup(click.Group):
    """Loads a command when it is called; the overview needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(f"pytest_telemetry.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name]) for name in self.list_commands(ctx)])


@click.group(
    name="pytest-telemetry",
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Judge the telemetry that tests and applications left behind.\n\n"
    "\b\nStart with:  pytest-telemetry check events.jsonl",
    epilog="The tests themselves need no command: write `def test_x(telemetry_recorder): ...` and run pytest.",
)
@click.version_option(package_name="pytest-telemetry", message="%(prog)s %(version)s")
def commands() -> None:
    """Judge the telemetry that tests and applications left behind."""


def complain(text: str) -> None:
    """Say in one line on standard error why something cannot be done."""
    click.echo("pytest-telemetry: " + " ".join(text.split()), err=True)


def say(text: str | bytes, *, colour: bool = False) -> bool:
    """Write to standard output; where its reader has gone, nowhere, so that the exit code is still right.

    Returns:
        Whether there is still a reader.

    Raises:
        TelemetryError: It cannot be written, because the disk is full for one.
    """
    if sys.stdout is None:
        return False
    try:
        click.echo(text, color=colour or None)
        sys.stdout.flush()
    except OSError as error:
        # What is still buffered would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise TelemetryError(f"cannot write to standard output: {error.strerror or error}") from error
        return False
    return True


def run() -> NoReturn:
    """Run the command that was asked for, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # names and messages of a log may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    code = UNUSABLE
    try:
        result: Any = commands.main(prog_name="pytest-telemetry", standalone_mode=False)
        code = result if isinstance(result, int) else CLEAN
    except click.ClickException as error:
        error.show()
    except TelemetryError as error:
        complain(str(error))
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted")
        code = INTERRUPTED
    sys.exit(code)
