"""Failures to inject: each way in which indexing can go wrong, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.sources import Source

__all__ = ("UNANSWERED", "WithFailures")

UNANSWERED: Final = frozenset({"injected.library.lost"})
"""Symbols to which the definition server gives no answer, as if the request had been lost on the way."""

_FILES: Final = {
    "injected/broken_syntax.py": b"def broken(:\n    pass\n",
    "injected/wrong_encoding.py": b"# -*- coding: utf-8 -*-\n\nname = 'caf\xe9'\n",
    "injected/library.py": b"def lost():\n    pass\n",
    "injected/caller.py": b"from injected.library import lost, made_up\n",
}
_UNREADABLE: Final = "injected/unreadable.py"


class WithFailures:
    """A source with a few files in front that go wrong.

    One does not parse, one is not in the encoding that it declares, one cannot be read, and one imports two
    names: about ``lost`` the definition server never answers (`UNANSWERED`), and ``made_up`` does not exist.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def label(self) -> str:
        """The label of the source behind."""
        return self._source.label

    def files(self) -> Iterator[str]:
        """Yield the files that go wrong, then those of the source behind."""
        yield from (*_FILES, _UNREADABLE)
        yield from self._source.files()

    def read(self, file: str) -> bytes:
        """Return the content of *file*, unless it is the one that cannot be read."""
        if file == _UNREADABLE:
            raise PermissionError(13, "Permission denied", file)
        return _FILES[file] if file in _FILES else self._source.read(file)
