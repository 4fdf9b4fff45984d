"""The two-method reporter: exactly the metadata of document 003, and no choice of key that loses a record."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.runtime import reporter as module
from pytest_telemetry.runtime.context import TelemetryContext

if TYPE_CHECKING:
    from collections.abc import Callable

TIMING_KEYS = [
    "depth",
    "parent_scope",
    "call_count",
    "start_monotonic_s",
    "end_monotonic_s",
    "start_wall_time_s",
    "end_wall_time_s",
]


def unchanged(record: Any) -> Any:
    return replace(record)


@pytest.fixture(params=["as is", "processed"])
def connect(request: pytest.FixtureRequest) -> Callable[..., TelemetryContext]:
    """Build an enabled context; with processors, reporters get what those left, on a way of its own."""
    processors = [unchanged] if request.param == "processed" else []
    return lambda *reporters, **options: TelemetryContext(
        *reporters, enabled=True, processors=processors, **options
    )


def test_a_timing_carries_exactly_the_documented_metadata(
    connect: Any, reporting: Any, step_clock: Any
) -> None:
    """Names, order, types and values of all keys, for a root and for a span below it."""
    reporter, clock = reporting(), step_clock(wall=2_000_000_000_000, mono=5_000_000_000)
    tele = connect(reporter, clock=clock)
    with tele("a.b"):
        clock.advance(1_000_000_000)
        with tele("c"):
            clock.advance(500_000_000)

    inner, outer = reporter.timings
    assert list(inner[2]) == list(outer[2]) == TIMING_KEYS
    assert inner == (
        "a.b.c",
        0.5,
        {
            "depth": 1,
            "parent_scope": "a.b",
            "call_count": 1,
            "start_monotonic_s": 6.0,
            "end_monotonic_s": 6.5,
            "start_wall_time_s": 2001.0,
            "end_wall_time_s": 2001.5,
        },
    )
    assert outer[:2] == ("a.b", 1.5)
    assert outer[2] == {
        "depth": 0,
        "parent_scope": None,
        "call_count": 1,
        "start_monotonic_s": 5.0,
        "end_monotonic_s": 6.5,
        "start_wall_time_s": 2000.0,
        "end_wall_time_s": 2001.5,
    }
    assert [type(value) for value in outer[2].values()] == [int, type(None), int, float, float, float, float]


def test_ends_are_starts_plus_durations(connect: Any, reporting: Any) -> None:
    """To the last bit, on both clocks."""
    reporter = reporting()
    tele = connect(reporter)
    with tele("a"):
        for _ in range(20):
            with tele("b"):
                pass

    for _, duration, metadata in reporter.timings:
        assert metadata["end_monotonic_s"] == metadata["start_monotonic_s"] + duration
        assert metadata["end_wall_time_s"] == metadata["start_wall_time_s"] + duration


def test_wall_times_below_a_root_follow_its_one_reading(
    connect: Any, reporting: Any, step_clock: Any
) -> None:
    """However spans alternate, every start is the root's wall time plus a monotonic difference."""
    reporter, clock = reporting(), step_clock(wall=2_000_000_000_000, mono=5_000_000_000, step=1_000_000_000)
    tele = connect(reporter, clock=clock)
    for root in ("r", "s"):
        with tele(root):
            clock.wall += 3_600_000_000_000
            for middle in ("m", "n"):
                with tele(middle), tele("leaf"):
                    pass

    roots = {scope: metadata for scope, _, metadata in reporter.timings if metadata["depth"] == 0}
    for scope, _, metadata in reporter.timings:
        root = roots[scope[0]]
        offset = root["start_wall_time_s"] - root["start_monotonic_s"]
        assert metadata["start_wall_time_s"] - metadata["start_monotonic_s"] == offset
    assert roots["s"]["start_wall_time_s"] - roots["r"]["start_wall_time_s"] > 3600


