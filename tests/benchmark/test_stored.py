"""Stored runs: files that pytest-benchmark itself wrote, and what is said of others."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.benchmark.stored import files_in, series
from pytest_telemetry.model.benchmark import Comparison
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Callable

SUITE = """
import json, os

def compared(benchmark, name):
    benchmark.pedantic(int)
    gate = json.loads(os.environ["READ"]).get(name)
    if gate is not None:
        benchmark.extra_info["telemetry"] = {"label": name, "gate": gate}

def test_a(benchmark):
    compared(benchmark, "a")

def test_b(benchmark):
    compared(benchmark, "b")

def test_foreign(benchmark):
    benchmark.extra_info["color"] = "blue"
    benchmark.pedantic(int)
"""


def read(log_ratio: float, accepted: float | None = None) -> dict[str, Any]:
    """Return what the gate keeps of one benchmark."""
    comparison = Comparison(log_ratio, -0.1, 0.1, 200, 1000, 130.0, 128.0, counters={"c calls": (1, 2)})
    return comparison.as_dict() | ({} if accepted is None else {"accepted": accepted})


def store(folder: Path, name: str, **gates: dict[str, Any]) -> None:
    """Let pytest-benchmark run the suite and store what it measured, as a user would."""
    (folder / "test_speed.py").write_text(SUITE, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "pytest_benchmark.plugin",
                "-p",
                "no:cacheprovider",
            ),
            *("--benchmark-only", f"--benchmark-save={name}", "--rootdir=.", "-c", os.devnull),
        ],
        cwd=folder,
        env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "READ": json.dumps(gates)},
        capture_output=True,
        check=True,
    )


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three stored runs: the second has one benchmark more, and before the third the baseline was moved."""
    folder = tmp_path_factory.mktemp("stored")
    slower = math.log(1.1)
    store(folder, "first", a=read(0.0, accepted=0.0))
    store(folder, "second", a=read(slower), b=read(0.02, accepted=0.0))
    store(folder, "third", a=read(0.0, accepted=0.1), b=read(0.02, accepted=0.0))
    return folder / ".benchmarks"


