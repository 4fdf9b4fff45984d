"""Where that is defined which stands at a place, with a language server and without."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import TelemetryRecorder, event, metric
from pytest_telemetry.codeintel.lsp_errors import NotReady
from pytest_telemetry.codeintel.modules import OutsideRoots
from pytest_telemetry.codeintel.name_at import name_at
from pytest_telemetry.codeintel.navigator import Navigator
from pytest_telemetry.codeintel.selector import Selector
from pytest_telemetry.model.errors import TelemetryError, UnusableInput

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry.codeintel.resolution import Resolution
    from tests.codeintel.conftest import Forbid

MARK = "^"


def find(root: Path, code: str, name: str = "here.py") -> Resolution:
    """Return where that is defined in *code* which stands behind the mark; it is the text of a file."""
    before, _, behind = code.partition(MARK)
    (root / name).write_text(before + behind)
    line = before.count("\n") + 1
    return Navigator(workspace=root).definition(name, line, len(before) - before.rfind("\n") - 1)


def place(resolution: Resolution) -> str:
    """Return line and kind of what was found, with its file where that is another."""
    if resolution.status != "ok":
        return resolution.status
    file = "" if resolution.file == "here.py" else f"{resolution.file}:"
    return f"{file}{resolution.line} {resolution.kind}"


LIB = {
    "lib/__init__.py": "from .deep import Model\n",
    "lib/deep.py": "class Model:\n    def save(self): ...\n\nLIMIT = 1\n",
}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(): ...\n^f()\n", "1 function"),
        ("def f(): ...\nf^()\n", "1 function"),
        ("def long_name(): ...\nlong^_name()\n", "1 function"),
        ("def ^f(): ...\n", "1 function"),
        ("@deco\ndef ^f(): ...\n", "2 function"),
        ("class A:\n    def m(self): ...\nA.^m\n", "2 method"),
        ("class A:\n    def m(self): ...\n^A.m\n", "1 class"),
        ("class A:\n    def m(self):\n        self.^n()\n    def n(self): ...\n", "4 method"),
        (
            "class A:\n    @classmethod\n    def m(cls):\n        def inner():\n            cls.^n()\n    def n(self): ...\n",
            "6 method",
        ),
        ("class A:\n    @staticmethod\n    def m(x):\n        x.^n()\n    def n(self): ...\n", "not_found"),
        ("class A:\n    def m(self):\n        return ^self\n", "2 parameter"),
        ("class A:\n    @classmethod\n    def m(^cls): ...\n", "3 parameter"),
        ("class A:\n    x = 1\n    y = ^x\n", "2 constant"),
        ("x = 2\nclass A:\n    x = 1\n    def m(self): return ^x\n", "1 constant"),
        ("x = 2\nclass A:\n    x = 1\n    class B:\n        y = ^x\n", "1 constant"),
        ("x = 2\ndef f(x): return ^x\n", "2 parameter"),
        ("x = 2\ndef f(y=^x): ...\n", "1 constant"),
        ("x = 2\ndef f(x: ^x): ...\n", "1 constant"),
        ("def f(a, *, ^b: int = 1): ...\n", "1 parameter"),
        ("def f(a: int = 1, *args, **kw): return ^kw\n", "1 parameter"),
        ("def f(*args): return ^args\n", "1 parameter"),
        ("x = 2\ndef f():\n    x = 1\n    x = 3\n    return ^x\n", "3 variable"),
        ("x = 2\ndef f():\n    global x\n    x = 1\n    return ^x\n", "1 constant"),
        (
            "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n        return ^x\n",
            "2 variable",
        ),
        ("def f():\n    def x(): ...\n    return ^x\n", "2 function"),
        ("def x(): ...\ndef f():\n    def g():\n        return ^x\n    def x(): ...\n", "5 function"),
        ("def f():\n    for i, (j, *k) in x: ...\n    return ^k\n", "2 variable"),
        ("def f():\n    with open(x) as fh: return ^fh\n", "2 variable"),
        ("def f():\n    try: ...\n    except E as e: return ^e\n", "3 variable"),
        ("def f():\n    if (w := 1): return ^w\n", "2 variable"),
        ("m = 2\ndef f(a):\n    if any((m := x) for x in a): return ^m\n", "3 variable"),
        ("x = 2\ndef f(a):\n    b = [x for x in a]\n    return ^x\n", "1 constant"),
        ("def f(a):\n    match a:\n        case [m, *n]: return ^n\n", "3 variable"),
        ("def f(a):\n    match a:\n        case A(k=v): return ^v\n", "3 variable"),
        ("def f(a):\n    match a:\n        case str() as s: return ^s\n", "3 variable"),
        ("def f():\n    n += 1\n    return ^n\n", "2 variable"),
        ("x = 2\ny = [^x for x in z]\n", "2 variable"),
        ("x = 2\ny = {x: 1 for z in ^x}\n", "1 constant"),
        ("x = 2\ny = lambda x: ^x\n", "2 parameter"),
        ("x = 2\ny = lambda z=^x: z\n", "1 constant"),
        ("x = 2\ny = [x for x in ^x]\n", "1 constant"),
        ("x = 2\ny = [x for ^x in x]\n", "2 variable"),
        ("x = 2\ny = [x for z in a for x in ^x]\n", "2 variable"),
        ("def f(x):\n    return [x for x in ^x]\n", "1 parameter"),
        ("x = 2\nclass A:\n    x = 1\n    y = [^x for z in a]\n", "1 constant"),
        ("x = 2\nclass A:\n    x = 1\n    y = [z for z in ^x]\n", "3 constant"),
        ("x = 2\nclass A:\n    x = 1\n    y = [z for z in a if ^x]\n", "1 constant"),
        ("x = 2\nclass A:\n    x = 1\n    y = lambda: ^x\n", "1 constant"),
        ("x = 2\nclass A:\n    x = 1\n    y = lambda z=^x: z\n", "3 constant"),
        ("class A:\n    x = 1\n    class B:\n        y = lambda: ^x\n", "not_found"),
        (
            "class A:\n    def f(self):\n        def x(): ...\n        class B:\n            x = 1\n            y = lambda: ^x\n",
            "3 function",
        ),
        ("T = 1\ndef g[T](a: ^T): ...\n", "2 parameter"),
        ("T = 1\ndef g[T, *Ts, **P](a) -> ^P: ...\n", "2 parameter"),
        ("T = 1\ndef g[T: int](a):\n    return ^T\n", "2 parameter"),
        ("T = 1\ndef g[T](T):\n    T = 2\n    return ^T\n", "2 parameter"),
        ("def g[T](T: int):\n    T = 2\n    return ^T\n", "1 parameter"),
        ("int = 1\ndef g[T: ^int](int): ...\n", "1 constant"),
        ("T = 1\nclass A[T](B[^T]): ...\n", "2 parameter"),
        ("T = 1\nclass A[T]:\n    def m(self): return ^T\n", "2 parameter"),
        ("T = 1\nclass A:\n    x = 1\n    def g[T: ^x](self): ...\n", "3 constant"),
        ("for x in y: ...\nprint(^x)\n", "1 variable"),
        ("class A:\n    for x in y: print(^x)\n", "2 variable"),
        ("class A:\n    for x in y: ...\n    def m(self): return ^x\n", "not_found"),
        ("x = 1\ny = f'{^x}'\n", "1 constant"),
        ("if a:\n    x = 1\nelse:\n    x = 2\n^x\n", "ambiguous"),
        ("größe = 1; x = größe + ^größe\n", "1 constant"),
        ("x = 1\ny = 'ü𝄞' + ^x\n", "1 constant"),
        ("x = 1\r\ny = ^x\r\n", "1 constant"),
        ("def broken(:\n\ndef f(): ...\n^f()\n", "3 function"),
    ],
)
def test_a_name_is_looked_up_in_the_scopes_around_it(files: Any, code: str, found: str) -> None:
    """From the innermost to the module, as Python does."""
    assert place(find(files({}), code)) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from lib import Model\n^Model\n", "lib/deep.py:1 class"),
        ("from lib import Model as M\nM.^save\n", "lib/deep.py:2 method"),
        ("import lib.deep\nlib.deep.^LIMIT\n", "lib/deep.py:4 constant"),
        ("import lib.deep\nlib.^deep.LIMIT\n", "lib/deep.py:1 module"),
        ("import lib.deep as d\nd.Model.^save\n", "lib/deep.py:2 method"),
        ("from lib.deep import *\n^LIMIT\n", "lib/deep.py:4 constant"),
        ("def f():\n    from lib import Model as M\n    return M.^save\n", "lib/deep.py:2 method"),
        ("def f():\n    import lib.deep\n    return lib.^deep\n", "lib/deep.py:1 module"),
        ("def f():\n    import lib.deep as d\n    return d.^LIMIT\n", "lib/deep.py:4 constant"),
        ("from lib import ^Model\n", "lib/deep.py:1 class"),
        ("from lib import Model as ^M\n", "lib/deep.py:1 class"),
        ("from ^lib import Model\n", "lib/__init__.py:1 module"),
        ("from lib.^deep import Model\n", "lib/deep.py:1 module"),
        ("from . import ^lib\n", "lib/__init__.py:1 module"),
        ("from .^lib import Model\n", "lib/__init__.py:1 module"),
        ("import lib.^deep\n", "lib/deep.py:1 module"),
        ("import ^lib.deep\n", "lib/__init__.py:1 module"),
        ("import lib.deep as ^d\n", "lib/deep.py:1 module"),
        ("class A:\n    from lib import Model\n    x = ^Model\n", "lib/deep.py:1 class"),
        ("from lib import Model\nclass A(Model):\n    def m(self): self.^save()\n", "lib/deep.py:2 method"),
        ("from __future__ import ^annotations\n", "not_found"),
        ("import nowhere\n^nowhere\n", "not_found"),
    ],
)
def test_a_name_that_is_imported_is_followed(files: Any, code: str, found: str) -> None:
    """Also from within a function, and from the import itself."""
    assert place(find(files(LIB), code)) == found


@pytest.mark.parametrize(
    "code",
    [
        "x = 1\n'^x'\n",
        "x = 1\n# ^x\n",
        "x = 1\nf(^x=2)\n",
        "x = 1\nf().^x\n",
        "x = 1\ny[0].^x\n",
        "x = 1\n^\n",
        "def f(x): return x.^y\n",
        "^return\n",
        "^len\n",
        "x = 1\ny = ^ x\n",
    ],
)
def test_what_is_no_name_of_a_scope_is_not_found(files: Any, code: str) -> None:
    """Rather than to be taken for something of the same name."""
    resolution = find(files({}), code)

    assert resolution.status == "not_found"
    assert resolution.detail


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("from a import b c", {"a", "b", "c"}),
        ("import x y, z", {"x", "y", "z"}),
        ("from os pth import join", {"os", "pth", "join"}),
        ("import foo from bar", {"foo", "bar"}),
        ("from __future__ import a b", {"a", "b"}),
    ],
)
def test_what_stands_in_an_import_by_mistake_is_no_name(code: str, words: set[str]) -> None:
    """At whichever column one asks; the other words of the line are names as ever."""
    found = [name_at(code.encode(), 1, column) for column in range(len(code) + 1)]

    names = {name.imported.rpartition(":")[2] for name in found if name is not None}
    assert set() < names < words


@pytest.mark.parametrize(("line", "col"), [(0, 0), (3, 0), (1, -1)])
def test_a_place_that_is_not_in_the_file_is_refused(files: Any, line: int, col: int) -> None:
    """The text says which lines there are."""
    root = files({"a.py": "x = 1\n"})

    with pytest.raises(UnusableInput, match=r"has no line [03]: name one from 1 to 2$|columns count from 0$"):
        Navigator(workspace=root).definition("a.py", line, col)


def test_a_file_that_is_not_there_or_outside_is_refused(files: Any) -> None:
    """Before anybody is asked."""
    navigator = Navigator(workspace=files({}))

    with pytest.raises(UnusableInput, match=r"^gone\.py: No such file"):
        navigator.definition("gone.py", 1, 0)
    with pytest.raises(OutsideRoots, match="outside of the workspace"):
        navigator.definition("../a.py", 1, 0)


def test_a_pipe_is_not_waited_for(files: Any, make_pipe: Any) -> None:
    """Nobody may ever write to it."""
    root = files({})
    make_pipe(root / "pipe.py")

    with pytest.raises(UnusableInput, match="no file that can be read"):
        Navigator(workspace=root).definition("pipe.py", 1, 0)


@pytest.mark.parametrize(("line", "col"), [(0, 0), (9, 0), (1, 99)])
def test_no_name_stands_outside_of_a_text(line: int, col: int) -> None:
    """That is no error."""
    assert name_at(b"x = 1\n", line, col) is None


@dataclass(frozen=True)
class Location:
    file: str
    line: int
    path: Path | None = None
    col: int = 0
    width: int = 0

    @property
    def end_line(self) -> int:
        return self.line

    @property
    def end_col(self) -> int:
        return self.col + self.width


@dataclass(frozen=True)
class Reply:
    locations: tuple[Location, ...]


def unnumbered(file: Path) -> str:
    return re.sub(r"[0-9]+(?=__\.py$)", "N", file.name)


class Server:
    """Answers each question with the same, and keeps what it was asked."""

    server = "stand-in"

    def __init__(self, answer: Reply | Exception) -> None:
        self.answer = answer
        self.told: list[tuple[Any, ...]] = []

    def open(self, file: Path, text: str | None = None) -> None:
        self.told.append(("open", unnumbered(file), text))

    def close_file(self, file: Path) -> None:
        self.told.append(("close", unnumbered(file)))

    def definition(self, file: Path, line: int, col: int) -> Reply:
        self.told.append(("definition", unnumbered(file), line, col))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


FAILURES = [
    (TimeoutError("late"), "timeout"),
    (ConnectionError("gone"), "exited"),
    (NotReady("warming up"), "not_ready"),
    (TelemetryError("refused"), "error"),
    (UnusableInput("not installed"), "no_server"),
    (ValueError("a.py: has no line 2"), "no_such_line"),
    (Reply(()), "empty"),
]


@pytest.mark.parametrize(("answer", "reason"), FAILURES, ids=[repr(answer) for answer, _ in FAILURES])
def test_what_a_server_does_not_answer_is_answered_from_skeletons(
    files: Any, telemetry_recorder: TelemetryRecorder, answer: Any, reason: str
) -> None:
    """Marked as such with the reason, in the answer and in a record, whichever way it failed."""
    root = files({"a.py": "def f(): ...\nf()\n"})

    found = Navigator(telemetry_recorder.context, root, client=Server(answer)).definition("a.py", 2, 0)

    assert (found.status, found.file, found.line, found.kind) == ("ok", "a.py", 1, "function")
    assert (found.source, found.reason) == ("ast", reason)
    assert found.detail == ("" if isinstance(answer, Reply) else str(answer))
    (fallback,) = [record for record in telemetry_recorder if record.name == "lsp.fallback"]
    assert fallback.status == "ok"
    assert fallback.attrs == {
        "args.method": "textDocument/definition",
        "args.file": "a.py",
        "result.status": "ok",
        "reason": reason,
        "fallback_to": "ast",
        "server": "stand-in",
    }
    counted = metric("lsp_fallback_count") in telemetry_recorder
    assert counted == (reason in {"timeout", "error", "empty"}), "of the definitions that were asked for"


def test_a_line_that_the_server_does_not_have_is_no_definition_that_it_was_asked_for(
    fake_server: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """An editor may have given it a shorter text; the rate of fallbacks is one of all that were asked for."""
    client = fake_server.started(ready="initialized")
    client.open("a.py", "")

    found = Navigator(telemetry_recorder.context, fake_server.workspace, client=client).definition(
        "a.py", 2, 0
    )

    assert (found.file, found.source, found.reason) == ("b.py", "ast", "no_such_line")
    assert event("lsp.fallback", reason="no_such_line") in telemetry_recorder
    assert metric("lsp_definition_count") not in telemetry_recorder
    assert metric("lsp_fallback_count") not in telemetry_recorder


def test_without_a_server_skeletons_answer_and_say_so(
    files: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """That is a fallback as well, and what it leads to may be nothing."""
    root = files({"a.py": "f()\n"})

    found = Navigator(telemetry_recorder.context, root).definition("a.py", 1, 0)

    assert (found.status, found.source, found.reason) == ("not_found", "ast", "no_server")
    assert "has no f" in found.detail
    assert event("lsp.fallback", {"result.status": "not_found", "reason": "no_server"}) in telemetry_recorder


def test_what_a_server_answers_is_the_answer(files: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """With what the skeleton of that file says of the place; nothing is a fallback."""
    root = files({"a.py": "f()\n", "b.py": "import x\n@x\ndef f():\n    ...\n"})
    server = Server(Reply((Location("b.py", 3, root / "b.py", 4, 1),)))

    found = Navigator(telemetry_recorder.context, root, client=server).definition("a.py", 1, 0)

    assert (found.status, found.source, found.reason) == ("ok", "lsp", None)
    assert (found.file, found.line, found.end_line, found.kind, found.qualname) == (
        "b.py",
        3,
        4,
        "function",
        "f",
    )
    assert server.told == [("definition", "a.py", 1, 0)]
    assert "lsp.fallback" not in {record.name for record in telemetry_recorder}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("^^import os\n", "1 module"),
        ("import ^os^\n", "1 import"),
        ("def ^area^(radius): ...\n", "1 function"),
        ("def area(^radius^): ...\n", "1 None"),
        ("class A:\n    def ^b^(self): ...\n", "2 method"),
        ("LIMIT = [^LIMIT^ for LIMIT in x]\n", "1 None"),
        ("a, ^b^ = 1, 2\n", "1 constant"),
        ("x = 'ü'; ^y^ = 1\n", "1 constant"),
        ("^LIMIT = 1^\n", "1 None"),
        ("x = 1\n^^x\n", "2 None"),
    ],
)
def test_a_place_that_a_server_names_is_labelled_only_where_it_is_a_name(
    files: Any, code: str, found: str
) -> None:
    """That of a symbol, or where the file begins, which is its module; of another on that line nothing is said."""
    begin, named, behind = code.split(MARK)
    root = files({"a.py": "f()\n", "here.py": begin + named + behind})
    line, col = begin.count("\n") + 1, len(begin) - begin.rfind("\n") - 1
    server = Server(Reply((Location("here.py", line, root / "here.py", col, len(named)),)))

    assert place(Navigator(workspace=root, client=server).definition("a.py", 1, 0)) == found


def test_several_answers_of_a_server_are_candidates(files: Any) -> None:
    """As those of skeletons are; of a place outside, or where nothing begins, no more is known than the server says."""
    root = files({"a.py": "f()\n"})
    elsewhere = Location("external/1-x.py", 9, root.parent / "x.py")
    server = Server(Reply((Location("a.py", 1, root / "a.py", 0, 1), elsewhere, elsewhere, Location("x", 1))))

    found = Navigator(workspace=root, client=server).definition("a.py", 1, 0)

    assert (found.status, found.reason) == ("ambiguous", "several")
    assert [(each.file, each.kind) for each in found.candidates] == [
        ("a.py", None),
        ("external/1-x.py", None),
        ("x", None),
    ]


def test_a_selector_with_a_server_asks_it_first(files: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """By a file that there is not, which imports what is looked for."""
    root = files({"pkg/a.py": "class A:\n    def m(self): ...\n"})
    server = Server(Reply((Location("pkg/a.py", 2, root / "pkg/a.py", 8, 1),)))
    selector = Selector(telemetry_recorder.context, root, client=server)

    found = selector.resolve_symbol("sym://python/pkg/a/A.m")

    assert (found.file, found.line, found.kind, found.source) == ("pkg/a.py", 2, "method", "lsp")
    assert server.told == [
        ("open", "__symbol_query_N__.py", "import pkg.a\npkg.a.A.m\n"),
        ("definition", "__symbol_query_N__.py", 2, 8),
        ("close", "__symbol_query_N__.py"),
    ]
    assert [record.attrs["source"] for record in telemetry_recorder if record.name == "selector.resolve"] == [
        "lsp"
    ]
    assert [path.name for path in root.iterdir()] == ["pkg"]


@pytest.mark.parametrize(("answer", "reason"), FAILURES, ids=[repr(answer) for answer, _ in FAILURES])
def test_a_selector_falls_back_as_well(
    files: Any, telemetry_recorder: TelemetryRecorder, answer: Any, reason: str
) -> None:
    """The file that was opened to ask is closed again."""
    root = files({"a.py": "x = 1\n"})
    server = Server(answer)

    found = Selector(telemetry_recorder.context, root, client=server).resolve_symbol("sym://python/a")

    assert (found.status, found.file, found.source, found.reason) == ("ok", "a.py", "ast", reason)
    assert server.told[1:] == [
        ("definition", "__symbol_query_N__.py", 1, 7),
        ("close", "__symbol_query_N__.py"),
    ]
    assert event("lsp.fallback", reason=reason) in telemetry_recorder


@pytest.mark.parametrize("selectors", [1, 2])
def test_several_threads_ask_each_their_own_question(files: Any, selectors: int) -> None:
    """At once, with one client: what a server answers to one of them is never taken for another's."""
    root = files({"a.py": "x = 1\n", "b.py": "x = 1\n"})
    gate = threading.Barrier(2, timeout=20)

    class Imports(Server):
        """Answers with the module that the file imports, as it is once everybody has opened theirs."""

        texts: dict[Path, str] = {}  # noqa: RUF012 - of one test

        def open(self, file: Path, text: str | None = None) -> None:
            self.texts[file] = text or ""
            gate.wait()

        def definition(self, file: Path, line: int, col: int) -> Reply:
            name = f"{self.texts[file].split()[1]}.py"
            gate.wait()
            return Reply((Location(name, line, root / name),))

    server = Imports(Reply(()))
    asked = [Selector(workspace=root, client=server) for _ in range(selectors)]

    with ThreadPoolExecutor(2) as pool:
        found = list(
            pool.map(lambda at: asked[at % selectors].resolve_symbol(f"sym://python/{'ab'[at]}"), range(2))
        )

    assert [each.file for each in found] == ["a.py", "b.py"]


