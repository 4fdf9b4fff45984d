"""Three tests that fail on purpose: read what each says was closest, and why it is not a match."""

from __future__ import annotations

from indexer.index import build
from indexer.sources import Memory

from pytest_telemetry import span

SOURCE = Memory({"shop/cart.py": b"class Cart:\n    pass\n"})


def test_a_wrong_value(telemetry_recorder):
    """The file defines one name, not two."""
    build(SOURCE, telemetry_recorder.context)

    assert span("ast.parse", file="shop/*", definitions=2) in telemetry_recorder


def test_a_wrong_place(telemetry_recorder):
    """A file is not parsed while it is read, but after."""
    build(SOURCE, telemetry_recorder.context)

    assert telemetry_recorder == [span("index", span("file.read", span("ast.parse")))]


def test_a_misspelt_metric(telemetry_recorder):
    """The counter is called files.indexed."""
    build(SOURCE, telemetry_recorder.context)

    assert telemetry_recorder.metric("file.indexed") == 1
