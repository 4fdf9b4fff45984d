"""Shows how far reading is that takes long, if somebody is looking (layer 7)."""

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

__all__ = ("progress",)

_LONG_NS: Final = 1_000_000_000


@contextlib.contextmanager
def progress(
    path: str | os.PathLike[str], clock: Clock = SYSTEM_CLOCK
) -> Iterator[Callable[[int], object] | None]:
    """Yield what is to be told of bytes read from *path*, and shows them when that has taken longer than a second.

    None where nobody knows how many there are, or standard error is no terminal.
    """
    size = size_of(path) if sys.stderr is not None and sys.stderr.isatty() else 0
    if not size:
        yield None
        return
    began = clock.mono_ns()
    bar = click.progressbar(length=size, label=os.path.basename(path), file=sys.stderr)  # noqa: PTH119 - a name may hold anything
    with contextlib.ExitStack() as shown:
        untold = 0

        def tell(count: int) -> None:
            nonlocal untold
            untold += count
            if count and clock.mono_ns() - began > _LONG_NS:
                if not bar.entered:
                    shown.enter_context(bar)
                bar.update(untold)
                untold = 0

        yield tell
