"""One streaming pass over a log for all checks."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_telemetry.checks import Latency, RunId
from pytest_telemetry.cli.check import command
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.record import Record
from pytest_telemetry.scan import CHECK_IDS, scan, scan_stream, standard_checks
from pytest_telemetry.sinks.jsonl import JsonlStore
from pytest_telemetry.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterable

LINE = b'{"cmd":"load","ts":"2026-01-01T00:00:00Z","run_id":"r","timing_ms":3}\n'


class Lines(io.RawIOBase):
    """A log that is made while it is read, so that it lies nowhere in memory."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._number = 0

    def readline(self, size: int | None = -1) -> bytes:
        del size
        if not self._left:
            return b""
        self._left -= 1
        self._number += 1
        line = {
            "cmd": f"command{self._number % 7}",
            "ts": "2026-01-01T00:00:00Z",
            "run_id": f"run{self._number % 11}",
            "timing_ms": self._number % 100,
            "x": {"file": f"/home/a/{self._number}.py"},
        }
        return json.dumps(line).encode() + b"\n"


def test_memory_does_not_grow_with_the_log() -> None:
    """Ten times as many lines need no more."""
    checks = standard_checks()
    peaks = []
    scan_stream(Lines(100), "warm-up", checks)  # type: ignore[arg-type]  # reads like a binary stream
    for count in (500, 5_000):
        tracemalloc.start()
        result = scan_stream(Lines(count), "made up", checks)  # type: ignore[arg-type]  # likewise
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert result.events == count

    assert peaks[1] < peaks[0] + 50_000


def test_a_log_that_our_sink_wrote_is_clean(tmp_path: Path) -> None:
    """All standard checks have something to say about it, and nothing to complain of."""
    with JsonlStore(tmp_path / "log") as sink:
        for number in range(6):
            span_id = f"{number:016x}"
            sink.emit(
                Record(
                    "span", "load", "load", 5, number, run_id="r", span_id=span_id, trace_id="t", seq=number
                )
            )

    result = scan(tmp_path / "log", standard_checks())

    assert (result.events, result.malformed, result.findings) == (6, 0, ())


def test_the_standard_checks_are_those_that_are_documented() -> None:
    """In that order; percentiles with a summary."""
    checks = standard_checks(summary={"a": {"count": 1}})

    assert tuple(check.id for check in checks) == CHECK_IDS
    assert tuple(check.id for check in standard_checks()) == CHECK_IDS[:-1]


def test_a_check_that_does_not_stream_gets_all_records_at_once(tmp_path: Path) -> None:
    """Any callable of that shape is a check."""

    class AtMostOne:
        id = "at-most-one"

        def __call__(self, records: Iterable[Record], /) -> Iterable[Finding]:
            count = len(list(records))
            return [Finding(self.id, f"{count} records", count)] if count > 1 else []

    log = tmp_path / "log"
    log.write_bytes(LINE * 3)

    result = scan(log, [AtMostOne(), RunId()])

    assert [(finding.check, finding.count) for finding in result.findings] == [("at-most-one", 3)]
    assert result.checks == ("at-most-one", "run-id")


def test_progress_adds_up_to_the_size_of_the_log(tmp_path: Path) -> None:
    """In steps of a megabyte or so."""
    log = tmp_path / "log"
    log.write_bytes(LINE.replace(b"load", b"l" * 400_000) * 6)
    steps: list[int] = []

    scan(log, [RunId()], progress=steps.append)

    assert len(steps) > 2
    assert sum(steps) == log.stat().st_size


def test_a_stream_is_left_open() -> None:
    """It is the caller's."""
    stream = io.BytesIO(LINE)

    result = scan_stream(stream, "stdin", [RunId()])

    assert (result.file, result.events) == ("stdin", 1)
    assert not stream.closed


class Broken(io.BytesIO):
    def readline(self, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


class BrokenAtOnce(io.BytesIO):
    def peek(self, size: int) -> bytes:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("stream", [Broken(), BrokenAtOnce()])
def test_a_failing_device_is_unusable_input(stream: io.BytesIO) -> None:
    """Not a traceback in the middle of the report."""
    with pytest.raises(UnusableInput, match="disk: Input/output error"):
        scan_stream(stream, "disk", [RunId()])


def test_a_name_that_no_file_can_have_is_unusable_input() -> None:
    """Like a file that is not there."""
    with pytest.raises(UnusableInput, match="null"):
        open_source("a\0b")


DOCS = Path(__file__).parents[1] / "docs" / "reference"


def test_the_reference_describes_every_check_and_every_option() -> None:
    """A page that lags behind is worse than none."""
    checks = (DOCS / "checks.md").read_text(encoding="utf-8")
    cli = (DOCS / "cli.md").read_text(encoding="utf-8")

    for check in (*standard_checks(summary={"a": {"count": 1}}), Latency("a", count=1)):
        assert f"\n## {check.id}\n" in checks
        assert f"`{type(check).__name__}(" in checks
    for check_id in CHECK_IDS:
        assert f"`{check_id}`" in cli
    for parameter in command.params:
        for option in parameter.opts:
            assert option == "files" or f"`{option}" in cli
