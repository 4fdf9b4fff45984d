"""The documents that a language server was told of, and where they are (layer 2)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pytest_telemetry.codeintel.lsp_positions import lines_of
from pytest_telemetry.codeintel.python_source import python_source
from pytest_telemetry.codeintel.workspace import is_file
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.codeintel.jsonrpc import Message

__all__ = ("Document", "Documents", "path_of", "text_on_disk")

_LANGUAGES: Final = {".py": "python", ".pyi": "python", ".pyw": "python"}


@dataclass(slots=True)
class Document:
    """A file as the server has it.

    Attributes:
        path: The file.
        text: What the server was told.
        version: Counts the changes.
        stamp: Of the file that *text* was read from; None where the text was given.
        lines: Of the text.
    """

    path: Path
    text: str
    version: int
    stamp: tuple[int, int] | None
    lines: list[str]

    @property
    def uri(self) -> str:
        """What the server calls it."""
        return self.path.as_uri()


class Documents:
    """Says with which notifications a server hears of files, and remembers what it has heard."""

    def __init__(self) -> None:
        self._open: dict[Path, Document] = {}

    def get(self, path: Path) -> Document | None:
        """Return the document of *path* where it is open."""
        return self._open.get(path)

    def opened(self, path: Path, text: str | None) -> Iterator[Message]:
        """Yield what opens *path*, or what changes it where it is open.

        Args:
            path: The file.
            text: What it holds; None reads it, and follows it from then on: see `refreshed`.

        Raises:
            UnusableInput: The file cannot be read.
        """
        stamp = None
        if text is None:
            text, stamp = text_on_disk(path)
        document = self._open.get(path)
        if document is None:
            self._open[path] = document = Document(path, text, 1, stamp, lines_of(text))
            yield _did_open(document)
            return
        document.stamp = stamp
        if text != document.text:
            document.text, document.lines = text, lines_of(text)
            document.version += 1
            yield _notification(
                "didChange",
                textDocument={"uri": document.uri, "version": document.version},
                contentChanges=[{"text": text}],
            )

    def refreshed(self) -> Iterator[Message]:
        """Yield what makes the server know all that is open as it is on disk now.

        A text that was given stays, and what cannot be read any more is closed.
        """
        for path, document in [*self._open.items()]:
            if document.stamp is not None and document.stamp != _stamp_of(path):
                try:
                    yield from self.opened(path, None)
                except UnusableInput:
                    yield from self.closed(path)

    def closed(self, path: Path) -> Iterator[Message]:
        """Yield what closes *path*; nothing where it is not open."""
        document = self._open.pop(path, None)
        if document is not None:
            yield _notification("didClose", textDocument={"uri": document.uri})

    def again(self) -> Iterator[Message]:
        """Yield what opens all of them in a server that knows nothing, as they are now: see `refreshed`."""
        for _ in self.refreshed():
            pass  # it was said to nobody: what opens them says it
        for document in self._open.values():
            document.version = 1
            yield _did_open(document)


def text_on_disk(path: Path) -> tuple[str, tuple[int, int]]:
    """Return the text of a file, and a stamp that changes with it; what cannot be decoded is replaced.

    A Python file is decoded as it declares, and its lines end with a line feed; any other is UTF-8.

    Raises:
        UnusableInput: It cannot be read.
    """
    stamp = _stamp_of(path)
    if not is_file(path):  # a server may name a device, which never ends
        raise UnusableInput(f"{path}: is no file: pass one, or its text to open()")
    try:
        code = path.read_bytes()
    except OSError as error:
        raise UnusableInput(
            f"{path}: cannot be read: {error.strerror}: pass a file that can, or its text to open()"
        ) from error
    if path.suffix in _LANGUAGES:
        return python_source(code).text.decode(), stamp
    return code.decode("utf-8-sig", "replace"), stamp


def path_of(uri: str) -> Path | None:
    """Return the path that a ``file:`` URI means; None for any other."""
    try:
        parts = urlsplit(uri)
        if parts.scheme.lower() != "file":
            return None
        host = "" if parts.netloc.lower() in {"", "localhost"} else f"//{parts.netloc}"
        path = Path(url2pathname(host + parts.path))
        return Path(os.path.realpath(path)) if path.is_absolute() else None
    except (ValueError, OSError):
        return None


def _stamp_of(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, -1)
    return (found.st_mtime_ns, found.st_size)


def _did_open(document: Document) -> Message:
    item = {
        "uri": document.uri,
        "languageId": _LANGUAGES.get(
            document.path.suffix, document.path.suffix.removeprefix(".") or "plaintext"
        ),
        "version": document.version,
        "text": document.text,
    }
    return _notification("didOpen", textDocument=item)


def _notification(method: str, **params: Any) -> Message:
    return {"jsonrpc": "2.0", "method": f"textDocument/{method}", "params": params}
