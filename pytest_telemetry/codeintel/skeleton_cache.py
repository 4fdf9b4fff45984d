"""Keeps skeletons, so that a file that did not change is not parsed again: in memory (layer 2)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from pytest_telemetry.codeintel.skeleton_map import Damage, SkeletonMap, Symbol, SymbolRow, symbols_of
from pytest_telemetry.model.wire import decode_value, encode_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("Lookup", "MemorySkeletonCache", "SkeletonCache", "decoded", "encoded")


class Lookup(NamedTuple):
    """What became of a look-up: a ``hit`` has a skeleton, and an ``error`` is neither hit nor miss."""

    status: Literal["hit", "miss", "error"]
    skeleton: SkeletonMap | None = None


MISS: Final = Lookup("miss")
ERROR: Final = Lookup("error")


class SkeletonCache(Protocol):
    """Keeps skeletons under keys, which say everything that a skeleton depends on. Nothing raises."""

    @property
    def backend(self) -> str:
        """What events call it: ``memory``, ``sqlite``."""

    def get(self, key: str, /) -> Lookup:
        """Return what was put under a key, equal to it."""

    def put(self, key: str, skeleton: SkeletonMap, /) -> None:
        """Keep a skeleton, or not; what was under the key before is gone."""

    def statistics(self) -> Mapping[str, int]:
        """Return ``hits``, ``misses`` and ``errors`` of this object, and ``entries`` and ``bytes`` that are kept."""


class MemorySkeletonCache:
    """Keeps the latest skeletons, in a compact form, for as long as it exists; threads may share it.

    Args:
        max_entries: How many are kept.
        max_bytes: How long all of them may be, keys included; one that is longer by itself is not kept.
    """

    backend: Final = "memory"

    def __init__(self, max_entries: int = 10_000, max_bytes: int = 100_000_000) -> None:
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = self._hits = self._misses = 0

    def get(self, key: str) -> Lookup:
        """Return what was put under a key; it is the latest then."""
        with self._lock:
            value = self._kept.get(key)
            if value is None:
                self._misses += 1
                return MISS
            self._hits += 1
            self._kept.move_to_end(key)
        return Lookup("hit", decoded(value))

    def put(self, key: str, skeleton: SkeletonMap) -> None:
        """Keep a skeleton; those that were used least recently make room."""
        value = encoded(skeleton)
        with self._lock:
            self._drop(key)
            if len(key) + len(value) > self._max_bytes or self._max_entries < 1:
                return
            self._kept[key] = value
            self._bytes += len(key) + len(value)
            while self._bytes > self._max_bytes or len(self._kept) > self._max_entries:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        value = self._kept.pop(key, None)
        if value is not None:
            self._bytes -= len(key) + len(value)

    def statistics(self) -> Mapping[str, int]:
        """Return what `SkeletonCache` says; nothing here can fail, so there are no errors."""
        with self._lock:
            return {
                "hits": self._hits,
                "misses": self._misses,
                "errors": 0,
                "entries": len(self._kept),
                "bytes": self._bytes,
            }


def encoded(skeleton: SkeletonMap) -> bytes:
    """Return a skeleton in few bytes, for `decoded`."""
    rows = [_row(symbol, depth) for symbol, depth in skeleton.walk_with_depth()]
    damage = [(part.line, part.end_line) for part in skeleton.damage]
    return encode_plain([skeleton.file, skeleton.source_bytes, damage, rows]).encode()


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
