"""``pytest-telemetry telemetry``: what a log or database holds (layer 7)."""

from __future__ import annotations

import click

from pytest_telemetry.analysis.holdings import Holdings
from pytest_telemetry.cli.group import CLEAN, say, standard_input
from pytest_telemetry.cli.printing import say_json
from pytest_telemetry.cli.progress import progress
from pytest_telemetry.collection import DIRECTORY
from pytest_telemetry.losses import losses_in
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.periods import parse_period
from pytest_telemetry.model.zone import SYSTEM_ZONE
from pytest_telemetry.reports.figures import table
from pytest_telemetry.reports.reading import loss_lines, reading_lines
from pytest_telemetry.sources import find_log, open_source, stream_source
from pytest_telemetry.summaries import read_records

__all__ = ("command",)


@click.command(name="telemetry")
@click.argument("path", required=False)
@click.option("--event-type", metavar="TYPE", help="Count only records of this type.")
@click.option("--period", metavar="P", help="Only what is not older: 30m, 24h, 7d, 4w or today.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(*, path: str | None, event_type: str | None, period: str | None, as_json: bool) -> int:
    """Tell what a log or database holds: records by kind, type and severity, runs, errors, losses.

    PATH is a log, a database, or the directory of a run; by default the run of this project. - is standard input.
    """
    since = None if period is None else parse_period(period, SYSTEM_CLOCK.wall_ns(), SYSTEM_ZONE)
    holdings = Holdings(event_type)
    if path == "-":
        name = "standard input"
        read = read_records(stream_source(standard_input(), name), name, holdings.add, period=since).as_dict()
        lost = []
    else:
        log = find_log(path)
        with progress(log) as tell, open_source(log) as source:
            read = read_records(source, str(log), holdings.add, period=since, progress=tell).as_dict()
        lost = losses_in(DIRECTORY if path is None else log.parent)
    losses = [loss.as_dict() for loss in lost]
    figures = holdings.as_dict()
    if as_json:
        told = {
            **read,
            "event_type": event_type,
            "of_other_types": holdings.skipped,
            **figures,
            "losses": losses,
        }
        say_json(told)
        return CLEAN
    lines = reading_lines(read) + loss_lines(losses)
    if event_type is not None:
        lines.append(f"only event type {event_type!r}: {holdings.skipped:,} of other types left out")
    facts = (
        ("first", figures["first"] or "-"),
        ("last", figures["last"] or "-"),
        ("runs", "more than a million" if figures["runs"] is None else f"{figures['runs']:,}"),
        ("without a run", f"{figures['without_run']:,}"),
        ("errors", f"{figures['errors']:,}"),
    )
    lines += ["", *(f"{name:<13}  {value}" for name, value in facts)]
    for head, counts in (
        ("kind", {kind: count for kind, count in figures["kinds"].items() if count}),
        ("event type", figures["event_types"]),
        ("severity", figures["severities"]),
    ):
        if counts:
            lines += [
                "",
                *table([(head, "count"), *((name, f"{count:,}") for name, count in counts.items())]),
            ]
    say("\n".join(lines))
    return CLEAN
