"""Paths as people write them, with ``~`` for a home (layer 0)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from os import PathLike

__all__ = ("expanded",)


def expanded(path: str | PathLike[str]) -> Path:
    """Return *path* with the home that ``~`` or ``~user`` at its beginning stands for.

    Raises:
        UnusableInput: Nobody knows that home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UnusableInput(f"{path}: there is no such home: write the path without ~") from error
