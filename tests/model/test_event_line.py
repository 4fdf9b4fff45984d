"""Records as the event lines of older logs."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_telemetry.model.event_shape import event_of_record
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine, decode_line, encode_event
from pytest_telemetry.sinks.jsonl import JsonlStore

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ["ts", "run_id", "segment", "cmd", "args", "result", "timing_ms", "tokens", "warnings"]
TAKEN = {*KEYS, "x", "record", "value", "instrument", "level", "error"} - {"warnings", "segment"}
YEAR_1, YEAR_10000 = -62_135_596_800 * 10**9, 253_402_300_800 * 10**9 - 1

texts = st.text(st.characters(codec="utf-8"), max_size=8)
values: Any = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
groups = st.sampled_from(["args.", "result.", "tokens."])
keys = st.builds(str.__add__, groups, texts) | texts.filter(lambda key: "." not in key and key not in TAKEN)


@st.composite
def sayable(draw: st.DrawFn) -> Record:
    """A record that says nothing but what an event line can say."""
    name = draw(texts.filter(bool))
    duration_ns = draw(st.none() | st.integers(-(2**51), 2**51))
    attrs = draw(st.dictionaries(keys, values, max_size=4))
    attrs.pop("warnings", None)
    attrs.pop("segment", None)
    if draw(st.booleans()):
        attrs |= {"warnings": ["slow"], "segment": "repo-6f25e381"}
    status: Any = draw(st.sampled_from(["ok", "error", None]))
    if status is None:
        attrs.pop("result.status", None)
    else:
        attrs["result.status"] = status
    return Record(
        "event" if duration_ns is None else "span",
        name,
        name,
        draw(st.integers(YEAR_1, YEAR_10000)),
        duration_ns,
        status=status or "unset",
        attrs=attrs,
        run_id=draw(st.none() | texts.filter(bool)),
        source="log file",
    )


def line_of(**fields: Any) -> dict[str, Any]:
    """Return what stands in the line of a record, and check that it is one."""
    line, _, _ = encode_event(Record(**{"kind": "event", "name": "e", "scope": "e", "time_ns": 1, **fields}))
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    raw: dict[str, Any] = json.loads(line)
    assert list(raw)[:9] == KEYS
    return raw


def read_back(record: Record) -> Record:
    decoded = decode_line(encode_event(record)[0], 1)
    assert isinstance(decoded, LogLine)
    assert not decoded.own
    return decoded.record


@settings(deadline=None)  # records of many parts take long to draw
@given(sayable())
def test_what_the_line_can_say_comes_back_as_it_was(record: Record) -> None:
    """Record, line, record."""
    line, as_text, renamed = encode_event(record)

    assert read_back(record) == record
    assert (as_text, renamed) == (0, 0)
    assert list(json.loads(line))[:9] == KEYS


def test_the_nine_keys_are_always_there() -> None:
    """What is not known is null or empty."""
    assert line_of() == {
        "ts": "1970-01-01T00:00:00.000000001+00:00",
        "run_id": None,
        "segment": None,
        "cmd": "e",
        "args": {},
        "result": {},
        "timing_ms": None,
        "tokens": {},
        "warnings": [],
    }


def test_attributes_go_where_the_line_has_them() -> None:
    """Prefixed ones into their group, all others to the top level."""
    raw = line_of(
        attrs={
            "args.file": "a.py",
            "result.n": 1,
            "tokens.total": 2,
            "bytes_read": 3,
            "argsfile": 4,
            "a.b": 5,
        },
        run_id="r",
    )

    assert (raw["args"], raw["result"], raw["tokens"]) == ({"file": "a.py"}, {"n": 1}, {"total": 2})
    assert {key: raw[key] for key in list(raw)[9:]} == {"bytes_read": 3, "argsfile": 4, "a.b": 5}
    assert raw["run_id"] == "r"


@pytest.mark.parametrize(
    ("duration_ns", "timing_ms"),
    [(0, 0), (42_000_000, 42), (1_700_000, 1.7), (1, 0.000001), (-3_000_000, -3), (-1, -0.000001)],
)
def test_a_timing_keeps_its_fraction_its_zero_and_its_sign(duration_ns: int, timing_ms: float) -> None:
    """Nothing is clamped or rounded."""
    raw = line_of(kind="span", duration_ns=duration_ns)

    assert raw["timing_ms"] == timing_ms
    assert type(raw["timing_ms"]) is type(timing_ms)


@pytest.mark.parametrize("time_ns", [None, YEAR_1 - 1, YEAR_10000 + 1, 10**30])
def test_a_time_that_no_stamp_can_say_is_null(time_ns: int | None) -> None:
    """The record is not lost for it."""
    assert line_of(time_ns=time_ns)["ts"] is None


def test_a_key_that_is_taken_is_kept_and_counted() -> None:
    """Whatever it means elsewhere, it never changes what the line says."""
    attrs: dict[str, Any] = dict.fromkeys(("ts", "run_id", "cmd", "timing_ms", "x", "record"), "mine")
    attrs = {"extra.cmd": "theirs"} | attrs | {"kind": "span", "args": {"a": 1}, "extra.ts": "theirs"}

    fields, renamed = event_of_record(Record("event", "e", "e", 1, attrs=attrs))
    read = read_back(Record("event", "e", "e", 1, attrs=attrs))

    assert renamed == 8
    assert fields["extra.ts"] == "mine"
    assert fields["extra.extra.ts"] == "theirs"
    assert (read.name, read.time_ns, read.duration_ns) == ("e", 1, None)
    assert (read.attrs["extra.cmd"], read.attrs["extra.extra.cmd"]) == ("theirs", "mine")
    assert (read.attrs["extra.x"], read.attrs["extra.args"]) == ("mine", {"a": 1})
    assert read.attrs["kind"] == "span"


def test_what_stands_in_place_of_a_group_goes_back_there() -> None:
    """Unless the group has keys of its own."""
    raw = line_of(attrs={"args": ["a"], "result": "done", "result.n": 1, "tokens": None})

    assert (raw["args"], raw["result"], raw["extra.result"]) == (["a"], {"n": 1}, "done")
    assert raw["tokens"] == {}


def test_a_metric_a_log_and_an_error_say_what_they_are_at_the_top_level() -> None:
    """An attribute of that name gives way, where the field is set."""
    metric = line_of(kind="metric", value=7, instrument="counter", attrs={"value": 1, "level": 2})
    failed = line_of(kind="span", duration_ns=1, status="error", error="ValueError")

    assert (metric["value"], metric["instrument"], metric["extra.value"], metric["level"]) == (
        7,
        "counter",
        1,
        2,
    )
    assert (failed["error"], failed["result"]) == ("ValueError", {"status": "error"})
    assert line_of(kind="log", level="info")["level"] == "info"


def test_a_status_that_an_attribute_gives_stays() -> None:
    """The call site knows better what its result is called."""
    assert line_of(status="error", attrs={"result.status": "timeout"})["result"] == {"status": "timeout"}


@pytest.mark.parametrize(
    ("segment", "written"),
    [
        (".", r"\."),
        ("repo-6f25e381", "repo-6f25e381"),
        ("/home/me/repo", "external/74b392f5-repo"),
        (PurePosixPath("/home/me/repo"), "external/74b392f5-repo"),
        ("/home/me/repo/", "external/74b392f5-repo"),
        ("C:\\Users\\me\\repo", "external/[0-9a-f]{8}-repo"),
        ("\\\\server\\share", "external/[0-9a-f]{8}-root"),
        ("file:///home/me/repo", "external/74b392f5-repo"),
        ("/home/ada", "external/[0-9a-f]{8}-home"),
        ("C:\\Users\\Bob\\", "external/[0-9a-f]{8}-home"),
    ],
)
def test_a_segment_is_never_an_absolute_path(segment: Any, written: str) -> None:
    """It becomes an id that is the same for all ways to say it, and a label that names no person."""
    assert re.fullmatch(written, line_of(attrs={"segment": segment})["segment"])


def test_a_segment_of_another_type_is_an_attribute_like_any_other() -> None:
    """Its key is taken."""
    raw = line_of(attrs={"segment": ["/home/me"]})

    assert (raw["segment"], raw["extra.segment"]) == (None, ["/home/me"])


def test_values_that_json_cannot_hold_become_text_and_are_counted() -> None:
    """Tuples become arrays and do not count; there are no notes in this line."""
    attrs = {
        "args.limit": math.inf,
        "big": 2**70,
        "t": (1, 2),
        "args.o": object(),
        5: "key",
        "half": "\ud800",
    }

    line, as_text, _ = encode_event(Record("event", "e", "e", 1, attrs=attrs))  # type: ignore[arg-type]  # the key
    raw = json.loads(line)

    assert raw["args"] == {"limit": "inf", "o": "<object object>"}
    assert (raw["big"], raw["t"], raw["5"], raw["half"]) == (str(2**70), [1, 2], "key", "\\ud800")
    assert as_text == 5
    assert "types" not in raw


def written(path: Path) -> Path:
    with JsonlStore(path, dialect="event") as store:
        for number, name in enumerate(["ast.parse", "ctx.search", "lsp.ready", "ast.parse"]):
            attrs = {"args.file": "src/a.py", "bytes_read": 1024 * number, "result.status": "ok"}
            store.emit(Record("span", name, name, number, number * 1_500_000, attrs=attrs, run_id="r"))
        store.emit(Record("event", "ctx.search", "ctx.search", 9, attrs={"cmd": "x"}))
    assert store.statistics()["renamed"] == 1
    return path


def test_a_store_of_event_lines_is_read_back(tmp_path: Path) -> None:
    """As spans and events, by the mapping of older shapes."""
    path = written(tmp_path / "events.jsonl")

    with JsonlStore(path, dialect="event") as store:
        records = list(store.records())

    assert [record.duration_ns for record in records] == [0, 1_500_000, 3_000_000, 4_500_000, None]
    assert records[0].attrs == {"args.file": "src/a.py", "bytes_read": 0, "result.status": "ok"}


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ('select(.cmd=="ast.parse") | .timing_ms', [0, 4.5]),
        (
            'select(.cmd=="ctx.search") | {cmd, bytes_read}',
            [{"cmd": "ctx.search", "bytes_read": 1024}, {"cmd": "ctx.search", "bytes_read": None}],
        ),
        ('select(.args.file=="src/a.py") | .result.status', ["ok", "ok", "ok", "ok"]),
        (".tokens.total_tokens", [None] * 5),
    ],
)
def test_jq_reads_what_is_written(tmp_path: Path, query: str, answer: list[Any]) -> None:
    """With the queries that users of such logs have."""
    path = written(tmp_path / "events.jsonl")

    done = subprocess.run(["jq", "-c", query, path], capture_output=True, text=True, check=True)

    assert [json.loads(line) for line in done.stdout.splitlines()] == answer


def test_a_metric_comes_back_as_one_and_an_event_with_its_words_does_not_become_one() -> None:
    """With an instrument, that is; an attribute of the name of that mark gives way."""
    metric = Record("metric", "m", "m", 5, value=7, instrument="counter", attrs={"a": 1})
    event = Record("event", "e", "e", 5, attrs={"value": 7, "instrument": "counter"})

    read = read_back(metric)
    assert (read.kind, read.value, read.instrument, read.attrs) == ("metric", 7, "counter", {"a": 1})
    assert read_back(event).kind == "event"
    assert encode_event(event)[2] == 1
