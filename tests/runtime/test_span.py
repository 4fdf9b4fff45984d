"""Spans: nesting, time, identity, and what left them."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextvars import Context, copy_context
from typing import Any

import pytest

from pytest_telemetry.model.ids import IdSource
from pytest_telemetry.runtime.context import TelemetryContext
from pytest_telemetry.runtime.current import current_span
from pytest_telemetry.runtime.path import OwnPath
from pytest_telemetry.runtime.span import identify


def parents(sink: Any) -> dict[str, str | None]:
    """Return the name of each span's parent, by name."""
    names = {record.span_id: record.name for record in sink.records("span")}
    return {r.name: None if r.parent_id is None else names[r.parent_id] for r in sink.records("span")}


# nesting


def test_spans_nest(tele: TelemetryContext, sink: Any) -> None:
    """A span's parent is the span that is open where it is entered; records come in the order of the ends."""
    with tele("a"):
        with tele("b.c"), tele("d"):
            pass
        with tele("e"):
            pass

    assert sink.scopes == ["a.b.c.d", "a.b.c", "a.e", "a"]
    assert parents(sink) == {"a": None, "b.c": "a", "d": "b.c", "e": "a"}


def test_a_span_opens_when_it_is_entered(tele: TelemetryContext, sink: Any) -> None:
    """Making one does nothing yet: no parent, no time, no record."""
    made = tele("made")
    with tele("outer"), made:
        pass

    assert parents(sink) == {"made": "outer", "outer": None}


def test_spans_of_two_contexts_nest(sink: Any, keeping: Any) -> None:
    """As OpenTelemetry's do: the parent may belong to another context, and each sink hears of its own."""
    other_sink = keeping()
    tele, other = TelemetryContext(sink, enabled=True), TelemetryContext(other_sink, enabled=True)
    with tele("a"), other("b"), tele("c"):
        other.count("n")

    assert sink.scopes == ["a.b.c", "a"]
    assert other_sink.scopes == ["a.b.c.n", "a.b"]
    assert other_sink.records("span")[0].parent_id == sink.kept[1].span_id
    assert {r.trace_id for r in (*sink.kept, *other_sink.kept)} == {sink.kept[0].trace_id}


@pytest.mark.parametrize("depth", [64, 1500])
def test_spans_nest_deeper_than_python_calls(tele: TelemetryContext, sink: Any, depth: int) -> None:
    """Nothing that looks at the ancestors of a span recurses."""
    spans = [tele("a").__enter__() for _ in range(depth)]

    for span in reversed(spans):
        span.__exit__(None, None, None)

    assert [len(scope) for scope in sink.scopes] == list(range(2 * depth - 1, 0, -2))
    assert len({record.trace_id for record in sink.kept}) == 1


