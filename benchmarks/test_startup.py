"""What the plugin costs a suite: its import, each test that does not use it, and the fixture itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

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


@pytest.mark.telemetry(target_ns=3_000_000)
def test_import(telemetry_benchmark: Any) -> None:
    """Importing the plugin takes less than 3 ms in a process that has imported pytest; best of 12 processes."""
    telemetry_benchmark.figures(
        lambda: {
            "import pytest_telemetry.plugin": min(float(output_of("-c", _IMPORT)) for _ in range(IMPORTS))
        }
    )


@pytest.mark.telemetry(target_ns=5_000)
def test_untouched_test(telemetry_benchmark: Any) -> None:
    """A test that uses no fixture of ours costs less than 5 us more than without the plugin."""

    def take() -> dict[str, float]:
        cost = sessions("plugin")
        return {
            "plugin, per test that does not use it": cost["plugin"],
            "the same between two runs without it": cost["nothing"],
            "empty test": cost["test"],
        }

    telemetry_benchmark.figures(take)


@pytest.mark.telemetry(max_ratio=(EMPTY_FIXTURE, 2.5))
def test_recorder_fixture(telemetry_benchmark: Any) -> None:
    """``telemetry_recorder`` costs a test at most 2.5 times what an empty function-scoped fixture does."""

    def take() -> dict[str, float]:
        cost = sessions("fixture")
        return {
            "telemetry_recorder, per test that uses it": cost["recorder"] - cost["none"],
            EMPTY_FIXTURE: cost["empty"] - cost["none"],
        }

    telemetry_benchmark.figures(take)
