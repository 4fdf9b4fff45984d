"""Findings as text for a terminal and for failure messages (layer 5)."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.checks.streaming import amount
from pytest_telemetry.model.finding import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_telemetry.model.finding import Example, Finding

__all__ = ("file_text", "finding_lines", "totals_text", "visible")

_MARGIN: Final = 9
"""Columns that the level takes."""
_WIDEST: Final = 100
"""Columns of a list of counts where no terminal is narrower."""


def file_text(
    file: str,
    findings: Sequence[Finding],
    *,
    events: int,
    malformed: int,
    blank: int = 0,
    paint: Callable[[str, str], str] = lambda text, level: text,  # noqa: ARG005 - paints nothing
    examples: int = 5,
    width: int | None = None,
) -> str:
    """Return what was found in one log, the most severe first; *paint* colours a word by its level.

    With a *width*, lines are wrapped to that many columns; without, only lists of counts are wrapped, so that what
    is searched for stands on one line.
    """
    head = f"{visible(file)}: {amount(events, 'event')}, {amount(malformed, 'malformed line')}"
    if blank:
        head += f", {amount(blank, 'blank line')}"
    lines = [head]
    for finding in sorted(findings, key=lambda finding: -LEVELS.index(finding.level)):
        room = None if width is None else max(width - _MARGIN, 20)
        told = finding_lines(finding, file=file, examples=examples, width=min(room or _WIDEST, _WIDEST))
        first, *rest = _fitted(told, room)
        margin = " " * (_MARGIN - len(finding.level))
        lines += [
            "",
            f"{paint(finding.level, finding.level)}{margin}{first}",
            *(f"{' ' * _MARGIN}{line}" for line in rest),
        ]
    return "\n".join(lines)


def _fitted(lines: Sequence[str], width: int | None) -> list[str]:
    """Return *lines* no wider than *width*; what a line goes on with is indented further than its beginning."""
    if width is None:
        return [*lines]
    fitted: list[str] = []
    for line in lines:
        begin = line[: len(line) - len(line.lstrip())]
        fitted += textwrap.wrap(
            line.lstrip(), width, initial_indent=begin, subsequent_indent=f"{begin}  ", break_on_hyphens=False
        )
    return fitted


def finding_lines(finding: Finding, *, file: str = "", examples: int = 5, width: int = _WIDEST) -> list[str]:
    """Return the lines of one finding: id and message, counts by field and command, the first *examples*.

    Only the counts are wrapped to *width*.
    """
    lines = [f"{finding.check}: {visible(finding.message)}"]
    for counts in (finding.by_field, finding.by_command):
        if counts:
            lines += _counts(counts, width)
    shown = finding.examples[:examples]
    lines += (_place(example, file) for example in shown)
    hidden = len(finding.examples) - len(shown)
    if hidden:
        lines.append(f"  ... {amount(hidden, 'more example')}")
    return lines


def totals_text(findings: Iterable[Finding]) -> str:
    """Return ``3 findings: 2 error, 1 warning``, or ``no findings``."""
    levels = Counter(finding.level for finding in findings)
    if not levels:
        return "no findings"
    parts = (f"{levels[level]} {level}" for level in reversed(LEVELS) if levels[level])
    return f"{amount(levels.total(), 'finding')}: {', '.join(parts)}"


def visible(text: str) -> str:
    """Return *text* with line breaks, control characters and the like escaped: logs are not to be trusted."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _counts(counts: Mapping[str, Any], width: int) -> list[str]:
    text = ", ".join(f"{visible(name)}\xa0{count:,}" for name, count in counts.items())
    lines = textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines]


def _place(example: Example, file: str) -> str:
    where = (
        ""
        if example.line is None
        else f"{visible(example.file or file)}:{example.line}  "
        if example.file or file
        else f"line {example.line}: "
    )
    return f"  {where}{visible(example.text)}"
