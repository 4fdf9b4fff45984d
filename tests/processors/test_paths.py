"""No record names a place on the machine it was made on, once this processor has seen it."""

from __future__ import annotations

import copy
import os
import re
import sys
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from pytest_telemetry import TelemetryRecorder
from pytest_telemetry.checks import RelativePaths as Check
from pytest_telemetry.model.logs import read_log
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine
from pytest_telemetry.processors import RelativePaths

REAL_LOG = Path(__file__).parents[3] / "shared" / "data" / "agent_tool_events.jsonl"

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths are those of another system there")


def external(path: str, name: str) -> str:
    path = os.path.realpath(path) if path.startswith("/") else path  # macOS links `/home` and `/tmp`
    return f"external/{sha256(path.encode()).hexdigest()[:8]}-{name}"


def record(**changes: Any) -> Record:
    return Record(**{"kind": "event", "name": "a", "scope": "a", "time_ns": 1, "run_id": "r", **changes})


@pytest.fixture
def relative() -> RelativePaths:
    """The workspace of somebody on another machine."""
    return RelativePaths("/home/ada/My Project")


@posix
@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("/home/ada/My Project/src/a.py", "src/a.py"),
        ("/home/ada/My Project/src/", "src/"),
        ("/home/ada/My Project", "."),
        ("/home/ada/My Project/src/../b//c.py", "b/c.py"),
        ("cannot open /home/ada/My Project/a.py: gone", "cannot open a.py: gone"),
        ("'/home/ada/My Project/a b.py'", "'a b.py'"),
        ("cc -I/home/ada/My Project/inc", "cc -Iinc"),
        ("sqlite:////home/ada/My Project/x.db", "sqlite:///x.db"),
        ("file:///home/ada/My%20Project/a.py#L3", "a.py#L3"),
        ("?file=%2Fhome%2Fada%2FMy%20Project%2Fsrc%2Fa.py&x", "?file=src%2Fa.py&x"),
        ("/home/ada/My Project:/home/ada/My Project/src/a.py:1a2b:1", ".:src/a.py:1a2b:1"),
        ("/home/ada/My Project/app/[slug]/page.tsx", "app/[slug]/page.tsx"),
        ("\x1b[1m/home/ada/My Project/a.py\x1b[0m:3", "\x1b[1ma.py\x1b[0m:3"),
        (r'{"f":"\/home\/ada\/My Project\/a.py"}', '{"f":"a.py"}'),
        (r"{\"f\":\"\\/home\\/ada\\/My Project\\/a.py\"}", r"{\"f\":\"a.py\"}"),
        (r"ok\n/home/ada/My Project/a.py", r"ok\na.py"),
        ("vscode://file/home/ada/My Project/a.py:3", "vscode://file/a.py:3"),
    ],
)
def test_a_path_inside_the_workspace_becomes_relative_to_it(
    relative: RelativePaths, text: str, after: str
) -> None:
    """Wherever it stands in a text, and however it is written."""
    assert relative.relative_text(text) == after


