"""Shows how far reading a long input is, if somebody is looking (layer 7)."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Final

import click

from pytest_telemetry.sources import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ("progress",)

_LONG_BYTES: Final = 20_000_000


@contextlib.contextmanager
def progress(path: str | os.PathLike[str]) -> Iterator[Callable[[int], object] | None]:
    """Yield what is to be told of bytes read from *path*; None where it is short or standard error no terminal."""
    size = size_of(path) if sys.stderr is not None and sys.stderr.isatty() else 0
    if size < _LONG_BYTES:
        yield None
        return
    with click.progressbar(length=size, label=os.path.basename(path), file=sys.stderr) as bar:  # noqa: PTH119 - a name may hold anything
        yield bar.update
