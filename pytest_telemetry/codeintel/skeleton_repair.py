"""Makes more of a broken Python file readable, with the same lines (layer 2).

A parser that meets an error looks for the cheapest way on, and may give up a class for a bracket in one of its methods.
People see more: no bracket holds a ``def``, and a function ends where the indentation does.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_telemetry.codeintel.python_source import STRING
from pytest_telemetry.codeintel.skeleton_map import Damage
from pytest_telemetry.codeintel.skeleton_tree import MAX_LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ("isolated", "repaired")

_TOKEN: Final = re.compile(
    rb"(?P<comment>#[^\n]*)|" + STRING + rb"|(?P<opening>[(\[{])|(?P<closing>[)\]}])"
    rb"|(?P<newline>\n)(?P<statement>[ \t\f]*(?:(?:async[ \t]+def|assert|break|class|continue|def|del|elif|except|finally"
    rb"|global|import|nonlocal|pass|raise|return|try|while|with)\b|(?:else|for|if)\b[^\n]*:[ \t]*(?=\n)))?",
    re.DOTALL,
)
_COMPOUND: Final = re.compile(rb"[ \t\f]*(?:async|class|def|elif|except|for|if|while|with)\b")
_DEF: Final = re.compile(rb"[ \t\f]*(?:async[ \t]+)?def\b")
_NAME: Final = re.compile(rb"(?:class|(?:async[ \t]+)?def)[ \t]+[\w\x80-\xff]+")
_DEPENDENT: Final = re.compile(rb"@|(?:elif|else|except|finally|case)\b")
"""What no statement begins with, though a line may."""
_COMMENT: Final = re.compile(rb"[ \t\f]*#")
_DEEPER: Final = b" " * 100
"""More than people indent."""
_CLOSED_BY: Final = {b"(": b")", b"[": b"]", b"{": b"}"}


def repaired(text: bytes) -> tuple[bytes, tuple[Damage, ...]]:
    """Return *text* so that more of it can be parsed, with the same lines, and what was found to be damaged.

    - No bracket holds a line that begins with ``def``, or with another word that only statements begin with: one that
      seems to was never closed. It is closed on the line before, and what follows can be read.
    - Lines inside of brackets may begin anywhere, which the grammar does not always take: they are indented.
    """
    pieces: list[bytes] = []
    damage: list[Damage] = []
    opened: list[re.Match[bytes]] = []
    done = line = counted = 0
    before = None
    for match in _TOKEN.finditer(text):
        if match["opening"]:
            opened.append(match)
        elif match["closing"] and opened:
            opened.pop()
        elif match["statement"] and opened:
            first = opened[0].start()
            line += text.count(b"\n", counted, first)
            counted = first
            damage.append(Damage(line + 1, line + 1))
            is_comment = before is not None and before["comment"] and before.end() == match.start()
            end = before.start() if before is not None and is_comment else match.start()
            pieces += [text[done:end], *(_CLOSED_BY[sign[0]] for sign in reversed(opened))]
            if _COMPOUND.match(text, text.rfind(b"\n", 0, first) + 1):
                pieces.append(b":")
            done = end
            opened.clear()
        elif match["newline"] and opened:
            pieces += [text[done : match.end()], _DEEPER]
            done = match.end()
        before = match
    pieces.append(text[done:])
    return b"".join(pieces), tuple(damage)


class _Function(NamedTuple):
    """Rows of a function: its first one, the one behind its header, the one behind its end; and its indentation."""

    first: int
    body: int
    end: int
    indent: int


def isolated(text: bytes, damage_of: Callable[[bytes], list[Damage]]) -> tuple[bytes, tuple[Damage, ...]]:
    """Return *text* without the functions and statements that are broken, and where they are.

    Of a function the header stays if it can be read, and otherwise its name, as that of a class does; what stands in a
    function is looked at first. What is deeper than Python allows is not looked at.

    Args:
        text: What `repaired` returned.
        damage_of: Says where a text cannot be parsed.
    """
    lines = text.split(b"\n")
    damage = _flattened(text, lines)
    text = b"\n".join(lines)
    for function in sorted(_functions(text, lines), reverse=True):
        found = damage_of(_alone(lines, function, function.end))
        if not found:
            continue
        damage += [Damage(part.line + function.first, part.end_line + function.first) for part in found]
        _empty(lines, function, keeps_header=not damage_of(_alone(lines, function, function.body) + b" 0"))
    for row, end, indent, next_indent in _statements(b"\n".join(lines), lines):
        code_there = b"\n".join(lines[row:end]).strip()
        if _DEPENDENT.match(code_there) or not damage_of(code_there):
            continue
        damage.append(Damage(row + 1, end))
        lines[row:end] = [b""] * (end - row)
        if next_indent > indent:
            lines[row] = b" " * indent + (_plain_header(code_there) or b"if 0:")
    return b"\n".join(lines), tuple(damage)


def _flattened(text: bytes, lines: list[bytes]) -> list[Damage]:
    """Empty what is deeper than Python allows, and return where that is.

    Each level would be parsed with all that are in it: of thousands that took minutes.
    """
    damage = []
    around: list[int] = []
    for row, end, indent, _ in _statements(text, lines):
        while around and around[-1] >= indent:
            around.pop()
        if len(around) >= MAX_LEVELS:
            damage.append(Damage(row + 1, end))
            lines[row:end] = [b""] * (end - row)
            if len(around) == MAX_LEVELS:
                lines[row] = b" " * indent + b"0"
        around.append(indent)
    return damage


def _empty(lines: list[bytes], function: _Function, *, keeps_header: bool) -> None:
    """Leave of a function its header and a body that ends where it did."""
    first, body, end, indent = function
    code = [row for row in range(first, end) if lines[row].strip() and not _COMMENT.match(lines[row])]
    name = _NAME.match(lines[first].strip())
    header = (
        lines[first:body] if keeps_header else [b"" if name is None else b" " * indent + name[0] + b"():"]
    )
    lines[first:end] = [*header, *[b""] * (end - first - len(header))]
    if code[-1] < first + len(header):
        lines[first] += b" 0"
    else:
        lines[code[-1]] = b" " * (indent + bool(header[0].strip())) + b"0"


def _plain_header(code: bytes) -> bytes:
    """Return how a class or function begins that is named as the one in *code*; nothing where no name can be read."""
    name = _NAME.match(code)
    if name is None:
        return b""
    return name[0] + (b":" if code.startswith(b"class") else b"():")


def _alone(lines: list[bytes], function: _Function, end: int) -> bytes:
    """Return the lines of a function up to *end*, below one in which it may be indented."""
    return b"\n".join([b"if 0:" if function.indent else b"", *lines[function.first : end]])


def _functions(text: bytes, lines: list[bytes]) -> Iterator[_Function]:
    """Yield what begins with ``def`` and ends where a line is not indented more."""
    opened: list[_Function] = []
    for row, following, indent, _ in _statements(text, lines):
        while opened and opened[-1].indent >= indent:
            yield opened.pop()._replace(end=row)
        if _DEF.match(lines[row]):
            opened.append(_Function(row, following, len(lines), indent))
    yield from opened


def _statements(text: bytes, lines: list[bytes]) -> list[tuple[int, int, int, int]]:
    """Return the rows of each logical line and behind it, its indentation, and that of the next one."""
    found = []
    for row, following in pairwise([*_logical_rows(text), len(lines)]):
        code = lines[row].lstrip(b" \t\f")
        if code and not code.startswith(b"#"):
            found.append((row, following, len(lines[row][: -len(code)].expandtabs())))
    return [(*one, other[2]) for one, other in pairwise([*found, (0, 0, 0)])]


def _logical_rows(text: bytes) -> Iterator[int]:
    """Yield the rows on which a line begins as Python has it, outside of strings and brackets."""
    depth = row = counted = 0
    yield 0
    for match in _TOKEN.finditer(text):
        if match["opening"]:
            depth += 1
        elif match["closing"]:
            depth = max(depth - 1, 0)
        elif match["newline"] and not depth and text[match.start() - 1 : match.start()] != b"\\":
            row += text.count(b"\n", counted, match.start() + 1)
            counted = match.start() + 1
            yield row
