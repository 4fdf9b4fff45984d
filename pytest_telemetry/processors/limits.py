"""Keeps records small, and says what was left out (layer 2)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.model.rewriting import TEXT_FIELDS
from pytest_telemetry.runtime.tally import Tally

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("SizeLimits",)

_SHORTEST_TEXT: Final = 40  # room for the mark
_DEEPEST: Final = 64  # what lies deeper is cut by every log
_Done: TypeAlias = dict[tuple[int, int], Any]


class SizeLimits:
    """A processor that cuts what is too large, and puts a mark that says how much where it stood.

    A text becomes ``begin...[+1,234 characters]``, bytes likewise; of a list, a tuple or a set the first items are
    kept and then ``...[+12 items]``; of a mapping, or the attributes, the first keys and then a key ``...`` with
    ``[+12 items]``; a container that lies too deep becomes ``...[+3 items]``. Every limit includes its mark, so
    cutting again changes nothing. Objects of unknown types and numbers are left as they are. A record within the
    limits is returned as it is.

    Args:
        max_text: Characters of a text, or bytes; at least 40.
        max_items: Items of a container; at least 2.
        max_depth: How many containers may lie inside each other in an attribute, 1 to 64.
        max_attrs: Attributes of a record; at least 2.

    Raises:
        ValueError: A limit is smaller than that, or the depth larger.
    """

    def __init__(
        self, *, max_text: int = 8_192, max_items: int = 1_000, max_depth: int = 16, max_attrs: int = 128
    ) -> None:
        _require("max_text", max_text, _SHORTEST_TEXT)
        _require("max_items", max_items, 2)
        _require("max_depth", max_depth, 1, _DEEPEST)
        _require("max_attrs", max_attrs, 2)
        self._max_text = max_text
        self._max_items = max_items
        self._max_depth = max_depth
        self._max_attrs = max_attrs
        self._tallies = {name: Tally() for name in ("texts", "containers", "attrs")}

    def __call__(self, record: Record, /) -> Record:
        """Return *record*, or a copy of it in which what is too large is cut."""
        changes: dict[str, Any] = {}
        done: _Done = {}
        for name in TEXT_FIELDS:
            before = getattr(record, name)
            after = self._value(before, 0, done)
            if after is not before:
                changes[name] = after
        attrs = self._container(record.attrs, self._max_attrs, 0, done)
        if attrs is not record.attrs:
            changes["attrs"] = attrs
        return replace(record, **changes) if changes else record

    def statistics(self) -> Mapping[str, int]:
        """Return how many ``texts`` and ``containers`` were cut, and how many records lost ``attrs``."""
        return {name: tally.value for name, tally in self._tallies.items()}

    def _value(self, value: Any, depth: int, done: _Done) -> Any:
        if isinstance(value, str):
            return self._text(value) if len(value) > self._max_text else value
        if isinstance(value, (bytes, bytearray)):
            return self._bytes(value) if len(value) > self._max_text else value
        if not isinstance(value, (Mapping, list, tuple, AbstractSet)):
            return value
        place = id(value), depth  # what several hold is cut once, however many ways lead there
        if place not in done:
            done[place] = self._container(value, self._max_items, depth, done)
        return done[place]

    def _container(self, value: Any, limit: int, depth: int, done: _Done) -> Any:
        try:
            count = len(value)
            members = list(islice(value.items() if isinstance(value, Mapping) else value, limit + 1))
        except Exception:  # noqa: BLE001 - a container that cannot be read is kept as its text by every log
            return value
        if depth > self._max_depth:
            self._tallies["containers"].add()
            return f"...[+{_amount(count, 'item')}]"
        if len(members) > limit:
            self._tallies["containers" if depth else "attrs"].add()
            del members[limit - 1 :]
        left_out = (
            f"[+{_amount(count - len(members), 'item' if depth else 'attribute')}]" if count > limit else ""
        )
        if isinstance(value, Mapping):
            return self._mapping(value, members, left_out, depth, done)
        after = [self._value(item, depth + 1, done) for item in members]
        if not left_out and all(new is old for new, old in zip(after, members, strict=True)):
            return value
        if left_out:
            after.append(f"...{left_out}")
        return tuple(after) if isinstance(value, tuple) else after

    def _mapping(
        self, value: Any, members: list[tuple[Any, Any]], left_out: str, depth: int, done: _Done
    ) -> Any:
        copy: dict[Any, Any] = {}
        changed = bool(left_out)
        for key, member in members:
            name = self._text(key) if isinstance(key, str) and len(key) > self._max_text else key
            after = self._value(member, depth + 1, done)
            changed = changed or name is not key or after is not member
            copy[_free(name, copy)] = after
        if left_out:
            copy[_free("...", copy)] = left_out
        return copy if changed else value

    def _text(self, text: str) -> str:
        self._tallies["texts"].add()
        kept = self._max_text - len(f"...[+{len(text):,} characters]")
        return f"{text[:kept]}...[+{_amount(len(text) - kept, 'character')}]"

    def _bytes(self, value: bytes | bytearray) -> bytes:
        self._tallies["texts"].add()
        kept = self._max_text - len(f"...[+{len(value):,} bytes]")
        return bytes(value[:kept]) + f"...[+{_amount(len(value) - kept, 'byte')}]".encode()


def _free(name: Any, copy: dict[Any, Any]) -> Any:
    while name in copy:
        name = f"{name}~"
    return name


def _require(name: str, limit: int, least: int, most: int | None = None) -> None:
    if limit < least or (most is not None and limit > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} is {bounds}, not {limit!r}")


def _amount(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
