"""The baseline's file: what is kept, what is refused, and what adds up."""

from __future__ import annotations

import datetime as dt
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.benchmark.baseline import (
    Baseline,
    Update,
    is_package_name,
    load,
    rendered,
    replace_file,
)
from pytest_telemetry.benchmark.counters import COUNTERS
from pytest_telemetry.model.errors import UnusableInput

REVISION = "0123456789" * 4
SHA256 = "ab" * 32
DAY = dt.date(2026, 11, 27)
HOT = "benchmarks/test_disabled.py::test_hot_form[0]"

SMALLEST = Baseline(("mine",), DAY, SHA256, (HOT,), revision=REVISION)
FULL = Baseline(
    packages=("mine", "_mine_c"),
    date=DAY,
    sha256=SHA256,
    benchmarks=(HOT, "benchmarks/test_b.py::test_b"),
    revision=REVISION,
    archive="kept/baseline.zip",
    threshold=0.1,
    counters=("records", "python calls"),
    reference={"3.11": 169.0, "3.12": 120.5},
    history=(
        Update(dt.date(2026, 1, 2), None, "the first"),
        Update(DAY, REVISION, "ids are random now", {HOT: 0.031, "benchmarks/test_b.py::test_b": -0.5}),
    ),
)

TEXT = f"""\
schema = 1
packages = ["mine"]
revision = "{REVISION}"
date = 2026-11-27
sha256 = "{SHA256}"
benchmarks = ["{HOT}"]
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "baseline.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def save(path: Path, baseline: Baseline) -> None:
    """Write a baseline as an update does."""
    replace_file(path, rendered(path, baseline))


def refusal(path: Path) -> str:
    """Return what `load` says, without the name of the file, which must come first; it is one line."""
    with pytest.raises(UnusableInput) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert len(text.splitlines()) == 1
    return text.removeprefix(f"{path}: ")


@pytest.mark.parametrize("baseline", [SMALLEST, FULL], ids=["smallest", "full"])
def test_what_was_saved_is_loaded(tmp_path: Path, baseline: Baseline) -> None:
    """Every key comes back equal."""
    path = tmp_path / "baseline.toml"
    save(path, baseline)

    assert load(path) == baseline


def test_the_file_says_who_writes_it(tmp_path: Path) -> None:
    """Its first lines are a comment for whoever finds it."""
    save(tmp_path / "baseline.toml", FULL)
    lines = (tmp_path / "baseline.toml").read_text(encoding="utf-8").splitlines()

    assert all(line.startswith("# ") for line in lines[:2])
    assert 'pytest-telemetry gate --update --reason "..."' in lines[0]


def test_a_change_of_one_benchmark_is_a_change_of_one_line(tmp_path: Path) -> None:
    """Benchmarks stand on lines of their own, so that a review sees which one is new."""
    save(tmp_path / "a", FULL)
    save(tmp_path / "b", replace(FULL, benchmarks=(*FULL.benchmarks, "new.py::test_new")))
    before, after = ((tmp_path / name).read_text(encoding="utf-8").splitlines() for name in "ab")

    assert [line for line in after if line not in before] == ['  "new.py::test_new",']


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
awkward = st.text(
    st.sampled_from("\"'\\\b\t\n\r\f\0\x1b\x7f\x80\x85\u2028\ufeff\U0001f600=[]#.é"), min_size=1
).filter(str.strip)
fractions = st.floats(-1, 1e9, exclude_min=True)


@given(
    names=st.lists(texts | awkward, max_size=4, unique=True),
    reason=texts | awkward,
    drift=st.dictionaries(texts | awkward, fractions, max_size=4),
    threshold=st.floats(0, 1, exclude_min=True, exclude_max=True),
    date=st.dates(),
)
def test_any_text_and_any_figure_survives(
    names: list[str], reason: str, drift: dict[str, float], threshold: float, date: dt.date
) -> None:
    """Quotes, backslashes, control characters, DEL and characters of any plane come back as they were."""
    baseline = replace(
        SMALLEST,
        benchmarks=tuple(names),
        threshold=threshold,
        history=(Update(date, None, reason, drift),),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "baseline.toml")
        save(path, baseline)
        raw = tomllib.loads(path.read_bytes().decode())

        assert load(path) == baseline
        assert raw["history"][0]["reason"] == reason


def test_an_update_keeps_everything_else() -> None:
    """What the update does not name stays as it was, history included."""
    after = FULL.updated(
        revision="f" * 40,
        date=dt.date(2027, 1, 1),
        sha256="cd" * 32,
        benchmarks=[HOT],
        reason="x",
        drift={HOT: 0.2},
    )

    assert after == replace(
        FULL,
        revision="f" * 40,
        date=dt.date(2027, 1, 1),
        sha256="cd" * 32,
        benchmarks=(HOT,),
        history=(*FULL.history, Update(dt.date(2027, 1, 1), "f" * 40, "x", {HOT: 0.2})),
    )


def test_an_update_does_not_see_later_changes_of_what_it_was_given() -> None:
    """The drift is copied: the caller may go on with its dictionary."""
    drift = {HOT: 0.2}
    after = SMALLEST.updated(revision=None, date=DAY, sha256=SHA256, benchmarks=[], reason="x", drift=drift)
    drift.clear()

    assert after.history[0].drift == {HOT: 0.2}


def test_accepted_slow_downs_are_compounded() -> None:
    """A tenth upon a tenth is 21 %, and what became faster again takes from it."""
    history = [Update(DAY, None, "x", {HOT: drift}) for drift in (0.1, 0.1)]
    baseline = replace(
        SMALLEST, history=(*history, Update(DAY, None, "about something else", {"other": 3.0}))
    )
    faster = replace(baseline, history=(*baseline.history, Update(DAY, None, "x", {HOT: -0.5})))

    assert baseline.accepted_drift(HOT) == pytest.approx(0.21)
    assert faster.accepted_drift(HOT) == pytest.approx(-0.395)
    assert baseline.accepted_drift("never seen") == 0


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    """The smallest file holds to 5 % of time, and to no counter."""
    loaded = load(written(tmp_path, TEXT))

    assert loaded == SMALLEST
    assert (loaded.threshold, loaded.counters, loaded.reference, loaded.history) == (0.05, (), {}, ())


@pytest.mark.parametrize("change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
def test_what_editors_do_to_a_file_does_no_harm(tmp_path: Path, change: object) -> None:
    """A byte order mark and line ends of Windows are read."""
    assert callable(change)

    assert load(written(tmp_path, change(TEXT))) == SMALLEST


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The text says how to make one."""
    assert refusal(tmp_path / "baseline.toml") == (
        'no such baseline; pytest-telemetry gate --update --reason "..." writes one'
    )


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """With the words of the system."""
    assert refusal(tmp_path).startswith("cannot be read: ")


