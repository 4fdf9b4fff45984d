"""``pytest-telemetry prune``: removes what is old (layer 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pytest_telemetry.cli.group import CLEAN, UNUSABLE, complain, say
from pytest_telemetry.lookup import is_database
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.periods import parse_period
from pytest_telemetry.model.wording import plural
from pytest_telemetry.model.zone import SYSTEM_ZONE
from pytest_telemetry.prune import prune_database, prune_log
from pytest_telemetry.reports.record_rows import time_text
from pytest_telemetry.reports.text import visible
from pytest_telemetry.sources import find_log

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry.prune import Outcome, Segment

__all__ = ("command",)

_WORDS: dict[Outcome, str] = {
    "old": "would be removed",
    "removed": "removed",
    "in use": "stays: somebody may still append to it",
    "refused": "stays: it cannot be removed",
    "unreadable": "stays: it cannot be read as a log",
}


@click.command(
    name="prune",
    epilog="""\b
Examples:
  pytest-telemetry prune --older-than 30d --dry-run
  pytest-telemetry prune events.jsonl --older-than 4w --keep 2
  pytest-telemetry prune telemetry.db --older-than today
Exit code: 0 also where nothing was old, 2 what cannot be removed, or used, 130 interrupted.""",
)
@click.argument("path", required=False)
@click.option(
    "--older-than",
    "period",
    metavar="PERIOD",
    required=True,
    help="30m, 24h, 7d, 4w, or today (since midnight).",
)
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Leave the last N closed segments, or records of a database, however old they are.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
def command(*, path: str | None, period: str, keep: int, dry_run: bool) -> int:
    """Remove closed segments of a log, or records of a database, that are older than a period.

    PATH is a log, a database, or the directory of a run; by default the run of this project. Of a log, whole
    segments go, each when all its records are older; the file that is written to stays.
    """
    before_ns = parse_period(period, SYSTEM_CLOCK.wall_ns(), SYSTEM_ZONE).since_ns
    found = find_log(path)
    if is_database(found):
        return _database(found, before_ns, keep, dry_run=dry_run)
    old, everything = prune_log(found, before_ns, keep=keep, dry_run=dry_run)
    for segment in old:
        say(_line(segment))
    gone = [segment for segment in old if segment.outcome in {"old", "removed"}]
    size = sum(segment.size for segment in gone)
    verb = "would be removed" if dry_run else "removed"
    say(
        f"{visible(str(found))}: {len(gone):,} of {plural(everything, 'closed segment')} {verb}"
        + (f", {plural(size, 'byte')}" if gone else "")
    )
    refused = [segment for segment in old if segment.reason]
    for segment in refused:
        complain(f"{segment.name} stays: {segment.reason}")
    return UNUSABLE if refused else CLEAN


def _line(segment: Segment) -> str:
    return (
        f"{visible(segment.name)}  {plural(segment.size, 'byte')}  until {time_text(segment.newest_ns)}  "
        f"{_WORDS[segment.outcome]}"
    )


def _database(path: Path, before_ns: int, keep: int, *, dry_run: bool) -> int:
    old, everything = prune_database(path, before_ns, keep=keep, dry_run=dry_run)
    verb = "would be removed" if dry_run else "removed"
    say(f"{visible(str(path))}: {old:,} of {plural(everything, 'record')} {verb}")
    return CLEAN
