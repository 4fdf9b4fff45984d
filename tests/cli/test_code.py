"""The commands that search, read and navigate code."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import pytest

from pytest_telemetry.cli.code import command as group
from pytest_telemetry.codeintel import skeleton
from pytest_telemetry.codeintel.lsp_errors import LSPError, RequestTimeout, ServerGone
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODELS = '''"""Models."""

LIMIT = 1


@deco
class Model:
    """A model."""

    def save(self):
        return LIMIT


if LIMIT:
    def either(): ...
else:
    def either(): ...
'''
VIEWS = "from app.models import Model\n\nModel().save()\nModel.save\n"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "work/app").mkdir(parents=True)
    (tmp_path / "work/app/models.py").write_text(MODELS)
    (tmp_path / "work/app/views.py").write_text(VIEWS)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def events(work: Path) -> list[dict[str, Any]]:
    lines = (work / "_ctx/telemetry/events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("Model", ["app/models.py:7  class Model", "app/models.py:10  method Model.save(self)"]),
        ("model.SAVE", ["app/models.py:10  method Model.save(self)"]),
        ("imit", ["app/models.py:3  constant LIMIT = 1"]),
        ("either", ["app/models.py:15  function either()", "app/models.py:17  function either()"]),
    ],
)
def test_search_prints_the_symbols_that_are_called_so(
    run: Any, work: Path, query: str, found: list[str]
) -> None:
    """A part of the name is enough; what it disclosed is said on standard error."""
    code, out, err = run("code", "search", query)

    assert (code, out.splitlines()) == (0, found)
    assert f"in 2 files; skeleton, {sum(len(line.split('  ', 1)[1]) + 1 for line in found)} bytes read" in err


@pytest.mark.parametrize("query", ["Straße", "straße", "STRASSE", "Stra"])
def test_search_finds_names_whose_case_is_more_than_a_letter(run: Any, work: Path, query: str) -> None:
    """A sharp s is ss where case does not matter."""
    (work / "app/road.py").write_text("class Straße: ...\n", encoding="utf-8")

    assert run("code", "search", query)[1] == "app/road.py:1  class Straße\n"


def test_search_finds_nothing_with_exit_code_1(run: Any, work: Path) -> None:
    """And says where it looked."""
    code, out, err = run("code", "search", "nowhere")

    assert (code, out) == (1, "")
    assert err == "pytest-telemetry: 0 hits in 2 files; skeleton, 0 bytes read\n"


def test_search_puts_what_is_called_so_before_what_contains_it(run: Any, work: Path) -> None:
    """Whatever the files are called."""
    (work / "a.py").write_text("class SuperModel: ...\nclass Models: ...\n")

    found = [line.split()[-1] for line in run("code", "search", "model")[1].splitlines()]

    assert found == ["Model", "Models", "Model.save(self)", "SuperModel"]


def test_search_shows_the_best_hits_and_says_how_many_there_are(run: Any, work: Path) -> None:
    """As many as were asked for."""
    code, out, err = run("code", "search", "model", "--limit", "1")

    assert (code, out) == (0, "app/models.py:7  class Model\n")
    assert "2 hits in 2 files, 1 of them shown" in err


def test_search_leaves_out_what_is_not_of_the_workspace(run: Any, work: Path, make_pipe: Any) -> None:
    """Hidden directories, virtual environments, caches, links."""
    for name in (".git", "env", "__pycache__", "node_modules"):
        (work / name).mkdir()
        (work / name / "a.py").write_text("class Model: ...\n")
    (work / "env/pyvenv.cfg").write_text("")
    (work / "link.py").symlink_to(work / "app/models.py")
    make_pipe(work / "pipe.py")

    assert len(run("code", "search", "Model")[1].splitlines()) == 2


def test_search_goes_on_behind_a_file_that_cannot_be_read(
    run: Any, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And names it."""
    from pathlib import Path as Real

    real = Real.read_bytes

    def read(path: Path) -> bytes:
        if path.name == "views.py":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Real, "read_bytes", read)

    code, _, err = run("code", "search", "LIMIT")

    assert code == 0
    assert "app/views.py: cannot be read" in err


