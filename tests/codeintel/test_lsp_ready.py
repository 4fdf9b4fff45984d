"""When a language server is READY: by which evidence, once per life, and never because time has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import TelemetryContext, TelemetryRecorder, event, span
from pytest_telemetry.assertions import assert_lsp_ready_order, assert_monotonic_timing, assert_relative_paths
from pytest_telemetry.codeintel.lsp import LSPClient
from pytest_telemetry.codeintel.lsp_errors import NotReady, RequestTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.model.record import Record


def names(recorder: TelemetryRecorder) -> list[str]:
    return [record.name for record in recorder if record.kind != "metric"]


def test_a_session_is_recorded_key_by_key(fake_server: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """From spawn to exit, with the names of the table, and as the checks want it."""
    info = {"capabilities": {"positionEncoding": "utf-8"}, "serverInfo": {"name": "fake", "version": "1.2"}}
    script = {
        "initialize": [[["reply", info]]],
        "textDocument/didOpen": [[fake_server.diagnostics()]],
        "textDocument/definition": [[["reply", fake_server.location()]]],
    }
    client = fake_server.started(script)
    client.open("a.py")
    client.wait_until_ready()
    client.definition("a.py", 1, 14)
    client.close()

    told = [
        (record.name, record.status, record.attrs) for record in telemetry_recorder if record.kind != "metric"
    ]
    pid = fake_server.received("spawned")[0]["pid"]
    server = {"server": "fake"}
    place = {"args.file": "a.py", "args.line": 1, "args.col": 14}
    shook = {"result.position_encoding": "utf-8", "result.server_version": "1.2"}
    executable = {"args.executable": told[1][2]["args.executable"]}
    assert "/" not in executable["args.executable"]
    assert told == [
        ("lsp.state_change", "ok", {"result.status": "starting"} | server),
        ("lsp.spawn", "ok", executable | {"result.status": "ok", "result.pid": pid} | server),
        ("lsp.initialize", "ok", {"args.workspace": ".", "result.status": "ok"} | shook | server),
        ("lsp.state_change", "ok", {"result.status": "initialized"} | server),
        ("lsp.diagnostics", "unset", {"args.file": "a.py", "result.count": 0} | server),
        ("lsp.ready", "ok", {"result.status": "ok", "ready_via": "diagnostics"} | server),
        ("lsp.definition", "ok", place | {"result.status": "ok", "result.count": 1} | server),
        ("lsp.state_change", "ok", {"result.status": "closed"} | server),
        (
            "lsp.exit",
            "ok",
            {"result.status": "ok", "result.code": 0, "result.reason": "closed", "result.pid": pid} | server,
        ),
    ]
    for check in (assert_lsp_ready_order, assert_relative_paths, assert_monotonic_timing):
        check(telemetry_recorder)
    counted = {name: telemetry_recorder.metric(name) for name in ("lsp_spawn_count", "lsp_ready_count")}
    assert counted == {"lsp_spawn_count": 1, "lsp_ready_count": 1}
    assert telemetry_recorder.metric("lsp_definition_count") == 1


def test_a_definition_that_is_found_makes_it_ready(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """Asked for before READY to find out; its record comes before that of READY."""
    client = fake_server.started({"textDocument/definition": [[["reply", [fake_server.location()]]]]})
    assert (client.state, client.is_ready) == ("initialized", False)

    client.definition("a.py", 1, 14)

    assert (client.state, client.is_ready) == ("ready", True)
    assert names(telemetry_recorder)[-2:] == ["lsp.definition", "lsp.ready"]
    assert span("lsp.ready", ready_via="definition") in telemetry_recorder
    assert_lsp_ready_order(telemetry_recorder)


def test_an_empty_answer_makes_nothing_ready(fake_server: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """Servers give one for files that they do not know yet."""
    client = fake_server.started({"textDocument/definition": [[["reply", None]], [["reply", []]]]})

    replies = [client.definition("a.py", 1, 14) for _ in range(2)]

    assert [(reply.status, reply.locations) for reply in replies] == [("empty", ())] * 2
    assert not client.is_ready
    assert span("lsp.definition", {"result.status": "empty"}, status="ok") in telemetry_recorder


def test_neither_a_timeout_nor_a_late_answer_makes_it_ready(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """However good the answer is."""
    script = {
        "textDocument/definition": [
            [],
            [["send", {"id": 2, "result": [fake_server.location()]}], ["reply", None]],
        ]
    }
    client = fake_server.started(script)
    with pytest.raises(RequestTimeout):
        client.definition("a.py", 1, 14, timeout_ms=1)

    client.definition("a.py", 1, 14)

    assert client.statistics()["late_replies"] == 1
    assert client.state == "initialized"
    with pytest.raises(
        RequestTimeout, match="not READY after 1 ms under the policy diagnostics-or-definition"
    ):
        client.wait_until_ready(1)
    assert span("lsp.ready") not in telemetry_recorder


def test_warmup_needs_diagnostics_of_its_file(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """The file is opened right after the handshake; those of others are recorded and do not count."""
    script = {
        "initialized": [[fake_server.diagnostics("b.py")]],
        "textDocument/didOpen": [[fake_server.diagnostics("a.py")]],
    }
    client = fake_server.started(script, ready="warmup-uri", warmup_file="a.py")

    client.wait_until_ready()

    assert fake_server.methods()[:4] == ["spawned", "initialize", "initialized", "textDocument/didOpen"]
    assert names(telemetry_recorder)[-3:] == ["lsp.diagnostics", "lsp.diagnostics", "lsp.ready"]
    assert span("lsp.ready", ready_via="warmup-uri") in telemetry_recorder
    assert_lsp_ready_order(telemetry_recorder, policy="warmup-uri")
    for named in ("a.py", (fake_server.workspace / "a.py").as_uri()):
        assert_lsp_ready_order(telemetry_recorder, policy="warmup-uri", warmup_uri=named)
    with pytest.raises(AssertionError, match="READY before diagnostics"):
        assert_lsp_ready_order(telemetry_recorder, policy="warmup-uri", warmup_uri="file:///x/c.py")


def test_the_handshake_alone_can_be_enough(fake_server: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """Under the policy of that name."""
    client = fake_server.started(ready="initialized")

    assert client.is_ready
    assert span("lsp.ready", ready_via="initialized") in telemetry_recorder
    assert_lsp_ready_order(telemetry_recorder, policy="initialized")


def test_evidence_before_the_handshake_counts_from_its_end_on(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """Some servers publish diagnostics, log and report progress before they answer initialize."""
    early = [["notify", "window/logMessage", {"type": 3, "message": "hello"}], fake_server.diagnostics()]
    script = {"initialize": [[*early, ["notify", "$/progress", {}], ["reply", {"capabilities": {}}]]]}

    client = fake_server.started(script)

    assert client.is_ready
    assert client.statistics()["notifications"] == 3
    assert names(telemetry_recorder)[-2:] == ["lsp.state_change", "lsp.ready"]
    assert_lsp_ready_order(telemetry_recorder)


def test_ready_is_declared_once(fake_server: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """Whatever comes after it."""
    script = {
        "textDocument/didOpen": [[fake_server.diagnostics(), fake_server.diagnostics()]],
        "textDocument/definition": [[["reply", fake_server.location()]]],
    }
    client = fake_server.started(script)
    client.open("a.py")
    client.wait_until_ready()

    client.definition("a.py", 1, 14)

    assert telemetry_recorder.metric("lsp_ready_count") == 1
    assert (
        names(telemetry_recorder).count("lsp.ready")
        == names(telemetry_recorder).count("lsp.diagnostics")
        == 1
    )


@pytest.mark.parametrize("ready", ["warmup-uri", "diagnostics-or-definition"])
def test_a_request_before_ready_is_refused_and_not_sent(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, ready: Any
) -> None:
    """Nor is it recorded: it is no request. Only the default policy lets definitions find out."""
    client = fake_server.started(ready=ready, warmup_file="a.py" if ready == "warmup-uri" else None)
    calls: dict[str, Callable[[], object]] = {
        "hover()": lambda: client.hover("a.py", 1, 1),
        "references()": lambda: client.references("a.py", 1, 1),
        "document_symbols()": lambda: client.document_symbols("a.py"),
    }
    if ready == "warmup-uri":
        calls["definition()"] = lambda: client.definition("a.py", 1, 1)

    for what, call in calls.items():
        with pytest.raises(NotReady, match=f"^{what[:-2]}.*not READY, nothing was sent: wait_until_ready"):
            call()
    client.close()

    assert not [
        name for name in fake_server.methods() if name in {"textDocument/hover", "textDocument/definition"}
    ]
    assert names(telemetry_recorder)[-3:] == ["lsp.state_change", "lsp.state_change", "lsp.exit"]


def test_nothing_can_be_asked_before_there_is_a_server(fake_server: Any) -> None:
    """The text says what to call."""
    client = fake_server.client()

    for call in (
        lambda: client.definition("a.py", 1, 1),
        lambda: client.open("a.py"),
        client.wait_until_ready,
    ):
        with pytest.raises(NotReady, match="there is no server yet: call initialize"):
            call()
    assert (client.state, client.is_ready, client.failure) == ("new", False, None)


def test_ready_is_recorded_before_anything_that_depends_on_it(fake_server: Any) -> None:
    """A sink that is slow sees a client that is not READY, and a server that was asked nothing."""
    seen: list[tuple[bool, list[str]]] = []
    clients: list[LSPClient] = []

    class Slow:
        def emit(self, record: Record) -> None:
            if record.name == "lsp.ready":
                seen.append((clients[0].is_ready, fake_server.methods()))

        def flush(self) -> None: ...
        def close(self) -> None: ...
        def statistics(self) -> dict[str, int]:
            return {}

    context = TelemetryContext(Slow(), enabled=True)
    clients.append(fake_server.client({}, telemetry=context, ready="initialized"))
    clients[0].initialize()
    clients[0].hover("a.py", 1, 1)

    ((was_ready, methods),) = seen
    assert not was_ready
    assert set(methods) <= {"spawned", "initialize", "initialized"}


def test_requests_stand_below_the_span_that_is_open_and_ready_does_not(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """READY began with the spawn, before that span."""
    client = fake_server.started({"textDocument/definition": [[["reply", fake_server.location()]]]})

    with telemetry_recorder.context("task"):
        client.definition("a.py", 1, 14)

    assert telemetry_recorder.records() >= [span("task", span("lsp.definition"))]
    assert [record.parent_id for record in telemetry_recorder if record.name == "lsp.ready"] == [None]
    assert_monotonic_timing(telemetry_recorder)
    assert event("lsp.timeout") not in telemetry_recorder


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ready": "soon"}, "ready='soon': use one of diagnostics-or-definition, warmup-uri, initialized"),
        ({"ready": "warmup-uri"}, "warmup_file= goes with"),
        ({"warmup_file": "a.py"}, "warmup_file= goes with"),
        ({"timeout_ms": 0}, "must be above 0"),
        ({"restarts": -1}, "restarts at least 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], text: str) -> None:
    """When the client is made."""
    with pytest.raises(ValueError, match=text):
        LSPClient(**options)


@pytest.mark.parametrize("command", ["ty server", b"ty server"])
def test_a_command_is_no_text(command: Any) -> None:
    """Whose letters would be a program and its arguments."""
    with pytest.raises(
        TypeError, match="'ty server': is no sequence: pass the program and each argument apart"
    ):
        LSPClient(command=command)
