"""The file sink: whole lines, many writers, honest counts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.protocols import Sink
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine, read_log
from pytest_telemetry.sinks import jsonl
from pytest_telemetry.sinks.jsonl import JsonlSink

if TYPE_CHECKING:
    from pathlib import Path


def event(number: int = 0, **attrs: object) -> Record:
    return Record("event", "e", "e", 1, attrs=dict(attrs), seq=number)


def stored(path: Path) -> list[int | None]:
    with read_log(path) as reader:
        lines = list(reader)
    assert all(isinstance(line, LogLine) for line in lines)
    return [line.record.seq for line in lines if isinstance(line, LogLine)]


def balanced(sink: JsonlSink) -> tuple[int, int, int]:
    figures = sink.statistics()
    assert figures["accepted"] == figures["stored"] + figures["dropped"]
    return figures["accepted"], figures["stored"], figures["dropped"]


def test_records_are_appended_one_line_each(tmp_path: Path) -> None:
    """Parent directories come into being, and what stood there stays."""
    path = tmp_path / "a" / "b" / "events.jsonl"

    with JsonlSink(path) as sink:
        sink.emit(event(1))
        sink.flush()
    with JsonlSink(path) as again:
        again.emit(event(2))

    assert stored(path) == [1, 2]
    assert balanced(sink) == (1, 1, 0)
    assert isinstance(sink, Sink)


def test_a_record_is_in_the_file_as_soon_as_it_was_emitted(tmp_path: Path) -> None:
    """Nothing waits in a buffer of the process."""
    sink = JsonlSink(tmp_path / "log")

    sink.emit(event(1))

    assert stored(tmp_path / "log") == [1]
    sink.close()


def test_a_torn_line_of_somebody_else_does_not_swallow_ours(tmp_path: Path) -> None:
    """The first write begins with a line feed; the torn line stays as it is."""
    path = tmp_path / "log"
    path.write_bytes(b'{"cmd":"tor')

    with JsonlSink(path) as sink:
        sink.emit(event(1))
        sink.emit(event(2))

    lines = path.read_bytes().split(b"\n")
    assert lines[0] == b'{"cmd":"tor'
    assert [bool(line) for line in lines] == [True, True, True, False]


def test_a_record_after_close_is_counted_as_dropped(tmp_path: Path) -> None:
    """Closing twice is fine, and so is flushing afterwards."""
    sink = JsonlSink(tmp_path / "log")
    sink.close()
    sink.close()

    sink.emit(event())
    sink.flush()

    assert balanced(sink) == (1, 0, 1)
    assert stored(tmp_path / "log") == []


def test_a_record_that_no_reader_would_take_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than written as a line that counts as malformed."""
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 200)

    with JsonlSink(tmp_path / "log") as sink:
        sink.emit(event(1, text="x" * 300))
        sink.emit(event(2))

    assert balanced(sink) == (2, 1, 1)
    assert stored(tmp_path / "log") == [2]


def test_values_kept_as_text_are_counted(tmp_path: Path) -> None:
    """The loss is in the statistics."""
    with JsonlSink(tmp_path / "log") as sink:
        sink.emit(event(1, o=object(), t=(1,)))

    assert sink.statistics()["as_text"] == 1


def test_half_a_write_is_a_dropped_record_and_the_next_line_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk."""
    path = tmp_path / "log"
    real = os.write
    cut = [20]

    def write(file: int, data: bytes) -> int:
        return real(file, data[: cut.pop()] if cut else data)

    with JsonlSink(path) as sink:
        monkeypatch.setattr(os, "write", write)
        with pytest.raises(OSError, match="only 20 of"):
            sink.emit(event(1))
        sink.emit(event(2))

    assert balanced(sink) == (2, 1, 1)
    with read_log(path) as reader:
        assert [type(line) is LogLine for line in reader] == [False, True]


def test_a_failing_write_is_raised_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline decides what to do with a sink that fails."""

    def fail(file: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with JsonlSink(tmp_path / "log") as sink:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fail)
            with pytest.raises(OSError, match="No space"):
                sink.emit(event(1))
        sink.emit(event(2))

    assert balanced(sink) == (2, 1, 1)
    assert stored(tmp_path / "log") == [2]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """At once, not at the first record."""
    (tmp_path / "file").write_text("")

    with pytest.raises(UnusableInput, match=r"cannot append telemetry to .*: "):
        JsonlSink(tmp_path)
    with pytest.raises(UnusableInput, match="cannot append"):
        JsonlSink(tmp_path / "file" / "below")


def test_a_device_can_be_written_to(tmp_path: Path) -> None:
    """It has no end to look at and nothing to make durable."""
    with JsonlSink(os.devnull) as sink:
        sink.emit(event())
        sink.flush()

    assert balanced(sink) == (1, 1, 0)


def test_threads_do_not_mix_lines_or_lose_counts(tmp_path: Path) -> None:
    """All records of all threads are there."""
    with JsonlSink(tmp_path / "log") as sink:

        def emit(start: int) -> None:
            for number in range(start, start + 200):
                sink.emit(event(number))

        threads = [threading.Thread(target=emit, args=(start,)) for start in range(0, 800, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(number or 0 for number in stored(tmp_path / "log")) == list(range(800))
    assert balanced(sink) == (800, 800, 0)


WRITER = """
import sys
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.jsonl import JsonlSink
with JsonlSink(sys.argv[1]) as sink:
    for n in range(300):
        sink.emit(Record("event", "e", "e", 1, attrs={"pad": "x" * (n * 7 % 900)}, seq=int(sys.argv[2]) + n))
"""


def test_processes_share_a_file_without_loss(tmp_path: Path) -> None:
    """No lock file, no torn line, no lost line."""
    path = tmp_path / "log"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(k * 300)]) for k in range(3)]

    assert [writer.wait() for writer in writers] == [0, 0, 0]

    assert sorted(number or 0 for number in stored(path)) == list(range(900))


FORKER = """
import os, sys
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.jsonl import JsonlSink
sink = JsonlSink(sys.argv[1])
sink.emit(Record("event", "e", "e", 1, seq=1))
sink._lock.acquire()  # as if another thread were writing at this moment
child = os.fork()
if child == 0:
    sink.emit(Record("event", "e", "e", 1, seq=2))
    assert sink.statistics()["accepted"] == 1, sink.statistics()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
sink._lock.release()
assert sink.statistics()["accepted"] == 1
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_writes_although_the_lock_was_held(tmp_path: Path) -> None:
    """It counts its own records only."""
    subprocess.run([sys.executable, "-c", FORKER, str(tmp_path / "log")], check=True, timeout=60)

    assert stored(tmp_path / "log") == [1, 2]
