"""Puts together what collects telemetry, as a configuration says (layer 6)."""

from __future__ import annotations

import logging
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.config import TelemetryConfig
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.file_lock import HAS_LOCKS
from pytest_telemetry.model.frozen import frozen_record
from pytest_telemetry.model.wording import brief
from pytest_telemetry.processors.filters import MinSeverity, OnlyEventTypes, RateLimit
from pytest_telemetry.processors.masking import MaskedFields
from pytest_telemetry.processors.paths import RelativePaths
from pytest_telemetry.processors.redaction import Redaction
from pytest_telemetry.processors.sampling import Sampling
from pytest_telemetry.runtime.closed_segments import ClosedSegments
from pytest_telemetry.sinks.batching import BatchingSink
from pytest_telemetry.sinks.jsonl import Dialect, JsonlStore
from pytest_telemetry.sinks.memory import MemoryStore
from pytest_telemetry.sinks.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.protocols import Processor, Sink, Store

__all__ = (
    "DATABASE",
    "DIRECTORY",
    "EVENTS",
    "Collection",
    "UnreadableProject",
    "open_collection",
    "processors_of",
    "read_config",
    "store_path",
)

_DAY_S: Final = 86_400
DIRECTORY: Final = Path("_ctx", "telemetry")
"""Where records are kept, below a workspace."""

EVENTS: Final = "events.jsonl"
DATABASE: Final = "telemetry.db"

_FILES: Final = {"sqlite": DATABASE, "file": EVENTS}

_log: Final = logging.getLogger("pytest_telemetry")


class UnreadableProject(UnusableInput):
    """A ``pyproject.toml`` of which nobody can tell whether it says anything of telemetry."""


def read_config(workspace: str | PathLike[str] = ".") -> TelemetryConfig | None:
    """Return what ``[tool.pytest_telemetry]`` in the ``pyproject.toml`` of *workspace* says, or None without that.

    A path in it is relative to the workspace.

    Raises:
        UnreadableProject: The file cannot be read, or is no TOML that could hold the table.
        UnusableInput: The table says what cannot be meant.
    """
    file = Path(workspace, "pyproject.toml")
    table = _table_in(file)
    if table is None:
        return None
    if not isinstance(table, dict):
        raise UnusableInput(f"{file}: [tool.pytest_telemetry] cannot be used: is no table but {brief(table)}")
    try:
        config = TelemetryConfig.from_mapping(table)
        if config.storage_path is None:
            return config
        return replace(config, storage_path=Path(workspace, config.storage_path.expanduser()))
    except ValueError as error:
        raise UnusableInput(f"{file}: [tool.pytest_telemetry] cannot be used: {error}") from error


def _table_in(file: Path) -> object:
    """Return what is at our place in *file*, or None."""
    try:
        tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableProject(f"{file}: {error.strerror or error}") from error
    except ValueError as error:  # tomllib's, or wrong UTF-8
        raise UnreadableProject(f"{file}: cannot be used: {error}") from error
    except RecursionError as error:
        raise UnreadableProject(f"{file}: cannot be used: is nested too deeply") from error
    if not isinstance(tool, dict):
        raise UnreadableProject(f"{file}: cannot be used: tool is no table")
    return tool.get("pytest_telemetry")


def store_path(config: TelemetryConfig, directory: Path) -> Path:
    """Return where the store that *config* describes keeps its records, by default in *directory*."""
    return config.storage_path or directory / _FILES[config.storage_type]


@dataclass(frozen=True, slots=True)
class Collection:
    """What a context is made of: ``TelemetryContext(*sinks, processors=processors, enabled=True)``.

    Shutting that context down stores what waits and closes the store.

    Attributes:
        store: What keeps the records, to read them back after a flush; None where nothing is collected.
        sinks: Empty where nothing is collected, which makes the context the no-op.
        processors: In their order: what drops comes before what copies and rewrites.
    """

    store: Store | None
    sinks: tuple[Sink, ...]
    processors: tuple[Processor, ...]


def open_collection(
    config: TelemetryConfig,
    *,
    workspace: str | PathLike[str] = ".",
    directory: str | PathLike[str] | None = None,
    clock: Clock = SYSTEM_CLOCK,
    dialect: Dialect = "record",
) -> Collection:
    """Open the store that *config* names, remove what is too old, and stand everything else in front of it.

    Args:
        config: What is collected.
        workspace: What paths are relative to.
        directory: Where the store is if *config* does not say; ``_ctx/telemetry`` below the workspace by default.
        clock: Tells what is too old, when an interval is over, and the hour of a limit.
        dialect: How the lines of a store of type ``file`` are written, see `JsonlStore`.

    Raises:
        UnusableInput: The store cannot be opened.
    """
    if not config.enabled:
        return Collection(None, (), ())
    root = Path(workspace).absolute()
    store = _store(config, root / DIRECTORY if directory is None else Path(directory), clock, dialect)
    sink = BatchingSink(
        store,
        batch_size=config.batch_size,
        flush_interval_s=config.flush_interval_seconds,
        queue_size=config.max_queue_size,
        overflow=config.overflow,
        block_s=config.block_seconds,
        workers=config.max_flush_workers,
        in_background=config.async_flush,
        clock=clock,
    )
    return Collection(store, (sink,), processors_of(config, root, clock))


def processors_of(config: TelemetryConfig, root: Path, clock: Clock) -> tuple[Processor, ...]:
    """Return what stands before the sinks, wherever they keep records; paths become relative to *root*."""
    return tuple(_processors(config, root, clock))


def _processors(config: TelemetryConfig, root: Path, clock: Clock) -> Iterator[Processor]:
    if config.event_types:
        yield OnlyEventTypes(config.event_types)
    if config.min_severity is not None:
        yield MinSeverity(config.min_severity)
    if config.sampling_rate < 1:
        yield Sampling(config.sampling_rate)
    if config.max_events_per_hour is not None:
        yield RateLimit(config.max_events_per_hour, clock)
    yield frozen_record  # a queue keeps what was masked, and the program its lists
    if config.sanitize_fields:
        yield MaskedFields(config.sanitize_fields)
    if config.pii_filtering:
        yield RelativePaths(root)
        yield Redaction()


def _store(config: TelemetryConfig, directory: Path, clock: Clock, dialect: Dialect) -> Store:
    if config.storage_type == "memory":
        return MemoryStore()
    path = store_path(config, directory)
    days = config.retention_days
    too_old_ns = None if days is None else clock.wall_ns() - int(days * _DAY_S * 1_000_000_000)
    if config.storage_type == "sqlite":
        database = SqliteStore(path, batch_size=config.batch_size)
        if too_old_ns is not None:
            try:
                database.trim(too_old_ns)
            except OSError as error:  # the next one who opens it will try again
                _log.warning("telemetry older than %g days stays for now: %s", days, error)
        return database
    log = JsonlStore(
        path,
        dialect=dialect,
        max_age_s=_DAY_S if HAS_LOCKS else None,  # without, no segment can be closed
        compress=config.compression,
        clock=clock,
    )
    refused = ClosedSegments(log.path, keep=None, compress=False, before_ns=too_old_ns).tidy()
    if refused:  # likewise
        _log.warning(
            "telemetry older than %g days stays for now: %s segments cannot be removed", days, refused
        )
    return log
