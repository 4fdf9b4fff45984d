"""Makes skeletons of Python files, whole or broken, and reports what that cost (layer 2)."""

from __future__ import annotations

from functools import cache as once
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from pytest_telemetry.codeintel.python_source import python_source
from pytest_telemetry.codeintel.reports import Reports
from pytest_telemetry.codeintel.skeleton_map import SkeletonMap, symbols_of
from pytest_telemetry.codeintel.skeleton_repair import isolated, repaired
from pytest_telemetry.codeintel.skeleton_tree import damage_in, merged, rows_of
from pytest_telemetry.codeintel.workspace import Workspace, text_bytes
from pytest_telemetry.model.errors import MissingExtra, UnusableInput

if TYPE_CHECKING:
    import os
    from typing import Self

    from tree_sitter import Language, Tree

    from pytest_telemetry.codeintel.python_source import PythonSource
    from pytest_telemetry.codeintel.reports import Reporting
    from pytest_telemetry.codeintel.skeleton_cache import SkeletonCache

__all__ = ("FORMAT", "OpenDocument", "SkeletonMapBuilder", "parser_version", "python_tree")

FORMAT: Final = 2
"""Version of what is read out of a tree: one more whenever a skeleton of the same file would be another."""


class SkeletonMapBuilder:
    """Makes skeletons; may be used by several threads at once.

    Args:
        telemetry: A context or a run, which ``ast.parse`` and ``ast.cache.*`` go to.
        workspace: The directory that files are named relative to.
        cache: Keeps skeletons; what it knows is not parsed again.

    Raises:
        MissingExtra: tree-sitter is not installed.
        UnusableInput: The workspace is no directory.
    """

    def __init__(
        self,
        telemetry: Reporting = None,
        workspace: str | os.PathLike[str] = ".",
        cache: SkeletonCache | None = None,
    ) -> None:
        self._version = parser_version()
        self._reports = Reports(telemetry)
        self._workspace = Workspace(workspace)
        self._cache = cache

    def parse_python(self, code: str | bytes, file_path: str | os.PathLike[str]) -> SkeletonMap:
        """Return the skeleton of a file that holds *code*; nothing in it makes this fail.

        The file is not looked at. Bytes are decoded as Python would, see `python_source`.
        """
        return self._skeleton(code, self._workspace.name(file_path))

    def parse_file(self, path: str | os.PathLike[str]) -> SkeletonMap:
        """Return the skeleton of a file.

        Raises:
            UnusableInput: It cannot be read, or is binary; this is an ``ast.parse`` with status ``error``.
        """
        name = self._workspace.name(path)
        begin = self._reports.mono_ns()
        try:
            code = text_bytes(self._workspace.file(path))
        except OSError as error:
            self._reports.span("ast.parse", self._reports.mono_ns() - begin, "error", args={"file": name})
            raise UnusableInput(
                f"{name}: {error.strerror or error}: pass a Python file, named relative to the workspace"
            ) from error
        return self._skeleton(code, name)

    def open(self, code: str | bytes, file_path: str | os.PathLike[str]) -> OpenDocument:
        """Return a file that is going to be edited; it is never looked up in the cache, and not kept there."""
        return OpenDocument(self, code, self._workspace.name(file_path))

    def _skeleton(self, code: str | bytes, file: str) -> SkeletonMap:
        cache = self._cache
        if cache is None:
            return self._parsed(python_source(code), file)[0]
        key = _key(code, self._version, file)
        status, skeleton = cache.get(key)
        if status != "error":
            self._reports.event(f"ast.cache.{status}", args={"file": file}, result={"backend": cache.backend})
            self._reports.count(f"ast_cache_{status}_count")
        if skeleton is None:
            skeleton = self._parsed(python_source(code), file)[0]
            cache.put(key, skeleton)
        return skeleton

    def _parsed(
        self, source: PythonSource, file: str, old: Tree | None = None
    ) -> tuple[SkeletonMap, Tree | None]:
        """Return a skeleton, and the tree of the source, or None where it could not be read as it is."""
        begin = self._reports.mono_ns()
        text, damage = source.text, list(source.damage)
        tree = python_tree(text, old)
        if tree.root_node.has_error:
            text, found = repaired(text)
            damage += found
            tree = python_tree(text)
        if tree.root_node.has_error:
            text, found = isolated(text, lambda part: [*damage_in(python_tree(part).root_node)])
            damage += found
            tree = python_tree(text)
        rows, found_in_tree = rows_of(tree.root_node, text)
        last = source.text.count(b"\n") + (not source.text.endswith(b"\n"))
        skeleton = SkeletonMap(file, symbols_of(rows), merged(damage + found_in_tree, last), source.size)
        duration = self._reports.mono_ns() - begin
        size = skeleton.skeleton_bytes
        self._reports.span(
            "ast.parse",
            duration,
            skeleton.status,
            args={"file": file},
            result={"functions": skeleton.functions, "classes": skeleton.classes},
            skeleton_bytes=size,
            reduction_ratio=size / source.size if source.size else None,
            source_bytes=source.size,
        )
        self._reports.count("ast_parse_count")
        return skeleton, tree if text is source.text else None


