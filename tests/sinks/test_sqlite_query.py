"""What patterns look up in the SQLite store: the same as by reading everything, and less of it."""

from __future__ import annotations

import math
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
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
globs = st.sampled_from(["*", "a*", "*c", "ab*", "a*c*", re.compile("b"), "ä*", "a\0*"])
FIELDS = ["status", "error", "scope", "source", "level", "thread"]


@st.composite
def ones(draw: st.DrawFn, made: list[Record]) -> Pattern:
    """Describe one of the records that were made, but for what is wrong by chance."""
    record = draw(st.sampled_from(made))
    attrs = {key: value for key, value in record.attrs.items() if draw(st.booleans())}
    fields = {name: getattr(record, name) for name in FIELDS if draw(st.integers(0, 3)) == 0}
    match draw(st.integers(0, 9)):
        case 0:
            attrs[draw(st.sampled_from(KEYS))] = draw(values | globs)
        case 1:
            fields[draw(st.sampled_from(FIELDS[1:]))] = draw(globs)
        case 2:
            attrs = {key: draw(st.sampled_from([True, 1, 1.0])) for key in attrs}
    name = draw(st.just(record.name) | globs)
    return MAKERS[record.kind](name, only(attrs) if draw(st.booleans()) else attrs, **fields)


def patterns(made: list[Record]) -> st.SearchStrategy[Pattern]:
    one = ones(made)
    return st.one_of(
        one,
        st.builds(lambda a, b: a | b, one, one),
        st.builds(lambda a, b: a | ~b, one, one),
        st.builds(lambda a: ~a, one),
        st.builds(lambda a, count: a * count, one, st.sampled_from([0, 1, 1, 2, between(0, 3)])),
        st.builds(lambda a, b: a & b, one, one),
        st.builds(lambda a, b: a >> b, one, one),
    )


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """Lend one store to all examples, which empty it."""
    with SqliteStore(tmp_path_factory.mktemp("query") / "telemetry.db") as store:
        yield store


@settings(deadline=None)
@given(st.data(), st.lists(records, min_size=1, max_size=6))
def test_looking_up_gives_what_reading_everything_gives(
    emptied: SqliteStore, data: st.DataObject, made: list[Record]
) -> None:
    """Whatever pattern, whatever records, in their order."""
    emptied.trim(keep=0)
    emptied.emit_many(made)
    pattern = data.draw(patterns(made))

    found = list(emptied.records(pattern))

    assert repr(found) == repr([record for record in emptied.records() if pattern.matches(record)])


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        (span("load"), ["load", "load.failed", "load.b"]),
        (span("lo*"), ["load", "load.failed", "load.b", "lock"]),
        (span("LOAD"), []),
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


@pytest.mark.parametrize(
    ("pattern", "changes"),
    [
        (event("e", {"k": "a\0c"}), {"attrs": {"k": "a\0c"}}),
        (event("e", k="a\nc"), {"attrs": {"k": "a\nc"}}),
        (event("e", k='"'), {"attrs": {"k": '"'}}),
        (event("e", k="ä\U0001f40d"), {"attrs": {"k": "ä\U0001f40d"}}),
        (event("e", k="a*"), {"attrs": {"k": "abc"}}),
        (event("e", k="*"), {"attrs": {"k": 5}}),
        *[(event("e", {key: 1}), {"attrs": {key: 1}}) for key in KEYS],
        (event("e", k=1), {"attrs": {"k": True}}),
        (event("e", k=True), {"attrs": {"k": 1.0}}),
        (event("e", k=0), {"attrs": {"k": -0.0}}),
        (event("e", k=0.1 + 0.2), {"attrs": {"k": 0.1 + 0.2}}),
        (event("e", k=2**53 + 1), {"attrs": {"k": 2**53 + 1}}),
        (event("e", k=2**63), {"attrs": {"k": 2.0**63}}),
        (event("e", k=2**64), {"attrs": {"k": 2**64}}),
        (event("e", k=math.inf), {"attrs": {"k": math.inf}}),
        (event("e", k=None), {"attrs": {"k": None}}),
        (event("e", k=(1, 2)), {"attrs": {"k": (1, 2)}}),
        (event("a*"), {"name": "a\U0010ffff\U0010ffff"}),
        (event("a\U0010ffff*"), {"name": "a\U0010ffffb"}),
        (event("a\0b*"), {"name": "a\0bc"}),
        (event("ä*"), {"name": "äb"}),
        (event("a~*"), {"name": "a~b"}),
        (event("a**c*"), {"name": "a**cd"}),
        (event(re.compile("b")), {"name": "abc"}),
        (event("e", error=ValueError), {"error": "ValueError"}),
        (event("e", status="*"), {}),
        (event("e", level=None), {}),
        (event("e", thread=5), {"thread": 5}),
        (event("e", scope=""), {"scope": ""}),
        (event("e") * 1, {}),
        (event("e") * between(0, 3), {}),
        (~event("f"), {}),
        (event("f") | ~event("f"), {}),
    ],
)
def test_what_sql_cannot_say_is_left_to_the_pattern(
    emptied: SqliteStore, pattern: Pattern, changes: dict[str, Any]
) -> None:
    """A record that matches is found, whatever JSON paths, numbers and texts are in SQL."""
    emptied.trim(keep=0)
    record = replace(Record("event", "e", "e", 1), **changes)
    emptied.emit_many([record])

    assert pattern.matches(record)
    assert list(emptied.records(pattern)) == [record]


@pytest.mark.parametrize(
    "pattern", [event("\ud800"), event("\ud800*"), event("e", k="\ud800", scope="\ud800")]
)
def test_text_that_no_database_holds_is_not_found(emptied: SqliteStore, pattern: Pattern) -> None:
    """Half a surrogate pair; it is no error either."""
    emptied.trim(keep=0)
    emptied.emit_many([Record("event", "e", "e", 1)])

    assert list(emptied.records(pattern)) == []


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
