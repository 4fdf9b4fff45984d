"""Checks: records in, findings out; the list with what each one says is in ``docs/reference/checks.md`` (layer 4)."""

from __future__ import annotations

from pytest_telemetry.checks.latency import Latency
from pytest_telemetry.checks.lines import RunId, Timestamps, WellFormed
from pytest_telemetry.checks.lsp_order import LspReadyOrder
from pytest_telemetry.checks.measured import MeasuredTiming
from pytest_telemetry.checks.paths import RelativePaths
from pytest_telemetry.checks.percentiles import Percentiles
from pytest_telemetry.checks.privacy import Privacy
from pytest_telemetry.checks.reconcile import CountersKept, Reconcile
from pytest_telemetry.checks.streaming import Judgement, StreamingCheck
from pytest_telemetry.checks.timing import MonotonicTiming

__all__ = (
    "CountersKept",
    "Judgement",
    "Latency",
    "LspReadyOrder",
    "MeasuredTiming",
    "MonotonicTiming",
    "Percentiles",
    "Privacy",
    "Reconcile",
    "RelativePaths",
    "RunId",
    "StreamingCheck",
    "Timestamps",
    "WellFormed",
)
