"""Lets ``python -m pytest_telemetry.cli`` stand for ``pytest-telemetry`` (layer 7)."""

from __future__ import annotations

from pytest_telemetry.cli import main

main()
