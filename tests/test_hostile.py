"""What nobody would write on purpose, and what somebody would: one clear finding or error, bounded memory, no traceback."""

from __future__ import annotations

import errno
import gzip
import json
import os
import random
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_telemetry.cli import main
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.record import Record
from pytest_telemetry.scan import scan, standard_checks
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.sources import find_log, open_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = b'{"cmd":"load","ts":"2026-01-01T00:00:00Z","run_id":"r","timing_ms":3}\n'
POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="needs links and named pipes of POSIX")


class Said(NamedTuple):
    """What the command said."""

    code: int
    out: str
    err: str


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run the command in all three forms, and return what it said as text."""

    def call(*arguments: str | Path) -> Said:
        said = []
        for form in ("json", "sarif", "text"):
            monkeypatch.setattr(
                "sys.argv", ["pytest-telemetry", "check", "--format", form, *map(str, arguments)]
            )
            with pytest.raises(SystemExit) as exit_:
                main()
            out, err = capsys.readouterr()
            assert isinstance(exit_.value.code, int)
            said.append(Said(exit_.value.code, out, err))
            if form != "text":
                json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
        assert len({(one.code, one.err) for one in said}) == 1
        return said[-1]

    return call


def log_of(tmp_path: Path, *lines: bytes) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(GOOD + b"".join(line + b"\n" for line in lines) + GOOD)
    return path


def event(more: bytes) -> bytes:
    return GOOD[:-2] + b"," + more + b"}"


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        (event(b'"x":"\xff\xfe"'), ":2  load: line: not UTF-8 at byte 75"),
        (b"\xc3\x28" * 30, ":2  not JSON: "),
        (event(b'"x":' + b"[" * 10_000 + b"]" * 10_000), ":2  nested too deeply"),
        (event(b'"x":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000), ":2  nested too deeply"),
        (b"[" * 10_000, ":2  nested too deeply"),
        (event(b'"x":' + b"[" * 400 + b"]" * 400), ":2  load: line: nested more than 65 levels deep"),
        (event(b'"x":NaN'), ":2  load: line: NaN is not JSON"),
        (event(b'"x":-Infinity'), ":2  load: line: -Infinity is not JSON"),
        (event(b'"x":1e999'), ":2  load: line: a number is beyond what a float can hold"),
        (event(b'"x":' + b"9" * 5_000), ":2  a number with too many digits"),
        (event(b'"cmd":"other"'), ":2  other: cmd: this key stands twice in one object"),
        (event(b'"x":{"a":1,"b":{"c":1,"c":2}}'), ":2  load: c: this key stands twice in one object"),
        (b'{"cmd":"a","run_id":"r","ts":1' + b"0" * 40 + b"}", ":2  a: time stamp '1"),
        (b'{"cmd":"a","run_id":"r","ts":"9999-99-99T99:99:99Z"}', ":2  a: time stamp '9999-99-99T99:99:99Z'"),
        (
            b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","run_id":"r","timing_ms":1e300}',
            ":2  a: timing_ms: beyond what a clock can count",
        ),
        (
            b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","run_id":"r","timing_ms":' + b"9" * 40 + b"}",
            ":2  a: timing_ms: beyond what a clock can count",
        ),
        (b'{"cmd":["a"]}', ':2  no name: neither "cmd" nor "name" is a text'),
        (b'{"resourceSpans":[[[[{}]]]]}', ":2  resourceSpans: an item that is no object"),
        (b"\x1f\x8b\x08 compressed in the middle", ":2  not JSON: "),
        (b'"' + b"\\ud800" * 10 + b'"', ":2  not an object, but a text"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_an_odd_line_is_a_finding_and_the_others_are_judged(
    check: Callable[..., Said], tmp_path: Path, line: bytes, finding: str
) -> None:
    """In every form of output."""
    log = log_of(tmp_path, line)

    said = check(log)

    assert (said.code, said.err) == (1, "")
    assert f"{log}{finding}" in said.out


@pytest.mark.parametrize(
    "fields",
    [
        {"time_ns": 10**40, "duration_ns": 10**40},
        {"time_ns": -(10**40), "duration_ns": -(10**40)},
        {"seq": 10**40, "value": 10**400},
        {"attrs": {"end_ns": 10**400, "start_ns": 5}, "duration_ns": 5},
        {"attrs": {"end_time": 1e308, "start_time": -1e308}, "duration_ns": 5, "time_ns": 5},
        {"span_id": "s" * 10_000, "parent_id": "s" * 10_000, "time_ns": 5, "duration_ns": 5},
        {"types": {"": "int", "/": "tuple", "attrs/a/b/c": "float", "name": "int"}},
        {"types": {"attrs/x": "int"}, "attrs": {"x": "9" * 10_000}},
        {
            "types": dict.fromkeys(("time_ns", "seq", "attrs/end_ns"), "int"),
            "time_ns": hex(10**6_000),
            "seq": hex(10**6_000),
            "attrs": {"start_ns": 5, "end_ns": hex(10**6_000)},
            "duration_ns": 5,
        },
        {
            "types": dict.fromkeys(("name", "scope", "value", "run_id", "attrs/server"), "int"),
            "name": "lsp.ready",
            "value": hex(10**6_000),
            "attrs": {"server": hex(10**6_000)},
        },
    ],
)
def test_figures_of_any_size_are_taken_as_they_are(
    check: Callable[..., Said], tmp_path: Path, fields: dict[str, Any]
) -> None:
    """Python has integers without end; whatever is wrong with them is a finding, if anything."""
    raw = {"record": 1, "kind": "span", "name": "a", "run_id": "r", **fields}

    said = check(log_of(tmp_path, json.dumps(raw).encode()))

    assert said.code in {0, 1}
    assert said.err == ""
    assert "3 events" in said.out or "2 events, 1 malformed line" in said.out


def test_nul_bytes_at_the_beginning_are_a_binary_file(check: Callable[..., Said], tmp_path: Path) -> None:
    """Which no log is."""
    log = tmp_path / "log"
    log.write_bytes(b"\0" * 100 + GOOD)

    said = check(log)

    assert said == (
        2,
        "",
        f"pytest-telemetry: {log}: is binary; an event log is UTF-8 text, one JSON object a line\n",
    )


def test_a_tail_of_nul_bytes_is_a_finding(check: Callable[..., Said], tmp_path: Path) -> None:
    """A machine that lost power leaves one behind what was written."""
    log = tmp_path / "log"
    log.write_bytes(GOOD * 100 + b"\0" * 5_000)

    said = check(log)

    assert said.code == 1
    assert f"{log}:101  torn last line, not JSON: it holds a NUL byte" in said.out


def test_a_nul_byte_in_a_line_is_a_finding(check: Callable[..., Said], tmp_path: Path) -> None:
    """The others are judged."""
    log = tmp_path / "log"
    log.write_bytes(GOOD * 100 + event(b'"x":"a\0b"') + b"\n" + GOOD)

    said = check(log)

    assert said.out.startswith(f"{log}: 101 events, 1 malformed line\n")
    assert f"{log}:101  not JSON: it holds a NUL byte" in said.out


@POSIX_ONLY
def test_a_link_that_leads_to_itself_is_one_error(check: Callable[..., Said], tmp_path: Path) -> None:
    """As the system says it."""
    loop = tmp_path / "log"
    loop.symlink_to(loop)

    said = check(loop)

    assert (said.code, said.out) == (2, "")
    assert said.err == f"pytest-telemetry: {loop}: {os.strerror(errno.ELOOP)}\n"


@POSIX_ONLY
@pytest.mark.parametrize("kind", ["loop", "link out", "directory", "pipe"])
def test_a_closed_segment_that_is_none_is_a_finding(
    check: Callable[..., Said], tmp_path: Path, kind: str
) -> None:
    """It is not followed, not waited for, and the rest of the log is judged."""
    (tmp_path / "outside.jsonl").write_bytes(b'{"cmd":"outside"}\n' * 5)
    (tmp_path / "run").mkdir()
    log = log_of(tmp_path / "run")
    segment = log.with_name("log.000001.jsonl")
    reason = {
        "loop": f"it cannot be read: {os.strerror(errno.ELOOP)}",
        "link out": "it is a link that leads out of the directory of the log, and is not followed",
        "directory": "it is no file",
        "pipe": "it is no file",
    }[kind]
    if kind == "loop":
        segment.symlink_to(segment)
    elif kind == "link out":
        segment.symlink_to("../outside.jsonl")
    elif kind == "directory":
        segment.mkdir()
    else:
        os.mkfifo(segment)

    said = check(log)

    assert (said.code, said.err) == (1, "")
    assert said.out.startswith(f"{log}: 2 events, 1 malformed line\n")
    assert f"{segment}:1  {reason}" in said.out


@POSIX_ONLY
def test_a_link_within_the_directory_of_a_log_is_followed(check: Callable[..., Said], tmp_path: Path) -> None:
    """That is somebody's way to keep house."""
    log = log_of(tmp_path)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "first.jsonl").write_bytes(GOOD)
    log.with_name("log.000001.jsonl").symlink_to("old/first.jsonl")

    assert check(log).out.startswith(f"{log}: 3 events, 0 malformed lines\n")


