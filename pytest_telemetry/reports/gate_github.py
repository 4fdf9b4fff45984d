"""What came of a run of the gate, for GitHub Actions: a job summary and annotations (layer 5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_telemetry.checks.regression_text import description
from pytest_telemetry.model.wording import shorten
from pytest_telemetry.reports.gate import (
    HEAD,
    against_text,
    cells,
    controls_text,
    remarks,
    totals_text,
    verdict_text,
    worst_first,
)
from pytest_telemetry.reports.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_telemetry.model.benchmark import Gate, Judgement

__all__ = ("error_annotations", "markdown")

_SUMMARY: Final = 900_000
"""GitHub takes 1 MiB for a step."""
_LONGEST_CELL: Final = 5_000


def markdown(gate: Gate, limit: int = _SUMMARY) -> str:
    """Return a job summary for GitHub, the worst rows first, of at most *limit* bytes."""
    head = [
        f"### Performance gate {verdict_text(gate)}: {_plain(totals_text(gate))}",
        "",
        f"Compared with {_plain(against_text(gate))}.",
        f"Controls: {_plain(controls_text(gate))}.",
        f"First readings took {gate.screen_s:.1f} s, confirmation {gate.confirm_s:.1f} s.",
    ]
    rows = [f"- **problem**: {_plain(problem)}" for problem in gate.problems]
    table = [_cells_of(judgement) for judgement in worst_first(gate.judgements)]
    if rows:
        rows.insert(0, "")
    if table:
        rows += ["", _row([*HEAD, "remarks"]), "|---|---|--:|--:|--:|---|---|", *map(_row, table)]
    return _cut(head, rows, limit)


def _cells_of(judgement: Judgement) -> list[str]:
    verdict, name, *figures = cells(judgement)
    return [
        f"**{verdict}**" if judgement.failed else verdict,
        _code(name),
        *map(_plain, figures),
        _plain("; ".join(remarks(judgement))),
    ]


def _cut(head: Sequence[str], rows: Sequence[str], limit: int) -> str:
    """Return as many of *rows* as there is room for, and say how many were left out."""
    left = limit - 100 - sum(len(line.encode()) + 1 for line in head)
    lines = [*head]
    for place, row in enumerate(rows):
        left -= len(row.encode()) + 1
        if left < 0:
            lines += ["", f"{len(rows) - place:,} more lines were left out."]
            break
        lines.append(row)
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(said: str) -> str:
    """Return *said* so that Markdown takes it as it stands."""
    return re.sub(r"([\\`*_|<\[&~])", r"\\\1", shorten(visible(said), _LONGEST_CELL))


def _code(name: str) -> str:
    """Return *name* as code, which is easy to read and to copy, or escaped where code could not hold it."""
    return _plain(name) if re.search(r"[`|\\]", name) else f"`{shorten(name, _LONGEST_CELL)}`"


def error_annotations(gate: Gate, places: Mapping[str, tuple[str, int]]) -> Iterator[str]:
    """Yield an error annotation for GitHub for each benchmark that failed, the worst first, and for each problem.

    A failure that an update accepts has none.

    Args:
        gate: What came of the run.
        places: File, relative to the repository, and line of benchmarks, by node id.
    """
    for judgement in worst_first(gate.judgements):
        if judgement.failed and not gate.reason:
            name = judgement.benchmark
            properties = {"title": f"{judgement.outcome}: {name.rpartition('::')[2]}"}
            if name in places:
                file, line = places[name]
                properties = {"file": file, "line": str(line), **properties}
            yield _error(properties, f"{name}: {description(judgement)}")
    for problem in gate.problems:
        yield _error({"title": "performance gate"}, problem)


def _error(properties: Mapping[str, str], message: str) -> str:
    pairs = (
        f"{name}={_data(value).replace(':', '%3A').replace(',', '%2C')}" for name, value in properties.items()
    )
    return f"::error {','.join(pairs)}::{_data(message)}"


def _data(said: str) -> str:
    return said.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
