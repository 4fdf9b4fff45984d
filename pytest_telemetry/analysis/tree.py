"""The canonical text of a recording: the same for the same behaviour, whatever the ids and the time of day (layer 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_telemetry.model.wording import label, plural, seconds

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.records import Records

__all__ = ("record_line", "tree_text")


def tree_text(records: Records, *, times: bool = False, max_lines: int | None = None) -> str:
    """Return *records* as a tree, one line each, children indented below their span in start order.

    Spans stand under their bare name, other kinds are marked (``event: x``, ``metric: x +1``, ``warning: x``); a
    span that an exception left shows it, an open one says so. Ids do not appear. An empty recording is ``""``.

    Args:
        records: A recording or a view of one.
        times: Whether to add when each record began, counted from the first one, and how long spans took.
        max_lines: Most lines; what does not fit is counted in the last one.
    """
    origin = (
        next((record.time_ns for record in records if record.time_ns is not None), None) if times else None
    )
    lines: list[str] = []
    pending = [(0, record) for record in reversed(records.roots)]
    while pending:
        depth, record = pending.pop()
        if max_lines is not None and len(lines) == max_lines - 1 and len(records) > max_lines:
            lines.append(f"... {plural(len(records) - len(lines), 'more record')}")
            break
        lines.append("  " * depth + record_line(record) + _times(record, origin))
        pending.extend((depth + 1, child) for child in reversed(records.children(record)))
    return "\n".join(lines)


def record_line(record: Record, *, limit: int = 60) -> str:
    """Return what a record looks like in the tree, without indentation.

    Args:
        record: Any record.
        limit: Longest value of an attribute, in characters.
    """
    return f"{label(record, limit=limit)} (still open)" if record.is_open else label(record, limit=limit)


def _times(record: Record, origin: int | None) -> str:
    if origin is None:
        return ""
    parts = [] if record.time_ns is None else [f"at {seconds(record.time_ns - origin)}"]
    parts += [] if record.duration_ns is None else [f"took {seconds(record.duration_ns)}"]
    return f"  [{', '.join(parts)}]" if parts else ""
