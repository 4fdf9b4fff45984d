"""A run: its log, its counters, and the figures that sum it up."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry import TelemetryRecorder, event, span
from pytest_telemetry.analysis import run_figures
from pytest_telemetry.analysis.run_figures import SECTIONS, RunFigures
from pytest_telemetry.checks.reconcile import Reconcile
from pytest_telemetry.model.config import TelemetryConfig
from pytest_telemetry.model.errors import Unavailable, UnusableInput
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.logs import read_log
from pytest_telemetry.model.pattern import Pattern
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.processors.redaction import Redaction
from pytest_telemetry.project_setup import set_up
from pytest_telemetry.run_files import read_counters
from pytest_telemetry.runs import Level, Telemetry, open_run
from pytest_telemetry.runtime.context import NO_OP, TelemetryContext
from pytest_telemetry.sinks import jsonl, sqlite_row
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sinks.memory import MemoryStore
from pytest_telemetry.sinks.sqlite import SqliteStore
from pytest_telemetry.sources import find_log, open_source
from pytest_telemetry.testing.fake_clock import FakeClock


def lines(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "events.jsonl").read_bytes().splitlines()]


def last_run(directory: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((directory / "last_run.json").read_text())
    return read


def counters(directory: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((directory / "metrics.json").read_text())
    return read


def reconciled(directory: Path) -> list[Finding]:
    with open_source(find_log(directory)) as source:
        judgement = Reconcile(last_run(directory)).start()
        for line in source:
            assert isinstance(line, LogLine)
            judgement.add(line.record, line)
    return judgement.findings()


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "_ctx" / "telemetry"


def test_an_event_is_the_line_that_older_tools_query(tmp_path: Path, home: Path) -> None:
    """Extra fields stand at the top level, the timing with its fraction."""
    with Telemetry(tmp_path, run_id="r") as telemetry:
        telemetry.event("ast.parse", {"file": "src/a.py"}, {"status": "ok"}, 42.25, skeleton_bytes=8192)

    [line] = lines(home)
    assert list(line)[:9] == [
        "ts",
        "run_id",
        "segment",
        "cmd",
        "args",
        "result",
        "timing_ms",
        "tokens",
        "warnings",
    ]
    assert (line["run_id"], line["cmd"], line["args"], line["timing_ms"]) == (
        "r",
        "ast.parse",
        {"file": "src/a.py"},
        42.25,
    )
    assert line["skeleton_bytes"] == 8192


def test_keys_that_become_the_same_text_are_all_kept(tmp_path: Path) -> None:
    """The later ones are told by a mark, as wherever keys become text."""
    recorder = TelemetryRecorder()
    with Telemetry(tmp_path, reporters=[recorder]) as telemetry:
        telemetry.event("step", {1: "a", "1": "b"})

    [record] = recorder.records()
    assert (record.attrs["args.1"], record.attrs["args.1~"]) == ("a", "b")


@pytest.mark.parametrize(
    ("timing", "kind", "duration_ns"), [(0, "span", 0), (None, "event", None), (1.5, "span", 1_500_000)]
)
def test_a_timing_makes_a_finished_span_and_zero_stays_zero(
    timing: float | None, kind: str, duration_ns: int | None, tmp_path: Path
) -> None:
    """Without one the record is an event."""
    recorder = TelemetryRecorder()
    with Telemetry(tmp_path, reporters=[recorder]) as telemetry:
        telemetry.event("step", timing_ms=timing)

    [record] = recorder.records()
    assert (record.kind, record.duration_ns) == (kind, duration_ns)


def test_a_finished_span_stands_below_the_span_that_is_open_and_ends_now(tmp_path: Path) -> None:
    """Its start is derived from its end."""
    clock = FakeClock()
    recorder = TelemetryRecorder(clock=clock)
    with Telemetry(tmp_path, reporters=[recorder], clock=clock) as telemetry:
        with telemetry.context("outer"):
            clock.advance(2)
            telemetry.event("inner", timing_ms=500)

    assert recorder == [span("outer", span("inner"))]
    [outer, inner] = recorder.records()
    assert (inner.parent_id, inner.trace_id, inner.scope) == (outer.span_id, outer.trace_id, "outer.inner")
    assert outer.time_ns is not None
    assert inner.time_ns == outer.time_ns + 1_500_000_000
    assert inner.duration_ns == 500_000_000


def test_off_writes_nothing_and_creates_nothing(tmp_path: Path) -> None:
    """And its context is the no-op."""
    with Telemetry(tmp_path, "off") as telemetry:
        telemetry.event("step", timing_ms=1)
        telemetry.incr("steps")
        telemetry.observe("step", 1)
        telemetry.flush()

    assert telemetry.context is NO_OP
    assert list(tmp_path.iterdir()) == []
    assert telemetry.figures()["telemetry_drops"]["attempted"] == 0


@pytest.mark.parametrize(("level", "length"), [("lite", 120), ("full", 400)])
def test_lite_cuts_arguments_to_previews(level: Level, length: int, tmp_path: Path, home: Path) -> None:
    """Other fields stay as they are at both levels."""
    with Telemetry(tmp_path, level) as telemetry:
        telemetry.event(
            "ask", {"query": "why " * 100, "limit": 3}, {"answer": "so " * 100}, note="and " * 100
        )

    [line] = lines(home)
    assert len(line["args"]["query"]) == length
    assert len(line["result"]["answer"]) == min(length, 300)
    assert (line["args"]["limit"], len(line["note"])) == (3, 400)


def test_a_reserved_key_is_kept_under_another_name_and_counted(tmp_path: Path, home: Path) -> None:
    """In strict mode it raises, and so does what should be a number and is none."""
    with Telemetry(tmp_path) as telemetry:
        telemetry.event("step", ts="mine", segment="mine")
        telemetry.event("step", timing_ms="soon")  # type: ignore[arg-type]
        telemetry.incr("jobs", "one")  # type: ignore[arg-type]
        assert telemetry.statistics()["misuse"]["reserved or unusable argument"] == 3

    first, second, _ = lines(home)
    assert not (home / "metrics.json").exists()
    assert (first["extra.ts"], first["extra.segment"]) == ("mine", "mine")
    assert second["timing_ms"] is None
    strict = Telemetry(tmp_path, strict=True)
    with pytest.raises(ValueError, match=r"^cannot use reserved keys: run_id, ts$"):
        strict.event("step", ts=1, run_id=2)
    with pytest.raises(ValueError, match="timing_ms: not a number"):
        strict.observe("step", True)
    with pytest.raises(ValueError, match=r"^jobs cannot be increased by 'one': it is no number$"):
        strict.incr("jobs", "one")  # type: ignore[arg-type]
    strict.close()


def test_paths_are_relative_and_secrets_masked_before_anything_is_written(tmp_path: Path, home: Path) -> None:
    """In the log, in the files beside it, and in the label of the workspace."""
    with Telemetry(tmp_path, "full", run_id="run_1") as telemetry:
        telemetry.event("read", {"file": f"{tmp_path}/src/a.py"}, warnings=["mail ada@example.org"])
        telemetry.event("read", {"file": "/home/ada/x.py"})

    first, second = lines(home)
    assert first["args"]["file"] == "src/a.py"
    assert second["args"]["file"].startswith("external/")
    assert first["segment"].endswith(f"-{tmp_path.name}")
    written = b"".join(path.read_bytes() for path in home.iterdir())
    assert b"ada" not in written
    assert str(tmp_path).encode() not in written


@pytest.mark.parametrize("chosen", [None, [Redaction()]])
def test_what_a_caller_does_with_its_values_afterwards_is_not_written(
    chosen: list[Redaction] | None, tmp_path: Path
) -> None:
    """A queue keeps records for seconds: what is in them then was never looked at for secrets."""
    messages, options, warnings = ["hello"], {"retries": 1}, ["slow"]
    with Telemetry(tmp_path, "full", config=TelemetryConfig(), processors=chosen) as telemetry:
        telemetry.event("ask", {"messages": messages}, options=options, warnings=warnings)
        with telemetry.context("ask.again", options=options):
            pass
        telemetry.context.metric("asked", options)
        messages.append("password=hunter2secret99")
        options["password"] = 99
        telemetry.flush()
        assert telemetry.store is not None
        event_, span_, metric_ = telemetry.store.records()

    assert (event_.attrs["args.messages"], event_.attrs["warnings"]) == (["hello"], ["slow"])
    assert event_.attrs["options"] == span_.attrs["options"] == metric_.value == {"retries": 1}


@pytest.mark.parametrize("config", [None, TelemetryConfig(storage_type="file", max_events_per_hour=2)])
def test_the_id_of_a_run_is_what_the_processors_make_of_it_in_all_files(
    config: TelemetryConfig | None, tmp_path: Path, home: Path
) -> None:
    """So that nothing leaks beside the log, and the figures are those of the records that carry it."""
    with Telemetry(tmp_path, run_id="ada@build.example.org", config=config) as telemetry:
        telemetry.event("step", timing_ms=3)
        telemetry.incr("steps")

    assert telemetry.run_id == "[REDACTED:email]"
    summed_up = last_run(home)
    assert {line["run_id"] for line in lines(home)} == {summed_up["run_id"]} == {telemetry.run_id}
    assert (summed_up["metrics_delta"], summed_up["telemetry_drops"]["written"]) == ({"steps": 1}, 2)


def test_a_processor_that_makes_nothing_of_the_id_of_a_run_leaves_it(tmp_path: Path) -> None:
    """Whether it drops or raises; those behind it are asked all the same."""

    def refuse(_: Record) -> Record:
        raise RuntimeError("mine")

    with Telemetry(tmp_path, run_id="ada@b.example.org", processors=[lambda _: None, refuse]) as telemetry:
        assert telemetry.run_id == "ada@b.example.org"
    with Telemetry(tmp_path, run_id="ada@b.example.org", processors=[refuse, Redaction()]) as telemetry:
        assert telemetry.run_id == "[REDACTED:email]"


def test_the_last_run_is_what_its_log_says(tmp_path: Path, home: Path) -> None:
    """Computed again from the lines, every section is the same."""
    with Telemetry(tmp_path, "full") as telemetry:
        for number in range(20):
            telemetry.event(
                "ast.parse", {"n": number}, {"status": "ok"}, number * 1.5, tokens={"total_tokens": 7}
            )
        telemetry.incr("ctx_count", 3)
        telemetry.incr("ctx_count")
        telemetry.incr("file_read_raw_bytes_total", 512)
        telemetry.event("file.read", bytes_read=100, disclosure_mode="skeleton", warnings=["slow disk"])
        telemetry.event("file.read", bytes_read=11, disclosure_mode="else", warnings=["slow disk", "cold"])
        telemetry.event("ast.cache.hit")
        telemetry.event("ast.cache.miss")
        for name in ("lsp.spawn", "lsp.ready", "lsp.definition", "lsp.definition", "lsp.timeout"):
            telemetry.observe(name, 4)

    figures = RunFigures()
    with read_log(home / "events.jsonl") as log:
        for line in log:
            assert isinstance(line, LogLine)
            figures.add(line.record)
    read = last_run(home)
    read["counters"] = read.pop("metrics_delta")
    assert {name: read[name] for name in SECTIONS} == json.loads(json.dumps(figures.as_dict()))
    assert read["latencies"]["ast.parse"] == {
        "count": 20,
        "p50_ms": 14.25,
        "p95_ms": 27.075,
        "max_ms": 28.5,
        "method": "linear",
    }
    assert read["tokens"]["ast.parse"]["total_total_tokens"] == 140
    assert read["ast"]["ast_cache_hit_rate"] == 0.5
    assert (read["lsp"]["lsp_timeout_rate"], read["lsp"]["lsp_ready_rate"]) == (0.5, 1.0)
    assert read["file_read"] == {
        "skeleton_bytes": 100,
        "excerpt_bytes": 0,
        "raw_bytes": 512,
        "other_bytes": 11,
        "total_bytes": 623,
    }
    assert read["top_warnings"][0] == {"warning": "slow disk", "count": 2}


def test_the_rates_of_time_outs_and_fallbacks_are_those_of_definitions(tmp_path: Path, home: Path) -> None:
    """What was asked otherwise, or not at all, would make them more than all."""
    with Telemetry(tmp_path) as telemetry:
        telemetry.event("lsp.definition")
        telemetry.event("lsp.definition")
        for reason in ("timeout", "no_server", "no_such_line", "not_ready", "exited"):
            telemetry.event("lsp.fallback", reason=reason)
        for method in ("textDocument/hover", "textDocument/references", "textDocument/definition"):
            telemetry.event("lsp.timeout", {"method": method})

    assert (last_run(home)["lsp"]["lsp_timeout_count"], last_run(home)["lsp"]["lsp_timeout_rate"]) == (1, 0.5)
    assert (last_run(home)["lsp"]["lsp_fallback_count"], last_run(home)["lsp"]["lsp_fallback_rate"]) == (
        1,
        0.5,
    )
    assert reconciled(home) == []


def test_the_last_run_says_of_when_its_first_and_its_earliest_event_are(tmp_path: Path, home: Path) -> None:
    """A span is stored when it ends, behind what happened in it; without events both are null."""
    clock = FakeClock(datetime(2026, 1, 2, tzinfo=UTC))
    with Telemetry(tmp_path, clock=clock) as telemetry:
        assert (telemetry.figures()["first_ts"], telemetry.figures()["earliest_ts"]) == (None, None)
        with telemetry.context("outer"):
            clock.advance(2)
            telemetry.event("inner")
            clock.advance(2)
        telemetry.event("after")

    read = last_run(home)
    assert (read["first_ts"], read["earliest_ts"]) == (
        "2026-01-02T00:00:02.000000000+00:00",
        "2026-01-02T00:00:00.000000000+00:00",
    )


def test_a_rate_of_nothing_is_null(tmp_path: Path, home: Path) -> None:
    """And no percentile is invented."""
    Telemetry(tmp_path).close()

    read = last_run(home)
    assert read["ast"]["ast_cache_hit_rate"] is None
    assert read["lsp"]["lsp_fallback_rate"] is None
    assert read["telemetry_drops"]["drop_rate"] is None
    assert read["latencies"] == {}


def test_a_count_is_that_of_the_counter_of_its_name(tmp_path: Path, home: Path) -> None:
    """Where the run has one; else the records are counted."""
    with Telemetry(tmp_path) as telemetry:
        telemetry.incr("ast_parse_count", 15)
        telemetry.event("ast.parse")
        telemetry.event("ast.cache.hit")

    assert last_run(home)["ast"]["ast_parse_count"] == 15
    assert last_run(home)["ast"]["ast_cache_hit_count"] == 1


def test_counters_add_up_over_runs_and_flushing_twice_adds_nothing(tmp_path: Path, home: Path) -> None:
    """What an older tool left in the file stays."""
    home.mkdir(parents=True)
    (home / "metrics.json").write_text('{"telemetry_lock_skipped": 4, "a": 1, "note": "kept"}')

    with Telemetry(tmp_path) as telemetry:
        telemetry.incr("a", 2)
        telemetry.flush()
        telemetry.flush()
        telemetry.incr("a")
    with Telemetry(tmp_path) as telemetry:
        telemetry.incr("b")

    assert counters(home) == {"telemetry_lock_skipped": 4, "a": 4, "note": "kept", "b": 1}
    assert read_counters(home / "metrics.json") == {"telemetry_lock_skipped": 4, "a": 4, "b": 1}


def test_many_processes_lose_no_count(tmp_path: Path, home: Path) -> None:
    """Each adds to the same file."""
    code = (
        "import sys\n"
        "from pytest_telemetry.runs import Telemetry\n"
        "telemetry = Telemetry(sys.argv[1])\n"
        "for _ in range(20):\n"
        "    telemetry.incr('a')\n"
        "    telemetry.flush()\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(6)]

    assert [process.wait(60) for process in processes] == [0] * 6
    assert counters(home) == {"a": 120}
    assert len(lines(home)) == 120


def test_many_threads_lose_no_count(tmp_path: Path, home: Path) -> None:
    """While others flush."""
    with Telemetry(tmp_path) as telemetry:

        def work() -> None:
            for number in range(50):
                telemetry.incr("a")
                if number % 25 == 0:
                    telemetry.flush()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert counters(home) == {"a": 200}
    assert last_run(home)["telemetry_drops"]["written"] == 200


@pytest.mark.parametrize("moment", ["run_files._alone", "run_files.write_object", "run_log.write_object"])
@pytest.mark.parametrize("act", ["flush", "close"])
@pytest.mark.parametrize("is_the_end", [False, True])
def test_who_interrupts_the_writing_of_files_waits_for_nobody_and_loses_no_count(
    moment: str, act: str, is_the_end: bool, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a signal handler does, whether or not it ends the program: they are written once more."""
    telemetry = Telemetry(tmp_path)
    telemetry.incr("a", 5)
    module, name = moment.split(".")
    real = getattr(import_module(f"pytest_telemetry.{module}"), name)
    interruptions: list[str] = []

    def interrupted(*arguments: Any) -> Any:
        if not interruptions:
            interruptions.append(act)
            telemetry.incr("b")
            getattr(telemetry, act)()
            if is_the_end:
                raise SystemExit
        return real(*arguments)

    monkeypatch.setattr(f"pytest_telemetry.{moment}", interrupted)
    with pytest.raises(SystemExit) if is_the_end else nullcontext():
        telemetry.flush()

    assert counters(home) == last_run(home)["metrics_delta"] == {"a": 5, "b": 1}
    assert telemetry.statistics()["run_files"] == {"written": 1 if is_the_end else 2, "failed": 0}
    telemetry.close()
    assert counters(home) == {"a": 5, "b": 1}


