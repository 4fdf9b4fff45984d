"""The command that judges event logs."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.checks import RunId
from pytest_telemetry.scan import scan
from pytest_telemetry.sources import size_of

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "pytest_telemetry.cli", "check"]


def test_a_clean_log_says_so_and_exits_0(run: Any, clean: Path) -> None:
    """With what was read."""
    assert run("check", clean) == (0, f"{clean}: 2 events, 0 malformed lines\n\nno findings\n", "")


def test_findings_are_grouped_by_check_and_exit_1(run: Any, careless: Path) -> None:
    """The most severe first, with counts, fields and places."""
    code, out, err = run("check", careless)

    assert (code, err) == (1, "")
    assert out == (
        f"{careless}: 2 events, 0 malformed lines, 1 blank line\n"
        "\n"
        "error    relative-paths: absolute paths in 1 of 2 events: record paths relative to the workspace\n"
        "           x.file 1\n"
        f"           {careless}:1  load: x.file = '/home/ada/x.py'\n"
        "\n"
        "warning  run-id: no run id in 1 of 2 events: write the id of the run into every event\n"
        "           load 1\n"
        f"           {careless}:2  load has no run id\n"
        "\n"
        "2 findings: 1 error, 1 warning\n"
    )


def test_json_is_one_object_as_documented(run: Any, careless: Path, clean: Path) -> None:
    """Stable keys, one entry per file."""
    code, out, err = run("check", "--json", careless, clean)

    assert (code, err) == (1, "")
    result = json.loads(out)
    assert set(result) == {"files", "unusable"}
    assert [(file["file"], file["events"], file["malformed"], file["blank"]) for file in result["files"]] == [
        (str(careless), 2, 0, 1),
        (str(clean), 2, 0, 0),
    ]
    assert result["files"][0]["findings"] == [
        {
            "check": "run-id",
            "count": 1,
            "level": "warning",
            "by_command": {"load": 1},
            "message": "no run id in 1 of 2 events: write the id of the run into every event",
            "examples": [{"line": 2, "text": "load has no run id", "command": "load"}],
        },
        {
            "check": "relative-paths",
            "count": 1,
            "level": "error",
            "by_field": {"x.file": 1},
            "message": "absolute paths in 1 of 2 events: record paths relative to the workspace",
            "examples": [
                {
                    "line": 1,
                    "text": "load: x.file = '/home/ada/x.py'",
                    "field": "x.file",
                    "value": "/home/ada/x.py",
                }
            ],
        },
    ]
    assert result["files"][1]["findings"] == []
    assert result["files"][1]["checks"] == [
        "well-formed",
        "run-id",
        "timestamps",
        "relative-paths",
        "no-secrets",
        "measured-timing",
        "monotonic-timing",
        "lsp-ready-order",
    ]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--only", "run-id"], {"run-id"}),
        (["--only", "run-id,relative-paths"], {"run-id", "relative-paths"}),
        (["--only", "run-id", "--only", "timestamps"], {"run-id"}),
        (["--skip", "run-id"], {"relative-paths"}),
        (["--skip", "run-id, relative-paths"], set()),
        (["--only", "run-id,timestamps", "--skip", "run-id"], set()),
    ],
)
def test_checks_can_be_chosen(run: Any, careless: Path, options: list[str], found: set[str]) -> None:
    """By id, several at once."""
    code, out, _ = run("check", "--json", *options, careless)

    assert {finding["check"] for finding in json.loads(out)["files"][0]["findings"]} == found
    assert code == (1 if found else 0)


@pytest.mark.parametrize(
    ("level", "of_error", "of_warning"), [("info", 1, 1), ("warning", 1, 1), ("error", 1, 0), ("never", 0, 0)]
)
def test_the_level_that_fails_can_be_chosen(
    run: Any, careless: Path, warned: Path, level: str, of_error: int, of_warning: int
) -> None:
    """Findings below it are shown all the same."""
    assert run("check", "--fail-on", level, careless)[0] == of_error
    code, out, _ = run("check", "--fail-on", level, warned)

    assert code == of_warning
    assert "1 finding: 1 warning" in out


def test_a_summary_is_computed_again(run: Any, clean: Path, tmp_path: Path) -> None:
    """By the method that is named."""
    summary = tmp_path / "last_run.json"
    summary.write_text(json.dumps({"run_id": "r", "latencies": {"load": {"count": 2, "p50_ms": 4.0}}}))

    code, out, _ = run("check", "--summary", summary, clean)

    assert code == 1
    assert "load: the summary says p50_ms = 4.0, the events give 3.5; floor-index would give it" in out
    assert run("check", "--summary", summary, "--method", "floor-index", clean)[0] == 0
    assert run("check", "--summary", summary, "--only", "percentiles", clean)[0] == 1


def test_the_policy_of_ready_can_be_chosen(run: Any, tmp_path: Path) -> None:
    """Probing is legal under the default one only."""
    lines = [
        {"cmd": cmd, "ts": "2026-01-01T00:00:00Z", "run_id": "r"}
        for cmd in ("lsp.spawn", "lsp.initialize", "lsp.definition", "lsp.ready")
    ]
    log = tmp_path / "lsp.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))

    assert run("check", log)[0] == 0
    assert run("check", "--policy", "initialized", log)[0] == 1


def one_line(err: str) -> str:
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert err.startswith("pytest-telemetry: ")
    return err.removeprefix("pytest-telemetry: ").strip()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "is empty: nothing to judge"),
        (b"\n\n", "is empty: nothing to judge"),
        (b"\x7fELF\x00\x01", "is binary; an event log is UTF-8 text, one JSON object a line"),
        (
            gzip.compress(b"{}", mtime=0),
            'its one line is no event: is it an event log, one JSON object a line? Line 1: no name: neither "cmd" nor "name" is a text',
        ),
        (
            '{"cmd":"a"}'.encode("utf-16"),
            "is UTF-16 text, not UTF-8; an event log is UTF-8 text, one JSON object a line",
        ),
        (
            b"[1]\n\n# a page\n",
            "none of its 2 lines is an event: is it an event log, one JSON object a line? Line 1: not an object, but an array",
        ),
        (
            b"[1]",
            "its one line is no event: is it an event log, one JSON object a line? Line 1: not an object, but an array",
        ),
    ],
)
def test_unusable_input_is_one_line_and_exit_2(
    run: Any, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """With the name of the file and what is wrong with it."""
    log = tmp_path / "log"
    if content is not None:
        log.write_bytes(content)

    code, out, err = run("check", log)

    assert (code, out) == (2, "")
    assert one_line(err) == f"{log}: {reason}"


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_the_directory_of_a_run_means_its_log(run: Any, careless: Path, tmp_path: Path, form: str) -> None:
    """What is found is said of the file."""
    log = careless.rename(tmp_path / "events.jsonl")

    assert run("check", "--format", form, tmp_path) == run("check", "--format", form, log)


def test_a_directory_without_a_log_is_unusable(run: Any, tmp_path: Path) -> None:
    """It is not searched for logs of other names."""
    (tmp_path / "my.jsonl").touch()

    code, _, err = run("check", tmp_path)

    assert code == 2
    assert one_line(err).startswith(f"{tmp_path}: no run was kept here")


def test_a_file_that_may_not_be_read_is_unusable(
    run: Any, clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said as the system says it; root may read everything, so the refusal is played."""

    def refuse(*_: object) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", str(clean))

    monkeypatch.setattr("pytest_telemetry.sources.open", refuse, raising=False)

    code, _, err = run("check", clean)

    assert code == 2
    assert one_line(err) == f"{clean}: Permission denied"


