"""Reading files: patterns with `in`, fields of a span, and time under control."""

from __future__ import annotations

import pytest
from indexer.reading import DecodingError, read_text
from indexer.sources import Memory

from pytest_telemetry import FakeClock, TelemetryRecorder, event, span


class Flaky(Memory):
    """Fails as often as it is told before it reads, and takes its time."""

    def __init__(self, failures: int, clock: FakeClock) -> None:
        super().__init__({"a.py": b"x = 1\n"})
        self._left = failures
        self._clock = clock

    def read(self, file: str) -> bytes:
        self._clock.advance(0.02)
        if self._left:
            self._left -= 1
            raise BlockingIOError(11, "Try again", file)
        return super().read(file)


def test_a_read_file_is_reported_with_its_size(telemetry_recorder: TelemetryRecorder) -> None:
    """A pattern names what matters; attributes that it does not name may have any value."""
    source = Memory({"a.py": b"x = 1\n"})

    read_text(source, "a.py", telemetry_recorder.context, FakeClock().sleep)

    assert span("file.read", file="a.py", bytes=6) in telemetry_recorder
    assert span("file.read", file="*.py") in telemetry_recorder


def test_text_in_a_wrong_encoding_ends_the_span_with_an_error(telemetry_recorder: TelemetryRecorder) -> None:
    """Status and error are fields of the span, and an exception class stands for its name."""
    source = Memory({"a.py": b"name = 'caf\xe9'\n"})

    with pytest.raises(DecodingError, match=r"a\.py"):
        read_text(source, "a.py", telemetry_recorder.context, FakeClock().sleep)

    assert span("file.read", status="error", error=DecodingError) in telemetry_recorder


def test_the_pauses_between_attempts_count_as_reading_time(
    telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """With the fake clock durations are exact: three attempts of 20 ms, pauses of 50 and 100 ms."""
    source = Flaky(2, telemetry_clock)

    read_text(source, "a.py", telemetry_recorder.context, telemetry_clock.sleep)

    assert span("file.read", duration=0.21) in telemetry_recorder
    assert event("file.retry", pause_s=0.05) >> event("file.retry", pause_s=0.1) in telemetry_recorder


def test_a_changed_wall_clock_does_not_change_a_duration(
    telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """Somebody sets the clock back by an hour between two attempts; the span does not notice."""
    source = Flaky(1, telemetry_clock)
    telemetry_clock.call_later(0.03, lambda: telemetry_clock.step_wall(-3600))

    read_text(source, "a.py", telemetry_recorder.context, telemetry_clock.sleep)

    assert span("file.read", duration=0.09) in telemetry_recorder


def test_a_file_that_stays_unreadable_is_given_up(
    telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """A count says how often something happened, exactly."""
    source = Flaky(3, telemetry_clock)

    with pytest.raises(BlockingIOError):
        read_text(source, "a.py", telemetry_recorder.context, telemetry_clock.sleep)

    assert span("file.read", event("file.retry") * 2, status="error") in telemetry_recorder
