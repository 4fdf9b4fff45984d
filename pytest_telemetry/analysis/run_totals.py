"""What a run comes to as a whole (layer 3)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_telemetry.model.record import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_telemetry.model.record import Record

__all__ = ("RunTotals", "run_totals")


@dataclass(frozen=True, slots=True)
class RunTotals:
    """Counts and limits of some records.

    Attributes:
        records: How many there are.
        by_kind: How many of each kind, in the order of `KINDS`; none is left out.
        errors: How many ended in an error.
        start_ns: When the first one began or happened, wall clock; None where no record has a time.
        end_ns: When the last one ended.
    """

    records: int
    by_kind: dict[str, int]
    errors: int
    start_ns: int | None
    end_ns: int | None

    @property
    def duration_ns(self) -> int | None:
        """How long it took, from `start_ns` to `end_ns`."""
        return None if self.start_ns is None or self.end_ns is None else self.end_ns - self.start_ns


def run_totals(records: Iterable[Record]) -> RunTotals:
    """Return what *records* come to."""
    kinds: Counter[str] = Counter()
    errors = 0
    times: list[int] = []
    for record in records:
        kinds[record.kind] += 1
        errors += record.status == "error"
        if record.time_ns is not None:
            times += (record.time_ns, record.time_ns + max(record.duration_ns or 0, 0))
    return RunTotals(
        kinds.total(),
        {kind: kinds[kind] for kind in KINDS},
        errors,
        min(times, default=None),
        max(times, default=None),
    )
