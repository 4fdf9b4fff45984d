"""Where a name that some module knows is defined: through imports, and through the bases of classes (layer 2)."""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_telemetry.codeintel.answer import Answer, Definition, Doubt
from pytest_telemetry.codeintel.bases import bases_of, linearised
from pytest_telemetry.codeintel.python_source import python_source
from pytest_telemetry.codeintel.workspace import text_bytes

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from pathlib import Path

    from pytest_telemetry.codeintel.answer import Builder
    from pytest_telemetry.codeintel.modules import Module, Modules
    from pytest_telemetry.codeintel.skeleton_map import SkeletonMap, Symbol

__all__ = ("Definitions", "scopes_at")

_DEEPEST: Final = 50
"""Imports that are followed one after the other; nobody re-exports a name so often."""

_MOST_STEPS: Final = 2_000
"""Names that are looked up for one question; more are asked by code only that means to."""

_SCOPES: Final = frozenset({"class", "function", "method"})
_OVERLOAD: Final = re.compile(r"(?:\w+\.)*overload")
_EXTENDING: Final = re.compile(r"(\w+)\.(?:setter|getter|deleter|register)\b")
_ALL_GROWS: Final = re.compile(rb"^[ \t]*__all__\s*(?:\+=|\.\w)", re.MULTILINE)
_DOTTED: Final = re.compile(r"= ((?:[^\W\d]\w*\.)*[^\W\d]\w*)")


Trail: TypeAlias = tuple[object, ...]
"""What has been asked on the way to a question: who asks the same again would never end."""

Base: TypeAlias = "Definition | str"
"""A base of a class, or the text of one that is not found."""


