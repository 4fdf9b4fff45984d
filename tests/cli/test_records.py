"""The command that prints records."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import JsonlStore
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import encode
from pytest_telemetry.sinks.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "pytest_telemetry.cli", "records"]

RECORDS = [
    Record("span", "load", "etl.load", 1_767_225_600_000_000_000, 1_500_000, attrs={"rows": 1}, run_id="r"),
    Record("event", "disk.slow", "disk.slow", 1_767_225_601_250_000_000, attrs={"é": "日"}, run_id="r"),
    Record("metric", "rows", "rows", 1_767_225_602_000_000_000, None, 3, "counter", run_id="s"),
    Record("log", "slow\x1b\u202e", "x", None, level="warning", run_id="s"),
]
ROWS = [
    "2026-01-01T00:00:00.000Z  load rows=1  [took 0.0015 s]",
    "2026-01-01T00:00:01.250Z  event: disk.slow é='日'",
    "2026-01-01T00:00:02.000Z  metric: rows +3",
    r"-                         warning: slow\x1b\u202e",
]


@pytest.fixture(params=["log", "segments", "gzip", "database", "directory", "here"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path | None:
    """The same records, wherever they may be kept; None for where they are by default."""
    lines = b"".join(map(encode, RECORDS))
    if request.param == "database":
        with SqliteStore(tmp_path / "any.name") as store:
            store.emit_many(RECORDS)
        return tmp_path / "any.name"
    if request.param == "segments":
        with JsonlStore(tmp_path / "a.jsonl", max_bytes=150) as log:
            log.emit_many(RECORDS)
        assert len(list(tmp_path.iterdir())) > 2
        return tmp_path / "a.jsonl"
    if request.param == "gzip":
        (tmp_path / "a.gz").write_bytes(gzip.compress(lines))
        return tmp_path / "a.gz"
    directory = tmp_path / "_ctx" / "telemetry"
    directory.mkdir(parents=True)
    (directory / "events.jsonl").write_bytes(lines)
    monkeypatch.chdir(tmp_path)
    return {"log": directory / "events.jsonl", "directory": directory, "here": None}[request.param]


def test_records_are_printed_one_a_line(run: Any, kept: Path | None) -> None:
    """From wherever they are kept, in the order in which they were."""
    code, out, err = run("records", *([kept] if kept else []))

    assert (code, out.splitlines(), err) == (0, ROWS, "")


def test_json_is_our_own_format(run: Any, kept: Path | None) -> None:
    """So that it can be read again."""
    code, out, err = run("records", "--json", *([kept] if kept else []))

    assert (code, err) == (0, "")
    assert out.encode() == b"".join(map(encode, RECORDS))


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        (["--pattern", "load"], [0]),
        (["-p", "*o*"], [0, 1, 2, 3]),
        (["--pattern", "load", "--pattern", "rows"], [0, 2]),
        (["--pattern", 'span("load", rows=between(1, 2))'], [0]),
        (["--pattern", '~span("load")', "--run", "r"], [1]),
        (["--run", "s"], [2, 3]),
        (["--run", "t"], []),
        (["--limit", "2"], [0, 1]),
        (["-n", "1", "--run", "s"], [2]),
    ],
)
def test_records_can_be_chosen(run: Any, kept: Path | None, options: list[str], printed: list[int]) -> None:
    """By patterns, run and number, and the exit code is 0 also where there is none."""
    code, out, _ = run("records", *options, *([kept] if kept else []))

    assert (code, out.splitlines()) == (0, [ROWS[index] for index in printed])


def test_a_database_is_asked_for_what_is_wanted(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instead of being read as a whole."""
    with SqliteStore(tmp_path / "a.db") as store:
        store.emit_many(RECORDS)
    asked: list[Any] = []
    records = SqliteStore.records

    def note(self: SqliteStore, *found: Any, **by: Any) -> Any:
        asked.append((found, by))
        return records(self, *found, **by)

    monkeypatch.setattr(SqliteStore, "records", note)

    run("records", tmp_path / "a.db", "--pattern", 'event("disk.*")', "--run", "r")

    ((pattern,), options) = asked[0]
    assert (repr(pattern), options) == ("event('disk.*')", {"run_id": "r"})


