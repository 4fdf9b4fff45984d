"""The figures of a log from the field, on a generated log of the same shapes, and on the real one where it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.checks import Percentiles
from pytest_telemetry.model.logs import read_log
from pytest_telemetry.model.stats import METHODS, percentile
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.scan import ScanResult, scan, standard_checks

if TYPE_CHECKING:
    from pytest_telemetry.model.finding import Finding

REAL_LOG = Path(__file__).parents[3] / "shared" / "data" / "agent_tool_events.jsonl"

# command: events, p50 linear / nearest / floor, p95 linear / nearest / floor, max
PERCENTILES: dict[str, tuple[int, tuple[float, ...], tuple[float, ...], int]] = {
    "ctx.search": (1291, (1, 1, 1), (1, 1, 1), 61),
    "ast.symbols": (542, (13, 13, 13), (14, 14, 14), 129),
    "ctx.sync": (542, (2, 2, 2), (485.95, 486, 486), 1089),
    "ctx.build": (515, (1, 1, 1), (1, 1, 1), 73),
    "ast.cache.hit": (513, (13, 13, 13), (14, 14, 14), 128),
    "ctx.create": (42, (1, 1, 1), (1, 1, 1), 5),
    "test.cmd": (29, (100, 100, 100), (100, 100, 100), 100),
    "ast.cache.miss": (23, (1, 1, 1), (18.5, 19, 19), 23),
    "lsp.request": (18, (84, 84, 84), (146.15, 147, 147), 147),
    "ast.cache.lock_wait": (6, (55.5, 55, 56), (108.25, 109, 109), 109),
}


@pytest.fixture(scope="module", params=["generated", "real"])
def log(request: pytest.FixtureRequest) -> Path:
    if request.param == "real":
        if not REAL_LOG.exists():
            pytest.skip("the real log is not part of the repository")
        return REAL_LOG
    path: Path = request.getfixturevalue("generated_log")
    return path


@pytest.fixture(scope="module")
def result(log: Path) -> ScanResult:
    return scan(log, standard_checks())


def only(result: ScanResult, check: str) -> Finding:
    findings = [finding for finding in result.findings if finding.check == check]
    assert len(findings) == 1
    return findings[0]


def test_every_line_is_an_event(result: ScanResult) -> None:
    """6,256 of them, and nothing else in the file."""
    assert (result.events, result.malformed, result.blank) == (6_256, 0, 0)
    assert {finding.check for finding in result.findings} == {
        "run-id",
        "timestamps",
        "relative-paths",
        "measured-timing",
        "lsp-ready-order",
    }


def test_absolute_paths_are_counted_field_by_field(result: ScanResult) -> None:
    """An event counts once, and once in each field that holds one."""
    finding = only(result, "relative-paths")

    assert (finding.count, finding.level) == (1_490, "error")
    assert finding.by_field == {
        "x.cache_key": 588,
        "args.cache_key": 559,
        "result.segment_id": 559,
        "args.executable": 161,
        "args.file": 101,
        "x.file": 101,
        "args.segment": 66,
        "args.segment_root_resolved": 63,
        "result.lock_path": 6,
    }
    assert {example.detail["field"] for example in finding.examples} == set(finding.by_field)


def test_commands_that_were_not_measured_are_named(result: ScanResult) -> None:
    """Those of 0 or 1 ms less severely than the others, in one count."""
    finding = only(result, "measured-timing")

    assert finding.count == len(finding.by_command) == 23
    assert dict(list(finding.by_command.items())[:4]) == {
        "ctx.sync.stub_regen": 700,
        "ctx.get": 445,
        "lsp.spawn": 412,
        "lsp.fallback": 183,
    }
    assert sum(finding.by_command.values()) == 2_724
    levels = {example.detail["command"]: example.detail["level"] for example in finding.examples}
    assert [name for name, level in sorted(levels.items()) if level == "error"] == [
        "test",
        "test1",
        "test2",
        *(f"thread_{number}" for number in range(5)),
    ]


def test_events_without_a_run_are_counted(result: ScanResult) -> None:
    """All of one command."""
    finding = only(result, "run-id")

    assert (finding.count, finding.by_command) == (136, {"ctx.search.zero_hit": 136})


def test_the_forms_of_time_stamps_are_told_apart(result: ScanResult) -> None:
    """Three, the first place of each being named."""
    finding = only(result, "timestamps")

    assert finding.message.startswith("3 forms of time stamp")
    assert finding.count == 322
    assert finding.by_field == {
        "9999-99-99T99:99:99-9999": 5_934,
        "9999-99-99T99:99:99+9999": 186,
        "9999-99-99T99:99:99.999999+99:99": 136,
    }
    assert len(finding.examples) == 3


def test_requests_before_ready_are_named(result: ScanResult) -> None:
    """Two of eighteen; the server was made READY in another run."""
    finding = only(result, "lsp-ready-order")

    assert finding.count == 2
    assert finding.message == "2 of 18 LSP requests came before READY in their run"
    assert len(finding.examples) == 2


def test_percentiles_follow_from_the_events_by_three_methods(log: Path) -> None:
    """A summary by one method reproduces by that method."""
    durations: dict[str, list[float]] = {command: [] for command in PERCENTILES}
    with read_log(log) as lines:
        for line in lines:
            if isinstance(line, LogLine) and line.record.name in durations:
                durations[line.record.name].append((line.record.duration_ns or 0) / 1e6)

    for command, (count, p50, p95, largest) in PERCENTILES.items():
        own = durations[command]
        assert (len(own), max(own)) == (count, largest)
        assert [percentile(own, 0.5, method) for method in METHODS] == pytest.approx(p50)
        assert [percentile(own, 0.95, method) for method in METHODS] == pytest.approx(p95)


def test_a_summary_is_computed_again(log: Path) -> None:
    """What a summary by floor index says is named where linear percentiles differ."""
    summary: dict[str, Any] = {
        "latencies": {
            command: {
                "count": count,
                "p50_ms": float(p50[2]),
                "p95_ms": float(p95[2]),
                "max_ms": float(largest),
            }
            for command, (count, p50, p95, largest) in PERCENTILES.items()
        }
    }

    found = {
        method: [
            finding
            for finding in scan(log, [Percentiles(summary, method=method)]).findings
            if finding.level != "info"
        ]
        for method in METHODS
    }

    assert found["floor-index"] == []
    assert {example.text for finding in found["linear"] for example in finding.examples} == {
        "ast.cache.miss: the summary says p95_ms = 19.0, the events give 18.5; nearest-rank and floor-index would give it",
        (
            "lsp.request: the summary says p95_ms = 147.0, the events give 146.15; "
            "nearest-rank and floor-index would give it"
        ),
        "ast.cache.lock_wait: the summary says p50_ms = 56.0, the events give 55.5; floor-index would give it",
        (
            "ast.cache.lock_wait: the summary says p95_ms = 109.0, the events give 108.25; "
            "nearest-rank and floor-index would give it"
        ),
    }


def test_the_generated_log_has_the_runs_of_the_real_one(generated_events: list[dict[str, Any]]) -> None:
    """About as many runs, and two orders of keys."""
    runs = {event.get("run_id") for event in generated_events}

    assert 1_000 < len(runs) <= 1_105
    assert len({tuple(event) for event in generated_events}) == 2
