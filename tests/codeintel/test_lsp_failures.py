"""What becomes of a language server that fails: one state, one reason, nobody who waits for ever."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_telemetry import FakeClock, TelemetryRecorder, event, span
from pytest_telemetry.assertions import assert_lsp_ready_order, assert_relative_paths
from pytest_telemetry.codeintel import lsp_life, lsp_lives, lsp_process
from pytest_telemetry.codeintel.lsp import AsyncLSPClient
from pytest_telemetry.codeintel.lsp_errors import LSPError, NoServer, RequestTimeout, ServerGone
from pytest_telemetry.codeintel.navigator import Navigator
from pytest_telemetry.model.errors import TelemetryError, UnusableInput
from pytest_telemetry.testing.clock_loop import FakeClockLoop, loop_factory

READY = {"ready": "initialized"}
NO_FRAME = "Content-Length: 99\r\n\r\n{"
STATE = "lsp.state_change"


def told(recorder: TelemetryRecorder, name: str, *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(record.attrs.get(key) for key in keys) for record in recorder if record.name == name]


def ends(recorder: TelemetryRecorder) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the states other than those of a start, and the exits."""
    states = told(recorder, STATE, "result.status", "reason")
    assert_relative_paths(recorder)
    return (
        [state for state in states if state[0] not in {"starting", "initialized"}],
        told(recorder, "lsp.exit", "result.status", "result.code", "result.reason"),
    )


def run_in_fake_time(main: Coroutine[Any, Any, None], clock: FakeClock) -> None:
    with asyncio.Runner(loop_factory=loop_factory(clock, stall_after=20)) as runner:
        runner.run(main)


def loop_time() -> FakeClockLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, FakeClockLoop)
    return loop


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - nobody sets an event
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("actions", "reason", "text", "code"),
    [
        (
            [["stderr", "no /home/ada\n", 1], ["exit", 3]],
            "exited",
            "exit code 3; its last words: no /home/ada",
            3,
        ),
        ([["raw", "Traceback (most recent call last):\n"]], "invalid_header", "Traceback", -15),
        ([["raw", "Content-Length: 3\r\n\r\n???"]], "invalid_message", "is no JSON", -15),
        ([["raw", "Content-Length: 99999999999\r\n\r\n"]], "frame_too_large", "99999999999 bytes", -15),
        ([["close", 1]], "output_closed", "closed its standard output", -15),
        ([["close", 0], ["hang"]], "input_closed", "closed its standard input", -15),
    ],
)
@pytest.mark.parametrize("when", ["initialize", "textDocument/hover"])
def test_a_failure_is_one_state_one_exit_and_one_error(
    fake_server: Any,
    telemetry_recorder: TelemetryRecorder,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
    actions: list[Any],
    reason: str,
    text: str,
    code: int,
) -> None:
    """While it starts and while it is asked: who waits is told at once; records have a word, errors the last words."""
    if reason in {
        "output_closed",
        "input_closed",
    }:  # nothing else will happen: there is no need to wait for it
        monkeypatch.setattr(lsp_process, "_DOUBT_S", 0.02)
    client = fake_server.client({when: [actions]}, **READY)
    with pytest.raises(ServerGone, match=f"^fake: .*{text}") as caught:
        client.initialize()
        client.hover("a.py", 1, 1)
    assert (client.state, client.is_ready, caught.value.reason) == ("failed", False, reason)
    assert client.failure == str(caught.value)

    with pytest.raises(ServerGone, match=text):
        client.hover("a.py", 1, 1)
    client.close()

    assert ends(telemetry_recorder) == ([("failed", reason)], [("error", code, reason)])
    if when == "initialize":
        assert told(telemetry_recorder, "lsp.initialize", "result.status", "result.reason") == [
            ("error", reason)
        ]
    else:
        assert told(telemetry_recorder, "lsp.hover", "result.status", "result.reason") == [("error", reason)]
    assert "ada" not in str([record.attrs for record in telemetry_recorder])


def test_the_last_words_of_a_server_are_heard_whatever_comes_first(fake_server: Any) -> None:
    """Its end and that of its output may be known before what it has written to the third pipe was read."""
    command = [sys.executable, "-I", "-S", "-c", "raise SystemExit('no licence')"]
    client = fake_server.client(command=command)

    with pytest.raises(ServerGone, match=r"^fake: it ended with exit code 1; its last words: no licence$"):
        client.initialize()


