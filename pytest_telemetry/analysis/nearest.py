"""What was closest to a pattern that nothing matched, and why it is no match (layer 3)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_telemetry.analysis.alignment import Alignment
from pytest_telemetry.analysis.reasons import (
    and_more,
    differences,
    how_many,
    inventory,
    location,
    other_kind,
    owner_of,
    similar_names,
    truncated,
)
from pytest_telemetry.analysis.rows import shown
from pytest_telemetry.analysis.tree import record_line
from pytest_telemetry.model.matching import Matcher, all_kinds, candidates, found, matching_records
from pytest_telemetry.model.pattern import Absent, Either, InOrder, One, Several, Times, is_single
from pytest_telemetry.model.recording import silence
from pytest_telemetry.model.wording import label, plural, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.analysis.reasons import Difference
    from pytest_telemetry.model.pattern import Pattern
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.records import Records

__all__ = ("Miss", "in_words", "miss", "nearest", "presence")

_ALIGNED = 20
"""Most candidates whose insides are compared to find the closest one."""
_SENTENCE = 95
"""Longest sentence that says what differs; beyond it what was expected is left to the lines below."""
_LISTED = 5
"""Most records that are listed one by one."""
_LINES = 7
"""Lines that follow the diagnosis, so that pytest does not cut the text."""


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a pattern was not found.

    Attributes:
        diagnosis: One sentence that stands for itself.
        lines: What was closest, and how it differs.
        reason: The diagnosis without the pattern, for sentences that name it already.
    """

    diagnosis: str
    lines: list[str] = field(default_factory=list)
    reason: str = ""


def nearest(pattern: Pattern, records: Records, *, limit: int | None = _LINES) -> list[str]:
    """Return why *pattern* is not in *records*: the reason, then what was closest and how it differs.

    Args:
        pattern: What was not found.
        records: Where it was looked for; may be empty.
        limit: Most lines after the reason; None for the whole comparison.
    """
    missed = miss(pattern, records, limit)
    return [missed.reason or missed.diagnosis, *missed.lines[:limit]]


def in_words(pattern: Pattern, limit: int = 60) -> str:
    """Return the repr of *pattern*, or the head of it (``span('etl')``) where that is too long for one sentence."""
    text = repr(pattern)
    if len(text) <= limit:
        return text
    return shorten(pattern.head(), limit) if isinstance(pattern, One) else shorten(text, limit)


def miss(pattern: Pattern, records: Records, limit: int | None = _LINES) -> Miss:
    """Return why *pattern* is not in *records*."""
    if not records.whole:
        return _not_found(pattern, Miss("nothing was recorded", silence(records.info)))
    if isinstance(pattern, One):
        result = _one(pattern, records, limit)
    elif isinstance(pattern, Times):
        result = _times(pattern, records)
    elif isinstance(pattern, Absent):
        result = presence(pattern.part, records)
    elif isinstance(pattern, Either):
        result = _either(pattern, records)
    elif isinstance(pattern, InOrder):
        result = _in_order(pattern, records, limit)
    else:
        result = several([*pattern.parts] if isinstance(pattern, Several) else [pattern], records, limit)
    return replace(result, lines=[*result.lines, *truncated(records)])


def several(patterns: Sequence[Pattern], records: Records, limit: int | None = _LINES) -> Miss:
    """Return why not all of *patterns* are in *records*, each in records of its own."""
    for pattern in patterns:
        if not found(pattern, records):
            return miss(pattern, records, limit)
    described = {id(record): record for pattern in patterns for record in _described(pattern, records)}
    return Miss(
        f"{plural(len(patterns), 'pattern')} share {plural(len(described), 'record')}: each needs one of its own",
        [f"{record_line(record)}  ({location(record, records)})" for record in list(described.values())[:5]],
    )


def presence(pattern: Pattern, records: Records) -> Miss:
    """Return where *pattern*, which should be absent, is."""
    if not is_single(pattern):
        return Miss(
            f"{in_words(pattern)} is in the recording, expected nowhere",
            _places(_described(pattern, records), records),
        )
    there = matching_records(pattern, records)
    times = "" if len(there) == 1 else f" {plural(len(there), 'time')}"
    return Miss(f"{in_words(pattern)} was recorded{times}, expected nowhere", _places(there, records))


