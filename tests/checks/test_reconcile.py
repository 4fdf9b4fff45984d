"""What a run says of itself, against its events."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pytest_telemetry.analysis import run_figures
from pytest_telemetry.analysis.command_figures import room_for
from pytest_telemetry.analysis.run_figures import RunFigures
from pytest_telemetry.checks.reconcile import CountersKept, Reconcile, losses
from pytest_telemetry.model.finding import Example
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.stamps import stamp_of
from pytest_telemetry.model.wire import BadLine

MS = 1_000_000


def record(name: str, ms: float | None = None, *, run_id: str = "r", **attrs: Any) -> Record:
    duration_ns = None if ms is None else int(ms * MS)
    return Record("event" if ms is None else "span", name, name, 5, duration_ns, run_id=run_id, attrs=attrs)


def count(name: str, value: float, run_id: str = "r") -> Record:
    return Record("metric", name, name, 5, value=value, instrument="counter", run_id=run_id)


TOKENS: dict[str, Any] = {"tokens.total_tokens": 5}
RECORDS = [
    *(record("load", ms, **TOKENS) for ms in (10, 20, 40)),
    replace(record("load", 80, **TOKENS), time_ns=1),
    record("lsp.spawn", warnings=["slow", "cold", "slow"]),
    record("lsp.definition"),
    record("lsp.timeout"),
    record("file.read", bytes_read=7, disclosure_mode="raw"),
    count("steps", 3),
    record("lsp.spawn", run_id="other"),
    count("steps", 9, run_id="other"),
]
OWN = [one for one in RECORDS if one.run_id == "r"]


def honest() -> dict[str, Any]:
    figures = RunFigures()
    for one in OWN:
        figures.add(one)
    summary = figures.as_dict()
    summary["metrics_delta"] = summary.pop("counters")
    drops = {
        "attempted": 11,
        "written": 9,
        "queued": 0,
        "dropped": 2,
        "dropped_by_processors": 1,
        "drop_rate": 0.1818,
    }
    times = {"ts": stamp_of(9), "first_ts": stamp_of(5), "earliest_ts": stamp_of(1)}
    return {"run_id": "r", **times, **summary, "telemetry_drops": drops}


def texts(summary: dict[str, Any], records: list[Record] = RECORDS) -> list[str]:
    found = Reconcile(summary)(records)
    assert {finding.check for finding in found} <= {"reconcile"}
    return [example.text for finding in found for example in finding.examples]


def test_an_honest_summary_has_no_finding() -> None:
    """Other runs in the same log do not matter."""
    assert Reconcile(honest())(RECORDS) == []


@pytest.mark.parametrize(
    ("section", "name", "stated", "said"),
    [
        ("lsp", "lsp_spawn_count", 2, "lsp.lsp_spawn_count: the summary says 2, the events give 1"),
        ("lsp", "lsp_timeout_rate", 0.0, "lsp.lsp_timeout_rate: the summary says 0.0, the events give 1.0"),
        (
            "ast",
            "ast_cache_hit_rate",
            0.5,
            "ast.ast_cache_hit_rate: the summary says 0.5, the events give none",
        ),
        ("file_read", "raw_bytes", 8, "file_read.raw_bytes: the summary says 8, the events give 7"),
        ("metrics_delta", "steps", 4, "metrics_delta.steps: the summary says 4, the events give 3"),
        ("metrics_delta", "ghosts", 4, "metrics_delta.ghosts: the summary says 4, the events give none"),
        ("lsp", "lsp_spawn_count", "1", "lsp.lsp_spawn_count: the summary says '1', which is no figure"),
        ("lsp", "lsp_spawn_count", True, "lsp.lsp_spawn_count: the summary says True, which is no figure"),
        ("metrics_delta", "steps", [3], "metrics_delta.steps: the summary says '<list>', which is no figure"),
    ],
)
def test_a_figure_that_does_not_follow_is_named(section: str, name: str, stated: Any, said: str) -> None:
    """With what the events give; a text is no number."""
    summary = honest()
    summary[section][name] = stated

    assert texts(summary) == [said]


@pytest.mark.parametrize(
    ("section", "name", "stated"),
    [("lsp", "lsp_timeout_rate", 1), ("metrics_delta", "ghosts", 0), ("ast", "ast_cache_hit_rate", 0.0)],
)
def test_rounding_and_zeros_of_nothing_pass(section: str, name: str, stated: float) -> None:
    """An older tool writes 0.0 where there is nothing to divide."""
    summary = honest()
    summary[section][name] = stated

    assert texts(summary) == []


def test_tokens_and_latencies_are_held_to_the_events_as_well() -> None:
    """The latter by the method that the file names."""
    summary = honest()
    summary["tokens"]["load"]["total_total_tokens"] = 21
    summary["latencies"]["load"]["p95_ms"] = 80.0

    assert texts(summary) == [
        "load: the summary says p95_ms = 80.0, the events give 74; nearest-rank and floor-index would give it",
        "tokens.load.total_total_tokens: the summary says 21, the events give 20",
    ]
    summary = honest()
    summary["latencies"]["load"] = {"p50_ms": 40.0, "p95_ms": 80.0, "method": "floor-index"}
    assert texts(summary) == []
    summary["latencies"] = {"load": {"p50_ms": "fast", "count": 4}}
    assert texts(summary) == ["latencies.load.p50_ms: the summary says 'fast', which is no figure"]
    summary["latencies"] = {"ghost": {"count": "many"}}
    assert texts(summary) == ["latencies.ghost.count: the summary says 'many', which is no figure"]
    summary["latencies"] = {"load": {"p50_ms": "fast"}}
    assert texts(summary) == ["latencies.load.p50_ms: the summary says 'fast', which is no figure"]


def test_warnings_are_held_to_the_events_as_well() -> None:
    """Each of them, whatever its place."""
    summary = honest()
    assert summary["top_warnings"] == [{"warning": "slow", "count": 2}, {"warning": "cold", "count": 1}]
    summary["top_warnings"] = [{"warning": "cold", "count": 2}, {"warning": "hot", "count": 1}]

    assert texts(summary) == [
        "top_warnings.cold.count: the summary says 2, the events give 1",
        "top_warnings.hot.count: the summary says 1, the events give none",
    ]


def test_names_that_were_taken_together_are_taken_together_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is invented of them is found."""
    monkeypatch.setattr(run_figures, "room_for", partial(room_for, most=20))
    many = [
        *(record(f"n{number}", number) for number in range(23)),
        *(count(f"c{number}", 1) for number in range(23)),
    ]
    figures = RunFigures()
    for one in many:
        figures.add(one)
    summary = {
        "run_id": "r",
        "metrics_delta": figures.counters(),
        "latencies": figures.as_dict()["latencies"],
    }
    assert summary["latencies"]["(others)"]["count"] == summary["metrics_delta"]["(others)"] == 3
    assert Reconcile(summary)(many) == []

    summary["latencies"]["(others)"]["count"] = 4
    summary["metrics_delta"]["(others)"] = 5
    assert texts(summary, many) == [
        "(others): the summary says count = 4, the events give 3",
        "metrics_delta.(others): the summary says 5, the events give 3",
    ]