@pytest.mark.parametrize(
    ("arguments", "first", "last", "told"),
    [
        (["sym://python/app.models/Model.save"], "    def save(self):", "        return LIMIT", "lines 10-11: excerpt"),
        (["sym://python/app.views/Model"], "@deco", "        return LIMIT", "app/models.py, lines 6-11: excerpt"),
        (["app/models.py:11"], "    def save(self):", "        return LIMIT", "lines 10-11: excerpt"),
        (["app/models.py:3"], "LIMIT = 1", "LIMIT = 1", "lines 3-3: excerpt"),
        (["app/models.py:4"], "", "", "lines 4-4: excerpt, 1 byte read"),
        (["app/models.py:1-3"], '"""Models."""', "LIMIT = 1", "lines 1-3: excerpt"),
        (["app/models.py"], "LIMIT = 1  # 3", "def either()  # 17 conditional", "app/models.py: skeleton"),
        (["app/models.py", "--mode", "raw"], '"""Models."""', "    def either(): ...", "raw, 169 bytes read"),
        (["app/models.py:3", "--mode", "raw"], '"""Models."""', "    def either(): ...", "raw, 169 bytes read"),
        (["sym://python/app.models/Model", "--mode", "skeleton"], "LIMIT = 1  # 3", "def either()  # 17 conditional", "skeleton"),
    ],
)  # fmt: skip
def test_get_prints_what_an_address_names(
    run: Any, work: Path, arguments: list[str], first: str, last: str, told: str
) -> None:
    """As much of it as the mode says, and on standard error how much that was."""
    code, out, err = run("code", "get", *arguments)

    lines = out.splitlines()
    assert (code, lines[0], lines[-1]) == (0, first, last)
    assert told in err


def test_get_says_what_it_could_not_decode_and_that_a_file_goes_on(run: Any, work: Path) -> None:
    """On standard error, where it also says how much was read."""
    (work / "odd.txt").write_bytes(b"\xff\n" + b"x" * 1023 + b"\n" + b"y" * (8 * 1024 * 1024))

    code, out, err = run("code", "get", "odd.txt:1-1")

    assert (code, out) == (0, "\ufffd\n")
    assert err == (
        "pytest-telemetry: odd.txt, lines 1-1: excerpt, 4 bytes read; 1 undecodable, replaced; the file goes on behind\n"
    )


