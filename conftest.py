"""Runs the Python blocks of the README and of every page below docs, and lends pytester to the tests.

A page is one test: its ``python`` blocks run in order, in one namespace, in an empty directory. A block whose first
line is a comment with the name of a file (``# client.py``) is written to that file instead, for those that follow.
A block that defines tests is written to a file as well and run by a pytest of its own. If an HTML comment ``<!--
fails -->`` stands above such a block, that run must fail, and the lines of the ``text`` block that follows must be
found in its output. ``<!-- not run: why -->`` leaves a block out.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent
REAL_PARTS = (
    "anyio",
    "click",
    "detect-secrets",
    "hypothesis",
    "jsonschema",
    "orjson",
    "pytest-asyncio",
    "pytest-benchmark",
    "pytest-xdist",
    "opentelemetry-sdk",
    "logfire",
)
_FENCE = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*?) -->\n+)?^```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"# (\w+\.py)\n")
_TEST = re.compile(r"^(?:async )?def test_|^class \w*Test|^    def test_", re.MULTILINE)
NOT_OURS = "is not part of the repository"
"""Says, in the reason of a skip, that what a test looks at can be installed by nobody."""
NOT_PROMISED = "not promised here"
"""What `pytest_telemetry.testing.contracts` says; beside a baseline this file is loaded where that may not be yet."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page, and the line on which its code begins."""

    language: str
    code: str
    note: str
    line: int


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("code")) + 1
        yield Block(match["language"], match["code"], match["note"] or "", line)


class Page(pytest.File):
    """A page of documentation with Python blocks."""

    def collect(self) -> Iterator[pytest.Item]:
        if any(block.language == "python" for block in blocks_of(self.path)):
            yield PageBlocks.from_parent(self, name="blocks")


class PageBlocks(pytest.Item):
    """All blocks of one page, in order."""

    def runtest(self) -> None:
        with (
            tempfile.TemporaryDirectory() as directory,
            contextlib.chdir(directory),
            pytest.MonkeyPatch.context() as patch,
        ):
            for name in ("PYTEST_TELEMETRY", "PYTEST_TELEMETRY_STRICT_SCOPES", "DEBUG"):
                patch.delenv(name, raising=False)
            before = dict(os.environ)
            try:
                self._run_all(Path(directory))
            finally:
                os.environ.clear()
                os.environ.update(before)

    def _run_all(self, directory: Path) -> None:
        namespace: dict[str, Any] = {"__name__": "__main__"}
        blocks = list(blocks_of(self.path))
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            if block.language == "python" and not block.note.startswith("not run:"):
                self._run(block, following, namespace, directory)

    def _run(self, block: Block, following: Block | None, namespace: dict[str, Any], directory: Path) -> None:
        if file := _FILE.match(block.code):
            (directory / file[1]).write_text(block.code, encoding="utf-8")
            return
        if _TEST.search(block.code):
            self._run_tests(block, following, directory)
            return
        code = compile("\n" * (block.line - 1) + block.code, str(self.path), "exec")
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, namespace)  # noqa: S102 - the page is ours

    def _run_tests(self, block: Block, following: Block | None, directory: Path) -> None:
        file = directory / f"test_line_{block.line}.py"
        file.write_text(block.code, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "telemetry", file.name]
        if "async def" in block.code:
            command += ["-p", "anyio", "-p", "asyncio"]
        environment = {
            key: value
            for key, value in os.environ.items()
            if key not in {"CI", "BUILD_NUMBER", "PYTEST_ADDOPTS"}
        }
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        if "benchmark" in block.code:
            command += ["-p", "benchmark"]
            # Nothing is timed under a tracer.
            for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
                environment.pop(name, None)
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [*command, "-q"],
            cwd=directory,
            env=environment | {"COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
        )
        fails = block.note == "fails"
        if done.returncode != int(fails):
            raise BlockFailed(
                f"{self.path.name}:{block.line}: pytest ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        if fails and following is not None and following.language == "text":
            shown = done.stdout.splitlines()
            for line in following.code.splitlines():
                if line.strip() not in {"", "..."} and not any(
                    line.rstrip() == other.rstrip() for other in shown
                ):
                    raise BlockFailed(
                        f"{self.path.name}:{following.line}: not in the output: {line!r}\n{done.stdout}"
                    )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return (
            str(excinfo.value)
            if isinstance(excinfo.value, BlockFailed)
            else super().repr_failure(excinfo, style)
        )

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, str(self.path.relative_to(ROOT))


class BlockFailed(Exception):
    """A block did not do what the page says; the text is complete."""


def pytest_report_header() -> str:
    """Name the real parts that the tests work with, and what is missing."""
    parts = []
    for part in REAL_PARTS:
        try:
            parts.append(f"{part} {version(part)}")
        except PackageNotFoundError:
            parts.append(f"no {part}")
    return f"real parts: {', '.join(parts)}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where CI promises that everything is installed, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if (
        os.environ.get("PYTEST_TELEMETRY_NO_SKIPS") != "1"
        or reporter is None
        or hasattr(session.config, "workerinput")
    ):
        return
    skipped = [
        report
        for report in reporter.stats.get("skipped", [])
        if not any(reason in str(report.longrepr) for reason in (NOT_OURS, NOT_PROMISED))
    ]
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} tests were skipped, and nothing may be skipped here", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Page | None:
    if file_path.suffix == ".md" and (file_path == ROOT / "README.md" or ROOT / "docs" in file_path.parents):
        return Page.from_parent(parent, path=file_path)
    return None
