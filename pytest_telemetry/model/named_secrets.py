"""Finds secrets by the name that stands before them in a text: ``password=...``, ``"token": "..."`` (layer 0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.secret_names import may_be_number, rule_of_name, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("find_named", "says_something")

_NAME: Final = r"(?P<name>[A-Za-z_][\w.-]*+)"
_ASSIGNED: Final = re.compile(
    rf"(?<![\w.-])-{{0,2}}{_NAME}[\\\"'\]]{{0,5}}(?P<gap>\s{{0,3}})(?P<sign>=>|:=|==?|:)(?P<blank>\s{{0,3}})"
)
_ARGUMENT: Final = re.compile(rf"(?<![\w-])--{_NAME}(?P<gap>)(?P<sign>[ ])(?P<blank>)(?=[^\s\"'-])")
_SCHEME: Final = re.compile(r"(?:bearer|basic|token|digest|negotiate|apikey)\s{1,3}", re.IGNORECASE)
_QUOTE: Final = re.compile(r"\\{0,3}[\"']")
_BARE: Final = re.compile(r"[^\s\"'\\,;&<>(){}\[\]]*")
_LINE: Final = re.compile(r"[^\r\n\"'\\]*")
_LINE_BEGINS: Final = re.compile(r"[^\r\n\"'\\]{0,4096}")

# `API key: ...`: the name begins in the words before.
_WORDS_BEFORE: Final = re.compile(r"(?:[A-Za-z]+ ){1,2}$")
_LAST_WORD: Final = re.compile(r"(?:key|code|token)s?|string|number|address|name|birth", re.IGNORECASE)

# What stands where a secret would, and says only that there is one, or none.
_STAND_IN: Final = re.compile(
    r"\*+|[xX]{3,}|\.{3,}|\[[^\]]*\]|<[^>]*>|\$\{?\w*\}?|\{[\w.]*\}|%\(?\w*\)?s?"
    r"|(?:self|cls|os|config|settings|args|env|request|process)\.[A-Za-z_][\w.]*"
)
_STATE: Final = re.compile(
    r"none|null|nil|true|false|yes|no|on|off|(?:un)?set|undefined|missing|absent|present|empty|required|optional"
    r"|enabled|disabled|valid|invalid|expired|revoked|unknown|anonymous|default|redacted|masked|hidden|filtered|removed"
    r"|basic|bearer|digest|oauth2?|jwt|token|password|string|str|int|bytes|ok|error|failed",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"[+-]?[\d_.,]+")
_LONGEST_STATE: Final = 200


def find_named(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where in *text* a value begins and ends whose name says that it is secret or personal, and which.

    Assignments, members of JSON and Python literals, headers, settings, query strings, and arguments of commands. In
    a sentence (``password: forgotten``) a bare word of letters is none.
    """
    if ":" in text or "=" in text:
        yield from _find(text, _ASSIGNED)
    if "--" in text:
        yield from _find(text, _ARGUMENT)


def says_something(name: str, value: str) -> bool:
    """Tell whether *value* under *name* may be what the name says.

    A placeholder, a mask, a state (``expired``) and a number of things are not.
    """
    if len(value) > _LONGEST_STATE:
        return True
    value = value.strip()
    if not value or _STATE.fullmatch(value) or value.lower() == name.lower() or _STAND_IN.fullmatch(value):
        return False
    return _NUMBER.fullmatch(value) is None or may_be_number(name)


def _find(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, int, str]]:
    position = 0
    while match := pattern.search(text, position):
        position = match.end()
        rule = _rule(text, match)
        if rule is None:
            continue
        start, end, quoted = _value(text, match)
        if match["blank"] and not quoted:
            if match["sign"] == ":" and (rule == "personal" or text[start:end].isalpha()):
                continue  # a sentence
            if match["sign"] == "=" and not match["gap"]:
                continue  # nothing is assigned; what follows is the next word
        if says_something(match["name"], text[start:end]):
            yield start, end, rule
            position = end


def _rule(text: str, match: re.Match[str]) -> str | None:
    name = match["name"]
    rule = rule_of_name(name)
    if rule is None and _LAST_WORD.fullmatch(name):
        before = _WORDS_BEFORE.search(text, max(match.start() - 24, 0), match.start())
        rule = None if before is None else rule_of_name(before[0] + name)
    return rule


def _value(text: str, match: re.Match[str]) -> tuple[int, int, bool]:
    """Return where the value begins and ends that follows a name, and whether it stands between quotes."""
    start = match.end()
    quote = _QUOTE.match(text, start)
    if quote is not None:
        start = quote.end()
        closing = text.find(quote[0], start)
        if closing >= 0:
            return start, closing, True
    has_cookies = words_of(match["name"]).endswith(("cookie", "cookies"))
    if has_cookies and "=" in text[start : _end(_LINE_BEGINS, text, start)]:
        return start, _end(_LINE, text, start), False
    scheme = _SCHEME.match(text, start)
    start = start if scheme is None else scheme.end()
    end = _end(_BARE, text, start)
    return start, end - _stops(text[max(start, end - 8) : end]), False


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return start if match is None else match.end()


def _stops(text: str) -> int:
    return len(text) - len(text.rstrip(".:!?"))
