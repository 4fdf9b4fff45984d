"""What a language server answers, in lines and columns of ours (layer 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pytest_telemetry.codeintel.lsp_documents import path_of, text_on_disk
from pytest_telemetry.codeintel.lsp_errors import LSPError
from pytest_telemetry.codeintel.lsp_positions import column_of, lines_of
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.path_form import label_for

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry.codeintel.lsp_documents import Documents
    from pytest_telemetry.codeintel.lsp_positions import PositionEncoding
    from pytest_telemetry.codeintel.workspace import Workspace

__all__ = (
    "Answer",
    "DefinitionReply",
    "DocumentSymbol",
    "HoverReply",
    "Location",
    "ReplyReader",
    "SymbolsReply",
)

Answer: TypeAlias = Literal["ok", "empty"]

_MISSHAPEN: Final = (AttributeError, LookupError, OverflowError, TypeError, ValueError)
_DEEPEST: Final = 100
"""Levels of symbols that are read; no source is nested like that."""


@dataclass(frozen=True, slots=True)
class Location:
    """A stretch of a file; lines count from 1, columns from 0 in characters.

    Attributes:
        file: Its name in reports: relative to the workspace, or ``external/...``.
        line: Where it begins.
        col: Likewise.
        end_line: Where the next character would stand.
        end_col: Likewise.
        path: The file; None where the server means something that is no file.
        uri: What the server calls it.
    """

    file: str
    line: int
    col: int
    end_line: int
    end_col: int
    path: Path | None
    uri: str


@dataclass(frozen=True, slots=True)
class DefinitionReply:
    """Where something is defined, or used.

    Attributes:
        status: ``empty`` where the server knows of no place; that is an answer, and no error.
        locations: In the order of the server.
    """

    status: Answer
    locations: tuple[Location, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.locations)


@dataclass(frozen=True, slots=True)
class HoverReply:
    """What is known of a place.

    Attributes:
        status: ``empty`` where nothing is.
        text: As the server wrote it, plain or Markdown.
    """

    status: Answer
    text: str

    @property
    def count(self) -> int:
        """1 where something is known."""
        return int(bool(self.text))


@dataclass(frozen=True, slots=True)
class DocumentSymbol:
    """What a file defines; lines count from 1, columns from 0 in characters.

    Attributes:
        name: Of the symbol.
        kind: Number of the protocol's ``SymbolKind``: 5 is a class, 6 a method, 12 a function.
        line: Of its name.
        col: Likewise.
        first_line: Of all of it.
        end_line: Likewise.
        children: What is defined inside.
    """

    name: str
    kind: int
    line: int
    col: int
    first_line: int
    end_line: int
    children: tuple[DocumentSymbol, ...]


@dataclass(frozen=True, slots=True)
class SymbolsReply:
    """What a file defines.

    Attributes:
        status: ``empty`` where that is nothing.
        symbols: The outermost; servers that do not tell what is inside of what give all of them.
    """

    status: Answer
    symbols: tuple[DocumentSymbol, ...]

    @property
    def count(self) -> int:
        """How many outermost ones there are."""
        return len(self.symbols)


class ReplyReader:
    """Reads what is below ``result``, in every shape that the protocol allows.

    Each method raises `LSPError` for any other.

    Args:
        workspace: Names files.
        documents: Have the text of the files that are open; others are read.
        encoding: What the server counts columns in.
    """

    def __init__(self, workspace: Workspace, documents: Documents, encoding: PositionEncoding) -> None:
        self._workspace = workspace
        self._documents = documents
        self._encoding: PositionEncoding = encoding
        self._read: dict[Path, list[str]] = {}

    def locations(self, result: Any) -> DefinitionReply:
        """Read null, a ``Location``, an array of them or of ``LocationLink``."""
        try:
            found = tuple(self._location(each) for each in _listed(result))
        except _MISSHAPEN as error:
            raise _unreadable("locations", error) from error
        return DefinitionReply("ok" if found else "empty", found)

    def hover(self, result: Any) -> HoverReply:
        """Read null or a ``Hover``, whose contents are marked up in one of three ways, or an array of them."""
        try:
            contents = None if result is None else result["contents"]
            texts = [each if isinstance(each, str) else each["value"] for each in _listed(contents)]
            text = "\n\n".join(part for part in texts if part)
        except _MISSHAPEN as error:
            raise _unreadable("a hover", error) from error
        return HoverReply("ok" if text else "empty", text)

    def symbols(self, result: Any, path: Path) -> SymbolsReply:
        """Read null, an array of ``DocumentSymbol`` or of ``SymbolInformation``, of the file *path*."""
        try:
            lines = self._lines(path)
            found = tuple(self._symbol(each, lines, _DEEPEST) for each in _listed(result))
        except _MISSHAPEN as error:
            raise _unreadable("symbols", error) from error
        return SymbolsReply("ok" if found else "empty", found)

    def _location(self, item: Any) -> Location:
        uri, spanned = (
            (item["targetUri"], item["targetSelectionRange"])
            if "targetUri" in item
            else (item["uri"], item["range"])
        )
        path = path_of(uri)
        lines = [] if path is None else self._lines(path)
        file = f"external/{label_for(uri)}" if path is None else self._workspace.name(path)
        line, col = self._place(spanned["start"], lines)
        end_line, end_col = self._place(spanned["end"], lines)
        return Location(file, line, col, end_line, end_col, path, uri)

    def _symbol(self, item: Any, lines: list[str], depth: int) -> DocumentSymbol:
        if not depth:
            raise ValueError(f"more than {_DEEPEST} levels")
        whole = item["range"] if "range" in item else item["location"]["range"]
        line, col = self._place(item.get("selectionRange", whole)["start"], lines)
        children = tuple(self._symbol(each, lines, depth - 1) for each in item.get("children") or ())
        first, last = self._place(whole["start"], lines)[0], self._place(whole["end"], lines)[0]
        return DocumentSymbol(str(item["name"]), int(item["kind"]), line, col, first, last, children)

    def _place(self, position: Any, lines: list[str]) -> tuple[int, int]:
        """Return line and column; in a file that cannot be read, a column is what the server counts."""
        line, units = int(position["line"]), int(position["character"])
        if line < 0 or units < 0:
            raise ValueError(f"line {line}, character {units}")
        return line + 1, column_of(lines[line], units, self._encoding) if line < len(lines) else units

    def _lines(self, path: Path) -> list[str]:
        document = self._documents.get(path)
        if document is not None:
            return document.lines
        if path not in self._read:
            try:
                self._read[path] = lines_of(text_on_disk(path)[0])
            except UnusableInput:
                self._read[path] = []
        return self._read[path]


def _listed(result: Any) -> list[Any]:
    return [] if result is None else result if isinstance(result, list) else [result]


def _unreadable(what: str, error: Exception) -> LSPError:
    return LSPError(f"the server answered with what are no {what}: {type(error).__name__}: {error}")
