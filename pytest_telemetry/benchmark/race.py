"""Times operations in turn, in random order, in one process; what counts is the fastest block of each (layer 2)."""

from __future__ import annotations

import gc
import random
from typing import TYPE_CHECKING, Final

from pytest_telemetry.benchmark.operation import EMPTY, YARDSTICK, Lane, settled
from pytest_telemetry.model.benchmark import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.benchmark.operation import Operation
    from pytest_telemetry.model.clock import Clock

__all__ = ("Race", "yardstick_ns")

_ROUNDS: Final = 100
_FEWEST: Final = 5
_SECONDS: Final = 2.0

# A seed that somebody sets for tests would give each run the same order.
_shuffle: Final = random.SystemRandom()


class Race:
    """Times the operations of one benchmark, ours first, together with an empty loop and the yardstick.

    Raises:
        ValueError: Two operations have one name.
    """

    def __init__(self, operations: Sequence[Operation], clock: Clock) -> None:
        names = [operation.name for operation in operations]
        if len({*names, EMPTY.name, YARDSTICK.name}) != len(names) + 2:
            taken = f"neither {EMPTY.name!r} nor {YARDSTICK.name!r}"
            raise ValueError(f"each operation needs a name of its own, and {taken}: {names}")
        self._lanes = [Lane(operation, clock) for operation in (*operations, EMPTY, YARDSTICK)]
        self.blocks: list[int] = []

    @property
    def ours(self) -> Lane:
        """The first operation; the empty loop where there is none."""
        return self._lanes[0]

    def settle(self) -> int:
        """Let the interpreter specialise every loop, and find out how long a block is; return how many rounds to take.

        There are 100, or fewer where these would take more than two seconds, but at least 5.
        """
        with settled():
            for lane in self._lanes:
                lane.settle()
        round_ns = sum(lane.block_ns for lane in self._lanes)
        return max(_FEWEST, min(_ROUNDS, int(_SECONDS * 1e9 / round_ns)))

    def run(self, rounds: int) -> tuple[Reading, float]:
        """Time everything *rounds* times; return the fastest of these, net of the loop, and the yardstick in ns.

        ``blocks`` then holds the durations of our own blocks in ns.

        Raises:
            ValueError: *rounds* is below 1.
        """
        if rounds < 1:
            raise ValueError(f"rounds must be 1 or more, not {rounds!r}")
        self.blocks = []
        with settled():
            for _ in range(rounds):
                for lane in _shuffle.sample(self._lanes, len(self._lanes)):
                    gc.collect()
                    duration = lane.block()
                    if lane is self.ours:
                        self.blocks.append(duration)
        best = {lane.name: lane.take_best() for lane in self._lanes}
        loop, yardstick = best.pop(EMPTY.name), best.pop(YARDSTICK.name)
        return Reading({name: ns - loop for name, ns in best.items()}), yardstick - loop


def yardstick_ns(clock: Clock) -> float:
    """Return what the yardstick costs here and now, in ns, net of the loop."""
    race = Race((), clock)
    _, yardstick = race.run(race.settle())
    return yardstick
