"""The process of a language server and its three pipes (layer 2)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pytest_telemetry.codeintel.jsonrpc import FrameError, FrameReader, encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_telemetry.codeintel.jsonrpc import Message

__all__ = ("ServerProcess",)

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_DOUBT_S: Final = 1.0
"""How long the end of the process is waited for, once it closed a pipe."""
_WORDS_S: Final = 0.25
"""How long its last words are waited for, once it has ended: what it started may keep the pipe open."""
_KILL: Final = getattr(signal, "SIGKILL", signal.SIGTERM)
_TERMINATE_S: Final = 1.0
_KILL_S: Final = 5.0
_LEFT_S: Final = 0.25
"""How long what the process has left behind may take to end when it is terminated."""
_UNREAD_BYTES: Final = 64 * 1024 * 1024
"""How much a server may leave unread before it is given up."""
_LAST_LINES: Final = 20
_LINE_BYTES: Final = 500


class ServerProcess(asyncio.SubprocessProtocol):
    """A program that speaks JSON-RPC on its standard input and output; what it says on the third pipe is drained.

    Everything happens in the event loop that `start` was awaited in. At the first sign that the process cannot be
    talked to any more *on_trouble* is called, once, with a word and a text.

    Args:
        on_message: Called with each message, in order.
        on_trouble: See above. The words: ``exited``, ``output_closed``, ``input_closed``, ``input_unread``,
            ``stalled``, and those of `FrameError`.
        stall_s: How long the rest of a frame may take without a single byte.

    Attributes:
        pid: Of the process.
        in_doubt: Whether there is a sign of its death, of which the whole is not known.
        ended: Is done when the process has ended; the result is its exit code, negative for a signal.
        stderr_lines: How many lines it has written to standard error.
    """

    def __init__(
        self,
        on_message: Callable[[Message], object],
        on_trouble: Callable[[str, str], object],
        stall_s: float,
    ) -> None:
        self._on_message = on_message
        self._on_trouble = on_trouble
        self._stall_s = stall_s
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader()
        self._last_lines: deque[bytes] = deque(maxlen=_LAST_LINES)
        self._line = b""
        self._closed: set[int] = set()
        self._transport: asyncio.SubprocessTransport
        self._troubled = False
        self._stall: asyncio.TimerHandle | None = None
        self._owner = os.getpid()
        self.pid = 0
        self.in_doubt = False
        self._disconnected: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self.stderr_lines = 0

    async def start(self, argv: Sequence[str], directory: Path) -> None:
        """Start the program.

        Raises:
            OSError: It cannot be started.
        """
        # A session of its own: what it starts can be ended with it, and Ctrl-C is ours to pass on.
        await self._loop.subprocess_exec(lambda: self, *argv, cwd=directory, start_new_session=True)

    def send(self, message: Message) -> None:
        """Hand *message* over; never blocks, and what a closed pipe does not take is lost."""
        pipe = self._transport.get_pipe_transport(_STDIN)
        if not isinstance(pipe, asyncio.WriteTransport) or pipe.is_closing():
            return
        pipe.write(encoded(message))
        if pipe.get_write_buffer_size() > _UNREAD_BYTES:
            self._trouble("input_unread", f"it has left {pipe.get_write_buffer_size()} bytes unread")

    async def end(self, patience_s: float = 0.0) -> int | None:
        """Wait for the end of the process; terminate it after *patience_s*, and kill it a second later.

        What it has started and not ended is then ended as well.

        Returns:
            Its exit code, or None where not even that has ended it.
        """
        self._troubled = True
        self._cancel_stall()
        await asyncio.wait({self.ended}, timeout=patience_s)
        for number, seconds in ((signal.SIGTERM, _TERMINATE_S), (_KILL, _KILL_S)):
            if not self.ended.done():
                self._signal(number)
                await asyncio.wait({self.ended}, timeout=seconds)
        await self._end_group()
        self._transport.close()
        if not self.ended.done():
            return None
        await asyncio.wait({self._disconnected}, timeout=_TERMINATE_S)
        return self.ended.result()

    def kill(self) -> None:
        """Kill the process where it still runs, without its event loop, and reap it; a fork of ours does not own it."""
        if not self.pid or os.getpid() != self._owner:
            return
        popen: subprocess.Popen[bytes] = self._transport.get_extra_info("subprocess")
        if popen.poll() is None:
            self._signal(_KILL)
            with suppress(subprocess.TimeoutExpired):
                popen.wait(_KILL_S)

    def last_words(self) -> str:
        """Return the last lines of its standard error, for people; empty where it has said nothing."""
        lines = [*self._last_lines, self._line]
        return "\n".join(line.decode("utf-8", "replace").rstrip() for line in lines if line.strip())

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of the process that was started."""
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - for the type
        self._transport = transport
        self.pid = transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take what the process has written."""
        if fd == _STDERR:
            self._take_stderr(data)
        elif not self._troubled:
            self._take_stdout(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - of the interface
        """Take the end of a pipe."""
        self._closed.add(fd)
        if fd != _STDERR or self.ended.done():
            self._doubt()

    def process_exited(self) -> None:
        """Take the end of the process."""
        code = self._transport.get_returncode()
        self.ended.set_result(-1 if code is None else code)
        self._doubt()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - of the interface
        """Take the end of everything."""
        self._disconnected.set_result(None)

    def _take_stdout(self, data: bytes) -> None:
        self._cancel_stall()
        try:
            for message in self._frames.feed(data):
                self._on_message(message)
        except FrameError as error:
            self._trouble(error.flaw, str(error))
            return
        if self._frames.within_frame and not self._troubled:
            text = f"it has begun a frame and sent nothing more for {self._stall_s:g} s"
            self._stall = self._loop.call_later(self._stall_s, self._trouble, "stalled", text)

    def _take_stderr(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        self._line = self._line[:_LINE_BYTES]
        self.stderr_lines += len(lines)
        self._last_lines.extend(line[:_LINE_BYTES] for line in lines[-_LAST_LINES:])

    def _doubt(self) -> None:
        """Decide what has happened where all signs and the last words are there, else a moment later."""
        if self.ended.done() and {_STDOUT, _STDERR} <= self._closed:
            self._decide()
        elif self.ended.done() or not self.in_doubt:
            self.in_doubt = True
            self._loop.call_later(_WORDS_S if self.ended.done() else _DOUBT_S, self._decide)

    def _decide(self) -> None:
        if self.ended.done():
            code = self.ended.result()
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._trouble("exited", f"it ended with {how}")
        elif _STDOUT in self._closed:
            self._trouble("output_closed", "it closed its standard output")
        else:
            self._trouble("input_closed", "it closed its standard input")

    def _trouble(self, reason: str, text: str) -> None:
        if not self._troubled:
            self._troubled = True
            self._cancel_stall()
            self._on_trouble(reason, text)

    def _cancel_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    async def _end_group(self) -> None:
        """End what the process has started; the number of its group is no other's as long as something is in it."""
        if not self.ended.done() or not hasattr(os, "killpg") or not self._signal(signal.SIGTERM):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEFT_S):
                while self._signal(0):  # noqa: ASYNC110 - nobody tells of the end of what is no child of ours
                    await asyncio.sleep(0.01)
        self._signal(_KILL)

    def _signal(self, number: int) -> bool:
        """Signal the process and what it has started; where there are no groups, the process alone.

        Returns:
            Whether anything of it was there.
        """
        send = getattr(os, "killpg", os.kill)
        try:
            send(self.pid, number)
        except (ProcessLookupError, PermissionError):  # it has ended meanwhile
            return False
        return True
