"""Rows of the SQLite store: every record comes back as a log would bring it back."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_telemetry.model.record import INSTRUMENTS, KINDS, STATUSES, Record
from pytest_telemetry.model.wire import LogLine, decode_line, encode_noting
from pytest_telemetry.sinks import sqlite_row
from pytest_telemetry.sinks.sqlite_row import COLUMNS, records_of, row_of
from pytest_telemetry.sinks.sqlite_schema import MIGRATIONS

texts = st.text(max_size=6) | st.text(st.characters(categories=["Cs", "Cc", "Ll"]), max_size=4)
optional_texts = st.none() | texts
integers = st.integers() | st.sampled_from(
    [-(2**63), 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**400]
)
counts = st.integers(-(2**63), 2**63 - 1)  # beyond that, a line of a log is refused
leaves = (
    st.none()
    | st.booleans()
    | integers
    | st.floats()
    | texts
    | st.binary(max_size=3)
    | st.sampled_from([Decimal("1.10"), PurePosixPath("a/b"), 1j, {1, 2}])
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts | st.integers(0, 3), inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=8,
)
records = st.builds(
    Record,
    st.sampled_from(KINDS),
    texts.filter(bool),
    texts,
    *[st.none() | counts] * 2,
    values,
    st.none() | st.sampled_from(INSTRUMENTS),
    st.sampled_from(STATUSES),
    optional_texts,
    st.dictionaries(texts, values, max_size=4),
    *[optional_texts] * 4,
    st.none() | counts,
    texts,
    optional_texts,
    optional_texts,
)


def kept(record: Record) -> tuple[Record, dict[str, Any]]:
    """Return *record* as a database gives it back, and its columns."""
    row, _ = row_of(record)
    assert row is not None
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(MIGRATIONS[0][0])
        database.execute(
            f"INSERT INTO records ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(row))})", row
        )
        rows = database.execute(f"SELECT {', '.join(COLUMNS)}, id FROM records").fetchall()
    [back] = records_of(rows)
    return back, dict(zip(COLUMNS, rows[0], strict=False))


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@settings(deadline=None)
@given(records)
@example(Record("metric", "m", "m", 1, value=-0.0))
@example(Record("event", "e", "e", 1, attrs={"a": 2**64}))
@example(Record("event", "e", "e", 1, attrs={1: "a"}))  # type: ignore[dict-item]
@example(Record("metric", "m", "m", 1, value=nested(63)))
@example(Record("metric", "m", "m", 1, value=nested(70), attrs={"a": nested(70)}))
def test_a_record_comes_back_as_from_a_line_of_a_log(record: Record) -> None:
    """To the type, the sign of a zero and the bit of a float; what became text is counted alike."""
    line, as_text = encode_noting(record)
    decoded = decode_line(line, 1)
    assert isinstance(decoded, LogLine)

    assert repr(kept(record)[0]) == repr(decoded.record)
    assert row_of(record)[1] == as_text


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        ("value", 5, 5),
        ("value", 0.5, 0.5),
        ("value", "ready", "ready"),
        ("value", "größer", "größer"),
        ("value", True, None),
        ("value", [1, "a"], None),
        ("value", 2**63, None),
        ("value", 2**64, None),
        ("value", math.inf, None),
        ("time_ns", 2**63 - 1, 2**63 - 1),
        ("time_ns", 2**63, None),
        ("thread", "worker\0 1", "worker\0 1"),
        ("thread", "", ""),
        ("scope", 5, None),
        ("name", True, None),
        ("seq", 1.5, None),
        ("status", None, None),
    ],
)
def test_a_column_holds_what_its_type_can_and_never_something_else(
    field: str, value: Any, column: Any
) -> None:
    """What stands beside it in `exact` brings back the rest: no number becomes text, no truth a number."""
    record = Record("metric", "m", "m", 1)
    setattr(record, field, value)

    back, columns = kept(record)

    assert repr(getattr(back, field)) == repr(value)
    assert repr(columns[field]) == repr(column)


def test_most_records_need_no_second_look() -> None:
    """What runtimes make has `exact` unset, and attributes that SQL can read."""
    record = Record(
        "span", "load", "etl.load", 1, 2, attrs={"rows": 3, "ratio": 0.5, "hit": True, "of": None}
    )

    _, columns = kept(record)

    assert (columns["exact"], columns["attrs"]) == (None, '{"rows":3,"ratio":0.5,"hit":true,"of":null}')
    assert kept(Record("event", "e", "e", 1))[1]["attrs"] is None


def test_a_row_keeps_no_container_of_the_caller() -> None:
    """What the caller changes afterwards is not what happened."""
    attrs: dict[str, Any] = {"rows": [1]}
    row, _ = row_of(Record("event", "e", "e", 1, attrs=attrs))

    attrs["rows"].append(2)

    assert row is not None
    assert row[COLUMNS.index("attrs")] == '{"rows":[1]}'


@pytest.mark.parametrize("field", ["value", "attrs", "seq"])
def test_a_record_longer_than_a_line_of_a_log_has_no_row(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text could not be converted to a log."""
    monkeypatch.setattr(sqlite_row, "MAX_LINE_BYTES", 200)
    long: Any = {"value": "x" * 201, "attrs": {"a": "x" * 201}, "seq": ["x" * 201]}[field]
    record = Record("metric", "m", "m", 1)
    setattr(record, field, long)

    assert row_of(record) == (None, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"attrs": "{"},
        {"attrs": 5},
        {"exact": "{"},
        {"exact": "[]"},
        {"exact": '{"types":{"a":{}}, "unknown":1}'},
        {"exact": '{"types":5}'},
    ],
)
def test_a_row_that_somebody_else_wrote_is_named(changes: dict[str, Any]) -> None:
    """By its id, in one line."""
    row, _ = row_of(Record("event", "e", "e", 1))
    columns = dict(zip(COLUMNS, row or (), strict=True)) | changes

    with pytest.raises(ValueError, match="record 7 is not as this package writes it"):
        records_of([(*columns.values(), 7)])
