"""Runs code under changed clocks and compares what it reports: no expected values needed (layer 5)."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pytest_telemetry.model.finding import Example, Finding
from pytest_telemetry.testing.clock_runs import ORIGINS, SHIFTS, Runs, name_of
from pytest_telemetry.testing.clock_values import NS, duration_ns
from pytest_telemetry.testing.duration_fields import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from pytest_telemetry.testing.clock_runs import Fields, Run, Timed
    from pytest_telemetry.testing.clock_values import Duration

__all__ = ("assert_dst_safe", "assert_wall_clock_independent", "dst_safety", "wall_clock_independence")

_CHECK: Final = "wall-clock-independence"
_DST_CHECK: Final = "dst-safety"
_HOUR: Final = 3600
_CLOCKS: Final = {"wall": "wall clock", "mono": "monotonic clock", "perf": "performance counter"}


def wall_clock_independence(
    function: Timed, *, packages: Sequence[str] = (), fields: Fields = None, work: Duration = 1.25
) -> list[Finding]:
    """Return which durations that *function* reports are not measured as durations should be.

    The function is called as ``function(clock, work)``, nine times, each time with a fresh `FakeClock`. It
    starts what it measures, calls ``work()``, which lets time pass and changes the wall clock half-way, and
    returns what was reported: a mapping of fields, a Record, a recorder, or an iterable of these. Between the
    runs the wall clock is set forward or back by an hour during the work, each clock starts elsewhere, the
    processor works more, and the work takes twice as long. A duration must follow the work, and nothing else.

    Args:
        function: What to judge.
        packages: Patched for the time of each run, for code that takes no clock; see `FakeClock.patch`.
        fields: Which fields are durations: those whose names say so (None), these, or these with their units
            (``{"t": "ms"}``). A duration whose name has no unit is in seconds.
        work: How long one ``work()`` takes.

    Returns:
        One finding per field that is wrong, in the order in which the fields were reported. What is wrong is
        in ``finding.examples[0].detail``: ``mistake``, ``base`` and ``changed``.

    Raises:
        ClockError: The function never called ``work()``.
        TypeError: The function returned something else, or a coroutine.
        ValueError: *work* is not positive.
    """
    length = _positive(work)
    runs = Runs(function, packages, fields)
    base = runs.run(length)
    changed = {
        "again": runs.run(length),
        **{clock: runs.run(length, shifted=clock) for clock in ORIGINS},
        "back": runs.run(length, step=-_HOUR),
        "forward": runs.run(length, step=_HOUR),
        "cpu": runs.run(length, cpu_share=3),
        "twice": runs.run(2 * length),
    }
    if not base.values:
        return [_nothing_to_judge(_CHECK, function, fields)]
    return [finding for place in base.values if (finding := _judge(place, base, changed)) is not None]


def assert_wall_clock_independent(
    function: Timed, *, packages: Sequence[str] = (), fields: Fields = None, work: Duration = 1.25
) -> None:
    """Assert that what *function* reports as durations follows its work and nothing else.

    See `wall_clock_independence` for how it is called and what it returns.

    Raises:
        AssertionError: It does not, or reports no duration; the text names each field and its mistake.
    """
    __tracebackhide__ = True
    _hold(function, wall_clock_independence(function, packages=packages, fields=fields, work=work))


def dst_safety(
    function: Timed,
    zone: str | tzinfo = "Europe/Berlin",
    *,
    packages: Sequence[str] = (),
    fields: Fields = None,
    work: Duration = 1.25,
) -> list[Finding]:
    """Return which durations change when clocks go back or forward in *zone* during the work.

    The function is called as for `wall_clock_independence`, three times; local time is that of *zone*, also in
    patched packages. Real time passes evenly, so whatever changes was computed from local time.
    """
    length = _positive(work)
    runs = Runs(function, packages, fields, zone=zone)
    base = runs.run(length)
    if not base.values:
        return [_nothing_to_judge(_DST_CHECK, function, fields)]
    found: dict[str, Finding] = {}
    for season, way in (("fall", "back"), ("spring", "forward")):
        other = runs.run(length, season=season)
        for place, (value, _) in base.values.items():
            changed = other.value(place)
            if place not in found and not _same(value, changed):
                found[place] = _finding(
                    "dst-safety", place, "local time", value, changed,
                    f"{_text(value)} became {_text(changed)} when the clocks of {zone} went {way} during the "
                    f"work; subtract UTC times, or better readings of a monotonic clock",
                )  # fmt: skip
    return list(found.values())


def assert_dst_safe(
    function: Timed,
    zone: str | tzinfo = "Europe/Berlin",
    *,
    packages: Sequence[str] = (),
    fields: Fields = None,
    work: Duration = 1.25,
) -> None:
    """Assert that no duration changes when clocks go back or forward in *zone* during the work.

    Raises:
        AssertionError: One does, or none is reported; the text names each field.
    """
    __tracebackhide__ = True
    _hold(function, dst_safety(function, zone, packages=packages, fields=fields, work=work))


class _Mistake(NamedTuple):
    """One way in which a duration is wrong: its name, the value that shows it, and the text."""

    name: str
    changed: Any
    message: str


def _judge(place: str, base: Run, changed: Mapping[str, Run]) -> Finding | None:
    """Return the most telling mistake of one field."""
    value, unit = base.values[place]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return _finding(_CHECK, place, "no number", value, None, f"{value!r} is no number of {unit}")
    others = {name: run.value(place) for name, run in changed.items()}
    if any(other is None for other in others.values()):
        return _finding(_CHECK, place, "not in every run", value, None, "reported in some runs only")
    mistakes = itertools.chain(
        _not_fake(value, others["again"], base.unreached),
        _of_origin(value, others),
        _of_clock(value, others),
        _of_size(value, others["twice"], base),
        _of_unit(place, value, unit, base),
    )
    found = next(mistakes, None)
    return found and _finding(_CHECK, place, found.name, value, found.changed, found.message)


def _not_fake(value: float, again: Any, unreached: list[str]) -> Iterator[_Mistake]:
    if not _same(value, again):
        blind = f"; the patch cannot reach {', '.join(unreached)}" if unreached else ""
        yield _Mistake(
            "real clock",
            again,
            f"{_became(value, again)} in an equal run, so it is not measured by the fake clock; take the time "
            f"from the clock that is passed, or name the package in packages=[...]{blind}",
        )


def _of_origin(value: float, others: Mapping[str, Any]) -> Iterator[_Mistake]:
    moved = [name for name in ORIGINS if not _same(value, others[name])]
    if len(moved) > 1:
        changed = others[moved[0]]
        yield _Mistake(
            "mixed clocks",
            changed,
            f"mixes clocks: it depends on where {' and '.join(f'the {_CLOCKS[name]}' for name in moved)} "
            f"start ({_became(value, changed)}); take both readings from one monotonic clock",
        )
    elif moved:
        changed = others[moved[0]]
        yield _Mistake(
            "absolute",
            changed,
            f"is a reading of the {_CLOCKS[moved[0]]} and not a difference of two: {_became(value, changed)} "
            f"when that clock started {SHIFTS[moved[0]]:,} s later; subtract the reading at the start",
        )


def _of_clock(value: float, others: Mapping[str, Any]) -> Iterator[_Mistake]:
    for way in ("back", "forward"):
        if not _same(value, others[way]):
            yield _Mistake(
                "wall clock",
                others[way],
                f"follows the wall clock: {_became(value, others[way])} when it was set {way} by an hour "
                f"during the work; take both readings from time.perf_counter() or time.monotonic()",
            )
    if not _same(value, others["cpu"]):
        yield _Mistake(
            "processor time",
            others["cpu"],
            f"counts processor time: {_became(value, others['cpu'])} when the same work kept the processor "
            f"busier; waiting counts as well, so take both readings from time.perf_counter()",
        )


def _of_size(value: float, twice: Any, base: Run) -> Iterator[_Mistake]:
    if _same(value, twice, 0):
        yield _Mistake(
            "not proportional",
            twice,
            f"stayed {_text(value)} when the work took {2 * base.length_ns / NS:g} s and not "
            f"{base.length_ns / NS:g} s: it is not measured by this clock, or below the resolution of its field",
        )
    elif not _same(2 * value, twice, 2):
        yield _Mistake(
            "not proportional",
            twice,
            f"is not proportional to the work: {_became(value, twice)} when it took twice as long",
        )


def _of_unit(place: str, value: float, unit: str, base: Run) -> Iterator[_Mistake]:
    if not _fits(value, unit, base):
        expected = base.length_ns / UNITS[unit]
        looks = [other for other in UNITS if other != unit and _fits(value, other, base)]
        what = f"a _{unit} field" if place.endswith(f"_{unit}") else f"a field that is read as {unit}"
        hint = f"; it looks like {looks[0]} in {what}" if looks else ""
        yield _Mistake(
            "wrong unit",
            expected,
            f"{_text(value)} was reported for {_text(expected)} {unit} of work{hint}",
        )


def _fits(value: float, unit: str, run: Run) -> bool:
    """Return whether *value* is the work of one call, or of several, in *unit*."""
    return any(_same(value, count * run.length_ns / UNITS[unit]) for count in range(1, run.calls + 1))


def _same(one: Any, other: Any, steps: int = 1) -> bool:
    """Return whether two values agree within *steps* of the last digit that the first is given with."""
    if not isinstance(one, (int, float)) or not isinstance(other, (int, float)):
        return bool(one == other)
    if not math.isfinite(other):
        return False
    digit = min(0, int(Decimal(repr(one)).as_tuple().exponent))
    return abs(one - other) <= max(steps * 10.0**digit, 1e-6 * abs(one))


def _positive(work: Duration) -> int:
    length = duration_ns(work, "work=")
    if not length:
        raise ValueError("work= must take time, got 0")
    return length


def _nothing_to_judge(check: str, function: Timed, fields: Fields) -> Finding:
    wanted = "with a name such as duration_ms" if fields is None else f"named {', '.join(fields)}"
    message = f"{name_of(function)} reported no field {wanted}; fields= says which fields are durations"
    return Finding(check, message, 1, examples=(Example(message, detail={"mistake": "no duration"}),))


def _finding(check: str, place: str, mistake: str, base: Any, changed: Any, message: str) -> Finding:
    detail = {"field": place, "mistake": mistake, "base": base, "changed": changed}
    return Finding(
        check, f"{place}: {message}", 1, by_field={place: 1}, examples=(Example(message, detail=detail),)
    )


def _hold(function: Timed, findings: list[Finding]) -> None:
    __tracebackhide__ = True
    if len(findings) == 1:
        raise AssertionError(f"{name_of(function)}: {findings[0].message}")
    if findings:
        lines = "".join(f"\n  {finding.message}" for finding in findings)
        raise AssertionError(f"{name_of(function)}: {len(findings)} durations are wrong{lines}")


def _became(value: float, changed: Any) -> str:
    return f"{_text(value)} became {_text(changed)}"


def _text(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else repr(value)