class Definitions:
    """Finds definitions in modules, for one question: each file is read and parsed once, and then as it was.

    Args:
        modules: Where modules are.
        builder: Makes the skeletons.
    """

    def __init__(self, modules: Modules, builder: Builder) -> None:
        self._modules = modules
        self._builder = builder
        self._codes: dict[Path, bytes] = {}
        self._sources: dict[Path, bytes] = {}
        self._skeletons: dict[Path, SkeletonMap] = {}
        self._barren: set[tuple[Path | None, str]] = set()
        self._taken: dict[tuple[Path | None, str], tuple[Module, ...]] = {}
        self._steps = 0

    def source(self, file: Path) -> bytes:
        """Return the text of a file as `python_source` has it.

        Raises:
            OSError: It cannot be read.
        """
        if file not in self._sources:
            self._sources[file] = python_source(self._code(file)).text
        return self._sources[file]

    def skeleton(self, file: Path) -> SkeletonMap:
        """Return the skeleton of a file.

        Raises:
            OSError: It cannot be read.
        """
        if file not in self._skeletons:
            self._skeletons[file] = self._builder.parse_python(self._code(file), file)
        return self._skeletons[file]

    def _code(self, file: Path) -> bytes:
        if file not in self._codes:
            self._codes[file] = text_bytes(file)
        return self._codes[file]

    def of_module(self, module: Sequence[str], names: Sequence[str]) -> Answer:
        """Return what *names* mean in the module of that name, or in what leads to it: ``os`` for ``os.path``."""
        places = self._modules.walk(module)
        if not places:
            text = f"there is no source of a module {'.'.join(module)}"
            return Answer(doubts=(Doubt("no_module", text),))
        return Answer.joined(self.member(start, (*rest, *names)) for start, rest in places)

    def member(self, module: Module, names: Sequence[str], trail: Trail = ()) -> Answer:
        """Return what *names* mean in *module*: the first as it binds it, the others in what that is.

        A name that it does not bind may be a submodule of it.
        """
        if not names:
            return _itself(module)
        key = (module.name, module.file, *names)
        name, *rest = names
        is_known = key in trail or self._is_too_far(trail)
        trail = (*trail, key)
        # An import that leads to itself means a submodule: `from . import name` in the package.
        bound = [] if is_known else self._bound(module, self._symbols(module), name)
        if bound:
            return Answer.joined(self._followed(module, symbol, name, rest, trail) for symbol in bound)
        below = self._modules.submodule(module, name)
        if below is not None:
            return self.member(below, rest, trail)
        if is_known:
            return Answer(doubts=(Doubt("cycle", f"imports lead in a circle to {name} in {module.name}"),))
        return Answer(doubts=(self._missing(module, name),))

    def in_scopes(
        self, module: Module, scopes: Sequence[Symbol], names: Sequence[str], trail: Trail = ()
    ) -> Answer:
        """Return what *names* mean where *scopes*, the outermost first, are around: inner ones hide outer ones.

        What a class binds is seen directly in it, and not in its functions.
        """
        for symbol in reversed(scopes):
            key = (module.file, symbol.line, *names)
            if key in trail or (symbol.kind == "class" and symbol is not scopes[-1]):
                continue
            trail = (*trail, key)
            bound = self._bound(module, symbol.children, names[0])
            if bound:
                return Answer.joined(
                    self._followed(module, each, names[0], names[1:], trail) for each in bound
                )
        return self.member(module, names, trail)

    def in_symbol(self, module: Module, symbol: Symbol, names: Sequence[str]) -> Answer:
        """Return what *names* mean in *symbol*."""
        return self._followed(module, symbol, symbol.name, names, ())

    def imported(self, module: Module, signature: str, names: Sequence[str], trail: Trail = ()) -> Answer:
        """Return what *names* mean in what an import takes, which is written as the signature of its symbol is."""
        target, _, taken = signature.partition(":")
        path = tuple(filter(None, target.split(".")))
        names = (taken, *names) if taken else tuple(names)
        level = len(target) - len(target.lstrip("."))
        if not level:
            found = self._modules.walk(path)
        else:
            around = None if module.file is None else self._modules.around(module.file, level)
            found = () if around is None else (self._modules.walk_from(around, path),)
        if not found:
            text = f"{module.name} imports it from {target}, and there is no source of that here"
            return Answer(doubts=(Doubt("no_source", text),))
        return Answer.joined(self.member(start, (*rest, *names), trail) for start, rest in found)

    def _is_too_far(self, trail: Trail) -> bool:
        self._steps += 1
        return len(trail) > _DEEPEST or self._steps > _MOST_STEPS

    def _symbols(self, module: Module) -> tuple[Symbol, ...]:
        return () if module.file is None else self.skeleton(module.file).symbols

    def _missing(self, module: Module, name: str) -> Doubt:
        """Return why *module* does not have *name*: it has no such, or may have it by a star from what has no source."""
        if any(
            symbol.name == "__getattr__" and symbol.kind == "function" for symbol in self._symbols(module)
        ):
            text = f"{module.name} may have {name} from its __getattr__, of which only running it would tell"
            return Doubt("no_source", text)
        waiting, seen = [module], {module.file}
        while waiting and not name.startswith("_"):
            importing = waiting.pop()
            for star in (symbol for symbol in self._symbols(importing) if symbol.name == "*"):
                origins = self._origins(importing, star)
                if not origins:
                    target = star.signature.removesuffix(":*")
                    text = f"{module.name} may have {name} from {target}, of which there is no source here"
                    return Doubt("no_source", text)
                new = [each for each in origins if each.file not in seen and not self._listed(each)[1]]
                seen.update(each.file for each in new)
                waiting += new
        return Doubt("no_name", f"{module.name} has no {name}{self._near(module, name)}")

    def _near(self, module: Module, name: str) -> str:
        near = get_close_matches(name, {symbol.name for symbol in self._symbols(module)}, 1)
        return f"; did you mean {near[0]}?" if near else ""

    def _bound(self, module: Module, symbols: Iterable[Symbol], name: str) -> list[Symbol]:
        """Return what may bind *name* in the end: the last that stands in no condition, and all after it.

        Overloads count where there is nothing else; then the first is that of the function.
        """
        kept: list[Symbol] = []
        for symbol in symbols:
            if symbol.name == "*":
                if not self._exports(module, symbol, name):
                    continue
            elif symbol.name != name or (kept and _extends(symbol)):
                continue
            if not symbol.is_conditional and not _is_overload(symbol):
                kept.clear()
            kept.append(symbol)
        return [symbol for symbol in kept if not _is_overload(symbol)] or kept[:1]

    def _exports(self, module: Module, star: Symbol, name: str) -> bool:
        """Tell whether a star import binds *name*: it is in ``__all__``, or without one it is public."""
        waiting = [(module, star)]
        seen: set[tuple[Path | None, str]] = set()
        while waiting:
            importing, symbol = waiting.pop()
            for origin in self._origins(importing, symbol):
                listed, is_complete = self._listed(origin)
                if name in listed:
                    return True
                key = (origin.file, name)
                if key in seen or key in self._barren or is_complete or name.startswith("_"):
                    continue
                seen.add(key)
                symbols = self._symbols(origin)
                if any(each.name == name for each in symbols):
                    return True
                waiting += [(origin, each) for each in symbols if each.name == "*"]
        self._barren |= seen
        return False

    def _origins(self, module: Module, star: Symbol) -> tuple[Module, ...]:
        """Return the modules that a star import takes from; none where there is no source of them."""
        key = (module.file, star.signature)
        if key not in self._taken:
            found = self.imported(module, star.signature.removesuffix(":*"), ()).found
            self._taken[key] = tuple(definition.module for definition in found)
        return self._taken[key]

    def _listed(self, module: Module) -> tuple[set[str], bool]:
        """Return the names in ``__all__``, and whether that is all of it."""
        lists = [symbol for symbol in self._symbols(module) if symbol.name == "__all__"]
        names: set[str] = set()
        is_complete = bool(lists)
        for symbol in lists:
            value = self._value(module, symbol)
            if isinstance(value, (list, tuple)):
                names.update(part for part in value if isinstance(part, str))
            else:
                is_complete = False
        if is_complete and module.file is not None and _ALL_GROWS.search(self.source(module.file)):
            is_complete = False
        return names, is_complete

    def _value(self, module: Module, symbol: Symbol) -> object:
        """Return what a constant is, where that can be told without running anything; otherwise None."""
        if module.file is None:
            return None
        lines = self.source(module.file).split(b"\n")[symbol.line - 1 : symbol.end_line]
        try:
            (statement,) = ast.parse(b"\n".join(lines).lstrip()).body
            value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
            return None if value is None else ast.literal_eval(value)
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            return None

    def _followed(
        self, module: Module, symbol: Symbol, name: str, rest: Sequence[str], trail: Trail
    ) -> Answer:
        """Return what *rest* means in what *symbol*, which *module* binds to *name*, is."""
        if symbol.kind == "import":
            signature = symbol.signature
            if symbol.name == "*":
                signature = f"{signature[:-1]}{name}"
            elif ":" not in signature:
                signature = name  # `import a.b` binds a
            return self.imported(module, signature, rest, trail)
        if not rest:
            return Answer((Definition(module, symbol),))
        if symbol.kind == "class":
            return self._in_class(Definition(module, symbol), rest, trail)
        alias = _DOTTED.fullmatch(symbol.signature) if symbol.kind == "constant" else None
        if alias is not None:
            scopes = scopes_at(self._symbols(module), symbol.line)
            return self.in_scopes(module, scopes, (*alias[1].split("."), *rest), trail)
        bound = self._bound(module, symbol.children, rest[0])
        if bound:
            return Answer.joined(self._followed(module, each, rest[0], rest[1:], trail) for each in bound)
        what = "value" if symbol.kind == "constant" else "function"
        return Answer(
            doubts=(Doubt("no_name", f"{name} is a {what}, and what {rest[0]} is in it is not known"),)
        )

    def _in_class(self, owner: Definition, names: Sequence[str], trail: Trail) -> Answer:
        """Return what *names* mean in a class: the first that binds them in the order in which Python looks."""
        unknown: list[str] = []
        name, *rest = names
        for base in self._order(owner, trail):
            if isinstance(base, str):
                if not (hasattr(builtins, base) and hasattr(getattr(builtins, base), name)):
                    unknown += [base] if not hasattr(builtins, base) else []
                    continue
                text = f"{name} is of the builtin {base}, of which there is no source"
                return Answer(doubts=(Doubt("no_source", text),))
            symbol = base.symbol
            bound = [] if symbol is None else self._bound(base.module, symbol.children, name)
            if bound:
                answer = Answer.joined(self._followed(base.module, each, name, rest, trail) for each in bound)
                if not unknown:
                    return answer
                return replace(answer, doubts=(*answer.doubts, _unknown_base(unknown)), is_certain=False)
        what = owner.symbol.qualname if owner.symbol is not None else owner.module.name
        doubts = [Doubt("no_name", f"{what} has no {name}")]
        return Answer(doubts=tuple([_unknown_base(unknown)] if unknown else doubts))

    def _order(self, owner: Definition, trail: Trail) -> list[Base]:
        """Return a class and its bases in the order in which Python looks into them."""
        key = ("bases", *owner.place)
        if key in trail or self._is_too_far(trail):
            return [owner]
        bases: list[Base] = []
        lines: list[list[Base]] = []
        for text, names in bases_of(owner.symbol.signature if owner.symbol is not None else ""):
            base = self._base(owner, names, (*trail, key)) if names else None
            bases.append(text if base is None else base)
            lines.append([text] if base is None else self._order(base, (*trail, key)))
        return [owner, *linearised([*lines, bases], _place_of)]

    def _base(self, owner: Definition, names: Sequence[str], trail: Trail) -> Definition | None:
        """Return the class that *names* mean around *owner*, or None where that is not one class."""
        scopes = [] if owner.symbol is None else scopes_at(self._symbols(owner.module), owner.symbol.line)
        found = self.in_scopes(owner.module, scopes[:-1], names, trail).found
        if len(found) != 1 or found[0].symbol is None or found[0].symbol.kind != "class":
            return None
        return None if found[0].place == owner.place else found[0]


