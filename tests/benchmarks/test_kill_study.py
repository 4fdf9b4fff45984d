"""What is left of a log whose writer was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.kill_study import Outcome

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_killed_writers_leave_a_prefix_and_at_most_one_torn_line() -> None:
    """At 21 random moments; the study does the same 200 times, and prints its seed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kill_study", "--kills", "21"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[3:]]
    assert [(row[1], row[4], row[6]) for row in rows] == [("7", "0", "7")] * 3
    assert all(int(row[2].replace(",", "")) > 0 for row in rows)


@pytest.mark.parametrize(
    ("outcome", "promised"),
    [
        (Outcome("w", accepted=3, stored=3, torn=0, whole=True), True),
        (Outcome("w", accepted=3, stored=4, torn=1, whole=True), True),
        (Outcome("w", accepted=3, stored=2, torn=0, whole=True), False),
        (Outcome("w", accepted=3, stored=3, torn=2, whole=True), False),
        (Outcome("w", accepted=3, stored=3, torn=0, whole=False), False),
    ],
)
def test_the_study_knows_a_broken_promise(outcome: Outcome, promised: bool) -> None:
    """Otherwise it would find none."""
    assert outcome.is_as_promised is promised
