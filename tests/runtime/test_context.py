"""The factory, the shared no-op, and the interface that is the same on and off."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from contextlib import AsyncExitStack, ExitStack
from enum import StrEnum
from typing import Any
from unittest.mock import Mock

import pytest

from pytest_telemetry.model.errors import InvalidName, InvalidReporter, TelemetryError
from pytest_telemetry.model.ids import IdSource
from pytest_telemetry.runtime.context import NO_OP, TelemetryContext, tele_scope
from pytest_telemetry.runtime.interface import Context

ODD: list[Any] = ["", None, 5, b"a", [], "A b", "é"]
CALLS: list[tuple[str, Any]] = [
    ("time", lambda t: t.time("a", self=1, name=2, scope=3, duration=4, value=5, depth=6)),
    ("call", lambda t: t("a", self=1, name=2, scope=3, duration=4, value=5, depth=6)),
    ("with", lambda t: t.__exit__(None, None, t.__enter__() and None)),
    ("count", lambda t: t.count("a")),
    ("count_attrs", lambda t: t.count("a", 2, self=1, name=2, value=3, metric_type=4)),
    ("count_keyword", lambda t: t.count("a", increment=3)),
    ("gauge", lambda t: t.gauge("a", 0.5, self=1, name=2, value=3, metric_type=4)),
    ("metric", lambda t: t.metric("a", object(), self=1, name=2, value=3, instrument=4)),
    ("event", lambda t: t.event("a", self=1, name=2, kind=3)),
    ("set", lambda t: t.set(self=1, name=2)),
    ("timed", lambda t: t.timed("a", self=1, name=2)(len)([])),
    ("odd_names", lambda t: [t.count(name) for name in ODD]),
    ("odd_spans", lambda t: [t.time(name).__enter__().__exit__(None, None, None) for name in ODD]),
    ("flush", lambda t: t.flush()),
    ("statistics", lambda t: t.statistics()["misuse"]),
    ("copy", lambda t: copy.deepcopy([t, copy.copy(t)])),
    ("pickle", lambda t: pickle.loads(pickle.dumps(t))),
    ("repr", repr),
    ("shutdown", lambda t: (t.shutdown(), t.shutdown(), t.count("late"), t.flush())),
]


@pytest.fixture(params=["on", "on watched", "off", "open span", "open watched span", "span while off"])
def context(request: pytest.FixtureRequest, keeping: Any, watching: Any) -> Any:
    """Everything that has the interface."""
    sink = watching() if "watched" in request.param else keeping()
    tele = TelemetryContext(sink, enabled="off" not in request.param)
    return tele.time("outer").__enter__() if "span" in request.param else tele


# enablement


@pytest.mark.parametrize(
    ("environment", "enabled", "expected"),
    [
        ({}, None, False),
        ({"PYTEST_TELEMETRY": "1"}, None, True),
        ({"DEBUG": "1"}, None, True),
        ({"PYTEST_TELEMETRY": "0", "DEBUG": "1"}, None, True),
        ({"PYTEST_TELEMETRY": "true", "DEBUG": "yes"}, None, False),
        ({"PYTEST_TELEMETRY": ""}, None, False),
        ({}, True, True),
        ({"PYTEST_TELEMETRY": "1", "DEBUG": "1"}, False, False),
    ],
)
def test_a_context_is_enabled_by_argument_or_environment(
    monkeypatch: pytest.MonkeyPatch,
    reporting: Any,
    environment: dict[str, str],
    enabled: bool | None,
    expected: bool,
) -> None:
    """What was passed decides; otherwise exactly "1" in one of the two variables."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    tele = TelemetryContext(reporting(), enabled=enabled)

    assert tele.is_enabled is expected
    assert (tele is NO_OP) is not expected


@pytest.mark.parametrize("enabled", [None, True, False])
def test_without_a_reporter_nothing_is_enabled(monkeypatch: pytest.MonkeyPatch, enabled: bool | None) -> None:
    """There is nobody to tell, so the factory returns the shared no-op."""
    monkeypatch.setenv("PYTEST_TELEMETRY", "1")

    assert TelemetryContext(enabled=enabled) is NO_OP


