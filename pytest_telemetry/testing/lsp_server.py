"""A language server that does what the test says, in a process of its own (layer 5)."""

from __future__ import annotations

import hmac
import os
import secrets
import shlex
import socket
import sys
import tempfile
import threading
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.model.errors import TelemetryError, UnusableInput
from pytest_telemetry.testing.lsp_connection import Connection, framed
from pytest_telemetry.testing.lsp_transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

__all__ = ("ErrorReply", "LspServer", "ServerLeftRunningWarning")

Answer: TypeAlias = "Callable[[Any], Any] | Any"

_DEFAULTS: Final[Mapping[str, Any]] = {"initialize": {"capabilities": {}}}
_SCRIPT: Final = Path(__file__).with_name("lsp_script.py")


class ServerLeftRunningWarning(UserWarning):
    """A client did not end the server that it had started; the text names the process and what happened last."""


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """What `LspServer.answers` takes where the answer is an error of the protocol."""

    code: int
    message: str


class LspServer:
    """A language server for tests of clients: any client, which starts it as a process and talks to it on stdio.

    It answers every request by itself, with `answers` or with ``null``, until the test holds answers back or makes
    it misbehave. What it is told to do concerns the process that was started last, and waits for one. Each start
    of the process is a session of its own. Everything stands in the `transcript`.

    Use it in a ``with`` block, or as the fixture ``telemetry_lsp_server``. At its end every process is killed, and
    one that the client had left running is reported with a `ServerLeftRunningWarning`.

    Args:
        timeout: How many seconds to wait for a client to start the process.
        warn: Takes the warning; by default it points at the end of the ``with`` block.

    Attributes:
        transcript: What happened, in one order.
        command: The command that starts it: hand it to the client under test, or see `install`.
    """

    def __init__(self, *, timeout: float = 3.0, warn: Callable[[Warning], object] | None = None) -> None:
        self._timeout = timeout
        self._warn = warn
        self.transcript = Transcript()
        self._lock = threading.RLock()
        self._answers: dict[str, Answer] = dict(_DEFAULTS)
        self._held: dict[str, list[tuple[Connection, Mapping[str, Any]]]] = {}
        self._twice: set[str] = set()
        self._hangs = False
        self._cuts = False
        self._later: list[Callable[[], object]] = []
        self._connections: list[Connection] = []
        self._mistakes: list[BaseException] = []
        self._path: str | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="lsp-")
        self._token = secrets.token_hex(16)
        self._listener = socket.create_server(("127.0.0.1", 0))
        control = Path(self._directory.name, "control")
        control.touch(mode=0o600)
        control.write_text(f"{self._listener.getsockname()[1]} {self._token}", encoding="ascii")
        self.command: tuple[str, ...] = self._command("server")
        self._accepting = threading.Thread(target=self._accept, name="lsp-server", daemon=True)
        self._accepting.start()

    def _command(self, name: str) -> tuple[str, ...]:
        # without site-packages it starts in a quarter of the time
        return (sys.executable, "-I", "-S", str(_SCRIPT), str(Path(self._directory.name, "control")), name)

    def install(self, name: str) -> Path:
        """Put the server on PATH under *name*, until the end of this server, and return the program.

        Raises:
            UnusableInput: *name* is no plain name of a program, or this system has no executable scripts.
        """
        if sys.platform == "win32":
            raise UnusableInput(
                "install() needs executable scripts: hand the command of the server to the client"
            )
        if name in {"", ".", ".."} or name != Path(name).name:
            raise UnusableInput(f"{name!r} is no name of a program: install('pylsp')")
        directory = Path(self._directory.name, "bin")
        directory.mkdir(exist_ok=True)
        program = directory / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join(self._command(name))} "$@"\n', encoding="utf-8")
        program.chmod(0o700)
        if self._path is None:
            self._path = os.environ.get("PATH", "")
            os.environ["PATH"] = f"{directory}{os.pathsep}{self._path}"
        return program

    # what it answers, and when

    def answers(self, method: str, result: Answer) -> None:
        """Answer requests of *method* with *result* from now on.

        Args:
            method: Of a request; or of a notification, for a function that is to be called when it comes.
            result: Anything JSON can hold, an `ErrorReply`, or a function that takes the params and returns one of
                these. It is called in a thread of the server, and may call methods of the server, ``send`` for one;
                it must not wait for anything that the client does.

        Raises:
            TypeError: JSON cannot hold the result. What a function returns is looked at when it is called.
        """
        if not callable(result):
            _reply_of(result)
        with self._lock:
            self._answers[method] = result

    def answer_twice(self, method: str) -> None:
        """Send every reply to *method* twice from now on."""
        with self._lock:
            self._twice.add(method)

    def hold(self, method: str) -> None:
        """Hold back replies to *method* until they are released; before or after the request has come."""
        with self._lock:
            self.transcript.add("gate", f"hold {method}")
            self._held.setdefault(method, [])

    def release(self, method: str) -> None:
        """Send the replies to *method* that are held back, and hold back no more.

        Raises:
            UnusableInput: Nothing of that name is held.
        """
        with self._lock:
            if method not in self._held:
                held = ", ".join(sorted(self._held)) or "nothing"
                raise UnusableInput(f"{method!r} is not held, so it cannot be released; held: {held}")
            self.transcript.add("gate", f"release {method}")
            for connection, message in self._held.pop(method):
                self._reply(connection, message)

    # what it does of itself

    def send(self, method: str, params: Any = None, *, id: int | str | None = None) -> None:  # noqa: A002 - the protocol's word
        """Send a notification; with an *id*, a request, whose reply will be ``received(method)``."""
        message = {"method": method} if id is None else {"id": id, "method": method}
        if params is not None:
            message["params"] = params
        self._send(self._current(), message)

    def publish_diagnostics(self, uri: str, *diagnostics: Mapping[str, Any]) -> None:
        """Send ``textDocument/publishDiagnostics`` for one document."""
        self.send("textDocument/publishDiagnostics", {"uri": uri, "diagnostics": list(diagnostics)})

    def crash(self, code: int = 1) -> None:
        """End the process without a word, after what it has sent so far.

        Raises:
            TypeError: The code is no integer.
        """
        if not isinstance(code, int):
            raise TypeError(f"crash({code!r}): the exit code of a process is an integer: crash(1)")
        connection = self._current()
        with self._lock:
            connection.stamp("crash", code=code)
            connection.exit(code)

    def hang(self) -> None:
        """Take every message and do nothing, not even end, until `resume`; this holds for later starts as well."""
        with self._lock:
            self._hangs = True
            self.transcript.add("server", "hang")

    def stall_mid_frame(self) -> None:
        """Stop in the middle of the next message, and do nothing until `resume`."""
        with self._lock:
            self._cuts = True

    def resume(self) -> None:
        """Go on after `hang` or `stall_mid_frame`: send the rest of the message, and do what was put off."""
        with self._lock:
            self._hangs = self._cuts = False
            self.transcript.add("server", "resume")
            later, self._later = self._later, []
            for do in later:
                do()

    def garbage(self, content: bytes = b"this is no frame\r\n\r\n") -> None:
        """Write *content* where a message should stand."""
        connection = self._current()
        with self._lock:
            connection.stamp("garbage", content=content[:40])
            connection.write(content)

    def flood(self, count: int, method: str = "window/logMessage") -> None:
        """Send *count* notifications at once."""
        connection = self._current()
        with self._lock:
            connection.stamp("flood", count=count, method=method)
            params = {"type": 4, "message": "flood"}
            connection.write(framed({"method": method, "params": params}) * count)

    def write_stderr(self, count: int) -> None:
        """Write *count* bytes to standard error, and nothing else until somebody has read them."""
        connection = self._current()
        with self._lock:
            connection.stamp("stderr", count=count)
            connection.write((b"x" * 79 + b"\n") * (count // 80) + b"x" * (count % 80), stream="e")

    # what the processes say

    def hear(self, connection: Connection, message: Mapping[str, Any]) -> None:
        """Take a message of the client: answer it, unless it is held back or the server hangs."""
        with self._lock:
            if self._hangs:
                self._later.append(lambda: self.hear(connection, message))
            elif "method" not in message:
                return
            elif "id" not in message:
                self._take(connection, message)
            elif message["method"] in self._held:
                self._held[message["method"]].append((connection, message))
            else:
                self._reply(connection, message)

    def hear_end_of_input(self, connection: Connection) -> None:
        """Take that the client has closed its end, on which a server ends."""
        with self._lock:
            if self._hangs:
                self._later.append(lambda: self.hear_end_of_input(connection))
            else:
                connection.exit(1)

    def _take(self, connection: Connection, message: Mapping[str, Any]) -> None:
        """Take a notification."""
        if message["method"] == "exit":
            connection.exit(0 if connection.said_goodbye else 1)
        elif callable(answer := self._answers.get(message["method"])):
            self._call(answer, message)

    def _reply(self, connection: Connection, message: Mapping[str, Any]) -> None:
        answer = self._answers.get(message["method"])
        outcome = self._call(lambda it: _reply_of(answer(it) if callable(answer) else answer), message)
        reply = {"id": message["id"], **outcome}
        connection.said_goodbye |= message["method"] == "shutdown"
        if not connection.leaving:
            for _ in range(1 + (message["method"] in self._twice)):
                self._send(connection, reply)

    def _call(self, answer: Callable[[Any], Any], message: Mapping[str, Any]) -> Any:
        """Return what a function makes of the params; where it raises, an error, which is reported at the end."""
        try:
            return answer(message.get("params"))
        except BaseException as error:  # noqa: BLE001 - raised again by close(); pytest.fail() is no Exception
            self._mistakes.append(error)
            self.transcript.add("server", "mistake", method=message["method"], error=error)
            return _reply_of(ErrorReply(-32603, f"the test's answer raised {type(error).__name__}: {error}"))

    def _send(self, connection: Connection, message: Mapping[str, Any]) -> None:
        with self._lock:
            if self._hangs:
                self._later.append(lambda: self._send(connection, message))
            elif self._cuts:
                self._cuts, self._hangs = False, True
                self._later.insert(0, connection.send(message, cut=True))
            else:
                connection.send(message)

    def _current(self) -> Connection:
        """Return the process that was started last."""
        if not self.transcript.until(lambda: bool(self._connections), self._timeout):
            raise AssertionError(f"no client has started the server within {self._timeout:g} s")
        return self._connections[-1]

    def _accept(self) -> None:
        while True:
            try:
                control, _ = self._listener.accept()
            except OSError:  # closed
                return
            hello = self._hello(control)
            if hello is None:  # nobody whom the test has started
                control.close()
                continue
            pid, name = hello
            connection = Connection(
                control, len(self._connections) + 1, name, pid, hears=self, transcript=self.transcript
            )
            self._connections.append(connection)
            connection.start()

    def _hello(self, control: socket.socket) -> tuple[int, str] | None:
        """Return the process and its name of whoever knows the token."""
        control.settimeout(3)
        try:
            head = control.recv(5, socket.MSG_WAITALL)
            hello = control.recv(min(int.from_bytes(head[1:], "big"), 1_000), socket.MSG_WAITALL)
            token, pid, name = hello.decode("ascii", "replace").split(" ", 2)
            number = int(pid)
        except (OSError, ValueError):
            return None
        control.settimeout(None)
        return (number, name) if hmac.compare_digest(token.encode(), self._token.encode()) else None

    # the end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: object, exc: BaseException | None, traceback: object) -> None:
        self.close(quiet=exc is not None)

    def close(self, *, quiet: bool = False) -> None:
        """End everything that is left; a second time does nothing.

        Args:
            quiet: Whether to say nothing about what went wrong.

        Raises:
            TelemetryError: A function that was given to `answers` had raised. What is no Exception, as the outcome of
                ``pytest.fail()``, is raised as it is.
        """
        if self._path is not None:
            os.environ["PATH"], self._path = self._path, None
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        self._accepting.join(3)
        # what a client has ended or killed is gone, or will be in a moment
        self.transcript.until(lambda: all(each.ended for each in self._connections), 0.25)
        left = [each for each in self._connections if not (each.ended or each.leaving)]
        for each in self._connections:
            each.kill()
        for each in self._connections:
            each.join(3)
        self._connections.clear()
        self._directory.cleanup()
        mistakes, self._mistakes = self._mistakes, []
        if quiet:
            return
        if left:
            warning = ServerLeftRunningWarning(_left_running(left, self.transcript))
            if self._warn is None:
                warnings.warn(warning, stacklevel=3)
            else:
                self._warn(warning)
        if mistakes and not isinstance(mistakes[0], Exception):
            raise mistakes[0]
        if mistakes:
            raise TelemetryError(f"a function given to answers() raised {mistakes[0]!r}") from mistakes[0]


def _reply_of(result: Any) -> dict[str, Any]:
    """Return what a reply has beside its id.

    Raises:
        TypeError: JSON cannot hold it.
    """
    if isinstance(result, ErrorReply):
        reply: dict[str, Any] = {"error": {"code": result.code, "message": result.message}}
    else:
        reply = {"result": result}
    try:
        framed(reply)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"JSON cannot hold the answer ({error}): use texts, numbers, lists and dicts, an ErrorReply, or a function"
        ) from error
    return reply


def _left_running(left: Sequence[Connection], transcript: Transcript) -> str:
    numbers = {each.session: each for each in left}
    last = {entry.session: entry for entry in transcript if entry.message is not None}
    told = [
        f"{each.name!r} (start {number}, process {each.pid}; last: {last[number].text() if number in last else 'nothing'})"
        for number, each in numbers.items()
    ]
    return (
        f"a client left its language server running: {', '.join(told)}: close the client before the test ends"
    )
