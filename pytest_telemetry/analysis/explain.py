"""The text for a comparison that failed: the diagnosis first, then what was closest (layer 3)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from pytest_telemetry.analysis.alignment import Alignment
from pytest_telemetry.analysis.metric_text import explain_metric
from pytest_telemetry.analysis.nearest import in_words, miss, nearest, presence, several
from pytest_telemetry.analysis.reasons import and_more, differences, inventory, truncated
from pytest_telemetry.analysis.rows import shown
from pytest_telemetry.analysis.tree import record_line, tree_text
from pytest_telemetry.model.matching import Matcher, expected_kinds, found, found_all
from pytest_telemetry.model.metric import Metric
from pytest_telemetry.model.pattern import InOrder, Item, One, Pattern
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.recording import silence
from pytest_telemetry.model.records import Records, expectation
from pytest_telemetry.model.values import agrees
from pytest_telemetry.model.wording import brief, plural, shorten

__all__ = ("explain", "nearest")

LINES: Final = 8
"""What pytest shows below verbosity 2 before it cuts."""
_FULL_TREE: Final = 1000
"""Most rows of a tree that is shown whole."""
_MIRRORED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


def explain(op: str, left: object, right: object, *, verbose: int = 0, width: int = 80) -> list[str] | None:
    """Return the lines for ``assert left op right``, which failed; None if neither side is ours.

    The first line is the diagnosis. Below verbosity 2 there are at most 8 lines and 640 characters, so that pytest
    cuts nothing; from 2 on, trees are shown whole. There are no colours in it.

    Args:
        op: The operator, as pytest names it: ``in``, ``not in``, ``==``, ``!=``, ``<=``, ``>=``, ``<``, ``>``.
        left: Its left operand; a recorder stands for its records if it has a method ``records`` that returns them.
        right: Its right operand.
        verbose: The verbosity of assertions.
        width: Columns of the terminal.
    """
    limit = LINES - 1 if verbose < 2 else None
    lines = _explained(op, left, right, limit)
    if lines is None:
        return None
    if limit is None:
        return lines
    narrow = max(min(width, 80) - 6, 40)
    return [shorten(lines[0], 120), *_narrowed(lines[1:LINES], narrow, LINES - 1)]


def _narrowed(lines: list[str], width: int, room: int) -> list[str]:
    """Return *lines* no wider than *width*: wrapped while there is room for more of them, then shortened."""
    narrowed: list[str] = []
    for index, line in enumerate(lines):
        spare = room - len(narrowed) - (len(lines) - index - 1)
        parts = textwrap.wrap(line, width, subsequent_indent="    ", break_on_hyphens=False) or [line]
        narrowed += (
            parts if 1 < len(parts) <= spare and line[:1] not in ("!", "+", "-") else [shorten(line, width)]
        )
    return narrowed


def _explained(op: str, left: object, right: object, limit: int | None) -> list[str] | None:
    if isinstance(left, Metric):
        return explain_metric(op, left, right)
    if isinstance(right, Metric):
        return explain_metric(_MIRRORED.get(op, op), right, left)
    if isinstance(left, Pattern):
        if op in ("in", "not in"):
            records = _held(right)
            return None if records is None else _membership(op, left, records, limit)
        if isinstance(right, Record):
            return _single(op, left, right)
    if isinstance(right, Pattern) and isinstance(left, Record):
        return _single(op, right, left)
    if _is_expectation(right) and (records := _recording(left)) is not None:
        return _comparison(op, records, right, limit)
    if _is_expectation(left) and (records := _recording(right)) is not None:
        return _comparison(_MIRRORED.get(op, op), records, left, limit)
    return None


def _recording(thing: object) -> Records | None:
    """Return the records of a recording, or of a recorder; None for anything else."""
    if isinstance(thing, Records):
        return thing
    read = getattr(type(thing), "records", None)
    held = read(thing) if callable(read) else None
    return held if isinstance(held, Records) else None


def _held(thing: object) -> Records | None:
    """Return what a pattern was looked for in; plain lists of records count too."""
    if isinstance(thing, list | tuple) and thing and all(isinstance(item, Record) for item in thing):
        return Records(thing)
    return _recording(thing)


def _is_expectation(thing: object) -> bool:
    return isinstance(thing, list | tuple | AbstractSet | Pattern)


def _membership(op: str, pattern: Pattern, records: Records, limit: int | None) -> list[str] | None:
    if found(pattern, records) == (op == "in"):
        return None  # plugins may ask for texts of assertions that hold
    missed = miss(pattern, records, limit) if op == "in" else presence(pattern, records)
    return [missed.diagnosis, *missed.lines]


def _single(op: str, pattern: Pattern, record: Record) -> list[str] | None:
    if op not in ("==", "!=") or pattern.matches(record) == (op == "=="):
        return None
    shown_record = f"record: {record_line(record)}"
    if op == "!=":
        return [f"{in_words(pattern)} describes this record, expected another", shown_record]
    diagnosis = f"{in_words(pattern)} does not describe this record"
    if not isinstance(pattern, One):
        return [diagnosis, shown_record]
    if record.kind != pattern.kind:
        return [f"{diagnosis}: it is of kind {record.kind}", shown_record]
    if not agrees(pattern.name, record.name):
        return [f"{diagnosis}: its name is {brief(record.name)}", shown_record]
    wrong = differences(pattern, record, Records((record,)))
    return [
        f"{diagnosis}: {wrong[0].reason()}",
        shown_record,
        *(f"  {difference.long()}" for difference in wrong),
    ]


def _comparison(op: str, records: Records, expected: Any, limit: int | None) -> list[str] | None:
    if isinstance(expected, Pattern):
        text = in_words(expected)
        return [f"a recording is no single record: write {text} in ..., or ... == [{text}]"]
    if op == ">=":
        return _held_all(records, expected, limit)
    items = expectation(expected)
    if items is None:
        return _no_expectation(op, expected)
    if op == "!=":
        return [f"the recording is exactly {brief(list(items), 60)}", *truncated(records)]
    if op != "==":
        return None
    return _tree(records, items, limit)


def _no_expectation(op: str, expected: Iterable[object]) -> list[str] | None:
    strangers = [item for item in expected if not isinstance(item, Pattern | Record) and item is not ...]
    if op not in ("==", "!=") or not strangers:
        return None
    return [
        f"{brief(strangers[0], 40)} is no pattern, so it equals no recording",
        f"write span({brief(strangers[0], 40)}), or event, metric, log",
    ]


def _held_all(records: Records, expected: Iterable[Pattern], limit: int | None) -> list[str] | None:
    parts = list(expected)
    in_order = isinstance(expected, Sequence) and len(parts) > 1
    if not parts or found_all([InOrder(tuple(parts))] if in_order else parts, records):
        return None
    if in_order:
        missed = miss(InOrder(tuple(parts)), records, limit)
    elif not records.whole:
        missed = miss(parts[0], records, limit)
    else:
        missed = several(sorted(parts, key=repr), records, limit)
    return [missed.diagnosis, *missed.lines]


def _tree(records: Records, items: Sequence[Item], limit: int | None) -> list[str] | None:
    lost = truncated(records)
    if not items:
        room = None if limit is None else limit - len(lost)
        return [f"{plural(len(records), 'record')} recorded, expected none", *_whole(records, room), *lost]
    if not records:
        where = f" {records.place}" if records.place else ""
        known = (
            [f"recorded: {inventory(records.whole, records.whole)}"]
            if records.whole
            else silence(records.info)
        )
        return [f"nothing was recorded{where}, expected {brief(list(items), 60)}", *known]
    kinds = expected_kinds(items)
    alignment = Alignment(Matcher(records, kinds, exact=True))
    alignment.level(items, records.roots if "span" in kinds else records, _subject(records))
    if not alignment.diagnoses:
        return None
    alignment.explain_missing()
    whole = limit is None and len(alignment.rows) <= _FULL_TREE
    room = (_FULL_TREE if limit is None else limit) - len(lost)
    return [and_more(alignment.diagnoses), *shown(alignment.rows, None if whole else room), *lost]


def _subject(records: Records) -> str:
    return "the recording" if records.whole is records else f"what was recorded {records.place}"


def _whole(records: Records, limit: int | None) -> list[str]:
    return tree_text(records, max_lines=limit or _FULL_TREE).splitlines()
