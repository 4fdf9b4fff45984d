"""Searches the symbols of a workspace by name (layer 2)."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.codeintel.modules import Modules
from pytest_telemetry.codeintel.reports import Reports
from pytest_telemetry.codeintel.resolution import placed
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.workspace import Workspace, text_bytes
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_telemetry.codeintel.answer import Builder
    from pytest_telemetry.codeintel.reports import Reporting
    from pytest_telemetry.codeintel.resolution import Place
    from pytest_telemetry.codeintel.skeleton_map import Symbol

__all__ = ("Hit", "Progress", "SearchResult", "python_files", "search_symbols")

Progress: TypeAlias = "Callable[[int, int], object]"
"""Told how many files were looked at, and how many there are."""

_NOT_OURS: Final = frozenset({"__pycache__", "__pypackages__", "node_modules", "site-packages", "_ctx"})


@dataclass(frozen=True, slots=True)
class Hit:
    """A symbol that was found.

    Attributes:
        place: Where it is.
        text: What is disclosed of it: its kind, name and signature.
    """

    place: Place
    text: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**self.place.as_dict(), "text": self.text}


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found.

    Attributes:
        hits: The best ones first.
        total: How many there were.
        files: In how many files was looked.
        unread: Names of files and directories that could not be read.
        bytes_read: How long the texts of the hits are in UTF-8, each with a line end.
    """

    hits: tuple[Hit, ...]
    total: int
    files: int
    unread: tuple[str, ...]
    bytes_read: int


def search_symbols(
    query: str,
    telemetry: Reporting = None,
    workspace: str | os.PathLike[str] = ".",
    *,
    builder: Builder | None = None,
    limit: int = 50,
    progress: Progress | None = None,
) -> SearchResult:
    """Return the classes, functions and constants whose dotted name contains *query*, and record ``code.search``.

    That is the name of the module and the name in it; a part of the former alone is no hit. Case does not matter. What
    is called so comes before what begins so, and that before the rest. Only files that may hold the text are parsed;
    links, hidden directories, virtual environments and caches are left out.

    Args:
        query: A part of a name.
        telemetry: Where it is recorded: a context or a run.
        workspace: The directory to search in.
        builder: Makes the skeletons; by default one without a cache.
        limit: How many hits are returned.
        progress: Told of each file how many were looked at, and how many there are.

    Raises:
        UnusableInput: The query is empty, or the workspace no directory.
        MissingExtra: tree-sitter is not installed.
    """
    reports = Reports(telemetry)
    began = reports.mono_ns()
    result = None
    try:
        if not query.strip():
            raise UnusableInput("the query is empty: write a part of a name")
        result = _searched(
            query.strip(),
            Workspace(workspace),
            builder or SkeletonMapBuilder(telemetry, workspace),
            limit,
            progress,
        )
    finally:
        status = "error" if result is None else "ok" if result.total else "not_found"
        reports.span(
            "code.search",
            reports.mono_ns() - began,
            status,
            args={"query": query},
            result={} if result is None else {"hits": result.total, "files": result.files},
            bytes_read=0 if result is None else result.bytes_read,
            disclosure_mode="skeleton",
        )
    return result


def python_files(root: Path, refused: Callable[[Path], object]) -> Iterator[Path]:
    """Yield the Python files below a directory in the order of their names.

    Links, pipes, hidden directories, virtual environments and caches are left out.

    Args:
        root: The directory.
        refused: Told of each directory that cannot be read, and each file that cannot be looked at.
    """
    for directory, names, files in os.walk(root, onerror=lambda error: refused(Path(error.filename or root))):
        names[:] = sorted(name for name in names if _is_ours(Path(directory, name)))
        for name in sorted(files):
            path = Path(directory, name)
            if path.suffix not in {".py", ".pyi"}:
                continue
            try:
                is_regular = stat.S_ISREG(path.lstat().st_mode)
            except OSError:
                refused(path)
                continue
            if is_regular:
                yield path


def _is_ours(directory: Path) -> bool:
    name = directory.name
    return not (
        name.startswith(".") or name in _NOT_OURS or os.path.isfile(directory / "pyvenv.cfg")  # noqa: PTH113 - false also where nobody may look
    )


def _searched(
    query: str, workspace: Workspace, builder: Builder, limit: int, progress: Progress | None
) -> SearchResult:
    wanted = query.casefold()
    parts = [part for part in wanted.split(".") if part.isascii()]
    modules = Modules(workspace)
    found: list[tuple[tuple[int, str, int], Hit]] = []
    unread: list[str] = []
    files = [*python_files(workspace.root, lambda refused: unread.append(workspace.name(refused)))]
    for number, path in enumerate(files, 1):
        if progress is not None:
            progress(number, len(files))
        name = workspace.name(path)
        try:
            code = text_bytes(path)
        except OSError:
            unread.append(name)
            continue
        lower, module = code.lower(), modules.name_of(path)
        if code.isascii() and not all(part.encode() in lower or part in module.casefold() for part in parts):
            continue  # other text may become what is wanted: that of a sharp s is ss, once case does not matter
        for symbol in builder.parse_python(code, path).walk():
            rank = None if symbol.kind == "import" else _rank(symbol, module, wanted)
            if rank is not None:
                hit = Hit(placed(name, symbol, module, path), _text(symbol))
                found.append(((rank, name, symbol.line), hit))
    found.sort(key=lambda ranked: ranked[0])
    hits = tuple(hit for _, hit in found[:limit])
    disclosed = sum(len(hit.text.encode()) + 1 for hit in hits)
    return SearchResult(hits, len(found), len(files), tuple(unread), disclosed)


def _rank(symbol: Symbol, module: str, wanted: str) -> int | None:
    """Return how good a hit is, 0 for the best, or None for none: one in the name of the module alone is none."""
    name, qualname = symbol.name.casefold(), symbol.qualname.casefold()
    dotted = f"{module.casefold()}.{qualname}"
    at = dotted.rfind(wanted)
    if at < 0 or at + len(wanted) <= len(dotted) - len(qualname):
        return None
    if wanted in {name, qualname} or dotted.endswith(f".{wanted}") or dotted == wanted:
        return 0
    return 1 if any(each.startswith(wanted) for each in (name, qualname, dotted)) else 2


def _text(symbol: Symbol) -> str:
    space = " " if symbol.signature.startswith("=") else ""
    return f"{symbol.kind} {symbol.qualname}{space}{symbol.signature}"
