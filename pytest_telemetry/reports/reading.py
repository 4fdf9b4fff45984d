"""What was read of a log, and what was lost before it came there, in words (layer 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.checks.streaming import amount
from pytest_telemetry.reports.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ("loss_lines", "reading_lines")


def reading_lines(read: Mapping[str, Any]) -> list[str]:
    """Return the lines that say what was read: *read* is what ``--json`` says of it."""
    lines = [
        f"{visible(read['file'])}: {amount(read['events'], 'event')}, {amount(read['malformed'], 'malformed line')}"
    ]
    lines += (f"{visible(rest['file'] or read['file'])}: {rest['reason']}" for rest in read["unread"])
    period = read["period"]
    if period is not None:
        zone = "" if period["zone"] is None else f", midnight at {period['zone']}"
        lines.append(
            f"since {period['since']} ({period['text']}{zone}): left out {amount(read['before_period'], 'earlier event')}"
            f" and {amount(read['without_time'], 'event')} without a readable time"
        )
    return lines


def loss_lines(losses: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one line for each file that says something of losses."""
    lines = []
    for loss in losses:
        if loss["problem"]:
            lines.append(f"losses not known: {visible(loss['problem'])}")
            continue
        runs = "all runs" if loss["run_id"] is None else f"run {visible(loss['run_id'])}"
        of = "" if loss["attempted"] is None else f" of {loss['attempted']:,}"
        lines.append(f"lost in {runs}: {loss['lost']:,}{of} ({loss['file']})")
    return lines or ["lost: not known, no file beside it says so"]
