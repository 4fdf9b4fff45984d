"""Where a literal ends inside a text."""

from __future__ import annotations

import json

import pytest

from pytest_telemetry.model.literals import bracket_end, closing_quote


@pytest.mark.parametrize("inner", ["", "a", 'a"b', "a\\", 'a\\"', '\\\\"', "it's", "a\nb"])
@pytest.mark.parametrize("layers", [0, 1, 2])
def test_a_text_of_json_ends_where_it_is_closed(inner: str, layers: int) -> None:
    """However often it is escaped, and whatever it holds."""
    literal, quote = json.dumps(inner), '"'
    for _ in range(layers):
        literal, quote = json.dumps(literal)[1:-1], json.dumps(quote)[1:-1]
    text = f'{{{literal}: 1, "x": {literal}}}'

    start = 1 + len(quote)
    assert closing_quote(text, start, quote) == 1 + len(literal) - len(quote)


@pytest.mark.parametrize(
    ("text", "quote", "inside"),
    [
        ("'it''s' and 'x'", "'", "it''s"),
        ("'' and 'x'", "'", ""),
        ('"""a "b" c""" """', '"""', 'a "b" c'),
        ('""a, "b"" c', '""', 'a, "b'),
    ],
)
def test_doubled_quotes_close_nothing_but_what_they_open(text: str, quote: str, inside: str) -> None:
    """As in SQL and YAML; in CSV and in Python they may open a text themselves."""
    assert text[len(quote) : closing_quote(text, len(quote), quote)] == inside


@pytest.mark.parametrize("text", ["'a", "'a\\'", "'a''", "'a\"", ""])
def test_what_is_not_closed_has_no_end(text: str) -> None:
    """Cut, escaped, doubled, or closed by another quote."""
    assert closing_quote(text, 1, "'") == -1


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("(a) b)", "(a)"),
        ("{'a': [1, (2)]}, {}", "{'a': [1, (2)]}"),
        ("['a]', \"b]\"] c]", "['a]', \"b]\"]"),
        ("(don't) b", "(don't)"),
        ('[\\"a]\\"] b', '[\\"a]\\"]'),
        ("(a b\nc", "(a b"),
        ("(\n" + "a" * 4_096 + ")", "("),
    ],
)
def test_brackets_end_where_the_first_is_closed(text: str, inside: str) -> None:
    """Not by one in quotes; with the line, where nothing near closes them."""
    assert text[: bracket_end(text, 0)] == inside
