"""Spans that a recorder watches: where they were opened, by whom, in which order."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

import pytest

from pytest_telemetry.runtime.context import TelemetryContext
from pytest_telemetry.runtime.current import current_span


@pytest.fixture
def observer(watching: Any) -> Any:
    return watching()


@pytest.fixture
def tele(observer: Any) -> TelemetryContext:
    return TelemetryContext(observer, enabled=True)


def line_of(span: Any) -> int | None:
    """Return the line in which a span was opened."""
    lines = [line for start, end, line in span.code.co_lines() if start <= span.instruction < end]
    return lines[0] if lines else None


def test_spans_are_seen_in_the_order_in_which_they_open(tele: TelemetryContext, observer: Any) -> None:
    """An observer hears of a span before its body runs."""
    with tele("a"):
        assert [span.path.scope for span in observer.started] == ["a"]
        with tele("b"), tele("c"):
            pass
        with tele("d"):
            pass

    assert [span.path.scope for span in observer.started] == ["a", "a.b", "a.b.c", "a.d"]
    assert [span.path.scope for span in sorted(observer.started, key=lambda s: s.seq)] == [
        "a.b.c",
        "a.b",
        "a.d",
        "a",
    ]


def test_a_watched_span_remembers_how_it_ended(
    tele: TelemetryContext, observer: Any, step_clock: Any
) -> None:
    """While it is open, the end is missing; afterwards it has a number, a reading, and the class of what left it."""
    clock = step_clock()
    tele = TelemetryContext(observer, enabled=True, clock=clock)
    error = ValueError("no")
    with pytest.raises(ValueError, match="no"), tele("a"):
        (span,) = observer.started
        assert span.is_open
        assert not hasattr(span, "end")
        clock.advance(3)
        raise error

    assert not span.is_open
    assert (span.end - span.start_mono_ns, span.error) == (3, ValueError)


def test_ends_and_measurements_share_one_order(watching: Any) -> None:
    """Numbers go up across all contexts of the process."""
    first, second = watching(), watching()
    one, two = (TelemetryContext(observer, enabled=True) for observer in (first, second))
    with one("a"), two("b"):
        pass
    with one("c"):
        pass

    assert second.started[0].seq < first.started[0].seq < first.started[1].seq


def test_a_span_knows_the_line_that_opened_it(tele: TelemetryContext, observer: Any) -> None:
    """The line of the ``with`` statement, in the code object of the function that holds it."""
    with tele("a"):
        pass
    here = test_a_span_knows_the_line_that_opened_it.__code__
    (span,) = observer.started

    assert span.code is here
    assert line_of(span) == here.co_firstlineno + 2


def test_a_span_knows_the_line_behind_an_exit_stack(tele: TelemetryContext, observer: Any) -> None:
    """The library that enters on somebody's behalf is passed over."""
    with ExitStack() as stack:
        stack.enter_context(tele("a"))
    here = test_a_span_knows_the_line_behind_an_exit_stack.__code__

    assert observer.started[0].code is here
    assert line_of(observer.started[0]) == here.co_firstlineno + 3


def test_a_timed_function_is_opened_where_it_is_called(tele: TelemetryContext, observer: Any) -> None:
    """The decorator is passed over, and so is entering a span again."""

    @tele.timed("a")
    def work() -> None: ...

    work()
    span = tele("b")
    for _ in range(2):
        with span:
            pass
    here = test_a_timed_function_is_opened_where_it_is_called.__code__

    assert [each.code for each in observer.started] == [here] * 3


def test_a_span_knows_its_thread(tele: TelemetryContext, observer: Any) -> None:
    """The thread that opened it, the main one or another."""

    def work() -> None:
        with tele("b"):
            pass

    with tele("a"):
        thread = threading.Thread(target=work, name="worker")
        thread.start()
        thread.join()

    assert [span.thread for span in observer.started] == [threading.main_thread(), thread]


def test_what_was_recorded_stays_when_a_span_is_entered_again(tele: TelemetryContext, observer: Any) -> None:
    """Each entry is a watched span of its own; the first one keeps its end, its order and its parent."""
    span = tele("a")
    with span:
        pass
    (first,) = observer.started
    before = (first.seq, first.end, first.parent, first.start)
    with tele("outer"), span as again:
        assert again is not first

    assert (first.seq, first.end, first.parent, first.start) == before
    assert [(s.path.scope, s.is_open) for s in observer.started] == [
        ("a", False),
        ("outer", False),
        ("outer.a", False),
    ]


def test_the_reading_that_marks_a_context_is_let_go(tele: TelemetryContext, observer: Any) -> None:
    """A span that is kept does not keep the context variables of the task it was opened in alive."""
    with tele("a") as span:
        assert span.start[2] is not None  # type: ignore[attr-defined]  # a span, seen as a Context
    late = tele("b").__enter__()
    thread = threading.Thread(target=late.__exit__, args=(None, None, None))
    thread.start()
    thread.join()

    assert [span.start[2] for span in observer.started] == [None, None]


# an observer that fails


def test_an_observer_that_fails_at_the_start_is_in_nobodys_way(tele: TelemetryContext, observer: Any) -> None:
    """The failure is counted; the span is open and is reported at its end."""
    observer.start_failures = [ValueError("no")]
    with tele("a"), tele("b"):
        pass

    assert [span.path.scope for span in observer.started] == ["a.b"]
    assert observer.scopes == ["a.b", "a"]
    assert tele.statistics()["sinks"]["Watching"]["failures"] == 1


def test_an_interruption_at_the_start_passes_and_opens_nothing(tele: TelemetryContext, observer: Any) -> None:
    """``KeyboardInterrupt`` reaches the code, and the span, whose end nobody will see, is not the parent of others."""
    with tele("outer"):
        observer.start_failures = [KeyboardInterrupt()]
        with pytest.raises(KeyboardInterrupt), tele("a"):
            raise AssertionError("the body must not run")
        assert current_span().path.scope == "outer"  # type: ignore[union-attr]  # it is open

    assert observer.scopes == ["outer"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_two_observers_do_not_disturb_each_other(watching: Any, error: type[BaseException]) -> None:
    """One that fails at the start keeps nothing from the other; an interruption still passes."""
    bad, good = watching(), watching()
    bad.start_failures = [error()]
    tele = TelemetryContext(bad, good, enabled=True)
    try:
        with tele("a"):
            pass
    except KeyboardInterrupt:
        assert error is KeyboardInterrupt

    assert [span.path.scope for span in good.started] == ["a"]


def test_an_observer_that_keeps_failing_is_detached(watching: Any) -> None:
    """After three failures in a row it hears neither of starts nor of ends, and the other one goes on."""
    bad, good = watching(), watching()
    bad.failures = [ValueError()] * 3
    tele = TelemetryContext(bad, good, enabled=True)
    for name in "abcde":
        with tele(name):
            pass

    assert tele.statistics()["sinks"]["Watching"]["detached"] is True
    assert (bad.scopes, good.records("span")[-1].name) == ([], "e")
    assert len(good.started) == 5
    assert len(bad.started) < 5


def test_after_shutdown_nobody_is_told_of_starts(tele: TelemetryContext, observer: Any) -> None:
    """A late span is neither announced nor recorded; it is counted."""
    with tele("open"):
        tele.shutdown()
        with tele("late"):
            pass

    assert [span.path.name for span in observer.started] == ["open"]
    assert tele.statistics()["dropped_after_shutdown"] == 2
