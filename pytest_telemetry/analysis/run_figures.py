"""What the records of one run come to: the figures of ``last_run.json`` (layer 3).

Live and afterwards they are computed here, from nothing but records, so that a log can be asked whether it
supports a file.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.analysis.command_figures import room_for
from pytest_telemetry.model.durations import Durations
from pytest_telemetry.model.lsp import UNASKED, said
from pytest_telemetry.model.plain import plain, text_of, whole
from pytest_telemetry.model.stats import Method, summary_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.model.record import Record

__all__ = ("DENOMINATORS", "FORKED", "SECTIONS", "RunFigures", "rate")

SECTIONS: Final = ("counters", "latencies", "tokens", "ast", "lsp", "file_read", "top_warnings")
"""What `RunFigures.as_dict` returns."""

DENOMINATORS: Final = {
    "ast_cache_hit_rate": ("ast_cache_hit_count", "ast_cache_lookup_count"),
    "lsp_ready_rate": ("lsp_ready_count", "lsp_spawn_count"),
    "lsp_timeout_rate": ("lsp_timeout_count", "lsp_definition_count"),
    "lsp_fallback_rate": ("lsp_fallback_count", "lsp_definition_count"),
}
"""Each rate with what it divides by what."""

FORKED: Final = "forked_pid"
"""Attribute of a record that a forked child wrote: no figure of the run is about it."""

_TOKENS: Final = ("input", "output", "total", "retrieved")
_MODES: Final = ("skeleton", "excerpt", "raw")
_AST_COUNTS: Final = {
    "ast_parse_count": "ast.parse",
    "ast_cache_hit_count": "ast.cache.hit",
    "ast_cache_miss_count": "ast.cache.miss",
}
_TIMEOUT: Final = "lsp.timeout"
_FALLBACK: Final = "lsp.fallback"
_OF_DEFINITIONS: Final = frozenset({"", "definition", "textdocument/definition"})
_LSP_COUNTS: Final = {
    "lsp_spawn_count": "lsp.spawn",
    "lsp_ready_count": "lsp.ready",
    "lsp_definition_count": "lsp.definition",
    "lsp_timeout_count": _TIMEOUT,
    "lsp_fallback_count": _FALLBACK,
}


class RunFigures:
    """Takes records one by one, and keeps eight bytes of each span and less of the rest.

    A count is that of the counter of its name where the run has one (``ast_parse_count``), or else how many
    records of the name it stands for there are (``ast.parse``); of ``lsp.timeout`` those of definitions, or that name
    no method, and of ``lsp.fallback`` those where one was asked for, as the rates are of these. A rate is None
    where its denominator is 0. Values of any type are counted as a log keeps them, and none of them makes it raise.
    From the ten-thousandth name on, new ones are taken together as ``(others)``.

    Args:
        method: How percentiles are computed.

    Attributes:
        method: As it was given.
        taken: How many records there were.
        first_ns: When the first one began or happened; None before there is one, or where it does not say.
        earliest_ns: The earliest time at which any one began or happened; None where none says: a span that others
            stand below begins before them, and comes after them.
    """

    def __init__(self, method: Method = "linear") -> None:
        self.method: Method = method
        self.taken = 0
        self.first_ns: int | None = None
        self.earliest_ns: int | None = None
        self._durations: dict[str, Durations] = {}
        self._names: Counter[str] = Counter()
        self._counters: dict[str, float] = {}
        self._tokens: dict[str, Counter[str]] = {}
        self._bytes: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()

    def add(self, record: Record) -> str:
        """Take the next record, and return the name under which it is counted."""
        if not self.taken:
            self.first_ns = record.time_ns
        if record.time_ns is not None and (self.earliest_ns is None or record.time_ns < self.earliest_ns):
            self.earliest_ns = record.time_ns
        self.taken += 1
        return self._count_metric(record) if record.kind == "metric" else self._count_other(record)

    def _count_metric(self, record: Record) -> str:
        value = _kept(record.value)
        if record.instrument != "counter" or not _is_number(value):
            return record.name
        name = room_for(whole(record.name), self._counters)
        after = self._counters.get(name, 0) + value
        if _is_number(after):  # no number of its file is infinite
            self._counters[name] = after
        return name

    def _count_other(self, record: Record) -> str:
        attrs = record.attrs
        name = room_for(whole(record.name), self._names)
        self._names[name] += 1
        if record.duration_ns is not None:
            durations = self._durations.get(name)
            if durations is None:
                durations = self._durations[name] = Durations()
            durations.add(record.duration_ns)
        if not attrs:
            return name
        if (name == _TIMEOUT and said(record, "method") not in _OF_DEFINITIONS) or (
            name == _FALLBACK and said(record, "reason") in UNASKED
        ):
            self._names[name] -= 1
        if any(f"tokens.{kind}_tokens" in attrs for kind in _TOKENS):
            self._add_tokens(name, attrs)
        if record.name == "file.read" and _is_number(read := _kept(attrs.get("bytes_read"))):
            mode = _kept(attrs.get("disclosure_mode"))
            self._bytes[mode if mode in _MODES else "other"] += read
        warnings = _kept(attrs.get("warnings"))
        for warning in warnings if isinstance(warnings, list) else ():
            text = warning if isinstance(warning, str) else text_of(warning)
            self._warnings[room_for(text, self._warnings)] += 1
        return name

    def _add_tokens(self, name: str, attrs: Mapping[str, Any]) -> None:
        sums = self._tokens.setdefault(name, Counter())
        sums["count"] += 1
        sums["estimated"] += attrs.get("tokens.estimated") is True
        for kind in _TOKENS:
            given = _kept(attrs.get(f"tokens.{kind}_tokens"))
            sums[f"total_{kind}_tokens"] += given if _is_number(given) else 0

    def counters(self) -> dict[str, float]:
        """Return what was added to each counter."""
        return dict(self._counters)

    def warnings(self) -> dict[str, int]:
        """Return how often each warning was given."""
        return dict(self._warnings)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures, one mapping for each of `SECTIONS`; milliseconds and bytes."""
        ast = {name: self._count(name, record) for name, record in _AST_COUNTS.items()}
        ast["ast_cache_lookup_count"] = ast["ast_cache_hit_count"] + ast["ast_cache_miss_count"]
        lsp = {name: self._count(name, record) for name, record in _LSP_COUNTS.items()}
        read = {f"{mode}_bytes": self._read(mode) for mode in (*_MODES, "other")}
        return {
            "counters": self.counters(),
            "latencies": {
                name: summary_ms(self._durations[name].ordered(), self.method)
                for name in sorted(self._durations)
            },
            "tokens": {
                name: {
                    "count": sums["count"],
                    "estimated": sums["estimated"],
                    **{f"total_{kind}_tokens": sums[f"total_{kind}_tokens"] for kind in _TOKENS},
                    "avg_tokens_per_call": round(sums["total_total_tokens"] / sums["count"], 3),
                }
                for name, sums in sorted(self._tokens.items())
            },
            "ast": ast | _rates(ast),
            "lsp": lsp | _rates(lsp),
            "file_read": read | {"total_bytes": sum(read.values())},
            "top_warnings": [
                {"warning": warning, "count": count} for warning, count in self._warnings.most_common(5)
            ],
        }

    def _count(self, counter: str, name: str) -> float:
        return self._counters.get(counter, self._names[name])

    def _read(self, mode: str) -> float:
        return self._counters.get(f"file_read_{mode}_bytes_total", self._bytes[mode])


def rate(part: float, of: float) -> float | None:
    """Return *part* divided by *of* to four digits; None where there is nothing to divide by, or no float can say it."""
    try:
        return round(part / of, 4) if of else None
    except OverflowError:
        return None


def _rates(counts: Mapping[str, float]) -> dict[str, float | None]:
    return {
        name: rate(counts[part], counts[of]) for name, (part, of) in DENOMINATORS.items() if part in counts
    }


def _kept(value: Any) -> Any:
    """Return what a log keeps of *value*, so that live and afterwards the same is counted; never raises."""
    return plain(value, "", {})


def _is_number(value: Any) -> bool:
    """Tell whether it can be added up: a number, and none of hundreds of digits."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -(2**63) <= value < 2**63
