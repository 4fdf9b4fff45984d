"""The enabled context with a sink that does nothing: what the runtime itself costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from benchmarks.operations import peer_span, point, span
from benchmarks.subjects import (
    NoOpReporter,
    NoOpSink,
    enabled,
    logfire_instance,
    opentelemetry_sdk_tracer,
)
from benchmarks.verdict import Target

if TYPE_CHECKING:
    from benchmarks.measure import Measure

OF_THE_DOCUMENT: Final = Target("above", 100_000, "operations/s")
SDK: Final = "OpenTelemetry SDK span"
LOGFIRE: Final = "logfire span"


@pytest.mark.parametrize("attributes", [0, 3])
@pytest.mark.parametrize("depth", [1, 5, 20])
def test_native_sink(measure: Measure, depth: int, attributes: int) -> None:
    """A span that goes to a native sink costs less than a microsecond."""
    name = f"span, native sink, depth {depth}, attributes: {attributes}"
    fast = Target("above", 1_000_000, "operations/s", scaled=True)

    measure(
        span(name, enabled(NoOpSink()), depth=depth, attributes=attributes), targets=[OF_THE_DOCUMENT, fast]
    )


@pytest.mark.parametrize("attributes", [0, 3])
@pytest.mark.parametrize("depth", [1, 5, 20])
def test_two_method_reporter(measure: Measure, depth: int, attributes: int) -> None:
    """A span that goes to ``record_timing`` with all its metadata keys; 600,000 a second without attributes."""
    name = f"span, two-method reporter, depth {depth}, attributes: {attributes}"
    fast = Target("above", 600_000, "operations/s", scaled=True)

    measure(
        span(name, enabled(NoOpReporter()), depth=depth, attributes=attributes),
        targets=[OF_THE_DOCUMENT] if attributes else [OF_THE_DOCUMENT, fast],
    )


def test_call_form(measure: Measure) -> None:
    """``with tele("a.b")`` costs at most a quarter more than the hot form."""
    tele = enabled(NoOpSink())

    measure(
        span("span in the call form, depth 2", tele, form="tele", depth=2),
        span("hot form", tele, depth=2),
        targets=[OF_THE_DOCUMENT, Target("at most", 1.25, "x", "hot form")],
    )


def test_flat_in_depth(measure: Measure) -> None:
    """A span costs the same however many are open around it; 15 % are left to noise."""
    tele = enabled(NoOpSink())

    measure(
        span("span at depth 20", tele, depth=20),
        *(span(f"span at depth {depth}", tele, depth=depth) for depth in (1, 2, 5, 100)),
        targets=[Target("at most", 1.15, "x", f"span at depth {depth}") for depth in (1, 2, 5)],
    )


@pytest.mark.parametrize("depth", [2, 1])
def test_beside_opentelemetry(measure: Measure, depth: int) -> None:
    """A span is at least 15 times faster than one of the OpenTelemetry SDK whose processor does nothing.

    Judged inside an open span, where most spans are; as a root, a span of ours reads the wall clock too.
    """
    name = f"span beside OpenTelemetry, depth {depth}"

    measure(
        span(name, enabled(NoOpSink()), depth=depth),
        peer_span(SDK, opentelemetry_sdk_tracer().start_as_current_span, depth=depth),
        targets=[Target("at least", 15, "x", SDK)] if depth == 2 else [],
    )


@pytest.mark.parametrize("depth", [2, 1])
def test_beside_logfire(measure: Measure, depth: int) -> None:
    """A span is at least 100 times faster than one of logfire that is sent and printed nowhere.

    Judged inside an open span, like OpenTelemetry.
    """
    name = f"span beside logfire, depth {depth}"

    measure(
        span(name, enabled(NoOpSink()), depth=depth),
        peer_span(LOGFIRE, logfire_instance().span, depth=depth),
        targets=[Target("at least", 100, "x", LOGFIRE)] if depth == 2 else [],
    )


@pytest.mark.parametrize("call", ["count('a.b')", "gauge('a.b', 0.5)", "event('a.b', a=1)"])
@pytest.mark.parametrize("reporter", [NoOpSink, NoOpReporter])
def test_point(measure: Measure, call: str, reporter: type[NoOpSink | NoOpReporter]) -> None:
    """A measurement or an event inside a span is as fast as the document asks of scopes, and faster."""
    kind = "native sink" if reporter is NoOpSink else "two-method reporter"

    measure(point(f"{call}, {kind}", enabled(reporter()), call), targets=[OF_THE_DOCUMENT])
