"""The lines of a comparison of trees: what they hold and which of them are shown (layer 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_telemetry.analysis.tree import record_line
from pytest_telemetry.model.wording import brief, label, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.model.pattern import One
    from pytest_telemetry.model.record import Record

__all__ = ("Row", "shown", "written")

_WIDEST_TEXT = 36
"""Notes begin in one column, but for rows that are longer than this."""


@dataclass(slots=True)
class Row:
    """One line of a comparison.

    Attributes:
        depth: Levels above it.
        mark: ``!`` differs, ``-`` missing, ``+`` not expected, blank as expected.
        record: What stands there; None if it is missing.
        one: What was expected there; None if nothing was.
        note: What is wrong.
        count: How many records are missing.
        because: The diagnosis that this row belongs to, if it does not stand for itself.
    """

    depth: int
    mark: str
    record: Record | None = None
    one: One | None = None
    note: str = ""
    count: int = 1
    because: str = ""

    @property
    def text(self) -> str:
        """The record or the pattern in words; attributes only where they tell what is missing or not expected."""
        if self.record is None:
            text = "" if self.one is None else written(self.one)
            return f"{text} x{self.count}" if self.count > 1 else text
        if self.mark == "+":
            return shorten(record_line(self.record), 60)
        open_ = " (still open)" if self.record.is_open else ""
        return f"{label(self.record, attrs=False)}{open_}"


def written(one: One) -> str:
    """Return a pattern in the form in which records are shown: ``load rows=10``."""
    level = next((c.expected for c in one.conditions if c.is_field and c.key == "level"), None)
    mark = "" if one.kind == "span" else f"{level or one.kind}: "
    name = one.name if isinstance(one.name, str) else brief(one.name)
    pairs = (
        f"{c.key}={brief(c.expected, 30)}" for c in one.conditions if not (c.is_field and c.key == "level")
    )
    return shorten(" ".join([mark + name, *pairs]), 60)


def shown(rows: Sequence[Row], limit: int | None) -> list[str]:
    """Return the lines for *rows*.

    With a limit, rows that are as expected are folded unless something differs below them; if that is still too
    much, only the differences are listed, each with its path, and the last line counts those that found no room.

    Args:
        rows: In tree order.
        limit: Most lines; None shows every row.
    """
    if limit is None:
        return _tree(rows, set(range(len(rows))))
    folded = _tree(rows, _worth_showing(rows))
    return folded if len(folded) <= limit else _listed(rows, limit)


def _worth_showing(rows: Sequence[Row]) -> set[int]:
    kept: set[int] = set()
    outer: list[int] = []
    for index, row in enumerate(rows):
        while outer and rows[outer[-1]].depth >= row.depth:
            outer.pop()
        outer.append(index)
        if row.mark != " ":
            kept.update(outer)
    return kept


def _tree(rows: Sequence[Row], kept: set[int]) -> list[str]:
    texts = {index: "  " * rows[index].depth + rows[index].text for index in sorted(kept)}
    column = max((len(text) for text in texts.values() if len(text) <= _WIDEST_TEXT), default=0)
    lines: list[str] = []
    folded: list[Row] = []
    for index, row in enumerate(rows):
        if index not in kept:
            folded.append(row)
            continue
        lines += _fold(folded)
        lines.append(
            f"{row.mark} {texts[index].ljust(column) if row.note else texts[index]}  {row.note}".rstrip()
        )
    return lines + _fold(folded)


def _fold(folded: list[Row]) -> list[str]:
    if not folded:
        return []
    line = f"  {'  ' * min(row.depth for row in folded)}... {len(folded):,} as expected"
    folded.clear()
    return [line]


def _listed(rows: Sequence[Row], limit: int) -> list[str]:
    lines: list[str] = []
    outer: list[Row] = []
    total = sum(row.mark != " " for row in rows)
    for row in rows:
        while outer and outer[-1].depth >= row.depth:
            outer.pop()
        if row.mark != " ":
            if len(lines) == limit - 1 and total > limit:
                return [*lines, f"  ... {total - len(lines):,} more differences"]
            path = "/".join(
                [*(label(up.record, attrs=False) for up in outer if up.record is not None), row.text]
            )
            lines.append(f"{row.mark} {path}  {row.note}".rstrip())
        outer.append(row)
    return lines
