"""What the names in a Python file are bound to, as far as the file itself says (layer 2).

A name that is bound to several things, or to something that cannot be followed, is bound to nothing that is known: who
asks here wants to be sure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pytest_telemetry.codeintel.code_text import dotted, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tree_sitter import Node

__all__ = ("Scope", "Scopes", "visited")

_Binding: TypeAlias = "tuple[Literal['value', 'annotation'], Node, Scope] | str | None"
"""An expression, the dotted name of what was imported, or nothing that is known."""

_DEEPEST: Final = 40
"""How many steps a name is followed."""
_DOTTED: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_COMPREHENSIONS: Final = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
_OPTIONAL: Final = frozenset({"typing.Optional", "typing.Annotated", "typing.Final"})


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class or function.

    Attributes:
        kind: Which of them.
        parent: Where it stands.
        names: What is bound in it.
        attributes: Of a class, what is bound to attributes of its instances.
        instance: Of a method, the name of the instance.
        elsewhere: Names that are of another scope, by ``global`` and ``nonlocal``.
        is_comprehension: Whether the function is one, in which ``:=`` binds outside.
    """

    kind: Literal["module", "class", "function"]
    parent: Scope | None = None
    names: dict[str, list[_Binding]] = field(default_factory=dict)
    attributes: dict[str, list[_Binding]] = field(default_factory=dict)
    instance: str = ""
    elsewhere: dict[str, Scope] = field(default_factory=dict)
    is_comprehension: bool = False

    def bind(self, name: str, binding: _Binding) -> None:
        """Add what a name is bound to here."""
        self.elsewhere.get(name, self).names.setdefault(name, []).append(binding)

    def holder(self, name: str) -> Scope | None:
        """Return the scope whose binding a name has that is used here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or scope.kind != "class"):
                return scope
            scope = scope.parent
        return None

    def class_of(self, name: str) -> Scope | None:
        """Return the class that a name is the instance of, used here."""
        scope: Scope | None = self
        while scope is not None:
            if scope.kind == "function" and name in scope.names:
                return scope.parent if scope.instance == name else None
            scope = scope.parent
        return None


def visited(root: Node, text: bytes) -> Iterator[tuple[Node, Scope]]:
    """Yield the nodes of a tree with their scopes, each before what is in it; all bindings are known at the end."""
    waiting = [(root, Scope("module"))]
    while waiting:
        node, scope = waiting.pop()
        yield node, scope
        inside = scope
        kind = node.type
        if kind in {"function_definition", "lambda"} or kind in _COMPREHENSIONS:
            inside = Scope("function", scope, is_comprehension=kind in _COMPREHENSIONS)
            if kind == "function_definition":
                _bind_all(node.child_by_field_name("name"), text, scope)
            _bind_parameters(node.child_by_field_name("parameters"), text, inside)
        elif kind == "class_definition":
            _bind_all(node.child_by_field_name("name"), text, scope)
            inside = Scope("class", scope)
        else:
            _bind(node, text, scope)
        waiting.extend((child, inside) for child in reversed(node.named_children))


def _bind(node: Node, text: bytes, scope: Scope) -> None:
    """Bind what a statement or expression binds."""
    kind = node.type
    if kind == "assignment":
        _bind_assignment(node, text, scope)
    elif kind in {"import_statement", "import_from_statement"}:
        _bind_imports(node, text, scope)
    elif kind == "with_item":
        _bind_with(node, text, scope)
    elif kind == "except_clause":
        for part in node.named_children:
            if part.type == "as_pattern":
                _bind_all(part.child_by_field_name("alias"), text, scope)
    elif kind in {"for_statement", "for_in_clause", "augmented_assignment"}:
        _bind_all(node.child_by_field_name("left"), text, scope)
    elif kind == "named_expression":
        while scope.is_comprehension and scope.parent is not None:
            scope = scope.parent
        _bind_all(node.child_by_field_name("name"), text, scope)
    elif kind == "case_clause":
        for part in node.named_children:
            if part.type == "case_pattern":
                _bind_all(part, text, scope)
    elif kind in {"global_statement", "nonlocal_statement"}:
        for part in node.named_children:
            scope.elsewhere[text_of(part, text)] = _outer(scope, kind, text_of(part, text))


def _outer(scope: Scope, kind: str, name: str) -> Scope:
    while scope.parent is not None:
        scope = scope.parent
        if kind == "nonlocal_statement" and scope.kind == "function" and name in scope.names:
            break
    return scope


def _bind_all(target: Node | None, text: bytes, scope: Scope) -> None:
    """Bind the names in a target to nothing that is known."""
    waiting = [] if target is None else [target]
    while waiting:
        node = waiting.pop()
        if node.type == "identifier":
            scope.bind(text_of(node, text), None)
        elif node.type not in {"attribute", "subscript", "call"}:
            waiting.extend(node.named_children)


def _bind_parameters(parameters: Node | None, text: bytes, scope: Scope) -> None:
    for place, part in enumerate([] if parameters is None else parameters.named_children):
        annotation = part.child_by_field_name("type")
        name = part.child_by_field_name("name") or part
        if part.type == "typed_parameter" and part.named_children[0].type == "identifier":
            name = part.named_children[0]
        binding: _Binding = None if annotation is None else ("annotation", annotation, scope)
        if name.type == "identifier":
            scope.bind(text_of(name, text), binding)
            if place == 0 and scope.parent is not None and scope.parent.kind == "class":
                scope.instance = text_of(name, text)
        else:
            _bind_all(name, text, scope)


def _bind_assignment(node: Node, text: bytes, scope: Scope) -> None:
    target, value = node.child_by_field_name("left"), node.child_by_field_name("right")
    annotation = node.child_by_field_name("type")
    while value is not None and value.type == "assignment":
        value = value.child_by_field_name("right")
    binding: _Binding = None
    if annotation is not None:
        binding = ("annotation", annotation, scope)
    elif value is not None:
        binding = ("value", value, scope)
    if target is None:
        return
    if target.type == "identifier":
        scope.bind(text_of(target, text), binding)
    elif target.type == "attribute":
        holder, attribute = target.child_by_field_name("object"), target.child_by_field_name("attribute")
        if holder is not None and attribute is not None and holder.type == "identifier":
            owner = scope.class_of(text_of(holder, text))
            if owner is not None:
                owner.attributes.setdefault(text_of(attribute, text), []).append(binding)
    else:
        _bind_all(target, text, scope)


def _bind_with(node: Node, text: bytes, scope: Scope) -> None:
    part = node.child_by_field_name("value")
    target = None if part is None or part.type != "as_pattern" else part.child_by_field_name("alias")
    if part is None or target is None:
        return
    (name, *more) = target.named_children or (target,)
    if name.type == "identifier" and not more:
        scope.bind(text_of(name, text), ("value", part.named_children[0], scope))
    else:
        _bind_all(target, text, scope)


def _bind_imports(node: Node, text: bytes, scope: Scope) -> None:
    module = node.child_by_field_name("module_name")
    prefix = "" if module is None else f"{dotted(module, text)}."
    for part in node.children_by_field_name("name"):
        alias = part.child_by_field_name("alias")
        name = part.child_by_field_name("name") or part
        imported = dotted(name, text)
        if alias is not None:
            scope.bind(text_of(alias, text), prefix + imported)
        elif prefix:
            scope.bind(imported, prefix + imported)
        else:
            scope.bind(imported.partition(".")[0], imported.partition(".")[0])


class Scopes:
    """Says what expressions are: the dotted name of something imported, or a word for an object.

    Args:
        text: Of the file.
        made_by: Says what a call returns, by what is called: a dotted name, or ``word.method``.
        of_type: Says what an annotation stands for, by its dotted name.
        attribute: Says what an attribute of an object is, by ``word.attribute``.
    """

    def __init__(
        self,
        text: bytes,
        made_by: Callable[[str], str | None],
        of_type: Callable[[str], str | None],
        attribute: Callable[[str], str | None],
    ) -> None:
        self._text = text
        self._made_by, self._of_type, self._attribute = made_by, of_type, attribute
        self._known: dict[tuple[Scope, str], str | None] = {}

    def called(self, node: Node, scope: Scope, depth: int = 0) -> str | None:
        """Return what is called: a dotted name, the word for an object, or that with a method, ``word.method``."""
        if node.type != "attribute":
            return self.value(node, scope, depth + 1)
        holder, name = node.child_by_field_name("object"), node.child_by_field_name("attribute")
        if holder is None or name is None:
            return None
        attribute = text_of(name, self._text)
        owner = None if holder.type != "identifier" else scope.class_of(text_of(holder, self._text))
        if owner is not None:
            return self._attribute_of(owner, attribute, depth + 1)
        value = self.value(holder, scope, depth + 1)
        return None if value is None else f"{value}.{attribute}"

    def value(self, node: Node, scope: Scope, depth: int = 0) -> str | None:
        """Return what the value of an expression is, or None where that is not known for sure."""
        if depth > _DEEPEST:
            return None
        kind = node.type
        if kind == "identifier":
            return self._named(text_of(node, self._text), scope, depth + 1)
        if kind in {"parenthesized_expression", "await"} and node.named_child_count == 1:
            return self.value(node.named_children[0], scope, depth + 1)
        if kind == "attribute":
            called = self.called(node, scope, depth + 1)
            return (
                called
                if called is None or called[:1] != "@" or "." not in called
                else self._attribute(called)
            )
        if kind == "call":
            function = node.child_by_field_name("function")
            called = None if function is None else self.called(function, scope, depth + 1)
            return None if called is None else self._made_by(called)
        if kind in {"boolean_operator", "conditional_expression"}:
            parts = node.named_children
            either = {self.value(part, scope, depth + 1) for part in (parts[0], parts[-1])}
            return either.pop() if len(either) == 1 else None
        return None

    def _named(self, name: str, scope: Scope, depth: int) -> str | None:
        holder = scope.holder(name)
        return None if holder is None else self._bound((holder, name), holder.names[name], depth)

    def _attribute_of(self, owner: Scope, attribute: str, depth: int) -> str | None:
        bindings = [*owner.attributes.get(attribute, ()), *owner.names.get(attribute, ())]
        return self._bound((owner, f".{attribute}"), bindings, depth)

    def _bound(self, key: tuple[Scope, str], bindings: list[_Binding], depth: int) -> str | None:
        """Return what all of *bindings* are; assigning None says nothing about what it is otherwise."""
        if key in self._known:
            return self._known[key]
        self._known[key] = None  # as long as it depends on itself
        found = set()
        for binding in bindings:
            if binding is None or isinstance(binding, str):
                found.add(binding)
            elif binding[0] == "annotation":
                found.add(self._annotated(binding[1], binding[2], depth))
            elif binding[1].type != "none":
                found.add(self.value(binding[1], binding[2], depth))
        self._known[key] = found.pop() if len(found) == 1 else None
        return self._known[key]

    def _annotated(self, node: Node, scope: Scope, depth: int) -> str | None:
        """Return what an annotation stands for, which may be optional."""
        if depth > _DEEPEST:
            return None
        kind = node.type
        if kind == "type":
            return self._annotated(node.named_children[0], scope, depth + 1)
        if kind == "binary_operator":
            sides = [part for part in node.named_children if part.type != "none"]
            return self._annotated(sides[0], scope, depth + 1) if len(sides) == 1 else None
        if kind in {"generic_type", "subscript"} and node.named_child_count > 1:
            head, *rest = node.named_children
            inner = rest[0].named_children[0] if rest[0].type == "type_parameter" else rest[0]
            known = self._annotated_name(head, scope, depth) in _OPTIONAL
            return self._annotated(inner, scope, depth + 1) if known else None
        if kind == "string":
            parts = [part.strip() for part in text_of(node, self._text).strip("\"'").split("|")]
            content = "|".join(side for side in parts if side != "None")
            if not _DOTTED.fullmatch(content):
                return None
            first, dot, attributes = content.partition(".")
            start = self._named(first, scope, depth + 1)
            return None if start is None else self._of_type(f"{start}{dot}{attributes}")
        name = self._annotated_name(node, scope, depth)
        return None if name is None else self._of_type(name)

    def _annotated_name(self, node: Node, scope: Scope, depth: int) -> str | None:
        return self.value(node, scope, depth + 1) if node.type in {"identifier", "attribute"} else None