@posix
@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("/abs/path/to/pylsp", external("/abs/path/to/pylsp", "pylsp")),
        ("/abs/path/../path/to//pylsp", external("/abs/path/to/pylsp", "pylsp")),
        ("file:///abs/path/to/pylsp", external("/abs/path/to/pylsp", "pylsp")),
        ("file://localhost/abs/path/to/pylsp", external("/abs/path/to/pylsp", "pylsp")),
        ("/home/ada/My Projects/a.py", external("/home/ada/My Projects/a.py", "a.py")),
        ("/home/ada/My Project/../b.py", external("/home/ada/b.py", "b.py")),
        ("/home/ada", external("/home/ada", "home")),
        ("/Users/bob/", external("/Users/bob", "home") + "/"),
        ("/tmp/pytest-of-ada", external("/tmp/pytest-of-ada", "pytest-of-_")),
        ("'/srv/a b/c (1).txt'", "'" + external("/srv/a", "a") + " b/c (1).txt'"),
        ("C:\\Users\\Bob\\x.txt", external("C:\\Users\\Bob\\x.txt", "x.txt")),
        ("c:/Users/Bob/x.txt", external("C:\\Users\\Bob\\x.txt", "x.txt")),
        ("\\\\?\\C:\\Users\\Bob\\x.txt", external("C:\\Users\\Bob\\x.txt", "x.txt")),
        ("file:///c%3A/Users/Bob/x.txt", external("C:\\Users\\Bob\\x.txt", "x.txt")),
        ("\\\\server\\share\\x", external("\\\\server\\share\\x", "x")),
        ("\\\\?\\UNC\\server\\share\\x", external("\\\\server\\share\\x", "x")),
        ("file://server/share/x", external("\\\\server\\share\\x", "x")),
        ("C:\\", external("C:\\", "root") + "/"),
        (r"\/srv\/a\/x", external("/srv/a/x", "x")),
        ("\x1b[1m/srv/a/x\x1b[0m", f"\x1b[1m{external('/srv/a/x', 'x')}\x1b[0m"),
        ("vscode://file/srv/a/x", f"vscode://file/{external('/srv/a/x', 'x')}"),
        ("vscode://file/c:/Users/Bob/x.txt", "vscode://file/" + external("C:\\Users\\Bob\\x.txt", "x.txt")),
        ("c%3A%5CUsers%5CBob%5Cx.txt", external("C:\\Users\\Bob\\x.txt", "x.txt").replace("/", "%2F")),
    ],
)
def test_any_other_path_becomes_a_stable_name(relative: RelativePaths, text: str, after: str) -> None:
    """The same in every spelling; never with the name of a person."""
    assert relative.relative_text(text) == after


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/wo-start fix src/a.py",
        "GET /home/users/7",
        "https://example.com/home/ada/a.py",
        "src/a.py",
        "~/a.py",
        "./a/b.py",
        "and/or",
        "// comment",
        "sym://python/mod/src/a",
        "a\\nb",
        "\x1b[1m/wo-start\x1b[0m",
        "https://file/home/ada/a.py",
        r"^\/api\/v1\/(\d+)$",
    ],
)
def test_what_is_no_absolute_path_is_the_very_same(relative: RelativePaths, text: str) -> None:
    """Slash commands, requests, URLs, relative paths."""
    assert relative.relative_text(text) is text


@posix
def test_the_workspace_is_recognised_where_nothing_else_would_be() -> None:
    """In any text, also outside the known directories and with its separators replaced, as caches name files."""
    relative = RelativePaths("/work/ada-proj")

    assert relative.relative_text("see /work/ada-proj/docs now") == "see docs now"
    assert (
        relative.relative_text("see /work/ada-projects and /work/ada-proj.")
        == "see /work/ada-projects and .."
    )
    assert (
        relative.relative_text("file:///work/ada-proj/a.py and FILE:/work/ada-proj/b.py") == "a.py and b.py"
    )
    assert relative.relative_text("GET /work/ada-proj/docs") == "GET /work/ada-proj/docs"
    label = external("/work/ada-proj", "ada-proj").removeprefix("external/")
    assert relative.relative_text("cache__work_ada_proj.lock") == f"cache_{label}.lock"
    assert relative.relative_text("-work-ada-proj/x.jsonl") == f"-{label}/x.jsonl"
    assert relative.relative_text("_work_ada_projects") == "_work_ada_projects"


def test_the_home_of_the_workspace_is_recognised_likewise(relative: RelativePaths) -> None:
    """Other projects of the same person carry the same name."""
    after = relative.relative_text("x-home-ada-other")

    assert re.fullmatch(r"x-[0-9a-f]{8}-home-other", after)


