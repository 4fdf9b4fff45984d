"""What comes of looking for a definition (layer 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pytest_telemetry.codeintel.symbol_uri import SymbolURI

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_telemetry.codeintel.answer import Answer, Definition
    from pytest_telemetry.codeintel.definitions import Definitions
    from pytest_telemetry.codeintel.skeleton_map import Symbol
    from pytest_telemetry.codeintel.workspace import Workspace

__all__ = ("Place", "Resolution", "Source", "Status", "placed", "placed_module", "places_of", "resolution_of")

Status: TypeAlias = Literal["ok", "ambiguous", "not_found"]
Source: TypeAlias = Literal["ast", "lsp"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is defined; lines count from 1.

    Attributes:
        file: Its name in reports: relative to the workspace, or ``external/...``.
        line: Of ``class``, ``def``, or the statement; 1 for a module.
        end_line: The last one of it; None where *kind* is.
        first_line: The first one of it, with decorators; likewise.
        kind: ``module``, ``class``, ``function``, ``method``, ``constant``, ``parameter`` or ``variable``; None where
            only a server knows the place, and it is not the name of a symbol.
        qualname: Dotted inside the file; empty for a module.
        module: Dotted name of the module; empty where nobody asked for it by one.
        path: The file, absolute; None where a server means something that is no file.
    """

    file: str
    line: int
    end_line: int | None = None
    kind: str | None = None
    qualname: str = ""
    module: str = ""
    path: Path | None = None
    first_line: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what may be reported: all but the absolute path."""
        return {
            "file": self.file,
            "line": self.line,
            "end_line": self.end_line,
            "kind": self.kind,
            "qualname": self.qualname,
            "symbol": self.symbol,
        }

    @property
    def symbol(self) -> str | None:
        """Its ``sym://`` address; None where the module is not known, or has a name that no address can have."""
        names = self.module.split(".")
        if not all(name.isidentifier() for name in names):
            return None
        return str(SymbolURI(tuple(names), tuple(filter(None, self.qualname.split(".")))))


@dataclass(frozen=True, slots=True)
class Resolution:
    """What comes of looking for one definition; ``dict`` makes ``file``, ``line`` and ``kind`` of it.

    Attributes:
        query: What was looked for.
        status: ``ok``, and then there is one place; ``ambiguous``, and then none is said to be it; ``not_found``.
        places: Where it is, or may be.
        source: Who knew: ``ast``, the skeletons; ``lsp``, a language server.
        reason: One word. Why a server did not answer; otherwise what makes it ambiguous or not found, or None.
        detail: The same in a sentence; empty where there is nothing to say.
    """

    query: str
    status: Status
    places: tuple[Place, ...] = ()
    source: Source = "ast"
    reason: str | None = None
    detail: str = ""

    @property
    def place(self) -> Place | None:
        """The place, where there is no doubt about it."""
        return self.places[0] if self.status == "ok" else None

    @property
    def candidates(self) -> tuple[Place, ...]:
        """Where it may be, if that is not certain."""
        return self.places if self.status == "ambiguous" else ()

    @property
    def file(self) -> str | None:
        """The file of the place."""
        return None if self.place is None else self.place.file

    @property
    def line(self) -> int | None:
        """The line of the place."""
        return None if self.place is None else self.place.line

    @property
    def end_line(self) -> int | None:
        """The last line of the place."""
        return None if self.place is None else self.place.end_line

    @property
    def kind(self) -> str | None:
        """What stands at the place."""
        return None if self.place is None else self.place.kind

    @property
    def qualname(self) -> str | None:
        """What it is called there."""
        return None if self.place is None else self.place.qualname

    def keys(self) -> Sequence[str]:
        """Return what `dict` takes."""
        return ("file", "line", "kind")

    def __getitem__(self, key: str) -> Any:
        if key not in self.keys():
            raise KeyError(key)
        return getattr(self, key)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, as JSON can hold it."""
        return {
            "query": self.query,
            "status": self.status,
            "file": self.file,
            "line": self.line,
            "end_line": self.end_line,
            "kind": self.kind,
            "qualname": self.qualname,
            "candidates": [place.as_dict() for place in self.candidates],
            "source": self.source,
            "reason": self.reason,
            "detail": self.detail,
        }


def places_of(
    found: Sequence[Definition], definitions: Definitions, workspace: Workspace
) -> tuple[Place, ...]:
    """Return definitions as places."""
    return tuple(_place(definition, definitions, workspace) for definition in found)


def resolution_of(query: str, answer: Answer, definitions: Definitions, workspace: Workspace) -> Resolution:
    """Return what an answer of the skeletons means."""
    status: Status = "not_found" if not answer.found else "ok"
    if len(answer.found) > 1 or (answer.found and not answer.is_certain):
        status = "ambiguous"
    words = [doubt.word for doubt in answer.doubts]
    reason = None if status == "ok" else words[0] if words else "conditional"
    detail = "; ".join(doubt.text for doubt in answer.doubts)
    if status == "ambiguous" and not detail:
        detail = "it depends on a condition, or on which directory comes first, which of them it is"
    return Resolution(query, status, places_of(answer.found, definitions, workspace), "ast", reason, detail)


def _place(definition: Definition, definitions: Definitions, workspace: Workspace) -> Place:
    path, symbol, module = definition.module.file, definition.symbol, definition.module.name
    assert path is not None, "what has no file is not found"  # noqa: S101 - by the contract of Definitions
    name = workspace.name(path)
    if symbol is None:
        return placed_module(name, definitions.source(path), module, path)
    return placed(name, symbol, module, path)


def placed(file: str, symbol: Symbol, module: str = "", path: Path | None = None) -> Place:
    """Return where a symbol of a file is."""
    return Place(
        file, symbol.line, symbol.end_line, symbol.kind, symbol.qualname, module, path, symbol.first_line
    )


def placed_module(file: str, source: bytes, module: str = "", path: Path | None = None) -> Place:
    """Return where a module is: all of its file."""
    return Place(file, 1, source.rstrip(b"\n").count(b"\n") + 1, "module", "", module, path, 1)
