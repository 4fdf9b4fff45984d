"""What is read of a file in which mode, and what is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry import Telemetry, TelemetryRecorder, span
from pytest_telemetry.codeintel.modules import OutsideRoots
from pytest_telemetry.codeintel.reads import SourceReader
from pytest_telemetry.model.errors import UnusableInput

CODE = '''
    """A module."""

    LIMIT = 1

    @deco
    def f(a):
        """Do it."""
        return a

    class A:
        def m(self): ...

    if x:
        def g(): ...
    else:
        def g(): ...
    '''


@pytest.fixture
def root(files: Any) -> Path:
    written: Path = files({"pkg/a.py": CODE})
    return written


def test_raw_is_the_file(root: Path) -> None:
    """All of it, with its line ends; what is disclosed is counted in bytes of UTF-8."""
    (root / "b.py").write_bytes("x = 'ü'\r\ny = 1".encode())

    reading = SourceReader(workspace=root).read("b.py", "raw")

    assert (reading.text, reading.bytes_read) == ("x = 'ü'\r\ny = 1", 15)
    assert (reading.mode, reading.file, reading.lines) == ("raw", "b.py", None)
    assert (reading.undecodable, reading.is_cut) == (0, False)


def test_a_skeleton_is_less_than_the_file(root: Path) -> None:
    """And what is disclosed is the skeleton, not what it was made of."""
    reading = SourceReader(workspace=root).read(root / "pkg/a.py")

    assert (reading.mode, reading.file) == ("skeleton", "pkg/a.py")
    assert "def f(a)" in reading.text
    assert "return a" not in reading.text
    assert reading.bytes_read == len(reading.text.encode())


@pytest.mark.parametrize(
    ("lines", "text", "shown"),
    [((3, 3), "LIMIT = 1\n", (3, 3)), ((1, 3), '"""A module."""\n\nLIMIT = 1\n', (1, 3)), ((16, 99), "    def g(): ...\n", (16, 16))],
)  # fmt: skip
def test_an_excerpt_is_of_lines(
    root: Path, lines: tuple[int, int], text: str, shown: tuple[int, int]
) -> None:
    """As far as there are any."""
    reading = SourceReader(workspace=root).read("pkg/a.py", "excerpt", lines=lines)

    assert (reading.text, reading.lines) == (text, shown)


@pytest.mark.parametrize(
    ("symbol", "first", "lines"),
    [("f", "@deco\n", (5, 8)), ("A.m", "    def m(self): ...\n", (11, 11)), ("A", "class A:\n", (10, 11))],
)
def test_an_excerpt_is_of_a_symbol(root: Path, symbol: str, first: str, lines: tuple[int, int]) -> None:
    """With its decorators."""
    reading = SourceReader(workspace=root).read("pkg/a.py", "excerpt", symbol=symbol)

    assert reading.text.startswith(first)
    assert reading.lines == lines


def test_lines_are_counted_as_python_counts_them(root: Path) -> None:
    """A form feed and a line separator end none."""
    (root / "b.py").write_bytes("a = '\u2028'\x0c\rb = 2\r\nc = 3\n".encode())

    assert SourceReader(workspace=root).read("b.py", "excerpt", lines=(2, 2)).text == "b = 2\r\n"


@pytest.mark.parametrize(
    ("path", "options", "problem"),
    [
        ("gone.py", {"mode": "raw"}, r"^gone\.py: No such file"),
        ("pkg", {"mode": "raw"}, "^pkg: is no file that can be read"),
        ("binary.bin", {"mode": "raw"}, "is binary"),
        ("pkg/a.py", {"mode": "excerpt", "lines": (17, 20)}, "has no line 17"),
        ("pkg/a.py", {"mode": "excerpt", "lines": (0, 2)}, "^pkg/a.py: lines 0-2: there are none"),
        ("pkg/a.py", {"mode": "excerpt", "lines": (3, 2)}, "lines 3-2: there are none"),
        ("pkg/a.py", {"mode": "excerpt", "symbol": "none"}, "defines no none"),
        ("pkg/a.py", {"mode": "excerpt", "symbol": "g"}, "defines g 2 times: name lines out of 14-14, 16-16"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(root: Path, path: str, options: Any, problem: str) -> None:
    """That says what to do."""
    (root / "binary.bin").write_bytes(b"a\0b")

    with pytest.raises(UnusableInput, match=problem):
        SourceReader(workspace=root).read(path, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "all"},
        {"mode": "excerpt"},
        {"mode": "excerpt", "lines": (1, 2), "symbol": "f"},
        {"mode": "raw", "lines": (1, 2)},
        {"mode": "skeleton", "symbol": "f"},
    ],
)
def test_what_has_no_meaning_is_a_value_error(root: Path, options: Any) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match=r"mode must be one of|an excerpt is of lines or of a symbol"):
        SourceReader(workspace=root).read("pkg/a.py", **options)


def test_a_pipe_is_not_waited_for(root: Path, make_pipe: Any) -> None:
    """Nobody may ever write to it."""
    make_pipe(root / "pipe.py")

    with pytest.raises(UnusableInput, match="no file that can be read"):
        SourceReader(workspace=root).read("pipe.py", "raw")


def test_nothing_outside_of_the_workspace_is_read(root: Path, telemetry_recorder: TelemetryRecorder) -> None:
    """However it is named; the refusal is recorded without the path."""
    secret = root.parent / "secret.py"
    secret.write_text("x = 1\n")
    (root / "link.py").symlink_to(secret)
    reader = SourceReader(telemetry_recorder.context, root)

    for path in ("../secret.py", secret, "link.py"):
        with pytest.raises(OutsideRoots, match="outside of the workspace"):
            reader.read(path, "raw")

    assert (
        span("file.read", {"bytes_read": 0, "result.status": "error"}, status="error") * 3
        in telemetry_recorder
    )
    assert str(root.parent) not in repr([record.attrs for record in telemetry_recorder])
    assert reader.total_bytes_read == 0


@pytest.mark.parametrize(
    ("code", "text", "undecodable"),
    [
        (b"# coding: unicode_escape\nx = '\\ud800'\n", "# coding: unicode_escape\nx = '\ufffd'\n", 1),
        (b"x = '\xff'\n", "x = '\ufffd'\n", 1),
        (b"# coding: latin-1\nx = '\xff'\n", "# coding: latin-1\nx = '\xff'\n", 0),
        (b"# coding: nonsense\nx = '\xc3\xbc'\n", "# coding: nonsense\nx = '\xfc'\n", 0),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n", 0),
        (b"# coding: rot13\nx = 1\n", "# coding: rot13\nx = 1\n", 0),
        (b"# coding: idna\nx = '\xc3\xbc'\n", "# coding: idna\nx = '\xfc'\n", 0),
        ("x = '\ufffd'\n".encode() + b"\xff\n", "x = '\ufffd'\n\ufffd\n", 1),
    ],
)
def test_what_is_no_text_is_replaced_and_counted(
    root: Path, code: bytes, text: str, undecodable: int
) -> None:
    """In the encoding that a Python file declares, if there is such a one."""
    (root / "b.py").write_bytes(code)

    reading = SourceReader(workspace=root).read("b.py", "raw")

    assert (reading.text, reading.undecodable) == (text, undecodable)


def test_files_that_are_no_python_are_utf_8(root: Path) -> None:
    """Whatever they say of themselves."""
    (root / "b.txt").write_bytes("# coding: latin-1\nü".encode())

    assert SourceReader(workspace=root).read("b.txt", "raw").text.endswith("ü")


def test_of_a_large_file_the_beginning_is_read(root: Path) -> None:
    """Whole lines, if there are any, and it is said."""
    (root / "b.py").write_text("a = 1\nb = 2\nc = 3\n")
    (root / "line.txt").write_text("x" * 100)
    reader = SourceReader(workspace=root, most_bytes=14)

    reading = reader.read("b.py", "raw")

    assert (reading.text, reading.is_cut) == ("a = 1\nb = 2\n", True)
    assert "c" not in reader.read("b.py").text
    assert reader.read("line.txt", "raw").text == "x" * 14


def test_a_line_behind_what_is_looked_at_is_said_to_be_there(root: Path) -> None:
    """It is not denied."""
    (root / "b.py").write_text("a = 1\nb = 2\nc = 3\n")
    reader = SourceReader(workspace=root, most_bytes=14)

    assert reader.read("b.py", "excerpt", lines=(2, 3)).lines == (2, 2)
    with pytest.raises(UnusableInput, match=r"b.py: line 3 is behind the first 12 bytes"):
        reader.read("b.py", "excerpt", lines=(3, 3))


def test_bytes_are_counted_by_mode(root: Path, telemetry_recorder: TelemetryRecorder) -> None:
    """In the reader, in each record, and in counters."""
    reader = SourceReader(telemetry_recorder.context, root)

    raw = reader.read("pkg/a.py", "raw").bytes_read
    skeleton = reader.read("pkg/a.py").bytes_read + reader.read("pkg/a.py").bytes_read
    excerpt = reader.read("pkg/a.py", "excerpt", lines=(3, 3)).bytes_read

    assert reader.bytes_by_mode == {"skeleton": skeleton, "excerpt": excerpt, "raw": raw}
    assert reader.total_bytes_read == raw + skeleton + excerpt
    for mode, count in reader.bytes_by_mode.items():
        assert telemetry_recorder.metric(f"file_read_{mode}_bytes_total") == count
    reads = [record for record in telemetry_recorder if record.name == "file.read"]
    assert reads[0].attrs == {
        "args.file": "pkg/a.py",
        "result.status": "ok",
        "bytes_read": raw,
        "disclosure_mode": "raw",
    }
    assert all(record.duration_ns and record.status == "ok" for record in reads)


def test_totals_are_in_the_figures_of_a_run(root: Path) -> None:
    """As the document has them: by mode, and all."""
    with Telemetry(root) as run:
        reader = SourceReader(run, root)
        reader.read("pkg/a.py", "raw")

        assert run.figures()["file_read"]["raw_bytes"] == reader.total_bytes_read > 0


def test_skeletons_come_from_the_builder_that_was_given(root: Path) -> None:
    """With its cache."""
    made: list[Any] = []

    class Builder:
        def parse_python(self, code: Any, file_path: Any) -> Any:
            from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder

            made.append(file_path)
            return SkeletonMapBuilder(workspace=root).parse_python(code, file_path)

    SourceReader(workspace=root, builder=Builder()).read("pkg/a.py")

    assert made == [root.resolve() / "pkg/a.py"]
