"""The definition server: what happens in another thread, and waiting for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from indexer.server import DefinitionServer, Location

from pytest_telemetry import TelemetryRecorder, event, span

if TYPE_CHECKING:
    from indexer.index import Index


def test_the_server_becomes_ready_in_its_own_thread(
    telemetry_recorder: TelemetryRecorder, index: Index
) -> None:
    """`wait_for` returns as soon as the pattern is recorded, by whatever thread."""
    with DefinitionServer(index, telemetry_recorder.context):
        telemetry_recorder.wait_for(event("lsp.ready", thread="definition-server"), timeout=10)

    assert event("lsp.spawn") >> span("lsp.initialize", modules=2) >> event("lsp.ready") in telemetry_recorder


def test_readiness_can_be_awaited(telemetry_recorder: TelemetryRecorder, index: Index) -> None:
    """`await_for` does the same without blocking the event loop, in whatever way the loop is run."""

    async def start_and_stop() -> None:
        with DefinitionServer(index, telemetry_recorder.context):
            await telemetry_recorder.await_for(event("lsp.ready"), timeout=10)

    asyncio.run(start_and_stop())

    assert event("lsp.exit") in telemetry_recorder


def test_an_imported_name_is_followed_to_its_definition(
    telemetry_recorder: TelemetryRecorder, index: Index
) -> None:
    """The request is a span of the thread that asks, not of the thread that answers."""
    with DefinitionServer(index, telemetry_recorder.context) as server:
        location = server.definition("shop.Cart", timeout=10)

    assert location == Location("shop/cart.py", 5)
    assert span("lsp.definition", symbol="shop.Cart", thread="MainThread") in telemetry_recorder


def test_a_lost_request_ends_with_a_time_out(telemetry_recorder: TelemetryRecorder, index: Index) -> None:
    """The exception is recorded on its way, and passes."""
    with (
        DefinitionServer(index, telemetry_recorder.context, unanswered={"shop.Cart"}) as server,
        pytest.raises(TimeoutError, match=r"no answer about shop\.Cart"),
    ):
        server.definition("shop.Cart", timeout=0.01)

    assert span("lsp.definition", error=TimeoutError) in telemetry_recorder


def test_nothing_is_asked_before_the_server_is_ready(
    telemetry_recorder: TelemetryRecorder, index: Index
) -> None:
    """`not in` is a promise as well; had nothing at all been recorded, it would fail as vacuous."""
    server = DefinitionServer(index, telemetry_recorder.context)

    with telemetry_recorder.context("caller"), pytest.raises(TimeoutError, match="not ready"):
        server.definition("shop.Cart", timeout=0)

    assert span("lsp.definition") not in telemetry_recorder
