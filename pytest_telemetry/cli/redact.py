"""``pytest-telemetry redact``: copies a log without paths, secrets and personal data (layer 7)."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_telemetry.cli.group import CLEAN, complain, complain_of_unread, say, standard_input
from pytest_telemetry.cli.printing import Printing
from pytest_telemetry.cli.progress import progress
from pytest_telemetry.lookup import is_database
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wire import LogReader
from pytest_telemetry.model.wording import plural
from pytest_telemetry.new_file import new_file, require_apart, require_no_segments
from pytest_telemetry.redact import redact_log
from pytest_telemetry.sources import find_log, open_source, stream_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_telemetry.redact import RedactedCopy

__all__ = ("command",)


@click.command(
    name="redact",
    epilog="""\b
Examples:
  pytest-telemetry redact events.jsonl shared.jsonl
  pytest-telemetry redact events.jsonl shared.jsonl.gz --workspace /home/ada/project
  pytest-telemetry redact - - < events.jsonl
Exit code: 0 copied, 2 input that cannot be used, 130 interrupted.""",
)
@click.argument("source")
@click.argument("target")
@click.option(
    "--workspace",
    metavar="DIR",
    default=".",
    help="What paths become relative to, as they were written: it need not be here. By default where you are.",
)
def command(*, source: str, target: str, workspace: str) -> int:
    """Copy a log without absolute paths, secrets and personal data.

    SOURCE is a log with its closed segments, a compressed file, or the directory of a run, and stays as it is. TARGET
    must not exist, and is compressed if it ends in .gz. - is standard input or output. Lines in which nothing is
    found are copied as they are; lines that hold no record are left out.
    """
    path = source if source == "-" else find_log(source)
    if isinstance(path, Path) and target != "-":
        require_apart(path, Path(target))
    with _reader(path) as reader, _writer(target, eager=source == "-") as write, progress(path) as tell:
        done = redact_log(reader, source, write, workspace, tell)
    complain_of_unread(reader)
    _report(done, target)
    return CLEAN


@contextlib.contextmanager
def _reader(path: str | Path) -> Iterator[LogReader]:
    if isinstance(path, str):
        yield stream_source(standard_input(), "standard input")
        return
    if is_database(path):
        raise UnusableInput(
            f"{path}: is a database, and only logs are redacted: make one of it with "
            f"`pytest-telemetry convert {path} events.jsonl`"
        )
    with open_source(path) as source:
        if not isinstance(source, LogReader):
            raise UnusableInput(f"{path}: is no log")
        yield source


@contextlib.contextmanager
def _writer(target: str, *, eager: bool) -> Iterator[Callable[[bytes], object]]:
    if target == "-":
        printing = Printing(eager=eager)
        yield lambda line: printing.line(line[:-1])
        printing.flush()
        return
    require_no_segments(Path(target))
    with new_file(Path(target)) as file:
        if not target.endswith(".gz"):
            yield file.write
            return
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            yield packed.write


def _report(done: RedactedCopy, target: str) -> None:
    name = "standard output" if target == "-" else target
    text = f"{name}: {plural(done.copied, 'line')}, {done.redacted:,} of them redacted"
    if done.left_out or done.blank:
        parts = [
            plural(count, noun)
            for count, noun in ((done.left_out, "malformed line"), (done.blank, "blank line"))
            if count
        ]
        text += f"; {' and '.join(parts)} left out"
    if target == "-":
        complain(text)
    else:
        say(text)
