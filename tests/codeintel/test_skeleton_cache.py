"""Caches of skeletons: what is kept is served equal, what is not is not, and both are counted as they are."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_telemetry import TelemetryRecorder, event
from pytest_telemetry.codeintel import skeleton as skeleton_module
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.skeleton_bytes import decoded, encoded
from pytest_telemetry.codeintel.skeleton_cache import (
    Lookup,
    MemorySkeletonCache,
    SkeletonCache,
    SqliteSkeletonCache,
)
from pytest_telemetry.codeintel.skeleton_map import Damage, SkeletonMap, Symbol, SymbolRow, symbols_of

Make = Callable[..., SkeletonCache]
CODE = "@d\nclass A(B):\n    'Doc.'\n    x: int\n    async def f(self, a=1): ...\nif x:\n    import os\n"


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    opened: list[SqliteSkeletonCache] = []

    def made(**limits: int) -> SkeletonCache:
        if request.param == "memory":
            return MemorySkeletonCache(**limits)
        opened.append(SqliteSkeletonCache(tmp_path / "cache/skeletons.db", **limits))
        return opened[-1]

    yield made
    for cache in opened:
        cache.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteSkeletonCache]:
    with SqliteSkeletonCache(tmp_path / "skeletons.db") as cache:
        yield cache


def skeleton(size: int = 10, name: str = "f") -> SkeletonMap:
    return SkeletonMap("a.py", (Symbol(name, name, "function", 1, 1, 1, "x" * size),), (), 100)


LINES = st.integers(1, 1_000_000)
ROWS = st.builds(
    SymbolRow,
    depth=st.just(0),
    name=st.text(min_size=1),
    kind=st.sampled_from(["class", "function", "method", "constant", "import"]),
    line=LINES,
    first_line=LINES,
    end_line=LINES,
    signature=st.text(),
    is_async=st.booleans(),
    decorators=st.lists(st.text()).map(tuple),
    doc=st.text(),
    is_conditional=st.booleans(),
)


@settings(max_examples=50)
@given(st.lists(st.tuples(ROWS, st.integers(0, 3))), st.lists(st.builds(Damage, LINES, LINES)))
def test_what_is_encoded_is_decoded_equal(rows: list[tuple[SymbolRow, int]], damage: list[Damage]) -> None:
    """Whatever a skeleton holds, and however it is nested."""
    deepest = 0
    nested = []
    for row, depth in rows:
        nested.append(row._replace(depth=min(depth, deepest)))
        deepest = nested[-1].depth + 1
    it = SkeletonMap("a.py", symbols_of(nested), tuple(damage), 10)

    assert decoded(encoded(it)) == it


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b'["a.py",1,[],[[0]]]', b'["a.py",1,3,[]]', b"\xff"])
def test_what_is_no_skeleton_is_not_decoded(value: bytes) -> None:
    """An error of one kind, whatever it is."""
    with pytest.raises(ValueError):
        decoded(value)


def test_a_second_look_is_a_hit(make: Make, telemetry_recorder: TelemetryRecorder, tmp_path: Path) -> None:
    """With the same skeleton, one parse, and records that say from where it came."""
    cache = make()
    builder = SkeletonMapBuilder(telemetry_recorder.context, tmp_path, cache)

    assert builder.parse_python(CODE, "a.py") == builder.parse_python(CODE, "a.py")
    spans_and_events = [record for record in telemetry_recorder if record.kind != "metric"]
    assert [record.name for record in spans_and_events] == ["ast.cache.miss", "ast.parse", "ast.cache.hit"]
    assert (
        event("ast.cache.hit", {"args.file": "a.py", "result.backend": cache.backend}) in telemetry_recorder
    )
    assert [
        telemetry_recorder.metric(f"ast_{name}_count") for name in ("parse", "cache_miss", "cache_hit")
    ] == [1, 1, 1]
    assert dict(cache.statistics()) | {"bytes": 0} == {
        "hits": 1,
        "misses": 1,
        "errors": 0,
        "entries": 1,
        "bytes": 0,
    }


@pytest.mark.parametrize(
    ("code", "file"),
    [(CODE + "\n", "a.py"), (CODE, "b.py"), (CODE.encode(), "a.py")],
    ids=["other content", "other file", "bytes"],
)
def test_another_file_is_a_miss(make: Make, code: str | bytes, file: str) -> None:
    """Content and name make the key, and what could be in another encoding is apart."""
    cache = make()
    builder = SkeletonMapBuilder(cache=cache)
    builder.parse_python(CODE, "a.py")
    builder.parse_python(code, file)

    assert (cache.statistics()["hits"], cache.statistics()["misses"]) == (0, 2)


def test_another_parser_is_a_miss(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version of the grammar, or of what we read out of it, sees files anew."""
    cache = make()
    SkeletonMapBuilder(cache=cache).parse_python(CODE, "a.py")
    monkeypatch.setattr(skeleton_module, "FORMAT", skeleton_module.FORMAT + 1)
    SkeletonMapBuilder(cache=cache).parse_python(CODE, "a.py")

    assert (cache.statistics()["hits"], cache.statistics()["entries"]) == (0, 2)


