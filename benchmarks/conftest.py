"""When the benchmarks run, and what their results say of where they come from."""

from __future__ import annotations

import contextlib
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE: Final = Path(__file__).parent


if str(_HERE.parent) not in sys.path:
    sys.path.append(str(_HERE.parent))  # importlib mode leaves it to us to make `benchmarks` importable


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the benchmarks alone unless they were asked for: by option, or by naming a path in here."""
    if collection_path.suffix != ".py" or config.getoption("benchmark_only", default=False):
        return None
    invocation = config.invocation_params
    named = (Path(invocation.dir, argument.split("::")[0]) for argument in map(str, invocation.args))
    return None if any(path.exists() and path.resolve().is_relative_to(_HERE) for path in named) else True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under ``--benchmark-only`` leave the tests out; pytest-benchmark would list each as skipped."""
    if config.getoption("benchmark_only", default=False):
        tests = [item for item in items if "benchmark" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=tests)
        items[:] = [item for item in items if "benchmark" in getattr(item, "fixturenames", ())]


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Say in ``--benchmark-json`` which peers were measured, and not on which host."""
    machine_info.pop("node", None)
    machine_info["packages"] = dict(_versions("pytest", "opentelemetry-sdk", "logfire"))


def _versions(*packages: str) -> Iterator[tuple[str, str]]:
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield package, metadata.version(package)
