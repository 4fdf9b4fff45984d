"""Results as text: the summary and the tables."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.report import BEGIN, END, cost, main, summary

if TYPE_CHECKING:
    from pathlib import Path


def result(
    label: str, place: int, *verdicts: tuple[str, float, str, str], group: str = "disabled", **figures: float
) -> dict[str, Any]:
    return {
        "group": group,
        "label": label,
        "place": place,
        "unit": "ns",
        "figures": {label: 191.2, **figures},
        "slowness": 1.0,
        "attempts": 1,
        "verdicts": [
            {
                "target": target,
                "value": value,
                "unit": unit,
                "outcome": outcome,
                "text": f"{outcome}: {target}",
            }
            for target, value, unit, outcome in verdicts
        ],
    }


SCOPE = result(
    "scope",
    1,
    ("at most 0.5 x plain", 0.4, "x", "met"),
    ("below 180 ns", 191.2, "ns", "met on a slow machine"),
    plain=478.0,
)
COUNT = result("count", 0, ("below 100 ns", 191.2, "ns", "missed"))
SHOWN = result("shown", 2, group="memory")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (191.2, "ns", "191 ns"),
        (9_999, "ns", "9,999 ns"),
        (12_345, "ns", "12.3 us"),
        (2.5e6, "ns", "2.5 ms"),
        (2e6, "bytes", "2,000,000 bytes"),
    ],
)
def test_costs_are_short(value: float, unit: str, text: str) -> None:
    """Nanoseconds become microseconds and milliseconds where that is shorter."""
    assert cost(value, unit) == text


def test_the_summary_has_a_line_for_each_target() -> None:
    """In the order in which the benchmarks are written, by group, with the numbers at the end."""
    lines = list(summary([SHOWN, SCOPE, COUNT]))

    assert lines == [
        "disabled",
        "  count      191 ns  missed: below 100 ns",
        "  scope      191 ns  met: at most 0.5 x plain",
        "                     met on a slow machine: below 180 ns",
        "memory",
        "  shown      191 ns  not judged",
        f"{platform.python_implementation()} {platform.python_version()}: 1 met, 1 met on a slow machine, 1 missed",
    ]


def test_the_summary_says_how_slow_the_machine_is() -> None:
    """It is the median of what the races found; results that were not raced say nothing."""
    slow = [{**SCOPE, "slowness": factor} for factor in (1.5, 1.6, 2.9, None)]

    assert list(summary(slow))[-1].endswith("the machine is 1.60 x slower than the reference")


def written(path: Path, python: str, *results: dict[str, Any]) -> str:
    data = {
        "machine_info": {
            "python_implementation": "CPython",
            "python_version": python,
            "machine": "x86_64",
            "system": "Linux",
            "release": "6.1.0-cloud",
            "packages": {"pytest": "9.2.0", "logfire": "5.2.0"},
            "cpu": {"brand_raw": "Some CPU", "count": 2},
        },
        "datetime": "2026-11-21T04:00:00+00:00",
        "benchmarks": [
            {
                "group": one["group"],
                "extra_info": {key: value for key, value in one.items() if key != "group"},
            }
            for one in results
        ],
    }
    path.write_text(json.dumps(data), encoding="utf-8")
    return str(path)


TABLES = """\
Machine: Some CPU, 2 cores, Linux 6.1.0, 2026-11-21.
With pytest 9.2.0, logfire 5.2.0.
The machine is slower than the reference machine by a factor of 1.00 (CPython 3.11.7), 1.00 (CPython 3.12.1).

### disabled

|  |  | CPython 3.11.7 | CPython 3.12.1 |
| --- | --- | ---: | ---: |
| count |  | 191 ns | - |
|  | below 100 ns | 191 ns **missed** | - |
| scope |  | 191 ns | 191 ns |
|  | plain | 478 ns | 478 ns |
|  | at most 0.5 x plain | 0.400 x | 0.400 x |
|  | below 180 ns | 191 ns * | 191 ns * |
"""


def test_the_tables_have_a_column_for_each_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Costs, peers and targets of every run; what a run lacks is a dash."""
    files = [
        written(tmp_path / "a.json", "3.11.7", SCOPE, COUNT),
        written(tmp_path / "b.json", "3.12.1", SCOPE),
    ]

    status = main(files)

    assert status == 0
    assert capsys.readouterr().out == TABLES


def test_the_tables_replace_what_stands_between_the_markers(tmp_path: Path) -> None:
    """What stands around the markers stays; doing it twice changes nothing."""
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    file = written(tmp_path / "a.json", "3.11.7", SCOPE)

    main([file, "--into", str(page)])
    once = page.read_text(encoding="utf-8")
    main([file, "--into", str(page)])

    assert once.startswith(f"before\n{BEGIN}\n\nMachine: Some CPU")
    assert once.endswith(f"| 191 ns * |\n\n{END}\nafter\n")
    assert "old" not in once
    assert page.read_text(encoding="utf-8") == once


@pytest.mark.parametrize("content", ["{", '{"machine_info": {}, "benchmarks": []}'])
def test_a_file_without_results_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """One line says what is wrong."""
    file = tmp_path / "a.json"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(SystemExit) as stopped:
        main([str(file)])

    assert stopped.value.code == 2
    assert "python -m benchmarks.report: error:" in capsys.readouterr().err


def test_a_page_without_markers_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written where it was not asked for."""
    page = tmp_path / "README.md"
    page.write_text("no markers\n", encoding="utf-8")

    with pytest.raises(SystemExit):
        main([written(tmp_path / "a.json", "3.11.7", SCOPE), "--into", str(page)])

    assert "lacks the markers" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == "no markers\n"
