"""Code as a user writes it: `make types` checks it strictly, and the tests run it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_type

from pytest_telemetry import (
    Context,
    TelemetryContext,
    TelemetryReporter,
    current_context,
    tele_scope,
    timed,
    use_context,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class PrintReporter(TelemetryReporter):
    """As in document 003: the protocol is a base class."""

    def record_timing(self, scope: str, duration: float, **metadata: Any) -> None:
        print("timing", scope, duration, metadata)  # noqa: T201 - as in the document

    def record_metric(self, scope: str, value: object, **metadata: Any) -> None:
        print("metric", scope, value, metadata)  # noqa: T201 - as in the document


class Structural:
    """A class that knows nothing of ours."""

    def record_timing(self, scope: str, duration: float, /, **metadata: object) -> None: ...
    def record_metric(self, scope: str, value: object, /, **metadata: object) -> None: ...


@dataclass
class Service:
    tele: TelemetryContext = field(default_factory=TelemetryContext)

    def work(self) -> None:
        with self.tele("service.work") as t:
            helper(t)
            helper(self.tele)


def helper(tele: Context, rows: int = 1) -> None:
    """Take a context or an open span: both are a `Context`."""
    with tele("helper", rows=rows) as t:
        assert_type(t, Context)
        t.count("n")
        t.count("n", 2, format="csv")
        t.gauge("g", 0.5)
        t.metric("m", object())
        t.event("e", x=1)
        t.set(rows=rows)
        with t.time("inner") as inner:
            helper_of_spans(inner)


def helper_of_spans(span: Context) -> bool:
    return span.is_enabled


@timed("typed.function", kind="test")
def function(a: int, b: str = "") -> list[str]:
    return [b] * a


@timed("typed.coroutine")
async def coroutine(a: int) -> int:
    return a


@timed("typed.generator")
def generator() -> Iterator[int]:
    yield 1


@timed("typed.async_generator")
async def async_generator() -> AsyncIterator[int]:
    yield 1


def test_user_code_runs_as_it_is_typed(capsys: Any) -> None:
    """What the checker accepts works, on and off."""
    for tele in (TelemetryContext(PrintReporter(), Structural(), enabled=True), TelemetryContext()):
        assert_type(tele, TelemetryContext)
        with tele("a", batch_size=32) as t, tele as same:
            assert_type(t, Context)
            helper(same)
        Service(tele).work()
        with use_context(tele) as ambient, ExitStack() as stack:
            assert_type(ambient, TelemetryContext)
            assert_type(stack.enter_context(current_context().time("b")), Context)
            assert_type(function(2, b="x"), list[str])
            assert_type(next(generator()), int)

        @tele.timed("typed.bound")
        def bound(a: int) -> str:
            return str(a)

        assert_type(bound(1), str)
        tele.flush()
        tele.shutdown()

    assert "timing a.helper.inner" in capsys.readouterr().out


def test_the_old_spelling_is_typed_too(recwarn: Any) -> None:
    """``tele_scope`` takes whatever is a `Context`."""
    with tele_scope(TelemetryContext(), "a", x=1) as t:
        assert_type(t, Context)

    assert len(recwarn) == 1
