"""Test what your code reports about itself.

The names below are loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_WHERE = {
    "Clock": "model.clock",
    "FakeClock": "testing.fake_clock",
    "Finding": "model.finding",
    "JsonlSink": "sinks.jsonl",
    "Record": "model.record",
    "Records": "model.records",
    "TelemetryContext": "runtime.context",
    "TelemetryRecorder": "testing.recorder",
    "TelemetryReporter": "model.protocols",
    "current_context": "runtime.ambient",
    "tele_scope": "runtime.context",
    "timed": "runtime.ambient",
    "use_context": "runtime.ambient",
}

__all__ = tuple(sorted(_WHERE))

if TYPE_CHECKING:
    from pytest_telemetry.model.clock import Clock as Clock
    from pytest_telemetry.model.finding import Finding as Finding
    from pytest_telemetry.model.protocols import TelemetryReporter as TelemetryReporter
    from pytest_telemetry.model.record import Record as Record
    from pytest_telemetry.runtime.ambient import current_context as current_context
    from pytest_telemetry.runtime.ambient import timed as timed
    from pytest_telemetry.runtime.ambient import use_context as use_context
    from pytest_telemetry.runtime.context import TelemetryContext as TelemetryContext
    from pytest_telemetry.runtime.context import tele_scope as tele_scope


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only when a name is first used

    value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