def notes(summary: dict[str, Any], records: list[Record]) -> list[str]:
    """Return what is said of a summary that nothing is wrong with."""
    found = Reconcile(summary)(records)
    assert {finding.level for finding in found} <= {"info"}
    return [finding.message for finding in found]


def test_what_came_after_the_summary_is_a_note() -> None:
    """The figures are held to the events that were there when it was written."""
    later = [record("load", 900), count("steps", 7)]

    assert notes(honest(), [*RECORDS, *later]) == [
        "no figure of the summary is about 2 events of run r that came later"
    ]
    summary = honest()
    summary["metrics_delta"]["steps"] = 10
    assert texts(summary, [*RECORDS, *later]) == [
        "metrics_delta.steps: the summary says 10, the events give 3"
    ]


def test_what_forked_children_wrote_is_a_note() -> None:
    """It is in no figure."""
    forked = [record("load", 900, forked_pid=7), count("steps", 7)]
    forked[1].attrs = {"forked_pid": 8}

    assert notes(honest(), [*forked, *RECORDS]) == [
        "no figure of the summary is about 2 events of run r that forked children wrote"
    ]


def without_first(records: list[Record]) -> list[Record]:
    """Return what is left of a run where the first two events are gone."""
    return [replace(one, time_ns=one.time_ns and one.time_ns + 1) for one in records[2:]]


