"""The command that removes what is old."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.file_lock import HAS_LOCKS, lock
from pytest_telemetry.model.logs import follow_log
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine, encode
from pytest_telemetry.prune import prune_log
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sinks.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not HAS_LOCKS, reason="segments are not closed on this system")

DAY_NS = 86_400 * 1_000_000_000
NOW_NS = 1_767_268_800_000_000_000  # 2026-01-01T12:00:00Z


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        @staticmethod
        def wall_ns() -> int:
            return NOW_NS

    monkeypatch.setattr("pytest_telemetry.cli.prune.SYSTEM_CLOCK", Clock)


def event(days_ago: float | None) -> Record:
    return Record("event", "e", "e", None if days_ago is None else int(NOW_NS - days_ago * DAY_NS))


def lines(*days_ago: float | None) -> bytes:
    return b"".join(encode(event(days)) for days in days_ago)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log whose segments end 9, 8 and 2 days ago, and whose active file is older than all of them."""
    (tmp_path / "a.000001.jsonl").write_bytes(lines(12, 9, 10))
    (tmp_path / "a.000002.jsonl.gz").write_bytes(gzip.compress(lines(9, 8)))
    (tmp_path / "a.000003.jsonl").write_bytes(lines(9, 2))
    (tmp_path / "a.jsonl").write_bytes(lines(20))
    return tmp_path / "a.jsonl"


def names(log: Path) -> list[str]:
    """Return what lies beside *log*, but for files with nothing in them."""
    return sorted(path.name for path in log.parent.iterdir() if path.stat().st_size)


ALL = ["a.000001.jsonl", "a.000002.jsonl.gz", "a.000003.jsonl", "a.jsonl"]


def test_segments_go_when_all_their_records_are_old(run: Any, log: Path) -> None:
    """Whole ones, and never the active file; what went is said."""
    plain, packed = ((log.parent / name).stat().st_size for name in ALL[:2])

    code, out, err = run("prune", log, "--older-than", "7d")

    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"a.000001.jsonl  {plain} bytes  until 2025-12-23T12:00:00.000Z  removed",
        f"a.000002.jsonl.gz  {packed} bytes  until 2025-12-24T12:00:00.000Z  removed",
        f"{log}: 2 of 3 closed segments removed, {plain + packed} bytes",
    ]
    assert names(log) == ["a.000003.jsonl", "a.jsonl"]


def test_a_dry_run_removes_nothing(run: Any, log: Path) -> None:
    """And says the same in another mood."""
    code, out, _ = run("prune", log, "--older-than", "7d", "--dry-run")

    assert code == 0
    assert [line.split("  ")[-1] for line in out.splitlines()[:2]] == ["would be removed"] * 2
    assert "2 of 3 closed segments would be removed" in out
    assert names(log) == ALL


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--older-than", "30d"], ALL),
        (["--older-than", "204h"], ALL[1:]),
        (["--older-than", "1d"], ALL[3:]),
        (["--older-than", "today"], ALL[3:]),
        (["--older-than", "1d", "--keep", "2"], ALL[1:]),
        (["--older-than", "1d", "--keep", "4"], ALL),
        (["--older-than", "30d", "--keep", "0"], ALL),
    ],
)
def test_what_goes_is_what_period_and_number_say(
    run: Any, log: Path, options: list[str], left: list[str]
) -> None:
    """Both of them; nothing is no error."""
    assert run("prune", log, *options)[0] == 0
    assert names(log) == left


