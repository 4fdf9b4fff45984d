"""Findings as SARIF 2.1.0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_telemetry.model.finding import Example, Finding
from pytest_telemetry.reports.sarif import RULES, Judged, sarif_log
from pytest_telemetry.scan import CHECK_IDS

jsonschema = pytest.importorskip("jsonschema")

PATHS = Finding(
    "relative-paths",
    "absolute paths in 2 of 3 events",
    2,
    by_field={"args.file": 2},
    examples=(
        Example("load: args.file = '/a/b'", 7, {"field": "args.file"}, "logs/events.000001.jsonl"),
        Example("load: args.file = '/a/c'", 3),
    ),
)
RUN = Finding(
    "run-id", "no run id in 1 of 3 events", 1, "warning", examples=(Example("load has no run id", 2),)
)
FIGURES = Finding("percentiles", "the summary leaves out 1 command", 1, "info")

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
URI = {
    "type": "object",
    "required": ["uri"],
    "additionalProperties": False,
    # a relative reference, as RFC 3986 has it: no scheme, no blank, nothing that is not ASCII
    "properties": {
        "uri": {"type": "string", "pattern": r"^(?!/)(?:[A-Za-z0-9._~/()!$&'*+,;=@-]|%[0-9A-F]{2})+$"}
    },
}
LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "message": TEXT,
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": URI,
                "region": {
                    "type": "object",
                    "required": ["startLine"],
                    "additionalProperties": False,
                    "properties": {"startLine": {"type": "integer", "minimum": 1}},
                },
            },
        },
    },
}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "help"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string", "pattern": "^[A-Za-z0-9]+$"},
        "shortDescription": TEXT,
        "fullDescription": TEXT,
        "help": TEXT,
    },
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": TEXT,
        "locations": {"type": "array", "items": LOCATION},
        "relatedLocations": {"type": "array", "uniqueItems": True, "items": LOCATION},
        "occurrenceCount": {"type": "integer", "minimum": 1},
        "properties": {"type": "object"},
    },
}
NOTIFICATION = {
    "type": "object",
    "required": ["message"],
    "additionalProperties": False,
    "properties": {"level": LEVEL, "message": TEXT, "locations": {"type": "array", "items": LOCATION}},
}
LOG = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "version", "rules"],
                                "properties": {
                                    "rules": {"type": "array", "uniqueItems": True, "items": RULE},
                                },
                            }
                        },
                    },
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "additionalProperties": False,
                            "properties": {
                                "executionSuccessful": {"type": "boolean"},
                                "toolExecutionNotifications": {"type": "array", "items": NOTIFICATION},
                            },
                        },
                    },
                    "artifacts": {
                        "type": "array",
                        "uniqueItems": True,
                        "items": {
                            "type": "object",
                            "required": ["location"],
                            "additionalProperties": False,
                            "properties": {
                                "location": URI,
                                "roles": {"type": "array", "items": {"const": "analysisTarget"}},
                            },
                        },
                    },
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}
"""What SARIF 2.1.0, and code hosts beyond it, ask of the parts that we write; anything else is refused."""


def required(log: dict[str, Any]) -> dict[str, Any]:
    """Return the run of *log*, which is as SARIF wants it."""
    jsonschema.Draft202012Validator(LOG).validate(json.loads(json.dumps(log)))
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    return dict(run)


def log_of(*judged: Judged, checks: tuple[str, ...] = CHECK_IDS) -> dict[str, Any]:
    return sarif_log(judged, checks=checks, version="1.0", uri_of=lambda file: None if file == "-" else file)


def test_each_finding_is_a_result_where_its_first_example_stands() -> None:
    """In the file of that line; the other examples are related."""
    run = required(log_of(Judged("logs/events.jsonl", [PATHS])))

    assert run["results"] == [
        {
            "ruleId": "relative-paths",
            "ruleIndex": CHECK_IDS.index("relative-paths"),
            "level": "error",
            "message": {"text": "absolute paths in 2 of 3 events"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "logs/events.000001.jsonl"},
                        "region": {"startLine": 7},
                    },
                    "message": {"text": "load: args.file = '/a/b'"},
                }
            ],
            "occurrenceCount": 2,
            "relatedLocations": [
                {
                    "id": 1,
                    "physicalLocation": {
                        "artifactLocation": {"uri": "logs/events.jsonl"},
                        "region": {"startLine": 3},
                    },
                    "message": {"text": "load: args.file = '/a/c'"},
                }
            ],
            "properties": {"by_field": {"args.file": 2}},
        }
    ]


def test_levels_are_those_of_sarif() -> None:
    """What is info here is a note there."""
    run = required(log_of(Judged("a", [PATHS, RUN, FIGURES])))

    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]


def test_every_file_is_an_artifact_and_a_clean_one_has_no_result() -> None:
    """Several files are one run."""
    run = required(
        log_of(Judged("a", [RUN]), Judged("clean", []), Judged("b", [RUN, PATHS]), Judged("a", [RUN]))
    )

    places = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]
    ]
    assert places == ["a", "b", "logs/events.000001.jsonl", "a"]
    assert [artifact["location"]["uri"] for artifact in run["artifacts"]] == ["a", "clean", "b"]
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_nothing_found_is_a_run_without_results() -> None:
    """Which tells a code host that what was there is dealt with."""
    assert required(log_of(Judged("a", [])))["results"] == []


def test_a_file_that_could_not_be_judged_is_a_notification() -> None:
    """The run was no success, and has no result of it."""
    run = required(log_of(Judged("gone", None, "gone: No such file or directory"), Judged("a", [RUN])))

    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"] == [
        {
            "level": "error",
            "message": {"text": "gone: No such file or directory"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "gone"}}}],
        }
    ]
    assert len(run["results"]) == 1


def test_what_has_no_file_is_placed_by_its_text() -> None:
    """Standard input has lines, and no URI."""
    (result,) = required(log_of(Judged("-", [RUN])))["results"]

    assert result["locations"] == [{"message": {"text": "line 2: load has no run id"}}]


def test_a_finding_without_a_place_is_one_of_its_file() -> None:
    """A figure comes from all lines together."""
    (result,) = required(log_of(Judged("a", [FIGURES])))["results"]

    assert result["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "a"}}}]


def test_every_check_has_a_rule_of_its_own() -> None:
    """With what it says and what to do; a check of your own has its id."""
    run = required(log_of(Judged("a", [Finding("short-names", "too long", 3)])))

    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert [*rules] == [*CHECK_IDS, "short-names"]
    assert rules["no-secrets"]["name"] == "NoSecrets"
    assert rules["short-names"]["shortDescription"] == {"text": "short-names"}
    assert set(CHECK_IDS) <= RULES.keys()
