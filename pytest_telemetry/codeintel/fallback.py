"""Asks a language server for a definition, and says what is done where it does not give one (layer 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from pytest_telemetry.codeintel.lsp_errors import NotReady, ServerGone
from pytest_telemetry.codeintel.resolution import Place, Resolution, placed, placed_module
from pytest_telemetry.codeintel.workspace import is_file
from pytest_telemetry.model.errors import TelemetryError, UnusableInput
from pytest_telemetry.model.lsp import UNASKED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_telemetry.codeintel.definitions import Definitions
    from pytest_telemetry.codeintel.reports import Reports
    from pytest_telemetry.codeintel.skeleton_map import Symbol
    from pytest_telemetry.codeintel.workspace import Workspace

__all__ = (
    "DefinitionServer",
    "LanguageServer",
    "NoAnswer",
    "Question",
    "Reason",
    "definition_of",
    "fallen_back",
)

Reason: TypeAlias = Literal["timeout", "error", "empty", "not_ready", "no_such_line", "exited", "no_server"]

_NOT_STARTED: Final = frozenset(
    {"missing_workspace", "missing_warmup_file", "missing_binary", "not_executable"}
)

METHOD: Final = "textDocument/definition"


class _Location(Protocol):
    """A place that a server names."""

    @property
    def file(self) -> str:
        """Its name in reports."""

    @property
    def line(self) -> int:
        """From 1."""

    @property
    def col(self) -> int:
        """From 0, in characters."""

    @property
    def end_line(self) -> int:
        """Where the next character would stand."""

    @property
    def end_col(self) -> int:
        """Likewise."""

    @property
    def path(self) -> Path | None:
        """The file, absolute."""


class _Reply(Protocol):
    """What a server answers."""

    @property
    def locations(self) -> Sequence[_Location]:
        """None where it knows of no place."""


class DefinitionServer(Protocol):
    """What is asked: an `LSPClient`, or what does the same."""

    def definition(self, file: Path, line: int, col: int) -> _Reply:
        """Return where that is defined which stands at a place."""


class LanguageServer(DefinitionServer, Protocol):
    """What can be asked about a file that does not exist."""

    def open(self, file: Path, text: str | None = None) -> object:
        """Tell that *file* is open, and what is in it."""

    def close_file(self, file: Path) -> object:
        """Tell that it is not open any more."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A server gave no answer.

    Attributes:
        reason: Why, in a word.
        text: What was raised; empty where nothing was. It is not recorded: a server may have written anything there.
    """

    reason: Reason
    text: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Where that is defined which stands at a place.

    Attributes:
        query: The question as it was asked.
        file: Where it stands.
        line: From 1.
        col: From 0, in characters.
    """

    query: str
    file: Path
    line: int
    col: int


def definition_of(
    client: DefinitionServer | None, question: Question, definitions: Definitions, workspace: Workspace
) -> Resolution | NoAnswer:
    """Return the answer of a server, or why there is none."""
    if client is None:
        return NoAnswer("no_server")
    try:
        found = client.definition(question.file, question.line, question.col).locations
    except (TimeoutError, ConnectionError, TelemetryError, ValueError) as error:
        return NoAnswer(_reason(error), str(error))
    if not found:
        return NoAnswer("empty")
    places = {(each.file, each.line): _known(each, definitions, workspace) for each in found}
    status: Literal["ok", "ambiguous"] = "ok" if len(places) == 1 else "ambiguous"
    return Resolution(
        question.query, status, tuple(places.values()), "lsp", None if status == "ok" else "several"
    )


def fallen_back(
    reports: Reports, client: object, answer: NoAnswer, file: str, resolution: Resolution
) -> Resolution:
    """Record that *resolution*, which skeletons gave, stands for an answer of the server; return it with the reason."""
    reports.event(
        "lsp.fallback",
        resolution.status,
        args={"method": METHOD, "file": file},
        reason=answer.reason,
        fallback_to="ast",
        server=getattr(client, "server", None),
    )
    if answer.reason not in UNASKED:
        reports.count("lsp_fallback_count")
    detail = "; ".join(filter(None, (answer.text, resolution.detail)))
    return replace(resolution, reason=answer.reason, detail=detail)


def _reason(error: Exception) -> Reason:
    """Return the word for what a client raises, which may be another one than ours."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, UnusableInput) or (isinstance(error, ServerGone) and error.reason in _NOT_STARTED):
        return "no_server"
    if isinstance(error, ConnectionError):
        return "exited"
    if isinstance(error, ValueError):  # an editor has given it another text
        return "no_such_line"
    return "not_ready" if isinstance(error, NotReady) else "error"


def _known(location: _Location, definitions: Definitions, workspace: Workspace) -> Place:
    """Return the place with what is known of it: that it is the name of a symbol, or the beginning of a module."""
    place = Place(location.file, location.line, path=location.path)
    path = location.path
    if path is None or path.suffix not in {".py", ".pyi"} or not workspace.holds(path) or not is_file(path):
        return place  # what is no file may be a pipe, which is not waited for
    try:
        symbols, source = definitions.skeleton(path).walk(), definitions.source(path)
    except OSError:
        return place
    begin, end = (location.line, location.col), (location.end_line, location.end_col)
    if begin == end == (1, 0):
        return placed_module(location.file, source, path=path)
    lines = source.decode().split("\n")
    named = [each for each in symbols if each.line == location.line and (begin, end) == _name_of(each, lines)]
    return placed(location.file, named[0], path=path) if len(named) == 1 else place


def _name_of(symbol: Symbol, lines: Sequence[str]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return where the name of a symbol begins and ends, in the line where the symbol does: it stands there first."""
    found = re.search(rf"\b{re.escape(symbol.name)}\b", lines[symbol.line - 1])
    return None if found is None else ((symbol.line, found.start()), (symbol.line, found.end()))
