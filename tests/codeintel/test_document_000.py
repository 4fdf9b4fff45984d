"""Every code example of document 000, as it stands there but for imports, placeholders and one filter of ``jq``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry import Telemetry, open_run
from pytest_telemetry.codeintel.lsp import LSPClient
from pytest_telemetry.codeintel.lsp_servers import installed
from pytest_telemetry.codeintel.selector import Selector
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.skeleton_cache import MemorySkeletonCache
from pytest_telemetry.model.stats import percentile

CODE = '''\
class Model:
    """A thing."""

    def save(self):
        return None


def load(path):
    return Model()
'''


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "src/domain").mkdir(parents=True)
    (tmp_path / "src/domain/models.py").write_text(CODE)
    return tmp_path


@pytest.fixture
def run_of_all(workspace: Path) -> Path:
    """The directory of a run in which everything happened that the document asks about."""
    if "ty" not in {preset.name for preset in installed()}:
        pytest.skip("ty is not installed")
    with Telemetry(workspace, level="full") as telemetry:
        builder = SkeletonMapBuilder(telemetry, workspace, MemorySkeletonCache())
        for _ in range(2):
            builder.parse_python(CODE, "src/domain/models.py")
        with LSPClient(telemetry, "ty", timeout_ms=120_000) as client:
            client.initialize(workspace)
            client.definition("src/domain/models.py", 9, len("    return M"))
        telemetry.event(
            "ctx.search",
            {"query": "test"},
            {"hits": 2},
            145,
            bytes_read=1024,
            disclosure_mode="skeleton",
        )
    return workspace / "_ctx/telemetry"


def events(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]


def test_rule_1_elapsed_milliseconds_by_the_monotonic_clock(workspace: Path) -> None:
    """What a program measured itself is kept as it is."""
    start_ns = time.perf_counter_ns()
    sum(range(10))
    elapsed_ms = int((time.perf_counter_ns() - start_ns) / 1_000_000)

    with open_run(workspace / "run", workspace=workspace) as telemetry:
        telemetry.event("ctx.search", {"query": "test"}, {"hits": 2}, elapsed_ms)

    assert events(workspace / "run")[0]["timing_ms"] == elapsed_ms


def test_rule_2_paths_are_relative_whatever_was_passed(workspace: Path) -> None:
    """The wrong way of the document is made right, the right one stays."""
    with open_run(workspace / "run", workspace=workspace) as telemetry:
        telemetry.event("ast.parse", {"file": "/Users/alice/my_code.py"})
        telemetry.event("ast.parse", {"file": "src/domain/models.py"})

    wrong, right = events(workspace / "run")
    assert wrong["args"]["file"].startswith("external/")
    assert right["args"] == {"file": "src/domain/models.py"}


def test_rule_3_extra_fields_stand_at_the_top_level(run_of_all: Path) -> None:
    """Beside the fields of every event."""
    (search,) = [event for event in events(run_of_all) if event["cmd"] == "ctx.search"]

    assert (search["args"], search["result"], search["timing_ms"]) == ({"query": "test"}, {"hits": 2}, 145)
    assert (search["bytes_read"], search["disclosure_mode"]) == (1024, "skeleton")


def test_rule_4_ready_is_behind_the_handshake_and_its_evidence(run_of_all: Path) -> None:
    """Spawn, initialize, then READY, at diagnostics or the first definition."""
    names = [event["cmd"] for event in events(run_of_all) if event["cmd"].startswith("lsp.")]
    ready = next(event for event in events(run_of_all) if event["cmd"] == "lsp.ready")

    assert names.index("lsp.spawn") < names.index("lsp.initialize") < names.index("lsp.ready")
    assert ready["ready_via"] in {"diagnostics", "definition"}


def test_the_three_classes_are_there_under_their_names() -> None:
    """The import line of the document, from another module."""
    line = (
        "from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder\n"
        "from pytest_telemetry.codeintel.lsp import LSPClient\n"
        "from pytest_telemetry.codeintel.selector import Selector; print('Imports OK')"
    )

    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)

    assert done.stdout == "Imports OK\n"


def test_the_first_event_has_the_shape_of_the_document(workspace: Path) -> None:
    """Key by key; a segment is a label and no path, and tokens are not made up."""
    with open_run(workspace / "run", workspace=workspace) as telemetry:
        skeleton = SkeletonMapBuilder(telemetry, workspace).parse_python(CODE, "src/domain/models.py")

    (event,) = [event for event in events(workspace / "run") if event["cmd"] == "ast.parse"]
    assert {
        "ts",
        "run_id",
        "segment",
        "cmd",
        "args",
        "result",
        "timing_ms",
        "tokens",
        "warnings",
    } <= event.keys()
    assert event["args"] == {"file": "src/domain/models.py"}
    assert event["result"] == {"functions": 2, "classes": 1, "status": "ok"}
    assert event["skeleton_bytes"] == skeleton.skeleton_bytes
    assert event["reduction_ratio"] == skeleton.reduction_ratio
    assert event["timing_ms"] > 0


def test_the_summary_has_the_sections_of_the_document(run_of_all: Path) -> None:
    """Latencies by command, and what the caches did."""
    summary = json.loads((run_of_all / "last_run.json").read_text())

    assert {"count", "p50_ms", "p95_ms", "max_ms"} <= summary["latencies"]["ast.parse"].keys()
    assert summary["ast"]["ast_parse_count"] == 1
    assert (summary["ast"]["ast_cache_hit_count"], summary["ast"]["ast_cache_hit_rate"]) == (1, 0.5)


@pytest.mark.parametrize(
    ("query", "file"),
    [
        ('select(.cmd=="ast.parse") | .timing_ms', "events.jsonl"),
        ('.latencies."lsp.ready".p50_ms', "last_run.json"),
        (".file_read", "last_run.json"),
        (".lsp.lsp_timeout_rate", "last_run.json"),
        (".ast.ast_cache_hit_rate", "last_run.json"),
        ('select(.cmd=="ctx.search") | {cmd, bytes_read}', "events.jsonl"),  # a log is no array: no `.[]`
    ],
)
def test_every_query_of_the_document_has_an_answer(run_of_all: Path, query: str, file: str) -> None:
    """By the real jq, on the files of a real run."""
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")

    done = subprocess.run(
        ["jq", "-c", query, str(run_of_all / file)], capture_output=True, text=True, check=True
    )

    answer = json.loads(done.stdout)
    assert answer == 0 if "timeout_rate" in query else answer not in (None, {})


def test_a_symbol_is_resolved_to_file_line_and_kind(workspace: Path) -> None:
    """``{file, line, kind}``."""
    found = Selector(workspace=workspace).resolve_symbol("sym://python/domain/models/Model")

    assert dict(found) == {"file": "src/domain/models.py", "line": 1, "kind": "class"}


def test_the_command_line_reports_bytes_and_mode(workspace: Path) -> None:
    """``search`` and ``get``, with telemetry at level lite."""
    environment = {**os.environ, "PYTHONUTF8": "1"}
    for arguments in (
        ["search", "Model", "--telemetry", "lite"],
        ["get", "sym://python/domain/models/Model.save", "--mode", "excerpt", "--telemetry", "lite"],
    ):
        subprocess.run(
            [sys.executable, "-m", "pytest_telemetry.cli", "code", *arguments],
            cwd=workspace,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    kept = {event["cmd"]: event for event in events(workspace / "_ctx/telemetry")}
    assert kept["code.search"]["bytes_read"] > 0
    assert kept["code.get"]["disclosure_mode"] == "excerpt"
    assert kept["code.get"]["bytes_read"] > 0


def test_percentiles_are_those_of_the_document() -> None:
    """The synthetic figures that it validates them by: a hundred timings, one apart."""
    timings = [float(number) for number in range(1, 101)]

    assert percentile(timings, 0.5) == 50.5
    assert percentile(timings, 0.95) == 95.05
    assert max(timings) == 100
