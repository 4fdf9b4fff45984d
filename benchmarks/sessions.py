"""Times single tests in whole pytest sessions, as a program of its own, and prints what it found as JSON.

``python sessions.py plugin`` runs empty tests with our plugin, without it, and without it once more;
``python sessions.py fixture`` runs empty tests without a fixture, with an empty one, and with ``telemetry_recorder``.
Sessions of each kind, or tests of each kind within a session, take turns in this one process. Of a kind the
fastest test counts: a test takes hundreds of microseconds and varies by a third, its minimum by about two.

No other plugin is loaded. Nothing is written but a test file in a temporary directory.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_telemetry.model.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

SESSIONS: Final = 8
TESTS: Final = 300

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
    """Return what an empty test costs by how it was run."""
    kinds = {"with the plugin": _PLUGIN, "without": (), "without, again": ()}
    source = "".join(f"def test_empty_{number}(): pass\n" for number in range(TESTS))
    fastest = dict.fromkeys(kinds, float("inf"))
    for _ in range(SESSIONS):
        for kind in random.sample(list(kinds), len(kinds)):
            fastest[kind] = min(fastest[kind], session(directory, source, *kinds[kind])["empty"])
    return fastest


def cost_of_fixture(directory: Path) -> dict[str, float]:
    """Return what an empty test costs by the fixture it uses."""
    fixtures = {"none": "", "empty": "empty", "recorder": "telemetry_recorder"}
    fastest = dict.fromkeys(fixtures, float("inf"))
    for _ in range(SESSIONS):
        kinds = [kind for _ in range(TESTS // 3) for kind in random.sample(list(fixtures), len(fixtures))]
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
