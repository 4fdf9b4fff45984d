"""The enabled context with a sink that does nothing: what the runtime itself costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.measure import PER_ROUND
from benchmarks.race import Operation
from benchmarks.subjects import (
    ATTRIBUTES,
    NoOpReporter,
    NoOpSink,
    enabled,
    logfire_instance,
    opentelemetry_sdk_tracer,
)
from benchmarks.verdict import Target

if TYPE_CHECKING:
    from benchmarks.measure import Measure
    from pytest_telemetry.runtime.context import TelemetryContext

OF_THE_DOCUMENT = Target("above", 100_000, "operations/s")
SDK = "OpenTelemetry SDK span"
LOGFIRE = "logfire span"


def span(tele: TelemetryContext, name: str, *, depth: int = 1, attributes: int = 0, form: str = "tele.time") -> Operation:
    """Return the operation that opens the span number *depth*, inside the others."""
    return Operation(
        name,
        f"with {form}('a.b'{ATTRIBUTES[attributes]}): pass",
        {"tele": tele},
        inside=lambda: [tele.time(f"level{level}") for level in range(1, depth)],
        iterations=PER_ROUND,
    )


@pytest.mark.parametrize("attributes", [0, 3])
@pytest.mark.parametrize("depth", [1, 5, 20])
def test_native_sink(measure: Measure, depth: int, attributes: int) -> None:
    """A span that goes to a native sink costs less than a microsecond."""
    name = f"enabled tele.time(...), native sink, depth {depth}, attributes: {attributes}"
    fast = Target("above", 1_000_000, "operations/s", scaled=True)

    measure(
        span(enabled(NoOpSink()), name, depth=depth, attributes=attributes),
        targets=[OF_THE_DOCUMENT, fast],
    )


def test_call_form(measure: Measure) -> None:
    """``with tele("a.b")`` costs little more than the hot form; shown, not judged."""
    tele = enabled(NoOpSink())

    measure(
        span(tele, "enabled tele(...), native sink, depth 2, attributes: 0", depth=2, form="tele"),
        span(tele, "hot form", depth=2),
        targets=[OF_THE_DOCUMENT],
    )


@pytest.mark.parametrize("attributes", [0, 3])
@pytest.mark.parametrize("depth", [1, 5, 20])
def test_two_method_reporter(measure: Measure, depth: int, attributes: int) -> None:
    """A span that goes to ``record_timing`` with all its metadata keys stays above 600,000 a second."""
    name = f"enabled tele.time(...), two-method reporter, depth {depth}, attributes: {attributes}"
    fast = Target("above", 600_000, "operations/s", scaled=True)

    measure(
        span(enabled(NoOpReporter()), name, depth=depth, attributes=attributes),
        targets=[OF_THE_DOCUMENT] if attributes else [OF_THE_DOCUMENT, fast],
    )


def test_flat_in_depth(measure: Measure) -> None:
    """A span costs the same however many are open around it; 15 % are left to noise."""
    tele = enabled(NoOpSink())
    depths = [20, 1, 2, 5, 100]
    operations = [span(tele, f"at depth {depth}", depth=depth) for depth in depths[1:]]

    measure(
        span(tele, "enabled tele.time(...), native sink, at depth 20", depth=20),
        *operations,
        targets=[Target("at most", 1.15, "x", "at depth 1"), Target("at most", 1.15, "x", "at depth 2")],
    )


@pytest.mark.parametrize("depth", [2, 1])
def test_beside_opentelemetry(measure: Measure, depth: int) -> None:
    """A span is at least 15 times faster than one of the OpenTelemetry SDK whose processor does nothing.

    Judged inside an open span, where most spans are; a root span reads the wall clock too.
    """
    tele, tracer = enabled(NoOpSink()), opentelemetry_sdk_tracer()
    start = tracer.start_as_current_span

    measure(
        span(tele, f"enabled tele.time(...) beside OpenTelemetry, depth {depth}", depth=depth),
        peer(SDK, "with start('a.b'): pass", start, depth),
        targets=[Target("at least", 15, "x", SDK)] if depth == 2 else [],
    )


@pytest.mark.parametrize("depth", [2, 1])
def test_beside_logfire(measure: Measure, depth: int) -> None:
    """A span is at least 100 times faster than one of logfire that is sent and printed nowhere.

    Judged inside an open span, like OpenTelemetry.
    """
    tele, logfire = enabled(NoOpSink()), logfire_instance()

    measure(
        span(tele, f"enabled tele.time(...) beside logfire, depth {depth}", depth=depth),
        peer(LOGFIRE, "with start('a.b'): pass", logfire.span, depth),
        targets=[Target("at least", 100, "x", LOGFIRE)] if depth == 2 else [],
    )


def peer(name: str, body: str, start: Any, depth: int) -> Operation:
    return Operation(name, body, {"start": start}, inside=lambda: [start(f"level{n}") for n in range(1, depth)])


@pytest.mark.parametrize("call", ["count('a.b')", "gauge('a.b', 0.5)", "event('a.b', a=1)"])
@pytest.mark.parametrize("reporter", [NoOpSink, NoOpReporter])
def test_point(measure: Measure, call: str, reporter: type[NoOpSink | NoOpReporter]) -> None:
    """A measurement or an event inside a span stays far above what the document asks of scopes."""
    tele = enabled(reporter())
    kind = "native sink" if reporter is NoOpSink else "two-method reporter"

    measure(
        Operation(
            f"enabled tele.{call}, {kind}",
            f"tele.{call}",
            {"tele": tele},
            inside=lambda: [tele.time("level1")],
            iterations=PER_ROUND,
        ),
        targets=[OF_THE_DOCUMENT],
    )
