"""One life of a language server, from its spawn to its end (layer 2)."""

from __future__ import annotations

import asyncio
import os
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from pytest_telemetry.codeintel.lsp_documents import path_of
from pytest_telemetry.codeintel.lsp_errors import LSPError, NoServer, RequestTimeout, ServerGone
from pytest_telemetry.codeintel.lsp_handshake import agreed, answer_to, initialize_params
from pytest_telemetry.codeintel.lsp_process import ServerProcess
from pytest_telemetry.codeintel.lsp_requests import Requests

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Coroutine, Iterator

    from pytest_telemetry.codeintel.jsonrpc import Message
    from pytest_telemetry.codeintel.lsp_positions import PositionEncoding
    from pytest_telemetry.codeintel.lsp_servers import ServerCommand
    from pytest_telemetry.codeintel.reports import Reports
    from pytest_telemetry.codeintel.workspace import Workspace

__all__ = ("POLICIES", "Life", "Policy", "State", "Terms")

Policy: TypeAlias = Literal["diagnostics-or-definition", "warmup-uri", "initialized"]
POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)
Evidence: TypeAlias = Literal["diagnostics", "definition", "warmup-uri", "initialized"]
State: TypeAlias = Literal["new", "starting", "initialized", "ready", "failed", "closed"]

