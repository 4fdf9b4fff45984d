"""What each process has of its own, where one that was forked goes on with what its parent had (layer 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("PerProcess",)

_Share = TypeVar("_Share")


class PerProcess(dict[int, _Share]):
    """The shares of processes, by their ids: ``shares[os.getpid()]`` is that of the one that asks.

    A share is made when a process first asks, as a whole before anybody has it; of several threads that ask at once,
    all get the same. No lock is taken: one that another thread held during ``fork`` would stay locked in the child.

    Args:
        begin: Makes a share. May be called once for each of the threads that ask first.
    """

    __slots__ = ("_begin",)

    def __init__(self, begin: Callable[[], _Share]) -> None:
        super().__init__()
        self._begin = begin

    def __missing__(self, process: int) -> _Share:
        share = self.setdefault(process, self._begin())
        for other in self.keys() - {process}:  # its id may come again
            self.pop(other, None)
        return share
