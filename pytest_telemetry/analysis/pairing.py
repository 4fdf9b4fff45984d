"""Pairs what is left over on two sides so that the sum of their differences is small (layer 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("EXACT", "cheapest_pairs")

EXACT = 8
"""Most members of either side for which the cheapest pairs are found; beyond it each takes the cheapest left."""


def cheapest_pairs(costs: Mapping[tuple[int, int], int]) -> dict[int, int]:
    """Return the right member of each left one.

    As many are paired as can be, and of all such pairings the cheapest is returned, if neither side has more than
    `EXACT` members.

    Args:
        costs: Cost per left and right member, for those that may be paired.
    """
    lefts = sorted({left for left, _ in costs})
    rights = sorted({right for _, right in costs})
    if max(len(lefts), len(rights)) > EXACT:
        return _greedy(costs)
    best: dict[int, tuple[int, int, dict[int, int]]] = {0: (0, 0, {})}
    for left in lefts:
        following = dict(best)
        for used, (unpaired, cost, pairs) in best.items():
            for bit, right in enumerate(rights):
                if used >> bit & 1 or (left, right) not in costs:
                    continue
                candidate = (unpaired - 1, cost + costs[left, right], {**pairs, left: right})
                known = following.get(used | 1 << bit)
                if known is None or candidate[:2] < known[:2]:
                    following[used | 1 << bit] = candidate
        best = following
    return min(best.values(), key=lambda found: found[:2])[2]


def _greedy(costs: Mapping[tuple[int, int], int]) -> dict[int, int]:
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for left, right in sorted(costs, key=lambda pair: (costs[pair], pair)):
        if left not in pairs and right not in taken:
            pairs[left] = right
            taken.add(right)
    return pairs