def test_a_metric_carries_exactly_the_documented_metadata(connect: Any, reporting: Any) -> None:
    """Depth counts the open spans; the instrument is named for counters and gauges only."""
    reporter = reporting()
    tele = connect(reporter)
    tele.count("n")
    with tele("a"), tele("b"):
        tele.count("n", 3)
        tele.gauge("g", 0.5, unit="1")
        tele.metric("m", "text")

    assert reporter.metrics == [
        ("n", 1, {"depth": 0, "parent_scope": None, "metric_type": "counter"}),
        ("a.b.n", 3, {"depth": 2, "parent_scope": "a.b", "metric_type": "counter"}),
        ("a.b.g", 0.5, {"depth": 2, "parent_scope": "a.b", "metric_type": "gauge", "unit": "1"}),
        ("a.b.m", "text", {"depth": 2, "parent_scope": "a.b"}),
    ]
    assert list(reporter.metrics[0][2]) == ["depth", "parent_scope", "metric_type"]


def test_calls_are_counted_per_scope(connect: Any, reporting: Any) -> None:
    """``call_count`` is the number of spans of that scope so far, in the run of that context."""
    reporter, other = reporting(), reporting()
    tele, beside = connect(reporter), connect(other)
    for _ in range(2):
        with tele("a"), tele("b"), tele("b"):
            pass
    with beside("a"):
        pass

    assert [(s, m["call_count"]) for s, _, m in reporter.timings] == [
        ("a.b.b", 1),
        ("a.b", 1),
        ("a", 1),
        ("a.b.b", 2),
        ("a.b", 2),
        ("a", 2),
    ]
    assert other.timings[0][2]["call_count"] == 1


def test_events_are_not_reported(connect: Any, reporting: Any) -> None:
    """The protocol has no method for them."""
    reporter = reporting()
    tele = connect(reporter)
    tele.event("e")

    assert (reporter.timings, reporter.metrics) == ([], [])
    assert tele.statistics()["sinks"]["Reporter"]["accepted"] == 0


# keys


