"""The check that durations were measured, not made up (layer 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_telemetry.checks.streaming import (
    Examples,
    Judgement,
    StreamingCheck,
    most_first,
    place_of,
    shortened,
)
from pytest_telemetry.model.finding import Finding

if TYPE_CHECKING:
    from pytest_telemetry.model.finding import Place
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import LogLine

__all__ = ("MeasuredTiming",)

# 0 and 1 of the whole-number units that durations are written in.
_SMALLEST: Final = frozenset({0, 1, 1_000, 1_000_000, 1_000_000_000})
_MOST: Final = 20_000
"""Commands that are judged: names of a log that is not to be trusted may be without number."""


class MeasuredTiming(StreamingCheck):
    """A command that always took exactly as long was not measured: somebody wrote a constant, or clamped.

    Where the one value is 0 or 1 of a whole-number unit, work may also have been too short for the field: that
    alone is a warning, any other constant an error. `Finding.count` is commands; `by_command` is timings per
    command. To bound memory, the first 20,000 commands are judged.

    Args:
        at_least: How many timings of one value it takes.
    """

    id = "measured-timing"

    def __init__(self, *, at_least: int = 5) -> None:
        if at_least < 2:
            raise ValueError(f"at_least={at_least}: it takes two timings to see that they are the same")
        self.at_least = at_least
        self.subject = f"command with {at_least} timings"

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _MeasuredTiming(self.at_least)


@dataclass(slots=True)
class _Command:
    first_ns: int
    place: Place | None
    timings: int = 0
    constant: bool = True


class _MeasuredTiming(Judgement):
    def __init__(self, at_least: int) -> None:
        self._at_least = at_least
        self._commands: dict[str, _Command] = {}

    def add(self, record: Record, line: LogLine | None = None) -> None:
        duration_ns = record.duration_ns
        if duration_ns is None:
            return
        name = shortened(record.name)
        command = self._commands.get(name)
        if command is None:
            if len(self._commands) >= _MOST:
                return
            command = self._commands[name] = _Command(duration_ns, place_of(line))
        command.timings += 1
        command.constant = command.constant and duration_ns == command.first_ns
        self.judged += command.timings == self._at_least

    def findings(self) -> list[Finding]:
        constant = {
            name: command
            for name, command in self._commands.items()
            if command.constant and command.timings >= self._at_least
        }
        if not constant:
            return []
        counts = most_first({name: command.timings for name, command in constant.items()})
        unsure = sum(command.first_ns in _SMALLEST for command in constant.values())
        examples = Examples(100)
        for name in counts:
            command = constant[name]
            small = command.first_ns in _SMALLEST
            verdict = "not measured, or below the resolution of the field" if small else "not measured"
            examples.add(
                f"{name}: all {command.timings:,} timings are {command.first_ns / 1e6:g} ms: {verdict}",
                command.place,
                command=name,
                timings=command.timings,
                timing_ms=command.first_ns / 1e6,
                level="warning" if small else "error",
            )
        return [
            Finding(
                MeasuredTiming.id,
                self._message(len(constant), unsure),
                len(constant),
                "warning" if unsure == len(constant) else "error",
                by_command=counts,
                examples=tuple(examples),
            )
        ]

    def _message(self, count: int, unsure: int) -> str:
        have = "command has" if count == 1 else "commands have"
        text = f"{count} {have} {self._at_least} or more timings that are all one value"
        if unsure == count:
            return f"{text}: not measured, or below the resolution of the field"
        sure = f"{count - unsure} not measured"
        return (
            f"{text}: {sure}, {unsure} not measured, or below the resolution of the field"
            if unsure
            else f"{text}: not measured"
        )
