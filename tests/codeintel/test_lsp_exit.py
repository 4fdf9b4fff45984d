"""What is left of a language server when a program ends, or forks."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BEGIN = """
import json, sys
from pytest_telemetry.codeintel.lsp import AsyncLSPClient, LSPClient

command, workspace = json.loads(sys.argv[1]), sys.argv[2]
options = {"command": command, "workspace": workspace, "ready": "initialized", "timeout_ms": 30_000}
"""
UNCLOSED = """
client = LSPClient(**options)
client.initialize()
assert client.hover("a.py", 1, 1).status == "empty"
"""


def run(fake_server: Any, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program that shows every warning, and return what it did; it has all the time that it needs."""
    options = fake_server.options()
    argv = [sys.executable, "-W", "error", "-c", BEGIN + program]
    argv += [json.dumps(options["command"]), str(options["workspace"])]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def server_pids(fake_server: Any) -> list[int]:
    return [message["pid"] for message in fake_server.received("spawned")]


def test_a_client_that_was_not_closed_is_closed_at_the_end(fake_server: Any) -> None:
    """In order, without a warning, and no server is left."""
    done = run(fake_server, UNCLOSED)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert fake_server.methods()[-2:] == ["shutdown", "exit"]
    assert not any(map(is_alive, server_pids(fake_server)))


def test_an_error_at_the_top_leaves_no_server(fake_server: Any) -> None:
    """The traceback is all that is said."""
    done = run(fake_server, UNCLOSED + "raise SystemExit('enough')")

    assert (done.returncode, done.stderr.strip()) == (1, "enough")
    assert not any(map(is_alive, server_pids(fake_server)))


def test_a_loop_that_is_gone_leaves_no_server(fake_server: Any) -> None:
    """Of a client for asyncio that nobody has closed: it is killed when the interpreter ends."""
    program = """
import asyncio
client = AsyncLSPClient(**options)
loop = asyncio.new_event_loop()
loop.run_until_complete(client.initialize())
"""
    done = run(fake_server, program)

    assert done.returncode == 0
    assert not any(map(is_alive, server_pids(fake_server)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_has_no_server_and_leaves_that_of_its_parent_alone(fake_server: Any) -> None:
    """Its calls say so at once, its end ends nothing, and the parent goes on."""
    program = (
        UNCLOSED
        + """
import os, warnings
from pytest_telemetry.codeintel.lsp_errors import ServerGone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # newer Pythons warn of a fork beside a thread
    child = os.fork()
if not child:
    try:
        client.hover("a.py", 1, 1)
    except ServerGone as error:
        assert "belongs to the process that made it" in str(error)
        assert (client.state, client.is_ready) == ("closed", False)
        client.close()
        sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert client.is_ready
assert client.hover("a.py", 1, 1).status == "empty"
client.close()
"""
    )
    done = run(fake_server, program)

    assert (done.returncode, done.stderr) == (0, "")
    assert fake_server.methods().count("textDocument/hover") == 2
    assert fake_server.methods().count("shutdown") == 1


@pytest.mark.parametrize("call", ["hover('a.py', 1, 1)", "close()"])
def test_what_a_client_calls_cannot_call_it(fake_server: Any, call: str) -> None:
    """A sink that asks or closes the client whose record it gets would wait for itself for ever."""
    program = """
from pytest_telemetry import TelemetryContext

class Asks:
    def record_timing(self, *args, **kwargs): ...
    def record_metric(self, *args, **kwargs):
        try:
            client.CALL
        except RuntimeError as error:
            found.append(str(error))

found = []
client = LSPClient(TelemetryContext(Asks(), enabled=True), **options)
with client:
    client.initialize()
assert found and all("cannot be called by what it calls itself" in text for text in found), found
assert client.state == "closed"
"""
    done = run(fake_server, program.replace("CALL", call))

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups on this system")
@pytest.mark.parametrize("before", [[], [["deaf"]]], ids=["", "deaf"])
@pytest.mark.parametrize("at_exit", [["exit", 0], ["exit", 3], ["die"]])
def test_what_a_server_has_started_ends_with_it(
    fake_server: Any, tmp_path: Path, before: list[Any], at_exit: list[Any]
) -> None:
    """However it ends itself, and also what does not hear that it is terminated."""
    os.mkfifo(tmp_path / "held")
    held = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    try:
        script = {"initialized": [[*before, ["child", str(tmp_path / "held")]]], "exit": [[at_exit]]}
        client = fake_server.started(script, ready="initialized")
        client.hover("a.py", 1, 1)
        with pytest.raises(BlockingIOError):
            os.read(held, 1)

        client.close()

        assert select.select([held], [], [], 20)[0]
        assert os.read(held, 1) == b""
    finally:
        os.close(held)
