"""Turns results into text: the summary after a run, and the tables of the README.

``python -m benchmarks.report RESULTS.json...`` prints the tables for files that ``--benchmark-json`` wrote, one of
each Python; with ``--into FILE`` they replace what stands between the markers of that file.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ("BEGIN", "END", "cost", "main", "summary", "tables")

BEGIN: Final = "<!-- figures: begin (written by benchmarks/report.py) -->"
END: Final = "<!-- figures: end -->"

_MARK: Final = {"met": "", "met on a slow machine": " *", "missed": " **missed**"}


def cost(value: float, unit: str) -> str:
    """Return *value* for a reader: nanoseconds become microseconds or milliseconds where that is shorter."""
    if unit == "ns" and abs(value) >= 1e6:
        return quantity(value / 1e6, "ms")
    if unit == "ns" and abs(value) >= 1e4:
        return quantity(value / 1e3, "us")
    return quantity(value, unit)


def summary(results: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each target, and one for each benchmark without any, in the order of the files."""
    ordered = sorted(results, key=lambda result: result["place"])
    width = max(len(result["label"]) for result in ordered)
    counts = dict.fromkeys(_MARK, 0)
    group = None
    for result in ordered:
        if result["group"] != group:
            group = result["group"]
            yield f"{group}"
        label = (
            f"  {result['label']:{width}}  {cost(result['figures'][result['label']], result['unit']):>10}  "
        )
        for verdict in result["verdicts"] or [{"text": "not judged", "outcome": None}]:
            yield f"{label}{verdict['text']}"
            label = " " * len(label)
            if verdict["outcome"]:
                counts[verdict["outcome"]] += 1
    factor = _slowness(ordered)
    machine = f"; the machine is {factor:.2f} x slower than the reference" if factor > 1 else ""
    numbers = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    yield f"{platform.python_implementation()} {platform.python_version()}: {numbers or 'no target'}{machine}"


@dataclass(frozen=True, slots=True)
class _Run:
    """The results of one file."""

    python: str
    machine: str
    packages: str
    results: Mapping[tuple[str, str], Mapping[str, Any]]

    @classmethod
    def load(cls, path: Path) -> _Run:
        """Return the run that ``--benchmark-json`` wrote to *path*.

        Raises:
            OSError: The file cannot be read.
            ValueError: It holds no result of these benchmarks.
        """
        data = json.loads(path.read_text(encoding="utf-8"))
        info = data["machine_info"]
        cpu = info.get("cpu", {})
        ours = [benchmark for benchmark in data["benchmarks"] if "place" in benchmark["extra_info"]]
        if not ours:
            raise ValueError(f"{path} holds no result of these benchmarks")
        results = {
            (benchmark["group"], benchmark["extra_info"]["label"]): benchmark["extra_info"]
            for benchmark in sorted(ours, key=lambda one: one["extra_info"]["place"])
        }
        machine = (
            f"{cpu.get('brand_raw', info['machine'])}, {cpu.get('count', '?')} cores, {info['system']} "
            f"{info['release'].split('-')[0]}, {data['datetime'][:10]}"
        )
        packages = ", ".join(f"{name} {version}" for name, version in info.get("packages", {}).items())
        return cls(f"{info['python_implementation']} {info['python_version']}", machine, packages, results)


def tables(runs: Sequence[_Run]) -> Iterator[str]:
    """Yield the lines of the Markdown tables: a column for each run."""
    slowness = (f"{_slowness(run.results.values()):.2f} ({run.python})" for run in runs)
    yield f"Machine: {'; '.join(dict.fromkeys(run.machine for run in runs))}."
    yield f"With {'; '.join(dict.fromkeys(run.packages for run in runs))}."
    yield f"The machine is slower than the reference machine by a factor of {', '.join(slowness)}."
    keys = dict.fromkeys(key for run in runs for key in run.results)
    group = None
    for key in keys:
        if key[0] != group:
            group = key[0]
            yield from ("", f"### {group}", "", _row("", "", *(run.python for run in runs)))
            yield _row("---", "---", *("---:" for _ in runs))
        yield from _rows(key, [run.results.get(key) for run in runs])


def _slowness(results: Iterable[Mapping[str, Any]]) -> float:
    """Return how slow the machine was in most of the races."""
    found = [result["slowness"] for result in results if result["slowness"] is not None]
    return statistics.median(found) if found else 1.0


def _rows(key: tuple[str, str], results: Sequence[Mapping[str, Any] | None]) -> Iterator[str]:
    """Yield the rows of one benchmark: its cost, then its peers or its targets."""
    label = key[1]
    costs = dict.fromkeys(name for result in results if result for name in result["figures"])
    targets = dict.fromkeys(
        verdict["target"] for result in results if result for verdict in result["verdicts"]
    )
    for name in costs:
        cells = (
            cost(result["figures"][name], result["unit"]) if result and name in result["figures"] else "-"
            for result in results
        )
        yield _row(label if name == label else "", "" if name == label else name, *cells)
    for target in targets:
        yield _row("", target, *(_judged(result, target) for result in results))


def _judged(result: Mapping[str, Any] | None, target: str) -> str:
    for verdict in result["verdicts"] if result else ():
        if verdict["target"] == target:
            return f"{quantity(verdict['value'], verdict['unit'])}{_MARK[verdict['outcome']]}"
    return "-"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=Path, help="files that --benchmark-json wrote")
    parser.add_argument("--into", type=Path, help="a file with the two markers")
    options = parser.parse_args(arguments)
    try:
        text = "\n".join(tables([_Run.load(path) for path in options.results]))
        page = options.into.read_text(encoding="utf-8") if options.into else ""
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if options.into is None:
        sys.stdout.write(f"{text}\n")
        return 0
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        parser.error(f"{options.into} lacks the markers {BEGIN} and {END}")
    options.into.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
