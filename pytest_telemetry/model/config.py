"""The configuration of collecting telemetry; every key is validated (layer 0).

What each key does is a table in ``docs/reference/configuration.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias, get_args

from pytest_telemetry.model.wording import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ("OVERFLOWS", "SEVERITIES", "STORAGE_TYPES", "Overflow", "StorageType", "TelemetryConfig")

Overflow: TypeAlias = Literal["drop-newest", "drop-oldest", "block"]
StorageType: TypeAlias = Literal["sqlite", "file", "memory"]

OVERFLOWS: Final = get_args(Overflow)
SEVERITIES: Final = ("debug", "info", "warning", "error", "critical")
"""From least to most severe."""
STORAGE_TYPES: Final = get_args(StorageType)


@dataclass(frozen=True, kw_only=True, slots=True)
class TelemetryConfig:
    """What is collected, how long it may wait, and where it is kept.

    Raises:
        ValueError: A value cannot be meant; the text names the key, what it must be and what it was.

    Attributes:
        enabled: Whether anything is collected.
        batch_size: How many records are stored at once.
        flush_interval_seconds: How long a record waits for that.
        max_queue_size: How many records may wait; at least a batch.
        overflow: What happens when that many wait: ``drop-newest``, ``drop-oldest`` or ``block``.
        block_seconds: How long ``block`` waits for room.
        async_flush: Whether threads store; otherwise whoever emits the last record of a batch.
        max_flush_workers: How many threads.
        sampling_rate: Share of the traces that is kept, 0 to 1.
        event_types: Types of events that are kept; empty for all.
        min_severity: Least severity that is kept; None for all.
        max_events_per_hour: How many records are kept in an hour; None for all.
        retention_days: For how many days they are kept; None for ever.
        compression: Whether closed segments of a file are compressed.
        pii_filtering: Whether secrets and personal data are masked, in all fields.
        sanitize_fields: Attributes whose whole value is masked.
        storage_type: ``sqlite``, ``file`` or ``memory``.
        storage_path: Database or file; by default one below ``_ctx/telemetry``.
    """

    enabled: bool = True
    batch_size: int = 100
    flush_interval_seconds: float = 5.0
    max_queue_size: int = 10_000
    overflow: Overflow = "drop-newest"
    block_seconds: float = 1.0
    async_flush: bool = True
    max_flush_workers: int = 1
    sampling_rate: float = 1.0
    event_types: Sequence[str] = ()
    min_severity: str | None = None
    max_events_per_hour: int | None = None
    retention_days: float | None = 30
    compression: bool = True
    pii_filtering: bool = True
    sanitize_fields: Sequence[str] = ()
    storage_type: StorageType = "sqlite"
    storage_path: Path | None = None

    def __post_init__(self) -> None:
        for key, given, kept in _CONVERTED:
            value = getattr(self, key)
            if isinstance(value, given):
                object.__setattr__(self, key, kept(value))
        for key, (fits, expected) in _VALID.items():
            value = getattr(self, key)
            if not fits(value):
                raise ValueError(f"{key} must be {expected}, not {brief(value)}")
        if self.max_queue_size < self.batch_size:
            raise ValueError(
                f"max_queue_size must hold at least a batch: {self.max_queue_size} is less than "
                f"batch_size, {self.batch_size}"
            )

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Return the configuration of a table ``[tool.pytest_telemetry]``.

        Raises:
            ValueError: A key is unknown, or a value cannot be meant.
        """
        known = [field.name for field in fields(cls)]
        for key in mapping:
            if key not in known:
                raise ValueError(f"{brief(key)} is no key of the configuration; {_hint(key, known)}")
        return cls(**mapping)


def _hint(key: object, known: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

    near = get_close_matches(str(key), known, 1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _is_bool(value: object) -> bool:
    return type(value) is bool


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 1


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]  # an int or a float


def _is_names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and name for name in value)


def _one_of(*values: str) -> tuple[Callable[[Any], bool], str]:
    return lambda value: isinstance(value, str) and value in values, f"one of {', '.join(values)}"


def _or_none(fits: Callable[[Any], bool], expected: str) -> tuple[Callable[[Any], bool], str]:
    return lambda value: value is None or fits(value), f"{expected}, or None"


# What TOML and the examples of the documents have, and what is kept of it.
_CONVERTED: Final[tuple[tuple[str, type, Callable[[Any], Any]], ...]] = (
    ("event_types", list, tuple),
    ("sanitize_fields", list, tuple),
    ("storage_path", str, Path),
)

_TRUTH: Final = (_is_bool, "True or False")
_COUNT: Final = (_is_count, "a whole number above 0")
_NAMES: Final = (_is_names, "a list of names")

_VALID: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "enabled": _TRUTH,
    "batch_size": _COUNT,
    "flush_interval_seconds": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    "max_queue_size": _COUNT,
    "overflow": _one_of(*OVERFLOWS),
    "block_seconds": (lambda value: _is_number(value) and value >= 0, "a number of at least 0"),
    "async_flush": _TRUTH,
    "max_flush_workers": _COUNT,
    "sampling_rate": (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "event_types": _NAMES,
    "min_severity": _or_none(*_one_of(*SEVERITIES)),
    "max_events_per_hour": _or_none(*_COUNT),
    "retention_days": _or_none(lambda value: _is_number(value) and value > 0, "a number above 0"),
    "compression": _TRUTH,
    "pii_filtering": _TRUTH,
    "sanitize_fields": _NAMES,
    "storage_type": _one_of(*STORAGE_TYPES),
    "storage_path": _or_none(lambda value: isinstance(value, Path) and "\0" not in str(value), "a path"),
}
