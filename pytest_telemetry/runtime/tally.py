"""Counts what happens in any thread, without a lock where it happens (layer 1)."""

from __future__ import annotations

import itertools
import os
import threading
from typing import Final

__all__ = ("Tally",)

_reading: Final = threading.RLock()
if hasattr(os, "register_at_fork"):  # another thread may be reading while this one forks
    os.register_at_fork(after_in_child=_reading._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001 - as the standard library does


class Tally:
    """A number that any thread may add one to, and that can be read without losing count.

    ``x += 1`` loses additions between threads, and a lock does not belong where spans end. An
    ``itertools.count`` hands out each number once, whoever asks; reading takes one too, which is deducted.

    Attributes:
        numbers: ``next()`` of it adds one, too, and is faster; what it returns means nothing.
        add: Adds one; likewise.
    """

    __slots__ = ("_readings", "add", "numbers")

    def __init__(self) -> None:
        self.numbers = itertools.count()
        self.add = self.numbers.__next__
        self._readings = 0

    @property
    def value(self) -> int:
        """How often `add` was called."""
        with _reading:
            value = self.add() - self._readings
            self._readings += 1
        return value
