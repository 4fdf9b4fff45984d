"""No record names a place on the machine it was made on."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_telemetry.checks import RelativePaths
from pytest_telemetry.checks.streaming import OTHERS
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine, decode_line, decode_object, encode


def record(**changes: Any) -> Record:
    return Record(**{"kind": "event", "name": "a", "scope": "a", "time_ns": 1, "run_id": "r", **changes})


def fields(*records: Record) -> dict[str, int]:
    findings = RelativePaths()(records)
    return dict(findings[0].by_field) if findings else {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "/home/a/x.py"}, "name"),
        ({"scope": "read /tmp/x"}, "scope"),
        ({"error": "OSError: /var/log/x"}, "error"),
        ({"run_id": "C:\\runs\\1"}, "run_id"),
        ({"thread": "file:///x"}, "thread"),
        ({"kind": "metric", "value": "\\\\server\\share"}, "value"),
        ({"attrs": {"file": "/a/b"}}, "file"),
        ({"attrs": {"deep": [{"file": ("/a/b",)}]}}, "deep.file"),
        ({"attrs": {"/a/b": 1}}, "*"),
        ({"attrs": {"sizes": {"/a/b": 1}}}, "sizes.*"),
        ({"attrs": {"message": "cannot open '/home/a/x'"}}, "message"),
    ],
)
def test_a_path_is_found_wherever_it_stands(changes: dict[str, Any], field: str) -> None:
    """Fields, values, keys, messages, nested."""
    assert fields(record(**changes)) == {field: 1}


def test_relative_paths_commands_and_routes_pass() -> None:
    """So do the fields that are meant for paths of a server."""
    attrs = {
        "file": "src/a.py",
        "command": "/wo-start",
        "http.route": "/api/v1/{id}",
        "url.path": "/a/b",
        "n": 1,
    }

    assert fields(record(attrs=attrs)) == {}


def test_what_may_hold_paths_is_the_users_decision() -> None:
    """`ignore` replaces the list."""
    check = RelativePaths(ignore=["file"])

    assert check([record(attrs={"file": "/a/b"})]) == []
    assert check([record(attrs={"url.path": "/a/b"})]) != []


def test_a_record_counts_once_and_each_field_once() -> None:
    """The count is records."""
    (finding,) = RelativePaths()(
        [record(attrs={"a": ["/a/b", "/c/d"], "b": "/e/f"}), record(), record(attrs={"a": "/g/h"})]
    )

    assert finding.count == 2
    assert finding.by_field == {"a": 2, "b": 1}
    assert finding.message == "absolute paths in 2 of 3 events: record paths relative to the workspace"
    assert {example.text for example in finding.examples} == {"a: a = '/a/b'", "a: b = '/e/f'"}


def test_an_older_line_is_reported_by_its_own_fields_and_ours_like_memory() -> None:
    """``x.file`` there, ``file`` here."""
    older = decode_object({"cmd": "a", "segment": "/a/b", "x": {"file": "/a/b"}, "args": {"file": "/a/b"}}, 1)
    ours = decode_line(encode(record(attrs={"file": "/a/b"})), 2)
    judgement = RelativePaths().start()

    for line in (older, ours):
        assert isinstance(line, LogLine)
        judgement.add(line.record, line)

    assert judgement.findings()[0].by_field == {"args.file": 1, "file": 1, "segment": 1, "x.file": 1}
    assert [example.line for example in judgement.findings()[0].examples] == [1, 1, 1, 2]


def test_long_values_are_cut_and_many_fields_are_counted_together() -> None:
    """A finding stays readable, and small."""
    (long,) = RelativePaths()([record(attrs={"a": "/home/" + "x" * 500})])
    (many,) = RelativePaths()([record(attrs={f"f{n}": "/a/b" for n in range(1_200)})])

    assert len(long.examples[0].text) < 120
    assert len(many.by_field) == 1_001
    assert many.by_field[OTHERS] == 200
    assert len(many.examples) == 12
