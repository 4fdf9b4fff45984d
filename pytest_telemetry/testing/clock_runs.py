"""Calls a function under clocks that start elsewhere, step, or run longer (layer 5)."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.model.errors import ClockError
from pytest_telemetry.testing.clock_values import NS
from pytest_telemetry.testing.duration_fields import durations_in
from pytest_telemetry.testing.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import tzinfo

    Timed: TypeAlias = Callable[[FakeClock, Callable[[], None]], object]
    Fields: TypeAlias = Iterable[str] | Mapping[str, str] | None

__all__ = ("ORIGINS", "SHIFTS", "Run", "Runs", "name_of")

ORIGINS: Final = {"wall": 1_000_000_000, "mono": 77_000, "perf": 55_000}
"""Where each clock starts, in seconds."""

SHIFTS: Final = {"wall": 123_456, "mono": 234_567, "perf": 345_678}
"""How much later it starts where it is shifted."""


@dataclass(slots=True)
class Run:
    """What one call of the function reported."""

    length_ns: int
    values: dict[str, tuple[Any, str]]
    calls: int
    unreached: list[str] = field(default_factory=list)

    def value(self, place: str) -> Any:
        """Return what stood there; None where nothing did."""
        return self.values.get(place, (None, ""))[0]


@dataclass(slots=True)
class Runs:
    """Calls the function, each time under clocks of its own."""

    function: Timed
    packages: Sequence[str]
    fields: Fields
    zone: str | tzinfo = UTC

    def run(
        self, length_ns: int, *, shifted: str = "", step: int = 0, cpu_share: int = 1, season: str = ""
    ) -> Run:
        """Call the function once.

        Args:
            length_ns: How long one ``work()`` takes.
            shifted: Which clock starts elsewhere.
            step: By how many seconds the wall clock is set during the work.
            cpu_share: How many quarters of the work keep the processor busy.
            season: Which change of the clocks falls into the first work.
        """
        starts = {name: start + (SHIFTS[name] if name == shifted else 0) for name, start in ORIGINS.items()}
        clock = FakeClock(starts["wall"] * NS, mono=starts["mono"], perf=starts["perf"], zone=self.zone)
        first, second = length_ns // 2 / NS, (length_ns - length_ns // 2) / NS
        if season:
            clock.travel_to_dst(self.zone, season, before=first)  # type: ignore[arg-type]  # one of the two
        calls = 0

        def work() -> None:
            nonlocal calls
            calls += 1
            clock.advance(first, cpu=first * cpu_share / 4)
            clock.step_wall(step)
            clock.advance(second, cpu=second * cpu_share / 4)

        result, unreached = self._call(clock, work)
        if not calls:
            raise ClockError(
                f"{name_of(self.function)} never called work(), so no time passed and nothing can be judged"
            )
        return Run(length_ns, durations_in(result, self.fields), calls, unreached)

    def _call(self, clock: FakeClock, work: Callable[[], None]) -> tuple[object, list[str]]:
        if not self.packages:
            return _plain(self.function(clock, work), self.function), []
        with clock.patch(*self.packages) as patch:
            return _plain(self.function(clock, work), self.function), patch.unreached


def _plain(result: object, function: Timed) -> object:
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(
            f"{name_of(function)} is a coroutine function: call asyncio.run() inside a plain function"
        )
    return result


def name_of(function: object) -> str:
    """Return what to call *function* in a text."""
    return f"{getattr(function, '__name__', None) or type(function).__name__}()"