def without_earliest(records: list[Record]) -> list[Record]:
    """Return what is left of a run where a removal by time took the event that began first."""
    return [one for one in records if one.time_ns != 1]


@pytest.mark.parametrize(("left", "missing"), [(without_first, 2), (without_earliest, 1)])
@pytest.mark.parametrize("later", [0, 1, 60])
def test_no_figure_is_compared_with_a_log_that_does_not_begin_as_the_run_did(
    left: Any, missing: int, later: int
) -> None:
    """However many came since: then nobody knows which of them are of the summary."""
    records = [*left(OWN), *(record("load", 900 + number) for number in range(later))]

    (note,) = Reconcile(honest())(records)
    assert (note.level, note.count) == ("info", 32)
    said = (
        "32 figures of the summary cannot be compared: the log does not begin as run r did: "
        "segments or rows were removed, or several processes used this id"
    )
    known = max(missing - later, 0)
    assert note.message == said + (f"; at least {known} of 9 events are missing" if known else "")


def test_an_id_that_a_process_used_before_is_no_error() -> None:
    """The log has all that the summary is about, behind that of another one."""
    before = [replace(one, time_ns=0) for one in OWN]

    (note,) = Reconcile(honest())([*before, *OWN])
    assert note.level == "info"
    assert note.message.endswith("or several processes used this id")


@pytest.mark.parametrize(
    ("section", "name", "stated", "said"),
    [
        (
            "latencies",
            "invented",
            {"count": 6, "p50_ms": 1.0},
            "latencies count 10 events, and telemetry_drops.written is 9",
        ),
        ("tokens", "load", {"count": 10}, "tokens count 10 events, and telemetry_drops.written is 9"),
        ("lsp", "lsp_spawn_count", "1", "lsp.lsp_spawn_count: the summary says '1', which is no figure"),
        ("telemetry_drops", "drop_rate", 0.5, "telemetry_drops.drop_rate is 0.5, and 2 of 11 were lost"),
    ],
)
def test_what_needs_no_log_is_judged_without_one(section: str, name: str, stated: Any, said: str) -> None:
    """A file that is wrong by itself is wrong, whatever was removed."""
    summary = honest()
    summary[section][name] = stated

    found = Reconcile(summary)(without_first(OWN))
    assert [(one.level, one.check) for one in found] == [("error", "reconcile"), ("info", "reconcile")]
    assert [(one.text, one.detail.get("computed")) for one in found[0].examples] == [(said, None)]


def test_a_file_of_which_the_rest_was_not_read_leaves_figures_open() -> None:
    """A line that holds no event does not: it was none when the file was written."""
    judgement = Reconcile(honest()).start()
    for one in OWN[:-1]:
        judgement.add(one)
    judgement.add_bad(BadLine(4, "not JSON: x"))
    assert [finding.level for finding in judgement.findings()] == ["error", "error"]

    judgement.add_bad(BadLine(3, "damaged", "events.000001.jsonl.gz", is_rest=True))
    (note,) = judgement.findings()
    assert (note.level, note.message) == (
        "info",
        "32 figures of the summary cannot be compared: not all of the log could be read",
    )
    nothing_read = Reconcile(honest()).start()
    nothing_read.add_bad(BadLine(1, "damaged", is_rest=True))
    assert nothing_read.findings() == [replace(note, examples=(Example("damaged", 1),))]
    [example] = note.examples
    assert (example.text, example.line, example.file) == ("damaged", 3, "events.000001.jsonl.gz")


