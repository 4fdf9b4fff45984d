"""Tables of figures for a terminal and for pipes (layer 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_telemetry.analysis.command_figures import PERCENTS
from pytest_telemetry.model.wording import shorten
from pytest_telemetry.reports.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.analysis.command_figures import Figures

__all__ = ("figures_table", "milliseconds", "table")

_NARROWEST: Final = 12


def figures_table(
    figures: Sequence[Figures], *, head: str = "command", width: int | None = None
) -> list[str]:
    """Return the lines of a table with one row for each of *figures*, milliseconds in all but the first columns.

    With a *width*, names are shortened so that a line has no more columns, as far as the numbers leave room for names;
    without, nothing is shortened, and the same figures give the same lines everywhere.
    """
    columns = [f"p{percent}" for percent in PERCENTS] + ["max"]
    rows = [
        (
            one.name,
            f"{one.count:,}",
            f"{one.errors:,}",
            *(milliseconds(one.milliseconds[f"{column}_ms"]) for column in columns),
        )
        for one in figures
    ]
    return table([(head, "count", "errors", *(f"{column} ms" for column in columns)), *rows], width=width)


def milliseconds(value: float | None) -> str:
    """Return *value* with three digits after the point at most, six where it is below one; ``-`` for none."""
    if value is None:
        return "-"
    text = f"{value:.{6 if abs(value) < 1 else 3}f}"
    return text.rstrip("0").rstrip(".")


def table(rows: Sequence[Sequence[str]], *, width: int | None = None) -> list[str]:
    """Return *rows*, of which the first is the head, as lines: the first column to the left, the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(1, len(rows[0]))]
    names = [visible(row[0]) for row in rows]
    room = max(map(len, names))
    if width is not None:
        room = min(room, max(width - sum(widths) - 2 * len(widths), _NARROWEST))
    return [
        "  ".join(
            [
                f"{shorten(name, room):<{room}}",
                *(f"{cell:>{size}}" for cell, size in zip(row[1:], widths, strict=True)),
            ]
        ).rstrip()
        for name, row in zip(names, rows, strict=True)
    ]
