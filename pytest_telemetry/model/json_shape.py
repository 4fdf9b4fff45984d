"""What a JSON reader does not tell: how deep a value is, and which keys stood twice in one object (layer 0)."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = (
    "DEEP",
    "DEEPEST",
    "keys_and_depth",
    "may_repeat_keys",
    "noting_twice",
    "read_with_care",
    "repeated_keys",
    "shape_of",
    "twice_problems",
)

DEEPEST: Final = 500
"""Levels that are read; with more, every reader fails at a depth of its own."""

DEEP: Final = 65
"""Levels that every check looks at, those of the object of a line and of its attributes included."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][\w.-]{0,39}", re.ASCII)
_SHOWN: Final = 10


def keys_and_depth(value: Any) -> tuple[int, int]:
    """Return how many keys all objects in *value* have together, and how many containers lie in each other.

    Level by level, so that no depth is too deep; below `DEEPEST` it stops.
    """
    keys = depth = 0
    level = [value] if type(value) is dict or type(value) is list else []
    while level and depth <= DEEPEST:
        depth += 1
        inner = []
        for container in level:
            members: Iterable[Any] = container
            if type(container) is dict:
                keys += len(container)
                members = container.values()
            for member in members:
                kind = type(member)
                if kind is dict or kind is list:
                    inner.append(member)
        level = inner
    return keys, depth


def may_repeat_keys(text: bytes, keys: int) -> bool:
    """Tell whether in the JSON *text* of a value with that many *keys* a key may stand twice in one object.

    False is certain. Where each key is followed by a colon at once, as nearly everybody writes it, the ends of keys
    are counted: a quote and a colon, less those where the quote is escaped inside a text. Whatever else could be the
    end of a key, and texts that look like one, make the answer True, and cost whoever asks a second reading.
    """
    ends = text.count(b'":')
    if ends > keys and b'\\\\":' not in text:
        ends -= text.count(b'\\":')
    # one byte is looked for much faster than two
    return (
        ends != keys
        or b" :" in text
        or (b"\t" in text and b"\t:" in text)
        or (b"\r" in text and b"\r:" in text)
        or (b"\n" in text and b"\n:" in text)
    )


def noting_twice(twice: set[str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """Return a hook for `json.loads` that makes the usual dict of each object, and adds to *twice* what stood twice."""

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    twice.add(key)
                seen.add(key)
        return made

    return object_of


def twice_problems(twice: set[str]) -> list[str]:
    """Return one problem for each key that stood twice, ten at most; what is no plain name is not shown."""
    shown = sorted({key if _PLAIN_KEY.fullmatch(key) else "line" for key in twice})[:_SHOWN]
    return [
        f"{name}: {'a key' if name == 'line' else 'this key'} stands twice in one object, the last one counts"
        for name in shown
    ]


def read_with_care(line: bytes, problems: list[str], *, strict: bool) -> Any:
    """Return the JSON value of *line*, with what a *strict* reader does not take in *problems*, if one refused it.

    Raises:
        ValueError: It is no JSON at all.
        RecursionError: It is deeper than what is read.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        text = line.decode(errors="replace")
        problems.append(f"line: not UTF-8 at byte {error.start + 1}")
    twice: set[str] = set()
    value = json.loads(
        text,
        parse_constant=lambda name: _constant(name, problems),
        parse_float=lambda digits: _float(digits, problems),
        object_pairs_hook=noting_twice(twice),
    )
    if not strict and not problems:
        problems.append("line: not strict JSON")  # half a surrogate pair, for one
    problems.extend(twice_problems(twice))
    shape_of(value, problems)
    return value


def shape_of(value: Any, problems: list[str]) -> int:
    """Return how many keys there are, and add to *problems* if the value is deeper than what checks look at.

    Raises:
        RecursionError: The value is deeper than what is read.
    """
    keys, depth = keys_and_depth(value)
    if depth > DEEP:
        if depth > DEEPEST:
            raise RecursionError
        problems.append(f"line: nested more than {DEEP} levels deep, which is more than checks look at")
    return keys


def repeated_keys(line: bytes) -> list[str]:
    """Read a line once more, and return one problem for each key that stands twice in one object."""
    twice: set[str] = set()
    try:
        json.loads(line, object_pairs_hook=noting_twice(twice))
    except (
        RecursionError
    ):  # it was read before, so it is not too deep, but this may have been called deep down
        return []
    return twice_problems(twice)


def _constant(name: str, problems: list[str]) -> float:
    problems.append(f"line: {name} is not JSON")
    return float(name)


def _float(digits: str, problems: list[str]) -> float:
    value = float(digits)
    if not math.isfinite(value):
        problems.append("line: a number is beyond what a float can hold, and read as infinity")
    return value
