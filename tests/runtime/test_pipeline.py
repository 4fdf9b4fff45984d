"""Processors and sinks: order, loss, and that nothing which goes wrong there reaches the code."""

from __future__ import annotations

import logging
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.errors import Unavailable
from pytest_telemetry.runtime.context import TelemetryContext
from pytest_telemetry.runtime.pipeline import FAILURES_BEFORE_DETACHING

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record


def adding(key: str, value: Any) -> Any:
    """Return a processor that adds an attribute."""

    def add(record: Record) -> Record:
        return replace(record, attrs={**record.attrs, key: value})

    return add


def numbers(tele: TelemetryContext, name: str) -> dict[str, Any]:
    return dict(tele.statistics()["sinks"][name])


# sinks


def test_every_sink_and_reporter_hears_everything(
    keeping: Any, native: Any, watching: Any, reporting: Any
) -> None:
    """In the order in which they were registered."""
    heard: list[str] = []

    def noting(name: str, kind: Any) -> Any:
        class Noting(kind):  # type: ignore[misc]  # kinds come in as parameters
            def emit(self, record: Record, /) -> None:
                heard.append(name)
                super().emit(record)

        return Noting()

    sinks = [noting("c", keeping), noting("a", native), noting("b", watching), noting("d", keeping)]
    reporter = reporting()
    tele = TelemetryContext(*sinks, reporter, enabled=True)
    with tele("x"):
        tele.count("n", 2)

    assert heard == list("cabd") * 2
    assert all(sink.scopes == ["x.n", "x"] for sink in sinks)
    assert (reporter.metrics[0][:2], reporter.timings[0][0]) == (("x.n", 2), "x")


def test_sinks_share_one_record(keeping: Any) -> None:
    """What is not native gets the same record: made once, under one number."""
    first, second = keeping(), keeping()
    tele = TelemetryContext(first, second, enabled=True)
    with tele("a"):
        tele.event("e")

    assert all(one is other for one, other in zip(first.kept, second.kept, strict=True))
    assert [record.seq for record in first.kept] == [1, 2]


def test_attributes_of_the_caller_are_never_shared(tele: TelemetryContext, sink: Any) -> None:
    """What a caller does with a dictionary afterwards changes no record."""
    mine = {"x": 1}
    with tele("a", **mine) as span:
        tele.count("n", **mine)
        span.set(**mine)
        tele.timed("f", **mine)(lambda: None)()
    mine["x"] = 2

    assert [record.attrs for record in sink.kept] == [{"x": 1}] * 3
    assert len({id(record.attrs) for record in sink.kept}) == 3


def test_records_own_their_attributes(native: Any) -> None:
    """Two native sinks that make records of one span do not share a dictionary with it or each other."""
    first, second = native(), native()
    tele = TelemetryContext(first, second, enabled=True)
    with tele("a", x=1):
        tele.event("e", x=1)
    for record in first.kept:
        record.attrs["x"] = 2

    assert [record.attrs for record in second.kept] == [{"x": 1}, {"x": 1}]


# failures of sinks


