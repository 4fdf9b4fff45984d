"""What telemetry adds to the memory of a process that holds 100 MB and records 20,000 events, by hand.

``python -m benchmarks.memory_study`` runs the same workload in fresh processes, in turn: without telemetry, and with
every step reported through the batching sink into an event log. What is compared is the peak of the resident set, as
the system counts it, with our imports; both sides import ``dataclasses``, ``json`` and ``logging``. Each run ends
with reading back: what was accepted is in the log, or was counted. ``--into FILE`` puts the table between two
markers of a page.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.report import replace_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BEGIN: Final = "<!-- memory study: begin (written by benchmarks/memory_study.py) -->"
END: Final = "<!-- memory study: end -->"
LIMIT: Final = 0.05

_WORKLOAD: Final = """
import dataclasses, json, logging, resource, sys, zlib  # what hardly an application does without

log, events, megabytes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
figures = {}
if log:
    from pytest_telemetry.runtime.context import TelemetryContext
    from pytest_telemetry.sinks.batching import BatchingSink
    from pytest_telemetry.sinks.jsonl import JsonlStore

    sink = BatchingSink(JsonlStore(log))
    tele = TelemetryContext(sink, enabled=True)

held = [b"%6d" % number * (1_000_000 // 6) for number in range(megabytes)]
check = 0
for number in range(events):
    check = zlib.crc32(held[number % megabytes][:50_000], check)
    if log:
        tele.event("step", number=number, check=check, name="block")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

if log:
    tele.shutdown()
    figures = dict(sink.statistics())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open(log, "rb") as lines:
        figures["read back"] = sum(1 for _ in lines)
print(json.dumps({"peak": peak * (1 if sys.platform == "darwin" else 1024), **figures}))
"""


def run(log: str, events: int, megabytes: int) -> dict[str, int]:
    """Return peak and numbers of one fresh process; an empty *log* is the run without telemetry."""
    command = [sys.executable, "-c", _WORKLOAD, log, str(events), str(megabytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, int] = json.loads(done.stdout)
    return figures


def measure(runs: int, events: int, megabytes: int) -> tuple[list[int], list[int], int]:
    """Return the peaks without and with telemetry, in bytes, and how many records were dropped in all.

    Raises:
        AssertionError: A record was lost uncounted.
    """
    without: list[int] = []
    with_telemetry: list[int] = []
    dropped = 0
    for _ in range(runs):
        without.append(run("", events, megabytes)["peak"])
        with tempfile.TemporaryDirectory() as directory:
            figures = run(str(Path(directory) / "events.jsonl"), events, megabytes)
        with_telemetry.append(figures["peak"])
        assert figures["accepted"] == events, figures
        assert figures["accepted"] == figures["stored"] + figures["dropped"], figures
        assert figures["read back"] == figures["stored"], figures
        dropped += figures["dropped"]
    return without, with_telemetry, dropped


def table(without: Sequence[int], with_telemetry: Sequence[int], dropped: int) -> Iterator[str]:
    """Yield the lines of the Markdown table."""
    plain, observed = statistics.median(without), statistics.median(with_telemetry)
    yield "| runs | without | with telemetry | overhead | largest | dropped |"
    yield "| --: | --: | --: | --: | --: | --: |"
    largest = max(after / before for before, after in zip(without, with_telemetry, strict=True)) - 1
    yield (
        f"| {len(without)} | {plain / 1e6:.1f} MB | {observed / 1e6:.1f} MB | {observed / plain - 1:.1%} "
        f"| {largest:.1%} | {dropped} |"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1 where telemetry adds more than the limit."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory_study", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--into", type=Path, help="a file with the two markers")
    options = parser.parse_args(arguments)
    without, with_telemetry, dropped = measure(options.runs, options.events, options.megabytes)
    text = "\n".join(table(without, with_telemetry, dropped))
    sys.stdout.write(f"{text}\n")
    if options.into is not None:
        replace_between(options.into, BEGIN, END, text)
    return int(statistics.median(with_telemetry) / statistics.median(without) - 1 > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
