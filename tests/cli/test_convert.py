"""The command that copies records between logs and databases."""

from __future__ import annotations

import dataclasses
import errno
import gzip
import io
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import JsonlStore, convert
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import MAX_LINE_BYTES, encode, encode_event
from pytest_telemetry.sinks.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BEGAN = 1_767_225_600_000_000_000
RECORDS = [
    Record(
        "span",
        "load",
        "etl.load",
        BEGAN,
        1_500_000,
        attrs={"n": (1, 2**70)},
        trace_id="t",
        span_id="s",
        seq=1,
    ),
    Record(
        "event", "hit", "hit", BEGAN, attrs={"cmd": "x", "p": float("inf")}, run_id="r", seq=2, thread="main"
    ),
    Record("metric", "rows", "rows", BEGAN, None, 3, "counter", seq=3),
    Record("log", "slow", "slow", BEGAN, level="warning", seq=4),
]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def kept(path: Path) -> list[Record]:
    store = SqliteStore(path) if path.suffix == ".db" else JsonlStore(path)
    with store:
        return list(store.records())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(map(encode, RECORDS)))
    return path


def test_records_go_to_a_database_and_back_unchanged(run: Any, log: Path, tmp_path: Path) -> None:
    """The form is that of the name, and nothing else is left behind."""
    database, again = tmp_path / "a.db", tmp_path / "again.jsonl"

    assert run("convert", log, database) == (0, f"{database}: 4 records written and read back\n", "")
    assert run("convert", database, again)[0] == 0

    assert kept(database) == RECORDS
    assert again.read_bytes() == log.read_bytes()
    assert names(tmp_path) == ["a.db", "again.jsonl", "events.jsonl"]


def test_event_lines_say_what_they_cannot(run: Any, log: Path, tmp_path: Path) -> None:
    """What was renamed, is text now, and has no place, is counted."""
    target = tmp_path / "old.jsonl"

    code, out, err = run("convert", log, target, "--to", "event")

    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{target}: 4 records written and read back",
        "1 attribute renamed to extra.NAME: the name is taken in an event line",
        "2 values kept as text: an event line does not note types",
        "not the same when an event line is read: scope of 1, trace_id of 1, span_id of 1, seq of 4, source of 4, thread of 1, kind of 1, level of 1",
    ]
    assert [json.loads(line)["cmd"] for line in target.read_bytes().splitlines()] == [
        "load",
        "hit",
        "rows",
        "slow",
    ]


def test_what_is_the_same_when_event_lines_are_read_is_not_told(run: Any, tmp_path: Path) -> None:
    """They go over and back unchanged; an error does not, since it is an attribute then."""
    log = tmp_path / "a.jsonl"
    record = Record("span", "a", "a", BEGAN, 1, status="ok", run_id="r", source="log file")
    log.write_bytes(encode(record) + encode(dataclasses.replace(record, error="ValueError")))

    _, out, _ = run("convert", log, tmp_path / "b.jsonl", "--to", "event")

    assert out.splitlines()[1:] == ["not the same when an event line is read: error of 1"]


def test_values_that_stay_text_are_counted(run: Any, tmp_path: Path) -> None:
    """Where a database or a log can hold them in no other way."""
    log = tmp_path / "a.jsonl"
    log.write_bytes(encode_event(RECORDS[0])[0])

    assert "as text" not in run("convert", log, tmp_path / "a.db")[1]


def test_segments_and_compressed_files_are_read(run: Any, tmp_path: Path) -> None:
    """All of a log, in its order."""
    with JsonlStore(tmp_path / "a.jsonl", max_bytes=150, compress=True) as store:
        store.emit_many(RECORDS)
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"".join(map(encode, RECORDS))))

    assert run("convert", tmp_path / "a.jsonl", tmp_path / "a.db")[0] == 0
    assert run("convert", tmp_path / "b.gz", tmp_path / "b.db")[0] == 0
    assert kept(tmp_path / "a.db") == kept(tmp_path / "b.db") == RECORDS


