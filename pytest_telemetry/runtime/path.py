"""Interned call paths: what all spans of one place in the call tree share (layer 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import CodeType

    from pytest_telemetry.runtime.span import Span

__all__ = ("ENDED", "OVER", "ROOT", "Identity", "OwnPath", "Path", "SpanEnded", "UnusableName")


class SpanEnded(LookupError):
    """A child was asked of a span that has ended; internal, never seen by callers."""


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
        ended: The same place, as a span that was left holds it. It is its own ``ended``: this is how a span
            knows that it is over without a slot for it.
        opener: The code that last opened a span here which a recorder watches; only a place that is entered has it.
    """

    __slots__ = ("children", "depth", "ended", "name", "opener", "parent", "parent_scope", "scope")

    name: str
    scope: str
    depth: int
    parent: Path | None
    parent_scope: str | None
    children: dict[object, Path]
    ended: Path
    opener: CodeType | None

    def __init__(self, name: str, parent: Path | None) -> None:
        self.name = name
        self.parent = parent
        self.opener = None
        self.children = _Children(self)
        if parent is None:
            self.scope, self.depth, self.parent_scope = "", -1, None
        else:
            self.scope = f"{parent.scope}.{name}" if parent.scope else name
            self.depth = parent.depth + 1
            self.parent_scope = parent.scope or None
        ended = self.ended = object.__new__(Path)
        ended._take_place_of(self)
        ended.children = OVER
        ended.ended = ended

    @property
    def is_over(self) -> bool:
        """Whether a span that holds this path was left."""
        return self.ended is self

    @property
    def again(self) -> Path:
        """The same place, for a span that is open."""
        return self if self.parent is None else self.parent.children[self.name]

    def _take_place_of(self, path: Path) -> None:
        self.name = path.name
        self.scope = path.scope
        self.depth = path.depth
        self.parent = path.parent
        self.parent_scope = path.parent_scope
        self.children = path.children


class Identity:
    """What belongs to one span alone, and is made when somebody asks.

    Attributes:
        trace_id: 32 hex digits, empty until asked for.
        span_id: 16 hex digits, empty until asked for.
        again: Spans that stand for this one because it was entered a second time, and that are still open.
    """

    __slots__ = ("again", "span_id", "trace_id")

    def __init__(self) -> None:
        self.trace_id = ""
        self.span_id = ""
        self.again: list[Span] = []


class OwnPath(Path):
    """A path that belongs to one span."""

    __slots__ = ("identity",)

    def __init__(self, path: Path, identity: Identity) -> None:
        self._take_place_of(path)
        self.identity = identity
        self.ended = self if path.is_over else OwnPath(path.ended, identity)

    @property
    def trace_id(self) -> str:
        """The trace of the span."""
        return self.identity.trace_id

    @property
    def span_id(self) -> str:
        """The id of the span."""
        return self.identity.span_id


class _Children(dict[object, Path]):
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
        path = Path(str.__str__(name), self._owner)
        if _size[0] >= LIMIT:
            return path
        known = self.setdefault(path.name, path)
        if known is path:
            _size[0] += 1
        return known


class _NoChildren(dict[object, Path]):
    """The children of a span that has ended: whoever wants one must first find out whose it is."""

    __slots__ = ()

    def __missing__(self, name: object) -> Path:
        raise SpanEnded


LIMIT: Final = 10_000
_size: Final = [0]
OVER: Final[dict[object, Path]] = _NoChildren()
"""Of a span that was left in order: a task that it started may outlive it, and then still belongs to it."""
ENDED: Final[dict[object, Path]] = _NoChildren()
"""Of a span that was left out of order, or where it had not been entered: nobody belongs to it any more."""
ROOT: Final = Path("", None)
