"""The recorder, in plain scripts as in tests."""

from __future__ import annotations

import asyncio
import contextvars
import io
import json
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest

from pytest_telemetry import (
    FakeClock,
    Record,
    TelemetryContext,
    TelemetryRecorder,
    current_context,
    event,
    metric,
    span,
    timed,
)
from pytest_telemetry.model.finding import Example, Finding
from pytest_telemetry.testing.recorder import UnfinishedSpanWarning


@pytest.fixture
def recorder() -> Iterator[TelemetryRecorder]:
    with TelemetryRecorder() as recorder:
        yield recorder


def etl(context: TelemetryContext) -> None:
    with context("etl"):
        with context("load", path="a.csv") as load:
            load.count("rows.read", 10)
            load.gauge("batch", 3)
            load.gauge("batch", 1)
        with context("write"):
            context.count("rows.read", 2)


def test_all_operators_work_on_the_recorder(recorder: TelemetryRecorder) -> None:
    """Membership, trees, sequences, indexing, views and metrics are those of its records."""
    etl(recorder.context)

    assert span("load", path="a.csv") in recorder
    assert span("delete") not in recorder
    assert recorder == [span("etl", span("load"), span("write"))]
    assert recorder != [span("etl")]
    assert recorder >= [span("load"), span("write")]
    assert metric("batch") in recorder["etl/load"]
    assert span("write") in recorder.view("etl.w*")
    assert recorder.metric("rows.read") == 12
    assert [record.name for record in recorder][:2] == ["etl", "load"]
    assert len(recorder) == 7


def test_two_recorders_are_equal_only_if_they_are_one(recorder: TelemetryRecorder) -> None:
    """A recorder is compared by identity with another one, and can be kept in a set."""
    other = TelemetryRecorder()

    assert recorder == recorder  # noqa: PLR0124 - the comparison is the test
    assert recorder != other
    assert len({recorder, other}) == 2


def test_it_is_ambient_inside_its_block_only() -> None:
    """current_context() and decorators follow the recorder while the block lasts, and nested blocks restore it."""

    @timed("work")
    def work() -> None:
        current_context().count("n")

    with TelemetryRecorder() as outer:
        work()
        with TelemetryRecorder() as inner:
            work()
        work()
    work()

    assert outer.metric("n") == 2
    assert inner == [span("work")]
    assert not current_context().is_enabled


def test_one_block_may_stand_inside_another_of_the_same_recorder() -> None:
    """Only the outermost end is the end."""
    recorder = TelemetryRecorder()
    with recorder:
        with recorder:
            recorder.context("a").__enter__().__exit__(None, None, None)
        inside = current_context()
        left_open = inside("b").__enter__()
        left_open.__exit__(None, None, None)

    assert inside is recorder.context
    assert not current_context().is_enabled
    assert recorder == [span("a"), span("b")]


def test_what_arrives_after_the_end_is_known_to_the_next_recorder() -> None:
    """Under the name of its owner, be it a span or a record from elsewhere; a second block is no end."""
    first = TelemetryRecorder(name="first", processors=[lambda record: record])
    with first:
        pass
    with first:
        first.context.event("in.second.block")
        second = TelemetryRecorder()
        first.context.event("still.in.second.block")
    with first.context("late"):
        pass
    first.emit(Record("event", "foreign", "foreign", 1))

    assert [(record.name, owner) for record, owner in second.records().info.elsewhere] == [
        ("late", "first"),
        ("foreign", "first"),
    ]
    assert list(first.records().info.elsewhere) == []


def test_spans_of_the_outside_are_no_parents_inside() -> None:
    """A span that is open around the block does not become a parent, and is current again afterwards."""
    outside = TelemetryRecorder()
    with outside.context("outer"):
        with TelemetryRecorder() as recorder, recorder.context("a"):
            pass
        with outside.context("after"):
            pass

    assert [record.scope for record in recorder] == ["a"]
    assert outside == [span("outer", span("after"))]


def test_a_span_left_open_is_warned_about_with_its_line(recorder: TelemetryRecorder) -> None:
    """Leaving the block names the scope and the line that opened it."""
    with pytest.warns(
        UnfinishedSpanWarning, match=r"span 'a.b' was opened at .*test_recorder.py:\d+ and never closed"
    ):
        with TelemetryRecorder() as leaky:
            with leaky.context("a"):
                leaky.context("b").__enter__()


def test_an_exception_on_its_way_is_not_hidden_by_a_warning() -> None:
    """While the body's own exception passes, open spans are not warned about."""
    with warnings.catch_warnings(), pytest.raises(KeyError):
        warnings.simplefilter("error")
        with TelemetryRecorder() as recorder:
            recorder.context("a").__enter__()
            raise KeyError("mine")


