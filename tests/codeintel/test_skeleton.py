"""Skeletons of Python files: what is found, where, and how it is written."""

from __future__ import annotations

import ast
import random
import sys
import sysconfig
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.skeleton_study import definitions
from pytest_telemetry import TelemetryRecorder
from pytest_telemetry.codeintel import skeleton as module
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.codeintel.skeleton_map import SkeletonMap, Symbol
from pytest_telemetry.model.errors import MissingExtra, UnusableInput

LIBRARY = Path(sysconfig.get_path("stdlib"))
SAMPLE = 24
"""How many files of the standard library a test reads; `benchmarks/skeleton_study.py` reads all of them."""


def skeleton_of(code: str | bytes) -> SkeletonMap:
    return SkeletonMapBuilder().parse_python(textwrap.dedent(code) if isinstance(code, str) else code, "a.py")


def only(code: str) -> Symbol:
    (symbol,) = skeleton_of(code).symbols
    return symbol


def library() -> list[Path]:
    """Return files of the standard library, the same ones in every process and others in every version."""
    files = [path for path in sorted(LIBRARY.rglob("*.py")) if "site-packages" not in path.parts]
    return random.Random(sys.version_info.minor).sample(
        [path for path in files if path.stat().st_size < 60_000], SAMPLE
    )


def same_of(skeleton: SkeletonMap) -> Iterator[tuple[int, str, str, int | None]]:
    for symbol in skeleton.walk():
        if symbol.kind in {"class", "function", "method"}:
            kind = (
                "ClassDef"
                if symbol.kind == "class"
                else "AsyncFunctionDef"
                if symbol.is_async
                else "FunctionDef"
            )
            yield symbol.line, symbol.qualname, kind, symbol.end_line


@pytest.mark.parametrize("path", library(), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_what_ast_finds_is_found(path: Path) -> None:
    """Every function and class of a valid file, with its qualified name and its lines."""
    code = path.read_bytes()
    try:
        tree = ast.parse(code)
    except SyntaxError:
        assert skeleton_of(code).status == "partial"
        return

    assert sorted(same_of(skeleton_of(code))) == sorted(definitions(tree))


@pytest.mark.parametrize("path", library()[:10], ids=lambda path: str(path.relative_to(LIBRARY)))
def test_signatures_mean_what_the_code_means(path: Path) -> None:
    """Where nothing was cut, parsing one gives the parameters and the annotation of the function."""
    code = path.read_bytes()
    functions = {
        node.lineno: node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    for symbol in skeleton_of(code).walk():
        if symbol.kind in {"function", "method"} and "..." not in symbol.signature:
            (again,) = ast.parse(f"def f{symbol.signature}: pass").body
            original = functions[symbol.line]
            assert isinstance(again, ast.FunctionDef)
            assert ast.dump(again.args) == ast.dump(original.args)
            assert (again.returns and ast.dump(again.returns)) == (
                original.returns and ast.dump(original.returns)
            )


def test_nesting_and_kinds() -> None:
    """A function in a class is a method, one in a function is not, and names are dotted."""
    skeleton = skeleton_of("""
        class Outer:
            class Inner:
                async def method(self):
                    def local(): ...
                    class Local: ...
    """)

    assert [(symbol.qualname, symbol.kind, symbol.is_async) for symbol in skeleton.walk()] == [
        ("Outer", "class", False),
        ("Outer.Inner", "class", False),
        ("Outer.Inner.method", "method", True),
        ("Outer.Inner.method.local", "function", False),
        ("Outer.Inner.method.Local", "class", False),
    ]
    assert (skeleton.functions, skeleton.classes) == (2, 3)


@pytest.mark.parametrize(
    "opening",
    ["if x:", "for x in y:", "while x:", "try:", "with x:", "match x:\n  case _:"],
)
def test_what_depends_on_a_condition_says_so(opening: str) -> None:
    """And what stands in it does not; a method stays one."""
    inner = "\n   def f():\n    def g(): pass"
    closing = "\n except E:\n  pass" if opening == "try:" else ""
    skeleton = skeleton_of(f"class A:\n {opening}".replace("\n  case", "\n  case") + inner + closing)

    f, g = list(skeleton.walk())[1:]
    assert (f.kind, f.is_conditional, g.is_conditional) == ("method", True, False)


@pytest.mark.parametrize("branch", ["else", "elif x", "except E", "except* E", "finally"])
def test_every_branch_is_looked_into(branch: str) -> None:
    """Also those behind the first one."""
    opening = "if x" if branch in {"else", "elif x"} else "try"

    assert skeleton_of(f"{opening}:\n  pass\n{branch}:\n  def f(): pass\n").find("f")[0].is_conditional


def test_definitions_of_one_name_are_all_found() -> None:
    """Overloads and what conditions choose from, in order."""
    skeleton = skeleton_of("if x:\n  def f(a): pass\nelse:\n  def f(b): pass\ndef f(c): pass\n")

    assert [symbol.signature for symbol in skeleton.find("f")] == ["(a)", "(b)", "(c)"]
    assert skeleton.find("g") == []


@pytest.mark.parametrize(
    ("code", "signature"),
    [
        ("def f(): ...", "()"),
        ("def f( a,b = 1, /, *, c:int=2 )->str: ...", "(a, b=1, /, *, c: int = 2) -> str"),
        ("def f(*args: int, **kw): ...", "(*args: int, **kw)"),
        ("def f(\n  a,  # first\n  b=[\n    1,\n    2,\n  ],\n): ...", "(a, b=[1, 2])"),
        ("def f(a='x  # y', b = 'q  '): ...", "(a='x  # y', b='q  ')"),
        (f"def f(a={'x' * 80}): ...", f"(a={'x' * 57}...)"),
        ("def f[T: int](a: T) -> dict[str,  T]: ...", "[T: int](a: T) -> dict[str, T]"),
        ("class A: ...", ""),
        ("class A(B, metaclass = M): ...", "(B, metaclass = M)"),
        ("class A[T](\n  B,  # why\n): ...", "[T](B)"),
        ("A: int = 1", ": int"),
        ("A: 'list[  int]'", ": 'list[  int]'"),
        ("A = {  # why\n  1: 2,\n}", "= {1: 2}"),
        ("type A[T] = list[T]", "[T] = list[T]"),
        ("type A = int", "= int"),
    ],
)
def test_a_signature_is_what_follows_the_name(code: str, signature: str) -> None:
    """In one line, with annotations and defaults, without comments, and not longer than is read."""
    assert only(code).signature == signature


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a = b = 1", ["a", "b"]),
        ("a, (b, *c) = d = x", ["a", "b", "c", "d"]),
        ("[a, b] = x", ["a", "b"]),
        ("a.b = c[0] = 1", []),
        ("a += 1", []),
        ("a == 1", []),
        ("def f():\n  a = 1\n  import b", ["f"]),
        ("class A:\n  a = 1\n  import b", ["A", "A.a", "A.b"]),
        ("if x:\n  a = 1", ["a"]),
        ("x: a", ["x"]),
    ],
)
def test_names_that_are_assigned_are_found(code: str, names: list[str]) -> None:
    """Outside of functions, whatever form the statement has."""
    assert [symbol.qualname for symbol in skeleton_of(code).walk()] == names


