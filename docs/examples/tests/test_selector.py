"""Resolving symbols: what happens when the server does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from indexer.selector import Selector, UnknownSymbolError
from indexer.server import DefinitionServer

from pytest_telemetry import TelemetryRecorder, event, metric, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.index import Index


@pytest.fixture
def server(telemetry_recorder: TelemetryRecorder, index: Index) -> Iterator[DefinitionServer]:
    """A server that is ready, and never answers about ``shop.cart.LIMIT``."""
    with DefinitionServer(index, telemetry_recorder.context, unanswered={"shop.cart.LIMIT"}) as server:
        telemetry_recorder.wait_for(event("lsp.ready"), timeout=10)
        yield server


@pytest.fixture
def selector(telemetry_recorder: TelemetryRecorder, index: Index, server: DefinitionServer) -> Selector:
    """A selector that waits long for answers, so that a slow machine changes nothing."""
    return Selector(index, server, telemetry_recorder.context, timeout=10)


def test_an_answer_is_taken_from_the_server(
    telemetry_recorder: TelemetryRecorder, selector: Selector
) -> None:
    """A pattern with something inside describes a part of the tree, wherever it is."""
    selector.resolve("shop.cart.Cart")

    assert span("selector.resolve", span("lsp.definition"), via="definition") in telemetry_recorder


def test_a_time_out_falls_back_to_the_skeleton(
    telemetry_recorder: TelemetryRecorder, index: Index, server: DefinitionServer
) -> None:
    """`&` asks for both, and what is named inside a span must have happened there."""
    selector = Selector(index, server, telemetry_recorder.context, timeout=0.01)

    resolution = selector.resolve("shop.cart.LIMIT")

    assert str(resolution.location) == "shop/cart.py:3"
    assert (
        span(
            "selector.resolve",
            span("lsp.definition", status="error") & event("lsp.timeout"),
            event("lsp.fallback", reason="timeout"),
            via="skeleton",
        )
        in telemetry_recorder
    )


def test_every_fallback_has_one_of_the_known_reasons(
    telemetry_recorder: TelemetryRecorder, selector: Selector
) -> None:
    """`|` leaves a choice."""
    selector.resolve("shop.cart.made_up")

    assert (
        event("lsp.fallback", reason="timeout") | event("lsp.fallback", reason="unknown")
        in telemetry_recorder
    )


def test_an_unknown_module_is_an_error_that_the_span_shows(
    telemetry_recorder: TelemetryRecorder, selector: Selector
) -> None:
    """A name that nobody can define is reported, not counted as an answer, and raised."""
    with pytest.raises(UnknownSymbolError, match=r"nowhere\.name"):
        selector.resolve("nowhere.name")

    assert span("selector.resolve", symbol="nowhere.name", error=UnknownSymbolError) in telemetry_recorder
    assert metric("answers") not in telemetry_recorder


def test_each_answer_is_counted_by_how_it_was_found(
    telemetry_recorder: TelemetryRecorder, selector: Selector
) -> None:
    """Several symbols in one go; the ones without an answer are returned, not raised."""
    found, unknown = selector.resolve_all(["shop.Cart", "shop.cart.made_up", "nowhere.name"])

    assert [resolution.symbol for resolution in found] == ["shop.Cart", "shop.cart.made_up"]
    assert unknown == ["nowhere.name"]
    assert telemetry_recorder.metric("answers", via="definition") == 1
    assert telemetry_recorder.metric("answers", via="skeleton") == 1
    assert span("selector.resolve") * 3 in telemetry_recorder
