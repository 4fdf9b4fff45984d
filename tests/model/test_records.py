"""Records as a sequence, as a tree, as views, and where nothing was recorded."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.pattern import event, log, metric, span
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.recording import Recording
from pytest_telemetry.model.records import Records
from pytest_telemetry.model.values import between

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Records]


@pytest.fixture
def rec(recorded: Make) -> Records:
    """A small recording with all kinds."""
    return recorded(
        span(
            "etl",
            span("load", log.warning("slow disk"), event("hit")),
            span("load", metric("rows", 3)),
            thread="worker",
        ),
        span("GET /users", source="otel"),
    )


def test_records_are_a_sequence_in_start_order(rec: Records) -> None:
    """Length, indexes, slices, iteration and counting work as for a tuple."""
    assert len(rec) == 7
    assert [record.name for record in rec] == [
        "etl",
        "load",
        "slow disk",
        "hit",
        "load",
        "rows",
        "GET /users",
    ]
    assert rec[0].name == "etl"
    assert rec[-1].name == "GET /users"
    assert [record.name for record in rec[1:3]] == ["load", "slow disk"]
    assert rec.index(rec[3]) == 3
    assert rec.count(rec[0]) == 1
    assert rec[0] in rec
    assert Record("span", "x", "x", 1) not in rec


def test_records_sort_what_they_get_unless_it_is_ordered(rec: Records) -> None:
    """A recorder that keeps start order saves the sorting."""
    assert list(Records(reversed(list(rec)))) == list(rec)
    assert Records(reversed(list(rec)), ordered=True)[0].name == "GET /users"


def test_records_are_a_tree(rec: Records) -> None:
    """Roots, children, parents and paths follow the links between spans."""
    etl, load, slow, _, second, rows, get = rec

    assert rec.roots == (etl, get)
    assert list(rec.children(etl)) == [load, second]
    assert list(rec.children(slow)) == []
    assert rec.parent(rows) is second
    assert rec.parent(etl) is None
    assert [rec.path(record) for record in (etl, load, slow)] == ["etl", "etl/load", "etl/load/slow disk"]
    assert rec.position(rows) == 5


def test_records_are_listed_by_kind(rec: Records) -> None:
    """Each kind has its list; a kind that is not there has an empty one."""
    kinds = [rec.spans(), rec.events(), rec.logs(), rec.measurements()]

    assert [len(kind) for kind in kinds] == [4, 1, 1, 1]
    assert [len(kind) for kind in (Records(rec.spans()).events(), Records(rec.spans()).logs())] == [0, 0]
    assert list(rec.names("span")) == ["etl", "load", "GET /users"]


def test_a_parent_that_is_not_there_makes_a_root(rec: Records) -> None:
    """Records that were cut out of a recording stand on their own."""
    part = Records([rec[1], rec[2]])

    assert part.roots == (rec[1],)


def test_a_path_gives_what_is_inside_one_span(rec: Records) -> None:
    """The view holds what is inside, at any depth, and knows the span itself."""
    etl = rec["etl"]

    assert [record.name for record in etl] == ["load", "slow disk", "hit", "load", "rows"]
    assert etl.record is rec[0]
    assert etl == [span("load", ...), span("load", ...)]
    assert log.warning("slow *") in etl
    assert span("etl") not in etl
    assert etl.path(rec[2]) == "load/slow disk"


def test_a_path_may_be_the_end_of_one_or_a_glob(rec: Records) -> None:
    """The whole path wins; names may hold slashes themselves."""
    assert rec["GET /users"].record is rec[6]
    assert rec["GET*"].record is rec[6]


def test_a_whole_path_wins_over_the_end_of_another(recorded: Make) -> None:
    """``rec["load"]`` is the root of that name, though another span ends like it."""
    rec = recorded(span("etl", span("load")), span("load", event("x")))

    assert rec["load"].record is rec[2]
    assert rec["etl/load"].record is rec[1]
    assert rec["et*/load"].record is rec[1]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("lod", r"no span at 'lod'; recorded: etl, etl/load, GET /users"),
        ("etl/lod", r"no span at 'etl/lod'; similar: etl/load"),
        ("oad", r"no span at 'oad'; similar: etl/load"),
        ("hit", r"no span at 'hit'; recorded: etl, etl/load, GET /users"),
        (
            "load",
            r"2 spans at 'load', expected one; take one of records\.find\(\.\.\.\):\n  etl/load  load\n  etl/load  load",
        ),
    ],
)
def test_a_path_without_exactly_one_span_is_an_error_with_candidates(
    rec: Records, path: str, text: str
) -> None:
    """The text says what could have been meant."""
    with pytest.raises(LookupError, match=text):
        rec[path]


def test_the_record_of_other_views_is_an_error() -> None:
    """Only a path stands for one record."""
    with pytest.raises(LookupError, match="stands for no single record"):
        Records(()).record  # noqa: B018 - reading it is the act


def test_a_missing_path_in_an_empty_recording_says_so() -> None:
    """Nothing is invented where nothing is."""
    with pytest.raises(LookupError, match="no span at 'x'; recorded: no span"):
        Records(())["x"]


def test_views_select_by_scope_source_and_thread(rec: Records) -> None:
    """All operators work on a view."""
    assert [record.name for record in rec.view("etl.load*")] == ["load", "slow disk", "hit", "load", "rows"]
    assert rec.view(source="otel") == [span("GET /users")]
    assert rec.view(thread="work*") == [span("etl")]
    assert rec.view("etl.load*", source="otel") == []
    assert event("hit") in rec.view("etl.*")
    assert rec.view("etl.*") >= [span("load"), event("hit")]
    assert rec.view("*rows").metric("rows") == 3
    assert rec.view() == rec


def test_a_view_keeps_the_tree_together(recorded: Make) -> None:
    """What is inside a span that the view leaves out belongs to the next span around."""
    rec = recorded(span("a", span("b", span("c", scope="x"), scope="y"), scope="x"))

    assert rec.view("x") == [span("a", span("c"))]


def test_an_unknown_stage_is_an_error(rec: Records) -> None:
    """The two stages are named."""
    with pytest.raises(ValueError, match="stage='in' is no stage of a record: it is 'call' or 'output'"):
        rec.view(stage="in")


@pytest.mark.parametrize(
    ("choose", "text"),
    [
        (
            lambda rec: rec,
            "<7 records: etl, etl/load x2, warning: slow disk, event: hit, metric: rows +3, GET /users>",
        ),
        (
            lambda rec: rec["etl"],
            "<5 records inside 'etl': load x2, warning: slow disk, event: hit, metric: rows +3>",
        ),
        (lambda rec: rec.view("*hit"), "<1 record in the view of scope '*hit': event: hit>"),
        (lambda rec: rec.view(source="x"), "<0 records in the view of source 'x'>"),
        (lambda _: Records(()), "<0 records>"),
    ],
)
def test_the_repr_is_short_and_says_what_is_there(
    rec: Records, choose: Callable[[Records], Records], text: str
) -> None:
    """The repr appears in pytest's own lines, so it is cut."""
    assert repr(choose(rec)) == text


