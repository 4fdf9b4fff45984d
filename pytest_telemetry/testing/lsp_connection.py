"""The test's end of one process of a scripted language server (layer 5)."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.testing.lsp_transcript import Transcript

__all__ = ("Connection", "Hears", "framed")

_LONGEST = 64 * 1024


class Hears(Protocol):
    """What is told of a connection, in the thread that reads from it."""

    def hear(self, connection: Connection, message: Mapping[str, Any]) -> None:
        """Take a message of the client, which is stamped already."""

    def hear_end_of_input(self, connection: Connection) -> None:
        """Take that the client has closed its end."""


def framed(message: Mapping[str, Any]) -> bytes:
    """Return *message* as it goes over the wire."""
    body = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False, separators=(",", ":")).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Connection:
    """Stamps what goes over one connection, in the order in which it goes.

    Writing never blocks the test: a thread hands over what is written, as fast as the process takes it.

    Attributes:
        session: Its number, from 1.
        name: The name under which the server was started.
        pid: Of the process.
        ended: Whether the process is gone.
        leaving: Whether it has a reason to end: the client said so, or the test.
        said_goodbye: Whether the client has had its reply to ``shutdown``.
    """

    def __init__(
        self,
        control: socket.socket,
        session: int,
        name: str,
        pid: int,
        *,
        hears: Hears,
        transcript: Transcript,
    ) -> None:
        self.session = session
        self.name = name
        self.pid = pid
        self.ended = self.leaving = self.said_goodbye = False
        self._control = control
        self._hears = hears
        self._transcript = transcript
        self._order = threading.RLock()
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._asked: dict[tuple[str, str], str] = {}
        self._input = bytearray()
        self._awaited = 0
        self._readable = True
        self._threads = [
            threading.Thread(target=run, name=f"{name}-{session}-{run.__name__.strip('_')}", daemon=True)
            for run in (self._read, self._write)
        ]

    def start(self) -> None:
        """Begin to read and write."""
        self._transcript.add("server", "started", self.session, name=self.name, pid=self.pid)
        for thread in self._threads:
            thread.start()

    # to the process

    def stamp(self, name: str, **attrs: Any) -> None:
        """Stamp what is about to be done to the process."""
        self._transcript.add("server", name, self.session, **attrs)

    def send(self, message: Mapping[str, Any], *, cut: bool = False) -> Callable[[], None]:
        """Stamp *message* and release it.

        With *cut*, only half of it goes out; what is returned stamps it and releases the rest.
        """
        frame = framed(message)
        half = len(frame) // 2 if cut else 0
        name = (
            message["method"]
            if "method" in message
            else self._asked.get(("received", repr(message["id"])), "?")
        )

        def release() -> None:
            with self._order:
                self._transcript.add("sent", name, self.session, message=message)
                if "method" in message and "id" in message:
                    self._asked["sent", repr(message["id"])] = message["method"]
                self.write(frame[half:])

        if cut:
            self.stamp("stall", within=name)
            self.write(frame[:half])
        else:
            release()
        return release

    def write(self, content: bytes, *, stream: str = "o") -> None:
        """Release *content* on standard output (``o``) or standard error (``e``), without a stamp."""
        for begin in range(0, len(content), _LONGEST):
            part = content[begin : begin + _LONGEST]
            self._outgoing.put(stream.encode() + len(part).to_bytes(4, "big") + part)

    def exit(self, code: int) -> None:
        """Let the process end once it has written everything."""
        self.leaving = True
        told = str(code).encode()
        self._outgoing.put(b"x" + len(told).to_bytes(4, "big") + told)

    def kill(self) -> None:
        """End the process at once."""
        if not self.ended:
            with suppress(OSError):
                self._control.shutdown(socket.SHUT_RDWR)  # on which it ends by itself, unless it is stuck
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def join(self, timeout: float) -> None:
        """Wait until everything about this connection is over."""
        self._outgoing.put(None)
        for thread in self._threads:
            thread.join(timeout)
        self._control.close()

    def _write(self) -> None:
        while (frame := self._outgoing.get()) is not None:
            try:
                self._control.sendall(frame)
            except OSError:  # the process is gone, which the other thread stamps
                return

    # from the process

    def _read(self) -> None:
        with self._control.makefile("rb") as stream:
            try:
                while head := stream.read(5):
                    content = stream.read(int.from_bytes(head[1:], "big"))
                    if head[:1] == b"i":
                        self._input += content
                        self._take()
                    else:
                        self.stamp("closed")
                        self._hears.hear_end_of_input(self)
            except OSError:  # reset, as after a kill
                pass
        self.ended = True
        self.stamp("ended")
        self._outgoing.put(None)

    def _take(self) -> None:
        """Stamp the messages that have arrived whole."""
        while self._readable and len(self._input) >= self._awaited:
            try:
                message = self._first_message()
            except (ValueError, KeyError) as error:
                self._readable = False
                reason = f"{type(error).__name__}: {error}"
                self.stamp("unreadable", reason=reason, content=bytes(self._input[:80]))
                return
            if message is None:
                return
            self._receive(message)

    def _first_message(self) -> dict[str, Any] | None:
        """Take the message with which the input begins; None where it is not there yet."""
        end = self._input.find(b"\r\n\r\n")
        if end < 0:
            return None
        fields = dict(line.split(b":", 1) for line in bytes(self._input[:end]).lower().split(b"\r\n"))
        begin = end + 4
        self._awaited = begin + int(fields[b"content-length"])
        if len(self._input) < self._awaited:
            return None
        message = json.loads(self._input[begin : self._awaited])
        if not isinstance(message, dict):
            raise ValueError("a message is an object")  # noqa: TRY004 - the client's mistake, not the caller's
        del self._input[: self._awaited]
        self._awaited = 0
        return message

    def _receive(self, message: dict[str, Any]) -> None:
        name = message.get("method") or self._asked.get(("sent", repr(message.get("id"))), "?")
        if "method" in message and "id" in message:
            self._asked["received", repr(message["id"])] = name
        self._transcript.add("received", name, self.session, message=message)
        self._hears.hear(self, message)
