"""A process that forks: the child has ids of its own and waits for no lock."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from pytest_telemetry.runtime import span, tally
from pytest_telemetry.runtime.context import TelemetryContext

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]


def in_a_child(work: Any) -> str:
    """Return what *work* returns in a forked child, or nothing if that takes too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(10)
            os.write(writer, work().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def test_a_child_makes_ids_of_its_own(keeping: Any) -> None:
    """Two processes that were one do not repeat each other."""
    sink = keeping()
    tele = TelemetryContext(sink, enabled=True)

    def ids() -> str:
        with tele("a"):
            pass
        record = sink.kept.pop()
        return f"{record.trace_id} {record.span_id}"

    found = [in_a_child(ids), in_a_child(ids), ids()]

    assert len({part for each in found for part in each.split()}) == 6


@pytest.mark.parametrize("lock", [span._identity_lock, tally._reading])
def test_a_child_does_not_wait_for_a_lock_of_its_parent(lock: Any, keeping: Any) -> None:
    """Another thread may be busy with the identity of a span, or read a number, at the moment of the fork."""
    sink = keeping()
    tele = TelemetryContext(sink, enabled=True)
    counted = tally.Tally()
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            release.wait(10)

    def scope() -> str:
        with tele("a"):
            counted.add()
        return f"{sink.kept[-1].scope} {counted.value}"

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    found = in_a_child(scope)
    release.set()
    thread.join()

    assert found == "a 1"
