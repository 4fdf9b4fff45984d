"""The check that a summary says what its events say (layer 4)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.checks.streaming import (
    Examples,
    Judgement,
    StreamingCheck,
    amount,
    most_first,
    shortened,
)
from pytest_telemetry.model.durations import Durations
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.stats import METHODS, Method, percentile_of_sorted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import LogLine

__all__ = ("Percentiles", "names_timing", "reproduces")

_PERCENTILE: Final = re.compile(r"p([0-9]{1,2}(?:[._][0-9]+)?|100)_ms")


class Percentiles(StreamingCheck):
    """Every figure of a summary can be computed again from the events.

    A figure reproduces if it is what the method gives, rounded to as many digits as it states. For one that does
    not, the finding says what the events give, and which other method, if any, gives the figure.

    Args:
        summary: As in ``last_run.json``: ``latencies`` maps commands to ``count``, ``p50_ms``, ``p95_ms``,
            ``max_ms`` (any ``pNN_ms``, and ``min_ms``); or that mapping itself. If it names a ``run_id``, only
            the events of that run are its events.
        method: How percentiles are computed; see `pytest_telemetry.model.stats`.

    Raises:
        ValueError: The summary holds no figures, or the method is unknown.
    """

    id = "percentiles"
    subject = "timing of the summarised run"

    def __init__(self, summary: Mapping[str, Any], *, method: Method = "linear") -> None:
        if method not in METHODS:
            raise ValueError(f"unknown percentile method {method!r}: use one of {', '.join(METHODS)}")
        self.figures = _figures(summary)
        run_id = summary.get("run_id")
        self.run_id = run_id if isinstance(run_id, str) and "latencies" in summary else None
        self.method: Method = method

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _Percentiles(self)


def _figures(summary: Any) -> dict[str, dict[str, float | None]]:
    latencies = summary.get("latencies", summary) if isinstance(summary, Mapping) else None
    if not isinstance(latencies, Mapping):
        raise ValueError('a summary maps commands to figures, under "latencies" or at the top')  # noqa: TRY004 - as below
    figures = {}
    for command, stated in latencies.items():
        if isinstance(stated, Mapping):
            own = {str(name): value for name, value in stated.items() if _is_figure(str(name), value)}
            if own:
                figures[str(command)] = own
    if not figures:
        raise ValueError(
            "the summary holds no figures: expected count, p50_ms, p95_ms or max_ms of a command"
        )
    return figures


def names_timing(name: str) -> bool:
    """Tell whether a summary states a figure of the timings of a command under that name."""
    return name in {"count", "min_ms", "max_ms"} or _PERCENTILE.fullmatch(name) is not None


def _is_figure(name: str, value: Any) -> bool:
    return names_timing(name) and (
        value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
    )


class _Percentiles(Judgement):
    def __init__(self, check: Percentiles) -> None:
        self._check = check
        self._durations = {command: Durations() for command in check.figures}
        self._unsummarised: set[str] = set()

    def add(self, record: Record, line: LogLine | None = None) -> None:
        del line  # a figure comes from all lines together
        if record.duration_ns is None or (
            self._check.run_id is not None and record.run_id != self._check.run_id
        ):
            return
        self.judged += 1
        durations = self._durations.get(record.name)
        if durations is not None:
            durations.add(record.duration_ns)
        elif len(self._unsummarised) < 1_000:
            self._unsummarised.add(shortened(record.name))

    def findings(self) -> list[Finding]:
        figures = wrong = 0
        commands: dict[str, int] = {}
        examples = Examples(100)
        for command, stated in self._check.figures.items():
            ordered = self._durations[command].ordered()
            for name, value in stated.items():
                figures += 1
                if reproduces(value, _compute(ordered, name, self._check.method)):
                    continue
                wrong += 1
                commands[command] = commands.get(command, 0) + 1
                text, detail = self._explain(command, name, value, ordered)
                examples.add(text, None, **detail)
        found = []
        if wrong:
            run = "" if self._check.run_id is None else f" of run {self._check.run_id}"
            message = (
                f"{wrong} of {amount(figures, 'figure')} of the summary do not follow from the events{run} "
                f"({self._check.method} percentiles)"
            )
            counts = most_first(commands)
            found.append(Finding(Percentiles.id, message, wrong, by_command=counts, examples=tuple(examples)))
        if self._unsummarised:
            names = ", ".join(sorted(self._unsummarised)[:5]) + (
                ", ..." if len(self._unsummarised) > 5 else ""
            )
            message = (
                f"the summary leaves out {amount(len(self._unsummarised), 'command')} with timings: {names}"
            )
            found.append(Finding(Percentiles.id, message, len(self._unsummarised), "info"))
        return found

    def _explain(
        self, command: str, name: str, value: float | None, ordered: Sequence[int]
    ) -> tuple[str, dict[str, Any]]:
        actual = _compute(ordered, name, self._check.method)
        shown = "none" if actual is None else f"{actual:,.6g}"
        text = f"{command}: the summary says {name} = {value}, the events give {shown}"
        detail: dict[str, Any] = {
            "command": command,
            "figure": name,
            "stated": value if value is None or _is_finite(value) else str(value),
            "computed": actual,
        }
        others = [
            method
            for method in METHODS
            if method != self._check.method
            and _PERCENTILE.fullmatch(name)
            and reproduces(value, _compute(ordered, name, method))
        ]
        if others:
            text += f"; {' and '.join(others)} would give it"
            detail["methods"] = others
        return text, detail


def _compute(ordered: Sequence[int], name: str, method: Method) -> float | None:
    """Return the figure *name* in ms (or the count)."""
    if name == "count":
        return len(ordered)
    if not ordered:
        return None
    if name in {"min_ms", "max_ms"}:
        return ordered[0 if name == "min_ms" else -1] / 1e6
    match = _PERCENTILE.fullmatch(name)
    quantile = percentile_of_sorted(
        ordered, float((match[1] if match else "50").replace("_", ".")) / 100, method
    )
    return None if quantile is None else quantile / 1e6


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def reproduces(stated: float | None, actual: float | None) -> bool:
    """Tell whether *stated* is *actual*, rounded to the digits that it has."""
    if stated is None or actual is None:
        return stated is None and actual is None
    if isinstance(stated, int) and isinstance(actual, int):  # counts; a float could not hold every one
        return stated == actual
    if not _is_finite(stated):
        return False
    digits = int(Decimal(repr(stated)).as_tuple().exponent)
    half = 0.5 * 10.0 ** min(digits, 0)
    inexact = 4 * math.ulp(max(abs(stated), abs(actual)))  # a figure halfway between two of so many digits
    return abs(stated - actual) <= half + inexact
