"""Findings as SARIF 2.1.0, which code hosts show beside the code (layer 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_telemetry.model.finding import Example, Finding

__all__ = ("RULES", "Judged", "sarif_log")

RULES: Final[dict[str, tuple[str, str]]] = {
    "well-formed": (
        "Every line of a log holds a record, and everything in it can be read.",
        (
            "A line that holds none is lost to every reader. Write whole lines, one JSON object each, in UTF-8, "
            "and each key once."
        ),
    ),
    "run-id": (
        "Every record says which run it belongs to.",
        "One that does not cannot be told from those of other runs. Write the id of the run into every event.",
    ),
    "timestamps": (
        "Every record has a readable time with its offset from UTC, and one log writes them in one form.",
        "Write dates with a time and Z or an offset, always with the same number of digits.",
    ),
    "relative-paths": (
        "No string anywhere in a record is or contains an absolute path.",
        (
            "An absolute path names a machine and a person, and makes two runs incomparable. "
            "Record paths relative to the workspace; the processor RelativePaths does it."
        ),
    ),
    "no-secrets": (
        "No text anywhere in a record is or contains a secret or personal data.",
        "Redact before any sink, with the processor Redaction, or do not record it. Withdraw secrets that were logged.",
    ),
    "measured-timing": (
        "Durations were measured: a command does not always take exactly as long.",
        "Measure with time.perf_counter_ns(), and neither write a constant nor clamp what was measured.",
    ),
    "monotonic-timing": (
        "Times fit together as if one monotonic clock had measured them.",
        "Take durations from time.perf_counter_ns(), and derive ends from starts and durations.",
    ),
    "lsp-ready-order": (
        "A language server is spawned, initialized, declared READY, and only then asked.",
        (
            "A client that asks too early gets empty answers that look like real ones. "
            "Wait for READY, and let no time-out stand for it."
        ),
    ),
    "percentiles": (
        "Every figure of a summary can be computed again from the events.",
        "Compute summaries from the log itself, and say by which method.",
    ),
    "latency": (
        "Spans are as many, and as fast, as they should be.",
        "Find out what became slower, or change the limit and say why.",
    ),
}
"""What each check says, and what to do about its findings; for a check of your own, its id says both."""

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {"error": "error", "warning": "warning", "info": "note"}


@dataclass(frozen=True, slots=True)
class Judged:
    """What a report says of one file.

    Attributes:
        file: Its name; what stands in a log that has no file, such as standard input, is placed nowhere.
        findings: What is wrong with it; None where it could not be judged.
        problem: Why it could not be judged.
    """

    file: str
    findings: Sequence[Finding] | None
    problem: str = ""


def sarif_log(
    judged: Iterable[Judged],
    *,
    checks: Iterable[str],
    version: str,
    uri_of: Callable[[str], str | None],
) -> dict[str, Any]:
    """Return the log of one run of ours: a rule for each check, a result for each finding.

    A result is placed where the first example of its finding stands; the others are related locations. A file without
    findings is an artifact like the others, and has no result; one that could not be judged is a notification.

    Args:
        judged: The files, in order.
        checks: Ids of the checks that were run.
        version: Of this package.
        uri_of: Returns the URI of a file, relative to the root of the sources where it lies below it; None for what
            is no file.
    """
    files = list(judged)
    ids = list(dict.fromkeys([*checks, *(finding.check for one in files for finding in one.findings or ())]))
    unusable = [one for one in files if one.findings is None]
    uris = dict.fromkeys(uri for one in files if (uri := uri_of(one.file)) is not None)
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "pytest-telemetry",
                        "version": version,
                        "rules": [_rule(check) for check in ids],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": not unusable,
                        "toolExecutionNotifications": [
                            {
                                "level": "error",
                                "message": {"text": one.problem},
                                "locations": _located(uri_of(one.file), None, None),
                            }
                            for one in unusable
                        ],
                    }
                ],
                "artifacts": [{"location": {"uri": uri}, "roles": ["analysisTarget"]} for uri in uris],
                "results": [
                    _result(finding, one.file, ids.index(finding.check), uri_of)
                    for one in files
                    for finding in one.findings or ()
                ],
            }
        ],
    }


def _rule(check: str) -> dict[str, Any]:
    what, advice = RULES.get(check, (check, check))
    return {
        "id": check,
        "name": "".join(word.capitalize() for word in check.split("-")),
        "shortDescription": {"text": what},
        "fullDescription": {"text": what},
        "help": {"text": advice},
    }


def _result(finding: Finding, file: str, rule: int, uri_of: Callable[[str], str | None]) -> dict[str, Any]:
    first = finding.examples[0] if finding.examples else None
    result: dict[str, Any] = {
        "ruleId": finding.check,
        "ruleIndex": rule,
        "level": _LEVELS[finding.level],
        "message": {"text": finding.message},
        "locations": _located(uri_of(file if first is None else first.file or file), first, None),
        "occurrenceCount": max(finding.count, 1),
    }
    related = [
        location
        for number, example in enumerate(finding.examples[1:], 1)
        for location in _located(uri_of(example.file or file), example, number)
    ]
    if related:
        result["relatedLocations"] = related
    counts = {"by_field": dict(finding.by_field), "by_command": dict(finding.by_command)}
    if any(counts.values()):
        result["properties"] = {name: value for name, value in counts.items() if value}
    return result


def _located(uri: str | None, example: Example | None, number: int | None) -> list[dict[str, Any]]:
    location: dict[str, Any] = {} if number is None else {"id": number}
    line = None if example is None else example.line
    if uri is not None:
        location["physicalLocation"] = {"artifactLocation": {"uri": uri}}
        if line is not None:
            location["physicalLocation"]["region"] = {"startLine": line}
    if example is not None:
        location["message"] = {
            "text": example.text if uri or line is None else f"line {line}: {example.text}"
        }
    return [location] if location else []
