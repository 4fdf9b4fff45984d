"""The line format of event logs: writes our own, reads that and every older shape (layer 0).

The format and what becomes of each field of the older shapes is in ``docs/reference/wire.md``.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from pytest_telemetry.model.compressed import DAMAGE, UnreadableFile, compressed_bytes
from pytest_telemetry.model.event_shape import event_of_record, record_of_event
from pytest_telemetry.model.json_shape import DEEP, may_repeat_keys, read_with_care, repeated_keys, shape_of
from pytest_telemetry.model.otlp_signs import begins_export, is_export
from pytest_telemetry.model.plain import are_flat, plain, restorable
from pytest_telemetry.model.record_fields import DEFAULTS, FORMAT, NoRecord, record_of_fields

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from pytest_telemetry.model.mapping import LineMapping
    from pytest_telemetry.model.record import Record

__all__ = (
    "MAX_EXPORT_BYTES",
    "MAX_LINE_BYTES",
    "BadLine",
    "Lines",
    "LogLine",
    "LogReader",
    "decode_line",
    "decode_object",
    "decode_value",
    "encode",
    "encode_event",
    "encode_noting",
    "encode_plain",
    "encode_value",
)

MAX_LINE_BYTES: Final = 8 * 1024 * 1024
MAX_EXPORT_BYTES: Final = 16 * 1024 * 1024
"""What a line may have that is an export, with as many records as were exported together."""

_FIELDS: Final = tuple(DEFAULTS.items())
_values_of: Final = attrgetter(*DEFAULTS)

# orjson reads integers of more than 64 bits as floats; a line that may hold one is left to the standard library.
_LONG_NUMBER: Final = re.compile(rb"\d{20}")


@dataclass(slots=True)
class LogLine:
    """A line that holds a record.

    Attributes:
        number: Line of the file, counted from 1.
        record: What it says.
        raw: The line as it stands, before any mapping.
        own: Whether the record has it all under the names of the line, as in our own format and in exports of
            OpenTelemetry; False for the older shapes and for what is read by a mapping, where ``raw`` has them.
        problems: What was unreadable, wrong or read leniently, ``field: reason`` each.
        file: Name of the file it stands in, where the reader knows it.
        stamp: The time as it stands there, where that is no field of the record.
        step_ns: What the last digit of the duration counts.
        without: Fields of the record that the line has no place for, and so cannot lack.
    """

    number: int
    record: Record
    raw: dict[str, Any]
    own: bool
    problems: tuple[str, ...] = ()
    file: str = ""
    stamp: Any = None
    step_ns: int = 1
    without: frozenset[str] = frozenset()


@dataclass(slots=True)
class BadLine:
    """A line that holds no record.

    Attributes:
        number: Line of the file, counted from 1.
        reason: Why, in one line that quotes nothing of it.
        file: Name of the file it stands in, where the reader knows it.
        is_rest: Whether it stands for the rest of a file, which was not read.
    """

    number: int
    reason: str
    file: str = ""
    is_rest: bool = False


def encode(record: Record) -> bytes:
    """Return *record* as one line of our own format, with the line feed; never raises on values.

    What JSON cannot hold is kept as text, and its type is noted in the line. Integers of any size, non-finite
    floats and tuples come back exactly when the line is read.
    """
    return encode_noting(record)[0]


def encode_noting(record: Record) -> tuple[bytes, int]:
    """Return what `encode` returns, and how many values are in it as text for good."""
    fields: dict[str, Any] = {"record": FORMAT}
    for (name, default), value in zip(_FIELDS, _values_of(record), strict=True):
        if value is not None and (default is None or value != default):
            fields[name] = value
    if not record.attrs:
        fields.pop("attrs", None)
    line = _dumped(record, fields)
    if line is not None:
        return line, 0
    types: dict[str, str] = {}
    fields = {name: plain(value, name, types) for name, value in fields.items()}
    if types:
        fields["types"] = types
    as_text = sum(not restorable(noted) for noted in types.values())
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE), as_text


def encode_event(record: Record) -> tuple[bytes, int, int]:
    """Return *record* as one line of the older shape, see `event_of_record`; never raises on values.

    Returns:
        The line, how many values are in it as text for good, and how many attributes under another key.
    """
    fields, renamed = event_of_record(record)
    line = _dumped(record, fields)
    if line is not None:
        return line, 0, renamed
    types: dict[str, str] = {}
    fields = plain(fields, "", types)
    as_text = sum(noted != "tuple" for noted in types.values())
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE), as_text, renamed


_STRICTLY: Final = (
    orjson.OPT_APPEND_NEWLINE
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)


def _dumped(record: Record, fields: dict[str, Any]) -> bytes | None:
    """Return *fields* as a line, if no value of *record* needs a second look; five times as fast as `plain`."""
    if not are_flat((record.value, *record.attrs.values())):
        return None
    try:
        return orjson.dumps(fields, option=_STRICTLY)
    except TypeError:  # half a surrogate pair, or an integer of more than 64 bits, for two
        return None


def encode_value(value: Any, place: str, types: dict[str, str]) -> str:
    """Return *value* as the JSON text that it is in a line; never raises on values.

    What JSON cannot hold is noted in *types*, under places that begin with *place*: see `plain`.
    """
    if type(value) is dict and are_flat(value.values()):
        try:
            return orjson.dumps(value).decode()
        except orjson.JSONEncodeError:  # half a surrogate pair, a huge integer, or a key that is no text
            return encode_plain(plain(value, place, types))
    return encode_plain(plain(value, place, types))


def encode_plain(value: Any) -> str:
    """Return a value that `plain` made as JSON text."""
    return orjson.dumps(value).decode()


def decode_value(text: str) -> Any:
    """Return what JSON text holds, before `restore`.

    Raises:
        ValueError: It is not JSON.
    """
    return orjson.loads(text)


def decode_line(line: bytes, number: int) -> LogLine | BadLine:
    """Return what one line of one record says; never raises on its content.

    Of a key that stands twice in one object the last value counts, as JSON readers have it; the line says so.
    """
    problems: list[str] = []
    raw = _object_of(line, number, problems)
    return raw if isinstance(raw, BadLine) else decode_object(raw, number, problems)


def _object_of(line: bytes, number: int, problems: list[str]) -> dict[str, Any] | BadLine:
    try:
        raw = _parse(line.removeprefix(codecs.BOM_UTF8), problems)
    except (ValueError, RecursionError) as error:
        return BadLine(number, _reason(error, line))
    if not isinstance(raw, dict):
        return BadLine(number, f"not an object, but {_JSON_NAMES.get(type(raw), 'a number')}")
    return raw


def decode_object(
    raw: dict[str, Any], number: int, problems: Iterable[str] = (), mapping: LineMapping | None = None
) -> LogLine | BadLine:
    """Return what the object of a line says; *problems* are those of the line itself.

    A *mapping* reads what is not in our own format.
    """
    found = list(problems)
    own = type(raw.get("record")) is int and "kind" in raw
    if mapping is not None and not own:
        return _mapped(raw, number, found, mapping)
    try:
        record = record_of_fields(raw, found) if own else record_of_event(raw, found)
    except (NoRecord, RecursionError) as error:
        return BadLine(number, _reason(error))
    if record is None:
        return BadLine(number, 'no name: neither "cmd" nor "name" is a text')
    if own:
        return LogLine(number, record, raw, own, tuple(found))
    step = 1_000_000 if type(raw.get("timing_ms")) is int else 1_000
    return LogLine(number, record, raw, own, tuple(found), stamp=raw.get("ts"), step_ns=step)


def _mapped(raw: dict[str, Any], number: int, problems: list[str], mapping: LineMapping) -> LogLine | BadLine:
    record = mapping.record_of(raw, problems)
    if record is None:
        return BadLine(number, mapping.no_name())
    return LogLine(
        number,
        record,
        raw,
        own=False,
        problems=tuple(problems),
        stamp=mapping.stamp(raw),
        step_ns=mapping.step_ns(raw),
        without=mapping.without,
    )


def _exported(raw: dict[str, Any], number: int, problems: Iterable[str]) -> Iterator[LogLine | BadLine]:
    """Yield what an export says; what is wrong with the line itself is a problem of its first record."""
    from pytest_telemetry.model.otlp_json import WITHOUT, records_of_export  # noqa: PLC0415 - who writes needs none of it

    found = tuple(problems)
    for record, wrong in records_of_export(raw):
        if record is None:
            yield BadLine(number, wrong[0])
        else:
            yield LogLine(number, record, {}, own=True, problems=found + wrong, without=WITHOUT)
            found = ()


_JSON_NAMES: Final[dict[type, str]] = {
    list: "an array",
    str: "a text",
    bool: "true or false",
    type(None): "null",
}


def _parse(line: bytes, problems: list[str]) -> Any:
    strict = True
    if not _LONG_NUMBER.search(line):
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            strict = False  # the standard library accepts more, and says better what is wrong
        else:
            if not _is_plainly_written(value, line):
                keys = shape_of(value, problems)
                if may_repeat_keys(line, keys):
                    problems.extend(repeated_keys(line))
            return value
    return read_with_care(line, problems, strict=strict)


def _is_plainly_written(value: Any, line: bytes) -> bool:
    """Tell whether *line* is what is written for *value*, so that nothing in it stands twice, nor too deep.

    That is the cheapest way to know it. A blank behind a colon or a comma may be there as well: without it, the line
    has the same parts, and if these are those of *value*, there are no more of them. Others are looked at more closely.
    """
    if line.count(b"{") + line.count(b"[") > DEEP:
        return False
    if line.find(b'": ', 0, 40) != -1:
        line = line.replace(b'": ', b'":').replace(b', "', b',"')
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE) == line


def _reason(error: ValueError | RecursionError, line: bytes = b"") -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if b"\0" in line:
        return "not JSON: it holds a NUL byte, as a disk that lost power or a binary file leaves them"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}"
    if isinstance(error, NoRecord):
        return str(error)
    return "a number with too many digits"


def _unread_reason(error: Exception, last: int) -> str:
    """Return why nothing is read after line *last*."""
    reason = str(error) if isinstance(error, UnreadableFile) else f"compressed data is damaged: {error}"
    return f"{reason}; nothing is read after line {last}" if last else reason


class Lines(Protocol):
    """What a `LogReader` needs of a stream; any binary file has it."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line, at most *limit* bytes of it, or nothing where there is none."""

    def close(self) -> None:
        """Let go of what is read."""


