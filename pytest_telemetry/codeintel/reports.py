"""How code intelligence says what it did: records in a context, or in the context of a run (layer 2).

Names and keys are those of the tables in ``docs/reference/code-intelligence.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.runtime.context import NO_OP
from pytest_telemetry.runtime.elsewhere import finished_span, judged_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.model.record import Status
    from pytest_telemetry.runtime.interface import Context

__all__ = ("Reporting", "Reports", "Run")

_ERRORS: Final = frozenset({"error", "failed", "timeout"})


class Run(Protocol):
    """What has a context of its own, as a `Telemetry` has."""

    @property
    def context(self) -> Context:
        """Where its records go."""


Reporting: TypeAlias = "Context | Run | None"
"""What everything here takes as ``telemetry``."""


class Reports:
    """Records spans, events and counters of code intelligence.

    No call raises, and all of them may be made from any thread.

    Args:
        telemetry: A context, or what has one; None records nothing.
        attrs: Belong to every record, ``server`` for one.

    Attributes:
        mono_ns: Reads the monotonic clock of the context, in ns: what durations are measured with.
    """

    def __init__(self, telemetry: Reporting = None, **attrs: Any) -> None:
        given: Any = NO_OP if telemetry is None else telemetry
        self._context: Context = getattr(given, "context", given)
        self._attrs = attrs
        pipeline = getattr(self._context, "_pipeline", None)
        self.mono_ns: Callable[[], int] = SYSTEM_CLOCK.mono_ns if pipeline is None else pipeline.mono_ns

    def span(
        self,
        name: str,
        duration_ns: int,
        status: str,
        *,
        args: Mapping[str, Any] | None = None,
        result: Mapping[str, Any] | None = None,
        **attrs: Any,
    ) -> None:
        """Record what took *duration_ns* and ends now.

        Args:
            name: Of the record.
            duration_ns: By `mono_ns`.
            status: The word for ``result.status``; the status of the record follows from it.
            args: Become ``args.KEY``.
            result: Become ``result.KEY``.
            attrs: Further attributes. One that is None is left out, here and in the two above.
        """
        told = self._told(args, {"status": status, **(result or {})}, attrs)
        finished_span(self._context, name, duration_ns, status=_status(status), attrs=told)

    def event(
        self,
        name: str,
        status: str | None = None,
        *,
        args: Mapping[str, Any] | None = None,
        result: Mapping[str, Any] | None = None,
        **attrs: Any,
    ) -> None:
        """Record that something happened; the arguments are those of `span`, and *status* may be missing."""
        told = self._told(args, {"status": status, **(result or {})}, attrs)
        judged_event(self._context, name, "unset" if status is None else _status(status), told)

    def count(self, name: str, amount: int = 1) -> None:
        """Add *amount* to a counter."""
        self._context.count(name, amount)

    def _told(
        self, args: Mapping[str, Any] | None, result: Mapping[str, Any], attrs: Mapping[str, Any]
    ) -> dict[str, Any]:
        told = {f"args.{key}": value for key, value in (args or {}).items()}
        told |= {f"result.{key}": value for key, value in result.items()}
        told |= self._attrs
        told |= attrs
        return {key: value for key, value in told.items() if value is not None}


def _status(word: str) -> Status:
    return "error" if word in _ERRORS else "ok"
