"""Test what your code reports about itself.

The names below are loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_WHERE = {
    "Clock": "model.clock",
    "Context": "runtime.interface",
    "FakeClock": "testing.fake_clock",
    "Finding": "model.finding",
    "JsonlStore": "sinks.jsonl",
    "Pattern": "model.pattern",
    "Record": "model.record",
    "Records": "model.records",
    "Telemetry": "runs",
    "TelemetryContext": "runtime.context",
    "TelemetryRecorder": "testing.recorder",
    "TelemetryReporter": "model.protocols",
    "between": "model.values",
    "current_context": "runtime.ambient",
    "event": "model.pattern",
    "log": "model.pattern",
    "metric": "model.pattern",
    "only": "model.pattern",
    "open_run": "runs",
    "span": "model.pattern",
    "tele_scope": "runtime.context",
    "timed": "runtime.ambient",
    "use_context": "runtime.ambient",
}

__all__ = tuple(sorted(_WHERE))

if TYPE_CHECKING:
    from pytest_telemetry.model.clock import Clock as Clock
    from pytest_telemetry.model.finding import Finding as Finding
    from pytest_telemetry.model.pattern import Pattern as Pattern
    from pytest_telemetry.model.pattern import event as event
    from pytest_telemetry.model.pattern import log as log
    from pytest_telemetry.model.pattern import metric as metric
    from pytest_telemetry.model.pattern import only as only
    from pytest_telemetry.model.pattern import span as span
    from pytest_telemetry.model.protocols import TelemetryReporter as TelemetryReporter
    from pytest_telemetry.model.record import Record as Record
    from pytest_telemetry.model.records import Records as Records
    from pytest_telemetry.model.values import between as between
    from pytest_telemetry.runs import Telemetry as Telemetry
    from pytest_telemetry.runs import open_run as open_run
    from pytest_telemetry.runtime.ambient import current_context as current_context
    from pytest_telemetry.runtime.ambient import timed as timed
    from pytest_telemetry.runtime.ambient import use_context as use_context
    from pytest_telemetry.runtime.context import TelemetryContext as TelemetryContext
    from pytest_telemetry.runtime.context import tele_scope as tele_scope
    from pytest_telemetry.runtime.interface import Context as Context
    from pytest_telemetry.sinks.jsonl import JsonlStore as JsonlStore
    from pytest_telemetry.testing.fake_clock import FakeClock as FakeClock
    from pytest_telemetry.testing.recorder import TelemetryRecorder as TelemetryRecorder


def __getattr__(name: str) -> Any:
    from pytest_telemetry.model.lazy import loaded  # noqa: PLC0415 - only when a name is used

    return loaded(__name__, _WHERE, name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
