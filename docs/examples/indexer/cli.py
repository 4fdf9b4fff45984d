"""The command line of the indexer: arguments, progress on a terminal, exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from indexer.failures import UNANSWERED, WithFailures
from indexer.index import build
from indexer.selector import Selector
from indexer.server import DefinitionServer
from indexer.sources import Directory, standard_library
from pytest_telemetry import JsonlStore, TelemetryContext, TelemetryRecorder, use_context
from pytest_telemetry.model.errors import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.index import Index
    from indexer.selector import Resolution
    from indexer.sources import Source

__all__ = ("main",)

FOUND: Final = 0
NOT_FOUND: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 130

_DESCRIPTION: Final = "Index Python source and say where names are defined."
_EPILOG: Final = """\
Without a SYMBOL, every name that an indexed module imports from another one is resolved.

exit codes:
  0    done; files that were skipped are listed
  1    a SYMBOL was not found
  2    unusable input: no such directory, no Python files in it, or a log that cannot be written
  130  interrupted

examples:
  python -m indexer                              index the standard library
  python -m indexer json.dumps os.path.join      say where these are defined
  python -m indexer --limit 50 --log run.jsonl   index 50 files and keep what the program reports about itself
"""


class NothingToIndexError(Exception):
    """There is not one file that could be indexed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        sys.stderr.write("indexer: interrupted\n")
        return INTERRUPTED
    except (
        BrokenPipeError
    ):  # who reads the output has seen enough; what is still buffered must not fail at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FOUND
    except (OSError, TelemetryError, NothingToIndexError) as error:
        sys.stderr.write(f"indexer: {error}\n")
        return UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="indexer",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "symbols", nargs="*", metavar="SYMBOL", help="a dotted name to find, such as json.dumps"
    )
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="what to index (default: the standard library)"
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="index at most N files")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="append telemetry to an event log (JSON lines)"
    )
    parser.add_argument(
        "--report", action="store_true", help="print timings, metrics and the top of the span tree"
    )
    parser.add_argument(
        "--inject-failures",
        action="store_true",
        help="add files that cannot be indexed and names that are not found",
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    source = _source(options)
    recorder = TelemetryRecorder() if options.report else None
    log = JsonlStore(options.log) if options.log else None
    context = TelemetryContext(*(sink for sink in (log, recorder) if sink is not None), enabled=True)
    try:
        with use_context(context):
            index = build(source, context, limit=options.limit, on_file=_progress)
            _progress(None)
            if not index.modules:
                raise NothingToIndexError(
                    f"no Python file could be indexed in {options.root or source.label}"
                )
            with DefinitionServer(index, context, unanswered=UNANSWERED) as server:
                selector = Selector(index, server, context)
                resolutions, unknown = selector.resolve_all(options.symbols or index.imported())
    finally:
        context.shutdown()
    _say(*_summary(index, resolutions, unknown, listed=bool(options.symbols)))
    if log is not None:
        _say(f"log: {log.statistics()['stored']} lines appended to {options.log}")
    if recorder is not None:
        _report(recorder)
    return NOT_FOUND if options.symbols and unknown else FOUND


def _source(options: argparse.Namespace) -> Source:
    if options.root is not None and not options.root.is_dir():
        raise NotADirectoryError(f"{options.root} is not a directory")
    source = standard_library() if options.root is None else Directory(options.root)
    return WithFailures(source) if options.inject_failures else source


def _summary(index: Index, found: Sequence[Resolution], unknown: Sequence[str], *, listed: bool) -> list[str]:
    exact = sum(resolution.via == "definition" for resolution in found)
    lines = [
        f"indexed {len(index.modules)} files, {index.definitions} definitions; skipped {len(index.skipped)}",
        *(f"  skipped {file}: {reason}" for file, reason in index.skipped.items()),
        f"resolved {len(found)} symbols: {exact} to a line, {len(found) - exact} to a file",
    ]
    if listed:
        lines += [f"  {resolution.symbol}: {resolution.location}" for resolution in found]
    return [*lines, *(f"  {symbol}: not found" for symbol in unknown)]


def _report(recorder: TelemetryRecorder, lines: int = 20) -> None:
    _say("")
    recorder.print_report()
    tree = recorder.text().splitlines()
    _say("", f"the first {min(lines, len(tree))} of {len(tree)} lines of the tree", *tree[:lines])


def _progress(number: int | None) -> None:
    """Show on a terminal how far the program is; None wipes the line."""
    if sys.stderr.isatty() and (number is None or number % 10 == 0):
        sys.stderr.write("\r\x1b[K" if number is None else f"\r{number} files")
        sys.stderr.flush()


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
