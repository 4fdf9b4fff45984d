"""Changes texts wherever they stand: nested, as keys, in bytes, in what objects say of themselves (layer 0)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.model.plain import text_of

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("TEXT_FIELDS", "Change", "Cover", "look_inside", "rewritten", "rewritten_record")

TEXT_FIELDS: Final = ("name", "scope", "error", "run_id", "thread", "value")
"""Fields of a Record, beside its attributes, that hold what observed code said."""

Change: TypeAlias = Callable[[str, str], str]
"""Given a text and the field it stands in, returns another text, or the very same."""

Cover: TypeAlias = Callable[[str, Any, str], tuple[Any, bool]]
"""Given a key, its value and their field, returns what to keep, and whether to look inside of it."""

_DEPTH: Final = 64
_CUT: Final = "..."
_NUMBERS: Final = (bool, int, float, complex, type(None))


def look_inside(key: str, value: Any, field: str) -> tuple[Any, bool]:
    """Cover nothing: the `Cover` that looks inside of every value."""
    del key, field
    return value, True


def rewritten(value: Any, change: Change, cover: Cover = look_inside, *, field: str = "") -> Any:
    """Return *value* with every text in it changed; the very same object where nothing is.

    Texts are strings, bytes (as UTF-8), keys, and the text under which a log would keep an object of an unknown
    type; such an object becomes its changed text. Fields are named as `paths.strings_in` names them. The argument
    and what it holds are never changed; a changed container is copied as dict, list, tuple or frozenset. Of two
    keys that become equal, the later one gets a ``~``. A container that is reached twice is read once; what lies
    deeper than 64 levels, and in a changed copy a container inside itself, becomes ``...``, as in every log.
    """
    return _all({field: value}, change, cover, keyed=False)[field]


def rewritten_record(record: Record, change: Change, cover: Cover = look_inside) -> Record:
    """Return *record* with the texts in `TEXT_FIELDS` and attributes changed, as `rewritten` does it.

    A field is the key of what stands in it, for *cover*. A record in which nothing changes is returned as it is.
    """
    fields = {name: getattr(record, name) for name in TEXT_FIELDS}
    fields[""] = record.attrs
    after = _all(fields, change, cover, keyed=True)
    changes = {name or "attrs": value for name, value in after.items() if value is not fields[name]}
    return replace(record, **changes) if changes else record


def _all(fields: dict[str, Any], change: Change, cover: Cover, *, keyed: bool) -> dict[str, Any]:
    rewriting = _Rewriting(change, cover)
    after = rewriting.fields(fields, keyed=keyed)
    if rewriting.met_itself and any(after[name] is not value for name, value in fields.items()):
        # A container inside itself may stay where nothing changes; in a copy it would lead back to the original.
        after = _Rewriting(change, cover, cut=True).fields(fields, keyed=keyed)
    return after


class _Rewriting:
    __slots__ = ("_change", "_cover", "_cut", "_done", "_open", "met_itself")

    def __init__(self, change: Change, cover: Cover, *, cut: bool = False) -> None:
        self.met_itself = False
        self._change = change
        self._cover = cover
        self._cut = cut
        self._done: dict[int, tuple[Any, Any]] = {}  # with the container itself, so that its id stays its own
        self._open: set[int] = set()

    def fields(self, fields: dict[str, Any], *, keyed: bool) -> dict[str, Any]:
        after = {}
        for name, value in fields.items():
            kept, inside = self._cover(name, value, name) if keyed and name else (value, True)
            after[name] = self._value(kept, name, 0) if inside else kept
        return after

    def _value(self, value: Any, field: str, depth: int) -> Any:
        if type(value) is str:
            return self._change(value, field)
        if isinstance(value, _NUMBERS):
            return value
        if isinstance(value, (bytes, bytearray)):
            return self._bytes(value, field)
        if isinstance(value, (Mapping, list, tuple, AbstractSet)):
            return self._container(value, field, depth)
        return self._by_text(value, field)

    def _by_text(self, value: Any, field: str) -> Any:
        text = str.__str__(value) if isinstance(value, str) else text_of(value)
        changed = self._change(text, field)
        return value if changed == text else changed

    def _bytes(self, value: bytes | bytearray, field: str) -> bytes | bytearray:
        text = value.decode("utf-8", "surrogateescape")
        changed = self._change(text, field)
        return value if changed == text else type(value)(changed.encode("utf-8", "surrogateescape"))

    def _container(self, value: Any, field: str, depth: int) -> Any:
        number = id(value)
        if number in self._done:
            return self._done[number][1]
        if number in self._open:
            self.met_itself = True
            return _CUT if self._cut else value
        if depth >= _DEPTH:
            return _CUT
        try:
            members = list(value.items() if isinstance(value, Mapping) else value)
        except Exception:  # noqa: BLE001 - a container that cannot be read is kept as its text, as in a log
            return self._by_text(value, field)
        self._open.add(number)
        if isinstance(value, Mapping):
            result = self._mapping(value, members, field, depth)
        else:
            result = self._items(value, members, field, depth)
        self._open.discard(number)
        self._done[number] = value, result
        return result

    def _mapping(self, value: Any, members: list[tuple[Any, Any]], field: str, depth: int) -> Any:
        prefix = f"{field}." if field else ""
        copy: dict[Any, Any] = {}
        changed = False
        for key, member in members:
            name = key if isinstance(key, _NUMBERS) else self._by_text(key, f"{prefix}*")
            label = key if type(key) is str else text_of(key)
            inner = f"{prefix}{label if name is key else '*'}"
            kept, inside = self._cover(label, member, inner)
            after = self._value(kept, inner, depth + 1) if inside else kept
            changed = changed or name is not key or after is not member
            while name in copy:
                name = f"{name}~"
            copy[name] = after
        return copy if changed else value

    def _items(self, value: Any, items: list[Any], field: str, depth: int) -> Any:
        after = [self._value(item, field, depth + 1) for item in items]
        if all(new is old for new, old in zip(after, items, strict=True)):
            return value
        if isinstance(value, tuple):
            return tuple(after)
        if isinstance(value, AbstractSet) and all(isinstance(item, Hashable) for item in after):
            return frozenset(after)
        return after
