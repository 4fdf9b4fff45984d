"""What is said where nothing was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_telemetry.model.pattern import log, span
from pytest_telemetry.model.recording import Recording, silence, vacuous
from pytest_telemetry.model.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable


def test_silence_has_an_advice_where_nothing_is_known() -> None:
    """The most common mistake is named, and how silence is asserted."""
    assert silence(Recording()) == [
        "hand the recorder's context to the code under test; `== []` asserts that nothing is recorded"
    ]


def test_silence_tells_what_became_of_the_records(recorded: Callable[..., Records]) -> None:
    """What was dropped and what belongs to others explains the silence by itself."""
    load, slow, other = recorded(span("load"), log.info("slow"), span("other"))
    info = Recording(
        filtered=[(load, "sampling"), (slow, "levels")],
        elsewhere=[(other, "test_a")],
        silence=lambda: "the code holds a disabled Context",
    )

    assert silence(info) == [
        "dropped by a processor: load (by sampling), and 1 more",
        "recorded elsewhere: other (by test_a)",
    ]


def test_silence_gives_the_reason_of_the_recorder() -> None:
    """What the recorder found out stands where nothing else explains the silence."""
    info = Recording(silence=lambda: "the code holds a disabled Context")

    assert silence(info) == ["the code holds a disabled Context"]


@pytest.mark.parametrize("expected", [span("load"), [span("load")], {span("load")}])
def test_a_vacuous_text_names_the_expectation(expected: object) -> None:
    """The first line is right for ``in`` and for ``not in``."""
    first, *_ = vacuous(expected, Records(()))

    assert first == f"nothing was recorded, so {expected!r} can be neither found nor ruled out"
