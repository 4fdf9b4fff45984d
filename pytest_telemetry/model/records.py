"""Records: what was recorded, in start order and as a tree, to be compared with Patterns (layer 0)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from functools import cached_property
from typing import Any, ClassVar, SupportsIndex, overload

from pytest_telemetry.model.matching import found, found_all, matching_records, same_tree
from pytest_telemetry.model.metric import Metric
from pytest_telemetry.model.pattern import InOrder, Item, Pattern
from pytest_telemetry.model.record import Kind, Record
from pytest_telemetry.model.recording import Recording, vacuous
from pytest_telemetry.model.start_order import in_start_order, nearest_parents, parents_of
from pytest_telemetry.model.values import agrees, is_glob
from pytest_telemetry.model.wording import brief, label, plural, shorten

__all__ = ("Recording", "Records", "expectation")


_NOTHING_KNOWN = Recording()


class Records(Sequence[Record]):
    """An immutable sequence of records in start order; a parent comes before what happened inside it.

    ``pattern in records``, ``records == [patterns]`` and ``records >= [patterns]`` assert; see
    ``docs/reference/patterns.md``. Records are told apart by identity.

    Args:
        items: The records, in the order in which they arrived.
        info: What the recorder knows besides.
        ordered: Whether *items* are in start order already.

    Attributes:
        info: What the recorder knows besides.
        whole: The recording that this is a view of; itself if it is no view.
        place: What a view is called in a sentence, such as ``inside 'etl/load'``; empty for a whole recording.
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]  # equality is by content

    def __init__(
        self, items: Iterable[Record], *, info: Recording | None = None, ordered: bool = False
    ) -> None:
        self.info = _NOTHING_KNOWN if info is None else info
        self.whole = self
        self.place = ""
        self._items = tuple(items) if ordered else tuple(in_start_order(list(items)))
        self._record: Record | None = None

    # The sequence

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._items)

    @overload
    def __getitem__(self, key: str) -> Records: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> Record: ...
    @overload
    def __getitem__(self, key: slice) -> Records: ...
    def __getitem__(self, key: str | SupportsIndex | slice) -> Record | Records:
        if isinstance(key, str):
            return self._inside(self._span_at(key))
        if isinstance(key, slice):
            return self._view(self._items[key], "in a slice of the recording")
        if not isinstance(key, SupportsIndex):
            raise TypeError(
                f"{brief(key)} is no place in a recording: that is a path ('etl/load') or an index"
            )
        return self._items[key]

    def count(self, value: Any) -> int:
        """Return how many records *value* describes, with what is inside them; it may also be a Record.

        Raises:
            TypeError: It is neither, or a pattern of several records.
        """
        return self._items.count(value) if isinstance(value, Record) else len(self.find(value))

    def find(self, pattern: Pattern) -> tuple[Record, ...]:
        """Return every record that *pattern* describes, with what is inside it.

        Raises:
            TypeError: The pattern describes several records, or is none.
        """
        if not isinstance(pattern, Pattern):
            raise TypeError(_no_pattern(pattern))
        return tuple(matching_records(pattern, self))

    # The tree

    @property
    def roots(self) -> tuple[Record, ...]:
        """The records that are inside no other one that is here."""
        return tuple(self._children.get(None, ()))

    def children(self, record: Record) -> Sequence[Record]:
        """Return what happened directly inside *record*, in start order."""
        return self._children.get(id(record), ())

    def parent(self, record: Record) -> Record | None:
        """Return the nearest span around *record* that is here."""
        return self._parents.get(id(record))

    def path(self, record: Record) -> str:
        """Return the names of the spans around *record* and its own, joined by ``/``."""
        names = [record.name]
        while (parent := self.parent(record)) is not None:
            names.append(parent.name)
            record = parent
        return "/".join(reversed(names))

    def position(self, record: Record) -> int:
        """Return the place of *record* in start order."""
        return self._positions[id(record)]

    def spans(self) -> Sequence[Record]:
        """Return the spans."""
        return self._by_kind.get("span", ())

    def events(self) -> Sequence[Record]:
        """Return the events."""
        return self._by_kind.get("event", ())

    def logs(self) -> Sequence[Record]:
        """Return the logs."""
        return self._by_kind.get("log", ())

    def measurements(self) -> Sequence[Record]:
        """Return the single measurements of all metrics."""
        return self._by_kind.get("metric", ())

    def named(self, kind: Kind, name: Any) -> list[Record]:
        """Return the records of *kind* whose name agrees with *name*."""
        names = self._by_name.get(kind, {})
        if isinstance(name, str) and not is_glob(name):
            return names.get(name, [])
        agreeing = [group for own, group in names.items() if agrees(name, own)]
        if len(agreeing) <= 1:
            return agreeing[0] if agreeing else []
        return sorted((record for group in agreeing for record in group), key=self.position)

    def names(self, kind: Kind) -> Collection[str]:
        """Return the distinct names of the records of *kind*, first ones first."""
        return self._by_name.get(kind, {}).keys()

    # Views

    @property
    def record(self) -> Record:
        """The one record that ``records["etl/load"]`` stands for.

        Raises:
            LookupError: This is a view of another sort, or none.
        """
        if self._record is None:
            raise LookupError(
                f"{self!r} stands for no single record; choose one by its path: records['etl/load']"
            )
        return self._record

    def view(
        self, scope: Any = None, /, *, source: Any = None, thread: Any = None, stage: str = "output"
    ) -> Records:
        """Return the records whose scope, source and thread agree with what is given.

        Args:
            scope: Dotted path of the open spans and the name; usually a glob.
            source: Where records came from, ``otel`` for one.
            thread: Name of the thread.
            stage: ``call`` for what the code passed, before any processor, with what processors dropped.

        Raises:
            ValueError: *stage* is neither ``call`` nor ``output``.
        """
        if stage not in ("call", "output"):
            raise ValueError(f"stage={stage!r} is no stage of a record: it is 'call' or 'output'")
        asked = {k: v for k, v in (("scope", scope), ("source", source), ("thread", thread)) if v is not None}
        pool = self._at_call if stage == "call" else self
        items = [r for r in pool if all(agrees(v, getattr(r, k)) for k, v in asked.items())]
        words = [f"{key} {brief(value)}" for key, value in asked.items()]
        words += ["stage 'call'"] if stage == "call" else []
        return pool._view(items, f"in the view of {', '.join(words)}" if words else self.place)  # noqa: SLF001 - own family

    def metric(self, name: Any, /, *attributes: Mapping[str, Any], **attrs: Any) -> Metric:
        """Return what the metric *name* measured here, over all series that have the attributes.

        Args:
            name: Text, a glob, or a compiled expression.
            attributes: Mappings, for names that are no keywords.
            attrs: Attributes.
        """
        return Metric(
            self, name, {key: value for part in (*attributes, attrs) for key, value in part.items()}
        )

    # Comparisons

    def __contains__(self, item: object) -> bool:
        if isinstance(item, Pattern):
            __tracebackhide__ = True
            self._require_something(item)
            return found(item, self)
        if isinstance(item, Record):
            return any(record is item for record in self) or item in self._items
        raise TypeError(_no_pattern(item))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Records):
            return self._items == other._items
        items = expectation(other)
        if items is None:
            return isinstance(other, list | tuple) and self._items == tuple(other)
        __tracebackhide__ = True
        if not items:
            return not self
        return self._is_something(same_tree(self, items), other)

    def __ne__(self, other: object) -> bool:
        __tracebackhide__ = True
        if isinstance(other, Pattern | AbstractSet):  # unequal to every recording, which nobody means to say
            raise TypeError(
                f"a recording is compared by != with a list of patterns, not with {brief(other)}; "
                "that something was not recorded is `not in`"
            )
        if expectation(other):
            self._require_something(other)
        return not self == other

    def __ge__(self, other: object) -> bool:
        if isinstance(other, Pattern):
            raise TypeError(f"`>=` takes a list or a set: write [{other!r}], or {other!r} in ...")
        if not isinstance(other, list | tuple | AbstractSet):
            return NotImplemented
        __tracebackhide__ = True
        parts = _patterns(other)
        wanted = [InOrder(parts)] if not isinstance(other, AbstractSet) and len(parts) > 1 else list(parts)
        return self._is_something(found_all(wanted, self), other)

    def __repr__(self) -> str:
        counts = Counter(
            self.path(record) if record.kind == "span" else label(record, attrs=False) for record in self
        )
        names = ", ".join(name if count == 1 else f"{name} x{count}" for name, count in counts.items())
        head = " ".join(part for part in (plural(len(self), "record"), self.place) if part)
        return shorten(f"<{head}{': ' if names else ''}{names}", 199) + ">"

    # What failure texts and the matcher ask for

    def called(self, record: Record) -> Record:
        """Return what the code passed for *record*, before the processors."""
        return self.info.calls.get(id(record), record)

    def was_filtered(self, record: Record) -> bool:
        """Return whether a processor dropped *record*."""
        return id(record) in self._filtered_ids

    def with_filtered(self) -> Records:
        """Return these records and those that a processor dropped."""
        if not self.info.filtered:
            return self
        return self._view(in_start_order([*self, *(record for record, _ in self.info.filtered)]), self.place)

    # Private

    def _view(self, items: Iterable[Record], place: str) -> Records:
        view = Records(items, info=self.info, ordered=True)
        view.whole = self.whole
        view.place = place
        return view

    def _inside(self, span: Record) -> Records:
        found_inside: list[Record] = []
        pending = list(reversed(self.children(span)))
        while pending:
            record = pending.pop()
            found_inside.append(record)
            pending.extend(reversed(self.children(record)))
        view = self._view(sorted(found_inside, key=self.position), f"inside {self.path(span)!r}")
        view._record = span  # noqa: SLF001 - own family
        return view

    def _span_at(self, path: str) -> Record:
        spans = [(self.path(span), span) for span in self.spans()]
        chosen = [span for own, span in spans if own == path]
        chosen = chosen or [span for own, span in spans if agrees(path, own) or _ends_with(own, path)]
        if len(chosen) == 1:
            return chosen[0]
        if chosen:
            candidates = "".join(f"\n  {self.path(span)}  {label(span)}" for span in chosen[:5])
            raise LookupError(
                f"{len(chosen)} spans at {path!r}, expected one; take one of records.find(...):{candidates}"
            )
        paths = list(dict.fromkeys(own for own, _ in spans))
        similar = get_close_matches(path, paths, 3) or [own for own in paths if path in own][:3]
        hint = (
            f"similar: {', '.join(similar)}"
            if similar
            else f"recorded: {shorten(', '.join(paths), 200) or 'no span'}"
        )
        raise LookupError(f"no span at {path!r}; {hint}")

    def _is_something(self, outcome: bool, expected: object) -> bool:  # noqa: FBT001 - what the comparison found
        """Return *outcome*, unless it is true only because nothing was recorded."""
        __tracebackhide__ = True
        if outcome:
            self._require_something(expected)
        return outcome

    def _require_something(self, expected: object) -> None:
        """Refuse to judge where nothing was recorded: an expectation would pass or fail for the wrong reason."""
        __tracebackhide__ = True
        if self or self._record is not None:
            return
        raise AssertionError("\n  ".join(vacuous(expected, self)))

    @cached_property
    def _at_call(self) -> Records:
        passed = [self.called(record) for record in self]
        dropped = [record for record, _ in self.info.filtered] if self.whole is self else []
        view = Records(
            [*passed, *dropped],
            info=Recording(open_origins=self.info.open_origins, silence=self.info.silence),
        )
        view.place = "in the view of stage 'call'"
        return view

    @cached_property
    def _filtered_ids(self) -> frozenset[int]:
        return frozenset(id(record) for record, _ in self.info.filtered)

    @cached_property
    def _positions(self) -> dict[int, int]:
        return {id(record): index for index, record in enumerate(self._items)}

    @cached_property
    def _parents(self) -> dict[int, Record]:
        if self.whole is self:
            return parents_of(self._items)
        return nearest_parents(self._items, self.whole._parents)  # noqa: SLF001 - own family

    @cached_property
    def _children(self) -> dict[int | None, list[Record]]:
        parents = self._parents
        children: dict[int | None, list[Record]] = {}
        for record in self._items:
            parent = parents.get(id(record))
            children.setdefault(None if parent is None else id(parent), []).append(record)
        return children

    @cached_property
    def _by_kind(self) -> dict[str, list[Record]]:
        kinds: dict[str, list[Record]] = {}
        for record in self._items:
            kinds.setdefault(record.kind, []).append(record)
        return kinds

    @cached_property
    def _by_name(self) -> dict[str, dict[str, list[Record]]]:
        names: dict[str, dict[str, list[Record]]] = {}
        for record in self._items:
            names.setdefault(record.kind, {}).setdefault(record.name, []).append(record)
        return names


