"""The contracts: a lawful store keeps them, and each promise notices who breaks it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest

from pytest_telemetry.model.pattern import Pattern
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sinks.memory import MemoryStore
from pytest_telemetry.testing.contract_samples import PATTERNS, searched_records
from pytest_telemetry.testing.contracts import NOT_PROMISED, SinkContract, StoreContract

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "contracts.md"


class Lawful(JsonlStore):
    """Keeps the contract of a store; a batch goes through `emit`, for those below that break it there."""

    def emit_many(self, records: Sequence[Record], /) -> None:
        for record in records:
            self.emit(record)


class Miscounting(Lawful):
    def statistics(self) -> Mapping[str, int]:
        return {**super().statistics(), "stored": 0}


class Raising(Lawful):
    closed = False

    def emit(self, record: Record, /) -> None:
        if self.closed:
            raise RuntimeError("closed")
        super().emit(record)

    def close(self) -> None:
        self.closed = True
        super().close()


class ClosingOnce(Lawful):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed before")
        self.closed = True
        super().close()


class Buffering(Lawful):
    """Keeps the last record back until somebody flushes, and loses it at close."""

    waiting: Record | None = None

    def emit(self, record: Record, /) -> None:
        self.flush()
        self.waiting = record

    def flush(self) -> None:
        if self.waiting is not None:
            super().emit(self.waiting)
            self.waiting = None
        super().flush()

    def statistics(self) -> Mapping[str, int]:
        figures = super().statistics()
        waiting = int(self.waiting is not None)
        return {**figures, "accepted": figures["accepted"] + waiting, "queued": waiting}


class NeverEmpty(Lawful):
    """Says that something waits even after a flush."""

    def statistics(self) -> Mapping[str, int]:
        figures = super().statistics()
        return {**figures, "queued": 1, "stored": figures["stored"] - 1} if figures["stored"] else figures


class SingleThreaded(Lawful):
    def emit(self, record: Record, /) -> None:
        if threading.current_thread() is threading.main_thread() or (record.seq or 0) % 50:
            super().emit(record)


class Unordered(Lawful):
    """Turns round what other threads emit."""

    def records(self, pattern: Pattern | None = None, /) -> Iterator[Record]:
        return reversed(list(super().records(pattern)))


class LosingOfBatches(Lawful):
    def emit_many(self, records: Sequence[Record], /) -> None:
        super().emit_many(records[:-1])


class SortingBatches(Lawful):
    def emit_many(self, records: Sequence[Record], /) -> None:
        super().emit_many(sorted(records, key=lambda record: record.name))


class Choosy(Lawful):
    def emit(self, record: Record, /) -> None:
        if type(record.attrs.get("it")) is object:
            raise TypeError("not serialisable")
        super().emit(record)


class Flattening(Lawful):
    """Gives tuples back as lists."""

    def records(self, pattern: Pattern | None = None, /) -> Iterator[Record]:
        for record in super().records(pattern):
            record.attrs = {key: list(v) if isinstance(v, tuple) else v for key, v in record.attrs.items()}
            yield record


class Everything(Lawful):
    def records(self, pattern: Pattern | None = None, /) -> Iterator[Record]:
        return super().records()


class Silent(Lawful):
    """Does not count what became text."""

    def statistics(self) -> Mapping[str, int]:
        return {**super().statistics(), "as_text": 0}


class Beginning(Lawful):
    """Begins with an empty file."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        super().__init__(path)


class Forked(Lawful):
    """Adds something to what it says in a forked child."""

    more = 0

    def __init__(self, path: Path) -> None:
        self.born = os.getpid()
        super().__init__(path)

    def in_child(self) -> bool:
        return os.getpid() != self.born

    def statistics(self) -> Mapping[str, int]:
        figures = super().statistics()
        more = self.more if self.in_child() else 0
        return {**figures, "accepted": figures["accepted"] + more, "stored": figures["stored"] + more}


class CountingOn(Forked):
    """Goes on counting in a forked child."""

    def emit(self, record: Record, /) -> None:
        super().emit(record)
        self.more += not self.in_child()


class Childless(Forked):
    """Stores nothing in a forked child, and says that it did."""

    def emit(self, record: Record, /) -> None:
        if self.in_child():
            self.more += 1
        else:
            super().emit(record)


class Bare(Lawful):
    """Lets through what the system says."""

    def __init__(self, path: Path) -> None:
        path.open("ab").close()
        super().__init__(path)


class Talkative(Lawful):
    def __init__(self, path: Path) -> None:
        try:
            super().__init__(path)
        except Exception as error:
            raise type(error)(f"{error}\nsorry") from error


def promises(contract: type[SinkContract]) -> set[str]:
    return {name.removeprefix("test_") for name in dir(contract) if name.startswith("test_")}


def broken_by(made: Any, directory: Path, names: Iterable[str]) -> set[str]:
    """Return those of the promises that what *made* makes of a path does not keep."""

    class Test(StoreContract):
        in_memory = made is MemoryStore

        def make(self, place: Path) -> Any:
            return MemoryStore() if self.in_memory else made(place / "log")

    broken = set()
    for name in names:
        place = directory / name
        place.mkdir()
        try:
            getattr(Test(), f"test_{name}")(place)
        except SkipTest as skip:
            assert str(skip).startswith(f"{NOT_PROMISED}: ")
        except Exception:
            broken.add(name)
    return broken