def test_a_failing_sink_is_in_nobodys_way(
    keeping: Any, native: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The code goes on, the others hear everything, and the log names the sink once."""
    bad, good = keeping(), native()
    bad.failures = [ValueError("first"), ValueError("second")]
    tele = TelemetryContext(bad, good, enabled=True)
    for name in "abc":
        with tele(name):
            pass

    assert good.records("span")[-1].name == "c"
    assert bad.scopes == ["c"]
    assert numbers(tele, "Keeping")["failures"] == 2
    (logged,) = caplog.records
    assert (logged.name, logged.levelno) == ("pytest_telemetry", logging.ERROR)
    assert logged.getMessage() == "telemetry sink Keeping failed"
    assert logged.exc_info is not None
    assert str(logged.exc_info[1]) == "first"


def test_failures_of_two_sinks_of_a_class_are_told_apart(
    keeping: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Names carry a number where they would be the same."""
    first, second = keeping(), keeping()
    first.failures, second.failures = [ValueError()], [ValueError(), ValueError()]
    tele = TelemetryContext(first, second, enabled=True)
    for _ in range(3):
        tele.count("n")

    assert [numbers(tele, name)["failures"] for name in ("Keeping", "Keeping#2")] == [1, 2]
    assert [r.getMessage() for r in caplog.records] == [
        "telemetry sink Keeping failed",
        "telemetry sink Keeping#2 failed",
    ]


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside another"])
def test_three_failures_in_a_row_detach_a_sink(
    sink: Any, keeping: Any, caplog: pytest.LogCaptureFixture, others: int
) -> None:
    """It is not called any more, it is logged, and what it misses is counted."""
    sink.failures = [ValueError()] * FAILURES_BEFORE_DETACHING
    tele = TelemetryContext(sink, *(keeping() for _ in range(others)), enabled=True)
    for _ in range(5):
        tele.count("n")
    name = type(sink).__qualname__

    assert sink.kept == []
    assert {k: numbers(tele, name)[k] for k in ("failures", "missed", "detached")} == {
        "failures": 3,
        "missed": 2,
        "detached": True,
    }
    assert f"telemetry sink {name} detached after 3 failures in a row" in caplog.text


def test_a_store_that_is_unavailable_for_a_while_goes_on_afterwards(
    sink: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is never detached, what it could not take is counted, and one line of the log says why."""
    sink.failures = [Unavailable("events.jsonl: No space left on device")] * 9
    tele = TelemetryContext(sink, enabled=True)
    for _ in range(10):
        tele.count("n")
    name = type(sink).__qualname__

    assert len(sink.kept) == 1
    assert {k: numbers(tele, name)[k] for k in ("failures", "missed", "detached")} == {
        "failures": 9,
        "missed": 0,
        "detached": False,
    }
    (logged,) = caplog.records
    assert logged.getMessage() == f"telemetry sink {name} failed: events.jsonl: No space left on device"
    assert logged.exc_info is None


def test_a_success_in_between_starts_the_count_again(sink: Any) -> None:
    """Only failures in a row detach."""
    tele = TelemetryContext(sink, enabled=True)
    for _ in range(4):
        sink.failures = [ValueError(), ValueError()]
        for _ in range(3):
            tele.count("n")

    found = numbers(tele, type(sink).__qualname__)
    assert (found["failures"], found["detached"], len(sink.kept)) == (8, False, 4)


def test_the_other_sinks_get_an_event(keeping: Any, native: Any, watching: Any, step_clock: Any) -> None:
    """``telemetry.sink.failed`` at the first failure and when the sink is detached, to each of the others once."""
    bad, others = keeping(), [keeping(), native(), watching()]
    bad.failures = [LookupError("secret")] * 3
    tele = TelemetryContext(bad, *others, enabled=True, clock=step_clock(wall=77))
    with tele("a"):
        for _ in range(3):
            tele.count("n")

    for other in others:
        events = other.records("event")
        assert [(e.name, e.scope, e.time_ns, e.parent_id) for e in events] == [
            ("telemetry.sink.failed", "telemetry.sink.failed", 77, None)
        ] * 2
        assert [e.attrs for e in events] == [
            {"sink": "Keeping", "error.type": "LookupError", "detached": False},
            {"sink": "Keeping", "error.type": "LookupError", "detached": True},
        ]
        assert len(other.records("metric")) == 3


def test_sinks_that_fail_together_do_not_go_round_in_circles(keeping: Any, native: Any) -> None:
    """Each is told of the failure of the other at most twice, and both end detached."""
    first, second = keeping(), native()
    first.failures, second.failures = [ValueError()] * 9, [ValueError()] * 9
    tele = TelemetryContext(first, second, enabled=True)
    for _ in range(5):
        tele.count("n")

    assert [numbers(tele, name)["detached"] for name in ("Keeping", "Native")] == [True, True]
    assert len(first.failures) >= 6
    assert len(second.failures) >= 6


@pytest.mark.parametrize("processors", [[], [lambda record: record]], ids=["as is", "processed"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_inside_a_sink_passes(sink: Any, keeping: Any, error: Any, processors: Any) -> None:
    """``KeyboardInterrupt`` is the user's, not the sink's; the other sinks still get the record."""
    other = keeping()
    sink.failures = [error()]
    tele = TelemetryContext(sink, other, enabled=True, processors=processors)
    with pytest.raises(error), tele("a"):
        pass
    sink.failures = [error()]
    with pytest.raises(error):
        tele.count("n")

    assert [scope for scope in other.scopes if "failed" not in scope] == ["a", "n"]


def test_an_interruption_inside_the_only_sink_passes(sink: Any) -> None:
    """Likewise on the direct way; the span is closed all the same."""
    sink.failures = [KeyboardInterrupt()]
    tele = TelemetryContext(sink, enabled=True)
    with pytest.raises(KeyboardInterrupt) as caught, tele("a"):
        pass
    with tele("b"):
        pass

    assert sink.scopes == ["b"]
    assert "another exception" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside another"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_bodys_own_exception_wins(sink: Any, keeping: Any, others: int, error: Any) -> None:
    """Whatever a sink raises, the caller sees what the body raised."""
    sink.failures = [error("of the sink")]
    tele = TelemetryContext(sink, *(keeping() for _ in range(others)), enabled=True)
    with pytest.raises(LookupError, match="of the body"), tele("a"):
        raise LookupError("of the body")

    assert numbers(tele, type(sink).__qualname__)["failures"] == 1


def test_an_interruption_while_others_are_told_passes(keeping: Any, native: Any) -> None:
    """The sink that is told of the failure of another may be interrupted as well."""
    bad, other = keeping(), native()
    bad.failures, other.failures = [ValueError()], [KeyboardInterrupt()]
    tele = TelemetryContext(bad, other, enabled=True)
    with pytest.raises(KeyboardInterrupt):
        tele.count("n")

    assert other.scopes == ["n"]


# processors


def test_processors_run_in_order_before_any_sink(sink: Any, keeping: Any, reporting: Any) -> None:
    """Each sees what the one before it left, and sinks and reporters see what the last one left."""
    other, reporter = keeping(), reporting()
    tele = TelemetryContext(
        sink, other, reporter, enabled=True, processors=[adding("x", 1), adding("x", 2), adding("y", 3)]
    )
    with tele("a", z=0):
        tele.count("n", x=0)

    assert [record.attrs for record in other.kept] == [{"x": 2, "y": 3}, {"z": 0, "x": 2, "y": 3}]
    assert (reporter.metrics[0][2]["x"], reporter.timings[0][2]["y"]) == (2, 3)
    assert reporter.timings[0][2]["z"] == 0


def test_processors_may_change_anything(keeping: Any, reporting: Any) -> None:
    """Scope, value, time and duration are passed on as they were left."""

    def shift(record: Record) -> Record:
        if record.kind == "metric":
            return replace(record, scope="other", value=record.value * 2)
        return replace(record, scope="moved", time_ns=5_000_000_000, duration_ns=250_000_000)

    sink, reporter = keeping(), reporting()
    tele = TelemetryContext(sink, reporter, enabled=True, processors=[shift])
    with tele("a"):
        tele.count("n", 4)

    assert [(r.scope, r.value, r.duration_ns) for r in sink.kept] == [
        ("other", 8, None),
        ("moved", None, 250_000_000),
    ]
    assert reporter.metrics[0][:2] == ("other", 8)
    scope, duration, metadata = reporter.timings[0]
    assert (scope, duration) == ("moved", 0.25)
    assert (metadata["start_wall_time_s"], metadata["end_wall_time_s"]) == (5.0, 5.25)


def test_a_processor_that_takes_the_times_away_leaves_the_reporter_its_own(reporting: Any) -> None:
    """A reporter is promised numbers; where a record has none, the readings of the span are used."""
    reporter = reporting()
    tele = TelemetryContext(
        reporter, enabled=True, processors=[lambda r: replace(r, time_ns=None, duration_ns=None)]
    )
    with tele("a"):
        pass

    _, duration, metadata = reporter.timings[0]
    assert metadata["end_wall_time_s"] == metadata["start_wall_time_s"] + duration


def test_what_a_processor_drops_is_counted(sink: Any, keeping: Any, reporting: Any) -> None:
    """By the name of the processor; no sink and no reporter hears of it, and later processors do not either."""

    def drop_metrics(record: Record) -> Record | None:
        return None if record.kind == "metric" else record

    class Sampled:
        def __call__(self, record: Record) -> Record | None:
            assert record.kind != "metric"
            return None

    other, reporter = keeping(), reporting()
    tele = TelemetryContext(other, reporter, enabled=True, processors=[drop_metrics, Sampled()])
    with tele("a"):
        tele.count("n")
        tele.gauge("g", 1)

    assert (other.kept, reporter.timings, reporter.metrics) == ([], [], [])
    assert tele.statistics()["dropped_by_processors"] == {
        drop_metrics.__qualname__: 2,
        Sampled.__qualname__: 1,
    }


@pytest.mark.parametrize("failure", [ValueError("no"), "not a record"], ids=["raises", "returns nonsense"])
def test_what_a_failing_processor_was_given_is_dropped(
    keeping: Any, caplog: pytest.LogCaptureFixture, failure: Any
) -> None:
    """It may be a redactor: nothing passes unprocessed, it stays in place, and it is logged once."""

    def redact(record: Record) -> Any:
        if record.name != "fine":
            if isinstance(failure, Exception):
                raise failure
            return failure
        return record

    sink = keeping()
    tele = TelemetryContext(sink, enabled=True, processors=[redact])
    for _ in range(5):
        tele.event("secret")
    tele.event("fine")

    assert sink.scopes == ["fine"]
    assert tele.statistics()["dropped_by_processors"] == {redact.__qualname__: 5}
    assert [r.getMessage() for r in caplog.records] == [
        f"telemetry processor {redact.__qualname__} failed; the record is dropped"
    ]


def test_an_interruption_inside_a_processor_passes(keeping: Any) -> None:
    """It drops the record, passes, and gives way to the body's own exception."""

    def interrupted(record: Record) -> Record:
        raise KeyboardInterrupt

    tele = TelemetryContext(keeping(), enabled=True, processors=[interrupted])
    with pytest.raises(KeyboardInterrupt):
        tele.count("n")
    with pytest.raises(LookupError), tele("a"):
        raise LookupError

    assert tele.statistics()["dropped_by_processors"] == {interrupted.__qualname__: 2}
    assert numbers(tele, "Keeping")["failures"] == 0


def test_a_processor_does_not_touch_the_original(keeping: Any, watching: Any) -> None:
    """An observer sees both stages: what the code passed, and what a sink gets."""
    observer, sink = watching(), keeping()
    tele = TelemetryContext(observer, sink, enabled=True, processors=[adding("x", 2)])
    with tele("a", x=1):
        tele.count("n", x=1)

    assert [record.attrs for record in observer.kept] == [{"x": 1}] * 2
    outputs = [(output.attrs, name) for _, output, name in observer.outputs]
    assert outputs == [({"x": 2}, ""), ({"x": 2}, "")]
    assert [output for _, output, _ in observer.outputs] == sink.kept
    assert observer.outputs[1][0] is observer.started[0]


def test_an_observer_learns_what_was_dropped(watching: Any) -> None:
    """And by which processor."""

    def sampled(record: Record) -> None:
        return None

    observer = watching()
    tele = TelemetryContext(observer, enabled=True, processors=[sampled])
    tele.count("n")

    ((_, output, name),) = observer.outputs
    assert (output, name, observer.scopes) == (None, sampled.__qualname__, ["n"])


def test_observers_that_fail_do_not_stop_the_processors(watching: Any, keeping: Any) -> None:
    """A failing observer is detached like any other sink; the record goes its way."""
    observer, sink = watching(), keeping()
    observer.failures = [ValueError()] * 3
    tele = TelemetryContext(observer, sink, enabled=True, processors=[adding("x", 1)])
    for _ in range(5):
        tele.count("n")

    found = numbers(tele, "Watching")
    assert (found["failures"], found["missed"], found["detached"]) == (3, 2, True)
    assert [record.attrs for record in sink.records("metric")] == [{"x": 1}] * 5


def test_the_failure_event_reaches_every_kind_of_sink_behind_processors(
    keeping: Any, native: Any, watching: Any
) -> None:
    """It holds nothing of the user's, so no processor stands in its way."""
    bad, others = keeping(), [native(), watching()]
    bad.failures = [ValueError()]
    tele = TelemetryContext(
        bad, *others, enabled=True, processors=[lambda record: None if record.kind == "event" else record]
    )
    tele.count("n")

    assert [[e.name for e in other.records("event")] for other in others] == [["telemetry.sink.failed"]] * 2


# flush, shutdown, numbers


def test_flush_and_shutdown_reach_every_sink(keeping: Any, native: Any) -> None:
    """Shutdown closes once, however often it is called, and nothing is flushed after it."""
    sinks = [keeping(), native()]
    tele = TelemetryContext(*sinks, enabled=True)
    with tele("a") as span:
        span.flush()
        span.shutdown()
    tele.shutdown()
    tele.flush()

    assert [sink.calls for sink in sinks] == [["flush", "close"]] * 2


def test_a_shutdown_that_was_interrupted_is_ended_by_the_next_one(keeping: Any) -> None:
    """What was closed by then is not closed again, and a call in the middle of the first one does nothing."""
    sinks = [keeping(), keeping(), keeping()]
    tele = TelemetryContext(*sinks, enabled=True)
    close = sinks[1].close
    interruptions: list[int] = []

    def interrupted() -> None:
        if not interruptions:
            interruptions.append(1)
            tele.shutdown()
            raise KeyboardInterrupt
        close()

    sinks[1].close = interrupted
    with pytest.raises(KeyboardInterrupt):
        tele.shutdown()
    assert [sink.calls for sink in sinks] == [["close"], [], []]

    tele.shutdown()
    assert [sink.calls for sink in sinks] == [["close"]] * 3


def test_records_after_shutdown_are_counted_as_dropped(sink: Any) -> None:
    """No call fails, and no sink hears of them."""
    tele = TelemetryContext(sink, enabled=True)
    with tele("a"):
        tele.count("n")
        tele.shutdown()
        tele.count("late")

    assert sink.scopes == ["a.n"]
    assert tele.statistics()["dropped_after_shutdown"] == 2


@pytest.mark.parametrize("method", ["flush", "close", "statistics"])
def test_a_sink_that_fails_to_finish_is_in_nobodys_way(
    keeping: Any, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """It is logged once, and the others are flushed, closed and asked."""
    bad, good = keeping(), keeping()

    def fail() -> None:
        raise OSError("disk full")

    setattr(bad, method, fail)
    tele = TelemetryContext(bad, good, enabled=True)
    tele.flush()
    tele.flush()
    found = [numbers(tele, name) for name in ("Keeping", "Keeping#2")]
    tele.shutdown()

    assert good.calls == ["flush", "flush", "close"]
    assert found[1]["accepted"] == 0
    assert len(caplog.records) == 1
    assert "Keeping" in caplog.text


def test_the_numbers_add_up(keeping: Any, native: Any) -> None:
    """For each sink: accepted, failed and missed, plus what processors and shutdown dropped, is all there was."""

    def odd(record: Record) -> Record | None:
        return None if record.kind == "metric" and record.value % 2 else record

    sinks = {"Keeping": keeping(), "Native": native(), "Keeping#2": keeping()}
    sinks["Native"].failures = [ValueError()]
    sinks["Keeping#2"].failures = [ValueError()] * 3
    tele = TelemetryContext(*sinks.values(), enabled=True, processors=[odd])
    for number in range(20):
        tele.count("n", number)
    tele.shutdown()
    for number in range(7):
        tele.count("n", number)

    statistics = tele.statistics()
    dropped = sum(statistics["dropped_by_processors"].values()) + statistics["dropped_after_shutdown"]
    told_of_others = {"Keeping": 3, "Native": 2, "Keeping#2": 1}  # events, offered like any other record
    assert dropped == 10 + 7
    for name, told in told_of_others.items():
        found = numbers(tele, name)
        assert found["accepted"] + found["failures"] + found["missed"] + dropped == 27 + told, name


def test_many_threads_lose_nothing(sink: Any) -> None:
    """Two hundred threads, one sink of any kind, every record."""
    tele = TelemetryContext(sink, enabled=True)

    def work(number: int) -> None:
        for _ in range(10):
            with tele("outer", thread=number), tele("inner"):
                tele.count("n")

    with ThreadPoolExecutor(200) as pool:
        list(pool.map(work, range(200)))

    assert sorted(sink.scopes) == ["outer"] * 2000 + ["outer.inner"] * 2000 + ["outer.inner.n"] * 2000
    spans = {record.span_id: record for record in sink.records("span")}
    assert len(spans) == 4000
    for record in sink.kept:
        if record.parent_id is not None:
            assert spans[record.parent_id].trace_id == record.trace_id


def test_drops_of_many_threads_are_all_counted(keeping: Any) -> None:
    """By processors and after shutdown, and misuse likewise."""
    tele = TelemetryContext(keeping(), enabled=True, processors=[lambda record: None])

    def work(_: int) -> None:
        for _ in range(50):
            tele.count("n")
            tele.set(x=1)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(work, range(20)))
        tele.shutdown()
        list(pool.map(work, range(20)))

    statistics = tele.statistics()
    assert list(statistics["dropped_by_processors"].values()) == [1000]
    assert statistics["dropped_after_shutdown"] == 1000
    assert statistics["misuse"] == {"attributes outside any span": 2000}


def test_records_are_numbered_without_gaps(keeping: Any) -> None:
    """In the order in which the context emitted them; a gap shows that something was dropped."""
    sink = keeping()
    tele = TelemetryContext(sink, enabled=True, processors=[lambda r: None if r.name == "drop" else r])
    with tele("a"):
        tele.count("n")
        tele.count("drop")
        tele.event("e")

    assert [(record.name, record.seq) for record in sink.kept] == [("n", 1), ("e", 3), ("a", 4)]


def test_misuse_is_logged_once_per_kind(tele: TelemetryContext, caplog: pytest.LogCaptureFixture) -> None:
    """Without running any code of the object that was passed as a name."""

    class Unspeakable:
        def __repr__(self) -> str:
            raise AssertionError("must not be called")

    for _ in range(3):
        tele.count(Unspeakable())  # type: ignore[arg-type]  # misuse is the subject
        tele.set(x=1)

    assert [r.getMessage() for r in caplog.records] == [
        f"telemetry misuse, unusable name: '<{Unspeakable.__qualname__}>'",
        "telemetry misuse, attributes outside any span: ['x']",
    ]
