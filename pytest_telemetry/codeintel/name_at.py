"""Which name stands at a place of a Python file, and what in the functions around binds it (layer 2)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import dropwhile
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pytest_telemetry.codeintel.skeleton import python_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("Kind", "NameAt", "name_at")

Kind: TypeAlias = Literal["definition", "import", "parameter", "variable"]

_DEFINITIONS: Final = frozenset({"function_definition", "class_definition"})
_ELSEWHERE: Final[dict[str, Literal["global", "nonlocal"]]] = {
    "global_statement": "global",
    "nonlocal_statement": "nonlocal",
}
_COMPREHENSIONS: Final = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
_IMPORTS: Final = frozenset({"import_statement", "import_from_statement", "future_import_statement"})
_PATTERNS: Final = frozenset(
    {
        "pattern_list",
        "tuple_pattern",
        "list_pattern",
        "list_splat_pattern",
        "dictionary_splat_pattern",
        "as_pattern_target",
    }
)


@dataclass(frozen=True, slots=True)
class NameAt:
    """A name at a place.

    Attributes:
        names: As it is written, up to the place: ``a``, ``b`` where that is ``b`` in ``a.b.c``.
        depth: How many of the classes and functions around the place are asked for the first of them.
        binding: What binds it, where that is no matter of the module and its classes: ``definition``, where the place
            is the name of a class or function itself; a ``parameter``, of types as well, or a ``variable`` of a
            function; an ``import`` in a function, or at the place.
        line: Where it is bound so. Without *binding*, where the module or a class binds it first, to fall back on.
        imported: What the import takes, as the signature of its symbol is.
        owner: Line of the class, where the first of the names is the first parameter of a method: ``self``.
    """

    names: tuple[str, ...]
    depth: int = 0
    binding: Kind | None = None
    line: int | None = None
    imported: str = ""
    owner: int | None = None


@dataclass(frozen=True, slots=True)
class _Binding:
    """What binds a name in one scope."""

    node: Any
    kind: Kind | Literal["global", "nonlocal"]
    imported: str = ""


def name_at(text: bytes, line: int, col: int) -> NameAt | None:
    """Return the name at a place, or at its end there; None where no name stands that is looked up in scopes.

    That is so in strings, comments and keywords, for the name of an argument in a call, for an attribute of what
    has no name itself: ``f().x``, and for what stands in an import by mistake: ``c`` in ``from a import b c``.

    Args:
        text: As `python_source` has it.
        line: From 1.
        col: From 0, in characters.
    """
    lines = text.split(b"\n")
    if not 1 <= line <= len(lines):
        return None
    before = len(lines[line - 1].decode("utf-8", "replace")[:col].encode())
    root = python_tree(text).root_node
    for column in (before, before - 1):
        node = root.descendant_for_point_range((line - 1, max(column, 0)), (line - 1, max(column, 0)))
        if node is not None and node.type == "identifier":
            return _looked_up(node, _around(root, node))
    return None


def _around(root: Any, node: Any) -> list[Any]:
    """Return what *node* stands in, from the inside out; `Node.parent` would begin at the root for each of them."""
    found = []
    while root is not None and root != node:
        found.append(root)
        root = root.child_with_descendant(node)
    return found[::-1]


def _looked_up(node: Any, around: list[Any]) -> NameAt | None:
    parent = around[0]
    statement = next((part for part in around if part.type in _IMPORTS), None)
    if statement is not None:
        imported = _taken_at(statement, node)
        return None if imported is None else NameAt((), binding="import", imported=imported)
    if parent.type in _DEFINITIONS and _is_field(parent, "name", node):
        return NameAt((_name(node),), binding="definition", line=_row(node))
    if parent.type in {"keyword_argument", "keyword_pattern"} and parent.named_children[0] == node:
        return None
    names = _chain(node)
    return None if names is None else _in_scopes(node, around, names)


def _in_scopes(node: Any, around: list[Any], names: tuple[str, ...]) -> NameAt:
    """Return what the scopes around *node* say of the first name, from the innermost to the module."""
    scopes = list(_scopes(node, around))
    innermost = next((scope for scope in scopes if scope.type != "type_parameter"), None)

    def is_hidden(scope: Any) -> bool:  # what a class binds is not seen in its functions and comprehensions
        return bool(scope.type == "class_definition" and scope != innermost)

    definitions = [scope for scope in scopes if scope.type in _DEFINITIONS]
    depth = len([*dropwhile(is_hidden, definitions)])
    outer: _Binding | None = None
    for scope in scopes:
        if is_hidden(scope):
            continue
        binding = _binding(scope, names[0])
        if binding is None or binding.kind == "nonlocal":
            continue
        if scope.type in {"class_definition", "module"}:
            outer = outer or (binding if binding.kind == "variable" else None)
        elif binding.kind == "global":
            return NameAt(names)
        elif binding.kind == "definition":
            break
        else:
            return NameAt(
                names, depth, binding.kind, _row(binding.node), binding.imported, _owner(scope, binding)
            )
    return NameAt(names, depth, line=None if outer is None else _row(outer.node))


def _owner(scope: Any, binding: _Binding) -> int | None:
    """Return the line of the class of which the first parameter of a method is an instance, or the class itself."""
    if scope.type != "function_definition" or binding.kind != "parameter":
        return None
    if next(_parameters(scope), None) != binding.node:
        return None
    around = scope.parent
    if around.type == "decorated_definition":
        if any(_text(part) == "@staticmethod" for part in around.named_children if part.type == "decorator"):
            return None
        around = around.parent
    owner = around.parent
    is_method = around.type == "block" and owner.type == "class_definition"
    return _row(owner) if is_method else None


def _scopes(node: Any, around: list[Any]) -> Iterator[Any]:
    """Yield what binds names around *node*: functions, classes, their type parameters, comprehensions, the module."""
    inner = node
    for scope in around:
        if scope.type in _DEFINITIONS or scope.type == "lambda":
            is_parameter = _is_field(scope, "parameters", inner) and _is_parameter(scope, node)
            if is_parameter or _is_field(scope, "body", inner):
                yield scope
            generic = scope.child_by_field_name("type_parameters")
            if generic is not None:
                yield generic
        elif scope.type == "module" or (
            scope.type in _COMPREHENSIONS and not _is_first_iterable(scope, inner, node)
        ):
            yield scope
        inner = scope


def _is_first_iterable(scope: Any, inner: Any, node: Any) -> bool:
    """Tell whether *node*, in the part *inner* of a comprehension, is of its first iterable: that is of the scope around."""
    first = next((part for part in scope.named_children if part.type == "for_in_clause"), None)
    right = None if first is None or first != inner else first.child_by_field_name("right")
    return right is not None and bool(right.start_byte <= node.start_byte)


def _is_parameter(scope: Any, node: Any) -> bool:
    return any(parameter == node for parameter in _parameters(scope))


def _binding(scope: Any, name: str) -> _Binding | None:
    """Return what binds *name* first in a scope; a declaration that it is of another scope goes before all else."""
    found: _Binding | None = None
    for binding in _bindings(scope, name):
        if binding.kind in {"global", "nonlocal"}:
            return binding
        if found is None or binding.node.start_byte < found.node.start_byte:
            found = binding
    return found


def _bindings(scope: Any, name: str) -> Iterator[_Binding]:
    if scope.type in _COMPREHENSIONS:
        for clause in scope.named_children:
            if clause.type == "for_in_clause":
                yield from _targets(clause.child_by_field_name("left"), name)
        return
    for parameter in _parameters(scope):
        if _name(parameter) == name:
            yield _Binding(parameter, "parameter")
    if scope.type in {"lambda", "type_parameter"}:
        return
    waiting = [(scope if scope.type == "module" else scope.child_by_field_name("body"), False)]
    while waiting:
        node, is_inner = waiting.pop()
        if node is None or node.type == "lambda":
            continue
        is_inner = is_inner or node.type in _COMPREHENSIONS
        if not is_inner or node.type == "named_expression":  # which binds outside of comprehensions
            yield from _bound_by(node, name)
        if node.type not in _DEFINITIONS and node.type not in _IMPORTS:
            waiting.extend((child, is_inner) for child in node.named_children)


def _bound_by(node: Any, name: str) -> Iterator[_Binding]:
    """Yield what one node binds by itself."""
    if node.type in _DEFINITIONS:
        if _name(node.child_by_field_name("name")) == name:
            yield _Binding(node, "definition")
    elif node.type in _IMPORTS:
        yield from (_Binding(node, "import", taken) for bound, taken in _taken(node) if bound == name)
    elif node.type in {"assignment", "augmented_assignment", "for_statement"}:
        yield from _targets(node.child_by_field_name("left"), name)
    elif node.type == "named_expression":
        yield from _targets(node.child_by_field_name("name"), name)
    elif node.type == "as_pattern":
        yield from _targets(node.named_children[-1], name)
    elif node.type in {"case_pattern", "splat_pattern", "keyword_pattern"}:
        target = node.named_children[-1] if node.named_children else None
        if target is not None and target.type in {"dotted_name", "identifier"} and _text(target) == name:
            yield _Binding(target, "variable")
    elif node.type in _ELSEWHERE:
        yield from (
            _Binding(node, _ELSEWHERE[node.type]) for part in node.named_children if _name(part) == name
        )


def _targets(pattern: Any, name: str) -> Iterator[_Binding]:
    waiting = [pattern]
    while waiting:
        node = waiting.pop()
        if node is None:
            continue
        if node.type == "identifier" and _name(node) == name:
            yield _Binding(node, "variable")
        elif node.type in _PATTERNS:
            waiting.extend(node.named_children)


def _parameters(scope: Any) -> Iterator[Any]:
    """Yield the identifiers of the parameters of a function or lambda, in order, or of type parameters."""
    listed = scope if scope.type == "type_parameter" else scope.child_by_field_name("parameters")
    for part in () if listed is None else listed.named_children:
        node = part
        while node is not None and node.type != "identifier":
            node = node.child_by_field_name("name") or next(iter(node.named_children), None)
        if node is not None:
            yield node


def _taken(statement: Any) -> Iterator[tuple[str, str]]:
    """Yield the names that an import binds, each with what it takes."""
    module = _module_of(statement)
    for part in statement.children_by_field_name("name"):
        taken = part.child_by_field_name("name") if part.type == "aliased_import" else part
        alias = part.child_by_field_name("alias") if part.type == "aliased_import" else None
        name = _dotted(taken)
        if module:
            yield (name if alias is None else _name(alias)), f"{module}:{name}"
        elif alias is None:
            yield name.partition(".")[0], name.partition(".")[0]
        else:
            yield _name(alias), name


def _taken_at(statement: Any, node: Any) -> str | None:
    """Return what is taken at one of the names in an import; None at what stands in it by mistake."""
    module = statement.child_by_field_name("module_name")
    if module is not None and module.start_byte <= node.start_byte < module.end_byte:
        return _squeezed(module.text[: node.end_byte - module.start_byte])
    names = statement.children_by_field_name("name")
    part = next((part for part in names if part.start_byte <= node.start_byte < part.end_byte), None)
    if part is None:
        return None
    taken = part.child_by_field_name("name") if part.type == "aliased_import" else part
    is_alias = node.start_byte >= taken.end_byte
    name = _dotted(taken) if is_alias else _squeezed(taken.text[: node.end_byte - taken.start_byte])
    return f"{_module_of(statement)}:{name}" if _module_of(statement) else name


def _module_of(statement: Any) -> str:
    if statement.type == "future_import_statement":
        return "__future__"
    module = statement.child_by_field_name("module_name")
    return "" if module is None else _dotted(module)


def _chain(node: Any) -> tuple[str, ...] | None:
    """Return the names up to *node*, or None where the first of them belongs to what is no name."""
    names = [_name(node)]
    parent = node.parent
    if parent.type != "attribute" or not _is_field(parent, "attribute", node):
        return tuple(names)
    owner = parent.child_by_field_name("object")
    while owner is not None and owner.type == "attribute":
        names.append(_name(owner.child_by_field_name("attribute")))
        owner = owner.child_by_field_name("object")
    if owner is None or owner.type != "identifier":
        return None
    return (*reversed([*names, _name(owner)]),)


def _is_field(parent: Any, field: str, node: Any) -> bool:
    return bool(parent.child_by_field_name(field) == node)


def _row(node: Any) -> int:
    return int(node.start_point[0]) + 1


def _name(node: Any) -> str:
    return "" if node is None else _text(node)


def _text(node: Any) -> str:
    return str(node.text.decode("utf-8", "replace"))


def _dotted(node: Any) -> str:
    return _squeezed(node.text)


def _squeezed(text: bytes) -> str:
    return "".join(text.decode("utf-8", "replace").split())