def test_it_can_stand_beside_other_reporters() -> None:
    """A recorder is a sink like any other: it may be passed to a context with a reporter."""
    told: list[str] = []

    class Reporter:
        def record_timing(self, scope: str, duration: float, /, **metadata: object) -> None:
            told.append(scope)

        def record_metric(self, scope: str, value: object, /, **metadata: object) -> None:
            told.append(scope)

    recorder = TelemetryRecorder()
    etl(TelemetryContext(recorder, Reporter(), enabled=True))

    assert recorder == [span("etl", span("load"), span("write"))]
    assert told == [
        "etl.load.rows.read",
        "etl.load.batch",
        "etl.load.batch",
        "etl.load",
        "etl.write.rows.read",
        "etl.write",
        "etl",
    ]


def test_timings_and_metrics_are_listed_by_scope(recorder: TelemetryRecorder) -> None:
    """Parents and children have entries of their own, in seconds and in recorded values."""
    clock = FakeClock()
    recorder = TelemetryRecorder(clock=clock)
    with recorder.context("a"):
        clock.advance(1)
        with recorder.context("b"):
            clock.advance(0.5)
            recorder.context.count("n", 4)

    assert recorder.timings == {"a": [1.5], "a.b": [0.5]}
    assert recorder.metrics == {"a.b.n": [4]}


def test_as_dict_is_json_and_never_adds_up_gauges(recorder: TelemetryRecorder) -> None:
    """Counters have a total; gauges have last, min and max; everything can be dumped."""
    etl(recorder.context)

    summary = json.loads(json.dumps(recorder.as_dict()))

    assert summary["timings"]["etl.load"]["calls"] == 1
    assert summary["metrics"]["etl.load.rows.read"] == {"instrument": "counter", "count": 1, "total": 10}
    assert summary["metrics"]["etl.load.batch"] == {
        "instrument": "gauge",
        "count": 2,
        "last": 1,
        "min": 1,
        "max": 3,
    }


def test_as_dict_is_json_whatever_was_measured(recorder: TelemetryRecorder) -> None:
    """A value that JSON has no word for becomes text."""
    recorder.context.metric("set", {1})
    recorder.context.metric("infinite", float("inf"))

    summary = json.loads(json.dumps(recorder.as_dict(), allow_nan=False))

    assert summary["metrics"]["set"]["last"] == [1]
    assert summary["metrics"]["infinite"]["last"] == "inf"


def test_the_report_shows_parents_and_children(recorder: TelemetryRecorder) -> None:
    """print_report() shows every scope with its own figures, parents above their children."""
    clock = FakeClock()
    recorder = TelemetryRecorder(clock=clock)
    with recorder.context("a"):
        clock.advance(1)
        with recorder.context("b"):
            clock.advance(0.002)
            recorder.context.gauge("level", 0.91)
            recorder.context.gauge("level", 0.42)
            recorder.context.count("rows", 12)
        with pytest.raises(KeyError), recorder.context("c"):
            raise KeyError
    out = io.StringIO()

    recorder.print_report(out)

    assert out.getvalue() == (
        "timings\n"
        "  a          calls 1  mean  1 s  min  1 s  max  1 s  total  1 s\n"
        "  a.b        calls 1  mean 2 ms  min 2 ms  max 2 ms  total 2 ms\n"
        "  a.c        calls 1  mean 0 ns  min 0 ns  max 0 ns  total 0 ns  errors 1\n"
        "metrics\n"
        "  a.b.level  count 2            last 0.42  min 0.42  max 0.91\n"
        "  a.b.rows   count 1  total 12\n"
    )


def test_the_report_of_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file it goes to standard output, and an empty recording is no empty text."""
    TelemetryRecorder().print_report()

    assert capsys.readouterr().out == "nothing was recorded\n"


def test_the_text_is_the_same_in_every_run(recorder: TelemetryRecorder) -> None:
    """The canonical tree holds no ids and no absolute times."""
    clock = FakeClock()
    texts = []
    for offset in (0, 3600):
        clock.advance(offset)
        recorder = TelemetryRecorder(clock=clock)
        etl(recorder.context)
        texts.append(recorder.text())

    assert texts[0] == texts[1]
    assert texts[0].splitlines()[0].startswith("etl")


def test_reset_forgets(recorder: TelemetryRecorder) -> None:
    """After a reset the recording is empty."""
    etl(recorder.context)

    recorder.reset()

    assert recorder == []


def test_a_check_passes_or_names_what_it_found(recorder: TelemetryRecorder) -> None:
    """Findings of level warning and error fail, first finding first, with their examples; info does not."""

    class Judge:
        id = "judge"

        def __init__(self, level: str) -> None:
            self.level = level

        def __call__(self, records: object) -> list[Finding]:
            return [Finding("judge", "two are wrong", 2, self.level, examples=(Example("here"),))]  # type: ignore[arg-type]

    recorder.check(Judge("info"))
    with pytest.raises(AssertionError, match=r"^two are wrong\n  here$"):
        recorder.check(Judge("warning"))


def test_repr_says_how_much_is_there() -> None:
    """The repr stays short and shows what was lost."""
    recorder = TelemetryRecorder(limit=1)
    recorder.context.count("a")
    recorder.context.count("a")

    assert repr(recorder) == "<TelemetryRecorder: 1 record, 1 dropped>"


def test_wait_for_returns_when_a_thread_has_recorded_it(recorder: TelemetryRecorder) -> None:
    """It is woken by the record; it returns at once for what is already there."""
    started = threading.Event()

    def work() -> None:
        started.wait(10)
        with recorder.context("job.done"):
            pass

    thread = threading.Thread(target=work)
    thread.start()
    started.set()
    recorder.wait_for(span("job.done"), timeout=10)
    recorder.wait_for(span("job.done"), timeout=0)
    thread.join()


def test_wait_for_returns_when_a_span_has_opened(
    recorder: TelemetryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open span is in the recording, so nobody waits for its end."""
    waiting, over = threading.Event(), threading.Event()
    listen = recorder.store.listen

    def serve() -> None:
        waiting.wait(30)
        with recorder.context("serve"):
            over.wait(30)

    def told(listener: Callable[[object], object]) -> None:
        listen(listener)
        waiting.set()

    monkeypatch.setattr(recorder.store, "listen", told)
    thread = threading.Thread(target=serve)
    thread.start()
    recorder.wait_for(span("serve"), timeout=60)
    still_open = recorder.records()[0].is_open
    over.set()
    thread.join()

    assert still_open


