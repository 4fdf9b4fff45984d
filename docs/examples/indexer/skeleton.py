"""Parses a module into its skeleton: the names it defines, and the names it imports.

This module takes its context from the surroundings instead of being handed one: `timed` and `current_context` look
it up at each call, so that a test's recorder, or nobody, may be listening.

Telemetry: span ``ast.parse`` (``file``, ``definitions``, ``imports``).
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_telemetry import current_context, timed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ("ParsingError", "Skeleton", "module_name", "parse")


class ParsingError(ValueError):
    """A file does not parse."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What a module holds at its top level.

    Attributes:
        file: Its path below the root.
        definitions: The line of each class, function and variable.
        imports: The symbol behind each imported name: ``{"join": "posixpath.join"}``.
        stars: The modules of which everything is imported.
    """

    file: str
    definitions: Mapping[str, int]
    imports: Mapping[str, str]
    stars: tuple[str, ...] = ()


@timed("ast.parse")
def parse(text: str, file: str) -> Skeleton:
    """Return the skeleton of the module in *file*.

    Raises:
        ParsingError: The text is not Python of the running version.
    """
    context = current_context()
    context.set(file=file)
    nodes = list(_top_level(_tree(text, file).body))
    backwards = nodes[::-1]  # of several branches that define a name, the first counts
    definitions = {name: line for node in backwards for name, line in _defined(node)}
    imports = {name: symbol for node in backwards for name, symbol in _imported(node, file)}
    context.set(definitions=len(definitions), imports=len(imports))
    return Skeleton(file, definitions, imports, tuple(_stars(nodes, file)))


def module_name(file: str) -> str:
    """Return the dotted name under which *file* is imported."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _tree(text: str, file: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a parsed file is warned about concerns its authors
        try:
            return ast.parse(text, filename=file)
        except (SyntaxError, ValueError) as error:  # null bytes are a ValueError up to Python 3.11
            raise ParsingError(f"{file} does not parse: {error}") from error


def _top_level(nodes: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    """Yield the statements that run when the module is imported, those below ``if`` and ``try`` among them."""
    for node in nodes:
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, ast.If | ast.Try | ast.ExceptHandler):
            yield from _top_level(ast.iter_child_nodes(node))


def _defined(node: ast.stmt) -> Iterator[tuple[str, int]]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name, node.lineno
        case ast.Assign(targets=targets):
            yield from ((target.id, node.lineno) for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name, node.lineno


def _imported(node: ast.stmt, file: str) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Import(names=names):
            yield from ((alias.asname, alias.name) for alias in names if alias.asname)
        case ast.ImportFrom(names=names):
            origin = _origin(node, file)
            yield from (
                (alias.asname or alias.name, f"{origin}.{alias.name}") for alias in names if alias.name != "*"
            )


def _stars(nodes: Iterable[ast.stmt], file: str) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield _origin(node, file)


def _origin(node: ast.ImportFrom, file: str) -> str:
    """Return the absolute name of the module that *node* imports from."""
    package = file.split("/")[: -node.level] if node.level else []
    return ".".join((*package, *([node.module] if node.module else [])))
