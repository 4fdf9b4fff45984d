"""What is counted of an operation, which may have a round of its own."""

from __future__ import annotations

from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import replace

import pytest

from pytest_telemetry._pytest import counting
from pytest_telemetry._pytest.counting import counted
from pytest_telemetry.benchmark.operation import Operation
from pytest_telemetry.testing.fake_clock import FakeClock
from tests.benchmark.test_counters import put_coverage_aside  # noqa: F401 - a fixture


def busy() -> list[int]:
    return [sum(range(9)) for _ in range(200)]


@pytest.mark.parametrize("number", [0, 3])
def test_what_is_set_up_for_a_round_is_not_counted(number: int) -> None:
    """Time excludes it, and so do the counters: they are those of the bare operation."""
    bare = Operation("ours", "text.encode()", {"text": "abc"}, number=number)

    def opened() -> list[nullcontext[list[int]]]:
        return [nullcontext(busy())]

    assert counted(replace(bare, before=busy, inside=opened)) == counted(bare)


def test_each_time_that_is_counted_has_a_round_of_its_own() -> None:
    """What was set up may serve only once, and stands in the context in which it was set up."""
    fuel: ContextVar[list[int]] = ContextVar("fuel")
    operation = Operation("ours", "fuel.get().pop()", {"fuel": fuel}, before=lambda: fuel.set([1]), number=1)

    values = counted(operation).values

    assert (values["c calls"], values["python calls"]) == (2, 0)


def test_a_long_set_up_does_not_make_a_long_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is counted depends on how long the operation takes, without what is around it."""
    clock = FakeClock()
    monkeypatch.setattr(counting, "SYSTEM_CLOCK", clock)
    operation = Operation("ours", "text.encode()", {"text": "abc"}, before=lambda: clock.advance(9), number=1)

    assert "bytecodes" in counted(operation).values
