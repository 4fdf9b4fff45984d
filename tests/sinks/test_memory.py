"""The memory store: bounded, complete, and made into records only when somebody reads."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from pytest_telemetry import Record, TelemetryContext, event, metric, only, span
from pytest_telemetry.model.protocols import Store
from pytest_telemetry.runtime.pipeline import Observer
from pytest_telemetry.sinks import memory
from pytest_telemetry.sinks.memory import MemoryStore, creation_line


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def tele(store: MemoryStore) -> TelemetryContext:
    return TelemetryContext(store, enabled=True)


def test_it_is_a_store_and_an_observer(store: MemoryStore) -> None:
    """It has what contexts and readers ask for."""
    observer: Observer = store

    assert isinstance(observer, Store)


def test_spans_stand_in_the_order_in_which_they_opened(store: MemoryStore, tele: TelemetryContext) -> None:
    """A parent stands before its children although it ends after them; seq tells the order of the ends."""
    with tele("a"), tele("b"):
        tele.event("c")

    names = [record.name for record in store.records()]
    by_seq = [record.name for record in sorted(store.records(), key=lambda record: record.seq or 0)]

    assert names == ["a", "b", "c"]
    assert by_seq == ["c", "b", "a"]


def test_an_open_span_has_no_end_and_names_the_line_that_opened_it(
    store: MemoryStore, tele: TelemetryContext
) -> None:
    """Until it ends, a span has no duration and no seq, and its creation line is known."""
    with tele("a"):
        line = sys._getframe().f_lineno - 1
        [record] = store.records()
        [open_span] = store.open_spans()

        assert (record.duration_ns, record.seq, record.is_open) == (None, None, True)
        assert creation_line(open_span).endswith(f"test_memory.py:{line}")
        assert list(store.records().info.open_origins.values()) == [creation_line(open_span)]

    [record] = store.records()
    assert record.duration_ns is not None
    assert store.open_spans() == []


def test_errors_are_kept_by_name(store: MemoryStore, tele: TelemetryContext) -> None:
    """A span that an exception left has status error and its qualified name."""
    with pytest.raises(ValueError, match="bad row"), tele("a"):
        raise ValueError("bad row")

    [record] = store.records()

    assert (record.status, record.error) == ("error", "ValueError")


def test_an_exception_is_not_kept_alive(tele: TelemetryContext) -> None:
    """Its traceback holds every local variable on the way, and tests look for objects that live too long."""

    class Resource:
        """Something that the failing code holds."""

    seen: list[weakref.ref[Resource]] = []

    def fail() -> None:
        resource = Resource()
        seen.append(weakref.ref(resource))
        with tele("a"):
            raise ValueError("bad row")

    with contextlib.suppress(ValueError):
        fail()
    gc.collect()

    assert seen[0]() is None


def test_values_that_change_later_are_kept_as_they_were(store: MemoryStore, tele: TelemetryContext) -> None:
    """Lists and dictionaries are copied when the span ends or the measurement or event is emitted."""
    rows = [1]
    with tele("a", rows=rows):
        tele.event("e", rows=rows)
        tele.metric("m", rows, rows=rows)
    rows.append(2)

    assert store.records() == [
        span("a", event("e", rows=[1]), metric("m", rows=[1]), rows=[1]),
    ]
    assert store.records()[-1].value == [1]


def test_what_cannot_be_copied_is_kept_as_it_is(store: MemoryStore, tele: TelemetryContext) -> None:
    """An attribute that refuses to be copied is not lost."""
    lock = threading.Lock()
    with tele("a", lock=lock):
        pass

    assert store.records()[0].attrs == {"lock": lock}


def test_the_oldest_are_forgotten_and_counted(store: MemoryStore) -> None:
    """At the limit the oldest go first; accepted = stored + dropped, and the recording says how many are gone."""
    store = MemoryStore(limit=3)
    tele = TelemetryContext(store, enabled=True)

    for number in range(10):
        tele.count("n", number)

    assert store.statistics() == {"accepted": 10, "stored": 3, "dropped": 7}
    assert [record.value for record in store.records()] == [7, 8, 9]
    assert store.records().info.dropped == 7


def test_children_of_a_forgotten_span_are_roots(store: MemoryStore) -> None:
    """Where the parent is gone the child stands at the top level, and its scope still tells where it was."""
    store = MemoryStore(limit=2)
    tele = TelemetryContext(store, enabled=True)
    with tele("a"), tele("b"), tele("c"):
        pass

    assert store.records() == [span("b", span("c"))]
    assert [record.scope for record in store.records()] == ["a.b", "a.b.c"]


def test_reset_keeps_open_spans_only(store: MemoryStore, tele: TelemetryContext) -> None:
    """After a reset only the spans that are still open remain, and what comes below them finds its parent."""
    with tele("a"):
        tele.count("n")
        with tele("b"):
            pass
        store.reset()
        with tele("c"):
            pass

    assert store.records() == [span("a", span("c"))]
    assert store.statistics() == {"accepted": 2, "stored": 2, "dropped": 0}


def test_a_snapshot_does_not_change_and_is_made_once(store: MemoryStore, tele: TelemetryContext) -> None:
    """Reading twice gives the same object until something is recorded; an old snapshot stays as it was."""
    tele.count("n")
    before = store.records()

    assert store.records() is before

    tele.count("n")
    assert len(before) == 1
    assert len(store.records()) == 2
    assert store.records()[0] is before[0]


def test_a_reset_during_a_write_takes_it_away_as_a_whole(
    store: MemoryStore, tele: TelemetryContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or leaves it as a whole: what is stored was accepted, and nothing was dropped."""
    taken, add = store._ways

    def numbers() -> Iterator[int]:
        number = next(taken)
        assert store.statistics() == {"accepted": 1, "stored": 1, "dropped": 0}
        store.reset()
        yield number

    monkeypatch.setattr(store, "_ways", (numbers(), add))
    tele.event("during")

    assert store.statistics() == {"accepted": 0, "stored": 0, "dropped": 0}
    assert len(store.records()) == 0


