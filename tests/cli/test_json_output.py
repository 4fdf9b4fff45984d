"""JSON that commands print and write, for readers that are strict."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LINES = r"""
{"ts":"2026-01-01T00:00:00Z","cmd":"a\ud83d","run_id":"r\ud83d","timing_ms":1,"k\ud83d":["/home/ada/\ud83d",{"\ud83d":1}],"event_type":"\ud83d"}
{"record":1,"kind":"metric","name":"n\ud83d","time_ns":5,"value":1.5,"run_id":"r\ud83d","attrs":{"k\ud83d":"\ud83d"},"thread":"t\ud83d","error":"e\ud83d"}
{"record":1,"kind":"event","name":"\ud83d","time_ns":6,"run_id":"r\ud83d","attrs":{"email":"ada@example.org \ud83d"}}
"""
LAST_RUN = r'{"run_id":"r\ud83d","latencies":{"a\ud83d":{"count":2,"p50_ms":4}}}'


def strictly(text: bytes) -> Any:
    """Return what *text* holds, for a reader to whom half a surrogate pair and NaN are no JSON."""
    value = json.loads(text.decode("utf-8"), parse_constant=pytest.fail)
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.jsonl").write_text(LINES.lstrip())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last_run.json").write_text(LAST_RUN)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["check", "events.jsonl", "--json"],
        ["check", "events.jsonl", "--format", "sarif"],
        ["check", "events.jsonl", "--json", "--summary", "run/last_run.json"],
        ["summary", "events.jsonl", "--json"],
        ["telemetry", "events.jsonl", "--json", "--event-type", "\ud83d"],
        ["reconcile", "run", "--log", "events.jsonl", "--json"],
        ["trace", "r\ud83d", "--log", "events.jsonl", "--format", "json", "--spans", "--events"],
        ["trace", "r\ud83d", "--log", "events.jsonl", "--format", "perfetto"],
    ],
    ids=lambda command: ascii(" ".join(command)),
)
def test_one_object_is_strict_json(run: Any, place: Path, command: list[str]) -> None:
    """Half a surrogate pair in any name, key or value of a log is in it as the text of its escape."""
    code, out, _ = run(*command)

    assert code in {0, 1}
    assert "\\\\ud83d" in out
    strictly(out.encode())


@pytest.mark.parametrize(
    "command",
    [
        ["records", "events.jsonl", "--json"],
        ["redact", "events.jsonl", "-"],
    ],
    ids=" ".join,
)
def test_each_line_is_strict_json(run: Any, place: Path, command: list[str]) -> None:
    """Whether anything else in it was changed or not."""
    code, out, _ = run(*command)

    assert (code, len(out.splitlines())) == (0, 3)
    for line in out.splitlines():
        assert "\\\\ud83d" in line
        strictly(line.encode())


@pytest.mark.parametrize("form", ["record", "event"])
@pytest.mark.parametrize("through", [[], ["a.db"]])
def test_each_line_of_a_copy_is_strict_json(run: Any, place: Path, form: str, through: list[str]) -> None:
    """Also by way of a database."""
    steps = ["events.jsonl", *through, f"{form}.jsonl"]
    for source, target in pairwise(steps):
        run("convert", source, target, "--to", "sqlite" if target in through else form)

    lines = (place / f"{form}.jsonl").read_bytes().splitlines()

    assert len(lines) == 3
    for line in lines:
        assert rb"\\ud83d" in line
        strictly(line)
