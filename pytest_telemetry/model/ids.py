"""Random identifiers of the W3C sizes, from a source that a test can seed (layer 0)."""

from __future__ import annotations

import random
from typing import Final

__all__ = ("SYSTEM_IDS", "IdSource")


class IdSource:
    """Makes trace, span and run ids.

    Args:
        seed: Same seed, same ids. Without one they come from the operating system, so that processes that
            were forked from one parent do not repeat each other.
    """

    __slots__ = ("_bits",)

    def __init__(self, seed: int | None = None) -> None:
        source = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 - not a secret
        self._bits = source.getrandbits

    def trace_id(self) -> str:
        """Return 32 hex digits, never all zero."""
        return f"{self._bits(128) or 1:032x}"

    def span_id(self) -> str:
        """Return 16 hex digits, never all zero."""
        return f"{self._bits(64) or 1:016x}"

    def run_id(self) -> str:
        """Return ``run_`` and 16 hex digits."""
        return f"run_{self.span_id()}"


SYSTEM_IDS: Final = IdSource()
