"""What stands behind the fixtures (layer 7)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

import pytest

from pytest_telemetry._pytest.marker import settings_of
from pytest_telemetry._pytest.session import attach, warn_of_sink_failures
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.runtime.current import resume
from pytest_telemetry.testing.recorder import TelemetryRecorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_telemetry.model.clock import Clock
    from pytest_telemetry.model.protocols import Processor
    from pytest_telemetry.testing.lsp_server import LspServer

__all__ = ("RecorderFactory", "lsp_server_of", "recorder_factory", "recorder_of")

_limit_key: Final = pytest.StashKey[int]()


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


def recorder_of(request: pytest.FixtureRequest) -> TelemetryRecorder:
    """Return the recorder of the test that *request* belongs to; enter it to make it ambient."""
    settings = settings_of(request.node)
    recorder = TelemetryRecorder(
        clock=_clock(request),
        limit=_limit(request.config) if settings.get("limit") is None else settings["limit"],
        strict=settings.get("strict"),
        name=request.node.nodeid,
    )
    attach(request.node, recorder, "")
    return recorder


@contextmanager
def recorder_factory(request: pytest.FixtureRequest) -> Iterator[RecorderFactory]:
    """Run one test with a factory of recorders; spans left open do not leak, and are warned about at the end."""
    outer = resume(None)
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
            clock=_clock(request) if clock is None else clock,
            processors=processors,
            limit=_limit(request.config) if limit is None else limit,
            strict=strict,
            name=f"{request.node.nodeid} ({name or f'recorder {len(made) + 1}'})",
        )
        made.append(recorder)
        attach(request.node, recorder, name or f"recorder {len(made)}")
        return recorder

    yield factory
    resume(outer)
    try:
        for recorder in made:
            recorder.warn_of_open_spans()
    finally:  # a warning may be an error
        warn_of_sink_failures(request.node)


def lsp_server_of(request: pytest.FixtureRequest) -> LspServer:
    """Return a scripted language server that hears of what the test records; leave it to end its processes."""
    from pytest_telemetry.testing.lsp_server import LspServer  # noqa: PLC0415 - few tests have one

    server = LspServer(warn=request.node.warn)
    if "telemetry_recorder" in request.fixturenames:
        server.transcript.follow(request.getfixturevalue("telemetry_recorder"))
    return server


def _clock(request: pytest.FixtureRequest) -> Clock:
    if "telemetry_clock" not in request.fixturenames:
        return SYSTEM_CLOCK
    clock: Clock = request.getfixturevalue("telemetry_clock")
    return clock


def _limit(config: pytest.Config) -> int:
    limit = config.stash.get(_limit_key, 0)
    if limit:
        return limit
    given = config.getoption("--telemetry-limit")
    value = config.getini("telemetry_limit") if given is None else given
    try:
        limit = int(value)
    except (TypeError, ValueError):
        limit = 0
    if limit < 1:
        pytest.fail(f"telemetry_limit must be a whole number above 0, not {value!r}", pytrace=False)
    config.stash[_limit_key] = limit
    return limit
