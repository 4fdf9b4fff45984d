"""The study of hostile logs, and what the fuzzer begins with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.fuzz import TARGETS
from benchmarks.hostile_study import LIMIT, LOGS, Outcome, main

if TYPE_CHECKING:
    from pathlib import Path

needs_resource = pytest.mark.skipif(
    sys.platform == "win32", reason="this system does not tell what a process held"
)


@needs_resource
def test_each_log_of_the_study_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Small ones here; the study has two gigabytes of each."""
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- hostile study: begin (written by benchmarks/hostile_study.py) -->\n<!-- hostile study: end -->\n"
    )

    code = main(
        ["--megabytes", "1", "--into", str(page), "--only", "nothing but odd lines", "--only", "one line"]
    )

    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert code == 0
    assert [(row[0], row[2], row[3], row[6]) for row in rows] == [
        ("| nothing but odd lines", "400", "600", "well-formed, run-id, timestamps |"),
        ("| one line", "3", "0", "run-id, timestamps |"),
    ]
    assert "| one line | 1.0 MB | 3 | 0 |" in page.read_text()


@pytest.mark.parametrize(
    ("peak", "code", "said", "promised"),
    [
        (LIMIT, 1, "well-formed", True),
        (LIMIT + 1, 1, "well-formed", False),
        (5, 1, "Traceback (most recent call last)", False),
        (5, -9, "", False),
    ],
)
def test_the_study_knows_a_broken_promise(peak: int, code: int, said: str, promised: bool) -> None:
    """Otherwise it would find none."""
    assert Outcome("log", 1, 1, 0, 1.0, peak, code, said).is_as_promised is promised


def test_every_log_has_a_name_that_can_be_asked_for() -> None:
    """And there is the usual one to compare with."""
    assert "usual lines" in LOGS


@pytest.mark.parametrize("name", TARGETS)
def test_the_fuzzer_begins_with_what_keeps_the_promises(name: str) -> None:
    """So that what it finds is its own."""
    target, seeds = TARGETS[name]

    for seed in seeds():
        target(seed)
