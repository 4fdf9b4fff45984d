"""Which packages a project has, where nobody names them (layer 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_telemetry.benchmark.baseline import is_package_name
from pytest_telemetry.model.errors import UnusableInput

__all__ = ("default_packages",)

_PLACES: Final = ("src", "")
_NO_PACKAGES: Final = frozenset(
    ["tests", "test", "docs", "doc", "examples", "benchmarks", "build", "dist", "site"]
)
_NO_MODULES: Final = frozenset({"conftest", "setup", "noxfile", "tasks", "fabfile", "manage"})


def default_packages(root: Path) -> tuple[str, ...]:
    """Return the top-level packages of the project at *root*: those below ``src/``, or else those at its root.

    Tests, documentation, benchmarks and what builds leave behind are no packages. Where a place has no package, its
    modules are taken, apart from those that tools have at a root, such as ``setup`` and ``conftest``.

    Raises:
        UnusableInput: There is none.
    """
    for place in _PLACES:
        try:
            entries = sorted(Path(root, place).iterdir())
        except OSError:  # no src/
            continue
        names = [entry.name for entry in entries if (entry / "__init__.py").is_file()]
        modules = [entry.stem for entry in entries if entry.suffix == ".py" and entry.is_file()]
        for found in (names, [name for name in modules if name not in _NO_MODULES]):
            packages = tuple(name for name in found if _may_be_code(name))
            if packages:
                return packages
    raise UnusableInput(
        f"{root}: no package, neither below src/ nor at the root; name the packages in the baseline"
    )


def _may_be_code(name: str) -> bool:
    return is_package_name(name) and name not in _NO_PACKAGES and not name.startswith(("_", "test_"))
