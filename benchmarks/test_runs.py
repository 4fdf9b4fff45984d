"""A run: what one event of it costs, from the call to the line in the file; shown, not judged.

The usual processors make paths relative and mask secrets before anything is written. What a text is was found out
when it was met first: names and keys come back with every event, and so do most values here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.runs import Telemetry

if TYPE_CHECKING:
    from pathlib import Path

EVENT = "event('ast.parse', {'file': 'src/models.py'}, {'functions': 12, 'status': 'ok'}, 42.5, skeleton_bytes=8192)"


@pytest.mark.telemetry(gate=False)
@pytest.mark.parametrize("processors", [None, ()], ids=["usual processors", "no processors"])
def test_run_event(telemetry_benchmark: Any, tmp_path: Path, processors: tuple[()] | None) -> None:
    """An event of a run, which is in the log when the call returns."""
    with Telemetry(tmp_path, "full", processors=processors) as run:
        telemetry_benchmark.statement(
            EVENT,
            {"event": run.event},
            label=f"event of a run, {'no' if processors == () else 'usual'} processors",
        )
        drops = run.figures()["telemetry_drops"]

    assert drops["attempted"] == drops["written"] > 100
    assert drops["dropped"] == drops["queued"] == 0
