"""The command that shows a run."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import encode
from pytest_telemetry.sinks.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

BEGAN = 1_767_225_600_000_000_000
RECORDS = [
    Record("span", "load", "load", BEGAN, 1_500_000, attrs={"rows": 1}, run_id="run_1"),
    Record("event", "hit", "hit", BEGAN, run_id="run_1"),
    Record("event", "other", "other", BEGAN, run_id="run_2"),
    Record("event", "nameless", "nameless", BEGAN),
]


@pytest.fixture(params=["log", "database", "here", "stream"])
def where(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options that name where the same records are."""
    lines = b"".join(map(encode, RECORDS))
    if request.param == "database":
        with SqliteStore(tmp_path / "a.db") as store:
            store.emit_many(RECORDS)
        return ["--log", str(tmp_path / "a.db")]
    if request.param == "stream":
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
        return ["--log", "-"]
    directory = tmp_path / "_ctx" / "telemetry"
    directory.mkdir(parents=True)
    (directory / "events.jsonl").write_bytes(lines)
    monkeypatch.chdir(tmp_path)
    return ["--log", str(directory)] if request.param == "log" else []


def test_a_run_is_shown_from_wherever_it_is_kept(run: Any, where: list[str]) -> None:
    """Nothing of any other run."""
    code, out, err = run("trace", "run_1", *where)

    assert (code, err) == (0, "")
    assert out.startswith("run run_1: 2 records (1 span, 1 event), 0 errors\nbegan 2026-01-01T00:00:00.000Z")
    assert "tree\n  load rows=1  [at 0 s, took 0.0015 s]\n  event: hit  [at 0 s]\n" in out
    assert "other" not in out


def test_details_are_added_on_request(run: Any, where: list[str]) -> None:
    """To the text."""
    out = run("trace", "run_1", "--spans", "--events", *where)[1]

    assert "\nspans\n  at 0 s  load  took 0.0015 s  rows=1\n" in out
    assert "\nevents\n  at 0 s  hit\n" in out


def test_json_is_one_object(run: Any, where: list[str]) -> None:
    """With spans and events where they are asked for."""
    code, out, err = run("trace", "run_1", "--format", "json", "--events", *where)

    found = json.loads(out)
    assert (code, err) == (0, "")
    assert set(found) == {
        "run_id", "records", "by_kind", "errors", "began", "duration_ms", "timings", "metrics", "tree", "events",
    }  # fmt: skip
    assert (found["run_id"], found["records"]) == ("run_1", 2)


def test_perfetto_is_a_trace(run: Any, where: list[str]) -> None:
    """Of all records of the run."""
    code, out, err = run("trace", "run_1", "--format", "perfetto", *where)

    events = json.loads(out)["traceEvents"]
    assert (code, err) == (0, "")
    assert [event["name"] for event in events if event["ph"] != "M"] == ["load", "hit"]


def test_output_goes_to_a_new_file(run: Any, where: list[str], tmp_path: Path) -> None:
    """And what was written is said."""
    target = tmp_path / "trace.json"

    code, out, err = run("trace", "run_1", "--format", "json", "--output", target, *where)

    assert (code, out, err) == (0, f"{target}: 2 records of run run_1\n", "")
    assert json.loads(target.read_text())["records"] == 2


def test_a_dash_is_standard_output(
    run: Any, where: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no file of that name."""
    monkeypatch.chdir(tmp_path)

    code, out, err = run("trace", "run_1", "-o", "-", *where)

    assert (code, err) == (0, "")
    assert out.startswith("run run_1: 2 records")
    assert not (tmp_path / "-").exists()


def test_a_file_is_replaced_only_with_force(run: Any, where: list[str], tmp_path: Path) -> None:
    """The text says so."""
    target = tmp_path / "trace.txt"
    target.write_text("mine")

    code, out, err = run("trace", "run_1", "-o", target, *where)

    assert (code, out) == (2, "")
    assert err == (
        f"pytest-telemetry: {target}: exists already, and nothing is overwritten; name another file, or add --force\n"
    )
    assert target.read_text() == "mine"
    assert run("trace", "run_1", "-o", target, "--force", *where)[0] == 0
    assert target.read_text().startswith("run run_1: 2 records")


@pytest.mark.parametrize(
    ("run_id", "hint"),
    [
        ("run", "near is run_1, run_2"),
        ("run_11", "near is run_1, run_2"),
        ("zzz", "the last ones are run_1, run_2"),
        ("", "the last ones are run_1, run_2"),
    ],
)
def test_an_unknown_run_is_one_line_with_those_that_are_near(
    run: Any, where: list[str], run_id: str, hint: str
) -> None:
    """And exit code 2."""
    code, out, err = run("trace", run_id, *where)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"holds no run {run_id!r}; {hint}" in err


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (encode(RECORDS[3]) * 2, "holds no run 'r'; none of its 2 records is of any run"),
        (encode(RECORDS[3]), "holds no run 'r'; its one record is of no run"),
        (b"", "holds no run 'r'; it holds no record"),
        (b'{"cmd":"a","run_id":"r\\u001b[31m"}', r"holds no run 'r'; near is r\x1b[31m"),
        (b"\x7fELF\0", "is binary"),
        (None, "No such file"),
    ],
)
def test_a_log_without_runs_says_so(run: Any, tmp_path: Path, lines: bytes | None, reason: str) -> None:
    """One line."""
    log = tmp_path / "a.jsonl"
    if lines is not None:
        log.write_bytes(lines)

    code, out, err = run("trace", "r", "--log", log)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert reason in err


@pytest.mark.parametrize("form", ["text", "json", "perfetto"])
def test_a_counter_beyond_all_floats_is_shown_without_a_total(run: Any, tmp_path: Path, form: str) -> None:
    """Beside a float there is none."""
    records = [
        Record("metric", "n", "n", BEGAN, value=value, instrument="counter", run_id="r")
        for value in (10**5_000, 1.5)
    ]
    (tmp_path / "a.jsonl").write_bytes(b"".join(map(encode, records)))

    code, out, err = run("trace", "r", "--log", tmp_path / "a.jsonl", "--format", form)

    assert (code, err) == (0, "")
    assert out


def test_malformed_lines_are_counted(run: Any, tmp_path: Path) -> None:
    """They may have been of the run."""
    log = tmp_path / "a.jsonl"
    log.write_bytes(encode(RECORDS[0]) + b"nonsense\n")

    code, _, err = run("trace", "run_1", "--log", log)

    assert (code, err) == (
        0,
        "pytest-telemetry: 1 malformed line left out; `pytest-telemetry check` says why\n",
    )


@pytest.mark.parametrize("name", ["a.jsonl", "link.jsonl", "a.000001.jsonl"])
def test_force_replaces_no_part_of_the_log_that_is_read(run: Any, tmp_path: Path, name: str) -> None:
    """By no name."""
    log = tmp_path / "a.jsonl"
    log.write_bytes(b"".join(map(encode, RECORDS)))
    (tmp_path / "link.jsonl").symlink_to(log)
    before = log.read_bytes()

    code, out, err = run("trace", "run_1", "--log", log, "-o", tmp_path / name, "--force")

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert log.read_bytes() == before
    assert not (tmp_path / "a.000001.jsonl").exists()
