"""Findings as text."""

from __future__ import annotations

from pytest_telemetry.model.finding import Example, Finding
from pytest_telemetry.reports.text import file_text, finding_lines, totals_text, visible


def test_the_most_severe_finding_comes_first() -> None:
    """Equal ones keep their order."""
    findings = [
        Finding("a", "first", 1, "info"),
        Finding("b", "second", 1, "warning"),
        Finding("c", "third", 1),
    ]

    text = file_text("log", findings, events=1, malformed=1)

    assert text == (
        "log: 1 event, 1 malformed line\n\nerror    c: third\n\nwarning  b: second\n\ninfo     a: first"
    )


def test_blank_lines_are_mentioned_where_there_are_some() -> None:
    """And nothing else is said about a clean log."""
    assert file_text("log", [], events=1_000, malformed=0, blank=2) == (
        "log: 1,000 events, 0 malformed lines, 2 blank lines"
    )


def test_lines_are_wrapped_to_the_width_of_a_terminal() -> None:
    """What goes on is indented; without a width a finding stays on one line, so that it can be searched for."""
    counts = {"lsp.spawn": 400, "ast.parse": 30, "c": 2}
    finding = Finding(
        "a",
        "one two three four five six",
        1,
        by_command=counts,
        examples=(Example("b" * 8 + " c d e f g h i j", 7),),
    )

    narrow = file_text("log", [finding], events=1, malformed=0, width=34)

    assert narrow.splitlines()[2:] == [
        "error    a: one two three four",
        "           five six",
        "           lsp.spawn 400,",
        "           ast.parse 30, c 2",
        "           log:7  bbbbbbbb c d e f",
        "             g h i j",
    ]
    assert "a: one two three four five six" in file_text("log", [finding], events=1, malformed=0)


def test_paint_is_given_the_level_only() -> None:
    """So that text can be searched."""
    text = file_text(
        "log", [Finding("a", "said", 1)], events=1, malformed=0, paint=lambda word, level: f"<{level}:{word}>"
    )

    assert text.endswith("<error:error>    a: said")


def test_many_counts_are_wrapped_between_names() -> None:
    """A name and its number stay together."""
    counts = {f"command number {n}": 1_000 + n for n in range(12)}

    lines = finding_lines(Finding("a", "said", 1, by_command=counts))

    assert len(lines) > 2
    assert all(len(line) <= 100 for line in lines)
    assert all(line.startswith("  command number ") for line in lines[1:])


def test_examples_name_their_place() -> None:
    """FILE:LINE in a log, the line where there is no file, neither for records in memory."""
    finding = Finding(
        "a", "said", 1, examples=(Example("one", 1), Example("two"), Example("three", 3), Example("4"))
    )

    assert finding_lines(finding, file="log", examples=3) == [
        "a: said",
        "  log:1  one",
        "  two",
        "  log:3  three",
        "  ... 1 more example",
    ]
    assert finding_lines(finding, examples=1)[1] == "  line 1: one"


def test_control_characters_are_escaped_wherever_they_come_from() -> None:
    """File names, messages, counts, examples."""
    finding = Finding("a", "m\x1b", 1, by_field={"f\n": 1}, examples=(Example("e\x07", 1),))

    text = file_text("l\x1bog", [finding], events=1, malformed=0)

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "f\\n 1" in text
    assert visible("naïve, 日") == "naïve, 日"


def test_totals_count_by_level() -> None:
    """The worst first."""
    findings = [Finding("a", "", 1, "info"), Finding("b", "", 1), Finding("c", "", 1)]

    assert totals_text(findings) == "3 findings: 2 error, 1 info"
    assert totals_text([]) == "no findings"
