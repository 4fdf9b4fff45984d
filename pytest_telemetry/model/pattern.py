"""The Pattern: what records should look like, as a value that prints as it was written (layer 0).

A `One` describes one record, by its own fields and by what happened inside it. The others are made by operators
and describe several: ``a >> b`` (`InOrder`), ``a & b`` (`Both`), ``a | b`` (`Either`), ``~a`` (`Absent`), ``a *
3`` (`Times`). What they mean against a recording is in `pytest_telemetry.model.matching` and in
``docs/reference/patterns.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import EllipsisType
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from pytest_telemetry.model.condition import FIELDS, Condition, Expected, written
from pytest_telemetry.model.record import Kind, Record
from pytest_telemetry.model.values import Between, agrees
from pytest_telemetry.model.wording import brief

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = (
    "Absent",
    "Both",
    "Either",
    "InOrder",
    "Item",
    "LogPatterns",
    "One",
    "Only",
    "Pattern",
    "Times",
    "event",
    "is_absence",
    "is_single",
    "log",
    "metric",
    "only",
    "span",
)


class Pattern:
    """Describes records. Immutable, hashable, equal to a pattern of the same structure.

    Compared with a Record, a pattern is equal to what it `matches`, so it can stand for a record in a list.
    """

    __slots__ = ()
    _binding: ClassVar[int] = 9

    def matches(self, record: Record, /) -> bool:
        """Return whether this describes *record* alone, by its own fields.

        What happened inside the record is not looked at, nor is ``stage``, which only a recorder knows. A pattern
        that asks for several records (``>>``, ``&``, a count without 1) describes none of them alone.
        """
        raise NotImplementedError

    def ones(self) -> Iterator[One]:
        """Yield the single-record patterns at the top of this expression, without their children."""
        raise NotImplementedError

    def kinds(self) -> frozenset[Kind]:
        """Return the kinds that are named anywhere inside, apart from what must be absent."""
        return frozenset().union(*(one.kinds() for one in self.ones()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Record):
            self._require_nothing_inside()
            return self.matches(other)
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._key() == other._key())

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def __rshift__(self, other: object) -> InOrder:
        if not isinstance(other, Pattern):
            return NotImplemented
        return InOrder((*_parts(InOrder, self), *_parts(InOrder, other)))

    def __and__(self, other: object) -> Both:
        if not isinstance(other, Pattern):
            return NotImplemented
        return Both((*_parts(Both, self), *_parts(Both, other)))

    def __or__(self, other: object) -> Either:
        if not isinstance(other, Pattern):
            return NotImplemented
        return Either((*_parts(Either, self), *_parts(Either, other)))

    def __invert__(self) -> Pattern:
        return Absent(self)

    def __mul__(self, count: object) -> Pattern:
        if isinstance(count, bool) or not isinstance(count, int | Between):
            return NotImplemented
        return Times(self, count if isinstance(count, Between) else Between(count, count))

    __rmul__ = __mul__

    def _require_nothing_inside(self) -> None:
        """Refuse to be compared with a record alone, which would be equal whatever happened inside it."""
        for one in self.ones():
            if one.items:
                raise TypeError(
                    f"{brief(one, 100)} says what happened inside, which a record alone does not show; "
                    "ask the recording, or Records(...) made of the list"
                )

    def _key(self) -> Any:
        raise NotImplementedError

    def _inside(self, outer: type[Pattern]) -> str:
        """Return the repr, in parentheses where *outer* binds more tightly."""
        return f"({self!r})" if self._binding <= outer._binding else repr(self)  # noqa: SLF001 - own family


Item: TypeAlias = Pattern | EllipsisType
"""What stands at a level of an expected tree; ``...`` lets other records stand there too."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class One(Pattern):
    """Describes one record.

    Attributes:
        kind: The kind that it must have.
        name: What `agrees` compares its name with.
        items: What is expected inside it, as it was written; empty where nothing is said about that.
        conditions: What is asked of its fields and attributes.
        exact: Whether it may have no other attributes.
        stage: ``call`` to compare what the code passed, ``output`` for what the processors made of it.
    """

    kind: Kind
    name: Any
    items: tuple[Item, ...] = ()
    conditions: tuple[Condition, ...] = ()
    exact: bool = False
    stage: str = field(init=False, default="output")

    def __post_init__(self) -> None:
        for condition in self.conditions:
            if condition.is_field:
                condition.require_possible()
                if condition.key == "stage":
                    object.__setattr__(self, "stage", condition.expected)

    def matches(self, record: Record, /) -> bool:
        """Return whether kind, name and all conditions agree with *record*."""
        return record.kind == self.kind and agrees(self.name, record.name) and self.conditions_hold(record)

    def conditions_hold(self, record: Record) -> bool:
        """Return whether all conditions agree with *record*, whatever its kind and name."""
        for condition in self.conditions:
            if not condition.holds(record):
                return False
        return not (self.exact and self.unexpected(record))

    def unexpected(self, record: Record) -> tuple[str, ...]:
        """Return the attributes of *record* that nothing was said about."""
        named = {condition.key for condition in self.conditions if not condition.is_field}
        return tuple(key for key in record.attrs if key not in named)

    def ones(self) -> Iterator[One]:
        """Yield itself."""
        yield self

    def kinds(self) -> frozenset[Kind]:
        """Return its own kind and those of what is expected inside it."""
        inner = (item.kinds() for item in self.items if isinstance(item, Pattern))
        return frozenset({self.kind}).union(*inner)

    def head(self) -> str:
        """Return the repr without conditions and children: ``span('load')``."""
        level = next((c.expected for c in self.conditions if c.is_field and c.key == "level"), None)
        method = f".{level}" if self.kind == "log" and level in LogPatterns.LEVELS else ""
        return f"{self.kind}{method}({written(self.name)})"

    def __repr__(self) -> str:
        head = self.head()
        named = [c for c in self.conditions if c.is_keyword]
        mapped = {c.key: c.expected for c in self.conditions if not c.is_keyword}
        value = [written(c.expected) for c in named if c.key == "value" and c.is_field]
        skipped = ("value", "level") if head.startswith("log.") else ("value",)
        keywords = [f"{c.key}={written(c.expected)}" for c in named if not (c.is_field and c.key in skipped)]
        pairs = ", ".join(f"{written(key)}: {written(expected)}" for key, expected in mapped.items())
        mapping = [f"{{{pairs}}}"] if mapped else []
        if self.exact:
            mapping, keywords = [f"only({', '.join([*mapping, *keywords])})"], []
        items = ["..." if item is ... else repr(item) for item in self.items]
        return f"{head[:-1]}{''.join(f', {part}' for part in (*value, *items, *mapping, *keywords))})"

    def _key(self) -> Any:
        conditions = frozenset((c.is_field, c.key, Expected(c.expected)) for c in self.conditions)
        return self.kind, Expected(self.name), self.items, conditions, self.exact


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Several(Pattern):
    """What joins two or more patterns.

    Attributes:
        parts: The joined patterns, as they were written.
    """

    parts: tuple[Pattern, ...]
    _sign: ClassVar[str] = ""

    def matches(self, record: Record, /) -> bool:  # noqa: ARG002 - the same for every record
        """Return False: it describes several records."""
        return False

    def ones(self) -> Iterator[One]:
        """Yield those of all parts."""
        for part in self.parts:
            yield from part.ones()

    def __repr__(self) -> str:
        return f" {self._sign} ".join(part._inside(type(self)) for part in self.parts)  # noqa: SLF001 - own family

    def _key(self) -> Any:
        return self.parts


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class InOrder(Several):
    """``a >> b``: each part begins after everything that the part before it describes has begun."""

    _sign: ClassVar[str] = ">>"
    _binding: ClassVar[int] = 3

    def __post_init__(self) -> None:
        for part in self.parts:
            if isinstance(part, Absent) or (isinstance(part, Several) and _has_absent(part)):
                raise TypeError(
                    f"{part!r} cannot stand in a sequence: what is absent has no place in time; "
                    "write the absence as a pattern of its own"
                )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Both(Several):
    """``a & b``: all parts, in any order, each described by records of its own."""

    _sign: ClassVar[str] = "&"
    _binding: ClassVar[int] = 2


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Either(Several):
    """``a | b``: one of the parts."""

    _sign: ClassVar[str] = "|"
    _binding: ClassVar[int] = 1

    def matches(self, record: Record, /) -> bool:
        """Return whether one of the parts describes *record*."""
        return any(part.matches(record) for part in self.parts)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Absent(Pattern):
    """``~a``: nothing that *part* describes.

    Attributes:
        part: What must not be there.
    """

    part: Pattern
    _binding: ClassVar[int] = 5

    def matches(self, record: Record, /) -> bool:
        """Return whether *part* does not describe *record*."""
        return not self.part.matches(record)

    def ones(self) -> Iterator[One]:
        """Yield those of the part that must not be there."""
        return self.part.ones()

    def kinds(self) -> frozenset[Kind]:
        """Return nothing: to forbid a record asks nothing of the others of its kind."""
        return frozenset()

    def __invert__(self) -> Pattern:
        return self.part

    def __repr__(self) -> str:
        return f"~{self.part._inside(Absent)}"  # noqa: SLF001 - own family

    def _key(self) -> Any:
        return self.part


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Times(Pattern):
    """``a * 3``, ``a * between(1, 5)``: so many records that *part* describes.

    Attributes:
        part: Describes one record.
        counts: How many there must be.
    """

    part: Pattern
    counts: Between
    _binding: ClassVar[int] = 4

    def __post_init__(self) -> None:
        if not is_single(self.part):
            raise TypeError(
                f"{self.part!r} cannot be counted: it describes several records; count its parts, as in a * 3 & b * 3"
            )
        for end in (self.counts.low, self.counts.high):
            if isinstance(end, bool) or not isinstance(end, int | None) or (end is not None and end < 0):
                raise ValueError(f"{self.counts!r} is no count: counts are whole numbers from 0")
        if self.counts.low is None:
            raise ValueError(f"{self.counts!r} is no count: the lower end is missing; write 0")

    def matches(self, record: Record, /) -> bool:
        """Return whether *part* describes *record* and one is a right count."""
        return self.counts == 1 and self.part.matches(record)

    def ones(self) -> Iterator[One]:
        """Yield those of the part that is counted."""
        return self.part.ones()

    def kinds(self) -> frozenset[Kind]:
        """Return those of the part that is counted; none where none of it is allowed."""
        return self.part.kinds() if self.counts.high != 0 else frozenset()

    def __repr__(self) -> str:
        low, high = self.counts.low, self.counts.high
        return f"{self.part._inside(Times)} * {low if low == high else self.counts!r}"  # noqa: SLF001 - own family

    def _key(self) -> Any:
        return self.part, self.counts


