"""What a store or a log holds: how many records of which kind, type and severity, from when to when (layer 3)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.analysis.command_figures import room_for
from pytest_telemetry.model.event_types import event_type_of, severity_of
from pytest_telemetry.model.record import KINDS
from pytest_telemetry.model.stamps import stamp_of

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("Holdings",)

_MOST_RUNS: Final = 1_000_000
_LONGEST: Final = 200


class Holdings:
    """Takes records one by one, and keeps counts and the ids of runs.

    Args:
        event_type: Count only records of this type; all by default.

    Attributes:
        skipped: Records of other types so far.
    """

    def __init__(self, event_type: str | None = None) -> None:
        self.skipped = 0
        self._event_type = event_type
        self._kinds: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
        self._types: Counter[str] = Counter()
        self._severities: Counter[str] = Counter()
        self._runs: set[str] = set()
        self._errors = self._without_run = 0
        self._first: int | None = None
        self._last: int | None = None

    def add(self, record: Record) -> None:
        """Take the next record."""
        event_type = event_type_of(record)
        if self._event_type is not None and event_type != self._event_type:
            self.skipped += 1
            return
        self._kinds[record.kind] += 1
        self._errors += record.status == "error"
        for value, counts in ((event_type, self._types), (severity_of(record), self._severities)):
            if value is not None:
                counts[room_for(str(value)[:_LONGEST], counts)] += 1
        if record.run_id is None:
            self._without_run += 1
        elif len(self._runs) < _MOST_RUNS:
            self._runs.add(record.run_id)
        time_ns = record.time_ns
        if time_ns is not None:
            self._first = time_ns if self._first is None else min(time_ns, self._first)
            self._last = time_ns if self._last is None else max(time_ns, self._last)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts, the most frequent first; times as stamps, UTC.

        ``runs`` is None where there are more than a million, which are not told apart.
        """
        return {
            "kinds": dict(self._kinds),
            "event_types": dict(self._types.most_common()),
            "severities": dict(self._severities.most_common()),
            "errors": self._errors,
            "runs": len(self._runs) if len(self._runs) < _MOST_RUNS else None,
            "without_run": self._without_run,
            "first": None if self._first is None else stamp_of(self._first),
            "last": None if self._last is None else stamp_of(self._last),
        }
