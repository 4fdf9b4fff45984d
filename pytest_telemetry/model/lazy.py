"""Loads what a package names only when it is used (layer 0)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("loaded",)


def loaded(package: str, where: Mapping[str, str], name: str) -> Any:
    """Return *name* from the module below *package* that *where* has for it: for ``__getattr__`` of the package.

    It is not kept there: where modules are unloaded between runs, as pytester does, classes would mix.

    Raises:
        AttributeError: *where* has no such name.
    """
    if name not in where:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(import_module(f"{package}.{where[name]}"), name)
