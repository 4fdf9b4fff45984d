"""Reads a Pattern of one record from text, as the command line and configurations have it (layer 0).

The language is a table of ``docs/reference/patterns.md``. Text is parsed, never evaluated: what is not in the closed
tables below is an error, and so is whatever describes more than one record.
"""

from __future__ import annotations

import ast
import re
import warnings
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.pattern import LogPatterns, event, log, metric, only, span
from pytest_telemetry.model.values import between
from pytest_telemetry.model.wording import brief, one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_telemetry.model.pattern import Pattern

__all__ = ("any_kind", "parse_pattern")

_LONGEST: Final = 4_000
_DEEPEST: Final = 20

_BARE: Final = re.compile(r"[^\s()\[\]{}\"'`|&~,;=<>]+")
"""A name or a glob that stands alone without quotes; where it is joined with ``|`` and ``~``, a name with dots does."""

_KINDS: Final[dict[str, Callable[..., Pattern]]] = {
    "span": span,
    "event": event,
    "metric": metric,
    "log": log,
}
_PATTERNS: Final[dict[str, Callable[..., Pattern]]] = {
    **_KINDS,
    **{f"log.{level}": getattr(log, level) for level in LogPatterns.LEVELS},
}
_VALUES: Final[dict[str, Callable[..., Any]]] = {
    "between": between,
    "re": re.compile,
    "re.compile": re.compile,
}
_SEVERAL: Final[dict[type[ast.operator], str]] = {
    ast.BitAnd: "a & b",
    ast.RShift: "a >> b",
    ast.Mult: "a * 3",
}


def any_kind(name: str) -> Pattern:
    """Describe a record of any kind by its name, which may be a glob."""
    return reduce(or_, (kind(name) for kind in _KINDS.values()))


