"""What the scripted language server does for any client, seen from a client of a few lines."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry.model.errors import TelemetryError, UnusableInput
from pytest_telemetry.testing.lsp_server import ErrorReply, LspServer, ServerLeftRunningWarning
from pytest_telemetry.testing.lsp_transcript import received, sent

needs_scripts = pytest.mark.skipif(sys.platform == "win32", reason="needs executable scripts")


class Raw:
    """Speaks frames with a process, and knows nothing of the protocol."""

    def __init__(self, command: Sequence[str]) -> None:
        pipe = subprocess.PIPE
        self.process: Any = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        self.rescue = threading.Timer(
            30, self.process.kill
        )  # so that a broken server fails tests and hangs none
        self.rescue.daemon = True
        self.rescue.start()

    def send(self, method: str, params: Any = None, number: int | None = None) -> None:
        message = {"method": method, "params": params}
        self.write(json.dumps(message if number is None else {"id": number, **message}).encode())

    def write(self, body: bytes) -> None:
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        length = int(self.process.stdout.readline().split(b":")[1])
        assert self.process.stdout.readline() == b"\r\n"
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def ask(self, method: str, params: Any = None, number: int = 1) -> Any:
        self.send(method, params, number)
        reply = self.read()
        assert (reply["jsonrpc"], reply["id"]) == ("2.0", number)
        return reply.get("result", reply.get("error"))

    def end(self) -> int:
        self.rescue.cancel()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        code: int = self.process.wait()
        return code


Start = Callable[[Sequence[str]], Raw]


@pytest.fixture
def server() -> Iterator[LspServer]:
    with LspServer() as server:
        yield server


@pytest.fixture
def start() -> Iterator[Start]:
    """Start clients that are gone at the end, whatever becomes of the test."""
    started: list[Raw] = []

    def start(command: Sequence[str]) -> Raw:
        started.append(Raw(command))
        return started[-1]

    yield start
    for client in started:
        client.process.kill()
        client.end()


@pytest.fixture
def client(server: LspServer, start: Start) -> Raw:
    return start(server.command)


def test_every_request_is_answered_by_itself(client: Raw) -> None:
    """Initialize by capabilities, and all others by null, until the test says otherwise."""
    assert client.ask("initialize") == {"capabilities": {}}
    assert client.ask("textDocument/hover") is None


def test_answers_may_be_values_functions_and_errors(server: LspServer, client: Raw) -> None:
    """A function gets the params of the request."""
    server.answers("a", [1, "ä"])
    server.answers("b", lambda params: params["n"] + 1)
    server.answers("c", lambda _: ErrorReply(-32801, "changed"))

    assert [client.ask("a"), client.ask("b", {"n": 1})] == [[1, "ä"], 2]
    assert client.ask("c") == {"code": -32801, "message": "changed"}


def test_a_function_hears_of_notifications_and_may_send(server: LspServer, client: Raw) -> None:
    """So a document that is opened gets its diagnostics."""
    server.answers("textDocument/didOpen", lambda params: server.publish_diagnostics(params["uri"], {"n": 1}))

    client.send("textDocument/didOpen", {"uri": "file:///a.py"})

    assert client.read()["params"] == {"uri": "file:///a.py", "diagnostics": [{"n": 1}]}


def test_a_function_that_raises_is_an_error_of_the_test(start: Start) -> None:
    """The client gets an error reply meanwhile, and the transcript says so."""
    with pytest.raises(TelemetryError, match=r"given to answers\(\) raised ZeroDivisionError"):
        with LspServer() as server:
            server.answers("a", lambda _: 1 / 0)
            client = start(server.command)
            assert client.ask("a")["code"] == -32603
            client.end()

    assert "mistake method='a'" in str(server.transcript)


def test_a_function_that_ends_the_test_ends_it_as_it_is(start: Start) -> None:
    """Such an outcome is no Exception; the client gets an error reply, and the server goes on and can be ended."""
    with pytest.raises(pytest.fail.Exception, match=r"^unwanted$"):
        with LspServer() as server:
            server.answers("a", lambda _: pytest.fail("unwanted"))
            client = start(server.command)
            assert client.ask("a")["code"] == -32603
            client.end()


def test_an_error_of_the_test_itself_is_not_hidden_by_the_end(start: Start) -> None:
    """Whatever else went wrong, what left the block is what is raised."""
    with pytest.raises(KeyError), LspServer() as server:
        client = start(server.command)
        server.send("x")
        raise KeyError

    assert client.end() != 0


def test_replies_that_are_held_come_when_they_are_released(server: LspServer, client: Raw) -> None:
    """In their order, with the answer of that moment; later ones are not held any more."""
    server.hold("a")
    client.send("a", number=1)
    client.send("a", number=2)
    assert client.ask("b", number=3) is None
    server.answers("a", "late")
    server.release("a")

    assert [client.read()["id"], client.read()["result"]] == [1, "late"]
    assert client.ask("a") == "late"
    gates = [entry.name for entry in server.transcript if entry.kind == "gate"]
    assert gates == ["hold a", "release a"]


def test_what_is_not_held_cannot_be_released(server: LspServer) -> None:
    """The text says what is."""
    server.hold("b")

    with pytest.raises(UnusableInput, match="'a' is not held, so it cannot be released; held: b"):
        server.release("a")


def test_a_request_of_the_server_and_its_reply_are_told_apart(server: LspServer, client: Raw) -> None:
    """Both are entries of that method, in both directions."""
    server.send("workspace/configuration", {"items": []}, id="x")
    request = client.read()
    client.write(json.dumps({"id": request["id"], "result": [{}]}).encode())

    reply = server.transcript.wait(received("workspace/configuration"))
    question = server.transcript.wait(sent("workspace/configuration"))
    assert (question.is_request, question.is_reply, reply.is_reply) == (True, False, True)
    assert not server.transcript.concurrent(question, reply)


def test_a_crash_comes_after_what_was_sent(server: LspServer, client: Raw) -> None:
    """With the code that the test wants."""
    server.send("last", {"n": 1})
    server.crash(7)

    assert client.read()["method"] == "last"
    assert client.process.stdout.read() == b""
    assert client.process.wait() == 7
    server.transcript.wait(lambda entry: (entry.kind, entry.name) == ("server", "ended"))
    assert [entry.name for entry in server.transcript if entry.kind == "server"][-2:] in (
        ["crash", "ended"],
        ["closed", "ended"],
    )


def test_an_answer_may_be_a_crash(server: LspServer, client: Raw) -> None:
    """Then there is no reply."""
    server.answers("initialize", lambda _: server.crash(3))

    client.send("initialize", number=1)

    assert client.process.stdout.read() == b""
    assert client.process.wait() == 3
    assert server.transcript.find(sent("*")) == []


@pytest.mark.parametrize(
    "result",
    [object(), {"a": {1}}, b"bytes", "\ud800", ErrorReply(1, object())],  # type: ignore[arg-type]
    ids=["object", "set", "bytes", "half a pair", "error"],
)
def test_an_answer_that_json_cannot_hold_is_refused_at_once(server: LspServer, result: Any) -> None:
    """Its client would wait for it until the time is over."""
    with pytest.raises(TypeError, match="JSON cannot hold the answer"):
        server.answers("a", result)


def test_what_a_function_answers_and_json_cannot_hold_is_an_error(server: LspServer, client: Raw) -> None:
    """Of the reply, so that nobody waits; and of the test, at the end."""
    server.answers("a", lambda _: object())

    assert "JSON cannot hold the answer" in client.ask("a")["message"]
    client.end()
    with pytest.raises(TelemetryError, match="JSON cannot hold the answer"):
        server.close()


def test_a_crash_has_a_number(server: LspServer) -> None:
    """Another code is refused at once."""
    with pytest.raises(TypeError, match=r"crash\('x'\): the exit code of a process is an integer"):
        server.crash("x")  # type: ignore[arg-type]


def test_a_server_that_hangs_hears_and_does_nothing(server: LspServer, client: Raw) -> None:
    """Not even end when it is asked to, until it is let go on."""
    server.hang()
    client.send("a", number=1)
    client.send("exit")
    client.process.stdin.close()
    server.transcript.wait(lambda entry: entry.name == "closed")
    server.send("b")
    assert not server.transcript.find(sent("*"))
    server.resume()

    assert [client.read().get("id"), client.process.wait()] == [1, 1]


def test_a_message_may_stop_in_the_middle(server: LspServer, client: Raw) -> None:
    """The rest comes when the server is let go on, and nothing comes in between."""
    server.answers("a", "x" * 100)
    server.stall_mid_frame()
    client.send("a", number=1)
    stall = server.transcript.wait(lambda entry: entry.name == "stall")
    head = client.process.stdout.read(40)
    client.send("b", number=2)
    server.transcript.wait(received("b"))
    assert not server.transcript.find(sent("*"))
    server.resume()

    assert (stall.attrs["within"], head[:15]) == ("a", b"Content-Length:")
    assert client.process.stdout.read(100).endswith(b"x" * 57)
    assert [entry.name for entry in server.transcript.find(sent("*"))] == ["a", "b"]


def test_garbage_is_written_as_it_is(server: LspServer, client: Raw) -> None:
    """Between two messages."""
    server.garbage(b"\x00nonsense")
    server.send("a")

    assert client.process.stdout.read(9) == b"\x00nonsense"
    assert client.read()["method"] == "a"


def test_a_flood_is_that_many_messages(server: LspServer, client: Raw) -> None:
    """One entry stands for all of them."""
    server.flood(1_000)
    server.send("last")

    assert [client.read()["method"] for _ in range(1_001)] == ["window/logMessage"] * 1_000 + ["last"]
    assert [entry.name for entry in server.transcript][-2:] == ["flood", "last"]


def test_a_reply_may_come_twice(server: LspServer, client: Raw) -> None:
    """With the same id."""
    server.answer_twice("a")
    client.send("a", number=5)

    assert [client.read()["id"], client.read()["id"]] == [5, 5]


def test_standard_error_gets_that_many_bytes(server: LspServer, client: Raw) -> None:
    """More than a pipe holds: what is sent afterwards waits until somebody has read them."""
    server.write_stderr(1_000_001)
    server.send("after")

    assert len(client.process.stderr.read(1_000_001)) == 1_000_001
    assert client.read()["method"] == "after"


@needs_scripts
def test_it_is_found_under_any_name(server: LspServer, start: Start) -> None:
    """On PATH, with whatever arguments the client adds; and no longer than the server is there."""
    before = os.environ["PATH"]
    program = server.install("pylsp")
    assert shutil.which("pylsp") == str(program)
    server.install("ty")

    client = start([shutil.which("ty") or "", "server", "--stdio"])
    assert client.ask("initialize") == {"capabilities": {}}
    client.end()
    server.close()

    assert server.transcript.wait(lambda entry: entry.name == "started").attrs["name"] == "ty"
    assert (os.environ["PATH"], shutil.which(str(program))) == (before, None)


@needs_scripts
@pytest.mark.parametrize("name", ["", "bin/pylsp", ".."])
def test_only_a_name_can_be_installed(server: LspServer, name: str) -> None:
    """A path would end up elsewhere."""
    with pytest.raises(UnusableInput, match=r"is no name of a program: install\('pylsp'\)"):
        server.install(name)


def test_each_start_is_a_session_and_the_last_one_is_told_what_to_do(server: LspServer, start: Start) -> None:
    """As with a client that restarts its server."""
    first = start(server.command)
    first.ask("initialize")
    server.crash()
    assert first.end() == 1
    second = start(server.command)
    second.ask("initialize")
    server.send("hello")

    assert second.read()["method"] == "hello"
    assert [entry.session for entry in server.transcript.find(sent("*"))] == [1, 2, 2]


@pytest.mark.parametrize(("goodbye", "code"), [(["shutdown", "exit"], 0), (["exit"], 1), ([], 1)])
def test_it_ends_as_the_protocol_says(client: Raw, goodbye: list[str], code: int) -> None:
    """With 0 after a shutdown and 1 without; and when its input ends."""
    for method in goodbye:
        client.send(method, number=1 if method == "shutdown" else None)
    client.process.stdin.close()

    assert client.process.wait() == code


def test_a_server_that_is_left_running_is_named_and_killed(start: Start) -> None:
    """With what happened last; also where it is stuck, because nobody reads what it writes."""
    with pytest.warns(ServerLeftRunningWarning) as warned:
        with LspServer() as server:
            client = start(server.command)
            client.ask("initialize")
            server.flood(10_000)

    text = str(warned[0].message)
    assert text.startswith("a client left its language server running: 'server' (start 1, process ")
    assert text.endswith(
        "last: server -> client  reply to initialize #1): close the client before the test ends"
    )
    assert client.process.wait() != 0
    client.end()


def test_a_server_that_its_client_has_killed_is_not_left_running(server: LspServer, client: Raw) -> None:
    """A second end does nothing either."""
    client.ask("initialize")
    client.process.kill()
    client.process.wait()

    server.close()
    server.close()


def test_a_server_that_was_told_to_end_and_cannot_is_only_killed(start: Start) -> None:
    """It has said goodbye, and its client reads no more."""
    with LspServer() as server:
        client = start(server.command)
        client.ask("initialize")
        server.flood(10_000)
        server.crash()

    assert client.process.wait() != 0
    client.end()


def test_a_process_without_the_token_is_turned_away(server: LspServer) -> None:
    """Whoever finds the port is no server of this test."""
    port = int(Path(server.command[-2]).read_text(encoding="ascii").split()[0])

    for said in (b"", b"h\x00\x00\x00\x07a 1 two", b"h\x00\x00\x00\x01x"):
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(said)
            stranger.shutdown(socket.SHUT_WR)
            assert stranger.recv(1) == b""

    assert list(server.transcript) == []


def test_the_token_is_not_among_the_arguments(server: LspServer) -> None:
    """Everybody may list those; the file that holds it can be read by its owner only."""
    control = Path(server.command[-2])
    token = control.read_text(encoding="ascii").split()[1]

    assert not any(token in part for part in server.command)
    assert control.stat().st_mode & 0o077 == 0 or sys.platform == "win32"


def test_a_process_that_comes_too_late_says_why_it_ends(tmp_path: Path, start: Start) -> None:
    """On standard error, where a client finds it."""
    with LspServer() as server:
        control = Path(server.command[-2]).read_text(encoding="ascii")
    (tmp_path / "control").write_text(control, encoding="ascii")

    client = start([*server.command[:-2], str(tmp_path / "control"), "late"])

    assert b"the test that it belongs to is over" in client.process.stderr.read()
    assert client.end() == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"nonsense\r\n\r\n", "ValueError"),
        (b"X: 1\r\n\r\n", "KeyError: b'content-length'"),
        (b"content-length: 2\r\n\r\n{]", "JSONDecodeError"),
        (b"Content-Length: 2\r\n\r\n[]", "ValueError: a message is an object"),
    ],
)
def test_what_is_no_message_of_the_client_is_in_the_transcript(
    server: LspServer, client: Raw, content: bytes, reason: str
) -> None:
    """With the reason; nothing behind it is read."""
    client.process.stdin.write(content)
    client.process.stdin.flush()
    client.send("a")

    entry = server.transcript.wait(lambda entry: entry.name == "unreadable")
    assert entry.attrs["reason"].startswith(reason)
    assert entry.attrs["content"].startswith(content[:8])
    assert not server.transcript.find(received("*"))


def test_a_message_may_arrive_in_pieces(server: LspServer, client: Raw) -> None:
    """Also in the middle of its head."""
    for piece in (b"Content-Le", b'ngth: 14\r\n\r\n{"metho', b'd":"a"}'):
        client.process.stdin.write(piece)
        client.process.stdin.flush()
        if piece.endswith(b"e"):
            client.process.stdin.flush()

    assert server.transcript.wait(received("a")).message == {"method": "a"}


def test_a_message_of_many_chunks_is_one(server: LspServer, client: Raw) -> None:
    """And the next one begins where it ends."""
    text = "x" * 1_000_000
    both = [json.dumps({"method": name, "params": text}).encode() for name in "ab"]
    client.process.stdin.write(b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(one), one) for one in both))
    client.process.stdin.flush()

    server.transcript.wait(received("b"))
    assert [entry.message for entry in server.transcript.find(received("*"))] == [
        {"method": name, "params": text} for name in "ab"
    ]


def test_without_a_client_there_is_nobody_to_tell_anything() -> None:
    """The text says so when the time is over."""
    with LspServer(timeout=0.01) as server:
        with pytest.raises(AssertionError, match=r"no client has started the server within 0\.01 s"):
            server.crash()


def test_a_client_may_start_it_in_an_empty_environment(server: LspServer) -> None:
    """Everything that the process needs is in its command."""
    process = subprocess.run(server.command, env={}, input=b"", capture_output=True, check=False)

    assert (process.returncode, process.stderr) == (1, b"")
    assert server.transcript.wait(lambda entry: entry.name == "closed").session == 1