@pytest.fixture
def stored(storage: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write a stored run that was changed, or any other text, and return where."""
    run: dict[str, Any] = json.loads(files_in(storage)[0].read_text(encoding="utf-8"))

    def write(change: Callable[[Any], object] | str, name: str = "0001_x.json") -> Path:
        content = change
        if not isinstance(change, str):
            changed = json.loads(json.dumps(run))
            change(changed)
            content = json.dumps(changed)
        file = tmp_path / name
        file.write_text(str(content), encoding="utf-8")
        return file

    return write


# What pytest-benchmark stored


def test_the_files_are_those_that_were_stored(storage: Path) -> None:
    """Below a folder for each machine, which nobody has to name."""
    assert sorted(file.stem for file in files_in(storage)) == ["0001_first", "0002_second", "0003_third"]


def test_each_benchmark_has_its_runs(storage: Path) -> None:
    """By node id, oldest first; a run that lacks it is not among them, nor is what was not compared."""
    found = series(reversed(files_in(storage)))

    assert {name: len(runs) for name, runs in found.items()} == {
        "test_speed.py::test_a": 3,
        "test_speed.py::test_b": 2,
    }


def test_a_baseline_that_was_moved_makes_no_step(storage: Path) -> None:
    """A tenth slower than the first baseline, then as fast as the second, which was accepted as a tenth slower."""
    ratios = [ratio for _, ratio in series(files_in(storage))["test_speed.py::test_a"]]

    assert ratios == pytest.approx([0.0, math.log(1.1), math.log(1.1)])


def test_runs_against_a_revision_are_left_out(stored: Callable[..., Path]) -> None:
    """They say how the code stands to something else; those against the baseline say so, or are older."""

    def against(revision: str | None, ratio: float) -> Callable[[Any], object]:
        return lambda run: gate_of(run).update(against=revision, log_ratio=ratio)

    files = [
        stored(against(None, 0.1), "0001_x.json"),
        stored(against("origin/main", 0.2), "0002_x.json"),
        stored(lambda run: gate_of(run).update(log_ratio=0.3), "0003_x.json"),
    ]

    assert [ratio for _, ratio in series(files)["test_speed.py::test_a"]] == [0.1, 0.3]
    assert unusable(lambda: series(files[1:2])).startswith(
        "none of the stored runs was compared with the baseline: "
    )


def test_runs_are_called_by_day_and_commit(stored: Callable[..., Path]) -> None:
    """Ten characters of each, and no more than the day where there was no repository."""

    def changed(commit: Any) -> Callable[[Any], object]:
        return lambda run: run.update(datetime="2026-11-27T06:34:19.5+00:00", commit_info=commit)

    files = [
        stored(changed({"id": "e8ffbc90123456789"}), "0001_x.json"),
        stored(changed({"id": None, "error": "no repository"}), "0002_x.json"),
        stored(changed({}), "0003_x.json"),
        stored(changed(None), "0004_x.json"),
    ]

    names = [name for name, _ in series(files)["test_speed.py::test_a"]]

    assert names == ["2026-11-27 e8ffbc9012", "2026-11-27", "2026-11-27", "2026-11-27"]


def test_the_time_decides_which_run_is_older(stored: Callable[..., Path]) -> None:
    """Not the names of the files, nor the order in which they are given; also where a second has no fraction."""

    def changed(time: str, ratio: float) -> Callable[[Any], object]:
        def change(run: Any) -> None:
            run["datetime"] = time
            run["benchmarks"][0]["extra_info"]["telemetry"]["gate"]["log_ratio"] = ratio

        return change

    files = [
        stored(changed("2026-11-27T06:34:19.5+00:00", 0.3), "0001_x.json"),
        stored(changed("2026-11-27T06:34:20+00:00", 0.4), "0002_x.json"),
        stored(changed("2026-11-27T06:34:19+00:00", 0.2), "0003_x.json"),
        stored(changed("2025-12-31T23:59:59.9+00:00", 0.1), "0004_x.json"),
    ]

    assert [ratio for _, ratio in series(files)["test_speed.py::test_a"]] == [0.1, 0.2, 0.3, 0.4]


# What is none, or not usable


def unusable(call: Callable[[], object]) -> str:
    """Return the one line that says what is wrong."""
    with pytest.raises(UnusableInput) as refused:
        call()
    text = str(refused.value)
    assert text.splitlines() == [text]
    return text


@pytest.mark.parametrize("name", ["nothing", "empty", "file.json"])
def test_where_nothing_is_stored_it_says_how_to_store(tmp_path: Path, name: str) -> None:
    """Whether the folder is missing or empty, or is none."""
    (tmp_path / "empty" / "deep").mkdir(parents=True)
    (tmp_path / "file.json").write_text("{}", encoding="utf-8")

    text = unusable(lambda: files_in(tmp_path / name))

    assert text == (
        f"{tmp_path / name}: no stored run: run pytest --benchmark-only --telemetry-gate --benchmark-autosave first"
    )


def test_runs_without_the_gate_are_no_series(stored: Callable[..., Path]) -> None:
    """It says with what to store them."""

    def forget(run: Any) -> None:
        del run["benchmarks"][0]["extra_info"]["telemetry"]["gate"]

    files = [stored(forget, "0001_x.json"), stored(lambda run: run.update(benchmarks=[]), "0002_x.json")]

    assert unusable(lambda: series(files)) == (
        "none of the stored runs was compared with the baseline: store runs with --telemetry-gate, and not against a "
        "revision"
    )


def test_no_files_are_no_series() -> None:
    """As if nothing in them had been compared."""
    assert "none of the stored runs" in unusable(lambda: series([]))


def gate_of(run: Any) -> Any:
    return run["benchmarks"][0]["extra_info"]["telemetry"]["gate"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ('{"benchmarks": [', "Expecting value"),
        ("[1, 2]", "list indices must be integers"),
        ("null", "not subscriptable"),
        ("{}", "it has no 'commit_info'"),
        ('{"name": "package", "version": "1"}', "it has no 'commit_info'"),
        ('{"schema": 1, "passed": true, "judgements": []}', "it has no 'commit_info'"),
        (lambda run: run.pop("datetime"), "it has no 'datetime'"),
        (lambda run: run.pop("benchmarks"), "it has no 'benchmarks'"),
        (lambda run: run.update(benchmarks=3), "not iterable"),
        (lambda run: run.update(benchmarks=[3]), "not subscriptable"),
        (lambda run: run.update(commit_info="main"), "has no attribute 'get'"),
        (lambda run: run["benchmarks"][0].pop("extra_info"), "it has no 'extra_info'"),
        (lambda run: run["benchmarks"][0].pop("fullname"), "it has no 'fullname'"),
        (lambda run: run["benchmarks"][0]["extra_info"].update(telemetry="on"), "has no attribute 'get'"),
        (
            lambda run: gate_of(run).pop("log_ratio"),
            "not a comparison with a baseline: KeyError('log_ratio')",
        ),
        (lambda run: gate_of(run).update(log_ratio="much\nmore"), "not a comparison with a baseline"),
        (lambda run: gate_of(run).clear(), "not a comparison with a baseline"),
        (lambda run: gate_of(run).update(counters=[]), "not a comparison with a baseline"),
        (lambda run: gate_of(run).update(pairs=math.inf), "cannot convert float infinity"),
        (lambda run: gate_of(run).update(log_ratio=math.nan), "nan is no log ratio"),
        (lambda run: gate_of(run).update(log_ratio=-math.inf), "-inf is no log ratio"),
        (lambda run: gate_of(run).update(accepted=math.inf), "inf is no log ratio"),
        (lambda run: gate_of(run).update(accepted=-1), "math domain error|expected argument value"),
        (lambda run: gate_of(run).update(accepted=10**400), "int too large"),
        (lambda run: gate_of(run).update(accepted=None), "float"),
        (lambda run: run["benchmarks"][0]["extra_info"]["telemetry"].update(gate="passed"), "get"),
    ],
)
def test_a_file_that_is_no_stored_run_is_named(
    stored: Callable[..., Path], content: Callable[[Any], object] | str, why: str
) -> None:
    """Damaged, foreign or changed by hand: it says which file, and as far as can be told why."""
    file = stored(content)

    text = unusable(lambda: series([file]))

    assert text.startswith(f"{file}: is no run that pytest-benchmark stored: ")
    assert any(part in text for part in why.split("|"))


def test_a_file_that_is_nested_too_deeply_is_named(stored: Callable[..., Path]) -> None:
    """Nobody stores a run like that, and no traceback of a thousand lines is shown."""
    file = stored("[" * 200_000)

    assert unusable(lambda: series([file])) == (
        f"{file}: is nested too deeply to be a run that pytest-benchmark stored"
    )


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A run that was compressed, say."""
    file = tmp_path / "0001_x.json"
    file.write_bytes(b"\x1f\x8b\x08\xff")

    text = unusable(lambda: series([file]))

    assert text.startswith(f"{file}: is no run that pytest-benchmark stored: 'utf-8' codec can't decode")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder of such a name, or one that was removed since it was looked for."""
    (tmp_path / "folder.json").mkdir()

    assert unusable(lambda: series(files_in(tmp_path))) == (
        f"{tmp_path / 'folder.json'}: cannot be read: Is a directory"
    )
    assert unusable(lambda: series([tmp_path / "gone.json"])) == (
        f"{tmp_path / 'gone.json'}: cannot be read: No such file or directory"
    )
