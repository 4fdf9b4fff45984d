"""Skeletons in few bytes, for caches (layer 2)."""

from __future__ import annotations

from typing import Any, Final

from pytest_telemetry.codeintel.skeleton_map import Damage, SkeletonMap, Symbol, SymbolRow, symbols_of
from pytest_telemetry.model.wire import decode_value, encode_plain

__all__ = ("decoded", "encoded")


def encoded(skeleton: SkeletonMap) -> bytes:
    """Return a skeleton in few bytes, for `decoded`.

    Raises:
        ValueError: It holds what is no text, as half a surrogate pair: the name of a file may.
    """
    rows = [_row(symbol, depth) for symbol, depth in skeleton.walk_with_depth()]
    damage = [(part.line, part.end_line) for part in skeleton.damage]
    try:
        return encode_plain([skeleton.file, skeleton.source_bytes, damage, rows]).encode()
    except TypeError as error:
        raise ValueError(f"it cannot be kept: {error}") from error


def decoded(value: bytes) -> SkeletonMap:
    """Return what `encoded` was given.

    Raises:
        ValueError: The bytes are something else.
    """
    try:
        file, source_bytes, damage, rows = decode_value(value.decode())
        return SkeletonMap(
            file,
            symbols_of(map(_read, rows)),
            tuple(Damage(line, end_line) for line, end_line in damage),
            source_bytes,
        )
    except (TypeError, LookupError) as error:
        raise ValueError(f"no skeleton: {error}") from error


def _row(symbol: Symbol, depth: int) -> list[Any]:
    row = [
        depth,
        symbol.name,
        symbol.kind,
        symbol.line,
        symbol.first_line,
        symbol.end_line,
        symbol.signature,
        symbol.is_async,
        symbol.decorators,
        symbol.doc,
        symbol.is_conditional,
    ]
    while not row[-1]:
        row.pop()
    return row


def _read(row: list[Any]) -> SymbolRow:
    if len(row) > _DECORATORS:
        row[_DECORATORS] = tuple(row[_DECORATORS])
    return SymbolRow(*row)


_DECORATORS: Final = SymbolRow._fields.index("decorators")
