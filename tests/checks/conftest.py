"""Lends the generated event log to the tests of this directory."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest


def _generator() -> Any:
    spec = importlib.util.spec_from_file_location(
        "event_log_generator", Path(__file__).with_name("generator.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def generated_events() -> list[dict[str, Any]]:
    """6,256 events of the shapes found in the field."""
    events: list[dict[str, Any]] = _generator().event_log()
    return events


@pytest.fixture(scope="session")
def generated_log(generated_events: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("log") / "generated.jsonl"
    path.write_bytes(_generator().as_jsonl(generated_events))
    return path
