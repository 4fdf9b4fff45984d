"""Records that a store must give back as they were, and patterns that it must understand (layer 5)."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.pattern import event, log, metric, only, span
from pytest_telemetry.model.record import KINDS, Record
from pytest_telemetry.model.values import between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.model.pattern import Pattern

__all__ = ("PATTERNS", "UNWRITABLE", "VALUES", "numbered", "sample_records", "searched_records")

VALUES: Final[dict[str, Any]] = {
    "none": None,
    "true": True,
    "false": False,
    "zero": 0,
    "smallest of 64 bits": -(2**63),
    "largest of 64 bits": 2**63 - 1,
    "largest without sign": 2**64 - 1,
    "below 64 bits": -(2**63) - 1,
    "beyond 64 bits": 2**64,
    "far beyond 64 bits": -(2**300),
    "fraction": 0.1,
    "whole fraction": 1.0,
    "negative zero": -0.0,
    "smallest fraction": 5e-324,
    "largest fraction": 1.7976931348623157e308,
    "not a number": math.nan,
    "infinite": math.inf,
    "negative infinite": -math.inf,
    "empty text": "",
    "text of a number": "10",
    "text of nothing": "null",
    "quotes": "'\"`\\ -- ; %s {} $1",
    "control characters": "\x00\x01\t\r\n\x1b\x7f\u2028",
    "other scripts": "Gr\u00fc\u00dfe \u6f22\u5b57 \u0639\u0631\u0628 \U0001f600 e\u0301",
    "long text": "x" * 100_000,
    "empty list": [],
    "empty tuple": (),
    "empty dictionary": {},
    "tuple": (1, (2.5, ("three",)), [()]),
    "nested": {"a": {"b": [{"c": (None, True, {"d": -(2**70)})}], "": {"": ()}}, "nan": [math.nan]},
    "keys": {"a/b": (1,), "a~b": (2,), "a.b": 3, "'": 4, "\u6f22": 5, " ": 6, "types": 7, "record": 8},
}
"""Values of attributes and measurements, by what is special about them."""

_FULL: Final[dict[str, Any]] = {
    "duration_ns": 1_500_000,
    "value": 2.5,
    "instrument": "histogram",
    "status": "error",
    "error": "json.decoder.JSONDecodeError",
    "attrs": {"rows": 1},
    "run_id": "run-1",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
    "parent_id": "00f067aa0ba902b7",
    "seq": 7,
    "source": "otel",
    "level": "warning",
    "thread": "MainThread",
}
_EMPTY: Final[dict[str, Any]] = {
    **dict.fromkeys(("scope", "error", "run_id", "trace_id", "span_id", "parent_id", "source", "level"), ""),
    **dict.fromkeys(("thread", "value"), ""),
    **dict.fromkeys(("time_ns", "duration_ns", "seq"), 0),
    "attrs": {"": ""},
}


class _Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no text for this one")


def _circle() -> list[Any]:
    circle: list[Any] = [1]
    circle.append(circle)
    return circle


UNWRITABLE: Final[dict[str, Any]] = {
    "object": object(),
    "class": Record,
    "bytes": b"\xff\x00",
    "complex": 1j,
    "set": {1, 2},
    "half a surrogate pair": "a\ud800b",
    "no text": _Unspeakable(),
    "circle": _circle(),
    "keys that are no text": {1: "one", None: "none", (2, 3): "pair"},
}
"""Values that no file can hold as they are."""


def numbered(count: int, start: int = 0) -> list[Record]:
    """Return so many events that differ in ``seq`` and in nothing else."""
    return [
        Record("event", "e", "e", 1_767_306_948_000_000_000, seq=start + number) for number in range(count)
    ]


def sample_records() -> list[Record]:
    """Return records of every kind: with each field set alone, with each one missing, and with all `VALUES`."""
    return list(_samples())


def _samples() -> Iterator[Record]:
    for kind in KINDS:
        bare = Record(kind, "a.b", "a.b", 1_767_306_948_123_456_789)
        yield bare
        yield replace(bare, time_ns=None)
        yield replace(bare, **_FULL)
        for name, value in _FULL.items():
            yield replace(bare, **{name: value})
            yield replace(bare, **{other: rest for other, rest in _FULL.items() if other != name})
        for name, value in _EMPTY.items():
            yield replace(bare, **{name: value})
    for number, (what, value) in enumerate(VALUES.items()):
        yield Record("event", "value", "value", number, attrs={what: value, "beside": 1}, seq=number)
        yield Record("metric", what, what, number, value=value, instrument="gauge", seq=number)
    yield Record("event", "\u6f22 \n'\"%_*", "\U0001f600", 1, attrs=dict(VALUES))


def searched_records() -> list[Record]:
    """Return records among which each of `PATTERNS` has something to find and something to leave."""
    return [
        *(
            Record(
                "span",
                name,
                f"etl.{name}",
                10,
                duration,
                None,
                None,
                status,
                error,
                attrs,
                seq=seq,
                thread=thread,
            )
            for seq, (name, duration, status, error, attrs, thread) in enumerate(_SPANS)
        ),
        Record("event", "load", "etl.load", 20, attrs={"rows": 10}, seq=20, source="otel", run_id="r"),
        Record("event", "e", "e", 20, attrs={"event_type": "agent_run"}, seq=21),
        Record(
            "metric", "rows.read", "etl.rows.read", 30, None, 10, "counter", attrs={"format": "csv"}, seq=30
        ),
        Record("metric", "rows.read", "etl.rows.read", 30, None, 10.5, "gauge", seq=31),
        Record("metric", "rows.read", "rows.read", 30, None, "10", seq=32),
        Record("metric", "rows.kept", "rows.kept", 30, None, None, seq=33),
        Record("log", "slow disk", "slow disk", 40, seq=40, level="warning", source="logging"),
        Record("log", "slow net", "slow net", 40, seq=41, level="error", source="structlog"),
        Record("log", "100% done", "etl.100% done", 40, seq=42, level="info", attrs={"msg": "a_b"}),
    ]


_SPANS: Final[tuple[tuple[str, int | None, Any, str | None, dict[str, Any], str | None], ...]] = (
    ("load", 1_000_000, "ok", None, {"rows": 10}, "MainThread"),
    ("load", 2_000_000, "unset", None, {"rows": 10, "path": "data/a.csv"}, "worker"),
    ("load", None, "unset", None, {"rows": "10"}, None),
    ("LOAD", 0, "unset", None, {"rows": 10.0}, None),
    ("load.part", 3_000_000_000, "error", "builtins.ValueError", {"rows": None}, None),
    ("loader", 1, "error", "ValueError", {"rows": True}, None),
    ("a_b", 1, "error", "json.decoder.JSONDecodeError", {"user": "***"}, None),
    ("axb", 1, "unset", None, {"user": "secret"}, None),
    ("a%b", 1, "unset", None, {"http.status": 200, "status": "error"}, None),
    ("o'brien", 1, "unset", None, {"tags": ["a", "b"], "pair": (1, 2)}, None),
    ("[a]", 1, "unset", None, {"deep": {"rows": 10, "list": [{"x": 1}]}}, None),
    ("\u6f22\u5b57", 1, "unset", None, {"rows": 2**70, "\u00fc": "\u00df"}, None),
    ("empty", 1, "unset", None, {}, ""),
)

_RAN: Final = event("e", event_type="agent_run")

PATTERNS: Final[tuple[Pattern, ...]] = (
    *(
        span(name)
        for name in ("load", "LOAD", "load*", "*oad", "*", "a_b", "a%b", "a*b", "[a]", "o'brien", "**")
    ),
    *(span(name) for name in ("nowhere", "\u6f22*", re.compile("^lo"), re.compile("(?i)load$"))),
    *(make("*") for make in (event, metric, log)),
    *(span("*", rows=rows) for rows in (10, "10", 10.0, True, None, "*", "1*", 2**70, between(5, 15))),
    *(span("*", duration=length) for length in (0, 0.001, None, "*", between(0.001, 0.002), between(1))),
    *(span("*", status=status) for status in ("unset", "ok", "error", "*", "un*")),
    *(
        span("*", error=error)
        for error in ("ValueError", ValueError, "*Error", "*", None, re.compile("JSON"))
    ),
    *(span("*", scope=scope) for scope in ("etl.load", "etl.*", "load")),
    *(span("*", thread=thread) for thread in ("MainThread", "work*", "", None)),
    *(span("*", user=user) for user in ("***", "*", "secret")),
    span("*", {"http.status": 200}),
    span("*", {"status": "error"}),
    span("*", {"\u00fc": "\u00df"}),
    span("*", tags=["a", "b"]),
    span("*", pair=(1, 2)),
    span("*", pair=[1, 2]),
    span("*", deep={"rows": 10, "list": [{"x": 1}]}),
    span("load", rows=10, path="data/*"),
    span("load", only(rows=10)),
    span("*", only()),
    span("*", span("load")),
    span("load", ..., rows=10),
    event("load", source="otel"),
    event("*", source="a*"),
    metric("rows.read", 10),
    metric("rows.read", 10.5),
    metric("rows.read", "10"),
    metric("*", None),
    metric("rows.*", between(10, 11)),
    metric("rows.read", format="csv"),
    log.warning("slow *"),
    log.error("*"),
    log("100% done", msg="a_b"),
    log("*", level="w*"),
    log("*", source="logging"),
    _RAN,
    ~span("load"),
    ~_RAN,
    ~(span("*") | log("*")),
    span("load") | _RAN | metric("rows.kept"),
    span("*", status="error") | span("*", rows=10),
    span("load") * 1,
    span("load") * 2,
    span("load") * between(0, 5),
    span("load") >> _RAN,
    span("load") & _RAN,
)
"""Patterns of every sort, to be asked of `searched_records`; some describe none of them alone."""
