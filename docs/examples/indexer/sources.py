"""Where source files come from; every file is named by its path below the root, never by an absolute one."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ("Directory", "Memory", "Source", "standard_library")

_SKIPPED: Final = frozenset({"__pycache__", "site-packages", "dist-packages", "test", "tests", "idle_test"})


class Source(Protocol):
    """Files that can be listed and read."""

    @property
    def label(self) -> str:
        """What to call this source in telemetry: a name that gives no path away."""

    def files(self) -> Iterator[str]:
        """Yield the files in a stable order, as relative POSIX paths."""

    def read(self, file: str) -> bytes:
        """Return the content of *file*.

        Raises:
            OSError: It cannot be read at this moment; trying again may help.
        """


class Directory:
    """The Python files below a directory, without tests: some of those do not parse, on purpose."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def label(self) -> str:
        """The last part of the directory's path."""
        return self._root.name

    def files(self) -> Iterator[str]:
        """Yield the files, those of a directory before those below it."""
        for folder, folders, names in os.walk(self._root):
            folders[:] = sorted(set(folders) - _SKIPPED)
            here = Path(folder).relative_to(self._root)
            yield from ((here / name).as_posix() for name in sorted(names) if name.endswith(".py"))

    def read(self, file: str) -> bytes:
        """Return the content of *file*."""
        return (self._root / file).read_bytes()


class Memory:
    """Files that exist in memory only."""

    label: Final = "memory"

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents

    def files(self) -> Iterator[str]:
        """Yield the files in the order in which they were given."""
        yield from self._contents

    def read(self, file: str) -> bytes:
        """Return the content of *file*.

        Raises:
            FileNotFoundError: There is no such file.
        """
        if file not in self._contents:
            raise FileNotFoundError(2, "No such file", file)
        return self._contents[file]


def standard_library() -> Directory:
    """Return the source of the standard library of the running Python."""
    return Directory(Path(sysconfig.get_path("stdlib")))
