"""Reading what an address names; what the command makes of it is in ``tests/cli/test_code.py``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.codeintel.retrieval import retrieve
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from pytest_telemetry import TelemetryRecorder


def test_what_was_read_is_recorded_without_the_directory(
    files: Any, telemetry_recorder: TelemetryRecorder
) -> None:
    """Also in a context that has no processor for paths, and where nothing could be read."""
    root = files({"a.py": "x = 1\n"})
    (root.parent / "b.py").write_text("")

    retrieve(f"{root}/a.py:1", None, telemetry_recorder.context, root)
    with pytest.raises(UnusableInput):
        retrieve(f"{root.parent}/b.py:1", None, telemetry_recorder.context, root)
    with pytest.raises(UnusableInput):
        retrieve(f"{root}/a.py", None, telemetry_recorder.context, root / "nowhere")

    inside, outside, nowhere = [
        record.attrs["args.id"] for record in telemetry_recorder if record.name == "code.get"
    ]
    assert (inside, nowhere) == ("a.py:1", "a.py")
    assert re.fullmatch(r"external/\w+-b\.py:1", outside)


def test_a_name_that_is_too_long_for_a_file_cannot_be_read(files: Any) -> None:
    """The system has an error of its own for it."""
    with pytest.raises(UnusableInput, match="File name too long"):
        retrieve("a" * 300, workspace=files({}))
