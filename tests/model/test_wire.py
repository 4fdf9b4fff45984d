"""Event logs: what is written, and what can be read."""

from __future__ import annotations

import io
import json
import math
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_telemetry.model import wire
from pytest_telemetry.model.logs import read_log
from pytest_telemetry.model.record import INSTRUMENTS, KINDS, STATUSES, Record
from pytest_telemetry.model.wire import (
    BadLine,
    LogLine,
    LogReader,
    decode_line,
    encode,
    encode_noting,
)

if TYPE_CHECKING:
    from pathlib import Path


class Status(StrEnum):
    OK = "ok"


EVENT = b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","timing_ms":1}'

texts = st.text(st.characters(codec="utf-8"), max_size=12)
optional_texts = st.none() | texts
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts, inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=8,
)
records = st.builds(
    Record,
    st.sampled_from(KINDS),
    texts.filter(bool),
    texts,
    st.none() | st.integers(),
    st.none() | st.integers(),
    values,
    st.none() | st.sampled_from(INSTRUMENTS),
    st.sampled_from(STATUSES),
    optional_texts,
    st.dictionaries(texts, values, max_size=4),
    *[optional_texts] * 4,
    st.none() | st.integers(),
    texts,
    optional_texts,
    optional_texts,
)


def good(line: bytes) -> LogLine:
    decoded = decode_line(line, 1)
    assert isinstance(decoded, LogLine), decoded
    return decoded


def bad(line: bytes) -> str:
    decoded = decode_line(line, 7)
    assert isinstance(decoded, BadLine), decoded
    assert decoded.number == 7
    return decoded.reason


@given(records)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    """Round trip through one line, tuples and integers of any size included."""
    line = encode(record)

    decoded = good(line)

    assert decoded.record == record
    assert repr(decoded.record) == repr(record)
    assert decoded.own
    assert decoded.problems == ()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


def test_nan_comes_back() -> None:
    """JSON has none, so it travels as text."""
    record = good(encode(Record("metric", "m", "m", 1, value=math.nan))).record

    assert math.isnan(record.value)


def test_a_line_holds_what_is_set_in_a_stable_order_behind_a_marker() -> None:
    """Lines are for people and other tools too."""
    record = Record("span", "load", "etl.load", 5, 7, status="ok", attrs={"rows": 1}, run_id="r", seq=3)

    assert encode(record) == (
        b'{"record":1,"kind":"span","name":"load","scope":"etl.load","time_ns":5,"duration_ns":7,'
        b'"status":"ok","attrs":{"rows":1},"run_id":"r","seq":3}\n'
    )


def test_values_that_stay_text_are_counted() -> None:
    """Tuples come back and do not count; objects do not come back."""
    line, as_text = encode_noting(Record("event", "e", "e", 1, attrs={"t": (1,), "o": object(), "s": {1}}))

    assert as_text == 2
    assert json.loads(line)["types"] == {"attrs/t": "tuple", "attrs/o": "object", "attrs/s": "set"}


@settings(deadline=None)  # a patch for every example
@given(records)
def test_plain_records_are_written_as_all_others_are(record: Record) -> None:
    """What is written without a second look is what a second look would write."""
    line = encode_noting(record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_dumped", lambda record, fields: None)

        assert encode_noting(record) == line


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (math.inf, b'"inf"'),
        (math.nan, b'"nan"'),
        (2**64, b'"18446744073709551616"'),
        ("\ud800", b'"\\\\ud800"'),
        (date(2026, 1, 1), b'"2026-01-01"'),
        (Status.OK, b'"ok"'),
        (b"x", b"\"b'x'\""),
    ],
)
def test_a_value_that_needs_a_second_look_gets_one(value: Any, written: bytes) -> None:
    """As an attribute, inside of one, and as a measurement."""
    measured = encode(Record("metric", "m", "m", 1, value=value))
    alone = encode(Record("event", "e", "e", 1, attrs={"a": value}))
    inside = encode(Record("event", "e", "e", 1, attrs={"a": [value]}))

    assert [line.count(written) for line in (measured, alone, inside)] == [1, 1, 1]


