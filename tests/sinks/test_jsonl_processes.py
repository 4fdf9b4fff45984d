"""The log on disk under hard conditions: many processes, fork, full disks, places that cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry.model.errors import Unavailable
from pytest_telemetry.model.logs import follow_log, read_log
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.sinks.jsonl import JsonlStore

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no atomic appends, no fork and no limits")

WRITERS, EVENTS = 8, 5_000

BEGIN = """
import json, os, sys
from pytest_telemetry.model.errors import Unavailable, UnusableInput
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.jsonl import JsonlStore

def event(number, text=""):
    return Record("event", "e", "e", 1, attrs={"text": text, "number": number}, seq=number)

def figures(store):
    found = store.statistics()
    assert found["accepted"] == found["stored"] + found["dropped"], found
    return found["accepted"], found["stored"], found["dropped"]
"""

WRITER = f"""{BEGIN}
path, start, options, pipe = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4])
store = JsonlStore(path, **options)
sys.stdin.read()  # all begin together
for number in range(start, start + {EVENTS}, 10):
    for single in range(5):
        store.emit(event(number + single, "x" * ((number + single) * 7 % 200)))
    store.emit_many([event(number + more) for more in range(5, 10)])
    if number % 100 == 0:
        os.write(pipe, b".")
store.close()
assert figures(store) == ({EVENTS}, {EVENTS}, 0), store.statistics()
assert store.statistics()["untidied"] == 0
"""


class Progress:
    """Waits for what writers tell through a pipe, and ends one look after the last of them has ended."""

    def __init__(self, reading: int) -> None:
        self.reading = reading
        self.all_ended = False

    def __call__(self) -> bool:
        if self.all_ended:
            return False
        self.all_ended = not os.read(self.reading, 65_536)
        return True


def run_python(script: str, *arguments: str | Path, cwd: Path | None = None) -> str:
    command = [sys.executable, "-c", BEGIN + script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@posix
@pytest.mark.parametrize(
    "options",
    [{}, {"max_bytes": 200_000}, {"max_bytes": 200_000, "compress": True, "dialect": "event"}],
    ids=["one file", "segments", "compressed event lines"],
)
def test_processes_share_a_log_without_loss(tmp_path: Path, options: dict[str, Any]) -> None:
    """Eight of them write 40,000 whole lines, in their order, and who follows meanwhile sees each once."""
    path = tmp_path / "e.jsonl"
    reading, writing = os.pipe()
    writers = []
    for number in range(WRITERS):
        arguments = [str(path), str(number * EVENTS), json.dumps(options), str(writing)]
        command = [sys.executable, "-c", WRITER, *arguments]
        writers.append(subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[writing]))
    os.close(writing)
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    followed = list(follow_log(path, Progress(reading)))
    os.close(reading)

    assert [writer.wait() for writer in writers] == [0] * WRITERS
    with read_log(path) as log:
        lines = list(log)
    assert (log.events, log.malformed) == (WRITERS * EVENTS, 0)
    assert sorted(map(number_of, lines)) == sorted(map(number_of, followed)) == list(range(WRITERS * EVENTS))
    for start in range(0, WRITERS * EVENTS, EVENTS):
        mine = [number for number in map(number_of, lines) if start <= number < start + EVENTS]
        assert mine == sorted(mine)
    if "max_bytes" in options:
        names = [path.name for path in tmp_path.iterdir()]
        assert len(names) > 10
        assert not options.get("compress") or sum(name.endswith(".jsonl.gz") for name in names) > 5
        assert not [name for name in names if name.endswith(".part")]


def number_of(line: Any) -> int:
    assert isinstance(line, LogLine), line
    number = line.record.seq if line.own else line.record.attrs["number"]
    assert isinstance(number, int)
    return number


@posix
def test_a_forked_child_writes_although_the_lock_was_held(tmp_path: Path) -> None:
    """It counts its own records only."""
    run_python(
        """
store = JsonlStore(sys.argv[1])
store.emit(event(1))
store._shares[os.getpid()].lock.acquire()  # as if another thread were writing at this moment
child = os.fork()
if child == 0:
    store.emit(event(2))
    assert figures(store) == (1, 1, 0), store.statistics()
    store.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
store._shares[os.getpid()].lock.release()
store.emit(event(3))
assert figures(store) == (2, 2, 0)
""",
        tmp_path / "log",
    )

    with JsonlStore(tmp_path / "log") as store:
        assert [record.seq for record in store.records()] == [1, 2, 3]


@posix
def test_parent_and_child_both_close_segments(tmp_path: Path) -> None:
    """What they share is one open file, and nothing is lost or written twice."""
    run_python(
        """