def test_counters_are_added_once_where_the_program_ends_as_soon_as_they_are_in_the_file(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a signal handler that calls ``sys.exit()``; the end of the program writes the files again."""
    telemetry = Telemetry(tmp_path)
    telemetry.incr("a", 5)

    def ended(aside: Path, path: Path) -> None:
        os.replace(aside, path)  # noqa: PTH105 - the method stands for what is interrupted
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Path, "replace", ended)
        telemetry.flush()
    telemetry.close()

    assert counters(home) == last_run(home)["metrics_delta"] == {"a": 5}


SIGNALLED = """
import os, signal, sys
from pytest_telemetry.model.config import TelemetryConfig
from pytest_telemetry.runs import Telemetry
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sinks.sqlite import SqliteStore
workspace, storage, method, is_the_end = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] == "exit"
kind = SqliteStore if storage == "sqlite" else JsonlStore
real = getattr(kind, method)
interruptions = []
def interrupted(self, *arguments):
    if interruptions:
        return real(self, *arguments)
    interruptions.append(method)
    with self._database.lock if storage == "sqlite" else self._shares[os.getpid()].lock:
        telemetry.event("meanwhile")
        telemetry.event("meanwhile")  # a batch: the thread of the queue, if it has one, waits for the lock
        signal.raise_signal(signal.SIGTERM)
        return real(self, *arguments)