@pytest.mark.parametrize(
    ("code", "imported"),
    [
        ("import a", [("a", "a")]),
        ("import a.b, c as d", [("a", "a.b"), ("d", "c:")]),
        ("import a.b as a", [("a", "a.b:")]),
        ("from a . b import (c, d as e,)", [("c", "a.b:c"), ("e", "a.b:d")]),
        ("from .. import a", [("a", "..:a")]),
        ("from .a import *", [("*", ".a:*")]),
        ("from a import a", [("a", "a:a")]),
        ("from __future__ import annotations", [("annotations", "__future__:annotations")]),
        ("from a import (b  # why\n  as c)", [("c", "a:b")]),
    ],
)
def test_imports_say_where_a_name_comes_from(code: str, imported: list[tuple[str, str]]) -> None:
    """The name that is bound, the module, and what is taken from it."""
    symbols = skeleton_of(code).symbols

    assert [(symbol.name, symbol.signature) for symbol in symbols] == imported
    assert {symbol.kind for symbol in symbols} == {"import"}


def test_decorators_are_kept_as_they_are_written() -> None:
    """And count as the first lines of what they decorate."""
    symbol = only("@a.b(1,\n  2)\n# why\n@c\n\nasync def f():\n  pass\n  # end\n\n")

    assert symbol.decorators == ("a.b(1, 2)", "c")
    assert (symbol.first_line, symbol.line, symbol.end_line) == (1, 6, 7)


