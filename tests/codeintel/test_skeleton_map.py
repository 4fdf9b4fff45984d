"""Skeletons as values: their text, their figures, and their form as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.skeleton_map import Damage, SkeletonMap, Symbol
from pytest_telemetry.model.errors import UnusableInput

CODE = '''\
"""A shop."""
from __future__ import annotations

import os.path
import numpy as np
from .base import (
    Model,
    Field as Column,
)

LIMIT = 10
names: list[str] = []
type Price = int


@register("order")
class Order(Model):
    """What somebody bought.

    And when.
    """

    total: int = 0

    @property
    @cached
    def price(self) -> Price:
        """In cents."""
        return 1

    if LIMIT:
        async def ship(self, to: str = "home"):
            def later(): ...


def broken(:
    pass
'''
TEXT = """\
from __future__ import annotations  # 2
import os.path  # 4
import numpy as np  # 5
from .base import Model, Field as Column  # 6-9
LIMIT = 10  # 11
names: list[str]  # 12
Price = int  # 13
@register("order") class Order(Model)  # 16-33: What somebody bought.
    total: int  # 23
    @property @cached def price(self) -> Price  # 25-29: In cents.
    async def ship(self, to: str = "home")  # 32-33 conditional
        def later()  # 33
def broken()  # 36-37
# damaged: 36-37
"""


def skeleton() -> SkeletonMap:
    return SkeletonMapBuilder().parse_python(CODE, "shop/order.py")


def test_the_text_has_a_line_for_each_symbol() -> None:
    """Indented, with the lines where it stands, the first line of its docstring, and what is damaged."""
    assert skeleton().text() == TEXT


def test_figures_follow_from_the_text() -> None:
    """How long it is, and for each byte of the file."""
    it = skeleton()

    assert (it.skeleton_bytes, it.source_bytes) == (len(TEXT.encode()), len(CODE.encode()))
    assert it.reduction_ratio == it.skeleton_bytes / it.source_bytes
    assert (it.functions, it.classes, it.status) == (4, 1, "partial")


def test_an_empty_file_has_no_ratio() -> None:
    """There is nothing to divide by."""
    empty = SkeletonMap("a.py", (), (), 0)

    assert (empty.reduction_ratio, empty.as_dict()["reduction_ratio"], empty.status) == (None, None, "ok")


def test_json_holds_all_of_it() -> None:
    """What was written is read back equal."""
    it = skeleton()

    assert SkeletonMap.from_dict(json.loads(json.dumps(it.as_dict()))) == it


def test_the_json_form_is_plain() -> None:
    """The keys are the names of the attributes, and children are nested."""
    symbol = Symbol(
        "A",
        "A",
        "class",
        2,
        1,
        3,
        "(B)",
        decorators=("d",),
        children=(Symbol("x", "A.x", "constant", 3, 3, 3),),
    )
    told = SkeletonMap("a.py", (symbol,), (Damage(4, 5),), 30).as_dict()

    assert told == {
        "file": "a.py",
        "status": "partial",
        "functions": 0,
        "classes": 1,
        "source_bytes": 30,
        "skeleton_bytes": 48,
        "reduction_ratio": 48 / 30,
        "damage": [{"line": 4, "end_line": 5}],
        "symbols": [told["symbols"][0]],
    }
    assert told["symbols"][0] | {"children": 0} == {
        "name": "A",
        "qualname": "A",
        "kind": "class",
        "line": 2,
        "first_line": 1,
        "end_line": 3,
        "signature": "(B)",
        "is_async": False,
        "decorators": ["d"],
        "doc": "",
        "is_conditional": False,
        "children": 0,
    }


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"symbols": None}, "TypeError"),
        ({"symbols": [{}]}, "'kind'"),
        ({"damage": [{"line": 1}]}, "'end_line'"),
        ({"source_bytes": "1"}, "'1' is no int"),
        ({"file": 1}, "1 is no str"),
    ],
)
def test_what_is_no_skeleton_is_refused(change: dict[str, Any], why: str) -> None:
    """With a text that says what is wrong, and where one comes from."""
    with pytest.raises(
        UnusableInput, match=rf"no skeleton \(.*{why}.*\): pass what SkeletonMap.as_dict returned"
    ):
        SkeletonMap.from_dict(skeleton().as_dict() | change)


@pytest.mark.parametrize(
    ("key", "value"), [("kind", "module"), ("line", True), ("decorators", [1]), ("doc", None)]
)
def test_a_symbol_that_is_none_is_refused(key: str, value: object) -> None:
    """Every field has its type."""
    told = skeleton().as_dict()
    told["symbols"][0][key] = value

    with pytest.raises(UnusableInput, match="no skeleton"):
        SkeletonMap.from_dict(told)
