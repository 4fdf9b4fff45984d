"""What a configuration asks to be masked is masked wherever an attribute of that name may stand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import JsonlStore, Record, Telemetry
from pytest_telemetry.processors.masking import MaskedFields

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry.runs import Level
    from pytest_telemetry.sinks.jsonl import Dialect

MARK = "[REDACTED:field]"


def masked(attrs: dict[Any, Any], *names: str) -> dict[Any, Any]:
    return MaskedFields(names)(Record("event", "a", "a", 1, attrs=attrs)).attrs


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("query", ["query", "args.query", "result.query", "extra.query", "db.query"]),
        ("args.query", ["args.query", "extra.args.query"]),
        ("model", ["model", "args.model", "gen_ai.request.model"]),
        ("request.model", ["gen_ai.request.model"]),
        ("password", ["args.password"]),
        ("a.", ["a.", "args.a."]),
    ],
)
def test_a_name_is_masked_alone_and_behind_a_dot(name: str, keys: list[str]) -> None:
    """A dot says what a mapping says: `args.query` is `query` in `args`."""
    assert masked(dict.fromkeys(keys, "why?"), name) == dict.fromkeys(keys, MARK)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("query", "user_query"),
        ("query", "query.text"),
        ("query", "Query"),
        ("query", "args.querying"),
        ("args.query", "result.query"),
        ("args.query", "query"),
        ("args.model", "gen_ai.request.model"),
        ("model", "gen_ai.request_model"),
    ],
)
def test_no_other_key_is_masked(name: str, key: str) -> None:
    """What is asked for may be said as exactly as one likes."""
    attrs = {key: "why?"}

    assert masked(attrs, name) is attrs


def test_a_name_is_masked_at_any_depth() -> None:
    """Whatever the value is, and None stays None."""
    attrs = {"args.nest": [{"query": ("a", 1)}, {"db.query": {"a": 1}, "rows": 2}], "result": {"query": None}}

    assert masked(attrs, "query") == {
        "args.nest": [{"query": MARK}, {"db.query": MARK, "rows": 2}],
        "result": {"query": None},
    }


def test_what_is_no_attribute_is_not_masked() -> None:
    """A record keeps its name, its run and its number, also where attributes are called so."""
    record = Record(
        "metric", "a", "a", 1, value=3, instrument="counter", attrs={"args.name": "Ada"}, run_id="r"
    )

    after = MaskedFields(["name", "value", "run_id"])(record)

    assert (after.name, after.value, after.run_id) == ("a", 3, "r")
    assert after.attrs == {"args.name": MARK}


def test_a_record_without_such_a_key_is_returned_as_it_is() -> None:
    """The same object."""
    record = Record("event", "a", "a", 1, attrs={"rows": 1})

    assert MaskedFields(["query"])(record) is record


@pytest.mark.parametrize("level", ["lite", "full"])
@pytest.mark.parametrize("dialect", ["event", "record"])
@pytest.mark.parametrize("name", ["query", "args.query"])
def test_no_log_of_a_run_holds_what_is_masked(
    tmp_path: Path, level: Level, dialect: Dialect, name: str
) -> None:
    """One level below the arguments and the result, or deeper, in either way to write a line."""
    log = tmp_path / "events.jsonl"
    asked = {"query": "PATIENT NAME"}
    deep = {"nest": {name: "PATIENT NAME"}}
    with Telemetry(
        tmp_path, level, store=JsonlStore(log, dialect=dialect), processors=[MaskedFields([name])]
    ) as telemetry:
        telemetry.event("ctx.search", asked, {"hits": 2}, 1)
        telemetry.event("ctx.search", deep, deep if name == "query" else None)
        telemetry.context.event("ctx.search", **{"args.query": "PATIENT NAME"})
        if name == "query":
            telemetry.event("ctx.search", None, asked, query="PATIENT NAME")

    text = log.read_text(encoding="utf-8")
    first = json.loads(text.splitlines()[0])
    assert "PATIENT" not in text
    assert (first["args"]["query"] if dialect == "event" else first["attrs"]["args.query"]) == MARK
