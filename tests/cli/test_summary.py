"""The command that sums up logs."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.record import Record
from pytest_telemetry.runs import open_run

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = [
    *({"cmd": "ctx.get", "ts": "2026-01-01T00:00:00Z", "timing_ms": ms} for ms in (1, 2.5, 1089)),
    {"cmd": "lsp.request", "timing_ms": 0.25, "result": {"status": "timeout"}},
    {"cmd": "started"},
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in EVENTS) + "{torn")
    return path


def test_text_is_a_table_with_what_was_read_and_how(run: Any, log: Path) -> None:
    """The most frequent first; what was not measured has no figure."""
    code, out, err = run("summary", log)

    assert (code, err) == (0, "")
    assert (
        out
        == f"""\
{log}: 5 events, 1 malformed line
lost: not known, no file beside it says so

command      count  errors  p50 ms  p95 ms   p99 ms  max ms
ctx.get          3       0     2.5  980.35  1067.27    1089
lsp.request      1       1    0.25    0.25     0.25    0.25
started          1       0       -       -        -       -

percentiles: linear
"""
    )


def test_json_has_the_same_and_null_for_what_there_is_not(run: Any, log: Path) -> None:
    """One object, in ASCII."""
    (log.parent / "metrics.json").write_text('{"telemetry_lock_skipped": 2}')

    code, out, _ = run("summary", log, "--json", "--sort", "name", "--by", "st*", "--by", "lsp.request")

    assert code == 0
    assert json.loads(out) == {
        "file": str(log),
        "period": None,
        "events": 5,
        "malformed": 1,
        "before_period": 0,
        "without_time": 0,
        "unread": [],
        "method": "linear",
        "engine": "python",
        "note": None,
        "losses": [
            {"file": "metrics.json", "lost": 2, "attempted": None, "run_id": None, "problem": ""}
        ],
        "figures": [
            {
                "name": "lsp.request", "count": 1, "errors": 1, "timed": 1,
                "p50_ms": 0.25, "p95_ms": 0.25, "p99_ms": 0.25, "max_ms": 0.25,
            },
            {"name": "st*", "count": 1, "errors": 0, "timed": 0, "p50_ms": None, "p95_ms": None, "p99_ms": None, "max_ms": None},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "p95"), [("linear", "980.35"), ("nearest-rank", "1089"), ("floor-index", "1089")]
)
def test_the_method_can_be_chosen_and_is_named(run: Any, log: Path, method: str, p95: str) -> None:
    """Below the table."""
    _, out, _ = run("summary", "--method", method, log)

    assert p95 in out
    assert out.endswith(f"\npercentiles: {method}\n")


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("count", "ctx.get"),
        ("name", "ctx.get"),
        ("errors", "lsp.request"),
        ("max", "ctx.get"),
        ("p50", "ctx.get"),
    ],
)
def test_rows_can_be_sorted(run: Any, log: Path, sort: str, first: str) -> None:
    """The largest first, and what has no figure last."""
    _, out, _ = run("summary", "--sort", sort, "--json", log)

    names = [figures["name"] for figures in json.loads(out)["figures"]]
    assert (names[0], names[-1]) == (first, "started")


def test_a_period_says_from_when_and_what_it_leaves_out(run: Any, log: Path) -> None:
    """Events without a readable time are counted apart."""
    _, out, _ = run("summary", "--period", "1h", log)
    _, today, _ = run("summary", "--period", "today", log)

    said = out.splitlines()[1]
    assert said.startswith("since 2")
    assert said.endswith("(1h): left out 3 earlier events and 2 events without a readable time")
    assert "(today, midnight at " in today


def test_a_period_of_the_json_begins_in_utc(run: Any, log: Path) -> None:
    """With the offset of the midnight beside it."""
    period = json.loads(run("summary", "--period", "today", "--json", log)[1])["period"]

    assert period["since"].endswith(".000000000+00:00")
    assert re.fullmatch(r"[+-]\d\d:\d\d", period["zone"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--period", "soon"], "'soon' is no period: write 30m, 24h, 7d, 4w or today"),
        (["--by", "command", "--by", "a*"], "--by takes either command, or patterns"),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(run: Any, log: Path, arguments: list[str], said: str) -> None:
    """Nothing is printed."""
    assert run("summary", log, *arguments) == (2, "", f"pytest-telemetry: {said}\n")


def test_a_run_is_found_and_says_what_it_lost(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a path, the one below the working directory."""
    monkeypatch.chdir(tmp_path)
    with open_run(run_id="r7") as telemetry:
        telemetry.observe("load", 3)

    code, out, _ = run("summary")

    assert code == 0
    assert "lost in run r7: 0 of 1 (last_run.json)" in out
    assert "load" in out


@pytest.mark.parametrize("command", ["summary", "telemetry"])
def test_what_a_run_lost_is_known_where_its_log_is_elsewhere(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The files of the run are in the usual directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest_telemetry]\nstorage_type = 'file'\nstorage_path = 'logs/x.jsonl'\n"
    )
    with open_run(run_id="r7") as telemetry:
        telemetry.observe("load", 3)

    assert "lost in run r7: 0 of 1 (last_run.json)" in run(command)[1]