def _one(one: One, records: Records, limit: int | None) -> Miss:
    matching = [record for record in candidates([one], records) if _matches(one, record, records)]
    if matching and one.items:
        return _inside(one, matching, records, limit)
    for reason in (_outside, _filtered, _changed, _foreign, _different, _other_kind, _misspelt):
        if (reasoned := reason(one, records)) is not None:
            return _not_found(one, reasoned)
    return _not_found(one, Miss(_never(one, records), _recorded(records)))


def _not_found(pattern: Pattern, why: Miss) -> Miss:
    if why.reason:
        return why
    return Miss(f"{in_words(pattern)} not found: {why.diagnosis}", why.lines, why.diagnosis)


def _matches(one: One, record: Record, records: Records) -> bool:
    if one.stage == "call":
        return one.matches(records.called(record))
    return one.matches(record) and not records.was_filtered(record)


def _inside(one: One, matching: Sequence[Record], records: Records, limit: int | None) -> Miss:
    """Compare what is inside the records that match by themselves."""
    attempts = []
    for record in matching[:_ALIGNED]:
        attempt = Alignment(Matcher(records, all_kinds((one,)), exact=False))
        attempt.span(one, record)
        attempts.append(attempt)
    closest = min(attempts, key=lambda attempt: attempt.problems)
    closest.explain_missing()
    head = []
    if len(matching) > 1:
        head = [f"closest of {plural(len(matching), 'record')} that match {one.head()}:"]
    room = None if limit is None else limit - len(head)
    return Miss(and_more(closest.diagnoses), [*head, *shown(closest.rows, room)])


def _outside(one: One, records: Records) -> Miss | None:
    """Look for it outside the view."""
    if records.whole is records:
        return None
    whole = records.whole
    there = [record for record in candidates([one], whole) if _matches(one, record, whole)]
    if not there:
        return None
    record = there[0]
    facts = [location(record, whole)]
    if "view" in records.place:
        facts += [f"scope {record.scope!r}", f"source {record.source!r}", f"thread {record.thread!r}"]
    more = f", and {plural(len(there) - 1, 'more time')}" if len(there) > 1 else ""
    return Miss(
        f"recorded {facts[0]}, not {records.place}",
        [f"it was recorded elsewhere: {record_line(record)}{more}", f"  {', '.join(facts)}"],
    )


def _filtered(one: One, records: Records) -> Miss | None:
    dropped = owner_of(one, records.info.filtered)
    if dropped is None:
        return None
    record, processor = dropped
    return Miss(
        f"dropped by processor {processor}",
        [f"the code recorded it: {label(record)}", 'to see what the code passed, ask with stage="call"'],
    )


def _changed(one: One, records: Records) -> Miss | None:
    """Look for what the code passed and a processor changed."""
    record = next(
        (r for r in records if id(r) in records.info.calls and one.matches(records.called(r))), None
    )
    if record is None or one.stage == "call":
        return None
    return Miss(
        "a processor changed it",
        [
            f"the code passed: {label(records.called(record))}",
            f"processors made of it: {label(record)}",
            'to see what the code passed, ask with stage="call"',
        ],
    )


def _foreign(one: One, records: Records) -> Miss | None:
    foreign = owner_of(one, records.info.elsewhere)
    if foreign is None:
        return None
    record, owner = foreign
    return Miss(f"recorded by {owner}", [f"it belongs to {owner}: {label(record)}"])


def _different(one: One, records: Records) -> Miss | None:
    """Find the records of that kind and name that differ least."""
    named = records.named(one.kind, one.name)
    if not named:
        return None
    by_distance: dict[int, list[Record]] = {}
    for record in named:
        by_distance.setdefault(_distance(one, record, records), []).append(record)
    closest, *also = by_distance[min(by_distance)]
    wrong = differences(one, closest, records)
    if not wrong:
        return None
    return Miss(
        and_more([_in_short(wrong[0], one), *("" for _ in wrong[1:])]),
        [
            f"closest of {plural(len(records), 'record')}: {_placed(closest, records)}",
            *(f"  {difference.long()}" for difference in wrong[:4]),
            *(f"also: {_placed(record, records)}" for record in also[:2]),
        ],
        and_more([difference.reason() for difference in wrong]),
    )


