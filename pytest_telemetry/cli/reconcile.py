"""``pytest-telemetry reconcile``: asks an event log whether it supports the files beside it (layer 7)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_telemetry.checks.reconcile import CountersKept, Reconcile
from pytest_telemetry.cli.group import CLEAN, FOUND, complain_of_unread, say
from pytest_telemetry.cli.printing import say_json
from pytest_telemetry.cli.terminal import judged_text
from pytest_telemetry.collection import DIRECTORY
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.run_files import LAST_RUN, METRICS, read_counters, read_object
from pytest_telemetry.scan import scan_source
from pytest_telemetry.sources import find_log, open_source, require_events

if TYPE_CHECKING:
    from pytest_telemetry.model.protocols import Check

__all__ = ("command",)


@click.command(
    name="reconcile",
    epilog="Exit code: 0 the log supports the files, 1 it does not, 2 input that cannot be used.",
)
@click.argument("directory", required=False)
@click.option("--log", metavar="PATH", help="The log or database, where it is not in the directory.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(*, directory: str | None, log: str | None, as_json: bool) -> int:
    """Compute the figures of a run again from its events.

    DIRECTORY holds last_run.json and, if there is one, metrics.json; _ctx/telemetry by default, and then the log may
    also be where [tool.pytest_telemetry] in pyproject.toml says.
    """
    folder = DIRECTORY if directory is None else Path(directory)
    if not folder.is_dir():
        raise UnusableInput(f"{folder}: is no directory: name the one that holds {LAST_RUN}")
    summary = read_object(folder / LAST_RUN)
    try:
        checks: list[Check] = [Reconcile(summary), CountersKept(read_counters(folder / METRICS), summary)]
    except ValueError as error:
        raise UnusableInput(f"{folder / LAST_RUN}: {error}") from error
    path = find_log(directory if log is None else log)
    with open_source(path) as source:
        result = scan_source(source, str(path), checks, allow_empty=True)
        require_events(source, str(path))
        complain_of_unread(source)
    if as_json:
        say_json(result.as_dict())
    else:
        text = judged_text(result)
        say(text if result.findings else f"{text}\n\nthe log supports {LAST_RUN}", colour=True)
    return FOUND if any(finding.level != "info" for finding in result.findings) else CLEAN
