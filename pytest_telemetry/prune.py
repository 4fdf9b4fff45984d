"""Removes what is old from logs and databases (layer 6)."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from pytest_telemetry.lookup import lines_of
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.file_lock import HAS_LOCKS
from pytest_telemetry.model.segments import SegmentNames
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.runtime.closed_segments import ClosedSegments
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.sources import open_source, require_events

__all__ = ("Outcome", "Segment", "prune_database", "prune_log")

Outcome: TypeAlias = Literal["old", "removed", "in use", "refused", "unreadable"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment that is old, or may be.

    Attributes:
        number: Its number.
        name: Of its file.
        size: In bytes.
        newest_ns: Time of its newest record, or when it was last written to where none has a time; None if it
            cannot be read.
        outcome: ``old`` if nothing was to be removed; ``removed``; ``in use`` where somebody may still append to it;
            ``refused`` where the storage did; ``unreadable`` where it is no log, or nobody knows what is in it.
        reason: Why it stays.
    """

    number: int
    name: str
    size: int
    newest_ns: int | None
    outcome: Outcome
    reason: str = ""


def prune_log(
    path: Path, before_ns: int, *, keep: int = 0, dry_run: bool = False
) -> tuple[list[Segment], int]:
    """Remove the closed segments of a log in which everything is old, and never the file that is written to.

    Of the last one a file stays that is empty, so that numbers go on. A file stays that only has the name of a segment:
    it does not begin as logs do, or none of its lines is an event.

    Args:
        path: The log.
        before_ns: What is older, in nanoseconds since the epoch, is old.
        keep: How many closed segments stay in any case, the last ones.
        dry_run: Whether to look only.

    Returns:
        The old segments, and how many closed segments there were in all, but for those of which nothing was left.

    Raises:
        UnusableInput: There is no such log; or the system cannot lock files, and does not close segments either.
    """
    active = Path(os.path.realpath(path))
    segments = ClosedSegments(active, keep=None, compress=False)
    try:
        numbers = segments.numbers()
    except OSError as error:
        raise UnusableInput(f"{path}: {error.strerror or error}") from error
    if active.exists() or not numbers:
        open_source(path).__exit__(None, None, None)  # says in one line what is no log
    spent = [number for number in numbers if segments.is_spent(number)]
    closed = [number for number in numbers if number not in spent]
    candidates = closed[: max(len(closed) - keep, 0)]
    looked_at = [_looked_at(segments, active, number, before_ns) for number in candidates]
    old = [segment for segment in looked_at if segment is not None]
    if not dry_run:
        if not HAS_LOCKS:
            raise UnusableInput(
                f"{path}: this system has no locks to tell which segments are still written to"
            )
        old = [_removed(segments, segment) for segment in old]
        for number in spent:
            if number != numbers[-1]:
                with contextlib.suppress(OSError):  # it stays until the next time
                    segments.remove(number)
    return old, len(closed)


def _looked_at(segments: ClosedSegments, active: Path, number: int, before_ns: int) -> Segment | None:
    """Return closed segment *number* if it is old or cannot be read as a log; None also where it has gone."""
    names = SegmentNames(active.name)
    # in this order: while it is compressed, the plain one is there until the other one is complete
    for file in (active.with_name(names.plain(number)), active.with_name(names.compressed(number))):
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        try:
            newest_ns = _newest(file, before_ns, status.st_mtime_ns, is_log=segments.is_log(number))
        except (UnusableInput, OSError) as error:
            if not file.exists():
                continue
            return Segment(number, file.name, status.st_size, None, "unreadable", str(error))
        return None if newest_ns is None else Segment(number, file.name, status.st_size, newest_ns, "old")
    return None


def _newest(file: Path, before_ns: int, written_ns: int, *, is_log: bool) -> int | None:
    """Return the time of the newest record in *file* if it is before *before_ns*; else None."""
    newest: int | None = None
    with open_source(file) as source:
        for line in lines_of(source, str(file)):
            time_ns = line.record.time_ns if isinstance(line, LogLine) else None
            if time_ns is not None:
                if time_ns >= before_ns:
                    return None
                newest = time_ns if newest is None else max(newest, time_ns)
        if source.unread:  # what follows cannot be known
            raise UnusableInput(f"{file}: {source.unread[0].reason}")
        require_events(source, str(file))  # else it only has the name of a segment
    if not is_log:  # likewise
        raise UnusableInput(f"{file}: it does not begin as logs do")
    if newest is None:
        newest = written_ns
    return newest if newest < before_ns else None


def _removed(segments: ClosedSegments, segment: Segment) -> Segment:
    if segment.outcome != "old":
        return segment
    try:
        segments.remove(segment.number, None if segment.name.endswith(".gz") else segment.size)
    except BlockingIOError:
        return replace(segment, outcome="in use")
    except OSError as error:
        return replace(segment, outcome="refused", reason=error.strerror or str(error))
    return replace(segment, outcome="removed")


def prune_database(path: Path, before_ns: int, *, keep: int = 0, dry_run: bool = False) -> tuple[int, int]:
    """Delete old records of a database.

    Args:
        path: The database.
        before_ns: What is older, in nanoseconds since the epoch, is old.
        keep: How many records stay in any case, those that were stored last.
        dry_run: Whether to count only.

    Returns:
        How many old records there are or were, and how many records there were in all.

    Raises:
        UnusableInput: It is no database of ours.
        TelemetryError: It is locked, or failed; nothing was deleted.
    """
    with SqliteStore(path, read_only=dry_run) as store:
        everything = store.trim(keep=0, dry_run=True)
        return store.trim(before_ns, keep=keep, dry_run=dry_run), everything
