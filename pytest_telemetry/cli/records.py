"""``pytest-telemetry records``: prints what a log or database holds (layer 7)."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import click

from pytest_telemetry.cli.group import CLEAN, complain, complain_of_unread, standard_input
from pytest_telemetry.cli.printing import Printing, pause
from pytest_telemetry.lookup import Found, find_records, follow_records
from pytest_telemetry.model.pattern_text import parse_pattern
from pytest_telemetry.model.wire import LogLine, encode
from pytest_telemetry.model.wording import plural
from pytest_telemetry.reports.record_rows import record_row
from pytest_telemetry.sources import find_log, stream_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.model.wire import BadLine

__all__ = ("command",)

_PAUSE_S = 0.2


@click.command(
    name="records",
    epilog="""\b
Examples:
  pytest-telemetry records events.jsonl
  pytest-telemetry records events.jsonl --pattern 'lsp.*' --limit 20
  pytest-telemetry records events.jsonl -p 'span("load", status="error")' --json
  pytest-telemetry records --follow
Exit code: 0 also where nothing was found, 2 input that cannot be used, 130 interrupted.""",
)
@click.argument("path", required=False)
@click.option(
    "-p",
    "--pattern",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="""Print what this describes: a name, a glob, or 'span("load", rows=10)'. Repeated, what any describes.""",
)
@click.option("--run", "run_id", metavar="ID", help="Print the records of this run.")
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="Print the first N of them.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print each as a line of our own format.")
def command(
    *,
    path: str | None,
    patterns: tuple[str, ...],
    run_id: str | None,
    limit: int | None,
    follow: bool,
    as_json: bool,
) -> int:
    """Print the records of a log or database, one line each.

    PATH is a log with its closed segments, a compressed file, a database, or the directory of a run; by default the
    run of this project. - is standard input.
    """
    pattern = reduce(or_, map(parse_pattern, patterns)) if patterns else None
    printing = Printing(eager=path == "-")
    if path == "-":
        with Found(
            stream_source(standard_input(), "standard input"), "standard input", pattern, run_id
        ) as found:
            malformed = _print_found(found, printing, limit=limit, as_json=as_json)
    elif follow:
        malformed = _follow(path, pattern, run_id, printing, limit=limit, as_json=as_json)
    else:
        with find_records(find_log(path), pattern, run_id=run_id) as found:
            malformed = _print_found(found, printing, limit=limit, as_json=as_json)
    if malformed:
        complain(f"{plural(malformed, 'malformed line')} left out; `pytest-telemetry check` says why")
    return CLEAN


def _print_found(found: Found, printing: Printing, *, limit: int | None, as_json: bool) -> int:
    _print(found, printing, limit=limit, as_json=as_json)
    complain_of_unread(found)
    return found.malformed


def _follow(
    path: str | None,
    pattern: Pattern | None,
    run_id: str | None,
    printing: Printing,
    *,
    limit: int | None,
    as_json: bool,
) -> int:
    def wait() -> bool:
        printing.flush()
        return not printing.is_over and pause(_PAUSE_S)

    log = find_log(path, awaited=True)
    if not log.exists():
        complain(f"{log}: is not there yet, and waited for")
    lines = follow_records(log, wait, pattern, run_id=run_id)
    return _print(lines, printing, limit=limit, as_json=as_json)


def _print(
    lines: Iterable[LogLine | BadLine], printing: Printing, *, limit: int | None, as_json: bool
) -> int:
    """Print the records in *lines*, and return how many hold none."""
    printed = malformed = 0
    for line in lines:
        if not isinstance(line, LogLine):
            malformed += 1
            continue
        printing.line(encode(line.record)[:-1] if as_json else record_row(line.record))
        printed += 1
        if printing.is_over or printed == limit:
            break
    printing.flush()
    return malformed
