"""What the files of a run say of events that were lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.losses import Loss, losses_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("file", "content", "loss"),
    [
        ("metrics.json", {"telemetry_lock_skipped": 3}, Loss("metrics.json", 3)),
        (
            "metrics.json",
            {"telemetry_lock_skipped": 3, "telemetry_events_attempted": 40, "telemetry_events_written": 36},
            Loss("metrics.json", 3, 40),
        ),
        (
            "metrics.json",
            {"telemetry_events_attempted": 40, "telemetry_events_written": 36},
            Loss("metrics.json", 4, 40),
        ),
        (
            "last_run.json",
            {
                "run_id": "r",
                "telemetry_drops": {"lock_skipped": 2, "attempted": 9, "written": 8, "drop_rate": 0.1111},
            },
            Loss("last_run.json", 2, 9, "r"),
        ),
        (
            "last_run.json",
            {"run_id": "r", "telemetry_drops": {"dropped": 0, "attempted": 5, "written": 4, "queued": 1}},
            Loss("last_run.json", 0, 5, "r"),
        ),
        (
            "last_run.json",
            {"telemetry_drops": {"attempted": 5, "written": 3}},
            Loss("last_run.json", 2, 5),
        ),
    ],
)
def test_losses_are_those_that_were_counted(tmp_path: Path, file: str, content: Any, loss: Loss) -> None:
    """By us, and by older tools under their names."""
    (tmp_path / file).write_text(json.dumps(content))

    assert losses_in(tmp_path) == [loss]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("metrics.json", {}),
        ("metrics.json", {"telemetry_events_written": 3, "telemetry_lock_skipped": "3"}),
        ("last_run.json", {"run_id": "r"}),
        ("last_run.json", {"telemetry_drops": [1]}),
        ("last_run.json", {"telemetry_drops": {"drop_rate": 0.0}}),  # a constant of older tools
    ],
)
def test_where_nothing_was_counted_nothing_is_said(tmp_path: Path, file: str, content: Any) -> None:
    """Not known is not none."""
    (tmp_path / file).write_text(json.dumps(content))

    assert losses_in(tmp_path) == []


def test_a_file_that_cannot_be_read_is_named_and_hides_no_other(tmp_path: Path) -> None:
    """The log can be summed up all the same."""
    (tmp_path / "metrics.json").write_text("{")
    (tmp_path / "last_run.json").write_text('{"telemetry_drops": {"dropped": 2}}')

    broken, known = losses_in(tmp_path)

    assert (broken.lost, known.lost) == (None, 2)
    assert "metrics.json: is not JSON" in broken.problem
