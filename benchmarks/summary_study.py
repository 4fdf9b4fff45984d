"""What summing up five million events takes, by hand: beside DuckDB's own query, and without DuckDB.

``python -m benchmarks.summary_study`` writes a log of both dialects into a temporary directory (1.2 GB), and sums
it up in turn by a query that DuckDB's manual would give for the same figures, and by `summarise_log` with DuckDB.
Then a fresh process does it without DuckDB, and says how large it became. All three must find the same. ``--into
FILE`` puts the table between two markers of a page.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import trial
from benchmarks.report import replace_between
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.summaries import LogSummary, summarise_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BEGIN: Final = "<!-- summary study: begin (written by benchmarks/summary_study.py) -->"
END: Final = "<!-- summary study: end -->"
MOST_RATIO: Final = 1.3
MOST_BYTES: Final = 100_000_000

NAMES: Final = [
    f"{part}.{act}"
    for part in ("ctx", "ast", "lsp", "file", "selector", "agent", "tool", "model")
    for act in ("sync", "search", "parse", "read", "resolve")
]

_OWN_QUERY: Final = """
SELECT coalesce(cmd, name) AS command, count(*) AS count,
    count(*) FILTER (status = 'error' OR result.status IN ('error', 'fail', 'failed', 'timeout')) AS errors,
    quantile_cont(coalesce(timing_ms, duration_ns / 1e6), [0.5, 0.95, 0.99]) AS percentiles,
    max(coalesce(timing_ms, duration_ns / 1e6)) AS longest
FROM read_json(?, format = 'newline_delimited', columns = {
    cmd: 'VARCHAR', name: 'VARCHAR', timing_ms: 'DOUBLE', duration_ns: 'BIGINT', status: 'VARCHAR',
    result: 'STRUCT(status VARCHAR)'
})
GROUP BY command"""

_STREAMED: Final = """
import json, os, re, resource, sys
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.summaries import summarise_log
begin = SYSTEM_CLOCK.mono_ns()
summary = summarise_log(sys.argv[1], engine="python")
seconds = (SYSTEM_CLOCK.mono_ns() - begin) / 1e9
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
if os.path.exists("/proc/self/status"):  # the number above may be that of the process that started this one
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
figures = {one.name: one.as_dict() for one in summary.figures}
print(json.dumps({"seconds": seconds, "peak": peak, "figures": figures}))
"""


def write_log(path: Path, events: int, seed: int = 7) -> None:
    """Write a log of *events*: half of them in our own format, half as event lines, 2 % of them errors."""
    chance = random.Random(seed)
    weights = [1 / (place + 1) for place in range(len(NAMES))]
    with path.open("w", encoding="utf-8") as log:
        for begin in range(0, events, 10_000):
            count = min(10_000, events - begin)
            names = chance.choices(NAMES, weights, k=count)
            log.writelines(_line(chance, name, begin + place) for place, name in enumerate(names))


def _line(chance: random.Random, name: str, number: int) -> str:
    duration_ns = int(chance.lognormvariate(16, 1.5))
    failed = chance.random() < 0.02
    run, file, rows = f"run_{number // 1_000:05}", f"src/pkg/module_{number % 100}.py", number % 977
    if number % 2:
        status = '"status":"error",' if failed else ""
        return (
            f'{{"record":1,"kind":"span","name":"{name}","scope":"agent.{name}","time_ns":{1_767_225_600_000_000_000 + number},'
            f'"duration_ns":{duration_ns},{status}"attrs":{{"file":"{file}","rows":{rows}}},"run_id":"{run}",'
            f'"trace_id":"{number // 10:032x}","span_id":"{number:016x}","seq":{number % 1_000}}}\n'
        )
    status = "error" if failed else "ok"
    return (
        f'{{"ts":"2026-01-01T{number // 3_600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000000000+00:00","run_id":"{run}",'
        f'"segment":null,"cmd":"{name}","args":{{"file":"{file}"}},"result":{{"status":"{status}","rows":{rows}}},'
        f'"timing_ms":{duration_ns / 1e6},"tokens":{{}},"warnings":[]}}\n'
    )


def own_query(log: Path) -> dict[str, tuple[Any, ...]]:
    """Return what DuckDB's own query says of each command."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        return {row[0]: row[1:] for row in connection.execute(_OWN_QUERY, [str(log)]).fetchall()}


