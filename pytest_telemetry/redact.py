"""Copies logs without absolute paths, secrets and personal data, and otherwise as they are (layer 6)."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.lookup import lines_of
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.json_text import JsonText
from pytest_telemetry.model.plain import restorable
from pytest_telemetry.model.wire import LogLine, LogReader
from pytest_telemetry.processors.paths import RelativePaths
from pytest_telemetry.processors.redaction import Redaction
from pytest_telemetry.sources import require_events

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

__all__ = ("LineRedaction", "RedactedCopy", "redact_log")

_ROUNDS: Final = 4
_EXPORTS: Final = frozenset({"resourceSpans", "resourceMetrics", "resourceLogs"})
_EXPORT: Final = re.compile(rb'"resource(?:Spans|Metrics|Logs)"\s*:')
_ID: Final = re.compile(r"[0-9a-f]{1,32}")
_IDS: Final = ("trace_id", "span_id", "parent_id")


@dataclass(slots=True)
class RedactedCopy:
    """What became of the lines of a log.

    Attributes:
        copied: Lines in the copy.
        redacted: How many of them are not as they were.
        left_out: Lines that hold no record.
        blank: Blank lines, which are left out, too.
    """

    copied: int = 0
    redacted: int = 0
    left_out: int = 0
    blank: int = 0


def redact_log(
    reader: LogReader,
    name: str,
    write: Callable[[bytes], object],
    workspace: str | os.PathLike[str],
    progress: Callable[[int], object] | None = None,
) -> RedactedCopy:
    """Give each line of *reader* that holds a record to *write*, redacted, with a line feed at its end.

    Args:
        reader: The log.
        name: What errors call it.
        write: Called with one line after the other, in their order; where it returns nothing or 0, that was the
            last one.
        workspace: What paths become relative to; it need not exist here.
        progress: Called now and then with the number of bytes read since the last call.

    Raises:
        UnusableInput: Reading failed, or no line is an event; or the log is an export of OpenTelemetry, in which
            names of attributes are values, so that nobody knows what is named a secret.
    """
    redaction = LineRedaction(workspace)
    done = RedactedCopy()
    for line in lines_of(reader, name, progress):
        if isinstance(line, LogLine) and _is_export(line, reader.line):
            raise UnusableInput(
                f"{name}: line {line.number} is an export of OpenTelemetry, or holds one; make a log of it first, with "
                f"`pytest-telemetry convert {name} events.jsonl`"
            )
        after = redaction(line, reader.line) if isinstance(line, LogLine) else None
        if after is None:
            done.left_out += 1
        else:
            before = reader.line.removesuffix(b"\n")
            done.copied += 1
            done.redacted += after != before
            if not write(after + b"\n"):
                break
    else:
        require_events(reader, name)
    done.blank = reader.blank
    return done


class LineRedaction:
    """Makes lines free of absolute paths, secrets and personal data, as the processors make records.

    The checks ``relative-paths`` and ``no-secrets`` have no finding in the outcome. A line in which nothing is found
    stays as it is, to the byte, unless strict readers would refuse a text in it. In any other, the order of keys,
    unknown fields, how numbers are written, spaces and escapes stay, as far as `JsonText` says.

    Args:
        workspace: What paths become relative to; it need not exist here.
    """

    def __init__(self, workspace: str | os.PathLike[str]) -> None:
        self._paths = RelativePaths(workspace)
        self._secrets = Redaction()

    def __call__(self, line: LogLine, text: bytes) -> bytes | None:
        """Return what stands in place of *text*, the bytes of *line*, without a line feed at the end.

        None where that cannot be told, because it is nested too deeply.
        """
        text = text.removesuffix(b"\n")
        plain = text.removeprefix(codecs.BOM_UTF8)
        decoded = plain.decode(errors="replace")
        try:
            json = JsonText(decoded)
            after = self._own(json.value) if line.own else self._clean(json.value)
            # What reading has changed is not copied: it may hide behind a second key, broken UTF-8, or half a pair.
            if after is json.value and not json.is_changed and decoded.encode() == plain:
                return text
            rewritten = json.rewritten(after)
        except (ValueError, RecursionError):
            return None
        end = b"\r" if text.endswith(b"\r") else b""
        return rewritten.encode() + end

    def _clean(self, value: Any) -> Any:
        for _ in range(_ROUNDS):  # what one of them leaves, the other may take for something else
            after = self._secrets.redacted(self._paths.relative(value))
            if after is value:
                break
            value = after
        return value

    def _own(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return a line of our own format, in which attributes have no other names than in a record."""
        attrs = raw.get("attrs")
        kept = {"types", *(name for name in _IDS if _is_id(raw.get(name)))}
        if isinstance(attrs, dict):
            kept.add("attrs")
        fields = {name: value for name, value in raw.items() if name not in kept}
        clean = self._clean(fields)
        clean_attrs = self._clean(attrs) if "attrs" in kept else attrs
        after = raw
        if clean is not fields or clean_attrs is not attrs:
            members = iter(clean.items())
            after = {}
            for name, value in raw.items():
                key, member = (name, value) if name in kept else next(members)
                after[key] = clean_attrs if name == "attrs" and name in kept else member
        noted = raw.get("types")
        types = self._types(noted, raw, after) if isinstance(noted, dict) else self._clean(noted)
        return after if types == noted else {**after, "types": types}

    def _types(self, notes: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        """Return *notes* under the places that they are of now; those of what is not there are left out."""
        moved_notes: dict[str, Any] = {}
        for place, noted in notes.items():
            moved = _moved(place, before, after, exact=isinstance(noted, str) and restorable(noted))
            if moved is not None:
                moved_notes[moved] = self._clean(noted)
        return moved_notes


def _is_export(line: LogLine, text: bytes) -> bool:
    """Tell whether a line is one, or has one in it."""
    return _EXPORT.search(text) is not None or not _EXPORTS.isdisjoint(line.raw)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _moved(place: str, before: Any, after: Any, *, exact: bool) -> str | None:
    """Return where *after* has what *before* has at *place*, or None; *exact* if it must not have changed."""
    steps: list[str] = []
    for written in place.split("/"):
        step = written.replace("~1", "/").replace("~0", "~")
        if isinstance(before, dict) and isinstance(after, dict) and step in before:
            key = list(after)[list(before).index(step)]  # keys may have changed, their order has not
            before, after = before[step], after[key]
            steps.append(key.replace("~", "~0").replace("/", "~1"))
        elif (
            isinstance(before, list)
            and isinstance(after, list)
            and step.isdecimal()
            and int(step) < len(before)
        ):
            before, after = before[int(step)], after[int(step)]
            steps.append(step)
        else:
            return None
    if exact and (type(after) is not type(before) or (isinstance(before, str) and after != before)):
        return None
    return "/".join(steps)
