"""Whether somebody looks, how wide, and whether in colour (layer 7)."""

from __future__ import annotations

import os
import shutil
import sys

import click

__all__ = ("in_colour", "on_terminal", "paint", "width")


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()  # None where whoever started us closed it


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
