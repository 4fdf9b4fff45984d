"""Finds secrets and personal data in any value, and puts marks in their place (layer 0).

What is recognised is a table in ``docs/reference/processors.md``. Everything takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.model.encodings import of_base64, readings
from pytest_telemetry.model.named_secrets import find_named, says_something
from pytest_telemetry.model.personal import find_addresses, find_personal
from pytest_telemetry.model.rewriting import rewritten, rewritten_record
from pytest_telemetry.model.secret_names import digits_of_a_count, names_of, rule_of_name, words_of
from pytest_telemetry.model.secret_patterns import find_credentials

if TYPE_CHECKING:
    from pytest_telemetry.model.record import Record

__all__ = ("Note", "SecretRules", "Span", "mark")

Span: TypeAlias = tuple[int, int, str]
"""Where something begins and ends in a text, and the rule that found it."""

Note: TypeAlias = Callable[[str, str, Any], object]
"""Told of the field, the rule, and what was found there."""

_MARK: Final = re.compile(r"\[REDACTED:[\w.-]+\]")
_RULE: Final = re.compile(r"[\w.-]+")
_SHORTEST: Final = 5
_ROUNDS: Final = 6
_LAYERS: Final = 2  # base64 inside base64
_KNOWN: Final = 512
_KNOWN_LENGTH: Final = 256
_VERSION: Final = re.compile(r"(?:.* )?(?:version|release|build|firmware|revision)")


def mark(rule: str) -> str:
    """Return what stands in place of what *rule* found."""
    return f"[REDACTED:{rule}]"


class SecretRules:
    """What counts as a secret or as personal data.

    Args:
        allow: Texts and regular expressions; what was found and is one of them, or fits one as a whole, is let pass.
        allow_keys: Names of keys under which everything is let pass, in any case and with any separators, alone or
            behind a dot.
        rules: Further rules by name, each a regular expression; where it has a group, the first one is what is
            found. Time in proportion to the text is the author's to keep.
        private_addresses: Whether IP addresses of private networks and loopback count.

    Raises:
        ValueError: The name of a rule is not made of letters, digits, ``-``, ``_`` and ``.``.
    """

    def __init__(
        self,
        *,
        allow: Iterable[str | re.Pattern[str]] = (),
        allow_keys: Collection[str] = (),
        rules: Mapping[str, str | re.Pattern[str]] | None = None,
        private_addresses: bool = False,
    ) -> None:
        allowed = list(allow)
        self._texts = frozenset(text for text in allowed if isinstance(text, str))
        self._patterns = [pattern for pattern in allowed if isinstance(pattern, re.Pattern)]
        self._keys = frozenset(map(words_of, allow_keys))
        self._rules = {name: re.compile(pattern) for name, pattern in (rules or {}).items()}
        self._private = private_addresses
        self._shortest = 1 if self._rules else _SHORTEST
        # Texts without a secret: most of what is recorded was there before.
        self._clean: set[tuple[str, bool]] = set()
        for name in self._rules:
            if not _RULE.fullmatch(name):
                raise ValueError(
                    f"rule {name!r}: use letters, digits, '-', '_' and '.' in the name of a rule"
                )

    def find(self, text: str, key: str = "") -> list[Span]:
        """Return what is found in *text*, in order, without overlaps; *key* names what it belongs to.

        Marks are left out of account, and so is what stands on the other side of one.
        """
        is_version = _names_version(key[-40:])
        known = text, is_version
        if known in self._clean:
            return []
        spans = self._find(text, _LAYERS, is_version=is_version)
        if not spans and len(text) <= _KNOWN_LENGTH:
            if len(self._clean) >= _KNOWN:
                self._clean.clear()
            self._clean.add(known)
        return spans

    def redacted_text(
        self, text: str, key: str = "", note: Callable[[str, str], object] | None = None
    ) -> str:
        """Return *text* with a mark in place of everything that is found; the same object where nothing is.

        *note* is told of the rule and the text of everything that is found. Redacting again changes nothing.
        """
        for _ in range(_ROUNDS):
            spans = self.find(text, key)
            if not spans:
                return text
            if note is not None:
                for start, end, rule in spans:
                    note(rule, text[start:end])
            text = _marked(text, spans)
        return mark("text")  # marks kept bringing something to light

    def redacted(self, value: Any, *, field: str = "", note: Note | None = None) -> Any:
        """Return any value with everything that is found replaced, as `rewritten` does it.

        What stands under a key whose name says that it is secret or personal is replaced as a whole.
        """
        return rewritten(value, *self._acts(note), field=field)

    def redacted_record(self, record: Record, *, note: Note | None = None) -> Record:
        """Return *record* with everything that is found replaced, as `rewritten_record` does it."""
        return rewritten_record(record, *self._acts(note))

    def _acts(
        self, note: Note | None
    ) -> tuple[Callable[[str, str], str], Callable[[str, Any, str], tuple[Any, bool]]]:
        def change(text: str, field: str) -> str:
            told = None if note is None else lambda rule, found: note(field, rule, found)
            return self.redacted_text(text, field.rpartition(".")[2], told)

        def cover(key: str, value: Any, field: str) -> tuple[Any, bool]:
            if self._keys and not self._keys.isdisjoint(names_of(key)):
                return value, False
            rule = None if _MARK.search(key) else rule_of_name(key)  # a key that was redacted is no name
            is_allowed = isinstance(value, str) and self._is_allowed(value)
            if rule is None or is_allowed or not _is_one(key, value):
                return value, True
            if note is not None:
                note(field, rule, value)
            return mark(rule), False

        return change, cover

    def _find(self, text: str, layers: int, *, is_version: bool) -> list[Span]:
        spans: list[Span] = []
        position = 0
        for match in _MARK.finditer(text):
            spans += self._between(text, position, match.start(), layers, is_version=is_version)
            position = match.end()
        spans += self._between(text, position, len(text), layers, is_version=is_version)
        return spans

    def _between(self, text: str, start: int, end: int, layers: int, *, is_version: bool) -> list[Span]:
        part = text[start:end] if end - start < len(text) else text
        if len(part) < self._shortest:
            return []
        found = [
            (*reading.span(first, last), rule)
            for reading in readings(part)
            for first, last, rule in self._in_plain(reading.text, is_version=is_version)
            if not self._is_allowed(reading.text[first:last])
        ]
        spans = [span for span in _apart(found) if not self._is_allowed(part[span[0] : span[1]])]
        if not spans and layers and (inner := of_base64(part)):
            hidden = self._find(inner, layers - 1, is_version=is_version)
            spans = [(0, len(part), rule) for _, _, rule in hidden[:1]]
        return [(start + first, start + last, rule) for first, last, rule in spans]

    def _in_plain(self, text: str, *, is_version: bool) -> Iterable[Span]:
        yield from find_credentials(text)
        yield from find_named(text)
        yield from find_personal(text)
        if not is_version:
            yield from find_addresses(text, private=self._private)
        for name, pattern in self._rules.items():
            for match in pattern.finditer(text):
                start, end = match.span(1 if pattern.groups else 0)
                if start < end:
                    yield start, end, name

    def _is_allowed(self, text: str) -> bool:
        return text in self._texts or any(pattern.fullmatch(text) for pattern in self._patterns)


@lru_cache(maxsize=1_024)
def _names_version(key: str) -> bool:
    """Tell whether four numbers under *key* are a version and no address."""
    return _VERSION.fullmatch(words_of(key)) is not None


def _is_one(key: str, value: Any) -> bool:
    """Tell whether *value* may be what the name of its *key* says."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, (int, float)):
        digits = digits_of_a_count(key)
        return not digits or _size(value) >= 10**digits
    if isinstance(value, str):
        return says_something(key, value)
    if isinstance(value, (Mapping, list, tuple, set, frozenset, bytes, bytearray)):
        return len(value) > 0
    return True


def _size(value: float) -> float:
    # Not by `abs`: subclasses may do what they like.
    return int.__abs__(value) if isinstance(value, int) else float.__abs__(value)


def _apart(spans: list[Span]) -> list[Span]:
    """Return *spans* in order, those that overlap made one, by the rule of the one that begins first."""
    apart: list[Span] = []
    for start, end, rule in sorted(spans, key=lambda span: (span[0], -span[1])):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], end), apart[-1][2])
        else:
            apart.append((start, end, rule))
    return apart


def _marked(text: str, spans: list[Span]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, rule in spans:
        pieces += text[position:start], mark(rule)
        position = end
    return "".join((*pieces, text[position:]))
