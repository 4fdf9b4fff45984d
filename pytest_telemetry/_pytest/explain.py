"""Hands failed comparisons of recordings with patterns to the explanation (layer 7)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_telemetry.analysis.explain import explain
from pytest_telemetry.testing.recorder import TelemetryRecorder

if TYPE_CHECKING:
    import pytest

__all__ = ("explain_comparison",)


def explain_comparison(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Return the lines of the failure text, or None where neither side is ours to explain.

    In CI pytest does not truncate, so the text is as long there as with ``-vv``.
    """
    verbose = (
        2
        if os.environ.get("CI") or os.environ.get("BUILD_NUMBER")
        else config.get_verbosity(config.VERBOSITY_ASSERTIONS)
    )
    return explain(op, _records(left), _records(right), verbose=verbose)


def _records(value: object) -> object:
    return value.records() if isinstance(value, TelemetryRecorder) else value
