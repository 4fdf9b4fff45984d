"""Interned call paths, and what happens when names have no end."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from pytest_telemetry.runtime import path as module
from pytest_telemetry.runtime.path import ROOT, Path

if TYPE_CHECKING:
    import pytest

    from pytest_telemetry.runtime.context import TelemetryContext


def test_a_place_is_made_once() -> None:
    """Whoever opens a span of a name below a parent finds the same place."""
    first = ROOT.children["test_path.once"]

    assert ROOT.children["test_path.once"] is first
    assert first.children["x"] is first.children["x"]
    assert (first.scope, first.depth, first.parent_scope) == ("test_path.once", 0, None)
    below = first.children["x"]
    assert (below.scope, below.depth, below.parent_scope, below.parent) == (
        "test_path.once.x",
        1,
        "test_path.once",
        first,
    )


def test_names_without_end_lose_nothing_and_cost_no_memory(
    tele: TelemetryContext, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit places are made afresh: records are the same, and nothing is remembered."""
    monkeypatch.setattr(module, "_size", [module.LIMIT - 5])

    def places() -> int:
        gc.collect()
        return sum(type(thing) is Path for thing in gc.get_objects())

    before = places()
    for number in range(100):
        with tele(f"test_path.item_{number}"), tele("inner"):
            tele.count("n")
    getattr(sink, "started", []).clear()  # spans that are kept keep their places
    after = places()

    assert sink.scopes == [
        scope
        for number in range(100)
        for scope in (
            f"test_path.item_{number}.inner.n",
            f"test_path.item_{number}.inner",
            f"test_path.item_{number}",
        )
    ]
    assert len({record.span_id for record in sink.records("span")}) == 200
    assert after - before <= 2 * 5
