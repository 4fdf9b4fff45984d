"""The log on disk, one file: whole lines, honest counts, and what can be read back."""

from __future__ import annotations

import math
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.errors import Unavailable, UnusableInput
from pytest_telemetry.model.logs import read_log
from pytest_telemetry.model.pattern import event as pattern_event
from pytest_telemetry.model.protocols import BatchSink, Sink, Store
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine, encode
from pytest_telemetry.runtime import append_file
from pytest_telemetry.sinks import jsonl
from pytest_telemetry.sinks.jsonl import JsonlStore

if TYPE_CHECKING:
    from pathlib import Path


def event(number: int = 0, **attrs: object) -> Record:
    return Record("event", "e", "e", 1, attrs=dict(attrs), seq=number)


def stored(path: Path) -> list[int | None]:
    with read_log(path) as reader:
        lines = list(reader)
    assert all(isinstance(line, LogLine) for line in lines)
    return [line.record.seq for line in lines if isinstance(line, LogLine)]


def balanced(store: JsonlStore) -> tuple[int, int, int]:
    figures = store.statistics()
    assert figures["accepted"] == figures["stored"] + figures["dropped"]
    return figures["accepted"], figures["stored"], figures["dropped"]


def test_records_are_appended_one_line_each(tmp_path: Path) -> None:
    """Parent directories come into being, and what stood there stays."""
    path = tmp_path / "a" / "b" / "events.jsonl"

    with JsonlStore(path) as store:
        store.emit(event(1))
        store.flush()
    with JsonlStore(path) as again:
        again.emit(event(2))

    assert stored(path) == [1, 2]
    assert balanced(store) == (1, 1, 0)
    assert isinstance(store, Sink)


def test_a_record_is_in_the_file_as_soon_as_it_was_emitted(tmp_path: Path) -> None:
    """Nothing waits in a buffer of the process."""
    store = JsonlStore(tmp_path / "log")

    store.emit(event(1))

    assert stored(tmp_path / "log") == [1]
    store.close()


def test_a_torn_line_of_somebody_else_does_not_swallow_ours(tmp_path: Path) -> None:
    """The first write begins with a line feed; the torn line stays as it is."""
    path = tmp_path / "log"
    path.write_bytes(b'{"cmd":"tor')

    with JsonlStore(path) as store:
        store.emit(event(1))
        store.emit(event(2))

    lines = path.read_bytes().split(b"\n")
    assert lines[0] == b'{"cmd":"tor'
    assert [bool(line) for line in lines] == [True, True, True, False]


def test_a_record_after_close_is_counted_as_dropped(tmp_path: Path) -> None:
    """Closing twice is fine, and so is flushing afterwards."""
    store = JsonlStore(tmp_path / "log")
    store.close()
    store.close()

    store.emit(event())
    store.flush()

    assert balanced(store) == (1, 0, 1)
    assert stored(tmp_path / "log") == []


def test_a_record_that_no_reader_would_take_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than written as a line that counts as malformed."""
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 200)

    with JsonlStore(tmp_path / "log") as store:
        store.emit(event(1, text="x" * 300))
        store.emit(event(2))

    assert balanced(store) == (2, 1, 1)
    assert stored(tmp_path / "log") == [2]


def test_values_kept_as_text_are_counted(tmp_path: Path) -> None:
    """The loss is in the statistics."""
    with JsonlStore(tmp_path / "log") as store:
        store.emit(event(1, o=object(), t=(1,)))

    assert store.statistics()["as_text"] == 1


@pytest.fixture
def short_writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lengths at which the next writes end, as on a disk that becomes full."""
    real = os.write
    cuts: list[int] = []

    def write(file: int, data: bytes) -> int:
        return real(file, data[: cuts.pop(0)] if cuts else data)

    monkeypatch.setattr(os, "write", write)
    return cuts


def test_half_a_write_is_a_dropped_record_and_the_next_line_is_whole(
    tmp_path: Path, short_writes: list[int]
) -> None:
    """The torn line stays where it is."""
    path = tmp_path / "log"
    short_writes.append(20)

    with JsonlStore(path) as store:
        with pytest.raises(OSError, match="only 20 of"):
            store.emit(event(1))
        store.emit(event(2))

    assert balanced(store) == (2, 1, 1)
    with read_log(path) as reader:
        assert [type(line) is LogLine for line in reader] == [False, True]


def test_half_a_batch_keeps_its_whole_lines_and_counts_the_others(
    tmp_path: Path, short_writes: list[int]
) -> None:
    """Nothing of a torn batch is offered again."""
    line = len(encode(event(1)))
    short_writes.append(2 * line + 5)

    with JsonlStore(tmp_path / "log") as store:
        with pytest.raises(OSError, match="only") as caught:
            store.emit_many([event(number) for number in range(1, 6)])
        store.emit(event(6))

    assert not isinstance(caught.value, Unavailable)
    assert balanced(store) == (6, 3, 3)
    assert [record.seq for record in store.records()] == [1, 2, 6]


