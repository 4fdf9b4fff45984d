"""A Record as a row of the table ``records``, and back (layer 2).

Each field has a column of its own. What a column cannot say stands in one more, ``exact``: a JSON object of such
fields, and of ``types`` as in a line of a log. For most records it is NULL.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.model.plain import plain, restorable, restore
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import MAX_LINE_BYTES, decode_value, encode_plain, encode_value

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ("COLUMNS", "Row", "records_of", "row_of")

Row: TypeAlias = tuple[Any, ...]

_FIELDS: Final = tuple(field.name for field in fields(Record))
COLUMNS: Final = (*_FIELDS, "exact")

_NULL: Final = math.nan
"""SQLite stores NaN as NULL; None would cost more than any other value, since adapters are looked up for it."""

_INTEGERS: Final = frozenset({"time_ns", "duration_ns", "seq"})
_is_ascii: Final = str.isascii


def row_of(record: Record) -> tuple[Row | None, int]:
    """Return the row of *record*, and how many values are in it as text for good; never raises on values.

    The row is None where a text in it would be longer than a line of a log may be.
    """
    types: dict[str, str] = {}
    attrs = encode_value(record.attrs, "attrs", types) if record.attrs else None
    if not types and (attrs is None or len(attrs) <= MAX_LINE_BYTES) and _fits(record):
        return _as_they_are(record, attrs), 0
    rest: dict[str, Any] = {}
    fields = _as_far_as_they_fit(record, attrs, types, rest)
    if types:
        rest["types"] = types
    exact = encode_plain(rest) if rest else None
    if (
        (attrs is not None and len(attrs) > MAX_LINE_BYTES)
        or (exact is not None and len(exact) > MAX_LINE_BYTES)
        or (type(record.value) is str and len(record.value) > MAX_LINE_BYTES)
    ):
        return None, 0
    as_text = sum(not restorable(noted) for noted in types.values()) if types else 0
    return (*fields, _NULL if exact is None else exact), as_text


def _fits(record: Record) -> bool:
    """Tell whether every column can hold its field as it is; text beyond ASCII is looked at more closely."""
    time_ns, duration_ns, seq, value = record.time_ns, record.duration_ns, record.seq, record.value
    try:
        return (
            _is_ascii(record.kind)
            and _is_ascii(record.name)
            and _is_ascii(record.scope)
            and _is_ascii(record.status)
            and _is_ascii(record.source)
            and (record.instrument is None or _is_ascii(record.instrument))
            and (record.error is None or _is_ascii(record.error))
            and (record.run_id is None or _is_ascii(record.run_id))
            and (record.trace_id is None or _is_ascii(record.trace_id))
            and (record.span_id is None or _is_ascii(record.span_id))
            and (record.parent_id is None or _is_ascii(record.parent_id))
            and (record.level is None or _is_ascii(record.level))
            and (record.thread is None or _is_ascii(record.thread))
            and (time_ns is None or (type(time_ns) is int and time_ns.bit_length() < 64))
            and (duration_ns is None or (type(duration_ns) is int and duration_ns.bit_length() < 64))
            and (seq is None or (type(seq) is int and seq.bit_length() < 64))
            and (value is None or _is_column_value(value))
        )
    except TypeError:  # no text where text belongs
        return False


def _is_column_value(value: Any) -> bool:
    kind = type(value)
    if kind is int:
        return bool(value.bit_length() < 64)
    if kind is float:
        return math.isfinite(value)
    return kind is str and len(value) <= MAX_LINE_BYTES and _is_ascii(value)


def _as_they_are(record: Record, attrs: str | None) -> Row:
    return (
        record.kind,
        record.name,
        record.scope,
        _NULL if record.time_ns is None else record.time_ns,
        _NULL if record.duration_ns is None else record.duration_ns,
        _NULL if record.value is None else record.value,
        _NULL if record.instrument is None else record.instrument,
        record.status,
        _NULL if record.error is None else record.error,
        _NULL if attrs is None else attrs,
        _NULL if record.run_id is None else record.run_id,
        _NULL if record.trace_id is None else record.trace_id,
        _NULL if record.span_id is None else record.span_id,
        _NULL if record.parent_id is None else record.parent_id,
        _NULL if record.seq is None else record.seq,
        record.source,
        _NULL if record.level is None else record.level,
        _NULL if record.thread is None else record.thread,
        _NULL,
    )


def _as_far_as_they_fit(
    record: Record, attrs: str | None, types: dict[str, str], rest: dict[str, Any]
) -> Row:
    """Return the fields as columns can hold them; what they cannot say goes to *types* and *rest*."""
    row = []
    for field in _FIELDS:
        value = attrs if field == "attrs" else plain(getattr(record, field), field, types)
        if value is not None and not _is_held(field, value, types):
            rest[field] = value
            value = None
        row.append(_NULL if value is None else value)
    return tuple(row)


def _is_held(field: str, value: Any, types: dict[str, str]) -> bool:
    """Tell whether the column of *field* can hold a plain *value*; a text that stands for a number is none there."""
    kind = type(value)
    if field == "value" and field in types:
        return False
    if kind is int:
        return (field == "value" or field in _INTEGERS) and value.bit_length() < 64
    return (kind is str and field not in _INTEGERS) or (kind is float and field == "value")


def records_of(rows: Iterable[Row]) -> list[Record]:
    """Return the records of *rows*, which have the `COLUMNS` and the id.

    Raises:
        ValueError: A row was not made by `row_of`; the text names its id.
    """
    records = []
    for (
        kind, name, scope, time_ns, duration_ns, value, instrument, status, error, attrs,
        run_id, trace_id, span_id, parent_id, seq, source, level, thread, exact, number,
    ) in rows:  # fmt: skip
        try:
            record = Record(
                kind, name, scope, time_ns, duration_ns, value, instrument, status, error,
                decode_value(attrs) if attrs else {},
                run_id, trace_id, span_id, parent_id, seq, source, level, thread,
            )  # fmt: skip
            if exact is not None:
                _make_exact(record, decode_value(exact))
        except (ValueError, TypeError, AttributeError) as wrong:
            raise ValueError(f"record {number} is not as this package writes it") from wrong
        records.append(record)
    return records


def _make_exact(record: Record, rest: dict[str, Any]) -> None:
    types = rest.pop("types", {})
    changed = {name: getattr(record, name) for name in _FIELDS} | rest
    restore(changed, types)
    for name, value in changed.items():
        setattr(record, name, value)
