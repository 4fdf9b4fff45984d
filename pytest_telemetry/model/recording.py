"""What a recorder knows beyond the records, and what to say where nothing was recorded (layer 0)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.wording import brief, label, plural, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.records import Records

__all__ = ("Recording", "silence", "vacuous")

_ADVICE: Final = (
    "hand the recorder's context to the code under test; `== []` asserts that nothing is recorded"
)


@dataclass(frozen=True, slots=True)
class Recording:
    """What only the recorder knows, and failure texts tell.

    Attributes:
        filtered: Records that the code made and a processor dropped, each with the name of the processor.
        calls: What the code passed, by ``id`` of the record that the processors made of it; records that
            nobody changed may be left out.
        open_origins: ``file.py:12`` by ``span_id``, for spans that are still open.
        dropped: How many records were lost because the recording reached its size.
        silence: Tells why nothing at all was recorded, if the recorder knows; asked only where a text needs it.
        elsewhere: Records that belong to another test or recorder, each with a label of their owner.
    """

    filtered: Sequence[tuple[Record, str]] = ()
    calls: Mapping[int, Record] = field(default_factory=dict)
    open_origins: Mapping[str, str] = field(default_factory=dict)
    dropped: int = 0
    silence: Callable[[], str] | None = None
    elsewhere: Sequence[tuple[Record, str]] = ()


def vacuous(expected: object, records: Records) -> list[str]:
    """Return why *expected* can be judged neither way against *records*, which are empty; diagnosis first."""
    what = brief(expected, 200)
    if records.whole:
        return [
            f"nothing {records.place}, so {what} can be neither found nor ruled out",
            *_known(records),
        ]
    return [f"nothing was recorded, so {what} can be neither found nor ruled out", *silence(records.info)]


def silence(info: Recording) -> list[str]:
    """Return what is known about why nothing was recorded."""
    lines = _owned("dropped by a processor", "by", info.filtered)
    lines += _owned("recorded elsewhere", "by", info.elsewhere)
    if not lines and info.silence is not None:
        lines.append(info.silence())
    return lines or [_ADVICE]


def _owned(what: str, preposition: str, owned: Sequence[tuple[Record, str]]) -> list[str]:
    if not owned:
        return []
    first, owner = owned[0]
    more = f", and {len(owned) - 1:,} more" if len(owned) > 1 else ""
    return [f"{what}: {label(first, attrs=False)} ({preposition} {owner}){more}"]


def _known(records: Records) -> list[str]:
    """Return what a view could have been asked for instead."""
    whole = records.whole
    sources = _distinct(record.source for record in whole)
    scopes = _distinct(record.scope for record in whole)
    return [
        f"recorded outside it: {plural(len(whole), 'record')} from source {sources}",
        f"with the scopes {scopes}",
    ]


def _distinct(values: Iterable[str]) -> str:
    return shorten(", ".join(dict.fromkeys(values)), 160)
