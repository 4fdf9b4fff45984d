"""Something to time, and the loop it is compiled into (layer 2).

Work is a line of source, or a call. It is compiled into a loop of its own, so that it has its own inline caches, finds
its names as module globals, and has source that can be read, as user code does. The loop runs the work ten times per
turn, so that the loop itself does not dilute what is looked for.
"""

from __future__ import annotations

import gc
import linecache
import math
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final, Self
from unicodedata import is_normalized

from pytest_telemetry.benchmark.garbage import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from contextvars import Context

    from pytest_telemetry.model.clock import Clock

__all__ = ("EMPTY", "YARDSTICK", "Lane", "Operation", "PlainNoOp", "settled")

BLOCK_NS: Final = 350_000
"""How long a block is: so short that most are not preempted, so long that reading the clock does not count."""

_TURN: Final = 10
_LONG_NS: Final = 20_000_000
_MOST: Final = 1 << 18  # of an empty loop, which would otherwise never fill a block


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Operation:
    """Something to time.

    Attributes:
        name: What it is called in reports.
        body: One line of source.
        names: The globals of that source.
        inside: Makes what is to be open around a block; entered and left outside the timed part.
        before: Called before each block, outside the timed part.
        number: How often a block runs the body; 0 for as often as fills a block of 0.35 ms.
        around: Entered around all of that: the world in which this is at home.

    Raises:
        ValueError: *number* is below 0.
    """

    name: str
    body: str
    names: Mapping[str, object] = field(default_factory=dict)
    inside: Callable[[], Iterable[AbstractContextManager[Any]]] = tuple
    before: Callable[[], object] = _nothing
    number: int = 0
    around: Callable[[], AbstractContextManager[Any]] = nullcontext

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError(f"{self.name}: a block runs the operation 1 time or more, not {self.number}")

    @classmethod
    def calling(
        cls,
        name: str,
        function: Callable[..., object],
        arguments: Sequence[object] = (),
        keywords: Mapping[str, object] | None = None,
        **options: Any,
    ) -> Self:
        """Return the operation that calls *function*; *options* are the other attributes."""
        names: dict[str, object] = {"call": function}
        parts = []
        for number, value in enumerate(arguments):
            names[f"argument_{number}"] = value
            parts.append(f"argument_{number}")
        for number, (key, value) in enumerate((keywords or {}).items()):
            names[f"keyword_{number}"] = value
            plain = key.isidentifier() and is_normalized("NFKC", key) and not iskeyword(key)
            parts.append(f"{key}=keyword_{number}" if plain else f"**{{{key!r}: keyword_{number}}}")
        return cls(name, f"call({', '.join(parts)})", names, **options)


