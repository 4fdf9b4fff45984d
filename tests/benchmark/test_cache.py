"""What a cache keeps: what was used within a day, and the latest few."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from pytest_telemetry.benchmark import cache
from pytest_telemetry.benchmark.cache import remove_unused, touch

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("a.zip", "b", "c.zip", ".d", "e.zip")


@pytest.fixture
def used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is used now, in a cache that keeps the latest two beside it."""
    monkeypatch.setattr(cache, "_LATEST", 2)
    (tmp_path / "used").mkdir()
    return tmp_path / "used"


def fill(used: Path, days: float, step: float) -> None:
    """Put files and folders beside *used*, the first used so long before it, each other one a *step* before the last."""
    for place, name in enumerate(NAMES):
        path = used.with_name(name)
        if path.suffix:
            path.touch()
        else:
            (path / "inner").mkdir(parents=True)
        then = used.stat().st_mtime - (days + place * step) * 86_400
        os.utime(path, (then, then))


def names(used: Path) -> set[str]:
    return {path.name for path in used.parent.iterdir()}


def test_what_was_not_used_for_a_day_is_removed_but_for_the_latest(used: Path) -> None:
    """Files and folders alike, also what a killed process left behind."""
    fill(used, days=1.1, step=1)

    remove_unused(used)

    assert names(used) == {"used", "a.zip", "b"}


def test_what_was_used_within_a_day_stays(used: Path) -> None:
    """Another process may be about to read it."""
    fill(used, days=0, step=0.24)

    remove_unused(used)

    assert len(names(used)) == 1 + len(NAMES)


def test_what_is_touched_counts_as_used(used: Path) -> None:
    """Whenever it was made."""
    fill(used, days=2, step=1)
    touch(used.with_name("e.zip"))

    remove_unused(used)

    assert names(used) == {"used", "e.zip", "a.zip"}


def test_a_cache_that_cannot_be_tidied_is_used_all_the_same(
    used: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of somebody else, for example."""
    fill(used, days=2, step=1)
    for name in ("utime", "rename", "unlink"):
        monkeypatch.setattr(os, name, Mock(side_effect=PermissionError))

    touch(used)
    remove_unused(used)

    assert len(names(used)) == 1 + len(NAMES)
