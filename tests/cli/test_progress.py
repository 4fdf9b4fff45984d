"""Showing how far reading is."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_telemetry import FakeClock
from pytest_telemetry.cli.progress import progress

if TYPE_CHECKING:
    from pathlib import Path


class Terminal(io.StringIO):
    """Standard error that somebody looks at."""

    def isatty(self) -> bool:
        return True


def looked_at(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"x" * 100)
    return path


def test_what_takes_longer_than_a_second_is_shown(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what was read before, however large it is."""
    terminal = looked_at(monkeypatch)
    clock = FakeClock()

    with progress(log, clock) as tell:
        assert tell is not None
        tell(30)
        clock.advance(1)
        tell(10)
        assert terminal.getvalue() == ""
        clock.advance(0.1)
        tell(10)
        assert "events.jsonl  [" in terminal.getvalue()
        assert " 50%" in terminal.getvalue()
        tell(50)

    assert "100%" in terminal.getvalue()


def test_what_takes_no_longer_is_not_shown(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what cannot be told, as for a database."""
    terminal = looked_at(monkeypatch)
    clock = FakeClock()

    with progress(log, clock) as tell:
        assert tell is not None
        tell(100)
        clock.advance(60)
        tell(0)

    assert terminal.getvalue() == ""


def test_where_nobody_looks_nothing_is_told(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that reading is not slowed down."""
    with progress(log, FakeClock()) as tell:
        assert tell is None

    assert capsys.readouterr() == ("", "")
