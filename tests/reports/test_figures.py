"""Tables of figures."""

from __future__ import annotations

import pytest

from pytest_telemetry.analysis.command_figures import Figures
from pytest_telemetry.reports.figures import figures_table, milliseconds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (1089.0, "1089"),
        (485.95, "485.95"),
        (1234567.8919, "1234567.892"),
        (0.000042, "0.000042"),
        (-0.5, "-0.5"),
    ],
)
def test_milliseconds_have_as_many_digits_as_say_something(value: float | None, text: str) -> None:
    """Down to the nanosecond below one, and no zeros behind; nothing is a dash, and 0 is 0."""
    assert milliseconds(value) == text


def test_a_width_shortens_names_as_far_as_numbers_leave_room() -> None:
    """The numbers are never cut."""
    figures = [Figures.of("a.very.long.name.of.a.command", 5_000_000, 0, [123_456_789] * 3, "linear")]

    narrow, wide = (figures_table(figures, width=width) for width in (20, 70))

    assert [len(line) for line in wide] == [70, 70]
    assert narrow[1].startswith("a.very.lo...  5,000,000       0  123.457")
    assert figures_table(figures)[1].startswith("a.very.long.name.of.a.command  5,000,000")