class LogReader(Iterator[LogLine | BadLine]):
    """Reads a log line by line; holds one line in memory, and none that is longer than 8 MiB, or 16 if it is an export.

    A line that is an export of OpenTelemetry is as many lines as it has records, all with its number. Compressed data
    that is damaged, or not to be trusted, ends in a bad line.

    Args:
        stream: What is read.
        file: Its name, for the lines.
        mapping: How lines are read that are neither in our own format nor exports; by default as older shapes.

    Attributes:
        events: Records so far.
        malformed: Lines so far that hold none, and parts of an export that are none.
        blank: Blank lines so far, and exports of nothing; they are skipped and are neither.
        offset: Bytes so far.
        number: Lines so far of the current file.
        first_bad: The first line that holds none.
        unread: Those that stand for the rest of a file, which was not read.
        file: Its name.
        line: The bytes of the line that was returned last, as they stand; of one that is too long, the beginning.
    """

    def __init__(self, stream: Lines, file: str = "", mapping: LineMapping | None = None) -> None:
        self.events = self.malformed = self.blank = self.offset = self.number = 0
        self.file = file
        self.line = b""
        self.first_bad: BadLine | None = None
        self.unread: list[BadLine] = []
        self._stream = stream
        self._mapping = mapping
        self._export: Iterator[LogLine | BadLine] = iter(())
        self._stored = self._begun = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> LogLine | BadLine:
        try:
            line = next(self._export, None) or self._next()
        except (*DAMAGE, UnreadableFile) as error:
            self._begin_file(io.BytesIO(), self.file)
            line = BadLine(self.number + 1, _unread_reason(error, self.number), is_rest=True)
            self.unread.append(line)
        line.file = self.file
        if isinstance(line, LogLine):
            self.events += 1
        else:
            self.malformed += 1
            self.first_bad = self.first_bad or line
        return line

    def _next(self) -> LogLine | BadLine:
        while True:
            line = self._stream.readline(MAX_LINE_BYTES + 1)
            if not line:
                raise StopIteration
            self.line = line
            self.number += 1
            limit = MAX_LINE_BYTES
            if len(line) > limit and begins_export(line):
                limit = MAX_EXPORT_BYTES
                if not line.endswith(b"\n"):
                    line += self._stream.readline(limit + 1 - len(line))
            self.offset += len(line)
            if len(line) > limit:
                return self._skip_rest(line, limit)
            if line.isspace() or line == codecs.BOM_UTF8:
                self.blank += 1
                continue
            problems: list[str] = []
            raw = _object_of(line, self.number, problems)
            if isinstance(raw, BadLine):
                if not line.endswith(b"\n") and raw.reason.startswith("not JSON"):
                    raw.reason = f"torn last line, {raw.reason}"
                return raw
            if not is_export(raw):
                return decode_object(raw, self.number, problems, self._mapping)
            self._export = _exported(raw, self.number, problems)
            first = next(self._export, None)
            if first is not None:
                return first
            self.blank += 1

    def _skip_rest(self, line: bytes, limit: int) -> BadLine:
        while line and not line.endswith(b"\n"):
            line = self._stream.readline(MAX_LINE_BYTES)
            self.offset += len(line)
        return BadLine(self.number, f"longer than {limit:,} bytes")

    def consumed(self) -> int:
        """Return how many bytes of the files were read so far, as they are stored: compressed ones count as such."""
        compressed = compressed_bytes(self._stream)
        return self._stored + (self.offset - self._begun if compressed is None else compressed)

    def _begin_file(self, stream: Lines, file: str) -> None:
        """Go on with another stream; what was read of the one before is counted."""
        self._stored, self._begun = self.consumed(), self.offset
        self._stream.close()
        self._stream, self.file = stream, file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream; idempotent."""
        self._stream.close()
