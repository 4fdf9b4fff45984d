"""Fresh processes, as far as they go without being started."""

from __future__ import annotations

import errno
import os
import subprocess
from argparse import ArgumentParser
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry._pytest.fresh import Fresh

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANY = [f"benchmarks/test_it.py::test_{number}" for number in range(30)]
FEW = f"{MANY[0]}, {MANY[1]}, {MANY[2]} and 27 others"


@pytest.fixture
def fresh(tmp_path: Path) -> Fresh:
    """Fresh processes of a project of which nothing else is known."""
    config: Any = SimpleNamespace(
        rootpath=tmp_path,
        inipath=None,
        invocation_params=SimpleNamespace(args=(), dir=tmp_path),
        _parser=SimpleNamespace(optparser=ArgumentParser()),
        getini={"addopts": []}.get,
        pluginmanager=SimpleNamespace(hasplugin=lambda name: False),
        getoption=lambda name: None,
    )
    return Fresh(config, tmp_path, lambda text: None)


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], list[Any]]:
    """Let every start of a process end with an error; what is returned has the options of each."""

    def fail(error: BaseException) -> list[Any]:
        started: list[Any] = []

        def run(command: object, **options: Any) -> None:
            started.append(options)
            raise error

        monkeypatch.setattr(subprocess, "run", run)
        return started

    return fail


def test_a_process_may_take_longer_the_more_it_has_to_measure(
    fresh: Fresh, starts: Callable[[BaseException], list[Any]]
) -> None:
    """Ten minutes, and ten seconds for each benchmark; one that takes more is told by the first few of these."""
    started = starts(subprocess.TimeoutExpired("pytest", 0))

    fresh.confirm(MANY, [], 9)

    assert [options["timeout"] for options in started] == [900]
    (problem,) = fresh.problems
    assert problem == (
        f"confirmation process 1 of 9 was stopped after 900 s, and no other was started: does {FEW} end when it is "
        "measured alone?"
    )


def test_a_process_that_does_not_start_is_a_problem(
    fresh: Fresh, starts: Callable[[BaseException], list[Any]]
) -> None:
    """For one because the system takes no line that is as long as the names of all benchmarks; no other would start."""
    started = starts(OSError(errno.E2BIG, os.strerror(errno.E2BIG)))

    fresh.confirm(MANY, [], 9)

    assert len(started) == 1
    assert fresh.problems == [
        f"confirmation process 1 of 9 could not be started, and no other was: {os.strerror(errno.E2BIG)} (30 benchmarks)"
    ]


def test_of_many_benchmarks_that_were_not_measured_some_are_named(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with the reason, where there is one."""
    monkeypatch.setattr(
        fresh, "_run", lambda *_: {"comparisons": {}, "verdicts": {}, "failures": {MANY[1]: "no"}}
    )

    fresh.confirm(MANY, [], 1)

    assert fresh.problems == [
        f"confirmation process 1 of 1 did not measure {MANY[0]}, {MANY[1]}: no, {MANY[2]} and 27 others"
    ]
