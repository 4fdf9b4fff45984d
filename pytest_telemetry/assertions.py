"""Named assertions: one Check each, on anything that holds records (layer 6)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

from pytest_telemetry.checks.cache_pair import CachePair
from pytest_telemetry.checks.latency import Describes, Latency
from pytest_telemetry.checks.lsp_order import LspReadyOrder
from pytest_telemetry.checks.lsp_transcript import findings_of
from pytest_telemetry.checks.measured import MeasuredTiming
from pytest_telemetry.checks.paths import ROUTES, RelativePaths
from pytest_telemetry.checks.percentiles import Percentiles
from pytest_telemetry.checks.privacy import Privacy
from pytest_telemetry.checks.record_counts import RecordCounts
from pytest_telemetry.checks.timing import MonotonicTiming
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.transcript import listing
from pytest_telemetry.model.wire import BadLine, LogLine, decode_object
from pytest_telemetry.reports.text import finding_lines
from pytest_telemetry.run_files import read_object
from pytest_telemetry.sources import open_source, placed

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pytest_telemetry.checks.lsp_server import Policy
    from pytest_telemetry.checks.streaming import StreamingCheck
    from pytest_telemetry.model.stats import Method
    from pytest_telemetry.model.transcript import Entry
    from pytest_telemetry.testing.metamorphic import assert_dst_safe, assert_wall_clock_independent

__all__ = (
    "HoldsEntries",
    "HoldsRecords",
    "Subject",
    "assert_cache_pair",
    "assert_counts",
    "assert_dst_safe",
    "assert_latency",
    "assert_lsp_ready_order",
    "assert_measured_timing",
    "assert_monotonic_timing",
    "assert_no_secrets",
    "assert_percentiles",
    "assert_relative_paths",
    "assert_wall_clock_independent",
)


@runtime_checkable
class HoldsRecords(Protocol):
    """A recorder, or any other store."""

    def records(self) -> Iterable[Record]:
        """Return what is kept."""


@runtime_checkable
class HoldsEntries(Protocol):
    """The transcript of a scripted language server."""

    def entries(self) -> Sequence[Entry]:
        """Return what happened so far."""

    def until(self, holds: Callable[[], bool], timeout: float) -> bool:
        """Return whether *holds* returned true in time, asked again whenever something has happened."""


Subject: TypeAlias = HoldsRecords | Iterable[Record | Mapping[str, Any]] | str | os.PathLike[str]
"""What can be judged: a recorder or store, Records, dicts (lines of a log), or the path of an event log."""


_METAMORPHIC: Final = ("assert_dst_safe", "assert_wall_clock_independent")


def __getattr__(name: str) -> Any:
    if name not in _METAMORPHIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pytest_telemetry.testing import metamorphic  # noqa: PLC0415 - judging a log needs no fake clock

    return getattr(metamorphic, name)


def assert_monotonic_timing(
    subject: Subject, *, tolerance_ns: int = 1_000, allow_empty: bool = False
) -> None:
    """Assert that times fit together as if a monotonic clock had measured them; see `MonotonicTiming`.

    Raises:
        AssertionError: They do not, or nothing was timed and *allow_empty* is false.
    """
    __tracebackhide__ = True
    _hold(subject, MonotonicTiming(tolerance_ns=tolerance_ns), allow_empty=allow_empty)


def assert_relative_paths(
    subject: Subject, *, ignore: Collection[str] = ROUTES, allow_empty: bool = False
) -> None:
    """Assert that no string anywhere is or contains an absolute path; see `RelativePaths`.

    Raises:
        AssertionError: One does, or there is no record and *allow_empty* is false.
    """
    __tracebackhide__ = True
    _hold(subject, RelativePaths(ignore=ignore), allow_empty=allow_empty)


def assert_no_secrets(
    subject: Subject,
    *,
    allow: Iterable[str | re.Pattern[str]] = (),
    allow_keys: Collection[str] = (),
    rules: Mapping[str, str | re.Pattern[str]] | None = None,
    private_addresses: bool = False,
    allow_empty: bool = False,
) -> None:
    """Assert that there is no secret and no personal data anywhere; see `Privacy`. What is found is never shown.

    Raises:
        AssertionError: There is, or there is no record and *allow_empty* is false.
        ValueError: The name of a rule cannot be used.
    """
    __tracebackhide__ = True
    check = Privacy(allow=allow, allow_keys=allow_keys, rules=rules, private_addresses=private_addresses)
    _hold(subject, check, allow_empty=allow_empty)


def assert_measured_timing(subject: Subject, *, at_least: int = 5, allow_empty: bool = False) -> None:
    """Assert that no command with *at_least* timings always took exactly as long; see `MeasuredTiming`.

    Raises:
        AssertionError: One did, or no command has that many timings and *allow_empty* is false.
    """
    __tracebackhide__ = True
    _hold(subject, MeasuredTiming(at_least=at_least), allow_empty=allow_empty)


def assert_lsp_ready_order(
    subject: Subject,
    *,
    policy: Policy = "diagnostics-or-definition",
    warmup_uri: str | None = None,
    timeout: float = 3.0,
    allow_empty: bool = False,
) -> None:
    """Assert that language servers were spawned, initialized, READY and only then asked; see `LspReadyOrder`.

    The transcript of a ``telemetry_lsp_server`` is judged by all ten rules. What its client has still to tell, that
    the server died for one, it has *timeout* seconds to tell.

    Raises:
        AssertionError: One was not; every request that came before READY is named, and of a transcript the rule,
            the entries, and those around them. Or there is no LSP record and *allow_empty* is false.
    """
    __tracebackhide__ = True
    check = LspReadyOrder(policy, warmup_uri=warmup_uri)
    if isinstance(subject, HoldsEntries):
        _hold_transcript(subject, check, timeout, allow_empty=allow_empty)
    else:
        _hold(subject, check, allow_empty=allow_empty)


def _hold_transcript(
    subject: HoldsEntries, check: LspReadyOrder, timeout: float, *, allow_empty: bool
) -> None:
    __tracebackhide__ = True

    def nothing_owed() -> bool:
        verdict = check.of_transcript(subject.entries())
        return bool(verdict.broken) or not verdict.owed

    subject.until(nothing_owed, timeout)
    entries = subject.entries()
    verdict = check.of_transcript(entries)
    findings = findings_of([*verdict.broken, *verdict.owed], check.id)
    if findings:
        text = [finding.message for finding in findings]
        for finding in findings:
            for example in finding.examples[:5]:
                text += [f"{finding.message.partition(':')[0]}: {example.text}"]
                text += [listing(entries, marked=example.detail["seq"], around=2)]
        raise AssertionError("\n".join(text))
    if not verdict.judged and not allow_empty:
        raise AssertionError(_nothing(check, len(entries), 0))


def assert_percentiles(
    subject: Subject,
    summary: Mapping[str, Any] | str | os.PathLike[str],
    *,
    method: Method = "linear",
    allow_empty: bool = False,
) -> None:
    """Assert that every figure of *summary*, a mapping or a JSON file, follows from the events; see `Percentiles`.

    Raises:
        AssertionError: One does not, or there is no timing and *allow_empty* is false.
        UnusableInput: The file of the summary cannot be read.
        ValueError: The summary holds no figures.
    """
    __tracebackhide__ = True
    figures = summary if isinstance(summary, Mapping) else read_object(Path(summary))
    _hold(subject, Percentiles(figures, method=method), allow_empty=allow_empty)


def assert_latency(
    subject: Subject,
    pattern: Describes | str,
    *,
    count: Any = None,
    p50_ms: float | None = None,
    p95_ms: float | None = None,
    max_ms: float | None = None,
    method: Method = "linear",
) -> None:
    """Assert how many finished spans *pattern* describes, and how long they took; see `Latency`.

    Raises:
        AssertionError: A limit is exceeded, or nothing matches and *count* does not allow for that.
    """
    __tracebackhide__ = True
    check = Latency(pattern, count=count, p50_ms=p50_ms, p95_ms=p95_ms, max_ms=max_ms, method=method)
    _hold(subject, check, allow_empty=True)  # that nothing matches is a finding of its own


def assert_cache_pair(
    subject: Subject, name: str = "ast.cache", *, allow_empty: bool = False, **attrs: Any
) -> None:
    """Assert that the lookups of one thing (``file="a.py"``) were a miss, and then hits only; see `CachePair`.

    Raises:
        AssertionError: They were not, or there was no second one. Or there was none and *allow_empty* is false.
    """
    __tracebackhide__ = True
    _hold(subject, CachePair(name, **attrs), allow_empty=allow_empty)


def assert_counts(subject: Subject, expected: Mapping[str, Any], *, allow_empty: bool = False) -> None:
    """Assert how many records there are of each name of *expected*, and no more; see `RecordCounts`.

    Raises:
        AssertionError: There are more or fewer; the text lists what there is. Or nothing was recorded at all and
            *allow_empty* is false.
        ValueError: Nothing is expected.
    """
    __tracebackhide__ = True
    _hold(subject, RecordCounts(expected), allow_empty=allow_empty)


def _hold(subject: Subject, check: StreamingCheck, *, allow_empty: bool) -> None:
    __tracebackhide__ = True
    judgement = check.start()
    records = bad = 0
    for line in _lines(subject):
        if isinstance(line, BadLine):
            bad += 1
            judgement.add_bad(line)
        else:
            records += 1
            judgement.add(*line)
    findings = [
        finding for finding in placed(judgement.findings(), _name(subject)) if finding.level != "info"
    ]
    if findings:
        text = [finding.message for finding in findings]
        for finding in findings:
            text += finding_lines(finding, file=_name(subject), examples=20)[1:]
        raise AssertionError("\n".join(text))
    if not judgement.judged and not allow_empty:
        raise AssertionError(_nothing(check, records, bad))


def _nothing(check: StreamingCheck, records: int, bad: int) -> str:
    lines = f"; malformed lines: {bad}" if bad else ""
    if not records:
        return f"nothing to judge: no record at all{lines} (allow_empty=True accepts that)"
    return f"nothing to judge: no {check.subject} in what was recorded (records: {records}){lines} (allow_empty=True accepts that)"


def _name(subject: Subject) -> str:
    return os.fspath(subject) if isinstance(subject, (str, os.PathLike)) else ""


def _lines(subject: Subject) -> Iterator[tuple[Record, LogLine | None] | BadLine]:
    if isinstance(subject, (str, os.PathLike)):
        with open_source(subject) as source:
            for line in source:
                yield line if isinstance(line, BadLine) else (line.record, line)
        return
    items: Any = subject.records() if isinstance(subject, HoldsRecords) else subject
    if isinstance(items, (Record, Mapping)) or not isinstance(items, Iterable):
        raise TypeError(
            f"expected a recorder, a list of records or dicts, or the path of an event log, not {type(items).__name__}"
        )
    for number, item in enumerate(items, 1):
        if isinstance(item, Record):
            yield item, None
        elif isinstance(item, Mapping):
            yield _of_mapping(item, number)
        else:
            raise TypeError(f"item {number} is neither a Record nor a dict, but {type(item).__name__}")


def _of_mapping(item: Mapping[str, Any], number: int) -> tuple[Record, LogLine | None] | BadLine:
    """Read a dict as a line of a log; one with a ``kind`` has the fields of a Record."""
    raw = dict(item)
    if "kind" in raw and "cmd" not in raw:
        raw.setdefault("record", 1)
    line = decode_object(raw, number)
    return line if isinstance(line, BadLine) else (line.record, line)
