"""A cache serves on the second look what it missed on the first."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_telemetry.checks import CachePair
from pytest_telemetry.model.record import Record


def lookups(*words: str, **attrs: Any) -> list[Record]:
    return [
        Record("event", f"ast.cache.{word}", word, number, attrs=attrs or {"args.file": "a.py"})
        for number, word in enumerate(words)
    ]


def said(records: list[Record], name: str = "ast.cache", **attrs: Any) -> list[str]:
    found = CachePair(name, **attrs)(records)
    return [line for each in found for line in (each.message, *(example.text for example in each.examples))]


def test_a_miss_and_then_hits_are_a_pair() -> None:
    """Among records of whatever else there is."""
    others = [
        Record("event", "ast.cache.evicted", "x", 1),
        Record("metric", "ast.cache.miss", "x", 1, value=1),
    ]

    assert said([*others, *lookups("miss", "hit", "hit"), *others]) == []


def test_other_things_are_looked_up_for_themselves() -> None:
    """By any attribute, its own or one of the args; names and values may be globs."""
    records = [*lookups("miss", "hit"), *lookups("miss", key="k", file="b.py")]

    assert said(records, file="a.py") == []
    assert said(records, file="a*") == []
    assert said(records, "*", file="a.py") == []
    assert said(records, key="k") == [
        "ast.cache, key='k': one miss, and nothing was looked up again",
        "the only one: ast.cache.miss",
    ]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["hit"], ["lookup 1 was a hit, not a miss"]),
        (["hit", "hit"], ["lookup 1 was a hit, not a miss"]),
        (["miss", "miss"], ["lookup 2 was a miss, not a hit"]),
        (
            ["miss", "hit", "miss", "miss"],
            ["lookup 3 was a miss, not a hit", "lookup 4 was a miss, not a hit"],
        ),
    ],
)
def test_what_contradicts_is_named(words: list[str], wrong: list[str]) -> None:
    """Each lookup that should have been the other one."""
    first, *examples = said(lookups(*words), file="a.py")

    number = f"{len(wrong)} of {len(words)} lookup{'s' if len(words) > 1 else ''}"
    verb = "is" if len(wrong) == 1 else "are"
    assert first == f"ast.cache, file='a.py': {number} {verb} not as it should be: a miss, then hits only"
    assert examples == wrong


def test_a_lookup_that_failed_is_neither() -> None:
    """It proves nothing about the cache."""
    miss, hit = lookups("miss", "hit")
    hit.status = "error"

    assert said([miss, hit])[1:] == ["lookup 2 failed, not a hit"]


def test_nothing_is_found_where_nothing_was_looked_up() -> None:
    """The assertion says that; the check has seen nothing."""
    judgement = CachePair().start()
    for record in [Record("event", "ast.parse", "x", 1), Record("event", "hit", "x", 1)]:
        judgement.add(record)

    assert (judgement.findings(), judgement.judged) == ([], 0)
