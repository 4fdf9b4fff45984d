"""Turns results into the tables of the README.

``python -m benchmarks.report RESULTS.json...`` prints the tables for files that ``--benchmark-json`` wrote, one of
each Python; with ``--into FILE`` they replace what stands between the markers of that file.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.wording import cost, quantity
from pytest_telemetry.reports.targets import slowness_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ("BEGIN", "END", "main", "replace_between", "tables")

BEGIN: Final = "<!-- figures: begin (written by benchmarks/report.py) -->"
END: Final = "<!-- figures: end -->"

_MARK: Final = {"met": "", "met on a slow machine": " *", "missed": " **missed**"}


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
        try:
            return cls._of(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} holds no result of these benchmarks: {error}") from error

    @classmethod
    def _of(cls, data: Any) -> _Run:
        info = data["machine_info"]
        cpu = info.get("cpu", {})
        ours = [one for one in data["benchmarks"] if "place" in one["extra_info"].get("telemetry", {})]
        if not ours:
            raise ValueError("none of them used telemetry_benchmark")
        results = {
            (one["group"], one["extra_info"]["telemetry"]["label"]): one["extra_info"]["telemetry"]
            for one in sorted(ours, key=lambda one: one["extra_info"]["telemetry"]["place"])
        }
        machine = (
            f"{cpu.get('brand_raw', info['machine'])}, {cpu.get('count', '?')} cores, {info['system']} "
            f"{info['release'].split('-')[0]}, {data['datetime'][:10]}"
        )
        packages = ", ".join(f"{name} {version}" for name, version in info.get("packages", {}).items())
        return cls(f"{info['python_implementation']} {info['python_version']}", machine, packages, results)


def tables(runs: Sequence[_Run]) -> Iterator[str]:
    """Yield the lines of the Markdown tables: a column for each run."""
    slowness = (f"{slowness_of(run.results.values()):.2f} ({run.python})" for run in runs)
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
        if options.into is not None:
            replace_between(options.into, BEGIN, END, text)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if options.into is None:
        sys.stdout.write(f"{text}\n")
    return 0


def replace_between(page: Path, begin: str, end: str, text: str) -> None:
    """Put *text* between the two markers of *page*.

    Raises:
        ValueError: A marker is not there.
    """
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page} lacks the markers {begin} and {end}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
