"""The failure texts, as a real pytest shows them at every verbosity.

``UPDATE_GOLDEN=1 pytest tests/golden`` writes the golden files anew; read the difference before committing it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODES = {"default": [], "quiet": ["-q"], "verbose": ["-vv"], "ci": []}
HEADER = re.compile(r"^_+ (test_\w+) _+$")


def run(directory: Path, mode: str, *options: str) -> str:
    """Run the failing suite in a pytest of its own and return what it prints."""
    for name in ("etl.py", "failing.py"):
        (directory / name).write_text((HERE / "suite" / name).read_text(encoding="utf-8"), encoding="utf-8")
    environment = {
        key: value for key, value in os.environ.items() if key not in {"CI", "BUILD_NUMBER", "PYTEST_ADDOPTS"}
    }
    environment |= {"COLUMNS": "100", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(directory)}
    if mode == "ci":
        environment["CI"] = "true"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "pytest_telemetry.plugin",
        "-p",
        "no:cacheprovider",
        "failing.py",
    ]
    done = subprocess.run(
        [*command, *MODES[mode], *options],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def failure_texts(output: str) -> dict[str, list[str]]:
    """Return the explanation of each failed test: the lines that pytest marks with E."""
    texts: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in output.splitlines():
        if header := HEADER.match(line):
            lines = texts[header[1]] = []
        elif line.startswith("E "):
            lines.append(line[1:].strip() if not lines else line[4:].rstrip())
    return texts


def golden_text(texts: dict[str, list[str]]) -> str:
    return "\n".join(f"## {name}\n" + "\n".join(lines) + "\n" for name, lines in texts.items())


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {mode: run(tmp_path_factory.mktemp(mode), mode) for mode in MODES}


@pytest.mark.parametrize("mode", MODES)
def test_every_failure_text_is_as_agreed(outputs: dict[str, str], mode: str) -> None:
    """Each mode shows exactly the texts of its golden file."""
    shown = golden_text(failure_texts(outputs[mode]))
    golden = HERE / f"failures_{mode}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")

    assert shown == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", MODES)
def test_the_first_line_is_the_diagnosis_in_the_short_summary(outputs: dict[str, str], mode: str) -> None:
    """The short summary shows the beginning of the same first line that the failure has."""
    summary = dict(re.findall(r"^FAILED failing.py::(test_\w+) - (.*)$", outputs[mode], re.MULTILINE))
    texts = failure_texts(outputs[mode])

    assert set(summary) == set(texts)
    for name, line in summary.items():
        beginning = line.removesuffix("...").removeprefix("AssertionError: ").rstrip(".")
        assert texts[name][0].removeprefix("AssertionError: ").startswith(beginning), name


@pytest.mark.parametrize("mode", ["default", "quiet"])
def test_no_text_is_cut_by_pytest(outputs: dict[str, str], mode: str) -> None:
    """At default verbosity every text keeps within the eight lines that pytest shows."""
    assert "truncated" not in outputs[mode]
    assert max(len(lines) for lines in failure_texts(outputs[mode]).values()) <= 8


@pytest.mark.parametrize("mode", MODES)
def test_every_failure_shows_what_was_recorded(outputs: dict[str, str], mode: str) -> None:
    """Each failing test that used a recorder carries the section, and no text has colour codes."""
    assert outputs[mode].count("- Recorded telemetry") >= len(failure_texts(outputs[mode]))
    assert "\x1b" not in outputs[mode]


def test_plain_asserts_still_show_what_was_recorded(tmp_path: Path) -> None:
    """With --assert=plain nothing is explained, and the section is there all the same."""
    output = run(tmp_path, "default", "--assert=plain", "-k", "test_value")

    assert "- Recorded telemetry" in output
    assert "  load path='a.csv'" in output.splitlines()
    assert "closest" not in output


def test_workers_send_the_texts_to_the_terminal(tmp_path: Path) -> None:
    """Under xdist the text and the section are those of a run in one process."""
    output = run(tmp_path, "default", "-p", "xdist", "-n", "1", "-k", "test_value")

    assert "path: expected 'b.csv', got 'a.csv'" in output
    assert "- Recorded telemetry" in output


def test_editors_see_the_section_in_the_failure_text(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """longreprtext, which editors show, holds the diagnosis and the section."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        from pytest_telemetry import span

        def test_it(telemetry_recorder):
            with telemetry_recorder.context("etl"):
                pass
            assert span("load") in telemetry_recorder
        """
    )

    [report] = pytester.inline_run("-p", "pytest_telemetry.plugin", "-p", "no:cacheprovider").getreports(
        "pytest_runtest_logreport"
    )[1:2]

    assert "span('load') not found" in report.longreprtext
    assert "Recorded telemetry" in report.longreprtext
    assert report.sections == []


def test_subtests_show_what_was_recorded(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing subtest carries the section as well."""
    pytest.importorskip("_pytest.subtests", reason="subtests came with pytest 9")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        from pytest_telemetry import span

        def test_it(telemetry_recorder, subtests):
            for name in ("a", "b"):
                with subtests.test(name):
                    with telemetry_recorder.context(name):
                        pass
                    assert span("a", status="ok") in telemetry_recorder
        """
    )

    result = pytester.runpytest("-p", "pytest_telemetry.plugin", "-p", "no:cacheprovider")

    assert result.ret == 1
    assert result.stdout.str().count("- Recorded telemetry -") >= 2
