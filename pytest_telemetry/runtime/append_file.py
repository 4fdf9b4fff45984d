"""A log file that many processes append to, and that any of them may close and begin anew (layer 1)."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.file_lock import HAS_LOCKS, lock
from pytest_telemetry.runtime.closed_segments import ClosedSegments, is_at, sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_telemetry.model.clock import Clock

__all__ = ("AppendFile", "Interrupted", "ShortWrite")

# Windows would translate line feeds otherwise.
_FLAGS: Final = (
    os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_HEAD: Final = 64 * 1024


class ShortWrite(OSError):
    """Storage took only a part of what was written.

    Attributes:
        whole: How many lines of it are whole.
    """

    def __init__(self, written: int, wanted: int, whole: int, path: Path) -> None:
        super().__init__(errno.ENOSPC, f"only {written} of {wanted} bytes were written", str(path))
        self.whole = whole


class Interrupted(BaseException):
    """A signal handler raised while lines were being written.

    Attributes:
        whole: How many lines are in the file all the same.
        interruption: What it raised.
    """

    def __init__(self, whole: int, interruption: BaseException) -> None:
        super().__init__(whole, interruption)
        self.whole = whole
        self.interruption = interruption


class AppendFile:
    """One open descriptor in append mode; not for several threads at once.

    Args:
        path: The active file; it and its parent directories are made where they do not exist. A symbolic link is
            resolved, so that segments lie beside the file itself.
        max_bytes: A segment that would become longer is closed first.
        max_age_s: A segment that began longer ago is closed first, seconds.
        keep: How many closed segments are kept; None for all of them.
        compress: Whether closed segments are compressed.
        clock: Tells how old a segment is.
        begun_ns: Tells from the first bytes of a segment when it began, nanoseconds since the Unix epoch.

    Raises:
        OSError: The file cannot be opened for appending, or this system cannot close segments.

    Attributes:
        path: The active file, absolute.
        closed: The closed segments beside it.
        is_untidy: Whether this writer has closed a segment; to be reset by who tidies up.
        refused: How often a segment was to be closed and the storage refused.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int | None,
        max_age_s: float | None,
        keep: int | None,
        compress: bool,
        clock: Clock,
        begun_ns: Callable[[bytes], int | None],
    ) -> None:
        self.path = _file_behind(path)
        self._name = str(self.path)
        self._max_bytes = max_bytes
        self._max_age_ns = None if max_age_s is None else round(max_age_s * 1_000_000_000)
        self._closes = max_bytes is not None or max_age_s is not None
        if self._closes and not HAS_LOCKS:
            raise OSError(errno.ENOTSUP, "this system cannot rename a file that is open", self._name)
        self._wall_ns = clock.wall_ns
        self._begun_ns = begun_ns
        self.closed = ClosedSegments(self.path, keep=keep, compress=compress)
        self.is_untidy = False
        self.refused = 0
        self._end = 0
        self._unsynced = self._unnamed = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def append(self, lines: Sequence[bytes]) -> int:
        """Write the first of *lines*, as many as the segment takes and at least one; return how many.

        It is one write, behind everything that stands in the file. Where that ends in a torn line, it begins
        with a line feed.

        Raises:
            ShortWrite: Only a part was written.
            OSError: Nothing was written.
            Interrupted: Somebody raised something else meanwhile.
        """
        size = self._look() if self._regular else 0
        if self._closes and size and self._is_over(size + len(lines[0])):
            size = self._close_segment(size)
        data = lines[0] if len(lines) == 1 else b"".join(lines[: self._fitting(lines, size)])
        # Where this writer wrote last, nobody can have left half a line behind it.
        lead = b"\n" if size != self._end and self._ends_torn(size) else b""
        self._unsynced = True
        try:
            written = os.write(self._file, lead + data)
        except OSError:
            raise
        except BaseException as interruption:  # noqa: BLE001 - raised on by who counts
            self._end = -1
            raise Interrupted(
                data.count(b"\n") if self._stands_behind(size, data) else 0, interruption
            ) from None
        if written < len(lead) + len(data):
            self._end = -1
            whole = data[: max(0, written - len(lead))].count(b"\n")
            raise ShortWrite(written, len(lead) + len(data), whole, self.path)
        self._end = size + written
        return 1 if len(lines) == 1 else data.count(b"\n")

    def _stands_behind(self, size: int, data: bytes) -> bool:
        """Tell whether *data* is where an append to a file of *size* bytes has put it, behind what others append."""
        try:
            return data in _read(self._file, os.fstat(self._file).st_size - size, size)
        except OSError:  # a pipe
            return False

    def sync(self) -> None:
        """Return when what was appended would survive a loss of power, and so would the name of the file.

        Raises:
            OSError: The operating system cannot say so.
        """
        if not self._regular:
            return
        if self._unsynced:
            os.fsync(self._file)
            self._unsynced = False
        if self._unnamed:
            sync_directory(self.path.parent)
            self._unnamed = False

    def close(self) -> None:
        """Sync and close; to be called once.

        Raises:
            OSError: The operating system cannot say that everything would survive.
        """
        try:
            self.sync()
        finally:
            os.close(self._file)

    def _open(self) -> int:
        """Open the active file and return its length; what was open before stays open."""
        while True:
            file = os.open(self._name, _FLAGS, 0o644)
            try:
                status = os.fstat(file)
                regular = stat.S_ISREG(status.st_mode)
                begun = self._begin_of(file, status.st_size) if regular else 0
                claimed = not regular or self._claim(file, status)
            except BaseException:
                os.close(file)
                raise
            if claimed:
                break
            os.close(file)  # it became a closed segment meanwhile
        self._file, self._regular, self._begun = file, regular, begun
        self._inode, self._device = status.st_ino, status.st_dev
        self._end = 0
        self._unnamed = True
        return status.st_size

    def _claim(self, file: int, status: os.stat_result) -> bool:
        """Take the shared lock of a writer, and tell whether *file* is still the active one."""
        if not HAS_LOCKS:
            return True
        try:
            locked = lock(file, exclusive=False)
        except OSError:  # a file system without locks: nobody can take a segment away there
            return True
        still_active = is_at(self.path, status)
        if still_active and not locked:
            raise OSError(errno.EAGAIN, "another program has locked it", self._name)
        return still_active

    def _look(self) -> int:
        """Return the length of the active file, which is opened anew where it is another one by now."""
        try:
            now = os.stat(self._name)  # noqa: PTH116 - before every write
        except FileNotFoundError:
            return self._open_anew()
        if now.st_ino == self._inode and now.st_dev == self._device:
            return now.st_size
        return self._open_anew()

    def _open_anew(self) -> int:
        left, unsynced = self._file, self._unsynced
        size = self._open()
        self._unsynced = False
        try:
            if unsynced:
                os.fsync(left)  # no later `sync` will reach it
        finally:
            os.close(left)
        return size

    def _ends_torn(self, size: int) -> bool:
        """Tell whether the file ends in half a line. One that grows meanwhile is being written, and is looked at again."""
        while size and _read(self._file, 1, size - 1) != b"\n":
            now = os.fstat(self._file).st_size
            if now == size:
                return True
            size = now
        return False

    def _is_over(self, size: int) -> bool:
        if self._max_bytes is not None and size > self._max_bytes:
            return True
        return self._max_age_ns is not None and self._wall_ns() - self._begun >= self._max_age_ns

    def _begin_of(self, file: int, size: int) -> int:
        """Return when the segment began: what its first line says, if there is one, and not in the future."""
        if self._max_age_ns is None:
            return 0
        now = self._wall_ns()
        begun = self._begun_ns(_read(file, _HEAD, 0)) if size else None
        return now if begun is None else min(begun, now)

    def _close_segment(self, size: int) -> int:
        """Make a closed segment of the active file and open a new one; return the length of what is open then.

        Where that is not possible now, what comes goes into the file that is there.
        """
        try:
            if not self.closed.close_active(os.fstat(self._file)):
                return size
        except OSError:
            self.refused += 1
            return size
        self.is_untidy = True
        return self._open_anew()

    def _fitting(self, lines: Sequence[bytes], size: int) -> int:
        """Return how many of *lines* fit into a segment of this size, and one where none does."""
        if self._max_bytes is None:
            return len(lines)
        room = self._max_bytes - size
        for count, line in enumerate(lines):
            room -= len(line)
            if room < 0:
                return max(count, 1)
        return len(lines)


def _file_behind(path: Path) -> Path:
    """Return *path* absolute, and without symbolic links where it leads to a file or to nothing yet.

    What leads to a pipe or a device stays as it is, because its real path cannot always be opened.
    """
    real = Path(os.path.realpath(path))
    return real if real.is_file() or not path.exists() else path.absolute()


def _read(file: int, length: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, length, offset)  # without the position, which a forked child shares
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, length)
