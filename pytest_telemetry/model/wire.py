"""The line format of event logs: writes our own, reads that and every older shape (layer 0).

The format and what becomes of each field of the older shapes is in ``docs/reference/wire.md``.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from pytest_telemetry.model.event_shape import event_of_record, record_of_event
from pytest_telemetry.model.plain import plain, restorable, restore
from pytest_telemetry.model.record import INSTRUMENTS, KINDS, STATUSES, Record

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = (
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

FORMAT: Final = 1
MAX_LINE_BYTES: Final = 8 * 1024 * 1024

# In the order of the line, each with what it is where the line does not say.
_DEFAULTS: Final[dict[str, Any]] = {
    "kind": None,
    "name": None,
    "scope": None,
    "time_ns": None,
    "duration_ns": None,
    "value": None,
    "instrument": None,
    "status": "unset",
    "error": None,
    "attrs": None,
    "run_id": None,
    "trace_id": None,
    "span_id": None,
    "parent_id": None,
    "seq": None,
    "source": "api",
    "level": None,
    "thread": None,
}
_FIELDS: Final = tuple(_DEFAULTS.items())
_values_of: Final = attrgetter(*_DEFAULTS)
_KNOWN: Final = frozenset({*_DEFAULTS, "record", "types"})

_VALID: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    **dict.fromkeys(("time_ns", "duration_ns", "seq"), (lambda value: type(value) is int, "an integer")),
    **dict.fromkeys(
        ("scope", "error", "run_id", "trace_id", "span_id", "parent_id", "source", "level", "thread"),
        (lambda value: isinstance(value, str), "a text"),
    ),
    "instrument": (lambda value: value in INSTRUMENTS, f"one of {', '.join(INSTRUMENTS)}"),
    "status": (lambda value: value in STATUSES, f"one of {', '.join(STATUSES)}"),
    "attrs": (lambda value: isinstance(value, dict), "an object"),
}

# orjson reads integers of more than 64 bits as floats; a line that may hold one is left to the standard library.
_LONG_NUMBER: Final = re.compile(rb"\d{20}")


@dataclass(slots=True)
class LogLine:
    """A line that holds a record.

    Attributes:
        number: Line of the file, counted from 1.
        record: What it says.
        raw: The line as it stands, before any mapping.
        own: Whether it is in our own format; False for the older shapes.
        problems: What was unreadable, wrong or read leniently, ``field: reason`` each.
        file: Name of the file it stands in, where the reader knows it.
    """

    number: int
    record: Record
    raw: dict[str, Any]
    own: bool
    problems: tuple[str, ...] = ()
    file: str = ""


@dataclass(slots=True)
class BadLine:
    """A line that holds no record.

    Attributes:
        number: Line of the file, counted from 1.
        reason: Why, in one line that quotes nothing of it.
        file: Name of the file it stands in, where the reader knows it.
    """

    number: int
    reason: str
    file: str = ""


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
    if not _are_flat((record.value, *record.attrs.values())):
        return None
    try:
        return orjson.dumps(fields, option=_STRICTLY)
    except TypeError:  # half a surrogate pair, or an integer of more than 64 bits, for two
        return None


def encode_value(value: Any, place: str, types: dict[str, str]) -> str:
    """Return *value* as the JSON text that it is in a line; never raises on values.

    What JSON cannot hold is noted in *types*, under places that begin with *place*: see `plain`.
    """
    if type(value) is dict and _are_flat(value.values()):
        try:
            return orjson.dumps(value).decode()
        except (
            orjson.JSONEncodeError
        ):  # half a surrogate pair, an integer of more than 64 bits, a key that is no text
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


_ATOMS: Final = frozenset({str, int, bool, type(None)})


def _are_flat(values: Iterable[Any]) -> bool:
    """Tell whether JSON holds all *values* as they are, or an encoder says that it cannot."""
    for value in values:
        if type(value) not in _ATOMS and not (type(value) is float and value - value == 0):  # NaN, infinity
            return False
    return True


def decode_line(line: bytes, number: int) -> LogLine | BadLine:
    """Return what one line says; never raises on its content.

    Of a key that stands twice in one object the last value counts, as JSON readers have it.
    """
    problems: list[str] = []
    try:
        raw = _parse(line.removeprefix(codecs.BOM_UTF8), problems)
    except (ValueError, RecursionError) as error:
        return BadLine(number, _reason(error))
    if not isinstance(raw, dict):
        return BadLine(number, f"not an object, but {_JSON_NAMES.get(type(raw), 'a number')}")
    return decode_object(raw, number, problems)


def decode_object(raw: dict[str, Any], number: int, problems: Iterable[str] = ()) -> LogLine | BadLine:
    """Return what the object of a line says; *problems* are those of the line itself."""
    found = list(problems)
    own = type(raw.get("record")) is int and "kind" in raw
    try:
        record = _record_of_fields(raw, found) if own else record_of_event(raw, found)
    except (_NoRecordError, RecursionError) as error:
        return BadLine(number, _reason(error))
    if record is None:
        return BadLine(number, 'no name: neither "cmd" nor "name" is a text')
    return LogLine(number, record, raw, own, tuple(found))


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
            return orjson.loads(line)
        except orjson.JSONDecodeError:
            strict = False  # the standard library accepts more, and says better what is wrong
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        text = line.decode(errors="replace")
        problems.append(f"line: not UTF-8 at byte {error.start + 1}")
    value = json.loads(text, parse_constant=lambda name: _constant(name, problems))
    if not strict and not problems:
        problems.append("line: not strict JSON")  # half a surrogate pair, for one
    return value


def _constant(name: str, problems: list[str]) -> float:
    problems.append(f"line: {name} is not JSON")
    return float(name)


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}"
    if isinstance(error, _NoRecordError):
        return str(error)
    return "a number with too many digits"


class _NoRecordError(ValueError):
    """A line in our own format that says what no record is."""


def _record_of_fields(raw: dict[str, Any], problems: list[str]) -> Record:
    """Return the record of a line in our own format.

    Raises:
        _NoRecordError: It is none.
    """
    if raw["record"] > FORMAT:
        raise _NoRecordError(f"record format {raw['record']} is newer than this reader, which knows {FORMAT}")
    if raw["kind"] not in KINDS:
        raise _NoRecordError(f"kind is none of {', '.join(KINDS)}")
    if not isinstance(raw.get("name"), str) or not raw["name"]:
        raise _NoRecordError("no name")
    fields = {name: raw.get(name, default) for name, default in _DEFAULTS.items()}
    types = raw.get("types")
    if isinstance(types, dict):
        fields = _copied(fields)
        problems.extend(restore(fields, types))
    problems.extend(f"{name[:40]}: unknown field" for name in sorted(raw.keys() - _KNOWN)[:10])
    for name, (fits, expected) in _VALID.items():
        if fields[name] is not None and not fits(fields[name]):
            problems.append(f"{name}: not {expected}")
            fields[name] = _DEFAULTS[name]
    if fields["attrs"] is None:
        fields["attrs"] = {}
    if fields["scope"] is None:
        fields["scope"] = fields["name"]
    return Record(**fields)


def _copied(value: Any) -> Any:
    """Copy the containers of *value*, so that restoring types leaves the raw line as it is."""
    if isinstance(value, dict):
        return {key: _copied(member) for key, member in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


class Lines(Protocol):
    """What a `LogReader` needs of a stream; any binary file has it."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line, at most *limit* bytes of it, or nothing where there is none."""

    def close(self) -> None:
        """Let go of what is read."""