def require_same(ours: LogSummary, theirs: dict[str, tuple[Any, ...]], streamed: dict[str, Any]) -> None:
    """Refuse figures that differ: from our reader in any digit, from DuckDB's floats in the twelfth."""
    figures = {one.name: one.as_dict() for one in ours.figures}
    assert ours.engine == "duckdb", ours.note
    assert figures == streamed
    assert figures.keys() == theirs.keys()
    for name, (count, errors, percentiles, longest) in theirs.items():
        mine = figures[name]
        assert (mine["count"], mine["errors"]) == (count, errors)
        for value, key in zip((*percentiles, longest), ("p50_ms", "p95_ms", "p99_ms", "max_ms"), strict=True):
            assert abs(mine[key] - value) <= 1e-6 + 1e-12 * value, (name, key, mine[key], value)


def measure(log: Path, runs: int) -> tuple[list[float], list[float], dict[str, Any]]:
    """Return the seconds of DuckDB's own query and of ours, pair by pair, and what the process without DuckDB said.

    Raises:
        AssertionError: They do not find the same.
    """
    theirs: list[float] = []
    ours: list[float] = []
    found: dict[str, tuple[Any, ...]] = {}
    summary: LogSummary | None = None
    for turn in range(-1, runs):  # the first one reads the file into the cache
        for mine in (False, True) if turn % 2 else (True, False):
            begin = SYSTEM_CLOCK.mono_ns()
            if mine:
                summary = summarise_log(log, engine="duckdb")
            else:
                found = own_query(log)
            seconds = (SYSTEM_CLOCK.mono_ns() - begin) / 1e9
            if turn >= 0:
                (ours if mine else theirs).append(seconds)
    done = subprocess.run(
        [sys.executable, "-c", _STREAMED, str(log)], capture_output=True, text=True, check=True
    )
    streamed = json.loads(done.stdout)
    assert summary is not None
    require_same(summary, found, streamed["figures"])
    return theirs, ours, streamed


def table(
    events: int, size: int, theirs: Sequence[float], ours: Sequence[float], streamed: dict[str, Any]
) -> Iterator[str]:
    """Yield the lines of the Markdown table."""
    ratios = [mine / its for mine, its in zip(ours, theirs, strict=True)]
    yield f"With duckdb {version('duckdb')}; {events:,} events in {size / 1e9:.2f} GB; {len(ours)} pairs of runs."
    yield ""
    yield "| read by | seconds, median | fastest | ratio to DuckDB's own query, median | smallest | largest | peak of the resident set |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    yield f"| DuckDB's own query | {statistics.median(theirs):.2f} | {min(theirs):.2f} | | | | |"
    yield (
        f"| `summarise_log`, with DuckDB | {statistics.median(ours):.2f} | {min(ours):.2f} "
        f"| {statistics.median(ratios):.2f} | {min(ratios):.2f} | {max(ratios):.2f} | |"
    )
    yield f"| `summarise_log`, without DuckDB | {streamed['seconds']:.1f} | | | | | {streamed['peak'] / 1e6:.1f} MB |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.summary_study", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--into", type=Path, help="a file with the two markers")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        if shutil.disk_usage(directory).free < 600 * options.events:
            parser.error(f"{directory} has no room for a log of {options.events:,} events")
        log = Path(directory) / "events.jsonl"
        write_log(log, options.events)
        size = log.stat().st_size
        theirs, ours, streamed = measure(log, options.runs)
    text = "\n".join([trial.circumstances(), *table(options.events, size, theirs, ours, streamed)])
    sys.stdout.write(f"{text}\n")
    if options.into is not None:
        replace_between(options.into, BEGIN, END, text)
    ratio = statistics.median(mine / its for mine, its in zip(ours, theirs, strict=True))
    return int(ratio > MOST_RATIO or streamed["peak"] > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