def test_restoring_types_leaves_the_raw_line_alone() -> None:
    """``raw`` is what stands there."""
    line = good(encode(Record("event", "e", "e", 1, attrs={"t": (1, 2)})))

    assert line.record.attrs == {"t": (1, 2)}
    assert line.raw["attrs"] == {"t": [1, 2]}


def test_an_older_line_is_not_our_own() -> None:
    """It is read by the mapping of older shapes."""
    line = good(EVENT)

    assert not line.own
    assert (line.record.kind, line.record.duration_ns) == ("span", 1_000_000)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"cmd":', "not JSON: Expecting value at column 8"),
        (b'{"cmd":"a"} {}', "not JSON: Extra data at column 13"),
        (b"[1]", "not an object, but an array"),
        (b'"x"', "not an object, but a text"),
        (b"1.5", "not an object, but a number"),
        (b"null", "not an object, but null"),
        (b"true", "not an object, but true or false"),
        (b"{}", 'no name: neither "cmd" nor "name" is a text'),
        (b'{"cmd":["a"]}', 'no name: neither "cmd" nor "name" is a text'),
        (b'{"record":1,"kind":"spam","name":"a"}', "kind is none of span, metric, event, log"),
        (b'{"record":1,"kind":"span"}', "no name"),
        (
            b'{"record":2,"kind":"span","name":"a"}',
            "record format 2 is newer than this reader, which knows 1",
        ),
        (b'{"cmd":"a","n":' + b"9" * 5_000 + b"}", "a number with too many digits"),
        (b'{"cmd":' + b"[" * 200_000, "nested too deeply"),
        (b"\xff\xfe\xfd", "not JSON: Expecting value at column 1"),
        (
            b'{"cmd":"a' + b"\0" * 40,
            "not JSON: it holds a NUL byte, as a disk that lost power or a binary file leaves them",
        ),
        (b'{"cmd":"a","x":' + b"[" * 501 + b"]" * 501 + b"}", "nested too deeply"),
        (b'{"cmd":"a","y":1e999,"x":' + b"[" * 501 + b"]" * 501 + b"}", "nested too deeply"),
    ],
)
def test_a_bad_line_has_a_reason_in_one_line(line: bytes, reason: str) -> None:
    """It is reported, never repaired, and stops nothing."""
    assert bad(line) == reason


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","v":NaN}', "line: NaN is not JSON"),
        (b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","v":-Infinity}', "line: -Infinity is not JSON"),
        (b'{"cmd":"a\xff","ts":"2026-01-01T00:00:00Z"}', "line: not UTF-8 at byte 10"),
        (
            b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","v":[1.5,-1e999]}',
            "line: a number is beyond what a float can hold, and read as infinity",
        ),
        (
            b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","v":' + b"[" * 65 + b"]" * 65 + b"}",
            "line: nested more than 65 levels deep, which is more than checks look at",
        ),
        (b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","v":"\\ud800"}', "line: not strict JSON"),
        (b'{"record":1,"kind":"event","name":"e","seq":"5"}', "seq: not an integer of at most 200 bits"),
        (b'{"record":1,"kind":"event","name":"e","seq":true}', "seq: not an integer of at most 200 bits"),
        (b'{"record":1,"kind":"event","name":"e","run_id":5}', "run_id: not a text"),
        (b'{"record":1,"kind":"event","name":"e","attrs":[]}', "attrs: not an object"),
        (b'{"record":1,"kind":"event","name":"e","status":"fine"}', "status: not one of unset, ok, error"),
        (b'{"record":1,"kind":"event","name":"e","instrument":[]}', None),
        (b'{"record":1,"kind":"event","name":"e","spam":1}', "spam: unknown field"),
        (
            b'{"record":1,"kind":"event","name":"e","types":{"seq":"int"}}',
            "types: 'seq' holds no text of type int",
        ),
    ],
)
def test_what_is_wrong_inside_a_line_is_said_and_the_rest_is_read(line: bytes, problem: str | None) -> None:
    """A reader that gives up at the first oddity reads nothing in the field."""
    problems = good(line).problems

    assert len(problems) == 1
    assert problem is None or problems[0] == problem


