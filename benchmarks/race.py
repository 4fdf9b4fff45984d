"""Times operations against each other: in turn, in random order, in one process.

An operation is a line of source, compiled into a loop of its own, so that it has its own inline caches, finds its
names as module globals and has source that can be read, as user code does. A round runs the loop once, in a fresh ``contextvars.Context``
(setting a variable to the value it already has would be cheaper than any real use) and inside the spans that the
operation asks for, which are opened before the clock starts. What counts is the fastest round of each operation,
less the fastest round of an empty loop.
"""

from __future__ import annotations

import gc
import linecache
import random
import sys
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks.subjects import PlainNoOp
from benchmarks.verdict import Reading, slowness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from pytest_telemetry.model.clock import Clock

__all__ = ("YARDSTICK", "Operation", "Race", "machine_slowness")

_LOOP: Final = "empty loop"
_BLOCK_NS: Final = 400_000  # short enough that most rounds are not preempted, long enough for the clock
_MOST: Final = 1 << 15  # an empty loop of that many takes as long


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Operation:
    """Something to time.

    Attributes:
        name: What it is called in reports.
        body: One line of source.
        names: The globals of that source.
        inside: Makes what is to be open around the loop; entered and left outside the timed part.
        before: Called before each round, outside the timed part.
        iterations: How often a round runs the body; 0 for as often as fills a round of 0.4 ms.
    """

    name: str
    body: str
    names: dict[str, object] = field(default_factory=dict)
    inside: Callable[[], Iterable[AbstractContextManager[Any]]] = tuple
    before: Callable[[], object] = _nothing
    iterations: int = 0


YARDSTICK: Final = Operation("yardstick", "with tele('a.b'): pass", {"tele": PlainNoOp()})
"""The plain no-op class takes part in every race: its cost says how fast the machine is."""


class Race:
    """Times the operations of one test, ours first, together with the yardstick and an empty loop.

    Raises:
        ValueError: Two operations have one name.
    """

    def __init__(self, operations: Sequence[Operation], clock: Clock) -> None:
        names = [operation.name for operation in operations]
        if len({*names, _LOOP}) <= len(names):
            raise ValueError(f"each operation needs a name of its own: {names}")
        self._lanes = [_Lane(operation, clock) for operation in (*operations, Operation(_LOOP, "pass"))]
        self._yardstick = _Lane(YARDSTICK, clock)

    def warm_up(self) -> None:
        """Let the interpreter specialise every loop, and find out how long a round is."""
        gc.collect()
        for lane in (*self._lanes, self._yardstick):
            lane.calibrate()

    def run(self, rounds: int) -> Reading:
        """Time everything *rounds* times, in a new random order each time."""
        for _ in range(rounds):
            for lane in self._shuffled([*self._lanes, self._yardstick]):
                lane.round()
        return self._reading()

    def run_through(self, benchmark: Any, rounds: int) -> Reading:
        """Do the same, with pytest-benchmark timing our own operation; peers run before and after it."""
        ours, *peers = self._lanes
        after: list[_Lane] = []

        def setup() -> tuple[tuple[_Round], dict[str, object]]:
            order = self._shuffled([*peers, self._yardstick])
            cut = random.randint(0, len(order))
            after[:] = order[cut:]
            for lane in order[:cut]:
                lane.round()
            return (ours.open(),), {}

        def teardown(opened: _Round) -> None:
            ours.close(opened)
            for lane in after:
                lane.round()

        benchmark.pedantic(ours.timed, setup=setup, teardown=teardown, rounds=rounds)
        return self._reading()

    def _shuffled(self, lanes: list[_Lane]) -> list[_Lane]:
        return random.sample(lanes, len(lanes))

    def _reading(self) -> Reading:
        """Return the fastest rounds since the last reading, per operation and net of the loop."""
        fastest = {lane.name: lane.take_fastest() for lane in self._lanes}
        loop = fastest.pop(_LOOP)
        net = {name: ns - loop for name, ns in fastest.items()}
        return Reading(net, slowness(self._yardstick.take_fastest() - loop, sys.version_info[:2]))


def machine_slowness(clock: Clock, rounds: int = 100) -> float:
    """Return how many times slower than the reference machine this one is, at present."""
    race = Race((), clock)
    race.warm_up()
    return race.run(rounds).slowness or 1.0


@dataclass(slots=True)
class _Round:
    """A round about to run: its Context, and what is open in it."""

    context: Context
    opened: list[AbstractContextManager[Any]] = field(default_factory=list)


class _Lane:
    """One operation, compiled, with the fastest of its rounds."""

    def __init__(self, operation: Operation, clock: Clock) -> None:
        namespace = dict(operation.names)
        source = f"def loop(iterations):\n    for _ in iterations:\n        {operation.body}\n"
        file = f"<benchmark {operation.name}>"
        exec(compile(source, file, "exec"), namespace)
        # logfire reads the source of its caller, and is slower where it finds none
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        self.name = operation.name
        self._operation = operation
        self._loop: Any = namespace["loop"]
        self._now = clock.mono_ns
        self._iterations = range(operation.iterations or 1)
        self._fastest = float("inf")

    def calibrate(self) -> None:
        wanted = self._operation.iterations
        for _ in range(3):
            self.round()
            while not wanted and self._fastest < _BLOCK_NS / 2 and len(self._iterations) < _MOST:
                self._iterations = range(2 * len(self._iterations))
                self._fastest = float("inf")
                self.round()
        self._fastest = float("inf")

    def round(self) -> None:
        opened = self.open()
        self.timed(opened)
        self.close(opened)

    def open(self) -> _Round:
        self._operation.before()
        opened = _Round(Context())
        for manager in self._operation.inside():
            opened.context.run(manager.__enter__)
            opened.opened.append(manager)
        return opened

    def timed(self, opened: _Round) -> None:
        run, loop, iterations, now = opened.context.run, self._loop, self._iterations, self._now
        start = now()
        run(loop, iterations)
        self._fastest = min(self._fastest, now() - start)

    def close(self, opened: _Round) -> None:
        for manager in reversed(opened.opened):
            opened.context.run(manager.__exit__, None, None, None)

    def take_fastest(self) -> float:
        """Return the fastest round in ns per operation, and forget it."""
        fastest, self._fastest = self._fastest, float("inf")
        return fastest / len(self._iterations)
