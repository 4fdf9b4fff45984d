"""``pytest-telemetry convert``: copies records between logs and databases (layer 7)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_telemetry.cli.group import CLEAN, FOUND, complain_of_unread, say, standard_input
from pytest_telemetry.cli.progress import progress
from pytest_telemetry.convert import FORMS, convert, form_of
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wording import plural
from pytest_telemetry.sources import find_log, open_source, stream_source

if TYPE_CHECKING:
    from pytest_telemetry.convert import Conversion, Form

__all__ = ("command",)


@click.command(
    name="convert",
    epilog="""\b
Examples:
  pytest-telemetry convert events.jsonl events.db
  pytest-telemetry convert telemetry.db all.jsonl --to event
  pytest-telemetry convert events.jsonl telemetry.db --append
Exit code: 0 all records went over, 1 some did not, 2 input that cannot be used, 130 interrupted.""",
)
@click.argument("source")
@click.argument("target")
@click.option(
    "--to",
    type=click.Choice(FORMS),
    help="What the target becomes: a log in our own format or of event lines, or a database. "
    "By default a database where the name ends in .db or .sqlite, and otherwise a log in our own format.",
)
@click.option("--append", is_flag=True, help="Add to the target if it is there.")
def command(*, source: str, target: str, to: Form | None, append: bool) -> int:
    """Copy all records of a log or database into another one.

    SOURCE is a log with its closed segments, a compressed file, a database, or the directory of a run, and stays as
    it is; - is standard input. TARGET must not exist.
    """
    if target == "-":
        raise UnusableInput(
            "standard output cannot be read back, as a target is; name a file, or print records with "
            f"`pytest-telemetry records {source} --json`"
        )
    place = Path(target)
    form = form_of(place, to, append=append)
    if source == "-":
        reader = stream_source(standard_input(), "standard input")
        done = convert(reader, "standard input", place, form, append=append)
        complain_of_unread(reader)
    else:
        path = find_log(source)
        with open_source(path) as opened, progress(path) as tell:
            done = convert(opened, str(path), place, form, path=path, append=append, progress=tell)
            complain_of_unread(opened)
    say(_text(done, target))
    return FOUND if done.dropped else CLEAN


def _text(done: Conversion, target: str) -> str:
    lines = [f"{target}: {plural(done.records, 'record')} written and read back"]
    if done.dropped:
        lines.append(f"{plural(done.dropped, 'record')} left out: longer than a line may be")
    if done.malformed:
        lines.append(f"{plural(done.malformed, 'malformed line')} left out")
    if done.doubtful:
        lines.append(
            f"{plural(done.doubtful, 'line')} with a field that is unreadable, wrong or read leniently; "
            "`pytest-telemetry check` names them"
        )
    if done.renamed:
        lines.append(
            f"{plural(done.renamed, 'attribute')} renamed to extra.NAME: the name is taken in an event line"
        )
    if done.as_text:
        lines.append(f"{plural(done.as_text, 'value')} kept as text: {_why(done.form)}")
    if done.unsaid:
        fields = ", ".join(f"{name} of {count:,}" for name, count in done.unsaid.items())
        lines.append(f"not the same when an event line is read: {fields}")
    return "\n".join(lines)


def _why(form: Form) -> str:
    return "an event line does not note types" if form == "event" else "JSON cannot hold them"
