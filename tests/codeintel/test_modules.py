"""Where modules are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_telemetry.codeintel.modules import Modules, OutsideRoots
from pytest_telemetry.codeintel.workspace import Workspace
from pytest_telemetry.model.errors import UnusableInput


def write(root: Path, *files: str) -> None:
    for name in files:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")


def found(root: Path, name: str, *roots: Path) -> list[str | None]:
    """Return the files of the modules of that name, relative to the directory above the workspace."""
    modules = Modules(Workspace(root), roots).find(name.split("."))
    above = root.resolve().parent
    return [module.file.relative_to(above).as_posix() if module.file else None for module in modules]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.mark.parametrize(
    ("files", "name", "file"),
    [
        (["a.py"], "a", "a.py"),
        (["pkg/__init__.py"], "pkg", "pkg/__init__.py"),
        (["pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/a.py"], "pkg.sub.a", "pkg/sub/a.py"),
        (["pkg/a.py"], "pkg.a", "pkg/a.py"),
        (["src/a.py"], "a", "src/a.py"),
        (["src/pkg/a.py"], "pkg.a", "src/pkg/a.py"),
        (["src/pkg/a.py"], "src.pkg.a", "src/pkg/a.py"),
        (["pkg.py", "pkg/__init__.py"], "pkg", "pkg/__init__.py"),
        (["pkg.py", "pkg/a.txt"], "pkg", "pkg.py"),
        (["a.py", "a.pyi"], "a", "a.py"),
        (["pkg/__init__.pyi", "pkg.py"], "pkg", "pkg.py"),
        (["a.pyi"], "a", "a.pyi"),
        (["pkg/x.txt", "src/pkg/__init__.py"], "pkg", "src/pkg/__init__.py"),
        (["pkg/a.py", "src/pkg/b.py"], "pkg.b", "src/pkg/b.py"),
        (["größe.py"], "größe", "größe.py"),
    ],
)
def test_a_module_is_found_where_python_finds_it(work: Path, files: list[str], name: str, file: str) -> None:
    """A package before a module, source before a stub, and either before a directory without either."""
    write(work, *files)

    assert found(work, name) == [f"work/{file}"]


@pytest.mark.parametrize("name", ["b", "a.b", "pkg.b", "pkg.a.b", "x" * 300, "a\0b"])
def test_a_module_that_is_not_there_is_not_found(work: Path, name: str) -> None:
    """Nothing is raised for it, whatever a file system says to the name."""
    write(work, "a.py", "pkg/__init__.py", "pkg/a.py")

    assert found(work, name) == []


def test_a_directory_of_modules_is_a_module_without_a_file(work: Path) -> None:
    """A namespace package, of all directories that have its name."""
    write(work, "pkg/a.py", "src/pkg/b.py")

    (module,) = Modules(Workspace(work)).find(["pkg"])

    assert module.file is None
    assert [path.relative_to(work.resolve()).as_posix() for path in module.directories] == ["pkg", "src/pkg"]


def test_what_the_workspace_has_twice_is_found_twice(work: Path) -> None:
    """In its directory and in ``src``: neither counts more."""
    write(work, "pkg/__init__.py", "pkg/a.py", "src/pkg/__init__.py", "src/pkg/a.py")

    assert found(work, "pkg.a") == ["work/pkg/a.py", "work/src/pkg/a.py"]


def test_further_roots_are_asked_in_order_for_what_was_not_found(work: Path, tmp_path: Path) -> None:
    """A package hides one of its name in a later root, but a directory does not."""
    write(work, "a.py", "pkg/__init__.py", "data/x.txt")
    write(tmp_path / "one", "a.py", "b.py", "pkg/c.py", "data/__init__.py")
    write(tmp_path / "two", "b.py", "c.py")
    roots = tmp_path / "one", tmp_path / "two"

    assert found(work, "a", *roots) == ["work/a.py"]
    assert found(work, "b", *roots) == ["one/b.py"]
    assert found(work, "c", *roots) == ["two/c.py"]
    assert found(work, "pkg.c", *roots) == []
    assert found(work, "data", *roots) == ["one/data/__init__.py"]


def test_names_lead_as_far_as_there_are_modules(work: Path) -> None:
    """What is left of them may be the name of something in the last module."""
    write(work, "pkg/__init__.py", "pkg/a.py")

    ((module, rest),) = Modules(Workspace(work)).walk(["pkg", "a", "Class", "method"])

    assert (module.name, rest) == ("pkg.a", ("Class", "method"))


@pytest.mark.parametrize(
    ("file", "level", "name"),
    [
        ("pkg/sub/a.py", 1, "pkg.sub"),
        ("pkg/sub/a.py", 2, "pkg"),
        ("pkg/sub/__init__.py", 1, "pkg.sub"),
        ("src/lib/a.py", 1, "lib"),
        ("a.py", 1, ""),
    ],
)
def test_dots_of_an_import_mean_a_package_around_the_file(
    work: Path, file: str, level: int, name: str
) -> None:
    """One dot is the package that the file is in."""
    write(work, "pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/a.py", "src/lib/a.py", "a.py", "b.py")
    modules = Modules(Workspace(work))

    package = modules.around(work.resolve() / file, level)

    assert package is not None
    assert package.name == name
    assert modules.submodule(package, "nowhere") is None
    if not name:
        assert getattr(modules.submodule(package, "b"), "name", None) == "b"


def test_dots_that_lead_out_of_the_root_mean_nothing(work: Path) -> None:
    """Python refuses such an import."""
    write(work, "pkg/a.py")

    assert Modules(Workspace(work)).around(work.resolve() / "pkg/a.py", 3) is None


@pytest.fixture
def linked(work: Path, tmp_path: Path) -> Iterator[Path]:
    write(tmp_path / "away", "secret.py", "pkg/__init__.py")
    try:
        (work / "secret.py").symlink_to(tmp_path / "away/secret.py")
        (work / "pkg").symlink_to(tmp_path / "away/pkg")
        (work / "names").symlink_to(tmp_path / "away")
    except OSError as error:  # pragma: no cover - Windows without the right to do so
        pytest.skip(f"no links on {sys.platform}: {error}")
    yield work


@pytest.mark.parametrize("name", ["secret", "pkg", "names.secret"])
def test_a_link_out_of_the_workspace_is_refused(linked: Path, name: str) -> None:
    """In an error that names it, and not where it leads."""
    with pytest.raises(OutsideRoots, match="is a link that leads out of the workspace") as caught:
        found(linked, name)

    assert "away" not in str(caught.value)


def test_a_link_into_a_further_root_is_followed(linked: Path, tmp_path: Path) -> None:
    """To where it leads."""
    assert found(linked, "secret", tmp_path / "away") == ["away/secret.py"]


def test_a_root_that_is_no_directory_is_refused(work: Path) -> None:
    """Before anything is looked for in it."""
    with pytest.raises(UnusableInput, match="nowhere: is no directory"):
        Modules(Workspace(work), [work / "nowhere"])
