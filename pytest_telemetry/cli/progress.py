"""Shows how far work is that takes long, if somebody is looking (layer 7)."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Final

import click

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.sources import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_telemetry.model.clock import Clock

__all__ = ("progress", "steps")

_LONG_NS: Final = 1_000_000_000


@contextlib.contextmanager
def progress(
    path: str | os.PathLike[str], clock: Clock = SYSTEM_CLOCK
) -> Iterator[Callable[[int], object] | None]:
    """Yield what is to be told of bytes read from *path*, and shows them when that has taken longer than a second.

    None where nobody knows how many there are, or standard error is no terminal.
    """
    with steps(os.path.basename(path), clock) as show:  # noqa: PTH119 - a name may hold anything
        size = 0 if show is None else size_of(path)
        if show is None or not size:
            yield None
            return
        told = 0

        def tell(count: int) -> None:
            nonlocal told
            told += count
            if count:
                show(told, size)

        yield tell


@contextlib.contextmanager
def steps(label: str, clock: Clock = SYSTEM_CLOCK) -> Iterator[Callable[[int, int], object] | None]:
    """Yield what is to be told how much of how much is done, and shows it when that has taken longer than a second.

    None where standard error is no terminal.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    began = clock.mono_ns()
    with contextlib.ExitStack() as shown:
        bar = None

        def show(done: int, total: int) -> None:
            nonlocal bar
            if clock.mono_ns() - began <= _LONG_NS:
                return
            if bar is None:
                bar = shown.enter_context(click.progressbar(length=total, label=label, file=sys.stderr))
            bar.update(done - bar.pos)

        yield show
