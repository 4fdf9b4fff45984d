"""``pytest-telemetry summary``: counts, errors and percentiles of what a log holds (layer 7)."""

from __future__ import annotations

import click

from pytest_telemetry.analysis.command_figures import SORTS, in_order
from pytest_telemetry.cli.group import CLEAN, say, standard_input
from pytest_telemetry.cli.printing import say_json
from pytest_telemetry.cli.progress import progress
from pytest_telemetry.cli.terminal import width
from pytest_telemetry.collection import DIRECTORY
from pytest_telemetry.losses import losses_in
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.pattern_text import parse_pattern
from pytest_telemetry.model.periods import parse_period
from pytest_telemetry.model.stats import METHODS, Method
from pytest_telemetry.model.zone import SYSTEM_ZONE
from pytest_telemetry.reports.figures import figures_table
from pytest_telemetry.reports.reading import loss_lines, reading_lines
from pytest_telemetry.sources import find_log, stream_source
from pytest_telemetry.summaries import ENGINES, Engine, summarise_log, summarise_source

__all__ = ("command",)


@click.command(name="summary")
@click.argument("path", required=False)
@click.option("--period", metavar="P", help="Only what is not older: 30m, 24h, 7d, 4w or today.")
@click.option(
    "--by",
    multiple=True,
    default=("command",),
    metavar="command|PATTERN",
    help="Sum up each command (default), or what this pattern describes; may be repeated.",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="linear",
    show_default=True,
    help="How percentiles are computed.",
)
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    default="count",
    show_default=True,
    help="What comes first: the largest.",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="Who reads: auto asks DuckDB where it is installed and the log is large.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(
    *,
    path: str | None,
    period: str | None,
    by: tuple[str, ...],
    method: Method,
    sort: str,
    engine: Engine,
    as_json: bool,
) -> int:
    """Sum up a log or database: counts, errors, percentiles in milliseconds.

    PATH is a log, a database, or the directory of a run; by default the run of this project. - is standard input.
    """
    since = None if period is None else parse_period(period, SYSTEM_CLOCK.wall_ns(), SYSTEM_ZONE)
    patterns = {} if by == ("command",) else {text: parse_pattern(text) for text in by}
    if "command" in patterns:
        raise UnusableInput("--by takes either command, or patterns")
    if path == "-":
        name = "standard input"
        note = "read by Python, not by DuckDB: it reads files only" if engine == "duckdb" else ""
        source = stream_source(standard_input(), name)
        summary = summarise_source(source, name, patterns=patterns, method=method, period=since, note=note)
        lost = []
    else:
        log = find_log(path)
        with progress(log) as tell:
            summary = summarise_log(
                log, patterns=patterns, method=method, period=since, engine=engine, progress=tell
            )
        lost = losses_in(DIRECTORY if path is None else log.parent)
    figures = in_order(summary.figures, sort)
    read = summary.read.as_dict()
    losses = [loss.as_dict() for loss in lost]
    if as_json:
        told = {
            **read,
            "method": summary.method,
            "engine": summary.engine,
            "note": summary.note or None,
            "losses": losses,
            "figures": [one.as_dict() for one in figures],
        }
        say_json(told)
        return CLEAN
    lines = reading_lines(read) + loss_lines(losses)
    if summary.note:
        lines.append(summary.note)
    if figures:
        head = "pattern" if patterns else "command"
        lines += ["", *figures_table(figures, head=head, width=width()), "", f"percentiles: {summary.method}"]
    say("\n".join(lines))
    return CLEAN
