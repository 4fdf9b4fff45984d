"""Skeletons of broken files: what is intact is found, and the damage is said."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.skeleton_map import Damage, SkeletonMap
from pytest_telemetry.codeintel.skeleton_repair import isolated, repaired
from pytest_telemetry.codeintel.skeleton_tree import merged

SHOP = textwrap.dedent("""\
    import os

    class Shop:
        limit = 10

        def open(self, door):
            if door:
                return 1
            return 2

        @property
        def size(self):
            return [
                1,
                2,
            ]

        class Till:
            def count(self): ...

    def main():
        print(Shop())

    class Last:
        def end(self): ...
    """)


def skeleton_of(code: str) -> SkeletonMap:
    return SkeletonMapBuilder().parse_python(code, "a.py")


def found_in(skeleton: SkeletonMap) -> dict[str, int]:
    return {symbol.qualname: symbol.line for symbol in skeleton.walk() if symbol.kind != "import"}


def replaced(line: int, code: str) -> str:
    """Return the code with another line, counted from 1."""
    lines = SHOP.splitlines()
    lines[line - 1] = code
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("line", "code", "lost"),
    [
        (4, "    limit = (10", ()),
        (4, "    limit = = 10", ("Shop.limit",)),
        (4, "    limit = 10)", ("Shop.limit",)),
        (6, "    def open(self, door:", ()),
        (6, "    def open(self, door)", ()),
        (6, "    def (self, door):", ("Shop.open",)),
        (7, "        if door", ()),
        (7, "        if (door:", ()),
        (8, "            return 1 +", ()),
        (8, "            return [1", ()),
        (8, "            return 'one", ()),
        (9, "        return $ 2", ()),
        (16, "", ()),
        (11, "    @property(", ()),
        (3, "class Shop(", ("Shop.limit",)),
        (3, "class Shop", ()),
        (18, "    class Till(:", ()),
        (22, "    print(Shop(", ()),
        (22, "", ()),
        (1, "import", ()),
        (1, "from os import (", ()),
        (1, "x = {", ()),
    ],
)
def test_what_is_intact_is_found_where_it_is(line: int, code: str, lost: tuple[str, ...]) -> None:
    """With its qualified name: no error costs more than the statement that it stands in."""
    skeleton = skeleton_of(replaced(line, code))
    intact = {name: place for name, place in found_in(skeleton_of(SHOP)).items() if name not in lost}

    assert intact.items() <= found_in(skeleton).items()
    assert skeleton.status == "partial"


@pytest.mark.parametrize(
    ("line", "code", "first", "last"),
    [
        (4, "    limit = (10", 4, 4),
        (4, "    limit = = 10", 4, 4),
        (8, "            return 1 +", 6, 9),
        (22, "", 21, 21),
        (4, "    print 'a'", 4, 4),
        (4, "    exec 'a' in b", 4, 4),
        (9, "      return 2", 6, 9),
        (8, "                return 1\n          return 3", 7, 9),
    ],
)
def test_the_damage_is_where_the_error_is(line: int, code: str, first: int, last: int) -> None:
    """At most in the function or statement that holds it."""
    (damage,) = skeleton_of(replaced(line, code)).damage

    assert first <= damage.line <= damage.end_line <= last


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n",
        "def f():\n    # nothing\nx = 1\n",
        "if x:\nelse:\n    pass\n",
        "try:\n    pass\nx = 1\n",
        "x = 1\n    y = 2\n",
        "def f():\n    x\n  y\n",
        "  x = 1\n",
        "def f():\n    pass\x00\n",
        "print 1\n",
    ],
)
def test_what_python_refuses_is_damage(code: str) -> None:
    """Also where the grammar does not mind: empty blocks, odd indentation, statements of Python 2."""
    assert skeleton_of(code).status == "partial"


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    (a.\n  b)\n    (a +\nb)\n",
        "print >> x, y\n",
        "def f():\n\tif x:\n\t\ty\n\tz\n",
        "\x0cdef f():\n\x0c    x\n    y; z\n",
        "def f():\n  # why\n        # odd\n    x\n # end\n",
        "if x: a; b\n",
        "try:\n    pass\nfinally:\n    pass\n",
        "x = '''\n a'''; y = 1\n",
        "match = case = type = print = 1\nmatch(case)\n",
        "f'{a!r:>{b}} {'x'}'\n",
    ],
)
def test_what_python_takes_is_no_damage(code: str) -> None:
    """However odd it looks."""
    assert skeleton_of(code).damage == ()


def test_lines_behind_a_comment_stay_apart() -> None:
    """A bracket is closed before the comment that ends the line before, and not inside of it."""
    text, damage = repaired(b"x = [1,  # first\ndef f(): pass\n")

    assert (text, damage) == (b"x = [1,  ]# first\ndef f(): pass\n", (Damage(1, 1),))


def test_text_in_strings_is_not_repaired() -> None:
    """Brackets and definitions in them are none."""
    code = b"x = '(' + \"[\" + '''{\ndef f(): pass\n''' + \"\"\"\n(\"\"\"  # (\ndef g(): pass\n"

    assert repaired(code) == (code, ())


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("x = (\n", 1),
        ("x = [1,\n  2\n\n\n", 4),
        ("'''\n", 1),
        ("f(\r\n", 1),
        ("def f(:\n    return (1\n", 2),
        ("class A:\n    def f(:\n        return (1", 3),
    ],
)
def test_damage_ends_with_the_file_at_the_latest(code: str, last: int) -> None:
    """What is missing behind it is of its last line."""
    assert skeleton_of(code).damage[-1].end_line == last


def test_damage_is_in_order_and_in_few_parts() -> None:
    """Whatever found it, and however often."""
    parts = [Damage(8, 9), Damage(1, 3), Damage(2, 5), Damage(5, 5), Damage(6, 6), Damage(9, 9)]

    assert merged(parts, 20) == (Damage(1, 6), Damage(8, 9))


@settings(max_examples=40)
@given(st.integers(0, len(SHOP)))
def test_a_file_that_ends_early_has_what_came_before(end: int) -> None:
    """Every definition that is complete where it was cut off."""
    whole = [symbol for symbol in skeleton_of(SHOP).walk() if symbol.kind in {"class", "method", "function"}]
    starts = [0]
    for text in SHOP.splitlines(keepends=True):
        starts.append(starts[-1] + len(text))
    complete = {symbol.qualname: symbol.line for symbol in whole if starts[symbol.end_line] <= end}

    assert complete.items() <= found_in(skeleton_of(SHOP[:end])).items()


def nested(levels: int) -> str:
    return "\n".join(" " * depth + "def f():" for depth in range(levels))


def test_functions_inside_each_other_without_end_are_one_damage() -> None:
    """From where Python would not read on; what is around them is found."""
    skeleton = skeleton_of("def first(): ...\n" + nested(700) + "\ndef last(): ...\n")

    assert [symbol.name for symbol in skeleton.symbols] == ["first", "f", "last"]
    assert skeleton.functions == 102
    assert skeleton.damage == (Damage(102, 701),)


def test_what_is_deeper_than_python_reads_is_not_looked_at() -> None:
    """However deep it is: no part of a text is parsed once more for it."""
    parsed = {300: 0, 900: 0}
    for levels in parsed:

        def damage_of(part: bytes, levels: int = levels) -> list[Damage]:
            parsed[levels] += len(part.split())
            return [Damage(1, 1)]

        isolated(nested(levels).encode(), damage_of)

    assert parsed[300] == parsed[900]


def test_bytes_that_are_no_text_take_time_in_proportion_to_their_number() -> None:
    """Each of 200,000 lines has one; counting the lines before each would take minutes."""
    skeleton = SkeletonMapBuilder().parse_python(b"# \xe9\n" * 200_000 + b"def f(): ...\n", "a.py")

    assert [symbol.name for symbol in skeleton.symbols] == ["f"]
    assert skeleton.damage == (Damage(1, 200_000),)
