"""What an update of the baseline accepts."""

from __future__ import annotations

import pytest

from pytest_telemetry._pytest.comparand import is_drift
from pytest_telemetry.model.benchmark import Judgement


def judged(ratio: float, low: float, high: float, confirmed: int = 9, unit: str = "ns") -> Judgement:
    return Judgement("test_a", "unchanged", ratio, low, high, unit=unit, confirmed=confirmed)


@pytest.mark.parametrize(
    ("judgement", "expected"),
    [
        (judged(0.03, 0.02, 0.04), True),
        (judged(-0.03, -0.04, -0.02), True),
        (judged(0.03, 0.02, 0.04, confirmed=0), False),
        (judged(0.01, -0.01, 0.02), False),
        (judged(0.5, 0.5, 0.5, confirmed=0, unit="bytes"), True),
        (judged(0.0, 0.0, 0.0, confirmed=0, unit="bytes"), False),
        (judged(-1.0, -1.0, -1.0, confirmed=0, unit="bytes"), False),
        (Judgement("test_a", "unchanged"), False),
    ],
)
def test_only_what_is_known_is_accepted_as_drift(judgement: Judgement, expected: bool) -> None:
    """Fresh processes agree on it and none of their interval is no change, or it is exact; nothing cannot grow again."""
    assert is_drift(judgement) is expected
