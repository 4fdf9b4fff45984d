"""One test per failure text; every one of them fails, and the golden files say how."""

from __future__ import annotations

import threading

import pytest
from etl import etl

from pytest_telemetry import TelemetryContext, TelemetryRecorder, between, event, log, metric, only, span
from pytest_telemetry.assertions import assert_cache_pair, assert_counts, assert_lsp_ready_order
from pytest_telemetry.model.record import Record
from pytest_telemetry.testing.lsp_transcript import Transcript, received

BUILT_BEFORE = TelemetryContext()


@pytest.fixture
def recorder(telemetry_recorder):
    etl(telemetry_recorder.context)
    return telemetry_recorder


# The worked examples


def test_value(recorder):
    assert span("load", path="b.csv") in recorder


def test_nesting(recorder):
    assert recorder == [
        span("etl", span("load", span("parse", rows=12)), span("db.query") * 3, span("write"))
    ]


def test_count(recorder):
    assert span("etl", span("db.query") * 2, span("load")) in recorder


def test_metric_change(recorder):
    assert recorder.metric("rows.read", format="csv") == 13


def test_metric_misspelt(recorder):
    assert recorder.metric("row.read", format="csv") == 10


def test_inside_the_wrong_span(recorder):
    assert event("disk.slow") in recorder["write"]


def test_log_inside_the_wrong_span(telemetry_recorder):
    etl(telemetry_recorder.context)
    inside = telemetry_recorder["etl/load"].record
    telemetry_recorder.emit(
        Record(
            "log",
            "slow disk",
            "etl.load",
            inside.time_ns,
            parent_id=inside.span_id,
            level="warning",
            attrs={"ms": 512},
        )
    )
    assert log.warning("slow *") in telemetry_recorder["write"]


def test_exact_time(telemetry_recorder, telemetry_clock):
    etl(telemetry_recorder.context, telemetry_clock)
    assert span("load", duration=1.0) in telemetry_recorder


def test_wait(recorder):
    recorder.wait_for(span("job.done"), timeout=0.01)


def test_nothing_recorded(telemetry_recorder):
    assert span("load") in telemetry_recorder


# The other reasons


def test_built_disabled(telemetry_recorder):
    with BUILT_BEFORE("load"):
        pass
    assert span("load") in telemetry_recorder


def test_context_never_used(telemetry_recorder):
    _ = telemetry_recorder.context
    assert span("load") in telemetry_recorder


def test_vacuous_absence(telemetry_recorder):
    assert span("load") not in telemetry_recorder


def test_recorded_after_all(recorder):
    assert span("load") not in recorder


def test_misspelt(recorder):
    assert span("laod") in recorder


def test_other_kind(recorder):
    assert event("load") in recorder


def test_wrong_parent(recorder):
    assert span("etl", span("write"), ...) in recorder


def test_wrong_level(recorder):
    recorder.emit(Record("log", "slow disk", "slow disk", 1, level="warning"))
    assert recorder >= [log.error("slow *")]


def test_still_open(telemetry_recorder):
    with telemetry_recorder.context("load"):
        assert span("load", duration=1.0) in telemetry_recorder


def test_filtered(telemetry_recorder_factory):
    def drop_loads(record):
        return None if record.name == "load" else record

    filtered = telemetry_recorder_factory("filtered", processors=[drop_loads])
    etl(filtered.context)
    assert span("load") in filtered


def test_another_recorder(telemetry_recorder):
    with TelemetryRecorder(name="test_earlier") as earlier:
        context = earlier.context
    etl(context)
    assert span("load") in telemetry_recorder


def test_wrong_order(recorder):
    assert recorder >= [span("write"), span("load")]


def test_wrong_status(recorder):
    assert span("load", status="error") in recorder


def test_wrong_error(telemetry_recorder):
    with pytest.raises(KeyError), telemetry_recorder.context("load"):
        raise KeyError("a")
    assert span("load", error="ValueError") in telemetry_recorder


def test_attributes_are_not_exact(recorder):
    assert span("db.query", only(table="t")) in recorder


def test_attribute_absent(recorder):
    assert span("load", encoding="utf-8") in recorder


def test_count_out_of_range(recorder):
    assert span("db.query") * between(4, 9) in recorder


def test_set_is_missing_one(recorder):
    assert recorder >= {span("load"), span("delete")}


def test_either(recorder):
    assert span("delete") | span("drop") in recorder


def test_silence_expected(recorder):
    assert recorder == []


def test_metric_pattern(recorder):
    assert metric("rows.read", format="xml") in recorder


def test_recorded_in_a_thread(telemetry_recorder):
    def work():
        with telemetry_recorder.context("child"):
            pass

    with telemetry_recorder.context("parent"):
        thread = threading.Thread(target=work, name="worker")
        thread.start()
        thread.join()
    assert telemetry_recorder == [span("parent", span("child"))]


# The helpers for code intelligence


@pytest.fixture
def transcript(telemetry_recorder):
    transcript = Transcript()
    transcript.follow(telemetry_recorder)
    transcript.add("server", "started", 1, name="pylsp")
    transcript.add("received", "initialize", 1, message={"id": 1, "method": "initialize"})
    transcript.add("sent", "initialize", 1, message={"id": 1, "result": {}})
    transcript.add("received", "initialized", 1, message={"method": "initialized"})
    return transcript


def test_lsp_request_before_ready(transcript, telemetry_recorder):
    transcript.add("received", "textDocument/hover", 1, message={"id": 2, "method": "textDocument/hover"})
    telemetry_recorder.context.event("lsp.ready", ready_via="initialized")
    assert_lsp_ready_order(transcript, policy="initialized")


def test_lsp_failure_that_is_not_told(transcript):
    transcript.add("server", "crash", 1, code=3)
    assert_lsp_ready_order(transcript, timeout=0)


def test_lsp_wait(transcript):
    transcript.wait(received("shutdown"), timeout=0)


def test_cache_pair(telemetry_recorder):
    for _ in range(2):
        telemetry_recorder.context.event("ast.cache.miss", file="app/model.py")
    assert_cache_pair(telemetry_recorder, file="app/model.py")


def test_counts(telemetry_recorder):
    for name in ("ast.cache.miss", "ast.cache.hit", "ast.cache.hit"):
        telemetry_recorder.context.event(name)
    assert_counts(telemetry_recorder, {"ast.cache.miss": 1, "ast.cache.hit": 1})
