"""Finds a definition, shows it, and sums up what that cost: ``python -m finder json.decoder.JSONDecoder.decode``."""

from __future__ import annotations

import argparse
import os
import re
import sys
import sysconfig
import tempfile
from typing import TYPE_CHECKING, Any

from pytest_telemetry import Telemetry
from pytest_telemetry.codeintel.lsp import LSPClient
from pytest_telemetry.codeintel.navigator import Navigator
from pytest_telemetry.codeintel.reads import SourceReader
from pytest_telemetry.codeintel.selector import Selector
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.skeleton_cache import MemorySkeletonCache
from pytest_telemetry.model.errors import TelemetryError, UnusableInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_telemetry.codeintel.fallback import LanguageServer
    from pytest_telemetry.codeintel.reports import Reporting
    from pytest_telemetry.codeintel.resolution import Resolution

__all__ = ("Finder", "main")


class Finder:
    """Finds and shows what dotted names mean.

    Args:
        telemetry: A context or a run: what hears of everything.
        workspace: The directory to look in.
        client: A language server that is asked about places; skeletons answer where it does not.
    """

    def __init__(
        self, telemetry: Reporting, workspace: str = ".", client: LanguageServer | None = None
    ) -> None:
        builder = SkeletonMapBuilder(telemetry, workspace, MemorySkeletonCache())
        self.selector = Selector(telemetry, workspace, builder=builder)
        self.reader = SourceReader(telemetry, workspace, builder)
        self.navigator = Navigator(telemetry, workspace, client=client, builder=builder)

    def find(self, name: str) -> Resolution:
        """Return where a name is defined, as ``json.dumps``, or ``json.decoder.JSONDecoder.decode``."""
        resolution = self.selector.resolve_symbol(f"sym://python/{name.replace('.', '/')}")
        parts = name.split(".")
        for last in range(len(parts) - 1, 0, -1):  # the module is what is one
            if resolution.status != "not_found":
                break
            address = f"sym://python/{'/'.join(parts[:last])}/{'.'.join(parts[last:])}"
            resolution = self.selector.resolve_symbol(address)
        return resolution

    def show(self, found: Resolution) -> str:
        """Return the lines of what was found."""
        assert found.file is not None
        assert found.line is not None
        return self.reader.read(found.file, "excerpt", lines=(found.line, found.end_line or found.line)).text

    def outline(self, found: Resolution) -> str:
        """Return the skeleton of the file around it."""
        assert found.file is not None
        return self.reader.read(found.file, "skeleton").text

    def behind(self, found: Resolution, word: str) -> Resolution | None:
        """Return where a word is defined that stands in what was found; None where it does not."""
        for number, line in enumerate(self.show(found).splitlines()):
            there = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line)
            if there is not None:
                assert found.file is not None
                assert found.line is not None
                return self.navigator.definition(found.file, found.line + number, there.start())
        return None


def costs(figures: Mapping[str, Any]) -> str:
    """Return what a run cost, in a few lines."""
    read, ast, lsp = figures["file_read"], figures["ast"], figures["lsp"]
    lines = [
        f"disclosed: {read['skeleton_bytes']:,} bytes of skeletons, {read['excerpt_bytes']:,} of excerpts",
        f"skeletons: {ast['ast_parse_count']} parsed, {ast['ast_cache_hit_count']} from the cache",
    ]
    ready = figures["latencies"].get("lsp.ready")
    if ready is not None:
        lines.append(f"language server: READY after {ready['p50_ms']:,.0f} ms")
    if lsp["lsp_definition_count"]:
        lines.append(
            f"questions to it: {lsp['lsp_definition_count']}, of which {lsp['lsp_timeout_count']} timed out, "
            f"{lsp['lsp_fallback_count']} answered from skeletons"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return 0 if the name was found, 1 if not, 2 if it cannot be looked for, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="finder", description="Find what a dotted name means.")
    parser.add_argument("name", nargs="?", default="json.decoder.JSONDecoder.decode")
    parser.add_argument("--word", help="a word in the definition: find what that means, too")
    parser.add_argument("--server", help="the language server to ask: ty, pyrefly, basedpyright, ...")
    parser.add_argument("--workspace", default=sysconfig.get_path("stdlib"))
    options = parser.parse_args(arguments)
    if sys.stdout is None:
        sys.stderr.write("finder: standard output is closed: open it\n")
        return 2
    try:
        code = _run(options)
        sys.stdout.flush()  # here, and not at exit, where nobody could say what is wrong
    except KeyboardInterrupt:
        sys.stderr.write("finder: interrupted\n")
        return 130
    except BrokenPipeError:  # who reads the output has seen enough
        _drop_output()
        return 0
    except OSError as error:
        sys.stderr.write(f"finder: {error}\n")
        _drop_output()
        return 2
    return code


def _drop_output() -> None:
    """Let what is still buffered go nowhere, so that it does not fail at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as directory:
        try:
            with Telemetry(options.workspace, level="full", directory=directory) as run:
                found = _found(run, options)
        except (TelemetryError, UnusableInput) as error:
            sys.stderr.write(f"finder: {error}\n")
            return 2
    sys.stdout.write(f"\n{costs(run.figures())}\n")
    return 0 if found else 1


def _found(run: Telemetry, options: argparse.Namespace) -> bool:
    client = LSPClient(run, options.server) if options.server else None
    try:
        if client is not None:
            client.initialize(options.workspace)
        finder = Finder(run, options.workspace, client)
        found = finder.find(options.name)
        sys.stdout.write(f"{found.file}:{found.line} {found.kind}\n" if found.file else f"{found.detail}\n")
        if found.file is None:
            return False
        sys.stdout.write(finder.show(found))
        if options.word:
            _tell(finder.behind(found, options.word), options.word)
        return True
    finally:
        if client is not None:
            client.close()


def _tell(found: Resolution | None, word: str) -> None:
    if found is None:
        sys.stdout.write(f"{word}: does not stand there\n")
    elif found.file is None:
        sys.stdout.write(f"{word}: {found.detail or found.status}\n")
    else:
        sys.stdout.write(f"{word}: {found.file}:{found.line}, as {found.source} says\n")
