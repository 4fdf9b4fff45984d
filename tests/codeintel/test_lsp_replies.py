"""What servers answer, in every shape that the protocol allows, and in others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.codeintel.lsp_documents import Documents, path_of, text_on_disk
from pytest_telemetry.codeintel.lsp_errors import LSPError
from pytest_telemetry.codeintel.lsp_replies import ReplyReader
from pytest_telemetry.codeintel.workspace import Workspace

NOTHING: list[Any] = [None, []]


def spanned(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


@pytest.fixture
def reader(tmp_path: Path) -> ReplyReader:
    (tmp_path / "a.py").write_text("x = 'é'; y = 1\n", encoding="utf-8")
    return ReplyReader(Workspace(tmp_path), Documents(), "utf-8")


def uri(name: str, tmp_path: Path) -> str:
    return (tmp_path.resolve() / name).as_uri()


def test_a_definition_is_one_location_many_or_links(reader: ReplyReader, tmp_path: Path) -> None:
    """A link has the name of what it leads to, not all of it; null and an empty array are empty."""
    location = {"uri": uri("a.py", tmp_path), "range": spanned(0, 10, 11)}
    link = {
        "targetUri": location["uri"],
        "targetRange": spanned(0, 0, 15),
        "targetSelectionRange": spanned(0, 10, 11),
    }

    replies = [reader.locations(shape) for shape in (location, [location], [link])]

    assert replies[0] == replies[1] == replies[2]
    (found,) = replies[0].locations
    assert (found.file, found.line, found.col, found.end_line, found.end_col) == ("a.py", 1, 9, 1, 10)
    assert (found.path, found.uri) == (tmp_path.resolve() / "a.py", location["uri"])
    assert [reader.locations(nothing).status for nothing in NOTHING] == ["empty", "empty"]


def test_the_text_of_an_open_document_counts(tmp_path: Path) -> None:
    """Not what is on disk."""
    workspace, documents = Workspace(tmp_path), Documents()
    list(documents.opened(workspace.file("a.py"), "éé\n"))

    (found,) = (
        ReplyReader(workspace, documents, "utf-8")
        .locations({"uri": uri("a.py", tmp_path), "range": spanned(0, 2, 4)})
        .locations
    )

    assert (found.col, found.end_col) == (1, 2)


def test_what_is_no_python_file_is_utf_8(tmp_path: Path) -> None:
    """Whatever stands in its first lines."""
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf# coding: latin-1\n\xc3\xa9\xff")

    assert text_on_disk(tmp_path / "a.txt")[0] == "# coding: latin-1\n\xe9\ufffd"


@pytest.mark.parametrize("name", ["gone.py", "a.py/b.py", "."])
def test_in_a_file_that_cannot_be_read_columns_are_those_of_the_server(
    reader: ReplyReader, tmp_path: Path, name: str
) -> None:
    """The place is still better than none."""
    (found,) = reader.locations({"uri": uri(name, tmp_path), "range": spanned(4, 7, 9)}).locations

    assert (found.line, found.col) == (5, 7)


@pytest.mark.parametrize("other", ["vendored:/stdlib/builtins.pyi", "untitled:Untitled-1", "file:relative"])
def test_what_is_no_file_keeps_its_uri(reader: ReplyReader, other: str) -> None:
    """And has a name that tells no directory."""
    (found,) = reader.locations([{"uri": other, "range": spanned(0, 0, 1)}]).locations

    assert (found.path, found.uri) == (None, other)
    assert found.file.startswith("external/")


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        ("plain", "plain"),
        ({"language": "python", "value": "class A"}, "class A"),
        ({"kind": "markdown", "value": "**A**"}, "**A**"),
        (["a", {"language": "python", "value": "b"}, ""], "a\n\nb"),
    ],
)
def test_a_hover_is_marked_up_in_any_way(reader: ReplyReader, contents: Any, text: str) -> None:
    """The texts of several are put one below the other."""
    assert reader.hover({"contents": contents}).text == text


@pytest.mark.parametrize("result", [None, {"contents": []}, {"contents": ""}, {"contents": None}])
def test_a_hover_without_text_is_empty(reader: ReplyReader, result: Any) -> None:
    """However the server says it."""
    reply = reader.hover(result)

    assert (reply.status, reply.text, reply.count) == ("empty", "", 0)


def test_symbols_are_nested_or_flat(reader: ReplyReader, tmp_path: Path) -> None:
    """The nested ones have the place of their name apart from all of it."""
    path = tmp_path / "a.py"
    inner = {"name": "y", "kind": 13, "range": spanned(0, 10, 15), "selectionRange": spanned(0, 10, 11)}
    nested = {"name": "x", "kind": 13, "range": spanned(0, 0, 15), "selectionRange": spanned(0, 0, 1)}
    flat = {"name": "y", "kind": 13, "location": {"uri": "file:///x", "range": spanned(0, 10, 15)}}

    outer, other = (
        reader.symbols([shape], path).symbols[0] for shape in (nested | {"children": [inner]}, flat)
    )

    (child,) = outer.children
    assert (child.name, child.line, child.col, child.first_line, child.end_line) == ("y", 1, 9, 1, 1)
    assert (other.name, other.col, other.children) == ("y", 9, ())
    assert [reader.symbols(nothing, path).status for nothing in NOTHING] == ["empty", "empty"]


def test_symbols_that_nest_without_end_are_refused(reader: ReplyReader, tmp_path: Path) -> None:
    """And do not exhaust the stack."""
    symbol: dict[str, Any] = {"name": "x", "kind": 13, "range": spanned(0, 0, 1)}
    for _ in range(200):
        symbol = symbol | {"children": [symbol]}

    with pytest.raises(LSPError, match="what are no symbols: ValueError: more than 100 levels"):
        reader.symbols([symbol], tmp_path / "a.py")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("file:///a.py"),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["uri", "range", "start", "end", "line", "character", "contents", "value", "name", "kind"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(JSON)
def test_any_answer_is_read_or_refused(result: Any) -> None:
    """Nothing but `LSPError` is raised, whatever a server has sent."""
    reader = ReplyReader(Workspace(), Documents(), "utf-16")
    for read in (reader.locations, reader.hover, lambda shape: reader.symbols(shape, Path("a.py"))):
        try:
            reply = read(result)
        except LSPError:
            continue
        assert reply.status in {"ok", "empty"}


@pytest.mark.parametrize("odd", ["file:///a%00b", "file://[", "http://x/a.py", "", "file:///\ud800"])
def test_an_odd_uri_is_no_path(odd: str) -> None:
    """It is not followed, and raises nothing."""
    found = path_of(odd)

    assert found is None or found.is_absolute()
