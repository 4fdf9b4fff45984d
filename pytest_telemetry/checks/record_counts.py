"""The check that records are exactly as many as they should be, by name (layer 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.checks.streaming import Counts, Judgement, StreamingCheck
from pytest_telemetry.model.finding import Example, Finding
from pytest_telemetry.model.values import agrees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import LogLine

__all__ = ("RecordCounts",)


class RecordCounts(StreamingCheck):
    """As many spans, events and logs have each name as are expected; measurements are no records of this kind.

    Args:
        expected: By name, in which ``*`` stands for anything, the number: a whole one, or anything that equals the
            right ones, such as ``between(1, 5)``. A name that is expected 0 times must not be there.

    Raises:
        ValueError: Nothing is expected.
    """

    id = "record-counts"

    def __init__(self, expected: Mapping[str, Any]) -> None:
        if not expected:
            raise ValueError('nothing to count: give names and numbers, like {"ast.cache.hit": 1}')
        self.expected = dict(expected)

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _RecordCounts(self.expected)


class _RecordCounts(Judgement):
    def __init__(self, expected: Mapping[str, Any]) -> None:
        self._expected = expected
        self._found = dict.fromkeys(expected, 0)
        self._names = Counts()

    def add(self, record: Record, line: LogLine | None = None) -> None:  # noqa: ARG002 - counts have no place
        if record.kind == "metric" or record.is_open:
            return
        self.judged += 1
        self._names.add(record.name)
        for name in self._found:
            if agrees(name, record.name):
                self._found[name] += 1

    def findings(self) -> list[Finding]:
        wrong = {name: found for name, found in self._found.items() if self._expected[name] != found}
        if not wrong:
            return []
        told = [f"{name}: {found:,}, expected {self._expected[name]!r}" for name, found in wrong.items()]
        names = self._names.most_first()
        there = ", ".join(f"{name} {count:,}" for name, count in names.items()) or "nothing"
        examples = (Example(f"there was: {there}", detail={"found": names}),)
        return [Finding(RecordCounts.id, "; ".join(told), len(wrong), examples=examples)]