def test_wait_for_fails_with_what_was_recorded_instead(recorder: TelemetryRecorder) -> None:
    """After the timeout the text says how long it waited and what is there."""
    etl(recorder.context)

    with pytest.raises(AssertionError, match=r"^waited 0.01 s for span\('job.done'\): not recorded\n"):
        recorder.wait_for(span("job.done"), timeout=0.01)


def test_wait_for_on_an_empty_recording_says_that_nothing_was_recorded(
    recorder: TelemetryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for something where nothing at all happens is a failure like any other, and no use of the context."""
    monkeypatch.setattr("pytest_telemetry.testing.silence._holders_of_the_no_op", list)

    with pytest.raises(AssertionError, match=r"waited 0 s for span\('a'\): not recorded") as failure:
        recorder.wait_for(span("a"), timeout=0)

    assert "nobody took the recorder's context" in str(failure.value)


def test_wait_for_drives_the_fake_clock() -> None:
    """With a fake clock, timers fire one after the other until the pattern is there, in no real time."""
    clock = FakeClock()
    recorder = TelemetryRecorder(clock=clock)
    clock.call_later(60, lambda: recorder.context.event("first"))
    clock.call_later(3600, lambda: recorder.context.event("second"))

    recorder.wait_for(event("second"), timeout=4000)

    assert clock.time() == pytest.approx(1_000_000_000 + 3600)


def test_wait_for_does_not_pass_its_fake_timeout() -> None:
    """A timer behind the timeout does not fire."""
    clock = FakeClock()
    recorder = TelemetryRecorder(clock=clock)
    clock.call_later(60, lambda: recorder.context.event("late"))

    with pytest.raises(AssertionError, match=r"waited 59 s for event\('late'\)"):
        recorder.wait_for(event("late"), timeout=59)


def test_await_for_lets_the_loop_run() -> None:
    """The awaiting test is woken by a task and by a thread alike."""

    async def main() -> None:
        recorder = TelemetryRecorder()

        async def work() -> None:
            await asyncio.sleep(0)
            recorder.context.event("task")
            await asyncio.to_thread(recorder.context.event, "thread")

        task = asyncio.create_task(work())
        await recorder.await_for(event("task") & event("thread"), timeout=10)
        await task

    asyncio.run(main())


def test_await_for_fails_like_wait_for() -> None:
    """The text is the same as that of wait_for."""

    async def main() -> None:
        recorder = TelemetryRecorder()
        recorder.context.event("other")
        await recorder.await_for(event("task"), timeout=0.01)

    with pytest.raises(AssertionError, match=r"^waited 0.01 s for event\('task'\): not recorded"):
        asyncio.run(main())


@pytest.mark.parametrize("check", [None, 5, Finding])
def test_only_a_check_can_judge(recorder: TelemetryRecorder, check: object) -> None:
    """A class of checks that was not called is a likely slip, and none either."""
    with pytest.raises(
        TypeError, match=r"is no check: pass an object, such as Latency\(span\('load'\), p95_ms=50\)"
    ):
        recorder.check(check)  # type: ignore[arg-type]  # what is refused is no check


def test_a_span_left_open_is_no_parent_wherever_it_is_current() -> None:
    """In a context that outlives the recorder, which is what shared event loops have, later spans are roots."""
    shared = contextvars.copy_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnfinishedSpanWarning)
        with TelemetryRecorder() as first:
            left_open = first.context("left.open")
            shared.run(left_open.__enter__)
    second = TelemetryRecorder()

    def later() -> None:
        second.context.count("n")
        with second.context("b"):
            second.context.event("e")

    shared.run(later)
    shared.run(left_open.__exit__, None, None, None)
    shared.run(later)

    assert [record.scope for record in second] == ["n", "b", "b.e"] * 2
    assert first == [span("left.open")]
