"""The house keeps its shape: who may import whom, and who may touch the clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pytest_telemetry"

LAYERS = {
    "model": 0,
    "runtime": 1,
    "processors": 2,
    "sinks": 2,
    "instrument": 2,
    "codeintel": 2,
    "bridges": 2,
    "benchmark": 2,
    "analysis": 3,
    "checks": 4,
    "reports": 5,
    "testing": 5,
    "scan": 6,
    "collection": 6,
    "sources": 6,
    "lookup": 6,
    "convert": 6,
    "new_file": 6,
    "project_setup": 6,
    "redact": 6,
    "prune": 6,
    "summaries": 6,
    "duckdb_summary": 6,
    "losses": 6,
    "runs": 6,
    "run_log": 6,
    "run_files": 6,
    "agents": 6,
    "assertions": 6,
    "probe": 6,
    "plugin": 7,
    "_pytest": 7,
    "cli": 7,
}
SAME_LAYER_ALLOWED = {0, 1, 3, 4, 6, 7}
THIRD_PARTY = {
    "pytest": {"plugin", "_pytest"},
    "orjson": {"model.wire"},
    "click": {"cli"},
    "duckdb": {"duckdb_summary"},
    "tree_sitter": {"codeintel"},
    "tree_sitter_python": {"codeintel"},
}
SEPARATE_MODULES = {"sinks", "bridges"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def parts_of_one(here: str, other: str) -> bool:
    """Tell whether two modules are parts of one, as their names say: `sqlite`, `sqlite_schema`, `sqlite_row`."""
    return here.partition("_")[0] == other.partition("_")[0]


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_point_down(path: Path) -> None:
    """A module imports its own package, or a layer below; siblings of L2 and L5 do not know each other."""
    here = dotted(path)
    top = here.split(".")[0]
    if not top:
        return

    for name in imports(path):
        if not name.startswith("pytest_telemetry."):
            continue
        other = name.removeprefix("pytest_telemetry.")
        other_top = other.split(".")[0]
        assert other_top in LAYERS, f"{here} imports {other}, which is in no layer"
        if other_top == top:
            apart = top in SEPARATE_MODULES and not parts_of_one(here, other)
            assert not apart, f"{here} imports its sibling {other}"
            continue
        allowed = LAYERS[other_top] < LAYERS[top] or (
            LAYERS[other_top] == LAYERS[top] and LAYERS[top] in SAME_LAYER_ALLOWED
        )
        assert allowed, f"{here} (layer {LAYERS[top]}) imports {other} (layer {LAYERS[other_top]})"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_third_party_packages_are_imported_only_where_the_table_says(path: Path) -> None:
    """Pytest stays in the shells, orjson in the wire format, click on the command line, DuckDB beside our own reader."""
    here = dotted(path)

    for name in imports(path):
        for package, places in THIRD_PARTY.items():
            if name == package or name.startswith(f"{package}."):
                assert any(here == place or here.startswith(f"{place}.") for place in places), (
                    f"{here} imports {name}"
                )


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_only_the_clock_module_touches_time(path: Path) -> None:
    """Nobody but model/clock.py imports the time module, so that no other clock can slip in."""
    here = dotted(path)
    allowed = {"model.clock", "testing.clock_patch"}

    assert here in allowed or "time" not in set(imports(path))


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_every_module_says_what_it_is_for_and_where_it_stands(path: Path) -> None:
    """The module docstring is there and names the layer that the table gives."""
    here = dotted(path)
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert docstring
    if here:
        assert f"(layer {LAYERS[here.split('.')[0]]})" in " ".join(docstring.split())


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_modules_stay_small(path: Path) -> None:
    """A module of more than 500 lines needs a written reason, and none has one so far."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_nothing_prints_or_swallows(path: Path) -> None:
    """There is no print but for print_report, and no `except: pass`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prints = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    silent = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and len(node.body) == 1
        and isinstance(node.body[0], ast.Pass)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
        )
    ]

    assert len(prints) <= (1 if dotted(path) == "testing.recorder" else 0)
    assert not silent