def test_other_files_are_still_judged(run: Any, careless: Path, tmp_path: Path) -> None:
    """The exit code says that something could not be."""
    code, out, err = run("check", tmp_path / "gone", careless)

    assert code == 2
    assert one_line(err).startswith(f"{tmp_path / 'gone'}: ")
    assert "relative-paths" in out

    code, out, err = run("check", "--json", tmp_path / "gone", careless)
    result = json.loads(out)
    assert code == 2
    assert result["unusable"] == [{"file": str(tmp_path / "gone"), "reason": one_line(err)}]
    assert [file["file"] for file in result["files"]] == [str(careless)]


def test_an_empty_log_can_be_accepted(run: Any, tmp_path: Path) -> None:
    """If the user says so."""
    log = tmp_path / "log"
    log.touch()

    assert run("check", "--allow-empty", log)[0] == 0


def test_bad_lines_are_findings(run: Any, tmp_path: Path) -> None:
    """The rest of the file counts."""
    log = tmp_path / "log"
    log.write_text('{"cmd":"a","ts":"2026-01-01T00:00:00Z","run_id":"r"}\nnonsense\n{"cmd":"a","ts"')

    code, out, _ = run("check", log)

    assert code == 1
    assert out.startswith(f"{log}: 1 event, 2 malformed lines\n")
    assert f"{log}:2  not JSON: " in out
    assert f"{log}:3  torn last line, not JSON: " in out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--only", "run"], "unknown check 'run': use one of well-formed, run-id, timestamps"),
        (["--skip", "run-id,spam"], "unknown check 'spam': use one of"),
        (["--only", ""], "unknown check '': use one of"),
        (["--only", "percentiles"], "--only percentiles needs --summary FILE"),
        (["--only", "run-id", "--skip", "run-id"], "--only and --skip leave no check to run"),
    ],
)
def test_a_choice_of_checks_that_cannot_be_is_unusable(
    run: Any, clean: Path, arguments: list[str], reason: str
) -> None:
    """One line, and what there is."""
    code, out, err = run("check", *arguments, clean)

    assert (code, out) == (2, "")
    assert one_line(err).startswith(reason)


