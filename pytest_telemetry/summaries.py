"""Sums up logs and databases of any size, by command or by pattern (layer 6).

Our own reader takes everything; DuckDB, where it is installed, is faster on large logs, and gives the same figures.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from pytest_telemetry.analysis.command_figures import CommandFigures, Figures
from pytest_telemetry.duckdb_summary import OtherwiseRead, duckdb_figures, files_of, is_installed
from pytest_telemetry.lookup import lines_of
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.stamps import stamp_of
from pytest_telemetry.model.wire import LogLine, LogReader
from pytest_telemetry.sources import open_source, require_events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.model.periods import Period
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.stats import Method
    from pytest_telemetry.model.wire import BadLine
    from pytest_telemetry.sources import Source

__all__ = ("ENGINES", "Engine", "LogSummary", "Read", "read_records", "summarise_log", "summarise_source")

Engine: TypeAlias = Literal["auto", "python", "duckdb"]
ENGINES: Final[tuple[Engine, ...]] = get_args(Engine)

LARGE_BYTES: Final = 32_000_000
"""From here on DuckDB is asked, if it is there: below, loading it takes longer than reading."""


@dataclass(slots=True)
class Read:
    """What was read of a log, and what was left out.

    Attributes:
        file: Its name, as it was given.
        period: Earlier records were left out; None where all count.
        records: Records that were taken.
        malformed: Lines that hold none, blank ones apart.
        outside: Records before the period.
        without_time: Records of which nobody knows whether they belong to the period.
        unread: Stand for the rest of a file that is damaged, so that it was not read.
    """

    file: str
    period: Period | None = None
    records: int = 0
    malformed: int = 0
    outside: int = 0
    without_time: int = 0
    unread: tuple[BadLine, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` says of it."""
        period = self.period
        return {
            "file": self.file,
            "period": None
            if period is None
            else {"text": period.text, "since": stamp_of(period.since_ns), "zone": period.zone},
            "events": self.records,
            "malformed": self.malformed,
            "before_period": self.outside,
            "without_time": self.without_time,
            "unread": [
                {"file": line.file, "line": line.number, "reason": line.reason} for line in self.unread
            ],
        }


@dataclass(frozen=True, slots=True)
class LogSummary:
    """The figures of one log.

    Attributes:
        read: What they were computed from.
        figures: Of each command or pattern.
        method: How percentiles were computed.
        engine: ``python`` or ``duckdb``.
        note: Why it was not the engine that was asked for, or that fits the size; empty if it was.
    """

    read: Read
    figures: tuple[Figures, ...]
    method: Method
    engine: str
    note: str = ""


def summarise_log(
    path: str | os.PathLike[str],
    *,
    patterns: Mapping[str, Pattern] | None = None,
    method: Method = "linear",
    period: Period | None = None,
    engine: Engine = "auto",
    progress: Callable[[int], object] | None = None,
) -> LogSummary:
    """Return counts, errors and exact percentiles of the log, its closed segments included, or the database at *path*.

    Memory holds eight bytes of each duration at most. DuckDB reads logs as a whole and by command; for anything
    else, and for a log that it would read otherwise than we do, our own reader takes its place, and the note says so.

    Args:
        path: The log or database.
        patterns: What to sum up, by the names of the figures; each command by default.
        method: How percentiles are computed.
        period: Leave out what is before.
        engine: Who reads: ``auto`` asks DuckDB where it is installed and the log is large.
        progress: Called now and then with the number of bytes read since the last call.

    Raises:
        UnusableInput: It cannot be read, or holds lines, and none of them is an event.
        MissingExtra: DuckDB was asked for and is not installed.
    """
    note = ""
    fits = not patterns and period is None
    if engine == "duckdb" or (engine == "auto" and fits and is_installed() and _is_large(path)):
        try:
            _require_plain(path, patterns, period)
            found = duckdb_figures(path, method, None if progress is None else _in_bytes(path, progress))
        except OtherwiseRead as reason:
            note = f"read by Python, not by DuckDB: {reason}"
        except OSError as error:
            raise UnusableInput(f"{os.fspath(path)}: {error.strerror or error}") from error
        else:
            if found.events or not found.malformed:  # else our own reader says what is wrong
                read = Read(os.fspath(path), records=found.events, malformed=found.malformed)
                return LogSummary(read, tuple(found.figures), method, "duckdb")
    with open_source(path) as source:
        return summarise_source(
            source,
            os.fspath(path),
            patterns=patterns,
            method=method,
            period=period,
            note=note,
            progress=progress,
        )


def summarise_source(
    source: Source,
    name: str,
    *,
    patterns: Mapping[str, Pattern] | None = None,
    method: Method = "linear",
    period: Period | None = None,
    note: str = "",
    progress: Callable[[int], object] | None = None,
) -> LogSummary:
    """Return what `summarise_log` does, of what is open already: our own reader reads *source* to its end.

    Raises:
        UnusableInput: It cannot be read, or holds lines, and none of them is an event; *name* is what the text
            calls it.
    """
    figures = CommandFigures(patterns)
    read = read_records(source, name, figures.add, period=period, progress=progress)
    return LogSummary(read, tuple(figures.figures(method)), method, "python", note)


def read_records(
    source: Source,
    name: str,
    take: Callable[[Record], object],
    *,
    period: Period | None = None,
    progress: Callable[[int], object] | None = None,
) -> Read:
    """Give the records in *source*, one at a time, to *take*, and return how many there were.

    Raises:
        UnusableInput: It cannot be read, or holds lines, and none of them is an event; *name* is what the text
            calls it.
    """
    read = Read(name, period)
    for line in lines_of(source, name, progress):
        if isinstance(line, LogLine):
            if period is None or period.holds(line.record.time_ns):
                read.records += 1
                take(line.record)
            elif line.record.time_ns is None:
                read.without_time += 1
            else:
                read.outside += 1
    require_events(source, name)
    read.malformed = source.malformed
    read.unread = tuple(source.unread)
    return read


def _is_large(path: str | os.PathLike[str]) -> bool:
    return os.path.isfile(path) and _size(path) >= LARGE_BYTES  # noqa: PTH113 - a name may hold anything


def _size(path: str | os.PathLike[str]) -> int:
    return sum(file.stat().st_size for file in files_of(path))


def _require_plain(
    path: str | os.PathLike[str], patterns: Mapping[str, Pattern] | None, period: Period | None
) -> None:
    """Refuse what DuckDB is not asked for."""
    if patterns:
        raise OtherwiseRead("it is asked for commands only")
    if period is not None:
        raise OtherwiseRead("it is not asked for periods")
    if not os.path.isfile(path):  # noqa: PTH113 - as above
        raise OtherwiseRead("it reads files only")
    with open_source(path) as source:  # which refuses what is visibly no log
        if not isinstance(source, LogReader):
            raise OtherwiseRead("it reads files of text only")


def _in_bytes(path: str | os.PathLike[str], progress: Callable[[int], object]) -> Callable[[float], None]:
    """Return what takes shares of the log at *path*, and tells *progress* bytes."""
    size = _size(path)
    told = 0

    def tell(share: float) -> None:
        nonlocal told
        if int(share * size) > told:
            progress(int(share * size) - told)
            told = int(share * size)

    return tell
