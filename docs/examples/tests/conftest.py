"""What the tests of the indexer share: a small source that is the same every time."""

from __future__ import annotations

import pytest
from indexer.index import Index, build
from indexer.sources import Memory

from pytest_telemetry import TelemetryContext, use_context

FILES = {
    "shop/__init__.py": b"from shop.cart import Cart\n",
    "shop/cart.py": b"import shop.prices as prices\n\nLIMIT = 9\n\nclass Cart:\n    pass\n",
    "shop/broken.py": b"def broken(:\n",
}


@pytest.fixture
def source() -> Memory:
    """A package of three files, of which one does not parse."""
    return Memory(FILES)


@pytest.fixture
def index(source: Memory) -> Index:
    """The index of that package; a disabled context sees to it that nobody hears how it was made."""
    with use_context(TelemetryContext()) as disabled:
        return build(source, disabled)