def test_the_directory_of_a_run_will_do(run: Any, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or nothing at all, where there is one."""
    directory = log.parent / "_ctx" / "telemetry"
    directory.mkdir(parents=True)
    for name in ALL:
        (log.parent / name).rename(directory / name.replace("a.", "events.", 1))
    monkeypatch.chdir(log.parent)

    assert "1 of 3 closed segments removed" in run("prune", directory, "--older-than", "204h")[1]
    assert "1 of 2 closed segments removed" in run("prune", "--older-than", "7d")[1]


def test_a_link_leads_to_the_segments_beside_the_log(run: Any, log: Path, tmp_path: Path) -> None:
    """They lie where the log is."""
    link = tmp_path / "elsewhere.jsonl"
    link.symlink_to(log)

    assert "2 of 3 closed segments removed" in run("prune", link, "--older-than", "7d")[1]
    assert names(log) == ["a.000003.jsonl", "a.jsonl", "elsewhere.jsonl"]


def test_a_segment_without_times_is_as_old_as_its_file(run: Any, log: Path) -> None:
    """Also where some of its lines are malformed."""
    (log.parent / ALL[0]).write_bytes(lines(None) + b"nonsense\n")
    (log.parent / ALL[2]).write_bytes(b"nonsense\n" + lines(None))
    os.utime(log.parent / ALL[0], ns=(NOW_NS - 8 * DAY_NS,) * 2)
    os.utime(log.parent / ALL[2], ns=(NOW_NS - 6 * DAY_NS,) * 2)

    run("prune", log, "--older-than", "7d")

    assert names(log) == ALL[2:]


@pytest.fixture
def in_use(log: Path) -> Iterator[Path]:
    """A segment that a writer has not let go of."""
    with (log.parent / ALL[0]).open("ab") as file:
        assert lock(file.fileno(), exclusive=False)
        yield log.parent / ALL[0]


def test_what_somebody_may_append_to_stays(run: Any, log: Path, in_use: Path) -> None:
    """Until the next time."""
    code, out, _ = run("prune", log, "--older-than", "7d")

    assert code == 0
    assert out.splitlines()[0].endswith("stays: somebody may still append to it")
    assert "1 of 3 closed segments removed" in out
    assert names(log) == [ALL[0], *ALL[2:]]


def test_what_was_appended_to_meanwhile_stays(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was old when it was looked at, and is not any more."""
    from pytest_telemetry import prune

    newest = prune._newest

    def and_then(file: Path, *arguments: Any, **options: Any) -> int | None:
        found = newest(file, *arguments, **options)
        if file.name == ALL[0]:
            with file.open("ab") as writer:
                writer.write(lines(0))
        return found

    monkeypatch.setattr(prune, "_newest", and_then)

    old, everything = prune_log(log, NOW_NS - 7 * DAY_NS)

    assert [(segment.name, segment.outcome) for segment in old] == [(ALL[0], "in use"), (ALL[1], "removed")]
    assert everything == 3
    assert names(log) == [ALL[0], *ALL[2:]]


def test_what_cannot_be_read_or_removed_stays_and_is_an_error(
    run: Any, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others go all the same."""
    (log.parent / ALL[0]).write_bytes(b"\x7fELF\0")
    (log.parent / ALL[2]).write_bytes(lines(9))
    (log.parent / "a.000004.jsonl").write_bytes(lines(1))
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == ALL[2]:
            raise PermissionError(errno.EACCES, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)

    code, out, err = run("prune", log, "--older-than", "7d")

    assert code == 2
    assert err.splitlines() == [
        f"pytest-telemetry: {ALL[0]} stays: {log.parent / ALL[0]}: is binary; an event log is UTF-8 text, one JSON object a line",
        f"pytest-telemetry: {ALL[2]} stays: Permission denied",
    ]
    assert "1 of 4 closed segments removed" in out
    assert names(log) == [ALL[0], ALL[2], "a.000004.jsonl", ALL[3]]


@pytest.mark.parametrize("last", [ALL[2], "a.000003.jsonl.gz"])
def test_numbers_go_on_behind_segments_that_are_gone(run: Any, log: Path, last: str) -> None:
    """Of the last one an empty file stays until there is another: who follows the log knows segments by number."""
    content = lines(9, 2)
    (log.parent / ALL[2]).unlink()
    (log.parent / last).write_bytes(gzip.compress(content) if last.endswith(".gz") else content)
    (log.parent / last).chmod(0o440)

    def prune() -> str:
        return str(run("prune", log, "--older-than", "1d")[1])

    def steps() -> Iterator[bool]:
        assert "3 of 3 closed segments removed" in prune()
        (left,) = (path for path in log.parent.iterdir() if path.name not in names(log))
        assert (left.name, left.stat().st_mode & 0o777) == (ALL[2], 0o440)
        assert "0 of 0 closed segments removed" in prune()
        with JsonlStore(log, max_bytes=1) as store:
            store.emit_many([event(0.1), event(0.2), event(0.3)])
        assert "1 of 3 closed segments removed" in prune()
        yield True

    step = steps()
    seen = [*follow_log(log, lambda: next(step, False))]

    assert [line.record.time_ns for line in seen if isinstance(line, LogLine)][-3:] == [
        event(days).time_ns for days in (0.1, 0.2, 0.3)
    ]
    assert sorted(path.name for path in log.parent.iterdir()) == [
        *(f"a.00000{number}.jsonl" for number in (5, 6)),
        "a.jsonl",
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.000001.jsonl", b'{"id":1}\n', "its one line is no event"),
        ("a.000001.jsonl", b"Dear Ada,\nsee you.\n", "none of its 2 lines is an event"),
        ("a.000001.jsonl", b'{"id":1,"name":"Ada"}\n', "it does not begin as logs do"),
        (
            "a.000001.jsonl.gz",
            gzip.compress(b'{"id":1,"name":"Ada"}\n', mtime=0),
            "it does not begin as logs do",
        ),
        (
            "a.000002.jsonl.gz",
            gzip.compress(b'{"id":1}\n{"id":2}\n', mtime=0),
            "none of its 2 lines is an event",
        ),
    ],
)
@pytest.mark.parametrize("options", [[], ["--dry-run"]], ids=["", "dry run"])
def test_a_file_that_only_has_the_name_of_a_segment_stays(
    run: Any, tmp_path: Path, name: str, content: bytes, reason: str, options: list[str]
) -> None:
    """However old it is; the command says which, and why."""
    (tmp_path / "a.jsonl").write_bytes(lines(20))
    (tmp_path / name).write_bytes(content)
    os.utime(tmp_path / name, ns=(NOW_NS - 40 * DAY_NS,) * 2)

    code, out, err = run("prune", tmp_path / "a.jsonl", "--older-than", "30d", *options)

    assert (code, names(tmp_path / "a.jsonl")) == (2, sorted([name, "a.jsonl"]))
    assert (
        out.splitlines()[0]
        == f"{name}  {len(content)} bytes  until {'-':<24}  stays: it cannot be read as a log"
    )
    assert f"{name} stays: {tmp_path / name}: {reason}" in err


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with SqliteStore(tmp_path / "t.db") as store:
        store.emit_many([event(9), event(8), event(2), event(None), event(10)])
    return tmp_path / "t.db"


@pytest.mark.parametrize(
    ("options", "said", "left"),
    [
        (["--older-than", "7d"], "3 of 5 records removed", 2),
        (["--older-than", "7d", "--dry-run"], "3 of 5 records would be removed", 5),
        (["--older-than", "7d", "--keep", "1"], "2 of 5 records removed", 3),
        (["--older-than", "4w"], "0 of 5 records removed", 5),
    ],
)
def test_old_records_of_a_database_go(
    run: Any, database: Path, options: list[str], said: str, left: int
) -> None:
    """Those that have no time stay."""
    assert run("prune", database, *options) == (0, f"{database}: {said}\n", "")
    with SqliteStore(database) as store:
        assert len(list(store.records())) == left


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["a.jsonl", "--older-than", "soon"], "'soon' is no period: write 30m, 24h, 7d, 4w or today"),
        (["gone.jsonl", "--older-than", "7d"], "gone.jsonl: No such file"),
        (["gone/a.jsonl", "--older-than", "7d"], "gone/a.jsonl: No such file"),
        (["binary", "--older-than", "7d"], "binary: is binary"),
        (["--older-than", "7d"], "no run was kept here"),
        (["a.jsonl"], "Missing option '--older-than'"),
        (["a.jsonl", "--older-than", "7d", "--keep", "-1"], "-1 is not in the range x>=0"),
    ],
)
def test_what_cannot_be_used_removes_nothing(
    run: Any, log: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str
) -> None:
    """And exit code 2."""
    monkeypatch.chdir(log.parent)
    (log.parent / "binary").write_bytes(b"\x7fELF\0")

    code, out, err = run("prune", *arguments)

    assert (code, out) == (2, "")
    assert reason in err
    assert names(log) == [*ALL, "binary"]


def test_a_database_that_fails_is_one_line(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of the store."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("cannot delete telemetry in a.db: disk I/O error")

    with SqliteStore(tmp_path / "a.db"):
        pass
    monkeypatch.setattr(SqliteStore, "trim", fail)

    code, out, err = run("prune", tmp_path / "a.db", "--older-than", "1d")

    assert (code, out) == (2, "")
    assert err == "pytest-telemetry: cannot delete telemetry in a.db: disk I/O error\n"
