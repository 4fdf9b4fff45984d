"""The named assertions, on everything that holds records."""

from __future__ import annotations

import dataclasses
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import assertions
from pytest_telemetry.assertions import (
    assert_cache_pair,
    assert_counts,
    assert_latency,
    assert_lsp_ready_order,
    assert_measured_timing,
    assert_monotonic_timing,
    assert_no_secrets,
    assert_percentiles,
    assert_relative_paths,
)
from pytest_telemetry.checks.lsp_rules import RULES
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.record import Record
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.testing import metamorphic
from pytest_telemetry.testing.lsp_transcript import Transcript

if TYPE_CHECKING:
    from pathlib import Path

MS = 1_000_000


class Store:
    """Anything with a method ``records``."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    def records(self) -> list[Record]:
        return self._records


def records(**attrs: Any) -> list[Record]:
    return [
        Record("span", "load", "load", 5, number * MS, attrs=attrs, run_id="r", span_id=str(number))
        for number in (1, 2, 3, 4, 5)
    ]


def every_form(items: list[Record], directory: Path) -> list[Any]:
    """Return *items* as everything that can be judged."""
    path = directory / "events.jsonl"
    path.unlink(missing_ok=True)
    with JsonlStore(path) as sink:
        for item in items:
            sink.emit(item)
    older = [
        {
            "cmd": item.name,
            "timing_ms": (item.duration_ns or 0) / MS,
            "ts": "2026-01-01T00:00:00Z",
            "x": item.attrs,
        }
        for item in items
    ]
    return [
        items,
        tuple(items),
        iter(items),
        Store(items),
        path,
        str(path),
        [dataclasses.asdict(item) for item in items],
        older,
    ]


def failure(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(AssertionError) as failed:
        call(*arguments, **options)
    return str(failed.value)


def test_records_may_come_from_anywhere(tmp_path: Path) -> None:
    """A list, a store, dicts of both shapes, the path of a log."""
    for form in every_form(records(file="src/a.py"), tmp_path):
        assert_relative_paths(form)
    for form in every_form(records(file="/home/a.py"), tmp_path):
        said = failure(assert_relative_paths, form)
        assert said.startswith("absolute paths in 5 of 5 events: record paths relative to the workspace\n")
        assert "file = '/home/a.py'" in said


def test_secrets_are_found_in_anything_and_never_shown(tmp_path: Path) -> None:
    """Whatever holds the records; the text has the rule, the field and a mask."""
    for form in every_form(records(user="ada"), tmp_path):
        assert_no_secrets(form)
    for form in every_form(records(user="ada@example.com"), tmp_path):
        said = failure(assert_no_secrets, form)
        assert said.startswith("secrets or personal data in 5 of 5 events (email 5): redact before any sink")
        assert "user holds email: 'ad'..., 15 characters" in said
        assert "ada@" not in said
    assert_no_secrets(records(user="ada@example.com"), allow=["ada@example.com"])
    assert "employee 5" in failure(assert_no_secrets, records(user="EMP-1"), rules={"employee": r"EMP-\d"})


def test_a_failure_names_the_line_of_a_log(tmp_path: Path) -> None:
    """As FILE:LINE, which editors follow."""
    path = every_form(records(file="/home/a.py"), tmp_path)[4]

    assert f"{path}:1  load: file = '/home/a.py'" in failure(assert_relative_paths, path)


def test_the_helper_is_not_part_of_the_traceback() -> None:
    """The failing line is the line of the test."""
    with pytest.raises(AssertionError) as failed:
        assert_relative_paths(records(file="/home/a.py"))

    visible = [entry.name for entry in failed.traceback if not entry.ishidden(failed)]
    assert visible == ["test_the_helper_is_not_part_of_the_traceback"]


@pytest.mark.parametrize(
    ("call", "options", "broken", "said"),
    [
        (
            assert_monotonic_timing,
            {},
            [Record("span", "a", "a", 5, -1)],
            "the times of 1 record cannot come from",
        ),
        (assert_relative_paths, {}, [Record("event", "/tmp", "a", 5)], "absolute paths in 1 of 1 event: "),
        (
            assert_no_secrets,
            {},
            [Record("event", "a", "a", 5, attrs={"token": "t0"})],
            "secrets or personal data in 1 of 1 event (secret 1): ",
        ),
        (assert_measured_timing, {}, [Record("span", "a", "a", 5, 7)] * 5, "1 command has 5 or more timings"),
        (
            assert_measured_timing,
            {"at_least": 2},
            [Record("span", "a", "a", 5, 7)] * 2,
            "1 command has 2 or more",
        ),
        (
            assert_lsp_ready_order,
            {},
            [Record("event", "lsp.hover", "lsp.hover", 5)],
            "1 of 1 LSP request came before",
        ),
        (
            assert_lsp_ready_order,
            {"policy": "initialized"},
            [Record("event", "lsp.hover", "lsp.hover", 5)],
            "1 of 1",
        ),
        (
            assert_percentiles,
            {"summary": {"a": {"count": 2}}},
            [Record("span", "a", "a", 5, 7)],
            "1 of 1 figure of",
        ),
        (
            assert_latency,
            {"pattern": "a", "max_ms": 1},
            [Record("span", "a", "a", 5, 7 * MS)],
            "a: max is 7 ms",
        ),
        (
            assert_latency,
            {"pattern": "b", "max_ms": 1},
            [Record("span", "a", "a", 5, 7)],
            "b: nothing matches",
        ),
        (
            assert_cache_pair,
            {"file": "a.py"},
            [Record("event", "ast.cache.hit", "a", 5, attrs={"args.file": "a.py"})],
            "ast.cache, file='a.py': 1 of 1 lookup is not as it should be",
        ),
        (assert_counts, {"expected": {"a": 2}}, [Record("event", "a", "a", 5)], "a: 1, expected 2"),
    ],
)
def test_each_helper_fails_with_its_diagnosis_first(
    call: Any, options: dict[str, Any], broken: list[Record], said: str
) -> None:
    """The first line is what the short summary of pytest shows."""
    assert failure(call, broken, **options).splitlines()[0].startswith(said)


def test_each_helper_passes_on_good_records() -> None:
    """And returns nothing."""
    good = records()
    lsp = [Record("event", name, name, 1) for name in ("lsp.spawn", "lsp.ready", "lsp.hover")]

    assert_monotonic_timing(good)
    assert_relative_paths(good)
    assert_no_secrets(good)
    assert_measured_timing(good)
    assert_lsp_ready_order(lsp)
    assert_percentiles(good, {"load": {"count": 5, "p50_ms": 3}})
    assert_latency(good, "load", count=5, p50_ms=3, p95_ms=5, max_ms=5)
    assert_counts(good, {"load": 5})
    assert_cache_pair([Record("event", f"ast.cache.{word}", word, 1) for word in ("miss", "hit")])


@pytest.mark.parametrize(
    ("call", "options", "said"),
    [
        (assert_monotonic_timing, {}, "no timing in what was recorded (records: 1)"),
        (assert_measured_timing, {}, "no command with 5 timings in what was recorded (records: 1)"),
        (assert_lsp_ready_order, {}, "no LSP record in what was recorded (records: 1)"),
        (
            assert_percentiles,
            {"summary": {"a": {"count": 0}}},
            "no timing of the summarised run in what was recorded (records: 1)",
        ),
    ],
)
def test_a_recording_without_anything_to_judge_does_not_pass(
    call: Any, options: dict[str, Any], said: str
) -> None:
    """Unless the test says that this is fine."""
    nothing = [Record("event", "a", "a", 5)]

    assert failure(call, nothing, **options) == f"nothing to judge: {said} (allow_empty=True accepts that)"
    call(nothing, allow_empty=True, **options)


def test_no_lookup_at_all_is_no_pair() -> None:
    """Other records are not judged."""
    assert failure(assert_cache_pair, records(), file="b.py") == (
        "nothing to judge: no cache lookup in what was recorded (records: 5) (allow_empty=True accepts that)"
    )


def test_counts_of_nothing_need_a_recording() -> None:
    """That something is not there means nothing where nothing is."""
    assert failure(assert_counts, [], {"a": 0}).startswith("nothing to judge: no record at all")
    assert_counts([], {"a": 0}, allow_empty=True)
    assert failure(assert_counts, records(), {"lo*": 1}) == "lo*: 5, expected 1\n  there was: load 5"


def test_a_transcript_is_judged_by_what_went_over_the_wire() -> None:
    """The text has the rule, the entries, and those around them."""
    transcript = Transcript()
    transcript.add("server", "started", 1, pid=1)
    transcript.add("received", "initialize", 1, message={"id": 1, "method": "initialize"})
    transcript.add("received", "initialized", 1, message={"method": "initialized"})
    transcript.add("sent", "initialize", 1, message={"id": 1, "result": {}})

    assert failure(assert_lsp_ready_order, transcript).splitlines() == [
        f"R4: initialized before the InitializeResult ({RULES['R4']})",
        "R4: initialized (2), then the InitializeResult (3)",
        "    0  server            started pid=1",
        "    1  client -> server  initialize #1",
        ">   2  client -> server  initialized",
        ">   3  server -> client  reply to initialize #1",
    ]


def test_what_a_client_has_still_to_tell_is_waited_for() -> None:
    """And it is a failure when the time is over."""
    transcript = Transcript()
    transcript.add("received", "initialize", 1, message={"id": 1, "method": "initialize"})
    transcript.add("sent", "initialize", 1, message={"id": 1, "error": {}})
    assert failure(assert_lsp_ready_order, transcript, timeout=0).startswith(
        "R6: initialize failed, and no event"
    )

    threading.Timer(0.01, lambda: transcript.state("failed", reason="refused")).start()

    assert_lsp_ready_order(transcript, timeout=60)


def test_an_empty_transcript_is_nothing_to_judge() -> None:
    """As an empty recording is."""
    assert failure(assert_lsp_ready_order, Transcript()).startswith("nothing to judge: no record at all")
    assert_lsp_ready_order(Transcript(), allow_empty=True)


@pytest.mark.parametrize(
    "call", [assert_monotonic_timing, assert_relative_paths, assert_no_secrets, assert_lsp_ready_order]
)
def test_an_empty_recording_does_not_pass(call: Any, tmp_path: Path) -> None:
    """Nor does a log of which no line is an event."""
    log = tmp_path / "log"
    log.write_text("a\nb\n")

    assert failure(call, []) == "nothing to judge: no record at all (allow_empty=True accepts that)"
    assert (
        failure(call, log)
        == "nothing to judge: no record at all; malformed lines: 2 (allow_empty=True accepts that)"
    )
    call([], allow_empty=True)
    call(Store([]), allow_empty=True)


def test_the_summary_may_be_a_file(tmp_path: Path) -> None:
    """``last_run.json``, as it was written."""
    path = tmp_path / "last_run.json"
    path.write_text(json.dumps({"run_id": "r", "latencies": {"load": {"count": 5, "p95_ms": 4.8}}}))

    assert_percentiles(records(), path)
    assert_percentiles(records(), str(path))
    assert "nearest-rank and floor-index would give it" in failure(
        assert_percentiles, records(), {"load": {"p50_ms": 3, "p95_ms": 5.0}}
    )
    with pytest.raises(UnusableInput, match="No such file"):
        assert_percentiles(records(), tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (5, "not int"),
        (Record("event", "a", "a", 5), "not Record"),
        ({"cmd": "a"}, "not dict"),
        ([5], "item 1 is neither a Record nor a dict, but int"),
        ([Record("event", "a", "a", 5), "x"], "item 2 is neither"),
    ],
)
def test_what_cannot_be_judged_is_named(subject: Any, said: str) -> None:
    """A mistake in the test is no failed assertion."""
    with pytest.raises(TypeError, match=said):
        assert_relative_paths(subject)


def test_a_log_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(UnusableInput, match="No such file or directory"):
        assert_relative_paths(tmp_path / "gone.jsonl")


def test_what_the_user_ignores_is_ignored() -> None:
    """Fields by name, differences by size."""
    assert_relative_paths(records(route="/a/b"), ignore=["route"])
    child = Record("span", "child", "child", 0, 10, span_id="c", parent_id="p")
    parent = Record("span", "parent", "parent", 0, 5, span_id="p")

    assert_monotonic_timing([child, parent], tolerance_ns=5)
    assert "ends 0.000005 ms after its parent" in failure(
        assert_monotonic_timing, [child, parent], tolerance_ns=4
    )


def test_the_assertions_that_run_code_under_changed_clocks_are_here_too() -> None:
    """One module for all named assertions; the fake clock is loaded when it is needed."""
    assert assertions.assert_wall_clock_independent is metamorphic.assert_wall_clock_independent
    assert assertions.assert_dst_safe is metamorphic.assert_dst_safe
    assert all(hasattr(assertions, name) for name in assertions.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'assert_luck'"):
        _ = assertions.assert_luck
