"""What the study of the gate makes of the runs that it recorded."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.gate_study import BEGIN, END, NAMES, STORED, WHERE, Run, bounds, is_found, main, resampled

if TYPE_CHECKING:
    from pathlib import Path

SLOWED = NAMES[3]


def run(
    slow: float = 0.0,
    *,
    condition: str = "ambient",
    read: float = 0.0,
    outcomes: dict[str, str] | None = None,
    problems: tuple[str, ...] = (),
    stored: float = 100.0,
) -> dict[str, Any]:
    """Return a run in which the slowed benchmark reads *read* slower in each process, and all others the same."""
    name = SLOWED if slow else ""
    return {
        "slow": slow,
        "condition": condition,
        "name": name,
        "outcomes": dict.fromkeys(NAMES, "unchanged") | (outcomes or {}),
        "problems": problems,
        "seconds": 4.5,
        "pairs": {
            one: [[read * (one == name) + noise for noise in (-0.01, 0.0, 0.01)] * 20]
            * (10 if one == name else 1)
            for one in NAMES
        },
        "stored": {one: dict.fromkeys(STORED, stored if one == SLOWED else 50.0) for one in NAMES},
    }


@given(data=st.data(), of=st.integers(1, 300))
def test_bounds_are_those_of_clopper_and_pearson(data: st.DataObject, of: int) -> None:
    """As a statistics library computes them."""
    stats = pytest.importorskip("scipy.stats")
    hits = data.draw(st.integers(0, of))
    expected = stats.binomtest(hits, of).proportion_ci(0.95, method="exact")

    assert bounds(hits, of) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("outcome", "found"), [("slower", True), ("undecided", False), ("unchanged", False), ("faster", False)]
)
def test_only_the_slowed_benchmark_counts_as_found(outcome: str, found: bool) -> None:
    """Undecided is not, and neither is another one."""
    others = {NAMES[0]: "slower"}

    assert is_found(Run(**run(0.06, outcomes={**others, SLOWED: outcome}))) is found


@pytest.mark.parametrize(
    ("outcomes", "problems", "alarm"),
    [
        ({}, (), False),
        ({NAMES[0]: "faster"}, (), False),
        ({NAMES[9]: "slower"}, (), True),
        ({}, ("INSTRUMENT BROKEN",), True),
    ],
)
def test_any_failure_of_unchanged_code_is_a_false_alarm(
    outcomes: dict[str, str], problems: tuple[str, ...], alarm: bool
) -> None:
    """A run fails for one benchmark of ten, or for a problem of its own."""
    assert is_found(Run(**run(outcomes=outcomes, problems=problems))) is alarm


@pytest.mark.parametrize(
    ("slow", "read", "found"), [(0.0, 0.0, False), (0.02, 0.02, False), (0.10, 0.095, True)]
)
def test_resampled_decisions_are_the_gates(slow: float, read: float, found: bool) -> None:
    """Pairs far from the threshold leave nothing to chance."""
    cell = [Run(**run(slow, read=read)) for _ in range(3)]

    assert {resampled(cell, slow, random.Random(seed)) for seed in range(20)} == {found}


def test_what_was_slowed_is_no_unchanged_code() -> None:
    """Benchmarks that were not slowed in a run are; so runs of all cells say how often the gate cries wolf."""
    runs = [Run(**run(0.10, read=0.095)), Run(**run())]

    assert not any(resampled(runs, 0.0, random.Random(seed)) for seed in range(20))


@pytest.mark.parametrize(("slow", "found"), [(0.02, False), (0.10, True), (0.20, True)])
def test_a_slow_down_is_put_in_place_of_what_was_slowed(slow: float, found: bool) -> None:
    """So that runs of all cells say what is found, whichever benchmark was slowed in them, by however much."""
    runs = [Run(**run(0.20, read=0.1823)), Run(**run())]

    assert {resampled(runs, slow, random.Random(seed)) for seed in range(20)} == {found}


def test_runs_of_other_circumstances_are_not_mixed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another day is none; the folder keeps what it has."""
    said = iter(
        ["Revision a, P 3, 2026-11-27.", "Revision a, P 3, 2026-11-28.", "Revision b, P 3, 2026-11-28."]
    )
    monkeypatch.setattr("benchmarks.trial.circumstances", lambda: next(said))

    assert main(["record", str(tmp_path), "--runs", "0"]) == 0
    assert main(["record", str(tmp_path), "--runs", "0"]) == 0
    with pytest.raises(SystemExit, match="runs were recorded with 'Revision a, P 3"):
        main(["record", str(tmp_path), "--runs", "0"])

    assert (tmp_path / WHERE).read_text(encoding="utf-8") == "Revision a, P 3, 2026-11-27.\n"


def test_the_table_has_a_row_for_each_cell_that_was_recorded(tmp_path: Path) -> None:
    """Live runs, decisions, and what a stored mean, median and minimum would have said of them."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    cells = {
        "ambient-0": [run(), run(stored=107.0)],
        "busy-0.1": [run(0.1, condition="busy", read=0.095, outcomes={SLOWED: "slower"}, stored=110.1)] * 12,
    }
    (tmp_path / WHERE).write_text("Revision a, on a machine.\n", encoding="utf-8")
    for name, runs in cells.items():
        lines = "".join(f"{json.dumps(one)}\n" for one in runs)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")

    assert main(["table", str(tmp_path), "--decisions", "10", "--into", str(page)]) == 0

    rows = [
        line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith(("| amb", "| busy"))
    ]
    assert rows == [
        "| ambient | unchanged (false alarms) | 0 of 2 | 0.00% to 84.19% | 0 of 10 | 0.00% to 30.85% | 4.5 | 4.5 |",
        "| busy | 10% | 12 of 12 | 73.54% to 100.00% | 10 of 10 | 69.15% to 100.00% | 4.5 | 4.5 |",
        "| ambient | unchanged (false alarms) | 50% | 0% | 50% | 0% | 50% | 0% |",
        "| busy | 10% | 50% | 50% | 50% | 50% | 50% | 50% |",
    ]
