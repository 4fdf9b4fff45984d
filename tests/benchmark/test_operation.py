"""Operations: what a block runs, in what surroundings, and what of it is timed."""

from __future__ import annotations

import gc
import inspect
import linecache
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.benchmark.operation import (
    BLOCK_NS,
    EMPTY,
    YARDSTICK,
    Lane,
    Operation,
    PlainNoOp,
    settled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AGES = 1_000_000_000


class Manager:
    """Moves the clock on the way in and out, writes down when, and fails if it is to."""

    def __init__(self, clock: Any, log: list[str], name: str, fails: str = "") -> None:
        self.clock, self.log, self.name, self.fails = clock, log, name, fails

    def _happens(self, what: str) -> None:
        self.clock.cost(AGES)
        if what == self.fails:
            raise OSError(f"cannot {what} {self.name}")
        self.log.append(f"{what} {self.name}")

    def __enter__(self) -> None:
        self._happens("enter")

    def __exit__(self, *exc_info: object) -> None:
        self._happens("leave")


def costing(clock: Any, ns: int, **options: Any) -> Operation:
    """Return an operation that moves the clock."""
    return Operation("ours", f"clock.cost({ns})", {"clock": clock}, **options)


def counting(number: int = 0) -> tuple[Operation, list[int]]:
    """Return an operation that costs nothing, and where it writes down each time that it runs."""
    calls: list[int] = []
    return Operation("ours", "calls.append(1)", {"calls": calls}, number=number), calls


# What a block runs


@pytest.mark.parametrize("number", [1, 9, 10, 11, 230, 1234])
def test_a_block_runs_the_operation_as_often_as_it_says(clock: Any, number: int) -> None:
    """Neither the ten of a turn nor what is left over is lost or added."""
    operation, calls = counting(number)

    Lane(operation, clock).block()

    assert len(calls) == number


def test_a_block_can_be_longer_than_others(clock: Any) -> None:
    """The caller may say how often, for once."""
    operation, calls = counting(20)
    lane = Lane(operation, clock)

    lane.block(22)

    assert len(calls) == 22
    assert lane.number == 20


def test_once_is_once(clock: Any) -> None:
    """Counters look at a single operation."""
    operation, calls = counting()

    Lane(operation, clock).once()

    assert calls == [1]


@pytest.mark.parametrize(
    ("ns", "number"), [(3_500, 100), (30_000, 12), (116_666, 3), (BLOCK_NS, 1), (AGES, 1)]
)
def test_a_block_is_filled(clock: Any, ns: int, number: int) -> None:
    """Without a number it lasts about 0.35 ms, and never less than one operation."""
    lane = Lane(costing(clock, ns), clock)

    assert lane.settle() == number
    assert lane.number == number
    assert lane.block() == number * ns


@pytest.mark.parametrize("number", [0, 7])
def test_settling_finds_out_how_long_an_operation_takes(clock: Any, number: int) -> None:
    """In ns; nobody knows before."""
    lane = Lane(costing(clock, 3_500, number=number), clock)
    before = lane.operation_ns

    lane.settle()

    assert (before, lane.operation_ns) == (float("inf"), 3_500.0)


def test_what_costs_nothing_settles_too(clock: Any) -> None:
    """An empty loop would never fill a block, so that the number is bounded."""
    assert Lane(EMPTY, clock).settle() == 1 << 18


def test_a_number_that_was_given_is_kept(clock: Any) -> None:
    """However long it takes: what is set up for each block may not last for more."""
    lane = Lane(costing(clock, 7, number=3), clock)

    assert lane.settle() == 3
    assert lane.block() == 21
    assert lane.has_own_number
    assert not Lane(costing(clock, 7), clock).has_own_number


def test_a_number_below_nothing_is_refused() -> None:
    """A block of minus three operations would take negative time for each."""
    with pytest.raises(ValueError, match=r"ours: a block runs the operation 1 time or more, not -3"):
        Operation("ours", "pass", number=-3)


# What is timed


def test_the_fastest_block_is_kept_until_it_is_taken(clock: Any) -> None:
    """A block that was disturbed has no influence while another one was not; each reading starts afresh."""
    costs = iter([90, 60, 400, 100, 70])
    names = {"clock": clock, "costs": costs}
    lane = Lane(Operation("ours", "clock.cost(next(costs))", names, number=1), clock)

    for _ in range(3):
        lane.block()
    first = lane.take_best()
    for _ in range(2):
        lane.block()

    assert (first, lane.take_best()) == (60.0, 70.0)


def test_the_best_is_that_of_one_operation(clock: Any) -> None:
    """In ns, whatever their number."""
    lane = Lane(costing(clock, 50, number=10), clock)

    assert lane.block() == 500
    assert lane.take_best() == 50.0


def test_blocks_of_another_length_do_not_count_as_best(clock: Any) -> None:
    """A shorter one would look faster."""
    lane = Lane(costing(clock, 50, number=10), clock)

    lane.block(1)

    assert lane.best_ns == float("inf")


def test_what_ran_before_it_settled_does_not_count_as_best(clock: Any) -> None:
    """It may have been shorter, and was not warm yet."""
    lane = Lane(costing(clock, 50), clock)
    lane.block()

    lane.settle()

    assert lane.best_ns == float("inf")


def test_what_is_around_an_operation_is_not_timed(clock: Any) -> None:
    """Its world, what comes before and what is open are there before the clock starts, and closed in reverse."""
    log: list[str] = []
    operation = Operation(
        "ours",
        "clock.cost(5); log.append('body')",
        {"clock": clock, "log": log},
        inside=lambda: [Manager(clock, log, "outer"), Manager(clock, log, "inner")],
        before=lambda: log.append("before"),
        number=1,
        around=lambda: Manager(clock, log, "world"),
    )

    duration = Lane(operation, clock).block()

    assert duration == 5
    assert log == [
        *("enter world", "before", "enter outer", "enter inner"),
        "body",
        *("leave inner", "leave outer", "leave world"),
    ]


def test_a_block_warms_up_in_the_context_that_is_timed(clock: Any) -> None:
    """A tenth of its turns, and one more operation: these run first, and are not timed."""
    calls: list[int] = []
    names = {"calls": calls, "clock": clock}
    lane = Lane(Operation("ours", "calls.append(1); clock.cost(3_500)", names), clock)
    lane.settle()
    calls.clear()

    duration = lane.block()

    assert duration == 100 * 3_500
    assert len(calls) == 100 + 10 + 1


@pytest.mark.parametrize(("ns", "rounds"), [(100, 2), (BLOCK_NS // 5, 1)])
def test_a_short_block_of_a_given_number_is_preceded_by_another(clock: Any, ns: int, rounds: int) -> None:
    """What is set up for each block cannot serve for more, so that it is set up twice; a long block is warm."""
    log: list[str] = []
    operation = costing(
        clock, ns, number=1, before=lambda: log.append("before"), inside=lambda: [Manager(clock, log, "it")]
    )
    lane = Lane(operation, clock)
    lane.settle()
    log.clear()

    assert lane.block() == ns
    assert log == ["before", "enter it", "leave it"] * rounds


# Contexts, and what is open in them


def test_every_block_has_a_context_of_its_own(clock: Any) -> None:
    """It is a copy of the caller's, and what one block sets no other sees."""
    variable: ContextVar[int] = ContextVar("variable")
    variable.set(7)
    seen: list[int] = []
    body = "seen.append(variable.get()); variable.set(1)"
    lane = Lane(Operation("ours", body, {"seen": seen, "variable": variable}, number=2), clock)

    for _ in range(3):
        lane.block()

    assert seen == [7, 1] * 3
    assert variable.get() == 7


def test_what_is_open_is_open_in_the_context_of_the_block(clock: Any) -> None:
    """A manager that sets a variable sets it for the operation, and resets it where it was set."""
    variable: ContextVar[str] = ContextVar("variable", default="outside")
    seen: list[str] = []

    @contextmanager
    def opened() -> Iterator[None]:
        token = variable.set("open")
        yield
        variable.reset(token)

    operation = Operation(
        "ours",
        "seen.append(variable.get())",
        {"seen": seen, "variable": variable},
        inside=lambda: [opened()],
        number=1,
    )

    Lane(operation, clock).block()

    assert seen == ["open"]
    assert variable.get() == "outside"


def test_opened_is_what_a_block_opens(clock: Any) -> None:
    """Who counts one operation does it in the same surroundings."""
    log: list[str] = []
    operation = Operation(
        "ours",
        "log.append('body')",
        {"log": log},
        inside=lambda: [Manager(clock, log, "it")],
        before=lambda: log.append("before"),
        around=lambda: Manager(clock, log, "world"),
    )
    lane = Lane(operation, clock)

    with lane.opened() as context:
        context.run(lane.once)

    assert log == ["enter world", "before", "enter it", "body", "leave it", "leave world"]


@pytest.mark.parametrize(
    ("fails", "body", "left"),
    [
        ("enter", "pass", []),
        ("leave", "pass", []),
        ("", "1 / 0", ["leave inner"]),
    ],
)
def test_what_was_opened_is_closed_whatever_fails(clock: Any, fails: str, body: str, left: list[str]) -> None:
    """Where a manager or the operation raises, all the others are left, and the error is not hidden."""
    log: list[str] = []
    operation = Operation(
        "ours",
        body,
        inside=lambda: [Manager(clock, log, "outer"), Manager(clock, log, "inner", fails)],
        number=1,
        around=lambda: Manager(clock, log, "world"),
    )

    with pytest.raises((OSError, ZeroDivisionError), match=f"cannot {fails} inner|division"):
        Lane(operation, clock).block()

    assert [entry for entry in log if entry.startswith("leave")] == [*left, "leave outer", "leave world"]


# The source


@pytest.mark.parametrize("name", ["once", "loop", "turns", "rest", "_", "call", "range", "name"])
def test_every_name_can_be_used(clock: Any, name: str) -> None:
    """What is ours in the compiled loop hides nothing of the user's."""
    calls: list[int] = []
    lane = Lane(Operation("ours", f"{name}.append(1)", {name: calls}, number=11), clock)

    lane.once()
    lane.block()

    assert len(calls) == 12


def test_arguments_are_passed_as_they_are(clock: Any) -> None:
    """In order, and by any keyword, also one that cannot be written."""
    got: list[Any] = []
    keywords = {"name": 1, "class": 2, "not a word": 3, "function": 4, "\u00ba": 5, "o": 6}

    def work(*args: Any, **kwargs: Any) -> None:
        got.append((args, kwargs))

    Lane(Operation.calling("ours", work, ["a", None], keywords), clock).once()

    assert got == [(("a", None), keywords)]


def test_a_call_without_arguments_is_plain(clock: Any) -> None:
    """Other options are those of an operation."""
    operation = Operation.calling("ours", clock.mono_ns, number=7)

    assert (operation.name, operation.body, operation.number) == ("ours", "call()", 7)
    assert operation.names == {"call": clock.mono_ns}


def test_each_lane_has_code_of_its_own(clock: Any) -> None:
    """Two lanes of one operation share neither inline caches nor globals, and do not touch the operation's names."""
    operation = Operation("ours", "globals()['made'] = thing", {"thing": 1})
    first, second = Lane(operation, clock), Lane(operation, clock)

    first.once()

    functions: list[Any] = [first.once, second.once]
    assert functions[0].__code__ is not functions[1].__code__
    assert functions[0].__globals__["made"] == 1
    assert "made" not in functions[1].__globals__
    assert operation.names == {"thing": 1}


def test_the_source_can_be_read(clock: Any) -> None:
    """Some libraries read that of their caller; it stays also where a cache of sources is checked."""
    lane = Lane(Operation("with spaces", "value = 1 + 1"), clock)

    linecache.checkcache()

    assert inspect.getsource(lane.once) == "def once():\n        value = 1 + 1\n"


@pytest.mark.parametrize(
    "body",
    [
        *("", "# nothing", "(", "for", "await x", "x = 1\ny = 2"),
        *("return 1", "yield 1", "x = yield", "break", "if x: continue", "nonlocal x"),
    ],
)
def test_what_is_no_line_of_python_is_refused(clock: Any, body: str) -> None:
    """Before anything is timed, and under the name of the operation; also what only our loop would make Python of."""
    with pytest.raises(SyntaxError) as refused:
        Lane(Operation("ours", body), clock)

    assert refused.value.filename == "<benchmark ours>"


# The yardstick, and the garbage


def test_the_yardstick_is_the_no_op_that_everybody_writes(clock: Any) -> None:
    """A scope takes a name and attributes, is its own manager and swallows nothing."""
    scope = PlainNoOp()
    Lane(YARDSTICK, clock).once()

    with pytest.raises(KeyError), scope("a.b", rows=1) as opened:
        assert opened is scope
        raise KeyError


def raises() -> None:
    raise KeyError


@pytest.mark.parametrize("body", [int, raises])
def test_what_exists_is_kept_out_of_collections(body: Callable[[], object]) -> None:
    """And only for as long as something is timed, whatever happens; collections themselves stay on."""
    gc.unfreeze()

    with suppress(KeyError), settled():
        frozen, on = gc.get_freeze_count(), gc.isenabled()
        body()

    assert frozen > 10_000
    assert on
    assert gc.get_freeze_count() == 0


def test_what_somebody_else_froze_stays_frozen() -> None:
    """A server that froze its start-up before it forked wants it so."""
    gc.freeze()
    try:
        before = gc.get_freeze_count()

        with settled():
            within = gc.get_freeze_count()

        assert before > 10_000
        assert within == gc.get_freeze_count() == before
    finally:
        gc.unfreeze()
