"""Checks on what every line of a log needs: that it can be read, a run, a time stamp (layer 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from pytest_telemetry.checks.streaming import Counts, Examples, Judgement, StreamingCheck, amount, shortened
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.stamps import stamp_form, stamp_has_zone

if TYPE_CHECKING:
    from pytest_telemetry.model.finding import Level
    from pytest_telemetry.model.mapping import LineMapping
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import BadLine, LogLine

__all__ = ("RunId", "Timestamps", "WellFormed")


class WellFormed(StreamingCheck):
    """Every line of a log holds a record, and everything in it can be read.

    A line that holds none is an error; a field that is unreadable, unknown or read leniently is a warning. Records
    that come from memory are well-formed by construction. Time stamps are the business of `Timestamps`.

    With a *mapping*, a key that it names and no line has is a warning as well; only ``info`` where lines may well do
    without, as without an error.

    Args:
        mapping: What the log is read by.
    """

    id = "well-formed"
    subject = "line"

    def __init__(self, mapping: LineMapping | None = None) -> None:
        self.mapping = mapping

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _WellFormed(self.mapping)


_OPTIONAL: Final = frozenset({"error", "instrument", "parent_id", "value"})
_NAMED: Final = 20


class _WellFormed(Judgement):
    def __init__(self, mapping: LineMapping | None) -> None:
        self._mapping = mapping
        self._unseen = [] if mapping is None else list(mapping.sources)
        self._keys: list[str] = []
        self._bad = self._partly = 0
        self._bad_examples, self._partly_examples = Examples(), Examples(10)
        self._fields = Counts()

    def add(self, record: Record, line: LogLine | None = None) -> None:
        self.judged += 1
        if line is None:
            return
        if self._unseen and not line.own:
            self._look_for_keys(line)
        if not line.problems:
            return
        problems = [problem for problem in line.problems if not problem.startswith("ts:")]
        self._partly += bool(problems)
        for field in sorted({problem.partition(":")[0] for problem in problems}):
            self._fields.add(field)
        for problem in problems:
            self._partly_examples.add(f"{record.name}: {problem}", line, topic=problem, problem=problem)

    def _look_for_keys(self, line: LogLine) -> None:
        mapping = self._mapping
        if mapping is not None:
            self._unseen = [field for field in self._unseen if not mapping.has(line.raw, field)]
            self._keys = self._keys or [shortened(key) for key in list(line.raw)[:_NAMED]]

    def _missing(self) -> list[Finding]:
        """Return what the mapping names and no line has; nothing where no line was read by it."""
        if self._mapping is None or not self._keys:
            return []
        found = []
        for level, fields in (
            ("warning", [field for field in self._unseen if field not in _OPTIONAL]),
            ("info", [field for field in self._unseen if field in _OPTIONAL]),
        ):
            if fields:
                keys = ", ".join(f"{self._mapping.sources[field]} ({field})" for field in fields)
                message = (
                    f"no line has what the mapping names: {keys}; the first line has {', '.join(self._keys)}"
                )
                found.append(Finding(WellFormed.id, message, len(fields), cast("Level", level)))
        return found

    def add_bad(self, line: BadLine) -> None:
        self.judged += 1
        self._bad += 1
        self._bad_examples.add(line.reason, line, reason=line.reason)

    def findings(self) -> list[Finding]:
        found = []
        if self._bad:
            message = f"no event in {self._bad:,} of {amount(self.judged, 'line')}; what they say is left out"
            found.append(Finding(WellFormed.id, message, self._bad, examples=tuple(self._bad_examples)))
        if self._partly:
            found.append(
                Finding(
                    WellFormed.id,
                    f"{amount(self._partly, 'event')} could be read only in part, or leniently",
                    self._partly,
                    "warning",
                    by_field=self._fields.most_first(),
                    examples=tuple(self._partly_examples),
                )
            )
        return found + self._missing()


class RunId(StreamingCheck):
    """Every record says which run it belongs to; one that does not is lost to every question about a run.

    Records of a format that has no place for a run are not judged: exports of OpenTelemetry, and lines that are read
    by a mapping without ``run_id``.
    """

    id = "run-id"

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _RunId()


class _RunId(Judgement):
    def __init__(self) -> None:
        self._missing = 0
        self._commands = Counts()
        self._examples = Examples()

    def add(self, record: Record, line: LogLine | None = None) -> None:
        if not record.run_id and line is not None and "run_id" in line.without:
            return
        self.judged += 1
        if record.run_id:
            return
        self._missing += 1
        self._commands.add(record.name)
        self._examples.add(f"{record.name} has no run id", line, command=record.name)

    def findings(self) -> list[Finding]:
        if not self._missing:
            return []
        message = (
            f"no run id in {self._missing:,} of {amount(self.judged, 'event')}: "
            "write the id of the run into every event"
        )
        commands = self._commands.most_first()
        return [
            Finding(
                RunId.id,
                message,
                self._missing,
                "warning",
                by_command=commands,
                examples=tuple(self._examples),
            )
        ]


class Timestamps(StreamingCheck):
    """Every record has a readable time with its offset from UTC, and one log writes them in one form.

    The form is how a stamp is written: all digits become 9, the sign of the offset stays. Records in our own
    format count nanoseconds; their form is ``integer nanoseconds``. Lines that are read by a mapping without a time
    are not judged. Stamps that are not in order are no finding:
    several processes append to one log, and a span is written when it ends.
    """

    id = "timestamps"

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _Timestamps()


class _Timestamps(Judgement):
    def __init__(self) -> None:
        self._forms = Counts()
        self._first_of_form = Examples(20)
        self._unreadable = self._naive = 0
        self._unreadable_examples, self._naive_examples = Examples(), Examples()

    def add(self, record: Record, line: LogLine | None = None) -> None:
        if record.time_ns is None and line is not None and "time_ns" in line.without:
            return
        self.judged += 1
        stamp = None if line is None else line.stamp
        if record.time_ns is None:
            self._unreadable += 1
            said = "no time stamp" if stamp is None else f"time stamp {str(stamp)[:40]!r}"
            self._unreadable_examples.add(f"{record.name}: {said}", line)
            return
        if stamp is None:
            if line is not None:
                self._form("integer nanoseconds", str(record.time_ns), line)
            return
        if not isinstance(stamp, str):
            self._form("number", str(stamp), line)
            return
        self._form(stamp_form(stamp), stamp, line)
        if not stamp_has_zone(stamp):
            self._naive += 1
            self._naive_examples.add(f"{record.name}: {stamp}", line)

    def _form(self, form: str, stamp: str, line: LogLine | None) -> None:
        self._forms.add(form)
        self._first_of_form.add(f"{form}, first {stamp}", line, topic=form, form=form)

    def findings(self) -> list[Finding]:
        found = []
        if self._unreadable:
            message = f"no readable time stamp in {self._unreadable:,} of {amount(self.judged, 'event')}"
            found.append(
                Finding(Timestamps.id, message, self._unreadable, examples=tuple(self._unreadable_examples))
            )
        forms = self._forms.most_first()
        if len(forms) > 1:
            minority = sum(forms.values()) - max(forms.values())
            message = (
                f"{len(forms)} forms of time stamp in one log: {minority:,} of {amount(self.judged, 'event')} "
                "differ from the most frequent form"
            )
            examples = tuple(self._first_of_form)
            found.append(
                Finding(Timestamps.id, message, minority, "warning", by_field=forms, examples=examples)
            )
        if self._naive:
            message = (
                f"{amount(self._naive, 'time stamp')} without an offset from UTC, read as UTC: "
                "write Z or an offset"
            )
            examples = tuple(self._naive_examples)
            found.append(Finding(Timestamps.id, message, self._naive, "warning", examples=examples))
        return found
