"""Lends a clock that stands still unless somebody moves it to the tests of this directory."""

from __future__ import annotations

import gc
from functools import partial

import pytest


class StepClock:
    """Moves by what an operation says that it costs, and by so much with each reading.

    Attributes:
        now: In ns.
        per_reading: Added by each reading, so that every block lasts as long.
    """

    def __init__(self) -> None:
        self.now = 0
        self.per_reading = 0

    def mono_ns(self) -> int:
        self.now += self.per_reading
        return self.now

    def wall_ns(self) -> int:
        raise AssertionError("durations are never taken from the wall clock")

    def cost(self, ns: int) -> None:
        self.now += ns


@pytest.fixture
def clock() -> StepClock:
    return StepClock()


@pytest.fixture
def young_garbage_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let collections before each block pass over what the other tests of this process left behind."""
    monkeypatch.setattr(gc, "collect", partial(gc.collect, 0))
