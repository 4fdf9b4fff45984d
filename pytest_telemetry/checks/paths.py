"""The check that no record names a place on the machine it was made on (layer 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.checks.streaming import Counts, Examples, Judgement, StreamingCheck, amount
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.paths import ROUTES, find_absolute, strings_in
from pytest_telemetry.model.rewriting import TEXT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import LogLine

__all__ = ("ROUTES", "RelativePaths")


class RelativePaths(StreamingCheck):
    """No string anywhere in a record is or contains an absolute path: values, keys, names, messages, nested.

    POSIX, Windows and UNC paths and ``file:`` URIs count; slash commands such as ``/wo-start``, URLs and
    requests do not (`pytest_telemetry.model.paths` holds the rule).

    Args:
        ignore: Fields that may hold them, as `by_field` of the finding names them.
    """

    id = "relative-paths"

    def __init__(self, *, ignore: Collection[str] = ROUTES) -> None:
        self.ignore = frozenset(ignore)

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _RelativePaths(self.ignore)


class _RelativePaths(Judgement):
    def __init__(self, ignore: frozenset[str]) -> None:
        self._ignore = ignore
        self._concerned = 0
        self._fields = Counts()
        self._examples = Examples(12)

    def add(self, record: Record, line: LogLine | None = None) -> None:
        self.judged += 1
        found: dict[str, str] = {}
        for field, text in _strings(record, line):
            if field not in self._ignore and find_absolute(text):
                found.setdefault(field, text)
        if not found:
            return
        self._concerned += 1
        for field, text in found.items():
            self._fields.add(field)
            shown = text if len(text) <= 100 else f"{text[:97]}..."
            self._examples.add(
                f"{record.name}: {field} = {shown!r}", line, topic=field, field=field, value=shown
            )

    def findings(self) -> list[Finding]:
        if not self._concerned:
            return []
        message = (
            f"absolute paths in {self._concerned:,} of {amount(self.judged, 'event')}: "
            "record paths relative to the workspace"
        )
        fields = self._fields.most_first()
        return [
            Finding(
                RelativePaths.id, message, self._concerned, by_field=fields, examples=tuple(self._examples)
            )
        ]


def _strings(record: Record, line: LogLine | None) -> Iterator[tuple[str, str]]:
    """Yield every string of a record; of an older line, those that stand in it, under the names they have there."""
    if line is not None and not line.own:
        yield from strings_in(line.raw, "")
        return
    for field in TEXT_FIELDS:
        value: Any = getattr(record, field)
        if value is not None:
            yield from strings_in(value, field)
    yield from strings_in(record.attrs, "")