def test_who_asks_is_told_what_was_stored_and_nothing_else(
    tmp_path: Path, short_writes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what is too long, nor what a full disk did not take, nor what came too late."""
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 300)
    told: list[int | None] = []

    with JsonlStore(tmp_path / "log") as store:
        store.on_stored.append(lambda records: told.extend(record.seq for record in records))
        store.emit(event(1))
        store.emit(event(2, text="x" * 400))
        store.emit_many([event(3), event(4, text="x" * 400), event(5)])
        short_writes.append(len(encode(event(6))) + 5)
        with pytest.raises(OSError, match="only"):
            store.emit_many([event(6), event(7)])
    store.emit(event(8))

    assert told == [1, 3, 5, 6]
    assert [record.seq for record in store.records()] == told


def test_a_torn_line_behind_the_torn_line_of_another_batch_costs_one_line(
    tmp_path: Path, short_writes: list[int]
) -> None:
    """Where the line feed in front of a line is all that was written, no line is torn."""
    path = tmp_path / "log"
    short_writes.extend([5, 1])

    with JsonlStore(path) as store:
        for _ in range(2):
            with pytest.raises(OSError, match="only"):
                store.emit(event(1))
        store.emit(event(2))

    assert balanced(store) == (3, 1, 2)
    with read_log(path) as reader:
        assert [type(line) is LogLine for line in reader] == [False, True]


def test_a_write_that_fails_accepts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a batching sink may offer the same records again."""

    def fail(file: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with JsonlStore(tmp_path / "log") as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fail)
            with pytest.raises(Unavailable, match="No space") as caught:
                store.emit(event(1))
            with pytest.raises(Unavailable, match="No space"):
                store.emit_many([event(1), event(2)])
        assert balanced(store) == (0, 0, 0)
        store.emit_many([event(1), event(2)])

    assert caught.value.errno == 28
    assert balanced(store) == (2, 2, 0)
    assert stored(tmp_path / "log") == [1, 2]


def test_storage_that_fails_midway_is_no_reason_to_offer_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written counts as stored, the rest as dropped."""
    real = os.write
    writes: list[bytes] = []

    def write(file: int, data: bytes) -> int:
        writes.append(data)
        if len(writes) == 2:
            raise OSError(28, "No space left on device")
        return real(file, data)

    records = [event(number, text="x" * 100_000) for number in range(1, 10)]
    with JsonlStore(tmp_path / "log") as store:
        monkeypatch.setattr(os, "write", write)
        with pytest.raises(OSError, match="No space") as caught:
            store.emit_many(records)

    assert not isinstance(caught.value, Unavailable)
    assert balanced(store) == (9, 3, 6)
    assert stored(tmp_path / "log") == [1, 2, 3]


@pytest.mark.parametrize("in_file", [True, False])
def test_what_was_written_before_a_signal_handler_ends_the_program_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_file: bool
) -> None:
    """It raises out of the write; what is in the file counts as stored, and what is not as dropped."""
    real = os.write

    def write(file: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", real)
        if in_file:
            real(file, encode(event(9)))  # of another process
            real(file, data)
        raise SystemExit

    with JsonlStore(tmp_path / "log") as store:
        store.emit(event(0))
        monkeypatch.setattr(os, "write", write)
        with pytest.raises(SystemExit):
            store.emit_many([event(1), event(2)])
        store.emit(event(3))

    assert balanced(store) == ((4, 4, 0) if in_file else (4, 2, 2))
    assert stored(tmp_path / "log") == ([0, 9, 1, 2, 3] if in_file else [0, 3])


def test_a_batch_is_one_write_for_many_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the buffer takes, and the order stays."""
    real = os.write
    writes: list[int] = []

    def write(file: int, data: bytes) -> int:
        writes.append(len(data))
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    with JsonlStore(tmp_path / "log") as store:
        store.emit_many([event(number) for number in range(1_000)])
        store.emit_many([])
        in_one = len(writes)
        store.emit_many([event(number, text="x" * 1_000) for number in range(1_000, 2_000)])

    assert in_one == 1
    assert max(writes) < 260 * 1024
    assert stored(tmp_path / "log") == list(range(2_000))
    assert balanced(store) == (2_000, 2_000, 0)
    assert isinstance(store, BatchSink)


def test_the_rest_of_a_batch_is_safe_from_what_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value without text stays as its type, a line that no reader takes is dropped."""
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 300)

    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    with JsonlStore(tmp_path / "log") as store:
        store.emit_many([event(1), event(2, it=Silent()), event(3, text="x" * 400), event(4)])

    assert balanced(store) == (4, 3, 1)
    assert store.statistics()["as_text"] == 1
    assert [record.seq for record in store.records()] == [1, 2, 4]
    assert next(store.records(pattern_event("e", it="*"))).attrs["it"].startswith("<Silent without text")


def test_records_come_back_by_pattern(tmp_path: Path) -> None:
    """Exactly those that it matches, in the order accepted, while the store is open and after it was closed."""
    store = JsonlStore(tmp_path / "log")
    kept = [event(1, rows=1), event(2, rows=(1, 2)), event(3, rows=1)]
    store.emit_many(kept)

    found = list(store.records(pattern_event("e", rows=1)))
    store.close()

    assert found == [kept[0], kept[2]]
    assert list(store.records()) == kept
    assert list(store.records(~pattern_event("e"))) == []
    assert isinstance(store, Store)


def test_a_log_that_was_removed_has_no_records_and_begins_anew(tmp_path: Path) -> None:
    """What somebody removes is gone; what comes later is not written into the void."""
    with JsonlStore(tmp_path / "log") as store:
        store.emit(event(1))
        (tmp_path / "log").unlink()
        assert list(store.records()) == []
        store.emit(event(2))

    assert [record.seq for record in store.records()] == [2]
    assert balanced(store) == (2, 2, 0)


def test_a_torn_line_that_comes_while_we_write_does_not_swallow_ours(tmp_path: Path) -> None:
    """Another process may be killed in the middle of a line at any time."""
    path = tmp_path / "log"
    with JsonlStore(path) as store:
        store.emit(event(1))
        with path.open("ab") as other:
            other.write(b'{"record":1,"ki')
        store.emit(event(2))
        store.emit(event(3))

    assert [record.seq for record in store.records()] == [1, 2, 3]
    assert path.read_bytes().count(b"\n\n") == 0


def test_opening_costs_the_same_however_long_the_log_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gigabyte is opened and appended to by looking at one byte, or at the first line where age matters."""
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(encode(event(1)))
        file.truncate(1 << 30)
    real = append_file._read
    looked: list[int] = []

    def read(file: int, length: int, offset: int) -> bytes:
        looked.append(length)
        return real(file, length, offset)

    monkeypatch.setattr(append_file, "_read", read)
    with JsonlStore(path) as store:
        store.emit(event(2))
        store.emit(event(3))
    assert looked == [1]

    with JsonlStore(path, max_age_s=1e12):
        assert looked == [1, 64 * 1024]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """At once, not at the first record."""
    (tmp_path / "file").write_text("")

    for path in (tmp_path, tmp_path / "file" / "below", tmp_path / "a\0b"):
        with pytest.raises(UnusableInput, match=r"^cannot append telemetry to '.*': [^\n]+; give [^\n]+$"):
            JsonlStore(path)


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="links need a privilege on Windows")
def test_links_are_followed_and_loops_refused(tmp_path: Path) -> None:
    """A link to a file, to nothing yet, and to itself."""
    (tmp_path / "there").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    (tmp_path / "early").symlink_to(tmp_path / "far" / "later")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    for name in ("link", "early"):
        with JsonlStore(tmp_path / name) as store:
            store.emit(event(1))
            assert list(store.records()) == [event(1)]
    with pytest.raises(UnusableInput, match=r"'.*loop': Too many levels"):
        JsonlStore(tmp_path / "loop")

    assert stored(tmp_path / "there") == stored(tmp_path / "far" / "later") == [1]


