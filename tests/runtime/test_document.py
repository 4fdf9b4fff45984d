"""Every example of source document 003, changed only in imports and names of environment variables."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_telemetry import Context, TelemetryContext, TelemetryRecorder, TelemetryReporter, tele_scope
from pytest_telemetry.runtime.context import NO_OP


def test_the_development_tool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An in-memory reporter that prints and returns what it heard."""
    monkeypatch.setenv("PYTEST_TELEMETRY", "1")

    reporter = TelemetryRecorder()
    tele = TelemetryContext(reporter)

    with tele("test.operation", extra="debug"):
        tele.count("items_processed", increment=3)

    reporter.print_report()
    snapshot = reporter.as_dict()
    reporter.reset()

    assert "test.operation" in capsys.readouterr().out
    assert list(snapshot["timings"]) == ["test.operation"]
    assert list(snapshot["metrics"]) == ["test.operation.items_processed"]
    assert len(reporter) == 0


@pytest.mark.parametrize("enabled", [True, False])
def test_the_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], enabled: bool
) -> None:
    """A reporter that prints; without the variable the same code prints nothing."""
    if enabled:
        monkeypatch.setenv("DEBUG", "1")

    class PrintReporter(TelemetryReporter):
        def record_timing(self, scope: str, duration: float, **metadata: Any) -> None:
            print("timing", scope, duration, metadata)  # noqa: T201 - as in the document

        def record_metric(self, scope: str, value: object, **metadata: Any) -> None:
            print("metric", scope, value, metadata)  # noqa: T201 - as in the document

    tele = TelemetryContext(PrintReporter())
    with tele("pipeline.plan", batch_size=32):
        tele.count("api.requests", increment=1)
        tele.gauge("token_efficiency", 0.91)

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    expected = [
        ["metric", "pipeline.plan.api.requests", "1"],
        ["metric", "pipeline.plan.token_efficiency", "0.91"],
        ["timing", "pipeline.plan"],
    ]
    assert [line[: 2 + (line[0] == "metric")] for line in lines] == (expected if enabled else [])


def test_the_factory(monkeypatch: pytest.MonkeyPatch, reporting: Any) -> None:
    """Enabled by a variable and a reporter; otherwise the one no-op."""
    assert TelemetryContext(reporting()) is TelemetryContext() is NO_OP
    monkeypatch.setenv("PYTEST_TELEMETRY", "1")
    assert TelemetryContext() is NO_OP
    assert TelemetryContext(reporting()).is_enabled


def test_expensive_metadata_is_skipped_when_disabled(reporting: Any) -> None:
    """Hot paths can check ``tele.is_enabled``."""
    assembled = []

    def work(tele: Context) -> None:
        if tele.is_enabled:
            assembled.append(tele)

    on = TelemetryContext(reporting(), enabled=True)
    work(NO_OP)
    work(on)

    assert assembled == [on]


def test_a_broken_reporter_does_not_break_execution(reporting: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Failures are caught and logged, and the other reporter receives all."""

    class Broken:
        def record_timing(self, scope: str, duration: float, **metadata: Any) -> None:
            raise RuntimeError("broken")

        def record_metric(self, scope: str, value: Any, **metadata: Any) -> None:
            raise RuntimeError("broken")

    reporter = reporting()
    tele = TelemetryContext(Broken(), reporter, enabled=True)
    with tele("a"):
        tele.count("n")

    assert (len(reporter.timings), len(reporter.metrics)) == (1, 1)
    assert "Broken failed" in caplog.text


def test_the_deprecated_alias(reporting: Any) -> None:
    """``tele_scope(ctx, name, **metadata)`` forwards to the context."""
    reporter = reporting()
    tele = TelemetryContext(reporter, enabled=True)
    with pytest.warns(DeprecationWarning, match="deprecated"), tele_scope(tele, "a", x=1):
        pass

    assert (reporter.timings[0][0], reporter.timings[0][2]["x"]) == ("a", 1)