def test_damage_is_kept_as_well(make: Make) -> None:
    """A broken file is broken the second time, too, and no less of it is there."""
    builder = SkeletonMapBuilder(cache=make())
    first = builder.parse_python("def f(:\n", "a.py")

    assert builder.parse_python("def f(:\n", "a.py") == first
    assert first.status == "partial"


def test_what_was_used_least_recently_makes_room(make: Make) -> None:
    """Being found counts as use."""
    one = len(b"a") + len(encoded(skeleton()))
    cache = make(max_bytes=2 * one)
    for key in "ab":
        cache.put(key, skeleton())
    cache.get("a")
    cache.put("c", skeleton())

    assert [cache.get(key).status for key in "abc"] == ["hit", "miss", "hit"]
    assert cache.statistics()["bytes"] == 2 * one


def test_what_is_too_long_is_not_kept(make: Make) -> None:
    """It pushes nothing out, and does not leave an older one of its key."""
    cache = make(max_bytes=500)
    cache.put("a", skeleton())
    cache.put("b", skeleton())
    cache.put("a", skeleton(1_000))

    assert [cache.get(key).status for key in "ab"] == ["miss", "hit"]
    assert cache.statistics()["entries"] == 1


def test_what_is_replaced_counts_once(make: Make) -> None:
    """The bytes are those of what is there."""
    cache = make()
    for size in (10, 500, 20):
        cache.put("a", skeleton(size))

    assert cache.get("a") == Lookup("hit", skeleton(20))
    assert cache.statistics()["entries"] == 1
    assert cache.statistics()["bytes"] == len(b"a") + len(encoded(skeleton(20)))


def test_memory_keeps_so_many_entries_and_no_more() -> None:
    """Also none."""
    for most, kept in ((2, ["miss", "hit", "hit"]), (0, ["miss"] * 3)):
        cache = MemorySkeletonCache(max_entries=most)
        for key in "abc":
            cache.put(key, skeleton())

        assert [cache.get(key).status for key in "abc"] == kept


def test_threads_may_share_a_cache(make: Make) -> None:
    """No look-up is lost or counted twice."""
    cache = make()

    def use(number: int) -> None:
        for turn in range(20):
            cache.put(f"{number}-{turn}", skeleton(turn))
            assert cache.get(f"{number}-{turn}") == Lookup("hit", skeleton(turn))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert cache.statistics()["hits"] == cache.statistics()["entries"] == 80