def test_the_repr_of_many_records_is_cut(recorded: Make) -> None:
    """A repr is cut by pytest at 240 characters."""
    rec = recorded(*(span(f"number.{number}") for number in range(100)))

    assert len(repr(rec)) <= 200
    assert repr(rec).endswith("...>")


def test_recordings_are_compared_by_content(rec: Records) -> None:
    """Records, and lists of records, are equal if their records are."""
    assert rec == Records(list(rec))
    assert rec == list(rec)
    assert rec != list(rec)[1:]
    assert rec != Records(list(rec)[1:])
    assert rec != "etl"
    assert rec != ["etl"]
    with pytest.raises(TypeError, match="unhashable"):
        hash(rec)


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (
            lambda rec: "load" in rec,
            TypeError,
            r"'load' cannot be in a recording: ask for a pattern, such as span\('load'\)",
        ),
        (lambda rec: rec >= ["load"], TypeError, r"'load' is no pattern; recordings are compared with span"),
        (lambda rec: rec >= [], ValueError, r"an empty expectation holds for every recording"),
        (
            lambda rec: rec >= span("a"),
            TypeError,
            r"`>=` takes a list or a set: write \[span\('a'\)\], or span\('a'\) in",
        ),
        (lambda rec: rec >= 1, TypeError, r"not supported"),
        (
            lambda rec: None in rec,
            TypeError,
            r"None cannot be in a recording: ask for a pattern, such as span\('load'\)",
        ),
        (
            lambda rec: [span("a")] in rec,
            TypeError,
            r"\[span\('a'\)\] cannot be in a recording: several patterns are asked for with >= and a list or a set",
        ),
        (lambda rec: rec != span("a"), TypeError, r"by != with a list of patterns, not with span\('a'\)"),
        (lambda rec: span("a") != rec, TypeError, r"by != with a list of patterns, not with span\('a'\)"),
        (
            lambda rec: rec != {span("a")},
            TypeError,
            r"by != with a list of patterns, not with \{span\('a'\)\}",
        ),
        (lambda rec: rec.find("load"), TypeError, r"'load' cannot be in a recording"),
        (lambda rec: rec.count("load"), TypeError, r"'load' cannot be in a recording"),
        (
            lambda rec: rec[span("a")],
            TypeError,
            r"span\('a'\) is no place in a recording: that is a path \('etl/load'\)",
        ),
        (lambda rec: rec >= [span("a"), ~span("b")], TypeError, r"~span\('b'\) cannot stand in a sequence"),
    ],
)
def test_what_is_no_expectation_is_refused(
    rec: Records, act: Callable[[Any], object], error: type[Exception], text: str
) -> None:
    """The text says what to write."""
    with pytest.raises(error, match=text):
        act(rec)