def test_the_environment_is_read_when_a_context_is_built(
    monkeypatch: pytest.MonkeyPatch, reporting: Any
) -> None:
    """A context that exists neither wakes up nor falls asleep."""
    before, reporter = TelemetryContext(reporting()), reporting()
    monkeypatch.setenv("PYTEST_TELEMETRY", "1")
    after = TelemetryContext(reporter)
    monkeypatch.delenv("PYTEST_TELEMETRY")

    with before("a"), after("b"):
        pass

    assert (before.is_enabled, after.is_enabled) == (False, True)
    assert [scope for scope, _, _ in reporter.timings] == ["b"]


# the no-op


def test_the_no_op_is_one_immutable_object() -> None:
    """Nobody can change it for everybody else, and every call that opens a span returns it."""
    with pytest.raises(AttributeError):
        NO_OP.extra = 1  # type: ignore[attr-defined]  # the point of the test
    with pytest.raises(AttributeError):
        NO_OP.is_enabled = True  # type: ignore[misc]  # likewise

    assert not hasattr(NO_OP, "__dict__")
    assert NO_OP("a") is NO_OP
    assert NO_OP.time("a", x=1) is NO_OP
    with NO_OP("a") as t, NO_OP as tele:
        assert t is NO_OP
        assert tele is NO_OP


