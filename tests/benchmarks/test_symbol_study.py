"""The study of addresses, on a few modules."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.symbol_study import KNOWN, Comparison, addresses, copy_library, study, table, unexplained
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder

TY = Path(sys.executable).with_name("ty")
ONE, OTHER = frozenset({("a.py", 1)}), frozenset({("a.py", 2)})


@pytest.mark.skipif(not TY.exists(), reason="ty is not installed")
def test_addresses_lead_where_a_language_server_goes(tmp_path: Path) -> None:
    """Through a re-export, a base and a star import; the study does it on 500 symbols of the standard library."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/__init__.py").write_text("from .a import A as B\nfrom .a import *\n\nONE = 1\n")
    (tmp_path / "pkg/a.py").write_text("class A:\n    x = 1\n    def m(self): ...\n\ndef f(): ...\n")
    (tmp_path / "c.py").write_text("from pkg import B\nclass C(B):\n    def n(self): ...\n")
    root = tmp_path.resolve()
    count = len(addresses(root, SkeletonMapBuilder(workspace=root)))

    compared = study(root, count, 1, [str(TY), "server"])

    assert count == 7
    assert [each for each in compared if not each.agrees or len(each.ours) != 1] == []
    assert list(table(compared, 1))[-1] == "| all | 7 | 7 | 100.0% | 0 |"


def test_the_library_is_copied_without_tests(tmp_path: Path) -> None:
    """And without what was installed beside it."""
    copy_library(tmp_path / "library")

    assert (tmp_path / "library/json/decoder.py").exists()
    assert not [path for path in tmp_path.rglob("*") if path.name in {"test", "site-packages", "__pycache__"}]


def test_what_does_not_agree_needs_a_reason(tmp_path: Path) -> None:
    """In the list, and not an empty one."""
    known = tmp_path / "known.toml"
    known.write_text(
        '[[disagreement]]\nsymbol = "sym://python/a/x"\nreason = "why"\n'
        '[[disagreement]]\nsymbol = "sym://python/a/y"\nreason = ""\n'
    )
    compared = [
        Comparison(f"sym://python/a/{name}", "class", "ok", ONE, theirs, 1)
        for name, theirs in (("w", ONE), ("x", OTHER), ("y", OTHER), ("z", frozenset()))
    ]

    assert [each.uri[-1] for each in unexplained(compared, known)] == ["y", "z"]


def test_the_list_that_is_checked_in_can_be_read() -> None:
    """Each entry has both keys."""
    assert unexplained([], KNOWN) == []
