"""Logs of several files, at rest and while they grow."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model import logs
from pytest_telemetry.model.logs import follow_log, read_log
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import BadLine, LogLine, encode

fcntl: Any = pytest.importorskip("fcntl", reason="this system has no file locks, so logs are one file")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def line(number: int) -> bytes:
    return encode(Record("event", "e", "e", 1, seq=number))


def lines(*numbers: int) -> bytes:
    return b"".join(map(line, numbers))


def said(read: LogLine | BadLine) -> Any:
    return read.record.seq if isinstance(read, LogLine) else read.reason


def read(path: Path) -> list[Any]:
    with read_log(path) as log:
        return [said(read) for read in log]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "e.jsonl"


def closed(path: Path, number: int) -> Path:
    return path.with_name(f"e.{number:06}.jsonl")


def packed(path: Path, number: int) -> Path:
    return path.with_name(f"e.{number:06}.jsonl.gz")


def test_closed_segments_are_read_in_order_and_then_the_active_file(path: Path) -> None:
    """Whether they are compressed or not; line numbers count in each file, figures in all."""
    packed(path, 2).write_bytes(gzip.compress(lines(1, 2)))
    closed(path, 10).write_bytes(line(3) + b"\n" + b"no json\n")
    path.write_bytes(line(4))

    with read_log(path) as log:
        found = [(read.file, read.number) for read in log]
        figures = (log.events, log.malformed, log.blank, log.offset)

    assert found == [
        ("e.000002.jsonl.gz", 1),
        ("e.000002.jsonl.gz", 2),
        ("e.000010.jsonl", 1),
        ("e.000010.jsonl", 3),
        ("e.jsonl", 1),
    ]
    assert figures == (4, 1, 1, len(lines(1, 2, 3, 4)) + 9)


def test_a_log_that_was_read_to_its_end_is_closed(path: Path) -> None:
    """And stays at its end."""
    path.write_bytes(line(1))
    log = read_log(path)

    assert len(list(log)) == 1
    assert list(log) == []


def test_where_a_segment_is_there_twice_the_plain_one_counts(path: Path) -> None:
    """The other one may be older than what was appended since."""
    closed(path, 1).write_bytes(lines(1, 2))
    packed(path, 1).write_bytes(gzip.compress(line(1)))
    path.write_bytes(b"")

    assert read(path) == [1, 2]


def test_a_log_without_an_active_file_is_read(path: Path) -> None:
    """Its writer was killed between two segments."""
    closed(path, 1).write_bytes(lines(1))

    assert read(path) == [1]


def test_a_log_that_is_not_there_is_an_error(path: Path) -> None:
    """Which names it."""
    with pytest.raises(FileNotFoundError, match=r"e\.jsonl"):
        read_log(path)


def test_a_closed_segment_can_be_read_alone(path: Path) -> None:
    """It is a log of one file."""
    packed(path, 1).write_bytes(gzip.compress(line(1)))
    path.write_bytes(line(2))

    assert read(packed(path, 1)) == [1]


def test_a_line_never_goes_on_in_the_next_file(path: Path) -> None:
    """What is torn is told where it is torn."""
    closed(path, 1).write_bytes(line(1) + line(2)[:-5])
    path.write_bytes(line(3))

    first, torn, third = read(path)

    assert (first, third) == (1, 3)
    assert torn.startswith("torn last line")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-10],
        lambda data: data[:-4] + b"\0\0\0\0",
        lambda data: data[:20] + b"\xff" * 20 + data[40:],
        lambda data: b"no gzip at all" + data,
    ],
)
def test_a_damaged_segment_is_a_bad_line_and_the_next_one_follows(
    path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """What can be read before the damage is read."""
    packed(path, 1).write_bytes(damage(gzip.compress(lines(*range(500)))))
    path.write_bytes(line(1_000))

    found = read(path)

    assert found[-2].startswith("compressed data is damaged: ")
    assert found[-1] == 1_000
    assert found[:-2] == list(range(len(found) - 2))
    assert Steps().follow(path) == found


def test_a_line_that_stands_for_the_rest_of_a_file_says_so(path: Path) -> None:
    """And is among those that stand for what was not read; a line that holds no event is not."""
    packed(path, 1).write_bytes(gzip.compress(b"torn\n" + line(1))[:-4])
    path.write_bytes(b"{}\n")

    with read_log(path) as log:
        bad = [found for found in log if isinstance(found, BadLine)]

    assert [found.is_rest for found in bad] == [False, True, False]
    assert log.unread == bad[1:2]


def test_what_is_closed_compressed_and_removed_while_it_is_read_is_read_once(path: Path) -> None:
    """The reader looks again before each file."""
    closed(path, 1).write_bytes(lines(1, 2))
    closed(path, 2).write_bytes(lines(3))
    closed(path, 3).write_bytes(lines(4))
    path.write_bytes(lines(5))

    with read_log(path) as log:
        first = said(next(log))
        packed(path, 1).write_bytes(gzip.compress(lines(1, 2)))
        closed(path, 1).unlink()
        closed(path, 2).unlink()
        path.rename(closed(path, 4))
        path.write_bytes(lines(6))
        rest = [said(read) for read in log]

    assert [first, *rest] == [1, 2, 4, 5, 6]


def test_a_file_that_is_closed_as_it_is_opened_is_not_skipped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look for segments and the opening of the active file."""
    path.write_bytes(line(1))
    real = logs._opened

    def close_first(opened: Path) -> Any:
        monkeypatch.setattr(logs, "_opened", real)
        path.rename(closed(path, 1))
        path.write_bytes(line(2))
        return real(opened)

    monkeypatch.setattr(logs, "_opened", close_first)

    assert read(path) == [1, 2]