def test_copies_of_the_no_op_are_the_no_op() -> None:
    """Configuration objects that hold it can be copied and sent to other processes."""
    copies = [copy.copy(NO_OP), copy.deepcopy(NO_OP)]
    copies += [pickle.loads(pickle.dumps(NO_OP, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]

    assert all(each is NO_OP for each in copies)


def test_timed_by_the_no_op_returns_the_function_itself() -> None:
    """A disabled decorator costs nothing at all."""

    def work() -> None: ...

    assert NO_OP.timed("a", x=1)(work) is work


# one interface


@pytest.mark.parametrize(("call", "use"), CALLS, ids=[name for name, _ in CALLS])
def test_every_call_works_on_and_off(context: Any, call: str, use: Any) -> None:
    """Whatever works on a disabled context works on an enabled one and on an open span, and the other way round."""
    use(context)

    assert context.statistics().keys() == NO_OP.statistics().keys()


@pytest.mark.parametrize("name", [name for name in dir(Context) if name[0] != "_"] + ["__call__"])
def test_every_call_has_the_same_signature_on_and_off(context: Any, name: str) -> None:
    """Names, kinds and defaults of all parameters are those of the protocol."""
    declared = getattr(Context, name)
    if isinstance(declared, property):
        assert isinstance(getattr(context, name), bool)
        return
    expected = list(inspect.signature(declared).parameters.values())[1:]

    actual = list(inspect.signature(getattr(type(context), name)).parameters.values())[1:]

    assert [(p.name, p.kind, p.default) for p in actual] == [(p.name, p.kind, p.default) for p in expected]


def test_exit_stacks_accept_every_span(context: Any) -> None:
    """``ExitStack`` calls the methods of the class with the object; that works on and off too."""
    with ExitStack() as stack:
        entered = stack.enter_context(context.time("a"))
        stack.push(context.time("b").__enter__())

    assert entered.is_enabled is context.is_enabled


def test_asynchronous_exit_stacks_accept_every_span(context: Any) -> None:
    """Likewise where the stack is asynchronous."""

    async def enter() -> Any:
        async with AsyncExitStack() as stack:
            return stack.enter_context(context.time("a"))

    assert asyncio.run(enter()).is_enabled is context.is_enabled


def test_an_open_span_has_the_whole_interface(tele: TelemetryContext, sink: Any) -> None:
    """In ``with tele("x") as t``, everything can be said to *t* as well as to *tele*."""
    with tele("outer") as t:
        t.count("n", 2)
        t.gauge("g", 0.5)
        t.metric("m", "text")
        t.event("e", x=1)
        t.set(rows=3)
        with t("inner") as inner, inner.time("deep"):
            pass
        assert t.timed("called")(lambda: 7)() == 7
        t.flush()

    assert sink.scopes == [
        "outer.n",
        "outer.g",
        "outer.m",
        "outer.e",
        "outer.inner.deep",
        "outer.inner",
        "outer.called",
        "outer",
    ]
    assert sink.kept[-1].attrs == {"rows": 3}


def test_attributes_go_to_the_innermost_span_of_the_context(tele: TelemetryContext, sink: Any) -> None:
    """``tele.set`` reaches the span that is open where it is called, ``t.set`` the span it was called on."""
    with tele("outer", a=1) as outer, tele("inner"):
        tele.set(b=2)
        outer.set(c=3)

    assert {record.name: record.attrs for record in sink.kept} == {
        "inner": {"b": 2},
        "outer": {"a": 1, "c": 3},
    }


def test_attributes_never_reach_a_span_of_another_context(
    tele: TelemetryContext, sink: Any, keeping: Any
) -> None:
    """Two contexts in one task do not write on each other's spans."""
    other = TelemetryContext(keeping(), enabled=True)
    with tele("mine"), other("theirs") as theirs:
        tele.set(a=1)
        theirs.set(b=2)

    assert sink.kept[0].attrs == {"a": 1}


def test_attributes_outside_any_span_are_counted(tele: TelemetryContext, sink: Any) -> None:
    """There is nothing to add them to; that is misuse, and nothing else happens."""
    tele.set(rows=1)

    assert tele.statistics()["misuse"] == {"attributes outside any span": 1}
    assert sink.kept == []


def test_attributes_after_the_end_are_counted(tele: TelemetryContext, sink: Any) -> None:
    """What was recorded stays as it was."""
    with tele("a", x=1) as t:
        pass
    t.set(x=2)

    assert sink.kept[0].attrs == {"x": 1}
    assert t.statistics()["misuse"] == {"attributes after the end": 1}


def test_a_context_does_not_travel_to_another_process(
    tele: TelemetryContext, caplog: pytest.LogCaptureFixture
) -> None:
    """It can be pickled like the no-op, arrives as the no-op, and says so."""
    there = pickle.loads(pickle.dumps({"config": tele}))

    assert there == {"config": NO_OP}
    assert tele.statistics()["misuse"] == {"context sent to another process": 1}
    assert "another process" in caplog.text


def test_copies_of_a_context_are_the_context(tele: TelemetryContext) -> None:
    """A copied configuration object reports to the same place."""
    with tele("a") as t:
        assert copy.copy(t) is t

    assert copy.deepcopy({"config": tele})["config"] is tele


def test_contexts_say_what_they_are(keeping: Any, reporting: Any) -> None:
    """A repr names the sinks, or says that the context is disabled; a span names its scope."""
    tele = TelemetryContext(keeping(), keeping(), reporting(), enabled=True)
    span = tele("a.b")

    assert repr(NO_OP) == "<TelemetryContext: disabled>"
    assert repr(tele) == "<TelemetryContext: Keeping, Keeping#2, Reporter>"
    assert repr(span) == "<span 'a.b'>"
    with tele("x"), span:
        assert repr(span) == "<span 'x.a.b'>"


# reporters and sinks


class Half:
    def record_timing(self, scope: str, duration: float, **metadata: Any) -> None: ...


class Closed:
    def record_timing(self, scope: str, duration: float) -> None: ...
    def record_metric(self, scope: str, value: Any, **metadata: Any) -> None: ...


class OneArgument:
    def record_timing(self, scope: str, duration: float, **metadata: Any) -> None: ...
    def record_metric(self, scope: str, **metadata: Any) -> None: ...


class Awaited:
    async def record_timing(self, scope: str, duration: float, **metadata: Any) -> None: ...
    def record_metric(self, scope: str, value: Any, **metadata: Any) -> None: ...


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (object(), r"reporter 2 \(object\) lacks record_timing and record_metric: pass"),
        (Half(), r"reporter 2 \(Half\) lacks record_metric: pass"),
        (Closed(), r"reporter 2 \(Closed\): record_timing must accept \*\*metadata"),
        (OneArgument(), r"reporter 2 \(OneArgument\): record_metric is called as .*: too many positional"),
        (Awaited(), r"reporter 2 \(Awaited\): record_timing must not be a coroutine function"),
        (Half, r"reporter 2 \(Half\) lacks record_metric"),
    ],
)
def test_what_cannot_report_is_refused_by_position(
    reporting: Any, wrong: Any, text: str, enabled: bool
) -> None:
    """The error names the position, the class, what is wrong and what to pass, whether enabled or not."""
    with pytest.raises(InvalidReporter, match=text):
        TelemetryContext(reporting(), wrong, enabled=enabled)


