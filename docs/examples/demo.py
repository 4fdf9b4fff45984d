"""Shows pytest-telemetry at work: a program that reports, tests that fail, and logs that are checked.

``make demo`` runs it. The exit code is 0 only if every step ended as it should: the failing tests failed, the
program's log was clean, and the mistakes in the careless log were found.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_telemetry import FakeClock, JsonlStore, TelemetryContext

HERE: Final = Path(__file__).resolve().parent
LOG: Final = "run.jsonl"
CARELESS_LOG: Final = "careless.jsonl"


@dataclass(frozen=True, slots=True)
class Step:
    """A command to show.

    Attributes:
        title: What happens, in one line.
        shown: The command as a reader would type it.
        arguments: What the interpreter is really given.
        exit_code: How it must end.
        mentions: What its output must contain.
        in_repository: Whether it runs there, and not in the temporary directory of the logs.
    """

    title: str
    shown: str
    arguments: tuple[str, ...]
    exit_code: int
    mentions: tuple[str, ...]
    in_repository: bool = False


STEPS: Final = (
    Step(
        "A program indexes the standard library and reports about itself, failures included.",
        f"python -m indexer --limit 200 --inject-failures --report --log {LOG}",
        ("-m", "indexer", "--limit", "200", "--inject-failures", "--report", "--log", LOG),
        0,
        ("index.file.read", "skipped injected/broken_syntax.py"),
    ),
    Step(
        "Tests of its telemetry fail, on purpose: each says what was closest, and what differs.",
        "pytest docs/examples/failing",
        ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "telemetry", "docs/examples/failing"),
        1,
        ("Recorded telemetry", "3 failed"),
        in_repository=True,
    ),
    Step(
        "The log that the program wrote is checked: it keeps every promise.",
        f"pytest-telemetry check {LOG}",
        ("-m", "pytest_telemetry.cli", "check", LOG),
        0,
        (LOG,),
    ),
    Step(
        "A log that was written carelessly is checked: what is wrong is named, with the lines.",
        f"pytest-telemetry check {CARELESS_LOG}",
        ("-m", "pytest_telemetry.cli", "check", CARELESS_LOG),
        1,
        ("relative-paths", "measured-timing", "lsp-ready-order", f"{CARELESS_LOG}:"),
    ),
)


def main() -> int:
    """Run all steps and return 0 if each ended as it should."""
    with tempfile.TemporaryDirectory(prefix="pytest-telemetry-demo-") as directory:
        write_carelessly(Path(directory, CARELESS_LOG))
        wrong = [
            complaint for number, step in enumerate(STEPS, 1) for complaint in run(number, step, directory)
        ]
    say("", *(wrong or [f"All {len(STEPS)} steps ended as they should, the failing tests included."]))
    return 1 if wrong else 0


def write_carelessly(log: Path) -> None:
    """Write a log with three mistakes: absolute paths, a clock that stands still, and a request that came too early."""
    context = TelemetryContext(JsonlStore(log), enabled=True, clock=FakeClock())
    for name in ("cart", "orders", "prices", "stock", "taxes"):
        with context("file.read", file=f"/home/ada/shop/{name}.py"):
            pass
    context.event("lsp.spawn")
    with context("lsp.definition", symbol="shop.Cart"):
        pass
    context.event("lsp.ready")
    context.shutdown()


def run(number: int, step: Step, directory: str) -> list[str]:
    """Show one step and return what was not as it should be."""
    say("", f"--- {number} of {len(STEPS)}: {step.title}", f"$ {step.shown}", "")
    done = subprocess.run(
        [sys.executable, *step.arguments],
        cwd=HERE.parents[1] if step.in_repository else directory,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    say(done.stdout.rstrip())
    complaints = [
        f"step {number} does not mention {text!r}" for text in step.mentions if text not in done.stdout
    ]
    if done.returncode != step.exit_code:
        complaints.append(f"step {number} ended with exit code {done.returncode}, not {step.exit_code}")
    return complaints


def environment() -> dict[str, str]:
    """Return an environment in which the output depends neither on the caller's settings nor on other plugins."""
    dropped = {"BUILD_NUMBER", "CI", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"}
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    colour = {"FORCE_COLOR": "1"} if sys.stdout.isatty() and "NO_COLOR" not in os.environ else {}
    return kept | colour | {"PYTHONPATH": str(HERE), "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}


def say(*lines: str) -> None:
    """Write lines, at once, so that they stand before what a command writes."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