@pytest.mark.parametrize("person", ["eve", "Eve B"])
def test_the_name_of_an_external_path_tells_nobody_in_whose_home_it_is(
    relative: RelativePaths, person: str
) -> None:
    """As caches name their files after the whole path."""
    after = relative.relative_text(f"'/Users/{person}/cache/ast__Users_{person.replace(' ', '_')}_x.lock'")

    assert re.fullmatch(r"'external/[0-9a-f]{8}-ast__Users___x\.lock'", after)
    assert relative.relative_text("/Users/eve/sleeve.txt").endswith("-sleeve.txt")


def test_a_workspace_of_windows_is_understood_everywhere() -> None:
    """In any case and with either slash."""
    relative = RelativePaths("C:\\Users\\Bob\\proj")

    assert relative.relative_text("c:/users/bob/PROJ/src\\a.py:3") == "src/a.py:3"
    assert relative.relative_text("{'f': 'C:\\\\Users\\\\Bob\\\\proj\\\\a.py'}") == "{'f': 'a.py'}"
    assert relative.relative_text("file:///C:/Users/Bob/proj/a.py") == "a.py"
    assert relative.relative_text("C:\\Users\\Bob\\project\\a.py") == external(
        "C:\\Users\\Bob\\project\\a.py", "a.py"
    )


@posix
def test_symbolic_links_are_resolved(tmp_path: Path) -> None:
    """A link to the workspace is the workspace; a link out of it leads out of it; a loop leads nowhere."""
    real = tmp_path / "real"
    (real / "src").mkdir(parents=True)
    (tmp_path / "link").symlink_to(real)
    (real / "out").symlink_to(tmp_path / "elsewhere")
    (real / "loop").symlink_to(real / "loop")
    relative = RelativePaths(tmp_path / "link")

    assert relative.relative_text(f"{tmp_path}/link/src/a.py") == "src/a.py"
    assert relative.relative_text(f"{tmp_path}/real/src/a.py") == "src/a.py"
    outside = external(os.path.realpath(f"{tmp_path}/elsewhere/x.py"), "x.py")
    assert relative.relative_text(f"{tmp_path}/real/out/x.py") == outside
    assert relative.relative_text(f"{tmp_path}/real/loop/x.py") == "loop/x.py"


