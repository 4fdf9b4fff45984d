"""Makes skeletons of the whole standard library, and compares them with what ``ast`` finds, by hand.

``python -m benchmarks.skeleton_study`` reads every file of the library of the Python that runs it. Each function and
class that ``ast`` finds must be found with the same name, kind and lines, and damage be said where ``ast`` refuses a
file. Reading them may take no longer than ``ast.parse`` and a full walk over the same files, timed in turn, and hold
no more memory than a few files need. Out of a cache, all of it must come back equal and ten times as fast, with one
hit for each file. The exit status says whether that was so; ``--into FILE`` writes the table between its markers.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.report import replace_between
from pytest_telemetry import TelemetryContext
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.skeleton_cache import MemorySkeletonCache, SqliteSkeletonCache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from pytest_telemetry.codeintel.skeleton_cache import SkeletonCache
    from pytest_telemetry.codeintel.skeleton_map import SkeletonMap

BEGIN: Final = "<!-- skeleton study: begin (written by benchmarks/skeleton_study.py) -->"
END: Final = "<!-- skeleton study: end -->"
TIMES_FASTER: Final = 10
"""How many times as fast as parsing a second look must be."""
MAX_BYTES: Final = 100_000_000
"""How much more memory all files may need than the interpreter with the parser; the trees of all of them have 1 GB."""

_PEAK: Final = """
import resource, sys
from pathlib import Path
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
builder = SkeletonMapBuilder()
builder.parse_python("x = 1", "a.py")
def peak():
    status = Path("/proc/self/status")
    if status.exists():  # Linux counts what the parent had before this program began, but for this figure
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
for path in sys.stdin.read().splitlines():
    builder.parse_python(Path(path).read_bytes(), path)