@pytest.mark.parametrize("made", [Lawful, MemoryStore])
def test_a_lawful_store_breaks_no_promise(made: Any, tmp_path: Path) -> None:
    """Neither in memory nor in a file."""
    assert broken_by(made, tmp_path, promises(StoreContract)) == set()


UNSPOKEN = {"a_place_that_is_read_only_is_one_clear_line"}
BROKEN: dict[Any, set[str]] = {
    Miscounting: {"the_numbers_add_up_at_any_time"},
    NeverEmpty: {"the_numbers_add_up_at_any_time"},
    Raising: {"a_late_record_is_counted_and_raises_nothing"},
    ClosingOnce: {"closing_twice_is_closing_once"},
    Buffering: {"closing_twice_is_closing_once"},
    SingleThreaded: {"threads_lose_nothing"},
    LosingOfBatches: {"a_batch_counts_as_its_records", "batches_come_back_as_records_do"},
    SortingBatches: {"batches_come_back_as_records_do"},
    Choosy: {"no_value_raises", "a_value_that_cannot_be_written_is_kept_as_text"},
    Unordered: {"records_come_back_equal", "threads_keep_their_order"},
    Flattening: {"records_come_back_equal"},
    Everything: {"a_pattern_finds_what_it_matches"},
    Silent: {"a_value_that_cannot_be_written_is_kept_as_text"},
    Beginning: {"a_store_that_is_opened_again_has_what_was_stored"},
    Bare: {"a_place_that_cannot_be_used_is_one_clear_line"},
    Talkative: {"a_place_that_cannot_be_used_is_one_clear_line"},
}
FORKING: dict[Any, set[str]] = {
    CountingOn: {"a_forked_child_goes_on"},
    Childless: {"parent_and_child_keep_their_records_in_one_place"},
}


@pytest.mark.parametrize("made", BROKEN)
def test_each_promise_notices_who_breaks_it(made: Any, tmp_path: Path) -> None:
    """For each there is a store that differs from a lawful one in that alone."""
    assert broken_by(made, tmp_path, BROKEN[made]) == BROKEN[made]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("made", FORKING)
def test_each_promise_about_forks_notices_who_breaks_it(made: Any, tmp_path: Path) -> None:
    """Here as well."""
    assert broken_by(made, tmp_path, FORKING[made]) == FORKING[made]


def test_every_promise_has_somebody_who_breaks_it() -> None:
    """But for the directory that is read-only, which some users can write to."""
    noticed = set().union(*BROKEN.values(), *FORKING.values())

    assert promises(StoreContract) == noticed | UNSPOKEN


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_that_fails_says_how(tmp_path: Path) -> None:
    """Its traceback is part of the failure in the parent."""

    class Failing(Lawful):
        born = os.getpid()

        def emit(self, record: Record, /) -> None:
            if os.getpid() != self.born:
                raise RuntimeError("the child is at a loss")
            super().emit(record)

    class Test(StoreContract):
        def make(self, directory: Path) -> Failing:
            return Failing(directory / "log")

    with pytest.raises(
        AssertionError, match=r"the child failed:\n(?s:.*)RuntimeError: the child is at a loss"
    ):
        Test().test_a_forked_child_goes_on(tmp_path)


def test_what_is_not_promised_is_a_visible_skip(pytester: pytest.Pytester) -> None:
    """A runner that is pytest reports it, with the reason."""
    pytester.makepyfile(
        """
        from pytest_telemetry.sinks.memory import MemoryStore
        from pytest_telemetry.testing.contracts import StoreContract

        class TestMine(StoreContract):
            in_memory = True

            def make(self, directory):
                return MemoryStore()
        """
    )

    outcome = pytester.runpytest_inprocess("-rs", "-p", "no:randomly", "-p", "no:asyncio")

    outcome.stdout.fnmatch_lines(["*not promised here: it takes no batches*"])
    assert outcome.parseoutcomes()["passed"] == len(promises(StoreContract)) - 7
    assert outcome.parseoutcomes()["skipped"] == 7


def test_a_contract_of_nothing_says_what_is_missing(tmp_path: Path) -> None:
    """In the failure of each promise."""

    class Mine(SinkContract):
        pass

    with pytest.raises(NotImplementedError, match=r"Mine does not say .*define make\(self, directory\)"):
        Mine().test_the_numbers_add_up_at_any_time(tmp_path)


def test_patterns_tell_records_apart() -> None:
    """Most find something and leave something; otherwise a store that ignores them would pass."""
    records = searched_records()
    found = [sum(pattern.matches(record) for record in records) for pattern in PATTERNS]

    assert sum(0 < count < len(records) for count in found) > 0.8 * len(PATTERNS)


def test_the_page_lists_every_promise_of_each_class() -> None:
    """And no other."""
    page = PAGE.read_text(encoding="utf-8")
    of_sinks, of_stores = page[page.index("## Of every sink") :].split("## Of every store")

    assert set(re.findall(r"`test_(\w+)`", of_sinks)) == promises(SinkContract)
    assert set(re.findall(r"`test_(\w+)`", of_stores)) == promises(StoreContract) - promises(SinkContract)


def test_what_ci_lets_pass_is_what_the_contracts_say() -> None:
    """It cannot be imported where CI is judged, beside a baseline without contracts."""
    conftest = (PAGE.parents[2] / "conftest.py").read_text(encoding="utf-8")

    assert f'NOT_PROMISED = "{NOT_PROMISED}"' in conftest