def test_get_prints_candidates_instead_of_a_guess(run: Any, work: Path) -> None:
    """With exit code 1."""
    code, out, err = run("code", "get", "sym://python/app.models/either")

    assert (code, out.splitlines()) == (
        1,
        ["app/models.py:15  function either", "app/models.py:17  function either"],
    )
    assert "ambiguous, ast (conditional)" in err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["get", "gone.py"], "gone.py: No such file"),
        (["get", "gone.py:3"], "gone.py: No such file"),
        (["get", "../secret.py"], "is outside of the workspace"),
        (["get", "../secret.py:1"], "is outside of the workspace"),
        (["get", "app/models.py", "--mode", "excerpt"], "an excerpt is of lines or a symbol"),
        (["get", "sym://app/models"], "the only language is python"),
        (["symbol", "app.models.Model"], "does not begin with sym://"),
        (["symbol", "sym://python/app", "--root", "nowhere"], "nowhere: is no directory"),
        (["skeleton", "gone.py"], "gone.py: No such file"),
        (["skeleton", "../secret.py"], "is outside of the workspace"),
        (["emits", "../secret.py"], "is outside of the workspace"),
        (["search", " "], "the query is empty"),
        (["search", "x", "--workspace", "nowhere"], "nowhere: is no directory"),
        (["definition", "app/views.py"], "write FILE:LINE:COL"),
        (["definition", "app/views.py:1:0"], "write FILE:LINE:COL"),
        (["definition", "app/views.py:99:1"], "app/views.py: has no line 99: name one from 1 to 5"),
        (["definition", "../secret.py:1:1"], "outside of the workspace"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_code_2(
    run: Any, work: Path, arguments: list[str], problem: str
) -> None:
    """On standard error."""
    (work.parent / "secret.py").write_text("x = 1\n")

    code, out, err = run("code", *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert problem in err


def test_symbol_prints_the_place(run: Any, work: Path) -> None:
    """And nothing else."""
    assert run("code", "symbol", "sym://python/app.views/Model.save") == (
        0,
        "app/models.py:10  method Model.save\n",
        "",
    )


def test_symbol_says_why_there_is_none(run: Any, work: Path) -> None:
    """With exit code 1."""
    code, out, err = run("code", "symbol", "sym://python/app.models/Modle")

    assert (code, out) == (1, "")
    assert err == "pytest-telemetry: not_found, ast (no_name): app.models has no Modle; did you mean Model?\n"


def test_symbol_looks_into_further_roots(run: Any, work: Path) -> None:
    """What is outside is named by its path, for who asks wants to open it."""
    (work.parent / "lib").mkdir()
    (work.parent / "lib/far.py").write_text("x = 1\n")

    code, out, _ = run("code", "symbol", "sym://python/far/x", "--root", work.parent / "lib")

    assert (code, out) == (0, f"{(work.parent / 'lib/far.py').resolve()}:1  constant x\n")


def test_skeleton_prints_what_a_file_defines(run: Any, work: Path) -> None:
    """Of a damaged one, what is intact."""
    (work / "broken.py").write_text("def f(:\n\n\nclass A: ...\n")

    code, out, err = run("code", "skeleton", "app/models.py")
    broken = run("code", "skeleton", "broken.py")

    assert (code, err) == (0, "")
    assert "    def save(self)  # 10-11" in out.splitlines()
    assert broken[0] == 0
    assert "class A" in broken[1]
    assert "damaged" in broken[2]


def test_a_skeleton_of_nothing_is_nothing(run: Any, work: Path) -> None:
    """Not even a line."""
    (work / "empty.py").write_text("")

    assert run("code", "skeleton", "empty.py") == (0, "", "")


def test_definition_without_a_server_is_that_of_skeletons(run: Any, work: Path) -> None:
    """Which is said."""
    code, out, err = run("code", "definition", "app/views.py:4:7")

    assert (code, out) == (0, "app/models.py:10  method Model.save\n")
    assert err == "pytest-telemetry: ok, ast (no_server)\n"


@dataclass(frozen=True)
class Location:
    file: str
    line: int
    path: Path
    col: int
    end_line: int
    end_col: int


@dataclass(frozen=True)
class Reply:
    locations: tuple[Location, ...]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, work: Path) -> type:
    """Stands in for the client of language servers."""

    class Client:
        calls: list[Any] = []  # noqa: RUF012 - of one test
        fails: Exception | None = None

        def __init__(self, telemetry: Any, server: str | None, **bounds: float) -> None:
            self.server = server or "ty"  # the first that is installed
            self.calls.append((server, bounds))

        def initialize(self, workspace: Path) -> None:
            self.calls.append(("initialize", workspace))
            if self.fails is not None:
                raise self.fails

        def open(self, file: Path, text: str | None = None) -> None:
            self.calls.append(("open", file.name))

        def definition(self, file: Path, line: int, col: int) -> Reply:
            self.calls.append(("definition", file.name, line, col))
            return Reply((Location("app/models.py", 7, work / "app/models.py", 6, 7, 11),))

        def close(self) -> None:
            self.calls.append("close")

    monkeypatch.setattr("pytest_telemetry.codeintel.lsp.LSPClient", Client)
    return Client


def test_definition_asks_the_server_that_is_named(run: Any, work: Path, client: Any) -> None:
    """Which is started for it, and closed."""
    code, out, err = run(
        "code", "definition", "app/views.py:3:2", "--server", "ty", "--timeout", "900", "--start-timeout", "7"
    )

    assert (code, out, err) == (0, "app/models.py:7  class Model\n", "")
    assert client.calls == [
        ("ty", {"timeout_ms": 900.0, "handshake_timeout_ms": 7.0}),
        ("initialize", work.resolve()),
        ("open", "views.py"),
        ("definition", "views.py", 3, 1),
        "close",
    ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RequestTimeout("late"), "not_ready"),
        (LSPError("odd"), "not_ready"),
        (ServerGone("over", "exited"), "exited"),
        (UnusableInput("not installed"), "no_server"),
    ],
)
def test_a_server_that_cannot_be_started_is_not_passed_over_in_silence(
    run: Any, work: Path, client: Any, error: Exception, reason: str
) -> None:
    """Skeletons answer, the reason is said and recorded, the client is closed; no question counts, for none was asked."""
    client.fails = error

    code, out, err = run("code", "definition", "app/views.py:3:2", "--server", "auto", "--telemetry", "lite")

    assert (code, out) == (0, "app/models.py:7  class Model\n")
    assert f"ok, ast ({reason})" in err
    assert client.calls[0] == (None, {"timeout_ms": 500.0, "handshake_timeout_ms": 10_000.0})
    assert client.calls[-1] == "close"
    (fallback,) = [each for each in events(work) if each["cmd"] == "lsp.fallback"]
    assert (fallback["reason"], fallback["server"]) == (reason, "ty")
    figures = json.loads((work / "_ctx/telemetry/last_run.json").read_text())
    assert figures["lsp"]["lsp_fallback_count"] == 0


