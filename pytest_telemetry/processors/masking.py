"""Masks whole values by the names of their attributes (layer 2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.rewriting import rewritten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_telemetry.model.record import Record

__all__ = ("MaskedFields",)

_MARK: Final = "[REDACTED:field]"


class MaskedFields:
    """A processor that replaces the values of some attributes by ``[REDACTED:field]``, at any depth.

    A name stands for each key that is this name, or ends in it behind a dot: ``query`` for ``args.query`` as well,
    which is how the member ``query`` of ``args`` is called in a record. None stays None. A record without such an
    attribute is returned as it is.

    Args:
        names: Names of keys, as they are written.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._endings = tuple(f".{name}" for name in self._names)

    def __call__(self, record: Record, /) -> Record:
        """Return *record*, or a copy of it in which the values are masked."""
        attrs = rewritten(record.attrs, lambda text, _: text, self._cover)
        return record if attrs is record.attrs else replace(record, attrs=attrs)

    def _cover(self, key: str, value: Any, field: str) -> tuple[Any, bool]:
        del field
        is_named = key in self._names or key.endswith(self._endings)
        return (_MARK, False) if is_named and value is not None else (value, True)