def parse_pattern(text: str) -> Pattern:
    """Return the pattern that *text* says, equal to the one that the same words make in Python.

    A bare or quoted name or glob describes records of any kind.

    Raises:
        UnusableInput: It is no pattern of one record; the text says what is wrong, and where.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise UnusableInput(f"a pattern of {len(text):,} characters is too long: {_LONGEST:,} are read")
    if _BARE.fullmatch(text) and text not in _KINDS:
        return any_kind(text)
    return _Reading(text).pattern()


class _Reading:
    """One text, and what is made of its parts."""

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n").replace("\r", "\n")

    def pattern(self) -> Pattern:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes, as in "\d": they mean what Python reads
                tree = ast.parse(self._text, mode="eval")
            return self._pattern(tree.body, 0)
        except SyntaxError as error:
            where = self._place(error.lineno or 1, (error.offset or 1) - 1)
            raise self._error(
                f"{error.msg}; what is more than one word stands in quotes, and so does a glob that is joined",
                where,
            ) from None
        except (ValueError, MemoryError, RecursionError) as error:
            reason = "it is nested too deeply" if not isinstance(error, ValueError) else str(error)
            raise self._error(reason, 0) from None

    # patterns

    def _pattern(self, node: ast.expr, depth: int) -> Pattern:
        self._require_shallow(node, depth)
        if isinstance(node, ast.Call):
            return self._described(node, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            return ~self._pattern(node.operand, depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return reduce(or_, [self._pattern(part, depth + 1) for part in _choices(node)])
        if isinstance(node, ast.BinOp) and type(node.op) in _SEVERAL:
            raise self._refused(
                node,
                f"{_SEVERAL[type(node.op)]} asks for several records, and one is looked at; "
                "to ask for two things of one, write span('x', a=1, b=2)",
            )
        if isinstance(node, ast.Name) and node.id in _KINDS:
            raise self._refused(
                node,
                f"""write {node.id}("*") for every {node.id}, or '"{node.id}"', with quotes, for records of that name""",
            )
        if isinstance(node, ast.Name | ast.Attribute) and _BARE.fullmatch(self._source(node)):
            return any_kind(self._source(node))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if not node.value:
                raise self._refused(node, "names are never empty; '*' fits every name")
            return any_kind(node.value)
        raise self._refused(node, f"is no pattern: write a name in quotes, or one of {', '.join(_KINDS)}")

    def _described(self, node: ast.Call, depth: int) -> Pattern:
        name = _dotted(node.func)
        if name not in _PATTERNS:
            raise self._refused(node, f"is no pattern: there are {', '.join(_PATTERNS)}")
        positional = [self._argument(argument, depth + 1) for argument in node.args]
        named = self._keywords(node, depth + 1)
        if not positional:
            raise self._refused(node, f"names nothing: write {name}('*') for every name")
        if "stage" in named:
            raise self._refused(node, "only a recorder knows stages; what was stored has one")
        return self._made(node, _PATTERNS[name], positional, named)  # type: ignore[no-any-return]  # as the table says

    def _argument(self, node: ast.expr, depth: int) -> Any:
        if isinstance(node, ast.Call) and _dotted(node.func) == "only":
            positional = [self._value(argument, depth + 1) for argument in node.args]
            return self._made(node, only, positional, self._keywords(node, depth + 1))
        if (isinstance(node, ast.Call) and _dotted(node.func) in _PATTERNS) or _is_ellipsis(node):
            raise self._refused(node, "what is inside a span is not seen: one record is looked at, alone")
        return self._value(node, depth)

    def _keywords(self, node: ast.Call, depth: int) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self._refused(keyword.value, "** is not read; write the mapping itself")
            if keyword.arg in named:
                raise self._refused(keyword.value, f"{keyword.arg} is said twice")
            named[keyword.arg] = self._value(keyword.value, depth)
        return named

    # values

    def _value(self, node: ast.expr, depth: int) -> Any:
        self._require_shallow(node, depth)
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | None):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _is_number(node.operand):
            return -node.operand.value  # type: ignore[attr-defined]  # a number, as just seen
        if isinstance(node, ast.List | ast.Tuple):
            members = [self._value(member, depth + 1) for member in node.elts]
            return members if isinstance(node, ast.List) else tuple(members)
        if isinstance(node, ast.Dict):
            return self._mapping(node, depth)
        if isinstance(node, ast.Call):
            name = _dotted(node.func)
            if name in _VALUES and not node.keywords:
                arguments = [self._value(argument, depth + 1) for argument in node.args]
                if _VALUES[name] is re.compile and not (
                    len(arguments) == 1 and isinstance(arguments[0], str)
                ):
                    raise self._refused(node, "re() takes one text; flags stand in it, as in re('(?i)slow')")
                if _VALUES[name] is between and len(arguments) not in {1, 2}:
                    raise self._refused(node, "between() takes one limit or two, as in between(1, 5)")
                return self._made(node, _VALUES[name], arguments, {})
        raise self._refused(node, "is no value: write a literal, between(1, 5) or re('^load')")

    def _mapping(self, node: ast.Dict, depth: int) -> dict[Any, Any]:
        members: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                raise self._refused(key or node, "keys of a mapping are texts")
            members[key.value] = self._value(value, depth + 1)
        return members

    def _made(
        self, node: ast.Call, maker: Callable[..., Any], positional: Iterable[Any], named: dict[str, Any]
    ) -> Any:
        try:
            return maker(*positional, **named)
        except (TypeError, ValueError, OverflowError, RecursionError, re.error) as error:
            raise self._refused(node, str(error) or "is nested too deeply") from None

    # errors

    def _require_shallow(self, node: ast.expr, depth: int) -> None:
        if depth > _DEEPEST:
            raise self._refused(node, f"is nested too deeply: {_DEEPEST} levels are read")

    def _refused(self, node: ast.expr, reason: str) -> UnusableInput:
        line = self._text.split("\n")[node.lineno - 1]
        column = len(line.encode()[: node.col_offset].decode(errors="ignore"))
        part = shorten(one_line(self._source(node)), 60)
        joint = " " if reason.startswith(("is ", "names nothing")) else ": "
        return self._error(f"{part}{joint}{reason}", self._place(node.lineno, column))

    def _source(self, node: ast.expr) -> str:
        return ast.get_source_segment(self._text, node) or ""

    def _place(self, line: int, column: int) -> int:
        before = self._text.split("\n")[: line - 1]
        return min(sum(len(part) + 1 for part in before) + max(column, 0), len(self._text))

    def _error(self, reason: str, place: int) -> UnusableInput:
        return UnusableInput(f"pattern {brief(self._text, 120)}, character {place + 1}: {reason}")


def _choices(node: ast.expr) -> list[ast.expr]:
    """Return the parts of ``a | b | c``, however many, in order."""
    parts: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _dotted(node: ast.expr) -> str:
    """Return a name as it is written, one dot at most; nothing for what is no name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return ""


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)
