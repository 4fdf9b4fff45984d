"""``pytest-telemetry code search``: searches symbols by name (layer 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pytest_telemetry.cli.code_call import call_options, run_of
from pytest_telemetry.cli.group import CLEAN, FOUND, complain, say
from pytest_telemetry.cli.printing import say_json
from pytest_telemetry.cli.progress import steps
from pytest_telemetry.codeintel.search import search_symbols
from pytest_telemetry.model.wording import plural
from pytest_telemetry.reports.text import visible

if TYPE_CHECKING:
    from pytest_telemetry.codeintel.search import SearchResult
    from pytest_telemetry.runs import Level

__all__ = ("command",)


@click.command(
    name="search",
    epilog="""\b
Examples:
  pytest-telemetry code search Model
  pytest-telemetry code search Model.save --limit 5 --telemetry lite
Exit code: 0 found, 1 not found, 2 input that cannot be used.""",
)
@click.argument("query")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Print so many."
)
@call_options
def command(*, query: str, limit: int, workspace: str, level: Level, as_json: bool) -> int:
    """Search the symbols of a workspace: those whose dotted name contains QUERY, in any case, the best first.

    Links, hidden directories, virtual environments and caches are left out.
    """
    with run_of(workspace, level) as run, steps("searching") as progress:
        result = search_symbols(query, run, workspace, limit=limit, progress=progress)
    for name in result.unread:
        complain(f"{name}: cannot be read")
    if as_json:
        say_json(_object(query, result))
    else:
        if result.hits:
            say("\n".join(visible(f"{hit.place.file}:{hit.place.line}  {hit.text}") for hit in result.hits))
        shown = "" if result.total == len(result.hits) else f", {len(result.hits):,} of them shown"
        found = plural(result.total, "hit")
        complain(
            f"{found} in {plural(result.files, 'file')}{shown}; skeleton, {plural(result.bytes_read, 'byte')} read"
        )
    return CLEAN if result.total else FOUND


def _object(query: str, result: SearchResult) -> dict[str, object]:
    return {
        "query": query,
        "hits": [hit.as_dict() for hit in result.hits],
        "total": result.total,
        "files": result.files,
        "unread": list(result.unread),
        "bytes_read": result.bytes_read,
        "disclosure_mode": "skeleton",
    }
