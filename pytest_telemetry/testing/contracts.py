"""What every sink and every store promises, as classes of tests to inherit from (layer 5).

The promises are listed in ``docs/reference/contracts.md``. Nothing here needs pytest, but whoever runs the tests
must hand each of them an empty directory as ``tmp_path``.
"""

# ruff: noqa: S101 - these are tests

from __future__ import annotations

import os
import signal
import threading
import traceback
import warnings
from contextlib import closing
from typing import TYPE_CHECKING, Final, NoReturn
from unittest import SkipTest

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.plain import plain
from pytest_telemetry.model.protocols import BatchSink
from pytest_telemetry.model.record import Record
from pytest_telemetry.testing.contract_samples import (
    PATTERNS,
    UNWRITABLE,
    numbered,
    sample_records,
    searched_records,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pytest_telemetry.model.protocols import Sink, Store

__all__ = ("NOT_PROMISED", "SinkContract", "StoreContract")

NOT_PROMISED: Final = "not promised here"
"""Begins the reason of every skip."""

_CHILD_S: Final = 60
_FAILED: Final = "the child failed:\n"


class SinkContract:
    """The promises of a sink. Inherit from it in a class whose name begins with ``Test``, and define `make`.

    Attributes:
        in_memory: Whether what is kept is in the memory of this process and nowhere else. Then there is nothing to
            open, to release or to open again: late records may be kept, and a forked child goes on with what was
            kept and counted before.
    """

    in_memory = False

    def make(self, directory: Path) -> Sink:
        """Return a new sink, which keeps what it keeps somewhere in *directory*."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say what it is about: define make(self, directory)"
        )

    def test_the_numbers_add_up_at_any_time(self, tmp_path: Path) -> None:
        """While records are emitted, after a flush and after close: accepted == stored + dropped + queued."""
        with closing(self.make(tmp_path)) as sink:
            emitting = threading.Thread(target=_emit, args=(sink, numbered(300)))
            emitting.start()
            while emitting.is_alive():
                _figures(sink)
            sink.flush()

            figures = _figures(sink)
            assert figures["accepted"] == 300
            assert figures["queued"] == 0, "what was flushed is stored or dropped"
        figures = _figures(sink)
        assert (figures["accepted"], figures["queued"]) == (300, 0)

    def test_closing_twice_is_closing_once(self, tmp_path: Path) -> None:
        """A second close changes nothing, and neither does a flush after it."""
        sink = self.make(tmp_path)
        _emit(sink, numbered(3))

        sink.close()
        once = _figures(sink)
        sink.close()
        sink.flush()

        assert _figures(sink) == once
        assert once["stored"] == 3, "close stores what waits"

    def test_a_late_record_is_counted_and_raises_nothing(self, tmp_path: Path) -> None:
        """What is emitted after close counts as dropped."""
        sink = self.make(tmp_path)
        sink.close()

        _emit(sink, numbered(2))

        figures = _figures(sink)
        assert figures["accepted"] == 2
        assert self.in_memory or figures["dropped"] == 2

    def test_threads_lose_nothing(self, tmp_path: Path) -> None:
        """Each record that several threads emit at once is stored."""
        with closing(self.make(tmp_path)) as sink:
            _in_threads(sink)
            sink.flush()

            assert _figures(sink)["stored"] == 400

    def test_a_batch_counts_as_its_records(self, tmp_path: Path) -> None:
        """``emit_many`` stores or drops each of its records before it returns, like as many calls of ``emit``."""
        with closing(self.make(tmp_path)) as sink:
            _many(sink, [*numbered(3), *_unwritable()])
            batched = sink.statistics()
            _many(sink, [])
        with closing(self.make(_below(tmp_path))) as other:
            _emit(other, [*numbered(3), *_unwritable()])
            other.flush()

            assert batched == other.statistics() == sink.statistics()

    def test_no_value_raises(self, tmp_path: Path) -> None:
        """A value that cannot be written loses neither its record nor another one."""
        with closing(self.make(tmp_path)) as sink:
            _emit(sink, [*numbered(1), *_unwritable(), *numbered(1, start=1)])
            sink.flush()

            assert _figures(sink)["stored"] == len(UNWRITABLE) + 2

    def test_a_forked_child_goes_on(self, tmp_path: Path) -> None:
        """It counts from zero, what it does is not counted by its parent, and the parent goes on as well."""
        with closing(self.make(tmp_path)) as sink:
            _emit(sink, numbered(3))

            said = _in_child(lambda: _use_in_child(sink, goes_on=self.in_memory))
            _emit(sink, numbered(1, start=4))
            sink.flush()

            assert said == "stored 1, dropped 0, queued 0"
            assert _figures(sink)["stored"] == 4

    def test_a_place_that_cannot_be_used_is_one_clear_line(self, tmp_path: Path) -> None:
        """A file where a directory should be is an `UnusableInput` that names the place."""
        self._require_a_place(tmp_path)
        place = _below(tmp_path) / "file"
        place.write_text("")

        self._refuse(place)

    def test_a_place_that_is_read_only_is_one_clear_line(self, tmp_path: Path) -> None:
        """A directory that cannot be written to is an `UnusableInput` that names the place."""
        self._require_a_place(tmp_path)
        place = _below(tmp_path)
        place.chmod(0o500)
        try:
            if os.access(place, os.W_OK):
                _skip("this user may write to any directory")
            self._refuse(place)
        finally:
            place.chmod(0o700)

    def _require_a_place(self, directory: Path) -> None:
        with closing(self.make(directory)) as sink:
            _emit(sink, numbered(1))
        if not any(directory.iterdir()):
            _skip("it keeps nothing in its directory")

    def _refuse(self, place: Path) -> None:
        try:
            sink = self.make(place)
        except UnusableInput as error:
            text = str(error)
            assert str(place) in text, f"does not name the place: {text}"
            assert "\n" not in text, f"more than one line: {text}"
        else:
            sink.close()
            raise AssertionError("a sink was made where nothing can be kept")


class StoreContract(SinkContract):
    """The promises of a store: those of a sink, and what it says when it is read."""

    if TYPE_CHECKING:

        def make(self, directory: Path) -> Store:
            """Return a new store, which keeps what it keeps somewhere in *directory*."""

    def reopen(self, directory: Path) -> Store:
        """Return the store that an earlier one left in *directory*."""
        return self.make(directory)

    def test_records_come_back_equal(self, tmp_path: Path) -> None:
        """Every kind, every field, every value that `Record` documents, in its own type, in the order of emission."""
        records = sample_records()
        with closing(self.make(tmp_path)) as store:
            _emit(store, records)
            store.flush()

            _same(store.records(), records)

    def test_batches_come_back_as_records_do(self, tmp_path: Path) -> None:
        """What was emitted by ``emit_many`` is kept in its order, between what was emitted one by one."""
        with closing(self.make(tmp_path)) as store:
            _emit(store, numbered(2))
            _many(store, sample_records())
            _emit(store, numbered(2, start=2))
            store.flush()

            _same(store.records(), [*numbered(2), *sample_records(), *numbered(2, start=2)])

    def test_a_pattern_finds_what_it_matches(self, tmp_path: Path) -> None:
        """``records(pattern)`` is what is left of ``records()`` when each record is asked, whatever is looked up."""
        records = searched_records()
        with closing(self.make(tmp_path)) as store:
            _emit(store, records)
            store.flush()

            for pattern in PATTERNS:
                found = list(store.records(pattern))
                _same(found, [record for record in records if pattern.matches(record)], repr(pattern))

    def test_threads_keep_their_order(self, tmp_path: Path) -> None:
        """Of several that emit at once, each finds its own records in the order in which it emitted them."""
        with closing(self.make(tmp_path)) as store:
            _in_threads(store)
            store.flush()

            seqs = [record.seq or 0 for record in store.records()]
        for start in range(0, 400, 100):
            own = [seq for seq in seqs if start <= seq < start + 100]
            assert own == list(range(start, start + 100))

    def test_a_value_that_cannot_be_written_is_kept_as_text(self, tmp_path: Path) -> None:
        """Its record is there, says what it was, and the value is counted in ``as_text``."""
        with closing(self.make(tmp_path)) as store:
            _emit(store, _unwritable())
            store.flush()

            kept = list(store.records())
            as_text = store.statistics().get("as_text", 0)
        assert [record.name for record in kept] == list(UNWRITABLE)
        if self.in_memory:
            _skip("it keeps values as they are")
        for record in kept:
            assert record.attrs["beside"] == 1
            assert record.attrs["it"] == plain(UNWRITABLE[record.name], "", {})
        assert as_text >= len(UNWRITABLE), f"as_text counts {as_text}"

    def test_a_store_that_is_opened_again_has_what_was_stored(self, tmp_path: Path) -> None:
        """Records outlive the store; what is emitted then stands behind them, and counts from zero."""
        self._require_lasting()
        with closing(self.make(tmp_path)) as store:
            _emit(store, sample_records())
        with closing(self.reopen(tmp_path)) as again:
            _same(again.records(), sample_records())
            _emit(again, numbered(2))
            again.flush()

            _same(again.records(), [*sample_records(), *numbered(2)])
            assert _figures(again)["accepted"] == 2

    def test_parent_and_child_keep_their_records_in_one_place(self, tmp_path: Path) -> None:
        """What a forked child stored is found beside what its parent stored before and after."""
        self._require_lasting()
        with closing(self.make(tmp_path)) as store:
            _emit(store, numbered(3))
            store.flush()
            _in_child(lambda: _use_in_child(store, goes_on=False))
            _emit(store, numbered(1, start=4))
        with closing(self.reopen(tmp_path)) as again:
            _same(again.records(), numbered(5))

    def _require_lasting(self) -> None:
        if self.in_memory:
            _skip("what is in memory ends with the store")


def _skip(why: str) -> NoReturn:
    raise SkipTest(f"{NOT_PROMISED}: {why}")


def _figures(sink: Sink) -> Mapping[str, int]:
    """Return the numbers of *sink*, after looking that they add up."""
    figures = {"queued": 0, **sink.statistics()}
    parts = figures["stored"] + figures["dropped"] + figures["queued"]
    assert figures["accepted"] == parts, f"the numbers do not add up: {figures}"
    assert min(figures.values()) >= 0, f"less than nothing: {figures}"
    return figures


def _emit(sink: Sink, records: Iterable[Record]) -> None:
    for record in records:
        sink.emit(record)


def _many(sink: Sink, records: list[Record]) -> None:
    if not isinstance(sink, BatchSink):
        _skip("it takes no batches")
    sink.emit_many(records)


def _in_threads(sink: Sink) -> None:
    emitting = [
        threading.Thread(target=_emit, args=(sink, numbered(100, start))) for start in range(0, 400, 100)
    ]
    for thread in emitting:
        thread.start()
    for thread in emitting:
        thread.join()


def _unwritable() -> list[Record]:
    return [Record("event", name, name, 1, attrs={"it": it, "beside": 1}) for name, it in UNWRITABLE.items()]


def _below(directory: Path) -> Path:
    below = directory / "below"
    below.mkdir()
    return below


def _same(found: Iterable[Record], expected: list[Record], what: str = "") -> None:
    """Compare by text, which tells 1 from True and 1.0, and a tuple from a list, and lets NaN be equal to itself."""
    texts, wanted = [repr(record) for record in found], [repr(record) for record in expected]
    for number, (text, want) in enumerate(zip(texts, wanted, strict=False)):
        assert text == want, f"{what} record {number} differs"
    assert len(texts) == len(wanted), f"{what} {len(texts)} records, expected {len(wanted)}"


def _use_in_child(sink: Sink, *, goes_on: bool) -> str:
    before = _figures(sink) if goes_on else {}
    _emit(sink, numbered(1, start=3))
    sink.flush()
    figures = _figures(sink)
    sink.close()
    counted = (f"{name} {figures[name] - before.get(name, 0)}" for name in ("stored", "dropped", "queued"))
    return ", ".join(counted)


def _in_child(work: Callable[[], str]) -> str:
    """Return what *work* returns in a forked child.

    Raises:
        AssertionError: It raised, or took too long.
    """
    if not hasattr(os, "fork"):
        _skip("this system cannot fork")
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that threads are running is part of the test
        child = os.fork()
    if child == 0:
        try:
            signal.alarm(_CHILD_S)
            os.write(writer, work().encode())
        except BaseException:  # noqa: BLE001 - the parent says it
            os.write(writer, f"{_FAILED}{traceback.format_exc()}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said, f"the child was not done within {_CHILD_S} s"
    if said.startswith(_FAILED):
        raise AssertionError(said)
    return said