def test_integers_of_any_size_are_read_exactly() -> None:
    """Not as the nearest float."""
    assert (
        good(b'{"cmd":"a","n":123456789012345678901234567890}').record.attrs["n"]
        == 123456789012345678901234567890
    )


def test_the_last_of_two_equal_keys_counts_and_the_line_says_so() -> None:
    """As with every JSON reader, but what was lost is not lost silently."""
    line = good(b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","cmd":"b"}')

    assert line.record.name == "b"
    assert line.problems == ("cmd: this key stands twice in one object, the last one counts",)


def test_a_deep_but_finite_line_is_read() -> None:
    """The nesting of real payloads is far below the limit."""
    line = b'{"cmd":"a","args":' + b'{"k":' * 300 + b"1" + b"}" * 301

    assert good(line).record.name == "a"


def read(content: bytes) -> tuple[LogReader, list[LogLine | BadLine]]:
    reader = LogReader(io.BytesIO(content))
    return reader, list(reader)


def test_a_log_is_read_line_by_line_with_counts() -> None:
    """Bad and blank lines are counted apart, and neither shifts the numbers."""
    content = EVENT + b"\n\n \t\r\nnonsense\n" + EVENT + b"\n"
    reader, lines = read(content)

    assert [(type(line), line.number) for line in lines] == [(LogLine, 1), (BadLine, 4), (LogLine, 5)]
    assert (reader.events, reader.malformed, reader.blank) == (2, 1, 2)
    assert reader.offset == len(content)


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    """Editors leave both behind."""
    reader, lines = read(b"\xef\xbb\xbf" + EVENT + b"\r\n" + EVENT + b"\r\n")

    assert reader.events == len(lines) == 2
    assert read(b"\xef\xbb\xbf")[0].blank == 1


def test_a_torn_last_line_is_named() -> None:
    """A writer that died leaves half a line; a complete one without line feed is fine."""
    torn, lines = read(EVENT + b"\n" + EVENT[:20])

    assert torn.malformed == 1
    assert isinstance(lines[1], BadLine)
    assert lines[1].reason.startswith("torn last line, not JSON")
    assert read(EVENT)[0].events == 1
    cut = read(EVENT[:20] + b"\n" + EVENT)[1][0]
    assert isinstance(cut, BadLine)
    assert cut.reason.startswith("not JSON")


def test_a_line_that_is_too_long_is_skipped_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded, and the next line is read."""
    monkeypatch.setattr(wire, "MAX_LINE_BYTES", 64)

    reader, lines = read(b"x" * 1_000 + b"\n" + EVENT + b"\n" + b"y" * 200)

    assert [line.number for line in lines] == [1, 2, 3]
    assert isinstance(lines[0], BadLine)
    assert lines[0].reason == "longer than 64 bytes"
    assert (reader.events, reader.malformed) == (1, 2)
    assert reader.offset == 1_001 + len(EVENT) + 1 + 200


def test_a_log_is_opened_by_its_path(tmp_path: Path) -> None:
    """And closed with the reader."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(EVENT + b"\n")

    with read_log(path) as reader:
        lines: list[Any] = list(reader)

    assert [line.number for line in lines] == [1]
    with pytest.raises(ValueError, match="closed"):
        next(reader)


@pytest.mark.parametrize(
    "line",
    [
        b'{"cmd":"x","timing_ms":1e305}',
        b'{"cmd":"x","timing_ms":' + b"1" * 400 + b"}",
        b'{"record":1,"kind":"event","name":"5","time_ns":1,"value":'
        + b"1" * 400
        + b',"types":{"value":"float"}}',
        b'{"record":1,"kind":"event","name":"5","time_ns":1,"types":{"name":"int"}}',
    ],
)
def test_figures_of_any_length_are_a_problem_and_no_error(line: bytes) -> None:
    """And a name stays a text, whatever is noted of it."""
    read = decode_line(line, 1)

    if isinstance(read, LogLine):
        assert (type(read.record.name), read.record.duration_ns) == (str, None)
        assert read.problems
