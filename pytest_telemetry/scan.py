"""Runs checks over logs and stores in one streaming pass (layer 6)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from pytest_telemetry.checks.lines import RunId, Timestamps, WellFormed
from pytest_telemetry.checks.lsp_order import LspReadyOrder
from pytest_telemetry.checks.measured import MeasuredTiming
from pytest_telemetry.checks.paths import RelativePaths
from pytest_telemetry.checks.percentiles import Percentiles
from pytest_telemetry.checks.privacy import Privacy
from pytest_telemetry.checks.streaming import Judgement, StreamingCheck
from pytest_telemetry.checks.timing import MonotonicTiming
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.sources import open_source, placed, require_events, stream_source, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_telemetry.checks.lsp_server import Policy
    from pytest_telemetry.model.finding import Finding
    from pytest_telemetry.model.mapping import LineMapping
    from pytest_telemetry.model.protocols import Check
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.stats import Method
    from pytest_telemetry.sources import Source

__all__ = ("CHECK_IDS", "ScanResult", "scan", "scan_source", "scan_stream", "standard_checks")

CHECK_IDS: Final = (
    "well-formed",
    "run-id",
    "timestamps",
    "relative-paths",
    "no-secrets",
    "measured-timing",
    "monotonic-timing",
    "lsp-ready-order",
    "percentiles",
)


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What checks have to say about one log.

    Attributes:
        file: Its name, as it was given.
        events: Records in it.
        malformed: Lines that hold none, blank ones apart.
        blank: Blank lines.
        findings: What is wrong, in the order of the checks.
        checks: Ids of the checks that judged it.
    """

    file: str
    events: int
    malformed: int
    blank: int
    findings: tuple[Finding, ...]
    checks: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the object that ``check --json`` prints for this file."""
        return {
            "file": self.file,
            "events": self.events,
            "malformed": self.malformed,
            "blank": self.blank,
            "checks": list(self.checks),
            "findings": [_as_dict(finding) for finding in self.findings],
        }


def _as_dict(finding: Finding) -> dict[str, Any]:
    result: dict[str, Any] = {"check": finding.check, "count": finding.count, "level": finding.level}
    if finding.by_field:
        result["by_field"] = dict(finding.by_field)
    if finding.by_command:
        result["by_command"] = dict(finding.by_command)
    result["message"] = finding.message
    result["examples"] = [
        {
            **({"file": example.file} if example.file else {}),
            "line": example.line,
            "text": example.text,
            **example.detail,
        }
        for example in finding.examples
    ]
    return result


def standard_checks(
    *,
    summary: Mapping[str, Any] | None = None,
    method: Method = "linear",
    policy: Policy = "diagnostics-or-definition",
    mapping: LineMapping | None = None,
) -> list[StreamingCheck]:
    """Return a check for every id in `CHECK_IDS`; ``percentiles`` only with a *summary*.

    A *mapping* that the logs are read by is itself held to what stands in them.

    Raises:
        ValueError: The summary, the method or the policy cannot be used; the text says why.
    """
    checks: list[StreamingCheck] = [
        WellFormed(mapping),
        RunId(),
        Timestamps(),
        RelativePaths(),
        Privacy(),
        MeasuredTiming(),
        MonotonicTiming(),
        LspReadyOrder(policy),
    ]
    return checks if summary is None else [*checks, Percentiles(summary, method=method)]


def scan(
    path: str | os.PathLike[str],
    checks: Sequence[Check],
    *,
    mapping: LineMapping | None = None,
    allow_empty: bool = False,
    progress: Callable[[int], object] | None = None,
) -> ScanResult:
    """Judge what *path* holds in one pass: a log with its closed segments, compressed or not, or a database.

    Memory does not grow with the log, unless a check is no `StreamingCheck`: such a check gets all records at once.

    Args:
        path: The log.
        checks: What to hold it to.
        mapping: How lines are read that are neither in our own format nor exports; by default as older shapes.
        allow_empty: Whether a log without events is fine.
        progress: Called now and then with the number of bytes read since the last call, of those that
            `sources.size_of` tells.

    Raises:
        UnusableInput: There is nothing to judge: no such file, no text, no event; or reading failed.
    """
    with open_source(path, mapping) as source:
        return scan_source(source, os.fspath(path), checks, allow_empty=allow_empty, progress=progress)


def scan_stream(
    stream: BinaryIO,
    name: str,
    checks: Sequence[Check],
    *,
    mapping: LineMapping | None = None,
    allow_empty: bool = False,
    progress: Callable[[int], object] | None = None,
) -> ScanResult:
    """Judge what a stream holds, like `scan`; *name* is what reports call it. The stream is left open.

    Raises:
        UnusableInput: There is nothing to judge, or reading failed.
    """
    return scan_source(
        stream_source(stream, name, mapping), name, checks, allow_empty=allow_empty, progress=progress
    )


def scan_source(
    reader: Source,
    name: str,
    checks: Sequence[Check],
    *,
    allow_empty: bool = False,
    progress: Callable[[int], object] | None = None,
) -> ScanResult:
    """Judge the lines of an open source, like `scan`; *name* is what reports call it.

    Raises:
        UnusableInput: There is nothing to judge, or reading failed.
    """
    judgements = [check.start() if isinstance(check, StreamingCheck) else _Whole(check) for check in checks]
    try:
        _feed(reader, judgements, progress)
    except OSError as error:
        raise unusable(name, error) from error
    if not allow_empty:
        require_events(reader, name)
        if not reader.events:
            raise UnusableInput(f"{name}: is empty: nothing to judge")
    findings = placed([finding for judgement in judgements for finding in judgement.findings()], name)
    ids = tuple(dict.fromkeys(check.id for check in checks))
    return ScanResult(name, reader.events, reader.malformed, reader.blank, findings, ids)


def _feed(reader: Source, judgements: Sequence[Judgement], progress: Callable[[int], object] | None) -> None:
    """Give every line to every judgement."""
    adders = [judgement.add for judgement in judgements]
    reported = at = 0
    for line in reader:
        if isinstance(line, LogLine):
            for add in adders:
                add(line.record, line)
        else:
            for judgement in judgements:
                judgement.add_bad(line)
        if progress is not None and reader.offset - at > 1_000_000:
            at, before, reported = reader.offset, reported, reader.consumed()
            progress(reported - before)
    if progress is not None:
        progress(reader.consumed() - reported)


class _Whole(Judgement):
    """The judgement of a check that wants all records at once."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._records: list[Record] = []

    def add(self, record: Record, line: LogLine | None = None) -> None:
        del line
        self.judged += 1
        self._records.append(record)

    def findings(self) -> list[Finding]:
        return list(self._check(self._records))