@pytest.mark.parametrize("stated", [None, "soon", 5])
def test_a_time_that_is_none_excuses_nothing(stated: Any) -> None:
    """As in the files of older tools, which say nothing of it."""
    summary = honest() | {"first_ts": stated, "earliest_ts": stated}

    assert {finding.level for finding in Reconcile(summary)(OWN[2:])} == {"error"}


def test_events_that_are_missing_behind_the_first_one_were_not_removed() -> None:
    """Then the summary says more than there was."""
    summary = honest()
    summary["telemetry_drops"] |= {"written": 10, "attempted": 12, "drop_rate": 0.1667}

    assert texts(summary) == ["telemetry_drops.written is 10, and the log holds 9 events of the run"]


def test_tokens_of_a_name_without_events_do_not_follow() -> None:
    """Whatever dots are in its name."""
    summary = honest()
    summary["tokens"]["a.b"] = {"count": 1}

    assert texts(summary) == ["tokens.a.b.count: the summary says 1, the events give none"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"written": 10, "attempted": 12, "drop_rate": 0.1667},
            ["telemetry_drops.written is 10, and the log holds 9 events of the run"],
        ),
        ({"dropped_by_processors": 3}, ["telemetry_drops.dropped_by_processors is 3, and 2 were lost"]),
        ({"dropped_by_processors": "1"}, ["telemetry_drops.dropped_by_processors is '1', and 2 were lost"]),
        (
            {"attempted": 12, "drop_rate": 0.1667},
            ["telemetry_drops.attempted is 12, and written, lost and queued come to 11"],
        ),
        ({"drop_rate": 0.0}, ["telemetry_drops.drop_rate is 0.0, and 2 of 11 were lost"]),
    ],
)
def test_losses_add_up(changes: dict[str, Any], said: list[str]) -> None:
    """And agree with the log."""
    summary = honest()
    summary["telemetry_drops"] |= changes

    assert texts(summary) == said


def test_a_rate_of_losses_without_figures_is_a_warning() -> None:
    """As an older tool wrote it, always the same."""
    summary = honest()
    summary["telemetry_drops"] = {"drop_rate": 0.0}

    (finding,) = Reconcile(summary)(RECORDS)
    assert (finding.level, finding.examples[0].text) == (
        "warning",
        "telemetry_drops states a drop_rate of 0.0, and not of what",
    )


def test_what_older_tools_skipped_counts_as_lost() -> None:
    """Under either name."""
    summary = honest()
    summary["telemetry_drops"] = {"attempted": 12, "written": 9, "lock_skipped": 3, "drop_rate": 0.25}

    assert Reconcile(summary)(RECORDS) == []
    assert losses({"telemetry_lock_skipped": 2, "dropped": 1, "lock_skipped": "many"}) == 3


def test_what_no_event_tells_is_mentioned_only() -> None:
    """It is neither right nor wrong."""
    summary = honest()
    summary["lsp"]["lsp_warming_count"] = 4
    summary["pack_state"] = {"pack_sha": "x"}
    summary["ast"] = "none"
    summary["telemetry_drops"]["lately"] = 0
    summary["notes"] = [1, 2]
    summary["latencies"]["load"]["note"] = None

    (finding,) = Reconcile(summary)(RECORDS)
    assert (finding.level, finding.message) == (
        "info",
        "6 figures of the summary can be computed from no event",
    )
    assert [example.text for example in finding.examples] == [
        "latencies.load.note = none",
        "ast = 'none'",
        "lsp.lsp_warming_count = 4",
        "telemetry_drops.lately = 0",
        "pack_state.pack_sha = 'x'",
        "notes = '<list>'",
    ]


def test_a_summary_of_any_depth_can_be_judged() -> None:
    """Whatever is in it."""
    summary = honest()
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    summary["deep"] = deep
    summary["wide"] = {"a": 10**400, "b": float("nan"), "c": "x" * 10_000}

    (finding,) = Reconcile(summary)(RECORDS)
    assert (finding.level, finding.count) == ("info", 3)