@pytest.mark.parametrize(
    ("literal", "doc"),
    [
        ('"One."', "One."),
        ('"""\n  One.\n  Two.\n  """', "One."),
        ('r"""\\d"""', "\\d"),
        ('"""\\\n  One."""', "One."),
        ('"One" " two"', "One"),
        ('b"One"', ""),
        ('f"One"', ""),
        ("1", ""),
        ('x = "One"', ""),
        ('"One", 2', ""),
        ('""', ""),
        ('# why\n "One."', "One."),
    ],
)
def test_the_first_line_of_a_docstring_is_kept(literal: str, doc: str) -> None:
    """That of the first statement, if it is a text."""
    assert skeleton_of(f"def f():\n {literal}\n").symbols[0].doc == doc


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_are_those_of_python(newline: str, mark: bytes) -> None:
    """Whatever ends them, with a mark before them, and with form feeds, which end none."""
    code = (
        "x = 1\n\x0cdef f():\n  a = '''\n'''\n\x0c  return 1\ny = '\x0b\x1c\u2028'\ndef g(): pass\n".replace(
            "\n", newline
        )
    )
    data = mark + code.encode()

    assert sorted(same_of(skeleton_of(data))) == sorted(definitions(ast.parse(data)))
    assert skeleton_of(data).damage == ()
    assert skeleton_of(data).source_bytes == len(data)


@pytest.mark.parametrize("declaration", ["# coding: latin-1", "#!/bin/x\n# vim: set fileencoding=latin-1 :"])
def test_bytes_are_in_the_encoding_that_they_declare(declaration: str) -> None:
    """In the first line or in the second."""
    skeleton = skeleton_of(f"{declaration}\ndef caf\xe9(): 'd\xe9j\xe0'\n".encode("latin-1"))

    assert [(symbol.name, symbol.doc) for symbol in skeleton.symbols] == [("caf\xe9", "d\xe9j\xe0")]
    assert skeleton.status == "ok"


def test_a_declaration_in_text_means_nothing() -> None:
    """What was decoded is in no encoding."""
    assert only("# coding: latin-1\ndef \xe9(): pass\n").name == "\xe9"


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        (b"def f(): '\xe9'\nx\ny = '\xe9'\n", [1, 3]),
        (b"\n# coding: klingon\ndef f(): pass\n", [2]),
        (b"# coding: rot13\ndef f(): pass\n", [1]),
        (b"\xef\xbb\xbf# coding: latin-1\ndef f(): pass\n", [1]),
        ("def f(): '\udcff'\n", [1]),
    ],
)
def test_what_is_no_text_is_damage(code: str | bytes, lines: list[int]) -> None:
    """And the rest is read."""
    skeleton = skeleton_of(code)

    assert [part.line for part in skeleton.damage] == lines
    assert [symbol.name for symbol in skeleton.symbols if symbol.kind == "function"] == ["f"]


@pytest.mark.parametrize(
    "code",
    [
        "(" * 50_000,
        "x = " + "[" * 5_000 + "]" * 5_000,
        "\n".join(" " * depth + f"def f{depth}():" for depth in range(300)) + " pass",
        "\n".join(" " * depth + "if x:" for depth in range(300)) + " pass",
        "if x: pass\n" + "elif x: pass\n" * 3_000,
        "def f(" * 2_000,
        "x = " + " + ".join("1" * 10_000),
        "f'{" * 1_000,
        "class A:\n" * 1_000,
    ],
    ids=range(9),
)
def test_nesting_without_end_is_no_danger(code: str) -> None:
    """Neither to the parser nor to what is done with its outcome."""
    skeleton = skeleton_of(code)

    assert SkeletonMap.from_dict(skeleton.as_dict()) == skeleton
    assert repr(skeleton)
    assert skeleton.text() is not None


def test_code_deeper_than_python_reads_is_damage() -> None:
    """Of 101 functions inside each other the outer ones are found."""
    code = "\n".join(" " * depth + f"def f{depth}():" for depth in range(150)) + " pass"
    skeleton = skeleton_of(code)

    assert skeleton.functions == 100
    assert skeleton.status == "partial"


def test_a_parse_is_recorded(telemetry_recorder: TelemetryRecorder, tmp_path: Path) -> None:
    """Key by key as the reference has it, timed, and counted."""
    code = "class A:\n    def f(self): ...\n"
    skeleton = SkeletonMapBuilder(telemetry_recorder.context, tmp_path).parse_python(
        code, tmp_path / "src/a.py"
    )

    span, count = telemetry_recorder
    assert (span.name, span.kind, span.status) == ("ast.parse", "span", "ok")
    assert span.duration_ns is not None
    assert span.duration_ns > 0
    assert span.attrs == {
        "args.file": "src/a.py",
        "result.status": "ok",
        "result.functions": 1,
        "result.classes": 1,
        "skeleton_bytes": skeleton.skeleton_bytes,
        "reduction_ratio": skeleton.skeleton_bytes / len(code),
        "source_bytes": len(code),
    }
    assert (count.name, count.value) == ("ast_parse_count", 1)


