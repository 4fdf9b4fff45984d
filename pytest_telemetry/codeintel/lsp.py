"""A client of language servers that blocks until there is an answer; `AsyncLSPClient` is the one for asyncio (layer 2)."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

from pytest_telemetry.codeintel.lsp_async import AsyncLSPClient
from pytest_telemetry.codeintel.lsp_errors import ServerGone

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Self

    from pytest_telemetry.codeintel.lsp_life import Policy, State
    from pytest_telemetry.codeintel.lsp_replies import DefinitionReply, HoverReply, SymbolsReply
    from pytest_telemetry.codeintel.reports import Reporting
    from pytest_telemetry.model.clock import Clock

    FilePath: TypeAlias = str | os.PathLike[str]

__all__ = ("AsyncLSPClient", "LSPClient")

_P = ParamSpec("_P")
_T = TypeVar("_T")


class LSPClient:
    """Does what `AsyncLSPClient` does, for code that is not asynchronous.

    The server is talked to in a thread of its own, which `initialize` starts and `close` ends. Every method may be
    called by any thread, several at once; those that wait do so no longer than their time-out. What was not closed
    is closed when the interpreter ends. A fork has no server: there, each call raises `ServerGone`. What the client
    calls itself, a sink of *telemetry*, cannot call it: that is a RuntimeError.

    Args:
        telemetry: As for `AsyncLSPClient`, as all the others.
        server: Likewise.
        command: Likewise.
        workspace: Likewise.
        timeout_ms: Likewise.
        handshake_timeout_ms: Likewise.
        ready: Likewise.
        warmup_file: Likewise.
        restarts: Likewise.
        clock: Likewise.
    """

    def __init__(
        self,
        telemetry: Reporting = None,
        server: FilePath | None = None,
        *,
        command: Sequence[FilePath] | None = None,
        workspace: FilePath | None = None,
        timeout_ms: float = 500,
        handshake_timeout_ms: float = 10_000,
        ready: Policy = "diagnostics-or-definition",
        warmup_file: FilePath | None = None,
        restarts: int = 0,
        clock: Clock | None = None,
    ) -> None:
        self._client = AsyncLSPClient(
            telemetry,
            server,
            command=command,
            workspace=workspace,
            timeout_ms=timeout_ms,
            handshake_timeout_ms=handshake_timeout_ms,
            ready=ready,
            warmup_file=warmup_file,
            restarts=restarts,
            clock=clock,
        )
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def server(self) -> str | None:
        """As `AsyncLSPClient.server`."""
        return self._client.server

    @property
    def is_ready(self) -> bool:
        """As `AsyncLSPClient.is_ready`."""
        return os.getpid() == self._owner and self._client.is_ready

    @property
    def state(self) -> State:
        """As `AsyncLSPClient.state`."""
        return self._client.state if os.getpid() == self._owner else "closed"

    @property
    def failure(self) -> str | None:
        """As `AsyncLSPClient.failure`."""
        return self._client.failure

    def statistics(self) -> Mapping[str, int]:
        """As `AsyncLSPClient.statistics`."""
        return self._client.statistics()

    def initialize(self, workspace: FilePath | None = None) -> None:
        """As `AsyncLSPClient.initialize`."""
        try:
            self._run(self._client.initialize, workspace)
        finally:  # behind what the client has registered, so that it is done before that
            atexit.unregister(self.close)
            atexit.register(self.close)

    def wait_until_ready(self, timeout_ms: float = 10_000) -> None:
        """As `AsyncLSPClient.wait_until_ready`."""
        self._run(self._client.wait_until_ready, timeout_ms)

    def open(self, file: FilePath, text: str | None = None) -> None:
        """As `AsyncLSPClient.open`."""
        self._run(self._client.open, file, text)

    def change(self, file: FilePath, text: str) -> None:
        """As `AsyncLSPClient.change`."""
        self._run(self._client.change, file, text)

    def close_file(self, file: FilePath) -> None:
        """As `AsyncLSPClient.close_file`."""
        self._run(self._client.close_file, file)

    def definition(
        self, file: FilePath, line: int, col: int, *, timeout_ms: float | None = None
    ) -> DefinitionReply:
        """As `AsyncLSPClient.definition`."""
        return self._run(self._client.definition, file, line, col, timeout_ms=timeout_ms)

    def references(
        self,
        file: FilePath,
        line: int,
        col: int,
        *,
        include_declaration: bool = True,
        timeout_ms: float | None = None,
    ) -> DefinitionReply:
        """As `AsyncLSPClient.references`."""
        return self._run(
            self._client.references,
            file,
            line,
            col,
            include_declaration=include_declaration,
            timeout_ms=timeout_ms,
        )

    def hover(self, file: FilePath, line: int, col: int, *, timeout_ms: float | None = None) -> HoverReply:
        """As `AsyncLSPClient.hover`."""
        return self._run(self._client.hover, file, line, col, timeout_ms=timeout_ms)

    def document_symbols(self, file: FilePath, *, timeout_ms: float | None = None) -> SymbolsReply:
        """As `AsyncLSPClient.document_symbols`."""
        return self._run(self._client.document_symbols, file, timeout_ms=timeout_ms)

    def close(self) -> None:
        """As `AsyncLSPClient.close`; then the thread has ended, too, and who still waited has been told."""
        if os.getpid() != self._owner:
            return
        self._require_other_thread()
        with self._lock:
            first, self._closed = not self._closed, True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        if first:
            try:
                asyncio.run_coroutine_threadsafe(self._end(), loop).result()
            finally:
                loop.call_soon_threadsafe(loop.stop)
        thread.join()
        atexit.unregister(self.close)

    async def _end(self) -> None:
        await self._client.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)

    def _run(self, method: Callable[_P, Coroutine[Any, Any, _T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        if os.getpid() != self._owner:
            raise ServerGone("this client belongs to the process that made it: make another here", "closed")
        self._require_other_thread()
        with self._lock:
            if self._closed:
                raise ServerGone("this client is closed: make another", "closed")
            loop = self._started()
            future = asyncio.run_coroutine_threadsafe(method(*args, **kwargs), loop)
        try:
            return future.result()
        finally:
            future.cancel()  # where this thread was interrupted

    def _require_other_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("a client cannot be called by what it calls itself: use another thread")

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_serve, args=(loop,), name="language server", daemon=True)
            try:
                thread.start()
            except BaseException:  # there are too many threads
                loop.close()
                raise
            self._loop, self._thread = loop, thread
            atexit.register(self.close)
        return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