@pytest.mark.parametrize("command", ["get", "definition"])
def test_a_file_outside_is_refused_under_the_name_that_was_given(run: Any, work: Path, command: str) -> None:
    """What stands for it in records says nothing to who wrote it."""
    (work / "link.py").symlink_to("/etc/passwd")

    code, _, err = run("code", command, "link.py:1:1" if command == "definition" else "link.py")

    assert code == 2
    assert "link.py: is outside of the workspace" in err


def test_skeleton_prints_a_line_for_each_symbol(run: Any, work: Path) -> None:
    """Whatever else some take for the end of a line."""
    (work / "seps.py").write_text('x = "a\x0cb"\ny = "a\u2028b"\n', encoding="utf-8")

    assert run("code", "skeleton", "seps.py")[1].splitlines() == [
        r'x = "a\x0cb"  # 1',
        r'y = "a\u2028b"  # 2',
    ]


def test_names_of_files_may_have_line_breaks(run: Any, work: Path) -> None:
    """As all the names that the system takes."""
    (work / "new\nline.py").write_text("x = 1\nx\n")

    assert run("code", "get", "new\nline.py:1")[:2] == (0, "x = 1\n")
    assert run("code", "definition", "new\nline.py:2:1")[1].startswith(r"new\nline.py:1")


def test_definition_is_recorded_with_its_place_and_who_answered(run: Any, work: Path) -> None:
    """Also where skeletons did; the column counts from 0, as in every record."""
    run("code", "definition", str(work / "app/views.py") + ":3:2", "--telemetry", "full")

    (event,) = [each for each in events(work) if each["cmd"] == "code.definition"]
    assert event["args"] == {"file": "app/views.py", "line": 3, "col": 1}
    assert (event["result"], event["source"]) == ({"status": "ok"}, "ast")


EMITTING = """import logging
from opentelemetry import trace

tracer = trace.get_tracer(__name__)


def load(name):
    with tracer.start_as_current_span("load"):
        logging.info(f"loaded {name}")
"""


@pytest.fixture
def emitting(work: Path) -> None:
    (work / "app/load.py").write_text(EMITTING)


def test_emits_prints_where_telemetry_is_emitted(run: Any, work: Path, emitting: None) -> None:
    """Line and column from 1, with the name if it is known, and otherwise the call."""
    code, out, err = run("code", "emits", "app", "--telemetry", "full")

    assert (code, out.splitlines()) == (
        0,
        [
            "app/load.py:8:10  opentelemetry span load",
            'app/load.py:9:9  logging log logging.info(f"loaded {name}")',
        ],
    )
    assert err == "pytest-telemetry: 2 places\n"
    (event,) = [each for each in events(work) if each["cmd"] == "code.emits"]
    assert (event["args"], event["result"]) == ({"file": "app"}, {"status": "ok", "count": 2})


