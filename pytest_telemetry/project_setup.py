"""Prepares a project for telemetry: its table in ``pyproject.toml``, its line in ``.gitignore`` (layer 6)."""

from __future__ import annotations

import tomllib
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pytest_telemetry.collection import DIRECTORY
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.new_file import new_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ("Outcome", "set_up")

Outcome: TypeAlias = Literal["added", "made", "there", "wanted"]
"""A file was added to, or made; had what is needed; or says on purpose that it is not wanted."""

_NAME: Final = "pytest_telemetry"
_TABLE: Final = f"""\
[tool.{_NAME}]
storage_type = "file"  # events.jsonl in {DIRECTORY.as_posix()}; "sqlite" keeps a database there
retention_days = 30
"""
_TOP: Final = DIRECTORY.parts[0]


def set_up(directory: Path) -> dict[str, Outcome]:
    """Add what is missing to ``pyproject.toml`` and ``.gitignore`` in *directory*, and change nothing that is there.

    Returns:
        What became of the two files, by their names.

    Raises:
        UnusableInput: *directory* is none, or a file is not what its name says; nothing was written.
        TelemetryError: A file cannot be written; neither was.
    """
    if not directory.is_dir():
        raise UnusableInput(f"{directory}: is no directory; name that of your project")
    project, ignore = directory / "pyproject.toml", directory / ".gitignore"
    project_text, ignore_text = _text(project), _text(ignore)
    has_table = project_text is not None and _has_table(project, project_text)
    is_ignored = _says(ignore_text or "", nested=False)
    if is_ignored is None and any(_says(text, nested=True) for text in _above(directory)):
        is_ignored = True
    outcomes: dict[str, Outcome] = {project.name: "there", ignore.name: "there"}
    with ExitStack() as changes:  # they take place when all are written
        if not has_table:
            added = _added(project, project_text, _TABLE, apart=True)
            outcomes[project.name] = changes.enter_context(added)
        if is_ignored is None:
            added = _added(ignore, ignore_text, f"{_TOP}/\n", apart=False)
            outcomes[ignore.name] = changes.enter_context(added)
        elif not is_ignored:
            outcomes[ignore.name] = "wanted"
    return outcomes


def _text(path: Path) -> str | None:
    """Return what is in *path*, line ends as they are; None where there is no file."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        if path.is_symlink():
            raise UnusableInput(f"{path}: is a link that leads nowhere; make what it leads to") from None
        return None
    except UnicodeDecodeError as error:
        raise UnusableInput(f"{path}: is not UTF-8 text: {error.reason} at byte {error.start + 1}") from error
    except OSError as error:
        raise UnusableInput(f"{path}: {error.strerror or error}") from error


def _has_table(path: Path, text: str) -> bool:
    """Tell whether the table is there, and make sure that it can be added where it is not."""
    if text.startswith("\ufeff"):
        raise UnusableInput(f"{path}: begins with a byte order mark, which is not TOML; save it without")
    try:
        before = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UnusableInput(f"{path}: is not TOML: {error}") from error
    tool = before.get("tool", {})
    if isinstance(tool, dict) and _NAME in tool:
        return True
    try:
        after: dict[str, Any] = tomllib.loads(_with(text, _TABLE, apart=True))
    except tomllib.TOMLDecodeError as error:  # `tool` is no table that can be added to
        raise UnusableInput(
            f"{path}: [tool.{_NAME}] cannot be added at its end: {error}; write it by hand"
        ) from error
    del after["tool"][_NAME]
    if after != {**before, "tool": tool}:
        raise UnusableInput(f"{path}: [tool.{_NAME}] cannot be added at its end; write it by hand")
    return False


def _says(text: str, *, nested: bool) -> bool | None:
    """Return whether the lines of a ``.gitignore`` say that our directory is ignored, or is not; None if nothing.

    Args:
        text: The lines.
        nested: Whether the file is in a directory above, so that what begins with a slash means others.
    """
    said: bool | None = None
    for line in text.removeprefix("\ufeff").splitlines():  # a byte order mark, which git ignores as well
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        negated = pattern.startswith("!")
        pattern = pattern.removeprefix("!")
        for ending in ("/**", "/*", "/"):
            pattern = pattern.removesuffix(ending)
        is_anchored = "/" in pattern.removeprefix("**/")
        pattern = pattern.removeprefix("**/").removeprefix("/")
        if not (is_anchored and nested) and (fnmatchcase(_TOP, pattern) or pattern == DIRECTORY.as_posix()):
            said = not negated
    return said


def _above(directory: Path) -> list[str]:
    """Return the texts of all ``.gitignore`` above *directory* in the same repository."""
    texts: list[str] = []
    here = directory.absolute()
    while not (here / ".git").exists():
        if here == here.parent:
            return []  # in no repository
        here = here.parent
        texts.append(_text(here / ".gitignore") or "")
    return texts


@contextmanager
def _added(path: Path, text: str | None, addition: str, *, apart: bool) -> Iterator[Outcome]:
    """Write *addition* to the file, which is changed when the body has ended, and tell what will have become of it."""
    with new_file(path, replace=text is not None) as file:
        file.write(_with(text or "", addition, apart=apart).encode())
        file.flush()
        yield "made" if text is None else "added"


def _with(text: str, addition: str, *, apart: bool) -> str:
    """Return *text* with *addition* at its end, on lines of its own, and with the line ends of the text."""
    end = "\r\n" if "\r\n" in text else "\n"
    if text and not text.endswith("\n"):
        text += end
    if text and apart:
        text += end
    return text + addition.replace("\n", end)
