"""A client of language servers, for asyncio (layer 2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pytest_telemetry.codeintel.lsp_documents import Documents
from pytest_telemetry.codeintel.lsp_errors import LSPError, NotReady, RequestTimeout, ServerGone
from pytest_telemetry.codeintel.lsp_life import POLICIES
from pytest_telemetry.codeintel.lsp_lives import Lives
from pytest_telemetry.codeintel.lsp_positions import units_before
from pytest_telemetry.codeintel.lsp_replies import DefinitionReply, HoverReply, ReplyReader, SymbolsReply

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from pytest_telemetry.codeintel.lsp_life import Life, Policy, State
    from pytest_telemetry.codeintel.reports import Reporting
    from pytest_telemetry.model.clock import Clock

    FilePath: TypeAlias = str | os.PathLike[str]

__all__ = ("AsyncLSPClient",)

_Reply = TypeVar("_Reply", DefinitionReply, HoverReply, SymbolsReply)


class AsyncLSPClient:
    """Starts a language server, asks it, and records what that cost.

    It belongs to the event loop in which `initialize` was awaited. Nothing here blocks that loop but reading a file,
    and nothing waits longer than its time-out, whatever the server does. What is recorded, and what READY means,
    is in ``docs/reference/code-intelligence.md``.

    Args:
        telemetry: A context or a run that is told everything; None tells nobody.
        server: The name of a preset, a program, or a path to one; by default the first preset that is installed.
        command: What is run instead, with its arguments; *server* is only its name then.
        workspace: The directory to work in, unless `initialize` is given one.
        timeout_ms: How long a request may take.
        handshake_timeout_ms: How long the server may take to answer ``initialize``, and to go on with a message
            that it has begun.
        ready: The policy of READY.
        warmup_file: The file that is opened for ``warmup-uri``.
        restarts: How often, in all, a server that had been initialized is started again after a failure.
        clock: What durations are measured with; by default the clock of *telemetry*.

    Raises:
        ValueError: An argument is nothing that can be meant.
        TypeError: *command* is a text.
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
        if ready not in POLICIES:
            raise ValueError(f"ready={ready!r}: use one of {', '.join(POLICIES)}")
        if (ready == "warmup-uri") is (warmup_file is None):
            raise ValueError("warmup_file= goes with ready='warmup-uri', which needs it")
        if isinstance(command, str | bytes):
            raise TypeError(
                f"command={command!r}: is no sequence: pass the program and each argument apart, as in ['ty', 'server']"
            )
        if not (timeout_ms > 0 and handshake_timeout_ms > 0 and restarts >= 0):
            raise ValueError(
                "timeout_ms and handshake_timeout_ms must be above 0, and restarts at least 0: "
                f"they are {timeout_ms}, {handshake_timeout_ms} and {restarts}"
            )
        self._policy: Policy = ready
        self._timeout_ms = timeout_ms
        self._given_workspace = workspace
        self._documents = Documents()
        self._lives = Lives(
            telemetry,
            server,
            command,
            ready=ready,
            warmup_file=warmup_file,
            handshake_timeout_ms=handshake_timeout_ms,
            restarts=restarts,
            clock=clock,
            greet=self._greet,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def server(self) -> str | None:
        """The name of the server in records; None until one was chosen."""
        return self._lives.server

    @property
    def is_ready(self) -> bool:
        """Whether the server is READY; False from the moment its death is known."""
        return self._lives.is_ready

    @property
    def state(self) -> State:
        """``new``, ``starting``, ``initialized``, ``ready``, ``failed`` or ``closed``."""
        return self._lives.state

    @property
    def failure(self) -> str | None:
        """Why the server has failed or ended, for people, with its last words; None where it has not."""
        return self._lives.failure

    def statistics(self) -> Mapping[str, int]:
        """Return what was counted since the client was made, over all lives of its server.

        ``requests``, ``asked_again`` (because a document had changed meanwhile), ``timeouts``, ``late_replies``,
        ``server_requests``, ``notifications``,
        ``unexpected_messages`` (second answers, answers that nobody asked for, what is no message of the
        protocol), ``stderr_lines``, ``spawns`` and ``restarts``.
        """
        return self._lives.statistics()

    async def initialize(self, workspace: FilePath | None = None) -> None:
        """Start the server and shake hands; one that has failed is started anew.

        Args:
            workspace: The directory to work in; by default that of the client, or else the current one.

        Raises:
            NoServer: There is no such server, or it cannot be started.
            UnusableInput: The workspace is no directory, or the file to warm up with is no file.
            RequestTimeout: The server did not answer in time. It is being ended, which `close` waits for.
            LSPError: It answered with an error, likewise.
            ServerGone: It has ended meanwhile, or this client is closed.
            TelemetryError: There is a server already.
        """
        await self._lives.begin(workspace or self._given_workspace or ".")

    async def wait_until_ready(self, timeout_ms: float = 10_000) -> None:
        """Return once the server is READY, also where it is started again meanwhile.

        Under the default policy something has to make it READY: `open` a file, or ask for a `definition`.

        Raises:
            RequestTimeout: It is not after *timeout_ms*.
            ServerGone: It has ended.
            NotReady: It was not started.
        """
        await self._lives.wait_until_ready(timeout_ms)

    async def close(self) -> None:
        """End the server: asked to, then terminated, then killed, each after a bounded time; idempotent."""
        await self._lives.close()

    async def open(self, file: FilePath, text: str | None = None) -> None:
        """Tell the server of a file.

        Args:
            file: Absolute, or relative to the workspace.
            text: What it holds, whatever is on disk; by default what is there, now and at each later request.

        Raises:
            NotReady: The server is not initialized.
            ServerGone: It has ended.
            UnusableInput: The file cannot be read.
        """
        life = self._initialized("open()")
        life.send(*self._documents.opened(self._lives.workspace.file(file), text))

    async def change(self, file: FilePath, text: str) -> None:
        """Tell the server that a file holds *text* now; raises as `open`."""
        await self.open(file, text)

    async def close_file(self, file: FilePath) -> None:
        """Tell the server that a file is what is on disk again; raises as `open`."""
        life = self._initialized("close_file()")
        life.send(*self._documents.closed(self._lives.workspace.file(file)))

    async def definition(
        self, file: FilePath, line: int, col: int, *, timeout_ms: float | None = None
    ) -> DefinitionReply:
        """Return where that is defined which stands at a place.

        A file that is not open is opened. Under ``diagnostics-or-definition`` this may be asked before the server
        is READY, and the first definition that is found makes it READY.

        Args:
            file: Absolute, or relative to the workspace.
            line: From 1.
            col: From 0, in characters; what is past the end of the line counts as its end.
            timeout_ms: Instead of that of the client.

        Raises:
            RequestTimeout: There was no answer in time; also a TimeoutError.
            LSPError: The answer was an error, or could not be read.
            NotReady: The server is not READY, and nothing was sent.
            ServerGone: It has ended; also a ConnectionError.
            UnusableInput: The file cannot be read.
            ValueError: There is no such line or column, or the time-out is not above 0.
        """
        life = self._initialized("definition()")
        if self._policy != "diagnostics-or-definition":
            self._require_ready(life, "definition()")
        reply = await self._ask_at(life, "definition", file, (line, col), ReplyReader.locations, timeout_ms)
        if reply.status == "ok":
            life.prove("definition")
        return reply

    async def references(
        self,
        file: FilePath,
        line: int,
        col: int,
        *,
        include_declaration: bool = True,
        timeout_ms: float | None = None,
    ) -> DefinitionReply:
        """Return where that is used which stands at a place; as `definition`, but only once the server is READY."""
        life = self._require_ready(self._initialized("references()"), "references()")
        context = {"includeDeclaration": include_declaration}
        read = ReplyReader.locations
        return await self._ask_at(life, "references", file, (line, col), read, timeout_ms, context=context)

    async def hover(
        self, file: FilePath, line: int, col: int, *, timeout_ms: float | None = None
    ) -> HoverReply:
        """Return what is known of a place; as `definition`, but only once the server is READY."""
        life = self._require_ready(self._initialized("hover()"), "hover()")
        return await self._ask_at(life, "hover", file, (line, col), ReplyReader.hover, timeout_ms)

    async def document_symbols(self, file: FilePath, *, timeout_ms: float | None = None) -> SymbolsReply:
        """Return what a file defines; as `definition`, but only once the server is READY."""
        life = self._require_ready(self._initialized("document_symbols()"), "document_symbols()")
        path = self._known(life, file)
        read = partial(ReplyReader.symbols, path=path)
        return await self._ask(life, "documentSymbol", path, {}, {}, read, timeout_ms)

    def _greet(self, life: Life) -> None:
        """Tell a server that was just initialized of the files that are open."""
        life.send(*self._documents.again())
        if life.warmup is not None:
            life.send(*self._documents.opened(life.warmup, None))

    def _initialized(self, what: str) -> Life:
        life = self._lives.current()
        if life.state in {"failed", "closed"}:
            raise life.gone()
        if life.state not in {"initialized", "ready"}:
            raise NotReady(f"{what}: the server is not initialized: wait for initialize()")
        return life

    def _require_ready(self, life: Life, what: str) -> Life:
        if life.state != "ready":
            raise NotReady(f"{what}: the server is not READY, nothing was sent: wait_until_ready() first")
        return life

    def _known(self, life: Life, file: FilePath) -> Path:
        """Return the path of a file which the server knows as it is now, as all others that are open."""
        path = self._lives.workspace.file(file)
        life.send(*self._documents.refreshed())
        if self._documents.get(path) is None:
            life.send(*self._documents.opened(path, None))
        return path

    async def _ask_at(
        self,
        life: Life,
        method: str,
        file: FilePath,
        place: tuple[int, int],
        read: Callable[[ReplyReader, Any], _Reply],
        timeout_ms: float | None,
        **params: Any,
    ) -> _Reply:
        line, col = place
        if line < 1 or col < 0:
            raise ValueError(f"line {line}, column {col}: lines count from 1, columns from 0")
        path = self._known(life, file)
        document = self._documents.get(path)
        lines = [] if document is None else document.lines
        if line > len(lines):
            raise ValueError(
                f"{self._lives.workspace.name(path)}: has no line {line:,}: name one from 1 to {len(lines):,}"
            )
        units = units_before(lines[line - 1], col, life.encoding)
        params["position"] = {"line": line - 1, "character": units}
        return await self._ask(life, method, path, {"line": line, "col": col}, params, read, timeout_ms)

    async def _ask(
        self,
        life: Life,
        method: str,
        path: Path,
        place: Mapping[str, int],
        params: Mapping[str, Any],
        read: Callable[[ReplyReader, Any], _Reply],
        timeout_ms: float | None,
    ) -> _Reply:
        """Ask, and record what became of it, whatever that is."""
        lives = self._lives
        timeout_ms = self._timeout_ms if timeout_ms is None else timeout_ms
        if not timeout_ms > 0:
            raise ValueError(f"timeout_ms={timeout_ms}: it must be above 0")
        full = f"textDocument/{method}"
        told: dict[str, Any] = {"reason": "cancelled"}
        status, begin = "error", lives.mono_ns()
        try:
            params = {"textDocument": {"uri": path.as_uri()}, **params}
            result = await life.call(full, params, timeout_ms)
            reply = read(ReplyReader(lives.workspace, self._documents, life.encoding), result)
            status, told = reply.status, {"count": reply.count}
        except RequestTimeout:
            status, told = "timeout", {}
            lives.tally["timeouts"] += 1
            lives.reports.event("lsp.timeout", args={"method": full, "timeout_ms": timeout_ms})
            if method == "definition":
                lives.reports.count("lsp_timeout_count")
            raise
        except (LSPError, ServerGone) as error:
            told = {"reason": error.reason}
            raise
        finally:
            name = "document_symbol" if method == "documentSymbol" else method
            args = {"file": lives.workspace.name(path), **place}
            lives.reports.span(f"lsp.{name}", lives.mono_ns() - begin, status, args=args, result=told)
            if method == "definition":
                lives.reports.count("lsp_definition_count")
        return reply
