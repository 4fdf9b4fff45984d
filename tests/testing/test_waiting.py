"""What waiting refuses; what it waits for is tested with the recorder."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pytest_telemetry import TelemetryRecorder, span

IMPOSSIBLE = [
    ("load", 0, r"cannot wait for 'load': wait for a pattern, such as span\('load'\)"),
    (None, 0, r"cannot wait for None: wait for a pattern"),
    (span("load"), "1", r"timeout is a number of seconds, not '1'"),
    (span("load"), None, r"timeout is a number of seconds, not None"),
]


@pytest.mark.parametrize(("pattern", "timeout", "text"), IMPOSSIBLE)
def test_what_cannot_be_waited_for_is_refused(pattern: Any, timeout: Any, text: str) -> None:
    """The text says what to write, and nothing is waited for."""
    recorder = TelemetryRecorder()

    with pytest.raises(TypeError, match=text):
        recorder.wait_for(pattern, timeout=timeout)
    with pytest.raises(TypeError, match=text):
        asyncio.run(recorder.await_for(pattern, timeout=timeout))