def test_the_home_directory_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the path does not depend on the working directory later."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    with JsonlStore("~/logs/events.jsonl") as store, JsonlStore("here.jsonl") as here:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        here.emit(event(1))

    assert store.path == (tmp_path / "logs" / "events.jsonl").resolve()
    assert stored(tmp_path / "here.jsonl") == [1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"dialect": "xml"}, "dialect must be 'record' or 'event', not 'xml'"),
        ({"max_bytes": 0}, "max_bytes must be a whole number above 0, not 0"),
        ({"keep": True}, "keep must be a whole number above 0, not True"),
        ({"max_age_s": -1}, "max_age_s must be a number of seconds above 0, not -1"),
        ({"max_age_s": math.inf}, "max_age_s must be a number of seconds above 0, not inf"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(tmp_path: Path, wrong: Any, said: str) -> None:
    """Before a file is made."""
    with pytest.raises(ValueError, match=said):
        JsonlStore(tmp_path / "log", **wrong)

    assert not (tmp_path / "log").exists()


def test_a_device_can_be_written_to(tmp_path: Path) -> None:
    """It has no end to look at and nothing to make durable."""
    with JsonlStore(os.devnull) as store:
        store.emit(event())
        store.flush()

    assert balanced(store) == (1, 1, 0)


def test_what_a_finaliser_emits_in_the_midst_of_a_write_is_a_line_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Garbage may be collected at any point, and the thread does not wait for itself."""
    real = os.write
    left = [event(2), event(3)]

    def write(file: int, data: bytes) -> int:
        if left:
            store.emit(left.pop(0))
        return real(file, data)

    with JsonlStore(tmp_path / "log") as store:
        monkeypatch.setattr(os, "write", write)
        thread = threading.Thread(target=store.emit, args=(event(1),), daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()

        assert balanced(store) == (3, 3, 0)
    assert stored(tmp_path / "log") == [3, 2, 1]


def test_threads_do_not_mix_lines_or_lose_counts(tmp_path: Path) -> None:
    """All records of all threads are there."""
    with JsonlStore(tmp_path / "log") as store:

        def emit(start: int) -> None:
            for number in range(start, start + 200):
                store.emit(event(number))

        threads = [threading.Thread(target=emit, args=(start,)) for start in range(0, 800, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(number or 0 for number in stored(tmp_path / "log")) == list(range(800))
    assert balanced(store) == (800, 800, 0)
