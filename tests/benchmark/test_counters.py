"""What is counted of one operation: exactly, deducting our own part, and leaving nothing behind."""

from __future__ import annotations

import dis
import functools
import gc
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle
from typing import Any

import pytest

from pytest_telemetry import TelemetryContext
from pytest_telemetry.benchmark import counters
from pytest_telemetry.benchmark.counters import COUNTERS, count
from pytest_telemetry.model.clock import CLOCK_READINGS, SYSTEM_CLOCK
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.sinks.memory import MemoryStore
from pytest_telemetry.testing.fake_clock import FakeClock

monitoring: Any = getattr(sys, "monitoring", None)
refuse_company, watched = counters._refuse_company, counters._watched


def state() -> dict[str, object]:
    """Return what counting changes for as long as it counts."""
    return {
        "trace": sys.gettrace(),
        "profile": sys.getprofile(),
        "tools": monitoring and [monitoring.get_tool(tool) for tool in range(6)],
        "tracemalloc": tracemalloc.is_tracing(),
        "collector": (gc.isenabled(), gc.get_threshold(), list(gc.callbacks)),
        "frozen": gc.get_freeze_count() > 2_000,
    }


@pytest.fixture(autouse=True)
def nothing_stays_behind() -> Iterator[None]:
    """Look, around every test, whether the process is as it was."""
    before = state()
    yield
    assert state() == before