def test_a_file_that_the_system_does_not_give_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the words of the system."""
    path = written(tmp_path, TEXT)

    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", denied)

    assert refusal(path) == "cannot be read: Permission denied"


MEND = '; restore the file, or delete it: pytest-telemetry gate --update --reason "..." writes one'
INSTALL = ": install the one that wrote it"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"schema = 1\n# \xff", f"is not UTF-8 text (byte 13), so it is no baseline{MEND}"),
        (b"schema = ", f"is not TOML: Invalid value (at end of document){MEND}"),
        (b"<<<<<<< HEAD\nschema = 1", f"is not TOML: Invalid statement (at line 1, column 1){MEND}"),
        (b"a = " + b"[" * 100_000, f"is nested too deeply to be a baseline{MEND}"),
        (b"", f"schema: is missing, so this is no baseline{MEND}"),
        (b"schema = 2", f"schema: this version of pytest-telemetry reads 1, not 2{INSTALL}"),
        (b"schema = true", f"schema: this version of pytest-telemetry reads 1, not True{INSTALL}"),
        (b"schema = 1.0", f"schema: this version of pytest-telemetry reads 1, not 1.0{INSTALL}"),
        (b'schema = "1"', f"schema: this version of pytest-telemetry reads 1, not '1'{INSTALL}"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """Whatever else it is."""
    assert refusal(written(tmp_path, content)) == reason


@pytest.mark.parametrize("key", ["packages", "date", "sha256", "benchmarks"])
def test_a_key_that_must_be_there_is_missed(tmp_path: Path, key: str) -> None:
    """By its name."""
    text = "".join(line for line in TEXT.splitlines(keepends=True) if not line.startswith(key))

    assert refusal(written(tmp_path, text)).startswith(f"{key}: is missing; expected ")


def test_code_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    """An archive or a revision, one of them must be there."""
    text = "".join(line for line in TEXT.splitlines(keepends=True) if not line.startswith("revision"))

    assert refusal(written(tmp_path, text)) == (
        "revision: is missing, and so is archive; one must say where the baseline's code is"
    )
    assert load(written(tmp_path, text + 'archive = "baseline.zip"\n')).revision is None


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (
            "packages",
            "[]",
            "packages: is empty; name the top-level packages that are taken from the baseline",
        ),
        ("packages", '"mine"', "packages: expected a list, each the name of a top-level package, not 'mine'"),
        ("packages", '["a.b"]', "packages: expected the name of a top-level package, not 'a.b'"),
        ("packages", '["my-lib"]', "packages: expected the name of a top-level package, not 'my-lib'"),
        ("packages", '["class"]', "packages: expected the name of a top-level package, not 'class'"),
        ("packages", '["../a"]', "packages: expected the name of a top-level package, not '../a'"),
        ("packages", "[1]", "packages: expected the name of a top-level package, not 1"),
        ("packages", '["a", "a"]', "packages: 'a' stands there twice"),
        ("revision", '"main"', "revision: expected the full hash of a commit, not 'main'"),
        ("revision", '"0123456"', "revision: expected the full hash of a commit, not '0123456'"),
        ("revision", "7", "revision: expected the full hash of a commit, not 7"),
        ("date", '"2026-11-27"', "date: expected a date without a time, not '2026-11-27'"),
        (
            "date",
            "2026-11-27T10:00:00Z",
            "date: expected a date without a time, not datetime.datetime(2026, 11, 27, 10, 0, ",
        ),
        ("sha256", '"abc"', "sha256: expected 64 hexadecimal digits, not 'abc'"),
        ("sha256", f'"{"g" * 64}"', f"sha256: expected 64 hexadecimal digits, not '{'g' * 64}'"),
        ("sha256", "[]", "sha256: expected 64 hexadecimal digits, not []"),
        ("threshold", "0", "threshold: expected a number between 0 and 1, not 0"),
        ("threshold", "1.0", "threshold: expected a number between 0 and 1, not 1.0"),
        ("threshold", "5", "threshold: expected a number between 0 and 1, not 5"),
        ("threshold", "nan", "threshold: expected a number between 0 and 1, not nan"),
        ("threshold", "true", "threshold: expected a number between 0 and 1, not True"),
        ("threshold", '"5 %"', "threshold: expected a number between 0 and 1, not '5 %'"),
        (
            "counters",
            '["records", "record"]',
            f"counters: expected one of {', '.join(COUNTERS)}, not 'record'",
        ),
        ("benchmarks", "[[]]", "benchmarks: expected the node id of a benchmark, not []"),
        ("benchmarks", '[" "]', "benchmarks: expected the node id of a benchmark, not ' '"),
        ("benchmarks", '["a::b", "a::b"]', "benchmarks: 'a::b' stands there twice"),
        ("reference", "169.0", "reference: expected a table, not 169.0"),
        ("reference", '{ "3.11" = 0 }', "reference.3.11: expected a time above 0 in ns, not 0"),
        ("reference", '{ "3.11" = true }', "reference.3.11: expected a time above 0 in ns, not True"),
        ("reference", '{ "3.11" = inf }', "reference.3.11: expected a time above 0 in ns, not inf"),
        ("reference", '{ "3.11.7" = 1 }', "reference: expected a Python minor like 3.11, not '3.11.7'"),
        ("treshold", "0.1", "unknown key 'treshold'; known are schema, packages, "),
        ("history", "3", "history: expected tables, [[history]], not 3"),
        ("history", "[3]", "history: expected tables, [[history]], not [3]"),
        ("history", "[{ reason = 'x' }]", "history 1: date: is missing; expected a date without a time"),
        ("history", "[{ date = 2026-01-01 }]", "history 1: reason: is missing; expected a reason"),
        ("history", "[{ date = 2026-01-01, reason = '' }]", "history 1: reason: expected a reason, not ''"),
        (
            "history",
            "[{ date = 2026-01-01, reason = 'x', revision = 'HEAD' }]",
            "history 1: revision: expected the full hash of a commit, not 'HEAD'",
        ),
        (
            "history",
            "[{ date = 2026-01-01, reason = 'x' }, { date = 2026-01-01, reason = 'x', drift = { a = -1.0 } }]",
            "history 2: drift.a: expected a fraction above -1, not -1.0",
        ),
        (
            "history",
            f"[{{ date = 2026-01-01, reason = 'x', drift = {{ a = 1{'0' * 400} }} }}]",
            f"history 1: drift.a: expected a fraction above -1, not 1{'0' * 76}...",
        ),
        (
            "history",
            "[{ date = 2026-01-01, raeson = 'x' }]",
            "unknown key 'history 1: raeson'; known are date, revision, reason, drift",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_refused(tmp_path: Path, key: str, value: str, reason: str) -> None:
    """With the key, what was expected and what stands there."""
    lines = [line for line in TEXT.splitlines() if not line.startswith(f"{key} ")]

    assert refusal(written(tmp_path, "\n".join([*lines, f"{key} = {value}"]))).startswith(reason)


@pytest.mark.parametrize(
    "name",
    [
        "/baseline.zip",
        "../baseline.zip",
        "kept/../../x.zip",
        "C:x.zip",
        "C:/x.zip",
        "kept\\\\x.zip",
        "",
        ".",
        "a\\u0000b",
    ],
)
def test_an_archive_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    """A name that leads out of it is refused on every system alike."""
    assert refusal(written(tmp_path, f'{TEXT}archive = "{name}"\n')).startswith(
        "archive: expected a name beside this file, with / between folders, not "
    )


def test_an_archive_may_stand_in_a_folder_below(tmp_path: Path) -> None:
    """The name is kept as it was written."""
    assert load(written(tmp_path, f'{TEXT}archive = "kept/baseline.zip"\n')).archive == "kept/baseline.zip"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (replace(SMALLEST, revision=None), "not written: revision: is missing, and so is archive"),
        (replace(SMALLEST, packages=()), "not written: packages: is empty"),
        (
            replace(SMALLEST, history=(Update(DAY, None, " "),)),
            "not written: history 1: reason: expected a reason",
        ),
        (
            replace(SMALLEST, threshold=float("nan")),
            "not written: threshold: expected a number between 0 and 1",
        ),
        (replace(SMALLEST, benchmarks=("a\ud800b",)), "not written: half a surrogate pair is no text: "),
    ],
)
def test_what_could_not_be_loaded_is_not_written(tmp_path: Path, wrong: Baseline, reason: str) -> None:
    """The old file stays as it was, and nothing else is left behind."""
    path = written(tmp_path, TEXT)

    with pytest.raises(UnusableInput) as caught:
        save(path, wrong)

    assert str(caught.value).startswith(f"{path}: {reason}")
    assert path.read_text(encoding="utf-8") == TEXT
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk costs neither the old file nor a stray new one."""
    path = written(tmp_path, TEXT)

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:3])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(UnusableInput) as caught:
            save(path, FULL)

    assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert load(path) == SMALLEST
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    """Nothing is made on the way."""
    with pytest.raises(UnusableInput, match="cannot be written: No such file or directory"):
        replace_file(tmp_path / "none" / "file", b"")

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "fits"),
    [("mine", True), ("_ünï1", True), ("1a", False), ("", False), ("if", False), (None, False)],
)
def test_a_package_is_named_as_python_names_things(name: object, fits: bool) -> None:
    """Anything else could not be imported, and might be taken for an option or a path."""
    assert is_package_name(name) is fits
