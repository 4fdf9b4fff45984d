"""What patterns mean against a recording: the table of the reference, and the laws behind it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.model.condition import Condition
from pytest_telemetry.model.matching import found, found_all, matching_records
from pytest_telemetry.model.pattern import Item, One, Pattern, event, log, metric, only, span
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.recording import Recording
from pytest_telemetry.model.records import Records
from pytest_telemetry.model.values import between

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Records]

QUERY = span("db.query")
ETL = span(
    "etl",
    span("load", span("parse", rows=10), log.warning("slow disk", ms=512), path="a.csv"),
    span("db.query", attempt=0),
    span("db.query", attempt=1),
    span("db.query", attempt=2),
    span("write", rows=10),
)


@pytest.fixture
def rec(recorded: Make) -> Records:
    """The recording that most of these tests ask."""
    return recorded(ETL, metric("rows.read", 10), event("done"))


FOUND: list[tuple[Pattern, bool]] = [
    (span("load"), True),
    (span("load", path="a.csv"), True),
    (span("load", path="b.csv"), False),
    (span("parse", only(rows=10)), True),
    (log.warning("slow *"), True),
    (event("done"), True),
    (metric("rows.read", 10), True),
    (metric("rows.read", 11), False),
    # a level that is listed is exact, a level that is not listed is not looked at
    (span("load", span("parse"), log("slow *")), True),
    (span("load", span("parse")), True),
    (span("load", log("slow *")), False),
    (span("load", log("slow *"), ...), True),
    (span("load", span("parse"), log("slow *"), log("x")), False),
    (span("load", ...), True),
    (span("etl", span("load"), QUERY * 3, span("write")), True),
    (span("etl", span("write"), QUERY * 3, span("load")), True),
    (span("etl", span("load"), QUERY * 2, span("write")), False),
    (span("etl", span("load"), QUERY, QUERY, QUERY, span("write")), True),
    (span("etl", span("load"), QUERY, QUERY, span("write")), False),
    (span("etl", span("load"), QUERY * between(1, 5), span("write")), True),
    (span("etl", span("load"), QUERY * between(4), span("write")), False),
    (span("etl", span("load"), QUERY * 3, span("write"), span("x") * between(0, 1)), True),
    (span("etl", QUERY, ...), True),
    (span("etl", QUERY * 3, ...), True),
    (span("etl", QUERY * 2, ...), False),
    (span("etl", QUERY * 2, span("db.query", attempt=2), ...), True),
    (span("etl", span("load") >> QUERY * 3 >> span("write")), True),
    (span("etl", QUERY * 3 >> span("load") >> span("write")), False),
    (span("etl", span("load") >> span("write"), QUERY * 3), True),
    (span("etl", span("write") >> span("load"), ...), False),
    (span("etl", (span("load") & QUERY) >> span("write"), ...), True),
    (span("etl", span("load") & span("write"), ...), True),
    (span("etl", span("load") | span("x"), ...), True),
    (span("etl", span("y") | span("x"), ...), False),
    (span("etl", (span("load") >> span("write")) | span("x"), ...), True),
    (span("etl", (span("write") >> span("load")) | (span("load") >> QUERY), ...), True),
    (span("etl", (span("load") | QUERY | span("write")) * 5), True),
    (span("etl", ~span("retry")), True),
    (span("etl", ~span("load")), False),
    (span("etl", ~span("load"), ...), False),
    (span("etl", QUERY, ~span("db.query", attempt=7), ...), True),
    (span("etl", QUERY, ~span("db.query", attempt=2), ...), False),
    (span("etl", QUERY * 0, ...), False),
    (span("etl", span("retry") * 0, ...), True),
    (span("etl", ~(span("write") >> span("load")), ...), True),
    (span("etl", ~(span("load") >> span("write")), ...), False),
    (span("etl", ~log("slow *"), ...), True),
    (span("load", ~log("slow *"), ...), False),
    (span("etl", span("load", span("parse", rows=10), ...), ...), True),
    (span("etl", span("load", span("parse", rows=11), ...), ...), False),
    # several records, anywhere
    (span("parse") >> span("write"), True),
    (span("write") >> span("parse"), False),
    (span("etl") >> span("load") >> event("done"), True),
    (QUERY >> QUERY >> QUERY, True),
    (QUERY >> QUERY >> QUERY >> QUERY, False),
    (QUERY * 3 >> span("write"), True),
    (QUERY * 2 >> span("write"), False),
    (span("write") & span("parse"), True),
    (span("write") & span("write"), False),
    (QUERY & QUERY & QUERY, True),
    (span("write") & span("*", rows=10), True),
    (span("write") | span("x"), True),
    (span("y") | span("x"), False),
    ((span("y") >> span("x")) | span("etl"), True),
    (QUERY * 3, True),
    (QUERY * 2, False),
    (QUERY * between(1, 3), True),
    (QUERY * between(4), False),
    (span("*") * 7, True),
    ((span("load") | span("write")) * 2, True),
    (span("retry") * 0, True),
    (~span("retry"), True),
    (~span("load"), False),
    (~(span("write") >> span("load")), True),
    (~(QUERY & QUERY), False),
    (~(QUERY * 2), True),
    (~span("retry") & span("load"), True),
    (~span("retry") | span("x"), True),
]


@pytest.mark.parametrize(("pattern", "outcome"), FOUND, ids=[repr(pattern) for pattern, _ in FOUND])
def test_a_pattern_is_found_anywhere(rec: Records, pattern: Pattern, outcome: bool) -> None:
    """``in`` looks at every depth; listed levels are exact unless they hold ``...``."""
    assert (pattern in rec) is outcome
    assert (pattern not in rec) is not outcome
    assert found(pattern, rec) is outcome


TREES: list[tuple[list[Item], bool]] = [
    ([ETL], True),
    ([span("etl", span("load", span("parse")), QUERY * 3, span("write"))], True),
    ([span("etl", span("write"), QUERY * 3, span("load", span("parse")))], True),
    ([span("etl", span("load", span("parse"), rows=1), QUERY * 3, span("write"))], False),
    ([span("etl", span("load", span("parse", rows=10)), QUERY * 3, span("write", rows=10))], True),
    ([span("etl", span("load", span("parse", rows=11)), QUERY * 3, span("write"))], False),
    ([span("etl", span("load"), QUERY * 3, span("write"))], False),
    ([span("etl", span("load", ...), QUERY * 3, span("write"))], True),
    ([span("etl", ...)], True),
    ([span("etl")], False),
    ([span("etl", span("load", ...), ...)], True),
    ([span("etl", ...), span("x")], False),
    ([span("x"), ...], False),
    ([...], True),
    ([~span("x")], True),
    ([~span("etl")], False),
    ([span("etl", ...), ~span("x")], True),
    ([span("etl", span("load", ...) >> QUERY * 3 >> span("write"))], True),
    ([span("etl", span("write") >> span("load", ...), QUERY * 3)], False),
    # only kinds that are named are compared
    ([log("slow disk")], True),
    ([log("slow disk", ms=1)], False),
    ([log("slow disk"), log("x")], False),
    ([metric("rows.read", 10)], True),
    ([metric("rows.read", 10), event("done")], True),
    ([metric("rows.read", 10), event("other")], False),
    ([span("etl", ...), event("done")], True),
    ([span("etl", span("load", span("parse"), log("slow *")), QUERY * 3, span("write"))], True),
    ([span("etl", span("load", span("parse")), log("slow *"), QUERY * 3, span("write"))], False),
    ([span("etl", span("load", span("parse")), QUERY * 3, span("write")), ~log("x")], True),
]


@pytest.mark.parametrize(("items", "outcome"), TREES, ids=[repr(items) for items, _ in TREES])
def test_a_list_of_patterns_is_the_whole_tree(rec: Records, items: list[Item], outcome: bool) -> None:
    """``==`` compares names, nesting and counts exactly, attributes as a subset, siblings in any order."""
    assert (rec == items) is outcome
    assert (rec == tuple(items)) is outcome
    assert (items == rec) is outcome
    assert (rec != items) is not outcome


ALL: list[tuple[Any, bool]] = [
    ([span("load"), span("write")], True),
    ([span("write"), span("load")], False),
    ([QUERY, QUERY, QUERY], True),
    ([QUERY] * 4, False),
    ([span("parse"), log("slow *"), event("done")], True),
    ([span("load")], True),
    ((span("load"), span("write")), True),
    ({span("write"), span("load")}, True),
    ({span("write"), span("x")}, False),
    (frozenset({span("write"), span("write", rows=10)}), False),
    ({QUERY * 3, span("write")}, True),
    ({QUERY * 2, span("write")}, False),
    ({~span("x"), span("write")}, True),
    ([QUERY * 3, span("write")], True),
]


@pytest.mark.parametrize(("expected", "outcome"), ALL, ids=[f"{number}" for number, _ in enumerate(ALL)])
def test_a_list_is_a_subsequence_and_a_set_has_no_order(rec: Records, expected: Any, outcome: bool) -> None:
    """``>=`` looks at any depth; every pattern gets a record of its own."""
    assert (rec >= expected) is outcome
    assert (expected <= rec) is outcome


def test_the_assignment_that_works_is_found(recorded: Make) -> None:
    """A pattern that fits two records leaves the pickier pattern its only one."""
    rec = recorded(span("a", x=1), span("a"))

    assert rec == [span("a"), span("a", x=1)]
    assert rec == [span("a", x=1), span("a")]
    assert rec != [span("a", x=1), span("a", x=1)]


def test_picky_counts_are_assigned_too(recorded: Make) -> None:
    """Ranges give way to what can only stand in one place."""
    rec = recorded(*(span("a", n=n) for n in range(6)))

    assert rec == [span("a") * between(1, 4), span("a", n=0), span("a", n=5) | span("b")]
    assert rec != [span("a") * between(1, 3), span("a", n=0), span("a", n=5) | span("b")]


def test_children_decide_between_like_siblings(recorded: Make) -> None:
    """Siblings of one name are told apart by what is inside them."""
    rec = recorded(span("job", span("ok")), span("job", span("retry"), span("ok")), span("job"))

    assert rec == [span("job"), span("job", span("ok"), span("retry")), span("job", span("ok"))]
    assert rec != [span("job"), span("job", span("ok")), span("job", span("ok"))]


def test_stages_are_compared_apart(recorded: Make) -> None:
    """``stage="call"`` asks for what the code passed, also of what was dropped; the default is the output."""
    passed = recorded(span("login", span("hash"), user="bob"), log.debug("noise", user="eve"))
    output = recorded(span("login", span("hash"), user="***"))
    info = Recording(filtered=[(passed[2], "levels")], calls={id(output[0]): passed[0]})
    rec = Records(output, info=info)

    assert span("login", user="***") in rec
    assert span("login", user="***", stage="output") in rec
    assert span("login", user="bob") not in rec
    assert span("login", user="bob", stage="call") in rec
    assert span("login", user="***", stage="call") not in rec
    assert log("noise", stage="call") in rec
    assert log("noise") not in rec
    assert log("noise", stage="call") & span("login", user="***") in rec
    assert log("noise", stage="call") & log("noise") not in rec
    assert log("other", stage="call") | log("noise") not in rec
    assert rec == [span("login", span("hash"), user="bob", stage="call")]
    assert rec == [span("login", span("hash", stage="call"), user="***")]
    assert rec != [span("login", span("hash"), user="***", stage="call")]
    assert span("login", span("hash"), user="bob", stage="call") in rec
    assert rec.view(stage="call") == [span("login", span("hash"), user="bob"), log("noise", user="eve")]
    assert rec.view("noise", stage="call") == [log("noise")]


def test_records_are_listed_by_pattern(rec: Records) -> None:
    """Every record that one pattern describes, in start order."""
    assert [record.attrs["attempt"] for record in matching_records(QUERY, rec)] == [0, 1, 2]
    assert [record.name for record in rec.find(span("parse") | span("write"))] == ["parse", "write"]
    assert [record.name for record in rec.find(span("load", span("parse"), log("*")))] == ["load"]
    assert rec.count(QUERY) == 3
    with pytest.raises(TypeError, match="describes several records"):
        rec.find(QUERY * 3)


def test_ten_thousand_records_are_matched_without_quadratic_work(recorded: Make) -> None:
    """The records that are compared are counted, since a time would depend on the machine."""
    rec = recorded(
        *(
            span("etl", *(span("load", *(span("parse", n=n) for n in range(9))) for _ in range(10)))
            for _ in range(100)
        )
    )
    compared = 0

    class Counting:
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return other == 99

        def __hash__(self) -> int:
            return 0

    assert len(rec) == 10_100
    assert span("etl", span("load", span("parse", n=Counting()), ...), ...) not in rec
    assert compared <= 9_000


NAMES = st.sampled_from(["a", "b", "c"])
ATTRS = st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 2), max_size=2)
LEAVES = st.builds(lambda name, attrs: span(name, **attrs), NAMES, ATTRS)
TREE = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda name, kids, attrs: span(name, *kids, **attrs), NAMES, st.lists(inner, max_size=3), ATTRS
    ),
    max_leaves=8,
)
FOREST = st.lists(TREE, min_size=1, max_size=4)


def exact(record: Record, records: Records) -> One:
    """Return the pattern that describes *record* and everything inside it."""
    conditions = tuple(Condition(key, value, is_field=False) for key, value in record.attrs.items())
    inside = tuple(exact(child, records) for child in records.children(record))
    return One(record.kind, record.name, inside, conditions, exact=True)


@given(FOREST, st.integers())
def test_a_recording_equals_its_own_description_in_any_order(
    recorded: Make, forest: list[One], seed: int
) -> None:
    """Siblings may be listed in any order, on every level."""
    rec = recorded(*forest)
    shuffle = random.Random(seed).shuffle

    def mixed(one: One) -> One:
        inside = [mixed(item) for item in one.items if isinstance(item, One)]
        shuffle(inside)
        return One(one.kind, one.name, tuple(inside), one.conditions, exact=True)

    items = [mixed(exact(root, rec)) for root in rec.roots]
    shuffle(items)

    assert rec == items


@given(FOREST)
def test_a_recording_differs_from_any_other_description(recorded: Make, forest: list[One]) -> None:
    """One record too many or too few, anywhere, is seen."""
    rec = recorded(*forest)
    items = [exact(root, rec) for root in rec.roots]

    assert rec != [*items, span("z")]
    assert rec != items[1:] or not items[1:]
    assert rec == [*items[1:], ...]


@given(FOREST, LEAVES)
def test_in_means_that_some_record_matches(recorded: Make, forest: list[One], one: One) -> None:
    """For patterns without anything inside, ``in`` is ``any``."""
    rec = recorded(*forest)

    assert (one in rec) is any(one.matches(record) for record in rec)


@given(FOREST, LEAVES, st.integers(0, 6))
def test_counts_are_exact(recorded: Make, forest: list[One], one: One, times: int) -> None:
    """``a * n`` is true for one n only, which is how many records match."""
    rec = recorded(*forest)

    assert (one * times in rec) is (rec.count(one) == times)


@given(FOREST, LEAVES, LEAVES)
def test_operators_keep_their_laws(recorded: Make, forest: list[One], a: One, b: One) -> None:
    """``|`` is or, ``~`` is not, ``&`` is symmetric and needs two records, ``>>`` is stronger than ``&``."""
    rec = recorded(*forest)

    assert ((a | b) in rec) is (a in rec or b in rec)
    assert (~a in rec) is (a not in rec)
    assert (~(a | b) in rec) is (~a in rec and ~b in rec)
    assert ((a & b) in rec) is ((b & a) in rec)
    assert (a & b) not in rec or (a in rec and b in rec)
    assert ((a & b) in rec) is ((a >> b) in rec or (b >> a) in rec)
    assert ((a & a) in rec) is (rec.count(a) >= 2)
    assert found_all((a, b), rec) is found(a & b, rec) is (rec >= {a, b} if a != b else (a & b) in rec)
    assert (rec >= [a, b]) is ((a >> b) in rec)
    assert (a in rec) is (span("*", **{c.key: c.expected for c in a.conditions}) in rec and a in rec)


@given(FOREST)
def test_start_order_is_a_subsequence_of_itself(recorded: Make, forest: list[One]) -> None:
    """Every record, in the order in which it began, is a sequence that is found."""
    rec = recorded(*forest)

    assert rec >= [One(record.kind, record.name) for record in rec]


def test_none_of_it_means_the_same_as_absent() -> None:
    """A level that only says so is open, and its kind is not compared for that."""
    records = Records(
        [
            Record("span", "etl", "etl", 0, 5, span_id="1"),
            Record("span", "load", "etl.load", 1, 1, span_id="2", parent_id="1"),
        ]
    )

    for nothing in (~span("retry"), span("retry") * 0):
        assert span("etl", nothing) in records
        assert records == [nothing]
        assert span("etl", event("retry") * 0, span("load")) in records
    for something in (~span("load"), span("load") * 0):
        assert span("etl", something) not in records
