"""``pytest-telemetry trace``: shows one run (layer 7)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pytest_telemetry.cli.group import CLEAN, complain, complain_of_unread, say, standard_input
from pytest_telemetry.lookup import find_records, find_run, is_database
from pytest_telemetry.model.records import Records
from pytest_telemetry.model.wording import plural
from pytest_telemetry.new_file import new_file, require_apart, require_free
from pytest_telemetry.reports.perfetto import perfetto_trace
from pytest_telemetry.reports.trace import trace_object, trace_text
from pytest_telemetry.sources import find_log, open_source, stream_source

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.sources import Source

__all__ = ("command",)

_FORMATS: Final = ("text", "json", "perfetto")
_HINT: Final = "name another file, or add --force"


@click.command(
    name="trace",
    epilog="""\b
Examples:
  pytest-telemetry trace run_1
  pytest-telemetry trace run_1 --log events.jsonl --spans --events
  pytest-telemetry trace run_1 --log telemetry.db --format json --output trace.json
  pytest-telemetry trace run_1 --log events.jsonl --format perfetto --output timeline.json
Open the last one at ui.perfetto.dev or chrome://tracing.
Exit code: 0 shown, 2 no such run or other input that cannot be used, 130 interrupted.""",
)
@click.argument("run_id", metavar="RUN_ID")
@click.option(
    "--log",
    metavar="PATH",
    help="A log, a database, or the directory of a run; - is standard input. By default the run of this project.",
)
@click.option("--spans", is_flag=True, help="Add all spans in detail.")
@click.option("--events", is_flag=True, help="Add all events and logs in detail.")
@click.option(
    "--format", "as_", type=click.Choice(_FORMATS), default="text", show_default=True, help="How it is shown."
)
@click.option(
    "-o", "--output", metavar="FILE", help="Write to this file, which must not exist; - is standard output."
)
@click.option("--force", is_flag=True, help="Replace the file of --output.")
def command(
    *, run_id: str, log: str | None, spans: bool, events: bool, as_: str, output: str | None, force: bool
) -> int:
    """Show a run: its totals, timings and metrics by scope, and the tree of what happened in it.

    RUN_ID is the run_id of its records.
    """
    if output == "-":
        output = None
    if output is not None:
        if log != "-":
            require_apart(find_log(log), Path(output))
        if not force:
            require_free(Path(output), _HINT)  # before the work is done
    records = _run(log, run_id)
    if as_ == "perfetto":
        text = json.dumps(perfetto_trace(records, name=run_id), separators=(",", ":"), allow_nan=False)
    elif as_ == "json":
        text = json.dumps(
            trace_object(Records(records), run_id, spans=spans, events=events), indent=2, allow_nan=False
        )
    else:
        text = trace_text(Records(records), run_id, spans=spans, events=events)
    if output is None:
        say(text)
        return CLEAN
    with new_file(Path(output), replace=force) as file:
        file.write(text.encode("utf-8", "backslashreplace") + b"\n")
    say(f"{output}: {plural(len(records), 'record')} of run {run_id}")
    return CLEAN


def _run(log: str | None, run_id: str) -> list[Record]:
    if log == "-":
        return _found(stream_source(standard_input(), "standard input"), "standard input", run_id)
    path = find_log(log)
    if is_database(path):
        with find_records(path, run_id=run_id) as found:
            records = [line.record for line in found]
        if records:
            return records
    with open_source(path) as source:
        return _found(source, str(path), run_id)


def _found(source: Source, name: str, run_id: str) -> list[Record]:
    records = find_run(source, name, run_id)
    complain_of_unread(source)
    if source.malformed:
        complain(f"{plural(source.malformed, 'malformed line')} left out; `pytest-telemetry check` says why")
    return records
