"""Checks: records in, findings out; the list with what each one says is in ``docs/reference/checks.md`` (layer 4).

Each is loaded on first use: whoever needs one, as the gate does in every process of its own, pays for no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_WHERE = {
    "CachePair": "cache_pair",
    "CountersKept": "reconcile",
    "Judgement": "streaming",
    "Latency": "latency",
    "LspReadyOrder": "lsp_order",
    "MeasuredTiming": "measured",
    "MonotonicTiming": "timing",
    "Percentiles": "percentiles",
    "Privacy": "privacy",
    "Reconcile": "reconcile",
    "RecordCounts": "record_counts",
    "RelativePaths": "paths",
    "RunId": "lines",
    "StreamingCheck": "streaming",
    "Timestamps": "lines",
    "WellFormed": "lines",
}

__all__ = tuple(sorted(_WHERE))

if TYPE_CHECKING:
    from pytest_telemetry.checks.cache_pair import CachePair as CachePair
    from pytest_telemetry.checks.latency import Latency as Latency
    from pytest_telemetry.checks.lines import RunId as RunId
    from pytest_telemetry.checks.lines import Timestamps as Timestamps
    from pytest_telemetry.checks.lines import WellFormed as WellFormed
    from pytest_telemetry.checks.lsp_order import LspReadyOrder as LspReadyOrder
    from pytest_telemetry.checks.measured import MeasuredTiming as MeasuredTiming
    from pytest_telemetry.checks.paths import RelativePaths as RelativePaths
    from pytest_telemetry.checks.percentiles import Percentiles as Percentiles
    from pytest_telemetry.checks.privacy import Privacy as Privacy
    from pytest_telemetry.checks.reconcile import CountersKept as CountersKept
    from pytest_telemetry.checks.reconcile import Reconcile as Reconcile
    from pytest_telemetry.checks.record_counts import RecordCounts as RecordCounts
    from pytest_telemetry.checks.streaming import Judgement as Judgement
    from pytest_telemetry.checks.streaming import StreamingCheck as StreamingCheck
    from pytest_telemetry.checks.timing import MonotonicTiming as MonotonicTiming


def __getattr__(name: str) -> Any:
    from pytest_telemetry.model.lazy import loaded  # noqa: PLC0415 - only when a name is used

    return loaded(__name__, _WHERE, name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