def test_a_class_in_place_of_an_object_is_refused(reporting: Any) -> None:
    """A forgotten pair of parentheses is found at once."""
    with pytest.raises(
        InvalidReporter, match=r"reporter 1 .*Reporter\): record_timing is called as .*missing a required"
    ):
        TelemetryContext(reporting)


@pytest.mark.parametrize("spec", [None, Half], ids=["any", "spec"])
def test_a_mock_is_a_reporter(spec: Any) -> None:
    """A mock answers to the methods of a sink as well, but is meant as what documents call a reporter."""
    mock = Mock() if spec is None else Mock(spec=["record_timing", "record_metric"])
    tele = TelemetryContext(mock, enabled=True)

    with tele("a", x=1):
        tele.count("n")

    assert mock.record_timing.call_args.args[0] == "a"
    assert mock.record_timing.call_args.kwargs["x"] == 1
    assert mock.record_metric.call_args.args == ("a.n", 1)


def test_a_sink_may_have_its_methods_on_the_object(keeping: Any) -> None:
    """What forwards to a sink without being of a class with ``emit`` is a sink too."""

    class Forwarding:
        def __init__(self, sink: Any) -> None:
            self.emit, self.flush, self.close, self.statistics = (
                sink.emit,
                sink.flush,
                sink.close,
                sink.statistics,
            )

    sink = keeping()
    tele = TelemetryContext(Forwarding(sink), enabled=True)
    tele.count("n")

    assert sink.scopes == ["n"]


class Color(StrEnum):
    RED = "red.name"


def test_names_may_be_strings_of_another_class(tele: TelemetryContext, sink: Any) -> None:
    """An enumeration of names is used by its values, everywhere alike, and that is no misuse."""
    with tele(Color.RED), tele("red.name"), tele(Color.RED):
        tele.count(Color.RED)

    assert sink.scopes[0] == ".".join(["red.name"] * 4)
    assert {type(record.name) for record in sink.kept} == {str}
    assert {record.name for record in sink.kept} == {"red.name"}
    assert tele.statistics()["misuse"] == {}


# strict mode


@pytest.fixture(params=["argument", "environment"])
def strict(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sink: Any) -> TelemetryContext:
    """A strict context, made strict either way."""
    if request.param == "argument":
        return TelemetryContext(sink, enabled=True, strict=True)
    monkeypatch.setenv("PYTEST_TELEMETRY_STRICT_SCOPES", "1")
    return TelemetryContext(sink, enabled=True)