def _itself(module: Module) -> Answer:
    if module.file is None:
        text = f"{module.name} is a namespace package, which has no file"
        return Answer(doubts=(Doubt("no_source", text),))
    return Answer((Definition(module),))


def _place_of(base: Base) -> Hashable:
    return base if isinstance(base, str) else base.place


def scopes_at(symbols: Iterable[Symbol], line: int) -> list[Symbol]:
    """Return the classes and functions around a line, the outermost first."""
    scopes: list[Symbol] = []
    inner: Iterable[Symbol] | None = symbols
    while inner is not None:
        found = next(
            (each for each in inner if each.kind in _SCOPES and each.line <= line <= each.end_line), None
        )
        scopes += [found] if found is not None else []
        inner = None if found is None else found.children
    return scopes


def _is_overload(symbol: Symbol) -> bool:
    return any(_OVERLOAD.fullmatch(text) for text in symbol.decorators)


def _extends(symbol: Symbol) -> bool:
    """Tell whether a function adds to another of its name: the setter of a property, for one."""
    return any((match := _EXTENDING.match(text)) and match[1] == symbol.name for text in symbol.decorators)


def _unknown_base(names: list[str]) -> Doubt:
    return Doubt("unknown_base", f"there is no source of the base {names[0]}, which may define it")
