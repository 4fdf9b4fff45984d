"""The seams: what a processor, a sink and a check look like from outside (layer 0)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from pytest_telemetry.model.record import Record

if TYPE_CHECKING:
    from pytest_telemetry.model.finding import Finding
    from pytest_telemetry.model.pattern import Pattern

__all__ = ("BatchSink", "Check", "Processor", "Sink", "Store", "TelemetryReporter", "TellingStore")

Processor: TypeAlias = Callable[[Record], Record | None]
"""Returns the record, a changed copy, or None to drop it. It never changes its argument."""


@runtime_checkable
class Sink(Protocol):
    """Accepts records.

    ``emit`` is called synchronously, possibly from several threads at once. What it raises never reaches the
    observed code: it is counted and logged, and after three failures in a row the sink is detached.
    """

    def emit(self, record: Record, /) -> None:
        """Accept one finished record."""

    def flush(self) -> None:
        """Return when everything accepted so far is kept, or counted as dropped."""

    def close(self) -> None:
        """Flush and release what is held; idempotent."""

    def statistics(self) -> Mapping[str, int]:
        """Return at least ``accepted``, ``stored`` and ``dropped``, and ``queued`` where something can wait.

        At any time ``accepted == stored + dropped + queued``; after a flush nothing is queued.
        """


@runtime_checkable
class BatchSink(Sink, Protocol):
    """A sink that takes many records at a lower price than one by one."""

    def emit_many(self, records: Sequence[Record], /) -> None:
        """Accept *records*, in their order; on return each is stored or counted as dropped.

        Raises:
            Unavailable: Nothing was accepted; all of it may be offered again.
            OSError: Storage failed midway; what was not stored is counted as dropped.
        """


@runtime_checkable
class Store(Sink, Protocol):
    """A sink that can be read back."""

    def records(self, pattern: Pattern | None = None, /) -> Iterable[Record]:
        """Return what is kept, in the order in which it was accepted.

        With a *pattern*, those that it `matches`: what a store looks up faster than by reading everything may be
        looked up, and the outcome is the same.
        """


@runtime_checkable
class TellingStore(Store, Protocol):
    """A store that says what it has stored: how a run knows what to sum up.

    Attributes:
        on_stored: Each is called with records that were just stored, before `statistics` count them or `flush`
            returns: with each record once, in the order of `records`, but for those that a finaliser or a signal
            handler emitted meanwhile. None of them raises, takes a lock or emits, so that a store may hold its own.
    """

    on_stored: list[Callable[[Sequence[Record]], object]]


@runtime_checkable
class TelemetryReporter(Protocol):
    """The two methods that an application implements to hear about timings and metrics.

    Both should be fast and must not block. What they raise never reaches the observed code. The metadata keys
    are listed in ``docs/reference/runtime.md``. No further positional argument is ever passed: ``*args`` lets type
    checkers accept methods whose parameters have names as well as methods that take positions only.
    """

    def record_timing(self, scope: str, duration: float, /, *args: Any, **metadata: Any) -> None:
        """Hear that *scope* (a dotted path) took *duration* seconds."""

    def record_metric(self, scope: str, value: Any, /, *args: Any, **metadata: Any) -> None:
        """Hear that *value* was measured under *scope*, a dotted path that ends in the name of the metric."""


class Check(Protocol):
    """Judges records: records in, findings out; none means that the promise holds.

    A check is pure: it opens no file, reads no clock and no environment, and may be used again.
    """

    @property
    def id(self) -> str:
        """Short stable name, as the command line prints it."""

    def __call__(self, records: Iterable[Record], /) -> Iterable[Finding]:
        """Return what is wrong, most important first."""