@pytest.mark.parametrize("call", [("search", "load"), ("emits", ".")])
def test_how_far_a_long_search_is_is_shown_to_who_looks(
    run: Any, emitting: None, call: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """File by file."""
    told: list[tuple[int, int]] = []

    @contextlib.contextmanager
    def steps(label: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: told.append((done, total))

    monkeypatch.setattr(f"pytest_telemetry.cli.code_{call[0]}.steps", steps)

    assert run("code", *call)[0] == 0
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_emits_has_json(run: Any, work: Path, emitting: None) -> None:
    """With names relative to the workspace; nothing found is exit code 1."""
    told = json.loads(run("code", "emits", "app", "--json")[1])

    assert told["emissions"][0] == {
        "file": "app/load.py",
        "line": 8,
        "col": 9,
        "api": "opentelemetry",
        "kind": "span",
        "name": "load",
        "text": 'tracer.start_as_current_span("load")',
    }
    assert run("code", "emits", "app/views.py", "--json")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["search", "Model"], {"query", "hits", "total", "files", "unread", "bytes_read", "disclosure_mode"}),
        (["get", "app/models.py"], {"id", "status", "file", "lines", "text", "bytes_read", "disclosure_mode", "undecodable", "is_cut", "resolution"}),
        (["get", "sym://python/app.models/Model"], {"id", "status", "file", "lines", "text", "bytes_read", "disclosure_mode", "undecodable", "is_cut", "resolution"}),
        (["symbol", "sym://python/app.models/Model"], {"query", "status", "file", "line", "end_line", "kind", "qualname", "candidates", "source", "reason", "detail"}),
        (["definition", "app/views.py:3:1"], {"query", "status", "file", "line", "end_line", "kind", "qualname", "candidates", "source", "reason", "detail"}),
        (["skeleton", "app/models.py"], {"file", "status", "symbols", "skeleton_bytes"}),
    ],
)  # fmt: skip
def test_each_command_prints_one_json_object(
    run: Any, work: Path, arguments: list[str], keys: set[str]
) -> None:
    """On standard output, alone, without an absolute path."""
    code, out, err = run("code", *arguments, "--json")

    assert (code, err) == (0, "")
    assert keys <= json.loads(out).keys()
    assert str(work) not in out


def test_json_of_what_is_ambiguous_has_the_candidates(run: Any, work: Path) -> None:
    """And exit code 1."""
    code, out, _ = run("code", "get", "sym://python/app.models/either", "--json")

    told = json.loads(out)
    assert (code, told["status"], told["text"], told["bytes_read"]) == (1, "ambiguous", None, 0)
    assert [each["line"] for each in told["resolution"]["candidates"]] == [15, 17]


@pytest.mark.parametrize("level", ["lite", "full"])
def test_a_call_is_recorded_where_that_is_asked_for(run: Any, work: Path, level: str) -> None:
    """As a run of the workspace, with the bytes that it disclosed and the mode, and sums beside it."""
    run("code", "search", "Model", "--telemetry", level)
    run("code", "get", "app/models.py", "--mode", "raw", "--telemetry", level)

    search, get = [each for each in events(work) if each["cmd"] in {"code.search", "code.get"}]
    assert (search["args"], search["result"]) == ({"query": "Model"}, {"status": "ok", "hits": 2, "files": 2})
    assert (search["bytes_read"], search["disclosure_mode"]) == (36, "skeleton")
    assert (get["args"], get["result"]) == (
        {"id": "app/models.py", "mode": "raw"},
        {"status": "ok", "file": "app/models.py"},
    )
    assert (get["bytes_read"], get["disclosure_mode"]) == (169, "raw")
    assert get["timing_ms"] > 0
    last = json.loads((work / "_ctx/telemetry/last_run.json").read_text())
    assert last["file_read"]["raw_bytes"] == 169


