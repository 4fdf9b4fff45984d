"""Fresh processes that measure again what a first reading made suspicious (layer 7)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pytest_telemetry._pytest.arguments import again, options_of
from pytest_telemetry.benchmark.instructions import instructions
from pytest_telemetry.model.benchmark import Comparison
from pytest_telemetry.model.wording import a_few, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pytest

    from pytest_telemetry._pytest.pairing import Pairing

__all__ = ("Fresh", "Verdict", "best_of", "write")

PATIENCE_S = 600.0
EACH_S = 10.0
"""How long a process may take, and how much longer for each benchmark; either takes seconds."""

_OUTCOMES: Final = ("met", "met on a slow machine", "missed")


class _InVain(ValueError):
    """A process came to no end, or could not begin; the next one would not either."""


class Verdict(NamedTuple):
    """What a process said of one target.

    Attributes:
        outcome: ``met``, ``met on a slow machine`` or ``missed``.
        text: The verdict in words.
    """

    outcome: str
    text: str


class Fresh:
    """What fresh processes read, one after the other.

    Attributes:
        problems: A line for each process that did not do what it was asked.
    """

    def __init__(
        self,
        config: pytest.Config,
        scratch: Path,
        say: Callable[[str], object],
        tick: Callable[[str], object] = lambda text: None,  # noqa: ARG005 - says nothing
    ) -> None:
        self.problems: list[str] = []
        self._config = config
        self._scratch = scratch
        self._say = say
        self._tick = tick
        self._read: list[dict[str, Any]] = []

    def confirm(
        self,
        suspicious: Sequence[str],
        missed: Sequence[str],
        processes: int,
        is_cleared: Callable[[Sequence[Comparison]], bool] = lambda read: False,  # noqa: ARG005 - all of them vote
    ) -> None:
        """Let that many processes measure again; no vote is lost in silence.

        Args:
            suspicious: Benchmarks that read slower than the baseline: processes vote on them until they are cleared.
            missed: Benchmarks that missed a target: they are measured until one process meets it.
            processes: How many, at the most.
            is_cleared: Tells of what they have read of a benchmark whether the others are not asked any more.
        """
        if suspicious or missed:
            count = len({*suspicious, *missed})
            self._say(
                f"telemetry gate: confirming {plural(count, 'benchmark')} in up to {processes} fresh processes"
            )
        for number in range(1, processes + 1):
            suspicious = [node_id for node_id in suspicious if not is_cleared(self.comparisons(node_id))]
            node_ids = [*dict.fromkeys((*suspicious, *filter(self._is_missed, missed)))]
            if not node_ids:
                break
            try:
                file = self._scratch / f"readings-{number}.json"
                read = self._run(node_ids, file, options_of(self._config))
                _require(read, "comparisons", suspicious)
                _require(read, "verdicts", [node_id for node_id in node_ids if node_id in missed])
                self._read.append(read)
            except ValueError as error:
                self.problems.append(f"confirmation process {number} of {processes} {error}")
                if isinstance(error, _InVain):
                    break
            self._tick(f"{':' if number == 1 else ''} {number}")

    def _is_missed(self, node_id: str) -> bool:
        said = best_of(self.verdicts(node_id))
        return not said or any(verdict.outcome == "missed" for verdict in said)

    def comparisons(self, node_id: str) -> list[Comparison]:
        """Return what they read of one benchmark."""
        return [
            Comparison.from_dict(read["comparisons"][node_id])
            for read in self._read
            if node_id in read["comparisons"]
        ]

    def verdicts(self, node_id: str) -> list[list[Verdict]]:
        """Return what each of them said of the targets of one benchmark."""
        return [
            [Verdict(*pair) for pair in read["verdicts"][node_id]]
            for read in self._read
            if node_id in read["verdicts"]
        ]

    def refused(self, node_ids: Sequence[str], baseline: Path) -> dict[str, str]:
        """Return which of *node_ids* cannot be measured against that file of a baseline, and why.

        One process tries it; a problem where that does not do what it is asked.
        """
        if not node_ids:
            return {}
        self._say(f"telemetry gate: measuring {plural(len(node_ids), 'benchmark')} beside the new baseline")
        options = ["--telemetry-gate", f"--telemetry-gate-baseline={baseline}"]
        try:
            read = self._run(node_ids, self._scratch / "readings-beside.json", options)
        except ValueError as error:
            self.problems.append(f"the process that measures beside the new baseline {error}")
            return {}
        return {
            node_id: read["failures"].get(node_id, "it timed nothing")
            for node_id in node_ids
            if node_id not in read["comparisons"]
        }

    def instructions(self, node_ids: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Return the machine instructions of one operation, of the baseline and of now, as valgrind counts them.

        Raises:
            UnusableInput: valgrind is not there, or the process failed under it, or came to no end.
        """
        if not node_ids:
            return {}
        self._say(
            f"telemetry gate: counting instructions of {plural(len(node_ids), 'benchmark')} under valgrind"
        )
        file = self._scratch / "instructions.json"
        arguments = self._arguments(node_ids, file, options_of(self._config))
        counted = instructions(
            [*self._pytest(), *arguments],
            directory=self._config.invocation_params.dir,
            environment=_environment(),
            timeout_s=6 * _patience_s(node_ids),
        )
        return {
            node_id: (counted[f"{node_id} baseline"], counted[f"{node_id} now"])
            for node_id in node_ids
            if f"{node_id} now" in counted and f"{node_id} baseline" in counted
        }

    def _pytest(self) -> list[str]:
        """Return how a further pytest is started: it looks for packages in the current folder only if this one does."""
        is_safe = {"", str(self._config.invocation_params.dir)}.isdisjoint(sys.path)
        return [sys.executable, *(["-P"] if is_safe else []), "-m", "pytest", "-q"]

    def _arguments(self, node_ids: Sequence[str], file: Path, options: Sequence[str]) -> list[str]:
        """Return the arguments of a pytest that measures *node_ids* and writes what it read to *file*."""
        return [*again(self._config, node_ids), *options, f"--telemetry-gate-readings={file}"]

    def _run(self, node_ids: Sequence[str], file: Path, options: Sequence[str]) -> dict[str, Any]:
        """Return what one process read; *options* say what it compares with.

        Raises:
            ValueError: It did not start, crashed, failed or hung; the text goes on from its number.
        """
        patience = _patience_s(node_ids)
        command = [*self._pytest(), *self._arguments(node_ids, file, options)]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter
                command,
                cwd=self._config.invocation_params.dir,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _InVain(
                f"was stopped after {patience:g} s, and no other was started: does {a_few(node_ids)} end "
                "when it is measured alone?"
            ) from None
        except OSError as error:
            raise _InVain(
                f"could not be started, and no other was: {error.strerror or error} "
                f"({plural(len(node_ids), 'benchmark')})"
            ) from error
        if done.returncode or not file.exists():
            raise ValueError(f"ended with {done.returncode}: {_told(done.stdout + done.stderr)}")
        read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return read


