"""What is known of a name, and what it is made of (layer 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_telemetry.codeintel.modules import Module
    from pytest_telemetry.codeintel.skeleton_map import SkeletonMap, Symbol

__all__ = ("Answer", "Builder", "Definition", "Doubt")


class Builder(Protocol):
    """What makes skeletons."""

    def parse_python(self, code: str | bytes, file_path: str | Path) -> SkeletonMap:
        """Return the skeleton of *code*."""


@dataclass(frozen=True, slots=True)
class Definition:
    """Where something is defined.

    Attributes:
        module: In which module.
        symbol: As what; None for the module itself.
    """

    module: Module
    symbol: Symbol | None = None

    @property
    def place(self) -> tuple[Path | None, int]:
        """What no two definitions share."""
        return self.module.file, 1 if self.symbol is None else self.symbol.line


class Doubt(NamedTuple):
    """Why an answer is not the whole truth: one word of a short list, and a sentence."""

    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a name.

    Attributes:
        found: Where it is defined; several where it depends on conditions.
        doubts: What could not be followed.
        is_certain: Whether there can be no other definition than those that were found.
    """

    found: tuple[Definition, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    is_certain: bool = True

    @classmethod
    def joined(cls, answers: Iterable[Answer]) -> Answer:
        """Return what several ways lead to; where some lead nowhere, it is what the others lead to."""
        found: dict[object, Definition] = {}
        doubts: dict[Doubt, None] = {}
        is_certain = True
        for answer in answers:
            for definition in answer.found:
                found.setdefault(definition.place, definition)
            doubts.update(dict.fromkeys(answer.doubts))
            is_certain &= answer.is_certain
        return cls(tuple(found.values()), tuple(doubts), is_certain)
