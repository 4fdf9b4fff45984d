"""Looks up records wherever they are kept, by pattern and run, at rest or while they are written (layer 6)."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.logs import follow_log
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.model.wording import shorten
from pytest_telemetry.reports.text import visible
from pytest_telemetry.sources import DATABASE_MAGIC, open_records, open_source, require_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import BadLine
    from pytest_telemetry.sources import Source

__all__ = ("Found", "find_records", "find_run", "follow_records", "is_database", "lines_of")

_TOLD_BYTES: Final = 1_000_000
_MOST_RUNS: Final = 100_000
"""How many runs are remembered, to suggest one of them."""


def lines_of(
    source: Source, name: str, progress: Callable[[int], object] | None = None
) -> Iterator[LogLine | BadLine]:
    """Yield the lines of *source*.

    Args:
        source: Is read to its end.
        name: What errors call it.
        progress: Called now and then with the number of bytes read since the last call, of those that
            `sources.size_of` tells.

    Raises:
        UnusableInput: Reading failed.
    """
    at = told = 0
    try:
        for line in source:
            yield line
            if progress is not None and source.offset - at > _TOLD_BYTES:
                at, before, told = source.offset, told, source.consumed()
                progress(told - before)
        if progress is not None:
            progress(source.consumed() - told)
    except OSError as error:
        raise UnusableInput(f"{name}: {error.strerror or error}") from error


class Found:
    """The lines of a source whose records are wanted, one at a time; it is closed with this.

    Args:
        source: What is read.
        name: What errors call it.
        pattern: What wanted records match; all of them without one.
        run_id: The run that they belong to; any without one.

    Raises:
        UnusableInput: Of the iteration: reading failed, or no line is an event.
    """

    def __init__(
        self, source: Source, name: str, pattern: Pattern | None = None, run_id: str | None = None
    ) -> None:
        self._source = source
        self._name = name
        self._lines = lines_of(source, name)
        self._wanted = _test_of(pattern, run_id)

    @property
    def malformed(self) -> int:
        """Lines so far that hold no record, blank ones apart."""
        return self._source.malformed

    @property
    def unread(self) -> list[BadLine]:
        """Stand for the rest of a file that is damaged, so that it was not read."""
        return self._source.unread

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> LogLine:
        for line in self._lines:
            if isinstance(line, LogLine) and self._wanted(line.record):
                return line
        require_events(self._source, self._name)
        raise StopIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.__exit__(kind, error, trace)


def find_records(
    path: str | os.PathLike[str], pattern: Pattern | None = None, *, run_id: str | None = None
) -> Found:
    """Open the log or database at *path* to read what *pattern* matches of run *run_id*, in stored order.

    A database is asked for these alone; a log is read line by line.

    Raises:
        UnusableInput: It cannot be opened, or is neither; the iteration raises it where reading fails.
    """
    name = os.fspath(path)
    if not is_database(path):
        return Found(open_source(path), name, pattern, run_id)
    return Found(open_records(path, pattern, run_id=run_id), name)


def follow_records(
    path: str | os.PathLike[str],
    wait: Callable[[], bool],
    pattern: Pattern | None = None,
    *,
    run_id: str | None = None,
) -> Iterator[LogLine | BadLine]:
    """Yield what `find_records` would, and what is written from then on, until *wait* says that it is enough.

    Lines that hold no record are yielded, too. A log that is not there yet is waited for, and so is its directory.

    Args:
        path: The log, with its segments.
        wait: As in `follow_log`.
        pattern: As in `find_records`.
        run_id: As in `find_records`.

    Raises:
        UnusableInput: It is a database or no log; or reading failed.
    """
    name = os.fspath(path)
    if is_database(path):
        raise UnusableInput(
            f"{name}: is a database, and only a log can be followed; ask it again for what is new"
        )
    if os.path.exists(path):  # noqa: PTH110 - a name may hold anything
        if not os.path.isfile(path):  # noqa: PTH113 - likewise
            raise UnusableInput(f"{name}: is no file, and only a log can be followed")
        open_source(path).__exit__(None, None, None)  # says in one line what is no log
    while not os.path.exists(os.path.dirname(name) or "."):  # noqa: PTH110, PTH120 - likewise
        if not wait():
            return
    wanted = _test_of(pattern, run_id)
    try:
        for line in follow_log(path, wait):
            if not isinstance(line, LogLine) or wanted(line.record):
                yield line
    except OSError as error:
        raise UnusableInput(f"{name}: {error.strerror or error}") from error


def find_run(source: Source, name: str, run_id: str) -> list[Record]:
    """Return the records of a run, in stored order.

    Args:
        source: Is read to its end.
        name: What errors call it.
        run_id: The run.

    Raises:
        UnusableInput: There is no such run; the text names those that it may have been. Or reading failed.
    """
    records: list[Record] = []
    others: dict[str, None] = {}
    nameless = 0
    for line in lines_of(source, name):
        if not isinstance(line, LogLine):
            continue
        own = line.record.run_id
        if own == run_id:
            records.append(line.record)
        elif own is None:
            nameless += 1
        elif len(others) < _MOST_RUNS:
            others[own] = None
    if records:
        return records
    require_events(source, name)
    raise UnusableInput(f"{name}: holds no run {run_id!r}; {_hint(run_id, [*others], nameless)}")


def _hint(run_id: str, others: list[str], nameless: int) -> str:
    if not others:
        if nameless == 1:
            return "its one record is of no run"
        return f"none of its {nameless:,} records is of any run" if nameless else "it holds no record"
    begun = [other for other in others if run_id and other.startswith(run_id)][:3]
    near = begun or get_close_matches(run_id, others, 3)
    shown = ", ".join(shorten(visible(other), 80) for other in near or others[-3:])
    return f"near is {shown}" if near else f"the last ones are {shown}"


def is_database(path: str | os.PathLike[str]) -> bool:
    """Tell whether *path* is a file that begins as databases do; not, where it cannot be read."""
    try:
        if not os.path.isfile(path):  # noqa: PTH113 - a name may hold anything
            return False
        with open(path, "rb") as file:  # noqa: PTH123 - likewise
            return file.read(len(DATABASE_MAGIC)) == DATABASE_MAGIC
    except (OSError, ValueError):
        return False


def _test_of(pattern: Pattern | None, run_id: str | None) -> Callable[[Record], bool]:
    if pattern is None:
        return lambda record: run_id is None or record.run_id == run_id
    if run_id is None:
        return pattern.matches
    return lambda record: record.run_id == run_id and pattern.matches(record)
