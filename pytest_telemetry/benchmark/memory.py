"""What something that is held costs in memory: the slope of ``tracemalloc``, which is exact to the byte (layer 2)."""

from __future__ import annotations

import gc
import tracemalloc
from array import array
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

__all__ = ("LEVELS", "Holding")

LEVELS: Final = (64, 400, 900)
"""How many are held when the memory is read; the slope is taken over all, below the middle one, and above it."""

_PARTS: Final = tuple(enumerate(pairwise((0, *LEVELS))))


def _nothing(_held: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Holding:
    """Something that is made and held, level upon level, and let go in reverse.

    Attributes:
        enter: Makes one level and returns what holds it.
        leave: Lets a level go.
        around: Entered around all of that: the world in which this is at home.
    """

    enter: Callable[[], Any]
    leave: Callable[[Any], object] = _nothing
    around: Callable[[], AbstractContextManager[Any]] = nullcontext

    def slopes(self) -> Sequence[float]:
        """Return the bytes that a level adds, to a tenth: over all `LEVELS`, below the middle one, above it.

        Where making a level fails, those that were made are let go first.

        Raises:
            RuntimeError: ``tracemalloc`` is in use already.
        """
        if tracemalloc.is_tracing():
            raise RuntimeError("memory cannot be measured while tracemalloc is tracing: stop it first")
        with self.around():
            for _ in range(2):  # makes what is made once, and lets the interpreter specialise
                copy_context().run(self._hold)
            gc.collect()  # empties the free lists, whose objects nobody would see allocated
            tracemalloc.start()
            try:
                at = copy_context().run(self._hold)
            finally:
                tracemalloc.stop()
        return [
            round((at[high] - at[low]) / (LEVELS[high] - LEVELS[low]), 1)
            for low, high in ((0, 2), (0, 1), (1, 2))
        ]

    def _hold(self) -> Sequence[int]:
        """Return how much is traced at each of `LEVELS`; nothing of what that takes is held from one to the next."""
        at = array("q", [0] * len(LEVELS))  # a list would hold the numbers
        held: list[Any] = [None] * LEVELS[-1]
        enter, leave, traced = self.enter, self.leave, tracemalloc.get_traced_memory
        level = 0
        try:
            for place, (low, high) in _PARTS:
                for level in range(low, high):
                    held[level] = enter()
                level = 0  # other numbers than small ones take memory
                at[place] = traced()[0]
        except BaseException:
            del held[level:]  # were not made
            raise
        finally:
            while held:
                leave(held.pop())
        return at