@posix
def test_a_relative_workspace_is_taken_from_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every tool does."""
    monkeypatch.chdir(tmp_path)

    assert RelativePaths(".").relative_text(f"{tmp_path}/a.py") == "a.py"


@posix
@pytest.mark.parametrize(
    ("workspace", "path", "name"),
    [
        ("/", "/home/ada/project/a.csv", "a.csv"),
        ("/", "/home/ada", "home"),
        ("/", "/etc/passwd", "passwd"),
        ("//", "/etc/passwd", "passwd"),
        ("/home/..", "/etc/passwd", "passwd"),
        ("/home", "/home/ada/project/a.csv", "a.csv"),
        ("/Users/", "/Users/ada/a.csv", "a.csv"),
        (r"c:\users", r"C:\Users\ada\a.csv", "a.csv"),
        ("C:\\", r"C:\Users\ada\a.csv", "a.csv"),
        ("c:/", r"C:\Users\ada", "home"),
        ("\\\\?\\C:\\", r"C:\Users\ada\a.csv", "a.csv"),
        (r"\\server\share", r"\\server\share\ada\a.csv", "a.csv"),
        ("\\\\server\\share\\", r"\\server\share\ada\a.csv", "a.csv"),
        (r"\\server", r"\\server\share\ada\a.csv", "a.csv"),
    ],
)
def test_nothing_is_inside_a_workspace_that_holds_the_homes_of_all(
    workspace: str, path: str, name: str
) -> None:
    """A path without its first slash would tell as much as before."""
    relative = RelativePaths(workspace)
    after = relative.relative(["/", path, f"cannot open '{path}': gone"])

    assert after == ["/", external(path, name), f"cannot open '{external(path, name)}': gone"]


@posix
def test_nothing_is_inside_a_link_to_the_root_of_a_file_system(tmp_path: Path) -> None:
    """What counts is where it leads."""
    (tmp_path / "all").symlink_to("/")
    relative = RelativePaths(tmp_path / "all")

    assert relative.relative_text(f"{tmp_path}/all/home/ada/a.csv") == external("/home/ada/a.csv", "a.csv")
    assert relative.relative_text(f"{tmp_path}/all") == external("/", "root")


@posix
def test_every_text_of_a_record_is_made_relative(relative: RelativePaths) -> None:
    """Fields, values, keys, nested values, path objects, bytes, and objects that a log keeps as text."""
    path = "/home/ada/My Project/a.py"
    before = record(
        name=f"read {path}",
        error=f"OSError: '{path}'",
        value=PurePosixPath(path),
        attrs={path: [{"x": (path,)}], "b": path.encode(), "e": ValueError(path), "n": 1},
    )
    kept = copy.deepcopy(before)

    after = relative(before)

    assert (after.name, after.error, after.value) == ("read a.py", "OSError: 'a.py'", "a.py")
    assert after.attrs == {
        "a.py": [{"x": ("a.py",)}],
        "b": b"a.py",
        "e": "ValueError('a.py')",
        "n": 1,
    }
    assert repr(before) == repr(kept)
    assert Check()([after]) == []


def test_a_record_without_absolute_paths_is_the_very_same(relative: RelativePaths) -> None:
    """And fields that hold paths of a server are left alone, as the check leaves them."""
    before = record(attrs={"http.route": "/api/v1", "file": "src/a.py"})

    assert relative(before) is before
    assert relative(record(attrs={"route": "/api/v1"})).attrs["route"].startswith("external/")
    assert RelativePaths("/w", ignore=["route"])(before).attrs["http.route"] != "/api/v1"


@posix
@pytest.mark.parametrize(
    "text",
    [
        "/home/ada/My Project/C:/x/y",
        "/home/ada/My Project/file:/x",
        "/home/ada/My Project/-I/usr/include",
        "file:///a%2Fb%0A/tmp/x",
        "/a/b\0c",
        "/a/\ud800/b",
        "%2Fhome%2Fada%2F\ud800",
        "/" + "a/" * 5_000,
        "/home/ada/My Project" * 50,
    ],
)
def test_nothing_is_left_of_a_path_that_hides_another(relative: RelativePaths, text: str) -> None:
    """Whatever comes to light is replaced in turn, and never more than a few times."""
    after = relative.relative_text(text)

    assert Check()([record(attrs={"a": after})]) == []
    assert relative.relative_text(after) is after


@posix
def test_a_recorder_with_it_passes_the_check(tmp_path: Path) -> None:
    """As part of a pipeline; what the code passed fails it."""
    recorder = TelemetryRecorder(processors=[RelativePaths(tmp_path)])

    with recorder.context("load", file=tmp_path / "a.csv"):
        pass

    (kept,) = recorder.records()
    assert kept.attrs["file"] == "a.csv"
    recorder.check(Check())


@posix
def test_a_log_from_the_field_is_clean_afterwards() -> None:
    """0 of 1,490 events with absolute paths remain, the name of the person is gone, all else is as it was."""
    if not REAL_LOG.exists():
        pytest.skip("the real log is not part of the repository")
    relative = RelativePaths("/Users/alice/Developer/agent/workspace")
    judgement = Check().start()
    changed = names_before = 0

    with read_log(REAL_LOG) as lines:
        for line in lines:
            assert isinstance(line, LogLine)
            after = relative(line.record)
            raw = relative.relative(line.raw)
            names_before += "alice" in repr(line.record)
            changed += after is not line.record
            judgement.add(after)
            assert (raw is line.raw) == (after is line.record)
            assert "alice" not in repr(after) + repr(raw)
            assert list(raw) == list(line.raw)

    assert (changed, names_before) == (1_490, 1_157)
    assert judgement.findings() == []
