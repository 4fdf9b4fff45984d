"""The files that a log consists of: how they are called, and in which order they are read (layer 0)."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ("SegmentNames",)


class SegmentNames:
    """Names of the closed segments of one log, all in the directory of the active one.

    ``events.jsonl`` is closed as ``events.000001.jsonl``, the next one as ``events.000002.jsonl``, and so on; a
    higher number was closed later. Compressed, it is ``events.000001.jsonl.gz``.

    Args:
        active: Name of the file that is written to, without its directory.
    """

    __slots__ = ("_closed", "_stem", "_suffix")

    def __init__(self, active: str) -> None:
        path = PurePath(active)
        self._stem, self._suffix = path.stem, path.suffix
        self._closed = re.compile(
            rf"{re.escape(self._stem)}\.([0-9]{{6,}}){re.escape(self._suffix)}(?:\.gz)?"
        )

    def plain(self, number: int) -> str:
        """Return the name of closed segment *number*, as long as it is not compressed."""
        return f"{self._stem}.{number:06}{self._suffix}"

    def compressed(self, number: int) -> str:
        """Return its name when it is compressed; where both are there, the plain one counts."""
        return f"{self.plain(number)}.gz"

    def unfinished(self, number: int) -> str:
        """Return what its compressed form is called until it is complete; no reader takes it."""
        return f"{self.compressed(number)}.part"

    def closed(self, names: Iterable[str]) -> list[int]:
        """Return the numbers of the closed segments among the *names* of a directory, in the order of reading."""
        found = (self._closed.fullmatch(name) for name in names)
        return sorted({int(match[1]) for match in found if match})
