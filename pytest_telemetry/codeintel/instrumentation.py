"""Where a source tree emits telemetry: which calls, of which interface, under which names (layer 2).

Precision comes before recall: a call is found where the file itself says what is called, by its imports and by what it
assigns, and left out where it does not. ``items.count(x)`` and ``time.time()`` are no telemetry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pytest_telemetry.codeintel.code_text import cut, text_of
from pytest_telemetry.codeintel.name_scopes import Scopes, visited
from pytest_telemetry.codeintel.python_source import python_source
from pytest_telemetry.codeintel.search import python_files
from pytest_telemetry.codeintel.skeleton import python_tree
from pytest_telemetry.codeintel.workspace import Workspace, is_directory, text_bytes
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tree_sitter import Node

    from pytest_telemetry.codeintel.search import Progress

__all__ = ("Emission", "emissions_in", "emissions_of")

Api: TypeAlias = Literal["pytest_telemetry", "opentelemetry", "prometheus_client", "structlog", "logging"]
EmissionKind: TypeAlias = Literal["span", "event", "metric", "log"]


@dataclass(frozen=True, slots=True)
class Emission:
    """A call that emits telemetry, or, for metrics of OpenTelemetry and Prometheus, makes what emits it.

    Attributes:
        file: Relative to the workspace.
        line: Of the call, from 1.
        col: Of the call, from 0, in characters.
        api: Whose interface is called.
        kind: What is emitted.
        name: The name, or message, where it is a plain text; None where it is computed, or missing.
        text: The call in one line of 60 characters at most.
    """

    file: str
    line: int
    col: int
    api: Api
    kind: EmissionKind
    name: str | None
    text: str


_WORTH_A_LOOK: Final = re.compile(rb"pytest_telemetry|opentelemetry|prometheus_client|structlog|logging")

_LEVELS: Final = ("debug", "info", "warning", "warn", "error", "critical", "fatal", "exception", "log")
_COUNTERS: Final = ("counter", "up_down_counter", "histogram", "gauge")
_STRUCTLOG: Final = (*_LEVELS, "msg", *(f"a{level}" for level in _LEVELS))

_EMITS: Final[dict[str, tuple[Api, EmissionKind]]] = {
    "@context": ("pytest_telemetry", "span"),
    "@context.time": ("pytest_telemetry", "span"),
    "@context.timed": ("pytest_telemetry", "span"),
    "@context.count": ("pytest_telemetry", "metric"),
    "@context.gauge": ("pytest_telemetry", "metric"),
    "@context.metric": ("pytest_telemetry", "metric"),
    "@context.event": ("pytest_telemetry", "event"),
    "@run.event": ("pytest_telemetry", "event"),
    "@run.incr": ("pytest_telemetry", "metric"),
    "@run.observe": ("pytest_telemetry", "metric"),
    "pytest_telemetry.timed": ("pytest_telemetry", "span"),
    "@tracer.start_as_current_span": ("opentelemetry", "span"),
    "@tracer.start_span": ("opentelemetry", "span"),
    "@span.add_event": ("opentelemetry", "event"),
    **{f"@meter.create_{name}": ("opentelemetry", "metric") for name in _COUNTERS},
    **{f"@meter.create_observable_{name}": ("opentelemetry", "metric") for name in _COUNTERS},
    **{
        f"prometheus_client.{name}": ("prometheus_client", "metric")
        for name in ("Counter", "Gauge", "Histogram", "Summary", "Info", "Enum")
    },
    **{f"@structlog.{level}": ("structlog", "log") for level in _STRUCTLOG},
    **{f"@logger.{level}": ("logging", "log") for level in _LEVELS},
    **{f"logging.{level}": ("logging", "log") for level in _LEVELS},
}
_MAKES: Final = {
    "pytest_telemetry.TelemetryContext": "@context",
    "pytest_telemetry.current_context": "@context",
    "@context": "@context",
    "@context.time": "@context",
    "pytest_telemetry.Telemetry": "@run",
    "pytest_telemetry.open_run": "@run",
    "pytest_telemetry.TelemetryRecorder": "@recorder",
    "opentelemetry.get_tracer_provider": "@providers",
    "opentelemetry.get_meter_provider": "@providers",
    "opentelemetry.TracerProvider": "@providers",
    "opentelemetry.MeterProvider": "@providers",
    "@providers.get_tracer": "@tracer",
    "@providers.get_meter": "@meter",
    "opentelemetry.get_tracer": "@tracer",
    "opentelemetry.get_meter": "@meter",
    "opentelemetry.get_current_span": "@span",
    "@tracer.start_as_current_span": "@span",
    "@tracer.start_span": "@span",
    "structlog.get_logger": "@structlog",
    "structlog.getLogger": "@structlog",
    "structlog.wrap_logger": "@structlog",
    **{f"@structlog.{name}": "@structlog" for name in ("bind", "new", "unbind", "try_unbind")},
    "logging.getLogger": "@logger",
    "logging.Logger": "@logger",
    "@logger.getChild": "@logger",
}
_TYPES: Final = {
    "pytest_telemetry.TelemetryContext": "@context",
    "pytest_telemetry.Context": "@context",
    "pytest_telemetry.Telemetry": "@run",
    "pytest_telemetry.TelemetryRecorder": "@recorder",
    "opentelemetry.Tracer": "@tracer",
    "opentelemetry.Meter": "@meter",
    "opentelemetry.Span": "@span",
    "structlog.BoundLogger": "@structlog",
    "structlog.FilteringBoundLogger": "@structlog",
    "logging.Logger": "@logger",
}
_ATTRIBUTES: Final = {"@run.context": "@context", "@recorder.context": "@context"}
_NAMED_BY: Final = {"structlog": "event", "logging": "msg"}


def emissions_in(
    path: str | os.PathLike[str],
    workspace: str | os.PathLike[str] = ".",
    *,
    unread: Callable[[str], object] | None = None,
    progress: Progress | None = None,
) -> list[Emission]:
    """Return what a file or a directory emits, by file and place.

    Of a directory, files that end with ``.py`` are read, and what `python_files` leaves out is not.

    Args:
        path: The file or directory, named relative to the workspace.
        workspace: The directory that files are named relative to.
        unread: Told the name of each file or directory in *path* that cannot be read, which then is left out.
        progress: Told of each file how many were looked at, and how many there are.

    Raises:
        UnusableInput: *path* cannot be read, or something in it, and nobody is told.
        MissingExtra: tree-sitter is not installed.
    """
    directory = Workspace(workspace)
    start = directory.file(path)

    def refuse(file: Path, why: str = "cannot be read") -> None:
        if unread is None or file == start:
            raise UnusableInput(f"{directory.name(file)}: {why}: pass a Python file or a directory of them")
        unread(directory.name(file))

    found = []
    files = [*_files(start, refuse)]
    for number, file in enumerate(files, 1):
        if progress is not None:
            progress(number, len(files))
        try:
            code = text_bytes(file)
        except OSError as error:
            refuse(file, error.strerror or str(error))
            continue
        found += emissions_of(code, directory.name(file))
    return found


def emissions_of(code: str | bytes, file: str) -> list[Emission]:
    """Return what code emits, in its order; nothing in it makes this fail.

    Args:
        code: Of one file.
        file: What the file is called.

    Raises:
        MissingExtra: tree-sitter is not installed.
    """
    text = python_source(code).text
    if not _WORTH_A_LOOK.search(text):
        return []
    scopes = Scopes(text, _made_by, _of_type, _ATTRIBUTES.get)
    calls = [
        (node, scope) for node, scope in visited(python_tree(text).root_node, text) if node.type == "call"
    ]
    found = []
    for call, scope in calls:
        function = call.child_by_field_name("function")
        emits = None if function is None else _EMITS.get(_public(scopes.called(function, scope)))
        if emits is not None:
            found.append(_emission(call, text, file, *emits))
    return found


def _emission(node: Node, text: bytes, file: str, api: Api, kind: EmissionKind) -> Emission:
    row, column = node.start_point
    line_start = node.start_byte - column
    col = len(text[line_start : node.start_byte].decode())
    return Emission(file, row + 1, col, api, kind, _name(node, text, api), cut(text_of(node, text)))


def _name(node: Node, text: bytes, api: Api) -> str | None:
    """Return the first argument of a call, or the one by keyword, if it is a plain text."""
    arguments = node.child_by_field_name("arguments")
    if arguments is None:
        return None
    given = [part for part in arguments.named_children if part.type != "comment"]
    by_name = {"name", _NAMED_BY.get(api, "name")}
    for part in given:
        key = part.child_by_field_name("name") if part.type == "keyword_argument" else None
        if key is not None and text_of(key, text) in by_name:
            return _plain_text(part.child_by_field_name("value"), text)
    function = node.child_by_field_name("function")
    has_level = function is not None and re.search(
        rb"\ba?log$", text[function.start_byte : function.end_byte]
    )
    place = 1 if has_level and api in _NAMED_BY else 0
    return _plain_text(given[place], text) if len(given) > place else None


def _plain_text(node: Node | None, text: bytes) -> str | None:
    if node is None or node.type != "string":
        return None
    prefix = text_of(node.children[0], text).rstrip("\"'").lower()
    if prefix not in {"", "r", "u"} or any(part.type == "interpolation" for part in node.named_children):
        return None
    return "".join(text_of(part, text) for part in node.named_children if part.type == "string_content")


def _public(called: str | None) -> str:
    """Return the name of what is called by the package that offers it, whichever of its modules it came from."""
    package, _, rest = (called or "").partition(".")
    if called is None or package == "logging" or package.startswith("@"):
        return called or ""
    return f"{package}.{rest.rpartition('.')[2]}"


def _made_by(called: str) -> str | None:
    return _MAKES.get(_public(called))


def _of_type(name: str) -> str | None:
    return _TYPES.get(_public(name))


def _files(path: Path, refuse: Callable[[Path], object]) -> Iterator[Path]:
    """Yield the sources in a directory, in order, or the file itself."""
    if not is_directory(path):
        yield path
        return
    yield from (file for file in python_files(path, refuse) if file.suffix == ".py")