setattr(kind, method, interrupted)
config = TelemetryConfig(storage_type=storage, batch_size=2, async_flush=method != "emit_many")
telemetry = Telemetry(workspace, config=config, run_id="r")
def asked_to_end(*_):
    telemetry.event("asked")
    telemetry.flush()
    telemetry.close()
    if is_the_end:
        sys.exit(0)
signal.signal(signal.SIGTERM, asked_to_end)
telemetry.event("first")
telemetry.event("first")
telemetry.flush()
list(telemetry.store.records())
assert interruptions
"""


@pytest.mark.parametrize(
    ("storage", "method"),
    [
        ("file", "emit_many"),
        ("file", "flush"),
        ("sqlite", "emit_many"),
        ("sqlite", "flush"),
        ("sqlite", "_fetch"),
    ],
)
@pytest.mark.parametrize("handler", ["exit", "return"])
def test_a_signal_handler_may_close_a_run_whose_store_it_interrupted(
    storage: str, method: str, handler: str, tmp_path: Path, home: Path
) -> None:
    """Nobody waits for whom it keeps waiting; all is stored at the end of the program at the latest."""
    arguments = [str(tmp_path), storage, method, handler]
    subprocess.run([sys.executable, "-c", SIGNALLED, *arguments], check=True, timeout=60)

    with open_source(find_log(home)) as source:
        kept = sorted(line.record.name for line in source if isinstance(line, LogLine))
    assert kept == ["asked", "first", "first", "meanwhile", "meanwhile"]
    drops = last_run(home)["telemetry_drops"]
    assert (drops["attempted"], drops["written"], drops["queued"]) == (5, 5, 0)
    assert reconciled(home) == []


@pytest.mark.parametrize("ending", ["", "raise RuntimeError('out')"])
def test_the_files_are_written_when_the_interpreter_ends(ending: str, tmp_path: Path, home: Path) -> None:
    """Also by an exception."""
    code = (
        "import sys\n"
        "from pytest_telemetry.runs import Telemetry\n"
        "Telemetry(sys.argv[1], run_id='r').incr('a')\n" + ending
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, stderr=subprocess.DEVNULL)

    assert counters(home) == {"a": 1}
    assert last_run(home)["run_id"] == "r"


def test_an_exception_flushes_and_passes(tmp_path: Path, home: Path) -> None:
    """What was recorded before it is in the files."""
    with pytest.raises(RuntimeError, match="mine"), Telemetry(tmp_path) as telemetry:
        telemetry.incr("a")
        raise RuntimeError("mine")

    assert counters(home) == {"a": 1}


@needs_fork
def test_a_forked_child_adds_to_the_counters_and_leaves_the_last_run_to_its_parent(
    tmp_path: Path, home: Path
) -> None:
    """What the parent counted is not added twice; the records of the child say whose they are."""
    telemetry = Telemetry(tmp_path, run_id="r")
    telemetry.incr("a", 5)
    telemetry.flush()
    before = last_run(home)
    child = os.fork()
    if not child:
        telemetry.incr("a", 2)
        telemetry.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert (counters(home), last_run(home)) == ({"a": 7}, before)
    telemetry.close()

    assert counters(home) == {"a": 7}
    assert last_run(home)["metrics_delta"] == {"a": 5}
    assert [line.get("forked_pid") for line in lines(home)] == [None, child]
    assert [finding.message for finding in reconciled(home)] == [
        "no figure of the summary is about 1 event of run r that forked children wrote"
    ]


@needs_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("storage", ["file", "sqlite"])
def test_a_child_of_multiprocessing_that_ends_by_itself_loses_nothing(
    storage: Any, tmp_path: Path, home: Path
) -> None:
    """Neither its counters, nor what waited in its queue."""
    telemetry = Telemetry(tmp_path, config=TelemetryConfig(storage_type=storage))
    telemetry.incr("a", 5)

    child = multiprocessing.get_context("fork").Process(target=telemetry.incr, args=("a", 2))
    child.start()
    child.join()
    telemetry.flush()

    assert telemetry.store is not None
    assert sorted(record.value for record in telemetry.store.records()) == [2, 5]
    telemetry.close()
    assert counters(home) == {"a": 7}
    assert last_run(home)["metrics_delta"] == {"a": 5}


@pytest.mark.parametrize("content", ["{oops", "[1]", '{"a": "many"}', "[" * 100_000])
def test_a_damaged_file_is_left_as_it_is_and_its_counts_come_later(
    content: str, tmp_path: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, and counted."""
    home.mkdir(parents=True)
    path = home / "metrics.json"
    path.write_text(content)

    with caplog.at_level(logging.ERROR), Telemetry(tmp_path) as telemetry:
        telemetry.incr("a")
        telemetry.flush()
        telemetry.flush()
        assert path.read_text() == content
        assert telemetry.statistics()["run_files"] == {"written": 0, "failed": 2}
        path.unlink()

    assert counters(home) == {"a": 1}
    [message] = caplog.messages
    assert str(path) in message