@POSIX_ONLY
@pytest.mark.parametrize("name", ["events.jsonl", "telemetry.db"])
def test_the_log_of_a_run_does_not_lead_out_of_its_directory(tmp_path: Path, name: str) -> None:
    """Whoever hands a run over must not choose which file of ours is read."""
    (tmp_path / "run").mkdir()
    (tmp_path / "secret").write_bytes(GOOD)
    (tmp_path / "run" / name).symlink_to("../secret")

    with pytest.raises(UnusableInput, match=f"{name}: is a link that leads out of the directory"):
        find_log(tmp_path / "run")


@POSIX_ONLY
def test_a_named_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """It is opened once: what was looked at is not lost, and its writer not cut off."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen([sys.executable, "-c", "import sys; open(sys.argv[1], 'wb').write(bytes.fromhex(sys.argv[2]) * 3000)", str(pipe), GOOD.hex()])  # fmt: skip

    result = scan(pipe, standard_checks())

    assert (result.events, result.malformed) == (3_000, 0)
    assert writer.wait() == 0


def test_compressed_data_that_is_cut_off_anywhere_is_a_finding_or_an_error(tmp_path: Path) -> None:
    """What was whole before is judged."""
    data = gzip.compress(GOOD * 40 + b"".join(event(b'"n":%d' % number) + b"\n" for number in range(40)))
    log = tmp_path / "log.gz"
    events = []
    for end in range(2, len(data)):
        log.write_bytes(data[:end])
        try:
            result = scan(log, standard_checks())
        except UnusableInput as error:
            assert "compressed data is damaged" in str(error)
            continue
        assert "well-formed" in {finding.check for finding in result.findings}
        events.append(result.events)

    assert events == sorted(events)
    assert events[-1] == 80


def test_compressed_data_that_is_changed_anywhere_is_a_finding_or_an_error(tmp_path: Path) -> None:
    """Never anything else, and nothing that was changed passes for what was written."""
    data = gzip.compress(b"".join(event(b'"n":%d' % number) + b"\n" for number in range(80)), mtime=0)
    log = tmp_path / "log.gz"
    for place in range(10, len(data)):
        log.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        try:
            result = scan(log, standard_checks())
        except UnusableInput:
            continue
        assert result.findings


def test_a_bomb_is_not_read_to_its_end(check: Callable[..., Said], tmp_path: Path) -> None:
    """No log is compressed to a thousandth of its size."""
    log = tmp_path / "log.gz"
    with gzip.open(log, "wb") as file:
        file.write(GOOD)
        for _ in range(300):
            file.write(b" " * 1_000_000)

    said = check(log)

    assert said.code == 1
    assert f"{log}:3  it holds more than 200 times its size, which no log does" in said.out


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "telemetry.db"
    with SqliteStore(path) as store:
        store.emit_many(
            [Record("span", f"s{n % 7}", "s", n, n, attrs={"n": n}, run_id="r", seq=n) for n in range(300)]
        )
    return path


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:20],
        lambda data: data[: len(data) // 2],
        lambda data: data[:100] + b"\xff" * (len(data) - 100),
        lambda data: data[:16] + b"\0" * 84 + data[100:],
        lambda data: data[:4_096] + os.urandom(len(data) - 4_096),
    ],
    ids=["header", "half", "pages", "numbers of the header", "random pages"],
)
def test_a_damaged_database_is_one_error(
    check: Callable[..., Said], database: Path, damage: Callable[[bytes], bytes]
) -> None:
    """Which names the file."""
    database.write_bytes(damage(database.read_bytes()))

    said = check(database)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("pytest-telemetry: ")
    assert str(database) in said.err
    assert said.err.count("\n") == 1


def test_a_database_that_is_changed_anywhere_raises_nothing_else(database: Path) -> None:
    """It is read, or it is one error."""
    data = bytearray(database.read_bytes())
    chance = random.Random(20260101)
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(8):
            changed[chance.randrange(16, len(data))] = chance.randrange(256)
        database.write_bytes(changed)
        for beside in (f"{database}-wal", f"{database}-shm"):
            if os.path.exists(beside):  # noqa: PTH110
                os.unlink(beside)  # noqa: PTH108
        try:
            with open_source(database) as source:
                assert sum(1 for _ in source) <= 300 * 2
        except UnusableInput as error:
            assert "\n" not in str(error)


def test_a_value_of_a_database_that_is_none_of_ours_is_one_error(
    check: Callable[..., Said], database: Path
) -> None:
    """Somebody else wrote to it."""
    connection = sqlite3.connect(database)
    connection.execute("UPDATE records SET attrs = '[' WHERE seq = 7")
    connection.commit()
    connection.close()

    said = check(database)

    assert said.code == 2
    assert "record 8 is not as this package writes it" in said.err


_MEASURED = """
import runpy, sys
sys.argv = ["pytest-telemetry", "check", *sys.argv[1:]]
try:
    runpy.run_module("pytest_telemetry.cli", run_name="__main__")
