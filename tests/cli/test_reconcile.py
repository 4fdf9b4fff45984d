"""``pytest-telemetry reconcile``."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry.model.record import Record
from pytest_telemetry.runs import Telemetry, open_run
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sinks.sqlite import SqliteStore

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The directory of a run."""
    with Telemetry(tmp_path, run_id="r") as telemetry:
        telemetry.observe("load", 3)
        telemetry.incr("steps", 2)
    return tmp_path / "_ctx" / "telemetry"


def test_files_that_the_log_supports_are_clean(run: Any, kept: Path) -> None:
    """And it says so."""
    code, out, err = run("reconcile", kept)

    assert (code, err) == (0, "")
    assert out.endswith("the log supports last_run.json\n")


def test_the_usual_directory_is_where_a_run_is_kept(
    run: Any, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the working directory."""
    monkeypatch.chdir(tmp_path)

    assert run("reconcile")[0] == 0


def test_the_usual_log_is_where_the_project_says(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was opened there wrote it there."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest_telemetry]\nstorage_path = 'kept.db'\n")
    with Telemetry(tmp_path) as telemetry:
        telemetry.observe("load", 3)
    monkeypatch.chdir(tmp_path)

    assert run("reconcile")[0] == 0
    assert run("reconcile", "_ctx/telemetry")[0] == 2


@pytest.mark.parametrize("file", ["last_run.json", "metrics.json"])
def test_a_figure_that_was_changed_is_a_finding(run: Any, kept: Path, file: str) -> None:
    """In either file."""
    changed = json.loads((kept / file).read_text())
    if file == "metrics.json":
        changed["steps"] = 1
    else:
        changed["latencies"]["load"]["max_ms"] = 2
    (kept / file).write_text(json.dumps(changed))

    code, out, _ = run("reconcile", kept, "--json")

    assert code == 1
    [finding] = json.loads(out)["findings"]
    assert json.loads(out)["checks"] == ["reconcile"]
    assert (finding["check"], finding["count"]) == ("reconcile", 1)


def test_a_figure_beyond_all_floats_is_a_finding(run: Any, kept: Path) -> None:
    """As any other that the log does not support."""
    changed = json.loads((kept / "last_run.json").read_text())
    changed["telemetry_drops"] |= {"attempted": 1, "dropped": 10**400}
    (kept / "last_run.json").write_text(json.dumps(changed))

    code, out, err = run("reconcile", kept)

    assert (code, err) == (1, "")
    assert "telemetry_drops" in out


def test_the_log_may_be_elsewhere(run: Any, kept: Path, tmp_path: Path) -> None:
    """Closed segments belong to it."""
    elsewhere = tmp_path / "elsewhere.jsonl"
    (kept / "events.jsonl").rename(elsewhere)

    assert run("reconcile", kept)[0] == 2
    assert run("reconcile", kept, "--log", elsewhere)[0] == 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda kept: (kept / "last_run.json").unlink(), "last_run.json: No such file or directory"),
        (
            lambda kept: (kept / "last_run.json").write_text("{}"),
            'last_run.json: a summary names its run, under "run_id"',
        ),
        (lambda kept: (kept / "last_run.json").write_text("["), "last_run.json: is not JSON"),
        (lambda kept: (kept / "metrics.json").write_text("7"), "metrics.json: holds no JSON object"),
        (lambda kept: (kept / "events.jsonl").unlink(), "holds neither events.jsonl nor telemetry.db"),
    ],
)
def test_unusable_files_are_one_line_and_exit_2(run: Any, kept: Path, spoil: Any, said: str) -> None:
    """With the name of the file."""
    spoil(kept)

    code, out, err = run("reconcile", kept)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_directory_that_is_none_is_said_to_be(run: Any, tmp_path: Path) -> None:
    """And what would be one."""
    code, _, err = run("reconcile", tmp_path / "gone")

    assert code == 2
    assert "is no directory: name the one that holds last_run.json" in err


def findings(run: Any, directory: Path, code: int) -> list[tuple[str, str]]:
    """Return level and message, without figures and reasons, of what `reconcile` says; it has to end with *code*."""
    ended, out, err = run("reconcile", directory, "--json")
    assert (ended, err) == (code, "")
    return [
        (found["level"], found["message"].partition(":")[0].lstrip("0123456789 "))
        for found in json.loads(out)["findings"]
    ]


def segmented(directory: Path, **limits: Any) -> Telemetry:
    """Return a run whose log consists of segments of a dozen events."""
    store = JsonlStore(directory / "events.jsonl", dialect="event", max_bytes=2_000, **limits)
    return open_run(directory, store=store, run_id="r")


SHORT = ("info", "metrics.json has less than the log of 1 counter")
OPEN = ("info", "figures of the summary cannot be compared")


def test_a_run_that_goes_on_is_not_accused(run: Any, tmp_path: Path) -> None:
    """What it recorded since its last flush is in no file yet."""
    with open_run(tmp_path, run_id="r") as telemetry:
        telemetry.incr("steps")
        telemetry.flush()
        telemetry.incr("steps")

        assert findings(run, tmp_path, 0) == [
            ("info", "no figure of the summary is about 1 event of run r that came later"),
            SHORT,
        ]
    assert findings(run, tmp_path, 0) == []


def test_a_run_that_was_killed_before_a_flush_is_not_accused_by_a_later_one(run: Any, tmp_path: Path) -> None:
    """Its counters never came to the file."""
    with JsonlStore(tmp_path / "events.jsonl", dialect="event") as log:
        log.emit(Record("metric", "steps", "steps", 1, value=2, instrument="counter", run_id="killed"))
    with open_run(tmp_path, run_id="good") as telemetry:
        telemetry.incr("steps")

    assert findings(run, tmp_path, 0) == [SHORT]


@needs_fork
def test_a_run_whose_child_ended_at_once_is_not_accused(run: Any, tmp_path: Path) -> None:
    """Nothing of it came to the file."""
    with open_run(tmp_path, run_id="r") as telemetry:
        telemetry.incr("steps")
        child = os.fork()
        if not child:
            telemetry.incr("steps")
            os._exit(0)
        os.waitpid(child, 0)

    assert findings(run, tmp_path, 0) == [
        ("info", "no figure of the summary is about 1 event of run r that forked children wrote"),
        SHORT,
    ]


def test_a_run_that_outlives_its_segments_is_not_accused(run: Any, tmp_path: Path) -> None:
    """The events that the file sums up are gone, and as many came since."""
    with segmented(tmp_path, keep=3) as telemetry:
        for number in range(30):
            telemetry.observe("step", number)
        telemetry.flush()
        for number in range(60):
            telemetry.observe("step", 1_000 + number)

        assert findings(run, tmp_path, 0) == [OPEN]


def test_a_latency_that_was_invented_is_found_in_spite_of_removed_segments(run: Any, tmp_path: Path) -> None:
    """There were not so many events."""
    with segmented(tmp_path, keep=1) as telemetry:
        for number in range(40):
            telemetry.observe("step", number)
    assert findings(run, tmp_path, 0) == [OPEN]

    file = tmp_path / "last_run.json"
    changed = json.loads(file.read_text())
    changed["latencies"]["invented"] = {"count": 10**9, "p50_ms": 1.0}
    file.write_text(json.dumps(changed))

    assert findings(run, tmp_path, 1)[0] == ("error", "the losses that the summary states do not add up")


def test_rows_that_were_removed_by_time_are_no_reason_to_accuse(run: Any, tmp_path: Path) -> None:
    """A span begins before what is below it, and is stored behind it."""
    with (
        SqliteStore(tmp_path / "telemetry.db") as store,
        open_run(tmp_path, store=store, run_id="r") as telemetry,
    ):
        with telemetry.context("outer"):
            telemetry.event("inner")
        telemetry.flush()
        first, outer = store.records()
        assert first.time_ns is not None
        assert (outer.name, store.trim(before_ns=first.time_ns)) == ("outer", 1)

    assert findings(run, tmp_path, 0)[0][0] == "info"


def test_an_id_that_was_used_twice_is_no_reason_to_accuse(run: Any, tmp_path: Path) -> None:
    """The file is about the second run, and the log begins with the first one."""
    for number in range(2):
        with open_run(tmp_path, run_id="nightly") as telemetry:
            telemetry.observe("step", number)

    assert findings(run, tmp_path, 0) == [OPEN]


def test_a_segment_that_was_removed_from_the_midst_is_a_finding(run: Any, tmp_path: Path) -> None:
    """No retention does that."""
    with segmented(tmp_path) as telemetry:
        for _ in range(40):
            telemetry.observe("step", 1)
    (tmp_path / "events.000002.jsonl").unlink()

    assert [level for level, _ in findings(run, tmp_path, 1)] == ["error", "error"]


def test_a_damaged_segment_is_named_and_no_figure_compared(run: Any, tmp_path: Path) -> None:
    """It is said on standard error, and why in the finding."""
    with segmented(tmp_path, compress=True) as telemetry:
        for number in range(40):
            telemetry.observe("step", number)
    segment = tmp_path / "events.000002.jsonl.gz"
    segment.write_bytes(gzip.compress(gzip.decompress(segment.read_bytes()))[:-4])

    code, out, err = run("reconcile", tmp_path, "--json")

    assert code == 0
    assert err.startswith("pytest-telemetry: events.000002.jsonl.gz: compressed data is damaged: ")
    [finding] = json.loads(out)["findings"]
    assert (finding["level"], finding["examples"][0]["text"]) == ("info", err[42:].strip())