@pytest.fixture(autouse=True)
def put_coverage_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests count where coverage is measured, by measuring it everywhere but where something is counted."""

    def watched_alone(*arguments: Any) -> None:
        trace = sys.gettrace()
        sys.settrace(None)
        try:
            watched(*arguments)
        finally:
            sys.settrace(trace)

    if sys.gettrace() is not None:
        monkeypatch.setattr(counters, "_refuse_company", lambda: None)
        monkeypatch.setattr(counters, "_watched", watched_alone)


@pytest.fixture
def alone() -> Iterator[None]:
    """Put aside what measures coverage, so that nothing else traces."""
    before = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(before)


def nothing() -> None:
    pass


def difference(before: Callable[[], object], after: Callable[[], object]) -> dict[str, int]:
    """Return by how much each counter of *after* is above that of *before*, where it is another."""
    old, new = count(before).values, count(after).values
    assert list(old) == list(new) == list(COUNTERS)
    return {name: new[name] - old[name] for name in old if new[name] != old[name]}


# Exact, and net of ourselves


def test_an_empty_function_counts_0_of_everything() -> None:
    """What it takes to call an operation is deducted, and every counter is there, in its order."""
    counts = count(nothing)

    assert counts.values == dict.fromkeys(COUNTERS, 0)
    assert list(counts.values) == list(COUNTERS)


def test_entering_a_method_is_deducted_as_well() -> None:
    """The operation may be a bound method of a class written in Python."""

    class Quiet:
        def nothing(self) -> None:
            pass

    assert set(count(Quiet().nothing).values.values()) == {0}


def test_what_is_not_written_in_python_is_counted_as_called_from_python() -> None:
    """A builtin has no frame that could be deducted; the call of it counts."""
    values = count(SYSTEM_CLOCK.mono_ns).values

    assert (values["python calls"], values["c calls"], values["clock reads"]) == (0, 1, 1)
    assert values["bytecodes"] > 0


def test_bytecodes_are_the_instructions_that_the_disassembler_shows() -> None:
    """Those of the operation and of what it calls, less those of a function that does nothing."""

    def instructions(function: Callable[[], object]) -> int:
        return sum(each.opname != "RESUME" for each in dis.get_instructions(function))

    wanted = instructions(call) + instructions(without_keywords) - instructions(nothing)

    assert count(call).values["bytecodes"] == wanted


def test_twice_the_work_counts_twice() -> None:
    """Counters are additive: nothing is lost in between."""
    thing: dict[int, int] = {}

    def once() -> None:
        thing.get(1)

    def twice() -> None:
        thing.get(1)
        thing.get(1)

    assert count(once).values["c calls"] == 1
    assert count(twice).values["c calls"] == 2
    assert count(twice).values["bytecodes"] == 2 * count(once).values["bytecodes"]


def test_counting_again_gives_the_same() -> None:
    """Counters of code that does the same each time do not depend on when they are taken."""
    tele = TelemetryContext(Quiet(), enabled=True)

    def operation() -> None:
        with tele("load", rows=3):
            tele.count("rows", 3)

    first = count(operation)
    kept = [{} for _ in range(1_000)]  # type: ignore[var-annotated]  # memory that moves what comes later

    assert count(operation) == first
    assert all(first.values[name] > 0 for name in COUNTERS)
    assert kept


def test_resumed_generators_are_entered_each_time() -> None:
    """Python code that goes on counts as a call, also where the generator is older than the counting."""

    def numbers() -> Iterator[int]:
        while True:
            yield 1

    generator = numbers()

    def operation() -> None:
        next(generator)
        next(generator)

    assert count(operation).values["python calls"] == 2


def test_a_counter_that_differs_between_repetitions_is_left_out() -> None:
    """What changes from call to call is not exact; what stays the same is kept."""
    turns = cycle([nothing, gc.isenabled])

    def operation() -> None:
        next(turns)()

    values = count(operation).values

    assert "bytecodes" not in values
    assert "python calls" not in values
    assert values["clock reads"] == 0


def test_what_disturbs_a_repetition_now_and_then_is_waited_out() -> None:
    """Another thread, or a list that takes memory for more entries: what counts is what is the same in a row."""
    turns = cycle([gc.isenabled, gc.isenabled, nothing, gc.isenabled, gc.isenabled, gc.isenabled])

    def operation() -> None:
        next(turns)()

    values = count(operation).values

    assert (values["python calls"], values["c calls"]) == (0, 2)


def test_each_counter_is_taken_as_often_as_it_is_asked_for() -> None:
    """An operation runs until it is warm, and then once and *times* for each counter, of which some share a run."""
    calls: list[int] = []

    count(lambda: calls.append(1), times=1)
    once = len(calls)
    count(lambda: calls.append(1), times=5)

    assert len(calls) - 2 * once == 4 * (3 if monitoring else 4)


def test_code_that_ran_never_before_counts_as_warm_code() -> None:
    """Until an instruction has run some times, Python makes objects that it saves later."""
    tele = TelemetryContext(Quiet(), enabled=True)
    names = {"tele": tele}
    exec("def operation():\n    with tele('load', rows=3):\n        tele.count('rows', 3)", names)

    cold = count(names["operation"])  # type: ignore[arg-type]  # what the line above makes
    warm = count(names["operation"])  # type: ignore[arg-type]  # likewise

    assert cold == warm


def test_no_repetition_is_refused() -> None:
    """Without a repetition there is nothing to report."""
    with pytest.raises(ValueError, match="times must be 1 or more, not 0"):
        count(nothing, times=0)


def test_other_threads_do_not_count() -> None:
    """Python code that another thread runs meanwhile is not part of the operation."""
    asked, answered, work = threading.Lock(), threading.Lock(), [nothing]

    def serve() -> None:
        while work:
            asked.acquire()
            for each in work:
                each()
            answered.release()

    def operation() -> None:
        asked.release()
        answered.acquire()

    asked.acquire()
    answered.acquire()
    thread = threading.Thread(target=serve)
    thread.start()

    one = count(operation)
    work *= 10
    ten = count(operation)

    work.clear()
    operation()
    thread.join()
    for name in ("bytecodes", "python calls", "c calls"):
        assert ten.values[name] == one.values[name]
    assert one.values["python calls"] == 0


# Which code ran


def test_files_are_those_of_the_code_that_ran() -> None:
    """The gate sees from them which copy of some code an operation used."""
    names: dict[str, Any] = {}
    exec(compile("def work(): pass", "baseline.zip/work.py", "exec"), names)

    def operation() -> None:
        names["work"]()

    assert count(operation).files == {__file__, "baseline.zip/work.py"}


def test_our_own_file_is_not_among_them() -> None:
    """What calls an operation that is not written in Python is our code, and not that of the operation."""
    assert count(SYSTEM_CLOCK.mono_ns).files == frozenset()


# Clock reads


@pytest.mark.parametrize("read", sorted(CLOCK_READINGS, key=str), ids=lambda read: read.__name__)
def test_every_function_that_reads_a_clock_is_known(read: Callable[..., object]) -> None:
    """All of ``time``, under whatever name the code knows them."""
    arguments = (1,) if read.__name__.startswith("clock_gettime") else ()

    def operation() -> None:
        read(*arguments)

    assert count(operation).values["clock reads"] == 1


def test_other_functions_of_the_clock_and_fake_clocks_are_no_clock_reads() -> None:
    """Sleeping reads no clock, and neither does asking a fake one."""
    fake = FakeClock()

    def operation() -> None:
        SYSTEM_CLOCK.sleep(0)
        fake.mono_ns()

    assert count(operation).values["clock reads"] == 0


# Records


class Quiet:
    """A native sink."""

    def span_ended(self, span: object, end: int, error: object, /) -> None: ...

    def point(self, point: object, /) -> None: ...

    def emit(self, record: object, /) -> None: ...

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def statistics(self) -> Mapping[str, int]:
        return {"accepted": 0, "stored": 0, "dropped": 0}


class Reporter:
    """A two-method reporter."""

    def record_timing(self, scope: str, duration: float, /, **metadata: Any) -> None: ...

    def record_metric(self, scope: str, value: Any, /, **metadata: Any) -> None: ...


class Plain:
    """A sink that takes records only."""

    def emit(self, record: object, /) -> None: ...

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def statistics(self) -> Mapping[str, int]:
        return {"accepted": 0, "stored": 0, "dropped": 0}


@pytest.mark.parametrize("processors", [(), (lambda record: record,)], ids=["as they are", "processed"])
@pytest.mark.parametrize(
    ("reporters", "expected"),
    [
        ((Quiet,), 3),
        ((Plain,), 3),
        ((MemoryStore,), 3),
        ((Reporter,), 2),
        ((Quiet, Reporter, MemoryStore, Plain), 11),
    ],
    ids=["native sink", "sink", "recorder", "reporter", "all"],
)
def test_what_a_context_hands_over_is_counted_once_for_each_that_takes_it(
    reporters: tuple[type, ...], expected: int, processors: Any
) -> None:
    """A span, a metric and an event are three records to a sink, and two to a reporter, which takes no events."""
    tele = TelemetryContext(*(reporter() for reporter in reporters), enabled=True, processors=processors)

    def operation() -> None:
        with tele("load"):
            tele.count("rows")
            tele.event("loaded")

    assert count(operation).values["records"] == expected


def test_a_disabled_context_hands_over_nothing() -> None:
    """The no-op has methods of the same names, and is no sink."""
    tele = TelemetryContext(enabled=False)

    def operation() -> None:
        with tele("load"):
            tele.count("rows")

    assert count(operation).values["records"] == 0


def test_a_sink_that_calls_the_method_it_overrides_takes_one_record() -> None:
    """What counts is the method that the class has, not what that calls."""

    class Louder(Plain):
        def emit(self, record: object, /) -> None:
            super().emit(record)

    sink = Louder()

    assert count(lambda: sink.emit(None)).values["records"] == 1


def test_a_decorated_method_counts_as_the_method_that_it_replaces() -> None:
    """Also where the sink is only the first of any number of arguments."""

    def decorated(method: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(method)
        def call(*arguments: object) -> None:
            if arguments:
                method(*arguments)

        return call

    class Decorated(Plain):
        emit = decorated(Plain.emit)

    sink, alone = Decorated(), decorated(nothing)

    def operation() -> None:
        sink.emit(None)
        alone()

    assert count(operation).values["records"] == 1


def test_sinks_that_hand_on_count_with_those_behind_them() -> None:
    """A record that passes two sinks was handed over twice."""
    behind = Plain()

    class Passing(Plain):
        def emit(self, record: object, /) -> None:
            behind.emit(record)

    sink = Passing()

    assert count(lambda: sink.emit(None)).values["records"] == 2


def test_methods_that_are_not_of_a_sink_count_nothing() -> None:
    """Names alone do not make a sink."""

    class Signal:
        def emit(self, value: object) -> None: ...

        def point(self, value: object) -> None: ...

    signal = Signal()

    def operation() -> None:
        signal.emit(1)
        signal.point(1)

    assert count(operation).values["records"] == 0


# What changes of code move: each pair is the code before and after


class InSlot:
    __slots__ = ("clock", "now")

    def __init__(self) -> None:
        self.now = SYSTEM_CLOCK.mono_ns
        self.clock = SYSTEM_CLOCK

    def from_slot(self) -> None:
        self.now  # noqa: B018

    def from_further_away(self) -> None:
        self.clock.mono_ns  # noqa: B018


class InDictionary:
    def __init__(self) -> None:
        self.now = SYSTEM_CLOCK.mono_ns

    def from_dictionary(self) -> None:
        self.now  # noqa: B018


ATTRIBUTES = {"a": 1, "b": 2}
LOCK = threading.Lock()


def without_keywords() -> None: ...


def with_keywords(**attrs: object) -> None: ...


def further() -> None:
    without_keywords()


def call() -> None:
    without_keywords()


def call_further() -> None:
    further()


def call_with_keywords() -> None:
    with_keywords()


def new_object() -> None:
    InSlot.__new__(InSlot)


def clock_read() -> None:
    SYSTEM_CLOCK.mono_ns()


def attributes() -> None:
    ATTRIBUTES  # noqa: B018


def attributes_copied() -> None:
    dict(ATTRIBUTES)


def locked() -> None:
    with LOCK:
        pass


CHANGES: Mapping[str, tuple[Callable[[], object], Callable[[], object], set[str]]] = {
    "an extra call": (call, call_further, {"bytecodes", "python calls"}),
    "keywords in a signature": (call, call_with_keywords, {"allocated bytes", "allocated objects"}),
    "an object per call": (
        nothing,
        new_object,
        {"bytecodes", "c calls", "allocated bytes", "allocated objects"},
    ),
    "a clock read": (nothing, clock_read, {"bytecodes", "c calls", "clock reads", "allocated bytes"}),
    "a dictionary copy": (
        attributes,
        attributes_copied,
        {"bytecodes", "allocated bytes", "allocated objects"},
    ),
    "a look-up out of a slot": (InSlot().from_slot, InSlot().from_further_away, {"bytecodes"}),
    "a lock": (nothing, locked, {"bytecodes", "c calls", "allocated bytes", "allocated objects"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_code_moves_the_counters_of_what_it_adds(change: str) -> None:
    """Each of the seven regressions of the benchmarks grows at least one counter, and no other changes."""
    before, after, grows = CHANGES[change]

    found = difference(before, after)

    assert set(found) == grows
    assert all(more > 0 for more in found.values())


def test_callbacks_of_the_garbage_collector_hide_nothing() -> None:
    """What one is told stands in a dictionary, of which the next would be made; it is there again afterwards."""
    told: list[str] = []

    def callback(phase: str, info: dict[str, int]) -> None:
        told.append(phase)

    gc.callbacks.append(callback)
    try:
        found = difference(without_keywords, with_keywords)
        assert callback in gc.callbacks
    finally:
        gc.callbacks.remove(callback)

    assert set(found) == {"allocated bytes", "allocated objects"}
    assert told == []


def test_a_slot_that_becomes_an_entry_of_a_dictionary_moves_no_counter() -> None:
    """The instructions are the same and only take longer: that is for the time to tell, as the module says."""
    assert difference(InSlot().from_slot, InDictionary().from_dictionary) == {}


def test_memory_that_is_held_at_once_adds_up_and_memory_that_is_let_go_does_not() -> None:
    """Allocated bytes are those of the peak, in bytes of the allocator."""

    def held() -> None:
        first = b"x" * 10_000
        second = b"x" * 10_000
        del first, second

    def let_go() -> None:
        first = b"x" * 10_000
        del first
        second = b"x" * 10_000
        del second

    size = sys.getsizeof(b"x" * 10_000)

    assert count(held).values["allocated bytes"] == 2 * size
    assert count(let_go).values["allocated bytes"] == size


def test_objects_are_counted_however_many_were_let_go_before() -> None:
    """Letting go of more than the operation makes hides none of what it makes afterwards."""
    kept: list[InSlot] = []

    def operation() -> None:
        kept.clear()
        kept.extend([InSlot.__new__(InSlot) for _ in range(100)])

    operation()

    assert count(operation).values["allocated objects"] >= 100


# Nothing stays behind


@pytest.fixture(params=["as usual", "collector off", "tracemalloc on", "frozen"])
def surroundings(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the process be in one of the states in which it may be found."""
    was_tracing = tracemalloc.is_tracing()
    if request.param == "collector off":
        gc.disable()
    elif request.param == "tracemalloc on":
        tracemalloc.start()
    elif request.param == "frozen":
        gc.freeze()
    yield
    gc.enable()
    gc.unfreeze()
    if not was_tracing:
        tracemalloc.stop()


