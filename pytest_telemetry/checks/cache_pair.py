"""The check that a cache serves on the second look what it missed on the first (layer 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.checks.streaming import Examples, Judgement, StreamingCheck, amount, place_of, shortened
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.values import agrees

if TYPE_CHECKING:
    from pytest_telemetry.model.finding import Place
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import LogLine

__all__ = ("CachePair",)

_WORDS: Final = ("miss", "hit")


class CachePair(StreamingCheck):
    """Lookups of one thing are a miss and then hits: ``ast.cache.miss``, ``ast.cache.hit``, ``ast.cache.hit``.

    Every event or span called ``<name>.miss`` or ``<name>.hit`` whose attributes are these is a lookup. Exactly the
    first one has to be a miss, and there have to be at least two; a lookup that failed (``status`` error) is
    neither, and so it is wrong here.

    Args:
        name: What the names of the records begin with, up to the last dot; ``*`` stands for anything.
        attrs: Which lookups are meant, as ``file="a.py"`` or ``key="..."``; an attribute of that name, or one below
            ``args.``. Without any, all lookups are of one thing.
    """

    id = "cache-pair"
    subject = "cache lookup"

    def __init__(self, name: str = "ast.cache", **attrs: Any) -> None:
        self.name = name
        self.attrs = attrs

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _CachePair(self)

    def picks(self, record: Record) -> str:
        """Return ``miss`` or ``hit`` where *record* is a lookup that is meant, and nothing otherwise."""
        name, _, word = record.name.rpartition(".")
        if record.kind == "metric" or word not in _WORDS or not agrees(self.name, name):
            return ""
        for key, expected in self.attrs.items():
            if not agrees(expected, record.attrs.get(key, record.attrs.get(f"args.{key}"))):
                return ""
        return word


class _CachePair(Judgement):
    def __init__(self, check: CachePair) -> None:
        self._check = check
        self._wrong = 0
        self._examples = Examples()
        self._first: tuple[str, Place | None] = ("", None)

    def add(self, record: Record, line: LogLine | None = None) -> None:
        word = self._check.picks(record)
        if not word:
            return
        expected = "hit" if self.judged else "miss"
        self.judged += 1
        place = place_of(line)
        if self.judged == 1:
            self._first = (shortened(record.name), place)
        if word != expected or record.status == "error":
            self._wrong += 1
            found = "failed" if record.status == "error" else f"was a {word}"
            self._examples.add(f"lookup {self.judged} {found}, not a {expected}", place, command=record.name)

    def findings(self) -> list[Finding]:
        check = self._check
        of = "".join(f", {key}={value!r}" for key, value in check.attrs.items())
        whole = f"{check.name}{of}"
        if self._wrong:
            message = (
                f"{whole}: {self._wrong:,} of {amount(self.judged, 'lookup')} "
                f"{'is' if self._wrong == 1 else 'are'} not as it should be: a miss, then hits only"
            )
            return [Finding(check.id, message, self._wrong, examples=tuple(self._examples))]
        if self.judged == 1:
            only = Examples()
            only.add(f"the only one: {self._first[0]}", self._first[1], command=self._first[0])
            message = f"{whole}: one miss, and nothing was looked up again"
            return [Finding(check.id, message, 1, examples=tuple(only))]
        return []
