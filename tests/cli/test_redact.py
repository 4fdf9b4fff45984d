"""The command that copies logs without paths, secrets and personal data."""

from __future__ import annotations

import gzip
import io
import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import JsonlStore
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

LINES = [
    b'{"cmd":"a","n":1.50}\n',
    b'{"cmd":"b","args":{"file":"/home/ada/project/a.py"}}\n',
    b'{"cmd":"c","args":{"mail":"ada@example.org"}}\n',
]
AFTER = b'{"cmd":"a","n":1.50}\n{"cmd":"b","args":{"file":"a.py"}}\n{"cmd":"c","args":{"mail":"[REDACTED:email]"}}\n'
WORKSPACE = ("--workspace", "/home/ada/project")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(LINES))
    return path


def test_a_copy_is_made_and_the_source_stays(run: Any, log: Path, tmp_path: Path) -> None:
    """With what became of it, and the check has nothing to say."""
    before = log.read_bytes()
    target = tmp_path / "shared.jsonl"

    assert run("redact", log, target, *WORKSPACE) == (0, f"{target}: 3 lines, 2 of them redacted\n", "")
    assert (target.read_bytes(), log.read_bytes()) == (AFTER, before)
    assert run("check", "--only", "relative-paths,no-secrets", target)[0] == 0


def test_lines_without_a_record_are_left_out_and_counted(run: Any, log: Path, tmp_path: Path) -> None:
    """Nobody knows what they hold."""
    with log.open("ab") as file:
        file.write(b'\nnonsense of /home/ada\n{"cmd":"d","f":"/ho')
    target = tmp_path / "shared.jsonl"

    code, out, _ = run("redact", log, target, *WORKSPACE)

    assert (code, out) == (
        0,
        f"{target}: 3 lines, 2 of them redacted; 2 malformed lines and 1 blank line left out\n",
    )
    assert target.read_bytes() == AFTER


def test_all_segments_are_copied_into_one_file(run: Any, tmp_path: Path) -> None:
    """In their order, compressed ones too, and the copy is compressed if its name says so."""
    with JsonlStore(tmp_path / "a.jsonl", max_bytes=100, compress=True) as store:
        for number in range(6):
            store.emit(Record("event", f"e{number}", f"e{number}", 1, attrs={"f": "/home/ada/project/a.py"}))
    assert list(tmp_path.glob("*.gz"))
    target = tmp_path / "b.jsonl.gz"

    code, out, _ = run("redact", tmp_path / "a.jsonl", target, *WORKSPACE)

    assert (code, out) == (0, f"{target}: 6 lines, 6 of them redacted\n")
    lines = gzip.decompress(target.read_bytes()).splitlines()
    assert [line.split(b'"')[9] for line in lines] == [b"e%d" % number for number in range(6)]
    assert b"ada" not in b"".join(lines)


def test_standard_input_and_output_are_dashes(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What became of the lines is said on standard error."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"".join(LINES))))

    code, out, err = run("redact", "-", "-", *WORKSPACE)

    assert (code, out.encode()) == (0, AFTER)
    assert err == "pytest-telemetry: standard output: 3 lines, 2 of them redacted\n"


@pytest.mark.parametrize("name", ["events.jsonl", "link", "same", "here/events.jsonl"])
def test_a_log_is_never_redacted_in_place(run: Any, log: Path, tmp_path: Path, name: str) -> None:
    """By none of its names."""
    (tmp_path / "link").symlink_to(log)
    os.link(log, tmp_path / "same")
    (tmp_path / "here").symlink_to(tmp_path)

    code, out, err = run("redact", log, tmp_path / name)

    assert (code, out) == (2, "")
    assert err == (
        f"pytest-telemetry: {tmp_path / name}: is the source itself; name another file for the copy\n"
    )
    assert log.read_bytes() == b"".join(LINES)


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("events.jsonl", "there", "there: exists already, and nothing is overwritten; name another file"),
        ("events.jsonl", "events.000009.jsonl", "would be read as a closed segment of"),
        ("events.jsonl", "no/a.jsonl", "no: is no directory; make it"),
        (
            "events.jsonl",
            "b.jsonl",
            "b.jsonl: b.000001.jsonl.gz lies there, and would be read as a closed segment",
        ),
        ("gone", "a.jsonl", "gone: No such file or directory"),
        ("a.db", "a.jsonl", "a.db: is a database, and only logs are redacted: make one of it with"),
        ("binary", "a.jsonl", "binary: is binary"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    run: Any,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    target: str,
    reason: str,
) -> None:
    """And exit code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_bytes(b"x")
    (tmp_path / "binary").write_bytes(b"\x7fELF\0")
    (tmp_path / "b.000001.jsonl.gz").write_bytes(b"")
    with SqliteStore(tmp_path / "a.db"):
        pass
    before = sorted(path.name for path in tmp_path.iterdir())

    code, out, err = run("redact", source, target)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert reason in err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