def test_an_open_span_is_read_again_when_its_attributes_change(
    store: MemoryStore, tele: TelemetryContext
) -> None:
    """Be they added or replaced, by a value that is equal or not."""
    with tele("a") as a:
        assert store.records() == [span("a", only())]
        a.set(x=1)
        assert store.records() == [span("a", only(x=1))]
        a.set(x=2)
        assert store.records() == [span("a", only(x=2))]
        assert store.records() is store.records()


def test_who_reads_while_something_is_added_sees_it_next_time(
    store: MemoryStore, tele: TelemetryContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry is counted before it can be read, and what was read in between is not taken for the whole."""
    accept, add = store._ways

    def slowly(entry: object) -> None:
        store.records()
        add(entry)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(store, "_ways", (accept, slowly))
    tele.event("a")
    first = store.records()
    tele.event("b")

    assert first == [event("a")]
    assert store.records() == [event("a"), event("b")]


def test_records_from_elsewhere_can_be_added(store: MemoryStore) -> None:
    """It takes records like any other sink."""
    record = Record("event", "a", "a", 1)

    store.emit(record)

    assert list(store.records()) == [record]


def test_who_asks_is_told_of_records_in_their_order(store: MemoryStore) -> None:
    """No other thread keeps one between telling of one and keeping it."""
    told: list[int | None] = []
    others: list[bool] = []

    def tell(records: Sequence[Record]) -> None:
        told.extend(record.seq for record in records)
        other = threading.Thread(target=lambda: others.append(memory._telling.acquire(blocking=False)))
        other.start()
        other.join()

    store.on_stored.append(tell)
    for seq in (1, 2):
        store.emit(Record("event", "e", "e", 0, seq=seq))

    assert others == [False, False]
    assert told == [record.seq for record in store.records()] == [1, 2]


def test_processors_shape_what_patterns_see(store: MemoryStore) -> None:
    """Patterns see the output; stage=call sees what the code passed; what was dropped is known by its processor."""

    def hide(record: Record) -> Record | None:
        return None if record.name == "secret" else replace(record, attrs={**record.attrs, "user": "x"})

    tele = TelemetryContext(store, enabled=True, processors=[hide])
    with tele("a", user="eve"):
        tele.event("secret")
        with tele("b", user="bob"):
            pass

    records = store.records()

    assert records == [span("a", span("b", user="x"), user="x")]
    assert records.view(stage="call") == [span("a", event("secret"), span("b", user="bob"), user="eve")]
    assert [(record.name, name.rpartition(".")[2]) for record, name in records.info.filtered] == [
        ("secret", "hide")
    ]


@pytest.mark.parametrize("value", [1, [1]])
def test_processors_reach_points_with_any_values(store: MemoryStore, value: object) -> None:
    """What a processor dropped or changed is not seen, also where values had to be copied."""

    def hide(record: Record) -> Record | None:
        return None if record.name == "secret" else replace(record, attrs={"hidden": True})

    tele = TelemetryContext(store, enabled=True, processors=[hide])
    tele.event("secret", rows=value)
    tele.event("shown", rows=value)

    assert store.records() == [event("shown", only(hidden=True))]
    assert store.records().view(stage="call") == [event("secret", rows=value), event("shown", rows=value)]


def test_nothing_is_kept_of_what_was_forgotten() -> None:
    """With processors and between readings too, memory is bounded by the limit."""
    store = MemoryStore(limit=10)
    tele = TelemetryContext(store, enabled=True, processors=[replace])

    def size() -> int:
        gc.collect()
        return sum(isinstance(thing, Record) for thing in gc.get_objects())

    before = size()
    for _ in range(1000):
        with tele("a"):
            tele.event("e", rows=[1])
        store.records()

    assert size() - before <= 100
    assert store.records() == [span("a", event("e", rows=[1]))] * 5


@pytest.mark.parametrize("limit", [0, -1, "5", 2.5, True])
def test_a_bad_limit_is_refused(limit: int) -> None:
    """A store that can hold nothing is a mistake."""
    with pytest.raises(ValueError, match=f"limit must be a whole number above 0, not {limit!r}"):
        MemoryStore(limit)


def test_threads_lose_nothing(store: MemoryStore, tele: TelemetryContext) -> None:
    """Many threads that write while another one reads all end up in the recording, each span under its own root."""
    reading = threading.Event()

    def write() -> None:
        for _ in range(200):
            with tele("a"), tele("b"):
                pass

    def read() -> None:
        while not reading.is_set():
            len(store.records())

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write) for _ in range(8)]
    reader.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    reading.set()
    reader.join()

    assert store.statistics() == {"accepted": 3200, "stored": 3200, "dropped": 0}
    assert store.records() == [span("a", span("b"))] * 1600 or len(store.records().roots) == 1600


def test_listeners_hear_of_everything(store: MemoryStore, tele: TelemetryContext) -> None:
    """Whoever waits is told when a span opens and ends and when something is measured, also after a reset."""
    heard: list[str] = []

    def listener(entry: object) -> None:
        heard.append(store.record_of(entry).scope)

    store.listen(listener)
    with tele("a"):
        tele.count("n")
    store.reset()
    store.emit(Record("event", "e", "e", 1))
    store.unlisten(listener)
    tele.count("unheard")

    assert heard == ["a", "a.n", "a", "e"]


def test_listeners_hear_when_processors_are_done(store: MemoryStore) -> None:
    """Whoever waits for what processors make of something looks again when it is there."""
    tele = TelemetryContext(store, enabled=True, processors=[lambda record: replace(record, name="new")])
    seen: list[list[str]] = []
    store.listen(lambda _: seen.append([record.name for record in store.records()]))

    tele.event("old")

    assert seen == [["old"], ["new"]]


def test_looking_at_one_entry_leaves_the_tree_as_it_is(store: MemoryStore, tele: TelemetryContext) -> None:
    """A record that a listener or a look for events makes does not take the place of the one in its tree."""
    store.listen(store.record_of)

    with tele("a"), tele("b"):
        tele.event("e")

    assert [record.name for record in store.events("e")] == ["e"]
    assert store.records() == [span("a", span("b", event("e")))]


def test_the_thread_is_recorded_by_name(store: MemoryStore, tele: TelemetryContext) -> None:
    """A span and an event know the thread they happened in."""

    def work() -> None:
        with tele("a"):
            tele.event("e")

    thread = threading.Thread(target=work, name="worker-7")
    thread.start()
    thread.join()

    assert {record.thread for record in store.records()} == {"worker-7"}


def test_a_span_without_an_end_that_came_from_elsewhere_is_read_like_any_record() -> None:
    """Nobody here saw where it was opened."""
    store = MemoryStore()
    record = Record("span", "a", "a", 1, span_id="b7ad6b7169203331")

    store.emit(record)

    assert list(store.records()) == [record]