def test_a_call_is_not_recorded_without_being_asked(run: Any, work: Path) -> None:
    """Nothing is made."""
    run("code", "search", "Model")

    assert not (work / "_ctx").exists()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["get", "gone.py"], "code.get"),
        (["get", "sym://python/"], "code.get"),
        (["search", ""], "code.search"),
        (["skeleton", "gone.py"], "ast.parse"),
        (["symbol", "nonsense"], "selector.resolve"),
    ],
)
def test_what_fails_is_recorded_and_flushed_as_well(
    run: Any, work: Path, arguments: list[str], name: str
) -> None:
    """With the status of an error, and the run has its files."""
    assert run("code", *arguments, "--telemetry", "lite")[0] == 2

    (event,) = [each for each in events(work) if each["cmd"] == name]
    assert event["result"]["status"] == "error"
    assert (work / "_ctx/telemetry/last_run.json").exists()


def test_what_the_records_of_all_commands_say_passes_the_checks(run: Any, work: Path) -> None:
    """Paths are relative, durations measured."""
    for arguments in (
        ["search", "Model"],
        ["get", "sym://python/app.views/Model"],
        ["get", "../secret.py"],
        ["symbol", "sym://python/app.models/either"],
        ["definition", "app/views.py:4:7"],
        ["skeleton", "app/models.py"],
    ):
        run("code", *arguments, "--telemetry", "full")

    assert run("check", work / "_ctx/telemetry/events.jsonl")[0] == 0


def examples() -> list[tuple[str, str]]:
    assert isinstance(group, click.Group)
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        assert one is not None
        found += [
            (name, line) for line in re.findall(r"^  (pytest-telemetry .*)$", one.epilog or "", re.MULTILINE)
        ]
    return found


@pytest.mark.parametrize(("name", "example"), examples())
def test_examples_in_the_help_work_as_they_stand(
    run: Any, work: Path, client: Any, name: str, example: str
) -> None:
    """In a workspace that has the files."""
    (work / "app/models.py").write_text(f"{MODELS}\nimport logging\nlogging.info('loaded')\n")
    lines = "from app.models import Model\n" + "\n" * 10 + "    a = Model.save\n"
    (work / "app/views.py").write_text(lines)

    code, _, err = run(*shlex.split(example)[1:])

    assert example.startswith(f"pytest-telemetry code {name} ")
    assert code == 0, err


@pytest.mark.parametrize("name", ["definition", "emits", "get", "search", "skeleton", "symbol"])
def test_help_has_examples_and_exit_codes(run: Any, name: str) -> None:
    """The help of the group lists the command."""
    code, out, _ = run("code", name, "--help")

    assert code == 0
    assert "Exit code: 0" in out
    assert "\b" not in out
    assert f"  {name} " in run("code", "--help")[1]


def test_a_command_that_there_is_not_is_refused(run: Any) -> None:
    """As everywhere."""
    code, _, err = run("code", "serach")

    assert code == 2
    assert "No such command" in err