def is_absence(pattern: object) -> bool:
    """Return whether *pattern* only says what must not be there: ``~a``, or ``a * 0``."""
    return isinstance(pattern, Absent) or (isinstance(pattern, Times) and pattern.counts.high == 0)


def is_single(pattern: Pattern) -> bool:
    """Return whether *pattern* describes one record at a time: a `One`, or a choice of such."""
    return isinstance(pattern, One) or (isinstance(pattern, Either) and all(map(is_single, pattern.parts)))


class Only(dict[tuple[bool, str], Any]):
    """What `only` returns: conditions that leave no room for other attributes."""


def only(*mappings: Mapping[str, Any], **attrs: Any) -> Only:
    """Return an argument of `span` and its like: these attributes and no others.

    Keywords and mappings mean what they mean to `span`.

    Raises:
        TypeError: A positional argument is no mapping.
    """
    conditions = Only()
    for mapping in mappings:
        if not isinstance(mapping, Mapping):
            raise TypeError(
                f"only() takes attributes, only(rows=10) or only({{'a.b': 1}}), not {brief(mapping)}"
            )
        conditions.update({(False, key): value for key, value in mapping.items()})
    conditions.update({(key in FIELDS, key): value for key, value in attrs.items()})
    return conditions


def span(name: Any, /, *inside: Item | Mapping[str, Any] | Only, **attrs: Any) -> One:
    """Describe a span.

    Args:
        name: Text, a glob, a compiled expression, or anything with ``==``.
        inside: Patterns of what happened in it; ``...`` if other records may stand beside them; a mapping of
            attributes; `only`.
        attrs: Attributes, but for the fields in `FIELDS` (``duration`` in seconds).

    Raises:
        TypeError: An argument is none of these.
        ValueError: A field has a value that no record can have.
    """
    return _one("span", name, inside, attrs)


