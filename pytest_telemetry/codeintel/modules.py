"""Where the modules of a Python program are, found without running any of it (layer 2)."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_telemetry.codeintel.workspace import Workspace, is_directory, is_file
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ("Module", "Modules", "OutsideRoots")

# Of these, Python takes the first; stubs are for those of which there is no source.
_SOURCES: Final = ("{}/__init__.py", "{}.py", "{}/__init__.pyi", "{}.pyi")


class OutsideRoots(UnusableInput):
    """A file that was found below a root, but is elsewhere: a link leads out of all of them."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module.

    Attributes:
        name: With dots.
        file: Its source, absolute; None for a namespace package, which has none.
        directories: Where its submodules are; empty for a module that is no package.
    """

    name: str
    file: Path | None
    directories: tuple[Path, ...] = ()


class Modules:
    """Finds modules in a workspace, and then in further roots.

    In a workspace they are below its directory or below ``src`` in it, and both count the same. The further roots are
    asked in order, each only for what is not found before it, as Python does with ``sys.path``: a package hides one of
    the same name in a later root, with all that is in it.

    Args:
        workspace: A workspace.
        roots: Directories that hold modules and packages: the standard library, or ``site-packages``.

    Raises:
        UnusableInput: A root is no directory.
    """

    def __init__(self, workspace: Workspace, roots: Iterable[str | os.PathLike[str]] = ()) -> None:
        self._own = (workspace.root, workspace.root / "src")
        self._places = (workspace, *map(Workspace, roots))

    def find(self, names: Sequence[str]) -> tuple[Module, ...]:
        """Return the modules of this name; several where the workspace has several, none where there is none.

        Raises:
            OutsideRoots: A link leads out of the roots.
            PermissionError: A directory on the way may not be entered.
        """
        return tuple(module for module, rest in self.walk(names) if not rest)

    def walk(self, names: Sequence[str]) -> tuple[tuple[Module, tuple[str, ...]], ...]:
        """Return what *names* lead to: modules, as far as they name any, and the names that are left of each.

        Raises:
            OutsideRoots: A link leads out of the roots.
            PermissionError: A directory on the way may not be entered.
        """
        without_source: list[tuple[Module, tuple[str, ...]]] = []
        for group in (self._own, *((place.root,) for place in self._places[1:])):
            found = [self.walk_from(first, names[1:]) for first in self._step(group, names[0], "")]
            with_source = [(module, rest) for module, rest in found if module.file is not None]
            if with_source:
                return tuple(with_source)
            without_source += found
        whole = [(module, rest) for module, rest in without_source if not rest]
        return tuple(whole or without_source)

    def submodule(self, module: Module, name: str) -> Module | None:
        """Return what *module* holds under that name in a file or directory of its own, or None.

        Raises:
            OutsideRoots: A link leads out of the roots.
            PermissionError: A directory on the way may not be entered.
        """
        prefix = f"{module.name}." if module.name else ""
        return next(iter(self._step(module.directories, name, prefix)), None)

    def around(self, file: Path, level: int) -> Module | None:
        """Return the package that so many dots in an import mean in *file*, or None where they lead out of its root."""
        directory = file.parent
        for _ in range(level - 1):
            directory = directory.parent
        root = self._root_of(directory)
        if root is None:
            return None
        source = next(filter(is_file, (directory / "__init__.py", directory / "__init__.pyi")), None)
        return Module(".".join(directory.relative_to(root).parts), source, (directory,))

    def name_of(self, file: Path) -> str:
        """Return the name under which *file* is imported; its bare name where it is in no root."""
        root = self._root_of(file)
        parts = [file.stem] if root is None else [*file.relative_to(root).parent.parts, file.stem]
        return ".".join(parts[:-1] if parts[-1] == "__init__" and parts[1:] else parts)

    def _root_of(self, path: Path) -> Path | None:
        roots = (*reversed(self._own), *(place.root for place in self._places[1:]))
        return next((root for root in roots if path.is_relative_to(root)), None)

    def walk_from(self, module: Module, names: Sequence[str]) -> tuple[Module, tuple[str, ...]]:
        """Return what *names* lead to below *module*, and the names that are left.

        Raises:
            OutsideRoots: A link leads out of the roots.
            PermissionError: A directory on the way may not be entered.
        """
        for at, name in enumerate(names):
            below = self.submodule(module, name)
            if below is None:
                return module, tuple(names[at:])
            module = below
        return module, ()

    def _step(self, directories: Iterable[Path], name: str, prefix: str) -> list[Module]:
        """Return the modules of that name in the directories; a namespace package only where there is nothing else."""
        found: dict[Path, Module] = {}
        portions = []
        for directory in directories:
            _require_entry(directory)
            source = next(
                (place for form in _SOURCES if is_file(place := directory / form.format(name))), None
            )
            if source is not None:
                file = self._inside(source)
                is_package = source.parent != directory
                found.setdefault(file, Module(prefix + name, file, (source.parent,) if is_package else ()))
            elif is_directory(directory / name):
                _require_entry(directory / name)
                portions.append(self._inside(directory / name))
        if found or not portions:
            return list(found.values())
        return [Module(prefix + name, None, tuple(portions))]

    def _inside(self, path: Path) -> Path:
        if any(place.holds(path) for place in self._places):
            return Path(os.path.realpath(path))
        name = self._places[0].name(path.parent) + "/" + path.name
        raise OutsideRoots(
            f"{name}: is a link that leads out of the workspace: name the directory it leads to as a further root"
        )


def _require_entry(directory: Path) -> None:
    """Raise where nobody may look what is in a directory: it may be what is sought."""
    if is_directory(directory) and not os.access(directory, os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(directory))