def test_all_that_wait_get_an_error_of_their_own(fake_server: Any) -> None:
    """One that several threads raise would get the traceback of each."""
    client = fake_server.started({"textDocument/hover": [[], [["exit", 1]]]}, **READY)
    client.open("a.py")

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(client.hover, "a.py", 1, 1) for _ in range(2)]
        first, second = (each.exception() for each in asked)

    assert isinstance(first, ServerGone)
    assert isinstance(second, ServerGone)
    assert first is not second


def test_a_death_ends_ready_while_nobody_asks(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """The event says so, and who waits for READY hears of it."""
    client = fake_server.started({"textDocument/didOpen": [[["exit", 1]]]}, **READY)
    assert client.is_ready

    client.open("a.py")
    telemetry_recorder.wait_for(event(STATE, {"result.status": "failed"}), timeout=20)

    assert not client.is_ready
    with pytest.raises(ServerGone, match="exit code 1"):
        client.wait_until_ready()
    with pytest.raises(ServerGone, match="exit code 1"):
        client.open("a.py")


@pytest.mark.parametrize(
    ("reply", "text", "reason"),
    [
        (["error", -32002, "not now"], "with error -32002: not now", "code -32002"),
        (["reply", None], "answered initialize without its capabilities", "invalid_reply"),
        (
            ["reply", {"capabilities": {"positionEncoding": "utf-7"}}],
            "'utf-7', which was not",
            "invalid_reply",
        ),
    ],
)
def test_a_handshake_that_is_refused_ends_the_server(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, reply: Any, text: str, reason: str
) -> None:
    """The client never goes on with one that has not agreed."""
    client = fake_server.client({"initialize": [[reply]]}, **READY)

    with pytest.raises(LSPError, match=text):
        client.initialize()
    client.close()

    assert told(telemetry_recorder, "lsp.initialize", "result.status", "result.reason") == [("error", reason)]
    assert ends(telemetry_recorder) == (
        [("failed", "initialize_error")],
        [("error", -15, "initialize_error")],
    )
    assert "initialized" not in fake_server.methods()


@pytest.mark.parametrize("capabilities", [{}, {"capabilities": {}, "serverInfo": 3}])
def test_a_server_need_not_say_much(fake_server: Any, capabilities: Any) -> None:
    """Empty capabilities are legal, and what is odd about its name does not matter."""
    client = fake_server.started({"initialize": [[["reply", {"capabilities": {}} | capabilities]]]}, **READY)

    assert client.is_ready


def test_a_handshake_that_is_not_answered_ends_in_fake_time(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """After just its time-out, before the server has ended, without a notification to one that has not agreed."""

    async def main() -> None:
        client = AsyncLSPClient(
            **fake_server.options({"initialize": [[["hang"]]]}, handshake_timeout_ms=7_000)
        )
        starting = asyncio.create_task(client.initialize())
        await telemetry_recorder.await_for(span("lsp.spawn"), timeout=1_000)
        loop_time().clock.advance(6.99)
        done, _ = await asyncio.wait({starting}, timeout=0)
        assert not done
        loop_time().clock.advance(0.02)
        with pytest.raises(RequestTimeout, match="initialize was not answered within 7000 ms"):
            await starting
        assert ends(telemetry_recorder)[1] == []
        assert client.state == "failed"
        assert "fake: it did not answer initialize within 7000 ms" in str(client.failure)
        await client.close()

    run_in_fake_time(main(), telemetry_clock)

    (record,) = [record for record in telemetry_recorder if record.name == "lsp.initialize"]
    assert record.duration_ns == pytest.approx(7.01e9)
    assert record.attrs["result.status"] == "timeout"
    assert ends(telemetry_recorder) == (
        [("failed", "handshake_timeout")],
        [("error", -15, "handshake_timeout")],
    )
    assert not {"initialized", "$/cancelRequest"} & set(fake_server.methods())


def test_a_handshake_that_fails_is_raised_before_the_server_has_ended(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take its time over that, while the caller goes on; the end of the client waits for it."""
    monkeypatch.setattr(lsp_process, "_TERMINATE_S", 0.2)

    async def main() -> None:
        script = {"initialize": [[["deaf"], ["error", -32002, "not now"], ["hang"]]]}
        client = AsyncLSPClient(**fake_server.options(script))
        with pytest.raises(LSPError):
            await client.initialize()
        assert ends(telemetry_recorder)[1] == []
        await client.close()

    asyncio.run(main())

    told = ends(telemetry_recorder)
    assert told == ([("failed", "initialize_error")], [("error", -9, "initialize_error")])


def test_a_frame_that_stalls_ends_the_server_in_fake_time(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """The request that waits times out first; the server is given up when nothing more has come for long enough."""

    async def main() -> None:
        script = {"textDocument/hover": [[["notify", "window/logMessage", {}], ["raw", NO_FRAME]]]}
        client = AsyncLSPClient(**fake_server.options(script, timeout_ms=500, **READY))
        await client.initialize()
        asking = asyncio.create_task(client.hover("a.py", 1, 1))
        await until(lambda: client._lives.current()._process._stall is not None)
        loop_time().clock.advance(1)
        with pytest.raises(RequestTimeout):
            await asking
        assert client.is_ready
        loop_time().clock.advance(10)
        await telemetry_recorder.await_for(event(STATE, {"result.status": "failed"}), timeout=1_000)
        await client.close()

    run_in_fake_time(main(), telemetry_clock)

    assert ends(telemetry_recorder) == ([("failed", "stalled")], [("error", -15, "stalled")])


def test_a_server_that_reads_nothing_is_given_up(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before what waits for it fills the memory."""
    monkeypatch.setattr(lsp_process, "_UNREAD_BYTES", 1_000_000)
    client = fake_server.started({"initialized": [[["hang"]]]}, **READY)

    client.open("a.py", "x" * 3_000_000)

    with pytest.raises(ServerGone, match="bytes unread"):
        client.hover("a.py", 1, 1)
    client.close()
    assert ends(telemetry_recorder) == ([("failed", "input_unread")], [("error", -15, "input_unread")])


def test_a_program_that_is_missing_is_said(fake_server: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """As a spawn that failed and a state; nothing has ended, since nothing began."""
    client = fake_server.client(command=["no-such-server"], server=None)

    with pytest.raises(NoServer, match="no-such-server: there is no such program: install it"):
        client.initialize()

    assert told(telemetry_recorder, "lsp.spawn", "result.status", "result.reason") == [
        ("error", "missing_binary")
    ]
    assert ends(telemetry_recorder) == ([("failed", "missing_binary")], [])
    assert client.state == "failed"
    with pytest.raises(ServerGone, match="no-such-server"):
        client.open("a.py")


def test_a_program_that_is_none_is_said(fake_server: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """The system refuses to start it."""
    program = fake_server.workspace / "server"
    program.write_bytes(b"\x00\x01 no program")
    program.chmod(0o755)
    client = fake_server.client(command=[program])

    with pytest.raises(NoServer, match=r"cannot be started: .*: pass another server"):
        client.initialize()

    assert told(telemetry_recorder, "lsp.spawn", "result.reason") == [("not_executable",)]
    assert ends(telemetry_recorder) == ([("failed", "not_executable")], [])


@pytest.mark.parametrize(
    ("options", "text", "reason"),
    [
        ({"workspace": "nowhere"}, "nowhere: is no directory: pass the workspace", "missing_workspace"),
        (
            {"ready": "warmup-uri", "warmup_file": "c.py"},
            "c.py: is no file of the workspace",
            "missing_warmup_file",
        ),
    ],
)
def test_a_workspace_that_is_missing_is_said(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, options: Any, text: str, reason: str
) -> None:
    """As is the file to warm up with; no server is started."""
    client = fake_server.client(**options)

    with pytest.raises(UnusableInput, match=text):
        client.initialize()

    assert ends(telemetry_recorder) == ([("failed", reason)], [])
    assert span("lsp.spawn") not in telemetry_recorder


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"workspace": "nowhere"}, "missing_workspace"),
        ({"ready": "warmup-uri", "warmup_file": "c.py"}, "missing_warmup_file"),
        ({"command": ["no-such-server"]}, "missing_binary"),
        ({}, "not_executable"),
    ],
)
def test_what_was_not_started_is_gone_for_the_reason_of_its_record(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, options: Any, reason: str
) -> None:
    """Each call says so until it is closed; for whoever asks for a definition there is no server, and none has ended."""
    (fake_server.workspace / "a.py").chmod(0o755)
    if reason == "not_executable":
        options = {"command": [fake_server.workspace / "a.py"]}
    client = fake_server.client(**options)
    with pytest.raises(UnusableInput):
        client.initialize()

    with pytest.raises(ServerGone) as caught:
        client.definition("a.py", 2, 1)
    navigator = Navigator(telemetry_recorder.context, fake_server.workspace, client=client)

    assert caught.value.reason == reason
    assert navigator.definition("a.py", 2, 1).reason == "no_server"


def test_a_server_that_has_failed_can_be_started_anew(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """By hand; its ids go on where the others ended, and its files are opened again."""
    hover = [["reply", {"contents": "there"}]]
    client = fake_server.started(
        {"textDocument/definition": [[["exit", 1]]], "textDocument/hover": [hover]}, **READY
    )
    with pytest.raises(ServerGone):
        client.definition("a.py", 1, 1)

    client.initialize(fake_server.workspace)

    assert client.hover("a.py", 1, 1).text == "there"
    assert fake_server.methods()[-5:-1] == ["spawned", "initialize", "initialized", "textDocument/didOpen"]
    ids = [message["id"] for message in fake_server.received() if "id" in message]
    assert len(set(ids)) == len(ids)
    assert_lsp_ready_order(telemetry_recorder, policy="initialized")


def test_a_server_that_is_started_anew_is_told_of_files_as_they_are_now(fake_server: Any) -> None:
    """Also where nothing was asked since they changed; one that is gone is not opened, and a given text stays."""
    workspace = fake_server.workspace
    client = fake_server.started({"textDocument/hover": [[["exit", 1]]]}, **READY)
    client.open("b.py")
    client.open("c.py", "given = 1\n")
    (workspace / "gone.py").touch()
    client.open("gone.py")
    with pytest.raises(ServerGone):
        client.hover("a.py", 1, 1)

    (workspace / "b.py").write_text("other = 1\n", encoding="utf-8")
    (workspace / "gone.py").unlink()
    client.initialize()
    client.close()

    began = max(at for at, name in enumerate(fake_server.methods()) if name == "spawned")
    opened = [each for each in fake_server.received()[began:] if each["method"] == "textDocument/didOpen"]
    documents = [each["params"]["textDocument"] for each in opened]
    texts = {each["uri"].rpartition("/")[2]: each["text"] for each in documents}
    assert texts == {"a.py": "from b import Name\nName\n", "b.py": "other = 1\n", "c.py": "given = 1\n"}


def test_a_server_that_is_started_anew_begins_when_the_other_has_ended(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where that takes a while: its exit is not taken for that of the new one."""
    monkeypatch.setattr(lsp_process, "_TERMINATE_S", 0.2)
    script = {"textDocument/definition": [[["deaf"], ["raw", "noise\n"]]]}
    client = fake_server.started(script, **READY)
    with pytest.raises(ServerGone):
        client.definition("a.py", 1, 1)

    client.initialize()

    lives = [record.name for record in telemetry_recorder if record.name in {"lsp.spawn", "lsp.exit"}]
    assert lives == ["lsp.spawn", "lsp.exit", "lsp.spawn"]
    assert client.is_ready


@pytest.mark.parametrize("turn", range(4))
def test_a_server_that_answers_and_dies_is_not_ready(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, turn: int
) -> None:
    """Whichever of the two is seen first."""
    caps: dict[str, Any] = {"capabilities": {}}
    client = fake_server.client({"initialize": [[["reply", caps], ["exit", 1]]]}, **READY)

    with suppress(ServerGone):
        client.initialize()
    telemetry_recorder.wait_for(span("lsp.exit"), timeout=20)

    assert (client.state, client.is_ready) == ("failed", False)
    assert ends(telemetry_recorder) == ([("failed", "exited")], [("error", 1, "exited")])
    assert_lsp_ready_order(telemetry_recorder, policy="initialized")


def test_what_happens_between_an_answer_and_its_reader_counts(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """A client that is closed in the very turn in which the handshake was answered stays closed."""

    async def main() -> None:
        client = AsyncLSPClient(**fake_server.options(**READY))
        starting = asyncio.create_task(client.initialize())
        await telemetry_recorder.await_for(span("lsp.spawn"), timeout=1_000)
        requests = client._lives.current()._requests
        await until(lambda: not requests._pending)
        await client.close()
        with pytest.raises(ServerGone):
            await starting
        assert client.state == "closed"

    run_in_fake_time(main(), telemetry_clock)

    assert told(telemetry_recorder, "lsp.initialize", "result.status", "result.reason") == [
        ("error", "closed")
    ]
    assert span("lsp.ready") not in telemetry_recorder


def test_a_server_is_started_again_behind_pauses_in_fake_time(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """As often as is allowed: half a second, then a second; its files are opened again, and READY is declared again."""
    telemetry_clock.auto_tick = (
        0.000_001  # a death that comes at the moment of a question is taken to precede it
    )

    async def main() -> None:
        script = {"textDocument/hover": [[["exit", 1]]]}
        client = AsyncLSPClient(**fake_server.options(script, restarts=2, **READY))
        await client.initialize()
        pauses = []
        for _ in range(2):
            begin = telemetry_clock.snapshot().mono
            with pytest.raises(ServerGone):
                await client.hover("a.py", 1, 1)
            assert not client.is_ready
            with pytest.raises(TelemetryError, match="there is a server already"):
                await client.initialize()
            await client.wait_until_ready(100_000)
            pauses.append(round((telemetry_clock.snapshot().mono - begin) / 1e9, 1))
        with pytest.raises(ServerGone):
            await client.hover("a.py", 1, 1)
        with pytest.raises(ServerGone):
            await client.wait_until_ready()
        assert pauses == [0.5, 1.0]
        assert (client.statistics()["spawns"], client.statistics()["restarts"]) == (3, 2)
        await client.close()

    run_in_fake_time(main(), telemetry_clock)

    assert fake_server.methods().count("textDocument/didOpen") == 3
    assert telemetry_recorder.metric("lsp_ready_count") == 3
    assert ends(telemetry_recorder) == ([("failed", "exited")] * 3, [("error", 1, "exited")] * 3)


def test_records_of_several_lives_are_in_order(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit of one comes before the spawn of the next, and no request after the death that it met."""
    monkeypatch.setattr(lsp_lives, "_FIRST_PAUSE_S", 0.001)
    client = fake_server.started({"textDocument/hover": [[["exit", 1]]]}, restarts=1, **READY)
    for _ in range(2):
        client.wait_until_ready()
        with pytest.raises(ServerGone):
            client.hover("a.py", 1, 1)
    client.close()

    lives = [record.name for record in telemetry_recorder if record.name in {"lsp.spawn", "lsp.exit"}]
    assert lives == ["lsp.spawn", "lsp.exit"] * 2
    assert_lsp_ready_order(telemetry_recorder, policy="initialized")


def test_a_restart_that_fails_is_followed_by_the_next_in_fake_time(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """Until none is left; then there is no server."""
    marker = fake_server.workspace / "marker"

    async def main() -> None:
        script = {"spawned": [[["exit_if", str(marker)]]], "textDocument/hover": [[["exit", 1]]]}
        client = AsyncLSPClient(**fake_server.options(script, restarts=2, **READY))
        await client.initialize()
        marker.touch()
        with pytest.raises(ServerGone):
            await client.hover("a.py", 1, 1)
        with pytest.raises(ServerGone, match="exit code 9"):
            await client.wait_until_ready(100_000)
        assert client.state == "failed"
        await client.close()

    run_in_fake_time(main(), telemetry_clock)

    assert ends(telemetry_recorder)[1] == [("error", code, "exited") for code in (1, 9, 9)]
    assert telemetry_recorder.metric("lsp_spawn_count") == 3


def test_a_restart_without_the_file_to_warm_up_with_has_failed_in_fake_time(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """With a reason; where the file is there again, a server can be started by hand."""
    warm = fake_server.workspace / "warm.py"
    warm.write_text("")
    diagnostics = {"uri": warm.as_uri(), "diagnostics": []}
    script = {
        "textDocument/didOpen": [[["notify", "textDocument/publishDiagnostics", diagnostics]]],
        "textDocument/hover": [[["exit", 1]]],
    }

    async def main() -> None:
        client = AsyncLSPClient(
            **fake_server.options(script, restarts=1, ready="warmup-uri", warmup_file="warm.py")
        )
        await client.initialize()
        await client.wait_until_ready(100_000)
        warm.unlink()
        with pytest.raises(ServerGone):
            await client.hover("a.py", 1, 1)
        with pytest.raises(ServerGone, match=r"warm\.py: is no file"):
            await client.wait_until_ready(100_000)
        assert client.state == "failed"
        warm.write_text("")
        await client.initialize()
        await client.wait_until_ready(100_000)
        await client.close()

    run_in_fake_time(main(), telemetry_clock)

    assert event("lsp.state_change", {"reason": "missing_warmup_file"}) in telemetry_recorder
    assert ends(telemetry_recorder)[1][1][2] == "missing_warmup_file"


def test_where_no_thread_can_be_started_nothing_is_waited_for(
    fake_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is raised, and there is nothing to close."""
    client = fake_server.client()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            client.initialize()
    client.close()

    assert client.state == "new"


def test_a_client_that_is_closed_starts_nothing_again_in_fake_time(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """Also where it was about to."""

    async def main() -> None:
        client = AsyncLSPClient(
            **fake_server.options({"textDocument/hover": [[["exit", 1]]]}, restarts=2, **READY)
        )
        await client.initialize()
        with pytest.raises(ServerGone):
            await client.hover("a.py", 1, 1)
        await client.close()
        assert client.state == "closed"
        with pytest.raises(ServerGone, match="closed"):
            await client.initialize()

    run_in_fake_time(main(), telemetry_clock)

    assert telemetry_recorder.metric("lsp_spawn_count") == 1


def test_a_request_that_is_cancelled_is_cancelled_at_the_server(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """And recorded with that reason."""

    async def main() -> None:
        async with AsyncLSPClient(**fake_server.options({"textDocument/hover": [[]]}, **READY)) as client:
            await client.initialize()
            asking = asyncio.create_task(client.hover("a.py", 1, 1))
            await until(lambda: client.statistics()["requests"] > 1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    run_in_fake_time(main(), telemetry_clock)

    assert "$/cancelRequest" in fake_server.methods()
    assert span("lsp.hover", {"result.reason": "cancelled"}) in telemetry_recorder


def test_a_start_that_is_cancelled_ends_the_server(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """Before the caller goes on."""

    async def main() -> None:
        client = AsyncLSPClient(**fake_server.options({"initialize": [[["hang"]]]}, **READY))
        starting = asyncio.create_task(client.initialize())
        await telemetry_recorder.await_for(span("lsp.spawn"), timeout=1_000)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    run_in_fake_time(main(), telemetry_clock)

    assert ends(telemetry_recorder) == ([("failed", "cancelled")], [("error", -15, "cancelled")])


@pytest.mark.parametrize("turns", range(1, 5))
def test_a_start_that_is_cancelled_while_it_spawns_was_cancelled(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock, turns: int
) -> None:
    """Wherever it is, and however often: what was spawned is recorded, and ended for that reason."""

    async def main() -> None:
        client = AsyncLSPClient(**fake_server.options({"initialize": [[["hang"]]]}, **READY))
        starting = asyncio.create_task(client.initialize())
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        await client.close()

    run_in_fake_time(main(), telemetry_clock)

    assert ends(telemetry_recorder) == ([("failed", "cancelled")], [("error", -15, "cancelled")])
    assert len(told(telemetry_recorder, "lsp.spawn", "result.pid")) == 1


@pytest.mark.parametrize("is_cancelled", [False, True])
@pytest.mark.parametrize("turns", range(1, 4))
def test_a_start_that_is_closed_starts_nothing(
    fake_server: Any,
    telemetry_recorder: TelemetryRecorder,
    telemetry_clock: FakeClock,
    turns: int,
    is_cancelled: bool,
) -> None:
    """Wherever it is when another task closes the client, and maybe cancels it; what was spawned meanwhile is ended."""

    async def main() -> None:
        client = AsyncLSPClient(**fake_server.options(**READY))
        starting = asyncio.create_task(client.initialize())
        for _ in range(turns):
            await asyncio.sleep(0)
        await client.close()
        if is_cancelled:
            starting.cancel()
        with pytest.raises(asyncio.CancelledError if is_cancelled else ServerGone):
            await starting
        assert client.state == "closed"

    run_in_fake_time(main(), telemetry_clock)

    states, exits = ends(telemetry_recorder)
    assert states == [("closed", None)]
    assert len(exits) == len(told(telemetry_recorder, "lsp.spawn", "result.pid"))


def test_closing_ends_all_that_waits(fake_server: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """In other threads, at once; what comes later is refused, and to close again does nothing."""
    client = fake_server.started({"textDocument/hover": [[["notify", "x", {}]]]}, **READY)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(client.hover, "a.py", 1, 1)
        while not client.statistics()["notifications"]:
            assert not asking.done()
        client.close()
        with pytest.raises(ServerGone, match=r"^fake: it was closed$"):
            asking.result()
    client.close()

    for call in (lambda: client.hover("a.py", 1, 1), client.initialize):
        with pytest.raises(ServerGone, match="this client is closed: make another"):
            call()
    assert client.state == "closed"
    assert not [thread for thread in threading.enumerate() if thread.name == "language server"]
    assert fake_server.methods()[-2:] == ["shutdown", "exit"]
    assert ends(telemetry_recorder) == ([("closed", None)], [("ok", 0, "closed")])


@pytest.mark.parametrize(
    ("script", "exit_of"),
    [
        ({"shutdown": [[["hang"]]]}, ("error", -15, "closed")),
        ({"exit": [[["hang"]]]}, ("error", -15, "closed")),
        ({"exit": [[["exit", 4]]]}, ("error", 4, "closed")),
        ({"shutdown": [[["exit", 0]]]}, ("ok", 0, "closed")),
        ({"initialized": [[["deaf"]]], "shutdown": [[["hang"]]]}, ("error", -9, "closed")),
        ({"shutdown": [[["raw", "noise\n"]]]}, ("error", -15, "closed")),
        ({"shutdown": [[["deaf"]]]}, ("error", -9, "closed")),
    ],
)
def test_closing_takes_bounded_time(
    fake_server: Any,
    telemetry_recorder: TelemetryRecorder,
    monkeypatch: pytest.MonkeyPatch,
    script: Any,
    exit_of: tuple[Any, ...],
) -> None:
    """A server that does not go is terminated, and killed where it does not hear that; `exit` follows an answer only."""
    for module, name in ((lsp_life, "_SHUTDOWN_S"), (lsp_life, "_EXIT_S"), (lsp_process, "_TERMINATE_S")):
        monkeypatch.setattr(module, name, 0.2)
    client = fake_server.started({"textDocument/hover": [[["reply", None]]]} | script, **READY)
    client.hover("a.py", 1, 1)

    client.close()

    assert ends(telemetry_recorder) == ([("closed", None)], [exit_of])
    assert ("exit" in fake_server.methods()) is ("exit" in script)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.binary(max_size=30)
        | st.sampled_from([b"Content-Length: 2\r\n\r\n{}", b'Content-Length: 17\r\n\r\n{"id":2,"error":7}'])
    )
)
def test_whatever_a_server_writes_a_request_ends(fake_server: Any, parts: list[bytes]) -> None:
    """With an answer, an error or in time; the client can be closed, and does not crash."""
    noise = ["raw", b"".join(parts).decode("latin-1")]
    client = fake_server.started({"textDocument/hover": [[noise, ["reply", {"contents": "there"}]]]}, **READY)

    try:
        client.hover("a.py", 1, 1, timeout_ms=200)
    except (TelemetryError, TimeoutError):
        assert parts
    client.close()

    assert client.state == "closed"


def test_a_flood_does_not_hold_up_an_answer(fake_server: Any) -> None:
    """Of notifications, questions and answers that nobody asked for."""
    message = '{"method":"window/logMessage","params":{}}'
    question = '{"method":"workspace/configuration","id":5,"params":{"items":[{}]}}'
    answer = '{"id":1,"result":null}'
    flood = [["raw", f"Content-Length: {len(each)}\r\n\r\n{each}", 3_000] for each in (message, answer)]
    flood.append(["raw", f"Content-Length: {len(question)}\r\n\r\n{question}", 300])
    client = fake_server.started(
        {"textDocument/hover": [[*flood, ["reply", {"contents": "there"}]]]}, **READY
    )

    assert client.hover("a.py", 1, 1).text == "there"
    counted = client.statistics()
    assert [counted[name] for name in ("notifications", "unexpected_messages", "server_requests")] == [
        3000,
        3000,
        300,
    ]