print(peak() - before)
"""


@dataclass
class Findings:
    """What became of the files.

    Attributes:
        files: How many there are.
        source_bytes: How long they are.
        skeleton_bytes: How long their skeletons are.
        definitions: Functions and classes that ``ast`` finds.
        differing: Files in which others are found.
        refused: Files that ``ast`` refuses.
        silent: Those of them whose damage is not said.
        accused: Files that ``ast`` takes, and that are said to be damaged.
        ast_ns: What ``ast.parse`` and a walk took.
        skeleton_ns: What the skeletons took.
    """

    files: int = 0
    source_bytes: int = 0
    skeleton_bytes: int = 0
    definitions: int = 0
    differing: list[str] = field(default_factory=list)
    refused: int = 0
    silent: list[str] = field(default_factory=list)
    accused: list[str] = field(default_factory=list)
    ast_ns: int = 0
    skeleton_ns: int = 0

    @property
    def is_as_promised(self) -> bool:
        """Whether all was found, and in time."""
        return not self.differing and not self.silent and self.skeleton_ns <= self.ast_ns


@dataclass(frozen=True)
class Cached:
    """What a cache was asked for twice.

    Attributes:
        backend: Its name.
        first_ns: Processor time of parsing all files, and keeping them.
        second_ns: Processor time of finding them.
        files: How many there are.
        hits: How often a skeleton was found, as the records say.
        misses: How often not.
        is_equal: Whether what was found is what was parsed.
    """

    backend: str
    first_ns: int
    second_ns: int
    files: int
    hits: float
    misses: float
    is_equal: bool

    @property
    def is_as_promised(self) -> bool:
        """Whether everything came back, fast enough, and was counted as it was."""
        counted = self.hits == self.misses == self.files
        return self.is_equal and counted and self.first_ns >= TIMES_FASTER * self.second_ns


class Counts:
    """A reporter that adds up counters."""

    def __init__(self) -> None:
        self.of: dict[str, float] = {}

    def record_timing(self, name: str, duration: float, **metadata: Any) -> None:
        """Leave durations alone."""

    def record_metric(self, name: str, value: float, **metadata: Any) -> None:  # noqa: ARG002 - as reporters have it
        """Add one measurement."""
        self.of[name] = self.of.get(name, 0) + value


def library(every: int = 1) -> list[Path]:
    """Return the files of the standard library, or one of so many."""
    root = Path(sysconfig.get_path("stdlib"))
    return [path for path in sorted(root.rglob("*.py")) if "site-packages" not in path.parts][::every]


def definitions(tree: ast.Module) -> Iterator[tuple[int, str, str, int | None]]:
    """Yield line, qualified name, kind and last line of each function and class that ``ast`` finds."""
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, prefix = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield child.lineno, prefix + child.name, type(child).__name__, child.end_lineno
                waiting.append((child, f"{prefix}{child.name}."))
            else:
                waiting.append((child, prefix))


def definitions_of(skeleton: SkeletonMap) -> Iterator[tuple[int, str, str, int | None]]:
    """Yield the same of a skeleton."""
    kinds = {"class": "ClassDef", "function": "FunctionDef", "method": "FunctionDef"}
    for symbol in skeleton.walk():
        if symbol.kind in kinds:
            kind = "AsyncFunctionDef" if symbol.is_async else kinds[symbol.kind]
            yield symbol.line, symbol.qualname, kind, symbol.end_line


def compare(files: Sequence[Path]) -> Findings:
    """Read each file in both ways, in turn, and compare what is found."""
    findings = Findings()
    builder = SkeletonMapBuilder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the code that is read
        for path in files:
            _compare(path, builder, findings)
    return findings


def _compare(path: Path, builder: SkeletonMapBuilder, findings: Findings) -> None:
    code = path.read_bytes()
    begin = time.process_time_ns()
    tree = None
    with contextlib.suppress(SyntaxError, ValueError):
        tree = ast.parse(code)
        for _ in ast.walk(tree):
            pass
    middle = time.process_time_ns()
    skeleton = builder.parse_python(code, path)
    end = time.process_time_ns()
    findings.files += 1
    findings.source_bytes += skeleton.source_bytes
    findings.skeleton_bytes += skeleton.skeleton_bytes
    findings.skeleton_ns += end - middle
    findings.ast_ns += middle - begin
    if tree is None:
        findings.refused += 1
        findings.silent += [path.name] * (skeleton.status == "ok")
        return
    expected = sorted(definitions(tree))
    findings.definitions += len(expected)
    findings.differing += [path.name] * (sorted(definitions_of(skeleton)) != expected)
    findings.accused += [path.name] * (skeleton.status != "ok")


def ask_twice(files: Sequence[Path], cache: SkeletonCache) -> Cached:
    """Parse all files with a cache, and once more."""
    counts = Counts()
    builder = SkeletonMapBuilder(TelemetryContext(counts, enabled=True), files[0].parent, cache)
    took = []
    seen = []
    for _ in range(2):
        total = 0
        hashes = []
        for path in files:
            begin = time.process_time_ns()
            skeleton = builder.parse_file(path)
            total += time.process_time_ns() - begin
            hashes.append(
                hash(skeleton)
            )  # kept instead of the skeleton, so that no garbage collection walks over all
        took.append(total)
        seen.append(hashes)
    hits, misses = (counts.of.get(f"ast_cache_{name}_count", 0) for name in ("hit", "miss"))
    return Cached(cache.backend, took[0], took[1], len(files), hits, misses, seen[0] == seen[1])


def peak_bytes(files: Sequence[Path]) -> int:
    """Return by how much the memory of a process grows that parses all files."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK],
        input="\n".join(map(str, files)),
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def rows_of(findings: Findings, cached: Sequence[Cached], peak: int) -> list[str]:
    """Return the table."""
    ratio = findings.skeleton_ns / findings.ast_ns
    rows = [
        ("files, and bytes in them", f"{findings.files:,}, {findings.source_bytes:,}"),
        ("bytes of their skeletons", f"{findings.skeleton_bytes / findings.source_bytes:.1%}"),
        ("functions and classes that `ast` finds", f"{findings.definitions:,}"),
        ("files in which name, kind or a line of one differs", _listed(findings.differing)),
        ("files that `ast` refuses", str(findings.refused)),
        ("of these, without damage", _listed(findings.silent)),
        ("files that `ast` takes, with damage", _listed(findings.accused)),
        (
            "processor time of skeletons, beside `ast.parse` and a walk",
            f"{findings.skeleton_ns / 1e9:.1f} s, {findings.ast_ns / 1e9:.1f} s: {ratio:.2f} times",
        ),
        ("memory for all files", f"{peak / 1e6:.0f} MB"),
    ]
    for each in cached:
        times = each.first_ns / each.second_ns
        what = f"{each.first_ns / 1e9:.1f} s, then {each.second_ns / 1e9:.2f} s: {times:.0f} times as fast"
        equal = "equal" if each.is_equal else "not equal"
        rows.append(
            (
                f"processor time with a cache in {each.backend}",
                f"{what}; {each.misses:,.0f} misses, {each.hits:,.0f} hits, {equal}",
            )
        )
    return ["| what | figure |", "| --- | --- |", *(f"| {name} | {figure} |" for name, figure in rows)]


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names[:5])})" if names else "0"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--every", type=int, default=1, help="read one of so many files")
    parser.add_argument("--into", type=Path, help="a page with the markers")
    options = parser.parse_args(arguments)
    files = library(options.every)
    findings = compare(files)
    peak = peak_bytes(files)
    with tempfile.TemporaryDirectory() as directory:
        cached = [ask_twice(files, MemorySkeletonCache())]
        with SqliteSkeletonCache(Path(directory, "skeletons.db")) as cache:
            cached.append(ask_twice(files, cache))
    text = "\n".join(rows_of(findings, cached, peak)) + "\n"
    sys.stdout.write(f"CPython {platform.python_version()}, {os.cpu_count()} cores\n{text}")
    if options.into:
        replace_between(options.into, BEGIN, END, text)
    return int(
        not (findings.is_as_promised and peak <= MAX_BYTES and all(each.is_as_promised for each in cached))
    )


if __name__ == "__main__":
    sys.exit(main())
