"""The ten rules on the scripted server: a correct client keeps them all, and each way to break one is caught."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry import TelemetryRecorder, event
from pytest_telemetry.assertions import assert_lsp_ready_order
from pytest_telemetry.checks import LspReadyOrder
from pytest_telemetry.testing.lsp_server import ErrorReply, LspServer
from pytest_telemetry.testing.lsp_transcript import Transcript, received

SOURCE = Path(__file__).with_name("reference_client.py").read_text(encoding="utf-8")
POLICIES = ("diagnostics-or-definition", "warmup-uri", "initialized")
FILE = "file:///project/a.py"
READY = event("lsp.ready")
FAILED = event("lsp.state_change", {"status": "failed"})
Scenario = Callable[[LspServer, Any], None]


def client_of(server: LspServer, policy: str, line: str = "", other: str = "") -> Any:
    """Return a client that reports to the transcript; where *line* is given, with the *other* in its place."""
    assert not line or SOURCE.count(line) == 1, line
    source = SOURCE.replace(line, other) if line else SOURCE
    namespace: dict[str, Any] = {"__name__": "reference_client"}
    exec(compile(source, "reference_client.py", "exec"), namespace)
    recorder = TelemetryRecorder()
    server.transcript.follow(recorder)
    return namespace["Client"](server.command, recorder.context, policy)


def played(scenario: Scenario, server: LspServer, client: Any) -> None:
    """Run *scenario* and let go of what a client, correct or not, has open."""
    try:
        scenario(server, client)
    finally:
        client.process.kill()
        client.process.wait()
        client._reader.join()
        for pipe in (client.process.stdin, client.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


def in_the_background(work: Callable[[], object]) -> threading.Thread:
    def quietly() -> None:
        with contextlib.suppress(OSError, ValueError):  # a broken client may find its pipes closed
            work()

    thread = threading.Thread(target=quietly)
    thread.start()
    return thread


# One scenario for each rule; all of them end with the client closed, whether or not it is correct.


def becomes_ready_once(server: LspServer, client: Any) -> None:
    """Diagnostics come twice."""
    client.start()
    client.open(FILE)
    server.publish_diagnostics(FILE)
    server.publish_diagnostics(FILE)
    server.send("test/read", id=1)
    server.transcript.wait(received("test/read"))
    client.close()


def waits_for_the_result(server: LspServer, client: Any) -> None:
    """The InitializeResult is held back."""
    server.hold("initialize")
    starting = in_the_background(client.start)
    server.transcript.wait(received("initialize"))
    server.release("initialize")
    starting.join()
    client.close()


def asks_nothing_before_ready(server: LspServer, client: Any) -> None:
    """Somebody wants to know before there was a sign of READY, and again after it."""
    client.start()
    with contextlib.suppress(Exception):
        client.ask("textDocument/hover")
    client.open(FILE)
    server.publish_diagnostics(FILE)
    if client.policy != "initialized":
        server.transcript.wait(READY)
    client.ask("textDocument/hover")
    client.close()


def sends_nothing_before_the_result(server: LspServer, client: Any) -> None:
    """The server says something before it answers, as it may."""
    server.hold("initialize")
    starting = in_the_background(client.start)
    server.transcript.wait(received("initialize"))
    server.send("window/logMessage", {"type": 3, "message": "hello"})
    server.send("window/showMessageRequest", {"type": 3, "message": "hello"}, id=1)
    server.transcript.wait(received("window/showMessageRequest"))
    server.release("initialize")
    starting.join()
    client.close()


def tells_what_came_of_the_handshake(server: LspServer, client: Any) -> None:
    """There is evidence that the server works."""
    client.start()
    client.open(FILE)
    server.publish_diagnostics(FILE)
    server.send("test/read", id=1)
    server.transcript.wait(received("test/read"))
    client.close()


def tells_that_the_handshake_failed(server: LspServer, client: Any) -> None:
    """The server refuses to initialize."""
    server.answers("initialize", ErrorReply(-32603, "no memory"))
    client.start()
    client.close()


def tells_that_a_ready_server_died(server: LspServer, client: Any) -> None:
    """It crashes after READY."""
    client.start()
    client.open(FILE)
    server.publish_diagnostics(FILE)
    server.transcript.wait(READY)
    server.crash(3)
    client._reader.join()


def takes_no_time_out_for_ready(server: LspServer, client: Any) -> None:
    """A definition that is asked for to find out is not answered, the next one is."""
    client.start()
    client.open(FILE)
    server.hold("textDocument/definition")
    with contextlib.suppress(Exception):  # a client may refuse to ask
        client.find_out(FILE, 0.01)
    server.answers("textDocument/definition", [{"uri": FILE}])
    server.release("textDocument/definition")
    with contextlib.suppress(Exception):
        client.find_out(FILE, 5)
    client.close()


def gives_up_a_handshake(server: LspServer, client: Any) -> None:
    """The server hangs from the start; where it starts slowly, a correct client may not even have asked."""
    server.hang()
    client.handshake_timeout = 0.1
    starting = in_the_background(client.start)
    server.transcript.wait(lambda entry: entry.name in {"initialize", "lsp.state_change"})
    server.transcript.until(lambda: bool(server.transcript.find(FAILED)), 0.2)
    client.verdict = broken_rules(
        server.transcript, client.policy
    )  # before the end of the server lets it go on
    client.process.kill()
    starting.join()


def says_goodbye_in_order(server: LspServer, client: Any) -> None:
    """The reply to shutdown is held back for a while."""
    client.start()
    server.hold("shutdown")
    closing = in_the_background(client.close)
    shutdown = server.transcript.wait(received("shutdown"))
    server.transcript.until(lambda: bool(server.transcript.find(received("exit"), after=shutdown)), 0.05)
    server.release("shutdown")
    closing.join()


BROKEN: dict[str, tuple[Scenario, str, str, str]] = {
    "R1": (
        becomes_ready_once,
        "diagnostics-or-definition",
        '            if self.state == "initialized":\n',
        '            if self.state in ("initialized", "ready"):\n',
    ),
    "R2": (
        waits_for_the_result,
        "initialized",
        '        self.state = "starting"\n',
        '        self.state = "starting"; self.telemetry.event("lsp.ready", ready_via="hope")\n',
    ),
    "R3": (
        asks_nothing_before_ready,
        "diagnostics-or-definition",
        '        if self.state != "ready":\n',
        '        if self.state not in ("initialized", "ready"):\n',
    ),
    "R4": (
        sends_nothing_before_the_result,
        "diagnostics-or-definition",
        '        self.telemetry.event("lsp.spawn", executable="scripted")\n',
        '        self._send({"method": "workspace/didChangeConfiguration"})\n',
    ),
    "R5": (
        tells_what_came_of_the_handshake,
        "diagnostics-or-definition",
        '                self._become_ready("diagnostics")\n',
        "                pass\n",
    ),
    "R6": (
        tells_that_the_handshake_failed,
        "diagnostics-or-definition",
        '            self._end("failed", reply["error"]["message"])\n',
        '            self.telemetry.count("lsp_failed_count")\n',
    ),
    "R7": (
        tells_that_a_ready_server_died,
        "diagnostics-or-definition",
        '        self._end("failed", "the server has ended")\n',
        "        self.process.wait()\n",
    ),
    "R8": (
        takes_no_time_out_for_ready,
        "diagnostics-or-definition",
        '            self.telemetry.event("lsp.timeout", method="textDocument/definition")\n',
        '            self._become_ready("timeout")\n',
    ),
    "R9": (
        gives_up_a_handshake,
        "diagnostics-or-definition",
        '            reply = self._request("initialize", {"capabilities": {}}, self.handshake_timeout)\n',
        '            reply = self._request("initialize", {"capabilities": {}}, None)\n',
    ),
    "R10": (
        says_goodbye_in_order,
        "diagnostics-or-definition",
        '            self._request("shutdown", None, 5.0)\n',
        '            self._send({"id": 99, "method": "shutdown"})\n',
    ),
}


def broken_rules(transcript: Transcript, policy: Any) -> set[str]:
    """Return the rules that are broken; what is owed gets no time, as the scenarios have waited for it."""
    verdict = LspReadyOrder(policy).of_transcript(transcript.entries())
    return {complaint.rule for complaint in (*verdict.broken, *verdict.owed)}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("rule", BROKEN)
def test_a_correct_client_keeps_every_rule(telemetry_lsp_server: LspServer, rule: str, policy: str) -> None:
    """In each scenario, under each policy of READY that has one in it."""
    scenario = BROKEN[rule][0]
    client = client_of(telemetry_lsp_server, policy)

    played(scenario, telemetry_lsp_server, client)

    assert_lsp_ready_order(telemetry_lsp_server.transcript, policy=policy)  # type: ignore[arg-type]  # one of the three


@pytest.mark.parametrize("rule", BROKEN)
def test_a_client_that_breaks_one_rule_is_caught_by_that_rule(
    telemetry_lsp_server: LspServer, rule: str
) -> None:
    """One line is changed, and no other rule complains."""
    scenario, policy, *lines = BROKEN[rule]
    client = client_of(telemetry_lsp_server, policy, *lines)

    played(scenario, telemetry_lsp_server, client)

    broken = getattr(client, "verdict", None) or broken_rules(telemetry_lsp_server.transcript, policy)
    assert broken == {rule}
