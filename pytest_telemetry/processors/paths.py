"""Makes absolute paths relative to the workspace (layer 2)."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from pytest_telemetry.model.path_form import (
    HOME,
    UNFIT,
    below,
    is_windows,
    label_for,
    normal_form,
    segments_of,
    short_hash,
)
from pytest_telemetry.model.paths import (
    BESIDE,
    ENCODED,
    LINK,
    ROUTES,
    absolute_spans,
    follows_method,
    path_end,
    read_plainly,
)
from pytest_telemetry.model.rewriting import rewritten, rewritten_record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pytest_telemetry.model.record import Record

__all__ = ("RelativePaths", "label_of")

# Replacing a path may bring another one to light (`/workspace/C:/x`); more than two rounds are made up by fuzzers.
_ROUNDS: Final = 6
_KNOWN: Final = 4_096
_KNOWN_LENGTH: Final = 200
_LONGEST: Final = 4_096  # longer ones exist on no system, and are not looked up

_ESCAPED_SLASH: Final = re.compile(r"\\{1,2}/")
_NO_URI: Final = "".join(rf"(?<!(?i:file):{slashes})" for slashes in ("", "//", "///"))


class RelativePaths:
    """A processor that makes every absolute path in every text of a record relative.

    Inside the workspace a path becomes relative to it, with ``/`` between its segments; any other becomes
    ``external/<hash>-<name>``, where the hash is of the resolved path and so the same in every record, and the name
    its last segment: ``home`` for the directory of a person, and never with the name of the person whose the path or
    the workspace is. ``..`` and symbolic links are resolved, the latter as they were when the path was first met. Which
    texts there are is said by `rewritten_record`, and what is a path by `model.paths`; the check ``relative-paths``
    has no finding in the outcome. The workspace itself is recognised wherever it stands, also with its separators
    replaced, as caches name their files (``_home_ada_project``).

    A record without absolute paths is returned as it is.

    Args:
        workspace: The directory that paths are relative to; it need not exist here, and may be one of another
            system. Nothing is inside of one that holds the homes of all: the root of a file system, a drive or a
            share, `/home`, `/Users`.
        ignore: Fields that may hold absolute paths, as the check names them.
    """

    def __init__(self, workspace: str | os.PathLike[str], *, ignore: Collection[str] = ROUTES) -> None:
        given = os.fsdecode(workspace)
        if not is_windows(given):
            given = os.fsdecode(Path(given).absolute())
        roots = filter(_has_inside, {normal_form(given), _resolved(given)})
        self._roots = tuple(sorted(roots, key=len, reverse=True))
        self._ignore = frozenset(ignore)
        self._whole = [(_hint(root), _spelled(root)) for root in self._roots]
        homes = {match[0]: match["person"] for root in self._roots if (match := HOME.match(root))}
        known = dict.fromkeys((*self._roots, *homes))
        self._mangled = [(_mangled(root), label_for(root)) for root in known if len(segments_of(root)) > 1]
        self._people = frozenset(homes.values())
        # Texts without a path: most of what is recorded, keys for one, was there before.
        self._clean: set[str] = set()

    def __call__(self, record: Record, /) -> Record:
        """Return *record*, or a copy of it without absolute paths."""
        return rewritten_record(record, self._change, self._cover)

    def relative(self, value: Any, /) -> Any:
        """Return any value, such as the object of a line, without absolute paths; the same object if it has none."""
        return rewritten(value, self._change, self._cover)

    def relative_text(self, text: str, /) -> str:
        """Return *text* without absolute paths; the same object if it has none."""
        if text in self._clean:
            return text
        for _ in range(_ROUNDS):
            after = self._round(text)
            if after == text:
                self._keep_in_mind(text)
                return text
            text = after
        return f"external/{short_hash(text)}-text"

    def _keep_in_mind(self, text: str) -> None:
        if len(text) <= _KNOWN_LENGTH:
            if len(self._clean) >= _KNOWN:
                self._clean.clear()
            self._clean.add(text)

    def _change(self, text: str, field: str) -> str:
        del field
        return self.relative_text(text)

    def _cover(self, key: str, value: Any, field: str) -> tuple[Any, bool]:
        del key
        return value, field not in self._ignore or not isinstance(value, str)

    def _round(self, text: str) -> str:
        for hint, pattern in self._whole:
            if hint in text:
                text = _replaced(text, _matches(text, pattern), self._shown)
        text = _replaced(text, absolute_spans(text), self._shown)
        for pattern, label in self._mangled:
            text = pattern.sub(rf"\g<before>{label}", text)
        return text

    def _shown(self, path: str) -> str:
        """Return what stands for *path*, a path as it is written in a text."""
        is_encoded = "%" in path and ENCODED.match(path) is not None
        plain = unquote(path) if is_encoded else _ESCAPED_SLASH.sub("/", path)
        resolved = _resolved(plain)
        inside = self._inside(resolved)
        shown = f"external/{self._nameless(resolved)}" if inside is None else inside
        if plain[-1] in "/\\":
            shown += "/"
        return quote(shown, safe="", errors="surrogatepass") if is_encoded else shown

    def _nameless(self, path: str) -> str:
        """Return the label of *path* without the names of the people whose the workspace and the path are."""
        home = HOME.match(path)
        people = self._people if home is None else self._people | {home["person"]}
        label = label_for(path)
        for person in (UNFIT.sub("_", person) for person in people):
            if person in label:
                label = re.sub(rf"(?<![A-Za-z0-9]){re.escape(person)}(?![A-Za-z0-9])", "_", label)
        return label

    def _inside(self, path: str) -> str | None:
        for root in self._roots:
            relative = below(path, root)
            if relative is not None:
                return relative
        return None


def _replaced(text: str, spans: list[tuple[int, int]], shown: Callable[[str], str]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end in spans:
        before = text[position:start]
        pieces += before, "/" if before.endswith(LINK) else "", shown(text[start:end])
        position = end
    return "".join((*pieces, text[position:])) if spans else text


def _matches(text: str, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    reading = read_plainly(text)
    plain = text if reading is None else reading.text
    position = 0
    while match := pattern.search(plain, position):
        position = match.end()
        if not follows_method(plain, match.start()):
            position = path_end(plain, match.start(), position)
            spans.append((match.start(), position))
    return spans if reading is None else [reading.span(start, end) for start, end in spans]


def _has_inside(root: str) -> bool:
    """Tell whether a path relative to *root* says less than it does itself: not where *root* holds the homes of all."""
    return bool(segments_of(root)) and not HOME.fullmatch(f"{root}/_")


def _hint(root: str) -> str:
    """Return what is in every text that `_spelled` finds *root* in."""
    return "" if is_windows(root) else max(segments_of(root), key=len)


def _spelled(root: str) -> re.Pattern[str]:
    """Return what finds the directory *root* inside a text."""
    if is_windows(root):
        spelling, flags = r"[\\/]+".join(map(re.escape, root.split("\\"))), re.IGNORECASE
    else:
        spelling, flags = re.escape(root), re.NOFLAG
    before = rf"(?:(?<![\w.~/\\%+-])|{BESIDE}){_NO_URI}"
    return re.compile(rf"{before}{spelling}(?![\w~+@%-])(?!\.\w)", flags)


def _mangled(root: str) -> re.Pattern[str]:
    """Return what finds *root* where its separators, and what is no letter or digit in it, were replaced."""
    segments = (re.sub(r"[^A-Za-z0-9]", "[^A-Za-z0-9]", part) for part in segments_of(root))
    return re.compile(rf"(?P<before>[_+!.-])[_+!.-]?{'[_+!.-]{1,2}'.join(segments)}(?![A-Za-z0-9])")


def _resolved(path: str) -> str:
    """Return the normal form of *path* with symbolic links resolved, where it is a path of this system."""
    return normal_form(path) if len(path) > _LONGEST else _looked_up(path)


@lru_cache(maxsize=1_024)
def _looked_up(path: str) -> str:
    path = normal_form(path)
    if is_windows(path) is not (os.name == "nt"):
        return path
    try:
        return normal_form(os.path.realpath(path))
    except (OSError, ValueError):  # a character that no file system takes
        return path


def label_of(path: str | os.PathLike[str]) -> str:
    """Return ``<hash>-<name>``, what stands for a path outside the workspace: the same for every way to say it."""
    return label_for(_resolved(os.fsdecode(path)))