@pytest.mark.parametrize("command", ["summary", "telemetry"])
def test_standard_input_is_a_dash(run: Any, log: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """It says the same as of the file."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log.read_bytes())))

    code, out, err = run(command, "-")

    assert (code, err) == (0, "")
    assert out == run(command, log)[1].replace(str(log), "standard input")


def test_duckdb_is_not_asked_for_standard_input(run: Any, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one line says so."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log.read_bytes())))

    out = run("summary", "-", "--engine", "duckdb")[1]

    assert "read by Python, not by DuckDB: it reads files only\n" in out


def test_where_there_is_no_run_the_command_says_so(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2."""
    monkeypatch.chdir(tmp_path)

    code, out, err = run("summary")

    assert (code, out) == (2, "")
    assert "no run was kept here" in err


class Terminal(io.StringIO):
    """Standard output or error that somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_a_table_fits_a_terminal_and_is_whole_in_a_pipe(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long names are shortened where somebody looks, and nowhere else; control characters are escaped."""
    name = "very.long." * 12 + "\x1b[31m"
    path = tmp_path / "e.jsonl"
    path.write_text((json.dumps({"cmd": name, "timing_ms": 123456.789}) + "\n") * 3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    _, piped, _ = run("summary", "e.jsonl")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    run("summary", "e.jsonl")

    assert "very.long." * 12 + "\\x1b[31m  " in piped
    table = terminal.getvalue().splitlines()[3:5]
    assert [len(line) for line in table] == [80, 80]
    assert "very.long.very." in table[1]
    assert "\x1b" not in terminal.getvalue()


@pytest.mark.parametrize("engine", ["python", "duckdb"])
def test_progress_is_shown_on_a_terminal_for_what_takes_long(
    run: Any, log: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """And nowhere else."""
    monkeypatch.setattr("pytest_telemetry.cli.progress._LONG_NS", -1)
    log.write_text((json.dumps(EVENTS[0]) + "\n") * 2_000)

    _, _, piped = run("summary", "--engine", engine, log)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run("summary", "--engine", engine, log)

    assert piped == ""
    assert "100%" in terminal.getvalue()
    assert os.path.basename(log) in terminal.getvalue()  # noqa: PTH119


@pytest.mark.parametrize("engine", ["python", "duckdb"])
@pytest.mark.parametrize("command", ["summary", "telemetry"])
def test_a_damaged_segment_is_named(run: Any, log: Path, command: str, engine: str) -> None:
    """With the last line that was read of it, and an empty one, too."""
    lines = b"".join(b'{"cmd":"a","timing_ms":%d}\n' % number for number in range(500))
    log.with_name("events.000001.jsonl.gz").write_bytes(gzip.compress(lines)[:-10])
    log.with_name("events.000002.jsonl.gz").write_bytes(b"")
    options = ["--engine", engine] if command == "summary" else []

    code, out, _ = run(command, log, *options)
    told = json.loads(run(command, log, "--json", *options)[1])

    assert code == 0
    first, second = out.splitlines()[1:3]
    assert first.startswith("events.000001.jsonl.gz: compressed data is damaged: Compressed file ended")
    assert re.search(r"; nothing is read after line \d+$", first)
    assert second == "events.000002.jsonl.gz: compressed data is damaged: the file is empty"
    assert [one["file"] for one in told["unread"]] == ["events.000001.jsonl.gz", "events.000002.jsonl.gz"]
    assert first.endswith(f" {told['unread'][0]['line'] - 1}")


def test_who_reads_can_be_chosen_and_says_why_not(run: Any, log: Path) -> None:
    """The torn line is none for DuckDB."""
    _, out, _ = run("summary", "--engine", "duckdb", log)

    assert "read by Python, not by DuckDB: a line that is no strict JSON\n" in out


def test_statistics_of_a_log_by_kind_type_and_severity(run: Any, tmp_path: Path) -> None:
    """The type is an attribute, or the name of an event."""
    from pytest_telemetry.sinks.sqlite import SqliteStore

    with SqliteStore(tmp_path / "telemetry.db") as store:
        store.emit_many(
            [
                Record(
                    "event",
                    "agent",
                    "agent",
                    0,
                    attrs={"event_type": "agent_run", "severity": "error"},
                    run_id="a",
                ),
                Record("event", "started", "started", 10**9, run_id="b"),
                Record("span", "load", "load", 5 * 10**9, 3, status="error", run_id="b"),
                Record("log", "slow", "slow", None, level="warning"),
            ]
        )

    code, out, err = run("telemetry", tmp_path)

    assert (code, err) == (0, "")
    assert (
        out
        == f"""\
{tmp_path / "telemetry.db"}: 4 events, 0 malformed lines
lost: not known, no file beside it says so

first          1970-01-01T00:00:00.000000000+00:00
last           1970-01-01T00:00:05.000000000+00:00
runs           2
without a run  1
errors         1

kind   count
span       1
event      2
log        1

event type  count
agent_run       1
started         1

severity  count
error         1
info          1
warning       1
"""
    )


def test_statistics_can_be_of_one_type_only(run: Any, log: Path) -> None:
    """What is of others is counted, too."""
    _, out, _ = run("telemetry", "--event-type", "started", "--json", log)
    _, text, _ = run("telemetry", "--event-type", "started", log)

    told = json.loads(out)
    assert (told["events"], told["malformed"], told["of_other_types"]) == (5, 1, 4)
    assert told["kinds"] == {"span": 0, "metric": 0, "event": 1, "log": 0}
    assert (told["event_types"], told["severities"]) == ({"started": 1}, {"info": 1})
    assert (told["first"], told["runs"], told["without_run"], told["losses"]) == (None, 0, 1, [])
    assert "only event type 'started': 4 of other types left out" in text
    assert "\nfirst          -\n" in text


def test_statistics_of_a_period_leave_out_what_is_older(run: Any, log: Path) -> None:
    """As a summary does."""
    _, out, _ = run("telemetry", "--period", "7d", "--json", log)

    told = json.loads(out)
    assert (told["events"], told["before_period"], told["without_time"]) == (0, 3, 2)
    assert told["period"]["text"] == "7d"
