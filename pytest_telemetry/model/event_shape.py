"""The event lines of older logs, read as Records and written from them (layer 0).

Both mappings are tables of ``docs/reference/wire.md``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from pytest_telemetry.model.record import INSTRUMENTS, Record, Status
from pytest_telemetry.model.stamps import stamp_has_zone, stamp_ns, stamp_of

__all__ = ("duration_of", "event_of_record", "record_of_event", "status_of")

_PREFIXED: Final = ("args", "result", "tokens")
_TAKEN: Final = frozenset({"ts", "run_id", "cmd", "timing_ms", "warnings", "x", *_PREFIXED})
_FAILED: Final = frozenset({"error", "fail", "failed", "timeout"})

# At the top level they would be read as more fields, as the mark of our own format, and as that of a metric.
_MISREAD: Final = frozenset({"x", "record", "instrument"})
_LONGEST_MS: Final = 10**15
_SEPARATOR: Final = re.compile(r"[/\\]")
_FACTS: Final = ("value", "instrument", "level", "error")


def record_of_event(raw: Mapping[str, Any], problems: list[str]) -> Record | None:
    """Return what an older line says, or None if it has no name.

    A line with ``timing_ms`` is a finished span, one with ``value`` and an ``instrument`` a metric, any other an
    event. What is there but unreadable is left out of the Record, and one line about it is added to *problems*.
    """
    name = raw.get("cmd", raw.get("name"))
    if not isinstance(name, str) or not name:
        return None
    duration_ns = duration_of(raw.get("timing_ms"), problems)
    is_metric = duration_ns is None and "value" in raw and raw.get("instrument") in INSTRUMENTS
    return Record(
        "metric" if is_metric else "event" if duration_ns is None else "span",
        name,
        name,
        _time_ns(raw.get("ts"), problems),
        duration_ns,
        raw["value"] if is_metric else None,
        raw["instrument"] if is_metric else None,
        status=status_of(raw.get("result")),
        attrs=_attrs(
            raw, {"cmd" if "cmd" in raw else "name", *(("value", "instrument") if is_metric else ())}
        ),
        run_id=_run_id(raw.get("run_id"), problems),
        source="log file",
    )


def duration_of(timing: Any, problems: list[str]) -> int | None:
    """Return ``timing_ms`` in nanoseconds; None, and a line in *problems*, where it is no usable number."""
    if timing is None:
        return None
    if isinstance(timing, bool) or not isinstance(timing, (int, float)) or timing - timing != 0:
        problems.append("timing_ms: not a number")
        return None
    if not -_LONGEST_MS < timing < _LONGEST_MS:  # before it is multiplied: it may have hundreds of digits
        problems.append("timing_ms: beyond what a clock can count")
        return None
    duration = timing * 1_000_000 if isinstance(timing, int) else round(timing * 1_000_000)
    if not -(2**63) <= duration < 2**63:
        problems.append("timing_ms: beyond what a clock can count")
        return None
    return duration


def _time_ns(stamp: Any, problems: list[str]) -> int | None:
    if not isinstance(stamp, str):
        problems.append("ts: missing" if stamp is None else "ts: not a text")
        return None
    time_ns = stamp_ns(stamp)
    if time_ns is None:
        problems.append("ts: not a date with a time")
    elif not stamp_has_zone(stamp):
        problems.append("ts: no offset from UTC, read as UTC")
    return time_ns


def _run_id(run_id: Any, problems: list[str]) -> str | None:
    if run_id is None or run_id == "":
        return None
    if not isinstance(run_id, str):
        problems.append("run_id: not a text")
        return str(run_id)[:100]
    return run_id


def status_of(result: Any) -> Status:
    """Return what a ``result`` says of success, by its ``status``."""
    status = result.get("status") if isinstance(result, Mapping) else None
    if not isinstance(status, str):  # nor does it have to be comparable
        return "unset"
    return "ok" if status == "ok" else "error" if status in _FAILED else "unset"


def _attrs(raw: Mapping[str, Any], done: AbstractSet[str]) -> dict[str, Any]:
    """Merge args, result and tokens under their prefixes, extra fields and those of ``x`` without one."""
    attrs: dict[str, Any] = {}
    for group in _PREFIXED:
        members = raw.get(group)
        if isinstance(members, Mapping):
            for key, value in members.items():
                attrs[f"{group}.{key}"] = value
        elif members is not None:
            attrs[group] = members
    attrs |= {
        key: value
        for key, value in raw.items()
        if key not in _TAKEN and key not in done and value is not None
    }
    extra = raw.get("x")
    if isinstance(extra, Mapping):
        for key, value in extra.items():
            attrs[f"x.{key}" if key in attrs else key] = value
    elif extra is not None:
        attrs["x"] = extra
    if raw.get("warnings"):
        attrs["warnings"] = raw["warnings"]
    return attrs


def event_of_record(record: Record) -> tuple[dict[str, Any], int]:
    """Return the event line of *record*, and how many attributes are in it as ``extra.<key>``.

    Values are those of the record. The nine keys of the shape are always there, in its order.
    """
    groups: dict[str, dict[str, Any]] = {"args": {}, "result": {}, "tokens": {}}
    extra: dict[str, Any] = {}
    for key, value in record.attrs.items():
        group, dot, member = key.partition(".") if type(key) is str else ("", "", "")
        if dot and group in groups:
            groups[group][member] = value
        else:
            extra[key] = value
    if record.status != "unset":
        groups["result"].setdefault("status", record.status)
    line: dict[str, Any] = {
        "ts": None if record.time_ns is None else stamp_of(record.time_ns),
        "run_id": record.run_id,
        "segment": _segment(extra),
        "cmd": record.name,
        "args": _group("args", groups, extra),
        "result": _group("result", groups, extra),
        "timing_ms": None if record.duration_ns is None else _milliseconds(record.duration_ns),
        "tokens": _group("tokens", groups, extra),
        "warnings": [],
    }
    if extra.get("warnings") is not None:
        line["warnings"] = extra.pop("warnings")
    for name in _FACTS:
        fact = getattr(record, name)
        if fact is not None:
            line[name] = fact
    renamed = 0
    for key, value in extra.items():
        name = key
        while name in line or name in _MISREAD:
            name = f"extra.{name}"
        renamed += name is not key
        line[name] = value
    return line, renamed


def _group(name: str, groups: Mapping[str, dict[str, Any]], extra: dict[str, Any]) -> Any:
    """Return the members of a group, or what stands there in place of one, as a line may have it."""
    members = groups[name]
    if members or extra.get(name) is None or isinstance(extra[name], Mapping):
        return members
    return extra.pop(name)


def _milliseconds(duration_ns: int) -> int | float:
    whole, rest = divmod(duration_ns, 1_000_000)
    return whole if not rest else duration_ns / 1_000_000


def _segment(extra: dict[str, Any]) -> str | None:
    """Take the segment out of *extra* if it is a text or a path; an absolute one becomes a stable id with a label."""
    given = extra.get("segment")
    if given is None or not isinstance(given, (str, os.PathLike)):
        return None
    segment = os.fsdecode(extra.pop("segment"))
    if _SEPARATOR.search(segment) is None:  # a label: no path, and nothing to be loaded
        return segment
    from pytest_telemetry.model.path_form import label_for, normal_form  # noqa: PLC0415 - with all of OpenSSL
    from pytest_telemetry.model.paths import starts_absolute  # noqa: PLC0415 - with all that finds paths in texts

    if not starts_absolute(segment):
        return segment
    return f"external/{label_for(normal_form(segment))}"
