"""The lives of a language server, one after the other: found, started, started again, ended (layer 2)."""

from __future__ import annotations

import asyncio
import atexit
import itertools
from collections import Counter
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_telemetry.codeintel.lsp_errors import LSPError, NoServer, NotReady, RequestTimeout, ServerGone
from pytest_telemetry.codeintel.lsp_life import Life, Terms
from pytest_telemetry.codeintel.lsp_servers import server_command
from pytest_telemetry.codeintel.reports import Reports
from pytest_telemetry.codeintel.workspace import Workspace, is_file
from pytest_telemetry.model.errors import TelemetryError, UnusableInput

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from pytest_telemetry.codeintel.lsp_life import Policy, State
    from pytest_telemetry.codeintel.lsp_servers import ServerCommand
    from pytest_telemetry.codeintel.reports import Reporting
    from pytest_telemetry.model.clock import Clock

__all__ = ("Lives",)

_COUNTED: Final = (
    *("requests", "asked_again", "timeouts", "late_replies", "server_requests", "notifications"),
    *("unexpected_messages", "stderr_lines", "spawns", "restarts"),
)
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0


class Lives:
    """Has at most one living server at a time, and begins another where one has failed and that is allowed.

    Args:
        telemetry: Hears of everything.
        server: As for `server_command`.
        command: Likewise.
        ready: The policy of READY.
        warmup_file: The file of ``warmup-uri``.
        handshake_timeout_ms: How long a handshake may take.
        restarts: How often, in all, a server that had been initialized is started again after a failure.
        clock: What durations are measured with; by default that of *telemetry*.
        greet: Called with each server as soon as it is initialized.

    Attributes:
        reports: Where records about the server go.
        mono_ns: What durations are measured with.
        server: Name of the preset or program, as records have it; None until one was looked for without being named.
        tally: What was counted.
        workspace: The directory of the server, once it was begun.
    """

    def __init__(
        self,
        telemetry: Reporting,
        server: str | os.PathLike[str] | None,
        command: Sequence[str | os.PathLike[str]] | None,
        *,
        ready: Policy,
        warmup_file: str | os.PathLike[str] | None,
        handshake_timeout_ms: float,
        restarts: int,
        clock: Clock | None,
        greet: Callable[[Life], object],
    ) -> None:
        self._telemetry = telemetry
        self._wanted = server
        self._given_command = command
        self.server = None if server is None else Path(server).name
        self._ready: Policy = ready
        self._warmup_file = warmup_file
        self._handshake_timeout_ms = handshake_timeout_ms
        self._restarts_left = restarts
        self._greet = greet
        self._numbers = itertools.count(1)
        self._life: Life | None = None
        self._refusal: tuple[str, str] | None = None  # the word, and a text
        self._restart: asyncio.Task[None] | None = None
        self._closed = False
        self.reports = Reports(telemetry)
        self.mono_ns = self.reports.mono_ns if clock is None else clock.mono_ns
        self.tally: Counter[str] = Counter()
        self.workspace: Workspace

    @property
    def is_ready(self) -> bool:
        """Whether there is a server that is READY."""
        return self._life is not None and self._life.is_ready

    @property
    def state(self) -> State:
        """That of the server."""
        if self._closed:
            return "closed"
        if self._life is not None:
            return self._life.state
        return "new" if self._refusal is None else "failed"

    @property
    def failure(self) -> str | None:
        """Why there is no server any more."""
        if self._life is not None:
            return self._life.failure
        return None if self._refusal is None else self._refusal[1]

    def statistics(self) -> dict[str, int]:
        """Return what was counted over all lives."""
        counts = {name: self.tally[name] for name in _COUNTED}
        if self._life is not None:
            counts["stderr_lines"] += self._life.stderr_lines
        return counts

    def current(self) -> Life:
        """Return the server, which may have failed.

        Raises:
            NotReady: None was begun.
            ServerGone: There is none, and will be none.
        """
        if self._life is not None:
            return self._life
        if self._refusal is not None:
            reason, text = self._refusal
            raise ServerGone(text, reason)
        if self._closed:
            raise ServerGone("this client is closed: make another", "closed")
        raise NotReady("there is no server yet: call initialize() first")

    async def begin(self, workspace: str | os.PathLike[str]) -> None:
        """Start a server in *workspace*; see `AsyncLSPClient.initialize`."""
        self._require_none()
        if self._life is not None:
            await self._life.close()
            self._require_none()  # another may have begun meanwhile
        atexit.unregister(self._kill)
        atexit.register(self._kill)
        self.reports = Reports(self._telemetry, server=self.server)
        self._let_go()
        begin = self.mono_ns()
        try:
            self.workspace = Workspace(workspace)
        except UnusableInput as error:
            self._refuse("missing_workspace", error)
            raise
        try:
            warmup = self._file_to_warm_up()
        except UnusableInput as error:
            self._refuse("missing_warmup_file", error)
            raise
        try:
            command = server_command(self._wanted, self._given_command)
        except NoServer as error:
            told = {"reason": "missing_binary"}
            self.reports.span(
                "lsp.spawn", self.mono_ns() - begin, "error", args={"executable": self.server}, result=told
            )
            self.reports.count("lsp_spawn_count")
            self._refuse("missing_binary", error)
            raise
        self.server = command.name
        self.reports = Reports(self._telemetry, server=self.server)
        await self._live(command, Terms(self._ready, warmup, self._handshake_timeout_ms))

    async def wait_until_ready(self, timeout_ms: float) -> None:
        """Return once a server is READY; see `AsyncLSPClient.wait_until_ready`."""
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await self._wait_until_ready()
        except TimeoutError:
            raise RequestTimeout(
                f"the server is not READY after {timeout_ms:g} ms under the policy {self._ready}"
            ) from None

    async def close(self) -> None:
        """End the server, and begin no other."""
        self._closed = True
        if self._restart is not None:
            self._restart.cancel()
            await asyncio.wait({self._restart})
        if self._life is not None:
            await self._life.close()
        atexit.unregister(self._kill)

    def _kill(self) -> None:
        if self._life is not None:
            self._life.kill()

    async def _wait_until_ready(self) -> None:
        while True:
            try:
                await self.current().settled()
            except ServerGone:
                if self._restart is None:
                    raise
                await asyncio.wait({self._restart})
            else:
                return

    def _require_none(self) -> None:
        if self._closed:
            raise ServerGone("this client is closed: make another", "closed")
        if self._restart is not None or self.state not in {"new", "failed"}:
            raise TelemetryError("initialize: there is a server already: close this client and make another")

    def _let_go(self) -> None:
        """Forget a life that has ended, but for what was counted."""
        if self._life is not None:
            self.tally["stderr_lines"] += self._life.stderr_lines
            self._life = None

    def _file_to_warm_up(self) -> Path | None:
        if self._warmup_file is None:
            return None
        file = self.workspace.file(self._warmup_file)
        if not is_file(file):
            raise UnusableInput(
                f"{self._warmup_file}: is no file of the workspace: pass another as warmup_file"
            )
        return file

    def _refuse(self, reason: str, error: UnusableInput) -> None:
        self._refusal = (reason, str(error))
        self.reports.event("lsp.state_change", "failed", reason=reason)

    async def _live(self, command: ServerCommand, terms: Terms) -> None:
        self._let_go()
        life = self._life = Life(
            command,
            self.workspace,
            terms,
            reports=self.reports,
            mono_ns=self.mono_ns,
            numbers=self._numbers,
            tally=self.tally,
            on_failure=lambda was_initialized: self._failed(command, terms) if was_initialized else None,
        )
        try:
            await life.start()
            self._greet(life)
        except UnusableInput as error:
            await life.give_up("missing_warmup_file", str(error))
            raise
        except (RequestTimeout, LSPError):  # it has failed, and is ended while the caller goes on
            raise
        except BaseException:
            await life.close()
            raise

    def _failed(self, command: ServerCommand, terms: Terms) -> None:
        if self._restarts_left and self._restart is None and not self._closed:
            again = self._live_again(command, terms)
            self._restart = asyncio.get_running_loop().create_task(again, context=Context())

    async def _live_again(self, command: ServerCommand, terms: Terms) -> None:
        """Begin another life behind a pause, which doubles each time, and go on until one has begun."""
        try:
            while self._restarts_left:
                if self._life is not None:
                    await self._life.close()
                self._restarts_left -= 1
                pause_s = _FIRST_PAUSE_S * 2 ** min(self.tally["restarts"], 10)
                await asyncio.sleep(min(pause_s, _LONGEST_PAUSE_S))
                self.tally["restarts"] += 1
                if await self._is_alive_again(command, terms):
                    return
        finally:
            self._restart = None

    async def _is_alive_again(self, command: ServerCommand, terms: Terms) -> bool:
        try:
            await self._live(command, terms)
        except TelemetryError:  # its records say why
            return False
        return True
