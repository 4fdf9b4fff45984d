"""Says where symbols are defined, from a thread of its own, in the life cycle of a language server.

It is spawned, initializes, becomes READY, and answers requests; telemetry tells these steps by their usual names.

Telemetry: events ``lsp.spawn``, ``lsp.ready``, ``lsp.exit``; spans ``lsp.initialize`` (``modules``) and
``lsp.definition`` (``symbol``).
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import TracebackType
    from typing import Self

    from indexer.index import Index
    from indexer.skeleton import Skeleton
    from pytest_telemetry import TelemetryContext

__all__ = ("DefinitionServer", "Location")


@dataclass(frozen=True, slots=True)
class Location:
    """Where something is defined: a file and a line, or some line of it."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class _Request:
    symbol: str
    reply: queue.SimpleQueue[Location | None]


class DefinitionServer:
    """Follows imports through an index to the line that defines a symbol.

    Use it in a ``with`` block, which starts and stops its thread.

    Args:
        index: Where to look.
        context: Hears what happens, in the threads of the callers and in the server's own.
        unanswered: Symbols to which no answer ever comes, so that a time-out can be had at will.
    """

    def __init__(self, index: Index, context: TelemetryContext, *, unanswered: Collection[str] = ()) -> None:
        self._index = index
        self._context = context
        self._unanswered = unanswered
        self._ready = threading.Event()
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="definition-server", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread; it becomes READY by itself."""
        self._context.event("lsp.spawn")
        self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the thread after the requests that it has."""
        self._requests.put(None)
        self._thread.join()

    def definition(self, symbol: str, timeout: float) -> Location | None:
        """Return where *symbol* is defined, or None where the index does not show it.

        Raises:
            TimeoutError: The server was not READY, or gave no answer, within *timeout* seconds.
        """
        if not self._ready.wait(timeout):
            raise TimeoutError(f"the definition server was not ready within {timeout:g} s")
        with self._context("lsp.definition", symbol=symbol):
            request = _Request(symbol, queue.SimpleQueue())
            self._requests.put(request)
            try:
                return request.reply.get(timeout=timeout)
            except queue.Empty:
                raise TimeoutError(f"no answer about {symbol} within {timeout:g} s") from None

    def _serve(self) -> None:
        with self._context("lsp.initialize"):
            modules = dict(self._index.modules)  # the index may change while we answer
            self._context.set(modules=len(modules))
        self._context.event("lsp.ready")
        self._ready.set()
        while (request := self._requests.get()) is not None:
            if request.symbol not in self._unanswered:
                request.reply.put(_follow(request.symbol, modules))
        self._context.event("lsp.exit")


def _follow(symbol: str, modules: Mapping[str, Skeleton], hops: int = 10) -> Location | None:
    """Return where *symbol* is really defined, over so many imports: modules may import names from each other."""
    if symbol in modules:
        return Location(modules[symbol].file, 1)
    module, _, name = symbol.rpartition(".")
    if not module or not hops:
        return None
    skeleton = modules.get(module)
    if skeleton is None:
        alias = _alias(module, modules)
        return None if alias is None else _follow(f"{alias}.{name}", modules, hops - 1)
    if name in skeleton.definitions:
        return Location(skeleton.file, skeleton.definitions[name])
    if name in skeleton.imports:
        return _follow(skeleton.imports[name], modules, hops - 1)
    answers = (_follow(f"{star}.{name}", modules, hops - 1) for star in skeleton.stars)
    return next((answer for answer in answers if answer is not None), None)


def _alias(module: str, modules: Mapping[str, Skeleton]) -> str | None:
    """Return the module behind a module that is imported under another name: ``posixpath`` for ``os.path``."""
    package, _, name = module.rpartition(".")
    return modules[package].imports.get(name) if package in modules else None
