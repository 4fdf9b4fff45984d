"""Counts what one operation does: exactly, and the same on every machine (layer 2).

Time says that something became slower, counters say what became more. They are compared between two versions of code
under one Python; another one counts otherwise.

- *bytecodes*: instructions of Python code that were executed, but for the ``RESUME`` that begins each function.
- *python calls*: how often Python code was entered, by a call or because a generator or coroutine went on.
- *c calls*: calls of builtin functions and methods that Python code made. Not seen: calls of classes, what C code calls
  (``map``, ``sorted``, ``functools.partial``), and what the interpreter calls by itself: operators, and entering a
  ``with`` whose manager is written in C.
- *clock reads*: those of the c calls that went to `CLOCK_READINGS`. A fake clock is none; and the clock that C code
  reads for itself (``datetime.now``, ``time.localtime``) is not seen.
- *records*: how often a sink was given a finished span, a measurement, an event or a record, or a two-method reporter
  a timing or a metric; with two of them, each counts. A sink that only adapts a reporter (it has a slot ``reporter``)
  does not count, what it tells the reporter does. A sink that hands on to others counts, and so do they. They are known
  by the methods of their class, from whatever copy of this package they are. Not seen: methods that are written in C,
  mocks, and what is set on an instance.
- *allocated bytes*: the most memory that was in use at once, beyond what was in use before. A list, a deque or a
  dictionary that grows takes memory for several entries ahead: what counts is what happens in between.
- *allocated objects*: for how many objects memory was allocated, of those that can hold others: instances, containers,
  functions, exceptions; not numbers and texts. Not seen: what the interpreter makes of memory that it had kept back
  (of ten dictionaries, lists, tuples that live one after another, the first counts), and, from Python 3.12 on, what
  was made by the same instruction that let others go.

A context variable that is set takes more or less memory depending on what else is set and where in memory that lies:
of code that sets one, the two memory counters may differ between two copies.

Calls and instructions are those of the thread that counts; memory is that of all threads. No counter moves where the
same instructions take longer: a name found in the dictionary of an instance and no longer in its slot, a dictionary
that became large, a lock that others hold. `pytest_telemetry.benchmark.instructions` sees some of that, time all.
"""

from __future__ import annotations

import gc
import inspect
import sys
import tracemalloc
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import get_ident
from types import FunctionType, MemberDescriptorType, MethodType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.benchmark.garbage import frozen
from pytest_telemetry.model.clock import CLOCK_READINGS
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from contextvars import Context
    from types import CodeType, FrameType

__all__ = ("COUNTERS", "Counts", "count", "count_once", "watching")

Run: TypeAlias = "Callable[[], object]"
Watched: TypeAlias = "Callable[[Run, Run], object]"  # starts looking, runs what is looked at, and stops
Look: TypeAlias = "Callable[[Watched], Mapping[str, int]]"
Around: TypeAlias = "Callable[[], AbstractContextManager[Context]]"

COUNTERS: Final = (
    *("bytecodes", "python calls", "c calls", "clock reads", "records"),
    *("allocated bytes", "allocated objects"),
)
"""The names of all counters."""

_SINK: Final = ("emit", "flush", "close", "statistics")
_TAKES_RECORDS: Final = ("emit", "span_ended", "point")
_REPORTER: Final = ("record_timing", "record_metric")
_TOOL: Final = 4
"""The id under which we monitor: one of the two that nobody reserved."""

