"""What is said of a pattern that was waited for and did not come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_telemetry.analysis.nearest import nearest
from pytest_telemetry.model.pattern import event, span
from pytest_telemetry.model.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.model.records import Records

    Make = Callable[..., Records]


def test_the_reason_does_not_repeat_the_pattern(recorded: Make) -> None:
    """It follows a sentence that names the pattern already."""
    rec = recorded(span("job.start"), span("job.run", step=1))

    assert nearest(span("job.done"), rec) == ["no span of that name", "recorded: job.start, job.run"]
    assert nearest(span("job.run", step=2), rec) == [
        "step is 1",
        "closest of 2 records: job.run step=1  (at the top level)",
        "  step: expected 2, got 1",
    ]


def test_an_empty_recording_is_explained(recorded: Make) -> None:
    """Nothing was recorded, and why."""
    silent = recorded(info=Recording(silence=lambda: "the worker was never started"))

    assert nearest(span("job.done"), silent) == ["nothing was recorded", "the worker was never started"]


def test_what_is_inside_is_compared(recorded: Make) -> None:
    """A span that is there and not complete is shown with what it lacks."""
    rec = recorded(span("job", event("begin")))

    assert nearest(span("job", event("begin"), event("end")), rec) == [
        "span('job') lacks event: end",
        "  job",
        "    ... 1 as expected",
        "-   event: end  missing",
    ]


def test_the_number_of_lines_is_limited(recorded: Make) -> None:
    """The limit counts what follows the reason; None lifts it."""
    rec = recorded(span("job", *(span(f"step.{n}") for n in range(20))))
    pattern = span("job", span("other"))

    assert len(nearest(pattern, rec, limit=3)) == 4
    assert nearest(pattern, rec, limit=3)[-1] == "  ... 19 more differences"
    assert len(nearest(pattern, rec, limit=None)) == 1 + 1 + 20 + 1


def test_the_closest_of_many_is_taken(recorded: Make) -> None:
    """Of several spans that match by themselves the one with the fewest differences inside is shown."""
    rec = recorded(
        span("job", span("x"), span("y")),
        span("job", span("read"), span("parse", rows=1)),
        span("job"),
    )

    assert nearest(span("job", span("read"), span("parse", rows=2)), rec) == [
        "job/parse: rows is 1, expected 2",
        "closest of 3 records that match span('job'):",
        "  job",
        "    ... 1 as expected",
        "!   parse  rows: expected 2, got 1",
    ]
