"""Lends workspaces of Python files, and clients of a scripted language server in a real process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent
from typing import Any, Protocol

import pytest

from pytest_telemetry import TelemetryRecorder
from pytest_telemetry.codeintel.lsp import LSPClient

PATIENT_MS = 30_000
"""No test waits for this; it keeps a slow machine from failing one."""


class Files(Protocol):
    """Writes files."""

    def __call__(self, files: dict[str, str]) -> Path:
        """Write files with these texts, dedented, into the workspace, and return it."""


class Forbid(Protocol):
    """Makes files unreadable, also to whoever may read everything."""

    def __call__(self, name: str, /) -> None:
        """Refuse to read what is called so."""


class FakeServer:
    """Clients of a server that follows a script, see ``fake_lsp.py``, and what it was sent."""

    def __init__(self, directory: Path, recorder: TelemetryRecorder, stack: ExitStack) -> None:
        self.workspace = directory / "workspace"
        self.workspace.mkdir()
        (self.workspace / "a.py").write_text("from b import Name\nName\n", encoding="utf-8")
        (self.workspace / "b.py").write_text("class Name: ...\n", encoding="utf-8")
        self.transcript = directory / "transcript.jsonl"
        self._recorder = recorder
        self._stack = stack

    def options(self, script: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """Return what a client is made with."""
        program = Path(__file__).with_name("fake_lsp.py")
        command = [sys.executable, "-I", "-S", str(program), json.dumps(script or {}), str(self.transcript)]
        told = {"telemetry": self._recorder.context, "server": "fake", "command": command}
        return told | {"workspace": self.workspace, "timeout_ms": PATIENT_MS} | options

    def client(self, script: dict[str, Any] | None = None, **options: Any) -> LSPClient:
        """Return a client that was not initialized."""
        return self._stack.enter_context(LSPClient(**self.options(script, **options)))

    def started(self, script: dict[str, Any] | None = None, **options: Any) -> LSPClient:
        """Return a client that was."""
        client = self.client(script, **options)
        client.initialize()
        return client

    def received(self, method: str | None = None) -> list[dict[str, Any]]:
        """Return the messages that the server was sent, of all its lives."""
        lines = self.transcript.read_text(encoding="utf-8").splitlines() if self.transcript.exists() else []
        messages = [json.loads(line) for line in lines]
        return [message for message in messages if method is None or message.get("method") == method]

    def methods(self) -> list[str]:
        """Return the methods of what it was sent, in order."""
        return [message.get("method", "answer") for message in self.received()]

    def uri(self, name: str) -> str:
        """Return what the server calls a file of the workspace."""
        return (self.workspace.resolve() / name).as_uri()

    def location(self, name: str = "b.py", line: int = 0, start: int = 6, end: int = 10) -> dict[str, Any]:
        """Return a location as a server has it."""
        spanned = {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}
        return {"uri": self.uri(name), "range": spanned}

    def diagnostics(self, name: str = "a.py") -> list[Any]:
        """Return the action that publishes diagnostics."""
        return ["notify", "textDocument/publishDiagnostics", {"uri": self.uri(name), "diagnostics": []}]


@pytest.fixture
def fake_server(tmp_path: Path, telemetry_recorder: TelemetryRecorder) -> Iterator[FakeServer]:
    with ExitStack() as stack:
        yield FakeServer(tmp_path, telemetry_recorder, stack)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    root = tmp_path / "work"
    root.mkdir()

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text).lstrip("\n"))
        return root

    return write


@pytest.fixture
def forbid(monkeypatch: pytest.MonkeyPatch) -> Forbid:
    forbidden: set[str] = set()
    real = Path.read_bytes

    def read(path: Path) -> bytes:
        if path.name in forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    return forbidden.add
