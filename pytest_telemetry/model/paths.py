"""Tells absolute paths from everything else that begins with a slash (layer 0).

What might as well be a slash command, a route or a regular expression of one segment is let pass: a check that
cries wolf is switched off.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("find_absolute", "starts_absolute", "strings_in")

# Alone, a segment is a path only where it can hardly be anything else: `/run`, `/dev` and `/app` are commands too.
_ROOTS: Final = "Applications|Library|System|Users|Volumes|etc|home|mnt|opt|private|proc|root|srv|sys|tmp|usr|var|workspaces"
_ROOTS_OF_MORE: Final = (
    f"{_ROOTS}|app|bin|boot|builds|code|data|dev|github|lib|lib64|media|nix|run|sbin|snap|workspace"
)

# What no segment of a path is expected to hold: `/^a$/`, `/* x */` and `/{id}` are no paths.
_SEGMENT: Final = r"[^/\\\s:\"'<>|*?,;()\[\]{}$^`=&#]+"
_NOT_POSIX: Final = r"[Ff][Ii][Ll][Ee]:/|[A-Za-z]:[\\/]|\\\\[^\\/\s]+[\\/]"

_START: Final = re.compile(_NOT_POSIX)
_POSIX_START: Final = re.compile(rf"(?P<slashes>//?)(?P<first>{_SEGMENT})(?P<more>/?)")
_ROOT: Final = re.compile(_ROOTS)

# What may stand before a path inside a text. Not a letter (`a/b`, `https://host/a`), not `.`, `~`, `}` or `>`
# (`./a`, `~/a`, `${X}/a`, `<removed>/a`).
_INSIDE: Final = re.compile(
    rf"""(?:^|(?<=[\s"'`=:,;(\[{{<|]))
    (?: (?:{_NOT_POSIX})[^\s"']
      | (?P<posix> /(?:{_ROOTS})(?=[\s"'`,;:)\]}}|]|\.?(?:\s|$))
                 | /(?:{_ROOTS_OF_MORE})/{_SEGMENT}
                 | (?P<long> /(?:{_SEGMENT}/)+{_SEGMENT} ))
    )""",
    re.VERBOSE,
)
_WITHOUT_STRINGS: Final = frozenset({bool, float, int, type(None)})
_EXTENSION: Final = re.compile(r"\w\.\w{1,8}\.?")
_REQUEST: Final = re.compile(r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\s+$")


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
    if "/" not in text and "\\" not in text:
        return None
    if starts_absolute(text):
        return text
    for match in _INSIDE.finditer(text):
        if match["posix"] and _REQUEST.search(text, 0, match.start()):
            continue
        if match["long"] and not _EXTENSION.search(match["long"].rpartition("/")[2]):
            continue
        return text[match.start() :]
    return None


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
                    if ("/" in label or "\\" in label) and find_absolute(label):
                        label = "*"
                queue.append((prefix + label, member))