class LogReader(Iterator[LogLine | BadLine]):
    """Reads a log line by line; holds one line in memory, and none that is longer than 8 MiB.

    Compressed data that is damaged ends in a bad line.

    Args:
        stream: What is read.
        file: Its name, for the lines.

    Attributes:
        events: Lines so far that hold a record.
        malformed: Lines so far that do not.
        blank: Blank lines so far; they are skipped and are neither.
        offset: Bytes so far.
        number: Lines so far of the current file.
        file: Its name.
        line: The bytes of the line that was returned last, as they stand; of one that is too long, the beginning.
    """

    def __init__(self, stream: Lines, file: str = "") -> None:
        self.events = self.malformed = self.blank = self.offset = self.number = 0
        self.file = file
        self.line = b""
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> LogLine | BadLine:
        try:
            return self._next()
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.close()
            self._stream = io.BytesIO()
            self.malformed += 1
            return BadLine(self.number + 1, f"compressed data is damaged: {error}", self.file)

    def _next(self) -> LogLine | BadLine:
        while True:
            line = self._stream.readline(MAX_LINE_BYTES + 1)
            if not line:
                raise StopIteration
            self.line = line
            self.number += 1
            self.offset += len(line)
            if len(line) > MAX_LINE_BYTES:
                self.malformed += 1
                return self._skip_rest(line)
            if line.isspace() or line == codecs.BOM_UTF8:
                self.blank += 1
                continue
            decoded = decode_line(line, self.number)
            decoded.file = self.file
            if isinstance(decoded, LogLine):
                self.events += 1
            else:
                self.malformed += 1
                if not line.endswith(b"\n") and decoded.reason.startswith("not JSON"):
                    decoded.reason = f"torn last line, {decoded.reason}"
            return decoded

    def _skip_rest(self, line: bytes) -> BadLine:
        while line and not line.endswith(b"\n"):
            line = self._stream.readline(MAX_LINE_BYTES)
            self.offset += len(line)
        return BadLine(self.number, f"longer than {MAX_LINE_BYTES:,} bytes", self.file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream; idempotent."""
        self._stream.close()
