"""Records that were made elsewhere, and spans that were timed elsewhere."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pytest_telemetry import TelemetryContext, TelemetryRecorder, event, span
from pytest_telemetry.model.errors import InvalidName
from pytest_telemetry.model.record import Record
from pytest_telemetry.runtime.context import NO_OP
from pytest_telemetry.runtime.elsewhere import emit_record, finished_span
from pytest_telemetry.sinks.memory import MemoryStore
from pytest_telemetry.testing.fake_clock import FakeClock


class Kept(MemoryStore):
    """A sink that is handed records, and nothing else."""

    span_started = span_ended = point = processed = None  # type: ignore[assignment]


class Reporter:
    def __init__(self) -> None:
        self.timings: list[tuple[str, float]] = []

    def record_timing(self, scope: str, duration: float, **_: Any) -> None:
        self.timings.append((scope, duration))

    def record_metric(self, scope: str, value: Any, **_: Any) -> None:
        raise AssertionError("no metric was made")


def record(name: str = "elsewhere", **fields: Any) -> Record:
    return Record("event", name, name, 5, run_id="theirs", seq=7, **fields)


def test_a_record_goes_to_every_sink_as_it_is() -> None:
    """Its run, its number and its time are its own."""
    recorder, kept = TelemetryRecorder(), Kept()
    given = record(attrs={"a": 1})

    emit_record(TelemetryContext(recorder, kept, enabled=True), given)

    assert list(kept.records()) == [given]
    assert list(recorder.records()) == [given]


def test_processors_see_it_and_a_recorder_keeps_both_stages() -> None:
    """What they drop is dropped and counted."""

    def shape(one: Record) -> Record | None:
        return None if one.name == "private" else Record("event", "shaped", "shaped", 5)

    recorder, kept = TelemetryRecorder(), Kept()
    context = TelemetryContext(recorder, kept, enabled=True, processors=[shape])

    emit_record(context, record())
    emit_record(context, record("private"))

    assert [one.name for one in kept.records()] == ["shaped"]
    assert recorder == [event("shaped")]
    assert [one.name for one in recorder.records().view(stage="call")] == ["elsewhere", "private"]
    assert sum(context.statistics()["dropped_by_processors"].values()) == 1


def test_a_sink_that_fails_is_detached_and_what_it_misses_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The others go on; with processors it is the same."""

    class Failing(Kept):
        def emit(self, one: Record, /) -> None:
            raise OSError("no space")

    with caplog.at_level(logging.CRITICAL):
        for processors in ([], [lambda one: one]):
            recorder, kept = TelemetryRecorder(), Kept()
            context = TelemetryContext(Failing(), kept, recorder, enabled=True, processors=processors)
            for _ in range(5):
                emit_record(context, record())

            assert len(list(kept.records())) == 7  # and two events that tell of the failure
            assert (
                context.statistics()["sinks"][
                    "test_a_sink_that_fails_is_detached_and_what_it_misses_is_counted.<locals>.Failing"
                ]["missed"]
                == 2
            )


def test_a_recorder_that_fails_misses_the_rest_as_well(caplog: pytest.LogCaptureFixture) -> None:
    """It watches spans from their start, and is handed records like any other sink."""

    class Failing(MemoryStore):
        def emit(self, one: Record, /) -> None:
            raise OSError("no space")

    with caplog.at_level(logging.CRITICAL):
        context = TelemetryContext(Failing(), enabled=True, processors=[lambda one: one])
        for _ in range(5):
            emit_record(context, record())

    [numbers] = context.statistics()["sinks"].values()
    assert (numbers["failures"], numbers["missed"], numbers["detached"]) == (3, 2, True)


def test_an_interruption_passes() -> None:
    """After every other sink has heard of it."""

    class Interrupted(Kept):
        def emit(self, one: Record, /) -> None:
            raise KeyboardInterrupt

    kept = Kept()
    with pytest.raises(KeyboardInterrupt):
        emit_record(TelemetryContext(Interrupted(), kept, enabled=True), record())

    assert "elsewhere" in [one.name for one in kept.records()]


def test_after_shutdown_records_are_dropped_and_counted() -> None:
    """As everything is."""
    kept = Kept()
    context = TelemetryContext(kept, enabled=True)
    context.shutdown()

    emit_record(context, record())
    finished_span(context, "late", 5, attrs={})

    assert list(kept.records()) == []
    assert context.statistics()["dropped_after_shutdown"] == 2


def test_a_disabled_context_takes_nothing() -> None:
    """And nothing is made for it."""
    emit_record(NO_OP, record())
    finished_span(NO_OP, "", -5, attrs={})


def test_a_finished_span_is_exact_and_derived_from_its_end() -> None:
    """For a root one of wall clock and nothing else; any duration is kept, a negative one included."""
    clock = FakeClock()
    recorder = TelemetryRecorder(clock=clock)

    for duration_ns in (0, 7, -3):
        finished_span(recorder.context, "step", duration_ns, status="error", attrs={"a": 1})

    for one, duration_ns in zip(recorder.records(), (0, 7, -3), strict=True):
        assert (one.duration_ns, one.time_ns, one.status) == (
            duration_ns,
            clock.wall_ns() - duration_ns,
            "error",
        )
        assert (one.scope, one.attrs, one.parent_id) == ("step", {"a": 1}, None)
    assert recorder == [span("step", status="error")] * 3
    assert len({one.span_id for one in recorder.records()}) == 3


def test_a_reporter_hears_of_a_finished_span() -> None:
    """In seconds, under its scope."""
    reporter = Reporter()
    context = TelemetryContext(reporter, enabled=True)

    with context("outer"):
        finished_span(context, "inner", 1_500_000_000, attrs={})

    assert reporter.timings[0] == ("outer.inner", 1.5)


def test_an_unusable_name_is_kept_under_a_safe_one_or_refused() -> None:
    """As everywhere: strict mode decides."""
    recorder = TelemetryRecorder()
    finished_span(recorder.context, "", 1, attrs={})
    assert recorder == [span("invalid.empty")]
    assert sum(recorder.context.statistics()["misuse"].values()) == 1

    strict = TelemetryContext(Kept(), enabled=True, strict=True)
    with pytest.raises(InvalidName):
        finished_span(strict, "No Name", 1, attrs={})
