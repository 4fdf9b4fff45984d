"""Keeps what was passed to a call, and what came of it, to a preview (layer 2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_telemetry.processors.limits import SizeLimits

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("ShortPreviews",)

_PREFIXES: Final = ("args.", "result.")
_WHOLE: Final = ("args", "result")


class ShortPreviews:
    """A processor that cuts the attributes ``args`` and ``result`` and those below, as `SizeLimits` cuts, and no others.

    It belongs behind `Redaction`: of half a secret nobody can tell that it is one.

    A text keeps 120 characters, a container ten items and one level; marks included.
    """

    def __init__(self) -> None:
        self._limits = SizeLimits(max_text=120, max_items=10, max_depth=1, max_attrs=1_000)

    def __call__(self, record: Record, /) -> Record:
        """Return *record*, or a copy of it in which these are cut."""
        long = {
            key: value
            for key, value in record.attrs.items()
            if type(value) not in {int, float, bool, type(None)}
            and type(key) is str
            and (key in _WHOLE or key.startswith(_PREFIXES))
        }
        if not long:
            return record
        cut = self._limits(replace(record, attrs=long)).attrs
        return record if cut is long else replace(record, attrs=record.attrs | cut)
