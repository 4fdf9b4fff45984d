"""Makes recordings out of patterns: what a pattern describes is also the shortest way to write a record."""

from __future__ import annotations

import os
import threading
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from pytest_telemetry.model.pattern import One
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_telemetry.model.recording import Recording


settings.register_profile("no wall clock", deadline=None)
settings.load_profile("no wall clock")


class Maker:
    """Makes the records of trees in start order, a microsecond apart; spans last 1.5 s unless they say otherwise."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.ids = count(1)

    def add(self, one: One, parent: Record | None) -> None:
        fields = {c.key: c.expected for c in one.conditions if c.is_field}
        attrs = {c.key: c.expected for c in one.conditions if not c.is_field}
        number = next(self.ids)
        is_span = one.kind == "span"
        duration = fields.pop("duration", 1.5)
        record = Record(
            one.kind,
            one.name,
            fields.pop("scope", one.name if parent is None else f"{parent.scope}.{one.name}"),
            1_000 * number,
            round(duration * 1_000_000_000) if is_span and duration is not None else None,
            attrs=attrs,
            span_id=f"{number:016x}" if is_span else None,
            parent_id=None if parent is None else parent.span_id,
            **fields,
        )
        if one.kind == "metric":
            record.instrument = "counter"
        self.records.append(record)
        for item in one.items:
            assert isinstance(item, One)
            self.add(item, record)


def make(*trees: One, info: Recording | None = None, **changes: Any) -> Records:
    """Return what *trees* describe as a recording; *changes* are fields of every record."""
    maker = Maker()
    for tree in trees:
        maker.add(tree, None)
    for record in maker.records:
        for name, value in changes.items():
            setattr(record, name, value)
    return Records(maker.records, info=info)


@pytest.fixture(scope="session")
def recorded() -> Callable[..., Records]:
    """Make a recording out of what describes it."""
    return make


@pytest.fixture
def make_pipe() -> Iterator[Callable[[Path], None]]:
    """Make pipes that nobody writes to, but that end for whoever waits for them: a test then fails, and does not hang."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    made: list[Path] = []
    writers: list[threading.Thread] = []
    over = threading.Event()

    def end(path: Path) -> None:
        while not over.is_set():
            os.close(os.open(path, os.O_WRONLY))  # which waits until somebody reads

    def make(path: Path) -> None:
        os.mkfifo(path)
        made.append(path)
        writers.append(threading.Thread(target=end, args=(path,), daemon=True))
        writers[-1].start()

    yield make
    over.set()
    for path, writer in zip(made, writers, strict=True):
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        writer.join()
        os.close(reader)