def event(name: Any, /, *attributes: Mapping[str, Any] | Only, **attrs: Any) -> One:
    """Describe an event; the arguments are those of `span`, without anything inside."""
    return _one("event", name, attributes, attrs)


def metric(name: Any, /, *value_and_attributes: Any, **attrs: Any) -> One:
    """Describe one measurement of a metric: ``metric("rows.read", 10, format="csv")``.

    A positional argument that is neither a mapping nor `only` is the measured value. For the change over the
    whole recording, use ``recorder.metric(...)``.
    """
    return _one("metric", name, value_and_attributes, attrs)


class LogPatterns:
    """Describes logs: ``log("slow *")``, ``log.warning("slow *")``."""

    LEVELS: ClassVar = ("debug", "info", "warning", "error", "critical")
    __slots__ = ()

    def __call__(self, message: Any, /, *attributes: Mapping[str, Any] | Only, **attrs: Any) -> One:
        """Describe a log of any level; the arguments are those of `span`, without anything inside."""
        return _one("log", message, attributes, attrs)

    def debug(self, message: Any, /, *attributes: Mapping[str, Any] | Only, **attrs: Any) -> One:
        """Describe a log of level ``debug``."""
        return _one("log", message, attributes, {**attrs, "level": "debug"})

    def info(self, message: Any, /, *attributes: Mapping[str, Any] | Only, **attrs: Any) -> One:
        """Describe a log of level ``info``."""
        return _one("log", message, attributes, {**attrs, "level": "info"})

    def warning(self, message: Any, /, *attributes: Mapping[str, Any] | Only, **attrs: Any) -> One:
        """Describe a log of level ``warning``."""
        return _one("log", message, attributes, {**attrs, "level": "warning"})

    def error(self, message: Any, /, *attributes: Mapping[str, Any] | Only, **attrs: Any) -> One:
        """Describe a log of level ``error``."""
        return _one("log", message, attributes, {**attrs, "level": "error"})

    def critical(self, message: Any, /, *attributes: Mapping[str, Any] | Only, **attrs: Any) -> One:
        """Describe a log of level ``critical``."""
        return _one("log", message, attributes, {**attrs, "level": "critical"})

    def __repr__(self) -> str:
        return "log"


