"""Real language servers on a copy of a real package, from spawn to exit.

ty and basedpyright are always meant; other presets take part where they are installed.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from pytest_telemetry import TelemetryRecorder, event, span
from pytest_telemetry.assertions import (
    assert_lsp_ready_order,
    assert_monotonic_timing,
    assert_relative_paths,
)
from pytest_telemetry.codeintel.lsp import LSPClient
from pytest_telemetry.codeintel.lsp_errors import NoServer, RequestTimeout, ServerGone
from pytest_telemetry.codeintel.lsp_servers import installed, server_command

SERVERS = list(dict.fromkeys(["ty", "basedpyright", *(preset.name for preset in installed())]))
PATIENT_MS = 120_000
"""No test waits for this; it keeps a slow machine from failing one."""

ODD = "u = '\U0001f600é'; name = 1\nv = '\U0001f600é'; w = name\n"


@pytest.fixture(params=SERVERS)
def client(
    request: pytest.FixtureRequest, tmp_path: Path, telemetry_recorder: TelemetryRecorder
) -> Iterator[LSPClient]:
    """A client of each server, initialized in a copy of click."""
    try:
        server_command(request.param)
    except NoServer as error:
        pytest.skip(f"{error}")
    workspace = tmp_path / "workspace"
    shutil.copytree(Path(click.__file__).parent, workspace / "click", ignore=shutil.ignore_patterns("*.pyc"))
    (workspace / "odd.py").write_text(ODD, encoding="utf-8")
    options: dict[str, Any] = {"timeout_ms": PATIENT_MS, "handshake_timeout_ms": PATIENT_MS}
    with LSPClient(telemetry_recorder.context, request.param, **options) as client:
        client.initialize(workspace)
        yield client


def place_of(name: str) -> tuple[str, int, int]:
    """Return where click uses *name* of its module of formatting for the first time."""
    lines = (Path(click.__file__).parent / "core.py").read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(lines, 1) if f"import {name}" in line)
    return "click/core.py", number, lines[number - 1].index(name)


def test_from_spawn_to_exit(client: LSPClient, telemetry_recorder: TelemetryRecorder) -> None:
    """A definition is found before READY, declares it, and every record keeps what all records promise."""
    reply = client.definition(*place_of("HelpFormatter"))
    assert client.is_ready
    again = client.definition(*place_of("HelpFormatter"))
    symbols = client.document_symbols("click/formatting.py")
    client.close()

    (location,) = reply.locations
    source = (Path(click.__file__).parent / "formatting.py").read_text(encoding="utf-8").splitlines()
    assert location.file == "click/formatting.py"
    assert source[location.line - 1][location.col :].removeprefix("class ").startswith("HelpFormatter")
    assert again == reply
    assert "HelpFormatter" in {symbol.name for symbol in symbols.symbols}
    assert client.statistics()["unexpected_messages"] == 0
    for check in (assert_lsp_ready_order, assert_relative_paths, assert_monotonic_timing):
        check(telemetry_recorder)
    names = [record.name for record in telemetry_recorder if record.kind == "span"]
    assert [name for name in names if name != "lsp.definition"] == [
        *("lsp.spawn", "lsp.initialize", "lsp.ready", "lsp.document_symbol", "lsp.exit")
    ]


def test_columns_are_characters_in_both_directions(client: LSPClient) -> None:
    """Behind a face, which is one character, two units of UTF-16 and four bytes."""
    (location,) = client.definition("odd.py", 2, ODD.splitlines()[1].index("name") + 1).locations

    assert (location.file, location.line, location.col) == ("odd.py", 1, ODD.index("name"))
    assert location.end_col == ODD.index("name") + 4


def test_what_is_too_late_is_counted_and_the_next_answer_is_right(
    client: LSPClient, telemetry_recorder: TelemetryRecorder
) -> None:
    """No server is so fast that its first definition takes no time at all."""
    with pytest.raises(RequestTimeout):
        client.definition(*place_of("HelpFormatter"), timeout_ms=0.001)

    (location,) = client.definition(*place_of("HelpFormatter")).locations

    assert location.file == "click/formatting.py"
    telemetry_recorder.wait_for(
        event("lsp.late_reply", {"args.method": "textDocument/definition"}), timeout=60
    )
    assert client.statistics()["late_replies"] == telemetry_recorder.metric("lsp_timeout_count") == 1
    assert_lsp_ready_order(telemetry_recorder)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there are no signals on this system")
def test_a_server_that_is_killed_is_not_ready(
    client: LSPClient, telemetry_recorder: TelemetryRecorder
) -> None:
    """From then on; its exit is recorded with the signal."""
    client.definition(*place_of("HelpFormatter"))
    (spawn,) = [record for record in telemetry_recorder if record.name == "lsp.spawn"]
    os.kill(int(spawn.attrs["result.pid"]), signal.SIGKILL)
    telemetry_recorder.wait_for(span("lsp.exit"), timeout=60)

    assert not client.is_ready
    with pytest.raises(ServerGone, match="signal 9"):
        client.definition(*place_of("HelpFormatter"))
    assert span("lsp.exit", {"result.code": -9, "result.reason": "exited"}) in telemetry_recorder
    assert_lsp_ready_order(telemetry_recorder)
