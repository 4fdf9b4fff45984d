"""Records: which fields are set for which kind, as the reference page says."""

from __future__ import annotations

import dataclasses
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry.model.record import Record
from pytest_telemetry.runtime.context import TelemetryContext
from pytest_telemetry.runtime.conversion import error_name

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "record.md"
FIELDS = [field.name for field in dataclasses.fields(Record)]


class OwnError(Exception):
    pass


@pytest.fixture
def table() -> dict[str, dict[str, str]]:
    """What the page says: field, kind, and the mark in that cell."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    header = next(row for row in rows if row[0] == "field")
    kinds = header[1:]
    body = [row for row in rows if re.fullmatch(r"`\w+`", row[0]) and len(row) == len(header)]
    return {row[0].strip("`"): dict(zip(kinds, row[1:], strict=True)) for row in body}


@pytest.fixture
def found(sink: Any) -> dict[str, list[Record]]:
    """Records of every kind that the runtime makes, inside a span and outside."""
    tele = TelemetryContext(sink, enabled=True, run_id="run")
    tele.count("n", x=1)
    tele.event("e", x=1)
    with pytest.raises(OwnError), tele("root"), tele("child", x=1):
        tele.gauge("g", 1.0)
        tele.metric("m", "text")
        tele.event("e")
        raise OwnError
    with tele("fine"):
        pass
    return {kind: sink.records(kind) for kind in ("span", "metric", "event")}


def test_the_page_names_every_field(table: dict[str, dict[str, str]]) -> None:
    """In the order of the class."""
    assert list(table) == FIELDS


@pytest.mark.parametrize("kind", ["span", "metric", "event"])
@pytest.mark.parametrize("field", FIELDS)
def test_fields_are_set_as_the_page_says(
    table: dict[str, dict[str, str]], found: dict[str, list[Record]], kind: str, field: str
) -> None:
    """``always`` is set on every record of that kind, ``-`` on none, and anything else on some."""
    mark = table[field][kind]
    empty: dict[str, Any] = {"status": "unset", "attrs": {}}

    are_set = [getattr(record, field) not in (None, empty.get(field)) for record in found[kind]]

    if mark == "always":
        assert all(are_set)
    elif mark == "-":
        assert not any(are_set)
    else:
        assert any(are_set), mark
        assert not all(are_set), mark


def test_a_metric_says_how_its_measurements_add_up(tele: TelemetryContext, sink: Any) -> None:
    """Counters and gauges by the call; what else is a number is a gauge, and what is none has no instrument."""
    tele.count("n")
    tele.gauge("g", 1)
    for value in (1, 0.5, True, "text", None, [1]):
        tele.metric("m", value)

    assert [(r.value, r.instrument) for r in sink.kept] == [
        (1, "counter"),
        (1, "gauge"),
        (1, "gauge"),
        (0.5, "gauge"),
        (True, "gauge"),
        ("text", None),
        (None, None),
        ([1], None),
    ]


def test_a_record_names_its_thread(keeping: Any) -> None:
    """The one in which a span ended, or something was measured."""
    sink = keeping()
    tele = TelemetryContext(sink, enabled=True)

    def work() -> None:
        tele.count("n")
        with tele("a"):
            pass

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()

    assert [record.thread for record in sink.kept] == ["worker", "worker"]


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (None, None),
        (GeneratorExit, None),
        (ValueError, "ValueError"),
        (OwnError, f"{OwnError.__module__}.OwnError"),
    ],
    ids=repr,
)
def test_errors_are_named_by_module_and_class(error: type[BaseException] | None, name: str | None) -> None:
    """Without the module where it is ``builtins``."""
    assert error_name(error) == name
