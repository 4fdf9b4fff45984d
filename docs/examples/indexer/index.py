"""Builds the index of a source: the skeleton of each module that could be read and parsed.

Telemetry: span ``index`` (``source``, ``files``, ``skipped``), counters ``files.indexed`` and ``files.skipped``
(``reason``), event ``file.skipped``, gauge ``definitions``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from indexer.reading import DecodingError, read_text
from indexer.skeleton import ParsingError, Skeleton, module_name, parse
from pytest_telemetry.model.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from indexer.reading import Sleep
    from indexer.sources import Source
    from pytest_telemetry import TelemetryContext

__all__ = ("Index", "build")

_REASONS: Final[Mapping[type[Exception], str]] = {DecodingError: "encoding", ParsingError: "syntax"}


@dataclass(slots=True)
class Index:
    """The modules of a source.

    Attributes:
        modules: Their skeletons, by dotted name.
        skipped: Why a file is not in the index, by file.
    """

    modules: dict[str, Skeleton] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def definitions(self) -> int:
        """How many names the modules define."""
        return sum(len(skeleton.definitions) for skeleton in self.modules.values())

    def imported(self) -> list[str]:
        """Return every symbol that some module imports and that an indexed module should define, sorted."""
        symbols = {symbol for skeleton in self.modules.values() for symbol in skeleton.imports.values()}
        return sorted(symbol for symbol in symbols if symbol.rpartition(".")[0] in self.modules)


def build(
    source: Source,
    context: TelemetryContext,
    *,
    limit: int | None = None,
    sleep: Sleep = SYSTEM_CLOCK.sleep,
    on_file: Callable[[int], object] = lambda _: None,
) -> Index:
    """Return the index of *source*; a file that cannot be read or parsed is skipped, and counted by reason.

    Args:
        source: Where the files come from.
        context: Hears what happens.
        limit: Index at most so many files.
        sleep: How to wait before a file is read again.
        on_file: Called before each file with the number of files so far.
    """
    index = Index()
    with context("index", source=source.label):
        for number, file in enumerate(itertools.islice(source.files(), limit)):
            on_file(number)
            _add(index, source, file, context, sleep)
        context.set(files=len(index.modules), skipped=len(index.skipped))
        context.gauge("definitions", index.definitions)
    return index


def _add(index: Index, source: Source, file: str, context: TelemetryContext, sleep: Sleep) -> None:
    try:
        index.modules[module_name(file)] = parse(read_text(source, file, context, sleep), file)
    except (OSError, DecodingError, ParsingError) as error:
        reason = _REASONS.get(type(error), "unreadable")
        index.skipped[file] = reason
        context.event("file.skipped", file=file, reason=reason)
        context.count("files.skipped", reason=reason)
    else:
        context.count("files.indexed")