def test_standard_input_is_a_dash(
    run: Any, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in every pipe."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log.read_bytes())))

    assert run("convert", "-", tmp_path / "a.db")[0] == 0
    assert kept(tmp_path / "a.db") == RECORDS


@pytest.mark.parametrize("name", ["b.jsonl", "b.db", "b"])
def test_records_can_be_appended(run: Any, log: Path, tmp_path: Path, name: str) -> None:
    """To what is there, in the form that it has, or to a new one; only what was added is counted."""
    target = tmp_path / name

    for _ in range(2):
        assert run("convert", log, target, "--append")[:2] == (
            0,
            f"{target}: 4 records written and read back\n",
        )

    assert kept(target) == RECORDS * 2


def test_event_lines_are_appended_to_event_lines(run: Any, log: Path, tmp_path: Path) -> None:
    """The dialect of a log is that of its first record."""
    target = tmp_path / "old.jsonl"
    target.write_bytes(b'{"cmd":"a"}\n')

    run("convert", log, target, "--append")

    assert [json.loads(line)["cmd"] for line in target.read_bytes().splitlines()] == [
        "a",
        "load",
        "hit",
        "rows",
        "slow",
    ]


def test_malformed_lines_are_counted(run: Any, log: Path, tmp_path: Path) -> None:
    """They hold no record."""
    with log.open("ab") as file:
        file.write(b"nonsense\n[1]\n\n")

    code, out, _ = run("convert", log, tmp_path / "a.db")

    assert (code, out.splitlines()[1:]) == (0, ["2 malformed lines left out"])


def test_records_that_do_not_go_over_are_a_finding(run: Any, tmp_path: Path) -> None:
    """Such as one that becomes too long in the form of the target."""
    log = tmp_path / "a.jsonl"
    long = Record("event", "long", "long", BEGAN, attrs={"text": ""})
    long.attrs["text"] = "x" * (MAX_LINE_BYTES - len(encode(long)))
    log.write_bytes(encode(RECORDS[2]) + encode(long))

    code, out, _ = run("convert", log, tmp_path / "b.jsonl", "--to", "event")

    assert (code, out.splitlines()[:2]) == (
        1,
        [
            f"{tmp_path / 'b.jsonl'}: 1 record written and read back",
            "1 record left out: longer than a line may be",
        ],
    )


@pytest.mark.parametrize("append", [True, False])
def test_a_target_that_holds_fewer_than_were_written_is_an_error(
    run: Any, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, append: bool
) -> None:
    """Nothing is said to have gone over that has not; a new target is not left there."""
    count = convert._count
    monkeypatch.setattr(convert, "_count", lambda path: max(count(path) - 1, 0))

    code, out, err = run("convert", log, tmp_path / "a.db", *(["--append"] if append else []))

    assert (code, out) == (2, "")
    assert "a.db: 4 records were written, and 3 more are found there; does anybody else write to it?" in err
    assert names(tmp_path) == ["events.jsonl"]


@pytest.mark.parametrize(
    ("source", "target", "options", "reason"),
    [
        ("events.jsonl", "there", [], "there: exists already, and nothing is overwritten; name another one, or add --append"),
        ("events.jsonl", "events.jsonl", ["--append"], "events.jsonl: is the source itself"),
        ("events.jsonl", "link", ["--append"], "link: is the source itself"),
        ("events.jsonl", "events.000007.jsonl", [], "would be read as a closed segment of"),
        ("events.jsonl", "there", ["--append", "--to", "sqlite"], "there: is a log in our own format; leave --to sqlite out"),
        ("events.jsonl", "there", ["--append", "--to", "event"], "there: is a log in our own format; leave --to event out"),
        ("events.jsonl", "old", ["--append", "--to", "record"], "old: is a log of event lines; leave --to record out"),
        ("events.jsonl", "notes", ["--append"], "notes: its one line is no event: is it an event log"),
        ("events.jsonl", "export", ["--append"], "export: is an export of OpenTelemetry, which nothing is added to"),
        ("events.jsonl", "-", [], "standard output cannot be read back, as a target is; name a file, or print records"),
        ("events.jsonl", "a.db", ["--append", "--to", "event"], "a.db: is a database; leave --to event out"),
        ("events.jsonl", "no/a.db", [], "no: is no directory"),
        ("events.jsonl", "b.jsonl", [], "b.jsonl: b.000001.jsonl lies there, and would be read as a closed segment of it"),
        ("events.jsonl", ".", ["--append"], ".: is no file that records can be read back from; name another target"),
        ("gone", "b.db", [], "gone: No such file"),
        ("binary", "b.db", [], "binary: is binary"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    run: Any,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    target: str,
    options: list[str],
    reason: str,
) -> None:
    """And exit code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_bytes(encode(RECORDS[0]))
    (tmp_path / "binary").write_bytes(b"\x7fELF\0")
    (tmp_path / "link").symlink_to(log)
    with SqliteStore(tmp_path / "a.db") as store:
        store.emit(RECORDS[0])
    (tmp_path / "old").write_bytes(b'{"cmd":"a"}\n')
    (tmp_path / "notes").write_bytes(b"hello\n")
    (tmp_path / "b.000001.jsonl").write_bytes(encode(RECORDS[0]))
    (tmp_path / "export").write_bytes(
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"a"}]}]}]}\n'
    )
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    code, out, err = run("convert", source, target, *options)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert reason in err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert log.read_bytes() == b"".join(map(encode, RECORDS))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["pipe", "pipe.db"])
def test_a_pipe_is_no_target(run: Any, log: Path, tmp_path: Path, name: str) -> None:
    """Nobody waits for whoever might write to it."""
    pipe = tmp_path / name
    os.mkfifo(pipe)

    assert run("convert", log, pipe, "--append") == (
        2,
        "",
        f"pytest-telemetry: {pipe}: is no file that records can be read back from; name another target\n",
    )


@pytest.mark.parametrize("name", ["a.db", "a.jsonl"])
@pytest.mark.parametrize("directory", ["", "kept", "TMP"])
def test_errors_of_the_target_have_the_name_that_it_was_given(
    run: Any, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, directory: str
) -> None:
    """And not what it is called until it is complete, nor an absolute path that nobody wrote."""
    (tmp_path / "kept").mkdir()
    monkeypatch.chdir(tmp_path)
    target = os.path.join(directory.replace("TMP", str(tmp_path)), name)  # noqa: PTH118 - as somebody writes it

    def refuse(path: object, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("pytest_telemetry.sinks.sqlite_schema.sqlite3.connect", refuse)
        patch.setattr("pytest_telemetry.runtime.append_file.os.open", refuse)
        opening = run("convert", log, target)
    with monkeypatch.context() as patch:
        patch.setattr("pytest_telemetry.runtime.append_file.os.write", fill)
        patch.setattr("pytest_telemetry.sinks.sqlite.SqliteStore.emit_many", fill)
        writing = run("convert", log, target)

    assert opening[:2] == writing[:2] == (2, "")
    kept = f"cannot keep telemetry in {target}: Permission denied"
    added = f"cannot append telemetry to {target!r}: Permission denied; give the path of a file that can be written"
    assert opening[2] == f"pytest-telemetry: {kept if name == 'a.db' else added}\n"
    assert writing[2] == f"pytest-telemetry: {target}: cannot be written: No space left on device\n"
    assert names(tmp_path) == ["events.jsonl", "kept"]


@pytest.mark.parametrize("name", ["a.db", "a.jsonl"])
def test_what_was_appended_before_an_error_is_said(
    run: Any, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It stays there, and would be added once more by whoever simply tries again."""
    target = tmp_path / name
    run("convert", log, target)
    kind = SqliteStore if name == "a.db" else JsonlStore
    emit_many, calls = kind.emit_many, iter([True, False])

    def fill(store: Any, records: Sequence[Record]) -> None:
        if not next(calls):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        emit_many(store, records)

    monkeypatch.setattr(convert, "_AT_ONCE", 2)
    monkeypatch.setattr(kind, "emit_many", fill)

    assert run("convert", log, target, "--append") == (
        2,
        "",
        f"pytest-telemetry: {target}: cannot be written: No space left on device; 2 records had been added by then\n",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
    ids=["interrupted", "terminated"],
)
def test_nothing_is_left_of_a_conversion_that_was_stopped(
    tmp_path: Path, number: int, code: int, said: str
) -> None:
    """Neither the target nor what was written aside."""
    command = [sys.executable, "-m", "pytest_telemetry.cli", "convert", "-", str(tmp_path / "a.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        for _ in range(20_000):
            process.stdin.write(encode(RECORDS[2]))  # more than a pipe and the buffers hold, so it has begun
        process.stdin.flush()
        process.send_signal(number)

        assert process.wait() == code
        assert process.stderr is not None
        assert process.stderr.read().decode().strip() == f"pytest-telemetry: {said}"
    assert names(tmp_path) == []


def test_lines_of_which_a_field_cannot_be_read_are_told(run: Any, tmp_path: Path) -> None:
    """They go over without it."""
    (tmp_path / "a.jsonl").write_text(
        '{"cmd":"a","timing_ms":"5","ts":"yesterday"}\n{"cmd":"b","ts":"2026-01-02T03:04:05Z"}\n'
    )

    code, out, _ = run("convert", tmp_path / "a.jsonl", tmp_path / "b.jsonl")

    assert code == 0
    assert out.splitlines()[1:] == [
        "1 line with a field that is unreadable, wrong or read leniently; `pytest-telemetry check` names them"
    ]


@pytest.mark.parametrize("name", ["b.jsonl.gz", "packed"])
def test_no_compressed_file_is_written_or_added_to(run: Any, tmp_path: Path, name: str) -> None:
    """It would be neither text nor compressed."""
    source = tmp_path / "a.jsonl"
    source.write_bytes(b'{"cmd":"a"}\n')
    packed = gzip.compress(b'{"cmd":"b"}\n')
    (tmp_path / "packed").write_bytes(packed)

    code, out, err = run("convert", source, tmp_path / name, "--append")

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "is a compressed file" in err
    assert (tmp_path / "packed").read_bytes() == packed
    assert not (tmp_path / "b.jsonl.gz").exists()
