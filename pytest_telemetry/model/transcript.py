"""One entry of what a language server and its client said to each other, and the listing of many (layer 0)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pytest_telemetry.model.wording import brief

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pytest_telemetry.model.record import Record

__all__ = ("Entry", "EntryKind", "listing", "precedes")

EntryKind: TypeAlias = Literal["sent", "received", "record", "state", "gate", "server"]

_SIDES: Final = {
    "sent": "server -> client",
    "received": "client -> server",
    "record": "record",
    "state": "state",
    "gate": "gate",
    "server": "server",
}
_SEEN_LATER: Final = frozenset({"started", "ended", "closed", "unreadable"})
"""What a server does or suffers of itself: it was so already when it was noticed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, stamped in the process of the test.

    Attributes:
        seq: Its place among all entries. A message of the server is stamped before it is released, one of the
            client on receipt, and a record or a state in the thread that tells it, before that thread goes on.
        kind: What it is; ``sent`` and ``received`` are seen from the server.
        name: Method of the protocol, for a reply the one it answers; name of the record or the state; or what
            happened to a gate or to the server.
        session: Which start of the server it belongs to, from 1; 0 for none.
        message: What went over the wire, as it was decoded.
        record: What was recorded.
        attrs: What else there is to say.
    """

    seq: int
    kind: EntryKind
    name: str
    session: int = 0
    message: Mapping[str, Any] | None = None
    record: Record | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        """Whether this is a message that answers another one."""
        return self.message is not None and "method" not in self.message

    @property
    def is_request(self) -> bool:
        """Whether this is a message that wants an answer."""
        return self.message is not None and "method" in self.message and "id" in self.message

    def text(self) -> str:
        """Return the entry as one line, without its number."""
        told = f"reply to {self.name}" if self.is_reply else self.name
        if self.message is not None and "id" in self.message:
            told += f" #{self.message['id']}"
        if self.is_reply and self.message is not None and "error" in self.message:
            told += f" error={brief(self.message['error'])}"
        attrs = self.attrs if self.record is None else self.record.attrs
        told += "".join(f" {key}={brief(value)}" for key, value in attrs.items())
        return f"{_SIDES[self.kind]:16}  {told}"

    def __str__(self) -> str:
        return f"{self.seq:4}  {self.text()}"


def precedes(first: Entry, second: Entry) -> bool:
    """Tell whether *first* certainly happened before *second*.

    A released message is read at some time after its stamp, a received one was sent at some time before; so what
    is certain follows from the order of the two kinds, from the order of each pipe, and from replies. Where
    neither precedes the other, the two are concurrent: nobody may conclude anything from the order of their stamps.
    """
    if first.seq >= second.seq:
        return False
    if first.kind == second.kind and first.session == second.session:
        return True
    if (
        second.kind == "received"
        and second.is_reply
        and first.is_request
        and second.message
        and first.message
    ):
        return first.session == second.session and first.message["id"] == second.message.get("id")
    return _latest(first) <= _earliest(second)


def _latest(entry: Entry) -> float:
    """Return the stamp before which the client has surely seen or done it."""
    released = entry.kind == "sent" or (entry.kind == "server" and entry.name not in _SEEN_LATER)
    return math.inf if released else entry.seq


def _earliest(entry: Entry) -> float:
    observed = entry.kind == "received" or (entry.kind == "server" and entry.name in _SEEN_LATER)
    return -math.inf if observed else entry.seq


def listing(
    entries: Sequence[Entry], *, marked: Collection[int] = (), around: int | None = None, most: int = 60
) -> str:
    """Return *entries* one per line.

    Args:
        entries: In their order.
        marked: Numbers of entries that get a mark.
        around: How many lines to show around each marked one; all by default.
        most: Where more than that many are left, the ones in the middle give way.
    """
    shown = [
        entry for entry in entries if around is None or any(abs(entry.seq - seq) <= around for seq in marked)
    ]
    if len(shown) > most:
        cut = most // 2
        kept = [*shown[:cut], None, *shown[-cut:]]
    else:
        kept = [*shown]
    lines: list[str] = []
    last = None
    for entry in kept:
        if entry is None or (last is not None and entry.seq > last + 1 and around is not None):
            lines.append("     ...")
        if entry is not None:
            lines.append(f"{'>' if entry.seq in marked else ' '}{entry}")
            last = entry.seq
    return "\n".join(lines)
