"""Lends a small project with benchmarks, and pytests of its own that run them, to the tests of this directory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

try:
    import fcntl
except ImportError:  # Windows: then each process makes its own
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PLUGINS: Final = ("telemetry", "benchmark")
BROKEN: Final = "INSTRUMENT BROKEN"
_PLUGINS: Final = Path(__file__).parent / "plugins"
_COVERAGE: Final = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "COVERAGE_FILE")
_NOT_TAKEN_ALONG: Final = ("PYTEST_", "GITHUB_", "GIT_", "COV_CORE")
_IDENTITY: Final = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run.

    Attributes:
        code: How it ended.
        text: What it wrote, errors included.
        gate: What ``--telemetry-gate-json`` wrote; empty if nothing was.
    """

    code: int
    text: str
    gate: Mapping[str, Any]

    @property
    def outcomes(self) -> dict[str, str]:
        """What the gate says of each benchmark, by the name of the test."""
        return {name: one["outcome"] for name, one in self.judgements.items()}

    @property
    def judgements(self) -> dict[str, Mapping[str, Any]]:
        """What the gate found out about each benchmark, by the name of the test."""
        return {one["benchmark"].partition("::")[2]: one for one in self.gate.get("judgements", ())}

    @property
    def problems(self) -> list[str]:
        """What keeps the gate from passing beside the judgements."""
        return list(self.gate.get("problems", ()))

    @property
    def sections(self) -> str:
        """What stands below the title of the gate, at the end of a run."""
        return self.text.partition("= telemetry gate =")[2]


class Project:
    """A package, ``mylib``, and its benchmarks, in a folder of its own.

    Args:
        root: The folder.
        patience: How often the gate may find the machine too busy to be trusted before that is taken for its answer.

    Attributes:
        root: The folder.
        environment: What every process of the project gets beside the environment of this one.
    """

    def __init__(self, root: Path, patience: int = 3) -> None:
        self.root = root
        self._patience = patience
        root.mkdir(parents=True, exist_ok=True)
        self.environment: dict[str, str] = {}

    def put(self, name: str, content: str) -> Path:
        """Write one file of any kind."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content), encoding="utf-8")
        return path

    def library(self, content: str) -> None:
        """Write the package."""
        self.put("mylib/__init__.py", content)

    def benchmarks(self, content: str) -> None:
        """Write the benchmarks."""
        self.put("benchmarks/test_it.py", content)

    def git(self, *arguments: str) -> str:
        """Run git; return what it says."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env=self._environment({}),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self) -> str:
        """Commit everything; return the hash."""
        if not (self.root / ".git").exists():
            self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "as it is")
        return self.git("rev-parse", "HEAD")

    def pytest(
        self,
        *options: str,
        plugins: tuple[str, ...] = PLUGINS,
        cwd: Path | None = None,
        unseen: bool = False,
        flags: tuple[str, ...] = (),
        **environment: str,
    ) -> Ran:
        """Run pytest here.

        Args:
            options: What it is asked.
            plugins: Those that it has, by the names of their entry points.
            cwd: Where it is started, by default the folder of the project.
            flags: Options of the interpreter.
            unseen: Whether the coverage of our own code is not measured there.
            environment: Variables of its environment.
        """
        report = self.root / "gate.json"
        report.unlink(missing_ok=True)
        if unseen:
            environment |= dict.fromkeys(_COVERAGE, "")  # which is as good as none
        elif _is_covered():
            plugins += ("coverage_paused",)
        words = [word for name in plugins for word in ("-p", name)]
        done = self.python(*flags, "-m", "pytest", *words, *options, cwd=cwd, **environment)
        gate = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
        return Ran(done.returncode, done.stdout, gate)

    def python(
        self, *arguments: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python here."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd or self.root,
            env=self._environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )

    def gate(self, *options: str, **arguments: Any) -> Ran:
        """Run the gate here, with a threshold that no busy machine reaches; once more where it asks for that."""
        asked = (
            "--benchmark-only",
            "--telemetry-gate",
            "--telemetry-gate-threshold=40%",
            "--benchmark-quiet",
        )
        report = f"--telemetry-gate-json={self.root / 'gate.json'}"
        ran = self.pytest(*asked, report, *options, **arguments)
        return self.gate(*options, **arguments) if self._is_to_repeat(ran.text) else ran

    def _is_to_repeat(self, said: str) -> bool:
        self._patience -= BROKEN in said
        return BROKEN in said and self._patience > 0

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_NOT_TAKEN_ALONG) and name not in {"CI", "BUILD_NUMBER", "PYTHONPATH"}
        }
        ours = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(self.root), "COLUMNS": "150"}
        environment = {**kept, **_IDENTITY, **ours, **self.environment, **more}
        if _is_covered():
            environment["PYTHONPATH"] += f"{os.pathsep}{_PLUGINS}"
        return environment


def _is_covered() -> bool:
    """Tell whether processes that are started here have their coverage measured."""
    return any(map(os.environ.get, _COVERAGE[:2]))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Project], Any]], Any]:
    """Make something once, whichever process asks first: ``shared(name, make)``; *make* gets an empty project.

    What it returns has to be JSON-able.
    """
    place = tmp_path_factory.getbasetemp()
    folder = (place.parent if "PYTEST_XDIST_WORKER" in os.environ else place) / "shared"
    folder.mkdir(exist_ok=True)

    def once(name: str, make: Callable[[Project], Any]) -> Any:
        result = folder / f"{name}.json"
        with _locked(folder / f"{name}.lock"):
            for number in range(3 if not result.exists() else 0):
                made = json.dumps(make(Project(folder / f"{name}-{number}", patience=1)))
                result.write_text(made, encoding="utf-8")
                if BROKEN not in made:
                    break
        return json.loads(result.read_text(encoding="utf-8"))

    return once


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
