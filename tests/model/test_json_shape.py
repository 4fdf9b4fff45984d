"""How deep a value is, and which keys stood twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.json_shape import (
    DEEPEST,
    keys_and_depth,
    may_repeat_keys,
    noting_twice,
    twice_problems,
)
from pytest_telemetry.model.wire import LogLine, decode_line


class Pairs(list[Any]):
    """An object as it may stand in a text: keys may stand twice."""


TRICKY = ("a", "b", '"', ', "', '": ', '":', '\\":', " :", ":", "\\", "{", "\t:", "é")
keys = st.lists(st.sampled_from(TRICKY), max_size=3).map("".join)
values = st.recursive(
    st.none() | st.integers() | keys,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(keys, inner), max_size=4).map(Pairs),
    max_leaves=8,
)


def written(value: Any, colon: str, comma: str = ",") -> str:
    if isinstance(value, Pairs):
        members = (json.dumps(key) + colon + written(member, colon, comma) for key, member in value)
        return "{" + comma.join(members) + "}"
    if isinstance(value, list):
        return "[" + comma.join(written(item, colon, comma) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def has_twice(value: Any) -> bool:
    if isinstance(value, Pairs):
        names = [key for key, _ in value]
        return len(set(names)) < len(names) or any(has_twice(member) for _, member in value)
    return isinstance(value, list) and any(has_twice(item) for item in value)


def shape(value: Any) -> tuple[int, int]:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    inner = [shape(member) for member in members]
    own = len(value) if isinstance(value, dict) else 0
    depth = 1 + max((depth for _, depth in inner), default=0) if isinstance(value, (dict, list)) else 0
    return own + sum(count for count, _ in inner), depth


@given(values)
def test_keys_and_levels_are_counted(value: Any) -> None:
    """As counting one inside the other does it."""
    made = json.loads(written(value, ":"))

    assert keys_and_depth(made) == shape(made)


def test_no_depth_is_too_deep() -> None:
    """It stops where nobody reads on."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    assert keys_and_depth(deep) == (0, DEEPEST + 1)


@given(values, st.sampled_from([":", ": ", " :", "\t: ", "\r:"]))
def test_a_key_that_stands_twice_is_never_missed(value: Any, colon: str) -> None:
    """However the text is written, and whatever looks like the end of a key in it."""
    text = written(value, colon)
    kept = json.loads(text)

    if has_twice(value):
        assert may_repeat_keys(text.encode(), keys_and_depth(kept)[0])


@given(values, st.sampled_from([(":", ","), (": ", ", "), (" : ", ",")]))
def test_a_line_says_that_a_key_stands_twice_if_and_only_if_one_does(
    value: Any, marks: tuple[str, str]
) -> None:
    """In every object, nested ones included, however the line is written."""
    line = written(Pairs([("cmd", "a"), ("ts", "2026-01-01T00:00:00Z"), ("x", value)]), *marks)

    decoded = decode_line(line.encode() + b"\n", 1)

    assert isinstance(decoded, LogLine)
    assert any("twice in one object" in problem for problem in decoded.problems) == has_twice(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"b":{"c":[1,{"d":2}]}}',
        '{"a": "12:30:00", "b": "x: y"}',
        json.dumps({"a": json.dumps({"b": 1, "c": "x"})}),
    ],
)
def test_usual_lines_need_no_second_reading(text: str) -> None:
    """Time stamps and JSON inside of texts included."""
    assert not may_repeat_keys(text.encode(), keys_and_depth(json.loads(text))[0])


def test_what_stood_twice_is_named_where_it_is_a_plain_name() -> None:
    """A key may be a secret itself."""
    twice: set[str] = set()

    json.loads(
        '{"a":1,"a":{"ada@example.com":1,"ada@example.com":2},"b":1}', object_pairs_hook=noting_twice(twice)
    )

    assert twice_problems(twice) == [
        "a: this key stands twice in one object, the last one counts",
        "line: a key stands twice in one object, the last one counts",
    ]
    assert len(twice_problems({f"k{number}" for number in range(50)})) == 10
