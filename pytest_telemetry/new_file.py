"""Writes a file that appears whole or not at all, and replaces nothing without being asked (layer 6)."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pytest_telemetry.model.errors import TelemetryError, UnusableInput
from pytest_telemetry.model.segments import SegmentNames

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("aside", "new_file", "place", "require_apart", "require_free", "require_no_segments")


@contextlib.contextmanager
def new_file(path: Path, *, replace: bool = False) -> Iterator[BinaryIO]:
    """Yield a file to write to, which is at *path* when the body has ended, and nowhere when it raises.

    Args:
        path: Where it is to be.
        replace: Whether a file that is there already may be replaced; its permissions stay. A link stays, too, and
            what it leads to is replaced.

    Raises:
        UnusableInput: There is something at *path* that may not be replaced, or no directory for it.
        TelemetryError: It cannot be written.
    """
    if replace:
        path = Path(os.path.realpath(path))
        if path.exists() and not path.is_file():
            raise UnusableInput(f"{path}: is no file; name another one")
    else:
        require_free(path)
    written = aside(path)
    try:
        with written.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace and path.exists():
            written.chmod(stat.S_IMODE(path.stat().st_mode))
        place(written, path, replace=replace)
    except OSError as error:
        raise TelemetryError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        written.unlink(missing_ok=True)


def aside(path: Path) -> Path:
    """Return the name of a hidden file beside *path* that nobody else has.

    Raises:
        UnusableInput: There is no directory for it.
    """
    if not path.parent.is_dir():
        raise UnusableInput(f"{path.parent}: is no directory; make it, or name another place for {path.name}")
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")


def place(written: Path, path: Path, *, replace: bool = False) -> None:
    """Give the file *written* the name *path*.

    Raises:
        UnusableInput: Somebody else has made one meanwhile, which may not be replaced.
        OSError: It cannot be done.
    """
    if replace:
        written.replace(path)
        return
    try:
        os.link(written, path)  # which, unlike renaming, fails where there is something
    except FileExistsError:
        require_free(path)
        raise
    except OSError:  # a file system without links
        require_free(path)
        written.rename(path)
    else:
        written.unlink()


def require_free(path: Path, hint: str = "name another file") -> None:
    """Refuse *path* if there is anything, a link that leads nowhere included.

    Raises:
        UnusableInput: There is.
    """
    if os.path.lexists(path):
        raise UnusableInput(f"{path}: exists already, and nothing is overwritten; {hint}")


def require_no_segments(path: Path) -> None:
    """Refuse *path* for a new log if closed segments lie there, which would be read as its own.

    Raises:
        UnusableInput: There are.
    """
    log = Path(os.path.realpath(path))
    names = SegmentNames(log.name)
    with contextlib.suppress(OSError):  # whoever writes says what is wrong with the directory
        beside = sorted(other.name for other in log.parent.iterdir() if names.closed([other.name]))
        if beside:
            raise UnusableInput(
                f"{path}: {beside[0]} lies there, and would be read as a closed segment of it; name another file"
            )


def require_apart(source: Path, target: Path) -> None:
    """Refuse *target* if it is *source* itself, also by another name, or would become a part of that log.

    Raises:
        UnusableInput: It is, or would.
    """
    if not source.exists():
        return
    if target.exists() and source.samefile(target):
        raise UnusableInput(f"{target}: is the source itself; name another file for the copy")
    log = Path(os.path.realpath(source))
    parent = Path(os.path.realpath(target.parent))
    if parent == log.parent and SegmentNames(log.name).closed([target.name]):
        raise UnusableInput(f"{target}: would be read as a closed segment of {source}; name another file")