def test_standard_input_is_printed_line_by_line(tmp_path: Path) -> None:
    """As it comes, so that the command can stand behind `tail -f`."""
    with subprocess.Popen([*COMMAND, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for record, row in zip(RECORDS[:3], ROWS[:3], strict=True):
            process.stdin.write(encode(record))
            process.stdin.flush()
            assert process.stdout.readline().decode().rstrip() == row
        process.stdin.close()

        assert process.wait() == 0


def test_older_lines_are_printed_too(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As records of our own format with --json."""
    line = (
        b'{"cmd":"ast.parse","ts":"2026-01-01T00:00:00Z","run_id":"r","timing_ms":3,"args":{"file":"a.py"}}\n'
    )
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line)))
    assert run("records", "-") == (
        0,
        "2026-01-01T00:00:00.000Z  ast.parse args.file='a.py'  [took 0.003 s]\n",
        "",
    )

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line)))
    assert json.loads(run("records", "-", "--json")[1])["attrs"] == {"args.file": "a.py"}


def test_malformed_lines_are_counted(run: Any, tmp_path: Path) -> None:
    """On standard error, so that what is printed can be read on."""
    log = tmp_path / "a.jsonl"
    log.write_bytes(b"nonsense\n" + encode(RECORDS[0]) + b'{"record":1')

    assert run("records", log) == (
        0,
        ROWS[0] + "\n",
        "pytest-telemetry: 2 malformed lines left out; `pytest-telemetry check` says why\n",
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["gone.jsonl"], "gone.jsonl: No such file or directory"),
        ([], "no run was kept here"),
        (["binary"], "binary: is binary"),
        (["binary", "--follow"], "binary: is binary"),
        (["telemetry.db", "--follow"], "telemetry.db: is a database, and only a log can be followed"),
        ([os.devnull, "--follow"], f"{os.devnull}: is no file, and only a log can be followed"),
        (["gone.jsonl", "--pattern", "span(x)"], "pattern 'span(x)', character 6: x is no value"),
        (
            [".", "-p", "a"],
            ".: no run was kept here, it holds neither events.jsonl nor telemetry.db; name a log",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str
) -> None:
    """And exit code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "binary").write_bytes(b"\x7fELF\0")
    directory = tmp_path / "kept"
    directory.mkdir()
    with SqliteStore(directory / "telemetry.db"):
        pass
    arguments = [argument.replace("telemetry.db", "kept/telemetry.db") for argument in arguments]

    code, out, err = run("records", *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert reason in err


def follow(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "--follow", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def next_row(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().rstrip()


def test_a_log_is_followed_across_segments_until_the_limit(tmp_path: Path) -> None:
    """What is written after the command has begun is printed too, also to a log that was not there."""
    path = tmp_path / "a.jsonl"
    with follow(path, "--limit", 6, "--pattern", "load") as process:
        with JsonlStore(path, max_bytes=200) as log:
            for _ in range(3):
                log.emit_many(RECORDS)
            assert [next_row(process) for _ in range(3)] == [ROWS[0]] * 3
            for _ in range(3):
                log.emit_many(RECORDS)
            assert [next_row(process) for _ in range(3)] == [ROWS[0]] * 3

        assert process.wait() == 0


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["a.jsonl"], "a.jsonl"),
        (["new/a.jsonl"], "new/a.jsonl"),
        (["empty"], "empty/events.jsonl"),
        ([], "_ctx/telemetry/events.jsonl"),
        (["configured"], "logs/x.jsonl"),
    ],
)
def test_a_log_that_is_not_there_yet_is_waited_for(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], place: str
) -> None:
    """Together with its directory, and that is said: its name may be misspelt."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    if arguments == ["configured"]:
        arguments = []
        (tmp_path / "pyproject.toml").write_text(
            "[tool.pytest_telemetry]\nstorage_type = 'file'\nstorage_path = 'logs/x.jsonl'\n"
        )

    def write(_: float) -> bool:
        with JsonlStore(tmp_path / place) as log:
            log.emit(RECORDS[0])
        return True

    monkeypatch.setattr("pytest_telemetry.cli.records.pause", write)

    assert run("records", "--follow", "--limit", 1, *arguments) == (
        0,
        ROWS[0] + "\n",
        f"pytest-telemetry: {place}: is not there yet, and waited for\n",
    )


def test_a_directory_that_never_comes_is_waited_for_until_it_is_enough(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a log is."""
    monkeypatch.setattr("pytest_telemetry.cli.records.pause", lambda _: False)

    assert run("records", "--follow", tmp_path / "new" / "a.jsonl")[:2] == (0, "")


def test_a_database_that_is_not_there_yet_is_not_waited_for(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not be followed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest_telemetry]\nstorage_type = 'sqlite'\n")

    code, _, err = run("records", "--follow")

    assert code == 2
    assert "_ctx/telemetry/telemetry.db: no run was kept here" in err


def test_lines_that_are_no_events_yet_are_no_error_while_they_are_followed(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows may be."""
    monkeypatch.setattr("pytest_telemetry.cli.records.pause", lambda _: False)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"starting\n")

    code, out, err = run("records", "--follow", path)

    assert (code, out) == (0, "")
    assert "1 malformed line left out" in err


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_following_with_its_code(tmp_path: Path) -> None:
    """130, as documented, and one line."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(encode(RECORDS[0]))
    with follow(path) as process:
        assert next_row(process) == ROWS[0]
        process.send_signal(signal.SIGINT)

        assert process.wait() == 130
        assert process.stderr is not None
        assert process.stderr.read().strip() == b"pytest-telemetry: interrupted"


@pytest.mark.skipif(sys.platform == "win32", reason="needs poll")
def test_following_ends_when_nobody_reads_any_more(tmp_path: Path) -> None:
    """Without waiting for the next line, which may never come."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(encode(RECORDS[0]))
    with follow(path) as process:
        assert next_row(process) == ROWS[0]
        assert process.stdout is not None
        process.stdout.close()

        assert process.wait() == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_log_at_rest_is_looked_at_a_few_times_a_second(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Following is no busy loop."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(encode(RECORDS[0]))
    pauses: list[float] = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) < 3

    monkeypatch.setattr("pytest_telemetry.cli.records.pause", pause)

    assert run("records", "--follow", path) == (0, ROWS[0] + "\n", "")
    assert pauses == [0.2] * 3


def test_a_reader_that_goes_away_ends_the_listing(tmp_path: Path) -> None:
    """Also where there is much more to print."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(encode(RECORDS[0]) * 20_000)
    process = subprocess.Popen([*COMMAND, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert next_row(process) == ROWS[0]
    process.stdout.close()

    assert process.wait() == 0
    assert process.stderr.read() == b""
    process.stderr.close()