def test_a_file_on_the_way_that_cannot_be_read_is_the_one_that_is_named(files: Any, forbid: Forbid) -> None:
    """Not the one that was asked about."""
    root = files({"use.py": "from secret import f\nf()\n", "secret.py": "def f(): ...\n"})
    forbid("secret.py")
    with pytest.raises(UnusableInput, match=r"^secret\.py: Permission denied"):
        Navigator(workspace=root).definition("use.py", 2, 0)


@pytest.mark.parametrize("name", ["gone.py", "directory.py", "pipe.py", "shut.py"])
def test_a_server_may_name_what_cannot_be_read(files: Any, make_pipe: Any, forbid: Forbid, name: str) -> None:
    """The place is an answer, of which no more is known; a pipe is not waited for."""
    root = files({"a.py": "f()\n", "shut.py": "def f(): ...\n", "directory.py/x": ""})
    make_pipe(root / "pipe.py")
    forbid("shut.py")
    server = Server(Reply((Location(name, 1, root / name),)))

    found = Navigator(workspace=root, client=server).definition("a.py", 1, 0)
    addressed = Selector(workspace=root, client=server).resolve_symbol("sym://python/a")

    for each in (found, addressed):
        assert (each.status, each.source, each.file, each.line, each.kind) == ("ok", "lsp", name, 1, None)


def test_the_question_itself_is_no_answer_to_a_selector(
    files: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """A server that leads back to the file it was asked about knows of no place."""
    root = files({"a.py": "x = 1\n"})

    class Echo(Server):
        def definition(self, file: Path, line: int, col: int) -> Reply:
            return Reply((Location(file.name, line, file),))

    selector = Selector(telemetry_recorder.context, root, client=Echo(Reply(())))
    found = selector.resolve_symbol("sym://python/a/x")

    assert (found.status, found.file, found.source, found.reason) == ("ok", "a.py", "ast", "empty")
    assert event("lsp.fallback", reason="empty") in telemetry_recorder
