"""Keeps a share of the records, and of each trace all or nothing (layer 2)."""

from __future__ import annotations

import random
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from pytest_telemetry.runtime.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.model.record import Record

__all__ = ("Sampling",)

_SYSTEM: Final = random.SystemRandom()
_RANGE: Final = 1 << 56
_DIGITS: Final = frozenset("0123456789abcdefABCDEF")


class Sampling:
    """A processor that keeps about *rate* of the records.

    All records of one trace are kept or dropped together, in every process alike: its id decides, by the low 56 bits,
    which the W3C asks to be random, against a threshold; so what is kept at a lower rate is also kept at a higher one.
    A record without a trace is drawn for.

    Args:
        rate: From 0 (nothing) to 1 (everything).
        keep_errors: Whether records of status ``error`` are kept whatever is drawn, without the rest of their trace.
        draw: Returns a random number from 0 up to 1; by default the system's own source, which is no other after a
            fork.

    Raises:
        ValueError: The rate is not from 0 to 1.
    """

    def __init__(
        self,
        rate: float,
        *,
        keep_errors: bool = False,
        draw: Callable[[], float] = _SYSTEM.random,
    ) -> None:
        if not 0 <= rate <= 1:
            raise ValueError(f"a sampling rate is from 0 to 1, not {rate!r}")
        self.rate = rate
        self._threshold = round((1 - rate) * _RANGE)
        self._keep_errors = keep_errors
        self._draw = draw
        self._kept, self._dropped = Tally(), Tally()

    def __call__(self, record: Record, /) -> Record | None:
        """Return *record*, or None if it is not in the sample."""
        if (self._keep_errors and record.status == "error") or self._drawn(
            record.trace_id
        ) >= self._threshold:
            self._kept.add()
            return record
        self._dropped.add()
        return None

    def _drawn(self, trace_id: str | None) -> int:
        if not trace_id:
            return int(self._draw() * _RANGE)
        last = trace_id[-14:]
        if len(last) == 14 and _DIGITS.issuperset(last):
            return int(last, 16)
        return int(
            sha256(trace_id.encode("utf-8", "surrogatepass")).hexdigest()[:14], 16
        )  # an id of another kind

    def statistics(self) -> Mapping[str, int]:
        """Return how many records were ``kept`` and ``dropped``."""
        return {"kept": self._kept.value, "dropped": self._dropped.value}
