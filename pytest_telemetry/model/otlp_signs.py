"""By what an export of OpenTelemetry is known, without what it takes to read one (layer 0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("begins_export", "is_export", "is_spread_over_lines")

_SIGNALS: Final = ("resourceSpans", "resourceMetrics", "resourceLogs")
_OURS: Final = frozenset({"record", "cmd"})
_BEGIN: Final = re.compile(rf'\s*\{{(\s*)"(?:{"|".join(_SIGNALS)})"\s*:(\s*)\[(\s*)'.encode())


def begins_export(text: bytes) -> bool:
    """Tell whether *text* is the beginning of an export."""
    return _BEGIN.match(text) is not None


def is_spread_over_lines(text: bytes) -> bool:
    """Tell whether *text* is the beginning of an export that is laid out to be read by people."""
    match = _BEGIN.match(text)
    return match is not None and any(b"\n" in blank for blank in match.groups())


def is_export(raw: Mapping[str, Any]) -> bool:
    """Tell whether the object of a line is an export, and no event or record with an attribute of such a name."""
    return any(isinstance(raw.get(signal), list) for signal in _SIGNALS) and _OURS.isdisjoint(raw)
