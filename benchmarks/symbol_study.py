"""Whether ``sym://`` addresses lead where a language server goes, by hand, on symbols of the standard library.

``python -m benchmarks.symbol_study`` copies the standard library into a workspace of its own, draws 500 of the symbols
that its files define, and asks `Selector` and ty: the one for the address, the other for the definition of the
last name in ``from module import Name`` and ``Name.method``. Both must name the same places; those that a server names
outside of the workspace, in stubs of what is written in C, are left out. Each that does not agree stands in
``symbol_study.toml`` with the reason. The exit status is 1 if one does not, or if less than 98 % agree. ``--into
FILE`` puts the table between two markers of a page.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from benchmarks import trial
from benchmarks.report import replace_between
from pytest_telemetry.codeintel.selector import Selector
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.skeleton_cache import MemorySkeletonCache
from pytest_telemetry.codeintel.symbol_uri import SymbolURI
from pytest_telemetry.model.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_telemetry.codeintel.resolution import Status
    from pytest_telemetry.codeintel.skeleton_map import Symbol

BEGIN: Final = "<!-- symbol study: begin (written by benchmarks/symbol_study.py) -->"
END: Final = "<!-- symbol study: end -->"
LEAST_SHARE: Final = 0.98
KNOWN: Final = Path(__file__).with_suffix(".toml")

_LEFT_OUT: Final = frozenset({"site-packages", "test", "tests", "idle_test", "__pycache__", "lib-dynload"})
_LONGEST_S: Final = 900


@dataclass(frozen=True)
class Comparison:
    """What became of one address.

    Attributes:
        uri: The address.
        kind: Of the symbol that it was made for.
        status: What the selector says.
        ours: Files and lines of it.
        theirs: Those of the server.
        ns: How long the selector took.
    """

    uri: str
    kind: str
    status: Status
    ours: frozenset[tuple[str, int]]
    theirs: frozenset[tuple[str, int]]
    ns: int

    @property
    def agrees(self) -> bool:
        """Whether both name the same places."""
        return self.ours == self.theirs


class Server:
    """A language server, asked one question after the other."""

    def __init__(self, command: Sequence[str], root: Path) -> None:
        self._root = root
        self._last = 0
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._limit = threading.Timer(_LONGEST_S, self._process.kill)
        self._limit.start()
        folder = {"uri": root.as_uri(), "name": "library"}
        encodings = {"general": {"positionEncodings": ["utf-8"]}}
        self._ask(
            "initialize",
            processId=None,
            rootUri=root.as_uri(),
            workspaceFolders=[folder],
            capabilities=encodings,
        )
        self._send(method="initialized", params={})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._limit.cancel()
        self._process.kill()
        self._process.communicate()

    def definition(self, symbol: SymbolURI) -> frozenset[tuple[str, int]]:
        """Return the places in the workspace that the server names for a symbol."""
        document = {"uri": (self._root / "__symbol_study__.py").as_uri()}
        module, names = ".".join(symbol.module), ".".join(symbol.member)
        text = f"from {module} import {symbol.member[0]}\n{names}\n"
        self._send(
            method="textDocument/didOpen",
            params={"textDocument": {**document, "languageId": "python", "version": 1, "text": text}},
        )
        position = {"line": 1, "character": len(names) - 1}
        found = self._ask("textDocument/definition", textDocument=document, position=position)
        self._send(method="textDocument/didClose", params={"textDocument": document})
        places = set()
        for each in found if isinstance(found, list) else [found] if found else []:
            uri = each.get("targetUri") or each["uri"]
            begin = (each.get("targetSelectionRange") or each["range"])["start"]
            if uri.startswith(f"{self._root.as_uri()}/"):
                places.add((uri.removeprefix(f"{self._root.as_uri()}/"), begin["line"] + 1))
        return frozenset(places)

    def _ask(self, method: str, **params: Any) -> Any:
        self._last += 1
        self._send(id=self._last, method=method, params=params)
        while True:
            message = self._receive()
            if message.get("method") is None and message["id"] == self._last:
                return message.get("result")
            if "method" in message and "id" in message:
                items = (
                    message["params"].get("items") if message["method"] == "workspace/configuration" else None
                )
                self._send(id=message["id"], result=None if items is None else [{}] * len(items))

    def _send(self, **message: Any) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        size = 0
        while header := self._process.stdout.readline().strip():
            if header.lower().startswith(b"content-length:"):
                size = int(header.partition(b":")[2])
        if not size:
            raise RuntimeError(f"the server has ended, or took longer than {_LONGEST_S} s")
        message: dict[str, Any] = json.loads(self._process.stdout.read(size))
        return message


def copy_library(target: Path) -> None:
    """Copy the Python files of the standard library, without tests and packages that were installed."""

    def left_out(directory: str, names: list[str]) -> list[str]:
        return [
            name
            for name in names
            if name in _LEFT_OUT
            or "-" in name
            or not (name.endswith(".py") or Path(directory, name).is_dir())
        ]

    shutil.copytree(sysconfig.get_paths()["stdlib"], target, ignore=left_out)


def addresses(root: Path, builder: SkeletonMapBuilder) -> list[tuple[SymbolURI, str]]:
    """Return the addresses of all that the modules and classes below *root* define, each once, with its kind."""
    found: dict[SymbolURI, str] = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        module = parts[:-1] if parts[-1] == "__init__" and parts[1:] else parts
        if all(part.isidentifier() for part in module):
            for symbol in _members(builder.parse_file(path).symbols):
                found.setdefault(SymbolURI(module, tuple(symbol.qualname.split("."))), symbol.kind)
    return sorted(found.items(), key=lambda item: str(item[0]))


def _members(symbols: Sequence[Symbol]) -> Iterator[Symbol]:
    for symbol in symbols:
        if symbol.kind != "import":
            yield symbol
        if symbol.kind == "class":
            yield from _members(symbol.children)


def study(root: Path, count: int, seed: int, command: Sequence[str]) -> list[Comparison]:
    """Return what both say of *count* addresses."""
    builder = SkeletonMapBuilder(workspace=root, cache=MemorySkeletonCache())
    drawn = random.Random(seed).sample(addresses(root, builder), count)
    selector = Selector(workspace=root, builder=builder)
    compared = []
    with Server(command, root) as server:
        for symbol, kind in drawn:
            began = SYSTEM_CLOCK.mono_ns()
            resolution = selector.resolve_symbol(str(symbol))
            ns = SYSTEM_CLOCK.mono_ns() - began
            ours = frozenset((place.file, place.line) for place in resolution.places)
            compared.append(
                Comparison(str(symbol), kind, resolution.status, ours, server.definition(symbol), ns)
            )
    return compared


def unexplained(compared: Sequence[Comparison], known: Path = KNOWN) -> list[Comparison]:
    """Return those that do not agree, and for which the list has no reason."""
    reasons = {each["symbol"] for each in tomllib.loads(known.read_text())["disagreement"] if each["reason"]}
    return [each for each in compared if not each.agrees and each.uri not in reasons]


def table(compared: Sequence[Comparison], seed: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield trial.circumstances()
    yield f"ty {version('ty')}, seed {seed}; a question took {statistics.median(c.ns for c in compared) / 1e6:.1f} ms."
    yield ""
    yield "| kind | addresses | same places | share | ambiguous |"
    yield "| --- | --: | --: | --: | --: |"
    for kind in (*sorted({each.kind for each in compared}), "all"):
        mine = [each for each in compared if kind in {each.kind, "all"}]
        same = sum(each.agrees for each in mine)
        ambiguous = sum(each.status == "ambiguous" for each in mine)
        yield f"| {kind} | {len(mine)} | {same} | {same / len(mine):.1%} | {ambiguous} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if too few agree, or one does not without a reason."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--into", type=Path, help="a file with the two markers")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        root = Path(os.path.realpath(directory)) / "library"
        copy_library(root)
        compared = study(
            root, options.count, options.seed, [str(Path(sys.executable).with_name("ty")), "server"]
        )
    text = "\n".join(table(compared, options.seed))
    sys.stdout.write(f"{text}\n")
    for each in (each for each in compared if not each.agrees):
        sys.stdout.write(f"{each.uri} {each.status}: {sorted(each.ours)}, ty: {sorted(each.theirs)}\n")
    if options.into is not None:
        replace_between(options.into, BEGIN, END, text)
    share = sum(each.agrees for each in compared) / len(compared)
    return int(share < LEAST_SHARE or bool(unexplained(compared)))


if __name__ == "__main__":
    sys.exit(main())
