"""Building the index: whole trees, sequences, counts, metrics, views, snapshots."""

from __future__ import annotations

from unittest.mock import ANY

from indexer.failures import WithFailures
from indexer.index import build
from indexer.sources import Memory

from pytest_telemetry import FakeClock, TelemetryRecorder, between, event, metric, span


def test_the_whole_tree_is_what_was_expected(telemetry_recorder: TelemetryRecorder, source: Memory) -> None:
    """`==` compares all spans: names, nesting and counts are exact, the order of siblings is free."""
    build(source, telemetry_recorder.context)

    assert telemetry_recorder == [
        span(
            "index",
            span("file.read", file="shop/__init__.py"),
            span("file.read", file="shop/cart.py"),
            span("file.read", file="shop/broken.py"),
            span("ast.parse", definitions=2, imports=1),
            span("ast.parse", definitions=0, imports=1),
            span("ast.parse", status="error"),
        )
    ]


def test_dots_leave_room_for_spans_that_are_not_named(
    telemetry_recorder: TelemetryRecorder, source: Memory
) -> None:
    """`...` opens one level of the tree."""
    build(source, telemetry_recorder.context)

    assert telemetry_recorder == [
        span("index", span("ast.parse", file="shop/cart.py"), ..., files=2, skipped=1)
    ]


def test_a_file_is_read_before_it_is_parsed(telemetry_recorder: TelemetryRecorder, source: Memory) -> None:
    """`>>` is a sequence, inside a tree or alone; `>=` with a list finds one among other records."""
    build(source, telemetry_recorder.context)

    assert (
        span("file.read", file="shop/cart.py") >> span("ast.parse", file="shop/cart.py") in telemetry_recorder
    )
    assert telemetry_recorder >= [span("index"), span("file.read"), span("ast.parse"), event("file.skipped")]


def test_everything_that_was_expected_happened_in_some_order(
    telemetry_recorder: TelemetryRecorder, source: Memory
) -> None:
    """`>=` with a set does not care about order."""
    build(source, telemetry_recorder.context)

    assert telemetry_recorder >= {
        event("file.skipped", reason="syntax"),
        span("ast.parse"),
        metric("bytes.read"),
    }


def test_each_file_is_read_once(telemetry_recorder: TelemetryRecorder, source: Memory) -> None:
    """`*` is an exact count, or a range; `~` says that there is none."""
    build(source, telemetry_recorder.context)

    assert span("index", span("file.read") * 3, ~event("file.retry"), ...) in telemetry_recorder
    assert span("index", span("ast.parse", status="error") * between(0, 1), ...) in telemetry_recorder


def test_skipped_files_are_counted_by_reason(telemetry_recorder: TelemetryRecorder, source: Memory) -> None:
    """A metric is compared by what it changed since the test began; attributes choose the series."""
    build(WithFailures(source), telemetry_recorder.context, sleep=FakeClock().sleep)

    assert telemetry_recorder.metric("files.skipped") == 4
    assert telemetry_recorder.metric("files.skipped", reason="syntax") == 2
    assert telemetry_recorder.metric("files.indexed") == 4


def test_the_sizes_of_all_files_are_measured(telemetry_recorder: TelemetryRecorder, source: Memory) -> None:
    """A metric also gives its single values, and figures over them."""
    build(source, telemetry_recorder.context)

    size = telemetry_recorder.metric("bytes.read")

    assert size.count == 3
    assert max(size.values) == size.quantile(1.0)


def test_the_level_of_a_gauge_is_its_last_value(
    telemetry_recorder: TelemetryRecorder, source: Memory
) -> None:
    """Gauges are levels and are never added up."""
    build(source, telemetry_recorder.context)

    assert telemetry_recorder.metric("definitions") == 2


def test_what_was_skipped_is_told_inside_the_index_span(
    telemetry_recorder: TelemetryRecorder, source: Memory
) -> None:
    """Indexing by a path gives what happened inside that one span."""
    build(source, telemetry_recorder.context)

    assert event("file.skipped", file="shop/broken.py") in telemetry_recorder["index"]


def test_parsing_says_nothing_about_sizes(telemetry_recorder: TelemetryRecorder, source: Memory) -> None:
    """A view shows one part of what was recorded; anything that has `==` can stand for a value."""
    build(source, telemetry_recorder.context)

    parsing = telemetry_recorder.view("index.ast.parse")

    assert span("ast.parse", bytes=ANY) not in parsing


def test_the_story_of_one_file_is_told_in_the_same_words_every_time(
    telemetry_recorder: TelemetryRecorder, telemetry_clock: FakeClock
) -> None:
    """`text()` has no ids and, on the fake clock, no accidental times: a snapshot of it is stable."""
    build(Memory({"a.py": b"x = 1\n"}), telemetry_recorder.context, sleep=telemetry_clock.sleep)

    assert telemetry_recorder.text().splitlines() == [
        "index source='memory' files=1 skipped=0",
        "  file.read file='a.py' bytes=6",
        "    metric: bytes.read +6",
        "  ast.parse file='a.py' definitions=1 imports=0",
        "  metric: files.indexed +1",
        "  metric: definitions = 1",
    ]
