"""Columns in characters, and what servers count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.codeintel.lsp_positions import (
    ENCODINGS,
    PositionEncoding,
    column_of,
    lines_of,
    units_before,
)

LINE = "\ta = '\U0001f600é'; b"


@pytest.mark.parametrize(
    ("encoding", "units"),
    [("utf-8", [0, 1, 6, 10, 12, 16]), ("utf-16", [0, 1, 6, 8, 9, 13]), ("utf-32", [0, 1, 6, 7, 8, 12])],
)
def test_a_column_is_bytes_or_units_or_characters(encoding: PositionEncoding, units: list[int]) -> None:
    """A tab is one of each; a face is four bytes, two units, one character."""
    columns = [0, 1, 6, 7, 8, 12]

    assert [units_before(LINE, column, encoding) for column in columns] == units
    assert [column_of(LINE, unit, encoding) for unit in units] == columns


@given(st.text(st.characters(exclude_characters="\r\n")), st.sampled_from(ENCODINGS), st.data())
def test_there_and_back_is_the_same_column(
    line: str, encoding: PositionEncoding, data: st.DataObject
) -> None:
    """For each column of each line in each encoding, halves of surrogate pairs included."""
    column = data.draw(st.integers(0, len(line)))

    assert column_of(line, units_before(line, column, encoding), encoding) == column


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_past_the_end_is_the_end(encoding: PositionEncoding) -> None:
    """As the protocol says, both ways."""
    assert units_before(LINE, 99, encoding) == units_before(LINE, len(LINE), encoding)
    assert column_of(LINE, 99, encoding) == column_of("abc" + LINE, 99, encoding) - 3 == len(LINE)
    assert column_of("abc", 99, encoding) == 3


@pytest.mark.parametrize(("encoding", "within"), [("utf-8", 8), ("utf-16", 7)])
def test_units_within_a_character_are_that_character(encoding: PositionEncoding, within: int) -> None:
    """A server that cuts one in two means it."""
    assert column_of(LINE, within, encoding) == 6


def test_lines_end_as_the_protocol_has_it() -> None:
    """A form feed or a line separator ends none, although it does for `str.splitlines`."""
    assert lines_of("a\nb\r\nc\rd\x0ce\u2028f\n") == ["a", "b", "c", "d\x0ce\u2028f", ""]
