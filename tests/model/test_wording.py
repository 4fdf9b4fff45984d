"""How values and records are put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest

from pytest_telemetry.model.pattern import event, log, metric, span
from pytest_telemetry.model.wording import (
    a_few,
    brief,
    cost,
    label,
    one_line,
    percent,
    plural,
    quantity,
    seconds,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.model.pattern import One
    from pytest_telemetry.model.records import Records


class Broken:
    """Cannot be shown."""

    def __repr__(self) -> NoReturn:
        raise RuntimeError("no")


def test_control_characters_are_escaped() -> None:
    """A recorded text can neither break a line nor colour a terminal."""
    assert one_line("a\nb\x1b[31mc\u2028d") == r"a\nb\x1b[31mc\u2028d"


def test_long_text_is_cut_with_dots() -> None:
    """The limit holds including the dots."""
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abc..."


@pytest.mark.parametrize(
    ("names", "text"),
    [("a", "a"), ("ab", "a and b"), ("abcd", "a, b, c and d"), ("abcde", "a, b, c and 2 others")],
)
def test_of_many_names_a_few_are_told(names: str, text: str) -> None:
    """And how many there are besides, never just one."""
    assert a_few([*names]) == text


def test_a_value_is_shown_without_its_address() -> None:
    """Addresses differ from run to run and tell nothing."""
    assert brief(object()) == "<object object>"


def test_a_value_whose_repr_raises_is_named() -> None:
    """A broken repr does not hide what is being reported."""
    assert brief(Broken()) == "<Broken, whose repr raised RuntimeError>"


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"),
        (1, "0.000000001 s"),
        (1_500_000_000, "1.5 s"),
        (-250_000_000, "-0.25 s"),
        (10**11, "100 s"),
    ],
)
def test_nanoseconds_become_exact_seconds(ns: int, text: str) -> None:
    """No digit is lost and no zero is added."""
    assert seconds(ns) == text


def test_counts_agree_with_their_noun() -> None:
    """One is singular, thousands are grouped."""
    assert [plural(n, "record") for n in (0, 1, 1200)] == ["0 records", "1 record", "1,200 records"]


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (span("load", path="a.csv", rows=2), "load path='a.csv' rows=2"),
        (span("load", status="error", error="ValueError"), "load error=ValueError"),
        (span("load", status="error"), "load status=error"),
        (span("load", status="ok"), "load status=ok"),
        (event("cache.hit", key="k"), "event: cache.hit key='k'"),
        (log.warning("slow\ndisk", ms=5), "warning: slow\\ndisk ms=5"),
        (log("plain"), "log: plain"),
        (metric("rows", 10, format="csv"), "metric: rows +10 format='csv'"),
        (metric("rows", -1), "metric: rows -1"),
    ],
)
def test_a_record_is_recognised_by_its_label(recorded: Callable[..., Records], one: One, text: str) -> None:
    """Spans are bare, other kinds are marked, errors are shown."""
    record = recorded(one)[0]

    assert label(record) == text


def test_a_gauge_shows_its_value(recorded: Callable[..., Records]) -> None:
    """A gauge is no change, so it has no sign."""
    record = recorded(metric("depth", 3), instrument="gauge")[0]

    assert label(record) == "metric: depth = 3"


def test_a_label_can_leave_the_attributes_out(recorded: Callable[..., Records]) -> None:
    """Short labels name the record only."""
    record = recorded(span("load", path="a.csv", error="E"))[0]

    assert label(record, attrs=False) == "load"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.7456, "x", "0.746 x"),
        (1.531, "x", "1.53 x"),
        (111.4, "x", "111 x"),
        (96.12, "bytes", "96.1 bytes"),
        (1147.3, "ns", "1,147 ns"),
        (871980.2, "operations/s", "871,980 operations/s"),
    ],
)
def test_quantities_are_printed_with_their_digits(value: float, unit: str, text: str) -> None:
    """As many digits as can be trusted, and the unit."""
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (117.2, "ns", "117 ns"),
        (9_999.0, "ns", "9,999 ns"),
        (14_100.0, "ns", "14.1 us"),
        (2.5e6, "ns", "2.5 ms"),
        (2.5e6, "bytes", "2,500,000 bytes"),
    ],
)
def test_long_times_change_their_unit(value: float, unit: str, text: str) -> None:
    """Nanoseconds become microseconds or milliseconds; bytes stay what they are."""
    assert cost(value, unit) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.0964, "+9.6 %"), (-0.1, "-10.0 %"), (-0.0001, "+0.0 %"), (0.0, "+0.0 %")]
)
def test_a_change_has_its_sign(fraction: float, text: str) -> None:
    """And nothing is neither more nor less."""
    assert percent(fraction) == text
