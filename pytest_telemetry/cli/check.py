"""``pytest-telemetry check``: holds event logs to the promises of good telemetry (layer 7)."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_telemetry.checks.lsp_server import POLICIES, Policy
from pytest_telemetry.cli.group import CLEAN, FOUND, UNUSABLE, complain, say
from pytest_telemetry.cli.progress import progress
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.finding import LEVELS
from pytest_telemetry.model.stats import METHODS, Method
from pytest_telemetry.reports.text import file_text, totals_text
from pytest_telemetry.run_files import read_object
from pytest_telemetry.scan import CHECK_IDS, ScanResult, scan, scan_stream, standard_checks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.model.protocols import Check

__all__ = ("command",)


@click.command(
    name="check",
    epilog=f"Checks: {', '.join(CHECK_IDS)} (the last one with --summary only). "
    "Exit code: 0 nothing found, 1 findings, 2 input that cannot be used.",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--only", multiple=True, metavar="CHECK", help="Run this check only; may be repeated, or a,b,c."
)
@click.option(
    "--skip", multiple=True, metavar="CHECK", help="Leave this check out; may be repeated, or a,b,c."
)
@click.option(
    "--summary",
    metavar="FILE",
    help="A summary, like last_run.json: compute its figures again from the events (check percentiles).",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="linear",
    show_default=True,
    help="How the percentiles of the summary are computed.",
)
@click.option(
    "--policy",
    type=click.Choice(POLICIES),
    default="diagnostics-or-definition",
    show_default=True,
    help="What makes a language server READY (check lsp-ready-order).",
)
@click.option(
    "--fail-on",
    type=click.Choice([*LEVELS, "never"]),
    default="warning",
    show_default=True,
    help="The lowest level of finding for which the exit code is 1.",
)
@click.option("--allow-empty", is_flag=True, help="Accept a log without events.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(
    *,
    files: tuple[str, ...],
    only: tuple[str, ...],
    skip: tuple[str, ...],
    summary: str | None,
    method: Method,
    policy: Policy,
    fail_on: str,
    allow_empty: bool,
    as_json: bool,
) -> int:
    """Hold event logs to the promises of good telemetry.

    FILE is a log with one JSON object a line, in our own format or an older one; - is standard input.
    """
    figures = None if summary is None else read_object(Path(summary))
    try:
        checks = _chosen(standard_checks(summary=figures, method=method, policy=policy), only, skip)
    except ValueError as error:
        raise UnusableInput(f"{summary}: {error}") from error
    results: list[ScanResult] = []
    unusable: list[dict[str, str]] = []
    for file in files:
        try:
            result = _scan(file, checks, allow_empty=allow_empty)
        except UnusableInput as error:
            complain(str(error))
            unusable.append({"file": file, "reason": str(error)})
            continue
        results.append(result)
        if not as_json:
            _print_text(result, first=len(results) == 1)
    if as_json:
        _print_json({"files": [result.as_dict() for result in results], "unusable": unusable})
    elif results:
        say("\n" + totals_text([finding for result in results for finding in result.findings]))
    return UNUSABLE if unusable else _exit_code(results, fail_on)


def _chosen(checks: Sequence[Check], only: Sequence[str], skip: Sequence[str]) -> list[Check]:
    wanted, unwanted = _ids(only), _ids(skip)
    if "percentiles" in wanted and not any(check.id == "percentiles" for check in checks):
        raise UnusableInput("--only percentiles needs --summary FILE, the figures to compute again")
    chosen = [check for check in checks if (not wanted or check.id in wanted) and check.id not in unwanted]
    if not chosen:
        raise UnusableInput("--only and --skip leave no check to run")
    return chosen


def _ids(texts: Sequence[str]) -> set[str]:
    ids = {part.strip() for text in texts for part in text.rstrip(", ").split(",")}
    unknown = sorted(ids - set(CHECK_IDS))
    if unknown:
        raise UnusableInput(f"unknown check {unknown[0]!r}: use one of {', '.join(CHECK_IDS)}")
    return ids


def _scan(file: str, checks: Sequence[Check], *, allow_empty: bool) -> ScanResult:
    if file == "-":
        return scan_stream(sys.stdin.buffer, "standard input", checks, allow_empty=allow_empty)
    with progress(file) as tell:
        return scan(file, checks, allow_empty=allow_empty, progress=tell)


def _print_text(result: ScanResult, *, first: bool) -> None:
    text = file_text(
        result.file,
        result.findings,
        events=result.events,
        malformed=result.malformed,
        blank=result.blank,
        paint=_paint if _in_colour() else lambda word, _: word,
        width=shutil.get_terminal_size().columns if _on_terminal() else None,
    )
    say(text if first else f"\n{text}", colour=True)


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()  # None where whoever started us closed it


def _in_colour() -> bool:
    return _on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _paint(word: str, level: str) -> str:
    return click.style(word, fg={"error": "red", "warning": "yellow"}.get(level, "cyan"), bold=True)


def _print_json(value: Any) -> None:
    """Print one object, in ASCII, so that it survives every terminal and pipe."""
    say(json.dumps(value, indent=2))


def _exit_code(results: Sequence[ScanResult], fail_on: str) -> int:
    if fail_on == "never":
        return CLEAN
    least = LEVELS.index(fail_on)
    levels = (LEVELS.index(finding.level) for result in results for finding in result.findings)
    return FOUND if any(level >= least for level in levels) else CLEAN
