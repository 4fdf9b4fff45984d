"""Opening whatever holds records."""

from __future__ import annotations

import gzip
import io
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.collection import read_config
from pytest_telemetry.lookup import find_records
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine, encode
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.sources import find_log, open_source, stream_source

if TYPE_CHECKING:
    from collections.abc import Callable


def record(name: str) -> Record:
    return Record("event", name, name, 5)


def names(path: Path) -> list[str]:
    with open_source(path) as source:
        return [line.record.name for line in source if isinstance(line, LogLine)]


def test_a_log_is_read_with_its_closed_segments(tmp_path: Path) -> None:
    """Oldest first, compressed or not."""
    with JsonlStore(tmp_path / "log", max_bytes=100, compress=True) as store:
        for number in range(5):
            store.emit(record(f"e{number}"))

    assert len(list(tmp_path.iterdir())) > 2
    assert names(tmp_path / "log") == [f"e{number}" for number in range(5)]


def test_a_compressed_file_and_a_database_are_read_as_lines(tmp_path: Path) -> None:
    """Whatever they are called."""
    (tmp_path / "a").write_bytes(gzip.compress(encode(record("a"))))
    with SqliteStore(tmp_path / "b") as store:
        store.emit(record("b"))

    assert names(tmp_path / "a") == ["a"]
    with open_source(tmp_path / "b") as source:
        [line] = source
        assert (source.events, source.malformed) == (1, 0)
    assert isinstance(line, LogLine)
    assert (line.number, line.record.name, line.own) == (1, "b", True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("opened", [open_source, find_records])
def test_a_database_that_cannot_be_read_is_closed(
    opened: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of ours, the table of which is not there any more."""
    path = tmp_path / "t.db"
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE records")
    connections: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def noted(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(connect(*arguments, **options))
        return connections[-1]

    monkeypatch.setattr(sqlite3, "connect", noted)

    with pytest.raises(UnusableInput, match=r"cannot read telemetry from .*t.db: no such table: records"):
        opened(path)

    assert connections
    for connection in connections:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """Nothing of it is looked at and lost."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(encode(record("a")) * 3))
    writer.start()

    assert names(pipe) == ["a"] * 3
    writer.join()


def test_a_stream_may_be_compressed(tmp_path: Path) -> None:
    """As what another program sends."""
    stream = io.BufferedReader(io.BytesIO(gzip.compress(encode(record("a")))))

    [line] = stream_source(stream, "standard input")

    assert isinstance(line, LogLine)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04", "is compressed (zip)"),
        (b"\x28\xb5\x2f\xfd", "is compressed (zstd)"),
        ("{}".encode("utf-16"), "is UTF-16 text"),
        (b"\0\0", "is binary"),
        (b"SQLite format 3\0" + b"\0" * 100, "cannot read telemetry"),
    ],
)
def test_what_is_no_log_is_said_to_be_none(content: bytes, said: str, tmp_path: Path) -> None:
    """With its name."""
    path = tmp_path / "x"
    path.write_bytes(content)

    with pytest.raises(UnusableInput) as failed:
        open_source(path)

    assert str(path) in str(failed.value)
    assert said in str(failed.value)


def test_a_directory_means_the_log_or_the_database_in_it(tmp_path: Path) -> None:
    """A file means itself, also where it is not there."""
    with pytest.raises(UnusableInput, match=r"holds neither events\.jsonl nor telemetry\.db; name a log"):
        find_log(tmp_path)
    (tmp_path / "telemetry.db").touch()
    assert find_log(tmp_path) == tmp_path / "telemetry.db"
    (tmp_path / "telemetry.db").rename(tmp_path / "events.jsonl")
    assert find_log(tmp_path) == tmp_path / "events.jsonl"
    assert find_log(tmp_path / "other") == tmp_path / "other"


def test_a_directory_that_holds_both_is_ambiguous(tmp_path: Path) -> None:
    """One of them is old, and nobody is told its figures as if they were new."""
    (tmp_path / "events.jsonl").touch()
    (tmp_path / "telemetry.db").touch()

    with pytest.raises(UnusableInput, match=r"holds both events\.jsonl and telemetry\.db; name one of them$"):
        find_log(tmp_path)


@pytest.fixture
def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of runs below the working one."""
    monkeypatch.chdir(tmp_path)
    usual = Path("_ctx", "telemetry")
    usual.mkdir(parents=True)
    return usual


def configure(*lines: str) -> None:
    Path("pyproject.toml").write_text("\n".join(["[tool.pytest_telemetry]", *lines]))


def test_without_a_path_and_a_configuration_the_usual_directory_is_looked_at(usual: Path) -> None:
    """As if it had been named."""
    with pytest.raises(UnusableInput, match="no run was kept here"):
        find_log()
    (usual / "events.jsonl").touch()

    assert find_log() == usual / "events.jsonl"


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["storage_type = 'file'"], "_ctx/telemetry/events.jsonl"),
        (["storage_type = 'sqlite'"], "_ctx/telemetry/telemetry.db"),
        (["storage_type = 'file'", "storage_path = 'my.log'"], "my.log"),
        (["storage_path = 'my.log'", "enabled = false"], "my.log"),
    ],
)
def test_without_a_path_what_the_project_configures_is_meant(
    usual: Path, lines: list[str], place: str
) -> None:
    """Whatever else lies in the usual directory."""
    for name in ("events.jsonl", "telemetry.db"):
        (usual / name).touch()
    Path(place).touch()
    configure(*lines)

    assert find_log() == Path(place)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["storage_path = 'logs/x.jsonl'"],
            r"^logs/x\.jsonl: no run was kept here, where .*pyproject\.toml says",
        ),
        (["enabled = false"], r"says enabled = false, so no run was kept in _ctx/telemetry/telemetry\.db"),
        (["storage_type = 'memory'"], 'says storage_type = "memory", which keeps no run'),
    ],
)
def test_where_nothing_was_kept_the_setting_is_named_that_says_why(
    usual: Path, lines: list[str], said: str
) -> None:
    """An older log in the usual place is not taken for it."""
    (usual / "events.jsonl").touch()
    configure(*lines)

    with pytest.raises(UnusableInput, match=f"{said}.*; name a log"):
        find_log()


def test_a_project_without_a_table_has_no_configuration(tmp_path: Path) -> None:
    """And neither has one without the file."""
    assert read_config(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert read_config(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text("[tool.pytest_telemetry]\nbatch_size = 7\n")
    config = read_config(tmp_path)
    assert config is not None
    assert (config.batch_size, config.storage_path) == (7, None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[tool", "cannot be used"),
        (b"\xff", "cannot be used"),
        (b"[tool]\npytest_telemetry = 3\n", "cannot be used"),
        (b"tool = 3\n", "tool is no table"),
        (b"[tool]\npytest_telemetry = 'yes'\n", "is no table but 'yes'"),
        (b"x = " + b"[" * 3_000, "is nested too deeply"),
        (b"[tool.pytest_telemetry]\nstorage_path = '~nouser/x'\n", "only where somebody's home is known"),
        (b'[tool.pytest_telemetry]\nstorage_path = "a\\u0000b"\n', "without NUL"),
        (b"[tool.pytest_telemetry]\nbatchsize = 3\n", "did you mean batch_size?"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_one_clear_line(
    content: bytes, said: str, tmp_path: Path
) -> None:
    """With the name of the file."""
    (tmp_path / "pyproject.toml").write_bytes(content)

    with pytest.raises(UnusableInput) as failed:
        read_config(tmp_path)

    assert str(failed.value).startswith(f"{tmp_path / 'pyproject.toml'}: ")
    assert said in str(failed.value)
