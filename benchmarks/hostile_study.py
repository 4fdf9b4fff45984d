"""How much memory ``pytest-telemetry check`` takes for logs of two gigabytes, usual ones and hostile ones, by hand.

``python -m benchmarks.hostile_study`` writes each log, lets the command judge it in a process of its own, and prints
how long that took and the most memory that the process held, as the system counts it. The exit status is 1 where that
is above the limit, or where the command printed a traceback. ``--megabytes`` makes the logs smaller, ``--only`` leaves
all but one out, ``--into FILE`` puts the table between two markers of a page. Needs room for one log at a time.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from benchmarks.report import replace_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BEGIN: Final = "<!-- hostile study: begin (written by benchmarks/hostile_study.py) -->"
END: Final = "<!-- hostile study: end -->"
LIMIT: Final = 300_000_000
"""Bytes that the command may hold, whatever it is given; an export of 16 MiB as objects is most of it."""

_COMMAND: Final = """
import resource, sys
from pytest_telemetry.cli import main

sys.argv = ["pytest-telemetry", "check", "--json", *sys.argv[1:]]
try:
    main()
finally:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if sys.platform == "linux":  # there it has what the parent held, which was forked
        with open("/proc/self/status") as status:
            peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    sys.stderr.write(f"peak {peak}\\n")
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one log.

    Attributes:
        name: Of the log.
        size: Of its file, in bytes.
        records: How many were read.
        malformed: Lines that held none.
        seconds: How long it took.
        peak: Bytes that the process held at most.
        code: How the command ended.
        said: The ids of its findings, or its error.
    """

    name: str
    size: int
    records: int
    malformed: int
    seconds: float
    peak: int
    code: int
    said: str

    @property
    def is_as_promised(self) -> bool:
        """Whether memory was bounded, and what was said was findings or one line."""
        return self.peak <= LIMIT and self.code in {0, 1, 2} and "Traceback" not in self.said


def usual(number: int) -> bytes:
    """Return a line as tools write it, about a kilobyte."""
    notes = " ".join(f"step {number + step} read {step * 7} rows" for step in range(25))
    return (
        b'{"ts":"2026-01-01T00:%02d:%02d.%06dZ","run_id":"run_%d","cmd":"command.%d","args":{"file":"src/part_%d.py"},'
        b'"result":{"status":"ok","rows":%d},"timing_ms":%d.5,"note":"%s"}\n'
        % (
            number // 60 % 60,
            number % 60,
            number % 1_000_000,
            number // 1_000,
            number % 40,
            number % 700,
            number,
            number % 900,
            notes.encode(),
        )
    )


def named(number: int) -> bytes:
    """Return a line of a run, a command and a server of its own, with names of two kilobytes."""
    own = f"{number}-" + "x" * 2_000
    line = {
        "record": 1,
        "kind": "span",
        "name": f"lsp.ready.{own}" if number % 2 else "lsp.ready",
        "time_ns": number,
        "duration_ns": 5,
        "run_id": own,
        "trace_id": own,
        "span_id": own,
        "parent_id": own,
        "attrs": {"server": own, own: "/home/ada"},
    }
    return json.dumps(line).encode() + b"\n"


def odd(number: int) -> bytes:
    """Return a line with something wrong with it."""
    kinds = (
        b'{"cmd":"a","x":%s}\n' % (b"[" * 10_000 + b"]" * 10_000),
        b'{"cmd":"a","cmd":"b","x":NaN,"y":1e999,"n":%d}\n' % 10**60,
        b'{"cmd":"a\xff\xfe","ts":"now","timing_ms":"%d"}\n' % number,
        b"\0" * 2_000 + b"\n",
        b'{"cmd":"torn","x":"' + b"y" * 2_000 + b"\n",
    )
    return kinds[number % len(kinds)]


def _export(spans: int) -> bytes:
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "GET /items",
        "startTimeUnixNano": "1767306948000000000",
        "endTimeUnixNano": "1767306948002500000",
        "attributes": [{"key": f"k{number}", "value": {"intValue": str(number)}} for number in range(6)],
    }
    export = {"resourceSpans": [{"scopeSpans": [{"spans": [span] * spans}]}]}
    return json.dumps(export, separators=(",", ":")).encode() + b"\n"


def _lines(line: Callable[[int], bytes]) -> Callable[[BinaryIO, int], None]:
    def write(file: BinaryIO, size: int) -> None:
        written = 0
        for first in itertools.count(0, 1_000):
            block = b"".join(line(number) for number in range(first, first + 1_000))
            file.write(block)
            written += len(block)
            if written >= size:
                return

    return write


def _one_line(file: BinaryIO, size: int) -> None:
    file.write(usual(0) + b'{"cmd":"a","x":"')
    file.writelines(itertools.repeat(b"x" * 1_000_000, size // 1_000_000))
    file.write(b'"}\n' + usual(1))


def _exports(file: BinaryIO, size: int) -> None:
    export = _export(35_000)
    file.writelines(itertools.repeat(export, max(size // len(export), 1)))


def _bomb(file: BinaryIO, size: int) -> None:
    with gzip.open(file, "wb") as packed:
        packed.write(usual(0))
        packed.writelines(itertools.repeat(b"x" * 1_000_000, size // 1_000_000))


def _packed(file: BinaryIO, size: int) -> None:
    with gzip.open(file, "wb", compresslevel=1) as packed:
        _lines(usual)(packed, size)  # type: ignore[arg-type]  # it writes, and no more is asked of it


LOGS: Final[dict[str, Callable[[BinaryIO, int], None]]] = {
    "usual lines": _lines(usual),
    "usual lines, compressed": _packed,
    "names without end": _lines(named),
    "nothing but odd lines": _lines(odd),
    "one line": _one_line,
    "exports of 35,000 spans": _exports,
    "one line, compressed to a thousandth": _bomb,
}
"""What writes each log, given a file and a size."""


def judge(name: str, path: Path) -> Outcome:
    """Let the command judge a log, and return what became of it."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, str(path)], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begun
    error, _, peak = done.stderr.rpartition("peak ")
    records = malformed = 0
    said = error.strip()
    if not said:
        for file in json.loads(done.stdout)["files"]:
            records, malformed = file["events"], file["malformed"]
            said = ", ".join(dict.fromkeys(finding["check"] for finding in file["findings"])) or "nothing"
    return Outcome(name, path.stat().st_size, records, malformed, seconds, int(peak), done.returncode, said)


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the lines of the Markdown table."""
    yield "| log | size | records | malformed lines | seconds | peak memory | findings |"
    yield "| --- | --: | --: | --: | --: | --: | --- |"
    for one in outcomes:
        yield (
            f"| {one.name} | {one.size / 1e6:,.1f} MB | {one.records:,} | {one.malformed:,} | {one.seconds:,.1f} "
            f"| {one.peak / 1e6:.0f} MB | {one.said} |"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hostile_study", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--megabytes", type=int, default=2_000)
    parser.add_argument("--only", choices=LOGS, action="append")
    parser.add_argument("--into", type=Path, help="a file with the two markers")
    options = parser.parse_args(arguments)
    outcomes = []
    for name in options.only or LOGS:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "log"
            with path.open("wb") as file:
                LOGS[name](file, options.megabytes * 1_000_000)
            outcomes.append(judge(name, path))
    text = "\n".join(table(outcomes))
    sys.stdout.write(f"{text}\n")
    if options.into is not None:
        replace_between(options.into, BEGIN, END, text)
    return int(not all(outcome.is_as_promised for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
