"""The closed segments of a log: made, compressed and removed by any of its writers (layer 1).

Each writer holds a shared lock on the file that it has open. Who gets an exclusive one on a closed segment knows
that nobody can still append to it, and may take it away. The active file is renamed under an exclusive lock of the
directory. Nobody waits for a lock: what cannot be done now is done later.

The last one leaves an empty file when it is removed, for the next number: readers that follow a log, and whoever is
removing segments at this moment, know them by their numbers.

A file may have the name of a segment by chance. One that does not begin as logs do is left alone.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import re
import stat
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.compressed import DAMAGE
from pytest_telemetry.model.file_lock import HAS_LOCKS, lock, unlock
from pytest_telemetry.model.segments import SegmentNames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ("ClosedSegments", "is_at", "sync_directory")

_READ: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_COPIED_AT_ONCE: Final = 1024 * 1024
_HEAD: Final = 64 * 1024
_BEGINS_LOG: Final = re.compile(rb"""\s*(?:$|\{\s*"record"\s*:|\{[^\n]*"cmd"\s*:)""")
"""How the first line of a log looks in either dialect; one without any line is a log, too."""


class ClosedSegments:
    """What lies beside an active file; safe with any number of threads and processes.

    Args:
        active: The active file, symbolic links resolved.
        keep: How many closed segments `tidy` leaves; None for all of them.
        compress: Whether `tidy` compresses them.
        before_ns: `tidy` removes what nobody has written to since, nanoseconds since the Unix epoch; None for nothing.
    """

    def __init__(
        self, active: Path, *, keep: int | None, compress: bool, before_ns: int | None = None
    ) -> None:
        self._active = active
        self._names = SegmentNames(active.name)
        self._keep = keep
        self._compress = compress
        self._before_ns = before_ns

    def close_active(self, status: os.stat_result) -> bool:
        """Make a closed segment of the active file if it is still that of *status*; whether anybody has done so.

        Raises:
            OSError: The storage refused.
        """
        directory = os.open(self._active.parent, _READ)
        try:
            if not lock(directory, exclusive=True):
                return False
            try:
                if is_at(self._active, status):
                    number = max(self.numbers(), default=0) + 1
                    self._active.rename(self._at(self._names.plain(number)))
            finally:
                unlock(directory)
        finally:
            os.close(directory)
        return True

    def tidy(self) -> int:
        """Compress and remove what is to be, as far as nobody can still append to it, and it begins as logs do.

        Returns:
            How often the storage refused.
        """
        if not HAS_LOCKS or (self._keep is None and not self._compress and self._before_ns is None):
            return 0
        try:
            numbers = self.numbers()
        except OSError:
            return 1
        refused = 0
        own: list[int] = []
        for number in numbers if self._keep is not None and len(numbers) > self._keep else ():
            try:
                if self.is_log(number):
                    own.append(number)
            except OSError:
                refused += 1
        surplus = set(own[: -self._keep] if self._keep is not None else ())
        for number in numbers:
            try:
                if number in surplus or (self._is_old(number) and self.is_log(number)):
                    self.remove(number)
                elif (
                    self._compress
                    and self._is_plain(number)
                    and not self.is_spent(number)
                    and self.is_log(number)
                ):
                    self._pack(number)
            except BlockingIOError:
                continue  # somebody holds it: it stays until the next time
            except OSError:
                refused += 1
        return refused

    def remove(self, number: int, size: int | None = None) -> None:
        """Remove closed segment *number*, compressed or not; of the last one a file stays, which is empty.

        Args:
            number: The segment.
            size: How many bytes its file had when somebody looked; one that has become longer stays.

        Raises:
            BlockingIOError: Somebody may still append to it, or has done so.
            OSError: The storage refused.
        """
        is_last = number == max(self.numbers(), default=number)
        plain = self._at(self._names.plain(number))
        with contextlib.suppress(FileNotFoundError), _alone(plain) as file:
            if size is not None and os.fstat(file).st_size != size:
                raise BlockingIOError(errno.EAGAIN, "was written to", str(plain))
            if is_last:
                self._spend(number, os.fstat(file))
            else:
                plain.unlink()
        packed = self._at(self._names.compressed(number))
        if is_last and not plain.exists():
            with contextlib.suppress(FileNotFoundError):
                self._spend(number, packed.stat())
        for name in (packed, self._at(self._names.unfinished(number))):
            name.unlink(missing_ok=True)

    def _spend(self, number: int, status: os.stat_result) -> None:
        """Leave nothing of closed segment *number* but its number; its file was that of *status*."""
        empty = self._at(self._names.unfinished(number))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINK
        os.close(os.open(empty, flags, stat.S_IMODE(status.st_mode)))
        empty.replace(self._at(self._names.plain(number)))

    def is_spent(self, number: int) -> bool:
        """Tell whether nothing is left of closed segment *number* but its number."""
        try:
            return self._at(self._names.plain(number)).stat().st_size == 0
        except FileNotFoundError:
            return False

    def numbers(self) -> list[int]:
        """Return the numbers of the closed segments, in the order of reading."""
        return self._names.closed(path.name for path in self._active.parent.iterdir())

    def is_log(self, number: int) -> bool:
        """Tell whether what is there of closed segment *number* begins as logs do.

        Raises:
            OSError: It cannot be read, or is no file.
        """
        for name in (self._names.plain(number), self._names.compressed(number)):
            with contextlib.suppress(FileNotFoundError):
                if not _begins_log(self._at(name)):
                    return False
        return True

    def _is_old(self, number: int) -> bool:
        if self._before_ns is None:
            return False
        # in this order: while it is compressed, the plain one is there until the other one is complete
        for name in (self._names.plain(number), self._names.compressed(number)):
            with contextlib.suppress(FileNotFoundError):
                return self._at(name).stat().st_mtime_ns < self._before_ns
        return False

    def _is_plain(self, number: int) -> bool:
        return self._at(self._names.plain(number)).exists()

    def _at(self, name: str) -> Path:
        return self._active.with_name(name)

    def _pack(self, number: int) -> None:
        plain = self._at(self._names.plain(number))
        unfinished = self._at(self._names.unfinished(number))
        with contextlib.suppress(FileNotFoundError), _alone(plain) as file:
            _compress(file, unfinished)
            unfinished.replace(self._at(self._names.compressed(number)))
            sync_directory(self._active.parent)
            plain.unlink()


def _begins_log(path: Path) -> bool:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(errno.EINVAL, "is no file", str(path))
    with path.open("rb") as file:
        try:
            head = gzip.GzipFile(fileobj=file).read1(_HEAD) if path.suffix == ".gz" else file.read(_HEAD)
        except DAMAGE:
            return False
    return _BEGINS_LOG.match(head) is not None


def is_at(path: Path, status: os.stat_result) -> bool:
    """Tell whether the file of *status* is what *path* leads to."""
    try:
        return os.path.samestat(path.stat(), status)
    except FileNotFoundError:
        return False


def sync_directory(directory: Path) -> None:
    """Return when the names in *directory* would survive a loss of power, where a system can say so.

    Raises:
        OSError: The operating system cannot say so.
    """
    if os.name == "nt":  # directories cannot be opened there
        return
    file = os.open(directory, _READ)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextlib.contextmanager
def _alone(segment: Path) -> Iterator[int]:
    """Hold a closed segment so that nobody can append to it, and yield its descriptor.

    Raises:
        BlockingIOError: Somebody may still append to it, or is taking it away.
        FileNotFoundError: It is not there any more.
    """
    file = os.open(segment, _READ | _NO_LINK)
    try:
        if not lock(file, exclusive=True):
            raise BlockingIOError(errno.EAGAIN, "is in use", str(segment))
        try:
            if not is_at(segment, os.fstat(file)):
                raise FileNotFoundError(errno.ENOENT, "was taken away meanwhile", str(segment))
            yield file
        finally:
            unlock(file)
    finally:
        os.close(file)


def _compress(file: int, target: Path) -> None:
    """Write what is in *file* to *target*, compressed and durable, or leave nothing there."""
    mode = stat.S_IMODE(os.fstat(file).st_mode)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINK
    try:
        with (
            os.fdopen(os.open(target, flags, mode), "wb") as packed,
            os.fdopen(file, "rb", closefd=False) as plain,
        ):
            with gzip.GzipFile("", "wb", 6, packed, mtime=0) as archive:
                while copied := plain.read(_COPIED_AT_ONCE):
                    archive.write(copied)
            packed.flush()
            os.fsync(packed.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise
