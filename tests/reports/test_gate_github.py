"""What a run of the gate says on GitHub."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pytest_telemetry.model.benchmark import Controls, Gate, Judgement, Rules
from pytest_telemetry.reports.gate_github import error_annotations, markdown

SLOWER = Judgement(
    "benchmarks/test_a.py::test_hot[0]",
    "slower",
    0.0964,
    0.081,
    0.11,
    128.2,
    116.9,
    counters={"bytecodes": (26, 30)},
    confirmed=9,
    votes=9,
)
QUIET = Judgement("benchmarks/test_a.py::test_nested", "unchanged", 0.006, -0.014, 0.026, 350, 349)
GATE = Gate(
    "e8ffbc9 of 2026-11-21",
    Rules(),
    [QUIET, SLOWER],
    ["test_new has no baseline: add it"],
    Controls(0.0, 0.0953),
    "CPython 3.11.7",
    3.21,
    6.3,
)
PLACES = {SLOWER.benchmark: ("benchmarks/test_a.py", 34)}


def many(count: int, note: str = "") -> list[Judgement]:
    return [replace(QUIET, benchmark=f"b.py::test_{place}", note=note) for place in range(count)]


def test_the_summary_of_a_run() -> None:
    """Problems first, then the table with the worst row first."""
    assert (
        markdown(GATE)
        == """\
### Performance gate failed: 1 slower, 1 unchanged of 2 benchmarks; 1 problem

Compared with e8ffbc9 of 2026-11-21, threshold 5 %; CPython 3.11.7.
Controls: the same code against itself read +0.0 %, a tenth more work read +10.0 %.
First readings took 3.2 s, confirmation 6.3 s.

- **problem**: test\\_new has no baseline: add it

| verdict | benchmark | slow-down | interval | best | counters | remarks |
|---|---|--:|--:|--:|---|---|
| **slower** | `benchmarks/test_a.py::test_hot[0]` | +9.6 % | +8.1 to +11.0 % | 117 -> 128 ns | bytecodes 26 -> 30 \
| more than the threshold in 9 of 9 fresh processes |
| unchanged | `benchmarks/test_a.py::test_nested` | +0.6 % | -1.4 to +2.6 % | 349 -> 350 ns |  |  |
"""
    )


def test_a_run_without_problems_and_without_benchmarks_has_neither_list_nor_table() -> None:
    """Each stands where there is something in it."""
    assert "- " not in markdown(replace(GATE, problems=()))
    assert "|" not in markdown(replace(GATE, judgements=()))
    assert markdown(Gate("a", Rules(), [QUIET])).startswith(
        "### Performance gate passed: 1 unchanged of 1 benchmark"
    )


def test_an_update_that_accepts_is_no_failure() -> None:
    """The summary says what the terminal says, and what is accepted is no error; a problem still is one."""
    accepted = replace(GATE, problems=(), reason="it is right")
    refused = replace(GATE, reason="it is right")

    assert markdown(accepted).startswith(
        "### Performance gate accepted: 1 slower, 1 unchanged of 2 benchmarks\n"
    )
    assert list(error_annotations(accepted, PLACES)) == []
    assert markdown(refused).startswith("### Performance gate failed: ")
    assert list(error_annotations(refused, PLACES)) == [
        "::error title=performance gate::test_new has no baseline: add it"
    ]


def test_pipes_and_backticks_are_escaped_everywhere() -> None:
    """They would end a cell, or begin code; so would other marks of Markdown and HTML."""
    odd = replace(
        SLOWER,
        benchmark="t.py::test[a|b`c]",
        counters={"a|b": (1, 2)},
        targets=["missed: `x` | *y* <b> &amp; [z](u) ~"],
    )

    row = markdown(replace(GATE, judgements=[odd], problems=["`|`"]))

    assert r"| t.py::test\[a\|b\`c] |" in row
    assert r"a\|b 1 -> 2" in row
    assert r"missed: \`x\` \| \*y\* \<b> \&amp; \[z](u) \~" in row
    assert r"- **problem**: \`\|\`" in row
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in row.splitlines() if line.startswith("|")} == {8}


def test_a_backslash_does_not_undo_an_escape() -> None:
    """It is escaped itself."""
    text = markdown(replace(GATE, judgements=[replace(QUIET, benchmark=r"t.py::test[\|]")]))

    assert r"| t.py::test\[\\\|] |" in text


def test_line_breaks_do_not_end_a_row() -> None:
    """They are shown as escapes."""
    text = markdown(replace(GATE, judgements=[replace(QUIET, note="a\nb")], problems=["c\r\nd"]))

    assert r"a\\nb" in text
    assert r"c\\r\\nd" in text


def test_a_summary_has_an_end() -> None:
    """GitHub takes a mebibyte: the rows that matter least are left out, and counted."""
    text = markdown(replace(GATE, judgements=[*many(2_000, note="x" * 1_000), SLOWER]))

    assert len(text.encode()) <= 900_000
    assert "**slower**" in text
    left_out = re.search(r"\n\n([\d,]+) more lines were left out\.\n$", text)
    assert left_out
    assert text.count("::test_") + int(left_out[1].replace(",", "")) == 2_001


@pytest.mark.parametrize("limit", [700, 1_000, 5_000])
def test_the_limit_is_kept_in_bytes(limit: int) -> None:
    """Whatever the letters."""
    text = markdown(replace(GATE, judgements=many(100, note="ü" * 50)), limit)

    assert limit - 500 < len(text.encode()) <= limit


def test_a_single_text_cannot_fill_the_summary() -> None:
    """It is cut, so that the others are seen."""
    text = markdown(
        replace(GATE, problems=["x" * 2_000_000], judgements=[replace(SLOWER, note="y" * 2_000_000)])
    )

    assert "**slower**" in text
    assert "left out" not in text
    assert len(text) < 20_000


def test_failures_and_problems_are_annotated() -> None:
    """A failure at its place, where that is known; percent signs are escaped."""
    assert list(error_annotations(GATE, PLACES)) == [
        (
            "::error file=benchmarks/test_a.py,line=34,title=slower%3A test_hot[0]::benchmarks/test_a.py::test_hot[0]: "
            "+9.6 %25 (+8.1 to +11.0 %25); 117 -> 128 ns; bytecodes 26 -> 30; "
            "more than the threshold in 9 of 9 fresh processes"
        ),
        "::error title=performance gate::test_new has no baseline: add it",
    ]


def test_a_failure_whose_place_is_unknown_is_annotated_all_the_same() -> None:
    """Without file and line."""
    first, _ = error_annotations(GATE, {})

    assert first.startswith("::error title=slower%3A test_hot[0]::benchmarks/test_a.py::test_hot[0]: ")


def test_the_worst_is_annotated_first() -> None:
    """GitHub shows ten of a step."""
    worse = replace(SLOWER, benchmark="worse", ratio=0.5)

    first, second, _ = error_annotations(replace(GATE, judgements=[QUIET, SLOWER, worse]), {})

    assert "::worse: " in first
    assert "test_hot" in second


def test_no_text_can_end_an_annotation_or_begin_another() -> None:
    """Line breaks are escaped in messages, and colons and commas in properties as well."""
    odd = replace(SLOWER, benchmark="a,b::c:d,\r\n%", note="e\n::error::f")
    gate = replace(GATE, judgements=[odd], problems=["g\r\n::error::h"])

    told = list(error_annotations(gate, {odd.benchmark: ("x,y:z", 1)}))

    assert told[0].startswith(
        "::error file=x%2Cy%3Az,line=1,title=slower%3A c%3Ad%2C%0D%0A%25::a,b::c:d,%0D%0A%25: "
    )
    assert told[0].endswith("; e%0A::error::f")
    assert told[1] == "::error title=performance gate::g%0D%0A::error::h"
    assert not any(char in line for line in told for char in "\r\n")
