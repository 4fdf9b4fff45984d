"""``pytest-telemetry check``: holds event logs to the promises of good telemetry (layer 7)."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from pytest_telemetry.checks.lsp_server import POLICIES, Policy
from pytest_telemetry.cli.group import CLEAN, FOUND, UNUSABLE, complain, say, standard_input
from pytest_telemetry.cli.printing import say_json
from pytest_telemetry.cli.progress import progress
from pytest_telemetry.cli.terminal import judged_text
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.finding import LEVELS
from pytest_telemetry.model.mapping import MAPPED, LineMapping
from pytest_telemetry.model.stats import METHODS, Method
from pytest_telemetry.reports.sarif import Judged, sarif_log
from pytest_telemetry.reports.text import totals_text
from pytest_telemetry.run_files import read_object
from pytest_telemetry.scan import CHECK_IDS, ScanResult, scan, scan_stream, standard_checks
from pytest_telemetry.sources import find_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.model.protocols import Check

__all__ = ("command",)

_FORMS = ("text", "json", "sarif")


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
@click.option(
    "--map",
    "mappings",
    multiple=True,
    metavar="FIELD=KEY,...",
    help="How lines of another shape are read: name=event,duration_ms=elapsed; may be repeated. "
    f"Fields: {', '.join(MAPPED)}.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    default=None,
    help="Print text (the default), one JSON object, or one SARIF 2.1.0 log for code hosts.",
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
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
    mappings: tuple[str, ...],
    form: str | None,
    as_json: bool,
) -> int:
    """Hold event logs to the promises of good telemetry.

    FILE is a log with one JSON object a line, in our own format, an older one or any other (--map), an export of
    OpenTelemetry as JSON, a database, or the directory of a run; - is standard input.
    """
    if as_json and form not in {None, "json"}:
        raise UnusableInput(f"--json and --format {form} exclude each other")
    form = "json" if as_json else form or "text"
    mapping = _mapping(mappings)
    figures = None if summary is None else read_object(Path(summary))
    try:
        checks = _chosen(
            standard_checks(summary=figures, method=method, policy=policy, mapping=mapping), only, skip
        )
    except ValueError as error:
        raise UnusableInput(f"{summary}: {error}") from error
    results: list[ScanResult] = []
    judged: list[Judged] = []
    for file in files:
        try:
            result = _scan(file, checks, mapping, allow_empty=allow_empty)
        except UnusableInput as error:
            complain(str(error))
            judged.append(Judged(file, None, str(error)))
            continue
        results.append(result)
        judged.append(Judged(result.file if os.path.isdir(file) else file, result.findings))  # noqa: PTH112 - a name may hold anything
        if form == "text":
            _print_text(result, first=len(results) == 1)
    unusable = [one for one in judged if one.findings is None]
    if form == "json":
        reasons = [{"file": one.file, "reason": one.problem} for one in unusable]
        say_json({"files": [result.as_dict() for result in results], "unusable": reasons})
    elif form == "sarif":
        ids = [check.id for check in checks]
        say_json(sarif_log(judged, checks=ids, version=version("pytest-telemetry"), uri_of=_uri_of))
    elif results:
        say("\n" + totals_text([finding for result in results for finding in result.findings]))
    return UNUSABLE if unusable else _exit_code(results, fail_on)


def _mapping(texts: Sequence[str]) -> LineMapping | None:
    if not texts:
        return None
    try:
        return LineMapping.parse(texts)
    except ValueError as error:
        raise UnusableInput(f"--map: {error}") from error


def _uri_of(file: str) -> str | None:
    """Return the URI of a file: relative to the working directory where it lies below it; None for `-`."""
    if file == "-":
        return None
    path = os.path.relpath(file) if os.path.isabs(file) else os.path.normpath(file)  # noqa: PTH117 - as it was given
    return quote(os.fsencode(path.replace(os.sep, "/")))


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


def _scan(
    file: str, checks: Sequence[Check], mapping: LineMapping | None, *, allow_empty: bool
) -> ScanResult:
    if file == "-":
        return scan_stream(
            standard_input(), "standard input", checks, mapping=mapping, allow_empty=allow_empty
        )
    log = os.fspath(find_log(file)) if os.path.isdir(file) else file  # noqa: PTH112 - as it was given
    with progress(log) as tell:
        return scan(log, checks, mapping=mapping, allow_empty=allow_empty, progress=tell)


def _print_text(result: ScanResult, *, first: bool) -> None:
    text = judged_text(result)
    say(text if first else f"\n{text}", colour=True)


def _exit_code(results: Sequence[ScanResult], fail_on: str) -> int:
    if fail_on == "never":
        return CLEAN
    least = LEVELS.index(fail_on)
    levels = (LEVELS.index(finding.level) for result in results for finding in result.findings)
    return FOUND if any(level >= least for level in levels) else CLEAN