class Positional:
    """As in document 003, but the parameters take positions only."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def record_timing(self, scope: str, duration: float, /, **metadata: Any) -> None:
        self.told.append((scope, metadata))

    def record_metric(self, scope: str, value: Any, /, **metadata: Any) -> None:
        self.told.append((scope, value, metadata))


def test_a_users_key_wins_over_a_built_in_one(connect: Any, reporting: Any, keeping: Any) -> None:
    """In what a reporter hears; in a record the two never meet."""
    reporter, sink = reporting(), keeping()
    tele = connect(reporter, sink)
    mine = dict.fromkeys((*TIMING_KEYS, "metric_type"), "mine")
    with tele("a", **mine):
        tele.count("n", **mine)

    assert reporter.metrics[0][2] == mine
    assert reporter.timings[0][2] == mine
    metric, span = sink.kept
    assert metric.attrs == span.attrs == mine
    assert (metric.instrument, span.time_ns // 10**18) == ("counter", 1)


def test_keys_that_name_a_parameter_are_renamed(connect: Any, reporting: Any) -> None:
    """``scope=``, ``duration=``, ``value=`` and ``self=`` cannot be passed as keywords, so they get a prefix."""
    reporter = reporting()
    tele = connect(reporter)
    attrs = {"self": 1, "scope": 2, "duration": 3, "value": 4, "name": 5, "metadata": 6}
    with tele("a", **attrs):
        tele.metric("m", 7, **attrs)
        tele.count("n", **attrs)

    timing, metrics = reporter.timings[0][2], [m[2] for m in reporter.metrics]
    assert {k: v for k, v in timing.items() if k not in TIMING_KEYS} == {
        "extra.self": 1,
        "extra.scope": 2,
        "extra.duration": 3,
        "value": 4,
        "name": 5,
        "metadata": 6,
    }
    assert [m["extra.value"] for m in metrics] == [4, 4]
    assert [m["duration"] for m in metrics] == [3, 3]
    assert tele.statistics()["sinks"]["Reporter"]["failures"] == 0


def test_keys_are_not_renamed_without_need(connect: Any) -> None:
    """A reporter whose parameters are positional-only gets every key as it is."""
    reporter = Positional()
    tele = connect(reporter)
    with tele("a", self=1, scope=2, duration=3):
        tele.metric("m", 4, value=5)

    assert reporter.told[0][2]["value"] == 5
    assert {k: v for k, v in reporter.told[1][1].items() if k not in TIMING_KEYS} == {
        "self": 1,
        "scope": 2,
        "duration": 3,
    }


def test_functions_and_builtins_can_be_the_methods(connect: Any) -> None:
    """A reporter may be assembled of whatever can be called."""
    told: list[Any] = []

    class Assembled:
        record_timing = staticmethod(lambda scope, duration, **m: told.append((scope, m["extra.scope"])))
        record_metric = dict  # the signature of a builtin type cannot be read

    tele = connect(Assembled())
    with tele("a", scope=1):
        pass

    assert told == [("a", 1)]


# failures and reentrance


def test_a_reporter_may_use_its_own_context(connect: Any) -> None:
    """What it emits while it is told something is dropped and counted; afterwards it may."""

    class Chatty:
        tele: TelemetryContext

        def __init__(self) -> None:
            self.told: list[str] = []

        def record_timing(self, scope: str, duration: float, **metadata: Any) -> None:
            self.told.append(scope)
            with self.tele("own.span"):
                self.tele.count("own.count")

        def record_metric(self, scope: str, value: Any, **metadata: Any) -> None:
            self.told.append(scope)
            with self.tele("own.span"):
                self.tele.count("own.count")

    reporter = Chatty()
    tele = reporter.tele = connect(reporter)
    with tele("a"):
        tele.count("n")

    assert reporter.told == ["a.n", "a"]
    assert tele.statistics()["sinks"][Chatty.__qualname__] == {
        "accepted": 6,
        "stored": 2,
        "dropped": 4,
        "failures": 0,
        "missed": 0,
        "detached": False,
    }


def test_reentrance_is_a_matter_of_one_thread(connect: Any) -> None:
    """While one thread is in the reporter, others are told as usual, and each still recognises itself."""
    inside, go_on = threading.Barrier(3), threading.Barrier(3)

    class Slow:
        tele: TelemetryContext

        def __init__(self) -> None:
            self.told: list[str] = []

        def record_timing(self, scope: str, duration: float, **metadata: Any) -> None:
            self.told.append(scope)
            if scope.startswith("wait"):
                inside.wait(10)
                self.tele.count("own")
                go_on.wait(10)

        def record_metric(self, scope: str, value: Any, **metadata: Any) -> None:
            self.told.append(scope)

    reporter = Slow()
    tele = reporter.tele = connect(reporter)

    def work(name: str) -> None:
        with tele(name):
            pass

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(work, f"wait_{n}") for n in range(2)]
        inside.wait(10)
        work("other")
        go_on.wait(10)
        for done in waiting:
            done.result()
        list(pool.map(work, ["after"] * 4))
    tele.count("n")

    assert sorted(reporter.told) == ["after"] * 4 + ["n", "other", "wait_0", "wait_1"]
    assert tele.statistics()["sinks"][Slow.__qualname__]["dropped"] == 2


@pytest.mark.parametrize("method", ["record_timing", "record_metric"])
def test_a_reporter_that_fails_loses_only_that_record(connect: Any, reporting: Any, method: str) -> None:
    """The numbers add up: what was told, and what failed."""

    class Moody(reporting):  # type: ignore[misc]  # a fixture that is a class
        def __init__(self) -> None:
            super().__init__()
            self.moods = [True, False, True, False]

        def _fail(self) -> None:
            if self.moods and self.moods.pop(0):
                raise RuntimeError("not now")

        def record_timing(self, scope: str, duration: float, **metadata: Any) -> None:
            if method == "record_timing":
                self._fail()
            super().record_timing(scope, duration, **metadata)

        def record_metric(self, scope: str, value: Any, **metadata: Any) -> None:
            if method == "record_metric":
                self._fail()
            super().record_metric(scope, value, **metadata)

    reporter = Moody()
    tele = connect(reporter)
    for _ in range(4):
        with tele("a", x=1):
            pass
        tele.count("n")

    told = len(reporter.timings) + len(reporter.metrics)
    numbers = tele.statistics()["sinks"][type(reporter).__qualname__]
    assert (told, numbers["accepted"], numbers["stored"], numbers["failures"]) == (6, 6, 6, 2)


# many threads, many names


def test_many_threads_lose_nothing(connect: Any, reporting: Any) -> None:
    """Every span is told once, under a number of its own."""
    reporter = reporting()
    tele = connect(reporter)
    ready = threading.Barrier(50)

    def work(_: int) -> None:
        ready.wait(10)
        for _ in range(20):
            with tele("a"):
                tele.count("n")

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(work, range(50)))

    assert sorted(m["call_count"] for _, _, m in reporter.timings) == list(range(1, 1001))
    numbers = tele.statistics()["sinks"]["Reporter"]
    assert (numbers["accepted"], numbers["stored"], numbers["dropped"], numbers["failures"]) == (
        2000,
        2000,
        0,
        0,
    )


def test_calls_of_names_without_end_are_not_remembered_without_end(
    connect: Any, reporting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit a scope is always the first of its kind; nothing else changes and nothing is lost."""
    monkeypatch.setattr(module, "LIMIT", 3)
    reporter = reporting()
    tele = connect(reporter)
    for _ in range(2):
        for number in range(5):
            with tele(f"item_{number}"):
                pass

    assert [m["call_count"] for _, _, m in reporter.timings] == [1, 1, 1, 1, 1, 2, 2, 2, 1, 1]
    assert tele.statistics()["sinks"]["Reporter"]["stored"] == 10


