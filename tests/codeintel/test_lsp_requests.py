"""Requests to a language server, documents, answers in time and late."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pytest_telemetry import TelemetryRecorder, event, metric, span
from pytest_telemetry.codeintel.lsp_errors import LSPError, NotReady, RequestTimeout, ServerGone
from pytest_telemetry.model.errors import UnusableInput

READY = {"ready": "initialized"}


def test_a_timeout_is_raised_and_recorded_and_the_server_is_told(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """As a TimeoutError, so that callers need not know whose it is."""
    client = fake_server.started({"textDocument/definition": [[]]}, **READY)

    with pytest.raises(TimeoutError, match="textDocument/definition was not answered within 1 ms") as caught:
        client.definition("a.py", 1, 14, timeout_ms=1)
    client.close()

    assert isinstance(caught.value, RequestTimeout)
    asked = fake_server.received("textDocument/definition")[0]["id"]
    assert [message["params"] for message in fake_server.received("$/cancelRequest")] == [{"id": asked}]
    told = {"args.method": "textDocument/definition", "args.timeout_ms": 1}
    assert event("lsp.timeout", told | {"server": "fake"}) in telemetry_recorder
    assert span("lsp.definition", {"result.status": "timeout"}, status="error") in telemetry_recorder
    assert (
        telemetry_recorder.metric("lsp_timeout_count")
        == telemetry_recorder.metric("lsp_definition_count")
        == 1
    )


def test_the_time_out_of_another_request_is_recorded_and_is_none_of_a_definition(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """The rate of time-outs has definitions below it."""
    client = fake_server.started({"textDocument/hover": [[]]}, ready="initialized")

    with pytest.raises(TimeoutError):
        client.hover("a.py", 1, 14, timeout_ms=1)

    assert event("lsp.timeout", {"args.method": "textDocument/hover"}) in telemetry_recorder
    assert metric("lsp_timeout_count") not in telemetry_recorder


def test_a_late_answer_is_counted_and_the_next_request_gets_its_own(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """Also where it comes just before that."""
    late = ["send", {"id": 2, "result": [fake_server.location("a.py")]}]
    script = {"textDocument/definition": [[], [late, ["reply", [fake_server.location("b.py")]]]]}
    client = fake_server.started(script, **READY)
    with pytest.raises(RequestTimeout):
        client.definition("a.py", 1, 14, timeout_ms=1)

    reply = client.definition("a.py", 1, 14)

    assert [location.file for location in reply.locations] == ["b.py"]
    (record,) = [record for record in telemetry_recorder if record.name == "lsp.late_reply"]
    assert record.attrs["args.method"] == "textDocument/definition"
    assert record.attrs["args.late_ms"] > 0
    assert telemetry_recorder.metric("lsp_late_reply_count") == client.statistics()["late_replies"] == 1
    assert client.statistics()["timeouts"] == 1


def test_what_nobody_asked_for_is_counted_and_changes_nothing(fake_server: Any) -> None:
    """A second answer, one to no request, one without an id, and messages that are none."""
    again = ["send", {"id": 2, "result": None}]
    odd: list[Any] = [{"id": 77, "result": 1}, {"id": None, "error": {}}, {"id": True}, {"id": "2"}, {}]
    odd += [{"method": 7}, {"id": [], "method": "x"}, {"method": "textDocument/publishDiagnostics"}]
    reply = ["reply", [fake_server.location("b.py")]]
    script = {"textDocument/definition": [[reply, again, *(["send", each] for each in odd)], [reply]]}
    client = fake_server.started(script, **READY)

    first, second = (client.definition("a.py", 1, 14) for _ in range(2))

    assert first == second
    assert client.statistics()["unexpected_messages"] == 1 + len(odd)


def test_an_id_that_is_no_number_is_none_of_ours(fake_server: Any) -> None:
    """True is equal to 1, and 1.0 is: neither answers the first request."""
    odd = [["send", {"id": number, "result": None}] for number in (True, 1.0, "1")]
    client = fake_server.started({"initialize": [[*odd, ["reply", {"capabilities": {}}]]]}, **READY)

    assert client.is_ready
    assert client.statistics()["unexpected_messages"] == 3


@pytest.mark.parametrize(
    ("error", "text", "reason"),
    [
        ({"code": -32803, "message": "no /home/ada"}, "with error -32803: no /home/ada", "code -32803"),
        ({"message": "x"}, "with an error that has no code", "invalid_reply"),
        ("broken", "with an error that has no code", "invalid_reply"),
    ],
)
def test_an_error_is_raised_and_its_text_not_recorded(
    fake_server: Any, telemetry_recorder: TelemetryRecorder, error: Any, text: str, reason: str
) -> None:
    """A server may write anything into it; the record has the code."""
    client = fake_server.started(
        {"textDocument/definition": [[["send", {"id": 2, "error": error}]]]}, **READY
    )

    with pytest.raises(LSPError, match=text):
        client.definition("a.py", 1, 14)

    failed = {"result.status": "error", "result.reason": reason}
    assert span("lsp.definition", failed, status="error") in telemetry_recorder
    assert "ada" not in str([record.attrs for record in telemetry_recorder])


MODIFIED = {"code": -32801, "message": "content modified"}


def test_a_server_that_drops_a_request_for_a_change_elsewhere_is_asked_once_more(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """As ty does where another document is opened meanwhile; the answer is as good as a first one."""
    refused = [["send", {"id": 2, "error": MODIFIED}]]
    client = fake_server.started(
        {"textDocument/definition": [refused, [["reply", [fake_server.location("b.py")]]]]}, **READY
    )

    reply = client.definition("a.py", 1, 14)

    assert [location.file for location in reply.locations] == ["b.py"]
    assert client.statistics()["asked_again"] == 1
    assert telemetry_recorder.metric("lsp_definition_count") == 1


def test_a_server_that_drops_a_request_twice_has_refused_it(fake_server: Any) -> None:
    """It is not asked for ever."""
    refused = [[["send", {"id": number, "error": MODIFIED}]] for number in (2, 3)]
    client = fake_server.started({"textDocument/definition": refused}, **READY)

    with pytest.raises(LSPError, match="-32801: content modified"):
        client.definition("a.py", 1, 14)
    assert len(fake_server.received("textDocument/definition")) == 2


def test_a_server_that_dies_with_such_an_answer_is_not_waited_for(fake_server: Any) -> None:
    """It would be asked once more, and there is nobody left to end that."""
    answer = {"jsonrpc": "2.0", "id": 2, "error": MODIFIED}
    text = json.dumps(answer)
    both = f"Content-Length: {len(text)}\r\n\r\n{text}garbage\r\n\r\n"
    client = fake_server.started({"textDocument/definition": [[["raw", both], ["hang"]]]}, **READY)

    with pytest.raises(ServerGone):
        client.definition("a.py", 1, 14)
    assert client.statistics()["timeouts"] == 0


def test_an_answer_that_is_none_is_an_error(fake_server: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """Not an empty answer."""
    client = fake_server.started({"textDocument/definition": [[["reply", "here"]]]}, **READY)

    with pytest.raises(LSPError, match="answered with what are no locations"):
        client.definition("a.py", 1, 14)
    assert span("lsp.definition", {"result.reason": "invalid_reply"}) in telemetry_recorder


@pytest.mark.parametrize(("encoding", "sent"), [("utf-8", 10), ("utf-16", 8), ("utf-32", 7)])
def test_columns_are_characters_whatever_the_server_counts(
    fake_server: Any, encoding: str, sent: int
) -> None:
    """They go there and come back with the text of the file."""
    (fake_server.workspace / "a.py").write_text("\ta = '\U0001f600é'; b\n", encoding="utf-8")
    script = {
        "initialize": [[["reply", {"capabilities": {"positionEncoding": encoding}}]]],
        "textDocument/definition": [[["reply", fake_server.location("a.py", 0, sent, 99)]]],
    }
    client = fake_server.started(script, **READY)

    (location,) = client.definition("a.py", 1, 7).locations

    assert fake_server.received("textDocument/definition")[0]["params"]["position"] == {
        "line": 0,
        "character": sent,
    }
    assert (location.line, location.col, location.end_line, location.end_col) == (1, 7, 1, 12)


def test_a_column_past_the_end_is_the_end_and_a_place_that_cannot_be_is_refused(fake_server: Any) -> None:
    """Lines count from 1; behind the last line end there is one more. Nothing is sent where there is none."""
    client = fake_server.started(**READY)

    client.definition("a.py", 2, 99)
    client.definition("a.py", 3, 1)
    with pytest.raises(ValueError, match=r"^a\.py: has no line 99: name one from 1 to 3$"):
        client.definition("a.py", 99, 0)
    for line, col in ((0, 0), (1, -1)):
        with pytest.raises(ValueError, match="lines count from 1, columns from 0"):
            client.definition("a.py", line, col)

    places = [message["params"]["position"] for message in fake_server.received("textDocument/definition")]
    assert places == [{"line": 1, "character": 4}, {"line": 2, "character": 0}]


@pytest.mark.parametrize("timeout_ms", [0, -1, float("nan")])
def test_a_time_out_that_none_can_keep_is_refused(fake_server: Any, timeout_ms: float) -> None:
    """Nothing is asked."""
    client = fake_server.started(**READY)

    with pytest.raises(ValueError, match=r"^timeout_ms=.*: it must be above 0$"):
        client.hover("a.py", 1, 1, timeout_ms=timeout_ms)

    assert not fake_server.received("textDocument/hover")


@pytest.mark.parametrize("encoding", ["latin-1", "shift_jis", "utf-8", "utf-8-sig"])
def test_columns_are_those_of_the_declared_encoding(fake_server: Any, encoding: str) -> None:
    """The server is told the text that Python reads, and characters of it are counted, there and back."""
    text = "Ã©" if encoding == "latin-1" else "\u3042\u3044"
    code = f"# coding: {encoding.removesuffix('-sig')}\r\nx = '{text}'; y\r\n"
    (fake_server.workspace / "a.py").write_bytes(code.encode(encoding))
    script = {
        "initialize": [[["reply", {"capabilities": {"positionEncoding": "utf-16"}}]]],
        "textDocument/definition": [[["reply", fake_server.location("a.py", 1, 10, 11)]]],
    }
    client = fake_server.started(script, **READY)

    (location,) = client.definition("a.py", 2, 10).locations

    (opened,) = fake_server.received("textDocument/didOpen")
    assert opened["params"]["textDocument"]["text"].splitlines() == code.splitlines()
    (asked,) = fake_server.received("textDocument/definition")
    assert asked["params"]["position"] == {"line": 1, "character": 10}
    assert (location.col, location.end_col) == (10, 11)


def test_a_file_is_opened_when_it_is_asked_about_and_followed_on_disk(fake_server: Any) -> None:
    """Once; and the server hears of a change before the next question."""
    client = fake_server.started(**READY)
    client.hover("a.py", 1, 1)
    client.hover(fake_server.workspace / "a.py", 1, 1)

    (fake_server.workspace / "a.py").write_text("other = 1\n", encoding="utf-8")
    client.hover("a.py", 1, 1)

    asked = [name for name in fake_server.methods() if name.startswith("textDocument/")]
    assert asked == ["textDocument/" + name for name in ("didOpen", "hover", "hover", "didChange", "hover")]
    (opened,) = fake_server.received("textDocument/didOpen")
    item = opened["params"]["textDocument"]
    assert (item["uri"], item["languageId"], item["version"]) == (fake_server.uri("a.py"), "python", 1)
    assert item["text"] == "from b import Name\nName\n"
    (changed,) = fake_server.received("textDocument/didChange")
    assert changed["params"]["textDocument"]["version"] == 2
    assert changed["params"]["contentChanges"] == [{"text": "other = 1\n"}]


def test_a_change_of_any_open_file_is_heard_before_the_next_request(fake_server: Any) -> None:
    """A question about one is answered with the others; what is gone is open no more, and can be opened again."""
    client = fake_server.started(**READY)
    client.open("c.py", "given = 1\n")
    for name in ("a.py", "b.py"):
        client.hover(name, 1, 1)
    before = len(fake_server.received())

    (fake_server.workspace / "b.py").write_text("other = 1\n", encoding="utf-8")
    (fake_server.workspace / "c.py").write_text("other = 1\n", encoding="utf-8")
    client.hover("a.py", 1, 1)
    (fake_server.workspace / "b.py").unlink()
    client.hover("a.py", 1, 1)
    (fake_server.workspace / "b.py").write_text("again = 1\n", encoding="utf-8")
    client.hover("b.py", 1, 1)

    told = [
        (message["method"].removeprefix("textDocument/"), message["params"]["textDocument"]["uri"][-4:])
        for message in fake_server.received()[before:]
    ]
    asked = ("hover", "a.py")
    follow = [("didChange", "b.py"), asked, ("didClose", "b.py"), asked, ("didOpen", "b.py")]
    assert told == [*follow, ("hover", "b.py")]


def test_a_text_that_was_given_stays_until_the_file_is_closed(fake_server: Any) -> None:
    """An editor knows better than the disk; the same text again changes nothing."""
    client = fake_server.started(**READY)
    client.open("a.py", "x = 1\n")
    client.change("a.py", "y = 2\n")
    client.change("a.py", "y = 2\n")
    (fake_server.workspace / "a.py").write_text("z = 3\n", encoding="utf-8")
    client.hover("a.py", 1, 1)
    client.close_file("a.py")
    client.close_file("a.py")
    client.hover("a.py", 1, 1)

    texts = [
        message["params"].get("textDocument", {}).get("text") or message["params"].get("contentChanges")
        for message in fake_server.received()
        if message.get("method", "").startswith("textDocument/did")
    ]
    assert texts == ["x = 1\n", [{"text": "y = 2\n"}], None, "z = 3\n"]


def test_what_cannot_be_read_is_refused(fake_server: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """Nothing is asked, and nothing recorded."""
    client = fake_server.started(**READY)

    with pytest.raises(UnusableInput, match=r"nowhere\.py: is no file: pass one, or its text"):
        client.definition("nowhere.py", 1, 1)

    client.open("nowhere.py", "a = 1\n")
    assert client.definition("nowhere.py", 1, 1).status == "empty"
    assert telemetry_recorder.metric("lsp_definition_count") == 1


def test_questions_of_the_server_are_answered(fake_server: Any) -> None:
    """Or it would wait for ever; what is not known is refused, as the protocol has it."""
    asked: dict[Any, Any] = {
        "c": ("workspace/configuration", {"items": [{}, {}]}),
        "d": ("workspace/configuration", None),
        1: ("client/registerCapability", {"registrations": []}),
        2: ("client/unregisterCapability", {}),
        3: ("window/workDoneProgress/create", {"token": 1}),
        4: ("workspace/diagnostic/refresh", None),
        5: ("window/showMessageRequest", {"message": "?"}),
        6: ("workspace/workspaceFolders", None),
        7: ("workspace/applyEdit", {}),
    }
    script = {"initialized": [[["ask", number, *question] for number, question in asked.items()]]}
    client = fake_server.started(script, **READY)
    client.hover("a.py", 1, 1)
    client.close()

    answers = [message for message in fake_server.received() if "method" not in message]
    folder = {"uri": fake_server.uri(".").removesuffix("/."), "name": "workspace"}
    results: dict[Any, Any] = {
        message["id"]: message.get("result", message.get("error", {}).get("code")) for message in answers
    }
    expected: dict[Any, Any] = {"c": [{}, {}], "d": [], 6: [folder], 7: -32601}
    assert results == expected | dict.fromkeys(range(1, 6))
    assert client.statistics()["server_requests"] == len(asked)


def test_hover_references_and_symbols_are_recorded_under_their_names(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """Each with the place that was asked about, and how much was found."""
    symbol = {"name": "Name", "kind": 5, "range": fake_server.location()["range"]}
    script = {
        "textDocument/hover": [[["reply", {"contents": {"kind": "plaintext", "value": "class Name"}}]]],
        "textDocument/references": [[["reply", [fake_server.location("a.py"), fake_server.location()]]]],
        "textDocument/documentSymbol": [[["reply", [symbol | {"selectionRange": symbol["range"]}]]]],
    }
    client = fake_server.started(script, **READY)

    assert client.hover("b.py", 1, 7).text == "class Name"
    assert client.references("b.py", 1, 7, include_declaration=False).count == 2
    assert [found.name for found in client.document_symbols("b.py").symbols] == ["Name"]

    place = {"args.file": "b.py", "args.line": 1, "args.col": 7}
    assert span("lsp.hover", place | {"result.status": "ok", "result.count": 1}) in telemetry_recorder
    assert span("lsp.references", place | {"result.count": 2}) in telemetry_recorder
    assert span("lsp.document_symbol", {"args.file": "b.py", "result.count": 1}) in telemetry_recorder
    (asked,) = fake_server.received("textDocument/references")
    assert asked["params"]["context"] == {"includeDeclaration": False}


def test_many_threads_get_each_their_own_answer(fake_server: Any) -> None:
    """From one client, at once, in any order."""
    one = ["send", {"id": 2, "result": {"contents": "first"}}]
    two = ["reply", {"contents": "second"}]
    client = fake_server.started({"textDocument/hover": [[], [two, one]]}, **READY)
    client.open("a.py")
    gate = threading.Barrier(2)

    def ask(_: int) -> str:
        gate.wait(10)
        return str(client.hover("a.py", 1, 1).text)

    with ThreadPoolExecutor(2) as pool:
        texts = sorted(pool.map(ask, range(2)))

    assert texts == ["first", "second"]


def test_a_server_may_write_as_much_to_stderr_as_it_likes(fake_server: Any) -> None:
    """It is drained, and does not hold up the answers."""
    script = {
        "spawned": [[["stderr", "x" * 99 + "\n", 30_000]]],
        "textDocument/hover": [[["stderr", "y" * 100_000, 10], ["reply", {"contents": "there"}]]],
    }
    client = fake_server.started(script, **READY)

    assert client.hover("a.py", 1, 1).text == "there"
    client.close()
    assert client.statistics()["stderr_lines"] == 30_000


def test_a_file_outside_is_named_without_its_directory(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """In what is asked and in what is answered; the path is there for who wants to open it."""
    outside = fake_server.workspace.parent / "other.py"
    outside.write_text("a = 1\n", encoding="utf-8")
    client = fake_server.started(
        {"textDocument/definition": [[["reply", fake_server.location("../other.py")]]]}, **READY
    )

    (location,) = client.definition("../other.py", 1, 0).locations

    assert location.path == outside.resolve()
    assert location.file.startswith("external/")
    (record,) = [record for record in telemetry_recorder if record.name == "lsp.definition"]
    assert record.attrs["args.file"] == location.file


def test_a_client_that_is_starting_says_so(fake_server: Any) -> None:
    """To another thread, which is to wait for the handshake; a second handshake is refused."""
    gate = fake_server.workspace.parent / "gate"
    client = fake_server.client(
        {"initialize": [[["wait", str(gate)], ["reply", {"capabilities": {}}]]]}, **READY
    )
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(client.initialize)
        while client.state != "starting":
            assert not starting.done()
        with pytest.raises(NotReady, match=r"open\(\): the server is not initialized: wait for initialize"):
            client.open("a.py")
        with pytest.raises(Exception, match="there is a server already"):
            client.initialize()
        gate.touch()
        starting.result()

    assert client.is_ready
