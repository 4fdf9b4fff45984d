"""Finds what a ``sym://`` address means (layer 2)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.codeintel.answer import Answer
from pytest_telemetry.codeintel.definitions import Definitions
from pytest_telemetry.codeintel.fallback import Question, definition_of, fallen_back
from pytest_telemetry.codeintel.modules import Modules
from pytest_telemetry.codeintel.reports import Reports
from pytest_telemetry.codeintel.resolution import Resolution, resolution_of
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.symbol_uri import SymbolURI
from pytest_telemetry.codeintel.workspace import Workspace
from pytest_telemetry.model.errors import TelemetryError, UnusableInput
from pytest_telemetry.model.wording import brief

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pytest_telemetry.codeintel.answer import Builder
    from pytest_telemetry.codeintel.fallback import LanguageServer
    from pytest_telemetry.codeintel.reports import Reporting

__all__ = ("Selector",)

_QUERY_NUMBERS: Final = itertools.count(1)
"""Each question has a file of its own: several threads, and several selectors, may ask one client at once."""


class Selector:
    """Finds what ``sym://`` addresses mean: from skeletons, or by asking a language server first.

    It may be called by several threads at once.
    One that cannot be decided is ``ambiguous`` and has candidates; nothing is guessed. Each call reads the files as
    they are then, and records one ``selector.resolve``.

    Args:
        telemetry: Where it reports: a context or a run.
        workspace: What the modules are in.
        client: A language server that is asked first, for answers and not only for skeletons; what it does not answer
            is answered from skeletons, which is recorded as ``lsp.fallback``.
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
        client: LanguageServer | None = None,
        builder: Builder | None = None,
        roots: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        self._workspace = Workspace(workspace)
        self._modules = Modules(self._workspace, roots)
        self._builder: Builder = builder or SkeletonMapBuilder(telemetry, workspace)
        self._reports = Reports(telemetry)
        self._client = client

    def resolve_symbol(self, query: str) -> Resolution:
        """Return where the symbol is that *query* addresses.

        Raises:
            InvalidSymbol: It is no address.
            OutsideRoots: A link leads out of the workspace and all roots.
            UnusableInput: A file of it cannot be read.
        """
        began = self._reports.mono_ns()
        try:
            resolution = self._resolved(query, SymbolURI.parse(query))
        except OSError as error:
            self._report(began, query, "error", {"reason": "unreadable"})
            name = self._workspace.name(error.filename or ".")
            raise UnusableInput(f"{name}: {error.strerror or error}: {query} cannot be looked for") from error
        except TelemetryError as error:
            self._report(began, query, "error", {"reason": type(error).__name__})
            raise
        self._report(
            began,
            query,
            resolution.status,
            {
                "file": resolution.file,
                "line": resolution.line,
                "kind": resolution.kind,
                "candidates": len(resolution.candidates) or None,
                "reason": resolution.reason,
            },
            source=resolution.source,
        )
        return resolution

    def _report(self, began: int, query: Any, status: str, result: dict[str, Any], **attrs: Any) -> None:
        shown = query if isinstance(query, str) else brief(query)
        args = {"symbol_query": shown}
        self._reports.span(
            "selector.resolve", self._reports.mono_ns() - began, status, args=args, result=result, **attrs
        )

    def _resolved(self, query: str, symbol: SymbolURI) -> Resolution:
        definitions = Definitions(self._modules, self._builder)
        if self._client is None or symbol.older is not None:  # a server is asked for one meaning
            return self._by_skeletons(query, symbol, definitions)
        first, second = f"import {'.'.join(symbol.module)}", ".".join(symbol.names)
        line = 2 if symbol.member else 1
        file = self._workspace.root / f"__symbol_query_{next(_QUERY_NUMBERS)}__.py"
        answered = definition_of(
            _WithText(self._client, f"{first}\n{second}\n"),
            Question(query, file, line, len((first, second)[line - 1]) - 1),
            definitions,
            self._workspace,
        )
        if isinstance(answered, Resolution):
            return answered
        resolution = self._by_skeletons(query, symbol, definitions)
        return fallen_back(self._reports, self._client, answered, file.name, resolution)

    def _by_skeletons(self, query: str, symbol: SymbolURI, definitions: Definitions) -> Resolution:
        answers = [definitions.of_module(symbol.module, symbol.member)]
        if symbol.older is not None:
            answers.append(definitions.of_module(symbol.older.module, ()))
        return resolution_of(query, Answer.joined(answers), definitions, self._workspace)


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """What a server answers, without the places in the file that it was asked about."""

    locations: Sequence[Any]


class _WithText:
    """Asks a server about a file that holds a text for so long, and is no answer itself."""

    def __init__(self, client: LanguageServer, text: str) -> None:
        self._client = client
        self._text = text

    def definition(self, file: Path, line: int, col: int) -> _Elsewhere:
        """Return where that is defined which stands at a place."""
        self._client.open(file, self._text)
        try:
            found = self._client.definition(file, line, col).locations
            return _Elsewhere([each for each in found if each.path != file])
        finally:
            self._client.close_file(file)
