"""Copies records from one store into another, and counts what went over by reading it back (layer 6)."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from pytest_telemetry.lookup import is_database, lines_of
from pytest_telemetry.model.errors import TelemetryError, UnusableInput
from pytest_telemetry.model.event_shape import event_of_record, record_of_event
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.model.wording import plural
from pytest_telemetry.new_file import aside, place, require_apart, require_free, require_no_segments
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.sources import open_source, require_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_telemetry.sources import Source

__all__ = ("FORMS", "Conversion", "Form", "convert", "form_of")

Form: TypeAlias = Literal["record", "event", "sqlite"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)

_DATABASES: Final = frozenset({".db", ".sqlite", ".sqlite3"})
_AT_ONCE: Final = 2_000
_BESIDE: Final = ("", "-wal", "-shm", "-journal")
_WHAT: Final[dict[Form, str]] = {
    "record": "a log in our own format",
    "event": "a log of event lines",
    "sqlite": "a database",
}
_FIELDS: Final = tuple(one.name for one in fields(Record) if one.name != "attrs")


@dataclass(slots=True)
class Conversion:
    """What became of the records of a source.

    Attributes:
        form: The form of the target.
        records: How many went over, as counted by reading the target.
        dropped: How many the target did not take, because they are longer than a line may be.
        as_text: Values that the target can keep as text only.
        renamed: Attributes that it keeps under another name.
        unsaid: Fields that are not the same when it is read, each with the number of records.
        malformed: Lines of the source that hold no record.
        doubtful: Lines of the source that hold one, of which something is unreadable, wrong or read leniently.
    """

    form: Form
    records: int = 0
    dropped: int = 0
    as_text: int = 0
    renamed: int = 0
    unsaid: dict[str, int] = field(default_factory=dict)
    malformed: int = 0
    doubtful: int = 0


def form_of(target: Path, asked: Form | None, *, append: bool) -> Form:
    """Return the form that *target* gets: what it is, or the one that was asked for, or what its name says.

    Raises:
        UnusableInput: It is there and something else than what was asked for, or nothing that records are added to.
    """
    has_content = append and target.is_file() and target.stat().st_size
    there = _form_there(target) if has_content else None
    if there is not None and asked not in {None, there}:
        raise UnusableInput(f"{target}: is {_WHAT[there]}; leave --to {asked} out")
    return there or asked or ("sqlite" if target.suffix in _DATABASES else "record")


def _form_there(target: Path) -> Form | None:
    """Return what *target* is, which of a log its first record says; None where it is empty."""
    if is_database(target):
        return "sqlite"
    with open_source(target) as source:
        first = next((line for line in lines_of(source, str(target)) if isinstance(line, LogLine)), None)
        require_events(source, str(target))
    if first is None:
        return None
    if not first.raw:
        raise UnusableInput(f"{target}: is an export of OpenTelemetry, which nothing is added to")
    return "record" if first.own else "event"


def convert(
    source: Source,
    name: str,
    target: Path,
    form: Form,
    *,
    path: Path | None = None,
    append: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Conversion:
    """Copy all records of *source* to *target*, and read back how many have arrived.

    A new target is at its place when it is complete, and nowhere if anything goes wrong; what was appended before
    that stays.

    Args:
        source: Is read to its end.
        name: What errors call it.
        target: A log or a database.
        form: What it is or becomes.
        path: Where the source is; None for a stream.
        append: Whether records may be added to a target that is there.
        progress: Called now and then with the number of bytes read since the last call.

    Raises:
        UnusableInput: The target is there, or a closed segment of it, and nothing may be appended; or it is no file,
            or cannot be opened; or reading failed, or no line of the source is an event.
        TelemetryError: It cannot be written, or does not hold what was written to it.
    """
    if path is not None:
        require_apart(path, target)
    if not append:
        require_free(target, "name another one, or add --append")
        require_no_segments(target)
    elif target.exists() and not target.is_file():
        raise UnusableInput(f"{target}: is no file that records can be read back from; name another target")
    if target.suffix == ".gz" or _is_compressed(target):
        raise UnusableInput(
            f"{target}: is a compressed file, and none is written: name another target, and compress it"
        )
    is_new = not os.path.lexists(target)
    written = aside(target) if is_new else target
    done = Conversion(form)
    try:
        before = 0 if is_new else _count(written)
        _copy(lines_of(source, name, progress), written, done)
        require_events(source, name)
        done.malformed = source.malformed
        found = _count(written) - before
        if found != done.records:
            raise TelemetryError(
                f"{target}: {done.records:,} records were written, and {found:,} more are found there; "
                "does anybody else write to it?"
            )
        if is_new:
            place(written, target)
    except UnusableInput as error:
        raise UnusableInput(_told(error, written, target) + _added(done, is_new=is_new)) from error
    except OSError as error:
        told = _told(error, written, target) + _added(done, is_new=is_new)
        raise TelemetryError(f"{target}: cannot be written: {told}") from error
    finally:
        if is_new:
            for ending in _BESIDE:
                written.with_name(f"{written.name}{ending}").unlink(missing_ok=True)
    return done


def _told(error: OSError | UnusableInput, written: Path, target: Path) -> str:
    """Return what *error* says, with the name that the target was given in place of what stores call it."""
    said: str = getattr(error, "strerror", None) or str(error)
    said = said.replace(written.name, target.name)
    return said if target.is_absolute() else said.replace(f"{Path.cwd()}{os.sep}", "")


def _added(done: Conversion, *, is_new: bool) -> str:
    """Return what to say of records that stay in a target although the rest of them did not arrive."""
    return "" if is_new or not done.records else f"; {plural(done.records, 'record')} had been added by then"


def _is_compressed(target: Path) -> bool:
    if not target.is_file():
        return False
    with target.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _copy(lines: Iterator[object], target: Path, done: Conversion) -> None:
    """Copy *lines* to *target*, and note in *done* what became of them, also where that fails half way."""
    unsaid: Counter[str] = Counter()
    read = (line for line in lines if isinstance(line, LogLine))
    store = SqliteStore(target) if done.form == "sqlite" else JsonlStore(target, dialect=done.form)
    try:
        with store:
            while batch := list(islice(read, _AT_ONCE)):
                records = [line.record for line in batch]
                store.emit_many(records)
                done.doubtful += sum(bool(line.problems) for line in batch)
                if done.form == "event":
                    for record in records:
                        unsaid.update(_unsaid(record))
    finally:
        said = store.statistics()
        done.records, done.dropped = said["stored"], said["dropped"]
        done.as_text, done.renamed = said["as_text"], said.get("renamed", 0)
        done.unsaid = dict(unsaid)


def _unsaid(record: Record) -> Iterator[str]:
    """Yield the fields that *record* does not have as they were when its event line is read."""
    read = record_of_event(event_of_record(record)[0], [])
    for name in _FIELDS:
        if read is None or getattr(read, name) != getattr(record, name):
            yield name


def _count(path: Path) -> int:
    """Return how many records there are at *path*."""
    with open_source(path) as source:
        return sum(isinstance(line, LogLine) for line in lines_of(source, str(path)))
