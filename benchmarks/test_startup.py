"""What the plugin costs a suite: its import, each test that does not use it, and the fixture itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from benchmarks.verdict import Reading, Target

if TYPE_CHECKING:
    from benchmarks.measure import Judge

IMPORTS: Final = 12
EMPTY_FIXTURE: Final = "empty function-scoped fixture"

_IMPORT: Final = """
import pytest, time
start = time.perf_counter_ns()
import pytest_telemetry.plugin
print(time.perf_counter_ns() - start)
"""


def output_of(*arguments: str) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_"))
    }
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode != 0:
        pytest.fail(f"{arguments} ended with {done.returncode}:\n{done.stderr[-3000:]}", pytrace=False)
    return done.stdout


def sessions(program: str) -> dict[str, float]:
    figures: dict[str, float] = json.loads(output_of(str(Path(__file__).with_name("sessions.py")), program))
    return figures


def test_import(judge: Judge) -> None:
    """Importing the plugin module takes at most 3 ms in a process that has imported pytest; best of 12 processes."""
    judge(
        lambda: Reading(
            {"import pytest_telemetry.plugin": min(float(output_of("-c", _IMPORT)) for _ in range(IMPORTS))}
        ),
        targets=[Target("at most", 3, "ms", scaled=True)],
    )


def test_untouched_test(judge: Judge) -> None:
    """A test that uses no fixture of ours costs less than 5 us more than without the plugin."""

    def take() -> Reading:
        cost = sessions("plugin")
        return Reading(
            {
                "plugin, per test that does not use it": cost["plugin"],
                "the same between two runs without it": cost["nothing"],
                "empty test": cost["test"],
            }
        )

    judge(take, targets=[Target("below", 5, "us", scaled=True)])


def test_recorder_fixture(judge: Judge) -> None:
    """``telemetry_recorder`` costs a test at most 2.5 times what an empty function-scoped fixture does."""

    def take() -> Reading:
        cost = sessions("fixture")
        return Reading(
            {
                "telemetry_recorder, per test that uses it": cost["recorder"] - cost["none"],
                EMPTY_FIXTURE: cost["empty"] - cost["none"],
            }
        )

    judge(take, targets=[Target("at most", 2.5, "x", EMPTY_FIXTURE)])
