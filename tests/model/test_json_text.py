"""JSON text that is changed in places."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.json_text import JsonText

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
styles = st.tuples(st.sampled_from([(", ", ": "), (",", ":")]), st.booleans())


@given(values, styles)
def test_a_text_that_was_not_changed_is_the_same_to_the_byte(
    value: object, style: tuple[tuple[str, str], bool]
) -> None:
    """In each of the usual styles."""
    separators, ascii_only = style
    text = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
    read = JsonText(text)

    assert read.rewritten(read.value) == text


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1.50, "b": 1e3, "c": -0, "d": 123456789012345678901234567890, "e": 0.1e-7}',
        '{"b":1.0,"a":[NaN,-Infinity,1E+2],"c":{}}',
        '{"a":"é\\n","b":["\\u0000"]}',
        '{"a": "\\u00e9", "b": [], "c": null, "d": true}',
        ' [1.10, "x"]\r',
    ],
)
def test_numbers_stay_as_they_were_written(text: str) -> None:
    """Whatever stands beside them is changed."""
    read = JsonText(text)
    changed = read.value | {"new": "x"} if isinstance(read.value, dict) else [*read.value, "x"]

    ascii_only = "é" not in text
    between = ", " if ", " in text else ","
    new = f'"new"{between.replace(",", ":")}"x"' if isinstance(changed, dict) else '"x"'
    assert read.rewritten(changed) == f"{text.strip()[:-1]}{between}{new}{text.strip()[-1]}"
    assert ascii_only or "é" in read.rewritten(changed)


def test_numbers_are_numbers() -> None:
    """For whoever looks at the value."""
    assert JsonText("[1, 2.5, 1e400]").value == [1, 2.5, float("inf")]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('{"a" :1}', '{"a": 1}'),
        ('["\\/"]', '["/"]'),
        ('["\\u00E9"]', '["\\u00e9"]'),
        ('["\\u00e9","é"]', '["é", "é"]'),
        ('["é","\\ud800"]', '["é", "\\\\ud800"]'),
    ],
)
def test_a_text_of_mixed_style_keeps_what_it_holds(text: str, after: str) -> None:
    """In another style."""
    read = JsonText(text)

    assert read.rewritten(read.value) == after


def test_a_key_that_stands_twice_is_told() -> None:
    """At any depth, because the value is not all there is."""
    assert not JsonText('{"a": {"b": 1}, "b": 1}').is_changed
    assert JsonText('{"a": [{"b": 1, "b": 2}]}').is_changed
    assert JsonText('{"a": 1, "a": 2}').value == {"a": 2}


@pytest.mark.parametrize("text", [r'["\uD83D"]', r'{"\udc00":1}', r'[1,{"a":["\ude00\ud83d"]}]'])
def test_half_a_surrogate_pair_is_told_and_is_the_text_of_its_escape(text: str) -> None:
    """In any text and key, in the style of the rest; strict readers take it."""
    read = JsonText(text)

    assert read.is_changed
    assert read.rewritten(read.value) == text.lower().replace("\\", "\\\\")


def test_a_whole_surrogate_pair_is_one_letter() -> None:
    """However it is written."""
    read = JsonText(r'["\ud83d\ude00"]')

    assert (read.value, read.is_changed) == (["😀"], False)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "1" * 5_000, "{'a': 1}"])
def test_what_is_no_json_is_refused(text: str) -> None:
    """As ValueError, numbers of too many digits included."""
    with pytest.raises(ValueError):
        JsonText(text)
