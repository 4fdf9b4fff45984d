"""The disabled context: what instrumented code pays when nobody listens."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

import pytest

from benchmarks.measure import PER_ROUND
from benchmarks.operations import PLAIN, peer_span, plain, span
from benchmarks.race import Operation
from benchmarks.subjects import disabled_logger, opentelemetry_api_tracer, opentelemetry_proxy_tracer
from benchmarks.verdict import Target
from pytest_telemetry.runtime.context import TelemetryContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measure import Measure

BELOW_200_NS: Final = Target("below", 200, "ns", scaled=True)
FUNCTION: Final = "function of the same signature"


@pytest.mark.parametrize(("attributes", "share"), [(0, 0.75), (1, 0.85), (3, 0.85)])
def test_call_form(measure: Measure, attributes: int, share: float) -> None:
    """``with tele("a.b")`` costs at most three quarters of the plain no-op class, and less than 200 ns.

    With attributes, most of the cost of both is what CPython does to call an object with keywords, so the share
    is larger; it is a bound of ours, to notice a change. The hot form is free of that cost.
    """
    tele = TelemetryContext(enabled=False)
    targets = [Target("at most", share, "x", PLAIN)]

    measure(
        span(f"disabled tele(...), attributes: {attributes}", tele, form="tele", attributes=attributes),
        plain(attributes),
        targets=targets if attributes else [*targets, BELOW_200_NS],
    )


@pytest.mark.parametrize(("attributes", "share"), [(0, 0.55), (1, 0.55), (3, 0.45)])
def test_hot_form(measure: Measure, attributes: int, share: float) -> None:
    """``with tele.time("a.b")`` costs about half of the plain no-op class, and less than 200 ns."""
    tele = TelemetryContext(enabled=False)

    measure(
        span(f"disabled tele.time(...), attributes: {attributes}", tele, attributes=attributes),
        plain(attributes),
        targets=[Target("at most", share, "x", PLAIN), BELOW_200_NS],
    )


def count(name: str, /, increment: float = 1, **attrs: object) -> None:
    pass


def gauge(name: str, value: float, /, **attrs: object) -> None:
    pass


def event(name: str, /, **attrs: object) -> None:
    pass


@pytest.mark.parametrize(
    ("call", "function"),
    [
        ("count('a.b')", count),
        ("count('a.b', 3, a=1, b=2)", count),
        ("gauge('a.b', 0.5)", gauge),
        ("event('a.b', a=1)", event),
    ],
)
def test_point(measure: Measure, call: str, function: Callable[..., None]) -> None:
    """A measurement or an event costs at most 1.5 times a function of the same signature."""
    tele = TelemetryContext(enabled=False)

    measure(
        Operation(f"disabled tele.{call}", f"tele.{call}", {"tele": tele}, iterations=PER_ROUND),
        Operation(FUNCTION, call, {function.__name__: function}),
        targets=[Target("at most", 1.5, "x", FUNCTION)],
    )


def test_beside_peers(measure: Measure) -> None:
    """The hot form beside what else one might leave in production code; shown, not judged."""
    measure(
        span("disabled tele.time(...) beside peers", TelemetryContext(enabled=False)),
        plain(),
        Operation("contextlib.nullcontext()", "with nullcontext(): pass", {"nullcontext": nullcontext}),
        Operation("logging, debug() at level WARNING", "logger.debug('a.b')", {"logger": disabled_logger()}),
        peer_span("OpenTelemetry API, no-op tracer", opentelemetry_api_tracer().start_as_current_span),
        peer_span(
            "OpenTelemetry API, nothing configured", opentelemetry_proxy_tracer().start_as_current_span
        ),
    )
