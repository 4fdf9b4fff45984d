"""``pytest-telemetry reconcile``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry.runs import Telemetry


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The directory of a run."""
    with Telemetry(tmp_path, run_id="r") as telemetry:
        telemetry.observe("load", 3)
        telemetry.incr("steps", 2)
    return tmp_path / "_ctx" / "telemetry"


def test_files_that_the_log_supports_are_clean(run: Any, kept: Path) -> None:
    """And it says so."""
    code, out, err = run("reconcile", kept)

    assert (code, err) == (0, "")
    assert out.endswith("the log supports last_run.json\n")


def test_the_usual_directory_is_where_a_run_is_kept(
    run: Any, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the working directory."""
    monkeypatch.chdir(tmp_path)

    assert run("reconcile")[0] == 0


def test_the_usual_log_is_where_the_project_says(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was opened there wrote it there."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest_telemetry]\nstorage_path = 'kept.db'\n")
    with Telemetry(tmp_path) as telemetry:
        telemetry.observe("load", 3)
    monkeypatch.chdir(tmp_path)

    assert run("reconcile")[0] == 0
    assert run("reconcile", "_ctx/telemetry")[0] == 2


@pytest.mark.parametrize("file", ["last_run.json", "metrics.json"])
def test_a_figure_that_was_changed_is_a_finding(run: Any, kept: Path, file: str) -> None:
    """In either file."""
    changed = json.loads((kept / file).read_text())
    if file == "metrics.json":
        changed["steps"] = 1
    else:
        changed["latencies"]["load"]["max_ms"] = 2
    (kept / file).write_text(json.dumps(changed))

    code, out, _ = run("reconcile", kept, "--json")

    assert code == 1
    [finding] = json.loads(out)["findings"]
    assert json.loads(out)["checks"] == ["reconcile"]
    assert (finding["check"], finding["count"]) == ("reconcile", 1)


def test_the_log_may_be_elsewhere(run: Any, kept: Path, tmp_path: Path) -> None:
    """Closed segments belong to it."""
    elsewhere = tmp_path / "elsewhere.jsonl"
    (kept / "events.jsonl").rename(elsewhere)

    assert run("reconcile", kept)[0] == 2
    assert run("reconcile", kept, "--log", elsewhere)[0] == 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda kept: (kept / "last_run.json").unlink(), "last_run.json: No such file or directory"),
        (
            lambda kept: (kept / "last_run.json").write_text("{}"),
            'last_run.json: a summary names its run, under "run_id"',
        ),
        (lambda kept: (kept / "last_run.json").write_text("["), "last_run.json: is not JSON"),
        (lambda kept: (kept / "metrics.json").write_text("7"), "metrics.json: holds no JSON object"),
        (lambda kept: (kept / "events.jsonl").unlink(), "holds neither events.jsonl nor telemetry.db"),
    ],
)
def test_unusable_files_are_one_line_and_exit_2(run: Any, kept: Path, spoil: Any, said: str) -> None:
    """With the name of the file."""
    spoil(kept)

    code, out, err = run("reconcile", kept)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_directory_that_is_none_is_said_to_be(run: Any, tmp_path: Path) -> None:
    """And what would be one."""
    code, _, err = run("reconcile", tmp_path / "gone")

    assert code == 2
    assert "is no directory: name the one that holds last_run.json" in err