@pytest.fixture
def without_tree_sitter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    skeleton._language.cache_clear()
    yield
    skeleton._language.cache_clear()


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "x"],
        ["get", "app/models.py"],
        ["skeleton", "app/models.py"],
        ["symbol", "sym://python/a"],
        ["definition", "app/views.py:1:1"],
        ["emits", "app"],
    ],
)
def test_without_tree_sitter_one_line_says_what_to_install(
    run: Any, work: Path, emitting: None, without_tree_sitter: None, arguments: list[str]
) -> None:
    """For every command that parses."""
    code, out, err = run("code", *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "pip install 'pytest-telemetry[code]'" in err


def test_what_the_system_refuses_is_one_clear_error(
    run: Any, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a command of the group as in any other."""

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", "app")

    monkeypatch.setattr("pytest_telemetry.codeintel.search.os.walk", refuse)

    assert run("code", "search", "x") == (2, "", "pytest-telemetry: app: Permission denied\n")


NOT_UTF_8 = b"\xff.py"


@pytest.fixture
def odd(work: Path) -> str:
    """A file whose name is no UTF-8."""
    try:
        (work / os.fsdecode(NOT_UTF_8)).write_text("import logging\nodd = 1\nlogging.info('odd')\n")
    except (OSError, UnicodeError):
        pytest.skip("the file system holds no such names")
    return os.fsdecode(NOT_UTF_8)


@pytest.mark.parametrize(
    "arguments", [["search", "odd"], ["get"], ["skeleton"], ["emits"], ["emits", "."], ["definition", ":2:1"]]
)
def test_a_name_that_is_no_utf_8_is_shown_escaped(
    run: Any, work: Path, odd: str, arguments: list[str]
) -> None:
    """By every command, as text and in JSON that holds no half of a character."""
    if arguments[1:] in ([], [":2:1"]):
        arguments = [arguments[0], odd + "".join(arguments[1:])]

    told = run("code", *arguments)
    as_json = run("code", *arguments, "--json")

    assert (told[0], as_json[0]) == (0, 0)
    assert r"\udcff.py" in told[1] + told[2] or arguments[0] == "skeleton"
    json.dumps(json.loads(as_json[1]), ensure_ascii=False).encode()  # halves have no UTF-8
    assert r"\\udcff.py" in as_json[1]


def lib(work: Path) -> Path:
    (work.parent / "lib").mkdir()
    (work.parent / "lib/far.py").write_text("def near(): ...\n\n\nx = 1\n")
    return (work.parent / "lib").resolve()


def test_get_prints_what_an_address_leads_to_in_a_root(run: Any, work: Path) -> None:
    """Its file is named by its path, and what else is in the root cannot be read."""
    root = lib(work)

    code, out, err = run("code", "get", "sym://python/far/x", "--root", root)

    assert (code, out) == (0, "x = 1\n")
    assert f"{root / 'far.py'}, lines 4-4" in err
    assert run("code", "get", root / "far.py", "--root", root)[0] == 2


@pytest.mark.parametrize(
    "command",
    [["get", "sym://python/far/x"], ["symbol", "sym://python/far/x"], ["definition", "use.py:1:17"]],
)
def test_json_has_the_path_of_what_is_outside(run: Any, work: Path, command: list[str]) -> None:
    """Beside the name of the file, which says nothing of where it is."""
    root = lib(work)
    (work / "use.py").write_text("from far import x\n")

    told = json.loads(run("code", *command, "--root", root, "--json")[1])

    assert told["file"].startswith("external/")
    assert told["path"] == str(root / "far.py")


@pytest.mark.parametrize("command", [["search", "Model"], ["emits", "."]])
def test_a_directory_that_cannot_be_read_is_named_and_left_out(
    run: Any, work: Path, emitting: None, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """The rest is searched."""
    (work / "shut").mkdir()
    scan, status = os.scandir, os.stat

    def scandir(path: Any) -> Any:
        if os.fspath(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    def stat(path: Any, **options: Any) -> Any:
        if "shut" in os.fspath(path) and not os.fspath(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return status(path, **options)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "stat", stat)

    code, out, err = run("code", *command)

    assert (code, len(out.splitlines())) == (0, 2)
    assert "pytest-telemetry: shut: cannot be read\n" in err


@pytest.mark.parametrize("command", [["skeleton"], ["emits"], ["get"], ["definition"]])
def test_a_pipe_is_refused_and_not_waited_for(
    run: Any, work: Path, make_pipe: Any, command: list[str]
) -> None:
    """Nobody may ever write to it."""
    make_pipe(work / "pipe.py")

    code, out, err = run("code", *command, "pipe.py:1:1" if command == ["definition"] else "pipe.py")

    assert (code, out) == (2, "")
    assert "pipe.py: is no file that can be read" in err


@pytest.mark.parametrize(
    "command", [["skeleton", "b.py"], ["definition", "b.py:1:1"], ["get", "b.py"], ["emits", "b.py"]]
)
def test_a_binary_file_is_refused(run: Any, work: Path, command: list[str]) -> None:
    """A NUL makes it one."""
    (work / "b.py").write_bytes(b"x = 1\n\0")

    code, out, err = run("code", *command)

    assert (code, out) == (2, "")
    assert "b.py: is binary" in err


@pytest.mark.parametrize("server", ["nosuch", "", ".", "./ty"])
def test_a_server_that_is_no_program_is_refused(run: Any, work: Path, server: str) -> None:
    """And not taken for a preset, nor answered for by skeletons."""
    code, out, err = run("code", "definition", "app/views.py:3:2", "--server", server)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--server" in err


def test_a_column_behind_the_end_of_a_line_is_refused(run: Any, work: Path) -> None:
    """The text says how long the line is; its end is a place."""
    code, out, err = run("code", "definition", "app/views.py:3:99")

    assert (code, out) == (2, "")
    assert "app/views.py: line 3 has 14 characters" in err
    assert run("code", "definition", "app/views.py:4:11")[0] == 0


def test_json_of_a_definition_has_the_place_as_it_was_asked_for(run: Any, work: Path) -> None:
    """Columns count from 1."""
    told = json.loads(run("code", "definition", "app/views.py:4:7", "--json")[1])

    assert told["query"] == "app/views.py:4:7"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("app.models.Model", ["class Model", "method Model.save(self)"]),
        ("models.model.save", ["method Model.save(self)"]),
        ("app.models.L", ["constant LIMIT = 1"]),
    ],
)
def test_search_matches_the_name_with_its_module(run: Any, work: Path, query: str, found: list[str]) -> None:
    """Where the module alone matches, nothing is found."""
    code, out, _ = run("code", "search", query)

    assert (code, [line.split("  ")[1] for line in out.splitlines()]) == (0, found)
    assert run("code", "search", "app.models")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["get", "app/views.py:-1"], "app/views.py:-1: there are no such lines: write FILE, FILE:LINE"),
        (["get", "app/views.py:x"], "app/views.py:x: there are no such lines"),
        (["get", "app/views.py:1:1"], "app/views.py:1:1: there are no such lines"),
        (["get", "dangling.py"], "dangling.py: is a link that leads nowhere"),
        (["get", ""], "'': names nothing: write FILE"),
        (["get", "app/views.py", "--workspace", ""], "'': is no directory: pass . for"),
        (["get", "sym://python/app", "--root", "nope"], "nope: is no directory: pass the workspace that files are relative to, or a root"),
        (["get", "app/views.py:0"], "app/views.py: lines 0-0: there are none: lines count from 1"),
        (["skeleton", "note.txt"], "note.txt: is no Python file"),
    ],
)  # fmt: skip
def test_what_is_asked_for_in_a_wrong_way_says_how_to_ask(
    run: Any, work: Path, arguments: list[str], problem: str
) -> None:
    """In one line."""
    (work / "dangling.py").symlink_to("nowhere")
    (work / "note.txt").write_text("a note\n")

    code, out, err = run("code", *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert problem in err


@pytest.mark.parametrize(
    ("address", "text", "told"),
    [
        ("note.md", "class A:\n    and more\n    x = 1\n", "note.md: raw"),
        ("note.md:2", "    and more\n", "lines 2-2: excerpt"),
    ],
)
def test_get_of_what_is_no_python_reads_it_as_it_is(
    run: Any, work: Path, address: str, text: str, told: str
) -> None:
    """Although some of it may look like that."""
    (work / "note.md").write_text("class A:\n    and more\n    x = 1\n")

    code, out, err = run("code", "get", address)

    assert (code, out) == (0, text)
    assert told in err


@pytest.mark.parametrize("option", ["--timeout", "--start-timeout"])
@pytest.mark.parametrize("value", ["nan", "inf", "0"])
def test_a_time_that_none_can_keep_is_refused(run: Any, work: Path, option: str, value: str) -> None:
    """Before a server is started."""
    code, out, err = run("code", "definition", "app/views.py:3:2", option, value)

    assert (code, out) == (2, "")
    assert f"Invalid value for '{option}': {value}" in err


def test_get_of_an_empty_file_prints_nothing(run: Any, work: Path) -> None:
    """Not even a line."""
    (work / "empty.py").write_text("")

    assert run("code", "get", "empty.py")[:2] == (0, "")
