"""Counting from many threads without a lock."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pytest_telemetry.runtime.tally import Tally


@pytest.fixture
def _restless() -> Any:
    """Let threads take turns as often as possible."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_reading_does_not_count() -> None:
    """A tally can be read at any time, and says how often something was added."""
    tally = Tally()
    seen = [tally.value, tally.value]
    for _ in range(3):
        tally.add()
        seen.append(tally.value)

    assert seen == [0, 0, 1, 2, 3]


@pytest.mark.usefixtures("_restless")
def test_no_addition_is_lost_between_threads() -> None:
    """Also while others read."""
    tally = Tally()

    def work(_: int) -> None:
        for _ in range(1000):
            tally.add()
        assert tally.value >= 1000

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))

    assert tally.value == 16_000