def test_spans_of_interleaved_roots_keep_their_wall_time(
    connect: Any, reporting: Any, step_clock: Any
) -> None:
    """Spans of several roots may end in any order; each is dated by its own root."""
    reporter, clock = reporting(), step_clock(wall=2_000_000_000_000, mono=5_000_000_000)
    tele, there = connect(reporter, clock=clock), Context()
    first, held = (there.run(tele(name).__enter__) for name in ("first", "held"))
    clock.wall += 3_600_000_000_000
    with tele("second"):
        with tele("inner"):
            pass
        there.run(held.__exit__, None, None, None)
        with tele("inner"):
            pass
    there.run(first.__exit__, None, None, None)

    assert [(scope, metadata["start_wall_time_s"]) for scope, _, metadata in reporter.timings] == [
        ("second.inner", 5600.0),
        ("first.held", 2000.0),
        ("second.inner", 5600.0),
        ("second", 5600.0),
        ("first", 2000.0),
    ]


# the rest of the sink


def test_flush_and_shutdown_reach_a_reporter_that_has_them(connect: Any, reporting: Any) -> None:
    """They are optional; ``shutdown`` is preferred to ``close``."""

    class Full(reporting):  # type: ignore[misc]  # a fixture that is a class
        def __init__(self) -> None:
            super().__init__()
            self.calls: list[str] = []

        def flush(self) -> None:
            self.calls.append("flush")

        def close(self) -> None:
            self.calls.append("close")

    class Ended(Full):
        def shutdown(self) -> None:
            self.calls.append("shutdown")

    closed, ended, plain = Full(), Ended(), reporting()
    tele = connect(closed, ended, plain)
    tele.flush()
    tele.shutdown()

    assert (closed.calls, ended.calls) == (["flush", "close"], ["flush", "shutdown"])


def test_a_record_from_elsewhere_is_not_reported(reporting: Any, keeping: Any) -> None:
    """It has none of the readings that the protocol promises; the failure event of another sink is one."""
    bad, reporter = keeping(), reporting()
    bad.failures = [ValueError()]
    tele = TelemetryContext(bad, reporter, enabled=True)
    with tele("a"):
        pass

    assert [scope for scope, _, _ in reporter.timings] == ["a"]
    assert reporter.metrics == []


def test_nothing_of_a_trace_that_is_over_is_kept(connect: Any, reporting: Any) -> None:
    """Once its root span has ended, the context variables that were set around it may go."""

    class Request:
        pass

    variable = ContextVar[Request]("variable")
    tele = connect(reporting())
    seen: list[weakref.ref[Request]] = []

    def serve() -> None:
        request = Request()
        seen.append(weakref.ref(request))
        variable.set(request)
        with tele("root"), tele("child"), tele("grandchild"):
            pass

    Context().run(serve)
    gc.collect()

    assert [request() for request in seen] == [None]
