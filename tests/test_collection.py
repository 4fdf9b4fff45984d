"""A collection is what its configuration says: every key changes how it behaves."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry import collection as assembly
from pytest_telemetry.collection import Collection, open_collection
from pytest_telemetry.model.config import TelemetryConfig
from pytest_telemetry.model.errors import Unavailable, UnusableInput
from pytest_telemetry.model.file_lock import HAS_LOCKS, lock
from pytest_telemetry.model.record import Record
from pytest_telemetry.runtime import append_file
from pytest_telemetry.runtime.closed_segments import ClosedSegments
from pytest_telemetry.runtime.context import TelemetryContext
from pytest_telemetry.runtime.elsewhere import finished_span
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sinks.memory import MemoryStore
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.testing.fake_clock import FakeClock

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "configuration.md"
DAY_S = 86_400


class Gate(threading.Event):
    """What a store waits for, and whether it does."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()


class World:
    """Where a collection is opened: a workspace, a clock, and what was opened."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = FakeClock()
        self.opened: list[Collection] = []

    def open(self, **keys: Any) -> tuple[Collection, TelemetryContext]:
        config = TelemetryConfig(**({"storage_type": "memory"} | keys))
        collection = open_collection(config, workspace=self.directory, clock=self.clock)
        self.opened.append(collection)
        context = TelemetryContext(
            *collection.sinks, processors=collection.processors, enabled=True, clock=self.clock
        )
        return collection, context

    def kept(self, events: Sequence[dict[str, Any]], **keys: Any) -> list[Record]:
        """Return what is kept of *events*."""
        collection, context = self.open(**keys)
        for event in events:
            context.event("step", **event)
        context.flush()
        assert collection.store is not None
        return list(collection.store.records())

    def numbers(self, collection: Collection) -> tuple[int, int, int]:
        figures = collection.sinks[0].statistics()
        return figures["stored"], figures["queued"], figures["dropped"]

    def hold_up(self, collection: Collection) -> Gate:
        """Keep the store from taking anything until the event that is returned is set."""
        gate, emit = Gate(), collection.store.emit  # type: ignore[union-attr]  # it was opened

        def wait(record: Record, /) -> None:
            gate.reached.set()
            assert gate.wait(20)
            emit(record)

        collection.store.emit = wait  # type: ignore[union-attr, method-assign]  # as above
        return gate


@pytest.fixture
def world(tmp_path: Path) -> Any:
    made = World(tmp_path)
    yield made
    for collection in made.opened:
        for sink in collection.sinks:
            sink.close()


def enabled(world: World) -> None:
    collection, context = world.open(enabled=False, storage_type="sqlite")

    assert collection == Collection(None, (), ())
    assert not context.is_enabled
    assert list(world.directory.iterdir()) == []


def batch_size(world: World) -> None:
    collection, context = world.open(batch_size=3, async_flush=False)
    for _ in range(4):
        context.event("step")

    assert world.numbers(collection) == (3, 1, 0)


def flush_interval_seconds(world: World) -> None:
    collection, context = world.open(flush_interval_seconds=2, async_flush=False)
    context.event("step")
    world.clock.advance(2)
    context.event("step")

    assert world.numbers(collection) == (2, 0, 0)


def max_queue_size(world: World) -> None:
    collection, context = world.open(batch_size=2, max_queue_size=5)
    gate = world.hold_up(collection)
    for _ in range(20):
        context.event("step")

    stored, queued, dropped = world.numbers(collection)
    gate.set()
    assert (stored, queued + dropped) == (0, 20)
    assert 5 <= queued <= 7


def overflow(world: World) -> None:
    first = {}
    for policy in ("drop-newest", "drop-oldest"):
        collection, context = world.open(batch_size=2, max_queue_size=2, overflow=policy)
        gate = world.hold_up(collection)
        for number in range(20):
            context.event("step", number=number)
            assert number != 1 or gate.reached.wait(20)  # the first batch is in hand
        gate.set()
        context.flush()
        assert collection.store is not None
        first[policy] = [record.attrs["number"] for record in collection.store.records()][-1]

    assert first["drop-newest"] < 19
    assert first["drop-oldest"] == 19


def block_seconds(world: World) -> None:
    asked = world.clock
    collection, context = world.open(
        batch_size=1, max_queue_size=1, overflow="block", block_seconds=7, flush_interval_seconds=10_000
    )
    gate = world.hold_up(collection)
    asked.auto_tick = 7
    before = asked.mono_ns()
    for _ in range(3):
        context.event("step")
    waited = asked.mono_ns() - before
    asked.auto_tick = 0
    dropped = world.numbers(collection)[2]
    gate.set()

    assert dropped >= 1
    assert waited >= 7_000_000_000


def async_flush(world: World) -> None:
    before = threading.active_count()
    collection, context = world.open(async_flush=False)
    context.event("step")
    assert threading.active_count() == before
    _, other = world.open(async_flush=True)
    other.event("step")

    assert threading.active_count() == before + 1
    assert world.numbers(collection) == (0, 1, 0)


def max_flush_workers(world: World) -> None:
    before = threading.active_count()
    _, context = world.open(max_flush_workers=3)
    context.event("step")

    assert threading.active_count() == before + 3


def sampling_rate(world: World) -> None:
    assert world.kept([{}] * 20, sampling_rate=0) == []
    assert 0 < len(world.kept([{}] * 200, sampling_rate=0.5)) < 200


def event_types(world: World) -> None:
    kept = world.kept([{"event_type": "agent_run"}, {"event_type": "other"}], event_types=["agent_run"])

    assert [record.attrs["event_type"] for record in kept] == ["agent_run"]


def min_severity(world: World) -> None:
    kept = world.kept([{"severity": name} for name in ("info", "error", "critical")], min_severity="error")

    assert [record.attrs["severity"] for record in kept] == ["error", "critical"]


def max_events_per_hour(world: World) -> None:
    collection, context = world.open(max_events_per_hour=2)
    for _ in range(5):
        context.event("step")
    world.clock.advance(3600)
    context.event("step")
    context.flush()

    assert world.numbers(collection) == (3, 0, 0)
    assert context.statistics()["dropped_by_processors"] == {"RateLimit": 3}


def retention_days(world: World) -> None:
    for kind in ("sqlite", "file"):
        for _ in range(4):  # a segment is closed by the first record of another day
            world.kept([{"kind": kind}], storage_type=kind)
            world.clock.advance(2 * DAY_S)
        for collection in world.opened:  # what somebody may still write to stays
            collection.sinks[0].close()
        for segment in (world.directory / "_ctx" / "telemetry").glob("events.0*"):
            os.utime(segment, ns=(world.clock.wall_ns() - 6 * DAY_S * 10**9,) * 2)

        assert len(world.kept([], storage_type=kind, retention_days=None)) == 4
        assert 0 < len(world.kept([], storage_type=kind, retention_days=3)) < 4


def compression(world: World) -> None:
    for name, compress in (("packed", True), ("plain", False)):
        for _ in range(2):
            world.kept([{}], storage_type="file", compression=compress, storage_path=world.directory / name)
            world.clock.advance(2 * DAY_S)
    for collection in world.opened:
        collection.sinks[0].close()

    assert sorted(path.name for path in world.directory.iterdir() if ".0" in path.name) == [
        "packed.000001.gz",
        "plain.000001",
    ]


def pii_filtering(world: World) -> None:
    secret = {"contact": "ada@example.org", "path": str(world.directory / "a" / "b.py")}

    assert world.kept([secret], pii_filtering=False)[0].attrs == secret
    masked = world.kept([secret])[0].attrs
    assert "ada" not in str(masked)
    assert masked["path"] == "a/b.py"


def sanitize_fields(world: World) -> None:
    kept = world.kept(
        [{"user_query": "why?", "deep": {"user_query": 1}, "rows": 1}], sanitize_fields=["user_query"]
    )

    assert kept[0].attrs == {
        "user_query": "[REDACTED:field]",
        "deep": {"user_query": "[REDACTED:field]"},
        "rows": 1,
    }


def storage_type(world: World) -> None:
    stores = [world.open(storage_type=kind)[0].store for kind in ("sqlite", "file", "memory")]

    assert [type(store) for store in stores] == [SqliteStore, JsonlStore, MemoryStore]
    assert (world.directory / "_ctx" / "telemetry" / "events.jsonl").exists()
    with closing(sqlite3.connect(world.directory / "_ctx" / "telemetry" / "telemetry.db")) as database:
        assert database.execute("SELECT count(*) FROM records").fetchone() == (0,)


def storage_path(world: World) -> None:
    for kind in ("sqlite", "file"):
        path = world.directory / "deep" / "er" / kind
        world.kept([{}], storage_type=kind, storage_path=path)

        assert path.exists()


SHOWN: dict[str, Callable[[World], None]] = {
    shown.__name__: shown
    for shown in (
        *(enabled, batch_size, flush_interval_seconds, max_queue_size, overflow, block_seconds, async_flush),
        *(max_flush_workers, sampling_rate, event_types, min_severity, max_events_per_hour, retention_days),
        *(compression, pii_filtering, sanitize_fields, storage_type, storage_path),
    )
}


@pytest.mark.parametrize("key", re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
def test_every_key_of_the_page_changes_what_is_collected(world: World, key: str) -> None:
    """The page says how."""
    SHOWN[key](world)


def test_every_key_is_shown() -> None:
    """A key that is added to the configuration needs its row, and its proof."""
    assert list(SHOWN) == [field.name for field in fields(TelemetryConfig)]


@pytest.mark.parametrize("masks", [True, False])
def test_what_waits_is_kept_as_it_was_when_it_was_emitted(world: World, masks: bool) -> None:
    """The program goes on with its lists while they are in the queue."""
    collection, context = world.open(pii_filtering=masks)
    rows = [1]
    context.event("step", rows=rows)
    rows.append(2)
    context.flush()

    assert collection.store is not None
    assert [record.attrs for record in collection.store.records()] == [{"rows": [1]}]


@pytest.mark.parametrize("kind", ["sqlite", "file", "memory"])
def test_a_collection_loses_nothing_by_default(world: World, kind: str) -> None:
    """What was accepted is stored and read back."""
    kept = world.kept([{"number": number} for number in range(1000)], storage_type=kind)

    assert [record.attrs["number"] for record in kept] == list(range(1000))
    assert world.numbers(world.opened[0]) == (1000, 0, 0)


@pytest.mark.parametrize("kind", ["sqlite", "file", "memory"])
@pytest.mark.parametrize("days", [5e-324, 36_500])
def test_the_most_that_a_configuration_may_ask_for_is_kept_to(world: World, kind: str, days: float) -> None:
    """What is valid fails nowhere later, and a batch that is never full is stored by a flush."""
    counts = dict.fromkeys(("batch_size", "max_queue_size", "max_events_per_hour"), 10**400)
    times = dict.fromkeys(("flush_interval_seconds", "block_seconds"), 10**400)

    kept = world.kept(
        [{}, {}],
        **(counts | times),
        overflow="block",
        max_flush_workers=64,
        storage_type=kind,
        retention_days=days,
    )

    assert [record.name for record in kept] == ["step", "step"]


def old_segments(world: World) -> list[Path]:
    """Return two closed segments that nobody has written to for ten days."""
    path = world.directory / "_ctx" / "telemetry" / "events.jsonl"
    with JsonlStore(path, max_bytes=1) as log:
        for number in range(3):
            log.emit(Record("event", f"e{number}", "", 0))
    segments = sorted(path.parent.glob("events.0*"))
    for segment in segments:
        os.utime(segment, ns=(world.clock.wall_ns() - 10 * DAY_S * 10**9,) * 2)
    return segments


@pytest.mark.skipif(not HAS_LOCKS, reason="segments are not closed on this system")
def test_a_segment_that_was_written_to_lately_stays_however_many_there_are(world: World) -> None:
    """Each was closed because its first record had begun a day before it was written."""
    store = world.directory / "_ctx" / "telemetry"
    for number in range(6):
        collection, context = world.open(storage_type="file", retention_days=3)
        finished_span(context, "job", (DAY_S + 1) * 10**9, attrs={"number": number})
        collection.sinks[0].close()
        for path in store.iterdir():
            os.utime(path, ns=(world.clock.wall_ns(),) * 2)

    assert len(list(store.glob("events.0*"))) == 5
    assert len(world.kept([], storage_type="file", retention_days=3)) == 6


def test_an_old_segment_that_another_process_removes_meanwhile_is_no_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are removed all the same."""
    first, second = old_segments(world)
    numbers = ClosedSegments.numbers

    def numbers_of_before(segments: ClosedSegments) -> list[int]:
        found = numbers(segments)
        first.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(ClosedSegments, "numbers", numbers_of_before)
    world.open(storage_type="file", retention_days=3)

    assert second.read_bytes() == b""  # for the next number