log: Final = LogPatterns()


def _one(kind: Kind, name: Any, arguments: tuple[Any, ...], attrs: dict[str, Any]) -> One:
    if name is None or isinstance(name, Pattern | Mapping | EllipsisType | int | float | bytes):
        raise TypeError(f"the first argument of {kind}() is a name, not {brief(name)}")
    if isinstance(name, str) and not name:
        raise ValueError(f"{kind}('') fits no record: names are never empty; '*' fits every name")
    items: list[Item] = []
    conditions: dict[tuple[bool, str], Any] = {}
    exact = False
    for argument in arguments:
        if isinstance(argument, Only):
            exact = True
            conditions.update(argument)
        elif isinstance(argument, Mapping):
            conditions.update({(False, key): value for key, value in argument.items()})
        elif kind == "span" and isinstance(argument, Pattern | EllipsisType):
            items.append(argument)
        elif (
            kind == "metric"
            and not isinstance(argument, Pattern | EllipsisType)
            and (True, "value") not in conditions
        ):
            conditions[True, "value"] = argument
        else:
            raise TypeError(_misplaced(kind, name, argument))
    conditions.update({(key in FIELDS, key): value for key, value in attrs.items()})
    return One(
        kind,
        name,
        tuple(items),
        tuple(Condition(k, v, is_field=f) for (f, k), v in conditions.items()),
        exact,
    )


def _misplaced(kind: Kind, name: Any, argument: Any) -> str:
    if isinstance(argument, Pattern | EllipsisType):
        return f"{kind}({brief(name)}) cannot hold {brief(argument)}: only spans have something inside"
    if isinstance(argument, list | tuple | set):
        return f"{kind}({brief(name)}) takes what is inside one by one, not as a {type(argument).__name__}; write *{brief(argument)}"
    return (
        f"{kind}({brief(name)}) cannot take {brief(argument)}: after the name come "
        f"{'patterns, ..., ' if kind == 'span' else ''}mappings of attributes and only(...)"
    )


def _has_absent(pattern: Pattern) -> bool:
    return isinstance(pattern, Absent) or (
        isinstance(pattern, Several) and any(map(_has_absent, pattern.parts))
    )


def _parts(joined: type[Several], pattern: Pattern) -> tuple[Pattern, ...]:
    """Return the parts of *pattern* if it is joined in the same way, so that ``a >> b >> c`` is one sequence."""
    return pattern.parts if type(pattern) is joined else (pattern,)
