"""Reads files of a workspace as a skeleton, an excerpt or a whole, and counts what that discloses (layer 2)."""

from __future__ import annotations

import io
import os
import re
import threading
from dataclasses import dataclass
from tokenize import detect_encoding
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from pytest_telemetry.codeintel.modules import OutsideRoots
from pytest_telemetry.codeintel.reports import Reports
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.workspace import Workspace, text_bytes
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_telemetry.codeintel.answer import Builder
    from pytest_telemetry.codeintel.reports import Reporting

__all__ = ("MODES", "MOST_BYTES", "PYTHON_SUFFIXES", "Mode", "Reading", "SourceReader")

Mode: TypeAlias = Literal["skeleton", "excerpt", "raw"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
MOST_BYTES: Final = 8 * 1024 * 1024
"""How much of a file is looked at, if nothing else is said."""

PYTHON_SUFFIXES: Final = frozenset({".py", ".pyi", ".pyw"})

_HALF: Final = re.compile("[\ud800-\udfff]")  # of a pair; some encodings have them alone


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a file.

    Attributes:
        text: What is disclosed of it; line ends are those of the file, but for a skeleton.
        bytes_read: How long the text is in UTF-8.
        mode: How it was read.
        file: Its name, relative to the workspace.
        lines: The first and last line of an excerpt; None otherwise.
        undecodable: How many bytes or sequences of bytes of the file are no text; each stands as U+FFFD.
        is_cut: Whether the file goes on behind what was looked at.
    """

    text: str
    bytes_read: int
    mode: Mode
    file: str
    lines: tuple[int, int] | None = None
    undecodable: int = 0
    is_cut: bool = False


class SourceReader:
    """Reads files of a workspace; may be used by several threads at once.

    Args:
        telemetry: Where it reports: a context or a run.
        workspace: The directory that nothing outside of is read, but for what is in *roots*.
        builder: Makes the skeletons; by default one without a cache.
        most_bytes: How much of a file is looked at.
        roots: Directories beside it whose files may be read as well.

    Raises:
        UnusableInput: The workspace or a root is no directory.

    Attributes:
        bytes_by_mode: How many bytes were disclosed in each mode.
    """

    def __init__(
        self,
        telemetry: Reporting = None,
        workspace: str | os.PathLike[str] = ".",
        builder: Builder | None = None,
        *,
        most_bytes: int = MOST_BYTES,
        roots: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        self._workspace = Workspace(workspace)
        self._readable = (self._workspace, *map(Workspace, roots))
        self._reports = Reports(telemetry)
        self._given = builder
        self._telemetry = telemetry
        self._most = most_bytes
        self._counting = threading.Lock()
        self.bytes_by_mode: dict[Mode, int] = dict.fromkeys(MODES, 0)

    @property
    def total_bytes_read(self) -> int:
        """How many bytes were disclosed in all modes."""
        return sum(self.bytes_by_mode.values())

    def read(
        self,
        path: str | os.PathLike[str],
        mode: Mode = "skeleton",
        *,
        lines: tuple[int, int] | None = None,
        symbol: str | None = None,
    ) -> Reading:
        """Return what a file holds, and record it as ``file.read``.

        Args:
            path: The file, relative to the workspace.
            mode: ``skeleton``, the compact text of it; ``excerpt``, some of its lines; ``raw``, all of it.
            lines: Which ones, from 1, the last included; what is behind the end of the file is left out.
            symbol: Instead of them, the name in the file of what they define: ``Class.method``, with its decorators.

        Raises:
            OutsideRoots: The file is outside of the workspace and the roots, or a link leads there.
            UnusableInput: It cannot be read, is no text, or has no such lines or symbol.
            MissingExtra: tree-sitter is not installed, and a skeleton is needed.
            ValueError: There is no such mode, or an excerpt is not of lines or a symbol.
        """
        name = self._workspace.name(path)
        _require_meaning(name, mode, lines, symbol)
        began = self._reports.mono_ns()
        reading = None
        try:
            reading = self._read(path, name, mode, lines, symbol)
        finally:
            disclosed = 0 if reading is None else reading.bytes_read
            self._reports.span(
                "file.read",
                self._reports.mono_ns() - began,
                "error" if reading is None else "ok",
                args={"file": name},
                bytes_read=disclosed,
                disclosure_mode=mode,
            )
        self._reports.count(f"file_read_{mode}_bytes_total", disclosed)
        with self._counting:
            self.bytes_by_mode[mode] += disclosed
        return reading

    def _read(
        self,
        path: str | os.PathLike[str],
        name: str,
        mode: Mode,
        lines: tuple[int, int] | None,
        symbol: str | None,
    ) -> Reading:
        file = self._workspace.file(path)
        if not any(place.holds(file) for place in self._readable):
            raise OutsideRoots(f"{os.fspath(path)}: is outside of the workspace: name a file in it")
        code, is_cut = self._bytes(file, name)
        if mode == "skeleton":
            text = self._builder.parse_python(code, file).text()
            return Reading(text, len(text.encode()), mode, name, is_cut=is_cut)
        text, undecodable = _decoded(code, is_python=file.suffix in PYTHON_SUFFIXES)
        if mode == "excerpt":
            first, last = (
                lines
                if symbol is None and lines is not None
                else self._lines_of(code, file, name, symbol or "")
            )
            parts = list(io.StringIO(text, newline=""))[first - 1 : last]
            if not parts and is_cut:
                seen = plural(len(code), "byte")
                raise UnusableInput(
                    f"{name}: line {first:,} is behind the first {seen}, and no more is looked at"
                )
            if not parts:
                raise UnusableInput(f"{name}: has no line {first}: name lines that it has")
            text, lines = "".join(parts), (first, first + len(parts) - 1)
        return Reading(text, len(text.encode()), mode, name, lines, undecodable, is_cut)

    def _bytes(self, file: Path, name: str) -> tuple[bytes, bool]:
        """Return what is looked at of a file, up to the end of a line, and whether it goes on."""
        try:
            code = text_bytes(file, self._most + 1)
        except OSError as error:
            raise UnusableInput(f"{name}: {error.strerror or error}: name a file in the workspace") from error
        if len(code) <= self._most:
            return code, False
        return code[: code.rfind(b"\n", 0, self._most) + 1 or self._most], True

    def _lines_of(self, code: bytes, file: Path, name: str, symbol: str) -> tuple[int, int]:
        found = [
            (each.first_line, each.end_line) for each in self._builder.parse_python(code, file).find(symbol)
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UnusableInput(f"{name}: defines no {symbol}: see its skeleton")
        places = ", ".join(f"{first}-{last}" for first, last in found)
        raise UnusableInput(
            f"{name}: defines {symbol} {plural(len(found), 'time')}: name lines out of {places}"
        )

    @property
    def _builder(self) -> Builder:
        if self._given is None:
            self._given = SkeletonMapBuilder(self._telemetry, self._workspace.root)
        return self._given


def _require_meaning(name: str, mode: Mode, lines: tuple[int, int] | None, symbol: str | None) -> None:
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    if (mode == "excerpt") is (lines is None and symbol is None) or (
        lines is not None and symbol is not None
    ):
        raise ValueError(
            "an excerpt is of lines or of a symbol, one of them, and other modes are of the whole file"
        )
    if lines is not None and not 1 <= lines[0] <= lines[1]:
        raise UnusableInput(
            f"{name}: lines {lines[0]}-{lines[1]}: there are none: lines count from 1, the last is included"
        )


def _decoded(code: bytes, *, is_python: bool) -> tuple[str, int]:
    """Return text, and how much of it stands for what could not be decoded."""
    encoding = "utf-8-sig"
    if is_python:
        try:
            declared = detect_encoding(io.BytesIO(code).readline)[0]
            code.decode(declared, "replace")
            encoding = declared
        except (
            SyntaxError,
            LookupError,
            UnicodeError,
        ):  # none that there is, that is one of text, or that it has
            encoding = "utf-8-sig"
    text = _HALF.sub("\ufffd", code.decode(encoding, "replace"))
    return text, text.count("\ufffd") - code.decode(encoding, "ignore").count("\ufffd")
