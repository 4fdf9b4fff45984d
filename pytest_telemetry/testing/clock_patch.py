"""Puts a fake clock under the code of named packages, and of nothing else (layer 5)."""

from __future__ import annotations

import datetime as dt
import sys
import time
from functools import partial
from importlib.machinery import ExtensionFileLoader
from types import BuiltinMethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final, Self

from pytest_telemetry.model.errors import ClockError
from pytest_telemetry.testing.clock_standins import (
    DATETIME_READS,
    TIME_FUNCTIONS,
    ModuleStandIn,
    TimeStandIns,
    original_of,
    value_stand_ins,
)
from pytest_telemetry.testing.clock_unreached import KERNEL_READS, blind_spots, foreign_reads
from pytest_telemetry.testing.clock_walk import Walk

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_telemetry.testing.fake_clock import FakeClock

__all__ = ("ClockPatch",)

_REAL_TIME_ONLY: Final = frozenset(
    {
        *("asyncio", "concurrent", "multiprocessing", "queue", "select", "selectors", "socket", "subprocess"),
        *(
            "threading",
            "time",
            "datetime",
            "builtins",
            "sys",
            "_pytest",
            "pytest",
            "pluggy",
            "xdist",
            "execnet",
        ),
        "pytest_telemetry",
    }
)


