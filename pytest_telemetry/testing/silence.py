"""Finds out why a recorder heard nothing; asked only by failure texts (layer 5)."""

from __future__ import annotations

import sys
from typing import Final

from pytest_telemetry.runtime.context import NO_OP

__all__ = ("reason_for_silence",)

_OURS: Final = "pytest_telemetry"
_SHOWN: Final = 3


def reason_for_silence(*, asked: bool) -> str:
    """Return the likeliest reason in one line.

    Args:
        asked: Whether somebody took the recorder's context to hand it on.
    """
    holders = _holders_of_the_no_op()
    if holders:
        names = ", ".join(holders[:_SHOWN]) + (" and others" if len(holders) > _SHOWN else "")
        return (
            f"{names} is a Context that was built disabled, before the test: use current_context() or @timed there, "
            "or hand over the recorder's context"
        )
    if asked:
        return "its context was handed out but never used: did the code that reports run?"
    return (
        "nobody took the recorder's context, and no decorator or current_context() was used: hand `.context` to the "
        "code under test"
    )


def _holders_of_the_no_op() -> list[str]:
    """Return the module-level names that hold the disabled context, outside this package."""
    found = []
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] == _OURS:
            continue
        names = getattr(module, "__dict__", {})
        found += [f"{module_name}.{name}" for name, value in list(names.items()) if value is NO_OP]
    return sorted(found)
