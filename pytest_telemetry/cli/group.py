"""The group of commands, and what they share: one-line errors and exit codes (layer 7)."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

import click

from pytest_telemetry.model.errors import TelemetryError, UnusableInput

if TYPE_CHECKING:
    from pytest_telemetry.lookup import Found
    from pytest_telemetry.sources import Source

__all__ = (
    "CLEAN",
    "FOUND",
    "INTERRUPTED",
    "UNUSABLE",
    "commands",
    "complain",
    "complain_of_unread",
    "run",
    "say",
    "standard_input",
)

CLEAN: Final = 0
FOUND: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 130

_TRACEBACK: Final = "PYTEST_TELEMETRY_TRACEBACK"

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
    """Say in one line on standard error why something cannot be done; where that cannot be written, nowhere."""
    with contextlib.suppress(OSError):
        click.echo("pytest-telemetry: " + " ".join(text.split()), err=True)


def complain_of_unread(source: Source | Found) -> None:
    """Say of which files of *source* the rest was not read, and why."""
    for rest in source.unread:
        complain(f"{rest.file}: {rest.reason}" if rest.file else rest.reason)


def standard_input() -> BinaryIO:
    """Return what is read for ``-``.

    Raises:
        UnusableInput: Whoever started us closed it.
    """
    if sys.stdin is None:
        raise UnusableInput("standard input is closed; name a file")
    return sys.stdin.buffer


def say(text: str | bytes, *, colour: bool = False) -> bool:
    """Write to standard output; where its reader has gone, nowhere, so that the exit code is still right.

    Returns:
        Whether there is still a reader.

    Raises:
        TelemetryError: It cannot be written, because the disk is full for one.
    """
    try:
        click.echo(text, color=colour or None)
        sys.stdout.flush()
    except OSError as error:
        _leave_output()
        if not isinstance(error, BrokenPipeError):
            raise TelemetryError(_reason(error)) from error
        return False
    return True


def _leave_output() -> None:
    """Send what is still buffered nowhere: it would fail again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> NoReturn:
    """Run the command that was asked for, and exit: what goes wrong is one line on standard error, and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # names and messages of a log may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    code = _code()
    try:
        click.echo("", nl=False)
    except OSError:  # said already
        _leave_output()
    sys.exit(code)


def _code() -> int:
    """Run the command, and return its exit code."""
    if sys.stdout is None:  # the next file that is opened would get its place
        complain(f"standard output is closed; where nobody wants it, send it to {os.devnull}")
        return UNUSABLE
    try:
        result: Any = commands.main(prog_name="pytest-telemetry", standalone_mode=False)
    except click.ClickException as error:
        error.show()
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted")
        return INTERRUPTED
    except SystemExit:  # of click, where the reader of a help has gone
        return CLEAN
    except Exception as error:  # noqa: BLE001 - whoever called a command is owed one line and no more
        if os.environ.get(_TRACEBACK):
            traceback.print_exc()
        complain(_reason(error))
    else:
        return result if isinstance(result, int) else CLEAN
    return UNUSABLE


def _reason(error: Exception) -> str:
    """Return what is to be said of an error, in one line."""
    if isinstance(error, OSError) and error.strerror:
        # Of what is read and written the name is known, but for standard output.
        return f"{error.filename or 'cannot write to standard output'}: {error.strerror}"
    if isinstance(error, (TelemetryError, OSError)):
        return str(error)
    return (
        f"{type(error).__name__}: {error}; this is a defect of pytest-telemetry, {_TRACEBACK}=1 shows where"
    )
