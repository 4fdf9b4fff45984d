"""What the benchmarks time: doubles that do nothing, and the peers that ours is shown beside.

Nothing here is part of the product, but for the plain no-op class, which is that of the yardstick: it is timed beside
others, and never compared with the baseline. The peers are imported when they are asked for, so that the benchmarks
run without them; what needs one that is not installed is skipped.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.benchmark.operation import PlainNoOp
from pytest_telemetry.runtime.context import TelemetryContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.runtime.conversion import Point
    from pytest_telemetry.runtime.span import Span

__all__ = (
    "NoOpReporter",
    "NoOpSink",
    "PlainNoOp",
    "disabled_logger",
    "enabled",
    "logfire_instance",
    "opentelemetry_api_tracer",
    "opentelemetry_proxy_tracer",
    "opentelemetry_sdk_tracer",
)


class NoOpSink:
    """A native sink that throws everything away."""

    def span_ended(self, span: Span, end: int, error: BaseException | None, /) -> None:
        pass

    def point(self, point: Point, /) -> None:
        pass

    def emit(self, record: Record, /) -> None:
        pass

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def statistics(self) -> Mapping[str, int]:
        return {"accepted": 0, "stored": 0, "dropped": 0}


class NoOpReporter:
    """A two-method reporter that throws everything away."""

    def record_timing(self, scope: str, duration: float, /, **metadata: Any) -> None:
        pass

    def record_metric(self, scope: str, value: Any, /, **metadata: Any) -> None:
        pass


def enabled(reporter: NoOpSink | NoOpReporter) -> TelemetryContext:
    """Return a context that is on, whatever the environment says."""
    return TelemetryContext(reporter, enabled=True, strict=False)


def disabled_logger() -> logging.Logger:
    """Return a logger that is not interested in debug messages."""
    logger = logging.getLogger("benchmarks.disabled")
    logger.setLevel(logging.WARNING)
    return logger


def opentelemetry_api_tracer() -> Any:
    """Return the no-op tracer of the OpenTelemetry API."""
    return pytest.importorskip("opentelemetry.trace").NoOpTracerProvider().get_tracer("benchmark")


def opentelemetry_proxy_tracer() -> Any:
    """Return what a library gets from the OpenTelemetry API in an application that configured nothing."""
    return pytest.importorskip("opentelemetry.trace").ProxyTracerProvider().get_tracer("benchmark")


def opentelemetry_sdk_tracer() -> Any:
    """Return a tracer of an OpenTelemetry SDK whose only processor does nothing."""
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    resources = pytest.importorskip("opentelemetry.sdk.resources")
    provider = sdk.TracerProvider(resource=resources.Resource({}), shutdown_on_exit=False)
    provider.add_span_processor(sdk.SpanProcessor())
    return provider.get_tracer("benchmark")


def logfire_instance() -> Any:
    """Return a logfire with its default configuration that sends and prints nothing; its processor does nothing."""
    logfire = pytest.importorskip("logfire")
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    return logfire.configure(
        local=True, send_to_logfire=False, console=False, additional_span_processors=[sdk.SpanProcessor()]
    )
