"""Processors: what shapes records before any sink; each is described in ``docs/reference/processors.md`` (layer 2)."""

from __future__ import annotations

from pytest_telemetry.processors.limits import SizeLimits
from pytest_telemetry.processors.paths import RelativePaths
from pytest_telemetry.processors.redaction import Redaction
from pytest_telemetry.processors.sampling import Sampling

__all__ = ("Redaction", "RelativePaths", "Sampling", "SizeLimits")