def test_damage_is_recorded_and_no_failure(telemetry_recorder: TelemetryRecorder) -> None:
    """A file that is broken was parsed as far as it goes; an empty one has no ratio."""
    builder = SkeletonMapBuilder(telemetry_recorder.context)
    builder.parse_python("def (", "a.py")
    builder.parse_python("", "b.py")

    broken, empty = (record for record in telemetry_recorder if record.kind == "span")
    assert (broken.attrs["result.status"], broken.status) == ("partial", "ok")
    assert (empty.attrs["result.status"], empty.attrs["source_bytes"]) == ("ok", 0)
    assert "reduction_ratio" not in empty.attrs


def test_a_file_is_read_relative_to_the_workspace(tmp_path: Path) -> None:
    """And has the skeleton of what is in it."""
    (tmp_path / "a.py").write_bytes(b"def f(): pass\r\n")
    builder = SkeletonMapBuilder(workspace=tmp_path)

    assert builder.parse_file("a.py") == builder.parse_python(b"def f(): pass\r\n", "a.py")


def test_a_file_that_cannot_be_read_is_an_error(
    telemetry_recorder: TelemetryRecorder, tmp_path: Path
) -> None:
    """With a text that names it, and in the record."""
    builder = SkeletonMapBuilder(telemetry_recorder.context, tmp_path)

    with pytest.raises(UnusableInput, match=r"^src/a\.py: No such file.*: pass a Python file"):
        builder.parse_file("src/a.py")
    (span,) = telemetry_recorder
    assert (span.status, span.attrs) == ("error", {"args.file": "src/a.py", "result.status": "error"})


def test_a_missing_parser_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a builder is made, and not at the first file."""
    module._language.cache_clear()
    monkeypatch.setitem(sys.modules, "tree_sitter", None)

    with pytest.raises(
        MissingExtra, match=r"needs an optional dependency: pip install 'pytest-telemetry\[code\]'"
    ):
        SkeletonMapBuilder()


STATEMENTS = st.sampled_from(
    [
        "def f(a, b=1):\n    pass\n",
        "class A(B):\n    x = 1\n    def m(self):\n        'doc'\n",
        "x = (\n  1,\n)\n",
        "import a\n",
        "'''\n'''\n",
        "\xe9 = '\xe9'\n",
        "if x:\n    def g(): pass\n",
        "\n",
        "@d\nclass C: pass\n",
        "# c\n",
        "def h():\n    (a.\n  b)\n",
    ]
)
PIECES = st.sampled_from(
    [
        "def f(",
        "):",
        "\n",
        "    ",
        "class A",
        ":",
        "from . import (",
        "x",
        " = ",
        "'",
        '"""',
        "#",
        "\\\n",
        "@d",
        "\xe9",
        "\0",
        "\f",
        "\r",
        "[",
        "}",
        "pass",
    ]
)


@settings(max_examples=40)
@given(st.data())
def test_an_open_document_has_the_skeleton_of_its_code(data: st.DataObject) -> None:
    """After any edits, whole or broken, it is the one of a parse from the start."""
    builder = SkeletonMapBuilder()
    parts = data.draw(st.lists(STATEMENTS, max_size=12))

    with builder.open("".join(parts), "a.py") as document:
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(parts)))
            parts[place : place + data.draw(st.integers(0, 2))] = data.draw(
                st.lists(STATEMENTS | PIECES, max_size=2)
            )
            code = "".join(parts)
            assert document.change(code) == builder.parse_python(code, "a.py") == document.skeleton


def test_a_closed_document_can_be_changed(telemetry_recorder: TelemetryRecorder) -> None:
    """It is parsed as a whole then; each change is a parse."""
    document = SkeletonMapBuilder(telemetry_recorder.context).open("x = 1\n", "a.py")
    document.close()
    document.close()

    assert document.change("def f(): pass\n").functions == 1
    assert telemetry_recorder.metric("ast_parse_count") == 2


@settings(max_examples=60)
@given(st.lists(PIECES, max_size=40).map("".join) | st.text() | st.binary())
def test_nothing_makes_it_fail(code: str | bytes) -> None:
    """Any text and any bytes have a skeleton, which JSON can hold."""
    skeleton = skeleton_of(code)

    assert SkeletonMap.from_dict(skeleton.as_dict()) == skeleton
    assert skeleton.skeleton_bytes == len(skeleton.text().encode())
