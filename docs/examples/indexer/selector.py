"""Resolves symbols: asks the definition server, and falls back to the skeleton when it does not know.

Telemetry: span ``selector.resolve`` (``symbol``, ``via``), events ``lsp.timeout`` and ``lsp.fallback`` (``symbol``,
``reason``), counter ``answers`` (``via``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from indexer.server import Location

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.index import Index
    from indexer.server import DefinitionServer
    from pytest_telemetry import TelemetryContext

__all__ = ("Resolution", "Selector", "UnknownSymbolError")


class UnknownSymbolError(LookupError):
    """No indexed module can define a symbol."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """An answer, and how it was found: ``definition`` is exact, ``skeleton`` may name no more than a file."""

    symbol: str
    location: Location
    via: Literal["definition", "skeleton"]


class Selector:
    """Finds where symbols are defined.

    Args:
        index: What to fall back to.
        server: Whom to ask first.
        context: Hears what happens.
        timeout: Seconds to wait for an answer.
    """

    def __init__(
        self, index: Index, server: DefinitionServer, context: TelemetryContext, *, timeout: float = 0.25
    ) -> None:
        self._index = index
        self._server = server
        self._context = context
        self._timeout = timeout

    def resolve(self, symbol: str) -> Resolution:
        """Return where *symbol* (``json.dumps``) is defined.

        Raises:
            UnknownSymbolError: Not even its module is in the index.
        """
        with self._context("selector.resolve", symbol=symbol):
            resolution = self._ask(symbol) or self._look_up(symbol)
            self._context.set(via=resolution.via)
            self._context.count("answers", via=resolution.via)
            return resolution

    def resolve_all(self, symbols: Iterable[str]) -> tuple[list[Resolution], list[str]]:
        """Return an answer for each of *symbols* that has one, and the symbols that have none."""
        found, unknown = [], []
        for symbol in symbols:
            try:
                found.append(self.resolve(symbol))
            except UnknownSymbolError:
                unknown.append(symbol)
        return found, unknown

    def _ask(self, symbol: str) -> Resolution | None:
        try:
            location = self._server.definition(symbol, self._timeout)
        except TimeoutError:
            self._context.event("lsp.timeout", symbol=symbol)
            self._context.event("lsp.fallback", symbol=symbol, reason="timeout")
            return None
        if location is None:
            self._context.event("lsp.fallback", symbol=symbol, reason="unknown")
            return None
        return Resolution(symbol, location, "definition")

    def _look_up(self, symbol: str) -> Resolution:
        module, _, name = symbol.rpartition(".")
        skeleton = self._index.modules.get(module)
        if skeleton is None:
            raise UnknownSymbolError(f"no indexed module can define {symbol}")
        return Resolution(symbol, Location(skeleton.file, skeleton.definitions.get(name)), "skeleton")
