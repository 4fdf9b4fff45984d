"""The directory that code intelligence works in, and the names of files in what it reports (layer 2)."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.path_form import below, label_for, normal_form

__all__ = ("Workspace",)


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
        self.root = Path(os.path.realpath(Path(root).expanduser()))
        if not self.root.is_dir():
            raise UnusableInput(f"{root}: is no directory: pass the workspace that files are relative to")
        self._normal = normal_form(str(self.root))

    def file(self, path: str | os.PathLike[str]) -> Path:
        """Return the absolute path of a file that may be named relative to the workspace; links are resolved."""
        return Path(os.path.realpath(self.root / Path(path).expanduser()))

    def holds(self, path: str | os.PathLike[str]) -> bool:
        """Tell whether a file is inside the workspace, wherever ``..`` and links lead."""
        return below(normal_form(str(self.file(path))), self._normal) is not None

    def name(self, path: str | os.PathLike[str]) -> str:
        """Return what stands for a file in all that is reported: relative with ``/``, or ``external/<hash>-<name>``."""
        normal = normal_form(str(self.file(path)))
        inside = below(normal, self._normal)
        return f"external/{label_for(normal)}" if inside is None else inside
