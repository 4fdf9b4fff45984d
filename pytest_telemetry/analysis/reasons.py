"""Why one record, or none, is what a pattern describes: the single facts of a failure text (layer 3)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pytest_telemetry.model.condition import written
from pytest_telemetry.model.values import agrees, is_glob
from pytest_telemetry.model.wording import brief, label, one_line, plural, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_telemetry.model.condition import Condition
    from pytest_telemetry.model.pattern import One
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.records import Records

__all__ = (
    "Difference",
    "and_more",
    "differences",
    "how_many",
    "inventory",
    "location",
    "lost",
    "opened_at",
    "owner_of",
    "similar_names",
    "truncated",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field or attribute that is not as expected.

    Attributes:
        key: Its name; ``attributes`` where others than the named ones are there.
        expected: What was expected, in words.
        short: What is there instead, as a sentence: ``rows is 10``.
        got: The same as the end of a sentence: ``got 10``.
        hint: What may have been meant; often empty.
        wanted: *expected*, as a sentence asks for it where *short* does not begin with the key.
    """

    key: str
    expected: str
    short: str
    got: str
    hint: str = ""
    wanted: str = ""

    def reason(self) -> str:
        """Return what is there instead: ``rows is 10``."""
        return self.short + self.hint

    def sentence(self) -> str:
        """Return what is there and what was expected, without the hint: ``rows is 10, expected 12``."""
        return f"{self.short}, expected {self.wanted or self.expected}"

    def long(self) -> str:
        """Return the same for a list of differences: ``rows: expected 12, got 10``."""
        return f"{self.key}: expected {self.expected}, {self.got}{self.hint}"


def and_more(sentences: Sequence[str]) -> str:
    """Return the first of *sentences* and how many there are besides."""
    more = len(sentences) - 1
    return f"{sentences[0]}; {plural(more, 'more difference')}" if more else sentences[0]


def differences(one: One, record: Record, records: Records) -> list[Difference]:
    """Return in which conditions *record* differs from *one*; kind, name and what is inside are not compared."""
    subject = records.called(record) if one.stage == "call" else record
    found = [_difference(c, subject, records) for c in one.conditions if not c.holds(subject)]
    if one.exact and (more := one.unexpected(subject)):
        others = ", ".join(more)
        found.append(
            Difference("attributes", "no others", f"it also has {others}", f"but it also has {others}")
        )
    return found


def opened_at(record: Record, records: Records) -> str:
    """Return that *record* is still open, and where it was opened if the recorder knows."""
    origin = records.info.open_origins.get(record.span_id or "")
    return f"still open, opened at {origin}" if origin else "still open"


def location(record: Record, records: Records) -> str:
    """Return where *record* happened: ``in etl/load`` or ``at the top level``."""
    parent = records.parent(record)
    return "at the top level" if parent is None else f"in {records.path(parent)}"


def owner_of(one: One, owned: Iterable[tuple[Record, str]]) -> tuple[Record, str] | None:
    """Return the first record that *one* describes, with its label."""
    return next(((record, owner) for record, owner in owned if one.matches(record)), None)


def similar_names(one: One, records: Records) -> list[str]:
    """Return recorded names of the kind that look like the expected one."""
    if not isinstance(one.name, str):
        return []
    names = list(records.whole.names(one.kind))
    wanted = one.name.strip("*")
    lowered = {name.lower(): name for name in names}
    close = get_close_matches(
        wanted.lower(), lowered, 3, 0.6 if len(wanted) < 5 else 0.7
    )  # short names differ more
    return [lowered[name] for name in close if not agrees(one.name, lowered[name])]


def other_kind(one: One, records: Records) -> Record | None:
    """Return the first record of another kind that has the expected name."""
    return next((r for r in records.whole if r.kind != one.kind and agrees(one.name, r.name)), None)


def lost(one: One, records: Records) -> str:
    """Return why a record that *one* describes may be missing, in a few words; empty if nothing is known."""
    if dropped := owner_of(one, records.info.filtered):
        return f"dropped by processor {dropped[1]}"
    if foreign := owner_of(one, records.info.elsewhere):
        return f"recorded by {foreign[1]}"
    if records.whole.named(one.kind, one.name):
        return ""
    if other := other_kind(one, records):
        return f"recorded as {other.kind}, not as {one.kind}"
    if names := similar_names(one, records):
        return f"similar: {', '.join(names)}"
    return ""


def how_many(low: int, high: int | None) -> str:
    """Return a count that was expected: ``2``, ``1 to 5``, ``at least 2``."""
    return f"at least {low}" if high is None else f"{low}" if low == high else f"{low} to {high}"


def inventory(records: Sequence[Record], paths: Records, limit: int = 200) -> str:
    """Return what is there: ``etl, etl/load, etl/db.query x3``."""
    counts = Counter(paths.path(r) if r.kind == "span" else label(r, attrs=False) for r in records)
    return shorten(", ".join(name if n == 1 else f"{name} x{n}" for name, n in counts.items()), limit)


def truncated(records: Records) -> list[str]:
    """Return a line that says how many records are missing, if any are."""
    dropped = records.info.dropped
    if not dropped:
        return []
    return [f"incomplete: {plural(dropped, 'record')} did not fit into the recording"]


def _difference(condition: Condition, record: Record, records: Records) -> Difference:
    key = condition.key
    if not condition.is_field and key not in record.attrs:
        close = get_close_matches(key, list(record.attrs), 1)
        hint = f"; similar: {close[0]}" if close else ""
        return Difference(key, written(condition.expected, 60), f"{key} is absent", "but it is absent", hint)
    expected, actual = _pair(condition.expected, condition.actual(record))
    if condition.is_field and record.is_open and key in ("duration", "status", "error"):
        since = opened_at(record, records)
        return Difference(key, expected, since, f"but it is {since}", wanted=f"{key} {expected}")
    if condition.is_field and key == "status" and record.error is not None:
        actual = f"{actual} ({one_line(record.error)})"
    return Difference(key, expected, f"{key} is {actual}", f"got {actual}", _why_no_glob(condition, record))


def _why_no_glob(condition: Condition, record: Record) -> str:
    """Return that a glob can never fit, where that is so: a number looks like text to whoever wrote the pattern."""
    globs = isinstance(condition.expected, str) and is_glob(condition.expected)
    actual = condition.actual(record)
    return "; a glob fits text only" if globs and actual is not None and not isinstance(actual, str) else ""


def _pair(expected: Any, actual: Any, limit: int = 60) -> tuple[str, str]:
    """Return both values in words, cut so that what differs can be seen."""
    one, other = written(expected, 10_000), brief(actual, 10_000)
    if one == other:
        one, other = f"{one} ({type(expected).__name__})", f"{other} ({type(actual).__name__})"
    same = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    start = max(same - limit // 3, 0) if max(len(one), len(other)) > limit else 0
    return _window(one, start, limit), _window(other, start, limit)


def _window(text: str, start: int, limit: int) -> str:
    head = f"...{text[start + 3 :]}" if start > 3 else text
    return shorten(head, limit)