VACUOUS: list[Callable[[Any], object]] = [
    lambda rec: span("load") in rec,
    lambda rec: span("load") not in rec,
    lambda rec: ~span("load") in rec,
    lambda rec: rec != [span("load")],
    lambda rec: rec == [...],
    lambda rec: rec == [~span("load")],
    lambda rec: rec == [span("load") * between(0, 3)],
    lambda rec: rec >= {~span("load")},
]


@pytest.mark.parametrize("act", VACUOUS)
def test_nothing_is_judged_where_nothing_was_recorded(act: Callable[[Any], object]) -> None:
    """A test that recorded nothing must not pass for that reason; the text says why nothing was recorded."""
    rec = Records((), info=Recording(silence=lambda: "the code holds a disabled Context"))

    with pytest.raises(AssertionError) as caught:
        act(rec)

    first, second = str(caught.value).split("\n")
    assert first.startswith("nothing was recorded, so ")
    assert first.endswith(" can be neither found nor ruled out")
    assert second == "  the code holds a disabled Context"


def test_an_empty_recording_can_be_asserted() -> None:
    """``== []`` says that nothing was recorded; everything positive fails without an error."""
    rec = Records(())

    assert rec == []
    assert operator.ne(rec, []) is False
    assert operator.eq(rec, [span("load")]) is False
    assert not rec >= [span("load")]
    assert not rec


@pytest.mark.parametrize("act", VACUOUS)
def test_a_view_that_selects_nothing_is_not_judged(rec: Records, act: Callable[[Any], object]) -> None:
    """A misspelt scope must not turn ``not in`` green; the text names the scopes and sources that are known."""
    with pytest.raises(AssertionError) as caught:
        act(rec.view("elt.*"))

    first, second, third = str(caught.value).split("\n")
    assert first.startswith("nothing in the view of scope 'elt.*', so ")
    assert second == "  recorded outside it: 7 records from source api, otel"
    assert (
        third
        == "  with the scopes etl, etl.load, etl.load.slow disk, etl.load.hit, etl.load.rows, GET /users"
    )


def test_a_view_that_selects_nothing_can_be_asserted(rec: Records) -> None:
    """Nothing from that source is a fact that one may want."""
    assert rec.view(source="prometheus") == []


def test_the_inside_of_a_span_may_be_empty(rec: Records) -> None:
    """The span is there, so the code was observed, and its emptiness is a fact."""
    inside = rec["GET /users"]

    assert len(inside) == 0
    assert event("hit") not in inside
    assert not event("hit") in inside  # noqa: E713 - both operators are the subject
    assert inside == []
    assert operator.ne(inside, [event("hit")])
