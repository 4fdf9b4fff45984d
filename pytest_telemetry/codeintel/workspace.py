"""The directory that code intelligence works in, and the names of files in what it reports (layer 2)."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.path_form import below, label_for, normal_form

__all__ = ("Workspace", "exists", "is_directory", "is_file", "text_bytes")


class Workspace:
    """A directory that paths are relative to.

    Args:
        root: The directory; symbolic links in it are resolved.

    Raises:
        UnusableInput: It is no directory.

    Attributes:
        root: The directory, absolute.
    """

    def __init__(self, root: str | os.PathLike[str] = ".") -> None:
        if not os.fspath(root):
            raise UnusableInput("'': is no directory: pass . for the working directory")
        try:
            self.root = Path(os.path.realpath(Path(root).expanduser()))
        except (RuntimeError, ValueError) as error:  # nobody of that name; a null character
            raise UnusableInput(f"{root}: is no directory: {error}") from error
        if not is_directory(self.root):
            raise UnusableInput(
                f"{root}: is no directory: pass the workspace that files are relative to, or a root that holds modules"
            )
        self._normal = normal_form(str(self.root))

    def file(self, path: str | os.PathLike[str]) -> Path:
        """Return the absolute path of a file that may be named relative to the workspace; links are resolved.

        Raises:
            UnusableInput: No file can have that name.
        """
        try:
            return Path(os.path.realpath(self.root / path))
        except ValueError as error:
            raise UnusableInput(f"{os.fspath(path)!r}: is no name of a file: {error}") from error

    def holds(self, path: str | os.PathLike[str]) -> bool:
        """Tell whether a file is inside the workspace, wherever ``..`` and links lead."""
        return below(normal_form(str(self.file(path))), self._normal) is not None

    def name(self, path: str | os.PathLike[str]) -> str:
        r"""Return what stands for a file in all that is reported: relative with ``/``, or ``external/<hash>-<name>``.

        Bytes in it that are no UTF-8 are escaped: ``\udcff.py`` for the byte FF.
        """
        normal = normal_form(str(self.file(path)))
        inside = below(normal, self._normal)
        name = f"external/{label_for(normal)}" if inside is None else inside
        return name.encode("utf-8", "backslashreplace").decode()


def exists(path: Path) -> bool:
    """Tell whether there is anything at *path*, behind links; no where nobody may look, or the name is too long."""
    return os.path.exists(path)  # noqa: PTH110 - that of pathlib raises there


def is_file(path: Path) -> bool:
    """Tell whether *path* is a file; as `exists`."""
    return os.path.isfile(path)  # noqa: PTH113 - likewise


def is_directory(path: Path) -> bool:
    """Tell whether *path* is a directory; as `exists`."""
    return os.path.isdir(path)  # noqa: PTH112 - likewise


def text_bytes(file: Path, most: int | None = None) -> bytes:
    """Return what a file of text holds, or its first *most* bytes; nothing is waited for.

    Raises:
        OSError: It cannot be read, is no regular file (a pipe would be waited for), or is binary: it holds a NUL.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(errno.EINVAL, "is no file that can be read", str(file))
    if most is None:
        code = file.read_bytes()
    else:
        with file.open("rb") as opened:
            code = opened.read(most)
    if b"\0" in code:
        raise OSError(errno.EINVAL, "is binary, and has no text to read", str(file))
    return code
