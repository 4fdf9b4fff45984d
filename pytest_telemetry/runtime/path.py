"""Interned call paths: what all spans of one place in the call tree share (layer 1)."""

from __future__ import annotations

import threading
from typing import Final

__all__ = ("ENDED", "ROOT", "OwnPath", "Path", "SpanEnded", "UnusableName")


class SpanEnded(LookupError):
    """A child was asked of a span that has ended out of order; internal, never seen by callers."""


class UnusableName(LookupError):
    """A span was named by something that is no name; internal, never seen by callers."""


class Path:
    """One place in the call tree: a name below a parent.

    Attributes:
        name: What the call site wrote.
        scope: The dotted path of all names down to this one.
        depth: How many spans are open above; 0 for a root span.
        parent: The place above; None only for the nameless root of the tree.
        parent_scope: The scope above; None for a root span.
        children: The places below, made on first use.
    """

    __slots__ = ("children", "depth", "name", "parent", "parent_scope", "scope")

    parent_scope: str | None

    def __init__(self, name: str, parent: Path | None) -> None:
        self.name = name
        self.parent = parent
        self.children: dict[str, Path] = _Children(self)
        if parent is None:
            self.scope, self.depth, self.parent_scope = "", -1, None
        else:
            self.scope = f"{parent.scope}.{name}" if parent.scope else name
            self.depth = parent.depth + 1
            self.parent_scope = parent.scope or None


class OwnPath(Path):
    """A path that belongs to one span: it carries the ids of that span, once somebody asked for them.

    It also marks a span that ended out of order: such a span has `ENDED` for children.
    """

    __slots__ = ("span_id", "trace_id")

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.scope = path.scope
        self.depth = path.depth
        self.parent = path.parent
        self.parent_scope = path.parent_scope
        self.children = path.children
        self.span_id = ""
        self.trace_id = ""


class _Children(dict[str, Path]):
    """Makes a child on first use, and stops remembering new ones when the tree is full.

    Names are meant to be few. Where they are not (``f"item.{i}"``), paths beyond the limit are made afresh
    each time: nothing is lost or renamed, and memory stays bounded.
    """

    __slots__ = ("_owner",)

    def __init__(self, owner: Path) -> None:
        super().__init__()
        self._owner = owner

    def __missing__(self, name: object) -> Path:
        if not isinstance(name, str) or not name:
            raise UnusableName
        with _lock:
            path = self.get(name)
            if path is None:
                path = Path(str(name), self._owner)
                if _size[0] < LIMIT:
                    _size[0] += 1
                    self[name] = path
            return path


class _Ended(dict[str, Path]):
    """The children of a span that has ended out of order: there cannot be any."""

    __slots__ = ()

    def __missing__(self, name: object) -> Path:
        raise SpanEnded


LIMIT: Final = 10_000
_lock: Final = threading.Lock()
_size: Final = [0]
ENDED: Final[dict[str, Path]] = _Ended()
ROOT: Final = Path("", None)