@pytest.mark.parametrize("content", [None, "nonsense", "[1]", "{}", '{"latencies": {"a": {"p50": 1}}}'])
def test_a_summary_that_cannot_be_used_is_named(
    run: Any, clean: Path, tmp_path: Path, content: str | None
) -> None:
    """It is the summary, not the log."""
    summary = tmp_path / "summary.json"
    if content is not None:
        summary.write_text(content)

    code, out, err = run("check", "--summary", summary, clean)

    assert (code, out) == (2, "")
    assert one_line(err).startswith(f"{summary}: ")


def test_standard_input_is_a_dash(run: Any, clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in every pipe."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(clean.read_bytes())))

    code, out, _ = run("check", "-")

    assert (code, out.splitlines()[0]) == (0, "standard input: 2 events, 0 malformed lines")


def test_control_characters_of_a_log_do_not_reach_the_terminal(run: Any, tmp_path: Path) -> None:
    """A log may come from anywhere."""
    log = tmp_path / "log"
    log.write_text('{"cmd":"\\u001b[31m\\ud800é\\n","ts":"2026-01-01T00:00:00Z"}\n')

    code, out, _ = run("check", log)

    assert code == 1
    assert "\\x1b[31m\\ud800é\\n has no run id" in out
    assert "\x1b" not in out


def test_a_terminal_that_does_not_know_a_letter_gets_an_escape(tmp_path: Path) -> None:
    """Instead of a traceback."""
    log = tmp_path / "log"
    log.write_text('{"cmd":"日","ts":"2026-01-01T00:00:00Z"}\n', encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}

    done = subprocess.run([*COMMAND, str(log)], capture_output=True, env=environment, check=False)

    assert (done.returncode, done.stderr) == (1, b"")
    assert b"\\u65e5 has no run id" in done.stdout


def test_a_reader_that_goes_away_is_no_error(careless: Path) -> None:
    """``| head -1`` ends without a traceback, and the exit code is still that of the findings."""
    files = [str(careless)] * 300  # more than a pipe holds
    process = subprocess.Popen([*COMMAND, *files], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None

    process.stdout.readline()
    process.stdout.close()

    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


def in_terminal(arguments: list[str], **environment: str) -> str:
    """Return what a command writes to a terminal on both streams."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    ours, theirs = pty.openpty()
    variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=theirs,
        stderr=theirs,
        env={**variables, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 4_096)
        except OSError:
            break
        if not part:
            break
        said += part
    os.close(ours)
    process.wait()
    return said.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_colour_is_for_terminals_that_want_it(careless: Path) -> None:
    """NO_COLOR and dumb terminals are respected."""
    assert "\x1b[31m\x1b[1merror\x1b[0m" in in_terminal([str(careless)])
    assert "\x1b" not in in_terminal([str(careless)], NO_COLOR="1")
    assert "\x1b" not in in_terminal([str(careless)], TERM="dumb")


def test_the_command_is_installed_under_its_name() -> None:
    """As the project file declares it."""
    (entry,) = entry_points(group="console_scripts", name="pytest-telemetry")

    assert entry.value == "pytest_telemetry.cli:main"


EXPORT = {
    "resourceSpans": [
        {
            "resource": {
                "attributes": [
                    {"key": "process.executable.path", "value": {"stringValue": "/usr/bin/python3"}}
                ]
            },
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "5b8efff798038103d269b633813fc60c",
                            "spanId": f"eee19b7ec3c1b17{number}",
                            "name": "GET",
                            "startTimeUnixNano": "1767306948000000000",
                            "endTimeUnixNano": "1767306948100000000",
                        }
                        for number in range(2)
                    ]
                }
            ],
        }
    ]
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("compress", [False, True])
def test_an_export_of_opentelemetry_is_judged_as_it_is(
    run: Any, tmp_path: Path, indent: int | None, compress: bool
) -> None:
    """On one line or laid out over many, compressed or not; it has no place for a run, so none is missed."""
    log = tmp_path / "traces.json"
    content = json.dumps(EXPORT, indent=indent).encode() + b"\n"
    log.write_bytes(gzip.compress(content) if compress else content)

    code, out, err = run("check", log)

    assert (code, err) == (1, "")
    assert out.startswith(f"{log}: 2 events, 0 malformed lines\n")
    assert f"{log}:1  GET: resource.process.executable.path = '/usr/bin/python3'" in out
    assert out.endswith("\n1 finding: 1 error\n")


def test_an_export_may_come_by_a_pipe(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Laid out over many lines, too."""
    text = json.dumps(EXPORT, indent=1).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(text))))

    code, out, _ = run("check", "-", "--skip", "relative-paths")

    assert (code, out.splitlines()[0]) == (0, "standard input: 2 events, 0 malformed lines")


