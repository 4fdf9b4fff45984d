"""Shows how far reading a long input is, if somebody is looking (layer 7)."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pytest_telemetry.model.segments import SegmentNames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ("progress",)

_LONG_BYTES: Final = 20_000_000


@contextlib.contextmanager
def progress(path: str | os.PathLike[str]) -> Iterator[Callable[[int], object] | None]:
    """Yield what is to be told of bytes read from *path*; None where it is short or standard error no terminal."""
    size = _size(path)
    if size < _LONG_BYTES or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=size, label=os.path.basename(path), file=sys.stderr) as bar:  # noqa: PTH119 - a name may hold anything
        yield bar.update


def _size(path: str | os.PathLike[str]) -> int:
    """Return how many bytes the file and its closed segments have, as far as that can be told."""
    if not os.path.isfile(path):  # noqa: PTH113 - likewise
        return 0
    active = Path(os.path.realpath(path))
    names = SegmentNames(active.name)
    size = active.stat().st_size
    for number in names.closed(found.name for found in active.parent.iterdir()):
        for name in (names.plain(number), names.compressed(number)):
            with contextlib.suppress(FileNotFoundError):
                size += active.with_name(name).stat().st_size
    return size