_WARM_UP: Final = 20
_PATIENCE: Final = 5
_NEVER: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What one operation does.

    Attributes:
        values: By name, in the order of the list above; only what was the same each time.
        files: The ``co_filename`` of all Python code that ran.
    """

    values: Mapping[str, int]
    files: frozenset[str]


def count(operation: Run, *, times: int = 3, around: Around | None = None) -> Counts:
    """Count what one call of *operation* does.

    It is called some forty times, at first without counting, until the interpreter has found its shortcuts. Where it
    is a Python function or method, entering and leaving it is not counted: one that does nothing counts 0 of
    everything.

    Nothing stays behind, also where the operation raises, which ends the counting; but a peak that tracemalloc had
    seen is lost, and from Python 3.12 on the interpreter has to find its shortcuts again: time the code before.

    Code that fills caches should have filled them before. Garbage is not collected meanwhile.

    Args:
        operation: Does one operation.
        times: How often in a row a counter must be the same. One that is not, in several times as many repetitions,
            is left out.
        around: What each call needs around it; it runs in the context that this yields. Not counted.

    Raises:
        UnusableInput: Something else traces, profiles or monitors this process: it would be counted as well.
        ValueError: *times* is below 1.
    """
    if times < 1:
        raise ValueError(f"times must be 1 or more, not {times!r}")
    _refuse_company()
    files: set[str] = set()
    run = _watching(operation, around)
    values: dict[str, int] = {}
    looks: tuple[Look, ...] = (*_LOOKS, partial(_calls, files=files), _bytes)
    with _nothing_collected():
        for _ in range(_WARM_UP):
            run(_nothing, _nothing)
        for look in looks:
            values |= _net(look, run, times)
    files.discard(_nothing.__code__.co_filename)
    return Counts({name: values[name] for name in COUNTERS if name in values}, frozenset(files))


def count_once(operation: Run, *, around: Around | None = None) -> Counts:
    """Count the calls, clock reads and records of one single call of *operation*, for one that takes long.

    What is *around* it is that of `count`. Whether they would be the same each time is not known.

    Raises:
        UnusableInput: As for `count`.
    """
    _refuse_company()
    files: set[str] = set()
    found, ours = _calls(_watching(operation, around), files), _calls(_watching(_nothing), set())
    files.discard(_nothing.__code__.co_filename)
    return Counts({name: value - ours[name] for name, value in found.items()}, frozenset(files))


def _net(look: Look, run: Watched, times: int) -> dict[str, int]:
    """Return what *look* finds in *run* beyond what it finds in an empty function."""
    ours, found = _steady(look, _watching(_nothing), times), _steady(look, run, times)
    return {name: found[name] - ours[name] for name in found if name in ours}


def _steady(look: Look, run: Watched, times: int) -> dict[str, int]:
    """Return what *look* finds the same *times* times in a row; wait for that, but not for ever.

    Other threads, and lists that grow, disturb some repetition now and then.
    """
    found: dict[str, int] = {}
    latest: deque[Mapping[str, int]] = deque(maxlen=times)
    look(run)
    for _ in range(_PATIENCE * times):
        latest.append(look(run))
        if len(latest) == times:
            for name, value in latest[0].items():
                if name not in found and all(other[name] == value for other in latest):
                    found[name] = value
            if len(found) == len(latest[0]):
                break
    return found


def _nothing() -> None:  # pragma: no cover - runs untraced
    pass


def _is_function(operation: object) -> bool:
    function = operation.__func__ if isinstance(operation, MethodType) else operation
    return isinstance(function, FunctionType)


def watching() -> list[str]:
    """Return what traces, profiles or monitors this process: timings and counts would be of that as well."""
    others = []
    if sys.gettrace() is not None:
        others.append("a trace function (coverage, a debugger)")
    if sys.getprofile() is not None:
        others.append("a profile function")
    monitoring: Any = getattr(sys, "monitoring", None)
    tools = [] if monitoring is None else [monitoring.get_tool(tool) for tool in range(6)]
    return others + [f"the monitoring tool {name!r}" for name in tools if name is not None]


def _refuse_company() -> None:
    """Raise where something else looks at what this process does."""
    others = watching()
    if others:
        raise UnusableInput(
            f"one operation cannot be counted while {' and '.join(others)} is active in this process: "
            f"run it without (pytest-cov: --no-cov)"
        )


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep the garbage collector from running, and make the collections that we ask for cheap.

    Nobody is told of those: what a callback is told stands in a dictionary, which the next one would be made of.
    """
    was_enabled, callbacks = gc.isenabled(), list(gc.callbacks)
    gc.disable()
    gc.callbacks.clear()
    try:
        with frozen():
            yield
    finally:
        gc.callbacks[:] = callbacks
        if was_enabled:
            gc.enable()


def _watching(operation: Run, around: Around | None = None) -> Watched:
    """Return what calls *operation*, in what is *around* it, and has only that looked at."""
    run = operation if _is_function(operation) else lambda: operation()  # noqa: PLW0108 - a frame to deduct
    if around is None:
        return partial(_watched, run)

    def watched(start: Run, stop: Run) -> None:
        with around() as context:
            context.run(_watched, run, start, stop)

    return watched


def _watched(
    run: Run, start: Callable[[], object], stop: Callable[[], object]
) -> None:  # pragma: no cover - nothing else may trace here
    start()
    try:
        run()
    finally:
        stop()


# What Python code does


def _calls(run: Watched, files: set[str]) -> Mapping[str, int]:
    """Count calls, and keep the files of the code that ran."""
    entered: list[tuple[CodeType, type]] = []
    called = clock = 0

    def happened(frame: FrameType, event: str, arg: Any) -> None:  # pragma: no cover - runs untraced
        nonlocal called, clock
        if event == "call":
            entered.append((frame.f_code, _kind_of_first_argument(frame)))
        elif event == "c_call":
            called += 1
            clock += arg in CLOCK_READINGS

    run(partial(sys.setprofile, happened), partial(sys.setprofile, None))
    files |= {code.co_filename for code, _ in entered}
    receivers = {kind: _receivers(kind) for _, kind in entered}
    return {
        "python calls": len(entered),
        "c calls": called,
        "clock reads": clock,
        "records": sum(id(code) in receivers[kind] for code, kind in entered),
    }


