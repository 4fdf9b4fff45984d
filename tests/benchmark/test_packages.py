"""Packages of a project, where nobody names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_telemetry.benchmark.packages import default_packages
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def fill(root: Path, names: Iterable[str]) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("names", "packages"),
    [
        (["mine/__init__.py", "also/__init__.py", "also/inner/__init__.py"], ("also", "mine")),
        (["src/mine/__init__.py", "other/__init__.py"], ("mine",)),
        (["src/single.py", "other/__init__.py"], ("single",)),
        (["src/main.c", "mine/__init__.py"], ("mine",)),
        (["mine/__init__.py", "script.py", "namespace/x.py"], ("mine",)),
        (["single.py", "setup.py", "conftest.py", "noxfile.py", "test_single.py"], ("single",)),
        (
            [
                "mine/__init__.py",
                *(
                    f"{name}/__init__.py"
                    for name in (
                        "tests",
                        "test",
                        "docs",
                        "doc",
                        "examples",
                        "benchmarks",
                        "build",
                        "dist",
                        "site",
                        "_mine",
                        ".mine",
                        "mine.egg-info",
                        "my-lib",
                    )
                ),
            ],
            ("mine",),
        ),
    ],
)
def test_a_project_has_packages(tmp_path: Path, names: list[str], packages: tuple[str, ...]) -> None:
    """Those below src/, or else those at the root, or else modules; neither tests nor what builds leave behind."""
    fill(tmp_path, names)

    assert default_packages(tmp_path) == packages


def test_a_project_without_packages_is_refused(tmp_path: Path) -> None:
    """Somebody has to name them."""
    fill(tmp_path, ["setup.py", "tests/__init__.py"])

    for root in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UnusableInput) as caught:
            default_packages(root)
        assert str(caught.value) == (
            f"{root}: no package, neither below src/ nor at the root; name the packages in the baseline"
        )