def test_a_file_in_the_way_is_no_file_of_a_run(tmp_path: Path) -> None:
    """Nor is one that is too large, or cannot be read."""
    with pytest.raises(UnusableInput, match=r"is no file$"):
        read_counters(tmp_path)
    link = tmp_path / "loop"
    link.symlink_to(link)
    assert read_counters(link) == {}
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    with pytest.raises(UnusableInput, match="larger than 64 MB"):
        read_counters(huge)


@pytest.mark.parametrize(
    "config",
    [None, TelemetryConfig(storage_type="file"), TelemetryConfig(), TelemetryConfig(async_flush=False)],
    ids=["log", "file", "sqlite", "sqlite without threads"],
)
def test_the_figures_are_those_of_the_events_that_the_log_kept(
    config: TelemetryConfig | None, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it did not keep is in the drops, and in nothing else."""
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 2_000)
    monkeypatch.setattr(sqlite_row, "MAX_LINE_BYTES", 2_000)
    with Telemetry(tmp_path, "full", config=config) as telemetry:
        telemetry.observe("short", 1)
        telemetry.event("long", {"text": "x" * 3_000}, timing_ms=2, warnings=["slow"])
        telemetry.context.count("steps", 3, text="x" * 3_000)
        telemetry.observe("short", 3)

    read = last_run(home)
    drops = read["telemetry_drops"]
    assert (drops["attempted"], drops["written"], drops["dropped"], drops["queued"]) == (4, 2, 2, 0)
    assert {name: figures["count"] for name, figures in read["latencies"].items()} == {"short": 2}
    assert (read["metrics_delta"], read["top_warnings"]) == ({}, [])
    assert reconciled(home) == []


@pytest.mark.parametrize("overflow", ["drop-newest", "drop-oldest"])
def test_what_found_no_room_in_the_queue_is_in_no_figure(overflow: Any, tmp_path: Path, home: Path) -> None:
    """However much that is."""
    config = TelemetryConfig(batch_size=2, max_queue_size=2, overflow=overflow)
    with Telemetry(tmp_path, config=config) as telemetry:
        for number in range(300):
            telemetry.observe(f"step {number % 3}", number)
            telemetry.incr("steps", number)

    read = last_run(home)
    drops = read["telemetry_drops"]
    assert drops["attempted"] == drops["written"] + drops["dropped"] == 600
    assert drops["dropped"] > 0
    assert reconciled(home) == []


def test_what_a_store_took_only_when_it_was_closed_is_in_the_file(tmp_path: Path, home: Path) -> None:
    """It waits for no other flush."""

    class Late(SqliteStore):
        def flush(self) -> None:
            raise Unavailable(11, "others write")

    with Telemetry(tmp_path, store=Late(home / "telemetry.db")) as telemetry:
        telemetry.observe("step", 1)
        waiting = telemetry.figures()["telemetry_drops"]

    drops = last_run(home)["telemetry_drops"]
    assert (waiting["written"], waiting["queued"]) == (0, 1)
    assert (drops["written"], drops["queued"], drops["dropped"]) == (1, 0, 0)
    assert last_run(home)["latencies"]["step"]["count"] == 1


def test_segments_that_are_removed_during_the_run_take_no_figure_with_them(
    tmp_path: Path, home: Path
) -> None:
    """And are the reason why the log does not support it any more."""
    log = JsonlStore(home / "events.jsonl", dialect="event", max_bytes=1_000, keep=1)
    with Telemetry(tmp_path, run_id="r", store=log) as telemetry:
        for number in range(40):
            telemetry.observe("step", number)

    assert last_run(home)["latencies"]["step"]["count"] == 40
    left = len(list(log.records()))
    assert left < 40
    [finding] = reconciled(home)
    assert finding.level == "info"
    assert finding.message.endswith(f"; at least {40 - left} of 40 events are missing")


def test_a_run_that_ended_without_a_flush_is_not_accused(tmp_path: Path, home: Path) -> None:
    """Its log says more than its last file."""
    telemetry = Telemetry(tmp_path, run_id="r")
    telemetry.observe("step", 1)
    telemetry.flush()
    telemetry.observe("step", 3)

    [finding] = reconciled(home)
    assert (finding.level, finding.message) == (
        "info",
        "no figure of the summary is about 1 event of run r that came later",
    )
    telemetry.close()
    assert reconciled(home) == []


def test_what_is_lost_is_in_the_figures(tmp_path: Path, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By a processor, by a store that fails, and after the end."""

    class Failing(MemoryStore):
        def emit(self, record: Record, /) -> None:
            if record.name == "bad":
                raise OSError(28, "No space left on device")
            super().emit(record)

    def drop(record: Record) -> Record | None:
        return None if record.name == "private" else record

    with caplog.at_level(logging.CRITICAL):
        telemetry = Telemetry(tmp_path, store=Failing(), processors=[drop])
        for name in ("good", "bad", "private", "good"):
            telemetry.event(name)
        telemetry.flush()

    assert last_run(home)["telemetry_drops"] == {
        "attempted": 4,
        "written": 2,
        "queued": 0,
        "dropped": 2,
        "dropped_by_processors": 1,
        "drop_rate": 0.5,
    }
    telemetry.close()
    telemetry.event("late")
    assert telemetry.statistics()["telemetry_drops"]["attempted"] == 5


def test_of_a_store_that_does_not_tell_what_it_took_counts_as_written(tmp_path: Path, home: Path) -> None:
    """What it raised at does not."""

    class Own:
        def __init__(self) -> None:
            self.kept: list[Record] = []

        def emit(self, record: Record, /) -> None:
            if record.name == "bad":
                raise OSError(28, "No space left on device")
            self.kept.append(record)

        def flush(self) -> None: ...

        def close(self) -> None: ...

        def statistics(self) -> dict[str, int]:
            return {"accepted": len(self.kept), "stored": len(self.kept), "dropped": 0}

        def records(self, pattern: Pattern | None = None, /) -> list[Record]:
            return self.kept

        def __len__(self) -> int:
            return len(self.kept)

    with Telemetry(tmp_path, store=Own()) as telemetry:
        telemetry.event("good", timing_ms=1)
        telemetry.event("bad", timing_ms=1)

    drops = last_run(home)["telemetry_drops"]
    assert (drops["attempted"], drops["written"], drops["dropped"]) == (2, 1, 1)
    assert list(last_run(home)["latencies"]) == ["good"]


def test_what_says_that_a_child_wrote_it_can_be_set_by_nobody(tmp_path: Path, home: Path) -> None:
    """Neither by an event nor by a context: figures would leave the record out."""
    with Telemetry(tmp_path) as telemetry:
        telemetry.event("step", forked_pid=1)
        telemetry.context.event("step", forked_pid=2)
        assert telemetry.statistics()["misuse"]["reserved or unusable argument"] == 1

    assert [(line.get("forked_pid"), line["extra.forked_pid"]) for line in lines(home)] == [
        (None, 1),
        (None, 2),
    ]


def test_who_emits_waits_for_nobody_who_computes_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither does the store, which holds its lock; what it stored is in the next figures."""
    telemetry = Telemetry(tmp_path)
    real = RunFigures.as_dict
    waited: list[bool] = []

    def as_dict(self: RunFigures) -> dict[str, Any]:
        other = threading.Thread(target=telemetry.incr, args=("a",), daemon=True)
        other.start()
        other.join(30)
        waited.append(other.is_alive())
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(RunFigures, "as_dict", as_dict)
        before = telemetry.figures()["metrics_delta"]

    assert (waited, before) == ([False], {})
    assert telemetry.figures()["metrics_delta"] == {"a": 1}
    telemetry.close()


def test_a_count_that_interrupts_another_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a finaliser or a signal handler does, between reading a figure and writing it."""
    real = run_figures._is_number
    interruptions: list[object] = []

    def is_number(value: object) -> bool:
        if len(interruptions) < 2:
            interruptions.append(value)
            telemetry.incr("a")
        return real(value)

    with Telemetry(tmp_path) as telemetry:
        monkeypatch.setattr(run_figures, "_is_number", is_number)
        telemetry.incr("a")

        assert telemetry.figures()["metrics_delta"] == {"a": 3}


def test_a_record_on_its_way_is_queued_and_not_lost(tmp_path: Path, home: Path) -> None:
    """Of a flush while it is handed to the store."""

    class Flushing(MemoryStore):
        def emit(self, record: Record, /) -> None:
            telemetry.flush()
            super().emit(record)

    with Telemetry(tmp_path, store=Flushing()) as telemetry:
        telemetry.event("step")

        drops = last_run(home)["telemetry_drops"]
        assert (drops["attempted"], drops["queued"], drops["dropped"]) == (1, 1, 0)
    assert last_run(home)["telemetry_drops"]["written"] == 1


@pytest.mark.parametrize("config", [None, TelemetryConfig(batch_size=2)], ids=["log", "queue"])
def test_a_flush_beside_threads_reports_no_loss(
    config: TelemetryConfig | None, tmp_path: Path, home: Path
) -> None:
    """Whatever they are just about to do."""
    seen = []
    with Telemetry(tmp_path, config=config) as telemetry:

        def work() -> None:
            for _ in range(200):
                telemetry.observe("step", 1)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            telemetry.flush()
            seen.append(last_run(home)["telemetry_drops"])

    assert {drops["dropped"] for drops in seen} <= {0}
    assert min(drops["queued"] for drops in [*seen, last_run(home)["telemetry_drops"]]) >= 0
    assert last_run(home)["telemetry_drops"]["written"] == last_run(home)["latencies"]["step"]["count"] == 600


def test_runs_that_share_a_store_hear_of_their_own_records_each(tmp_path: Path) -> None:
    """And of nothing that others keep there; one that is closed hears nothing."""
    store = MemoryStore()
    first, second = (Telemetry(tmp_path, run_id=name, store=store) for name in ("first", "second"))
    other = TelemetryContext(store, enabled=True, processors=[lambda record: record])
    for _ in range(3):
        first.incr("a")
        other.count("a")
    second.incr("a", 5)

    assert [run.figures()["metrics_delta"] for run in (first, second)] == [{"a": 3}, {"a": 5}]
    assert [run.figures()["telemetry_drops"]["written"] for run in (first, second)] == [3, 1]
    first.close()
    assert len(store.on_stored) == 1
    second.close()
    assert store.on_stored == []


def test_what_a_shared_store_dropped_is_a_loss_of_the_run_that_misses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of no other."""
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 2_000)
    store = JsonlStore(tmp_path / "events.jsonl", dialect="event")
    first, second = (Telemetry(tmp_path, "full", run_id=name, store=store) for name in ("first", "second"))
    second.event("short")
    first.event("long", {"text": "x" * 3_000})
    first.event("short")

    drops = [run.figures()["telemetry_drops"] for run in (first, second)]
    assert [(one["written"], one["dropped"], one["queued"]) for one in drops] == [(1, 1, 0), (1, 0, 0)]
    first.close()
    second.close()


@needs_fork
def test_a_forked_child_reports_its_own_losses_only(tmp_path: Path) -> None:
    """What its parent lost before is none of them."""
    config = TelemetryConfig(storage_type="file", event_types=("keep",))
    with Telemetry(tmp_path, config=config) as telemetry:
        for _ in range(20):
            telemetry.event("skip")
        read, write = os.pipe()
        child = os.fork()
        if not child:
            for name in ("skip", "keep", "skip"):
                telemetry.event(name)
            telemetry.flush()
            os.write(write, json.dumps(telemetry.statistics()["telemetry_drops"]).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        with os.fdopen(read) as pipe:
            said = json.load(pipe)

    assert said == {
        "attempted": 3,
        "written": 1,
        "queued": 0,
        "dropped": 2,
        "dropped_by_processors": 2,
        "drop_rate": 0.6667,
    }


def test_a_store_that_was_detached_misses_what_follows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And that is counted, too."""

    class Failing(MemoryStore):
        def emit(self, record: Record, /) -> None:
            raise OSError(28, "No space left on device")

    with caplog.at_level(logging.CRITICAL), Telemetry(tmp_path, store=Failing()) as telemetry:
        for _ in range(10):
            telemetry.event("step")

    assert telemetry.statistics()["telemetry_drops"]["dropped"] == 10


@pytest.mark.parametrize("level", ["lite", "full"])
def test_no_level_cuts_a_secret_before_it_is_masked(level: Level, tmp_path: Path, home: Path) -> None:
    """Of half of one nobody could tell that it is one."""
    token = "ghp_0123456789abcdefghijABCDEFGHIJ456789"
    with Telemetry(tmp_path, level) as telemetry:
        for before in range(60, 121):
            telemetry.event("ask", {"query": f"{'a ' * (before // 2)}{token} {'b ' * 50}"})
            telemetry.event("ask", f"{'a ' * (before // 2)}{token} {'b ' * 50}")

    assert "ghp_" not in (home / "events.jsonl").read_text()
    assert all(len(str(line["args"])) < 150 for line in lines(home)) or level == "full"


def test_nothing_that_a_run_is_told_breaks_its_caller(tmp_path: Path, home: Path) -> None:
    """Neither when it is told, nor when it is summed up; the store is closed in any case."""
    home.mkdir(parents=True)
    (home / "metrics.json").write_text('{"old": NaN}')
    with pytest.raises(RuntimeError, match="mine"), Telemetry(tmp_path, "full") as telemetry:
        telemetry.event("caf\udce9", warnings=["cannot read caf\udce9.py"])
        telemetry.event("x", timing_ms=1e305)
        telemetry.event("x", timing_ms=10**400)
        telemetry.event("x", warnings=True)  # type: ignore[arg-type]
        telemetry.event("x", tokens={"total_tokens": 10**400})
        telemetry.incr("n", 10**400)
        telemetry.incr("n", 0.5)
        raise RuntimeError("mine")

    assert last_run(home)["metrics_delta"] == {"n": 0.5}
    assert counters(home)["n"] == 0.5
    telemetry.event("late")
    assert telemetry.statistics()["dropped_after_shutdown"] == 1


class Unreadable(Mapping[str, int]):
    """Changes whenever somebody looks, and so has no members to tell."""

    def __getitem__(self, key: str) -> int:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("dictionary changed size during iteration")

    def __len__(self) -> int:
        raise RuntimeError("mine")

    def __repr__(self) -> str:
        return "unreadable"


class NoTruth:
    """As an array compares: with what is neither true nor false."""

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")

    def __repr__(self) -> str:
        return "no truth"

    __hash__ = None  # type: ignore[assignment]  # as an array


def test_what_cannot_be_read_as_members_is_kept_as_a_value(tmp_path: Path, home: Path) -> None:
    """Under the name of its group; the caller hears of nothing."""
    with Telemetry(tmp_path, estimate_tokens=True) as telemetry:
        telemetry.event("x", Unreadable(), Unreadable(), tokens=Unreadable())
        telemetry.event("x", {"a": 1}, {"status": NoTruth()}, warnings=NoTruth())  # type: ignore[arg-type]

    first, second = lines(home)
    assert (first["args"], first["result"], first["tokens"]) == ("unreadable", "unreadable", "unreadable")
    assert (second["result"], second["warnings"]) == ({"status": "no truth"}, ["no truth"])


def test_half_a_surrogate_pair_has_one_name_in_all_files(tmp_path: Path, home: Path) -> None:
    """That of the log, which strict readers take, so that the log supports the figures."""
    with Telemetry(tmp_path, "full") as telemetry:
        telemetry.event("caf\udce9", timing_ms=1, warnings=["no caf\udce9.py"])
        telemetry.incr("read caf\udce9")

    assert last_run(home)["latencies"].keys() == {"caf\\udce9"}
    assert counters(home)["read caf\\udce9"] == 1
    assert reconciled(home) == []


class Wordless(Exception):
    """Has no text: what it would say is not there."""

    def __str__(self) -> str:
        raise AttributeError("message")

    __repr__ = __str__


@pytest.mark.parametrize("kind", ["", "file", "sqlite"])
@pytest.mark.parametrize(
    "warning",
    [
        UserWarning("slow for ada@example.org"),
        {"path": Path("a.py"), "for": "ada@example.org"},
        ["slow", ("disk", 2**70)],
        Wordless(),
        b"slow",
        7,
        None,
    ],
    ids=lambda warning: type(warning).__name__,
)
def test_a_warning_that_is_no_text_is_counted_as_the_log_keeps_it(
    tmp_path: Path, kind: Any, warning: Any
) -> None:
    """Masked, without a failure of the log, and so that the log supports the figures."""
    config = TelemetryConfig(storage_type=kind) if kind else None
    with Telemetry(tmp_path, "full", directory=tmp_path / "run", config=config) as telemetry:
        for _ in range(3):  # three failures would detach the log
            telemetry.event("load", warnings=[warning])
        telemetry.context.event("after", warnings={"slow"})

    read = last_run(tmp_path / "run")
    assert [one["count"] for one in read["top_warnings"]] == [3, 1]
    assert "ada@example.org" not in str(read["top_warnings"])
    assert read["telemetry_drops"]["written"] == 4
    assert reconciled(tmp_path / "run") == []


class Stubborn(int):
    """A number that refuses to be compared or added."""

    def __eq__(self, _: object) -> bool:
        raise TypeError("no")

    __hash__ = None  # type: ignore[assignment]  # as an array has none
    __le__ = __ge__ = __add__ = __radd__ = __eq__


def test_a_value_that_refuses_to_be_added_up_is_taken_as_the_log_keeps_it(tmp_path: Path, home: Path) -> None:
    """The log hears of no failure, and supports the figures."""
    value = Stubborn(7)
    with Telemetry(tmp_path, "full") as telemetry:
        telemetry.event("file.read", tokens={"total_tokens": value}, bytes_read=value, disclosure_mode=value)
        telemetry.context.count("steps", value)

    read = last_run(home)
    assert read["tokens"]["file.read"]["total_total_tokens"] == 7
    assert (read["file_read"]["other_bytes"], read["metrics_delta"]) == (7, {"steps": 7})
    assert read["telemetry_drops"]["written"] == 2
    assert reconciled(home) == []


def test_the_status_of_a_result_is_that_of_the_event(tmp_path: Path) -> None:
    """With a timing or without."""
    recorder = TelemetryRecorder()
    with Telemetry(tmp_path, reporters=[recorder]) as telemetry:
        telemetry.event("x", result={"status": "error"})
        telemetry.event("x", result={"status": "ok"}, timing_ms=3)

    assert [(one.kind, one.status) for one in recorder.records()] == [("event", "error"), ("span", "ok")]


def test_what_was_in_the_store_before_is_not_of_this_run(tmp_path: Path, home: Path) -> None:
    """Losses are never negative."""
    store = MemoryStore()
    for number in range(5):
        store.emit(Record("event", f"e{number}", "", 0))
    with Telemetry(tmp_path, store=store) as telemetry:
        telemetry.event("x")

    drops = last_run(home)["telemetry_drops"]
    assert (drops["attempted"], drops["written"], drops["dropped"]) == (1, 1, 0)


def test_closing_again_writes_nothing(tmp_path: Path, home: Path) -> None:
    """Another run may have been flushed since."""
    first = Telemetry(tmp_path, run_id="first")
    first.close()
    Telemetry(tmp_path, run_id="second").close()
    first.close()

    assert last_run(home)["run_id"] == "second"


def test_tokens_are_estimated_only_on_request_and_marked(tmp_path: Path, home: Path) -> None:
    """What was given is never estimated."""
    with Telemetry(tmp_path, "full", estimate_tokens=True) as telemetry:
        telemetry.event("ask", {"query": "x" * 10, "more": ["y" * 10]}, {"answer": "z" * 4})
        telemetry.event("ask", {"query": "x" * 10}, tokens={"total_tokens": 3})
    with Telemetry(tmp_path) as plain:
        plain.event("ask", {"query": "x" * 10})

    first, second, third = lines(home)
    assert first["tokens"] == {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6, "estimated": True}
    assert (second["tokens"], third["tokens"]) == ({"total_tokens": 3}, {})
    assert telemetry.figures()["tokens"]["ask"] == {
        "count": 2,
        "estimated": 1,
        "total_input_tokens": 5,
        "total_output_tokens": 1,
        "total_total_tokens": 9,
        "total_retrieved_tokens": 0,
        "avg_tokens_per_call": 4.5,
    }


def test_a_configuration_says_where_records_are_kept(tmp_path: Path, home: Path) -> None:
    """The files beside it are written all the same; where it is off, nothing is."""
    with open_run(home, workspace=tmp_path, config=TelemetryConfig(pii_filtering=False)) as telemetry:
        telemetry.event("step", timing_ms=1)
        telemetry.flush()
        assert telemetry.store is not None
        assert [record.name for record in telemetry.store.records()] == ["step"]

    assert (home / "telemetry.db").exists()
    assert not (home / "events.jsonl").exists()
    assert last_run(home)["latencies"]["step"]["count"] == 1
    other = tmp_path / "other"
    other.mkdir()
    assert Telemetry(other, config=TelemetryConfig(enabled=False)).context is NO_OP
    assert list(other.iterdir()) == []


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    """Each in one line that says what to do."""
    with pytest.raises(ValueError, match=r"^level must be one of off, lite, full, not 'loud'$"):
        Telemetry(tmp_path, "loud")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"pass one of them$"):
        Telemetry(tmp_path, config=TelemetryConfig(), store=MemoryStore())
    with pytest.raises(UnusableInput, match=r"is no directory: pass the workspace"):
        Telemetry(tmp_path / "nowhere")
    with pytest.raises(
        UnusableInput, match=r"^~nobody-has-this: there is no such home: write the path without ~$"
    ):
        Telemetry("~nobody-has-this")