def test_lines_of_any_shape_are_read_by_a_mapping(run: Any, tmp_path: Path) -> None:
    """What is not mapped is not missed; what is, is judged."""
    log = tmp_path / "app.jsonl"
    log.write_text(
        '{"event":"load","elapsed":-3,"file":"/home/ada/x"}\n{"event":"go","elapsed":1}\n{"msg":"x"}\n'
    )

    code, out, _ = run("check", "--map", "name=event,duration_ms=elapsed", log)

    assert code == 1
    assert out.startswith(f"{log}: 2 events, 1 malformed line\n")
    assert f'{log}:3  no name: there is no text under "event"' in out
    assert f"{log}:1  load: file = '/home/ada/x'" in out
    assert f"{log}:1  load: lasted -3 ms" in out
    assert out.endswith("\n3 findings: 3 error\n")
    assert "run-id" in run("check", "--map", "name=event", "--map", "run_id=run", log)[1]


def test_a_key_of_a_mapping_that_no_line_has_is_a_finding(run: Any, clean: Path) -> None:
    """Most likely it is misspelt; a log without errors is fine."""
    code, out, _ = run("check", "--map", "name=cmd,duration_ms=timing,error=exception", clean)

    assert code == 1
    assert (
        "warning  well-formed: no line has what the mapping names: timing (duration_ms); "
        "the first line has cmd, ts, run_id, timing_ms"
    ) in out
    assert "info     well-formed: no line has what the mapping names: exception (error); " in out
    assert run("check", "--map", "name=cmd,error=exception", clean)[0] == 0


