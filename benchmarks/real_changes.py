"""Shows, by hand, what the gate says of seven changes that slow a hot path down as real ones do.

``python -m benchmarks.real_changes`` writes a small project with a telemetry runtime and three benchmarks, makes each
change in turn in its working tree, runs the gate against the commit before, and prints a table: the benchmark, the
slow-down with its interval over fresh processes, and the counters that moved. ``--into FILE`` puts the table between
two markers of a page. The exit status is 1 if a change went unseen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import trial
from benchmarks.report import replace_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BEGIN: Final = "<!-- real changes: begin (written by benchmarks/real_changes.py) -->"
END: Final = "<!-- real changes: end -->"

_RUNTIME: Final = """
import threading
import time


class Span:
    __slots__ = ("context", "name", "start")

    def __init__(self, context, name):
        self.context = context
        self.name = name

    def __enter__(self):
        self.start = self.context.now()
        return self

    def __exit__(self, exc_type, exc, traceback):
        self.context.ended(self, self.context.now() - self.start)


class Context:
    __slots__ = ("counts", "defaults", "lock", "now", "settings", "sink")

    def __init__(self, sink):
        self.sink = sink
        self.now = time.perf_counter_ns
        self.settings = {"sink": sink}
        self.defaults = {"service": "a", "host": "b", "run": "c", "zone": "d"}
        self.lock = threading.Lock()
        self.counts = {}

    def span(self, name):
        return Span(self, name)

    def ended(self, span, duration):
        self.sink(span)

    def count(self, name, value=1):
        self.counts[name] = self.counts.get(name, 0) + value

    def is_enabled(self, name):
        return name in self.counts
"""
_BENCHMARKS: Final = """
import runtime


def ignore(span):
    pass


def test_span(telemetry_benchmark):
    telemetry_benchmark.statement("with tele.span('a.b'): pass", {"tele": runtime.Context(ignore)})


def test_count(telemetry_benchmark):
    telemetry_benchmark.statement("tele.count('a.b')", {"tele": runtime.Context(ignore)})


def test_is_enabled(telemetry_benchmark):
    telemetry_benchmark.statement("tele.is_enabled('a.b')", {"tele": runtime.Context(ignore)})
"""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the runtime: *old* becomes *new*, and the benchmark *seen* has to show it."""

    name: str
    seen: str
    old: str
    new: str


CHANGES: Final = (
    Change(
        "an extra call",
        "test_is_enabled",
        "        return name in self.counts\n",
        "        return self._has(name)\n\n    def _has(self, name):\n        return name in self.counts\n",
    ),
    Change(
        "**kwargs in a signature",
        "test_count",
        "def count(self, name, value=1):",
        "def count(self, name, value=1, **attrs):",
    ),
    Change(
        "an object per call",
        "test_count",
        "        self.counts[name] = self.counts.get(name, 0) + value\n",
        "        point = (name, value, [value])\n        self.counts[name] = self.counts.get(name, 0) + point[1]\n",
    ),
    Change(
        "a clock read",
        "test_count",
        "        self.counts[name] = self",
        "        self.now()\n        self.counts[name] = self",
    ),
    Change(
        "a dictionary copy",
        "test_count",
        "        self.counts[name] = self",
        "        attrs = dict(self.defaults)\n        self.counts[name] = self",
    ),
    Change(
        "a lookup moved out of a slot",
        "test_span",
        "self.context.ended(self, self.context.now() - self.start)",
        "self.context.ended(self, getattr(time, 'perf_counter_ns')() - self.start)",
    ),
    Change(
        "a lock",
        "test_count",
        "        self.counts[name] = self.counts.get(name, 0) + value\n",
        "        with self.lock:\n            self.counts[name] = self.counts.get(name, 0) + value\n",
    ),
)


def judged(root: Path, change: Change) -> dict[str, dict[str, Any]]:
    """Make *change*, run the gate, and take the change back; return what was said of each benchmark.

    Raises:
        ValueError: The change does not fit the runtime.
        RuntimeError: pytest could not run the gate.
    """
    if _RUNTIME.count(change.old) != 1:
        raise ValueError(f"{change.name}: {change.old!r} does not stand in the runtime once")
    module = root / "runtime.py"
    module.write_text(_RUNTIME.replace(change.old, change.new), encoding="utf-8")
    said = trial.run_gate(root, root / "gate.json")
    module.write_text(_RUNTIME, encoding="utf-8")
    return {one["benchmark"].rpartition("::")[2]: one for one in said["judgements"]}


def table(rows: Sequence[tuple[Change, dict[str, dict[str, Any]]]]) -> Iterator[str]:
    """Yield the lines of the Markdown table: a row for each benchmark that a change failed."""
    yield "| change | benchmark | verdict | slow-down | interval | counters that moved |"
    yield "| --- | --- | --- | --: | --: | --- |"
    for change, said in rows:
        failed = [name for name, one in said.items() if one["failed"]]
        for name in failed or [change.seen]:
            one = said[name]
            moved = (f"{counter} {before:g} -> {now:g}" for counter, (before, now) in one["counters"].items())
            interval = f"{one['low']:+.1%} to {one['high']:+.1%}"
            cells = (change.name, name, one["outcome"], f"{one['ratio']:+.1%}", interval, ", ".join(moved))
            yield f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real_changes", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--into", type=Path, help="a file with the two markers")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory, "project")
        trial.write(root, {"runtime.py": _RUNTIME, "benchmarks/test_runtime.py": _BENCHMARKS})
        trial.commit(root)
        rows = [(change, judged(root, change)) for change in CHANGES]
    text = "\n".join([trial.circumstances(), "", *table(rows)])
    sys.stdout.write(f"{text}\n")
    if options.into is not None:
        replace_between(options.into, BEGIN, END, text)
    unseen = [
        change.name
        for change, said in rows
        if said[change.seen]["outcome"] != "slower" or not said[change.seen]["counters"]
    ]
    if unseen:
        sys.stderr.write(f"unseen: {', '.join(unseen)}\n")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
