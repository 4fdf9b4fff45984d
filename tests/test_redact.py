"""Lines without absolute paths, secrets and personal data, and otherwise as they were."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.checks.paths import RelativePaths as PathCheck
from pytest_telemetry.checks.privacy import Privacy
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine, LogReader, decode_line, encode
from pytest_telemetry.redact import LineRedaction, redact_log

KEY = "AKIA" + "IOSFODNN7" + "ABCDEFG"  # in parts, so that nobody takes it for one of ours


def redacted(line: bytes, workspace: str = "/home/ada/project") -> bytes | None:
    decoded = decode_line(line, 1)
    assert isinstance(decoded, LogLine), decoded
    return LineRedaction(workspace)(decoded, line)


def findings(line: bytes) -> list[Any]:
    decoded = decode_line(line, 1)
    assert isinstance(decoded, LogLine), decoded
    found = []
    for check in (PathCheck(), Privacy()):
        judgement = check.start()
        judgement.add(decoded.record, decoded)
        found += judgement.findings()
    return found


@pytest.mark.parametrize(
    "line",
    [
        b'{"cmd":"a","n":1.50,"x":{"b":1e3},"x ":"\\u00e9"}\n',
        b'{"cmd" : "a"  , "t":"\\/"}\r\n',
        '{"cmd":"é","a":1}\n'.encode(),
        b'\xef\xbb\xbf{"cmd":"a"}\n',
        encode(Record("span", "a", "a", 1, 2, attrs={"http.route": "/api/users", "n": 2**80})),
    ],
)
def test_a_line_without_a_finding_is_the_same_to_the_byte(line: bytes) -> None:
    """Whatever its style."""
    assert redacted(line) == line.removesuffix(b"\n")


@pytest.mark.parametrize(
    ("line", "after"),
    [
        (
            '{"ts":"2026-01-01T00:00:00Z","cmd":"a","new":[1.50,1e3,-0],"args":{"file":"/home/ada/project/a.py"},"b":{}}\n',
            '{"ts":"2026-01-01T00:00:00Z","cmd":"a","new":[1.50,1e3,-0],"args":{"file":"a.py"},"b":{}}',
        ),
        ('{"cmd": "é", "p": "/home/ada/project/é.py"}\r\n', '{"cmd": "é", "p": "é.py"}\r'),
        ('{"cmd": "\\u00e9", "p": "/home/ada/project/\\u00e9"}', '{"cmd": "\\u00e9", "p": "\\u00e9"}'),
        (
            '{"cmd":"a","password":"hunter2!x","n":12345678901234567890123}\n',
            '{"cmd":"a","password":"[REDACTED:secret]","n":12345678901234567890123}',
        ),
        ('{"cmd":"a","m":{"/home/ada/project/x":NaN}}\n', '{"cmd":"a","m":{"x":NaN}}'),
    ],
)
def test_only_what_was_found_is_replaced(line: str, after: str) -> None:
    """Order of keys, unknown fields, spelling of numbers, spaces and escapes stay."""
    assert redacted(line.encode()) == after.encode()
    assert findings(line.encode())
    assert not findings(after.encode())


@pytest.mark.parametrize(
    "line",
    [
        b'{"cmd":"a","args":{"f":"/home/ada/x"},"args":{"f":1}}',
        b'{"cmd":"a","f":"/home/ada/x","f":1}',
        b'{"cmd":"a","f":"/home/ada\xff/x"}',
        b'{"cmd":"a","f":"\\u002fhome\\/ada/x"}',
        b'{"cmd":"a","f":' + b'{"a":' * 80 + b'"/home/ada/x"' + b"}" * 80 + b"}",
    ],
)
def test_nothing_hides_behind_how_a_line_is_written(line: bytes) -> None:
    """A second key, broken UTF-8, escapes, depth."""
    after = redacted(line)

    assert after is not None
    assert b"ada" not in after
    assert isinstance(decode_line(after, 1), LogLine)


def test_a_line_of_our_own_keeps_its_types_and_ids() -> None:
    """The notes follow the keys that changed, and those of what has gone are left out."""
    record = Record(
        "span",
        "load",
        "load",
        1,
        2,
        attrs={
            "/home/ada/project/k": (1, float("inf")),
            "http.route": "/api/users",
            "password": (1, 2),
            "big": 2**70,
            "file": "/home/ada/project/a.py",
            "deep": {"/etc/x": [2**70]},
        },
        run_id="/home/ada/run",
        trace_id="12345678901234567890123456789012",
        span_id="4111111111111111",  # which in a text would be the number of a card
        seq=3,
    )
    line = encode(record)[:-2] + b',"later":{"f":"/home/ada/project/z"}}\n'

    after = decode_line(redacted(line) or b"", 1)

    assert isinstance(after, LogLine)
    assert after.problems == ("later: unknown field",)
    assert after.raw["later"] == {"f": "z"}
    (deep,) = after.record.attrs.pop("deep").items()
    assert deep[0].startswith("external/")
    assert deep[1] == [2**70]
    assert after.record.attrs == {
        "k": (1, float("inf")),
        "http.route": "/api/users",
        "password": "[REDACTED:secret]",
        "big": 2**70,
        "file": "a.py",
    }
    assert (after.record.trace_id, after.record.span_id) == (record.trace_id, record.span_id)
    assert (after.record.run_id or "").startswith("external/")
    assert list(after.raw) == [*json.loads(line)]
    assert b"ada" not in (redacted(line) or b"")


@pytest.mark.parametrize("field", ["trace_id", "types", "kind ", "source", "thread", "value", "status"])
def test_no_field_of_our_own_is_a_hiding_place(field: str) -> None:
    """Not even those that nobody looks at."""
    raw = {"record": 1, "kind": "event", "name": "a", field: "/home/ada/secret"}

    assert b"ada" not in (redacted(json.dumps(raw).encode()) or b"ada")


@pytest.mark.parametrize(
    ("types", "kept"),
    [
        ({"attrs/~1home~1ada": "int", "attrs/x": "tuple"}, ["attrs/x"]),
        ({"attrs/x": "/home/ada/y"}, ["attrs/x"]),
        ({"attrs/x/9": "int", "ada": "int"}, []),
        ({"attrs/x": "int", "attrs/x/0": "int"}, ["attrs/x", "attrs/x/0"]),
    ],
)
def test_notes_on_types_are_no_hiding_place(types: dict[str, str], kept: list[str]) -> None:
    """Neither the places, which are to be there, nor what is said of them."""
    raw = {"record": 1, "kind": "event", "name": "a", "attrs": {"x": [1]}, "types": types}

    after = json.loads(redacted(json.dumps(raw).encode()) or b"")

    assert list(after["types"]) == kept
    assert "ada" not in json.dumps(after)


texts = st.text() | st.sampled_from(
    [
        "/home/ada/a.py",
        "C:\\Users\\Ada\\x",
        KEY,
        "ada@example.org",
        "/home/ada/project/a",
        "password=hunter2!x",
    ]
)
values = st.recursive(
    st.none() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=4), st.booleans())
def test_the_checks_find_nothing_in_any_outcome(fields: dict[str, Any], own: bool) -> None:
    """And redacting again changes nothing."""
    if own:
        line = encode(Record("event", "a", "a", 1, attrs=fields))
    else:
        line = json.dumps({**fields, "cmd": "a"}).encode()

    after = redacted(line)

    assert after is not None
    assert findings(after) == []
    assert redacted(after) == after


def test_what_redaction_brings_to_light_is_made_relative_too() -> None:
    """Each of the two looks at what the other left."""
    line = b'{"cmd":"a","f":"x"}'
    decoded = decode_line(line, 1)
    assert isinstance(decoded, LogLine)
    redaction = LineRedaction("/home/ada/project")

    class Odd:
        @staticmethod
        def redacted(value: dict[str, Any]) -> dict[str, Any]:
            return {**value, "f": "/home/ada/project/a.py"} if value["f"] == "x" else value

    redaction._secrets = Odd()  # type: ignore[assignment]  # it has what is asked for

    assert redaction(decoded, line) == b'{"cmd":"a","f":"a.py"}'


def test_a_log_is_copied_line_by_line() -> None:
    """What holds no record is left out and counted, never copied."""
    log = b'{"cmd":"a"}\n\n{"cmd":"b","f":"/home/ada/x"}\n/home/ada/nonsense\n[1]\n{"cmd":"c"}'
    lines: list[bytes] = []

    def write(line: bytes) -> int:
        lines.append(line)
        return len(line)

    done = redact_log(LogReader(io.BytesIO(log)), "log", write, "/work")

    assert (done.copied, done.redacted, done.left_out, done.blank) == (3, 1, 2, 1)
    assert lines[0] == b'{"cmd":"a"}\n'
    assert lines[2] == b'{"cmd":"c"}\n'
    assert b"ada" not in b"".join(lines)


@pytest.mark.parametrize("key", ["resourceSpans", "resourceMetrics", "resourceLogs"])
def test_an_export_of_opentelemetry_is_refused(key: str) -> None:
    """Names of its attributes are values, so that a password would pass for any text."""
    export = {key: [{"key": "password", "value": {"stringValue": "hunter2!x"}}]}
    log = json.dumps({"cmd": "a", "x": export}).encode()

    with pytest.raises(
        UnusableInput,
        match=r"a\.jsonl: line 1 is an export of OpenTelemetry, or holds one; make a log of it first",
    ):
        redact_log(LogReader(io.BytesIO(log)), "a.jsonl", len, "/work")

    assert redacted(b'{"cmd":"a","x":"\\"resourceSpans"}') is not None


def test_nothing_of_an_export_is_copied() -> None:
    """Whether it counts as a line that holds no record, or as an export."""
    attributes = [{"key": "password", "value": {"stringValue": "hunter2!x"}}]
    span = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "load",
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
        "attributes": attributes,
    }
    log = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span, span]}]}]}).encode() + b"\n"
    lines: list[bytes] = []

    with contextlib.suppress(UnusableInput):
        redact_log(LogReader(io.BytesIO(log)), "a.jsonl", lines.append, "/work")

    assert lines == []


def test_copying_ends_where_nobody_takes_more() -> None:
    """As when a pipe is closed."""
    lines: list[bytes] = []

    redact_log(LogReader(io.BytesIO(b'{"cmd":"a"}\n' * 9)), "log", lines.append, "/work")

    assert len(lines) == 1
