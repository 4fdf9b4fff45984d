"""What all checks have in common."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from pytest_telemetry import checks
from pytest_telemetry.checks import (
    CachePair,
    LspReadyOrder,
    MeasuredTiming,
    MonotonicTiming,
    RecordCounts,
    RelativePaths,
    RunId,
    StreamingCheck,
    Timestamps,
    WellFormed,
)
from pytest_telemetry.checks.streaming import Counts, Examples
from pytest_telemetry.model.finding import Place
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import BadLine, LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL: list[StreamingCheck] = [
    WellFormed(),
    RunId(),
    Timestamps(),
    RelativePaths(),
    MeasuredTiming(),
    MonotonicTiming(),
    LspReadyOrder(),
]
EXPECTING: list[StreamingCheck] = [CachePair("lsp"), RecordCounts({"lsp.ready": 1})]
"""To these, nothing at all may be a finding."""


def careless() -> Iterator[Record]:
    """Records that break every promise that records in memory can break."""
    for number in range(6):
        yield Record(
            "span",
            "lsp.request",
            "lsp.request",
            None,
            -7,
            attrs={"file": "/home/a/x.py"},
            span_id=str(number),
        )


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_a_check_is_pure_and_can_be_used_again(check: StreamingCheck) -> None:
    """Same records, same findings, also while another judgement is under way."""
    other = check.start()
    first = check(careless())
    for record in careless():
        other.add(record)

    assert check(careless()) == first == other.findings() == other.findings()
    assert bool(first) is not isinstance(check, WellFormed)
    assert {finding.check for finding in first} <= {check.id}


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_no_records_are_no_findings_and_nothing_judged(check: StreamingCheck) -> None:
    """It is for the caller to say whether that is enough."""
    assert check([]) == []
    assert check.start().judged == 0


def test_the_package_names_every_check() -> None:
    """And nothing else."""
    named = {getattr(checks, name) for name in checks.__all__}

    assert {type(check) for check in ALL} < named
    assert tuple(sorted(checks.__all__)) == checks.__all__


def test_examples_are_the_first_of_each_topic() -> None:
    """Five hundred places of one kind hide none of another."""
    examples = Examples(3)

    for number, topic in enumerate("aabacdd", 1):
        examples.add(topic, Place(number), topic=topic)

    assert [(example.text, example.line) for example in examples] == [("a", 1), ("b", 3), ("c", 5)]


def test_an_example_names_the_file_of_its_line() -> None:
    """As the reader knows it; a record from memory stands in none."""
    examples = Examples()

    for place in (BadLine(1, "torn", "a.000001.jsonl"), Place(2, "a.jsonl"), None):
        examples.add("here", place)

    assert [(example.file, example.line) for example in examples] == [
        ("a.000001.jsonl", 1),
        ("a.jsonl", 2),
        ("", None),
    ]


def test_what_is_kept_of_long_texts_is_short() -> None:
    """Names and values of a log may have any length; what is kept of them has not."""
    examples, counts = Examples(), Counts()

    examples.add("x" * 10_000, None, value="y" * 10_000, count=3)
    counts.add("z" * 10_000)

    (example,), (name,) = examples, counts.most_first()
    assert [len(text) for text in (example.text, example.detail["value"], name)] == [500, 500, 500]
    assert example.text.endswith("xxx...")
    assert example.detail["count"] == 3


@pytest.mark.parametrize("check", [*ALL, *EXPECTING], ids=lambda check: check.id)
def test_memory_does_not_grow_with_what_a_log_names(check: StreamingCheck) -> None:
    """Every record of a run, a command, a trace and a server of its own, and each of these a long text."""
    judgement = check.start()

    def feed(first: int, count: int) -> None:
        for number in range(first, first + count):
            name = f"lsp.{'ready' if number % 2 else 'spawn'}" if number % 3 else f"{number}" + "n" * 2_000
            text = f"{number}" + "i" * 2_000
            record = Record("span", name, name, number, 5, attrs={"server": text}, run_id=text, trace_id=text)
            record.span_id = record.parent_id = text
            judgement.add(record, LogLine(number, record, {}, own=True))

    feed(0, 3_000)
    tracemalloc.start()
    feed(3_000, 3_000)
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert grown < 3_000 * 1_500