@pytest.mark.usefixtures("surroundings")
def test_everything_is_afterwards_as_it_was_before() -> None:
    """Tracers, profilers, tools, tracemalloc and the garbage collector, whatever state they were in."""
    before = state()

    counts = count(clock_read)

    assert state() == before
    assert counts == count(clock_read)


def test_no_garbage_is_collected_but_when_we_say_so() -> None:
    """An operation is not interrupted by the collector, but where that is how objects are counted (Python 3.11)."""
    enabled: list[bool] = []

    count(lambda: enabled.append(gc.isenabled()))

    assert not enabled[0]
    assert not enabled[-1]
    assert any(enabled) == (sys.version_info < (3, 12))


@pytest.mark.parametrize("call", [1, *range(20, 40)])
def test_an_operation_that_raises_ends_the_counting_and_leaves_nothing_behind(call: int) -> None:
    """Whatever is being counted at that moment; what was raised arrives as it is."""
    before, calls, stop = state(), 0, RuntimeError("stop")

    def operation() -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise stop

    caught: BaseException | None = None
    try:
        count(operation)
    except RuntimeError as error:
        caught = error

    assert state() == before
    assert caught is stop if calls == call else calls < call


# Company


def ignore(*arguments: object) -> None:
    pass


def trace() -> None:
    """Trace, unless coverage does so anyway."""
    if sys.gettrace() is None:
        sys.settrace(ignore)


