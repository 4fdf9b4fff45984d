"""The public face: an explicit lazy table, its typed twin, and what importing it costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import pytest_telemetry
from pytest_telemetry import checks

FACES = [pytest_telemetry, checks]
NOT_AT_START = ("asyncio", "sqlite3", "orjson", "click")


def loaded_by(statement: str) -> set[str]:
    """Return the modules that *statement* adds to those of an interpreter that has imported pytest."""
    script = f"import pytest, sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(("face", "name"), [(face, name) for face in FACES for name in face.__all__])
def test_every_public_name_can_be_imported(face: ModuleType, name: str) -> None:
    """A name of the table is there when it is first used."""
    assert getattr(face, name) is not None


@pytest.mark.parametrize("face", FACES)
def test_the_lazy_table_and_its_typed_twin_name_the_same(face: ModuleType) -> None:
    """What type checkers see is what the table loads, from the same places."""
    tree = ast.parse(Path(str(face.__file__)).read_text(encoding="utf-8"))
    guarded = next(
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    typed = {
        alias.asname or alias.name: str(node.module).removeprefix(f"{face.__name__}.")
        for node in guarded.body
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }

    assert typed == face._WHERE
    assert tuple(sorted(face._WHERE)) == face.__all__
    assert set(face.__all__) <= set(dir(face))


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name fails like one of any other module."""
    with pytest.raises(AttributeError, match="no attribute 'TelemetryKontext'"):
        pytest_telemetry.TelemetryKontext  # noqa: B018 - the access is the test


def test_the_plugin_loads_next_to_nothing() -> None:
    """Pytest pays for at most three modules of ours, and for none of the heavy ones."""
    loaded = loaded_by("import pytest_telemetry.plugin")

    assert len([name for name in loaded if name.startswith("pytest_telemetry")]) <= 3
    assert not loaded & set(NOT_AT_START)


def test_the_runtime_never_imports_pytest() -> None:
    """An application can use the runtime where pytest, click and orjson are not installed."""
    script = (
        "import sys\n"
        "for name in ('pytest', '_pytest', 'click', 'orjson'): sys.modules[name] = None\n"
        "from pytest_telemetry import TelemetryContext, TelemetryRecorder, span, timed\n"
        "with TelemetryRecorder() as recorder:\n"
        "    with recorder.context('a'): pass\n"
        "assert span('a') in recorder\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_importing_reads_no_environment_and_starts_nothing() -> None:
    """The package may be imported anywhere: no thread is started and none of our variables is looked up."""
    script = (
        "import os, threading\n"
        "class Watched(dict):\n"
        "    def get(self, name, *default):\n"
        "        if 'TELEMETRY' in name or name == 'DEBUG': raise SystemExit(f'read {name}')\n"
        "        return super().get(name, *default)\n"
        "    __getitem__ = __contains__ = get\n"
        "import pytest_telemetry\n"
        "os.environ = Watched(os.environ)\n"
        "for name in pytest_telemetry.__all__: getattr(pytest_telemetry, name)\n"
        "assert threading.active_count() == 1\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
