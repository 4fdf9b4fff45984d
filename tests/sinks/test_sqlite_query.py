"""What patterns look up in the SQLite store: the same as by reading everything, and less of it."""

from __future__ import annotations

import math
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.pattern import Pattern, event, log, metric, only, span
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.values import between
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.sinks.sqlite_query import condition_of
from pytest_telemetry.sinks.sqlite_schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAKERS: dict[str, Callable[..., Pattern]] = {"span": span, "event": event, "metric": metric, "log": log}
TEXTS = ["a", "ab", "abc", "a*c", "a**c", "a\0c", "a\U0010ffff", "ä", "a~", "\ud800", "b", "A", "a'b", "1"]
KEYS = ["k", "http.method", 'k"', "k\\", "k\n", "$", "", "ä", "a b", "0", "run_id"]
VALUES: list[Any] = [
    *TEXTS, None, True, False, 0, 1, 1.0, -0.0, 0.1, 2**53, 2**53 + 1, float(2**53), 2**63, 2**64, -(2**63),
    math.inf, math.nan, 1e300, (1, 2), [1], {"k": 1}, {"a": {"b": 1}},
]  # fmt: skip
STATUSES = ["unset", "ok", "error"]

texts = st.sampled_from(TEXTS)
values = st.sampled_from(VALUES)
records = st.builds(
    Record,
    st.sampled_from(list(MAKERS)),
    texts,
    texts,
    st.just(1),
    value=values,
    status=st.sampled_from(STATUSES),
    error=st.none() | texts,
    attrs=st.dictionaries(st.sampled_from(KEYS), values, max_size=3),
    source=texts,
    level=st.none() | st.sampled_from(["info", "warning"]),
    thread=st.none() | texts,
)
names = texts | st.sampled_from(["*", "a*", "*c", "ab*", "a*c*", re.compile("b"), "ä*", "a\0*"])
fields = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from([*STATUSES, "*"]),
        "error": names | st.none() | st.just(ValueError),
        "scope": names,
        "source": names,
        "level": st.sampled_from(["info", "w*", "*"]) | st.none(),
        "thread": names | st.none(),
        "duration": st.just(1),
    },
)


@st.composite
def ones(draw: st.DrawFn) -> Pattern:
    attrs = draw(st.dictionaries(st.sampled_from(KEYS), values | names, max_size=2))
    kind = draw(st.sampled_from(list(MAKERS)))
    conditions = only(attrs) if draw(st.booleans()) else attrs
    return MAKERS[kind](draw(names), conditions, **draw(fields))


patterns = st.recursive(
    ones(),
    lambda inner: st.one_of(
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
        st.builds(lambda a, count: a * count, ones(), st.sampled_from([0, 1, 2, between(0, 3)])),
        st.builds(lambda a, b: a & b, ones(), ones()),
        st.builds(lambda a, b: a >> b, ones(), ones()),
    ),
    max_leaves=3,
)


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """Lend one store to all examples, which empty it."""
    with SqliteStore(tmp_path_factory.mktemp("query") / "telemetry.db") as store:
        yield store


@given(patterns, st.lists(records, max_size=6))
def test_looking_up_gives_what_reading_everything_gives(
    emptied: SqliteStore, pattern: Pattern, made: list[Record]
) -> None:
    """Whatever pattern, whatever records, in their order."""
    emptied.trim(keep=0)
    emptied.emit_many(made)

    found = list(emptied.records(pattern))

    assert repr(found) == repr([record for record in emptied.records() if pattern.matches(record)])


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        (span("load"), ["load", "load.failed", "load.b"]),
        (span("lo*"), ["load", "load.failed", "load.b", "lock"]),
        (span("*", status="error"), ["load.failed"]),
        (span("load", scope="load.b"), ["load.b"]),
        (span("load", source="otel"), ["load.b"]),
        (span("load", error="ValueError", thread="main"), ["load.failed"]),
        (span("load", {"http.method": "GET"}), ["load.b"]),
        (span("load", rows=10), ["load"]),
        (span("load", hit=True), ["load"]),
        (log("*", level="warning"), ["log"]),
        (event("load") | log("*"), ["event", "log"]),
        (span("lock") * 1, ["lock"]),
        (span("lock") * 0, []),
        (span("load") & span("lock"), []),
    ],
)
def test_what_sql_can_say_is_not_read(pattern: Pattern, left: list[str]) -> None:
    """Kinds, texts, the beginning of globs, and attributes that are text or whole numbers."""
    rows = [
        ("span", "load", "load", "unset", None, '{"rows":10,"hit":true}', "api", None, None),
        ("span", "load", "load.failed", "error", "ValueError", None, "api", None, "main"),
        ("span", "load", "load.b", "ok", None, '{"http.method":"GET"}', "otel", None, None),
        ("span", "lock", "lock", "unset", None, None, "api", None, None),
        ("event", "load", "event", "unset", None, None, "api", None, None),
        ("log", "slow", "log", "unset", None, None, "api", "warning", None),
    ]
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(MIGRATIONS[0][0])
        database.executemany(
            "INSERT INTO records (kind, name, scope, status, error, attrs, source, level, thread) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        condition, parameters = condition_of(pattern)

        found = database.execute(f"SELECT scope FROM records WHERE {condition} ORDER BY id", parameters)

        assert [scope for (scope,) in found] == left


def test_a_pattern_of_any_size_is_looked_up(emptied: SqliteStore) -> None:
    """SQL has limits, patterns have none."""
    emptied.trim(keep=0)
    emptied.emit_many([Record("span", "n1999", "s", 1, attrs={str(n): n for n in range(2000)})])
    choice = span("n0") | span("n1")
    for number in range(2, 2000):
        choice |= span(f"n{number}")

    assert len(list(emptied.records(choice))) == 1
    assert len(list(emptied.records(span("n1999", {str(n): n for n in range(2000)})))) == 1
    assert list(emptied.records(span("n1999", {str(n): n + n // 1999 for n in range(2000)}))) == []


def test_a_name_is_looked_up_in_its_index_and_nothing_is_sorted() -> None:
    """Page after page: each begins where the one before ended, also where a pattern names several."""
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in MIGRATIONS[0]:
            database.execute(statement)
        plans = []
        for pattern in (span("load"), span("load") | span("lock"), span("lo*")):
            condition, parameters = condition_of(pattern)
            query = f"SELECT * FROM records WHERE id > 5 AND id <= 9 AND {condition} ORDER BY id LIMIT 10"
            plans.append([row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {query}", parameters)])

    assert plans == [
        ["SEARCH records USING INDEX records_name (name=? AND rowid>? AND rowid<?)"],
        ["SEARCH records USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"],
        ["SEARCH records USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"],
    ]
