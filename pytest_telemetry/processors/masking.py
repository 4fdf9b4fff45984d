"""Masks whole values by the names of their attributes (layer 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.rewriting import rewritten_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_telemetry.model.record import Record

__all__ = ("MaskedFields",)

_MARK: Final = "[REDACTED:field]"


class MaskedFields:
    """A processor that replaces the values of some attributes by ``[REDACTED:field]``, at any depth.

    None stays None. A record without such an attribute is returned as it is.

    Args:
        names: Keys whose value is replaced, as they are written.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def __call__(self, record: Record, /) -> Record:
        """Return *record*, or a copy of it in which the values are masked."""
        return rewritten_record(record, lambda text, _: text, self._cover)

    def _cover(self, key: str, value: Any, field: str) -> tuple[Any, bool]:
        del field
        return (_MARK, False) if key in self._names and value is not None else (value, True)
