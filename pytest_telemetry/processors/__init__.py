"""Processors: what shapes records before any sink; each is described in ``docs/reference/processors.md`` (layer 2)."""

from __future__ import annotations

from pytest_telemetry.processors.paths import RelativePaths

__all__ = ("RelativePaths",)
