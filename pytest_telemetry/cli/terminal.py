"""Whether somebody looks, how wide, and whether in colour (layer 7)."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from pytest_telemetry.reports.text import file_text

if TYPE_CHECKING:
    from pytest_telemetry.scan import ScanResult

__all__ = ("in_colour", "judged_text", "on_terminal", "paint", "width")


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def in_colour() -> bool:
    """Return whether to paint: on a terminal that can, and nobody set ``NO_COLOR``."""
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int | None:
    """Return the columns of the terminal, or None where there is none."""
    return shutil.get_terminal_size().columns if on_terminal() else None


def paint(word: str, level: str) -> str:
    """Return *word* in the colour of a level of findings, where colour is wanted."""
    if not in_colour():
        return word
    return click.style(word, fg={"error": "red", "warning": "yellow"}.get(level, "cyan"), bold=True)


def judged_text(result: ScanResult) -> str:
    """Return what checks have to say about one log, for the terminal that is there."""
    return file_text(
        result.file,
        result.findings,
        events=result.events,
        malformed=result.malformed,
        blank=result.blank,
        paint=paint,
        width=width(),
    )
