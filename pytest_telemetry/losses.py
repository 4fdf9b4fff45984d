"""What the files of a run say of events that were lost (layer 6)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.run_files import LAST_RUN, METRICS, read_counters, read_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ("Loss", "losses_in")

# Older tools skipped an event where another process held the lock, and counted it under these names.
_SKIPPED: Final = "telemetry_lock_skipped"
_ATTEMPTED: Final = "telemetry_events_attempted"
_WRITTEN: Final = "telemetry_events_written"


@dataclass(frozen=True, slots=True)
class Loss:
    """How many events one file says were lost.

    Attributes:
        file: Name of the file.
        lost: Events that were not written; None where it cannot be read.
        attempted: Events in all; None where it does not say.
        run_id: The run that it speaks of; None for all runs.
        problem: Why it cannot be read; empty if it can.
    """

    file: str
    lost: float | None
    attempted: float | None = None
    run_id: str | None = None
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as one mapping."""
        return asdict(self)


def losses_in(directory: Path) -> list[Loss]:
    """Return what ``metrics.json`` and ``last_run.json`` in *directory* say; nothing where neither says anything."""
    found = []
    for name, read in ((METRICS, _of_all_runs), (LAST_RUN, _of_last_run)):
        try:
            loss = read(directory / name)
        except UnusableInput as error:
            loss = Loss(name, None, problem=str(error))
        if loss is not None:
            found.append(loss)
    return found


def _of_all_runs(path: Path) -> Loss | None:
    counters = read_counters(path)
    attempted = counters.get(_ATTEMPTED)
    lost = _first(counters.get(_SKIPPED), _difference(attempted, counters.get(_WRITTEN)))
    return None if lost is None else Loss(path.name, lost, attempted)


def _of_last_run(path: Path) -> Loss | None:
    if not path.exists():
        return None
    run = read_object(path)
    drops = run.get("telemetry_drops")
    if not isinstance(drops, dict):
        return None
    attempted = _number(drops, "attempted")
    lost = _first(
        _number(drops, "dropped"),
        _number(drops, "lock_skipped"),
        _difference(attempted, _number(drops, "written")),
    )
    run_id = run.get("run_id")
    if lost is None:  # a rate alone, which older tools wrote as a constant
        return None
    return Loss(path.name, lost, attempted, run_id if isinstance(run_id, str) else None)


def _first(*numbers: float | None) -> float | None:
    return next((number for number in numbers if number is not None), None)


def _difference(attempted: float | None, written: float | None) -> float | None:
    if attempted is None or written is None:
        return None
    return attempted - written


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value: Any = values.get(name)
    return value if type(value) in {int, float} and value - value == 0 else None
