"""The ambient context: scoped, nested, inherited by tasks, and on request by all threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Any

import pytest

from pytest_telemetry import TelemetryRecorder
from pytest_telemetry.runtime.ambient import current_context, use_context
from pytest_telemetry.runtime.context import NO_OP, TelemetryContext


@pytest.fixture
def contexts(keeping: Any) -> list[TelemetryContext]:
    return [TelemetryContext(keeping(), enabled=True) for _ in range(3)]


def in_a_thread() -> Any:
    """Return the ambient context of a thread that inherits nothing."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(current_context()))
    thread.start()
    thread.join()
    return found[0]


def test_without_a_block_it_is_the_no_op() -> None:
    """Instrumented code that nobody listens to reports to nobody."""
    assert current_context() is NO_OP


def test_blocks_nest(contexts: list[TelemetryContext]) -> None:
    """Leaving one restores what was ambient before, whatever happened inside."""
    first, second, _ = contexts
    with use_context(first) as ambient:
        assert ambient is current_context() is first
        with pytest.raises(ValueError, match="passes"), use_context(second):
            assert current_context() is second
            raise ValueError("passes")
        assert current_context() is first
        with use_context(NO_OP):
            assert current_context() is NO_OP
        with use_context(first):
            assert current_context() is first
        assert current_context() is first

    assert current_context() is NO_OP


def test_one_block_object_may_be_used_again(contexts: list[TelemetryContext]) -> None:
    """Also inside itself."""
    block = use_context(contexts[0], all_threads=True)
    with block, use_context(contexts[1], all_threads=True):
        with block:
            assert current_context() is in_a_thread() is contexts[0]
        assert current_context() is in_a_thread() is contexts[1]
    with block:
        assert current_context() is contexts[0]

    assert current_context() is in_a_thread() is NO_OP


def test_an_open_span_may_be_ambient(contexts: list[TelemetryContext]) -> None:
    """It has the whole interface of its context."""
    with contexts[0]("a") as span, use_context(span, all_threads=True) as ambient:
        assert ambient is current_context() is in_a_thread() is span

    assert current_context() is NO_OP


def test_what_is_no_context_is_refused_at_once() -> None:
    """The code under observation must not be the first to notice."""
    with pytest.raises(
        TypeError, match=r"takes a context, .*, not <TelemetryRecorder: 0 records>; a recorder has"
    ):
        use_context(TelemetryRecorder())  # type: ignore[type-var]  # that is the point


def test_tasks_inherit_it_and_keep_their_own(contexts: list[TelemetryContext]) -> None:
    """A task sees what was ambient when it started; its own block is its own."""
    outer, *own = contexts

    async def task(context: TelemetryContext, gate: asyncio.Barrier) -> list[Any]:
        seen = [current_context()]
        with use_context(context):
            await gate.wait()
            seen.append(current_context())
            await gate.wait()
        return [*seen, current_context()]

    async def main() -> list[list[Any]]:
        gate = asyncio.Barrier(2)
        with use_context(outer):
            return await asyncio.gather(*(task(context, gate) for context in own))

    assert asyncio.run(main()) == [[outer, own[0], outer], [outer, own[1], outer]]


def test_threads_inherit_it_only_with_a_copy_of_the_variables(contexts: list[TelemetryContext]) -> None:
    """A plain thread and an executor start with nothing; ``to_thread`` and ``copy_context`` take it along."""

    async def to_thread() -> Any:
        return await asyncio.to_thread(current_context)

    with use_context(contexts[0]), ThreadPoolExecutor(1) as pool:
        assert in_a_thread() is NO_OP
        assert pool.submit(current_context).result() is NO_OP
        assert pool.submit(copy_context().run, current_context).result() is contexts[0]
        assert asyncio.run(to_thread()) is contexts[0]


def test_a_recorder_may_serve_all_threads(contexts: list[TelemetryContext]) -> None:
    """Threads without an ambient context of their own use the innermost block that asked for it."""
    with use_context(contexts[0], all_threads=True):
        assert in_a_thread() is contexts[0]
        with use_context(contexts[1]):
            assert in_a_thread() is contexts[0]
            with use_context(contexts[2], all_threads=True):
                assert in_a_thread() is contexts[2]
        assert in_a_thread() is contexts[0]

    assert in_a_thread() is NO_OP


def test_the_no_op_hides_what_serves_all_threads(contexts: list[TelemetryContext]) -> None:
    """Where a block says that nobody listens, nobody does."""
    with use_context(contexts[0], all_threads=True), use_context(NO_OP):
        assert current_context() is NO_OP


def test_blocks_for_all_threads_may_end_in_any_order(contexts: list[TelemetryContext]) -> None:
    """Two tests in two threads: each takes away what it brought."""
    first, second = (use_context(context, all_threads=True) for context in contexts[:2])
    one, two = Context(), Context()
    one.run(first.__enter__)
    two.run(second.__enter__)
    assert in_a_thread() is contexts[1]
    one.run(first.__exit__, None, None, None)
    assert in_a_thread() is contexts[1]
    two.run(second.__exit__, None, None, None)

    assert in_a_thread() is NO_OP


def test_many_threads_may_come_and_go(contexts: list[TelemetryContext]) -> None:
    """Nothing is left behind, and nobody meets a block that is half gone."""
    ready = threading.Barrier(8)

    def work() -> None:
        ready.wait()
        for _ in range(200):
            with use_context(contexts[0], all_threads=True):
                assert Context().run(current_context) is contexts[0]

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work) for _ in range(8)]:
            done.result()

    assert in_a_thread() is NO_OP
