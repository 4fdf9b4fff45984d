"""A whole session of code intelligence with a real language server, kept in an event log and judged by all checks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
import pytest

from pytest_telemetry import Telemetry
from pytest_telemetry.checks.reconcile import Reconcile
from pytest_telemetry.codeintel.lsp import LSPClient
from pytest_telemetry.codeintel.lsp_servers import installed
from pytest_telemetry.codeintel.navigator import Navigator
from pytest_telemetry.codeintel.reads import SourceReader
from pytest_telemetry.codeintel.selector import Selector
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.skeleton_cache import MemorySkeletonCache
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.scan import scan, standard_checks
from pytest_telemetry.sources import find_log, open_source

PATIENT_MS = 120_000
"""No test waits for this; it keeps a slow machine from failing one."""


@pytest.mark.parametrize("ends_early", [False, True], ids=["closed", "killed"])
def test_every_record_of_a_session_passes_the_checks_and_the_figures_come_from_the_log(
    tmp_path: Path, ends_early: bool
) -> None:
    """Also where the server is gone before the last question, which skeletons answer then."""
    if "ty" not in {preset.name for preset in installed()}:
        pytest.skip("ty is not installed")
    workspace = tmp_path / "workspace"
    shutil.copytree(Path(click.__file__).parent, workspace / "click", ignore=shutil.ignore_patterns("*.pyc"))

    with Telemetry(workspace, level="full") as run, LSPClient(run, "ty", timeout_ms=PATIENT_MS) as client:
        builder = SkeletonMapBuilder(run, workspace, MemorySkeletonCache())
        selector = Selector(run, workspace, builder=builder, client=client)
        navigator = Navigator(run, workspace, client=client, builder=builder)
        client.initialize(workspace)
        found = selector.resolve_symbol("sym://python/click/Context")
        assert (found.file, found.source) == ("click/core.py", "lsp")
        assert found.line is not None
        reader = SourceReader(run, workspace, builder)
        reader.read("click/core.py", "skeleton")
        reader.read("click/core.py", "excerpt", symbol="Context.exit")
        if ends_early:
            client.close()
        asked = navigator.definition("click/core.py", found.line, len("class "))
        assert (asked.file, asked.source) == ("click/core.py", "ast" if ends_early else "lsp")

    directory = workspace / "_ctx/telemetry"
    assert scan(directory / "events.jsonl", standard_checks()).findings == ()
    summary = json.loads((directory / "last_run.json").read_text())
    judgement = Reconcile(summary).start()
    with open_source(find_log(directory)) as source:
        for line in source:
            assert isinstance(line, LogLine)
            judgement.add(line.record, line)
    assert judgement.findings() == []
    assert summary["latencies"]["lsp.ready"]["count"] == 1
    assert summary["lsp"]["lsp_fallback_count"] == 0  # a server that has ended was not asked
    assert summary["ast"]["ast_cache_hit_rate"] > 0
    assert summary["file_read"]["skeleton_bytes"] > summary["file_read"]["excerpt_bytes"] > 0
