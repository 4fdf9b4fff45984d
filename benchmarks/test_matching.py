"""Asserting: what a pattern and its failure text cost on a recording of 10,000 records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.race import Operation
from benchmarks.verdict import Target
from pytest_telemetry.analysis.explain import explain
from pytest_telemetry.model.pattern import Pattern, span
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.records import Records
from pytest_telemetry.testing.recorder import TelemetryRecorder

if TYPE_CHECKING:
    from benchmarks.measure import Measure

RUNS, FILES, ROWS = 100, 9, 10  # 100 x (1 + 9 + 90) = 10,000
PATTERN: Final = span("run", span("file", span("rows", number=9_999), ...), ...)  # the last of all
ABSENT: Final = span("run", span("file", span("rows", number=-1), ...), ...)


def recorded() -> list[Record]:
    """Return 10,000 spans on three levels, in start order, each with one attribute."""
    records: list[Record] = []

    def add(name: str, scope: str, parent: str | None, **attrs: object) -> str:
        number = len(records)
        span_id = f"{number:016x}"
        records.append(
            Record(
                "span", name, scope, number * 1000, 500, status="ok", attrs=dict(attrs), trace_id="1" * 32,
                span_id=span_id, parent_id=parent, seq=number,
            )
        )  # fmt: skip
        return span_id

    for run in range(RUNS):
        root = add("run", "run", None, run=run)
        for number in range(FILES):
            file = add("file", "run.file", root, path=f"data/{number}.csv")
            for _ in range(ROWS):
                add("rows", "run.file.rows", file, number=len(records))
    return records


def matches(name: str, body: str, items: list[Record], **names: Any) -> Operation:
    return Operation(
        name, body, {"Records": Records, "items": items, "explain": explain, **names}, iterations=1
    )


def test_match(measure: Measure) -> None:
    """A three-level pattern is found in 10,000 records within 30 ms, the indexes built on the way included."""
    records = recorded()
    assert PATTERN in Records(records, ordered=True)
    body = "pattern in Records(items, ordered=True)"

    measure(
        matches("three-level pattern found in 10,000 records", body, records, pattern=PATTERN),
        targets=[Target("at most", 30, "ms", scaled=True)],
        rounds=15,
    )


def test_match_again(measure: Measure) -> None:
    """A second pattern finds the indexes built; shown, not judged."""
    built = Records(recorded(), ordered=True)
    assert PATTERN in built

    measure(
        matches("the same, indexes built", "pattern in records", [], records=built, pattern=PATTERN),
        rounds=15,
    )


def test_failing_match(measure: Measure) -> None:
    """A three-level pattern is not found in 10,000 records, and the text says why, within 300 ms."""
    records = recorded()
    assert explain("in", ABSENT, Records(records, ordered=True), verbose=0)
    body = "records = Records(items, ordered=True); pattern in records or explain('in', pattern, records, verbose=0)"

    measure(
        matches("three-level pattern not found, explained", body, records, pattern=ABSENT),
        targets=[Target("at most", 300, "ms", scaled=True)],
        rounds=8,
    )


def test_tree(measure: Measure) -> None:
    """The whole tree of 10,000 records compared with as many patterns; shown, not judged."""
    records = recorded()
    tree = as_patterns(Records(records, ordered=True))
    assert Records(records, ordered=True) == tree

    measure(
        matches(
            "whole tree of 10,000 records compared",
            "Records(items, ordered=True) == tree",
            records,
            tree=tree,
        ),
        rounds=8,
    )


def as_patterns(records: Records) -> list[Pattern]:
    """Return the expectation that is exactly *records*."""

    def described(record: Record) -> Pattern:
        return span(record.name, record.attrs, *map(described, records.children(record)))

    return [described(record) for record in records.roots]


def test_recorder(measure: Measure) -> None:
    """The first question to a recorder that holds 10,000 spans also makes their records; shown, not judged."""
    recorder = TelemetryRecorder(strict=False)
    tele = recorder.context

    def record() -> None:
        recorder.reset()
        for run in range(RUNS):
            with tele("run", run=run):
                for number in range(FILES):
                    with tele("file", path=f"data/{number}.csv"):
                        for row in range(ROWS):
                            with tele("rows", rows=row):
                                pass

    pattern = span("run", span("file", span("rows", rows=9), ...), ...)
    record()
    assert pattern in recorder

    measure(
        Operation(
            "first question to a recorder of 10,000 spans",
            "pattern in recorder",
            {"pattern": pattern, "recorder": recorder},
            before=record,
            iterations=1,
        ),
        rounds=8,
    )
