"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from pytest_telemetry.model.errors import TelemetryError, UnusableInput
from pytest_telemetry.new_file import new_file, require_apart


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    """And nothing else is left there."""
    with new_file(tmp_path / "a") as file:
        file.write(b"x")
        assert not (tmp_path / "a").exists()

    assert (tmp_path / "a").read_bytes() == b"x"
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize("replace", [True, False])
def test_nothing_appears_when_writing_was_broken_off(tmp_path: Path, replace: bool) -> None:
    """By an interruption for one; what was there stays."""
    if replace:
        (tmp_path / "a").write_bytes(b"old")

    with pytest.raises(KeyboardInterrupt), new_file(tmp_path / "a", replace=replace) as file:
        file.write(b"x")
        raise KeyboardInterrupt

    assert names(tmp_path) == ({"a"} if replace else set())
    assert not replace or (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize("what", ["file", "directory", "link to nothing"])
def test_what_is_there_is_not_replaced(tmp_path: Path, what: str) -> None:
    """Whatever it is, and the text says what to do."""
    target = tmp_path / "a"
    if what == "file":
        target.write_bytes(b"old")
    elif what == "directory":
        target.mkdir()
    else:
        target.symlink_to("gone")

    with pytest.raises(UnusableInput, match="exists already, and nothing is overwritten; name another file"):
        with new_file(target):
            pytest.fail("not to be reached")

    assert names(tmp_path) == {"a"}


def test_what_appears_meanwhile_is_not_replaced_either(tmp_path: Path) -> None:
    """Two of a kind may run at once."""
    with pytest.raises(UnusableInput, match="exists already"), new_file(tmp_path / "a") as file:
        file.write(b"x")
        (tmp_path / "a").write_bytes(b"other")

    assert (tmp_path / "a").read_bytes() == b"other"
    assert names(tmp_path) == {"a"}


def test_a_file_can_be_replaced_on_request(tmp_path: Path) -> None:
    """It keeps its permissions, and a link to it stays one."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")

    with new_file(tmp_path / "link", replace=True) as file:
        file.write(b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640


def test_only_a_file_can_be_replaced(tmp_path: Path) -> None:
    """A device would become a file."""
    with pytest.raises(UnusableInput, match="is no file"), new_file(Path(os.devnull), replace=True):
        pytest.fail("not to be reached")
    with pytest.raises(UnusableInput, match="is no file"), new_file(tmp_path, replace=True):
        pytest.fail("not to be reached")


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """It is not made."""
    with pytest.raises(UnusableInput, match="is no directory; make it"), new_file(tmp_path / "no" / "a"):
        pytest.fail("not to be reached")


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is renamed there."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with new_file(tmp_path / "a") as file:
        file.write(b"x")

    assert (tmp_path / "a").read_bytes() == b"x"
    with pytest.raises(UnusableInput, match="exists already"), new_file(tmp_path / "b") as file:
        (tmp_path / "b").write_bytes(b"other")
    assert (tmp_path / "b").read_bytes() == b"other"
    assert names(tmp_path) == {"a", "b"}


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    """And leaves nothing behind."""
    with pytest.raises(TelemetryError, match="a: cannot be written: No space left on device"):
        with new_file(tmp_path / "a"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert names(tmp_path) == set()


def test_a_source_is_no_target(tmp_path: Path) -> None:
    """By none of its names, nor as a part of its own log."""
    source = tmp_path / "a.jsonl"
    source.write_bytes(b"")
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "same").hardlink_to(source)
    (tmp_path / "here").symlink_to(tmp_path)

    for name in ("a.jsonl", "link", "same", "here/a.jsonl"):
        with pytest.raises(UnusableInput, match="is the source itself"):
            require_apart(source, tmp_path / name)
    for name in ("a.000009.jsonl", "here/a.000009.jsonl.gz"):
        with pytest.raises(UnusableInput, match="would be read as a closed segment"):
            require_apart(tmp_path / "link", tmp_path / name)
    require_apart(source, tmp_path / "b.jsonl")
    require_apart(tmp_path / "gone", tmp_path / "b.jsonl")
