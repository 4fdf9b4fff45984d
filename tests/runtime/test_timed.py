"""The decorator: functions, coroutines and generators behave as before, and run in a span."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any, Protocol, TypeVar

import pytest

from pytest_telemetry.runtime.ambient import timed, use_context
from pytest_telemetry.runtime.context import NO_OP, TelemetryContext
from pytest_telemetry.runtime.current import current_span

T = TypeVar("T")


class Decorate(Protocol):
    """A decorator that keeps the type."""

    def __call__(self, function: T, /) -> T: ...


@pytest.fixture(params=["bound", "span", "ambient", "ambient off"])
def decorate(request: pytest.FixtureRequest, tele: TelemetryContext) -> Any:
    """Each way to get the decorator; what it decorates must behave the same."""
    if request.param == "bound":
        yield tele.timed("work", x=1)
    elif request.param == "span":
        with tele("outer") as span:
            yield span.timed("work", x=1)
    else:
        with use_context(NO_OP if "off" in request.param else tele):
            yield timed("work", x=1)


@pytest.fixture
def times(request: pytest.FixtureRequest, sink: Any) -> Any:
    """Return how many spans of the decorator must have been recorded, given the calls; and check them."""

    def check(calls: int, error: str | None = None) -> None:
        off = request.node.callspec.params["decorate"] == "ambient off"
        works = [record for record in sink.kept if record.name == "work"]
        assert [(r.attrs, r.error) for r in works] == [({"x": 1}, error)] * (0 if off else calls)

    return check


# functions


def test_a_function_keeps_its_face(decorate: Decorate, times: Any) -> None:
    """Name, docstring, signature, arguments and result are those of the function."""

    @decorate
    def work(a: int, /, b: int = 2, *, c: int) -> tuple[int, int, int]:
        """Work."""
        return a, b, c

    assert (work.__name__, work.__doc__) == ("work", "Work.")
    assert list(inspect.signature(work).parameters) == ["a", "b", "c"]
    assert work(1, c=3) == (1, 2, 3)
    times(1)


def test_an_exception_of_a_function_passes(decorate: Decorate, times: Any) -> None:
    """It is recorded, and it is the same object."""
    error = ValueError("no")

    @decorate
    def work() -> None:
        raise error

    with pytest.raises(ValueError, match="no") as caught:
        work()

    assert caught.value is error
    times(1, "ValueError")


def test_recursion_nests(tele: TelemetryContext, sink: Any) -> None:
    """Every call is a span of its own, below the one that made it."""

    @tele.timed("f")
    def factorial(n: int) -> int:
        return 1 if n < 2 else n * factorial(n - 1)

    assert factorial(3) == 6
    assert sink.scopes == ["f.f.f", "f.f", "f"]


def test_methods_of_every_kind_can_be_decorated(decorate: Decorate, times: Any) -> None:
    """Plain, class and static methods, above or below the other decorator."""

    class Worker:
        factor = 3

        @decorate
        def plain(self, n: int) -> int:
            return self.factor * n

        @classmethod
        @decorate
        def inner_class(cls, n: int) -> int:
            return cls.factor * n

        @decorate
        @classmethod
        def outer_class(cls, n: int) -> int:
            return cls.factor * n

        @staticmethod
        @decorate
        def inner_static(n: int) -> int:
            return n

        @decorate
        @staticmethod
        def outer_static(n: int) -> int:
            return n

    worker = Worker()
    found = [
        worker.plain(1),
        worker.inner_class(1),
        Worker.outer_class(1),
        worker.inner_static(1),
        Worker.outer_static(1),
    ]

    assert found == [3, 3, 3, 1, 1]
    times(5)


def test_callables_without_a_name_can_be_decorated(decorate: Decorate, times: Any) -> None:
    """Partial functions and objects that can be called."""
    assert decorate(functools.partial(max, 3))(2) == 3
    times(1)


# coroutines


def test_a_coroutine_function_stays_one(decorate: Decorate, times: Any) -> None:
    """The span lasts while the coroutine is awaited, other tasks included."""

    @decorate
    async def work(n: int) -> int:
        await asyncio.sleep(0)
        return n + 1

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work(1)) == 2
    times(1)


def test_a_coroutine_that_is_cancelled_says_so(decorate: Decorate, times: Any) -> None:
    """Cancellation is recorded and passes."""

    @decorate
    async def work() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())

    times(1, "asyncio.exceptions.CancelledError")


# generators


def test_a_generator_speaks_with_its_consumer(decorate: Decorate, times: Any) -> None:
    """What is sent, thrown and returned arrives as if there were no decorator."""

    @decorate
    def work(start: int) -> Any:
        got = []
        item: Any = start
        while True:
            try:
                item = yield item
            except LookupError as error:
                item = repr(error)
            got.append(item)
            if item == "stop":
                return got

    assert inspect.isgeneratorfunction(work)
    steps = work(1)
    assert [next(steps), steps.send(2), steps.throw(LookupError("x")), next(steps)] == [
        1,
        2,
        "LookupError('x')",
        None,
    ]
    with pytest.raises(StopIteration) as end:
        steps.send("stop")

    assert end.value.value == [2, "LookupError('x')", None, "stop"]
    times(1)


def test_a_generator_can_be_delegated_to(decorate: Decorate, times: Any) -> None:
    """``yield from`` gets the items and the result."""

    @decorate
    def work() -> Any:
        yield 1
        return 2

    def outer() -> Any:
        yield (yield from work())

    assert list(outer()) == [1, 2]
    times(1)


def test_an_exception_of_a_generator_passes(decorate: Decorate, times: Any) -> None:
    """Whether it is raised inside or thrown in and not handled."""

    @decorate
    def work() -> Any:
        yield 1

    steps = work()
    next(steps)
    with pytest.raises(ValueError, match="thrown"):
        steps.throw(ValueError("thrown"))

    times(1, "ValueError")


def test_a_closed_generator_cleans_up(decorate: Decorate, times: Any) -> None:
    """Closing runs the ``finally`` of the generator; that is no error."""
    cleaned = []

    @decorate
    def work() -> Any:
        try:
            yield 1
        finally:
            cleaned.append(True)

    steps = work()
    next(steps)
    steps.close()

    assert cleaned == [True]
    times(1)


def test_a_generator_that_refuses_to_close_is_an_error(decorate: Decorate, times: Any) -> None:
    """As without the decorator."""

    @decorate
    def work() -> Any:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    steps = work()
    next(steps)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        steps.close()

    times(1, "RuntimeError")


def test_a_generator_that_is_never_started_records_nothing(decorate: Decorate, times: Any) -> None:
    """Its span begins with the first step."""

    @decorate
    def work() -> Any:
        yield 1

    work().close()

    times(0)


def test_between_steps_the_span_of_the_consumer_is_current(
    decorate: Decorate, tele: TelemetryContext, sink: Any
) -> None:
    """What the consumer records never lands below the generator, nor the other way round."""

    @decorate
    def work() -> Any:
        with tele("inside"):
            tele.event("in.1")
            yield 1
            tele.event("in.2")
            yield 2

    with tele("consumer"):
        steps = work()
        next(steps)
        tele.event("out.1")
        with tele("loop"):
            next(steps)
            tele.event("out.2")
        with tele("after"):
            assert list(steps) == []
            tele.event("out.3")
        tele.event("out.4")

    events = {record.name: record.scope for record in sink.records("event")}
    assert events["in.1"].endswith("inside.in.1")
    assert events["in.2"].endswith("inside.in.2")
    assert [events[f"out.{n}"].split("consumer.")[1] for n in (1, 2, 3, 4)] == [
        "out.1",
        "loop.out.2",
        "after.out.3",
        "out.4",
    ]


def test_a_generator_may_outlive_the_span_it_was_started_in(tele: TelemetryContext, sink: Any) -> None:
    """It keeps its own place, and its consumer keeps whatever is open where it goes on."""

    @tele.timed("work")
    def work() -> Any:
        yield 1
        tele.event("late")

    with tele("first"):
        steps = work()
        next(steps)
    with tele("second"):
        assert list(steps) == []
        tele.event("mine")
    assert current_span() is None

    assert [r.scope for r in sink.kept] == ["first", "first.work.late", "first.work", "second.mine", "second"]


# asynchronous generators


def test_an_asynchronous_generator_speaks_with_its_consumer(decorate: Decorate, times: Any) -> None:
    """What is sent and thrown arrives as if there were no decorator."""

    @decorate
    async def work(start: int) -> Any:
        item: Any = start
        while item != "stop":
            try:
                item = yield item
            except LookupError as error:
                item = repr(error)
            await asyncio.sleep(0)

    async def main() -> list[Any]:
        steps = work(1)
        got = [await anext(steps), await steps.asend(2), await steps.athrow(LookupError("x"))]
        with pytest.raises(StopAsyncIteration):
            await steps.asend("stop")
        return got

    assert inspect.isasyncgenfunction(work)
    assert asyncio.run(main()) == [1, 2, "LookupError('x')"]
    times(1)


def test_a_closed_asynchronous_generator_cleans_up(decorate: Decorate, times: Any) -> None:
    """Closing early runs its ``finally``, and is no error."""
    cleaned = []

    @decorate
    async def work() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    async def main() -> None:
        steps = work()
        await anext(steps)
        await steps.aclose()

    asyncio.run(main())

    assert cleaned == [True]
    times(1)


def test_an_exception_of_an_asynchronous_generator_passes(decorate: Decorate, times: Any) -> None:
    """It is recorded and reaches the consumer."""

    @decorate
    async def work() -> Any:
        yield 1
        raise ValueError("no")

    async def main() -> list[int]:
        return [item async for item in work()]

    with pytest.raises(ValueError, match="no"):
        asyncio.run(main())

    times(1, "ValueError")


def test_between_asynchronous_steps_the_span_of_the_consumer_is_current(
    decorate: Decorate, tele: TelemetryContext, sink: Any
) -> None:
    """Also where the decorator is off while another context records."""

    @decorate
    async def work() -> Any:
        tele.event("inside")
        yield 1
        yield 2

    async def main() -> None:
        with tele("consumer"):
            async for item in work():
                with tele("loop"):
                    tele.event(f"got_{item}")
            tele.event("after")

    asyncio.run(main())

    events = {r.name: r.scope.split("consumer.")[1] for r in sink.records("event")}
    assert events.pop("inside").split(".")[-1] == "inside"
    assert events == {"got_1": "loop.got_1", "got_2": "loop.got_2", "after": "after"}


# on and off


def test_a_bound_decorator_is_the_identity_when_disabled() -> None:
    """It costs nothing for ever."""

    async def work() -> None: ...

    assert NO_OP.timed("a")(work) is work


def test_an_ambient_decorator_looks_the_context_up_per_call(tele: TelemetryContext, sink: Any) -> None:
    """Decorated at import, it follows whoever listens when it is called."""

    @timed("work")
    def work() -> None: ...

    @timed("awaited")
    async def awaited() -> None: ...

    @timed("steps")
    def steps() -> Any:
        yield 1

    def all_three() -> None:
        work()
        asyncio.run(awaited())
        list(steps())

    all_three()
    with use_context(tele):
        all_three()
        with use_context(NO_OP):
            all_three()
    all_three()

    assert sink.scopes == ["work", "awaited", "steps"]


def test_attributes_of_one_call_do_not_show_in_the_next(tele: TelemetryContext, sink: Any) -> None:
    """What is set on the span of a call belongs to that call."""

    @tele.timed("work", x=1)
    def work(n: int) -> None:
        if n:
            tele.set(n=n)

    for n in (1, 0):
        work(n)

    assert [record.attrs for record in sink.kept] == [{"x": 1, "n": 1}, {"x": 1}]
