"""Appends records to a log, one line each, and reads them back (layer 2)."""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.errors import Unavailable, UnusableInput
from pytest_telemetry.model.logs import read_log
from pytest_telemetry.model.wire import MAX_LINE_BYTES, LogLine, decode_line, encode_event, encode_noting
from pytest_telemetry.runtime.append_file import AppendFile, Interrupted, ShortWrite
from pytest_telemetry.runtime.per_process import PerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from os import PathLike
    from types import TracebackType
    from typing import Self

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.model.record import Record

__all__ = ("Dialect", "JsonlStore")

Dialect: TypeAlias = Literal["record", "event"]

_WRITTEN_AT_ONCE: Final = 256 * 1024


class JsonlStore:
    """A log that many threads and processes may append to at once, and that is read back from its files.

    Each line is whole and stands behind everything that stood there before: one write to a file that is open for
    appending (on local POSIX file systems). Nothing is ever rewritten or repaired in place, and opening costs the
    same however long the log is. A record that was emitted survives the death of this process; a loss of power
    only what was flushed. Works on across ``fork``: the child appends to the same log and counts from zero.

    With *max_bytes* or *max_age_s*, the file is closed as a segment of the log and begun anew; the names are those
    of `SegmentNames`. Any number of processes may do so at once. Compressing and removing closed segments is up to
    the thread that closed one, and to `close`; what somebody may still write to stays until the next time.

    Args:
        path: The file; ``~`` is expanded, parent directories are made.
        dialect: ``record`` for our own format, ``event`` for the older shape with ``cmd`` and ``timing_ms``.
        max_bytes: A segment that would become longer is closed first; None for one file without end.
        max_age_s: A segment whose first line is that many seconds old is closed before the next record.
        keep: How many closed segments are kept, at least 1; None for all of them.
        compress: Whether closed segments become gzip files.
        clock: Tells the age of a segment.

    Raises:
        UnusableInput: The file cannot be opened for appending.
        ValueError: A limit is none, or there is no such dialect.

    Attributes:
        path: The file, absolute, symbolic links resolved.
        on_stored: Hear of what was stored, see `TellingStore`.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        dialect: Dialect = "record",
        max_bytes: int | None = None,
        max_age_s: float | None = None,
        keep: int | None = None,
        compress: bool = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if dialect not in {"record", "event"}:
            raise ValueError(f"dialect must be 'record' or 'event', not {dialect!r}")
        for name, limit in (("max_bytes", max_bytes), ("keep", keep)):
            if limit is not None and (type(limit) is not int or limit < 1):
                raise ValueError(f"{name} must be a whole number above 0, not {limit!r}")
        if max_age_s is not None and not 0 < max_age_s < math.inf:
            raise ValueError(f"max_age_s must be a number of seconds above 0, not {max_age_s!r}")
        try:
            self._file: AppendFile | None = AppendFile(
                Path(path).expanduser(),
                max_bytes=max_bytes,
                max_age_s=max_age_s,
                keep=keep,
                compress=compress,
                clock=clock,
                begun_ns=_time_of_first_line,
            )
        except (OSError, RuntimeError, ValueError) as error:  # no home directory; a null character
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UnusableInput(
                f"cannot append telemetry to {os.fspath(path)!r}: {reason}; give the path of a file that can be written"
            ) from error
        self.path = self._file.path
        self.on_stored: list[Callable[[Sequence[Record]], object]] = []
        self._log = self._file
        self._encode = encode_event if dialect == "event" else _encode_record
        self._shares = PerProcess(lambda: _Share(self._log.refused))
        self._shares[os.getpid()]

    def emit(self, record: Record, /) -> None:
        """Append *record*; after `close`, or where its line is longer than readers take, count it as dropped.

        Raises:
            Unavailable: Nothing was written, and the record was not accepted.
            OSError: A part of the line was written; the record is counted as dropped, and the next line begins
                on a line of its own.
        """
        line = self._encode(record)
        share = self._shares[os.getpid()]
        with share.lock:
            self._append(share, [line], (record,), 0)
        if self._log.is_untidy:
            self._tidy()

    def emit_many(self, records: Sequence[Record], /) -> None:
        """Append *records*, with one write for as many lines as 256 KiB hold; drop what `emit` would drop.

        Raises:
            Unavailable: Nothing was written, and no record was accepted.
            OSError: Storage failed midway; what is not in the log as a whole line is counted as dropped.
        """
        share = self._shares[os.getpid()]
        first = 0
        while first < len(records):
            lines = self._encoded(records, first)
            with share.lock:
                self._append(share, lines, records, first)
            first += len(lines)
        if self._log.is_untidy:
            self._tidy()

    def _encoded(self, records: Sequence[Record], first: int) -> list[tuple[bytes, int, int]]:
        """Return lines for the records from *first* on that go into one write, each with what to count of it."""
        lines = []
        size = 0
        for position in range(first, len(records)):
            line = self._encode(records[position])
            lines.append(line)
            size += len(line[0])
            if size > _WRITTEN_AT_ONCE:
                break
        return lines

    def _append(
        self, share: _Share, lines: list[tuple[bytes, int, int]], records: Sequence[Record], first: int
    ) -> None:
        """Append *lines*, which are those of *records* from number *first* on, and count them."""
        fit = [] if self._file is None else [line for line in lines if len(line[0]) <= MAX_LINE_BYTES]
        done = 0
        taken = len(lines)
        try:
            while done < len(fit) and self._file is not None:
                done += self._file.append([line[0] for line in fit[done:]])
        except OSError as error:
            if isinstance(error, ShortWrite):
                done += error.whole
            elif not first and not done:
                taken = 0
                raise Unavailable(error.errno, error.strerror, str(self.path)) from error
            taken = len(records) - first
            raise
        except Interrupted as stop:
            done += stop.whole
            raise stop.interruption from None
        finally:
            share.accepted += taken
            share.stored += done
            share.dropped += taken - done
            for _, as_text, renamed in fit[:done]:
                share.as_text += as_text
                share.renamed += renamed
            if done and self.on_stored:
                given = zip(lines, records[first : first + len(lines)], strict=True)
                stored = [record for line, record in given if len(line[0]) <= MAX_LINE_BYTES][:done]
                for tell in self.on_stored.copy():
                    tell(stored)

    def _tidy(self) -> None:
        """Tidy up without keeping other threads from emitting."""
        self._log.is_untidy = False
        refused = self._log.closed.tidy()
        share = self._shares[os.getpid()]
        with share.lock:
            share.untidied += refused

    def records(self, pattern: Pattern | None = None, /) -> Iterator[Record]:
        """Yield what the files of the log hold, oldest segment first; with a *pattern*, what it matches.

        That includes what other processes and earlier runs wrote. Lines that hold no record are left out;
        `read_log` tells them.

        Raises:
            OSError: A file cannot be read.
        """
        try:
            log = read_log(self.path)
        except FileNotFoundError:
            return
        with log:
            for line in log:
                if isinstance(line, LogLine) and (pattern is None or pattern.matches(line.record)):
                    yield line.record

    def flush(self) -> None:
        """Return when the operating system says that everything stored so far would survive a loss of power.

        Raises:
            OSError: It cannot say so.
        """
        with self._shares[os.getpid()].lock:
            if self._file is not None:
                self._file.sync()

    def close(self) -> None:
        """Flush and close the file; idempotent. The log can still be read.

        Raises:
            OSError: What `flush` raises; the file is closed all the same.
        """
        with self._shares[os.getpid()].lock:
            file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            finally:
                self._tidy()

    def statistics(self) -> Mapping[str, int]:
        """Return ``accepted``, ``stored`` and ``dropped``, which add up, and what else there is to know.

        ``as_text`` counts the values of stored records that JSON cannot hold and that stay text for good,
        ``renamed`` the attributes that the event dialect keeps under another key, and ``untidied`` how often a
        segment was to be closed, compressed or removed and storage refused.
        """
        share = self._shares[os.getpid()]
        with share.lock:
            return {
                "accepted": share.accepted,
                "stored": share.stored,
                "dropped": share.dropped,
                "as_text": share.as_text,
                "renamed": share.renamed,
                "untidied": share.untidied + self._log.refused - share.refused_before,
            }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Share:
    """What one process has of a log: its lock, and its numbers.

    Attributes:
        lock: Held while lines are appended. Re-entrant: a finaliser that emits may run at any point of a thread.
        refused_before: How often storage had refused to close a segment when this one came.
    """

    __slots__ = (
        "accepted",
        "as_text",
        "dropped",
        "lock",
        "refused_before",
        "renamed",
        "stored",
        "untidied",
    )

    def __init__(self, refused_before: int) -> None:
        self.lock = threading.RLock()
        self.refused_before = refused_before
        self.accepted = self.stored = self.dropped = self.as_text = self.renamed = self.untidied = 0


def _encode_record(record: Record) -> tuple[bytes, int, int]:
    line, as_text = encode_noting(record)
    return line, as_text, 0


def _time_of_first_line(head: bytes) -> int | None:
    line, end, _ = head.partition(b"\n")
    decoded = decode_line(line, 1) if end else None
    return decoded.record.time_ns if isinstance(decoded, LogLine) else None
