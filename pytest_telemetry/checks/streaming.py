"""How a check judges records one by one, so that one pass over a log serves all checks (layer 4)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.finding import Example, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_telemetry.model.finding import Finding
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import BadLine, LogLine

__all__ = (
    "OTHERS",
    "Counts",
    "Examples",
    "Judgement",
    "StreamingCheck",
    "amount",
    "most_first",
    "place_of",
    "shortened",
)

OTHERS: Final = "(others)"

_LONGEST: Final = 500
"""Characters that are kept of a text of a log: what is written there may be of any length."""


class Judgement(ABC):
    """What a check has seen so far; made by `StreamingCheck.start`, fed, and asked in the end.

    Attributes:
        judged: How many records the check had something to say about. Where it is 0, no finding means nothing.
    """

    judged: int = 0

    @abstractmethod
    def add(self, record: Record, line: LogLine | None = None) -> None:
        """Take the next record, and the line it was read from if it was."""

    def add_bad(self, line: BadLine) -> None:  # noqa: B027 - few checks override it
        """Take a line that holds no record; most checks have nothing to say about it."""

    @abstractmethod
    def findings(self) -> list[Finding]:
        """Return what is wrong so far, most important first; more may be added afterwards."""


class StreamingCheck(ABC):
    """A check that keeps what it needs per command or run, not the records.

    Attributes:
        id: Short stable name, as the command line prints it.
        subject: What it has something to say about, for "nothing to judge: no ... ".
    """

    id: str
    subject: str = "record"

    @abstractmethod
    def start(self) -> Judgement:
        """Return a judgement that has seen nothing; several may be fed at once."""

    def __call__(self, records: Iterable[Record], /) -> list[Finding]:
        """Return what is wrong with *records*, most important first."""
        judgement = self.start()
        for record in records:
            judgement.add(record)
        return judgement.findings()


def place_of(line: LogLine | BadLine | None) -> Place | None:
    """Return where a line stands, to be kept without the line; None for a record from memory."""
    return None if line is None else Place(line.number, line.file)


def shortened(text: str) -> str:
    """Return *text*, or the beginning of it where it is long: what is kept must not grow with what is read."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


class Examples:
    """The first few places, one per *topic* where a topic is given. Long texts are cut."""

    __slots__ = ("_limit", "_topics", "found")

    def __init__(self, limit: int = 5) -> None:
        self.found: list[Example] = []
        self._limit = limit
        self._topics: set[str] = set()

    def add(self, text: str, line: LogLine | BadLine | Place | None, topic: str = "", **detail: Any) -> None:
        """Keep this place if there is room, and if it is the first of its topic."""
        if len(self.found) >= self._limit or (topic and topic in self._topics):
            return
        self._topics.add(topic)
        for key, value in detail.items():
            if type(value) is str:
                detail[key] = shortened(value)
        number, file = (None, "") if line is None else (line.number, line.file)
        self.found.append(Example(shortened(text), number, detail, file))

    def __iter__(self) -> Iterator[Example]:
        return iter(self.found)


class Counts:
    """Counts by name; from the thousandth name on, new names are counted together, and long ones are cut: memory."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, name: str) -> None:
        """Count *name* once more."""
        name = shortened(name)
        counts = self._counts
        if name not in counts and len(counts) >= 1_000:
            name = OTHERS
        counts[name] = counts.get(name, 0) + 1

    def most_first(self) -> dict[str, int]:
        """Return the counts, the largest first, equal ones by name."""
        return most_first(self._counts)


def most_first(counts: Mapping[str, int]) -> dict[str, int]:
    """Return *counts* with the largest first, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def amount(count: int, noun: str) -> str:
    """Return ``1 event`` or ``6,256 events``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
