"""The bases of classes, and their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.codeintel.bases import bases_of, linearised


@pytest.mark.parametrize(
    ("signature", "bases"),
    [
        ("", []),
        ("()", []),
        ("[T]", []),
        ("(A, b.C)", [("A", ("A",)), ("b.C", ("b", "C"))]),
        ("[T: (int, str)](A[T], metaclass=M)", [("A", ("A",))]),
        ("(make('x'), *more)", [("make('x')", ()), ("*more", ())]),
        ("(A...", [("(A...", ())]),
    ],
)
def test_bases_are_read_out_of_a_signature(signature: str, bases: list[tuple[str, tuple[str, ...]]]) -> None:
    """Without type parameters, subscripts and keywords; what is no name, or no Python, is a text only."""
    assert list(bases_of(signature)) == bases


@given(st.lists(st.sets(st.integers(0, 7), max_size=3), max_size=8))
def test_the_order_is_that_of_python(graph: list[set[int]]) -> None:
    """For any classes of which each has bases among those before it, as far as Python allows them."""
    classes: list[type] = []
    orders: list[list[type]] = []
    for chosen in graph:
        bases = [classes[at] for at in sorted(chosen) if at < len(classes)]
        lines = [orders[classes.index(base)] for base in bases]
        try:
            made = type("C", tuple(bases), {})
        except TypeError:
            return
        classes.append(made)
        orders.append([made, *linearised([*lines, bases], id)])

    assert [(*order, object) for order in orders] == [each.__mro__ for each in classes]


def test_an_order_that_python_refuses_is_one_all_the_same() -> None:
    """Each stands where it comes first."""
    assert linearised([["a", "b"], ["b", "a"], ["a", "b"]], str) == ["a", "b"]