def trace_no_more() -> None:
    if sys.gettrace() is ignore:
        sys.settrace(None)


COMPANY: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "a trace function": (trace, trace_no_more),
    "a profile function": (lambda: sys.setprofile(ignore), lambda: sys.setprofile(None)),
}
if monitoring:
    COMPANY["the monitoring tool 'a debugger'"] = (
        lambda: monitoring.use_tool_id(3, "a debugger"),
        lambda: monitoring.free_tool_id(3),
    )


@pytest.mark.parametrize("name", COMPANY)
def test_it_refuses_to_count_beside_others_that_look(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names them in one line and says what to do, and the operation is not even called."""
    monkeypatch.setattr(counters, "_refuse_company", refuse_company)
    calls: list[int] = []
    start, stop = COMPANY[name]
    start()

    try:
        with pytest.raises(UnusableInput) as caught:
            count(lambda: calls.append(1))
    finally:
        stop()

    assert name in str(caught.value)
    assert "--no-cov" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert calls == []


@pytest.mark.usefixtures("alone")
def test_an_operation_that_counts_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting is not nested: the inner one would count the outer."""
    monkeypatch.setattr(counters, "_refuse_company", refuse_company)

    with pytest.raises(UnusableInput, match="is active in this process"):
        count(lambda: count(nothing))

    assert count(nothing).values["bytecodes"] == 0
