"""When an expected value agrees with a recorded one: text, globs, expressions, ranges, anything with ``==`` (layer 0)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

__all__ = ("Between", "agrees", "between", "is_glob")

_ASTERISK: Final = re.compile(r"(?<!\*)\*(?!\*)")
_SPECIAL: Final = (str, re.Pattern, type)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Between:
    """A closed range, as a count (``span("retry") * between(1, 5)``) or as an expected value.

    Equal to every number inside it, and to a range with the same ends.

    Attributes:
        low: Smallest value that belongs to it.
        high: Largest one; None where there is no upper end.
    """

    low: Any
    high: Any

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Between):
            return bool(self.low == other.low and self.high == other.high)
        try:
            return bool(self.low <= other and (self.high is None or other <= self.high))
        except TypeError:
            return NotImplemented

    def __hash__(self) -> int:
        return hash((self.low, self.high))

    def __repr__(self) -> str:
        return f"between({self.low!r}, {self.high!r})"


def between(low: Any, high: Any = None, /) -> Between:
    """Return the range from *low* to *high*, both included; without *high* it has no upper end.

    Raises:
        ValueError: The ends are in the wrong order.
    """
    if high is not None and high < low:
        raise ValueError(f"between({low!r}, {high!r}) holds nothing: the lower end comes first")
    return Between(low, high)


def is_glob(text: str) -> bool:
    """Return whether *text* stands for other texts, because it holds a single ``*``.

    Two or more asterisks in a row are themselves: that is what redaction leaves, and a pattern for a redacted value
    must not match the secret.
    """
    return "*" in text and _ASTERISK.search(text) is not None


def agrees(expected: Any, actual: Any) -> bool:
    """Return whether a recorded value is what was expected.

    Text that is a glob (`is_glob`) has to fit the whole value, a compiled regular expression is searched for, an
    exception class is compared by its qualified name, everything else with ``==``. A glob fits text only, but for
    ``*`` alone, which stands for every value that is not None.
    """
    if not isinstance(expected, _SPECIAL) or not isinstance(actual, str | bytes):
        return bool(expected == actual) or (_is_any(expected) and actual is not None)
    if isinstance(expected, str):
        return expected == actual or _is_any(expected) or (is_glob(expected) and _is_like(expected, actual))
    if isinstance(expected, re.Pattern):
        return isinstance(actual, type(expected.pattern)) and expected.search(actual) is not None
    return actual in _names_of(expected) or _equals(expected, actual)  # a class may say so, by its metaclass


def _is_any(expected: Any) -> bool:
    return isinstance(expected, str) and expected == "*"


def _equals(expected: Any, actual: Any) -> bool:
    return bool(expected == actual)


def _names_of(exception: type) -> tuple[str, ...]:
    if not issubclass(exception, BaseException):
        return ()
    return exception.__qualname__, f"{exception.__module__}.{exception.__qualname__}"


def _is_like(glob: str, actual: str | bytes) -> bool:
    return isinstance(actual, str) and _glob(glob).fullmatch(actual) is not None


@lru_cache(maxsize=512)
def _glob(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, _ASTERISK.split(text))), re.DOTALL)
