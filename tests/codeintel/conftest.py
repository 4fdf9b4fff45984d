"""Lends workspaces of Python files."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class Files(Protocol):
    """Writes files."""

    def __call__(self, files: dict[str, str]) -> Path:
        """Write files with these texts, dedented, into the workspace, and return it."""


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
