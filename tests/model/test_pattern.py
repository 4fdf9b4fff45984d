"""Patterns as values: how they are written, shown, compared and joined."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.pattern import (
    Absent,
    Both,
    Either,
    InOrder,
    Pattern,
    event,
    log,
    metric,
    only,
    span,
)
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.values import between

if TYPE_CHECKING:
    from collections.abc import Callable

A, B, C = (span(name) for name in "abc")

WRITTEN = [
    (span("load"), "span('load')"),
    (span("load", rows=10, path="a"), "span('load', rows=10, path='a')"),
    (span("etl", span("load"), ..., rows=1), "span('etl', span('load'), ..., rows=1)"),
    (span("x", {"http.method": "GET"}), "span('x', {'http.method': 'GET'})"),
    (span("x", {"status": 200}), "span('x', {'status': 200})"),
    (span("x", {"status": 200}, status="ok"), "span('x', {'status': 200}, status='ok')"),
    (
        span("x", duration=1.5, status="error", error=ValueError),
        "span('x', duration=1.5, status='error', error=ValueError)",
    ),
    (span("x", only(rows=1)), "span('x', only(rows=1))"),
    (span("x", only({"a.b": 1}, rows=1)), "span('x', only({'a.b': 1}, rows=1))"),
    (span("x", only()), "span('x', only())"),
    (span(re.compile("^l")), "span(re.compile('^l'))"),
    (event("hit", key="k"), "event('hit', key='k')"),
    (metric("rows", 10, format="csv"), "metric('rows', 10, format='csv')"),
    (metric("rows", value=10), "metric('rows', value=10)"),
    (log("slow *"), "log('slow *')"),
    (log.warning("slow *", ms=5), "log.warning('slow *', ms=5)"),
    (log("x", level=re.compile("w")), "log('x', level=re.compile('w'))"),
    (A >> B >> C, "span('a') >> span('b') >> span('c')"),
    (A & B & C, "span('a') & span('b') & span('c')"),
    (A | B | C, "span('a') | span('b') | span('c')"),
    (A | B & C, "span('a') | span('b') & span('c')"),
    ((A | B) & C, "(span('a') | span('b')) & span('c')"),
    ((A & B) >> C, "(span('a') & span('b')) >> span('c')"),
    (A & B >> C, "span('a') & span('b') >> span('c')"),
    (A * 3, "span('a') * 3"),
    (3 * A, "span('a') * 3"),
    ((A | B) * between(1, 5), "(span('a') | span('b')) * between(1, 5)"),
    (A * 2 >> B, "span('a') * 2 >> span('b')"),
    (~A, "~span('a')"),
    (~(A >> B), "~(span('a') >> span('b'))"),
    (~(A * 2), "~(span('a') * 2)"),
    (~~A, "span('a')"),
]


@pytest.mark.parametrize(("pattern", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_a_pattern_is_shown_as_it_was_written(pattern: Pattern, text: str) -> None:
    """The repr is code; evaluated, it makes an equal pattern again."""
    names = {
        "span": span,
        "event": event,
        "log": log,
        "metric": metric,
        "only": only,
        "between": between,
        "re": re,
    }

    assert repr(pattern) == text
    assert eval(text, {**names, "ValueError": ValueError}) == pattern


@pytest.mark.parametrize("left", range(len(WRITTEN)))
def test_patterns_are_equal_by_structure_and_hash_accordingly(left: int) -> None:
    """Equal patterns hash alike, and patterns that are written differently are different."""
    pattern, text = WRITTEN[left]
    same = [other for other, _ in WRITTEN if other == pattern]

    assert all(hash(other) == hash(pattern) for other in same)
    assert {repr(other) for other in same} == {text}


def test_conditions_have_no_order() -> None:
    """Keywords may be written in any order."""
    assert span("x", a=1, b=2) == span("x", b=2, a=1)
    assert hash(span("x", a=1, b=2)) == hash(span("x", b=2, a=1))


def test_values_of_different_types_make_different_patterns() -> None:
    """``True`` and ``1`` agree with the same records and are still different expectations."""
    assert span("x", a=1) != span("x", a=True)
    assert span("x", a=1) != span("x", {"a": 1.0})
    assert span("x", status="ok") != span("x", {"status": "ok"})


def test_patterns_may_hold_values_that_cannot_be_hashed() -> None:
    """Lists and matchers are values too."""
    patterns = {span("x", tags=["a"]), span("x", tags=["a"]), span("x", n=pytest.approx(1))}

    assert len(patterns) == 2


@pytest.mark.parametrize("other", ["span('a')", None, 3, ["a"]])
def test_a_pattern_equals_nothing_but_patterns_and_records(other: object) -> None:
    """Comparisons with anything else are simply false."""
    assert A.__eq__(other) is NotImplemented


MATCHES: list[tuple[Pattern, dict[str, Any], bool]] = [
    (span("load"), {}, True),
    (span("lo*"), {}, True),
    (span(re.compile("oa")), {}, True),
    (span("lo"), {}, False),
    (event("load"), {}, False),
    (span("load", rows=10), {"attrs": {"rows": 10, "more": 1}}, True),
    (span("load", rows=10), {"attrs": {"rows": 11}}, False),
    (span("load", rows=None), {"attrs": {}}, False),
    (span("load", only(rows=10)), {"attrs": {"rows": 10}}, True),
    (span("load", only(rows=10)), {"attrs": {"rows": 10, "more": 1}}, False),
    (span("load", only(rows=10), more=1), {"attrs": {"rows": 10, "more": 1}}, True),
    (span("load", only()), {"attrs": {}}, True),
    (span("load", only(status="ok")), {"status": "ok"}, True),
    (span("load", {"a.b": 1}), {"attrs": {"a.b": 1}}, True),
    (span("load", {"status": 200}), {"attrs": {"status": 200}}, True),
    (span("load", status="error"), {"attrs": {"status": "error"}}, False),
    (span("load", status="error"), {"status": "error"}, True),
    (span("load", duration=1.5), {"duration_ns": 1_500_000_000}, True),
    (span("load", duration=0.1), {"duration_ns": 100_000_000}, True),
    (span("load", duration=between(1, 2)), {"duration_ns": 1_500_000_000}, True),
    (span("load", duration=1.5), {"duration_ns": None}, False),
    (span("load", duration=None), {"duration_ns": None}, True),
    (span("load", error="ValueError"), {"error": "ValueError"}, True),
    (span("load", error=ValueError), {"error": "ValueError"}, True),
    (span("load", scope="etl.*"), {"scope": "etl.load"}, True),
    (span("load", source="otel"), {"source": "api"}, False),
    (span("load", thread="Main*"), {"thread": "MainThread"}, True),
    (span("load", stage="call"), {}, True),
    (span("load", stage="output"), {}, True),
    (log.warning("load"), {"kind": "log", "level": "warning"}, True),
    (log.error("load"), {"kind": "log", "level": "warning"}, False),
    (log("load", level="warn*"), {"kind": "log", "level": "warning"}, True),
    (log("load"), {"kind": "log", "level": None}, True),
    (metric("load", 10), {"kind": "metric", "value": 10}, True),
    (metric("load", 10), {"kind": "metric", "value": 11}, False),
    (metric("load", value=10), {"kind": "metric", "value": 10}, False),
    (span("load", span("inside")), {}, True),
    (span("x") | span("load"), {}, True),
    (span("x") | span("y"), {}, False),
    (~span("x"), {}, True),
    (~span("load"), {}, False),
    (span("load") & span("load"), {}, False),
    (span("load") >> span("load"), {}, False),
    (span("load") * 1, {}, True),
    (span("load") * between(0, 2), {}, True),
    (span("load") * 2, {}, False),
]


@pytest.mark.parametrize(("pattern", "fields", "outcome"), MATCHES)
def test_a_pattern_matches_a_record_by_its_own_fields(
    pattern: Pattern, fields: dict[str, Any], outcome: bool
) -> None:
    """Attributes are a subset, the closed list of keywords means fields, a mapping always attributes."""
    record = Record(**{"kind": "span", "name": "load", "scope": "load", "time_ns": 1, **fields})

    assert pattern.matches(record) is outcome
    if any(one.items for one in pattern.ones()):
        return
    assert (pattern == record) is outcome
    assert (record == pattern) is outcome
    assert (pattern in [record, record]) is outcome


@pytest.mark.parametrize(
    "pattern", [span("load", span("x")), ~span("load", ...), span("a") | span("b", span("c"))]
)
def test_what_is_inside_cannot_be_compared_with_a_record_alone(pattern: Pattern) -> None:
    """It would be equal whatever happened inside, also in a plain list of records."""
    record = Record("span", "load", "load", 1)

    with pytest.raises(TypeError, match="says what happened inside, which a record alone does not show"):
        _ = record == pattern
    with pytest.raises(TypeError, match=r"ask the recording, or Records\(...\) made of the list"):
        _ = pattern not in [record, record]


@pytest.mark.parametrize("method", ["debug", "info", "warning", "error", "critical"])
def test_log_has_a_method_for_each_level(method: str) -> None:
    """The method is the same as the keyword."""
    pattern = getattr(log, method)("slow *", {"a.b": 1}, ms=5)

    assert pattern == log("slow *", {"a.b": 1}, ms=5, level=method)
    assert repr(log) == "log"


def test_names_of_parameters_are_free_for_attributes() -> None:
    """No keyword collides with a parameter of ours."""
    record = Record("span", "x", "x", 1, attrs={"name": 1, "self": 2, "kind": 3, "value": 4, "attrs": 5})

    assert span("x", name=1, self=2, kind=3, value=4, attrs=5).matches(record)


REFUSED: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: span("x", 3),  # type: ignore[arg-type]  # wrong on purpose
        TypeError,
        r"span\('x'\) cannot take 3: after the name come patterns, \.\.\., mappings",
    ),
    (lambda: event("x", 3), TypeError, r"event\('x'\) cannot take 3: after the name come mappings"),  # type: ignore[arg-type]  # wrong on purpose
    (
        lambda: span("x", [A]),  # type: ignore[arg-type]  # wrong on purpose
        TypeError,
        r"takes what is inside one by one, not as a list; write \*\[span\('a'\)\]",
    ),
    (lambda: event("x", A), TypeError, r"event\('x'\) cannot hold span\('a'\): only spans"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda: log("x", ...), TypeError, r"log\('x'\) cannot hold Ellipsis: only spans"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda: metric("x", 1, 2), TypeError, r"metric\('x'\) cannot take 2"),
    (lambda: span(A), TypeError, r"the first argument of span\(\) is a name, not span\('a'\)"),
    (lambda: span({"a": 1}), TypeError, r"the first argument of span\(\) is a name"),
    (
        lambda: span("x", status="eror"),
        ValueError,
        r"status='eror' fits no record: it is one of unset, ok, error; .*\{'status': 'eror'\}",
    ),
    (lambda: span("x", stage="in"), ValueError, r"stage='in' fits no record: it is one of call, output"),
    (lambda: span("x", stage=1), ValueError, r"stage=1 fits no record"),
    (lambda: A >> ~B, TypeError, r"~span\('b'\) cannot stand in a sequence"),
    (lambda: A >> (B | ~C), TypeError, r"cannot stand in a sequence"),
    (lambda: (A >> B) * 2, TypeError, r"cannot be counted: it describes several records"),
    (lambda: A * 2 * 2, TypeError, r"span\('a'\) \* 2 cannot be counted"),
    (lambda: A * -1, ValueError, r"between\(-1, -1\) is no count"),
    (lambda: A * between(0.5, 2), ValueError, r"is no count: counts are whole numbers"),
    (lambda: A * between(0, True), ValueError, r"is no count"),
    (lambda: A * True, TypeError, r"unsupported operand"),
    (lambda: A * "3", TypeError, r"."),
    (lambda: A >> "b", TypeError, r"unsupported operand"),
    (lambda: A & "b", TypeError, r"unsupported operand"),
    (lambda: A | "b", TypeError, r"unsupported operand"),
]


@pytest.mark.parametrize(("write", "error", "text"), REFUSED)
def test_what_makes_no_sense_is_refused_where_it_is_written(
    write: Callable[[], object], error: type[Exception], text: str
) -> None:
    """The text names the pattern, what is wrong, and what to write."""
    with pytest.raises(error, match=text):
        write()


@given(st.permutations([A, B, C]))
def test_joining_is_associative(parts: list[Pattern]) -> None:
    """A chain of one operator is one flat pattern, wherever the parentheses stand."""
    one, two, three = parts

    assert (one >> two) >> three == one >> (two >> three) == InOrder((one, two, three))
    assert (one & two) & three == one & (two & three) == Both((one, two, three))
    assert (one | two) | three == one | (two | three) == Either((one, two, three))
    assert ~one == Absent(one)


def test_patterns_cannot_be_changed() -> None:
    """A pattern may be kept in a module and used in many tests."""
    with pytest.raises(AttributeError):
        A.name = "b"  # type: ignore[misc]  # wrong on purpose


def test_a_pattern_knows_the_kinds_it_names() -> None:
    """What must be absent asks nothing of the other records of its kind."""
    pattern = span("etl", span("load", log("x")), ~event("retry")) & metric("rows")

    assert pattern.kinds() == {"span", "log", "metric"}


@pytest.mark.parametrize("name", [None, 5, 2.5, True, b"load"])
def test_what_can_be_no_name_is_refused(name: Any) -> None:
    """It would match nothing, so that `not in` would always hold."""
    with pytest.raises(TypeError, match=r"the first argument of span\(\) is a name, not"):
        span(name)


def test_an_empty_name_is_refused() -> None:
    """No record has one."""
    with pytest.raises(ValueError, match=r"event\(''\) fits no record"):
        event("")


def test_only_takes_attributes() -> None:
    """Text in its place was meant for something else."""
    with pytest.raises(TypeError, match=r"only\(\) takes attributes, .* not 'x'"):
        only("x")  # type: ignore[arg-type]  # the mistake under test


def test_levels_are_lower_case() -> None:
    """Records have them in lower case, so that another case would match nothing."""
    with pytest.raises(ValueError, match=r"level='WARN' fits no record"):
        log("slow", level="WARN")
