"""Runs: a context, its event log, and the files that sum a run up (layer 6)."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from pytest_telemetry.analysis.run_figures import FORKED, RunFigures
from pytest_telemetry.collection import (
    DIRECTORY,
    EVENTS,
    UnreadableProject,
    open_collection,
    processors_of,
    read_config,
)
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.errors import TelemetryError, UnusableInput
from pytest_telemetry.model.event_shape import duration_of, status_of
from pytest_telemetry.model.frozen import frozen_record
from pytest_telemetry.model.home import expanded
from pytest_telemetry.model.ids import SYSTEM_IDS
from pytest_telemetry.model.plain import text_of
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.stamps import stamp_of
from pytest_telemetry.model.tokens import estimated_tokens
from pytest_telemetry.processors.paths import RelativePaths, label_of
from pytest_telemetry.processors.previews import ShortPreviews
from pytest_telemetry.processors.redaction import Redaction
from pytest_telemetry.run_log import NoLog, RunLog, drops
from pytest_telemetry.runtime.context import NO_OP, TelemetryContext
from pytest_telemetry.runtime.elsewhere import finished_span, judged_event
from pytest_telemetry.runtime.settings import strict_by_environment
from pytest_telemetry.sinks.jsonl import JsonlStore

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.config import TelemetryConfig
    from pytest_telemetry.model.protocols import Processor, Sink, Store, TelemetryReporter

__all__ = ("LEVELS", "Level", "Telemetry", "open_run")

Level: TypeAlias = Literal["off", "lite", "full"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)

_RESERVED: Final = frozenset({"ts", "run_id", "segment", "x", "record", FORKED})
_log: Final = logging.getLogger("pytest_telemetry")


def open_run(directory: str | PathLike[str] | None = None, **options: Any) -> Telemetry:
    """Open a run that is kept in *directory*, at level full; *options* are those of `Telemetry`.

    Raises:
        UnusableInput: As `Telemetry` does.
        ValueError: As `Telemetry` does.
    """
    return Telemetry(**{"level": "full", "directory": directory, **options})


class Telemetry:
    """A run: what happens is appended to ``events.jsonl`` as it happens, and summed up beside it at each flush.

    ``metrics.json`` holds counters of all runs, safe with any number of processes, and ``last_run.json`` the
    figures of the run that was flushed last, as ``docs/reference/runs.md`` lists them. Both are written by `flush`,
    by `close`, when a ``with`` block ends, and when the interpreter does.

    Paths are made relative and secrets masked before anything is written, unless *processors* say otherwise. No
    call raises because of what telemetry does, but for misuse in strict mode: a log that cannot be opened is logged
    once, and what it would have been given counts as dropped. With level ``off`` nothing is read, nothing written and
    nothing created.

    A forked child adds to the same log, under the same run id, and to ``metrics.json``; ``last_run.json`` is written
    by the process that opened the run, and is about its own records.

    Args:
        workspace: What paths are relative to.
        level: ``off``; ``lite``, which cuts what is below ``args`` and ``result`` to previews; or ``full``.
        run_id: Marks the records, as the processors leave it; random by default.
        directory: Where the files are, ``_ctx/telemetry`` below the workspace by default; made if need be.
        config: Says what is collected and where it is kept, in place of ``events.jsonl`` and the usual processors. By
            default what ``[tool.pytest_telemetry]`` in the ``pyproject.toml`` of the workspace says, if it is there.
        store: Keeps the records, in place of all that; for one a log whose files are limited.
        reporters: Further sinks and reporters; a recorder for one.
        processors: In place of the usual ones; they get copies of values that could still change.
        clock: Where time comes from.
        estimate_tokens: Whether an event that says nothing of its tokens gets an estimate, marked as one.
        strict: Whether misuse raises instead of being counted; by default ``PYTEST_TELEMETRY_STRICT_SCOPES=1``.

    Raises:
        UnusableInput: The workspace is no directory, or the table in its ``pyproject.toml`` says what cannot be meant.
        ValueError: There is no such level, or both *config* and *store* are given.

    Attributes:
        context: For spans, counters and everything else; the no-op at level ``off``.
        store: What keeps the records, to read them back; None where nothing is kept.
        run_id: As in every record and file.
        directory: Where the files are.
    """

    def __init__(
        self,
        workspace: str | PathLike[str] = ".",
        level: Level = "lite",
        run_id: str | None = None,
        *,
        directory: str | PathLike[str] | None = None,
        config: TelemetryConfig | None = None,
        store: Store | None = None,
        reporters: Sequence[TelemetryReporter | Sink] = (),
        processors: Sequence[Processor] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        estimate_tokens: bool = False,
        strict: bool | None = None,
    ) -> None:
        if level not in LEVELS:
            raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
        if config is not None and store is not None:
            raise ValueError("config and store each say where records are kept: pass one of them")
        root = expanded(workspace).absolute()
        if not root.is_dir():
            raise UnusableInput(
                f"{workspace}: is no directory: pass the workspace that paths are relative to"
            )
        self.level: Level = level
        self.run_id = run_id or SYSTEM_IDS.run_id()
        self.directory = root / DIRECTORY if directory is None else expanded(directory).absolute()
        self.context: TelemetryContext = NO_OP
        self.store: Store | None = None
        self._clock = clock
        self._estimates = estimate_tokens
        self._strict = strict_by_environment() if strict is None else strict
        self._kept: RunLog | None = None
        self._misuse = 0
        self._closed = False
        if level == "off":
            return
        if config is None and store is None:
            config = self._configured(root)
        if config is not None and not config.enabled:
            return

        def shaping() -> tuple[Processor, ...]:
            if processors is not None:
                return frozen_record, *processors
            if config is None:
                return frozen_record, RelativePaths(root), Redaction()
            return processors_of(config, root, clock)

        if run_id:
            self.run_id = _as_kept(run_id, shaping())
        short = (ShortPreviews(),) if level == "lite" else ()
        sink, self.store = self._opened(config, store, root)
        self._kept = RunLog(self.run_id, sink, self.store, self._said, self.close)
        self.context = TelemetryContext(
            self._kept,
            *reporters,
            enabled=True,
            processors=(
                _placed(label_of(root), self._kept.forked_pid),
                *shaping(),
                *short,
            ),
            clock=clock,
            strict=self._strict,
            run_id=self.run_id,
        )
        atexit.register(self.close)

    def _configured(self, root: Path) -> TelemetryConfig | None:
        """Return what the project says; where its file cannot be read, for whatever reason, it says nothing."""
        try:
            return read_config(root)
        except UnreadableProject as error:
            _log.error("run %s is kept as without a configuration: %s", self.run_id, error)
            return None

    def _opened(
        self, config: TelemetryConfig | None, store: Store | None, root: Path
    ) -> tuple[Sink, Store | None]:
        """Return what takes the records of this run, and what keeps them, if anything does."""
        try:
            if config is not None:
                collection = open_collection(
                    config, workspace=root, directory=self.directory, clock=self._clock, dialect="event"
                )
                return collection.sinks[0], collection.store
            store = JsonlStore(self.directory / EVENTS, dialect="event") if store is None else store
        except (TelemetryError, OSError) as error:
            _log.error("run %s is not kept: %s", self.run_id, error)
            return NoLog(), None
        return store, store

    def event(
        self,
        cmd: str,
        args: Any = None,
        result: Any = None,
        timing_ms: float | None = None,
        *,
        tokens: Mapping[str, Any] | None = None,
        warnings: Sequence[str] = (),
        **extra: Any,
    ) -> None:
        """Record that *cmd* happened; with *timing_ms*, that it took so long, as a finished span.

        Args:
            cmd: What happened; low cardinality.
            args: What it was given; the members of a mapping become attributes ``args.KEY``. One that cannot be read is
                kept as its text.
            result: What came of it, likewise; ``status`` in it decides whether the record is ok or an error.
            timing_ms: Milliseconds by a monotonic clock, with their fraction; 0 stays 0.
            tokens: ``input_tokens``, ``output_tokens``, ``total_tokens``, ``retrieved_tokens``.
            warnings: One text each.
            extra: Further fields, at the top level of the line. One of a reserved name is kept as ``extra.NAME``.

        Raises:
            ValueError: In strict mode only: a reserved name, or a timing that is no number.
        """
        if self._kept is None:
            return
        problems: list[str] = []
        duration_ns = duration_of(timing_ms, problems)
        reserved = sorted(_RESERVED & extra.keys())
        if reserved or problems:
            self._misused(reserved, problems)
        args, result, tokens = _read(args), _read(result), _read(tokens)
        attrs = _members("args", args) | _members("result", result)
        if tokens is None and self._estimates:
            tokens = estimated_tokens(args, result)
        attrs |= _members("tokens", tokens)
        if listed := _listed(warnings):
            attrs["warnings"] = listed
        for name, value in extra.items():
            attrs[f"extra.{name}" if name in _RESERVED else name] = value
        status = status_of(result)
        if duration_ns is not None:
            finished_span(self.context, cmd, duration_ns, status=status, attrs=attrs)
        elif status != "unset":
            judged_event(self.context, cmd, status, attrs)
        else:
            self.context.event(cmd, **attrs)

    def incr(self, name: str, amount: float = 1) -> None:
        """Add *amount* to a counter of this run, and of ``metrics.json``.

        Raises:
            ValueError: In strict mode only: no number.
        """
        if self._kept is None:
            return
        if not hasattr(amount, "__float__"):
            self._misused((), [f"{name} cannot be increased by {amount!r}: it is no number"])
        self.context.count(name, amount)

    def observe(self, cmd: str, timing_ms: float) -> None:
        """Record that *cmd* took *timing_ms*, and nothing else of it.

        Raises:
            ValueError: In strict mode only: no number.
        """
        self.event(cmd, timing_ms=timing_ms)

    def flush(self) -> None:
        """Return when what was recorded is stored and both files are written; what fails is logged and counted."""
        if self._kept is None:
            return
        self.context.flush()
        self._kept.write_files(self.directory, self.figures)

    def close(self) -> None:
        """Store what waits, close the store and write both files; idempotent. Later records are counted as dropped.

        In a signal handler that interrupted the store, or what writes to it, all that is done when the interpreter
        ends.
        """
        if self._kept is None or self._closed or self._kept.is_interrupted:
            return
        try:
            self.context.shutdown()
        finally:
            self._kept.write_files(self.directory, self.figures)
        self._closed = True
        atexit.unregister(self.close)
        self._kept.stop_listening()

    def figures(self) -> dict[str, Any]:
        """Return what ``last_run.json`` would say now."""
        if self._kept is None:
            own, lost = _own(RunFigures()), drops(0, 0, 0, 0)
        else:
            own, lost = self._kept.read(_own)
        ts = stamp_of(self._clock.wall_ns())
        return {"run_id": self.run_id, "ts": ts, **own, "telemetry_drops": lost}

    def statistics(self) -> Mapping[str, Any]:
        """Return the numbers of the context, ``telemetry_drops``, and how often run files could not be written."""
        lost, files = drops(0, 0, 0, 0), {"written": 0, "failed": 0}
        if self._kept is not None:
            (_, lost), files = self._kept.read(lambda _: None), self._kept.files
        said = self.context.statistics()
        misuse = {**said["misuse"], "reserved or unusable argument": self._misuse}
        return {**said, "misuse": misuse, "telemetry_drops": lost, "run_files": files}

    def _said(self) -> Mapping[str, Any]:
        return self.context.statistics()

    def _misused(self, reserved: Sequence[str], problems: Sequence[str]) -> None:
        self._misuse += 1
        if not self._strict:
            return
        if reserved:
            raise ValueError(f"cannot use reserved keys: {', '.join(reserved)}")
        raise ValueError(problems[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Telemetry {self.run_id}, level {self.level}>"


def _placed(segment: str, forked_pid: Callable[[], int | None]) -> Processor:
    """Return a processor that says in each record which workspace it is of, where nothing else does, and which child."""

    def mark_place(record: Record, /) -> Record:
        place = {"segment": segment} | record.attrs
        if FORKED in place:  # what says whose a record is can be nobody else's
            place[f"extra.{FORKED}"] = place.pop(FORKED)
        child = forked_pid()
        if child is not None:
            place[FORKED] = child
        return replace(record, attrs=place)

    return mark_place


def _own(figures: RunFigures) -> dict[str, Any]:
    """Return what the file says of the records that were stored."""
    own = figures.as_dict()
    return {
        "first_ts": _stamp(figures.first_ns),
        "earliest_ts": _stamp(figures.earliest_ns),
        "metrics_delta": own.pop("counters"),
        **own,
    }


def _stamp(time_ns: int | None) -> str | None:
    return None if time_ns is None else stamp_of(time_ns)


def _as_kept(run_id: str, processors: Sequence[Processor]) -> str:
    """Return what *processors* make of the id of a run; one that drops or fails leaves it as it is."""
    record = Record("event", "run", "run", None, run_id=run_id)
    for processor in processors:
        try:
            shaped = processor(record)
        except Exception as error:  # noqa: BLE001 - a processor never breaks observed code
            _log.debug("a processor does not say what it makes of the id of a run: %r", error)
            continue
        if isinstance(shaped, Record):
            record = shaped
    return record.run_id or run_id


def _read(value: Any) -> Any:
    """Return a mapping as a dictionary, or its text where it cannot be read; what is none as it is."""
    try:
        if isinstance(value, Mapping):  # a copy: another thread may change it
            members: dict[str, Any] = {}
            for key, member in dict(value).items():
                name = str(key)
                while name in members:
                    name = f"{name}~"
                members[name] = member
            return members
    except Exception:  # noqa: BLE001 - what is observed is never broken
        return text_of(value)
    return value


def _members(group: str, value: Any) -> dict[str, Any]:
    """Return the attributes that stand for a group of an event."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return {f"{group}.{key}": member for key, member in value.items()}
    return {group: value}


def _listed(warnings: Any) -> list[Any]:
    """Return *warnings* as a list, whatever they are."""
    try:
        if not warnings:
            return []
        return list(warnings) if isinstance(warnings, (list, tuple)) else [warnings]
    except Exception:  # noqa: BLE001 - an array, for one, has no truth
        return [warnings]
