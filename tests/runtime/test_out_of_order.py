"""Leaving spans out of order, in other tasks, threads and contexts: it never raises, and later spans are right."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from contextvars import Context, copy_context
from typing import Any

import pytest

from pytest_telemetry.model.errors import TelemetryError
from pytest_telemetry.runtime.context import TelemetryContext
from pytest_telemetry.runtime.current import current_span
from pytest_telemetry.runtime.span import Span


@pytest.fixture
def scope_now(tele: TelemetryContext, sink: Any) -> Any:
    """Return what the scope of a span named ``probe`` would be here."""

    def probe() -> str:
        with tele("probe"):
            pass
        return str(sink.kept.pop().scope)

    return probe


@pytest.mark.parametrize("order", ["abc", "acb", "bac", "bca", "cab", "cba"])
def test_three_nested_spans_may_be_left_in_any_order(
    tele: TelemetryContext, sink: Any, scope_now: Any, order: str
) -> None:
    """Each is recorded once under its own scope; in between and after, the innermost open span is the parent."""
    spans = {name: tele(name).__enter__() for name in "abc"}
    still_open = ["a", "b", "c"]

    for name in order:
        spans[name].__exit__(None, None, None)
        still_open.remove(name)
        inner = {"a": "a", "b": "a.b", "c": "a.b.c"}[still_open[-1]] + "." if still_open else ""
        assert scope_now() == f"{inner}probe"

    assert sorted(sink.scopes) == ["a", "a.b", "a.b.c"]
    assert current_span() is None


def test_points_find_the_innermost_open_span(tele: TelemetryContext, sink: Any) -> None:
    """A measurement never lands below a span that has ended."""
    a, b = tele("a").__enter__(), tele("b").__enter__()
    a.__exit__(None, None, None)
    tele.count("n")
    b.__exit__(None, None, None)
    tele.count("m")

    assert sink.scopes == ["a", "a.b.n", "a.b", "m"]


def test_attributes_find_the_innermost_open_span(tele: TelemetryContext, sink: Any) -> None:
    """``set`` passes over spans that were left out of order."""
    a, b, c = (tele(name).__enter__() for name in "abc")
    b.__exit__(None, None, None)
    c.__exit__(None, None, None)
    tele.set(x=1)
    a.__exit__(None, None, None)

    assert [(r.name, r.attrs) for r in sink.kept] == [("b", {}), ("c", {}), ("a", {"x": 1})]


def test_an_exit_stack_may_be_handed_on(tele: TelemetryContext, sink: Any, scope_now: Any) -> None:
    """A stack that outlives the block in which it was filled leaves its spans late."""
    with tele("outer"), ExitStack() as stack:
        stack.enter_context(tele("held"))
        later = stack.pop_all()
    assert scope_now() == "outer.held.probe"
    later.close()

    assert sink.scopes == ["outer", "outer.held"]
    assert scope_now() == "probe"


def test_interleaved_generators_leave_nothing_behind(
    tele: TelemetryContext, sink: Any, scope_now: Any
) -> None:
    """Two generators that hold spans end in the order in which they began."""

    def held(name: str) -> Any:
        with tele(name):
            yield

    first, second = held("first"), held("second")
    next(first)
    next(second)
    assert [next(first, "end"), next(second, "end")] == ["end", "end"]

    assert sink.scopes == ["first", "first.second"]
    assert scope_now() == "probe"


def test_an_abandoned_generator_leaves_its_span(tele: TelemetryContext, sink: Any, scope_now: Any) -> None:
    """Whenever the interpreter finishes it."""

    def held() -> Any:
        with tele("held"):
            yield

    steps = held()
    next(steps)
    del steps

    assert [(r.scope, r.status) for r in sink.kept] == [("held", "unset")]
    assert scope_now() == "probe"


@pytest.mark.parametrize("inherited", [True, False])
def test_a_span_may_be_left_in_another_thread(
    tele: TelemetryContext, sink: Any, scope_now: Any, inherited: bool
) -> None:
    """With or without a copy of the context variables, the thread that opened it goes on from its parent."""
    with tele("outer"):
        span = tele("moved").__enter__()
        context = copy_context() if inherited else Context()
        elsewhere = threading.Thread(target=context.run, args=(span.__exit__, None, None, None))
        elsewhere.start()
        elsewhere.join()
        if not inherited:
            assert scope_now() == "outer.probe"

    assert sink.scopes == ["outer.moved", "outer"]
    assert scope_now() == "probe"


def test_a_span_may_be_left_in_an_empty_context(tele: TelemetryContext, sink: Any, scope_now: Any) -> None:
    """The other context is not touched, and the span that was left is no parent any more."""
    with tele("outer"):
        span = tele("moved").__enter__()
        other = Context()
        other.run(span.__exit__, None, None, None)
        assert scope_now() == "outer.probe"
        assert other.run(current_span) is None

    assert sink.scopes == ["outer.moved", "outer"]


def test_a_fixture_may_be_torn_down_in_another_task(
    tele: TelemetryContext, sink: Any, scope_now: Any
) -> None:
    """Asynchronous plugins run the two halves of a generator fixture in tasks of their own."""

    async def fixture() -> Any:
        with tele("fixture"):
            yield 1

    async def main() -> None:
        steps = fixture()
        await asyncio.create_task(anext(steps))
        with tele("test"):
            pass
        with pytest.raises(StopAsyncIteration):
            await asyncio.create_task(anext(steps))
        with tele("next"):
            pass

    asyncio.run(main())

    assert sink.scopes == ["test", "fixture", "next"]
    assert scope_now() == "probe"


@pytest.mark.parametrize("outer", [True, False], ids=["nested", "root"])
@pytest.mark.parametrize("context", [copy_context, Context], ids=["inherited", "empty"])
def test_a_span_may_be_left_in_a_task_that_was_started_inside(
    tele: TelemetryContext, sink: Any, scope_now: Any, outer: bool, context: Any
) -> None:
    """The task that opened it was not told, and yet goes on from the nearest span that is open."""

    async def main() -> None:
        async def leave() -> None:
            span.__exit__(None, None, None)

        root = tele("outer").__enter__() if outer else None
        span = tele("moved").__enter__()
        task = asyncio.create_task(leave(), context=context())
        await task
        prefix = "outer." if outer else ""
        assert scope_now() == f"{prefix}probe"
        tele.count("n")
        assert sink.kept.pop().scope == f"{prefix}n"
        with tele("later"):
            assert scope_now() == f"{prefix}later.probe"
        if root is not None:
            root.__exit__(None, None, None)
        assert scope_now() == "probe"

    asyncio.run(main())

    assert [scope.split(".")[-1] for scope in sink.scopes] == ["moved", "later", "outer"][: 2 + outer]
    assert tele.statistics()["misuse"] == {}


def test_one_span_after_another_may_be_left_elsewhere(
    tele: TelemetryContext, sink: Any, scope_now: Any
) -> None:
    """The context that opened them recognises each of them."""
    with tele("root"):
        for name in ("a", "b", "c"):
            span = tele(name).__enter__()
            copy_context().run(span.__exit__, None, None, None)
            assert scope_now() == "root.probe"

    assert sink.scopes == ["root.a", "root.b", "root.c", "root"]
    assert scope_now() == "probe"


def test_all_spans_may_be_left_in_a_task_that_was_started_inside(
    tele: TelemetryContext, sink: Any, scope_now: Any
) -> None:
    """Nothing that was open is left, and the task that opened it all begins a new trace."""
    root, nested = tele("root").__enter__(), tele("nested").__enter__()
    elsewhere = copy_context()
    elsewhere.run(nested.__exit__, None, None, None)
    elsewhere.run(root.__exit__, None, None, None)

    assert scope_now() == "probe"
    assert sink.scopes == ["root.nested", "root"]


def test_a_span_left_in_two_contexts_is_recorded_once(
    tele: TelemetryContext, sink: Any, scope_now: Any
) -> None:
    """The second time is counted, and clears away what the first could not reach."""
    span = tele("a").__enter__()
    copy_context().run(span.__exit__, None, None, None)
    span.__exit__(None, None, None)

    assert sink.scopes == ["a"]
    assert scope_now() == "probe"
    assert tele.statistics()["misuse"] == {"span left twice": 1}


def test_an_asynchronous_context_manager_may_cross_tasks(tele: TelemetryContext, sink: Any) -> None:
    """Entered in one task, left in another that did not inherit from it."""

    @asynccontextmanager
    async def resource() -> Any:
        with tele("resource"):
            yield

    async def main() -> None:
        manager = resource()
        await asyncio.create_task(manager.__aenter__())
        await asyncio.create_task(manager.__aexit__(None, None, None))
        with tele("after"):
            pass

    asyncio.run(main())

    assert sink.scopes == ["resource", "after"]


def test_tasks_nest_below_the_span_that_started_them(tele: TelemetryContext, sink: Any) -> None:
    """``gather`` gives each task the parent, and none sees the spans of another."""

    async def child(name: str, gate: asyncio.Barrier) -> None:
        with tele(name):
            await gate.wait()
            tele.count("n")
            await gate.wait()

    async def main() -> None:
        gate = asyncio.Barrier(3)
        with tele("parent"):
            await asyncio.gather(*(child(name, gate) for name in "abc"))

    asyncio.run(main())

    assert sorted(sink.scopes) == sorted(
        [*(f"parent.{c}.n" for c in "abc"), *(f"parent.{c}" for c in "abc"), "parent"]
    )
    assert sink.scopes[-1] == "parent"


def test_a_task_may_outlive_its_parent(tele: TelemetryContext, sink: Any) -> None:
    """What it does later still belongs to the span that started it, as in OpenTelemetry."""

    async def main() -> None:
        go = asyncio.Event()

        async def late() -> None:
            await go.wait()
            with tele("late"):
                tele.count("n")
                with tele("inner"):
                    pass
            with tele("again"):
                pass

        with tele("request"):
            task = asyncio.create_task(late())
            await asyncio.sleep(0)
        go.set()
        await task

    asyncio.run(main())
    request, point, inner, late, again = sink.kept

    assert [r.scope for r in sink.kept] == [
        "request",
        "request.late.n",
        "request.late.inner",
        "request.late",
        "request.again",
    ]
    assert {late.parent_id, again.parent_id} == {request.span_id}
    assert {inner.parent_id, point.parent_id} == {late.span_id}
    assert len({record.trace_id for record in sink.kept}) == 1


def test_a_task_may_outlive_a_span_whose_root_is_open(
    tele: TelemetryContext, sink: Any, scope_now: Any
) -> None:
    """Whether the root has ended by then makes no difference, so the tree does not depend on who is faster."""
    with tele("request"):
        with tele("step"):
            context = copy_context()
        assert context.run(scope_now) == "request.step.probe"
        assert scope_now() == "request.probe"
    assert context.run(scope_now) == "request.step.probe"

    assert sink.scopes == ["request.step", "request"]


def test_a_bad_name_below_an_outlived_span_is_replaced(tele: TelemetryContext, sink: Any) -> None:
    """Two unusual things at once: the late span is kept under a safe name, below the span it belongs to."""
    with tele("request"):
        context = copy_context()

    def late(name: Any) -> None:
        with tele(name):
            tele.count("n")

    context.run(late, None)
    context.run(late, [])

    assert sink.scopes[1:] == [
        "request.invalid.nonetype.n",
        "request.invalid.nonetype",
        "request.invalid.list.n",
        "request.invalid.list",
    ]


def test_strict_mode_leaves_an_outlived_span_in_place(sink: Any) -> None:
    """A refused entry does not change what is current."""
    tele = TelemetryContext(sink, enabled=True, strict=True)
    with tele("used") as used:
        pass
    with tele("request"):
        context = copy_context()

    def late() -> None:
        with pytest.raises(TelemetryError, match="entered twice"):
            used.__enter__()
        with tele("late"):
            pass

    context.run(late)

    assert sink.scopes == ["used", "request", "request.late"]
    assert sink.kept[2].parent_id == sink.kept[1].span_id


def test_a_late_task_cannot_change_its_parent(tele: TelemetryContext, sink: Any) -> None:
    """The parent was recorded; attributes that come after its end go nowhere and are counted."""

    async def main() -> None:
        with tele("request", a=1):
            context = copy_context()
        context.run(lambda: tele.set(b=2))

    asyncio.run(main())

    assert sink.kept[0].attrs == {"a": 1}
    assert tele.statistics()["misuse"] == {"attributes outside any span": 1}


def test_a_cancelled_task_records_its_spans(tele: TelemetryContext, sink: Any) -> None:
    """Cancellation is recorded and goes on."""

    async def main() -> None:
        async def wait() -> None:
            with tele("waiting"):
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert [(r.scope, r.error) for r in sink.kept] == [("waiting", "asyncio.exceptions.CancelledError")]


def test_threads_begin_traces_of_their_own(tele: TelemetryContext, sink: Any) -> None:
    """An executor starts with nothing open, ``asyncio.to_thread`` takes the open span along."""

    def work(name: str) -> None:
        with tele(name):
            pass

    async def main() -> None:
        with tele("a"):
            await asyncio.to_thread(work, "to_thread")
            with ThreadPoolExecutor() as pool:
                pool.submit(work, "pool").result()
                pool.submit(copy_context().run, work, "copied").result()

    asyncio.run(main())

    assert sorted(sink.scopes) == ["a", "a.copied", "a.to_thread", "pool"]


# misuse of one span


def test_leaving_twice_records_once(tele: TelemetryContext, sink: Any, scope_now: Any) -> None:
    """The second time is counted and changes nothing."""
    with tele("outer"):
        with tele("a") as span:
            pass
        before = sink.kept[0]
        span.__exit__(None, None, None)
        assert scope_now() == "outer.probe"

    assert sink.scopes == ["outer.a", "outer"]
    assert sink.kept[0] is before
    assert tele.statistics()["misuse"] == {"span left twice": 1}


def test_leaving_twice_out_of_order_records_once(tele: TelemetryContext, sink: Any) -> None:
    """Likewise where the first time was out of order."""
    a, b = tele("a").__enter__(), tele("b").__enter__()
    a.__exit__(None, None, None)
    a.__exit__(None, None, None)
    b.__exit__(None, None, None)
    a.__exit__(None, None, None)

    assert sink.scopes == ["a", "a.b"]
    assert tele.statistics()["misuse"] == {"span left twice": 2}


def test_leaving_what_was_never_entered_is_counted(tele: TelemetryContext, sink: Any, scope_now: Any) -> None:
    """Nothing is recorded and nothing else changes."""
    with tele("outer"):
        tele("never").__exit__(None, None, None)
        assert scope_now() == "outer.probe"

    assert sink.scopes == ["outer"]
    assert tele.statistics()["misuse"] == {"span left without being entered": 1}


def test_a_span_may_be_entered_again_afterwards(sink: Any, step_clock: Any, scope_now: Any) -> None:
    """Each time is a span of its own, with its own time, parent and identity."""
    clock = step_clock()
    tele = TelemetryContext(sink, enabled=True, clock=clock)
    span = tele("again", x=1)
    with span:
        clock.advance(3)
    with tele("outer"):
        for duration in (5, 7):
            with span as t:
                t.set(y=duration)
                clock.advance(duration)
            clock.advance(100)

    spans = [(r.scope, r.duration_ns, r.attrs) for r in sink.kept if r.name == "again"]
    assert spans == [
        ("again", 3, {"x": 1}),
        ("outer.again", 5, {"x": 1, "y": 5}),
        ("outer.again", 7, {"x": 1, "y": 7}),
    ]
    assert len({record.span_id for record in sink.kept}) == 4
    assert scope_now() == "probe"
    assert tele.statistics()["misuse"] == {"span entered twice": 2}


def test_a_span_may_be_entered_inside_itself(sink: Any, step_clock: Any, scope_now: Any) -> None:
    """The inner entry is a child, and the record of the outer one is as if it were another object."""
    clock = step_clock()
    tele = TelemetryContext(sink, enabled=True, clock=clock)
    span = tele("again")
    with span:
        clock.advance(1)
        with span, tele("leaf"):
            clock.advance(2)
            with span:
                clock.advance(4)
        clock.advance(8)
        span.set(outer=True)

    assert [(r.scope, r.duration_ns, r.attrs) for r in sink.kept] == [
        ("again.again.leaf.again", 4, {}),
        ("again.again.leaf", 6, {}),
        ("again.again", 6, {}),
        ("again", 15, {"outer": True}),
    ]
    parents = {record.span_id: record.parent_id for record in sink.kept}
    assert len(parents) == 4
    assert parents[sink.kept[0].span_id] == sink.kept[1].span_id
    assert scope_now() == "probe"


def test_a_span_entered_again_may_be_left_out_of_order(
    tele: TelemetryContext, sink: Any, scope_now: Any
) -> None:
    """The entry that ends is the one that is current, or the last; each ends once."""
    span = tele("a")
    span.__enter__()
    span.__exit__(None, None, None)
    span.__enter__()
    inner = tele("b").__enter__()
    span.__exit__(None, None, None)
    inner.__exit__(None, None, None)
    span.__exit__(None, None, None)

    assert sink.scopes == ["a", "a", "a.b"]
    assert scope_now() == "probe"
    assert tele.statistics()["misuse"] == {"span entered twice": 1, "span left twice": 1}


def test_attributes_reach_a_span_that_was_entered_again(tele: TelemetryContext, sink: Any) -> None:
    """Said to the object that was entered twice, they go to the entry that is open."""
    span = tele("a")
    with span:
        pass
    with span:
        span.set(x=1)

    assert [record.attrs for record in sink.kept] == [{}, {"x": 1}]


def test_entering_again_keeps_nothing(native: Any) -> None:
    """A span that is used a thousand times holds on to none of its entries."""
    tele = TelemetryContext(native(), enabled=True)
    span = tele("a")

    def spans() -> int:
        gc.collect()
        return sum(isinstance(thing, Span) for thing in gc.get_objects())

    before = spans()
    for _ in range(1000):
        with span:
            pass

    assert spans() - before <= 1


def test_one_span_may_be_entered_by_many_threads(tele: TelemetryContext, sink: Any) -> None:
    """Nobody loses a record or ends somebody else's entry."""
    span = tele("shared")
    with span:
        pass
    ready = threading.Barrier(8)

    def work() -> None:
        ready.wait()
        for _ in range(50):
            with span as t:
                t.set(thread=threading.get_ident())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sink.scopes == ["shared"] * 401
    assert all("thread" in record.attrs for record in sink.kept[1:])
    assert len({record.span_id for record in sink.kept}) == 401