def _patience_s(node_ids: Sequence[str]) -> float:
    return PATIENCE_S + EACH_S * len(node_ids)


def _require(read: Mapping[str, Any], what: str, node_ids: Sequence[str]) -> None:
    """Make sure that a process has read what it was asked for: otherwise a vote would be lost."""
    failures = read["failures"]
    missing = [
        f"{node_id}: {failures[node_id]}" if node_id in failures else node_id
        for node_id in node_ids
        if node_id not in read[what]
    ]
    if missing:
        raise ValueError(f"did not measure {a_few(missing)}")


def _told(output: str) -> str:
    """Return the line of what pytest printed that tells most of why it failed."""
    lines = output.strip().splitlines() or ["it said nothing"]
    for begin in ("telemetry gate: ", "E  ", "FAILED ", "ERROR "):
        telling = [line for line in lines if line.startswith(begin)]
        if telling:
            return telling[-1].removeprefix("E").strip()
    return lines[-1].strip()


def _environment() -> dict[str, str]:
    """Return our environment without what would change what a further pytest does, or whom it tells."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COV_", "PYTEST_XDIST", "GITHUB_STEP_SUMMARY")) and name != "PYTEST_ADDOPTS"
    }


def write(file: Path, pairing: Pairing) -> None:
    """Write what this process, which is a fresh one, has read."""
    content = {
        "comparisons": {node_id: one.as_dict() for node_id, one in pairing.comparisons.items()},
        "verdicts": {
            node_id: [(one.outcome, one.text) for one in verdicts]
            for node_id, verdicts in pairing.verdicts.items()
        },
        "failures": pairing.failures,
    }
    file.write_text(json.dumps(content), encoding="utf-8")


def best_of(processes: Sequence[Sequence[Verdict]]) -> list[Verdict]:
    """Return, target by target, the best that any process said."""
    full = [verdicts for verdicts in processes if verdicts]
    return [
        min(said, key=lambda verdict: _OUTCOMES.index(verdict.outcome)) for said in zip(*full, strict=True)
    ]
