"""``pytest-telemetry code get``: prints a symbol, some lines, or a file (layer 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pytest_telemetry.cli.code_call import (
    call_options,
    outside_path,
    place_file,
    resolution_object,
    root_option,
    run_of,
    tell,
)
from pytest_telemetry.cli.group import CLEAN, FOUND, complain, say
from pytest_telemetry.cli.printing import say_json
from pytest_telemetry.codeintel.reads import MODES
from pytest_telemetry.codeintel.retrieval import retrieve
from pytest_telemetry.model.wording import plural
from pytest_telemetry.reports.text import visible

if TYPE_CHECKING:
    from pytest_telemetry.codeintel.reads import Mode, Reading
    from pytest_telemetry.codeintel.retrieval import Retrieved
    from pytest_telemetry.runs import Level

__all__ = ("command",)


@click.command(
    name="get",
    epilog="""\b
Examples:
  pytest-telemetry code get sym://python/app.models/Model.save
  pytest-telemetry code get app/models.py --mode skeleton
  pytest-telemetry code get app/models.py:12 --telemetry full
Exit code: 0 printed, 1 not found or ambiguous, 2 input that cannot be used.""",
)
@click.argument("address", metavar="ID")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="How much is disclosed; by default an excerpt, of FILE the skeleton, and all of it if that is not Python.",
)
@root_option
@call_options
def command(
    *, address: str, mode: Mode | None, roots: tuple[str, ...], workspace: str, level: Level, as_json: bool
) -> int:
    """Print a symbol, some lines, or a file, and say how many bytes that was.

    ID is a sym:// address, FILE:LINE for the innermost definition around a line, FILE:FIRST-LAST, or FILE.
    """
    with run_of(workspace, level) as run:
        found = retrieve(address, mode, run, workspace, roots=roots)
    reading, resolution = found.reading, found.resolution
    if as_json:
        say_json(_object(address, found))
        return FOUND if reading is None else CLEAN
    if reading is None:
        return FOUND if resolution is None else tell(resolution, as_json=False)
    if reading.text:
        say(reading.text.removesuffix("\n"))
    place = None if resolution is None else resolution.place
    file = reading.file if place is None else place_file(place)
    complain(visible(_told(reading, file)))
    return CLEAN


def _told(reading: Reading, file: str) -> str:
    where = "" if reading.lines is None else f", lines {reading.lines[0]}-{reading.lines[1]}"
    parts = [f"{file}{where}: {reading.mode}, {plural(reading.bytes_read, 'byte')} read"]
    if reading.undecodable:
        parts.append(f"{reading.undecodable:,} undecodable, replaced")
    if reading.is_cut:
        parts.append("the file goes on behind")
    return "; ".join(parts)


def _object(address: str, found: Retrieved) -> dict[str, Any]:
    reading, resolution = found.reading, found.resolution
    return {
        "id": address,
        "status": "ok" if resolution is None else resolution.status,
        "file": None if reading is None else reading.file,
        "path": None if reading is None or resolution is None else outside_path(resolution.place),
        "lines": None if reading is None or reading.lines is None else list(reading.lines),
        "text": None if reading is None else reading.text,
        "bytes_read": 0 if reading is None else reading.bytes_read,
        "disclosure_mode": None if reading is None else reading.mode,
        "undecodable": 0 if reading is None else reading.undecodable,
        "is_cut": reading is not None and reading.is_cut,
        "resolution": None if resolution is None else resolution_object(resolution),
    }
