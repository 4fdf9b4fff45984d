"""A project of its own for a study by hand: written to a folder, committed, and run through the real pytest."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_telemetry.model.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("circumstances", "commit", "run_gate", "run_pytest", "write")


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write *files*, texts by path relative to *root*, and a ``pytest.ini`` that imports modules from *root*."""
    for name, text in ({"pytest.ini": "[pytest]\npythonpath = .\n"} | dict(files)).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def commit(root: Path) -> None:
    """Make *root* a repository with one commit that holds all that is there."""
    identity = ["-c", "user.name=study", "-c", "user.email=study@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "begin"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def run_pytest(
    root: Path, *options: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run pytest in *root*, with the two plugins that a study is about and no others.

    Raises:
        RuntimeError: It neither passed nor failed (exit code 0 or 1); the text ends with what it said.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "pytest_benchmark.plugin", "-p", "pytest_telemetry.plugin", *options]
    done = subprocess.run(
        command,
        cwd=root,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | dict(env or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 1}:
        raise RuntimeError(
            f"pytest ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    return done


def run_gate(root: Path, file: Path, *options: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run the gate in *root* against the last commit; return what it wrote to *file* as JSON.

    Raises:
        RuntimeError: pytest could not run it.
    """
    gate = ["--benchmark-only", "--telemetry-gate", "--telemetry-gate-against=HEAD"]
    run_pytest(root, "benchmarks", *gate, f"--telemetry-gate-json={file}", *options, env=env)
    said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return said


def circumstances() -> str:
    """Return what figures depend on: the revision of this project, Python, the machine, the day."""
    cpuinfo: Any = import_module("cpuinfo")  # comes with pytest-benchmark
    asked = ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=10"]
    root = Path(__file__).parents[1]
    revision = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    machine = f"{cpuinfo.get_cpu_info().get('brand_raw', platform.machine())}, {os.cpu_count()} cores"
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    today = dt.datetime.fromtimestamp(SYSTEM_CLOCK.wall_ns() / 1e9, dt.UTC).date()
    return f"Revision {revision}, {python}, {machine}, {system}, {today}."
