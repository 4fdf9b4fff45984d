"""What no context can work with is refused where it is written, enabled or not."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_telemetry import FakeClock, JsonlStore, TelemetryContext, TelemetryRecorder, timed
from pytest_telemetry.model.errors import InvalidReporter


@pytest.mark.parametrize("enabled", [True, False])
def test_timed_without_a_name_is_refused(enabled: bool) -> None:
    """The decorator without parentheses would replace the function by another decorator."""
    context = TelemetryContext(TelemetryRecorder(), enabled=enabled)

    def work() -> None:
        pass

    for decorator in (context.timed, timed):
        with pytest.raises(TypeError, match=r"write @timed\('...'\) above .*work, not @timed"):
            decorator(work)  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("clock", [FakeClock, None, 5, len])
def test_what_is_no_clock_is_refused(clock: Any, enabled: bool) -> None:
    """A class, or something without both readings, would fail inside the observed code."""
    with pytest.raises(TypeError, match=r"is no clock: pass an object with wall_ns\(\) and mono_ns\(\)"):
        TelemetryContext(TelemetryRecorder(), enabled=enabled, clock=clock)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize(
    ("processors", "reason"),
    [
        (print, "is no sequence: pass a list"),
        ("redact", "is no sequence: pass a list"),
        ([print, 5], r"processor 2 \(5\) cannot be called"),
    ],
)
def test_what_is_no_processor_is_refused(processors: Any, reason: str, enabled: bool) -> None:
    """It would drop every record."""
    with pytest.raises(TypeError, match=reason):
        TelemetryContext(TelemetryRecorder(), enabled=enabled, processors=processors)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_class_of_a_sink_is_no_sink(enabled: bool) -> None:
    """The parentheses were forgotten."""
    with pytest.raises(InvalidReporter, match="reporter 1 is the class JsonlStore: pass an instance of it"):
        TelemetryContext(JsonlStore, enabled=enabled)  # type: ignore[arg-type]  # the mistake under test