# exceptions


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError("no"), "ValueError"),
        (asyncio.CancelledError(), "asyncio.exceptions.CancelledError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(3), "SystemExit"),
        (StopIteration(1), "StopIteration"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_leaves_a_span_is_recorded_and_passes(
    tele: TelemetryContext, sink: Any, error: BaseException, name: str
) -> None:
    """The record says error and names the class; the exception itself goes on."""
    with pytest.raises(type(error)) as caught, tele("outer"), tele("inner"):
        raise error

    assert caught.value is error
    assert [(r.name, r.status, r.error) for r in sink.kept] == [
        ("inner", "error", name),
        ("outer", "error", name),
    ]
    assert current_span() is None


def test_leaving_a_generator_early_is_no_error(tele: TelemetryContext, sink: Any) -> None:
    """``GeneratorExit`` is how generators end when nobody wants more."""

    def numbers() -> Any:
        with tele("a"):
            yield 1

    steps = numbers()
    next(steps)
    steps.close()

    assert [(r.scope, r.status, r.error) for r in sink.kept] == [("a", "unset", None)]


def test_an_error_that_is_handled_inside_is_none(tele: TelemetryContext, sink: Any) -> None:
    """Only what leaves the span counts."""
    with tele("outer"):
        try:
            with tele("inner"):
                raise LookupError
        except LookupError:
            pass

    assert {r.name: r.status for r in sink.kept} == {"inner": "error", "outer": "unset"}


# time


def test_times_below_a_root_are_derived(sink: Any, step_clock: Any) -> None:
    """The wall clock is read once per root; a step in between moves nothing that belongs to the root."""
    clock = step_clock()
    tele = TelemetryContext(sink, enabled=True, clock=clock)
    with tele("root"):
        clock.advance(5)
        clock.wall -= 3_600_000_000_000
        with tele("child"):
            clock.advance(7)
            tele.event("e")
            clock.advance(1)
    begin = 1_000_000_000_000_000_000

    by_name = {r.name: (r.time_ns, r.duration_ns) for r in sink.kept}

    assert by_name == {"root": (begin, 13), "child": (begin + 5, 8), "e": (begin + 12, None)}
    assert clock.reads["wall"] == 1


def test_the_clock_is_read_twice_per_span(tele: TelemetryContext, sink: Any, step_clock: Any) -> None:
    """Two monotonic readings per span, one per point inside a span, one wall reading per root and per point outside."""
    clock = step_clock()
    tele = TelemetryContext(sink, enabled=True, clock=clock)

    def reads(use: Any) -> tuple[int, int]:
        before = dict(clock.reads)
        use()
        return clock.reads["wall"] - before["wall"], clock.reads["mono"] - before["mono"]

    def one_span() -> None:
        with tele("a"):
            pass

    assert reads(one_span) == (1, 2)
    assert reads(lambda: tele.count("n")) == (1, 0)
    with tele("root"):
        assert reads(one_span) == (0, 2)
        assert reads(lambda: tele.count("n")) == (0, 1)


def test_a_duration_is_never_clamped(sink: Any, step_clock: Any) -> None:
    """A clock that goes back is shown, not hidden."""
    clock = step_clock()
    tele = TelemetryContext(sink, enabled=True, clock=clock)
    with tele("a"):
        clock.mono -= 5

    assert sink.kept[0].duration_ns == -5


def test_contexts_with_different_clocks_keep_their_own_time(sink: Any, keeping: Any, step_clock: Any) -> None:
    """A span below one that another clock times is measured and dated by its own clock."""
    fake, other = step_clock(wall=100, mono=7), step_clock(wall=2_000_000, mono=900)
    other_sink = keeping()
    tele = TelemetryContext(sink, enabled=True, clock=fake)
    beside = TelemetryContext(other_sink, enabled=True, clock=other)

    with tele("a"):
        other.advance(10)
        with beside("b"):
            other.advance(4)
            with beside("c"):
                other.advance(3)
                fake.advance(50)
                beside.event("e")
        with tele("d"):
            fake.advance(2)

    times = {r.name: (r.time_ns, r.duration_ns) for r in (*sink.kept, *other_sink.kept)}
    assert times == {
        "a": (100, 52),
        "b": (2_000_010, 7),
        "c": (2_000_014, 3),
        "e": (2_000_017, None),
        "d": (150, 2),
    }


def test_a_point_is_dated_by_the_clock_of_its_span(sink: Any, keeping: Any, step_clock: Any) -> None:
    """A reading of one clock is never subtracted from a reading of another."""
    tele = TelemetryContext(sink, enabled=True, clock=step_clock(wall=100, mono=7))
    other_sink = keeping()
    other = TelemetryContext(other_sink, enabled=True, clock=step_clock(wall=2_000, mono=900))

    with tele("a"):
        other.count("n")

    assert other_sink.kept[0].time_ns == 100


# identity


def test_ids_have_the_sizes_of_the_w3c(tele: TelemetryContext, sink: Any) -> None:
    """A trace id has 32 hex digits, a span id 16; each root begins a trace."""
    for _ in range(2):
        with tele("root"), tele("child"):
            tele.count("n")
    count, child, root, *second = sink.kept

    assert all(len(r.trace_id) == 32 and int(r.trace_id, 16) for r in sink.kept)
    assert all(len(r.span_id) == 16 and int(r.span_id, 16) for r in (child, root))
    assert count.trace_id == child.trace_id == root.trace_id != second[0].trace_id
    assert (count.span_id, count.parent_id) == (None, child.span_id)
    assert (child.parent_id, root.parent_id) == (root.span_id, None)
    assert len({r.span_id for r in sink.records("span")}) == 4


def test_ids_are_made_when_somebody_asks(tele: TelemetryContext) -> None:
    """A span that nobody asks who it is has the path it shares with its siblings, and no ids."""

    class Silent:
        def span_ended(self, span: Any, end: int, error: Any, /) -> None: ...
        def point(self, point: Any, /) -> None: ...
        def emit(self, record: Any, /) -> None: ...
        def flush(self) -> None: ...
        def close(self) -> None: ...
        def statistics(self) -> dict[str, int]:
            return {}

    tele = TelemetryContext(Silent(), enabled=True)
    with tele("a") as first, tele("b") as second:
        assert not isinstance(second.path, OwnPath)  # type: ignore[attr-defined]  # a span, seen as a Context
        own = identify(second, IdSource(seed=1))  # type: ignore[arg-type]  # likewise

    assert identify(second, IdSource(seed=2)).span_id == own.span_id  # type: ignore[arg-type]  # likewise
    assert identify(first, IdSource(seed=2)).trace_id == own.trace_id  # type: ignore[arg-type]  # likewise


def test_two_threads_that_ask_at_once_get_one_answer(tele: TelemetryContext) -> None:
    """Who is slower takes over what the faster one found, so that no child points to a parent that nobody knows."""
    tele("outer").__enter__()
    inner: Any = tele("inner").__enter__()

    faster: list[str] = []

    class Overtaken(IdSource):
        def span_id(self) -> str:
            if not faster:
                faster.append("soon")
                own = identify(inner.parent, IdSource(seed=5))
                faster[:] = [own.trace_id, own.span_id]
            return super().span_id()

    own = identify(inner, Overtaken(seed=6))
    parent = identify(inner.parent, IdSource())

    assert [parent.trace_id, parent.span_id] == faster
    assert own.trace_id == parent.trace_id
    assert own.span_id != parent.span_id


# memory


def test_an_open_span_costs_under_100_bytes(native: Any) -> None:
    """Each further level costs four slots and an integer, whatever the depth."""
    tele = TelemetryContext(native(), enabled=True)

    def memory(levels: int) -> int:
        spans: list[Any] = [None] * levels
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for level in range(levels):
            spans[level] = tele.time("a").__enter__()
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        for span in reversed(spans):
            span.__exit__(None, None, None)
        return used

    def slope() -> float:
        memory(900)  # makes the paths, which stay
        return (memory(900) - memory(64)) / (900 - 64)

    assert Context().run(slope) < 100


# a trace that is held together by context variables


def test_what_runs_in_a_copy_of_the_context_nests(tele: TelemetryContext, sink: Any) -> None:
    """``copy_context().run`` takes the open span along; an empty context begins a new trace."""

    def work(name: str) -> None:
        with tele(name):
            pass

    with tele("a"):
        copy_context().run(work, "inside")
        Context().run(work, "apart")

    assert sink.scopes == ["a.inside", "apart", "a"]
