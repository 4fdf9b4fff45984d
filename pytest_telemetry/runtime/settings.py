"""What the environment says, read when a Context is built and at no other time (layer 1)."""

from __future__ import annotations

import os

__all__ = ("enabled_by_environment", "strict_by_environment")


def enabled_by_environment() -> bool:
    """Return whether ``PYTEST_TELEMETRY`` or ``DEBUG`` is exactly ``1``."""
    return os.environ.get("PYTEST_TELEMETRY") == "1" or os.environ.get("DEBUG") == "1"


def strict_by_environment() -> bool:
    """Return whether ``PYTEST_TELEMETRY_STRICT_SCOPES`` is exactly ``1``."""
    return os.environ.get("PYTEST_TELEMETRY_STRICT_SCOPES") == "1"