@pytest.mark.skipif(not HAS_LOCKS, reason="this system has no locks to tell who still writes to a segment")
def test_an_old_segment_that_somebody_may_still_write_to_stays(world: World) -> None:
    """Until nobody has it open any more."""
    first, second = old_segments(world)

    with second.open("rb") as writer:
        lock(writer.fileno(), exclusive=False)
        world.open(storage_type="file", retention_days=3)
        assert not first.exists()
        assert second.read_bytes()
    world.open(storage_type="file", retention_days=3)

    assert not second.read_bytes()


def test_an_old_segment_that_cannot_be_removed_is_said_and_stays(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Telemetry is collected all the same."""
    segments = old_segments(world)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(ClosedSegments, "remove", refuse)
    opened, _ = world.open(storage_type="file", retention_days=3)

    assert opened.store is not None
    assert all(segment.exists() for segment in segments)
    assert caplog.messages == ["telemetry older than 3 days stays for now: 2 segments cannot be removed"]


@pytest.mark.parametrize("error", [Unavailable(5, "others write"), OSError(5, "disk I/O error")])
def test_old_records_that_cannot_be_removed_are_said_and_stay(
    error: OSError, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that can be written to is used, whatever came of that."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(SqliteStore, "trim", refuse)

    assert len(world.kept([{}], storage_type="sqlite")) == 1
    assert caplog.messages == [f"telemetry older than 30 days stays for now: {error}"]


def test_where_the_system_can_close_no_segment_a_file_is_kept_without(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than nothing at all."""
    monkeypatch.setattr(append_file, "HAS_LOCKS", False)
    monkeypatch.setattr(assembly, "HAS_LOCKS", False)

    assert len(world.kept([{}], storage_type="file")) == 1


def test_a_store_that_cannot_be_opened_is_one_error(world: World) -> None:
    """Before anything is collected."""
    (world.directory / "file").write_text("")

    for kind in ("sqlite", "file"):
        with pytest.raises(UnusableInput):
            world.open(storage_type=kind, storage_path=world.directory / "file" / "below")