class OpenDocument:
    """A file that is being edited: its tree is kept, so that only what changed is parsed again.

    Made by `SkeletonMapBuilder.open`; a context manager. A file that is damaged is parsed as a whole, and so is
    the next state of it: what a parser makes of damage depends on where it comes from.

    Attributes:
        skeleton: Of the file as it is now; equal to what `SkeletonMapBuilder.parse_python` returns for it.
    """

    def __init__(self, builder: SkeletonMapBuilder, code: str | bytes, file: str) -> None:
        self._builder = builder
        self._file = file
        self._kept: tuple[bytes, Tree] | None = None
        self.skeleton = self.change(code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def change(self, code: str | bytes) -> SkeletonMap:
        """Return the skeleton of what the file holds now, all of it; each is an ``ast.parse``."""
        source = python_source(code)
        old = None
        if self._kept is not None:
            text, old = self._kept
            _edit(old, text, source.text)
        self.skeleton, tree = self._builder._parsed(source, self._file, old)  # noqa: SLF001 - its other half
        self._kept = None if tree is None else (source.text, tree)
        return self.skeleton

    def close(self) -> None:
        """Drop the tree; what is changed later is parsed as a whole. Idempotent."""
        self._kept = None


def python_tree(text: bytes, old: Tree | None = None) -> Tree:
    """Return the syntax tree of UTF-8 text.

    Args:
        text: What is parsed.
        old: The tree of another text, edited to have the places of this one.

    Raises:
        MissingExtra: tree-sitter is not installed.
    """
    language = _language()
    from tree_sitter import Parser  # noqa: PLC0415 - an extra, whose absence `_language` reports

    parser = Parser(language)
    return parser.parse(text) if old is None else parser.parse(text, old)


def parser_version() -> str:
    """Return what skeletons depend on beside the file: our version, and those of the grammar and of tree-sitter.

    Raises:
        MissingExtra: tree-sitter is not installed.
    """
    from importlib.metadata import version  # noqa: PLC0415 - slow to import

    _language()
    return f"{FORMAT}-{version('tree-sitter-python')}-{version('tree-sitter')}"


@once
def _language() -> Language:
    try:
        import tree_sitter_python  # noqa: PLC0415 - an extra
        from tree_sitter import Language  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra("reading the structure of Python files", "code") from error
    return Language(tree_sitter_python.language())


def _key(code: str | bytes, version: str, file: str) -> str:
    """Return what a skeleton is kept under; text and bytes are apart, for bytes may be in another encoding."""
    if isinstance(code, str):
        return f"t{sha256(code.encode('utf-8', 'surrogatepass')).hexdigest()} {version} {file}"
    return f"b{sha256(code).hexdigest()} {version} {file}"


def _edit(tree: Tree, before: bytes, after: bytes) -> None:
    """Tell a tree which lines of its text are others now."""
    first = _common(before, after)
    first = before.rfind(b"\n", 0, first) + 1
    last = _common(before[first:][::-1], after[first:][::-1])
    end, new_end = len(before) - last, len(after) - last
    row = before.count(b"\n", 0, first)
    tree.edit(first, end, new_end, (row, 0), _point(before, end), _point(after, new_end))


def _point(text: bytes, place: int) -> tuple[int, int]:
    return text.count(b"\n", 0, place), place - text.rfind(b"\n", 0, place) - 1


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes two texts begin with in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