@pytest.mark.parametrize("config", [None, TelemetryConfig(storage_type="file"), TelemetryConfig()])
def test_a_log_that_cannot_be_opened_is_said_once_and_costs_the_caller_nothing(
    config: TelemetryConfig | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What it would have been given counts as dropped, and reporters hear of it all the same."""
    (tmp_path / "file").touch()
    recorder = TelemetryRecorder()
    with Telemetry(
        tmp_path, run_id="r", directory=tmp_path / "file" / "below", config=config, reporters=[recorder]
    ) as telemetry:
        telemetry.event("step", {"file": str(tmp_path / "a.py")}, timing_ms=1)
        telemetry.incr("steps")

    drops = telemetry.figures()["telemetry_drops"]
    assert (drops["attempted"], drops["written"], drops["dropped"]) == (2, 0, 2)
    assert (telemetry.store, telemetry.figures()["latencies"]) == (None, {})
    assert telemetry.statistics()["run_files"] == {"written": 0, "failed": 1}
    assert recorder == [span("step", {"args.file": "a.py"})]
    [message] = caplog.messages
    assert message.startswith("run r is not kept: cannot ")
    assert str(tmp_path / "file") in message


def test_what_a_log_that_cannot_be_opened_lost_is_in_the_files_that_can_be_written(
    tmp_path: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And what a configuration masks is masked for reporters as well."""
    (tmp_path / "file").touch()
    config = TelemetryConfig(storage_path=tmp_path / "file" / "below", sanitize_fields=["query"])
    recorder = TelemetryRecorder()
    with Telemetry(tmp_path, config=config, reporters=[recorder]) as telemetry:
        telemetry.event("ask", query="why?")

    assert last_run(home)["telemetry_drops"]["dropped"] == 1
    assert recorder == [event("ask", query="[REDACTED:field]")]
    assert len(caplog.messages) == 1


def test_files_that_cannot_be_written_cost_the_store_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, and counted."""
    (tmp_path / "file").touch()
    store = MemoryStore()
    with Telemetry(tmp_path, directory=tmp_path / "file" / "below", store=store) as telemetry:
        telemetry.event("step")
        telemetry.flush()

    assert [record.name for record in store.records()] == ["step"]
    assert telemetry.statistics()["run_files"] == {"written": 0, "failed": 2}
    assert len(caplog.messages) == 1


def test_the_table_of_the_project_is_in_force(tmp_path: Path, home: Path) -> None:
    """Where neither a configuration nor a store is given."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest_telemetry]\nsanitize_fields = ['query']\n")
    with Telemetry(tmp_path) as telemetry:
        telemetry.event("ask", query="why?")
        telemetry.flush()
        assert telemetry.store is not None
        [record] = telemetry.store.records()

    assert record.attrs["query"] == "[REDACTED:field]"
    assert sorted(path.name for path in home.iterdir() if path.suffix != "") == [
        "last_run.json",
        "telemetry.db",
    ]
    for given in ({"config": TelemetryConfig(storage_type="memory")}, {"store": MemoryStore()}):
        with Telemetry(tmp_path, **given) as other:
            other.event("ask", query="why?")
        assert other.store is not None
        assert [one.attrs["query"] for one in other.store.records()] == ["why?"]


