"""The study of skeletons: a sample of the library here, and whether it would know a broken promise."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.skeleton_study import Cached, Findings, ask_twice, compare, library, main
from pytest_telemetry.codeintel.skeleton_cache import MemorySkeletonCache, SqliteSkeletonCache


def test_a_sample_of_the_library_is_as_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """But for its times, which say little about so few files; the table is put where it belongs."""
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- skeleton study: begin (written by benchmarks/skeleton_study.py) -->\n<!-- skeleton study: end -->\n"
    )

    main(["--every", "180", "--into", str(page)])

    printed = capsys.readouterr().out.split("\n", 1)[1]
    assert printed.strip() in page.read_text()
    rows = dict(line.strip("| ").split(" | ") for line in printed.splitlines()[2:])
    assert rows["files in which name, kind or a line of one differs"] == "0"
    assert rows["of these, without damage"] == "0"


@pytest.mark.parametrize("backend", ["memory", "sqlite"])
def test_a_second_look_is_all_hits(backend: str, tmp_path: Path) -> None:
    """One for each file, and equal."""
    files = library(180)
    if backend == "memory":
        cached = ask_twice(files, MemorySkeletonCache())
    else:
        with SqliteSkeletonCache(tmp_path / "skeletons.db") as cache:
            cached = ask_twice(files, cache)

    assert (cached.hits, cached.misses, cached.is_equal) == (len(files), len(files), True)


def test_the_study_sees_what_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another line is another definition, and damage where there is none is named."""
    (tmp_path / "a.py").write_text("def f(): pass\n")
    (tmp_path / "b.py").write_text("x = (\n")
    (tmp_path / "c.py").write_text("from __future__ import *\n")
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda code: parse(b"\n" + code))

    findings = compare([tmp_path / name for name in ("a.py", "b.py", "c.py")])

    assert (findings.files, findings.definitions, findings.refused) == (3, 1, 1)
    assert (findings.differing, findings.silent, findings.accused) == (["a.py"], [], ["c.py"])


@pytest.mark.parametrize(
    ("change", "promised"),
    [
        ({}, True),
        ({"differing": ["a.py"]}, False),
        ({"silent": ["a.py"]}, False),
        ({"accused": ["a.py"]}, True),
        ({"skeleton_ns": 2}, False),
    ],
)
def test_the_study_knows_a_broken_promise(change: dict[str, object], promised: bool) -> None:
    """Otherwise it would find none."""
    findings = Findings(ast_ns=1, skeleton_ns=1)
    for name, value in change.items():
        setattr(findings, name, value)

    assert findings.is_as_promised is promised


@pytest.mark.parametrize(
    ("change", "promised"),
    [
        ({}, True),
        ({"second_ns": 11}, False),
        ({"hits": 4}, False),
        ({"misses": 6}, False),
        ({"is_equal": False}, False),
    ],
)
def test_a_cache_is_judged_by_speed_counts_and_content(change: dict[str, float], promised: bool) -> None:
    """All three must be right."""
    cached = Cached("memory", 100, 10, files=5, hits=5, misses=5, is_equal=True)

    assert replace(cached, **change).is_as_promised is promised  # type: ignore[arg-type]  # names are those above
