"""What the syntax tree of a Python file says about its skeleton (layer 2).

Statements are visited, and what stands in them is not, unless it is damaged: a tenth of all nodes. Nothing recurses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pytest_telemetry.codeintel.code_text import (
    bracketed,
    cut,
    docstring_line,
    dotted,
    one_line,
    parameters,
    text_of,
)
from pytest_telemetry.codeintel.skeleton_map import Damage, SymbolRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

__all__ = ("MAX_LEVELS", "damage_in", "merged", "rows_of")

MAX_LEVELS: Final = 100
"""How deep Python allows code to be indented; what is deeper is damage."""

_CONDITIONS: Final = frozenset(
    {
        "if_statement",
        "for_statement",
        "while_statement",
        "try_statement",
        "with_statement",
        "match_statement",
    }
)
_INNER: Final = frozenset(
    {
        "block",
        "elif_clause",
        "else_clause",
        "except_clause",
        "except_group_clause",
        "finally_clause",
        "case_clause",
    }
)
_OPEN_ENDED: Final = (
    _CONDITIONS | _INNER | {"class_definition", "function_definition", "decorated_definition"}
)
_IMPORTS: Final = frozenset({"import_statement", "import_from_statement", "future_import_statement"})

_Owner: TypeAlias = Literal["module", "class", "function"]


@dataclass(slots=True)
class _Level:
    """Nodes that are being visited, and where they stand."""

    nodes: Iterator[Node]
    depth: int
    owner: _Owner
    is_conditional: bool
    blocks: int


def rows_of(root: Node, text: bytes) -> tuple[list[SymbolRow], list[Damage]]:
    """Return the symbols in a tree, each before its children, and where it is damaged."""
    rows: list[SymbolRow] = []
    damage: list[Damage] = []
    if root.has_error:
        damage.extend(damage_in(root))
    parts = _parts(root)
    damage.extend(_misplaced(parts, text, 0))
    levels = [_Level(iter(parts), 0, "module", is_conditional=False, blocks=0)]
    while levels:
        level = levels[-1]
        node = next(level.nodes, None)
        if node is None:
            levels.pop()
            continue
        kind = node.type
        if kind == "expression_statement":
            if level.owner != "function":
                rows.extend(_constants(node, text, level))
            if not node.has_error:
                continue
        elif kind in _IMPORTS:
            if level.owner != "function":
                rows.extend(_imports(node, text, level))
            continue
        elif kind == "type_alias_statement":
            if level.owner != "function":
                rows.extend(_type_alias(node, text, level))
            continue
        elif kind == "exec_statement" or (kind == "print_statement" and not _is_shift(node)):
            damage.append(_damage(node))
        decorators: tuple[str, ...] = ()
        first_line = 0
        if kind == "decorated_definition":
            decorators = tuple(
                one_line(text_of(part, text)[1:].strip())
                for part in node.named_children
                if part.type == "decorator"
            )
            first_line = node.start_point.row + 1
            definition = node.child_by_field_name("definition")
            if definition is not None:
                node, kind = definition, definition.type
        if kind in {"function_definition", "class_definition"} and level.depth < MAX_LEVELS:
            row, body = _definition(node, text, level, decorators, first_line)
            rows.append(row)
            owner: _Owner = "class" if kind == "class_definition" else "function"
            inside = _parts(node) if node.has_error or body is None else (body,)
            levels.append(
                _Level(iter(inside), level.depth + 1, owner, is_conditional=False, blocks=level.blocks)
            )
        elif kind in _CONDITIONS or kind in _INNER or node.has_error:
            parts = _parts(node)
            blocks = level.blocks
            if kind == "block":
                blocks += 1
                damage.extend(_misplaced(parts, text))
                if all(part.type == "comment" for part in parts):
                    damage.append(_start(node.parent or node))
            elif kind == "try_statement" and len(parts) < 2:
                damage.append(_start(node))
            if blocks >= MAX_LEVELS:
                damage.append(_damage(node))
                continue
            levels.append(
                _Level(
                    iter(parts),
                    level.depth,
                    level.owner,
                    level.is_conditional or kind in _CONDITIONS,
                    blocks,
                )
            )
    return rows, damage


def damage_in(root: Node) -> Iterator[Damage]:
    """Yield where a tree holds what could not be parsed, or lacks what must be there."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield _damage(node)
        elif node.has_error:
            waiting.extend(node.children)


def merged(damage: Iterable[Damage], last: int) -> tuple[Damage, ...]:
    """Return the same lines in order, in as few parts as can be; what is behind the *last* line is said of that."""
    found: list[Damage] = []
    held = [Damage(min(part.line, last), min(part.end_line, last)) for part in damage]
    for part in sorted(held, key=lambda part: (part.line, part.end_line)):
        if found and part.line <= found[-1].end_line + 1:
            found[-1] = Damage(found[-1].line, max(part.end_line, found[-1].end_line))
        else:
            found.append(part)
    return tuple(found)


def _damage(node: Node) -> Damage:
    return Damage(node.start_point.row + 1, _last_row(node) + 1)


