"""Says which clock reads a patch cannot see, from the code of what it walked over (layer 5)."""

from __future__ import annotations

import dis
from datetime import date
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.testing.clock_standins import DATETIME_READS, TIME_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ("KERNEL_READS", "blind_spots", "foreign_reads")

KERNEL_READS: Final = ("clock_gettime", "clock_gettime_ns")
"""Functions of ``time`` that read a clock of the kernel by its number; they have no stand-in."""

_READS: Final = frozenset(
    {*TIME_FUNCTIONS, *DATETIME_READS, *KERNEL_READS} - {"strftime", "asctime", "gmtime"}
)


def blind_spots(found: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """Yield which functions and classes of the packages read a clock past the patch, and how."""
    for label, value in found:
        if isinstance(value, FunctionType):
            for reason in dict.fromkeys(_reasons(value.__code__)):
                yield f"{label} ({reason})"
        elif issubclass(value, date):
            yield f"{label} (inherits now() and today() from {value.__mro__[1].__qualname__})"


def foreign_reads(found: Iterable[tuple[str, Any]], is_clock: Callable[[object], bool]) -> Iterator[str]:
    """Yield which names of the packages stand for functions and classes of others that read a clock."""
    for label, value in found:
        functions = [value] if isinstance(value, FunctionType) else _methods(value)
        reads = next((read for function in functions for read in _clocks_of(function, is_clock)), None)
        if reads:
            yield f"{label} ({value.__module__}.{value.__qualname__} reads {reads}, outside the patched packages)"


def _reasons(code: CodeType) -> Iterator[str]:
    for name in KERNEL_READS:
        if name in code.co_names:
            yield f"calls {name}, which reads the clock of the kernel"
    if {"time", "datetime"} & set(code.co_names):
        for step in dis.get_instructions(code):
            if step.opname == "IMPORT_NAME" and step.argval in ("time", "datetime"):
                yield f"imports {step.argval} each time it is called"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _reasons(constant)


def _methods(owner: type) -> Iterator[FunctionType]:
    for raw in list(vars(owner).values()):
        function = getattr(raw, "__func__", raw)
        if isinstance(function, FunctionType):
            yield function


def _clocks_of(function: FunctionType, is_clock: Callable[[object], bool]) -> Iterator[str]:
    """Yield the clocks that the code of *function* names: ``time.monotonic``, or ``now`` of a from-import."""
    names = function.__code__.co_names
    for name in names:
        value = function.__globals__.get(name)
        if not is_clock(value):
            continue
        if not isinstance(value, (type, ModuleType)):
            yield name
            continue
        # `time.time` leaves the name once in the code, so it is what is meant where nothing else can be
        asked = [
            other for other in names if other != name and (hasattr(value, other) or other in DATETIME_READS)
        ]
        yield from (f"{name}.{read}" for read in asked or [name] if read in _READS)