def _kind_of_first_argument(frame: FrameType) -> type:  # pragma: no cover - runs untraced
    """Return the class of what a call that just began was given first; NoneType where it was given nothing."""
    code, first = frame.f_code, None
    if code.co_argcount:
        first = frame.f_locals.get(code.co_varnames[0])
    elif code.co_flags & inspect.CO_VARARGS:
        first = next(iter(frame.f_locals[code.co_varnames[code.co_kwonlyargcount]]), None)
    return type(first)


def _receivers(kind: type) -> frozenset[int]:
    """Return the ids of the code by which objects of a class are given records, if it is a sink or a reporter."""
    names: tuple[str, ...] = ()
    if _has(kind, _SINK):
        adapts = isinstance(inspect.getattr_static(kind, "reporter", None), MemberDescriptorType)
        names = () if adapts else _TAKES_RECORDS
    elif _has(kind, _REPORTER):
        names = _REPORTER
    methods = [inspect.getattr_static(kind, name, None) for name in names]
    return frozenset(id(method.__code__) for method in methods if isinstance(method, FunctionType))


def _has(kind: type, methods: tuple[str, ...]) -> bool:
    return all(callable(inspect.getattr_static(kind, name, None)) for name in methods)


# Memory


@contextmanager
def _memory_traced() -> Iterator[None]:
    """Have tracemalloc on."""
    was_on = tracemalloc.is_tracing()
    if not was_on:
        tracemalloc.start()
    try:
        yield
    finally:
        if not was_on:
            tracemalloc.stop()


def _bytes(run: Watched) -> Mapping[str, int]:
    before = peak = 0

    def start() -> None:  # pragma: no cover - runs untraced
        nonlocal before
        gc.collect()  # it also empties the lists of free objects, out of which nothing would be allocated
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()  # what the reading itself took and gave back must not hide a part of the peak

    def stop() -> None:  # pragma: no cover - runs untraced
        nonlocal peak
        peak = tracemalloc.get_traced_memory()[1]

    with _memory_traced():
        run(start, stop)
    return {"allocated bytes": peak - before}


# What differs between versions of Python


if sys.version_info >= (3, 12):  # pragma: no cover - each version runs its own

    def _bytecodes(run: Watched) -> Mapping[str, int]:
        """Count instructions, and after each of them what the garbage collector has to look after."""
        monitoring, ours, look_after = sys.monitoring, get_ident(), gc.get_count
        event = monitoring.events.INSTRUCTION
        bytecodes = objects = held = 0

        def executed(code: CodeType, offset: int) -> None:  # noqa: ARG001 - what the interpreter passes
            nonlocal bytecodes, objects, held
            if get_ident() == ours:
                bytecodes += 1
                now = look_after()[0]
                objects += max(0, now - held)
                held = now

        def start() -> None:
            nonlocal held
            gc.collect()
            monitoring.use_tool_id(_TOOL, "pytest-telemetry")
            monitoring.register_callback(_TOOL, event, executed)
            held = look_after()[0]
            monitoring.set_events(_TOOL, event)

        def stop() -> None:
            monitoring.set_events(_TOOL, 0)
            monitoring.register_callback(_TOOL, event, None)
            monitoring.free_tool_id(_TOOL)

        run(start, stop)
        return {"bytecodes": bytecodes, "allocated objects": objects}

    _LOOKS: tuple[Look, ...] = (_bytecodes,)

else:  # pragma: no cover - likewise

    def _bytecodes(run: Watched) -> Mapping[str, int]:
        bytecodes = 0

        def entered(frame: FrameType, event: str, arg: object) -> Any:  # noqa: ARG001  # pragma: no cover
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            return executed

        def executed(frame: FrameType, event: str, arg: object) -> Any:  # noqa: ARG001  # pragma: no cover
            nonlocal bytecodes
            bytecodes += event == "opcode"
            return executed

        run(partial(sys.settrace, entered), partial(sys.settrace, None))
        return {"bytecodes": bytecodes}

    def _objects(run: Watched) -> Mapping[str, int]:
        """Count objects by having each of them trigger a collection."""
        objects = 0

        def collecting(phase: str, info: Mapping[str, int]) -> None:  # noqa: ARG001  # pragma: no cover
            nonlocal objects
            objects += phase == "start"

        thresholds = gc.get_threshold()

        def start() -> None:
            gc.collect()
            gc.callbacks.append(collecting)
            gc.set_threshold(-1, _NEVER, _NEVER)
            gc.enable()

        def stop() -> None:
            gc.disable()
            gc.callbacks.clear()
            gc.set_threshold(*thresholds)

        run(start, stop)
        return {"allocated objects": objects}

    _LOOKS: tuple[Look, ...] = (_objects, _bytecodes)
