"""What the process already holds, kept out of garbage collections for a while (layer 2)."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("frozen",)

_BY_PYTHON: Final = 2_000
"""Python 3.12 freezes some hundred objects itself; as many as this somebody else did, and wants them to stay."""


@contextmanager
def frozen() -> Iterator[None]:
    """Let collections pass over everything that exists.

    Where 2,000 objects or more are frozen already, somebody else did that: they stay frozen, and no more are. Fewer are
    taken for Python's own, and are let go at the end together with all others.
    """
    freeze = gc.get_freeze_count() < _BY_PYTHON
    if freeze:
        gc.freeze()
    try:
        yield
    finally:
        if freeze:
            gc.unfreeze()
