"""What a Python file consists of, without its code: a skeleton as a value, as text, and as JSON (layer 2).

Nothing here parses; `skeleton` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, get_args

from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ("Damage", "SkeletonMap", "Symbol", "SymbolKind", "SymbolRow", "symbols_of")

SymbolKind: TypeAlias = Literal["class", "function", "method", "constant", "import"]

_KINDS: Final = frozenset(get_args(SymbolKind))


class Symbol(NamedTuple):
    """A name that a file defines at the level of the module, of a class, or, for functions and classes, anywhere.

    Lines count from 1, as Python counts them. A named tuple, for a cache makes many: a frozen dataclass takes five
    times as long to make.

    Attributes:
        name: As it is bound; ``*`` for a star import.
        qualname: Dotted inside the file: ``Class.method``, ``outer.inner``.
        kind: A function that stands in a class, also in a condition there, is a method. A constant is any name that
            is assigned, and also a ``type`` statement; nothing checks that it stays as it is.
        line: Of ``class``, ``def`` or ``async``, or of the statement.
        first_line: With decorators.
        end_line: Of the last statement, without comments behind it.
        signature: What follows the name. Of functions ``(a, *, b: int = 1) -> str``, of classes ``(Base)`` or nothing,
            both behind their type parameters; of constants ``: int`` where they are annotated and otherwise
            ``= value``. Space is normalised, and a default or value of more than 60 characters is cut and ends with
            ``...``. Of imports where the name comes from: ``.base:Model`` is ``Model`` of the module ``.base``,
            ``.base:*`` all of it, ``a.b:`` the module itself (``import a.b as c``), and ``a.b`` without a colon is
            what ``import a.b`` binds, the package ``a``.
        is_async: Whether it is an ``async def``.
        decorators: Their texts, without the sign.
        doc: The first line of the docstring that is not blank, escapes as written; empty without one.
        is_conditional: Whether it stands in ``if``, ``try``, ``with``, ``for``, ``while`` or ``match`` at its level.
        children: What is defined in it, in order.
    """

    name: str
    qualname: str
    kind: SymbolKind
    line: int
    first_line: int
    end_line: int
    signature: str = ""
    is_async: bool = False
    decorators: tuple[str, ...] = ()
    doc: str = ""
    is_conditional: bool = False
    children: tuple[Symbol, ...] = ()


@dataclass(frozen=True, slots=True)
class Damage:
    """Lines that cannot be read as Python, both included.

    What stands there may be missing from a skeleton, and what is found there may be wrong.
    """

    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class SkeletonMap:
    """The skeleton of one file.

    Attributes:
        file: Its name, relative to the workspace.
        symbols: What stands at its top level, in order.
        damage: Where it is broken, in order, and in as few parts as can be.
        source_bytes: Its length.
    """

    file: str
    symbols: tuple[Symbol, ...]
    damage: tuple[Damage, ...]
    source_bytes: int

    @property
    def status(self) -> Literal["ok", "partial"]:
        """``partial`` where there is damage."""
        return "partial" if self.damage else "ok"

    def walk(self) -> Iterator[Symbol]:
        """Yield all symbols in the order of the file, each before its children."""
        return (symbol for symbol, _ in self.walk_with_depth())

    def walk_with_depth(self) -> Iterator[tuple[Symbol, int]]:
        """Yield what `walk` does, each with how deep it stands below the module."""
        waiting = [(symbol, 0) for symbol in reversed(self.symbols)]
        while waiting:
            symbol, depth = waiting.pop()
            yield symbol, depth
            waiting.extend((child, depth + 1) for child in reversed(symbol.children))

    def find(self, qualname: str) -> list[Symbol]:
        """Return the symbols of that name, in order: several for overloads and what is defined in conditions."""
        return [symbol for symbol in self.walk() if symbol.qualname == qualname]

    @property
    def functions(self) -> int:
        """How many functions and methods there are, at all levels."""
        return sum(symbol.kind in {"function", "method"} for symbol in self.walk())

    @property
    def classes(self) -> int:
        """How many classes there are, at all levels."""
        return sum(symbol.kind == "class" for symbol in self.walk())

    def text(self) -> str:
        """Return the compact form: a line for each symbol, indented as the code is, with its lines behind ``#``.

        What one statement takes from one module is one line.
        """
        lines = []
        for (depth, *_), group in groupby(self.walk_with_depth(), key=_statement):
            symbols = [symbol for symbol, _ in group]
            lines.append(f"{'    ' * depth}{_code(symbols)}  # {_place(symbols[0])}\n")
        lines += [f"# damaged: {_lines(part.line, part.end_line)}\n" for part in self.damage]
        return "".join(lines)

    @property
    def skeleton_bytes(self) -> int:
        """How long the text is in UTF-8."""
        return len(self.text().encode())

    @property
    def reduction_ratio(self) -> float | None:
        """How long the text is for each byte of the file; None for an empty one."""
        return self.skeleton_bytes / self.source_bytes if self.source_bytes else None

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it, with the figures that follow from it."""
        size = self.skeleton_bytes
        return {
            "file": self.file,
            "status": self.status,
            "functions": self.functions,
            "classes": self.classes,
            "source_bytes": self.source_bytes,
            "skeleton_bytes": size,
            "reduction_ratio": size / self.source_bytes if self.source_bytes else None,
            "damage": [{"line": part.line, "end_line": part.end_line} for part in self.damage],
            "symbols": [_symbol_dict(symbol) for symbol in self.symbols],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SkeletonMap:
        """Return what `as_dict` was made of; the figures that follow from it are not looked at.

        Raises:
            UnusableInput: It is not that.
        """
        try:
            return cls(
                _typed(data["file"], str),
                tuple(_symbol(part) for part in data["symbols"]),
                tuple(
                    Damage(_typed(part["line"], int), _typed(part["end_line"], int))
                    for part in data["damage"]
                ),
                _typed(data["source_bytes"], int),
            )
        except (LookupError, TypeError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            raise UnusableInput(f"no skeleton ({what}): pass what SkeletonMap.as_dict returned") from error


class SymbolRow(NamedTuple):
    """A symbol without its children, and how deep it stands below the module: of a list of them, a tree is made."""

    depth: int
    name: str
    kind: SymbolKind
    line: int
    first_line: int
    end_line: int
    signature: str = ""
    is_async: bool = False
    decorators: tuple[str, ...] = ()
    doc: str = ""
    is_conditional: bool = False


def symbols_of(rows: Iterable[SymbolRow]) -> tuple[Symbol, ...]:
    """Return the symbols at the top level that *rows*, each before its children, describe."""
    path: list[str] = []
    named = []
    for row in rows:
        del path[row[0] :]
        path.append(row[1])
        named.append((".".join(path), row))
    below: dict[int, list[Symbol]] = {}
    for qualname, row in reversed(named):
        children = tuple(reversed(below.pop(row[0] + 1, ())))
        below.setdefault(row[0], []).append(Symbol(row[1], qualname, *row[2:], children))
    return tuple(reversed(below.get(0, ())))


def _statement(place: tuple[Symbol, int]) -> tuple[int, object, object]:
    """Return what is equal for the symbols that share a line of the text, and how deep they stand first."""
    symbol, depth = place
    module, colon, _ = symbol.signature.partition(":")
    if symbol.kind == "import" and colon and len(module) + 1 < len(symbol.signature):
        return depth, symbol.line, module
    return depth, id(symbol), None


def _code(symbols: list[Symbol]) -> str:
    symbol = symbols[0]
    if symbol.kind == "import":
        return _import(symbols)
    if symbol.kind == "constant":
        return symbol.name + ("" if symbol.signature[:1] in {":", "["} else " ") + symbol.signature
    word = "class" if symbol.kind == "class" else "async def" if symbol.is_async else "def"
    decorators = "".join(f"@{text} " for text in symbol.decorators)
    return f"{decorators}{word} {symbol.name}{symbol.signature}"


def _import(symbols: list[Symbol]) -> str:
    module, colon, _ = symbols[0].signature.partition(":")
    if not colon:
        return f"import {module}"
    names = []
    for symbol in symbols:
        taken = symbol.signature.partition(":")[2]
        if not taken:
            return f"import {module} as {symbol.name}"
        names.append(taken if taken == symbol.name else f"{taken} as {symbol.name}")
    return f"from {module} import {', '.join(names)}"


def _place(symbol: Symbol) -> str:
    where = _lines(symbol.first_line, symbol.end_line) + (" conditional" if symbol.is_conditional else "")
    return f"{where}: {symbol.doc}" if symbol.doc else where


def _lines(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _symbol_dict(symbol: Symbol) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(symbol, name) for name in Symbol._fields}
    told["decorators"] = list(symbol.decorators)
    told["children"] = [_symbol_dict(child) for child in symbol.children]
    return told


def _symbol(data: Mapping[str, Any]) -> Symbol:
    kind = data["kind"]
    if kind not in _KINDS:
        raise ValueError(f"no kind of symbol: {str(kind)[:40]!r}")
    return Symbol(
        _typed(data["name"], str),
        _typed(data["qualname"], str),
        kind,
        _typed(data["line"], int),
        _typed(data["first_line"], int),
        _typed(data["end_line"], int),
        _typed(data["signature"], str),
        _typed(data["is_async"], bool),
        tuple(_typed(text, str) for text in data["decorators"]),
        _typed(data["doc"], str),
        _typed(data["is_conditional"], bool),
        tuple(_symbol(child) for child in data["children"]),
    )


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r:.40} is no {kind.__name__}")
    return value
