"""Results as tables, and where they are put."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.report import BEGIN, END, main, replace_between

if TYPE_CHECKING:
    from pathlib import Path


def result(
    label: str, line: int, *verdicts: tuple[str, float, str, str], group: str = "disabled", **figures: float
) -> dict[str, Any]:
    return {
        "group": group,
        "label": label,
        "place": ["benchmarks/test_disabled.py", line],
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
                "extra_info": {"telemetry": {key: value for key, value in one.items() if key != "group"}},
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


def test_the_tables_follow_the_order_of_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines count as numbers; benchmarks that did not ask for targets are left out, whatever they keep."""
    late, early = result("late", 10), result("early", 9)
    file = tmp_path / "a.json"
    written(file, "3.11.7", late, early)
    data = json.loads(file.read_text(encoding="utf-8"))
    data["benchmarks"] += [
        {"group": None, "extra_info": {}},
        {"group": None, "extra_info": {"telemetry": {"gate": {"log_ratio": 0.1}}}},
    ]
    file.write_text(json.dumps(data), encoding="utf-8")

    main([str(file)])

    rows = [line for line in capsys.readouterr().out.splitlines() if "191 ns" in line]
    assert rows == ["| early |  | 191 ns |", "| late |  | 191 ns |"]


def test_how_slow_the_machine_was_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For each Python, as most of its benchmarks found."""
    slow = [
        {**SCOPE, "label": str(number), "figures": {str(number): 1.0}, "slowness": 1.5} for number in range(3)
    ]
    files = [
        written(tmp_path / "a.json", "3.11.7", *slow),
        written(tmp_path / "b.json", "3.12.1", {**SCOPE, "slowness": None}),
    ]

    main(files)

    assert "by a factor of 1.50 (CPython 3.11.7), 1.00 (CPython 3.12.1).\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"benchmarks": []}',
        '{"machine_info": {}, "benchmarks": []}',
        '{"machine_info": {}, "benchmarks": [{"extra_info": {}}]}',
    ],
)
def test_a_file_without_results_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """One line says what is wrong."""
    file = tmp_path / "a.json"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(SystemExit) as stopped:
        main([str(file)])

    assert stopped.value.code == 2
    assert f"error: {file} holds no result of these benchmarks" in capsys.readouterr().err


def test_a_page_without_markers_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written where it was not asked for."""
    page = tmp_path / "README.md"
    page.write_text("no markers\n", encoding="utf-8")

    with pytest.raises(SystemExit):
        main([written(tmp_path / "a.json", "3.11.7", SCOPE), "--into", str(page)])

    assert "lacks the markers" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == "no markers\n"


def test_a_page_that_is_missing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not made, for nobody would know where in it the tables belong."""
    with pytest.raises(SystemExit):
        main([written(tmp_path / "a.json", "3.11.7", SCOPE), "--into", str(tmp_path / "gone.md")])

    assert "gone.md" in capsys.readouterr().err
    assert not (tmp_path / "gone.md").exists()


def test_other_markers_have_other_texts(tmp_path: Path) -> None:
    """A page may hold several tables; what belongs to another stays, and both markers are needed in their order."""
    page = tmp_path / "README.md"
    page.write_text("<a>1</a>\n<b>2</b>\n", encoding="utf-8")

    replace_between(page, "<b>", "</b>", "new")

    assert page.read_text(encoding="utf-8") == "<a>1</a>\n<b>\n\nnew\n\n</b>\n"
    for begin, end in (("<b>", "</a>"), ("<c>", "</b>"), ("<b>", "</c>")):
        with pytest.raises(ValueError, match=f"lacks the markers {begin} and {end}"):
            replace_between(page, begin, end, "newer")
    assert "newer" not in page.read_text(encoding="utf-8")
