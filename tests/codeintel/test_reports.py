"""What code intelligence records, in a context or a run."""

from __future__ import annotations

from pathlib import Path

from pytest_telemetry import Telemetry, TelemetryRecorder
from pytest_telemetry.codeintel.reports import Reports
from pytest_telemetry.model.clock import SYSTEM_CLOCK


def test_spans_have_args_and_result_under_their_prefixes(telemetry_recorder: TelemetryRecorder) -> None:
    """And the attributes of all records; what is None is left out."""
    reports = Reports(telemetry_recorder.context, server="ty")

    reports.span("lsp.hover", 5, "empty", args={"file": "a.py", "line": None}, result={"count": 0}, via=None)

    (record,) = telemetry_recorder
    assert (record.name, record.duration_ns, record.status) == ("lsp.hover", 5, "ok")
    assert record.attrs == {"args.file": "a.py", "result.status": "empty", "result.count": 0, "server": "ty"}


def test_a_word_for_a_failure_makes_the_record_an_error(telemetry_recorder: TelemetryRecorder) -> None:
    """Every other one makes it ok, and without one nothing is said."""
    reports = Reports(telemetry_recorder.context)

    for word in ("error", "failed", "timeout", "ok", "ready", None):
        reports.event("lsp.state_change", word)

    assert [record.status for record in telemetry_recorder] == ["error"] * 3 + ["ok"] * 2 + ["unset"]


def test_a_run_gets_the_same_as_a_context(tmp_path: Path, telemetry_recorder: TelemetryRecorder) -> None:
    """Everything that has a context is taken."""
    with Telemetry(tmp_path, reporters=[telemetry_recorder]) as run:
        reports = Reports(run)
        reports.event("ast.cache.hit", args={"file": "a.py"})
        reports.count("ast_cache_hit_count")

        assert run.figures()["ast"]["ast_cache_hit_count"] == 1
    assert [record.name for record in telemetry_recorder] == ["ast.cache.hit", "ast_cache_hit_count"]


def test_nobody_who_listens_is_no_error() -> None:
    """Durations can be measured all the same."""
    reports = Reports()

    reports.span("ast.parse", 1, "ok")
    reports.count("ast_parse_count")

    assert reports.mono_ns is SYSTEM_CLOCK.mono_ns
