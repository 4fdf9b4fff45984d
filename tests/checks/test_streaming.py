"""What all checks have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_telemetry import checks
from pytest_telemetry.checks import (
    LspReadyOrder,
    MeasuredTiming,
    MonotonicTiming,
    RelativePaths,
    RunId,
    StreamingCheck,
    Timestamps,
    WellFormed,
)
from pytest_telemetry.checks.streaming import Examples
from pytest_telemetry.model.record import Record

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

    for line, topic in enumerate("aabacdd", 1):
        examples.add(topic, line, topic=topic)

    assert [(example.text, example.line) for example in examples] == [("a", 1), ("b", 3), ("c", 5)]