def test_a_database_outlives_its_process(tmp_path: Path) -> None:
    """What one process kept, another finds."""
    path = tmp_path / "skeletons.db"
    program = f"""
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.skeleton_cache import SqliteSkeletonCache
with SqliteSkeletonCache({str(path)!r}) as cache:
    SkeletonMapBuilder(cache=cache).parse_python({CODE!r}, "a.py")
"""
    subprocess.run([sys.executable, "-c", program], check=True)

    with SqliteSkeletonCache(path) as cache:
        SkeletonMapBuilder(cache=cache).parse_python(CODE, "a.py")
        assert cache.statistics()["hits"] == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_a_connection_of_its_own(sqlite: SqliteSkeletonCache) -> None:
    """Parent and child go on, and see what the other one keeps."""
    sqlite.put("a", skeleton())

    def child() -> None:
        assert sqlite.get("a").status == "hit"
        sqlite.put("b", skeleton())
        sqlite.close()

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()

    assert process.exitcode == 0
    assert [sqlite.get(key).status for key in "ab"] == ["hit", "hit"]


def test_hits_are_written_down_now_and_then(
    sqlite: SqliteSkeletonCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing is put: who only reads says what is in use."""
    monkeypatch.setattr("pytest_telemetry.codeintel.skeleton_cache._TOUCHES", 2)
    for key in "abc":
        sqlite.put(key, skeleton())
    for key in "abc":
        sqlite.get(key)

    assert not sqlite._touched


@pytest.fixture
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path: Path = tmp_path / "skeletons.db"
    match request.param:
        case "garbage":
            path.write_bytes(b"this is no database" * 100)
        case "foreign":
            connection = sqlite3.connect(path)
            connection.execute("CREATE TABLE skeletons (key TEXT)")
            connection.close()
        case "newer":
            with SqliteSkeletonCache(path) as cache:
                cache.put("a", skeleton())
            connection = sqlite3.connect(path)
            connection.execute("PRAGMA user_version = 99")
            connection.close()
        case "directory":
            path.mkdir()
        case "file above":
            path.write_bytes(b"")
            path = path / "skeletons.db"
    return path


@pytest.mark.parametrize("damaged", ["garbage", "foreign", "newer", "directory", "file above"], indirect=True)
def test_a_file_that_is_no_cache_is_an_error_and_left_alone(
    damaged: Path, telemetry_recorder: TelemetryRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """Files are parsed, nothing is counted as hit or miss, and one warning says what to do."""
    before = damaged.read_bytes() if damaged.is_file() else None
    with SqliteSkeletonCache(damaged) as cache:
        builder = SkeletonMapBuilder(telemetry_recorder.context, cache=cache)
        first, second = builder.parse_python(CODE, "a.py"), builder.parse_python(CODE, "a.py")

        assert first == second
        assert event("ast.cache.*") not in telemetry_recorder
        assert telemetry_recorder.metric("ast_parse_count") == 2
        figures = cache.statistics()
    assert (figures["hits"], figures["misses"], figures["entries"]) == (0, 0, 0)
    assert figures["errors"] > 0
    assert damaged.is_file() is (before is not None)
    assert before is None or damaged.read_bytes() == before
    (warning,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert "the cache of skeletons skeletons.db fails" in warning.getMessage()
    assert "remove it, or name another file" in warning.getMessage()


@pytest.mark.parametrize("change", ["value = x'5b5d'", "value = 'text'", "checksum = 0"])
def test_an_entry_that_is_damaged_is_an_error_and_replaced(
    tmp_path: Path, change: str, telemetry_recorder: TelemetryRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is never served; the rest of the file is in use as before."""
    path = tmp_path / "skeletons.db"
    with SqliteSkeletonCache(path) as cache:
        SkeletonMapBuilder(cache=cache).parse_python(CODE, "a.py")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(f"UPDATE skeletons SET {change}")
    connection.close()

    with SqliteSkeletonCache(path) as cache:
        builder = SkeletonMapBuilder(telemetry_recorder.context, cache=cache)
        assert builder.parse_python(CODE, "a.py") == builder.parse_python(CODE, "a.py")
        assert cache.statistics()["errors"] == 1
    names = [record.name for record in telemetry_recorder if record.kind == "event"]
    assert names == ["ast.cache.hit"]
    assert "an entry is damaged" in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM totals",
        "DROP TABLE totals",
        "UPDATE totals SET bytes = 'text'",
        "UPDATE totals SET bytes = NULL",
        "UPDATE totals SET bytes = -1",
        "UPDATE totals SET turn = NULL",
        "UPDATE totals SET turn = 9223372036854775807",
    ],
)
def test_a_cache_that_miscounts_is_an_error_and_files_are_parsed(
    tmp_path: Path, change: str, telemetry_recorder: TelemetryRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever its totals hold: nothing raises, also at the end, and the statistics are numbers."""
    path = tmp_path / "skeletons.db"
    with SqliteSkeletonCache(path) as cache:
        SkeletonMapBuilder(cache=cache).parse_python(CODE, "a.py")
    changed(path, change)

    with SqliteSkeletonCache(path) as cache:
        cache.get("a")
        builder = SkeletonMapBuilder(telemetry_recorder.context, cache=cache)
        assert builder.parse_python(CODE, "b.py").status == "ok"
        figures = cache.statistics()
    assert figures["errors"] > 0
    assert (figures["entries"], figures["bytes"]) == (0, 0)
    assert telemetry_recorder.metric("ast_parse_count") == 1
    assert len(caplog.records) == 1


def test_the_end_of_a_cache_that_miscounts_is_quiet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also where nothing was put before: what was used cannot be written down, which one warning says."""
    path = tmp_path / "skeletons.db"
    with SqliteSkeletonCache(path) as cache:
        cache.put("a", skeleton())
    changed(path, "DELETE FROM totals")

    with SqliteSkeletonCache(path) as cache:
        assert cache.get("a").status == "hit"
    assert "it is damaged" in caplog.text


@pytest.mark.parametrize("size", [10, 1_000], ids=["replaced", "makes room"])
@pytest.mark.parametrize("value", ["NULL", "'text'", "1.5"])
def test_an_entry_without_a_size_is_an_error(
    tmp_path: Path, value: str, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it is replaced or is to make room."""
    path = tmp_path / "skeletons.db"
    with SqliteSkeletonCache(path) as cache:
        cache.put("a", skeleton(900))
    changed(path, f"UPDATE skeletons SET bytes = {value}")

    with SqliteSkeletonCache(path, max_bytes=1_500) as cache:
        cache.put("a" if size == 10 else "b", skeleton(size))
        assert cache.get("a").status == "error"
        assert cache.statistics()["errors"] > 0
    assert "it is damaged" in caplog.text


def changed(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def test_a_file_whose_name_is_no_text_is_kept_under_its_escaped_name(
    make: Make, telemetry_recorder: TelemetryRecorder
) -> None:
    """Bytes that are not UTF-8 are no reason to parse it again."""
    builder = SkeletonMapBuilder(telemetry_recorder.context, cache=make())

    first = builder.parse_python(CODE, "caf\udce9.py")

    assert first == builder.parse_python(CODE, "caf\udce9.py")
    assert first.file == r"caf\udce9.py"
    assert telemetry_recorder.metric("ast_parse_count") == 1


def test_what_cannot_be_written_down_is_not_kept(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing raises, and the cache goes on."""
    cache = make()
    cache.put("a", SkeletonMap("caf\udce9.py", (), (), 1))
    cache.put("b", skeleton())

    assert [cache.get(key).status for key in "ab"] == ["miss", "hit"]


def test_a_lock_of_others_is_an_error_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be kept is kept the next time."""
    path = tmp_path / "skeletons.db"
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **options: connect(path, **options | {"timeout": 0}))
    with SqliteSkeletonCache(path) as cache:
        cache.get("a")
        other = connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        cache.put("a", skeleton())
        other.execute("COMMIT")
        other.close()
        assert cache.get("a").status == "miss"
        cache.put("a", skeleton())

        assert cache.get("a") == Lookup("hit", skeleton())
        assert cache.statistics()["errors"] == 1
    assert "database is locked" in caplog.text


def test_a_closed_cache_opens_again(sqlite: SqliteSkeletonCache) -> None:
    """Closing is idempotent."""
    sqlite.put("a", skeleton())
    sqlite.close()
    sqlite.close()

    assert sqlite.get("a") == Lookup("hit", skeleton())
