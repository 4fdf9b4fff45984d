"""How code is written in a skeleton: signatures, values and docstrings in one line each (layer 2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_telemetry.codeintel.python_source import STRING

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ("bracketed", "cut", "docstring_line", "dotted", "one_line", "parameters", "text_of")

_LONG: Final = 60
_SPACE: Final = re.compile(r"\s+")
_COMMENT_OR_STRING: Final = re.compile(rf"(?P<comment>#[^\n]*)|{STRING.decode()}", re.DOTALL)
_SPACE_IN_BRACKETS: Final = re.compile(r"([(\[{]) +|,? +([)\]}])")
_PLAIN_PARAMETERS: Final = re.compile(r"\((?:\*{0,2}\w+(?:, \*{0,2}\w+)*)?\)")


def text_of(node: Node, text: bytes) -> str:
    """Return the code of a node as it stands in *text*."""
    return text[node.start_byte : node.end_byte].decode()


def parameters(node: Node, text: bytes) -> str:
    """Return the parameters of a function with their brackets, in one line."""
    whole = text_of(node, text)
    if len(whole) <= _LONG and _PLAIN_PARAMETERS.fullmatch(whole):
        return whole
    return bracketed(node, text)


def bracketed(node: Node, text: bytes) -> str:
    """Return what stands in brackets, in one line, without comments and the comma at the end."""
    inside = ", ".join(_part(part, text) for part in node.named_children if part.type != "comment")
    return f"[{inside}]" if text[node.start_byte : node.start_byte + 1] == b"[" else f"({inside})"


def _part(node: Node, text: bytes) -> str:
    """Return a parameter with a default that is not too long, or an argument."""
    kind = node.child_by_field_name("type") if node.type.startswith("typed_") else None
    value = node.child_by_field_name("value") if node.type.endswith("default_parameter") else None
    first = kind or value
    if first is None:
        return one_line(text_of(node, text))
    part = one_line(text[node.start_byte : first.start_byte].decode()).rstrip(":= ")
    if kind is not None:
        part += f": {one_line(text_of(kind, text))}"
    if value is not None:
        part += f"{'=' if kind is None else ' = '}{cut(text_of(value, text))}"
    return part


def one_line(code: str) -> str:
    """Return code without comments and line ends; space outside of strings is one blank."""
    if "\n" not in code and "  " not in code and "\t" not in code:
        return code
    pieces = []
    between = ""
    done = 0
    for match in _COMMENT_OR_STRING.finditer(code):
        between += code[done : match.start()]
        done = match.end()
        if match["comment"] is None:
            pieces += [_without_space(between), match[0].replace("\n", "\\n")]
            between = ""
    pieces.append(_without_space(between + code[done:]))
    return "".join(pieces)


def _without_space(code: str) -> str:
    return _SPACE_IN_BRACKETS.sub(r"\1\2", _SPACE.sub(" ", code))


def cut(code: str) -> str:
    """Return code in one line of 60 characters at most."""
    line = one_line(code)
    return line if len(line) <= _LONG else line[: _LONG - 3] + "..."


def docstring_line(body: Node, text: bytes) -> str:
    """Return the first line of a docstring that is not blank."""
    for part in body.named_children:
        if part.type == "comment":
            continue
        if part.type != "expression_statement":
            break
        (inner, *more) = part.named_children or (None,)
        if more or inner is None:
            break
        if inner.type == "concatenated_string":
            inner = inner.named_children[0]
        if inner.type == "string":
            return _first_line(text_of(inner, text))
        break
    return ""


_STRING: Final = re.compile(r"([rRuU]?)('''|\"\"\"|'|\")(.*)\2", re.DOTALL)


def _first_line(literal: str) -> str:
    match = _STRING.fullmatch(literal)
    if match is None:  # bytes, or a template
        return ""
    content = match[3]
    if match[1].lower() != "r":
        content = content.replace("\\\n", "")
    for line in content.splitlines():
        if line.strip():
            return line.strip()
    return ""


def dotted(node: Node, text: bytes) -> str:
    """Return a name with dots, without the space that may stand around them."""
    return "".join(text_of(node, text).split())
