"""What stands behind the fixtures (layer 7)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from pytest_telemetry._pytest.session import attach
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.testing.recorder import TelemetryRecorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.protocols import Processor

__all__ = ("RecorderFactory", "recorder_factory", "recording")

_MARKER_SETTINGS = frozenset({"limit", "strict"})


class RecorderFactory(Protocol):
    """Makes recorders whose telemetry is shown, by name, when the test fails."""

    def __call__(
        self,
        name: str | None = None,
        *,
        clock: Clock | None = None,
        processors: Sequence[Processor] = (),
        limit: int | None = None,
        strict: bool | None = None,
    ) -> TelemetryRecorder:
        """Return a recorder that is not the ambient context; use it in a ``with`` block to make it that.

        Args:
            name: Shown in the failure report; numbered by default.
            clock: By default the test's ``telemetry_clock``, or the real one.
            processors: The pipeline under test.
            limit: How many records to keep.
            strict: Whether misuse of telemetry raises.
        """


@contextmanager
def recording(request: pytest.FixtureRequest) -> Iterator[TelemetryRecorder]:
    """Run one test with a recorder that is its ambient context."""
    settings = _settings(request)
    recorder = TelemetryRecorder(
        clock=_clock(request),
        limit=settings["limit"] or _limit(request.config),
        strict=settings["strict"],
        name=request.node.nodeid,
    )
    attach(request.node, recorder, "")
    with recorder:
        yield recorder


@contextmanager
def recorder_factory(request: pytest.FixtureRequest) -> Iterator[RecorderFactory]:
    """Run one test with a factory of recorders; spans they leave open are warned about at the end."""
    made: list[TelemetryRecorder] = []

    def factory(
        name: str | None = None,
        *,
        clock: Clock | None = None,
        processors: Sequence[Processor] = (),
        limit: int | None = None,
        strict: bool | None = None,
    ) -> TelemetryRecorder:
        recorder = TelemetryRecorder(
            clock=clock or _clock(request),
            processors=processors,
            limit=limit or _limit(request.config),
            strict=strict,
            name=f"{request.node.nodeid} ({name or f'recorder {len(made) + 1}'})",
        )
        made.append(recorder)
        attach(request.node, recorder, name or f"recorder {len(made)}")
        return recorder

    yield factory
    for recorder in made:
        recorder.warn_of_open_spans()


def _clock(request: pytest.FixtureRequest) -> Clock:
    if "telemetry_clock" not in request.fixturenames:
        return SYSTEM_CLOCK
    clock: Clock = request.getfixturevalue("telemetry_clock")
    return clock


def _limit(config: pytest.Config) -> int:
    given = config.getoption("--telemetry-limit")
    value = config.getini("telemetry_limit") if given is None else given
    try:
        limit = int(value)
    except (TypeError, ValueError):
        limit = 0
    if limit < 1:
        pytest.fail(f"telemetry_limit must be a whole number above 0, not {value!r}", pytrace=False)
    return limit


def _settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what the closest ``telemetry`` marker says, refusing what it cannot mean."""
    settings: dict[str, Any] = dict.fromkeys(_MARKER_SETTINGS)
    marker = request.node.get_closest_marker("telemetry")
    if marker is None:
        return settings
    unknown = [*map(repr, marker.args), *sorted(set(marker.kwargs) - _MARKER_SETTINGS)]
    if unknown:
        path, line, _ = request.node.location
        pytest.fail(
            f"{path}:{(line or 0) + 1}: the telemetry marker does not know {', '.join(unknown)}; "
            f"it takes {', '.join(sorted(_MARKER_SETTINGS))}",
            pytrace=False,
        )
    return settings | marker.kwargs
