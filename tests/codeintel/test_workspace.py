"""The workspace of code intelligence: what is inside, and what files are called in reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_telemetry.codeintel.workspace import Workspace
from pytest_telemetry.model.errors import UnusableInput


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "home/src").mkdir(parents=True)
    (tmp_path / "home/src/a.py").write_text("")
    (tmp_path / "b.py").write_text("")
    return Workspace(tmp_path / "home")


@pytest.mark.parametrize("path", ["src/a.py", "./src/../src/a.py", "src//a.py"])
def test_a_file_inside_has_one_name_however_it_is_written(workspace: Workspace, path: str) -> None:
    """Relative to the workspace, with slashes, also where it was given absolute."""
    assert workspace.name(path) == workspace.name(workspace.root / path) == "src/a.py"
    assert workspace.holds(path)


def test_a_file_outside_is_named_without_its_directory(workspace: Workspace) -> None:
    """By a hash of its path, so that two of the same name stay apart."""
    name = workspace.name("../b.py")

    assert name.startswith("external/")
    assert name.endswith("-b.py")
    assert name == workspace.name(workspace.root.parent / "b.py")
    assert not workspace.holds("../b.py")


def test_a_link_leads_where_it_leads(workspace: Workspace) -> None:
    """A file that a link inside names is outside when its target is."""
    (workspace.root / "link.py").symlink_to(workspace.root.parent / "b.py")

    assert not workspace.holds("link.py")
    assert workspace.name("link.py") == workspace.name("../b.py")


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    """The text says what to pass."""
    with pytest.raises(UnusableInput, match="nowhere: is no directory: pass the workspace"):
        Workspace(tmp_path / "nowhere")


def test_a_tilde_is_a_letter_like_any_other_in_the_name_of_a_file(workspace: Workspace) -> None:
    """Whose home it stands for is what a shell knows."""
    (workspace.root / "~nobody.py").write_text("")

    assert workspace.name("~nobody.py") == "~nobody.py"
    assert workspace.holds("~nobody.py")


def test_a_name_that_is_too_long_is_that_of_no_directory() -> None:
    """Where the system has an error of its own."""
    with pytest.raises(UnusableInput, match="is no directory"):
        Workspace("b" * 300)


def test_bytes_in_a_name_that_are_no_text_are_escaped(workspace: Workspace) -> None:
    """So that every name can be written to a log."""
    assert workspace.name("src/\udcff.py") == r"src/\udcff.py"
    assert workspace.name("../\udcff.py").endswith(r"\udcff.py")


@pytest.mark.parametrize("root", ["~no_such_user_here", "a\0b"])
def test_a_directory_that_cannot_be_is_refused(root: str) -> None:
    """Nobody of that name, or a null character."""
    with pytest.raises(UnusableInput, match="is no directory"):
        Workspace(root)


def test_a_name_that_no_file_can_have_is_refused(workspace: Workspace) -> None:
    """In one line."""
    with pytest.raises(UnusableInput, match="is no name of a file"):
        workspace.file("a\0b.py")
