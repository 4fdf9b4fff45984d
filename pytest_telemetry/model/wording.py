"""How values and records are put into words: on one line, short, the same in every run (layer 0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_telemetry.model.record import Record

__all__ = (
    "a_few",
    "brief",
    "cost",
    "label",
    "moved",
    "one_line",
    "percent",
    "plural",
    "quantity",
    "seconds",
    "shorten",
)

_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")
_A_FEW: Final = 4
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: str) -> str:
    r"""Return *text* with line breaks and control characters written as escapes, for example ``\n``."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def shorten(text: str, limit: int) -> str:
    """Return *text*, or its beginning and ``...`` where it is longer than *limit* characters."""
    return text if len(text) <= limit else f"{text[: max(limit - 3, 0)]}..."


def brief(value: object, limit: int = 60) -> str:
    """Return the repr of *value* on one line, without memory addresses, at most *limit* characters long."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a broken __repr__ must not hide what is being reported
        text = f"<{type(value).__qualname__}, whose repr raised {type(error).__qualname__}>"
    return shorten(one_line(_ADDRESS.sub("", text)), limit)


def seconds(ns: int) -> str:
    """Return nanoseconds as seconds with their unit, exactly: ``1.5 s``."""
    whole, fraction = divmod(abs(ns), 1_000_000_000)
    digits = f"{whole}.{fraction:09d}".rstrip("0").rstrip(".")
    return f"{'-' if ns < 0 else ''}{digits} s"


def plural(count: int, noun: str) -> str:
    """Return the count with its noun: ``1 record``, ``1,200 records``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def a_few(names: Sequence[str]) -> str:
    """Return up to four *names*, of which the last may be how many there are besides: ``a, b, c and 2 others``."""
    shown = names if len(names) <= _A_FEW else names[: _A_FEW - 1]
    more = len(names) - len(shown)
    texts = [*shown, plural(more, "other")] if more else [*shown]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def quantity(value: float, unit: str) -> str:
    """Return *value* with its unit (``x`` for a ratio), in as many digits as can be trusted."""
    if unit == "x":
        return f"{value:.{3 if value < 1 else 2 if value < 10 else 0}f} x"
    if unit == "operations/s":
        return f"{value:,.0f} operations/s"
    return f"{value:,.{0 if abs(value) >= 100 else 1}f} {unit}"


def cost(value: float, unit: str) -> str:
    """Return *value* for a reader: nanoseconds become microseconds or milliseconds where that is shorter."""
    if unit == "ns" and abs(value) >= 1e6:
        return quantity(value / 1e6, "ms")
    if unit == "ns" and abs(value) >= 1e4:
        return quantity(value / 1e3, "us")
    return quantity(value, unit)


def percent(fraction: float) -> str:
    """Return a change with its sign: ``+9.6 %`` for 0.096."""
    return f"{100 * fraction:+.1f} %".replace("-0.0 ", "+0.0 ")


def moved(counters: Mapping[str, tuple[float, float]]) -> str:
    """Return what was counted before and after: ``bytecodes 26 -> 30, records 1 -> 2``."""
    return ", ".join(f"{name} {_short(before)} -> {_short(now)}" for name, (before, now) in counters.items())


def _short(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def label(record: Record, *, attrs: bool = True, limit: int = 60) -> str:
    """Return what a reader recognises *record* by.

    Spans stand under their bare name; other kinds are marked (``event: cache.hit``, ``metric: rows.read +10``,
    and a log by its level, ``warning: slow disk``).

    Args:
        record: Any record.
        attrs: Whether attributes, status and error follow.
        limit: Longest value of an attribute, in characters.
    """
    head = one_line(record.name)
    if record.kind == "log":
        head = f"{record.level or 'log'}: {head}"
    elif record.kind == "metric":
        head = f"metric: {head} {_measured(record, limit)}"
    elif record.kind == "event":
        head = f"event: {head}"
    if not attrs:
        return head
    return " ".join([head, *_pairs(record.attrs, limit), *_outcome(record)])


def _measured(record: Record, limit: int) -> str:
    value = brief(record.value, limit)
    if record.instrument in ("counter", "updowncounter"):
        return value if value.startswith("-") else f"+{value}"
    return f"= {value}"


def _pairs(attrs: Mapping[str, Any], limit: int) -> list[str]:
    return [f"{one_line(str(key))}={brief(value, limit)}" for key, value in attrs.items()]


def _outcome(record: Record) -> list[str]:
    if record.error is not None:
        return [f"error={one_line(record.error)}"]
    return [] if record.status == "unset" else [f"status={record.status}"]
