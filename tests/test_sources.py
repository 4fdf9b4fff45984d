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
    """A log comes first."""
    with pytest.raises(UnusableInput, match=r"holds neither events\.jsonl nor telemetry\.db"):
        find_log(tmp_path)
    (tmp_path / "telemetry.db").touch()
    assert find_log(tmp_path).name == "telemetry.db"
    (tmp_path / "events.jsonl").touch()
    assert find_log(tmp_path).name == "events.jsonl"
    assert find_log(tmp_path / "other") == tmp_path / "other"


def test_without_a_path_the_usual_places_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the one that the project configures."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnusableInput, match="no run was kept here"):
        find_log()
    usual = tmp_path / "_ctx" / "telemetry" / "events.jsonl"
    usual.parent.mkdir(parents=True)
    usual.touch()
    assert find_log().absolute() == usual

    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest_telemetry]\nstorage_type = "file"\nstorage_path = "my.log"\n'
    )
    assert find_log().absolute() == usual
    (tmp_path / "my.log").touch()
    assert find_log().absolute() == tmp_path / "my.log"


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
        (b"[tool.pytest_telemetry]\nstorage_path = '~nouser/x'\n", "home directory"),
        (b'[tool.pytest_telemetry]\nstorage_path = "a\\u0000b"\n', "storage_path must be a path, or None"),
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
