"""Patterns as text: what is read equals what the same words make in Python, and nothing else is read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.pattern import event, log, metric, only, span
from pytest_telemetry.model.pattern_text import any_kind, parse_pattern
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.values import between

NAMESPACE = {
    "span": span,
    "event": event,
    "metric": metric,
    "log": log,
    "only": only,
    "between": between,
    "re": re,
}

literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(), inner, max_size=2)
    ),
    max_leaves=4,
).map(repr)
values = literals | st.sampled_from(["between(1, 5)", "between(-2.5)", "re.compile('^a|b')"])
names = st.text(min_size=1).map(repr) | st.sampled_from(["'lsp.*'", "re.compile('^l')", "'**'"])
keywords = st.dictionaries(st.sampled_from(["rows", "path", "x"]), values, max_size=2).map(
    lambda found: [f"{key}={value}" for key, value in found.items()]
)
fields = st.sampled_from(
    ["status='error'", "duration=between(0, 1)", "scope='a.*'", "thread='main'", "error='E'"]
)
mappings = st.dictionaries(st.text(), values, max_size=2).map(
    lambda found: "{" + ", ".join(f"{key!r}: {value}" for key, value in found.items()) + "}"
)


@st.composite
def ones(draw: Any) -> str:
    maker = draw(st.sampled_from(["span", "event", "metric", "log", "log.warning", "log.critical"]))
    arguments = [draw(names)]
    if maker == "metric" and draw(st.booleans()):
        arguments.append(draw(st.sampled_from(["10", "-1.5", "between(1, 2)"])))
    attributes = draw(st.lists(mappings, max_size=1)) + draw(keywords) + draw(st.lists(fields, max_size=1))
    if draw(st.booleans()):
        attributes = [f"only({', '.join(attributes)})"]
    return f"{maker}({', '.join([*arguments, *attributes])})"


expressions = st.recursive(
    ones(),
    lambda inner: st.one_of(
        st.builds("~({})".format, inner),
        st.builds("({}) | {}".format, inner, inner),
        st.builds("{} | {}".format, inner, inner),
    ),
    max_leaves=5,
)


@given(expressions)
def test_a_pattern_equals_the_one_that_python_makes_of_the_same_words(text: str) -> None:
    """For every expression of the language."""
    assert parse_pattern(text) == eval(text, dict(NAMESPACE))


@example("span('a', {'\u00ba': 1})")  # which as a keyword would be read as o
@given(expressions)
def test_a_pattern_that_was_printed_is_read_again(text: str) -> None:
    """What a failure text shows can be pasted, as long as it is shown whole."""
    printed = repr(eval(text, dict(NAMESPACE)))

    if "..." not in printed:
        assert parse_pattern(printed) == eval(text, dict(NAMESPACE))


@pytest.mark.parametrize(
    "text", ["load", "lsp.*", "*", "GET:/users/*", "a-b_c", "日本", "  load\n", "'load'", '"load"']
)
def test_a_name_alone_describes_records_of_any_kind(text: str) -> None:
    """Bare or in quotes, with or without an asterisk."""
    name = text.strip().strip("'\"")

    assert parse_pattern(text) == any_kind(name) == span(name) | event(name) | metric(name) | log(name)


@pytest.mark.parametrize("name", ["load", "lsp.request", "a.b.c", "日本", "log.warning", "ﬁle"])
def test_a_bare_name_with_dots_can_be_joined(name: str) -> None:
    """It means what it means alone."""
    assert parse_pattern(f"~{name} | {name} | span('a')") == ~any_kind(name) | any_kind(name) | span("a")


def test_names_in_quotes_can_be_joined() -> None:
    """With each other and with expressions."""
    pattern = parse_pattern('"slow disk" | ~span("load")')

    assert pattern == any_kind("slow disk") | ~span("load")
    assert pattern.matches(Record("log", "slow disk", "slow disk", 1))
    assert not pattern.matches(Record("span", "load", "load", 1, 1))


def test_re_is_short_for_a_compiled_expression() -> None:
    """Escapes mean what they mean in Python, without a warning."""
    assert parse_pattern(r'span(re("^l\d"), path=re(r"\.csv$"))') == span(
        re.compile(r"^l\d"), path=re.compile(r"\.csv$")
    )


def test_a_choice_may_have_many_parts() -> None:
    """It is no nesting."""
    assert parse_pattern(" | ".join(["span('a')"] * 300)).matches(Record("span", "a", "a", 1, 1))


REFUSED = [
    ("span(x)", 6, "x is no value: write a literal, between(1, 5) or re('^load')"),
    ("span('é', rows=y)", 16, "y is no value"),
    ("span('a',\n rows=y)", 17, "y is no value"),
    ("span('a',\r\n rows=y)", 17, "y is no value"),
    ("eval('1')", 1, "eval('1') is no pattern: there are span, event,"),
    ("log.__class__('a')", 1, "log.__class__('a') is no pattern: there are"),
    ("span('a').items", 1, "span('a').items is no pattern"),
    ("span.x.y('a')", 1, "span.x.y('a') is no pattern"),
    ("(lambda: 1)()", 1, "(lambda: 1)() is no pattern"),
    ("[span('a')]", 1, "[span('a')] is no pattern"),
    ("span('a', rows=10**10**10)", 16, "10**10**10 is no value"),
    ("span('a', rows=9*9)", 16, "9*9 is no value"),
    ("span('a', rows=__import__('os'))", 16, "__import__('os') is no value"),
    ("span('a', rows=f'{1}')", 16, "f'{1}' is no value"),
    ("span('a', rows=b'1')", 16, "b'1' is no value"),
    ("span('a', rows=1j)", 16, "1j is no value"),
    ("span('a', rows=-True)", 16, "-True is no value"),
    ("span('a', *[1])", 11, "*[1] is no value"),
    ("span('a', **{'b': 1})", 13, "{'b': 1}: ** is not read"),
    ("span('a', {1: 2})", 12, "1: keys of a mapping are texts"),
    ("span('a', {**{}})", 11, "{**{}}: keys of a mapping are texts"),
    ("span('a', b=1, b=2)", 18, "2: b is said twice"),
    ("span('a', span('b'))", 11, "span('b'): what is inside a span is not seen"),
    ("span('a', ...)", 11, "...: what is inside a span is not seen"),
    ("span('a') & span('b')", 1, "span('a') & span('b'): a & b asks for several records"),
    ("span('a') >> span('b')", 1, "span('a') >> span('b'): a >> b asks for several records"),
    ("~span('a') | span('a') * 3", 14, "span('a') * 3: a * 3 asks for several records"),
    ("span('a', status='eror')", 1, "span('a', status='eror'): status='eror' fits no record"),
    ("span('a', stage='call')", 1, "span('a', stage='call'): only a recorder knows stages"),
    ("span('')", 1, "span(''): span('') fits no record"),
    ("span(5)", 1, "span(5): the first argument of span() is a name, not 5"),
    ("event('a', 5)", 1, "event('a', 5): event('a') cannot take 5"),
    ("span(re('('))", 6, "re('('): missing ), unterminated subpattern"),
    ("span(re('a', 2))", 6, "re('a', 2): re() takes one text"),
    ("span('a', b=between(5, 1))", 13, "between(5, 1): between(5, 1) holds nothing"),
    ("span('a', b=between(1, 'x'))", 13, "between(1, 'x'): "),
    ("span('a') * 3", 1, "span('a') * 3: a * 3 asks for several records"),
    ("span()", 1, "span() names nothing: write span('*') for every name"),
    ("log.error(rows=1)", 1, "log.error(rows=1) names nothing: write log.error('*') for every name"),
    ("span('a', b=between())", 13, "between(): between() takes one limit or two, as in between(1, 5)"),
    ("span('a', b=between(1, 2, 3))", 13, "between(1, 2, 3): between() takes one limit or two"),
    ("~span", 2, 'span: write span("*") for every span, or \'"span"\', with quotes'),
    ("lsp . x | a", 1, "lsp . x is no pattern: write a name in quotes"),
    ("lsp.* | a", 5, "invalid syntax; what is more than one word stands in quotes, and so does a glob"),
    ("''", 1, "'': names are never empty"),
    ("", 1, "invalid syntax"),
    ("slow disk", 6, "invalid syntax; what is more than one word stands in quotes"),
    ("span('a'", 5, "'(' was never closed"),
    ("~" * 3_000, 1, "invalid syntax"),
    ("~" * 100 + "'a'", 22, "~~~~~~"),
    ("(" * 300 + ")" * 300, 201, "too many nested parentheses"),
    ("span('a', b=" + "[" * 100 + "]" * 100 + ")", 33, "[[[["),
    ("\udc80 'a'", 1, "'utf-8' codec can't encode"),
]


@pytest.mark.parametrize(("text", "place", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_of_the_language_is_refused_with_its_place(text: str, place: int, reason: str) -> None:
    """Names, attributes, arithmetic, nesting without end, and what describes several records."""
    with pytest.raises(UnusableInput) as refused:
        parse_pattern(text)

    said = str(refused.value)
    assert said.startswith("pattern ")
    assert f", character {place}: {reason}" in said
    assert "\n" not in said


def test_the_name_of_a_kind_alone_is_no_pattern() -> None:
    """It would look for records of that name, which hardly anybody means."""
    with pytest.raises(UnusableInput, match=r"write span\(\"\*\"\) for every span"):
        parse_pattern("span")


def test_a_text_that_is_too_long_is_refused_unread() -> None:
    """Whatever it holds."""
    with pytest.raises(UnusableInput, match="a pattern of 4,001 characters is too long"):
        parse_pattern("a" * 4_001)


WORDS = [
    "span",
    "log",
    ".",
    "warning",
    "(",
    ")",
    "'a'",
    "re",
    "between",
    "|",
    "~",
    "&",
    "=",
    "x",
    "1",
    ",",
    "{",
    "}",
    "**",
    "...",
    "only",
    " ",
]


@given(st.text() | st.lists(st.sampled_from(WORDS)).map("".join))
@example("span('a', b=1).__class__.__mro__")
@example("\0(")
def test_any_text_is_a_pattern_or_one_clear_error(text: str) -> None:
    """Nothing else comes out, and what comes out can be asked."""
    try:
        pattern = parse_pattern(text)
    except UnusableInput as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert pattern.matches(Record("span", "a", "a", 1, 1)) in {True, False}
