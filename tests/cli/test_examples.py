"""The examples in the help of the commands."""

from __future__ import annotations

import io
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.cli.group import commands
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import encode
from pytest_telemetry.sinks.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [
    Record("span", "load", "load", 1_767_225_600_000_000_000, 1_500_000, attrs={"rows": 1}, run_id="run_1"),
    Record("event", "lsp.ready", "lsp.ready", 1_767_225_601_000_000_000, run_id="run_1"),
]
COMMANDS = ("records", "redact", "trace", "convert", "prune", "init")


def examples_of(name: str) -> list[str]:
    command = commands.get_command(None, name)  # type: ignore[arg-type]  # it looks at the name alone
    assert command is not None
    return re.findall(r"^  (pytest-telemetry .*)$", command.epilog or "", re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "example"), [(name, example) for name in COMMANDS for example in examples_of(name)]
)
def test_examples_work_as_they_stand(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, example: str
) -> None:
    """Where there is a log, a database and a run in the usual places."""
    lines = b"".join(map(encode, RECORDS))
    (tmp_path / "_ctx" / "telemetry").mkdir(parents=True)
    for log in ("events.jsonl", "_ctx/telemetry/events.jsonl"):
        (tmp_path / log).write_bytes(lines)
    with SqliteStore(tmp_path / "telemetry.db") as store:
        store.emit_many(RECORDS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pytest_telemetry.cli.records.pause", lambda _: False)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    program, command, *arguments = shlex.split(example.removesuffix(" < events.jsonl"))

    code, _, err = run(command, *arguments)

    assert (program, command, code) == ("pytest-telemetry", name, 0), err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_exit_codes(run: Any, name: str) -> None:
    """Nobody should need the documentation to begin."""
    code, out, _ = run(name, "--help")

    assert code == 0
    assert len(examples_of(name)) >= 2
    assert all(example in out for example in examples_of(name))
    assert "Exit code: 0" in out
    assert "\b" not in out
