"""Judges ``telemetry_benchmark.overhead`` itself, by hand: how near to the truth it is, and how often it cannot tell.

``python -m benchmarks.overhead_study`` measures work of which is known what it costs more than other work: nothing, 3
and 10 %; all three in one pytest, 100 times, and compares each with a bound of 5 %. ``--into FILE`` puts the table
between two markers of a page.

To know the truth takes some care. Both sides are one code object, or their frames would lie differently in memory,
which alone makes two per cent. A step costs what any other costs, with no counter that grows out of the small integers,
and there are a thousand of them, so that what a call costs besides its steps is below a thousandth.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import trial
from benchmarks.report import replace_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BEGIN: Final = "<!-- overhead study: begin (written by benchmarks/overhead_study.py) -->"
END: Final = "<!-- overhead study: end -->"
TRUTHS: Final = (0, 3, 10)

_TESTS: Final = """
import json
from itertools import repeat

import pytest
from pytest_telemetry.model.errors import Undecided


def step(words):
    return len("-".join(words).split("-"))


def work(steps):
    def run():
        for _ in repeat(None, steps):
            step(("a", "b", "c"))

    return run


@pytest.mark.parametrize("more", [0, 3, 10])
def test_overhead(telemetry_benchmark, more):
    overhead = telemetry_benchmark.overhead(work(1000 + 10 * more), without=work(1000))
    try:
        outcome = "below" if overhead < 0.05 else "above"
    except Undecided:
        outcome = "undecided"
    with open("readings", "a") as file:
        file.write(json.dumps([more, overhead.value, overhead.pairs, outcome]) + "\\n")
"""


def measure(runs: int) -> list[tuple[int, float, int, str]]:
    """Return truth in percent, reading as a fraction, pairs and outcome of each measurement."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        trial.write(root, {"test_overhead.py": _TESTS})
        for _ in range(runs):
            trial.run_pytest(root)
        lines = (root / "readings").read_text(encoding="utf-8").splitlines()
    return [tuple(json.loads(line)) for line in lines]


def table(readings: Sequence[tuple[int, float, int, str]]) -> Iterator[str]:
    """Yield the lines of the Markdown table."""
    yield "| truth | within one point | largest error | `< 0.05` is true | false | undecided |"
    yield "| --: | --: | --: | --: | --: | --: |"
    for truth in TRUTHS:
        mine = [(value, outcome) for more, value, _, outcome in readings if more == truth]
        errors = [abs(100 * value - truth) for value, _ in mine]
        said = [sum(outcome == word for _, outcome in mine) for word in ("below", "above", "undecided")]
        near = sum(error <= 1 for error in errors)
        yield f"| {truth} % | {near} of {len(mine)} | {max(errors):.2f} | {' | '.join(map(str, said))} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead_study", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--into", type=Path, help="a file with the two markers")
    options = parser.parse_args(arguments)
    text = "\n".join([trial.circumstances(), "", *table(measure(options.runs))])
    sys.stdout.write(f"{text}\n")
    if options.into is not None:
        replace_between(options.into, BEGIN, END, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
