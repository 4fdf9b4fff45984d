"""Values as they are now, whatever becomes of them later (layer 0)."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.plain import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.model.record import Record

__all__ = ("frozen", "frozen_record")

_ATOMIC: Final = frozenset({str, int, float, bool, type(None), bytes})


def _itself(value: Any) -> Any:
    return value


def frozen(value: Any, uncopied: Callable[[Any], Any] = _itself) -> Any:
    """Return a copy of a value that could still change; never raises.

    What cannot be copied is replaced by what *uncopied* makes of it: a member alone where it is inside of lists and
    dictionaries, which other threads may change meanwhile.
    """
    try:
        return _frozen(value, uncopied, {})
    except RecursionError:
        return uncopied(value)


def frozen_record(record: Record, /) -> Record:
    """Return *record*, or a copy of it with values that nobody else can change; a processor.

    What cannot be copied becomes its text, as it would in a log.
    """
    value = frozen(record.value, text_of)
    if value is record.value and _ATOMIC.issuperset(map(type, record.attrs.values())):
        return record
    attrs = {key: frozen(member, text_of) for key, member in record.attrs.items()}
    return replace(record, value=value, attrs=attrs)


def _frozen(value: Any, uncopied: Callable[[Any], Any], done: dict[int, Any]) -> Any:
    """Return the copy of *value*; *done* is that of `copy.deepcopy`, so that what is met twice is copied once."""
    kind = type(value)
    if kind in _ATOMIC:
        return value
    if id(value) in done:
        return done[id(value)]
    # the first copy is made in one step, which no other thread can interrupt
    if kind is dict:
        members = done[id(value)] = value.copy()
        for key, member in members.items():
            members[key] = _frozen(member, uncopied, done)
        return members
    if kind is list:
        items = done[id(value)] = value.copy()
        items[:] = [_frozen(item, uncopied, done) for item in items]
        return items
    known = len(done)
    try:
        return copy.deepcopy(value, done)
    except Exception:  # noqa: BLE001 - recording what cannot be copied beats losing it
        while len(done) > known:  # what is half copied
            done.popitem()
        kept = done[id(value)] = uncopied(value)
        return kept