class PlainNoOp:
    """The no-op scope that everybody writes first: a callable object that is its own context manager."""

    def __call__(self, name: str, **attrs: object) -> Self:  # noqa: ARG002 - takes what a real one takes
        """Return this, whatever the name and the attributes."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        pass


YARDSTICK: Final = Operation("yardstick", "with tele('a.b'): pass", {"tele": PlainNoOp()})
"""What is timed beside everything else, to know how fast the machine is and whether the instrument works."""

EMPTY: Final = Operation("empty loop", "pass")
"""What the loop itself costs."""


class Lane:
    """One operation, compiled, and the number of times that a block runs it.

    Attributes:
        name: That of the operation.
        once: Runs it once, where the caller has opened what it needs.
        number: How often a block runs it.
        best_ns: The fastest block so far.
        operation_ns: About how long one operation takes, the loop included; known once it is settled.
        around_ns: About how long what stands around a block takes, worlds and set-up; likewise.
        warms_up: Whether a whole block is run, untimed, before each that is timed.

    Raises:
        SyntaxError: The body is not a line of Python, or one of those that only a function may have, like ``return``.
    """

    def __init__(self, operation: Operation, clock: Clock) -> None:
        namespace: dict[str, Any] = dict(operation.names)
        turn = f"        {operation.body}\n"
        source = (
            f"def once():\n{turn}"
            "def loop(benchmark_turns, benchmark_rest):\n"
            f"    for benchmark_turn in benchmark_turns:\n{turn * _TURN}"
            f"    for benchmark_turn in benchmark_rest:\n{turn}"
        )
        file = f"<benchmark {operation.name}>"
        # Alone, to be refused: inside of our function a return would end the loop, and a yield would keep it from running.
        compile(operation.body.lstrip(), file, "exec")
        exec(compile(source, file, "exec"), namespace)  # noqa: S102 - the source is that of the benchmark
        once, loop = namespace.pop("once"), namespace.pop("loop")
        namespace.update(operation.names)  # which may hold a loop of its own
        # Some libraries read the source of their caller, and are slower where they find none.
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        self.name = operation.name
        self.once: Callable[[], object] = once
        self.number = operation.number or 1
        self.best_ns = float("inf")
        self.operation_ns = float("inf")
        self.around_ns = 0.0
        self.warms_up = False
        self._operation = operation
        self._loop: Any = loop
        self._now = clock.mono_ns

    @property
    def has_own_number(self) -> bool:
        """Whether the operation says how often a block runs it."""
        return self._operation.number > 0

    @contextmanager
    def opened(self) -> Iterator[Context]:
        """Yield a context in which everything is open that the operation asks for, in its own world.

        It is a copy of the caller's, made anew for each block: setting a variable to the value it already has would
        be cheaper than any real use.
        """
        with self._operation.around(), self._round() as context:
            yield context

    @contextmanager
    def _round(self) -> Iterator[Context]:
        self._operation.before()
        context = copy_context()
        with ExitStack() as opened:
            for manager in self._operation.inside():
                context.run(manager.__enter__)
                opened.callback(context.run, manager.__exit__, None, None, None)
            yield context

    def block(self, number: int = 0) -> int:
        """Run the operation *number* times, by default as often as was settled; return the ns that took.

        A few operations run before, untimed, to find the processor's caches as those of a longer block would be.
        """
        turns, rest = divmod(number or self.number, _TURN)
        arguments = (range(turns), range(rest))
        with self._operation.around():
            if self.warms_up:
                with self._round() as context:
                    context.run(self._loop, *arguments)
            with self._round() as context:
                run, loop, now = context.run, self._loop, self._now
                if not self._operation.number:
                    run(loop, range(turns // _TURN), range(1))
                start = now()
                run(loop, *arguments)
                duration = now() - start
        if not number:
            self.best_ns = min(self.best_ns, duration)
        return duration

    def settle(self) -> int:
        """Let the interpreter specialise the loop and find out how often fills a block; return the number."""
        if self._operation.number:
            duration = self._fastest(3)
            self.warms_up = duration < BLOCK_NS / 5
        else:
            self.number = 1
            while (duration := self._fastest(3)) < BLOCK_NS / 3 and self.number < _MOST:
                self.number *= 2
        self.operation_ns = duration / self.number
        if not self._operation.number:
            self.number = max(1, min(round(BLOCK_NS / self.operation_ns), _MOST))
        self.best_ns = float("inf")
        return self.number

    def _fastest(self, blocks: int) -> int:
        """Return the fastest of that many blocks in ns, or of fewer where they are long."""
        fastest = math.inf
        for _ in range(blocks):
            began = self._now()
            duration = self.block(self.number)
            self.around_ns = self._now() - began - duration
            fastest = min(fastest, duration)
            if duration + self.around_ns > _LONG_NS:
                break
        return max(1, int(fastest))

    @property
    def block_ns(self) -> float:
        """About how long a block takes, with all that stands around it."""
        return (self.around_ns + self.number * self.operation_ns) * (1 + self.warms_up)

    def take_best(self) -> float:
        """Return the fastest block in ns per operation, and forget it."""
        best, self.best_ns = self.best_ns, float("inf")
        return best / self.number


@contextmanager
def settled() -> Iterator[None]:
    """Keep what the process already holds out of garbage collections, which stay on.

    A collection in the middle of a block costs what its own objects cost, not what the rest of the process does.
    Inside, collect before each block: then collections fall alike into all of them. Those of older objects, which come
    after so many allocations, might otherwise always hit the same side of a pair.
    """
    gc.collect()
    with frozen():
        yield