finally:
    try:
        with open("/proc/self/status") as status:
            peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("peak", peak, file=sys.stderr)
"""


def measured(*arguments: str | Path) -> tuple[Said, int]:
    """Return what the command says in a process of its own, and the most memory that this process took."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    err, _, peak = done.stderr.rpartition("peak ")
    return Said(done.returncode, done.stdout, err), int(peak)


@POSIX_ONLY
@pytest.mark.parametrize(
    ("begin", "limit", "megabytes"),
    [
        (b'{"cmd":"load","x":"', 8 * 1024 * 1024, 60),
        (b'{"resourceSpans":[{"x":"', 16 * 1024 * 1024, 90),
    ],
    ids=["a line", "an export"],
)
def test_a_line_of_100_megabytes_is_a_finding_and_held_nowhere(
    tmp_path: Path, begin: bytes, limit: int, megabytes: int
) -> None:
    """Beside what the same command takes for a log of two lines."""
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.write(GOOD * 60 + begin)
        file.seek(100_000_000, os.SEEK_CUR)  # which takes no room on the disk
        file.write(b'"}\n' + GOOD)
    small = tmp_path / "small"
    small.write_bytes(GOOD * 2)

    said, peak = measured(log)
    _, usual = measured(small)

    assert said.err == ""
    assert said.out.startswith(f"{log}: 61 events, 1 malformed line\n")
    assert f"{log}:61  longer than {limit:,} bytes" in said.out
    assert peak - usual < megabytes * 1_000_000


@POSIX_ONLY
def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    """Neither one long line nor what it would be."""
    log = tmp_path / "log.gz"
    with gzip.open(log, "wb") as file:
        file.write(GOOD)
        for _ in range(100):
            file.write(b"x" * 1_000_000)
    small = tmp_path / "small"
    small.write_bytes(GOOD * 2)

    said, peak = measured(log)
    _, usual = measured(small)

    assert said.code == 1
    assert peak - usual < 40_000_000
