"""A second set of modules beside the running one: the baseline, under the names it always had (layer 2).

Inside its world the packages under test come from an archive, and everything else of the project that had been imported
(benchmarks, conftest files) is imported once more, so that each module sees the packages of its own world. What does
not belong to the project is shared: what is installed, the standard library, ``__main__``. Going in and out swaps
entries of ``sys.modules``, so that imports that code makes while it runs find what they should. A package that is
shared has as attributes the submodules of the world in which one is. All threads change worlds together.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ("World",)

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


class World:
    """The modules of the baseline; outside of it to begin with.

    Args:
        root: The project: modules that lie in it are imported once more inside.
        packages: Top-level names that inside come from *code*.
        code: A directory or an archive on which the packages lie at the top.

    Attributes:
        code: As an absolute path.
    """

    def __init__(self, root: Path, packages: Collection[str], code: Path) -> None:
        self.code = code.absolute()
        self._project = _Project(root, self.code)
        self._packages = frozenset(packages)
        self._finder = _Finder(self._packages, str(self.code))
        self._elsewhere: dict[str, ModuleType] = {}
        self._here: list[str] = []
        self._bound: list[_Binding] = []
        self._bound_elsewhere: list[_Binding] = []
        self._seen: tuple[int, str] | None = None
        self._is_inside = self._is_first = False

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let imports, and what was imported, be those of the baseline."""
        with self._at(inside=True):
            yield

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Let them be those of the running program again, for a while."""
        with self._at(inside=False):
            yield

    @contextmanager
    def there_and_back(self) -> Iterator[None]:
        """Go in and out again, and then be where one was: what is timed then finds the process as inside it does."""
        with self.inside(), self.outside():
            yield

    @contextmanager
    def _at(self, *, inside: bool) -> Iterator[None]:
        before = self._is_inside
        self._go(inside)
        try:
            yield
        finally:
            self._go(before)

    def _go(self, inside: bool) -> None:  # noqa: FBT001 - which way
        if inside == self._is_inside:
            return
        modules = sys.modules
        if _state(modules) != self._seen:  # something was imported since
            self._look_around(modules)
        self._is_inside = inside
        leaving = {name: modules.pop(name) for name in self._here if name in modules}
        modules.update(self._elsewhere)
        for binding in self._bound:
            binding.undo()
        for binding in self._bound_elsewhere:
            binding.do()
        self._here, self._elsewhere, self._seen = list(self._elsewhere), leaving, _state(modules)
        self._bound, self._bound_elsewhere = self._bound_elsewhere, self._bound
        if inside:
            self.come_first()
        else:
            self._step_back()

    def _look_around(self, modules: dict[str, ModuleType]) -> None:
        """Find out what has to leave, and which attributes of what stays."""
        here = {name: module for name, module in list(modules.items()) if self._is_swapped(name, module)}
        self._here = list(here)
        bindings = (
            _Binding(modules[parent], name.rpartition(".")[2], module)
            for name, module in here.items()
            if (parent := name.rpartition(".")[0]) in modules and parent not in here
        )
        self._bound = [binding for binding in bindings if binding.holds()]

    def come_first(self) -> None:
        """Let nobody who has put a finder before ours since find the packages anywhere else."""
        self._step_back()
        sys.meta_path.insert(0, self._finder)
        sys.path.insert(0, str(self.code))
        self._is_first = True

    def _step_back(self) -> None:
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        if self._is_first and str(self.code) in sys.path:
            sys.path.remove(str(self.code))
        self._is_first = False

    def misplaced(self) -> Sequence[str]:
        """Return the modules of the packages that inside come from elsewhere than the archive."""
        code = _below(self.code)
        with self.inside():  # where the folders of a namespace package are depends on where it is asked
            return [
                f"{name} ({place})"
                for name, module in list(sys.modules.items())
                if name.partition(".")[0] in self._packages
                for place in _places(module)[:1]
                if not place.startswith(code)
            ]

    def is_of_project(self, file: str) -> bool:
        """Tell whether *file* lies in the project, or in the archive, and was not installed there."""
        return self._project.has(file)

    def _is_swapped(self, name: str, module: ModuleType) -> bool:
        if name.partition(".")[0] in self._packages:
            return True
        places = _places(module)
        return name != "__main__" and bool(places) and all(map(self._project.has, places))


class _Project:
    """Tells whether a file belongs to the project: it lies in *root* or in *code*, and was not installed there."""

    def __init__(self, root: Path, code: Path) -> None:
        self._roots = (*_below(root), *_below(code))
        prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path(os.__file__).parent}
        places = {place for prefix in prefixes for place in _below(prefix)}
        # Where the project lies in such a place, and not the other way round, the place says nothing.
        self._environments = tuple(
            place for place in places if place.startswith(self._roots) and place not in self._roots
        )

    def has(self, file: str) -> bool:
        root = next((root for root in self._roots if file.startswith(root)), None)
        return (
            root is not None
            and not file.startswith(self._environments)
            and _INSTALLED.isdisjoint(Path(file[len(root) :]).parts)
        )


class _Binding(NamedTuple):
    """A submodule that is an attribute of a package that stays."""

    package: ModuleType
    name: str
    module: ModuleType

    def holds(self) -> bool:
        return getattr(self.package, "__dict__", {}).get(self.name) is self.module

    def do(self) -> None:
        vars(self.package).setdefault(self.name, self.module)  # unless it was given another meanwhile

    def undo(self) -> None:
        if self.holds():
            delattr(self.package, self.name)


class _Finder(MetaPathFinder):
    """Finds the packages in the archive, and what is in them where they are, before anything else looks for them."""

    def __init__(self, packages: frozenset[str], code: str) -> None:
        self._packages = packages
        self._code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self._packages:
            return None
        return PathFinder.find_spec(fullname, [self._code] if path is None else path, target)


def _below(path: Path) -> tuple[str, ...]:
    """Return what the names of files below *path* begin with, as it is written and without links."""
    return tuple(f"{str(place).rstrip(os.sep)}{os.sep}" for place in (path, path.resolve()))


def _state(modules: dict[str, ModuleType]) -> tuple[int, str]:
    """Return what differs after an import: how many there are, and which came last."""
    return len(modules), next(reversed(modules))


def _places(module: object) -> list[str]:
    """Return the file of a module, or the folders of a package that has none; nothing for what is built in."""
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return [file]
    folders = getattr(module, "__path__", None)
    try:
        return (
            [folder for folder in folders if isinstance(folder, str)] if isinstance(folders, Iterable) else []
        )
    except KeyError:  # a namespace package asks its parent, and somebody has removed that
        return []
