"""Doubles of everything that surrounds the runtime: sinks of each kind, a reporter, a clock that is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.ids import IdSource
from pytest_telemetry.runtime.context import TelemetryContext
from pytest_telemetry.runtime.conversion import point_record, span_record
from pytest_telemetry.runtime.span import resume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_telemetry.model.record import Record


class Keeping:
    """A sink that keeps records, and fails as often as it is told to."""

    def __init__(self) -> None:
        self.kept: list[Record] = []
        self.failures: list[BaseException] = []
        self.calls: list[str] = []

    def emit(self, record: Record, /) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.kept.append(record)

    def flush(self) -> None:
        self.calls.append("flush")

    def close(self) -> None:
        self.calls.append("close")

    def statistics(self) -> Mapping[str, int]:
        return {"accepted": len(self.kept), "stored": len(self.kept), "dropped": 0}

    def records(self, kind: str | None = None) -> list[Record]:
        return [record for record in self.kept if kind in (None, record.kind)]

    @property
    def scopes(self) -> list[str]:
        return [record.scope for record in self.kept]


class Native(Keeping):
    """A sink that takes spans and points as they are, and makes records of them at once."""

    ids = IdSource(seed=1)

    def span_ended(self, span: Any, end: int, error: BaseException | None, /) -> None:
        self.emit(span_record(span, end, error, ids=self.ids, run_id="run", seq=0))

    def point(self, point: Any, /) -> None:
        self.emit(point_record(point, ids=self.ids, run_id="run", seq=0, thread=""))


class Watching(Native):
    """A sink that watches spans from their start."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Any] = []
        self.outputs: list[tuple[Any, Record | None, str]] = []
        self.start_failures: list[BaseException] = []

    def span_started(self, span: Any, /) -> None:
        if self.start_failures:
            raise self.start_failures.pop(0)
        self.started.append(span)

    def processed(self, source: Any, output: Record | None, processor: str, /) -> None:
        self.outputs.append((source, output, processor))


class Reporter:
    """A two-method reporter that remembers what it was told."""

    def __init__(self) -> None:
        self.timings: list[tuple[str, float, dict[str, Any]]] = []
        self.metrics: list[tuple[str, Any, dict[str, Any]]] = []

    def record_timing(self, scope: str, duration: float, **metadata: Any) -> None:
        self.timings.append((scope, duration, metadata))

    def record_metric(self, scope: str, value: Any, **metadata: Any) -> None:
        self.metrics.append((scope, value, metadata))


class StepClock:
    """Moves on by ``step`` nanoseconds with each monotonic reading; wall time moves along."""

    def __init__(
        self, wall: int = 1_000_000_000_000_000_000, mono: int = 500_000_000_000, step: int = 0
    ) -> None:
        self.wall = wall
        self.mono = mono
        self.step = step
        self.reads = {"wall": 0, "mono": 0}

    def wall_ns(self) -> int:
        self.reads["wall"] += 1
        return self.wall

    def mono_ns(self) -> int:
        self.reads["mono"] += 1
        self.advance(self.step)
        return self.mono

    def advance(self, ns: int) -> None:
        self.wall += ns
        self.mono += ns


@pytest.fixture(autouse=True)
def _neutral(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable of the environment switches anything on, and no span is open."""
    for name in ("PYTEST_TELEMETRY", "DEBUG", "PYTEST_TELEMETRY_STRICT_SCOPES"):
        monkeypatch.delenv(name, raising=False)
    outside = resume(None)
    yield
    resume(outside)


@pytest.fixture
def keeping() -> Callable[[], Any]:
    return Keeping


@pytest.fixture
def native() -> Callable[[], Any]:
    return Native


@pytest.fixture
def watching() -> Callable[[], Any]:
    return Watching


@pytest.fixture
def reporting() -> Callable[[], Any]:
    return Reporter


@pytest.fixture
def step_clock() -> Callable[..., Any]:
    return StepClock


@pytest.fixture(params=[Keeping, Native, Watching], ids=["records", "native", "watched"])
def sink(request: pytest.FixtureRequest) -> Any:
    """A sink of each kind in turn; ``kept`` holds the records, whoever makes them."""
    return request.param()


@pytest.fixture
def tele(sink: Any) -> TelemetryContext:
    """An enabled context that feeds `sink`."""
    return TelemetryContext(sink, enabled=True)
