"""The disabled context: what instrumented code pays when nobody listens."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

import pytest

from benchmarks.operations import PLAIN, peer_span, plain, span
from benchmarks.subjects import disabled_logger, opentelemetry_api_tracer, opentelemetry_proxy_tracer
from pytest_telemetry.runtime.context import TelemetryContext

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION: Final = "function of the same signature"


def within(attributes: int, **targets: Any) -> Any:
    return pytest.param(attributes, marks=pytest.mark.telemetry(**targets), id=str(attributes))


@pytest.mark.parametrize(
    "attributes",
    [
        within(0, target_ns=200, max_ratio=(PLAIN, 0.75)),
        within(1, max_ratio=(PLAIN, 0.85)),
        within(3, max_ratio=(PLAIN, 0.85)),
    ],
)
def test_call_form(telemetry_benchmark: Any, attributes: int) -> None:
    """``with tele("a.b")`` costs at most three quarters of the plain no-op class, and less than 200 ns.

    With attributes, most of the cost of both is what CPython does to call an object with keywords, so the share
    is larger; it is a bound of ours, to notice a change. The hot form is free of that cost.
    """
    telemetry_benchmark.statement(
        **span(TelemetryContext(enabled=False), form="tele", attributes=attributes),
        label=f"disabled tele(...), attributes: {attributes}",
        against={PLAIN: plain(attributes)},
    )


@pytest.mark.parametrize(
    "attributes",
    [
        within(0, target_ns=200, max_ratio=(PLAIN, 0.55)),
        within(1, target_ns=200, max_ratio=(PLAIN, 0.55)),
        within(3, target_ns=200, max_ratio=(PLAIN, 0.45)),
    ],
)
def test_hot_form(telemetry_benchmark: Any, attributes: int) -> None:
    """``with tele.time("a.b")`` costs about half of the plain no-op class, and less than 200 ns."""
    telemetry_benchmark.statement(
        **span(TelemetryContext(enabled=False), attributes=attributes),
        label=f"disabled tele.time(...), attributes: {attributes}",
        against={PLAIN: plain(attributes)},
    )


def count(name: str, /, increment: float = 1, **attrs: object) -> None:
    pass


def gauge(name: str, value: float, /, **attrs: object) -> None:
    pass


def event(name: str, /, **attrs: object) -> None:
    pass


@pytest.mark.telemetry(max_ratio=(FUNCTION, 1.5))
@pytest.mark.parametrize(
    ("call", "function"),
    [
        ("count('a.b')", count),
        ("count('a.b', 3, a=1, b=2)", count),
        ("gauge('a.b', 0.5)", gauge),
        ("event('a.b', a=1)", event),
    ],
    ids=["count", "count-attributes", "gauge", "event"],
)
def test_point(telemetry_benchmark: Any, call: str, function: Callable[..., None]) -> None:
    """A measurement or an event costs at most 1.5 times a function of the same signature."""
    telemetry_benchmark.statement(
        f"tele.{call}",
        {"tele": TelemetryContext(enabled=False)},
        label=f"disabled tele.{call}",
        against={FUNCTION: {"body": call, "names": {function.__name__: function}}},
    )


def test_beside_peers(telemetry_benchmark: Any) -> None:
    """The hot form beside what else one might leave in production code; shown, not judged."""
    telemetry_benchmark.statement(
        **span(TelemetryContext(enabled=False)),
        label="disabled tele.time(...) beside peers",
        against={
            PLAIN: plain(),
            "contextlib.nullcontext()": {
                "body": "with nullcontext(): pass",
                "names": {"nullcontext": nullcontext},
            },
            "logging, debug() at level WARNING": {
                "body": "logger.debug('a.b')",
                "names": {"logger": disabled_logger()},
            },
            "OpenTelemetry API, no-op tracer": peer_span(opentelemetry_api_tracer().start_as_current_span),
            "OpenTelemetry API, nothing configured": peer_span(
                opentelemetry_proxy_tracer().start_as_current_span
            ),
        },
    )
