"""``pytest-telemetry code definition``: tells where that is defined which stands at a place (layer 7)."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from pytest_telemetry.cli.code_call import call_options, root_option, run_of, tell
from pytest_telemetry.codeintel.lsp_errors import LSPError, NoServer, NotReady, RequestTimeout
from pytest_telemetry.codeintel.lsp_servers import PRESETS, server_command
from pytest_telemetry.codeintel.navigator import Navigator
from pytest_telemetry.codeintel.workspace import Workspace
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_telemetry.codeintel.lsp import LSPClient
    from pytest_telemetry.codeintel.lsp_replies import DefinitionReply
    from pytest_telemetry.runs import Level, Telemetry

__all__ = ("command",)

_PLACE: Final = re.compile(r"(?P<file>.+):(?P<line>\d{1,9}):(?P<col>\d{1,9})", re.DOTALL)


def _finite(_context: click.Context, _option: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no time: pass a number of milliseconds.")
    return value


@click.command(
    name="definition",
    epilog="""\b
Examples:
  pytest-telemetry code definition app/views.py:12:9
  pytest-telemetry code definition app/views.py:12:9 --server ty --telemetry full
Exit code: 0 found, 1 not found or ambiguous, 2 input that cannot be used.""",
)
@click.argument("place", metavar="FILE:LINE:COL")
@click.option(
    "--server",
    metavar="NAME",
    default="none",
    show_default=True,
    help="Ask this language server: ty, pyrefly, basedpyright, ..., any that is installed (auto), or a program.",
)
@click.option(
    "--timeout",
    "timeout_ms",
    type=click.FloatRange(min=1),
    callback=_finite,
    default=500,
    show_default=True,
    metavar="MS",
    help="How long the server is waited for, once it has started.",
)
@click.option(
    "--start-timeout",
    "start_ms",
    type=click.FloatRange(min=1),
    callback=_finite,
    default=10_000,
    show_default=True,
    metavar="MS",
    help="How long the server may take to start: until it has answered initialize.",
)
@root_option
@call_options
def command(
    *,
    place: str,
    server: str,
    timeout_ms: float,
    start_ms: float,
    roots: tuple[str, ...],
    workspace: str,
    level: Level,
    as_json: bool,
) -> int:
    """Tell where that is defined which stands at a place of a file; line and column count from 1.

    What the server does not answer in time is answered from skeletons, and that is said.
    """
    found = _PLACE.fullmatch(place)
    if found is None or found["col"].strip("0") == "":
        raise UnusableInput(f"{place}: is no place: write FILE:LINE:COL, both from 1")
    file, line, col = found["file"], int(found["line"]), int(found["col"]) - 1
    asked = {"args.file": Workspace(workspace).name(file), "args.line": line, "args.col": col}
    _require_program(server)
    with (
        run_of(workspace, level) as run,
        run.context("code.definition", **asked) as span,
        _server(run, server, timeout_ms, start_ms, workspace) as client,
    ):
        navigator = Navigator(run, workspace, client=client, roots=roots)
        resolution = navigator.definition(file, line, col)
        span.set(**{"result.status": resolution.status, "source": resolution.source})
    return tell(replace(resolution, query=place), as_json=as_json)


def _require_program(server: str) -> None:
    """Raise for what is no program; a preset that is not installed is answered for by skeletons."""
    known = ("none", "auto", *(preset.name for preset in PRESETS))
    if server in known:
        return
    try:
        server_command(server)
    except NoServer as error:
        raise UnusableInput(
            f"--server {server!r}: is no program that can be run: pass a path to one, or one of {', '.join(known)}"
        ) from error


@contextlib.contextmanager
def _server(
    run: Telemetry, name: str, timeout_ms: float, start_ms: float, workspace: str
) -> Iterator[_Started | None]:
    if name == "none":
        yield None
        return
    from pytest_telemetry.codeintel import lsp  # noqa: PLC0415 - asyncio, for this alone

    client = lsp.LSPClient(
        run, None if name == "auto" else name, timeout_ms=timeout_ms, handshake_timeout_ms=start_ms
    )
    with contextlib.closing(client):
        yield _Started(client, Workspace(workspace).root)


class _Started:
    """A server that is started by the first question: what keeps it from starting is why it does not answer."""

    def __init__(self, client: LSPClient, root: Path) -> None:
        self._client = client
        self._root = root

    @property
    def server(self) -> str | None:
        """Its name."""
        return self._client.server

    def definition(self, file: Path, line: int, col: int) -> DefinitionReply:
        """Start the server, open the file and ask.

        Raises:
            NotReady: It did not start as it should, so it was not asked.
        """
        try:
            self._client.initialize(self._root)
        except (LSPError, RequestTimeout) as error:
            raise NotReady(str(error)) from error
        self._client.open(file)
        return self._client.definition(file, line, col)