def expectation(expected: object) -> tuple[Item, ...] | None:
    """Return the items of an expected tree, or None if *expected* is none: a list of patterns and ``...``."""
    if isinstance(expected, list | tuple) and all(
        isinstance(item, Pattern) or item is ... for item in expected
    ):
        return tuple(expected)
    return None


def _no_pattern(item: object) -> str:
    if isinstance(item, list | tuple | AbstractSet):
        return f"{brief(item)} cannot be in a recording: several patterns are asked for with >= and a list or a set"
    example = f"span({brief(item)})" if isinstance(item, str) else "span('load')"
    return f"{brief(item)} cannot be in a recording: ask for a pattern, such as {example}"


def _patterns(expected: Iterable[object]) -> tuple[Pattern, ...]:
    parts: list[Pattern] = []
    for part in expected:
        if not isinstance(part, Pattern):
            raise TypeError(
                f"{brief(part)} is no pattern; recordings are compared with span(...), log(...) and the like"
            )
        parts.append(part)
    if not parts:
        raise ValueError(
            "an empty expectation holds for every recording; `== []` says that nothing was recorded"
        )
    return tuple(parts)


def _ends_with(path: str, end: str) -> bool:
    return path.endswith(f"/{end}") or (is_glob(end) and agrees(f"*/{end}", path))