_NEEDED: Final[dict[Policy, frozenset[Evidence]]] = {
    "diagnostics-or-definition": frozenset({"diagnostics", "definition"}),
    "warmup-uri": frozenset({"warmup-uri"}),
    "initialized": frozenset({"initialized"}),
}
_SHUTDOWN_S: Final = 1.0
_EXIT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client has decided about its server.

    Attributes:
        ready: What makes it READY.
        warmup: The file of ``warmup-uri``.
        handshake_timeout_ms: How long the handshake may take, and the rest of a frame that has begun.
    """

    ready: Policy
    warmup: Path | None
    handshake_timeout_ms: float


class Life:
    """A server that is spawned once, becomes READY at most once, and ends.

    Whatever becomes of it is recorded, each thing once; from the moment at which its end is known `is_ready` is
    False and all that waits for it has ended.

    Args:
        command: How it is started.
        workspace: Where.
        terms: See there.
        reports: Where records go.
        mono_ns: What durations are measured with.
        numbers: Gives the ids of requests; shared by all lives, so that none is used twice.
        tally: Counts for `statistics`; shared likewise.
        on_failure: Called once it has failed, with whether it had been initialized; its process may run still.

    Attributes:
        state: See `State`.
        failure: For people, why it has failed or ended; None before.
        reason: The word for it.
        encoding: What it counts columns in, once it is initialized.
    """

    def __init__(
        self,
        command: ServerCommand,
        workspace: Workspace,
        terms: Terms,
        *,
        reports: Reports,
        mono_ns: Callable[[], int],
        numbers: Iterator[int],
        tally: Counter[str],
        on_failure: Callable[[bool], object],
    ) -> None:
        self._command = command
        self._workspace = workspace
        self._terms = terms
        self._reports = reports
        self._mono_ns = mono_ns
        self._tally = tally
        self._on_failure = on_failure
        loop = asyncio.get_running_loop()
        self._process = ServerProcess(self._take, self._fail, terms.handshake_timeout_ms / 1000)
        self._spawned_ns = 0
        self._requests = Requests(self._process.send, numbers, reports, mono_ns, tally)
        self._early: set[Evidence] = set()
        self._ready: asyncio.Future[None] = loop.create_future()
        self._over: asyncio.Future[None] = loop.create_future()
        self._burial: asyncio.Task[None] | None = None
        self.state: State = "new"
        self.failure: str | None = None
        self.reason = "closed"
        self.encoding: PositionEncoding = "utf-16"

    @property
    def is_ready(self) -> bool:
        """Whether it is READY, and there is no sign that it has died."""
        return self.state == "ready" and not self._process.in_doubt

    @property
    def warmup(self) -> Path | None:
        """The file of ``warmup-uri``."""
        return self._terms.warmup

    @property
    def stderr_lines(self) -> int:
        """How many lines it has written to standard error."""
        return self._process.stderr_lines

    # Its course.

    async def start(self) -> None:
        """Spawn the server and shake hands.

        Raises:
            NoServer: It cannot be started.
            RequestTimeout: It did not answer in time; it is being ended.
            LSPError: It answered with an error, or with what is no answer; likewise.
            ServerGone: It ended meanwhile.
        """
        self._turn("starting")
        try:
            await self._spawn()
            await self._shake_hands()
        except RequestTimeout:
            text = f"it did not answer initialize within {self._terms.handshake_timeout_ms:g} ms"
            self._fail("handshake_timeout", text)
            raise
        except LSPError as error:
            self._fail("initialize_error", str(error))
            raise
        except asyncio.CancelledError:
            self._fail("cancelled", "its start was cancelled")
            raise
        self.send({"jsonrpc": "2.0", "method": "initialized", "params": {}})
        self._turn("initialized")
        self._early.add("initialized")
        for evidence in sorted(self._early):
            self.prove(evidence)

    def prove(self, evidence: Evidence) -> None:
        """Take what may make the server READY under its policy; before the handshake it counts from its end on."""
        if self.state == "starting":
            self._early.add(evidence)
        elif self.state == "initialized" and evidence in _NEEDED[self._terms.ready]:
            # It began before the span that may be open here, so it cannot be below it.
            Context().run(self._declare_ready, evidence)
            self.state = "ready"
            self._ready.set_result(None)

    async def settled(self) -> None:
        """Return once the server is READY; raises `ServerGone` once it has ended."""
        await asyncio.wait({self._ready, self._over}, return_when=asyncio.FIRST_COMPLETED)
        if self._over.done():
            raise self.gone()

    async def close(self) -> None:
        """End the server, and return when it has ended: asked to, then terminated, then killed, in bounded time."""
        is_met = self.state in {"initialized", "ready"}
        if self._end("closed", None, "it was closed") and self._process.pid:
            self._burial = self._apart(self._farewell() if is_met else self._bury("closed"))
        if self._burial is not None:
            await asyncio.shield(self._burial)

    async def give_up(self, reason: str, text: str) -> None:
        """Let it have failed, and return when it has ended; nothing where it had ended."""
        self._fell(reason, text)
        if self._burial is not None:
            await asyncio.shield(self._burial)

    def kill(self) -> None:
        """Kill the process of the server where nobody has ended it; for the end of the interpreter."""
        self._process.kill()

    def gone(self) -> ServerGone:
        """Return what is to be raised where the server has ended."""
        return ServerGone(self.failure or f"{self._command.name}: it has ended", self.reason)

    # What is said.

    def send(self, *messages: Message) -> None:
        """Send messages as they are; to a server that has ended, nothing is sent."""
        if self.state not in {"new", "failed"}:
            for message in messages:
                self._process.send(message)

    async def call(self, method: str, params: Any, timeout_ms: float) -> Any:
        """Return the result of a request; raises as `Requests.call`, and `ServerGone` at once where it has ended."""
        if self._over.done():
            raise self.gone()
        return await self._requests.call(method, params, timeout_ms, may_cancel=self.state != "starting")

    # What is heard.

    def _take(self, message: Message) -> None:
        method, known = message.get("method"), True
        if not isinstance(method, str):
            known = self._requests.answered(message)
        elif "id" in message:
            self._tally["server_requests"] += 1
            known = isinstance(message["id"], int | str)
            if known:
                self._process.send(answer_to(message, self._workspace))
        else:
            self._tally["notifications"] += 1
            if method == "textDocument/publishDiagnostics":
                known = self._take_diagnostics(message.get("params"))
        self._tally["unexpected_messages"] += not known

    def _take_diagnostics(self, params: Any) -> bool:
        uri, found = (
            (params.get("uri"), params.get("diagnostics")) if isinstance(params, dict) else (None, None)
        )
        path = path_of(uri) if isinstance(uri, str) else None
        if path is None or not isinstance(found, list):
            return False
        if self.state in {"starting", "initialized"}:
            self._reports.event(
                "lsp.diagnostics", args={"file": self._workspace.name(path)}, result={"count": len(found)}
            )
            warm = self._terms.warmup is not None and path == self._terms.warmup
            for evidence in ("warmup-uri", "diagnostics") if warm else ("diagnostics",):
                self.prove(evidence)
        return True

    # What becomes of it.

    async def _spawn(self) -> None:
        begin = self._spawned_ns = self._mono_ns()
        self._tally["spawns"] += 1
        told: dict[str, Any] = {}
        status, error = "ok", None
        cancelled: asyncio.CancelledError | None = None
        starting = self._apart(self._process.start(self._command.argv, self._workspace.root))
        while not starting.done():
            try:
                await asyncio.wait({starting})
            except asyncio.CancelledError as caught:  # once there is a process, it is recorded and ended
                cancelled = caught
        try:
            starting.result()
            told["pid"] = self._process.pid
        except OSError as caught:
            error, status = caught, "error"
            told["reason"] = "missing_binary" if isinstance(caught, FileNotFoundError) else "not_executable"
        args = {"executable": Path(self._command.argv[0]).name}
        self._reports.span("lsp.spawn", self._mono_ns() - begin, status, args=args, result=told)
        self._reports.count("lsp_spawn_count")
        if error is not None:
            self._end("failed", told["reason"], f"it cannot be started: {error.strerror}")
        elif self._over.done() and self._burial is None:  # it was closed meanwhile
            self._burial = self._apart(self._bury("closed"))
        if cancelled is not None:
            raise cancelled
        if error is not None:
            raise NoServer(
                f"{self._command.argv[0]}: cannot be started: {error.strerror}: pass another server"
            ) from error
        if self._over.done():
            raise self.gone()

    async def _shake_hands(self) -> None:
        begin = self._mono_ns()
        told: dict[str, Any] = {"reason": "cancelled"}
        status = "error"
        try:
            params = initialize_params(self._workspace, os.getpid())
            result = await self.call("initialize", params, self._terms.handshake_timeout_ms)
            if self._over.done():  # since its answer came
                raise self.gone()
            self.encoding, version = agreed(result, self._command.name)
            status, told = "ok", {"position_encoding": self.encoding, "server_version": version}
        except RequestTimeout:
            status, told = "timeout", {"reason": "handshake_timeout"}
            raise
        except (LSPError, ServerGone) as error:
            told = {"reason": error.reason}
            raise
        finally:
            args = {"workspace": "."}
            self._reports.span("lsp.initialize", self._mono_ns() - begin, status, args=args, result=told)

    def _declare_ready(self, evidence: Evidence) -> None:
        self._reports.span("lsp.ready", self._mono_ns() - self._spawned_ns, "ok", ready_via=evidence)
        self._reports.count("lsp_ready_count")

    def _turn(self, state: State, reason: str | None = None) -> None:
        self.state = state
        self._reports.event("lsp.state_change", state, reason=reason)

    def _fail(self, reason: str, text: str) -> None:
        was_initialized = self.state in {"initialized", "ready"}
        if self._fell(reason, text):
            self._on_failure(was_initialized)

    def _fell(self, reason: str, text: str) -> bool:
        """Let it have failed, and have its process buried; False where it was over already."""
        if not self._end("failed", reason, text):
            return False
        if self._process.pid:
            self._burial = self._apart(self._bury(reason))
        return True

    def _end(self, state: State, reason: str | None, text: str) -> bool:
        """Let all that waits know that it is over; False where it was already."""
        if self._over.done():
            return False
        words = self._process.last_words() if state == "failed" else ""
        self.failure = f"{self._command.name}: {text}{f'; its last words: {words}' if words else ''}"
        self.reason = reason or state
        self._over.set_result(None)
        self._turn(state, reason)
        self._requests.end(self.gone)
        return True

    async def _farewell(self) -> None:
        _, answer = self._requests.ask("shutdown", None)
        either: set[asyncio.Future[Any]] = {answer, self._process.ended}
        await asyncio.wait(either, timeout=_SHUTDOWN_S, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            self.send({"jsonrpc": "2.0", "method": "exit"})
        await self._bury("closed", _EXIT_S if answer.done() else 0)

    async def _bury(self, reason: str, patience_s: float = 0) -> None:
        code = await self._process.end(patience_s)
        status = "ok" if code == 0 and reason == "closed" else "error"
        told = {"code": code, "reason": reason, "pid": self._process.pid}
        self._reports.span("lsp.exit", self._mono_ns() - self._spawned_ns, status, result=told)

    def _apart(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do *work* whatever becomes of who began it, and below none of the spans that are open here."""
        return asyncio.get_running_loop().create_task(work, context=Context())
