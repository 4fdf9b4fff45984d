"""The way to one sink: what it is, what it is called, and whether it works."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_telemetry.runtime.route import name_of, routes_to


def test_a_route_knows_what_its_sink_can_take(keeping: Any, native: Any, watching: Any) -> None:
    """By the methods that the sink has."""
    routes = routes_to([keeping(), native(), watching()])

    assert [(r.native is not None, r.observer is not None) for r in routes] == [
        (False, False),
        (True, False),
        (True, True),
    ]


@pytest.mark.parametrize(
    ("in_a_row", "detached", "works"),
    [(0, False, True), (1, False, False), (3, True, False), (0, True, False)],
)
def test_a_route_works_while_its_sink_does(keeping: Any, in_a_row: int, detached: bool, works: bool) -> None:
    """A call that was under way while the sink was detached may still succeed: it stays detached."""
    (route,) = routes_to([keeping()])
    route.in_a_row, route.detached = in_a_row, detached

    assert route.works is works


def test_names_tell_things_apart(keeping: Any) -> None:
    """Classes and functions have names of their own, objects that of their class."""

    class Odd:
        def __init__(self) -> None:
            vars(self)["__qualname__"] = 5

    assert [route.name for route in routes_to([keeping(), keeping(), keeping()])] == [
        "Keeping",
        "Keeping#2",
        "Keeping#3",
    ]
    assert name_of(test_names_tell_things_apart) == "test_names_tell_things_apart"
    assert name_of(Odd()) == Odd.__qualname__
