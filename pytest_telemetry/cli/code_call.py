"""What the commands of ``pytest-telemetry code`` share: options, the run of a call, and how places are printed (layer 7)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pytest_telemetry.cli.group import CLEAN, FOUND, complain, say
from pytest_telemetry.cli.printing import say_json
from pytest_telemetry.codeintel.workspace import Workspace
from pytest_telemetry.reports.text import visible
from pytest_telemetry.runs import LEVELS, Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.codeintel.resolution import Place, Resolution
    from pytest_telemetry.runs import Level

__all__ = (
    "call_options",
    "outside_path",
    "place_file",
    "place_text",
    "resolution_object",
    "root_option",
    "run_of",
    "tell",
)

F = TypeVar("F", bound="Callable[..., Any]")


def call_options(function: F) -> F:
    """Add the options that every command has."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text."),
        click.option(
            "--telemetry",
            "level",
            type=click.Choice(LEVELS),
            default="off",
            show_default=True,
            help="Record this call as a run of the workspace.",
        ),
        click.option(
            "--workspace", metavar="DIR", default=".", show_default=True, help="What files are relative to."
        ),
    ):
        function = option(function)
    return function


def root_option(function: F) -> F:
    """Add the option for further roots."""
    return click.option(
        "--root",
        "roots",
        multiple=True,
        metavar="DIR",
        help="Look here for modules that the workspace does not have; may be repeated.",
    )(function)


def run_of(workspace: str, level: Level) -> Telemetry:
    """Return the run that a call is recorded in; it is to be closed, also where the call fails.

    Raises:
        UnusableInput: The workspace is no directory.
    """
    return Telemetry(Workspace(workspace).root, level=level)


def tell(resolution: Resolution, *, as_json: bool) -> int:
    """Print what was found and what the candidates are; return the exit code."""
    if as_json:
        say_json(resolution_object(resolution))
    else:
        for place in resolution.places:
            say(place_text(place))
        if resolution.reason is not None:
            why = f": {resolution.detail}" if resolution.detail else ""
            complain(visible(f"{resolution.status}, {resolution.source} ({resolution.reason}){why}"))
    return CLEAN if resolution.status == "ok" else FOUND


def resolution_object(resolution: Resolution) -> dict[str, Any]:
    """Return what was found as JSON has it: with the absolute path, ``path``, of what is outside of the workspace."""
    candidates = [{**place.as_dict(), "path": outside_path(place)} for place in resolution.candidates]
    return {**resolution.as_dict(), "path": outside_path(resolution.place), "candidates": candidates}


def outside_path(place: Place | None) -> str | None:
    """Return the absolute path of a place outside of the workspace; None where it is inside, or no file."""
    is_outside = place is not None and place.file.startswith("external/") and place.path is not None
    return str(place.path) if place is not None and is_outside else None


def place_file(place: Place) -> str:
    """Return the name of the file, or, outside of the workspace, its path."""
    return outside_path(place) or place.file


def place_text(place: Place) -> str:
    """Return a place on one line: where it is, outside of the workspace by its path, and what."""
    what = " ".join(part for part in (place.kind, place.qualname or place.module) if part)
    return visible(f"{Path(place_file(place))}:{place.line}" + (f"  {what}" if what else ""))