class ClockPatch:
    """Rebinds the clocks of named packages for the length of a ``with`` block; see `FakeClock.patch`.

    What the modules of the packages hold of ``time`` and ``datetime`` becomes a stand-in that reads the fake
    clock: module attributes and from-imports, attributes of classes and of instances, defaults, closures,
    wrapped functions, values of dicts, lists and tuples. No other module sees a difference, and on leaving,
    also by an exception, every place holds the object that it held before. In nested patches the inner one
    wins; they are left in reverse order.

    Raises:
        TypeError: No package was named, or by something other than its name.
        ValueError: Packages that the run of the tests itself depends on are never patched.
        ClockError: On entering: a package is not imported, freezegun or time-machine is active, or this very
            patch is.

    Attributes:
        patched: The places that were changed, as ``"module:name"``.
    """

    def __init__(self, clock: FakeClock, packages: tuple[str, ...], *, sleep: bool, datetimes: bool) -> None:
        if not packages or not all(name and type(name) is str for name in packages):
            raise TypeError(
                f"patch() takes the names of packages, for example patch('myapp'), got {packages!r}"
            )
        refused = sorted(name for name in packages if name.partition(".")[0] in _REAL_TIME_ONLY)
        if refused:
            raise ValueError(
                f"patch(): {', '.join(refused)} must keep real time, or the tests would hang; patch the code "
                f"that uses it, or hand the clock over as an argument"
            )
        self.patched: list[str] = []
        self._clock = clock
        self._packages = packages
        self._functions = [name for name in TIME_FUNCTIONS if sleep or name != "sleep"]
        self._datetimes = datetimes
        self._stand_ins: dict[int, object] = {}
        self._walk: Walk | None = None
        self._walked: set[str] = set()
        self._source: TimeStandIns | None = None

    def __repr__(self) -> str:
        return f"<ClockPatch of {', '.join(self._packages)}: {len(self.patched)} places>"

    def __enter__(self) -> Self:
        if self._source is not None:
            raise ClockError(f"{self!r} is active already; make a second one with clock.patch(...)")
        _require_no_other_fake()
        modules = self._modules()
        self._source = TimeStandIns(self._clock, time)
        self._prepare(self._source)
        walk = self._walk = Walk(self._owns, self._stand_in, _blind)
        self.patched = walk.patched
        self._walked = set(modules)
        try:
            for name, module in modules.items():
                if _is_extension(module):
                    walk.unreached.append(f"{name} (made in C: its clock reads cannot be seen)")
                else:
                    walk.over(name, module)
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    @property
    def unreached(self) -> list[str]:
        """What reads a clock in these packages and still gets real time, as ``"module:name (reason)"``.

        It lists what can be known without running the code, so an empty list is a good sign and no proof: a
        clock in a local variable of a function that is running, or in an object that only another package
        holds, is not seen. It may be asked for during the patch and afterwards.
        """
        if self._walk is None:
            return []
        late = [
            f"{name} (imported after the patch began)"
            for name in self._imported()
            if name not in self._walked
        ]
        return [
            *self._walk.unreached,
            *blind_spots(self._walk.functions),
            *foreign_reads(self._walk.foreign, lambda value: id(original_of(value)) in self._stand_ins),
            *late,
        ]

    def _leave(self) -> None:
        if self._walk is not None:
            self._walk.undo()
        if self._source is not None:
            self._source.release()
            self._source = None

    def _prepare(self, source: TimeStandIns) -> None:
        """Decide what stands for what."""
        functions = {name: getattr(source, name) for name in self._functions}
        self._stand_ins = {id(getattr(time, name)): stand_in for name, stand_in in functions.items()}
        self._stand_ins[id(time)] = ModuleStandIn(time, functions)
        if self._datetimes:
            values = value_stand_ins(source)
            self._stand_ins |= {id(getattr(dt, name)): stand_in for name, stand_in in values.items()}
            self._stand_ins[id(dt)] = ModuleStandIn(dt, values)

    def _stand_in(self, value: Any) -> Any:
        """Return what to put in the place of *value*, or None."""
        original: Any = original_of(value)
        kind = type(original)
        if kind is tuple:
            return self._rebuilt(original)
        if kind is partial:
            return self._rebuilt_partial(original)
        if kind is BuiltinMethodType and original.__name__ in DATETIME_READS:
            owner = self._stand_ins.get(id(original.__self__))
            return None if owner is None else getattr(owner, original.__name__)
        return self._stand_ins.get(id(original))

    def _rebuilt(self, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        new = [self._stand_in(value) for value in values]
        if all(value is None for value in new):
            return None
        return tuple(old if value is None else value for old, value in zip(values, new, strict=True))

    def _rebuilt_partial(self, call: partial[Any]) -> partial[Any] | None:
        parts = self._rebuilt((call.func, *call.args, *call.keywords.values()))
        if parts is None:
            return None
        split = 1 + len(call.args)
        return partial(parts[0], *parts[1:split], **dict(zip(call.keywords, parts[split:], strict=True)))

    def _owns(self, module: object) -> bool:
        return isinstance(module, str) and any(
            module == package or module.startswith(f"{package}.") for package in self._packages
        )

    def _imported(self) -> dict[str, ModuleType]:
        found = {name: module for name, module in list(sys.modules.items()) if self._owns(name)}
        return {name: module for name, module in found.items() if issubclass(type(module), ModuleType)}

    def _modules(self) -> dict[str, ModuleType]:
        modules = self._imported()
        for package in self._packages:
            if not any(name == package or name.startswith(f"{package}.") for name in modules):
                raise ClockError(
                    f"patch({package!r}): no module of that name is imported; import it before the patch begins"
                )
        return modules


def _blind(value: object) -> str | None:
    if any(value is getattr(time, name, None) for name in KERNEL_READS):
        return "reads the clock of the kernel by its number"
    return None


def _is_extension(module: ModuleType) -> bool:
    return isinstance(getattr(module.__spec__, "loader", None), ExtensionFileLoader)


def _require_no_other_fake() -> None:
    """Raise ClockError where something else fakes time already: two fakes would take each other for real."""
    freezegun, time_machine = sys.modules.get("freezegun.api"), sys.modules.get("time_machine")
    active = [
        *(["freezegun"] if getattr(freezegun, "freeze_factories", ()) else []),
        *(["time-machine"] if _travels(time_machine) else []),
    ]
    replaced = [name for name in TIME_FUNCTIONS if type(getattr(time, name)) is not BuiltinMethodType]
    if active or replaced:
        what = (
            f"{active[0]} is active"
            if active
            else f"time.{replaced[0]} was replaced by {getattr(time, replaced[0])!r}"
        )
        raise ClockError(
            f"clock.patch(): {what}; use one of the two, and start this one outside of the other"
        )


def _travels(time_machine: ModuleType | None) -> bool:
    return any(getattr(time_machine, stack, ()) for stack in ("traveller_stack", "coordinates_stack"))
