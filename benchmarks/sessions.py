"""Times single tests in whole pytest sessions, as a program of its own, and prints what it found as JSON.

``python sessions.py plugin`` runs empty tests with our plugin, without it, and without it once more;
``python sessions.py fixture`` runs empty tests without a fixture, with an empty one, and with ``telemetry_recorder``.
Sessions of each kind, or tests of each kind within a session, take turns in this one process. Of the tests of one
kind in one session the fastest counts.

No other plugin is loaded. Nothing is written but a test file in a temporary directory.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_telemetry.model.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_TURNS: Final = 16
_SESSIONS: Final = 8
_TESTS: Final = 100

_PLUGIN: Final = ("-p", "pytest_telemetry.plugin")
_EMPTY: Final = "import pytest\n\n@pytest.fixture\ndef empty():\n    return None\n"


class Stopwatch:
    """Keeps the fastest test of each kind; the kind is the second word of the test's name."""

    def __init__(self) -> None:
        self.fastest: dict[str, int] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        start = SYSTEM_CLOCK.mono_ns()
        result = yield
        duration = SYSTEM_CLOCK.mono_ns() - start
        kind = item.name.split("_")[1]
        self.fastest[kind] = min(duration, self.fastest.get(kind, duration))
        return result


def session(directory: Path, source: str, *options: str) -> dict[str, int]:
    """Run *source* in a session with *options*; return the fastest test of each kind in ns.

    Raises:
        RuntimeError: A test did not pass.
    """
    file = directory / "test_many.py"
    file.write_text(source, encoding="utf-8")
    stopwatch = Stopwatch()
    settings = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(directory)]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = pytest.main([str(file), *settings, *options], plugins=[stopwatch])
    if status != 0:
        raise RuntimeError(f"the timed session ended with {status!r}:\n{output.getvalue()[-2000:]}")
    return stopwatch.fastest


def cost_of_plugin(directory: Path) -> dict[str, float]:
    """Return what the plugin adds to an empty test, what a second run without it adds, and what the test costs.

    The first two are medians of differences within one turn: a test takes hundreds of microseconds, the machine
    drifts by some per cent of that, and a few are looked for.
    """
    kinds = {"with": _PLUGIN, "without": (), "again": ()}
    source = "".join(f"def test_empty_{number}(): pass\n" for number in range(_TESTS))
    turns = []
    for _ in range(_TURNS):
        order = random.sample(list(kinds), len(kinds))
        turns.append({kind: session(directory, source, *kinds[kind])["empty"] for kind in order})
    return {
        "plugin": statistics.median(turn["with"] - turn["without"] for turn in turns),
        "nothing": statistics.median(turn["again"] - turn["without"] for turn in turns),
        "test": statistics.median(turn["without"] for turn in turns),
    }


def cost_of_fixture(directory: Path) -> dict[str, float]:
    """Return what an empty test costs by the fixture it uses."""
    fixtures = {"none": "", "empty": "empty", "recorder": "telemetry_recorder"}
    fastest = dict.fromkeys(fixtures, float("inf"))
    for _ in range(_SESSIONS):
        kinds = [kind for _ in range(_TESTS) for kind in random.sample(list(fixtures), len(fixtures))]
        tests = (f"def test_{kind}_{number}({fixtures[kind]}): pass\n" for number, kind in enumerate(kinds))
        for kind, duration in session(directory, _EMPTY + "".join(tests), *_PLUGIN).items():
            fastest[kind] = min(fastest[kind], duration)
    return fastest


def main(arguments: Sequence[str]) -> int:
    """Run the program; return its exit status."""
    programs = {"plugin": cost_of_plugin, "fixture": cost_of_fixture}
    if len(arguments) != 1 or arguments[0] not in programs:
        sys.stderr.write(f"usage: sessions.py {'|'.join(programs)}\n")
        return 2
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    with tempfile.TemporaryDirectory() as directory:
        figures = programs[arguments[0]](Path(directory))
    sys.stdout.write(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