def test_a_whole_duration_of_a_mapping_is_exact_to_its_unit_only(run: Any, tmp_path: Path) -> None:
    """An end that it rounds off is no finding."""
    log = tmp_path / "log"
    log.write_text('{"event":"load","elapsed":3,"start_ms":1.25,"end_ms":4.5}\n')

    assert run("check", "--map", "name=event,duration_ms=elapsed", log)[0] == 0
    assert run("check", "--map", "name=event,duration_us=elapsed", log)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--map", "nme=event"], "--map: unknown field 'nme', did you mean name? use one of name, kind, time"),
        (["--map", "name=evt"], ("LOG: none of its 2 lines is an event: is it an event log, one JSON object a line? "
            'Line 1: no name: there is no text under "evt"')),
        (["--json", "--format", "sarif"], "--json and --format sarif exclude each other"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_unusable(
    run: Any, clean: Path, arguments: list[str], reason: str
) -> None:
    """In one line."""
    code, out, err = run("check", *arguments, clean)

    assert (code, out) == (2, "")
    assert one_line(err).startswith(reason.replace("LOG", str(clean)))


def test_sarif_is_one_log_of_all_files(
    run: Any, careless: Path, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their URIs are relative to the working directory; what cannot be judged is in it as well."""
    monkeypatch.chdir(tmp_path)
    odd = tmp_path / "a log:1 é.jsonl"
    odd.write_bytes(careless.read_bytes())

    code, out, err = run("check", "--format", "sarif", careless, "./clean.jsonl", odd.name, "gone")

    assert code == 2
    assert one_line(err) == "gone: No such file or directory"
    (judged,) = json.loads(out)["runs"]
    assert [artifact["location"]["uri"] for artifact in judged["artifacts"]] == [
        "careless.jsonl",
        "clean.jsonl",
        "a%20log%3A1%20%C3%A9.jsonl",
        "gone",
    ]
    assert [
        (result["ruleId"], result["locations"][0]["physicalLocation"]) for result in judged["results"][:2]
    ] == [
        ("run-id", {"artifactLocation": {"uri": "careless.jsonl"}, "region": {"startLine": 2}}),
        ("relative-paths", {"artifactLocation": {"uri": "careless.jsonl"}, "region": {"startLine": 1}}),
    ]
    assert [rule["id"] for rule in judged["tool"]["driver"]["rules"]] == [
        *("well-formed", "run-id", "timestamps", "relative-paths", "no-secrets"),
        *("measured-timing", "monotonic-timing", "lsp-ready-order"),
    ]


def test_sarif_has_the_exit_codes_of_text(run: Any, careless: Path, clean: Path) -> None:
    """And nothing but JSON on standard output."""
    for log, code in ((clean, 0), (careless, 1)):
        said = run("check", "--format", "sarif", log)
        assert (said[0], said[2]) == (code, "")
        assert json.loads(said[1])["version"] == "2.1.0"


def segmented(tmp_path: Path) -> Path:
    """A log of a compressed segment, a plain one and the active file, with a bad line in each."""
    line = '{"cmd":"load","ts":"2026-01-01T00:00:00Z","run_id":"r"}\n'
    log = tmp_path / "logs" / "events.jsonl"
    log.write_text(f"{line}bad\n")
    (tmp_path / "logs" / "events.000001.jsonl.gz").write_bytes(gzip.compress(f"{line}bad\n".encode()))
    (tmp_path / "logs" / "events.000002.jsonl").write_text(f"{line * 2}bad\n")
    return log


def test_an_example_in_a_closed_segment_names_that_file(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In all three forms, and in assertions."""
    (tmp_path / "logs").mkdir()
    segmented(tmp_path)
    monkeypatch.chdir(tmp_path)
    places = [
        ("logs/events.000001.jsonl.gz", 2),
        ("logs/events.000002.jsonl", 3),
        ("logs/events.jsonl", 2),
    ]

    text = run("check", "logs/events.jsonl")[1]
    (judged,) = json.loads(run("check", "--json", "logs/events.jsonl")[1])["files"]
    sarif = json.loads(run("check", "--format", "sarif", "logs/events.jsonl")[1])["runs"][0]["results"][0]

    assert all(f"{file}:{line}  not JSON" in text for file, line in places)
    assert [
        (example.get("file", judged["file"]), example["line"])
        for example in judged["findings"][0]["examples"]
    ] == places
    located = [place["physicalLocation"] for place in (*sarif["locations"], *sarif["relatedLocations"])]
    assert [(place["artifactLocation"]["uri"], place["region"]["startLine"]) for place in located] == places


def test_a_linked_log_has_its_segments_beside_the_file_itself(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is where they are said to be; the log keeps the name that it was called by."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "link.jsonl").symlink_to(segmented(tmp_path))

    out = run("check", tmp_path / "link.jsonl")[1]

    assert f"{tmp_path}/logs/events.000002.jsonl:3  not JSON" in out
    assert f"{tmp_path}/link.jsonl:2  not JSON" in out


def test_progress_counts_all_segments_as_they_are_stored(tmp_path: Path) -> None:
    """It is full at the end, and not before."""
    (tmp_path / "logs").mkdir()
    log = segmented(tmp_path)
    line = (
        b'{"cmd":"a","ts":"2026-01-01T00:00:00Z","run_id":"r","pad":"'
        + os.urandom(40_000).hex().encode()
        + b'"}\n'
    )
    (tmp_path / "logs" / "events.000001.jsonl.gz").write_bytes(gzip.compress(line * 12))
    (tmp_path / "logs" / "events.000002.jsonl").write_bytes(line * 15)
    log.write_bytes(line * 10)
    sizes = sum(path.stat().st_size for path in (tmp_path / "logs").iterdir())
    steps: list[int] = []

    scan(log, [RunId()], progress=steps.append)

    assert sum(steps) == size_of(log) == sizes
    assert size_of(tmp_path) == size_of(tmp_path / "gone") == 0