def test_a_run_that_the_log_does_not_hold_is_a_finding() -> None:
    """Unless it says itself that nothing was written."""
    (finding,) = Reconcile(honest())([record("load", run_id="other")])

    assert (
        finding.message
        == "the log holds no event of run r, which the summary sums up: none was kept, or all were removed"
    )
    empty = RunFigures().as_dict()
    drops = {"attempted": 0, "written": 0, "dropped": 0, "drop_rate": None}
    assert Reconcile({"run_id": "r", **empty, "telemetry_drops": drops})([]) == []


@pytest.mark.parametrize("summary", [{}, {"run_id": ""}, {"run_id": 7}])
def test_a_summary_names_its_run(summary: dict[str, Any]) -> None:
    """Otherwise it cannot be held to anything."""
    with pytest.raises(ValueError, match="names its run"):
        Reconcile(summary)


def added(**counters: float) -> dict[str, Any]:
    """Return a summary that says so of its run."""
    return {"run_id": "r", "metrics_delta": counters}


def test_no_counter_lost_what_the_log_has() -> None:
    """Earlier runs may have added more; what is rounded is not lost."""
    assert CountersKept({"steps": 12, "before": 4}, added(steps=3))(RECORDS) == []
    assert CountersKept({"steps": 100}, added(steps=3))(RECORDS) == []

    (finding,) = CountersKept({"steps": 2}, added(steps=3))(RECORDS)
    assert (finding.level, finding.message) == (
        "error",
        "metrics.json lost what the last run added to 1 counter",
    )
    assert finding.examples[0].text == "steps: metrics.json says 2, the log has 12"
    (finding,) = CountersKept({}, added(steps=3))(RECORDS)
    assert (finding.level, finding.examples[0].text) == (
        "error",
        "steps: metrics.json says 0, the log has 12",
    )


@pytest.mark.parametrize(
    "summary", [None, {}, added(steps=3), added(other=9), {"metrics_delta": {"steps": "7"}}]
)
def test_what_may_never_have_been_added_to_a_counter_is_a_note(summary: Any) -> None:
    """Only what the last run says it added is known to have been there."""
    (finding,) = CountersKept({"steps": 3}, summary)(RECORDS)

    said = (
        "metrics.json has less than the log of 1 counter: a run goes on or was killed before a flush, "
        "a forked child ended without one, or the counts of an earlier run were lost"
    )
    assert (finding.level, finding.message) == ("info", said)
    assert finding.examples[0].text == "steps: metrics.json says 3, the log has 12"


def test_a_counter_that_went_down_in_another_run_lost_nothing() -> None:
    """The log says so."""
    records = [count("steps", -5, "before"), count("steps", 2)]

    assert CountersKept({"steps": -3}, added(steps=2))(records) == []


@pytest.mark.parametrize(("kept", "level"), [(-(10**400), "error"), (-1e300, "error"), (3, "info")])
def test_counters_of_any_size_can_be_judged(kept: float, level: str) -> None:
    """Whatever is in the files."""
    (finding,) = CountersKept({"steps": kept}, added(steps=3, other=10**400))(RECORDS)

    assert finding.level == level


def test_counters_that_cannot_be_told_apart_are_held_to_the_log_together() -> None:
    """Each run takes other names together than the log of all of them."""
    first = [count(f"a{number}", 1, "one") for number in range(9_000)]
    second = [count(f"b{number}", 1, "two") for number in range(9_000)]
    kept = {one.name: 1 for one in (*first, *second)}
    assert CountersKept(kept)([*first, *second]) == []

    del kept["a7"]
    (finding,) = CountersKept(kept, added(b=9_000))([*first, *second])
    assert (finding.level, finding.examples[0].text) == (
        "info",
        "(all counters): metrics.json says 17,999, the log has 18,000",
    )
    (finding,) = CountersKept({"b": 8_999}, added(b=9_000))([*first, *second])
    assert finding.level == "error"
