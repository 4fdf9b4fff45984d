"""Reads what an address names: a file, a line of it, or a symbol (layer 2)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_telemetry.codeintel.reads import MOST_BYTES, PYTHON_SUFFIXES, SourceReader
from pytest_telemetry.codeintel.reports import Reports
from pytest_telemetry.codeintel.selector import Selector
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.workspace import Workspace, exists, is_file, text_bytes
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_telemetry.codeintel.answer import Builder
    from pytest_telemetry.codeintel.reads import Mode, Reading
    from pytest_telemetry.codeintel.reports import Reporting
    from pytest_telemetry.codeintel.resolution import Resolution

__all__ = ("Retrieved", "retrieve")

_FORMS: Final = "FILE, FILE:LINE, FILE:FIRST-LAST, or a sym:// address"
_LINES: Final = re.compile(r"(?P<file>.+):(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was read.

    Attributes:
        reading: The text; None where the address is of no one place.
        resolution: What the address led to, where it is one of a symbol.
    """

    reading: Reading | None
    resolution: Resolution | None = None


def retrieve(
    address: str,
    mode: Mode | None = None,
    telemetry: Reporting = None,
    workspace: str | os.PathLike[str] = ".",
    *,
    builder: Builder | None = None,
    roots: Iterable[str | os.PathLike[str]] = (),
) -> Retrieved:
    """Read what *address* names, and record it as ``code.get``, what fails as well.

    It is a ``sym://`` address, ``FILE:LINE``, ``FILE:FIRST-LAST``, or ``FILE``. In the mode ``excerpt``, which is that
    of all but the last, the first is read as what defines it, and the second as the innermost statement that defines
    something around the line, or as the line alone. ``skeleton`` and ``raw`` are of the whole file; the last is read
    as the one where it is Python, and as the other where not. What an address of a symbol leads to may be in one of
    the *roots*; nothing else outside of the workspace is read.

    Raises:
        UnusableInput: As `Selector.resolve_symbol` and `SourceReader.read` do, or an excerpt is of no lines.
        MissingExtra: tree-sitter is not installed.
    """
    reports = Reports(telemetry)
    began = reports.mono_ns()
    done = None
    is_symbol = address.lower().startswith("sym:")
    recorded = address if is_symbol else Path(address).name
    try:
        roots = tuple(roots)
        builder = builder or SkeletonMapBuilder(telemetry, workspace)
        if is_symbol:
            resolution = Selector(telemetry, workspace, builder=builder, roots=roots).resolve_symbol(address)
            in_roots = SourceReader(telemetry, workspace, builder, roots=roots)
            done = Retrieved(_read_symbol(in_roots, resolution, mode or "excerpt"), resolution)
        else:
            reader, place = SourceReader(telemetry, workspace, builder), Workspace(workspace)
            file, _ = _parts(place, address)
            recorded = f"{place.name(file)}{address[len(file) :]}" if file else file
            done = Retrieved(_read_file(reader, place, builder, address, mode))
    finally:
        reading = None if done is None else done.reading
        resolved = None if done is None or done.resolution is None else done.resolution.status
        reports.span(
            "code.get",
            reports.mono_ns() - began,
            "error" if done is None else resolved or "ok",
            args={"id": recorded, "mode": mode},
            result={"file": None if reading is None else reading.file},
            bytes_read=0 if reading is None else reading.bytes_read,
            disclosure_mode=mode if reading is None else reading.mode,
        )
    return done


def _read_symbol(reader: SourceReader, resolution: Resolution, mode: Mode) -> Reading | None:
    place = resolution.place
    if place is None or place.path is None:
        return None
    if mode != "excerpt":
        return reader.read(place.path, mode)
    return reader.read(place.path, mode, lines=(place.first_line or place.line, place.end_line or place.line))


def _read_file(
    reader: SourceReader, workspace: Workspace, builder: Builder, address: str, mode: Mode | None
) -> Reading:
    if not address:
        raise UnusableInput(f"'': names nothing: write {_FORMS}")
    file, found = _parts(workspace, address)
    _require_file(workspace, address, file)
    if found is None:
        if mode == "excerpt":
            raise UnusableInput(f"{address}: an excerpt is of lines or a symbol: add :LINE, or name a symbol")
        is_python = workspace.file(file).suffix in PYTHON_SUFFIXES
        return reader.read(address, mode or ("skeleton" if is_python else "raw"))
    first = int(found["first"])
    if mode in {"skeleton", "raw"}:
        return reader.read(file, mode)
    if found["last"]:
        return reader.read(file, "excerpt", lines=(first, int(found["last"])))
    return reader.read(file, "excerpt", lines=_around(workspace, builder, file, first))


def _parts(workspace: Workspace, address: str) -> tuple[str, re.Match[str] | None]:
    """Return the file that an address names, and its lines; a file may be called as lines are written."""
    found = None if exists(workspace.file(address)) else _LINES.fullmatch(address)
    return (address, None) if found is None else (found["file"], found)


def _require_file(workspace: Workspace, address: str, file: str) -> None:
    """Raise where what the address names is no file, but begins with one, or is a link that leads nowhere."""
    if exists(workspace.file(file)):
        return
    if os.path.islink(workspace.root / file):  # noqa: PTH114 - as `exists`
        raise UnusableInput(f"{file}: is a link that leads nowhere: name a file in the workspace")
    start, colon, _ = address.partition(":")
    if colon and workspace.holds(start) and is_file(workspace.file(start)):
        raise UnusableInput(f"{address}: there are no such lines: write {_FORMS}, with lines from 1")


def _around(workspace: Workspace, builder: Builder, file: str, line: int) -> tuple[int, int]:
    """Return the lines of the innermost symbol around a line, or the line."""
    path = workspace.file(file)
    if path.suffix not in {"", *PYTHON_SUFFIXES}:  # a program may have no suffix
        return (line, line)
    try:
        code = text_bytes(path, MOST_BYTES) if workspace.holds(file) else b""
    except OSError:
        code = b""  # the reader says what is wrong
    symbols = builder.parse_python(code, path).walk() if code else ()
    around = [
        (each.first_line, each.end_line) for each in symbols if each.first_line <= line <= each.end_line
    ]
    return around[-1] if around else (line, line)
