"""When expected values agree with recorded ones."""

from __future__ import annotations

import re
from typing import Any

import pytest
from dirty_equals import IsInt, IsPositive
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.values import agrees, between, is_glob


class BoomError(Exception):
    """Has a qualified name of its own."""


@pytest.mark.parametrize(
    ("expected", "actual", "outcome"),
    [
        ("load", "load", True),
        ("load", "loader", False),
        ("load*", "loader", True),
        ("*", "", True),
        ("a*c*e", "abcde", True),
        ("a*c", "abcd", False),
        ("*.csv", "a\nb.csv", True),
        ("a.c", "abc", False),
        ("[a]*", "a", False),
        ("[a]?*", "[a]?x", True),
        ("a*", "a*", True),
        ("1*", 10, False),
        ("*", 10, True),
        ("*", b"a", True),
        ("*", None, False),
        ("***", "***", True),
        ("***", "secret", False),
        ("**@*", "bob@x", False),
        ("**@*", "**@x", True),
        ("10", 10, False),
        ("a", b"a", False),
        ("a*", b"ab", False),
        (re.compile("b+"), "abc", True),
        (re.compile("^b"), "abc", False),
        (re.compile("1"), 1, False),
        (re.compile(b"b"), b"abc", True),
        (re.compile(b"b"), "abc", False),
        (10, 10, True),
        (10, 11, False),
        (10, 10.0, True),
        (None, None, True),
        (None, 0, False),
        ([1, 2], [1, 2], True),
        (pytest.approx(1.0, abs=0.1), 1.05, True),
        (pytest.approx(1.0, abs=0.1), 1.5, False),
        (IsPositive(), 3, True),
        (IsPositive(), -3, False),
        (IsInt, 3, True),
        (IsInt, "x", False),
        (ValueError, "ValueError", True),
        (ValueError, "KeyError", False),
        (BoomError, f"{BoomError.__module__}.BoomError", True),
        (BoomError, "other.BoomError", False),
        (int, "int", False),
        (int, int, True),
    ],
)
def test_values_agree_as_the_reference_says(expected: Any, actual: Any, outcome: bool) -> None:
    """Text is equal or a glob, expressions are searched, exceptions are named, the rest has ``==``."""
    result = agrees(expected, actual)

    assert result is outcome


@given(st.text())
def test_text_always_agrees_with_itself(text: str) -> None:
    """A value that was recorded can be pasted into a pattern, also where it holds an asterisk."""
    assert agrees(text, text)


@given(
    st.text(alphabet="ab.\n", max_size=6),
    st.text(alphabet="ab.\n", max_size=6),
    st.text(alphabet="ab\n", max_size=6),
)
def test_an_asterisk_stands_for_any_text(before: str, after: str, between_them: str) -> None:
    """``*`` is any text, line breaks included; every other character is itself."""
    assert agrees(f"{before}*{after}", before + between_them + after)


def test_only_an_asterisk_makes_a_glob() -> None:
    """Question marks, brackets and what redaction leaves are ordinary characters."""
    assert is_glob("a*")
    assert is_glob("***@*")
    assert not is_glob("***")
    assert not is_glob("a?[b]")


@pytest.mark.parametrize(
    ("value", "inside"),
    [(1, True), (5, True), (0, False), (6, False), (2.5, True), ("x", False), (None, False)],
)
def test_a_range_equals_what_is_inside_it(value: Any, inside: bool) -> None:
    """Both ends belong to it, and what cannot be ordered is outside."""
    assert (between(1, 5) == value) is inside
    assert (value == between(1, 5)) is inside


def test_a_range_may_have_no_upper_end() -> None:
    """Without an upper end everything from the lower one is inside."""
    assert between(2) == 10**9
    assert between(2) != 1


def test_ranges_with_the_same_ends_are_equal_and_hash_alike() -> None:
    """A range is a value; as such it can be used in hashed patterns."""
    assert between(1, 5) == between(1, 5)
    assert hash(between(1, 5)) == hash(between(1, 5))
    assert between(1, 5) != between(1, 4)
    assert repr(between(1, 5)) == "between(1, 5)"


def test_a_range_with_exchanged_ends_is_refused() -> None:
    """A range that holds nothing would make every assertion fail for a reason nobody sees."""
    with pytest.raises(ValueError, match=r"between\(5, 1\) holds nothing"):
        between(5, 1)
