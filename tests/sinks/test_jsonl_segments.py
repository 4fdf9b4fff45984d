"""The log on disk, several files: closed by size and age, compressed, limited in number, and nothing lost by it."""

from __future__ import annotations

import gzip
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_telemetry.model import file_lock
from pytest_telemetry.model.errors import Unavailable, UnusableInput
from pytest_telemetry.model.logs import follow_log, read_log
from pytest_telemetry.model.pattern import event as pattern_event
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import encode
from pytest_telemetry.runtime import append_file, closed_segments
from pytest_telemetry.runtime.append_file import AppendFile
from pytest_telemetry.runtime.closed_segments import ClosedSegments
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.testing.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

fcntl = pytest.importorskip("fcntl", reason="this system has no file locks, so no segment is closed")

LINE = len(encode(Record("event", "e", "e", 1, seq=1)))


def event(number: int, time_ns: int = 1) -> Record:
    return Record("event", "e", "e", time_ns, seq=number)


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def numbers(store: JsonlStore) -> list[int | None]:
    figures = store.statistics()
    assert figures["accepted"] == figures["stored"] + figures["dropped"]
    return [record.seq for record in store.records()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "e.jsonl"


def test_a_segment_is_closed_before_it_would_become_too_long(path: Path) -> None:
    """What is there when the next line would not fit becomes a closed segment; nothing is lost."""
    with JsonlStore(path, max_bytes=2 * LINE) as store:
        for number in range(1, 6):
            store.emit(event(number))

    assert files(path.parent) == ["e.000001.jsonl", "e.000002.jsonl", "e.jsonl"]
    assert [file.stat().st_size for file in sorted(path.parent.iterdir())] == [2 * LINE, 2 * LINE, LINE]
    assert numbers(store) == [1, 2, 3, 4, 5]
    assert list(store.records(pattern_event("e"))) == [event(number) for number in range(1, 6)]
    assert store.statistics()["untidied"] == 0


def test_a_line_that_is_longer_than_a_segment_has_one_for_itself(path: Path) -> None:
    """Limits cost no record, and no empty segment is closed."""
    with JsonlStore(path, max_bytes=1) as store:
        store.emit_many([event(1), event(2), event(3)])

    assert files(path.parent) == ["e.000001.jsonl", "e.000002.jsonl", "e.jsonl"]
    assert numbers(store) == [1, 2, 3]


def test_a_batch_goes_on_in_the_next_segment(path: Path) -> None:
    """A line never does, and each segment is as full as it can be."""
    with JsonlStore(path, max_bytes=3 * LINE) as store:
        store.emit(event(1))
        store.emit_many([event(number) for number in range(2, 8)])

    assert [file.stat().st_size for file in sorted(path.parent.iterdir())] == [3 * LINE, 3 * LINE, LINE]
    assert numbers(store) == [1, 2, 3, 4, 5, 6, 7]


def test_a_segment_is_closed_when_it_is_too_old(path: Path) -> None:
    """Its age counts from when it began, by the clock of the store."""
    clock = FakeClock()
    with JsonlStore(path, max_age_s=60, clock=clock) as store:
        store.emit(event(1, clock.wall_ns()))
        clock.advance(59)
        store.emit(event(2, clock.wall_ns()))
        assert files(path.parent) == ["e.jsonl"]
        clock.advance(1)
        store.emit(event(3, clock.wall_ns()))

    assert files(path.parent) == ["e.000001.jsonl", "e.jsonl"]
    assert numbers(store) == [1, 2, 3]


@pytest.mark.parametrize("dialect", ["record", "event"])
def test_the_age_of_a_segment_that_was_there_is_that_of_its_first_line(path: Path, dialect: Any) -> None:
    """So that programs which run for a second close segments by age as well."""
    clock = FakeClock()
    for number in range(3):
        with JsonlStore(path, dialect=dialect, max_age_s=60, clock=clock) as store:
            store.emit(event(number, clock.wall_ns()))
        clock.advance(40)

    assert files(path.parent) == ["e.000001.jsonl", "e.jsonl"]
    with JsonlStore(path) as store:
        assert len(numbers(store)) == 3


@pytest.mark.parametrize("found", [b"no json\n", b'{"cmd":"a"}\n', b"x" * 70_000])
def test_a_first_line_without_a_time_counts_from_now(path: Path, found: bytes) -> None:
    """A segment is not closed for what it does not say."""
    clock = FakeClock()
    path.write_bytes(found)

    with JsonlStore(path, max_age_s=60, clock=clock) as store:
        store.emit(event(1))
        assert files(path.parent) == ["e.jsonl"]
        clock.advance(60)
        store.emit(event(2))

    assert files(path.parent) == ["e.000001.jsonl", "e.jsonl"]


def test_a_first_line_of_the_future_counts_from_now(path: Path) -> None:
    """A clock that was wrong once does not keep a segment open for years."""
    clock = FakeClock()
    path.write_bytes(encode(event(1, clock.wall_ns() + 10**18)))

    with JsonlStore(path, max_age_s=60, clock=clock) as store:
        clock.advance(60)
        store.emit(event(2))

    assert files(path.parent) == ["e.000001.jsonl", "e.jsonl"]


def test_closed_segments_are_compressed_and_read_the_same(path: Path) -> None:
    """By the store that closed them; nothing unfinished is left, and permissions stay."""
    plain = JsonlStore(path.with_name("plain.jsonl"))
    with JsonlStore(path, max_bytes=2 * LINE, compress=True) as store:
        for number in range(1, 6):
            store.emit(event(number))
            plain.emit(event(number))
        assert files(path.parent)[:2] == ["e.000001.jsonl.gz", "e.000002.jsonl.gz"]
    plain.close()

    assert numbers(store) == numbers(plain) == [1, 2, 3, 4, 5]
    assert gzip.decompress(path.with_name("e.000001.jsonl.gz").read_bytes()).count(b"\n") == 2
    assert not [name for name in files(path.parent) if name.endswith(".part")]
    assert path.with_name("e.000001.jsonl.gz").stat().st_mode == path.stat().st_mode


@pytest.mark.parametrize("compress", [False, True])
def test_only_so_many_closed_segments_are_kept(path: Path, *, compress: bool) -> None:
    """The newest, whole, and their numbers go on."""
    with JsonlStore(path, max_bytes=LINE, keep=2, compress=compress) as store:
        for number in range(1, 8):
            store.emit(event(number))

    suffix = ".jsonl.gz" if compress else ".jsonl"
    assert files(path.parent) == [f"e.000005{suffix}", f"e.000006{suffix}", "e.jsonl"]
    assert numbers(store) == [5, 6, 7]
    assert store.statistics()["dropped"] == 0


def test_files_of_others_are_left_alone(path: Path) -> None:
    """Whatever they are called, they are neither compressed nor removed."""
    others = ["e.jsonl.1", "e.00001.jsonl", "f.000001.jsonl", "e.000001.json"]
    for name in others:
        path.with_name(name).write_bytes(b"{}\n")

    with JsonlStore(path, max_bytes=1, keep=1, compress=True) as store:
        store.emit_many([event(1), event(2), event(3)])

    assert set(others) < set(files(path.parent))
    assert numbers(store) == [2, 3]


@pytest.mark.parametrize("content", [b'{"id":1}\n', b"Dear Ada,\n", b"\0\0", b"{", b'{"recorder":"x"}'])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_that_only_has_the_name_of_a_segment_is_left_alone(
    path: Path, content: bytes, suffix: str
) -> None:
    """It is neither compressed nor removed, and does not count as one that is kept."""
    others = {}
    for number in (1, 9):
        other = path.with_name(f"e.00000{number}.jsonl{suffix}")
        others[other] = gzip.compress(content) if suffix else content
        other.write_bytes(others[other])
        os.utime(other, (0, 0))

    with JsonlStore(path, max_bytes=1, keep=2, compress=True) as store:
        store.emit_many([event(1), event(2), event(3), event(4)])
    ClosedSegments(path, keep=None, compress=False, before_ns=10).tidy()

    assert {other: other.read_bytes() for other in others} == others
    assert numbers(store) == [2, 3, 4]
    assert store.statistics()["untidied"] == 0


def test_what_is_to_stay_as_it_is_is_not_opened(path: Path) -> None:
    """Or each new segment would take longer than the one before; a place that cannot be read is no refusal."""
    path.with_name("e.000001.jsonl.gz").mkdir()

    with JsonlStore(path, max_bytes=1, compress=True) as store:
        store.emit_many([event(1), event(2), event(3)])

    assert store.statistics()["untidied"] == 0


@pytest.mark.parametrize(
    "content",
    [b"", b'{"record":1,"ki', b'{"ts":"2026-01-01T00:00:00Z", "cmd" : "a"}\n', b'\n{ "record": 1}\n'],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_segment_is_known_by_its_beginning(path: Path, content: bytes, suffix: str) -> None:
    """In either dialect, also where the line is torn, or none was written."""
    segment = path.with_name(f"e.000001.jsonl{suffix}")
    segment.write_bytes(gzip.compress(content) if suffix else content)
    os.utime(segment, (0, 0))
    path.with_name("e.000002.jsonl").write_bytes(b"")  # or the first would be the last

    assert ClosedSegments(path, keep=None, compress=False, before_ns=10).tidy() == 0
    assert not segment.exists()


def test_a_segment_that_is_damaged_in_its_middle_is_still_one(path: Path) -> None:
    """What can be read of it begins as logs do; a compressed file in which nothing can be read is left alone."""
    for number, content in ((1, encode(event(1)) * 1_000), (2, b"")):
        whole = gzip.compress(content)
        path.with_name(f"e.00000{number}.jsonl.gz").write_bytes(
            whole[: len(whole) // 2] if content else b"\x1f\x8bx"
        )

    assert ClosedSegments(path, keep=1, compress=False, before_ns=2**63).tidy() == 0
    assert files(path.parent) == ["e.000002.jsonl.gz"]


def test_what_a_writer_may_still_append_to_is_neither_compressed_nor_removed(path: Path) -> None:
    """It stays as it is until the writer lets go, and its late line is not lost."""
    with JsonlStore(path) as slow:
        slow.emit(event(1))
        with JsonlStore(path, max_bytes=LINE, compress=True, keep=1) as fast:
            fast.emit(event(2))
            fast.emit(event(3))
            assert files(path.parent) == ["e.000001.jsonl", "e.000002.jsonl.gz", "e.jsonl"]
            assert numbers(fast) == [1, 2, 3]
        assert fast.statistics()["untidied"] == 0
        slow.emit(event(4))

    JsonlStore(path, compress=True, keep=1).close()
    assert files(path.parent) == ["e.000002.jsonl.gz", "e.jsonl"]
    assert numbers(slow) == [2, 3, 4]


def test_a_writer_goes_on_in_the_file_that_another_one_began(path: Path) -> None:
    """It looks before each write, and leaves a closed segment to whoever wants to compress it."""
    with JsonlStore(path) as first, JsonlStore(path, max_bytes=LINE) as second:
        first.emit(event(1))
        second.emit(event(2))
        first.emit(event(3))

    assert path.with_name("e.000001.jsonl").read_bytes() == encode(event(1))
    assert path.read_bytes() == encode(event(2)) + encode(event(3))


def test_a_line_that_was_on_its_way_when_the_segment_was_closed_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look of a writer and its write anything may happen."""
    real = os.write
    slow = JsonlStore(path)
    slow.emit(event(1))

    def write(file: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", real)
        with JsonlStore(path, max_bytes=1, compress=True, keep=1) as fast:
            fast.emit_many([event(2), event(3)])
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    slow.emit(event(4))
    slow.close()

    assert numbers(slow) == [1, 4, 2, 3]


def test_a_file_that_becomes_a_segment_while_it_is_opened_is_not_written_to(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever compresses it must have seen everything; the writer opens the new one instead."""
    real = os.open
    store = JsonlStore(path)
    path.unlink()
    path.write_bytes(encode(event(1)))

    def slowly(name: Any, flags: int, mode: int = 0o777) -> int:
        file = real(name, flags, mode)
        if str(name) == str(path):
            monkeypatch.setattr(os, "open", real)
            with JsonlStore(path, max_bytes=1, compress=True) as fast:
                fast.emit(event(2))
        return file

    monkeypatch.setattr(os, "open", slowly)
    store.emit(event(3))
    store.close()

    assert files(path.parent) == ["e.000001.jsonl.gz", "e.jsonl"]
    assert numbers(store) == [1, 2, 3]


def test_a_segment_that_is_removed_while_it_is_to_be_compressed_does_not_come_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gets the lock looks again whether the segment is still there."""
    real = os.open
    first = path.with_name("e.000001.jsonl")
    first.write_bytes(encode(event(1)))
    path.with_name("e.000002.jsonl").write_bytes(encode(event(2)))

    def slowly(name: Any, flags: int, mode: int = 0o777) -> int:
        file = real(name, flags, mode)
        if str(name) == str(first):
            monkeypatch.setattr(os, "open", real)
            JsonlStore(path, keep=1).close()
        return file

    monkeypatch.setattr(os, "open", slowly)
    JsonlStore(path, compress=True).close()

    assert files(path.parent) == ["e.000002.jsonl.gz", "e.jsonl"]


def test_who_comes_second_does_not_close_the_segment_of_the_first(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that want to close the same file look again under the lock."""
    with JsonlStore(path, max_bytes=2 * LINE) as one, JsonlStore(path, max_bytes=2 * LINE) as two:
        one.emit_many([event(1), event(2)])
        real = AppendFile._close_segment

        def close_late(self: AppendFile, size: int) -> int:
            monkeypatch.setattr(AppendFile, "_close_segment", real)
            one.emit(event(3))
            return real(self, size)

        monkeypatch.setattr(AppendFile, "_close_segment", close_late)
        two.emit(event(4))

    assert files(path.parent) == ["e.000001.jsonl", "e.jsonl"]
    assert numbers(one) == [1, 2, 3, 4]


def test_nobody_waits_while_somebody_else_closes_a_segment(path: Path) -> None:
    """The line goes into the file that is there, and the next one tries again."""
    directory = os.open(path.parent, os.O_RDONLY)
    with JsonlStore(path, max_bytes=LINE) as store:
        store.emit(event(1))
        fcntl.flock(directory, fcntl.LOCK_EX)
        store.emit_many([event(2), event(3)])
        assert files(path.parent) == ["e.jsonl"]
        os.close(directory)
        store.emit(event(4))

    assert files(path.parent) == ["e.000001.jsonl", "e.jsonl"]
    assert numbers(store) == [1, 2, 3, 4]
    assert store.statistics()["untidied"] == 0


def test_a_process_that_was_killed_while_compressing_leaves_nothing_behind(path: Path) -> None:
    """The plain segment counts until its compressed form is complete, and the next store goes on."""
    path.with_name("e.000001.jsonl").write_bytes(encode(event(1)) + encode(event(2)))
    path.with_name("e.000001.jsonl.gz").write_bytes(gzip.compress(encode(event(1))))
    path.with_name("e.000001.jsonl.gz.part").write_bytes(b"half")

    with JsonlStore(path, compress=True) as store:
        assert numbers(store) == [1, 2]

    assert files(path.parent) == ["e.000001.jsonl.gz", "e.jsonl"]
    assert numbers(store) == [1, 2]


def test_a_process_that_was_killed_while_closing_a_segment_stops_nobody(path: Path) -> None:
    """Between the renaming and the new file there is none."""
    with JsonlStore(path) as store:
        store.emit(event(1))
        path.rename(path.with_name("e.000001.jsonl"))
        assert numbers(store) == [1]
        store.emit(event(2))

    assert numbers(store) == [1, 2]


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the acts of the file system that fail."""
    refused: list[str] = []
    for name in ("rename", "replace", "unlink"):
        real = getattr(Path, name)

        def act(self: Path, *args: Any, _name: str = name, _real: Any = real, **options: Any) -> Any:
            if _name in refused:
                raise OSError(5, "Input/output error")
            return _real(self, *args, **options)

        monkeypatch.setattr(Path, name, act)
    yield refused
    refused.clear()


def test_a_segment_that_cannot_be_renamed_grows_and_is_counted(path: Path, refusing: list[str]) -> None:
    """Records are not affected, and it is tried again."""
    with JsonlStore(path, max_bytes=LINE) as store:
        store.emit(event(1))
        refusing.append("rename")
        store.emit_many([event(2), event(3)])
        assert store.statistics()["untidied"] == 2
        assert files(path.parent) == ["e.jsonl"]
        refusing.clear()
        store.emit(event(4))

    assert files(path.parent) == ["e.000001.jsonl", "e.jsonl"]
    assert numbers(store) == [1, 2, 3, 4]


def test_a_segment_that_cannot_be_compressed_stays_and_is_counted(path: Path, refusing: list[str]) -> None:
    """Records are not affected."""
    with JsonlStore(path, max_bytes=LINE, compress=True) as store:
        refusing.append("replace")
        store.emit_many([event(1), event(2)])
        assert store.statistics()["untidied"] == 1

    assert numbers(store) == [1, 2]
    assert "e.000001.jsonl" in files(path.parent)
    assert store.statistics()["dropped"] == 0


def test_what_cannot_be_compressed_leaves_nothing_half_done(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk became full, for one."""
    packing = gzip.GzipFile.write

    def refuse(self: Any, data: Any) -> int:
        packing(self, data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gzip.GzipFile, "write", refuse)
    with JsonlStore(path, max_bytes=LINE, compress=True) as store:
        store.emit_many([event(1), event(2)])

    assert files(path.parent) == ["e.000001.jsonl", "e.jsonl"]
    assert numbers(store) == [1, 2]
    assert store.statistics()["untidied"] == 2


def test_a_child_that_is_forked_while_a_segment_is_closed_holds_up_nobody(
    path: Path, refusing: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has every lock of its parent in common with it, and knows nothing of them."""
    real = file_lock.lock
    inherited: list[int] = []

    def lock(file: int, *, exclusive: bool) -> bool:
        inherited.append(os.dup(file))
        return real(file, exclusive=exclusive)

    with JsonlStore(path, max_bytes=LINE, compress=True) as store:
        with monkeypatch.context() as patch:
            patch.setattr(closed_segments, "lock", lock)
            refusing.append("replace")
            store.emit_many([event(1), event(2)])
            refusing.clear()
        store.emit(event(3))

    assert files(path.parent) == ["e.000001.jsonl.gz", "e.000002.jsonl.gz", "e.jsonl"]
    assert len(inherited) == 2
    for file in inherited:
        os.close(file)


def test_a_forked_process_counts_what_storage_refused_from_zero(
    path: Path, refusing: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like everything else."""
    refusing.append("rename")
    with JsonlStore(path, max_bytes=1) as store:
        store.emit_many([event(1), event(2)])
        assert store.statistics()["untidied"] == 1

        monkeypatch.setattr(os, "getpid", lambda: 0)

        assert set(store.statistics().values()) == {0}


def test_a_disk_that_is_full_when_the_new_file_is_made_accepts_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The closed segment is whole, and the record may be offered again."""
    real = os.open

    def refuse(name: Any, flags: int, mode: int = 0o777) -> int:
        if str(name) == str(path):
            raise OSError(28, "No space left on device")
        return real(name, flags, mode)

    with JsonlStore(path, max_bytes=LINE) as store:
        store.emit(event(1))
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            with pytest.raises(Unavailable, match="No space"):
                store.emit(event(2))
        assert store.statistics()["accepted"] == 1
        store.emit(event(2))

    assert numbers(store) == [1, 2]


def test_what_was_written_to_a_closed_segment_is_flushed_when_it_is_left(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No later flush would reach it; and the name of a new file is made durable as well."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
    directory = path.parent.stat().st_ino

    with JsonlStore(path, max_bytes=LINE) as store:
        store.emit(event(1))
        first = path.stat().st_ino
        assert synced == []
        store.emit(event(2))
        assert synced == [first]
        store.flush()
        assert synced == [first, path.stat().st_ino, directory]
        store.flush()

    assert len(synced) == 3


def test_a_closed_segment_that_is_a_link_is_not_followed(path: Path) -> None:
    """Somebody else's file is not compressed, and not removed."""
    other = path.with_name("other")
    other.write_bytes(b"{}\n")
    path.with_name("e.000001.jsonl").symlink_to(other)

    with JsonlStore(path, compress=True) as store:
        store.emit(event(1))

    assert other.read_bytes() == b"{}\n"
    assert store.statistics()["untidied"] == 1


def test_segments_lie_beside_the_file_that_a_link_leads_to(path: Path, tmp_path: Path) -> None:
    """The link stays a link."""
    (tmp_path / "far").mkdir()
    path.symlink_to(tmp_path / "far" / "real.jsonl")

    with JsonlStore(path, max_bytes=LINE) as store:
        store.emit_many([event(1), event(2)])

    assert files(tmp_path / "far") == ["real.000001.jsonl", "real.jsonl"]
    assert path.is_symlink()
    assert numbers(store) == [1, 2]


def test_a_device_is_never_closed_as_a_segment() -> None:
    """It has no length."""
    with JsonlStore(os.devnull, max_bytes=1, keep=1, compress=True) as store:
        store.emit_many([event(1), event(2)])

    assert store.statistics()["stored"] == 2
    assert Path(os.devnull).is_char_device()


def test_a_file_that_another_program_has_locked_is_named(path: Path) -> None:
    """Writing without the lock might be lost when it is compressed."""
    with path.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(UnusableInput, match="another program has locked it"):
            JsonlStore(path)


def test_a_system_without_locks_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file without end can be written to everywhere."""
    monkeypatch.setattr(append_file, "HAS_LOCKS", False)

    with pytest.raises(UnusableInput, match="cannot rename a file that is open"):
        JsonlStore(path, max_bytes=1)
    with JsonlStore(path, keep=1, compress=True) as store:
        store.emit(event(1))

    assert numbers(store) == [1]


def test_other_threads_go_on_while_one_tidies_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressing takes long, and holds nobody up."""
    gone_on: list[bool] = []

    def go_on() -> None:
        gone_on.append(store._shares[os.getpid()].lock.acquire(blocking=False))
        store._shares[os.getpid()].lock.release()

    def tidy(self: ClosedSegments) -> int:
        other = threading.Thread(target=go_on)
        other.start()
        other.join()
        return 0

    monkeypatch.setattr(ClosedSegments, "tidy", tidy)
    with JsonlStore(path, max_bytes=LINE, compress=True) as store:
        store.emit_many([event(1), event(2)])
        store.emit(event(3))

    assert gone_on == [True, True, True]


def test_threads_close_segments_without_losing_records(path: Path) -> None:
    """Many threads, one store, and compression going on."""
    with JsonlStore(path, max_bytes=40 * LINE, compress=True) as store:

        def emit(start: int) -> None:
            for number in range(start, start + 250, 5):
                store.emit(event(number))
                store.emit_many([event(number + more) for more in range(1, 5)])

        threads = [threading.Thread(target=emit, args=(start,)) for start in range(0, 2_000, 250)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(number or 0 for number in numbers(store)) == list(range(2_000))
    assert store.statistics()["accepted"] == store.statistics()["stored"] == 2_000
    assert store.statistics()["untidied"] == 0
    assert all(name.endswith((".gz", "e.jsonl")) for name in files(path.parent))


ACTS = st.tuples(st.integers(0, 2), st.sampled_from(["emit", "emit", "emit_many", "close", "look"]))


@settings(max_examples=25, deadline=None)
@given(acts=st.lists(ACTS, max_size=25), compress=st.booleans(), max_bytes=st.sampled_from([1, 3, 5]))
def test_whatever_several_writers_do_each_record_is_there_once(
    acts: list[tuple[int, str]], compress: bool, max_bytes: int
) -> None:
    """In the files, and for who follows and looks now and then."""
    given_: list[int] = []
    stores: dict[int, JsonlStore] = {}
    left = iter(acts)
    last_look: list[bool] = []

    def act_until_somebody_looks() -> bool:
        for writer, act in left:
            if writer not in stores:
                stores[writer] = JsonlStore(log, max_bytes=max_bytes * LINE, compress=compress)
            if act == "look":
                return True
            if act == "close":
                stores.pop(writer).close()
            else:
                new = range(len(given_), len(given_) + (4 if act == "emit_many" else 1))
                stores[writer].emit_many([event(number) for number in new])
                given_.extend(new)
        last_look.append(True)
        return len(last_look) == 1

    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "e.jsonl")
        followed: list[Any] = list(follow_log(log, act_until_somebody_looks))
        lines: list[Any] = list(read_log(log)) if given_ else []
        for store in stores.values():
            assert store.statistics()["untidied"] == 0
            store.close()

    assert sorted(line.record.seq for line in lines) == given_
    assert sorted(line.record.seq for line in followed) == given_
