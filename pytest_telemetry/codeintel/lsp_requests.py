"""The requests that a language server has not answered, and those that were given up (layer 2)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.codeintel.lsp_errors import LSPError, RequestTimeout, ServerGone

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from pytest_telemetry.codeintel.jsonrpc import Message
    from pytest_telemetry.codeintel.reports import Reports

__all__ = ("Requests",)

_REMEMBERED: Final = 1_000
"""Requests that were given up and whose answer is still waited for."""
_CONTENT_MODIFIED: Final = -32801
"""The error of a server that dropped its work because some document changed: it is to be asked once more."""


class Requests:
    """Matches answers to requests: each to its own, or to none.

    Args:
        send: Sends a message to the server.
        numbers: Gives ids; no two requests of a client ever get the same.
        reports: Hears of late answers.
        mono_ns: Tells how late they are.
        tally: Counts ``requests``, ``asked_again`` and ``late_replies``.
    """

    def __init__(
        self,
        send: Callable[[Message], object],
        numbers: Iterator[int],
        reports: Reports,
        mono_ns: Callable[[], int],
        tally: Counter[str],
    ) -> None:
        self._send = send
        self._numbers = numbers
        self._reports = reports
        self._mono_ns = mono_ns
        self._tally = tally
        self._pending: dict[int, asyncio.Future[Message | ServerGone]] = {}
        self._given_up: OrderedDict[int, tuple[str, int]] = OrderedDict()
        self._gone: Callable[[], ServerGone] | None = None

    def ask(self, method: str, params: Any) -> tuple[int, asyncio.Future[Message | ServerGone]]:
        """Send a request, and return its id and what will be its answer."""
        number = next(self._numbers)
        answer = self._pending[number] = asyncio.get_running_loop().create_future()
        self._tally["requests"] += 1
        told = {} if params is None else {"params": params}
        self._send({"jsonrpc": "2.0", "id": number, "method": method, **told})
        return number, answer

    async def call(self, method: str, params: Any, timeout_ms: float, *, may_cancel: bool = True) -> Any:
        """Return the result of a request.

        A server that refuses it because a document changed meanwhile, which may be any, is asked once more.

        Args:
            method: Of the protocol.
            params: Likewise.
            timeout_ms: How long all of it may take.
            may_cancel: Whether the server is told when nobody waits for the answer any more.

        Raises:
            RequestTimeout: There is none after *timeout_ms*; what comes later is counted and recorded.
            LSPError: The answer is an error.
            ServerGone: The server has ended meanwhile.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_ms / 1000
        message = await self._answer(method, params, deadline - loop.time(), may_cancel=may_cancel)
        if message is not None and _is_modified(message):
            self._tally["asked_again"] += 1
            message = await self._answer(method, params, deadline - loop.time(), may_cancel=may_cancel)
        if message is None:
            raise RequestTimeout(f"{method} was not answered within {timeout_ms:g} ms")
        if isinstance(message, ServerGone):
            raise message
        return _result(message, method)

    async def _answer(
        self, method: str, params: Any, seconds: float, *, may_cancel: bool
    ) -> Message | ServerGone | None:
        """Ask, and return the answer, or None where there is none in time."""
        if self._gone is not None:
            return self._gone()
        number, answer = self.ask(method, params)
        try:
            await asyncio.wait({answer}, timeout=max(seconds, 0))
        finally:
            if self._pending.pop(number, None) is not None:
                self._given_up[number] = (method, self._mono_ns())
                if len(self._given_up) > _REMEMBERED:
                    self._given_up.popitem(last=False)
                if may_cancel:
                    self._send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": number}})
        return answer.result() if answer.done() else None

    def answered(self, message: Message) -> bool:
        """Take an answer; False where nobody has asked."""
        number = message.get("id")
        if type(number) is not int:  # a bool would be equal to one
            return False
        answer = self._pending.pop(number, None)
        if answer is not None:
            answer.set_result(message)
            return True
        if number not in self._given_up:
            return False
        method, since = self._given_up.pop(number)
        self._tally["late_replies"] += 1
        late_ms = (self._mono_ns() - since) / 1e6
        self._reports.event("lsp.late_reply", args={"method": method, "late_ms": late_ms})
        self._reports.count("lsp_late_reply_count")
        return True

    def end(self, gone: Callable[[], ServerGone]) -> None:
        """Let all that waits, and all that comes, raise what *gone* returns, each its own."""
        self._gone = gone
        for answer in self._pending.values():
            answer.set_result(gone())
        self._pending.clear()


def _is_modified(message: Message | ServerGone) -> bool:
    error = None if isinstance(message, ServerGone) else message.get("error")
    return isinstance(error, dict) and error.get("code") == _CONTENT_MODIFIED


def _result(message: Message, method: str) -> Any:
    error = message.get("error")
    if error is None:
        return message.get("result")
    code = error.get("code") if isinstance(error, dict) else None
    if type(code) is not int:
        raise LSPError(f"{method} was answered with an error that has no code")
    raise LSPError(f"{method} was answered with error {code}: {error.get('message')}", code)
