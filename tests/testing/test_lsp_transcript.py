"""The transcript: what comes into it, and waiting for it."""

from __future__ import annotations

import bdb
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_telemetry import FakeClock, TelemetryContext, TelemetryRecorder, event, span
from pytest_telemetry.assertions import assert_relative_paths
from pytest_telemetry.testing import lsp_transcript
from pytest_telemetry.testing.lsp_transcript import Transcript, received, sent


@pytest.fixture
def transcript() -> Transcript:
    return Transcript()


def test_what_is_there_already_is_found_at_once(transcript: Transcript) -> None:
    """The first one that fits, behind the entry that is given."""
    first, second = transcript.add("sent", "a", 1), transcript.add("sent", "a", 1)

    assert transcript.wait(sent("a"), timeout=0) is first
    assert transcript.wait(sent("a"), timeout=0, after=first) is second
    assert transcript.find(sent("*"), after=first) == [second]


def test_whoever_waits_goes_on_when_it_happens(transcript: Transcript) -> None:
    """In another thread, after something else."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(transcript.wait(received("b"), timeout=60)))
    thread.start()

    transcript.add("received", "a", 1)
    entry = transcript.add("received", "b", 1)
    thread.join()

    assert found == [entry]


def test_a_wait_that_was_in_vain_shows_what_happened_instead(transcript: Transcript) -> None:
    """What was waited for stands first."""
    entry = transcript.add("sent", "textDocument/hover", 1)

    with pytest.raises(AssertionError) as failed:
        transcript.wait(received("initialize"), timeout=0.01, after=entry)

    assert str(failed.value) == (
        "received('initialize') did not happen within 0.01 s after entry 0; what did:\n"
        "    0  server -> client  textDocument/hover"
    )
    with pytest.raises(AssertionError, match="within 0 s; what did:\nnothing happened"):
        Transcript().wait(received("initialize"), timeout=0)


def test_patterns_and_functions_describe_entries_as_well(transcript: Transcript) -> None:
    """A pattern looks at records, a function at entries."""
    transcript.state("ready", reason="hover works")
    TelemetryContext(transcript, enabled=True).event("lsp.spawn", server="x")

    assert transcript.wait(event("lsp.spawn", server="x"), timeout=0).seq == 1
    assert transcript.wait(event("lsp.state_change", reason="hover*"), timeout=0).kind == "state"
    assert transcript.wait(lambda entry: entry.seq == 1, timeout=0).name == "lsp.spawn"


@pytest.mark.parametrize("wanted", ["initialize", event("a") >> event("b"), span("a", span("b")), None])
def test_what_describes_no_entry_is_refused(transcript: Transcript, wanted: Any) -> None:
    """The text says what could be waited for, or why not."""
    with pytest.raises(
        TypeError, match=r"cannot wait for .*: (wait for received\('initialize'\)|an entry holds one)"
    ):
        transcript.wait(wanted)


def test_a_recorder_is_followed(transcript: Transcript) -> None:
    """What it has, and what it gets, spans at their end; once, however often it is asked for."""
    recorder = TelemetryRecorder(clock=FakeClock())
    recorder.context.event("before")
    transcript.follow(recorder)
    transcript.follow(recorder)

    with recorder.context("work"):
        recorder.context.event("inside", file="a.py")
        assert transcript.find(span("work")) == []

    assert [entry.name for entry in transcript] == ["before", "inside", "work"]
    assert_relative_paths(transcript)
    assert transcript.statistics() == {"accepted": 3, "stored": 3, "dropped": 0}


def test_processors_do_not_count_twice(transcript: Transcript) -> None:
    """What they make of a record is no second record."""
    recorder = TelemetryRecorder(processors=[lambda record: record])
    transcript.follow(recorder)
    recorder.context.event("once")

    assert len(transcript) == 1


def test_a_context_may_write_into_it(transcript: Transcript) -> None:
    """It is a sink, which nothing closes."""
    context = TelemetryContext(transcript, enabled=True)
    with context("work"):
        pass
    transcript.flush()
    transcript.close()

    assert transcript.wait(span("work"), timeout=0).record is not None
    assert repr(transcript) == "<Transcript: 1 entries>"


def test_no_wait_ends_while_somebody_debugs(transcript: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is over long ago, and the entry comes all the same."""
    asked = threading.Event()

    def somebody_debugs() -> bool:
        asked.set()
        return True

    monkeypatch.setattr(lsp_transcript, "debugged", somebody_debugs)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(transcript.wait(sent("a"), timeout=0)))
    thread.start()
    assert asked.wait(60)
    entry = transcript.add("sent", "a", 1)
    thread.join()

    assert found == [entry]


def test_debuggers_are_known_and_coverage_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their trace function, or by the place that they take in sys.monitoring."""
    tools: dict[int, str] = {}
    monitoring = SimpleNamespace(get_tool=tools.get, DEBUGGER_ID=0)
    monkeypatch.setattr(sys, "monitoring", monitoring, raising=False)
    for trace, expected in [
        (None, False),
        (lambda *_: None, False),
        (bdb.Bdb().trace_dispatch, True),
        (SimpleNamespace(__module__="pydevd"), True),
    ]:
        monkeypatch.setattr(sys, "gettrace", lambda trace=trace: trace)
        assert lsp_transcript.debugged() is expected
    monkeypatch.setattr(sys, "gettrace", lambda: None)
    tools[0] = "pdb"

    assert lsp_transcript.debugged()
