"""The program as a user runs it, and the event log that it leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from indexer.cli import main

from pytest_telemetry.assertions import assert_lsp_ready_order, assert_monotonic_timing, assert_relative_paths

if TYPE_CHECKING:
    from pathlib import Path


def test_a_name_of_the_standard_library_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is a file and a line, below the root of what was indexed."""
    code = main(["--limit", "60", "bisect.insort"])

    assert code == 0
    assert "bisect.insort: bisect.py:" in capsys.readouterr().out


def test_a_name_that_is_not_found_is_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """A script can tell by the exit code."""
    code = main(["--limit", "5", "nowhere.name"])

    assert code == 1
    assert "nowhere.name: not found" in capsys.readouterr().out


def test_what_cannot_be_indexed_is_unusable_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing and an empty directory are one line of error each."""
    missing, empty = main(["--root", str(tmp_path / "missing")]), main(["--root", str(tmp_path)])

    assert (missing, empty) == (2, 2)
    assert "is not a directory" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_is_a_whole_number_above_zero(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is an error that says so."""
    with pytest.raises(SystemExit, match="2"):
        main([f"--limit={limit}"])

    assert f"{limit} is not a whole number above 0" in capsys.readouterr().err


def test_the_log_of_a_run_with_failures_keeps_the_promises(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The helpers that judge a recording judge the file of an event log in the same way."""
    log = tmp_path / "run.jsonl"

    main(["--limit", "30", "--inject-failures", "--log", str(log)])

    assert "skipped injected/broken_syntax.py: syntax" in capsys.readouterr().out
    assert_relative_paths(log)
    assert_monotonic_timing(log)
    assert_lsp_ready_order(log)


def test_a_report_shows_scopes_and_the_top_of_the_tree(capsys: pytest.CaptureFixture[str]) -> None:
    """The recorder works outside tests as well, for the context that is passed and for the ambient one."""
    main(["--limit", "5", "--report"])

    shown = capsys.readouterr().out
    assert "index.file.read" in shown
    assert "index.ast.parse" in shown
    assert "lines of the tree" in shown