def test_a_segment_that_cannot_be_opened_stops_nothing(path: Path) -> None:
    """It may have been removed since its name was read."""
    closed(path, 1).symlink_to(path.with_name("nowhere"))
    path.write_bytes(lines(1))

    assert read(path) == [1]

    def close() -> None:
        path.rename(closed(path, 2))
        path.write_bytes(lines(2))

    assert Steps(close, lambda: append(path, line(3))).follow(path) == [1, 2, 3]


# while it grows


class Steps:
    """What happens whenever everything was read, and what had been read before."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = iter(steps)
        self.seen: list[Any] = []
        self.seen_before: list[list[Any]] = []

    def __call__(self) -> bool:
        self.seen_before.append(self.seen.copy())
        step = next(self.steps, None)
        if step is not None:
            step()
        return step is not None

    def follow(self, path: Path) -> list[Any]:
        for found in follow_log(path, self):
            self.seen.append(said(found))
        return self.seen


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_are_yielded_as_they_are_written(path: Path) -> None:
    """A log that is not there yet is waited for."""
    steps = Steps(lambda: append(path, lines(1, 2)), lambda: append(path, line(3)), lambda: None)

    assert steps.follow(path) == [1, 2, 3]
    assert steps.seen_before == [[], [1, 2], [1, 2, 3], [1, 2, 3]]


def test_half_a_line_is_waited_for(path: Path) -> None:
    """It is neither bad nor read in part, and its number is one."""
    half = line(2)
    steps = Steps(
        lambda: append(path, line(1) + half[:10]),
        lambda: append(path, half[10:20]),
        lambda: append(path, half[20:] + line(3)),
    )

    assert steps.follow(path) == [1, 2, 3]
    assert steps.seen_before == [[], [1], [1], [1, 2, 3]]


def test_following_goes_on_across_segments(path: Path) -> None:
    """What was there before is read first, and each line says where it stands."""
    packed(path, 1).write_bytes(gzip.compress(line(1)))
    closed(path, 2).write_bytes(line(2))
    path.write_bytes(line(3))

    def close() -> None:
        append(path, line(4))
        path.rename(closed(path, 3))
        path.write_bytes(line(5))

    steps = Steps(close, lambda: append(path, line(6)))
    places = [(found.file, found.number) for found in follow_log(path, steps)]

    assert places == [
        ("e.000001.jsonl.gz", 1),
        ("e.000002.jsonl", 1),
        ("e.jsonl", 1),
        ("e.000003.jsonl", 2),
        ("e.jsonl", 1),
        ("e.jsonl", 2),
    ]


def test_many_segments_between_two_looks_are_all_read(path: Path) -> None:
    """Also where they are compressed by then, or removed."""
    path.write_bytes(line(1))

    def close_many() -> None:
        path.rename(closed(path, 1))
        packed(path, 1).write_bytes(gzip.compress(line(1)))
        closed(path, 1).unlink()
        closed(path, 3).write_bytes(line(3))
        packed(path, 4).write_bytes(gzip.compress(line(4)))
        path.write_bytes(line(5))

    assert Steps(close_many, lambda: append(path, line(6))).follow(path) == [1, 3, 4, 5, 6]


def test_what_a_slow_writer_appends_to_a_closed_segment_is_yielded(path: Path) -> None:
    """As long as it holds its lock, the segment is looked at, and newer lines do not wait for it."""
    path.write_bytes(line(1))
    writer = path.open("ab", buffering=0)
    fcntl.flock(writer, fcntl.LOCK_SH)

    def close() -> None:
        path.rename(closed(path, 1))
        path.write_bytes(line(2))

    half = line(3)
    steps = Steps(
        close,
        lambda: writer.write(half[:10]),
        lambda: writer.write(half[10:]),
        writer.close,
        lambda: append(path, line(4)),
    )

    assert steps.follow(path) == [1, 2, 3, 4]
    assert steps.seen_before[1:4] == [[1, 2], [1, 2], [1, 2, 3]]


def test_half_a_line_that_nobody_can_complete_is_torn(path: Path) -> None:
    """Once no writer has the closed segment open."""
    path.write_bytes(line(1)[:-3])

    def close() -> None:
        path.rename(closed(path, 1))
        path.write_bytes(line(2))

    torn, second = Steps(lambda: None, close).follow(path)

    assert torn.startswith("torn last line")
    assert second == 2


def test_a_file_that_somebody_removed_is_left(path: Path) -> None:
    """The log goes on in the next one, and its segments are read."""
    path.write_bytes(line(1))

    def remove() -> None:
        path.unlink()
        path.write_bytes(line(2))

    def close() -> None:
        path.rename(closed(path, 1))
        closed(path, 2).write_bytes(line(3))
        path.write_bytes(line(4))

    assert Steps(remove, close).follow(path) == [1, 2, 3, 4]


def test_files_are_closed_when_following_ends(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it ends, and at most one is open where nobody writes."""
    for number in range(1, 5):
        closed(path, number).write_bytes(line(number))
    path.write_bytes(line(5))
    opened: list[Any] = []
    real = Path.open

    def count(self: Path, *args: Any, **options: Any) -> Any:
        opened.append(real(self, *args, **options))
        return opened[-1]

    monkeypatch.setattr(Path, "open", count)
    following: Iterator[Any] = follow_log(path, lambda: True)
    open_at_once = [sum(not file.closed for file in opened) for _ in itertools.islice(following, 5)]
    following.close()  # type: ignore[attr-defined]  # it is a generator

    assert max(open_at_once) == 1
    assert all(file.closed for file in opened)
