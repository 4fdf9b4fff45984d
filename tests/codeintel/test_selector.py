"""What addresses of symbols lead to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import TelemetryRecorder, span
from pytest_telemetry.codeintel.modules import Modules, OutsideRoots
from pytest_telemetry.codeintel.resolution import Resolution
from pytest_telemetry.codeintel.selector import Selector
from pytest_telemetry.codeintel.symbol_uri import InvalidSymbol
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from pathlib import Path

    from tests.codeintel.conftest import Forbid


def resolve(root: Path, symbol: str, **options: Any) -> Resolution:
    return Selector(workspace=root, **options).resolve_symbol(f"sym://python/{symbol}")


def place(resolution: Resolution) -> str | None:
    """Return file and line of what was found, or the word for why nothing was."""
    return f"{resolution.file}:{resolution.line}" if resolution.status == "ok" else resolution.reason


def candidates(resolution: Resolution) -> list[str]:
    assert resolution.status == "ambiguous"
    return [f"{each.file}:{each.line}" for each in resolution.candidates]


APP = {
    "app/__init__.py": """
        from .models import Model as Record, helper
        from . import models
        from .models import *
        import app.tools as kit

        VERSION = "1"
        """,
    "app/models.py": '''
        """Models."""
        from dataclasses import dataclass

        LIMIT: int = 3

        @dataclass
        class Model:
            """A model."""

            size = 1

            class Meta:
                def inner(self): ...

            async def load(self): ...

        def helper():
            def nested(): ...
            return nested

        _private = 1
        ''',
    "app/tools.py": "from .models import Model\nclass Tool(Model): ...\n",
}


@pytest.mark.parametrize(
    ("symbol", "found", "kind", "qualname"),
    [
        ("app/models/Model", "app/models.py:7", "class", "Model"),
        ("app.models/Model", "app/models.py:7", "class", "Model"),
        ("app/models/Model.load", "app/models.py:15", "method", "Model.load"),
        ("app/models/Model.Meta.inner", "app/models.py:13", "method", "Model.Meta.inner"),
        ("app/models/Model.size", "app/models.py:10", "constant", "Model.size"),
        ("app/models/LIMIT", "app/models.py:4", "constant", "LIMIT"),
        ("app/models/helper", "app/models.py:17", "function", "helper"),
        ("app/models/helper.nested", "app/models.py:18", "function", "helper.nested"),
        ("app/models", "app/models.py:1", "module", ""),
        ("app", "app/__init__.py:1", "module", ""),
        ("app/VERSION", "app/__init__.py:6", "constant", "VERSION"),
        ("app/tools", "app/tools.py:1", "module", ""),
        ("app/models.Model", "app/models.py:7", "class", "Model"),
        ("app/models/Model/load", "app/models.py:15", "method", "Model.load"),
    ],
)
def test_a_symbol_is_where_it_is_defined(
    files: Any, symbol: str, found: str, kind: str, qualname: str
) -> None:
    """Modules, and what is in them at any depth; lines are those of ``class`` and ``def``."""
    resolution = resolve(files(APP), symbol)

    assert (place(resolution), resolution.kind, resolution.qualname) == (found, kind, qualname)
    assert (resolution.source, resolution.reason, resolution.candidates) == ("ast", None, ())


@pytest.mark.parametrize(
    ("symbol", "found"),
    [
        ("app/Record", "app/models.py:7"),
        ("app/Record.load", "app/models.py:15"),
        ("app/helper", "app/models.py:17"),
        ("app/models/Model", "app/models.py:7"),
        ("app/Model", "app/models.py:7"),
        ("app/LIMIT", "app/models.py:4"),
        ("app/_private", "no_name"),
        ("app/kit.Tool", "app/tools.py:2"),
        ("app/kit", "app/tools.py:1"),
        ("app/tools/Model", "app/models.py:7"),
        ("app/tools/Tool.load", "app/models.py:15"),
        ("app/models/dataclass", "no_source"),
    ],
)
def test_imports_are_followed_to_the_definition(files: Any, symbol: str, found: str) -> None:
    """Under other names, of modules, with a star, and through bases; where there is no source, that is said."""
    assert place(resolve(files(APP), symbol)) == found


@pytest.mark.parametrize(
    ("listed", "name", "found"),
    [
        ("", "a", "lib.py:1"),
        ("", "_b", "no_name"),
        ("__all__ = ['_b']", "a", "no_name"),
        ("__all__ = ['_b']", "_b", "lib.py:2"),
        ("__all__ = ('_b', *a.__all__)", "a", "lib.py:1"),
        ("__all__ = ['_b']\n__all__ += more()", "a", "lib.py:1"),
        ("__all__ = ['_b']\n__all__.extend(['a'])", "a", "lib.py:1"),
        ("__all__: list[str] = [\n    '_b',\n]", "_b", "lib.py:2"),
        ("__all__: list[str]", "a", "lib.py:1"),
    ],
)
def test_a_star_import_binds_what_is_listed_or_public(files: Any, listed: str, name: str, found: str) -> None:
    """Where the list is computed, public names count as well."""
    root = files({"lib.py": f"a = 1\n_b = 2\n{listed}\n", "top.py": "from lib import *\n"})

    assert place(resolve(root, f"top/{name}")) == found


def test_a_later_star_import_hides_what_was_defined_before(files: Any) -> None:
    """As any later binding does."""
    root = files(
        {
            "lib.py": "a = b = 1\n",
            "top.py": "def a(): ...\nfrom lib import *\ndef b(): ...\n",
            "end.py": "from top import *\n",
        }
    )

    assert place(resolve(root, "top/a")) == "lib.py:1"
    assert place(resolve(root, "top/b")) == "top.py:3"
    assert place(resolve(root, "end/a")) == "lib.py:1"


@pytest.mark.parametrize(
    ("texts", "symbol"),
    [
        ({"a.py": "from b import x\n", "b.py": "from a import x\n"}, "a/x"),
        ({"a.py": "from a import x\n"}, "a/x"),
        ({"a.py": "from b import *\n", "b.py": "from a import *\n"}, "a/x"),
        ({"a.py": "x = y\ny = x\n"}, "a/x.z"),
        ({"a.py": "class A:\n    x = y\n    y = x\n"}, "a/A.x.z"),
        ({"a.py": "class A(B): ...\nclass B(A): ...\n"}, "a/A.m"),
        ({"a.py": "class A(A.X): ...\n"}, "a/A.m"),
        ({"a.py": "class A(A): ...\n"}, "a/A.m"),
        ({"p/__init__.py": "from . import x\n"}, "p/x"),
        ({f"m{at}.py": f"from m{at + 1} import x\n" for at in range(200)}, "m0/x"),
        ({f"m{at}.py": f"from m{at + 1} import *\n" for at in range(200)}, "m0/x"),
        ({"a.py": "".join(f"class C{at}(C{at + 1}): ...\n" for at in range(500))}, "a/C0.m"),
    ],
)
def test_what_leads_in_a_circle_or_nowhere_is_not_found(
    files: Any, texts: dict[str, str], symbol: str
) -> None:
    """However long the way is, it ends."""
    resolution = resolve(files(texts), symbol)

    assert resolution.status == "not_found"
    assert resolution.reason in {"cycle", "no_name", "no_source", "unknown_base"}
    assert resolution.detail


@pytest.mark.parametrize("name", ["x", "gone"])
def test_modules_that_take_everything_from_each_other_cost_no_more_than_they_are(
    files: Any, telemetry_recorder: TelemetryRecorder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """There are more ways through twenty of them than anybody could go: each of their 400 imports is looked at once."""
    looked: list[Any] = []
    real = Modules.around

    def around(*args: Any) -> Any:
        looked.append(args)
        return real(*args)

    monkeypatch.setattr(Modules, "around", around)
    stars = {f"p/m{at}.py": "".join(f"from .m{to} import *\n" for to in range(20)) for at in range(20)}
    root = files({**stars, "p/m19.py": "def x(): ...\n"})

    found = Selector(telemetry_recorder.context, root).resolve_symbol(f"sym://python/p/m0/{name}")

    assert place(found) == ("p/m19.py:1" if name == "x" else "no_name")
    assert telemetry_recorder.metric("ast_parse_count") == 20
    assert len(looked) < 450


def test_bases_in_layers_end_as_well(files: Any) -> None:
    """Two classes in each of forty layers, each with both of the next: more ways than steps that are taken."""
    layers = range(40)
    code = "".join(f"class {side}{at}(A{at + 1}, B{at + 1}): ...\n" for at in layers for side in "AB")

    assert resolve(files({"a.py": code}), "a/A0.m").status == "not_found"


def test_a_package_may_import_its_own_submodule(files: Any) -> None:
    """The import means the file, and not itself."""
    root = files(
        {"p/__init__.py": "from . import sub\nfrom p import other\n", "p/sub.py": "", "p/other.py": "x = 1\n"}
    )

    assert place(resolve(root, "p/sub")) == "p/sub.py:1"
    assert place(resolve(root, "p/other.x")) == "p/other.py:1"


def test_a_chain_of_re_exports_is_followed_to_its_end(files: Any) -> None:
    """Also where each of them takes everything, which must not double the work each time."""
    texts = {f"m{at}.py": f"from m{at + 1} import *\n" for at in range(15)} | {"m15.py": "def x(): ...\n"}

    assert place(resolve(files(texts), "m0/x")) == "m15.py:1"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(): ...\ndef f(): ...\n", "a.py:2"),
        ("f = 1\nf = 2\n", "a.py:2"),
        ("@overload\ndef f(a: int): ...\n@overload\ndef f(a: str): ...\ndef f(a): ...\n", "a.py:5"),
        ("@typing.overload\ndef f(a: int): ...\n@typing.overload\ndef f(a: str): ...\n", "a.py:2"),
        ("if x:\n    @overload\n    def f(a: int): ...\n    def f(a): ...\n", "a.py:4"),
        ("if x:\n    def f(): ...\n", "a.py:2"),
        ("if x:\n    def f(): ...\ndef f(): ...\n", "a.py:3"),
        ("def f(): ...\ntry:\n    from _fast import f\nexcept ImportError: ...\n", "a.py:1"),
    ],
)
def test_of_several_definitions_the_last_counts(files: Any, code: str, found: str) -> None:
    """Of overloads, the one that is run, or the first; and what has no source is no other possibility."""
    assert place(resolve(files({"a.py": code}), "a/f")) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("if x:\n    def f(): ...\nelse:\n    def f(): ...\n", ["a.py:2", "a.py:4"]),
        ("def f(): ...\nif x:\n    def f(): ...\n", ["a.py:1", "a.py:3"]),
        ("try:\n    from b import f\nexcept ImportError:\n    f = None\n", ["b.py:1", "a.py:4"]),
    ],
)
def test_what_depends_on_a_condition_is_ambiguous(files: Any, code: str, found: list[str]) -> None:
    """Each possibility is a candidate, and none of them is the answer."""
    resolution = resolve(files({"a.py": code, "b.py": "def f(): ...\n"}), "a/f")

    assert candidates(resolution) == found
    assert (resolution.file, resolution.line, resolution.kind, resolution.end_line) == (
        None,
        None,
        None,
        None,
    )
    assert resolution.reason == "conditional"
    assert "depends on a condition" in resolution.detail


def test_a_property_is_where_it_begins(files: Any) -> None:
    """Its setter adds to it."""
    root = files(
        {
            "a.py": """
                class A:
                    @property
                    def x(self): ...
                    @x.setter
                    def x(self, value): ...
                """
        }
    )

    assert place(resolve(root, "a/A.x")) == "a.py:3"


INHERITED = """
    import b
    from typing import Generic
    class Top:
        def top(self): ...
        def shared(self): ...
    class Left(Top): ...
    class Right(Top):
        def shared(self): ...
    class Bottom(Left, Right): ...
    class Listed(list, Top): ...
    class Parted(b.Far[int], Generic[T], metaclass=Meta): ...
    class Unknown(nowhere.Base, Top): ...
    class Made(namedtuple("Made", "x")):
        own = 1
    class Outer:
        class Base:
            def inner(self): ...
        class Sub(Base): ...
    class Typed[T](Top): ...
    if x:
        class Either: ...
    else:
        class Either: ...
    class Torn(Either, Top): ...
    class Begun:
        def __init__(self): ...
    class Begins(Unsaid, Begun): ...
    """


@pytest.mark.parametrize(
    ("symbol", "found"),
    [
        ("Bottom.top", "a.py:4"),
        ("Bottom.shared", "a.py:8"),
        ("Left.shared", "a.py:5"),
        ("Listed.top", "a.py:4"),
        ("Listed.append", "no_source"),
        ("Parted.far", "b.py:2"),
        ("Made.own", "a.py:14"),
        ("Made.x", "unknown_base"),
        ("Outer.Sub.inner", "a.py:17"),
        ("Typed.top", "a.py:4"),
        ("Left.none", "no_name"),
    ],
)
def test_what_a_class_inherits_is_found_where_python_looks_first(files: Any, symbol: str, found: str) -> None:
    """In the order of its bases, also of other files; what is built in has no source."""
    root = files({"a.py": INHERITED, "b.py": "class Far:\n    def far(self): ...\n"})

    assert place(resolve(root, f"a/{symbol}")) == found


@pytest.mark.parametrize("symbol", ["Unknown.top", "Torn.top"])
def test_behind_a_base_that_is_not_known_nothing_is_certain(files: Any, symbol: str) -> None:
    """What is found is a candidate."""
    resolution = resolve(files({"a.py": INHERITED}), f"a/{symbol}")

    assert candidates(resolution) == ["a.py:4"]
    assert resolution.reason == "unknown_base"


def test_what_a_module_makes_when_it_is_asked_is_not_said_to_be_missing(files: Any) -> None:
    """Only running its ``__getattr__`` would tell."""
    root = files(
        {"a/__init__.py": "def __getattr__(name): ...\n", "b.py": "def __getattr__(name): ...\nx = 1\n"}
    )

    assert resolve(root, "a/Lazy").reason == resolve(root, "b/Lazy").reason == "no_source"
    assert "may have Lazy from its __getattr__" in resolve(root, "a/Lazy").detail
    assert place(resolve(root, "b/x")) == "b.py:2"


@pytest.mark.parametrize("symbol", ["locked.b/f", "locked/f", "a/g"])
def test_a_directory_that_nobody_may_enter_is_not_said_to_lack_anything(
    files: Any, monkeypatch: pytest.MonkeyPatch, symbol: str
) -> None:
    """What is sought may be there."""
    root = files({"locked/b.py": "def f(): ...\n", "a.py": "from locked.b import f as g\n"})
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "locked" and access(path, mode))

    with pytest.raises(UnusableInput, match=r"^locked: Permission denied"):
        resolve(root, symbol)


def test_a_base_that_is_not_known_is_not_taken_for_none(files: Any) -> None:
    """Which has an initialiser of its own."""
    resolution = resolve(files({"a.py": INHERITED}), "a/Begins.__init__")

    assert (candidates(resolution), resolution.reason) == (["a.py:26"], "unknown_base")
    assert "base" in resolution.detail


@pytest.mark.parametrize(
    ("symbol", "reason", "detail"),
    [
        ("nowhere/Name", "no_module", "no source of a module nowhere"),
        ("app/models/Modle", "no_name", "app.models has no Modle; did you mean Model?"),
        ("app/models/Model.lod", "no_name", "Model has no lod"),
        ("app/models/LIMIT.real", "no_name", "LIMIT is a value"),
        ("app/models/helper.none", "no_name", "helper is a function"),
        ("space", "no_source", "space is a namespace package"),
        (
            "app/models/dataclass",
            "no_source",
            "app.models imports it from dataclasses, and there is no source",
        ),
        ("wrong/Modle", "no_name", "app.models has no Modle; did you mean Model?"),
        ("wrong/out", "no_source", "wrong imports it from ..."),
    ],
)
def test_what_is_not_found_says_why(files: Any, symbol: str, reason: str, detail: str) -> None:
    """In a word, and in a sentence."""
    wrong = "from app.models import Modle\nfrom ...far import out\n"
    resolution = resolve(files({**APP, "space/x.py": "", "wrong.py": wrong}), symbol)

    assert (resolution.status, resolution.reason) == ("not_found", reason)
    assert detail in resolution.detail


def test_what_two_directories_of_the_workspace_have_is_ambiguous(files: Any) -> None:
    """Unless only one of them has the name."""
    root = files({"a.py": "x = 1\n", "src/a.py": "x = 1\ny = 2\n"})

    assert candidates(resolve(root, "a/x")) == ["a.py:1", "src/a.py:1"]
    assert place(resolve(root, "a/y")) == "src/a.py:2"


def test_an_older_address_with_two_meanings_is_ambiguous_where_both_exist(files: Any) -> None:
    """Otherwise it is the one that there is."""
    root = files({"pkg/a.py": "", "b.py": "", "mod/__init__.py": "b = 1\n"})

    assert place(resolve(root, "mod/pkg/a")) == "pkg/a.py:1"
    assert candidates(resolve(root, "mod/b")) == ["mod/__init__.py:1", "b.py:1"]


def test_further_roots_have_what_the_workspace_has_not(files: Any, tmp_path: Path) -> None:
    """They are named as everything outside is; the absolute path is there for who opens it, and not reported."""
    root = files({"a.py": "from lib import f\n"})
    (tmp_path / "lib.py").write_text("def f(): ...\n")

    resolution = resolve(root, "a/f", roots=[tmp_path])

    assert resolution.place is not None
    assert resolution.place.path == (tmp_path / "lib.py").resolve()
    assert str(resolution.file).startswith("external/")
    assert str(tmp_path) not in str(resolution.as_dict())


def test_broken_code_still_has_what_is_whole(files: Any) -> None:
    """Nothing has to be valid."""
    assert (
        place(resolve(files({"a.py": "def broken(:\n\nclass Whole:\n    def m(self): ...\n"}), "a/Whole.m"))
        == "a.py:4"
    )


def test_a_resolution_is_a_mapping_of_three_keys(files: Any) -> None:
    """And all of it is JSON."""
    resolution = resolve(files(APP), "app/models/Model")

    assert dict(resolution) == {"file": "app/models.py", "line": 7, "kind": "class"}
    with pytest.raises(KeyError):
        resolution["path"]
    assert resolution.as_dict() == {
        "query": "sym://python/app/models/Model",
        "status": "ok",
        "file": "app/models.py",
        "line": 7,
        "end_line": 15,
        "kind": "class",
        "qualname": "Model",
        "candidates": [],
        "source": "ast",
        "reason": None,
        "detail": "",
    }


def test_a_place_has_an_address(files: Any) -> None:
    """That leads back to it."""
    root = files(APP)
    found = resolve(root, "app/Record.load").place

    assert found is not None
    assert found.symbol == "sym://python/app.models/Model.load"
    assert Selector(workspace=root).resolve_symbol(found.symbol).place == found


def test_each_question_is_one_record(files: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """With what was asked and what came of it; the files that were parsed for it are below no name of theirs."""
    root = files({**APP, "two.py": "if x:\n    a = 1\nelse:\n    a = 2\n"})
    selector = Selector(telemetry_recorder.context, root)

    for symbol in ("app/models/Model", "two/a", "two/b"):
        selector.resolve_symbol(f"sym://python/{symbol}")

    records = [record for record in telemetry_recorder if record.name == "selector.resolve"]
    assert [record.attrs for record in records] == [
        {
            "args.symbol_query": "sym://python/app/models/Model",
            "result.status": "ok",
            "result.file": "app/models.py",
            "result.line": 7,
            "result.kind": "class",
            "source": "ast",
        },
        {
            "args.symbol_query": "sym://python/two/a",
            "result.status": "ambiguous",
            "result.candidates": 2,
            "result.reason": "conditional",
            "source": "ast",
        },
        {
            "args.symbol_query": "sym://python/two/b",
            "result.status": "not_found",
            "result.reason": "no_name",
            "source": "ast",
        },
    ]
    assert [record.status for record in records] == ["ok"] * 3
    assert all(record.duration_ns is not None and record.duration_ns > 0 for record in records)


def test_each_file_is_parsed_once_for_a_question(files: Any, telemetry_recorder: TelemetryRecorder) -> None:
    """However often the way leads through it."""
    Selector(telemetry_recorder.context, files(APP)).resolve_symbol("sym://python/app/kit.Tool.load")

    parsed = [record.attrs["args.file"] for record in telemetry_recorder if record.name == "ast.parse"]
    assert sorted(parsed) == ["app/__init__.py", "app/models.py", "app/tools.py"]


def test_a_question_that_is_none_is_recorded_as_an_error(
    files: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """And raised."""
    selector = Selector(telemetry_recorder.context, files(APP))
    query: Any

    for query in ("app.models.Model", None):
        with pytest.raises(InvalidSymbol):
            selector.resolve_symbol(query)

    first, second = telemetry_recorder
    assert first.status == second.status == "error"
    assert first.attrs == {
        "args.symbol_query": "app.models.Model",
        "result.status": "error",
        "result.reason": "InvalidSymbol",
    }
    assert second.attrs["args.symbol_query"] == "None"


def test_a_link_out_of_the_workspace_is_refused_and_recorded(
    files: Any, tmp_path: Path, telemetry_recorder: TelemetryRecorder
) -> None:
    """As an error that names no path of this machine."""
    root = files({"a.py": "from secret import x\n"})
    (tmp_path / "secret.py").write_text("x = 1\n")
    (root / "secret.py").symlink_to(tmp_path / "secret.py")

    with pytest.raises(OutsideRoots):
        Selector(telemetry_recorder.context, root).resolve_symbol("sym://python/a/x")

    assert span("selector.resolve", {"result.reason": "OutsideRoots"}, status="error") in telemetry_recorder
    assert str(tmp_path) not in repr([record.attrs for record in telemetry_recorder])


def test_a_file_that_cannot_be_read_is_one_clear_error(
    files: Any, telemetry_recorder: TelemetryRecorder, forbid: Forbid
) -> None:
    """That names it relative to the workspace."""
    root = files({"a.py": "x = 1\n"})

    forbid("a.py")

    with pytest.raises(
        UnusableInput, match=r"^a\.py: Permission denied: sym://python/a/x cannot be looked for$"
    ):
        Selector(telemetry_recorder.context, root).resolve_symbol("sym://python/a/x")

    assert span("selector.resolve", {"result.reason": "unreadable"}, status="error") in telemetry_recorder


@pytest.mark.parametrize(
    ("texts", "name", "reason"),
    [
        ({"a.py": "from fast import *\n"}, "x", "no_source"),
        ({"a.py": "from b import *\n", "b.py": "from fast import *\n"}, "x", "no_source"),
        ({"a.py": "from b import *\n", "b.py": "from fast import *\n__all__ = ['y']\n"}, "x", "no_name"),
        ({"a.py": "from b import *\n", "b.py": "from a import *\n"}, "x", "no_name"),
        ({"a.py": "from fast import *\n"}, "_x", "no_name"),
    ],
)
def test_a_star_import_of_what_has_no_source_may_bind_any_public_name(
    files: Any, texts: dict[str, str], name: str, reason: str
) -> None:
    """Only where all of them have sources, or say what they export, is it certain that there is no such name."""
    assert resolve(files(texts), f"a/{name}").reason == reason
