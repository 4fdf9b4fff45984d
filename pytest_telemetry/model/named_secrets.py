"""Finds secrets by the name that stands before them in a text: ``password=...``, ``"token": "..."`` (layer 0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.literals import bracket_end, closing_quote
from pytest_telemetry.model.secret_names import digits_of_a_count, rule_of_name, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("find_named", "says_something")

_NAME: Final = r"(?P<name>[A-Za-z_][\w.-]*+)"
_ASSIGNED: Final = re.compile(
    rf"(?<![\w.-])-{{0,2}}{_NAME}(?P<after>[\\\"'\]]{{0,5}})(?P<gap>\s{{0,3}})"
    r"(?P<sign>=>|:=|==?|:)(?P<blank>\s{0,3})"
)
_ARGUMENT: Final = re.compile(
    rf"(?<![\w-])--{_NAME}(?P<after>)(?P<gap>)(?P<sign>[ ])(?P<blank>)(?=[^\s\"'-])"
)
_SCHEME: Final = re.compile(r"(?:bearer|basic|token|digest|negotiate|apikey)\s{1,3}", re.IGNORECASE)
# With the prefix of a literal before it; two of a kind open a text that follows at once, as they do in CSV.
_QUOTE: Final = re.compile(
    r"[bBrRuUfF]{0,2}(?P<quote>\"\"\"|'''|\"\"(?=\w)|''(?=\w)|\\{0,3}[\"'])",
)
_BARE: Final = re.compile(r"[^\s\"'\\,;&<>(){}\[\]]*")
_LINE: Final = re.compile(r"[^\r\n\"'\\]*")
_LINE_BEGINS: Final = re.compile(r"[^\r\n\"'\\]{0,4096}")

# What is looked up in brackets (`os.environ["TOKEN"]`), and brackets that hold a text.
_LOOKED_UP: Final = re.compile(r"(?:self|cls|os|config|settings|args|env|request|process)(?:\.[\w.]*)?")
_BRACKETS: Final = ("(", "[", "{")
_QUOTED_INSIDE: Final = re.compile(r"[(\[{][^()\[\]{}\"']{0,64}[\"']")

# `API key: ...`: the name begins in the words before.
_WORDS_BEFORE: Final = re.compile(r"(?:[A-Za-z]+ ){1,2}$")
_LAST_WORD: Final = re.compile(r"(?:key|code|token)s?|string|number|address|name|birth", re.IGNORECASE)

# What stands where a secret would, and says only that there is one, or none: a mask, words or a mask in brackets, an
# object without a text, a variable, a place in a template, brackets with nothing in them.
_MASK: Final = r"\*+|[xX]{3,}|\.{3,}"
_WORDS: Final = r"[^\W\d]+(?:[ -][^\W\d]+)*"
_STAND_IN: Final = re.compile(
    rf"\[REDACTED:[\w.-]+\]|{_MASK}|[<\[(](?:{_MASK}|{_WORDS})[>\])]|\w*[(\[][\"'](?:{_MASK})[\"'][)\]]"
    r"|<[^\W\d][\w. ]* at 0x[0-9A-Fa-f]+>"
    r"|\$|\$[A-Z_][A-Z0-9_]*|\$\{[\w.]*\}|\$\{\{[\w. ]*\}\}|\$\([\w ./-]*\)|\{ ?[\w.]*(?:![rsa])? ?\}|\{\{[\w. ]*\}\}"
    r"|%|%s|%\(\w+\)s?|[\s()\[\]{}<>\"'\\]+"
    r"|(?:self|cls|os|config|settings|args|env|request|process)\.[A-Za-z_][\w.]*"
)
_STATE: Final = re.compile(
    r"none|null|nil|true|false|yes|no|on|off|(?:un)?set|undefined|missing|absent|present|empty|required|optional"
    r"|enabled|disabled|valid|invalid|expired|revoked|unknown|anonymous|default|redacted|masked|hidden|filtered|removed"
    r"|basic|bearer|digest|oauth2?|jwt|token|password|string|str|int|bytes|ok|error|failed",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"[+-]?(?P<whole>0|[1-9]\d*|[1-9]\d{0,2}(?:[,_]\d{3})+)(?:\.\d*)?")
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

    A placeholder, a mask, a state (``expired``) and a number of things are not, also behind a scheme (``Bearer ***``).
    """
    if len(value) > _LONGEST_STATE:
        return True
    value = value.strip()
    if not value or _STATE.fullmatch(value) or value.lower().lstrip("$") == name.lower():
        return False
    scheme = _SCHEME.match(value)
    if _STAND_IN.fullmatch(value, 0 if scheme is None else scheme.end()):
        return False
    number = _NUMBER.fullmatch(value)
    return number is None or len(re.sub("[,_]", "", number["whole"])) > digits_of_a_count(name)


def _find(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, int, str]]:
    position = 0
    while match := pattern.search(text, position):
        position = match.end()
        rule = _rule(text, match)
        if rule is None:
            continue
        start, end, is_bare = _value(text, match)
        if is_bare:
            if match["blank"] and _is_prose(text, match, rule, start, end):
                continue
            end = _bare_end(text, match["name"], start, end)
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
    """Return where the value begins and ends that follows a name, and whether all known of it is its first bare word."""
    start = match.end()
    quote = _QUOTE.match(text, start)
    if quote is not None:
        opening, start = quote["quote"], quote.end()
        closing = closing_quote(text, start, opening)
        if closing < 0 and opening in {'"""', "'''"}:  # doubled ones at the beginning of the text
            start -= 2
            closing = closing_quote(text, start, opening[0])
        if closing >= 0:
            return start, closing, False
    has_cookies = words_of(match["name"]).endswith(("cookie", "cookies"))
    if has_cookies and "=" in text[start : _end(_LINE_BEGINS, text, start)]:
        return start, _end(_LINE, text, start), False
    scheme = _SCHEME.match(text, start)
    start = start if scheme is None else scheme.end()
    return start, _end(_BARE, text, start), True


def _is_prose(text: str, match: re.Match[str], rule: str, start: int, end: int) -> bool:
    """Tell whether the bare word behind a name and a blank goes on with a sentence, or with code."""
    if match["sign"] == "=":
        return not match["gap"]  # nothing is assigned
    if match["sign"] != ":":
        return False
    word = text[start:end]
    is_member = match["after"] != ""  # its name is in quotes
    if not is_member and (rule == "personal" or (not word and text.startswith("(", end))):
        return True
    is_word = word.isalpha() or (rule == "personal" and word.isidentifier())
    return is_word and not _QUOTED_INSIDE.match(text, end)


def _bare_end(text: str, name: str, start: int, end: int) -> int:
    """Return where a value ends whose first word ends at *end*: behind the brackets in which it goes on, if any.

    That is at *start* where it is only looked up there.
    """
    if text.startswith(_BRACKETS, end):
        word = text[start:end]
        if _LOOKED_UP.fullmatch(word):
            return start
        if not word or says_something(name, word) or _QUOTED_INSIDE.match(text, end):
            while text.startswith(_BRACKETS, end):
                end = _end(_BARE, text, bracket_end(text, end))
    return end - _stops(text[max(start, end - 8) : end])


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return start if match is None else match.end()


def _stops(text: str) -> int:
    return len(text) - len(text.rstrip(".:!?"))