def _misplaced(statements: list[Node], text: bytes, column: int | None = None) -> Iterator[Damage]:
    """Yield the lines of statements that are not indented as the first one is, which the grammar does not mind."""
    before: Node | None = None
    for node in statements:
        start = node.start_point.column
        if start != column and node.is_named and node.type != "comment" and not node.is_error:
            indent = len(text[node.start_byte - start : node.start_byte].rpartition(b"\f")[2])
            if column is None:
                column = indent
            elif indent != column and (before is None or before.end_point.row != node.start_point.row):
                yield _start(node)
        before = node


def _start(node: Node) -> Damage:
    line = node.start_point.row + 1
    return Damage(line, line)


def _is_shift(node: Node) -> bool:
    """Tell whether ``print >> file`` was taken for a statement of Python 2, which it need not be."""
    return node.named_child_count > 0 and node.named_children[0].type == "chevron"


def _last_row(node: Node) -> int:
    """Return the row of the last character of a node: one that ends where a line begins ends on the line before."""
    end = node.end_point
    return end.row - 1 if end.column == 0 and end.row > node.start_point.row else end.row


def _parts(node: Node) -> list[Node]:
    return node.children if node.has_error else node.named_children


def _definition(
    node: Node, text: bytes, level: _Level, decorators: tuple[str, ...], first_line: int
) -> tuple[SymbolRow, Node | None]:
    """Return the row of a function or class, and its body."""
    name = signature = ""
    is_async = False
    body = None
    for part in node.children:
        kind = part.type
        if kind == "identifier":
            name = name or text_of(part, text)
        elif kind == "parameters":
            signature += parameters(part, text)
        elif kind == "type":
            signature += f" -> {one_line(text_of(part, text))}"
        elif kind == "block":
            body = part
        elif kind == "argument_list":
            signature += bracketed(part, text)
        elif kind == "type_parameter":
            signature = bracketed(part, text)
        elif kind == "async":
            is_async = True
    is_class = node.type == "class_definition"
    line = node.start_point.row + 1
    return (
        SymbolRow(
            level.depth,
            name,
            "class" if is_class else "method" if level.owner == "class" else "function",
            line,
            first_line or line,
            _end_row(node) + 1,
            signature,
            is_async,
            decorators,
            "" if body is None else docstring_line(body, text),
            level.is_conditional,
        ),
        body,
    )


def _end_row(node: Node) -> int:
    """Return the row where the last statement ends; comments behind it belong to the tree of it, too."""
    while node.type in _OPEN_ENDED:
        statements = [part for part in node.named_children if part.type != "comment"]
        if not statements:
            break
        node = statements[-1]
    return _last_row(node)


def _constants(node: Node, text: bytes, level: _Level) -> Iterator[SymbolRow]:
    """Yield the names that a statement assigns."""
    value: Node | None = node.named_children[0] if node.named_child_count == 1 else None
    if value is None or value.type != "assignment":
        return
    kind = value.child_by_field_name("type")
    waiting: list[Node] = []
    while value is not None and value.type == "assignment":
        left = value.child_by_field_name("left")
        waiting[:0] = [] if left is None else [left]
        value = value.child_by_field_name("right")
    if kind is not None:
        signature = f": {cut(text_of(kind, text))}"
    else:
        signature = "" if value is None else f"= {cut(text_of(value, text))}"
    line = node.start_point.row + 1
    while waiting:
        target = waiting.pop()
        if target.type == "identifier":
            yield SymbolRow(
                level.depth,
                text_of(target, text),
                "constant",
                line,
                line,
                _last_row(node) + 1,
                signature,
                is_conditional=level.is_conditional,
            )
        elif target.type in _TARGETS:
            waiting.extend(reversed(target.named_children))


_TARGETS: Final = frozenset({"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern"})


def _type_alias(node: Node, text: bytes, level: _Level) -> Iterator[SymbolRow]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return
    match = re.match(r"(\w+)\s*(.*)", one_line(text_of(left, text)), re.DOTALL)
    if match is not None:
        line = node.start_point.row + 1
        yield SymbolRow(
            level.depth,
            match[1],
            "constant",
            line,
            line,
            _last_row(node) + 1,
            f"{match[2]} = {cut(text_of(right, text))}".lstrip(),
            is_conditional=level.is_conditional,
        )


def _imports(node: Node, text: bytes, level: _Level) -> Iterator[SymbolRow]:
    """Yield the names that an import binds."""
    line = node.start_point.row + 1
    end = _last_row(node) + 1
    from_name = node.child_by_field_name("module_name")
    if node.type == "future_import_statement":
        module = "__future__:"
    else:
        module = "" if from_name is None else f"{dotted(from_name, text)}:"
    for part in node.named_children:
        if part.type == "wildcard_import":
            bound, source = "*", f"{module}*"
        elif part.type == "aliased_import":
            name, alias = part.child_by_field_name("name"), part.child_by_field_name("alias")
            if name is None or alias is None:
                continue
            bound, taken = text_of(alias, text), dotted(name, text)
            source = module + taken if module else f"{taken}:"
        elif part.type == "dotted_name" and part != from_name:
            source = module + dotted(part, text)
            bound = source.rpartition(":")[2] if module else source.partition(".")[0]
        else:
            continue
        yield SymbolRow(
            level.depth, bound, "import", line, line, end, source, is_conditional=level.is_conditional
        )
