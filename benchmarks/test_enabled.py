"""The enabled context with a sink that does nothing: what the runtime itself costs.

Of the document, 100,000 operations a second are held to as measured, whatever the machine (``credit=False``); where
more is asked, which a slow machine is given credit for, it is implied, for that credit has a limit.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from benchmarks.operations import peer_span, point, span
from benchmarks.subjects import (
    NoOpReporter,
    NoOpSink,
    enabled,
    logfire_instance,
    opentelemetry_sdk_tracer,
)

SDK: Final = "OpenTelemetry SDK span"
LOGFIRE: Final = "logfire span"
HOT: Final = "hot form"
DEPTHS: Final = {depth: f"span at depth {depth}" for depth in (1, 2, 5, 20, 100)}


@pytest.mark.telemetry(min_ops=1_000_000)
@pytest.mark.parametrize("attributes", [0, 3])
@pytest.mark.parametrize("depth", [1, 5, 20])
def test_native_sink(telemetry_benchmark: Any, depth: int, attributes: int) -> None:
    """A span that goes to a native sink costs less than a microsecond."""
    telemetry_benchmark.statement(
        **span(enabled(NoOpSink()), depth=depth, attributes=attributes),
        label=f"span, native sink, depth {depth}, attributes: {attributes}",
    )


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param(0, marks=pytest.mark.telemetry(min_ops=600_000)),
        pytest.param(3, marks=pytest.mark.telemetry(min_ops=100_000, credit=False)),
    ],
)
@pytest.mark.parametrize("depth", [1, 5, 20])
def test_two_method_reporter(telemetry_benchmark: Any, depth: int, attributes: int) -> None:
    """A span that goes to ``record_timing`` with all its metadata keys; 600,000 a second without attributes."""
    telemetry_benchmark.statement(
        **span(enabled(NoOpReporter()), depth=depth, attributes=attributes),
        label=f"span, two-method reporter, depth {depth}, attributes: {attributes}",
    )


@pytest.mark.telemetry(min_ops=100_000, credit=False, max_ratio=(HOT, 1.25))
def test_call_form(telemetry_benchmark: Any) -> None:
    """``with tele("a.b")`` costs at most a quarter more than the hot form."""
    tele = enabled(NoOpSink())

    telemetry_benchmark.statement(
        **span(tele, form="tele", depth=2),
        label="span in the call form, depth 2",
        against={HOT: span(tele, depth=2)},
    )


@pytest.mark.telemetry(max_ratio=[(DEPTHS[depth], 1.15) for depth in (1, 2, 5)])
def test_flat_in_depth(telemetry_benchmark: Any) -> None:
    """A span costs the same however many are open around it; 15 % are left to noise."""
    tele = enabled(NoOpSink())

    telemetry_benchmark.statement(
        **span(tele, depth=20),
        label=DEPTHS[20],
        against={DEPTHS[depth]: span(tele, depth=depth) for depth in (1, 2, 5, 100)},
    )


@pytest.mark.parametrize("depth", [pytest.param(2, marks=pytest.mark.telemetry(max_ratio=(SDK, 1 / 15))), 1])
def test_beside_opentelemetry(telemetry_benchmark: Any, depth: int) -> None:
    """A span is at least 15 times faster than one of the OpenTelemetry SDK whose processor does nothing.

    Judged inside an open span, where most spans are; as a root, a span of ours reads the wall clock too.
    """
    telemetry_benchmark.statement(
        **span(enabled(NoOpSink()), depth=depth),
        label=f"span beside OpenTelemetry, depth {depth}",
        against={SDK: peer_span(opentelemetry_sdk_tracer().start_as_current_span, depth=depth)},
    )


@pytest.mark.parametrize(
    "depth", [pytest.param(2, marks=pytest.mark.telemetry(max_ratio=(LOGFIRE, 1 / 100))), 1]
)
def test_beside_logfire(telemetry_benchmark: Any, depth: int) -> None:
    """A span is at least 100 times faster than one of logfire that is sent and printed nowhere.

    Judged inside an open span, like OpenTelemetry.
    """
    telemetry_benchmark.statement(
        **span(enabled(NoOpSink()), depth=depth),
        label=f"span beside logfire, depth {depth}",
        against={LOGFIRE: peer_span(logfire_instance().span, depth=depth)},
    )


@pytest.mark.telemetry(min_ops=100_000, credit=False)
@pytest.mark.parametrize(
    "call", ["count('a.b')", "gauge('a.b', 0.5)", "event('a.b', a=1)"], ids=["count", "gauge", "event"]
)
@pytest.mark.parametrize("reporter", [NoOpSink, NoOpReporter], ids=["native", "reporter"])
def test_point(telemetry_benchmark: Any, call: str, reporter: type[NoOpSink | NoOpReporter]) -> None:
    """A measurement or an event inside a span is as fast as the document asks of scopes, and faster."""
    kind = "native sink" if reporter is NoOpSink else "two-method reporter"

    telemetry_benchmark.statement(**point(enabled(reporter()), call), label=f"{call}, {kind}")