def test_a_project_that_init_prepared_keeps_event_lines(tmp_path: Path, home: Path) -> None:
    """As it would have been without the table."""
    set_up(tmp_path)
    with open_run(workspace=tmp_path, run_id="r") as telemetry:
        telemetry.event("ask", {"query": "why?"})

    [line] = lines(home)
    assert (line["cmd"], line["args"]) == ("ask", {"query": "why?"})


def test_a_table_that_switches_telemetry_off_leaves_nothing(tmp_path: Path) -> None:
    """No file, and the context is the no-op."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest_telemetry]\nenabled = false\n")
    with Telemetry(tmp_path) as telemetry:
        telemetry.event("step")

    assert telemetry.context is NO_OP
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


def test_a_table_that_cannot_be_meant_is_one_line_unless_the_run_is_off(tmp_path: Path) -> None:
    """At level off nothing is read."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest_telemetry]\nbatchsize = 3\n")
    with pytest.raises(UnusableInput, match=r"pyproject\.toml: .* did you mean batch_size\?$"):
        Telemetry(tmp_path)

    assert Telemetry(tmp_path, "off").context is NO_OP


@pytest.mark.parametrize(
    "content", [b"[tool", b"\xef\xbb\xbf[project]\n", b"x = '\xff'\n", b"tool = 3\n", None]
)
def test_a_project_file_that_cannot_be_read_is_said_once_and_costs_the_caller_nothing(
    content: bytes | None, tmp_path: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run is kept as without it; None stands for one that is a directory."""
    file = tmp_path / "pyproject.toml"
    file.mkdir() if content is None else file.write_bytes(content)
    with Telemetry(tmp_path, run_id="r") as telemetry:
        telemetry.event("step")

    assert [line["cmd"] for line in lines(home)] == ["step"]
    [message] = caplog.messages
    assert message.startswith(f"run r is kept as without a configuration: {file}: ")


def test_names_without_end_take_no_memory_without_end() -> None:
    """From the ten-thousandth on they are taken together."""
    figures = RunFigures()
    for number in range(10_005):
        figures.add(Record("event", f"e{number}", "", 0))
        figures.add(Record("metric", f"m{number}", "", 0, value=1, instrument="counter"))
    figures.add(Record("span", "late", "", 0, 5))
    figures.add(Record("metric", "m0", "", 0, value=float("nan"), instrument="counter"))
    for huge in (1e308, 10**400):
        figures.add(Record("metric", "m1", "", 0, value=huge, instrument="counter"))

    read = figures.as_dict()
    assert len(read["counters"]) == 10_001
    assert (read["counters"]["(others)"], read["counters"]["m0"], read["counters"]["m1"]) == (5, 1, 1)
    assert list(read["latencies"]) == ["(others)"]
