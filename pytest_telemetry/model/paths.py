"""Tells absolute paths from everything else that begins with a slash, and where they end (layer 0).

What might as well be a slash command, a route or a regular expression of one segment is let pass: a check that
cries wolf is switched off. Everything here takes time in proportion to the text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.encodings import Reading, decoded, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = (
    "BESIDE",
    "ENCODED",
    "LINK",
    "ROUTES",
    "absolute_spans",
    "find_absolute",
    "follows_method",
    "path_end",
    "read_plainly",
    "starts_absolute",
    "strings_in",
)

ROUTES: Final = ("http.route", "http.target", "url.full", "url.path", "url.template")
"""Fields that hold paths of a server, by the names of the OpenTelemetry semantic conventions."""

# Alone, a segment is a path only where it can hardly be anything else: `/run`, `/dev` and `/app` are commands too.
_ROOTS: Final = "Applications|Library|System|Users|Volumes|etc|home|mnt|opt|private|proc|root|srv|sys|tmp|usr|var|workspaces"
_ROOTS_OF_MORE: Final = (
    f"{_ROOTS}|app|bin|boot|builds|code|data|dev|github|lib|lib64|media|nix|run|sbin|snap|workspace"
)

# What no segment of a path is expected to hold: `/^a$/`, `/* x */` and `/{id}` are no paths.
_MARKS: Final = r":\"'<>|*?,;()\[\]{}$^`=&#\u201c\u201d\xab\xbb"
_SEGMENT: Final = rf"[^/\\\s{_MARKS}]+"
_NOT_POSIX: Final = r"[Ff][Ii][Ll][Ee]:/|[A-Za-z]:[\\/]|\\\\[^\\/\s]+[\\/]"

_START: Final = re.compile(_NOT_POSIX)
_POSIX_START: Final = re.compile(rf"(?P<slashes>//?)(?P<first>{_SEGMENT})(?P<more>/?)")
_ROOT: Final = re.compile(_ROOTS)

# What may stand before a path inside a text. Not a letter (`a/b`, `https://host/a`), not `.`, `~`, `}` or `>`
# (`./a`, `~/a`, `${X}/a`, `<removed>/a`).
_BEFORE: Final = r"""(?:^|(?<=[\s"'`=:,;(\[{<|\u201c\u201d\u201e\u2018\u2019\xab\xbb]))"""
BESIDE: Final = r"""(?:(?<=[\s"'=]-[A-Za-z])|(?<=^-[A-Za-z])|(?<=[\s"'=]@)|(?<=:///)|(?<=://))"""
"""Regular expression of what may stand right before a path that is known to be one: `-I`, `@`, `sqlite:///`."""
_KNOWN: Final = rf"""/(?:{_ROOTS})(?=[\s"'`,;:)\]}}|]|\.?(?:\s|$))|/(?:{_ROOTS_OF_MORE})/{_SEGMENT}"""
ENCODED: Final = re.compile(
    rf"%2[Ff](?:{_ROOTS})%2[Ff]|[A-Za-z](?:%3[Aa]|:)(?:%5[Cc]|%2[Ff]Users%2[Ff])|%5[Cc]%5[Cc][^%\s]+%5[Cc]"
)
"""How a path begins that is percent-encoded as a whole."""
_PATTERN: Final = rf"""{_BEFORE}
    (?: (?:{_NOT_POSIX})[^\s"']
      | (?P<posix> {_KNOWN} | (?P<long> /(?:{_SEGMENT}/)+{_SEGMENT} ))
    )
    | {BESIDE} (?: (?:{_NOT_POSIX})[^\s"'] | {_KNOWN} )
    | (?<=>)/(?:Users|home)/{_SEGMENT}"""
_INSIDE: Final = re.compile(_PATTERN, re.VERBOSE)
_INSIDE_ENCODED: Final = re.compile(rf"{_PATTERN} | {_BEFORE}(?:{ENCODED.pattern})", re.VERBOSE)
LINK: Final = "://file"
"""What stands before the slash with which a path begins in a link to an editor, `vscode://file/home/ada/a.py`."""
# What is read as something else: a slash that JSON escapes; and as a boundary, what may stand before a path as escapes
# of a terminal and of line ends do, and `://file` in links to editors.
_READ_AS: Final = re.compile(
    r"\\{1,2}/|(?:\x1b|\\(?:u00|x)1[bB])\[[\d;]*[A-Za-z]|\\[nrt](?=\\{0,2}/)"
    rf"|(?<!http)(?<!https)(?<!file){LINK}/?(?=/(?:{_ROOTS})/|[A-Za-z]:)"
)
_BOUNDARY: Final = "|"
_WITHOUT_STRINGS: Final = frozenset({bool, float, int, type(None)})
_EXTENSION: Final = re.compile(r"\w\.\w{1,8}\.?")
_REQUEST: Final = re.compile(r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)[\s|]+$")
_LONGEST_REQUEST: Final = 16

# How a path begins and goes on. A backslash ends a POSIX path: in a text it is the beginning of an escape.
_WINDOWS: Final = re.compile(r"\\\\+(?:[?.]\\+)?(?:[A-Za-z]:(?=[\\/]))?|[A-Za-z]:(?=[\\/]|%[25])")
_URI: Final = re.compile(r"[Ff][Ii][Ll][Ee]:/+(?:[A-Za-z]:(?=/))?")
_REST: Final = re.compile(rf"[^\\\s{_MARKS}]*")
_WINDOWS_REST: Final = re.compile(rf"[^\s{_MARKS}]*")

# Where a blank is part of a path: in a name of a person, in names like `Program Files (x86)`, and between quotes.
_WORD: Final = rf"[^/\\\s{_MARKS}]"
_NAME_WORDS: Final = re.compile(rf"(?: (?!-){_WORD}{{1,64}}){{1,3}}(?=[/\\])")
_TITLE_WORDS: Final = re.compile(
    rf"(?: (?:[A-Z0-9]{_WORD}{{0,64}}|\([\w ]{{1,20}}\)|and|of|for|-)){{1,4}}(?=[/\\])"
)
_SLASHES: Final = re.compile(r"[/\\]+")
_QUOTED_REST: Final = re.compile(rf"[^\r\n\t{_MARKS}]+")


def starts_absolute(text: str) -> bool:
    r"""Tell whether *text* begins with an absolute path.

    True for ``/a/b``, ``C:\a``, ``c:/a``, ``\\server\share`` and ``file:`` URIs in any case. A slash and a single
    segment is a path if it holds a dot (``/setup.py``) or is a known root (``/tmp``); otherwise it is taken for a
    slash command (``/wo-start``), also when arguments follow.
    """
    if _START.match(text):
        return True
    posix = _POSIX_START.match(text)
    if posix is None:
        return False
    if posix["more"]:
        return True
    if posix["slashes"] == "//":  # a comment; a share has a second segment
        return False
    return "." in posix["first"].strip(".") or _ROOT.fullmatch(posix["first"]) is not None


def find_absolute(text: str) -> str | None:
    """Return the first absolute path at the start of or inside *text*, from where it begins, or None.

    Inside a text the rule is stricter, because words and routes hold slashes too: a known root (``/home/...``),
    or at least two segments of which the last has an extension (``/abs/a.py``), not right after an HTTP method.
    """
    for start, _ in _spans(text):
        return text[start:]
    return None


def absolute_spans(text: str) -> list[tuple[int, int]]:
    """Return where each absolute path in *text* begins and ends, in order, without overlaps.

    What is a path is what `find_absolute` says; where it ends is what `path_end` says.
    """
    return list(_spans(text))


def read_plainly(text: str) -> Reading | None:
    r"""Return *text* with the slashes that JSON escapes (``\/``) as such, and escapes of a terminal as boundaries.

    Boundaries are line ends as escapes before a slash and the ``://file`` of links to editors, too. None where there
    is nothing of that.
    """
    if ("\\" in text or "\x1b" in text or LINK in text) and _READ_AS.search(text):
        return decoded(whole(text), _READ_AS, _read_as)
    return None


def _read_as(encoded: str) -> Iterator[tuple[str, int]]:
    yield "/" if encoded[0] == "\\" and encoded[-1] == "/" else _BOUNDARY, len(encoded)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    if "/" not in text and "\\" not in text and "%2" not in text and "%5" not in text:
        return
    reading = read_plainly(text)
    if reading is None:
        yield from _plain_spans(text, is_absolute=starts_absolute(text))
        return
    is_absolute = starts_absolute(text) and starts_absolute(reading.text)
    for start, end in _plain_spans(reading.text, is_absolute=is_absolute):
        yield reading.span(start, end)


def _plain_spans(text: str, *, is_absolute: bool) -> Iterator[tuple[int, int]]:
    inside = _INSIDE_ENCODED if "%" in text else _INSIDE
    position = 0
    if is_absolute:
        position = path_end(text, 0)
        yield 0, position
    while match := inside.search(text, position):
        start, position = match.span()
        if match["posix"] and follows_method(text, start):
            continue
        if match["long"] and not _EXTENSION.search(match["long"].rpartition("/")[2]):
            continue
        position = path_end(text, start)
        yield start, position


def follows_method(text: str, start: int) -> bool:
    """Tell whether the method of an HTTP request stands right before *start*: what follows is a path of a server."""
    return _REQUEST.search(text, max(start - _LONGEST_REQUEST, 0), start) is not None


def path_end(text: str, start: int, known: int = 0) -> int:
    r"""Return where the path that begins at *start* ends; *known* is how far it is known to reach.

    It ends before white space, quotes, brackets, ``: , ; = & # * ? $ ^ < > |`` and before a full stop that ends a
    sentence. A blank belongs to it in the name of a person (``/Users/Ada B/x``), between words with capitals
    (``C:\Program Files\x``), and where the path stands alone between quotes.
    """
    prefix = _WINDOWS.match(text, start)
    rest = _REST if prefix is None else _WINDOWS_REST
    prefix = prefix or _URI.match(text, start)
    end = max(known, start if prefix is None else prefix.end())
    quote = text[start - 1 : start]
    while True:
        end = _reach(rest, text, end)
        if not text.startswith(" ", end):
            break
        if quote in {'"', "'", "`"} and (closing := _closing(text, end, quote)):
            return closing
        words = _words(text, start, end)
        if words == end:
            break
        end = words
    if text[end - 1] == "." and end - 1 > start and text[end - 2] not in "./\\":
        following = text[end : end + 1]
        return end - 1 if not following or following.isspace() or following in "\"'`)]}" else end
    return end


def _reach(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return position if match is None else match.end()


def _closing(text: str, end: int, quote: str) -> int:
    """Return where the quote is that closes what goes on after *end*, or 0 if that is no single path."""
    reach = _reach(_QUOTED_REST, text, end)
    rest = text[end:reach]
    return reach if text.startswith(quote, reach) and " -" not in rest and " /" not in rest else 0


def _words(text: str, start: int, end: int) -> int:
    """Return the end of the words after *end* that belong to its last segment, or *end*."""
    *above, last = _SLASHES.split(text[max(start, end - 200) : end])
    if not last or not above:
        return end
    if above[-1] in {"Users", "home"}:
        return _reach(_NAME_WORDS, text, end)
    return _reach(_TITLE_WORDS, text, end) if last[0].isupper() and "." not in last else end


def strings_in(value: Any, field: str) -> Iterator[tuple[str, str]]:
    """Yield every string in *value* with the field it stands in: nested values, path objects and keys.

    *field* names *value* itself; members are ``field.key``, items of sequences are ``field``, keys are
    ``field.*``. A key that is an absolute path is ``*`` in the names below it. A container that is reached
    twice, or that holds itself, is read once.
    """
    seen: set[int] = set()
    queue = [(field, value)]
    for name, item in queue:
        kind = type(item)
        if kind is str:
            yield name, item
        elif kind in _WITHOUT_STRINGS:
            continue
        elif isinstance(item, (str, os.PathLike)):
            yield name, os.fsdecode(item)
        elif isinstance(item, (Mapping, list, tuple, AbstractSet)) and id(item) not in seen:
            seen.add(id(item))
            if not isinstance(item, Mapping):
                queue.extend((name, member) for member in item)
                continue
            prefix = f"{name}." if name else ""
            for key, member in item.items():
                label = key if type(key) is str else str(key)
                if isinstance(key, (str, os.PathLike)):
                    yield f"{prefix}*", label
                    if find_absolute(label):
                        label = "*"
                queue.append((prefix + label, member))
