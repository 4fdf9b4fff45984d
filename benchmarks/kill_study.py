"""Kills writers of a log at random moments and counts what is left, by hand.

``python -m benchmarks.kill_study`` kills 200 processes with SIGKILL while they append to a log of their own: record by
record, in batches, and with segments that are closed and compressed. A writer tells through a pipe what was accepted.
Of each log a prefix must survive, with everything that was accepted and at most one torn line, and a writer that
comes later must not lose anything by it. The exit status says whether that was so; ``--kills`` says how often.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.logs import read_log
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.sinks.jsonl import JsonlStore

if TYPE_CHECKING:
    from collections.abc import Sequence

WAYS: Final[dict[str, tuple[int, dict[str, Any]]]] = {
    "one by one": (1, {}),
    "in batches of 50": (50, {}),
    "with segments of 100 kB, compressed": (1, {"max_bytes": 100_000, "compress": True}),
}
"""How many records are given at once, and the options of the store."""

LATER: Final = -1
"""Number of the record that is written after the kill."""


@dataclass(frozen=True)
class Outcome:
    """What was left of the log of one killed writer.

    Attributes:
        way: How it wrote.
        accepted: Records that it knew to be accepted.
        stored: Records that are in the log, without the one that came later.
        torn: Lines that hold no record.
        whole: Whether they are the first ones, each once, and the later one behind them.
    """

    way: str
    accepted: int
    stored: int
    torn: int
    whole: bool

    @property
    def is_as_promised(self) -> bool:
        """Whether nothing was lost that was accepted, and at most one line is torn."""
        return self.whole and self.stored >= self.accepted and self.torn <= 1


def study(kills: int, directory: Path, seed: int) -> list[Outcome]:
    """Kill that many writers, in turn in each way, and return what was left."""
    chance = random.Random(seed)
    ways = itertools.cycle(WAYS)
    return [_kill(next(ways), directory / str(number) / "events.jsonl", chance) for number in range(kills)]


def _kill(way: str, path: Path, chance: random.Random) -> Outcome:
    reading, writing = os.pipe()
    at_once = WAYS[way][0]
    moment = chance.randrange(1, 1_000 // at_once)
    writer = os.fork()
    if not writer:
        os.close(reading)
        _write_until_killed(way, path, writing, chance.randrange(1 << 30))
    os.close(writing)
    told = 0
    while told < moment:
        told += len(os.read(reading, moment - told))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    while more := os.read(reading, 65_536):
        told += len(more)
    os.close(reading)
    with JsonlStore(path) as later:
        later.emit(_record(LATER, ""))
    with read_log(path) as log:
        numbers = [line.record.seq for line in log if isinstance(line, LogLine)]
    expected = [*range(len(numbers) - 1), LATER]
    return Outcome(way, told * at_once, len(numbers) - 1, log.malformed, numbers == expected)


def _write_until_killed(way: str, path: Path, pipe: int, seed: int) -> None:
    chance = random.Random(seed)
    at_once, options = WAYS[way]
    store = JsonlStore(path, **options)
    for first in itertools.count(0, at_once):
        lengths = chance.choices((10, 1_000, 100_000, 1_000_000), (80, 18, 1, 1), k=at_once)
        records = [_record(first + place, "x" * length) for place, length in enumerate(lengths)]
        if at_once == 1:
            store.emit(records[0])
        else:
            store.emit_many(records)
        os.write(pipe, b".")


def _record(number: int, text: str) -> Record:
    return Record("event", "step", "step", number, attrs={"text": text}, seq=number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        outcomes = study(options.kills, Path(directory), options.seed)
    lines = [
        f"seed {options.seed}",
        "| writing | kills | accepted | stored | lost | torn lines | as promised |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    for way in WAYS:
        mine = [outcome for outcome in outcomes if outcome.way == way]
        accepted, stored, torn = (
            sum(getattr(outcome, name) for outcome in mine) for name in ("accepted", "stored", "torn")
        )
        lost = sum(max(0, outcome.accepted - outcome.stored) for outcome in mine)
        kept = sum(outcome.is_as_promised for outcome in mine)
        lines.append(f"| {way} | {len(mine)} | {accepted:,} | {stored:,} | {lost} | {torn} | {kept} |")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(not all(outcome.is_as_promised for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
