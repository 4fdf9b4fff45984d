"""Names and order of the files of a log."""

from __future__ import annotations

import pytest

from pytest_telemetry.model.segments import SegmentNames


@pytest.mark.parametrize(
    ("active", "plain"),
    [
        ("events.jsonl", "events.000007.jsonl"),
        ("log", "log.000007"),
        ("a.b.jsonl", "a.b.000007.jsonl"),
        (".hidden", ".hidden.000007"),
        ("a+b(c).jsonl", "a+b(c).000007.jsonl"),
    ],
)
def test_the_number_stands_before_the_suffix(active: str, plain: str) -> None:
    """And what was named is found again."""
    names = SegmentNames(active)

    assert names.plain(7) == plain
    assert names.compressed(7) == f"{plain}.gz"
    assert names.unfinished(7) == f"{plain}.gz.part"
    assert names.closed([active, plain]) == names.closed([f"{plain}.gz"]) == [7]
    assert names.closed([f"{plain}.gz.part", active, plain + "x", "x" + plain]) == []


def test_segments_are_in_the_order_of_their_numbers() -> None:
    """Also beyond six digits, and once where both forms are there."""
    names = SegmentNames("e.jsonl")
    found = ["e.1000000.jsonl", "e.000002.jsonl.gz", "e.999999.jsonl", "e.000002.jsonl", "e.000010.jsonl"]

    assert names.closed(found) == [2, 10, 999_999, 1_000_000]
    assert names.plain(1_000_000) == "e.1000000.jsonl"


@pytest.mark.parametrize(
    "name",
    [
        "e.00001.jsonl",
        "e.-00001.jsonl",
        "e.\u0660\u0660\u0660\u0660\u0660\u0661.jsonl",
        "f.000001.jsonl",
        "e.000001.json",
        "e.000001.jsonl\n",
    ],
)
def test_files_of_others_are_no_segments(name: str) -> None:
    """They are neither read nor removed."""
    assert SegmentNames("e.jsonl").closed([name]) == []
