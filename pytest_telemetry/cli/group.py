"""The group of commands, and what they share: one-line errors and exit codes (layer 7)."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn, TextIO

import click

from pytest_telemetry.model.errors import TelemetryError, UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.lookup import Found
    from pytest_telemetry.sources import Source

__all__ = (
    "CLEAN",
    "FOUND",
    "INTERRUPTED",
    "TERMINATED",
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
TERMINATED: Final = 143

_TRACEBACK: Final = "PYTEST_TELEMETRY_TRACEBACK"

_COMMANDS: Final = {
    "check": "Hold event logs to the promises of good telemetry.",
    "code": "Search, read and navigate Python code, and say what that costs.",
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


class _Context(click.Context):
    """Makes its own of what the system says to a command: what click then lets through is about its printing alone."""

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().invoke(*args, **kwargs)
        except (OSError, SystemExit) as error:
            raise TelemetryError(_reason(error)) from error
        except KeyboardInterrupt as error:  # of which click would tell where that may be impossible
            raise click.Abort from error


class _LazyGroup(click.Group):
    """Loads a command when it is called; the overview needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(f"pytest_telemetry.cli.{cmd_name}").command
        command.context_class = _Context
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
    _tell(f"pytest-telemetry: {' '.join(text.split())}\n")


def _tell(text: str) -> None:
    """Write to standard error; where that cannot be written, nowhere, so that the exit code is still right."""
    try:
        click.echo(text, nl=False, err=True)
    except OSError:
        _leave(sys.stderr)


def _leave(stream: TextIO) -> None:
    """Send what *stream* still holds nowhere: it would fail again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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
        with _standard_output():
            click.echo(text, color=colour or None)
            sys.stdout.flush()
    except BrokenPipeError:
        return False
    return True


@contextlib.contextmanager
def _standard_output() -> Iterator[None]:
    """Take an error of the system as one of standard output, in one line unless its reader has gone."""
    try:
        yield
    except OSError as error:
        _leave(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        raise TelemetryError(f"cannot write to standard output: {error.strerror or error}") from error


def run() -> NoReturn:
    """Run the command that was asked for, and exit: what goes wrong is one line on standard error, and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # names and messages of a log may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    with _terminable():
        code = _code()
    sys.exit(code)


class Terminated(BaseException):
    """The process was asked to end."""


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let a request to end unwind what is being done, as an interruption does: no file that is half done stays."""

    def end(*_: object) -> NoReturn:
        raise Terminated

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # somebody else decides
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _code() -> int:
    """Run the command, and return its exit code."""
    if sys.stdout is None:  # the next file that is opened would get its place
        complain(f"standard output is closed; where nobody wants it, send it to {os.devnull}")
        return UNUSABLE
    try:
        result = _called()
    except click.ClickException as error:
        usage = io.StringIO()
        error.show(usage)
        _tell(usage.getvalue())
    except (KeyboardInterrupt, click.Abort):
        _tell("\n")  # behind the ^C of a terminal
        complain("interrupted")
        return INTERRUPTED
    except Terminated:
        complain("terminated")
        return TERMINATED
    except Exception as error:  # noqa: BLE001 - whoever called a command is owed one line and no more
        if os.environ.get(_TRACEBACK):
            _tell(traceback.format_exc())
        complain(_reason(error))
    else:
        return result if isinstance(result, int) else CLEAN
    return UNUSABLE


def _called() -> Any:
    """Run the command, and return what it does."""
    with _standard_output(), contextlib.suppress(SystemExit):  # as click tells that the reader has gone
        return commands.main(prog_name="pytest-telemetry", standalone_mode=False)
    return CLEAN


def _reason(error: BaseException) -> str:
    """Return what is to be said of an error, in one line."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, (TelemetryError, OSError)):
        return str(error)
    return (
        f"{type(error).__name__}: {error}; this is a defect of pytest-telemetry, {_TRACEBACK}=1 shows where"
    )
