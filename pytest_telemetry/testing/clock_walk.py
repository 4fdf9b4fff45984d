"""Finds every place in some modules that holds a clock, and puts something else there (layer 5)."""

from __future__ import annotations

import sys
from collections import deque
from functools import partial
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ("Walk",)

_SKIPPED: Final = frozenset(
    {"__builtins__", "__loader__", "__spec__", "__annotations__", "__dict__", "__weakref__"}
)
_REBUILT: Final = (tuple, partial)
_PLAIN: Final = frozenset({int, float, str, bytes, bool, complex, type(None)})


class Walk:
    """One walk over the modules of a patch.

    It goes from a module to what its names are bound to, and on into functions (defaults, closures, what they
    wrap), classes, instances, dicts, lists and tuples, as long as these belong to the packages. It reads
    ``__dict__`` and slots only, so nothing lazy wakes up.

    Args:
        owned: Whether a module of that name belongs to the packages.
        stand_in: What to put in the place of a value; None to leave it.
        blind: Why a value cannot be replaced although it reads a clock; None where there is nothing to say.

    Attributes:
        patched: The places that were changed, as ``module:name``.
        unreached: The places that hold a clock and could not be changed, with the reason.
        functions: The functions and classes of the packages that were found, with their places.
        foreign: Those of others that the packages have names for, likewise.
    """

    def __init__(
        self,
        owned: Callable[[object], bool],
        stand_in: Callable[[object], Any],
        blind: Callable[[object], str | None],
    ) -> None:
        self.patched: list[str] = []
        self.unreached: list[str] = []
        self.functions: list[tuple[str, Any]] = []
        self.foreign: list[tuple[str, Any]] = []
        self._owned = owned
        self._stand_in = stand_in
        self._blind = blind
        self._undo: list[Callable[[], object]] = []
        self._todo: deque[tuple[str, Any]] = deque()
        self._seen: dict[int, object] = {}  # the objects themselves keep their ids from being used again
        self._elsewhere: dict[int, str] | None = None

    def over(self, name: str, module: ModuleType) -> None:
        """Change all that can be reached from *module*."""
        names = vars(module)
        self._seen[id(names)] = names
        self._items(names, lambda key: f"{name}:{key}")
        while self._todo:
            self._look_inside(*self._todo.popleft())

    def undo(self) -> None:
        """Put everything back, the last change first."""
        while self._undo:
            self._undo.pop()()

    def _place(self, label: str, value: object, put: Callable[[Any], object]) -> None:
        """Change one place if it holds a clock; otherwise what it holds is looked at later."""
        if type(value) in _PLAIN:
            return
        new = self._stand_in(value)
        if new is not None:
            self._put(label, value, new, put)
        elif reason := self._blind(value):
            self.unreached.append(f"{label} ({reason})")
        if new is None or type(value) in _REBUILT:
            self._todo.append((label, value))

    def _put(self, label: str, old: object, new: object, put: Callable[[Any], object]) -> None:
        try:
            put(new)
        except (AttributeError, TypeError) as error:  # made in C, and read-only
            self.unreached.append(f"{label} ({error})")
        else:
            self._undo.append(partial(put, old))
            self.patched.append(label)

    def _items(self, items: dict[Any, Any], label: Callable[[object], str]) -> None:
        for key, value in list(items.items()):
            if not (isinstance(key, str) and key in _SKIPPED):
                self._place(label(key), value, partial(dict.__setitem__, items, key))

    def _look_inside(self, label: str, value: Any) -> None:
        kind = type(value)
        if kind in _PLAIN or id(value) in self._seen or issubclass(kind, ModuleType):
            return
        self._seen[id(value)] = value
        if kind is FunctionType or issubclass(kind, type):
            if not self._owned(value.__module__):
                self.foreign.append((label, value))
                return
            self.functions.append((label, value))
            (self._function if kind is FunctionType else self._class)(label, value)
            return
        for part in _parts(kind, value):
            if kind not in _REBUILT and self._is_clock(part):
                self.unreached.append(f"{label} (inside a {kind.__name__}, which cannot be changed)")
            self._todo.append((label, part))
        if issubclass(kind, (dict, list)):
            self._container(label, value)
        if self._owned(kind.__module__):
            self._instance(label, value)
        else:
            self._foreign_instance(label, value)

    def _function(self, label: str, function: FunctionType) -> None:
        self._defaults(label, function)
        self._items(function.__kwdefaults__ or {}, lambda name: f"{label}({name}=)")
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            for content in _content(cell):
                self._place(f"{label}.<{name}>", content, partial(setattr, cell, "cell_contents"))
        self._items(vars(function), lambda name: f"{label}.{name}")
        names = function.__globals__
        # methods that a library generated have names of their own in the place of a module's
        module = sys.modules.get(str(names.get("__name__")))
        if id(names) not in self._seen and names is not getattr(module, "__dict__", None):
            self._seen[id(names)] = names
            self._items(names, lambda name: f"{label}.<{name}>")

    def _defaults(self, label: str, function: FunctionType) -> None:
        old = function.__defaults__
        if not old:
            return
        new = list(old)
        named = function.__code__.co_varnames[: function.__code__.co_argcount][-len(old) :]
        before = len(self.patched)
        for index, (name, value) in enumerate(zip(named, old, strict=True)):
            self._place(f"{label}({name}=)", value, partial(new.__setitem__, index))
        if len(self.patched) > before:
            function.__defaults__ = tuple(new)
            self._undo.append(partial(setattr, function, "__defaults__", old))

    def _class(self, label: str, owner: type) -> None:
        for name, raw in list(vars(owner).items()):
            if name in _SKIPPED:
                continue
            put: Callable[[Any], object] = partial(type.__setattr__, owner, name)
            if type(raw) is staticmethod and (new := self._stand_in(raw.__func__)) is not None:
                self._put(f"{label}.{name}", raw, staticmethod(new), put)
            else:
                self._place(f"{label}.{name}", raw, put)

    def _container(self, label: str, container: Any) -> None:
        keyed = isinstance(container, dict)
        entries = list(container.items() if keyed else enumerate(container))
        put = dict.__setitem__ if keyed else list.__setitem__
        for key, value in entries:
            if type(value) in _PLAIN:
                continue
            place = f"{label}[{key!r}]"
            if self._stand_in(value) is None:
                self._todo.append((place, value))
            elif owner := self._owner_elsewhere(container):
                self.unreached.append(f"{place} (shared with {owner}, which is outside the patched packages)")
            else:
                self._place(place, value, partial(put, container, key))

    def _instance(self, label: str, instance: object) -> None:
        self._items(_attributes(instance), lambda name: f"{label}.{name}")
        for name, member in _slots(type(instance)):
            for value in _content_of_slot(member, instance):
                self._place(f"{label}.{name}", value, partial(member.__set__, instance))

    def _foreign_instance(self, label: str, instance: object) -> None:
        """Take our functions out of what a library wrapped around them, and report clocks it was given."""
        for name, value in list(_attributes(instance).items()):
            if type(value) is FunctionType and self._owned(value.__module__):
                self._todo.append((f"{label}.{name}", value))
            if self._is_clock(value):
                kind = type(instance)
                self.unreached.append(f"{label}.{name} (kept by a {kind.__module__}.{kind.__qualname__})")

    def _is_clock(self, value: object) -> bool:
        """Return whether *value* is or holds one, and not only types, as typing objects keep many of."""
        if type(value) is tuple:
            return any(map(self._is_clock, value))
        return self._stand_in(value) is not None and not issubclass(type(value), type)

    def _owner_elsewhere(self, container: object) -> str | None:
        """Return which name of another module stands for the same dict or list, if one does."""
        if self._elsewhere is None:
            self._elsewhere = {}
            for module_name, module in list(sys.modules.items()):
                if issubclass(type(module), ModuleType) and not self._owned(module_name):
                    self._elsewhere[id(vars(module))] = f"module {module_name}"
                    self._elsewhere |= {
                        id(value): f"{module_name}.{name}"
                        for name, value in list(vars(module).items())
                        if issubclass(type(value), (dict, list))
                    }
        return self._elsewhere.get(id(container))


def _parts(kind: type, value: Any) -> Iterator[Any]:
    """Yield what a value consists of that cannot be replaced in it, but may hold places itself."""
    if kind in (staticmethod, classmethod):
        yield value.__func__
    elif kind is property:
        yield from (value.fget, value.fset, value.fdel)
    elif kind is MethodType:
        yield from (value.__func__, value.__self__)
    elif kind is partial:
        yield from (value.func, *value.args, *value.keywords.values())
    elif issubclass(kind, (tuple, set, frozenset)):
        yield from value


def _attributes(instance: object) -> dict[str, Any]:
    try:
        found = object.__getattribute__(instance, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def _slots(kind: type) -> Iterator[tuple[str, MemberDescriptorType]]:
    for owner in kind.__mro__:
        for name, member in vars(owner).items():
            if type(member) is MemberDescriptorType:
                yield name, member


def _content_of_slot(member: MemberDescriptorType, instance: object) -> Iterator[object]:
    try:
        yield member.__get__(instance)
    except AttributeError:
        return


def _content(cell: Any) -> Iterator[object]:
    try:
        yield cell.cell_contents
    except ValueError:  # not assigned yet
        return
