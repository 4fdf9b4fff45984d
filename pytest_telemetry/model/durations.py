"""Keeps very many durations in little memory, exactly (layer 0)."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from heapq import merge
from itertools import accumulate, chain, repeat
from typing import TYPE_CHECKING, Final, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("Durations",)

_LONGEST_NS: Final = 2**63 - 1
_BLOCK: Final = 4_096
_MOST_COUNTED: Final = 16_384
_SMALL: Final = 2**32


class Durations:
    """Durations in nanoseconds: at most eight bytes each, less where they are short or where many are equal.

    What no clock can count is kept as the longest there is.
    """

    __slots__ = ("_counted", "_counts", "_runs", "_unsorted")

    def __init__(self) -> None:
        self._unsorted = array("q")
        self._runs: list[array[int]] = []  # each in ascending order
        self._counted = array("q")  # values of which there are many, in ascending order
        self._counts = array("q")

    def add(self, duration_ns: int) -> None:
        """Keep *duration_ns*."""
        self._unsorted.append(min(max(duration_ns, -_LONGEST_NS), _LONGEST_NS))
        if len(self._unsorted) >= _BLOCK:
            self._settle()

    def _settle(self) -> None:
        """Sort a full block away: as counts where its values repeat, or as it is."""
        ordered = sorted(self._unsorted)
        self._unsorted = array("q")
        found = Counter(ordered)
        if 4 * len(found) <= _BLOCK and len(found) + len(self._counted) <= _MOST_COUNTED:
            found.update(dict(zip(self._counted, self._counts, strict=True)))
            self._counted = array("q", sorted(found))
            self._counts = array("q", map(found.__getitem__, self._counted))
        else:
            is_small = ordered[0] >= 0 and ordered[-1] < _SMALL
            self._runs.append(array("I" if is_small and array("I").itemsize == 4 else "q", ordered))

    def ordered(self) -> Sequence[int]:
        """Return all that were kept up to now, the shortest first."""
        if not self._runs and not self._counts:
            return sorted(self._unsorted)
        return _Ordered([*self._runs, array("q", sorted(self._unsorted))], self._counted, self._counts)


class _Ordered(Sequence[int]):
    """Sorted runs, and values that are counted, as one sequence in ascending order."""

    def __init__(self, runs: Sequence[array[int]], counted: array[int], counts: array[int]) -> None:
        self._runs = [run for run in runs if run]
        self._counted, self._counts = counted, counts
        self._upto = array("q", accumulate(counts))
        self._length = sum(map(len, self._runs)) + (self._upto[-1] if self._upto else 0)
        ends = [(run[0], run[-1]) for run in (*self._runs, counted) if run]
        self._least, self._most = min(low for low, _ in ends), max(high for _, high in ends)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self._length))]
        place = index + self._length if index < 0 else index
        if not 0 <= place < self._length:
            raise IndexError(f"there are {self._length} durations")
        low, high = self._least, self._most
        while low < high:  # the least value of which, together with all below, there are more than place
            middle = (low + high) // 2
            if self._at_most(middle) > place:
                high = middle
            else:
                low = middle + 1
        return low

    def _at_most(self, value: int) -> int:
        """Return how many are no longer than *value*."""
        below = bisect_right(self._counted, value)
        return (self._upto[below - 1] if below else 0) + sum(bisect_right(run, value) for run in self._runs)

    def __iter__(self) -> Iterator[int]:
        counted = chain.from_iterable(map(repeat, self._counted, self._counts))
        return merge(counted, *self._runs)