def _in_short(difference: Difference, one: One) -> str:
    """Return what differs, and only then of what: a short summary shows a line's first few dozen characters."""
    place = f" in {shorten(one.head(), 40)}"
    sentence = f"{difference.sentence()}{place}{difference.hint}"
    return sentence if len(sentence) <= _SENTENCE else f"{difference.short}{place}"


def _distance(one: One, record: Record, records: Records) -> int:
    subject = records.called(record) if one.stage == "call" else record
    distance = sum(not condition.holds(subject) for condition in one.conditions)
    return distance + bool(one.exact and one.unexpected(subject))


def _other_kind(one: One, records: Records) -> Miss | None:
    other = other_kind(one, records)
    if other is None:
        return None
    return Miss(
        f"recorded as {other.kind}, not as {one.kind}", [f"recorded: {_placed(other, records.whole)}"]
    )


def _misspelt(one: One, records: Records) -> Miss | None:
    names = similar_names(one, records)
    if not names:
        return None
    return Miss(f"similar: {', '.join(names)}", _recorded(records))


def _never(one: One, records: Records) -> str:
    if not records:
        return f"nothing was recorded {records.place}"
    if records.names(one.kind):
        return f"no {one.kind} of that name{_where(records)}"
    kinds = Counter(record.kind for record in records)
    return f"no {one.kind} at all{_where(records)}, but {', '.join(plural(n, kind) for kind, n in kinds.items())}"


def _times(pattern: Times, records: Records) -> Miss:
    there = matching_records(pattern.part, records)
    low, high = pattern.counts.low, pattern.counts.high
    if not there:
        return miss(pattern.part, records)
    return Miss(
        f"{len(there):,} x {in_words(pattern.part)} recorded, expected {how_many(low, high)}",
        _places(there, records),
    )


def _either(pattern: Either, records: Records) -> Miss:
    names = " nor ".join(in_words(part, 40) for part in pattern.parts)
    reasons = [miss(part, records) for part in pattern.parts]
    return Miss(f"neither {names} found", [reason.diagnosis for reason in reasons])


def _in_order(pattern: InOrder, records: Records, limit: int | None) -> Miss:
    parts = pattern.parts
    lengths = range(1, len(parts) + 1)
    held = lengths[bisect_left(lengths, 1, key=lambda n: not found(_sequence(parts[:n]), records))]
    failing = parts[held - 1]
    if not found(failing, records):
        return miss(failing, records, limit)
    there = [record for part in parts[:held] for record in _described(part, records)]
    unique = {id(record): record for record in there}
    ordered = sorted(unique.values(), key=records.position)
    alike = len({records.path(record) for record in ordered}) < len(ordered) <= _LISTED
    order = (
        ["recorded in this order:", *(f"  {_placed(record, records)}" for record in ordered)]
        if alike  # paths alone would not tell which is which
        else [f"recorded in this order: {inventory(ordered, records)}"]
    )
    return Miss(f"{in_words(failing)} was recorded, but not after {in_words(parts[held - 2])}", order)


def _sequence(parts: Sequence[Pattern]) -> Pattern:
    return parts[0] if len(parts) == 1 else InOrder(tuple(parts))


def _described(pattern: Pattern, records: Records) -> list[Record]:
    """Return the records that the parts of *pattern* describe, one by one."""
    unique = {id(r): r for one in pattern.ones() for r in matching_records(one, records)}
    return sorted(unique.values(), key=records.position)


def _placed(record: Record, records: Records) -> str:
    return f"{shorten(record_line(record, limit=30), 60)}  ({location(record, records)})"


def _places(there: Sequence[Record], records: Records) -> list[str]:
    lines = [_placed(record, records) for record in there[:_LISTED]]
    return [*lines, f"... {len(there) - _LISTED:,} more"] if len(there) > _LISTED else lines


def _where(records: Records) -> str:
    return f" {records.place}" if records.place else ""


def _recorded(records: Records) -> list[str]:
    """Return a line with everything that is there; of the whole recording if the view is empty."""
    shown_records = records or records.whole
    return [f"recorded{_where(shown_records)}: {inventory(shown_records, shown_records)}"]
