"""Says in SQL what a Pattern asks of a record, as far as SQL can say it (layer 2).

Every record that the pattern matches meets the condition; some that meet it do not match. The pattern decides,
and the condition only spares reading most of the others. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.model.pattern import Either, One, Pattern, Several, Times
from pytest_telemetry.model.values import is_glob

if TYPE_CHECKING:
    from pytest_telemetry.model.condition import Condition

__all__ = ("Sql", "condition_of")

Sql: TypeAlias = tuple[str, tuple[Any, ...]]
"""A condition over the columns of ``records``, and the values of its parameters."""

_ALWAYS: Final[Sql] = ("TRUE", ())
_NEVER: Final[Sql] = ("FALSE", ())

_TEXT_FIELDS: Final = frozenset({"status", "error", "level", "scope", "source", "thread"})
# What a JSON path can name without escapes, and numbers that SQLite compares as Python does.
_KEY: Final = re.compile(r"[A-Za-z0-9_.:\-/ ]+")
_LARGEST: Final = 2**53
_MOST: Final = 100
"""Conditions that are joined; SQLite takes no more than a thousand in a row."""


def condition_of(pattern: Pattern) -> Sql:
    """Return a condition that every record meets that *pattern* matches.

    Only the name of a single pattern may be looked up in an index: the others would have to be sorted.
    """
    return _one(pattern, "name") if isinstance(pattern, One) else _several(pattern)


def _several(pattern: Pattern) -> Sql:
    if isinstance(pattern, One):
        return _one(pattern, "+name")
    if isinstance(pattern, Times):
        return _several(pattern.part) if pattern.counts == 1 else _NEVER
    if isinstance(pattern, Either) and len(pattern.parts) <= _MOST:
        return _joined(" OR ", [_several(part) for part in pattern.parts])
    if isinstance(pattern, Several) and not isinstance(pattern, Either):
        return _NEVER  # it describes no record alone
    return _ALWAYS


def _one(one: One, name: str) -> Sql:
    conditions = [_condition(condition) for condition in one.conditions[:_MOST]]
    return _joined(" AND ", [("+kind = ?", (one.kind,)), _text(name, one.name), *conditions])


def _joined(word: str, conditions: list[Sql]) -> Sql:
    sql = word.join(condition for condition, _ in conditions)
    return f"({sql})", tuple(value for _, values in conditions for value in values)


def _condition(condition: Condition) -> Sql:
    if not condition.is_field:
        return _attribute(condition.key, condition.expected)
    if condition.key in _TEXT_FIELDS:
        return _text(f"+{condition.key}", condition.expected)
    return _ALWAYS


def _text(column: str, expected: Any) -> Sql:
    """Return what text asks of a column; of a glob, what stands before its first asterisk."""
    if type(expected) is not str or not _is_utf8(expected):
        return _ALWAYS
    if not is_glob(expected):
        return f"{column} = ?", (expected,)
    before = re.match(r"[ -)+-}]*", expected)
    prefix = before[0] if before else ""
    if not prefix:
        return _ALWAYS
    column = column if column.startswith("+") else f"+{column}"
    return f"{column} >= ? AND {column} < ?", (prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1))


def _attribute(key: str, expected: Any) -> Sql:
    kind = type(expected)
    comparable = (
        (kind is str and expected.isprintable() and not is_glob(expected))
        or kind is bool
        or (kind is int and -_LARGEST < expected < _LARGEST)
    )
    if not comparable or not _KEY.fullmatch(key):
        return _ALWAYS
    return "json_extract(attrs, ?) = ?", (f'$."{key}"', expected)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