BAD_NAMES: list[Any] = [
    "A",
    "a-b",
    "a..b",
    "a.",
    ".a",
    "1a",
    "a.1b",
    "_a",
    "a\n",
    "é",
    "a b",
    "a/b",
    "",
    None,
    5,
    b"a",
    [],
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_strict_mode_refuses_bad_names_everywhere(strict: TelemetryContext, name: Any, sink: Any) -> None:
    """Spans, metrics, events and decorators follow one rule, on a context and on an open span."""
    with strict("outer") as t:
        for context in (strict, t):
            for call, values in (
                (context, ()),
                (context.time, ()),
                (context.count, ()),
                (context.gauge, (1,)),
                (context.metric, (1,)),
                (context.event, ()),
                (context.timed, ()),
            ):
                with pytest.raises(InvalidName, match=r"invalid (scope|metric|event) name"):
                    call(name, *values)

    assert sink.scopes == ["outer"]


@pytest.mark.parametrize("name", ["a", "a.b", "a1.b_2", "individual.question_1"])
def test_strict_mode_accepts_good_names(strict: TelemetryContext, sink: Any, name: str) -> None:
    """Dotted lower-case segments are what the rule asks for."""
    with strict(name):
        strict.count(name)

    assert sink.scopes == [f"{name}.{name}", name]


def test_strict_mode_raises_on_misuse(strict: TelemetryContext, sink: Any) -> None:
    """What is otherwise counted raises: but leaving a span never does."""
    with pytest.raises(TelemetryError, match=r"attributes outside any span: \['rows'\]"):
        strict.set(rows=1)
    span = strict("a")
    span.__exit__(None, None, None)
    with span:
        pass
    span.__exit__(None, None, None)
    with pytest.raises(TelemetryError, match="span entered twice: 'a'"):
        span.__enter__()
    with pytest.raises(TelemetryError, match="attributes after the end: 'a'"):
        span.set(x=1)

    assert sink.scopes == ["a"]
    assert strict.statistics()["misuse"] == {
        "attributes outside any span": 1,
        "span left without being entered": 1,
        "span left twice": 1,
        "span entered twice": 1,
        "attributes after the end": 1,
    }


@pytest.mark.parametrize("value", ["0", "true", ""])
def test_strict_mode_needs_exactly_one(
    monkeypatch: pytest.MonkeyPatch, tele: TelemetryContext, value: str
) -> None:
    """Any other value of the variable leaves names alone."""
    monkeypatch.setenv("PYTEST_TELEMETRY_STRICT_SCOPES", value)

    with tele("Not Strict"):
        tele.count("Not Strict")

    assert tele.statistics()["misuse"] == {}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("", "invalid.empty"),
        (None, "invalid.nonetype"),
        (5, "invalid.int"),
        (b"a", "invalid.bytes"),
        ([], "invalid.list"),
    ],
    ids=repr,
)
def test_unusable_names_are_replaced_and_counted(
    tele: TelemetryContext, sink: Any, name: Any, kept: str
) -> None:
    """Outside strict mode nothing is lost: the record is kept under a safe name."""
    with tele(name), tele.time(name):
        tele.event(name)

    assert sink.scopes == [f"{kept}.{kept}.{kept}", f"{kept}.{kept}", kept]
    assert tele.statistics()["misuse"] == {"unusable name": 3}


# the rest of the factory


def test_the_run_and_the_source_of_ids_can_be_chosen(keeping: Any) -> None:
    """The same seed gives the same ids; a run id marks every record."""
    sinks = [keeping(), keeping()]
    for sink in sinks:
        tele = TelemetryContext(sink, enabled=True, run_id="run_7", ids=IdSource(seed=7))
        with tele("a"):
            tele.count("n")

    first, second = ([(r.trace_id, r.span_id, r.parent_id, r.run_id) for r in sink.kept] for sink in sinks)

    assert first == second
    assert {record.run_id for record in sinks[0].kept} == {"run_7"}


def test_every_context_has_a_run_of_its_own(keeping: Any) -> None:
    """Without a run id each context makes one."""
    sinks = [keeping(), keeping()]
    for sink in sinks:
        TelemetryContext(sink, enabled=True).count("n")

    assert sinks[0].kept[0].run_id.startswith("run_")
    assert sinks[0].kept[0].run_id != sinks[1].kept[0].run_id


def test_tele_scope_is_deprecated(context: Any) -> None:
    """The old spelling forwards to the context and says what to write instead."""
    with (
        pytest.warns(DeprecationWarning, match=r"use ctx\(name\)") as caught,
        tele_scope(context, "a", name=1) as t,
    ):
        t.count("n")

    assert caught[0].filename == __file__
    assert t.is_enabled is context.is_enabled
