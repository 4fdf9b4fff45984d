"""Of which type and how severe a record is (layer 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("event_type_of", "severity_of")


def event_type_of(record: Record) -> Any:
    """Return the attribute ``event_type``, or the name of an event that has none; None for other kinds."""
    return record.attrs.get("event_type", record.name if record.kind == "event" else None)


def severity_of(record: Record) -> Any:
    """Return the attribute ``severity``, or else the level, or else ``info`` where it is an event; None for the rest."""
    return record.attrs.get("severity", record.level or ("info" if record.kind == "event" else None))
