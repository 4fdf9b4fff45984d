"""Lends event logs, a way to run the command line, and processes that can be interrupted."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from pytest_telemetry.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Run(Protocol):
    """Runs the command line."""

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Return exit code, output and errors."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pytest-telemetry", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        said = capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return exit_.value.code, said.out, said.err

    return call


def event(**changes: Any) -> dict[str, Any]:
    return {"cmd": "load", "ts": "2026-01-01T00:00:00Z", "run_id": "r", "timing_ms": 3, **changes}


def write(path: Path, *events: dict[str, Any] | str) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in events))
    return path


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A log without a finding."""
    return write(tmp_path / "clean.jsonl", event(), event(timing_ms=4))


@pytest.fixture
def careless(tmp_path: Path) -> Path:
    """A log with an error and a warning."""
    return write(tmp_path / "careless.jsonl", event(x={"file": "/home/ada/x.py"}), event(run_id=None), "")


@pytest.fixture
def warned(tmp_path: Path) -> Path:
    """A log with a warning only."""
    return write(tmp_path / "warned.jsonl", event(run_id=None))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let processes be interrupted that are started from here, also where a shell runs the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
