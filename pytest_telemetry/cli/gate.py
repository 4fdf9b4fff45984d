"""``pytest-telemetry gate``: fails when a benchmark became slower than its baseline (layer 7)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pytest_telemetry.benchmark.stored import files_in, series
from pytest_telemetry.cli.group import CLEAN, FOUND, UNUSABLE, say
from pytest_telemetry.model.errors import MissingExtra, UnusableInput
from pytest_telemetry.reports.gate import history

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("command",)

_AFTER: Final = "pytest_telemetry.after"


class _WithOptionsForPytest(click.Command):
    """Keeps what follows ``--`` apart: it is pytest's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.meta[_AFTER] = args[at + 1 :]
        return super().parse_args(ctx, args[:at])


@click.command(
    name="gate",
    cls=_WithOptionsForPytest,
    epilog="Exit code: 0 nothing became slower, 1 something did or could not be compared, 2 input that cannot be used.",
)
@click.argument("tests", nargs=-1, metavar="[TESTS]... [-- PYTEST OPTIONS]")
@click.option("--against", metavar="REV", help="Compare with a git revision instead of the baseline.")
@click.option("--baseline", metavar="FILE", help="The baseline's file  [default: benchmarks/baseline.toml]")
@click.option("--threshold", metavar="SHARE", help="The slow-down that fails, like 5% or 0.05.")
@click.option("--allow-new", is_flag=True, help="Let benchmarks pass that the baseline does not know.")
@click.option("--partial", is_flag=True, help="Let benchmarks of the baseline be left out.")
@click.option("--json", "json_file", metavar="FILE", help="Write what came of it, as JSON.")
@click.option("--update", is_flag=True, help="Make the code as it is now the baseline; needs --reason.")
@click.option("--reason", metavar="TEXT", help="Why; it is kept in the baseline's file.")
@click.option("--archive", metavar="NAME", help="With --update: keep the code in this zip beside the file.")
@click.option("--instructions", is_flag=True, help="Count machine instructions as well; needs valgrind.")
@click.option("--history", "is_history", is_flag=True, help="Show where stored runs changed their level.")
@click.option(
    "--storage",
    metavar="DIR",
    help="With --history: where pytest-benchmark stored runs  [default: .benchmarks]",
)
def command(
    *,
    tests: tuple[str, ...],
    against: str | None,
    baseline: str | None,
    threshold: str | None,
    allow_new: bool,
    partial: bool,
    json_file: str | None,
    update: bool,
    reason: str | None,
    archive: str | None,
    instructions: bool,
    is_history: bool,
    storage: str | None,
) -> int:
    """Compare the benchmarks of a project with their baseline: the code as it was, run beside the code as it is.

    TESTS are files, folders or node ids, by default the folder benchmarks; what follows -- is handed to pytest.
    """
    if storage and not is_history:
        raise UnusableInput("--storage goes with --history: it says where stored runs are")
    if update != bool(reason and reason.strip()):
        raise UnusableInput("--update and --reason go together: say why the baseline changes")
    if archive is not None and not update:
        raise UnusableInput(
            "--archive goes with --update: it says where the code of the new baseline is kept"
        )
    values = {
        "against": against,
        "baseline": baseline,
        "threshold": threshold,
        "json": json_file,
        "update": reason,
        "archive": archive,
    }
    flags = {"allow-new": allow_new, "partial": partial, "instructions": instructions}
    asked = [
        *(f"--telemetry-gate-{name}={value}" for name, value in values.items() if value is not None),
        *(f"--telemetry-gate-{name}" for name, value in flags.items() if value),
        *tests,
    ]
    after = click.get_current_context().meta[_AFTER]
    if is_history:
        if asked or after:
            raise UnusableInput("--history measures nothing: of the others only --storage goes with it")
        for line in history(series(files_in(Path(storage or ".benchmarks")))):
            say(line)
        return CLEAN
    if find_spec("pytest_benchmark") is None:
        raise MissingExtra("pytest-telemetry gate", "benchmark")
    quiet = () if any(argument.startswith(("-v", "--verbose")) for argument in after) else ("-q",)
    pytest = [
        sys.executable,
        "-m",
        "pytest",
        *quiet,
        "--benchmark-only",
        "--benchmark-quiet",
        "--telemetry-gate",
    ]
    # last what is pytest's: a test after its last option might be taken for the value of that
    code = _ended([*pytest, *asked, *(() if tests else _default_tests()), *after])
    if code < 0:
        raise UnusableInput(
            f"pytest was ended by signal {-code} ({signal.strsignal(-code)}): nothing is judged"
        )
    return code if code in {CLEAN, FOUND} else UNUSABLE


def _default_tests() -> list[str]:
    return ["benchmarks"] if Path("benchmarks").is_dir() else []


def _ended(command: Sequence[str]) -> int:
    """Run *command* to its end, also where we are interrupted or asked to end; return its exit code.

    It has fixtures to take down: `subprocess.run` would kill it, at once or 0.25 s after a Ctrl-C, which reaches it as
    well. A request to end does not, so that it gets an interruption, if it was not started deaf to those.
    """
    with subprocess.Popen(command) as process:  # noqa: S603 - our own interpreter
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise
        except BaseException:
            hears = os.name != "nt" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
            process.send_signal(signal.SIGINT if hears else signal.SIGTERM)
            process.wait()
            raise
