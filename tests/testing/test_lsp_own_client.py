"""Our own client of language servers, under the rules that any client is held to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry import TelemetryRecorder, event, span
from pytest_telemetry.assertions import assert_lsp_ready_order
from pytest_telemetry.checks.lsp_server import POLICIES, Policy
from pytest_telemetry.codeintel.lsp import LSPClient
from pytest_telemetry.codeintel.lsp_errors import LSPError, RequestTimeout, ServerGone
from pytest_telemetry.testing.lsp_server import ErrorReply, LspServer

PATIENT_MS = 30_000
"""No test waits for this; it keeps a slow machine from failing one."""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("x = 1\nx\n", encoding="utf-8")
    return tmp_path


def client_of(server: LspServer, recorder: TelemetryRecorder, workspace: Path, **options: Any) -> LSPClient:
    options = {"timeout_ms": PATIENT_MS, **options}
    return LSPClient(recorder.context, "scripted", command=server.command, workspace=workspace, **options)


def found(workspace: Path) -> list[dict[str, Any]]:
    place = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}
    return [{"uri": (workspace / "a.py").as_uri(), "range": place}]


@pytest.mark.parametrize("policy", POLICIES)
def test_an_ordinary_session_keeps_every_rule(
    policy: Policy, telemetry_lsp_server: LspServer, telemetry_recorder: TelemetryRecorder, workspace: Path
) -> None:
    """Under each policy of READY."""
    server = telemetry_lsp_server
    server.answers("textDocument/didOpen", lambda it: server.publish_diagnostics(it["textDocument"]["uri"]))
    server.answers("textDocument/definition", found(workspace))
    options = {"warmup_file": "a.py"} if policy == "warmup-uri" else {}

    with client_of(server, telemetry_recorder, workspace, ready=policy, **options) as client:
        client.initialize()
        client.open("a.py")
        client.wait_until_ready(PATIENT_MS)
        assert client.definition("a.py", 2, 0).status == "ok"

    assert_lsp_ready_order(server.transcript, policy=policy)


def test_a_definition_that_is_found_makes_it_ready(
    telemetry_lsp_server: LspServer, telemetry_recorder: TelemetryRecorder, workspace: Path
) -> None:
    """It was asked to find out; all else waits for it."""
    telemetry_lsp_server.answers("textDocument/definition", found(workspace))

    with client_of(telemetry_lsp_server, telemetry_recorder, workspace) as client:
        client.initialize()
        client.definition("a.py", 2, 0)
        assert client.is_ready
        assert client.hover("a.py", 2, 0).status == "empty"

    assert_lsp_ready_order(telemetry_lsp_server.transcript)


@pytest.mark.parametrize(
    ("trouble", "raised"),
    [
        (lambda server: server.crash(3), ServerGone),
        (lambda server: server.garbage(), ServerGone),
        (lambda server: server.hang(), RequestTimeout),
        (lambda server: server.stall_mid_frame(), RequestTimeout),
    ],
    ids=["crash", "garbage", "hang", "stall"],
)
def test_what_becomes_of_a_server_is_one_end_with_its_reason(
    trouble: Callable[[LspServer], None],
    raised: type[Exception],
    telemetry_lsp_server: LspServer,
    telemetry_recorder: TelemetryRecorder,
    workspace: Path,
) -> None:
    """Nobody waits past a time-out, and no rule is broken on the way."""
    server = telemetry_lsp_server
    server.answers("textDocument/didOpen", lambda it: server.publish_diagnostics(it["textDocument"]["uri"]))
    timeout_ms = PATIENT_MS if raised is ServerGone else 100

    with client_of(server, telemetry_recorder, workspace, timeout_ms=timeout_ms) as client:
        client.initialize()
        client.open("a.py")
        client.wait_until_ready(PATIENT_MS)
        trouble(server)
        with pytest.raises(raised):
            client.hover("a.py", 2, 0)
            server.transcript.wait(event("lsp.state_change", {"result.status": "failed"}))
            client.hover("a.py", 2, 0)

    assert_lsp_ready_order(server.transcript)


def test_a_handshake_that_is_refused_is_said(
    telemetry_lsp_server: LspServer, telemetry_recorder: TelemetryRecorder, workspace: Path
) -> None:
    """It is no READY, and a record has the reason."""
    telemetry_lsp_server.answers("initialize", ErrorReply(-32603, "no memory"))

    with client_of(telemetry_lsp_server, telemetry_recorder, workspace) as client:
        with pytest.raises(LSPError, match="no memory"):
            client.initialize()
        assert client.state == "failed"

    assert span("lsp.initialize", {"result.status": "error"}) in telemetry_recorder
    assert span("lsp.ready") not in telemetry_recorder
    assert_lsp_ready_order(telemetry_lsp_server.transcript)


def test_a_late_reply_belongs_to_nobody(
    telemetry_lsp_server: LspServer, telemetry_recorder: TelemetryRecorder, workspace: Path
) -> None:
    """It is counted, and the next question gets its own answer."""
    server = telemetry_lsp_server
    server.answers("textDocument/definition", found(workspace))
    server.answers("textDocument/hover", {"contents": "the first"})
    server.hold("textDocument/hover")

    with client_of(server, telemetry_recorder, workspace) as client:
        client.initialize()
        client.definition("a.py", 2, 0)
        with pytest.raises(RequestTimeout):
            client.hover("a.py", 2, 0, timeout_ms=50)
        server.release("textDocument/hover")
        server.transcript.wait(event("lsp.late_reply"))
        server.answers("textDocument/hover", {"contents": "the second"})
        assert client.hover("a.py", 2, 0).text == "the second"
        assert client.statistics()["late_replies"] == 1

    assert_lsp_ready_order(server.transcript)
