"""The bases of a class, and the order in which Python looks into them (layer 2)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

__all__ = ("bases_of", "linearised")

T = TypeVar("T")


def bases_of(signature: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the bases in the signature of a class: their text, and their names where they are nothing else."""
    depth = 0
    for at, sign in enumerate(signature):
        if sign == "(" and not depth:
            signature = signature[at:]  # behind the type parameters
            break
        depth += (sign in "[(") - (sign in "])")
    else:
        return
    try:
        (call,) = (ast.parse(f"_{signature}", mode="eval").body,)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        yield signature, ()
        return
    for base in call.args if isinstance(call, ast.Call) else ():
        expression = base.value if isinstance(base, ast.Subscript) else base
        text = ast.unparse(expression)
        yield text, tuple(text.split(".")) if re.fullmatch(r"\w+(?:\.\w+)*", text) else ()


def linearised(lines: Sequence[Sequence[T]], key: Callable[[T], Hashable]) -> list[T]:
    """Return the order that Python makes of those of the bases and of the bases themselves, the last of *lines*.

    Where Python refuses to, each stands where it comes first. What has the same *key* is the same.
    """
    merged: list[T] = []
    waiting = [list(line) for line in lines if line]
    while waiting:
        tails = {key(base) for line in waiting for base in line[1:]}
        head = next((line[0] for line in waiting if key(line[0]) not in tails), waiting[0][0])
        merged.append(head)
        waiting = [rest for line in waiting if (rest := [base for base in line if key(base) != key(head)])]
    return merged
