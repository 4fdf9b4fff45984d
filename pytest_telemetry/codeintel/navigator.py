"""Finds where that is defined which stands at a place: a language server says it, or else skeletons do (layer 2)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_telemetry.codeintel.answer import Answer, Doubt
from pytest_telemetry.codeintel.definitions import Definitions, scopes_at
from pytest_telemetry.codeintel.fallback import Question, definition_of, fallen_back
from pytest_telemetry.codeintel.modules import Module, Modules, OutsideRoots
from pytest_telemetry.codeintel.name_at import name_at
from pytest_telemetry.codeintel.reports import Reports
from pytest_telemetry.codeintel.resolution import Place, Resolution, resolution_of
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.workspace import Workspace
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_telemetry.codeintel.answer import Builder
    from pytest_telemetry.codeintel.fallback import DefinitionServer
    from pytest_telemetry.codeintel.name_at import NameAt
    from pytest_telemetry.codeintel.reports import Reporting

__all__ = ("Navigator",)


class Navigator:
    """Finds definitions by asking a language server, which is never waited for longer than its client does.

    What the server does not answer, because it is late, fails, is not READY, has ended, is not there, or knows of no
    place, is answered from skeletons. The answer then has the source ``ast`` and the reason, and is recorded as
    ``lsp.fallback``.

    Args:
        telemetry: Where it reports: a context or a run.
        workspace: What the files are in.
        client: The language server; None for none.
        builder: Makes the skeletons; by default one without a cache.
        roots: Where modules are that the workspace does not have, in order: the standard library, ``site-packages``.

    Raises:
        UnusableInput: The workspace or a root is no directory.
        MissingExtra: tree-sitter is not installed.
    """

    def __init__(
        self,
        telemetry: Reporting = None,
        workspace: str | os.PathLike[str] = ".",
        *,
        client: DefinitionServer | None = None,
        builder: Builder | None = None,
        roots: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        self._workspace = Workspace(workspace)
        self._modules = Modules(self._workspace, roots)
        self._builder: Builder = builder or SkeletonMapBuilder(telemetry, workspace)
        self._reports = Reports(telemetry)
        self._client = client

    def definition(self, file: str | os.PathLike[str], line: int, col: int) -> Resolution:
        """Return where that is defined which stands at a place of a file.

        Args:
            file: Named relative to the workspace.
            line: From 1.
            col: From 0, in characters; a name is also found at its end.

        Raises:
            OutsideRoots: The file is outside of the workspace, or a link leads there.
            UnusableInput: It cannot be read, is binary, or has no such line or column.
        """
        name = self._workspace.name(file)
        if not self._workspace.holds(file):
            raise OutsideRoots(f"{os.fspath(file)}: is outside of the workspace: name a file in it")
        definitions = Definitions(self._modules, self._builder)
        path = self._workspace.file(file)
        query = f"{name}:{line}:{col}"
        try:
            lines = definitions.source(path).decode().split("\n")
            if not 1 <= line <= len(lines):
                raise UnusableInput(f"{name}: has no line {line:,}: name one from 1 to {len(lines):,}")
            length = len(lines[line - 1])
            if col > length:
                size = plural(length, "character")
                raise UnusableInput(f"{name}: line {line:,} has {size}: name a column that it has")
            if col < 0:
                raise UnusableInput(f"{query}: there is no such column: columns count from 0")
            answered = definition_of(
                self._client, Question(query, path, line, col), definitions, self._workspace
            )
            if isinstance(answered, Resolution):
                return answered
            resolution = self._by_skeletons(query, path, line, col, definitions)
        except OSError as error:
            unread = self._workspace.name(error.filename) if error.filename else name
            raise UnusableInput(
                f"{unread}: {error.strerror or error}: no definition can be looked for in it"
            ) from error
        return fallen_back(self._reports, self._client, answered, name, resolution)

    def _by_skeletons(
        self, query: str, path: Path, line: int, col: int, definitions: Definitions
    ) -> Resolution:
        found = name_at(definitions.source(path), line, col)
        if found is None:
            text = "no name stands there that can be looked up in this file"
            return Resolution(query, "not_found", reason="no_name", detail=text)
        module = Module(self._modules.name_of(path), path)
        answer = _answer(found, module, line, definitions)
        if answer.found or found.line is None or found.binding == "import" or len(found.names) > 1:
            return resolution_of(query, answer, definitions, self._workspace)
        kind = found.binding or "variable"
        own = Place(
            self._workspace.name(path), found.line, found.line, kind, found.names[0], module.name, path
        )
        return Resolution(query, "ok", (own,))


def _answer(found: NameAt, module: Module, line: int, definitions: Definitions) -> Answer:
    """Return what skeletons say of a name: nothing of parameters and variables of functions."""
    symbols = () if module.file is None else definitions.skeleton(module.file).symbols
    if found.binding == "import":
        return definitions.imported(module, found.imported, found.names[1:])
    if found.binding is None:
        return definitions.in_scopes(module, scopes_at(symbols, line)[: found.depth], found.names)
    wanted = found.line if found.binding == "definition" else found.owner if len(found.names) > 1 else None
    inner = next((scope for scope in scopes_at(symbols, wanted or 0) if scope.line == wanted), None)
    if inner is not None:
        return definitions.in_symbol(module, inner, found.names[1:])
    return Answer(doubts=(Doubt("no_name", f"what {found.names[0]} holds is not known"),))