store = JsonlStore(sys.argv[1], max_bytes=1_000, compress=True)
store.emit(event(0))
child = os.fork()
for number in range(200):
    store.emit(event(1 + number if child else 201 + number))
assert figures(store)[1] == (201 if child else 200)
store.close()
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
JsonlStore(sys.argv[1], compress=True).close()
""",
        tmp_path / "log",
    )

    with JsonlStore(tmp_path / "log") as store:
        assert sorted(record.seq or 0 for record in store.records()) == list(range(401))
    assert {path.suffix for path in tmp_path.iterdir()} == {"", ".gz"}


@posix
def test_a_child_that_lives_on_keeps_its_segment_from_being_taken_away(tmp_path: Path) -> None:
    """It may write at any time; when it has ended, the segment is compressed like the others."""
    run_python(
        """
path = sys.argv[1]
store = JsonlStore(path, max_bytes=1, compress=True)
store.emit(event(1))
gate, opened = os.pipe()
child = os.fork()
if child == 0:
    os.close(opened)
    os.read(gate, 1)
    os._exit(0)
store.emit(event(2))
store.emit(event(3))
assert sorted(os.listdir(os.path.dirname(path))) == ["e", "e.000001", "e.000002.gz"]
os.close(opened)
os.waitpid(child, 0)
store.close()
assert sorted(os.listdir(os.path.dirname(path))) == ["e", "e.000001.gz", "e.000002.gz"]
""",
        tmp_path / "e",
    )


@posix
def test_a_disk_that_becomes_full_costs_one_torn_line(tmp_path: Path) -> None:
    """Before anything is written nothing is accepted; afterwards all goes on, on a line of its own."""
    run_python(
        """
import resource
limit = lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
limit(20_000)
store = JsonlStore(sys.argv[1])
for number in range(1_000):
    try:
        store.emit(event(number))
    except OSError as error:
        assert not isinstance(error, Unavailable)
        break
kept = figures(store)[1]
assert figures(store) == (kept + 1, kept, 1) and kept > 100
for offered in ([event(1)], [event(1), event(2)]):
    try:
        store.emit_many(offered)
    except Unavailable:
        continue
    raise SystemExit("something was accepted")
assert figures(store) == (kept + 1, kept, 1)
limit(resource.RLIM_INFINITY)
store.emit(event(5_000))
limit(50_000)
try:
    store.emit_many([event(number) for number in range(6_000, 7_000)])
except OSError as error:
    assert not isinstance(error, Unavailable)
limit(resource.RLIM_INFINITY)
store.emit(event(8_000))
accepted, stored, dropped = figures(store)
assert accepted == kept + 1_003 and stored > kept + 100
store.close()
print(stored)
""",
        tmp_path / "log",
    )

    with read_log(tmp_path / "log") as log:
        numbers = [line.record.seq for line in log if isinstance(line, LogLine)]
    assert log.malformed == 2
    assert numbers[-1] == 8_000
    assert 5_000 in numbers
    assert numbers == sorted(numbers, key=lambda number: number or 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_is_full_accepts_nothing() -> None:
    """The batch may be offered again."""
    with JsonlStore("/dev/full") as store:
        for _ in range(2):
            with pytest.raises(Unavailable, match="No space"):
                store.emit_many([Record("event", "e", "e", 1)] * 3)

    assert store.statistics()["accepted"] == 0


@posix
def test_a_directory_that_cannot_be_written() -> None:
    """A new log is refused in one line; one that is there is appended to, and is not closed as a segment."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to whom the superuser becomes below
        refused_and_appended_to(Path(name))


def refused_and_appended_to(directory: Path) -> None:
    path = directory / "e.jsonl"
    path.write_bytes(b"")
    path.chmod(0o666)
    directory.chmod(0o555)

    run_python(
        """
if os.geteuid() == 0:
    os.seteuid(65534)  # the superuser may write everywhere
try:
    JsonlStore("new.jsonl")
except UnusableInput as error:
    assert str(error) == "cannot append telemetry to 'new.jsonl': Permission denied; " \\
        "give the path of a file that can be written", error
else:
    raise SystemExit("it was opened")
with JsonlStore("e.jsonl", max_bytes=1, keep=1, compress=True) as store:
    store.emit(event(1))
    store.emit(event(2))
assert figures(store) == (2, 2, 0)
assert store.statistics()["untidied"] == 1
""",
        cwd=directory,
    )

    directory.chmod(0o755)
    with JsonlStore(path) as store:
        assert [record.seq for record in store.records()] == [1, 2]
