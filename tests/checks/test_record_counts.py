"""Records are as many as they should be."""

from __future__ import annotations

import pytest

from pytest_telemetry import between
from pytest_telemetry.checks import RecordCounts
from pytest_telemetry.model.record import Record

RECORDS = [
    *(Record("event", name, name, 1) for name in ("ast.cache.miss", "ast.cache.hit", "ast.cache.hit")),
    Record("span", "ast.parse", "ast.parse", 1, 5),
    Record("span", "ast.parse", "ast.parse", 1),
    Record("metric", "ast.parse", "ast.parse", 1, value=1),
]


@pytest.mark.parametrize(
    "expected",
    [
        {"ast.cache.miss": 1, "ast.cache.hit": 2},
        {"ast.parse": 1},
        {"ast.cache.*": 3, "ast.*": 4, "*": 4},
        {"ast.cache.hit": between(1, 5), "lsp.*": 0},
    ],
)
def test_right_numbers_are_no_finding(expected: dict[str, object]) -> None:
    """Of finished spans and of events, by name or glob; what is not named may be there."""
    assert RecordCounts(expected)(RECORDS) == []


def test_all_wrong_numbers_stand_in_one_finding_with_what_there_was() -> None:
    """The most frequent name first."""
    (finding,) = RecordCounts({"ast.cache.hit": 1, "ast.cache.miss": 1, "lsp.ready": 1})(RECORDS)

    assert finding.message == "ast.cache.hit: 2, expected 1; lsp.ready: 0, expected 1"
    assert finding.count == 2
    assert [example.text for example in finding.examples] == [
        "there was: ast.cache.hit 2, ast.cache.miss 1, ast.parse 1"
    ]


def test_nothing_at_all_is_said_so() -> None:
    """Not as an empty list."""
    (finding,) = RecordCounts({"a": 1})([])

    assert finding.examples[0].text == "there was: nothing"


def test_no_expectation_is_a_mistake() -> None:
    """It would hold for every recording."""
    with pytest.raises(ValueError, match="nothing to count: give names and numbers"):
        RecordCounts({})
